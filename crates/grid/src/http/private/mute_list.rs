use super::{Answer, PrivateState};
use robust::Form;
use robust::mute_list::{self as wire, Call, WORDING};

pub(super) async fn answer(state: PrivateState, form: Form) -> Answer {
    let mutes = &state.services.mutes;
    Ok(match Call::parse(&form)? {
        Call::Get { agent, crc } => wire::list(&mutes.list(agent).await?, crc),
        Call::Update { agent, mute } => {
            mutes.update(agent, &mute).await?;
            WORDING.success()
        }
        Call::Delete { agent, id, name } => WORDING.done(mutes.delete(agent, id, &name).await?),
    })
}
