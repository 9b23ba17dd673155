use super::{Answer, PrivateState};
use robust::Form;
use robust::agent_prefs::{self as wire, Call, WORDING};

pub(super) async fn answer(state: PrivateState, form: Form) -> Answer {
    let prefs = &state.services.agent_prefs;
    Ok(match Call::parse(&form)? {
        Call::Get(agent) => wire::prefs(prefs.get(agent).await?.as_ref()),
        Call::Language(agent) => wire::language(&prefs.language(agent).await?),
        Call::Set(new) => {
            prefs.set(&new).await?;
            WORDING.success()
        }
    })
}
