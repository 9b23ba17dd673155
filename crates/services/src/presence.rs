use crate::Result;
use async_trait::async_trait;
use model::{AgentId, RegionId, SecureSessionId, SessionId};

/// Where a session is. A grid elsewhere tells whose it is and where, and keeps the secrets: asked for by agent, its session
/// is null, and its second secret always is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Presence {
    /// Whose.
    pub agent: AgentId,
    /// Which.
    pub session: SessionId,
    /// Its second secret.
    pub secure_session: SecureSessionId,
    /// The region of its root agent; null until it has arrived in the first.
    pub region: RegionId,
    /// When a simulator last vouched for it, seconds since 1970; 0 where the grid does not tell.
    pub renewed: u64,
}

/// Who is logged in, and where.
#[async_trait]
pub trait PresenceService: Send + Sync {
    /// A session begins; other sessions of the agent end.
    async fn login(&self, agent: AgentId, session: SessionId, secure_session: SecureSessionId) -> Result<()>;

    /// A session ends. Whether it was there.
    async fn logout(&self, session: SessionId) -> Result<bool>;

    /// All sessions located in a region end: the region has just started, or is going. How many, where the grid tells,
    /// else 0.
    async fn logout_region(&self, region: RegionId) -> Result<u64>;

    /// The session's root agent is in this region now; also renews it. Whether there is such a session.
    async fn report(&self, session: SessionId, region: RegionId) -> Result<bool>;

    /// Where a session is.
    async fn by_session(&self, session: SessionId) -> Result<Option<Presence>>;

    /// The sessions of these agents, in the order of agent ids; at most one for each.
    async fn by_agents(&self, agents: &[AgentId]) -> Result<Vec<Presence>>;
}
