use super::{Answer, PrivateState};
use robust::Form;
use robust::presence::{Call, Located, WORDING, write_many, write_one};
use services::Presence;

/// `/sojourn/presence`.
pub(super) async fn renew(state: PrivateState, form: Form) -> Answer {
    let renewal = robust::lease::parse(&form)?;
    Ok(robust::lease::write(&state.services.presence.renew(&renewal.held).await?, renewal.tell))
}

pub(super) async fn answer(state: PrivateState, form: Form) -> Answer {
    let presence = &state.services.presence;
    let located = |presence: Presence| Located { agent: presence.agent, region: presence.region };
    Ok(match Call::parse(&form)? {
        Call::Login { agent, session, secure_session } => {
            presence.login(agent, session, secure_session.unwrap_or_default()).await?;
            WORDING.success()
        }
        Call::Logout(session) => WORDING.done(presence.logout(session).await?),
        Call::LogoutRegion(region) => {
            presence.logout_region(region).await?;
            WORDING.success()
        }
        Call::Report { session, region, lease } => WORDING.done(match lease {
            true => presence.hold(session, region).await?,
            false => presence.report(session, region).await?,
        }),
        Call::BySession(session) => write_one(presence.by_session(session).await?.map(located)),
        Call::ByAgents(agents) => write_many(presence.by_agents(&agents).await?.into_iter().map(located)),
    })
}
