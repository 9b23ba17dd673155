use super::{Answer, PrivateState};
use robust::Form;
use robust::grid_user::{Call, WORDING, write_many, write_one};

/// People of other grids are known by their ids alone.
pub(super) async fn answer(state: PrivateState, form: Form) -> Answer {
    let users = &state.services.grid_users;
    match Call::parse(&form)? {
        Call::LoggedIn(user) => return Ok(write_one(Some(&users.logged_in(user.id).await?))),
        Call::Get(user) => return Ok(write_one(users.get(user.id).await?.as_ref())),
        Call::GetMany(wanted) => {
            let ids: Vec<_> = wanted.iter().map(|user| user.id).collect();
            return Ok(write_many(&users.get_many(&ids).await?));
        }
        Call::LoggedOut(user, place) => users.logged_out(user.id, place).await?,
        Call::SetHome(user, place) => users.set_home(user.id, place).await?,
        Call::SetPosition(user, place) => users.set_last_position(user.id, place).await?,
    }
    Ok(WORDING.success())
}
