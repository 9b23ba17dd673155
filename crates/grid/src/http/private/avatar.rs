use super::{Answer, PrivateState};
use robust::Form;
use robust::avatar::{Call, WORDING, write_one};

pub(super) async fn answer(state: PrivateState, form: Form) -> Answer {
    let avatars = &state.services.avatars;
    match Call::parse(&form)? {
        Call::Get(agent) => return Ok(write_one(avatars.get(agent).await?.as_ref())),
        Call::Set(agent, data) => avatars.set(agent, &data).await?,
        Call::Reset(agent) => avatars.reset(agent).await?,
        Call::SetEntries(agent, entries) => avatars.set_entries(agent, &entries).await?,
        Call::RemoveEntries(agent, names) => {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            avatars.remove_entries(agent, &names).await?;
        }
    }
    Ok(WORDING.success())
}
