//! Logins, as this simulator serves them: the login service asks, the region makes the agent. [`remote`] does the same
//! from another process.

pub(crate) mod remote;

use crate::calls::PeerTransport;
use crate::http::seed;
use crate::metrics::Metrics;
use crate::notices::Notices;
use crate::peering::addresses::Addresses;
use async_trait::async_trait;
use model::{AgentId, RegionId, SessionId};
use services::{LoginAgent, LoginDestination, Prepared, Refusal, RegionInfo};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;
use transfer::{Offer, PeerCall, PeerError, PeerReply, QueryAccess, Version, VersionRange};

/// How long a region may take for one answer.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long the grid may take to hear what it has not heard yet about somebody.
const FLUSH: Duration = Duration::from_secs(2);

/// Puts agents into regions through the same calls that regions make to each other.
#[derive(Clone)]
pub(crate) struct Destination {
    pub(crate) peers: Arc<dyn PeerTransport>,
    pub(crate) notices: Notices,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) addresses: Arc<Addresses>,
}

impl Destination {
    async fn ask(&self, region: &Arc<RegionInfo>, call: PeerCall) -> Result<PeerReply, PeerError> {
        let answer = self.peers.begin(RegionId::NULL, region, call, true);
        tokio::time::timeout(PATIENCE, answer).await.unwrap_or(Err(PeerError::TimedOut))
    }
}

#[async_trait]
impl LoginDestination for Destination {
    async fn create_agent(&self, region: &RegionInfo, agent: LoginAgent) -> Result<Prepared, Refusal> {
        let prepared = self.prepare(Arc::new(region.clone()), agent).await;
        self.metrics.login(if prepared.is_ok() { "success" } else { "refused_by_region" });
        prepared
    }

    async fn end_session(&self, region: &RegionInfo, agent: AgentId, session: SessionId, reason: &str) {
        let call = PeerCall::EndSession { agent, session, reason: reason.to_owned() };
        if let Err(error) = self.ask(&Arc::new(region.clone()), call).await {
            tracing::info!(%agent, region = region.name, %error, "an old session could not be ended");
        }
        // Where it was last is told to the grid behind the region's back; who asks next must find it there.
        self.notices.flush(Some(agent), FLUSH).await;
    }
}

impl Destination {
    async fn prepare(&self, region: Arc<RegionInfo>, agent: LoginAgent) -> Result<Prepared, Refusal> {
        let sim_ip = address(&self.addresses, &region.external_host).await?;
        let version = agreed(self.ask(&region, query(&agent)).await)?;
        match self.ask(&region, create(agent, version)).await.map_err(refusal)? {
            PeerReply::Created(created) => Ok(Prepared {
                seed_capability: seed::seed_url(&region.server_uri, created.caps),
                sim_ip,
                sim_port: region.udp_port,
            }),
            _ => Err(refusal(PeerError::Garbage("not an answer to CreateAgent".into()))),
        }
    }
}

/// May the agent come, and in which version is its simulator told of it?
fn query(agent: &LoginAgent) -> PeerCall {
    PeerCall::QueryAccess(QueryAccess {
        agent: agent.agent,
        session: agent.session,
        position: agent.position,
        via_teleport: true,
        flags: agent.flags,
        offer: Offer::of(VersionRange::ALL),
        tickets: true,
    })
}

fn agreed(answer: Result<PeerReply, PeerError>) -> Result<Version, Refusal> {
    match answer.map_err(refusal)? {
        PeerReply::Access(agreement) => Ok(agreement.outbound),
        _ => Err(refusal(PeerError::Garbage("not an answer to QueryAccess".into()))),
    }
}

/// The login service's call for a new agent.
fn create(agent: LoginAgent, version: Version) -> PeerCall {
    PeerCall::CreateAgent(Box::new(simulation::login(agent, version)))
}

fn refusal(error: PeerError) -> Refusal {
    let reason = match error {
        PeerError::Refused(refusal) => refusal.reason,
        PeerError::TimedOut => "The region does not answer.".to_owned(),
        PeerError::Unreachable(why) | PeerError::Garbage(why) => {
            tracing::warn!(why, "a region could not take a login");
            "The region cannot be reached.".to_owned()
        }
    };
    Refusal { reason }
}

/// Viewers take literal addresses only.
async fn address(addresses: &Addresses, host: &str) -> Result<Ipv4Addr, Refusal> {
    let found = addresses.v4(host).await;
    found.ok_or_else(|| Refusal { reason: "The region's address cannot be found.".into() })
}
