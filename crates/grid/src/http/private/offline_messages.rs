use super::{Answer, PrivateState};
use robust::Form;
use robust::offline_messages::{self as wire, Call, WORDING};

pub(super) async fn answer(state: PrivateState, form: Form) -> Answer {
    let messages = &state.services.offline_messages;
    Ok(match Call::parse(&form)? {
        Call::Keep { to, message } => {
            messages.keep(to, &message).await?;
            WORDING.success()
        }
        Call::Waiting(agent) => wire::mailbox(&messages.waiting(agent).await?),
        Call::Heard { agent, mark } => {
            messages.heard(agent, mark).await?;
            WORDING.success()
        }
    })
}
