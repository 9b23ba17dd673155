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

/// What a grid says to a renewal of sessions.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Renewed {
    /// Those that it does not know.
    pub unknown: Vec<SessionId>,
    /// Those that it believes to be in another region. Whoever truly has the agent has to [hold](PresenceService::hold)
    /// it anew: the word of a region that it has left came last.
    pub elsewhere: Vec<SessionId>,
}

/// Who is logged in, and where.
///
/// A session is kept as its simulator wishes. One that only [reports](Self::report), as those of OpenSimulator do, has
/// it kept until it is logged out. One that [holds](Self::hold) it gives it a lease, and has to
/// [renew](Self::renew) it: the grid ends what is not renewed. A session that never arrives anywhere ends as well.
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

    /// As [`report`](Self::report), by a simulator that is going to renew it: from now on the session has a lease.
    /// Whether there is such a session.
    async fn hold(&self, session: SessionId, region: RegionId) -> Result<bool>;

    /// The root agents of these sessions are still in these regions: their leases begin anew, unless they were
    /// reported from another region since; the null region renews nothing. Those that the grid does not know come
    /// back, and those that it believes elsewhere; a grid without leases knows them all.
    async fn renew(&self, held: &[(SessionId, RegionId)]) -> Result<Renewed>;

    /// The session's agent waits in this region, where it has yet to arrive. For logins.
    async fn expect(&self, session: SessionId, region: RegionId) -> Result<()>;

    /// Where a session is.
    async fn by_session(&self, session: SessionId) -> Result<Option<Presence>>;

    /// The sessions of these agents, in the order of agent ids; at most one for each.
    async fn by_agents(&self, agents: &[AgentId]) -> Result<Vec<Presence>>;
}
