use crate::client::{ANSWER_BYTES, Client, FORM, not_from_here, understood};
use async_trait::async_trait;
use model::{AgentId, RegionId, SecureSessionId, SessionId};
use robust::presence::{Call, Located, WORDING, read_many, read_one};
use robust::{Tree, lease};
use services::{Presence, PresenceService, Renewed, Result};
use std::sync::Arc;

const PATH: &str = "/presence";
/// Ids in one question.
const IDS: usize = 1024;

/// Who is logged in, from `/presence` of a grid.
#[derive(Clone, Debug)]
pub struct HttpPresence {
    client: Arc<Client>,
}

impl HttpPresence {
    /// Asks through this client.
    pub fn new(client: Arc<Client>) -> Self {
        Self { client }
    }

    async fn done(&self, call: Call) -> Result<bool> {
        self.client.ask(PATH, call.to_form(), |answer| WORDING.read_done(answer)).await
    }
}

/// The wire tells no secrets.
fn presence(located: Located, session: SessionId) -> Presence {
    Presence {
        agent: located.agent,
        session,
        secure_session: SecureSessionId::NULL,
        region: located.region,
        renewed: 0,
    }
}

#[async_trait]
impl PresenceService for HttpPresence {
    async fn login(&self, agent: AgentId, session: SessionId, secure_session: SecureSessionId) -> Result<()> {
        let call = Call::Login { agent, session, secure_session: Some(secure_session) };
        self.client.ask(PATH, call.to_form(), |answer| WORDING.read(answer)).await
    }

    async fn logout(&self, session: SessionId) -> Result<bool> {
        self.done(Call::Logout(session)).await
    }

    async fn logout_region(&self, region: RegionId) -> Result<u64> {
        let form = Call::LogoutRegion(region).to_form();
        self.client.ask(PATH, form, |answer| WORDING.read(answer)).await?;
        Ok(0)
    }

    async fn report(&self, session: SessionId, region: RegionId) -> Result<bool> {
        self.done(Call::Report { session, region, lease: false }).await
    }

    async fn hold(&self, session: SessionId, region: RegionId) -> Result<bool> {
        self.done(Call::Report { session, region, lease: true }).await
    }

    async fn renew(&self, held: &[(SessionId, RegionId)]) -> Result<Renewed> {
        let mut renewed = Renewed::default();
        for held in held.chunks(IDS) {
            let body = lease::to_form(held).write();
            // Grids of others have no leases: they say nothing here, or what they say to anything unknown.
            let answer = self.client.post(lease::PATH, FORM, body, ANSWER_BYTES).await?;
            let Some(Ok(answer)) = answer.map(|answer| Tree::parse(&answer)) else {
                return Ok(Renewed::default());
            };
            let part = understood(lease::read(&answer))?;
            renewed.unknown.extend(part.unknown);
            renewed.elsewhere.extend(part.elsewhere);
        }
        Ok(renewed)
    }

    async fn expect(&self, _: SessionId, _: RegionId) -> Result<()> {
        not_from_here("logins are made")
    }

    async fn by_session(&self, session: SessionId) -> Result<Option<Presence>> {
        let found = self.client.ask(PATH, Call::BySession(session).to_form(), read_one).await?;
        Ok(found.map(|located| presence(located, session)))
    }

    async fn by_agents(&self, agents: &[AgentId]) -> Result<Vec<Presence>> {
        let mut found = Vec::new();
        for agents in agents.chunks(IDS) {
            found.extend(self.client.ask(PATH, Call::ByAgents(agents.to_vec()).to_form(), read_many).await?);
        }
        found.sort_by_key(|located| located.agent);
        found.dedup_by_key(|located| located.agent);
        Ok(found.into_iter().map(|located| presence(located, SessionId::NULL)).collect())
    }
}
