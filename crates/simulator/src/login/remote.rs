//! Logins whose regions run in other processes, as the login service of a grid sees them.

use super::{address, agreed, create, query, refusal};
use crate::calls::PeerTransport as _;
use crate::http::seed;
use crate::metrics::Metrics;
use crate::peering::addresses::Addresses;
use crate::peering::proof::ProcessKey;
use crate::peering::remote::RemotePeers;
use async_trait::async_trait;
use model::{AgentId, RegionId, SessionId};
use services::{LoginAgent, LoginDestination, Prepared, Refusal, RegionInfo};
use std::sync::Arc;
use std::time::Duration;
use transfer::{PeerCall, PeerError, PeerReply};

/// How long a region may take for one answer on the way to an agent; the login tries others after it.
const CREATE: Duration = Duration::from_secs(5);
/// How long a region may take to end a session and to have told the grid.
const END: Duration = Duration::from_secs(4);

/// Puts agents into the regions of other processes.
pub struct RemoteDestination {
    peers: RemotePeers,
    addresses: Addresses,
    metrics: Arc<Metrics>,
}

impl RemoteDestination {
    /// In the name of the grid whose process has this key.
    pub fn new(key: Arc<ProcessKey>, metrics: Arc<Metrics>) -> Self {
        let peers = RemotePeers::new(key, metrics.clone());
        Self { peers, addresses: Addresses::default(), metrics }
    }

    async fn ask(
        &self,
        region: &RegionInfo,
        call: PeerCall,
        patience: Duration,
    ) -> Result<PeerReply, PeerError> {
        // A region of another program ignores what only ours understand.
        let answer = self.peers.begin(RegionId::NULL, &Arc::new(region.clone()), call, true);
        tokio::time::timeout(patience, answer).await.unwrap_or(Err(PeerError::TimedOut))
    }

    async fn prepare(&self, region: &RegionInfo, agent: LoginAgent) -> Result<Prepared, Refusal> {
        let sim_ip = address(&self.addresses, &region.external_host).await?;
        let version = agreed(self.ask(region, query(&agent), CREATE).await)?;
        match self.ask(region, create(agent, version), CREATE).await.map_err(refusal)? {
            PeerReply::Created(created) => Ok(Prepared {
                seed_capability: seed::seed_url(&slashed(&region.server_uri), created.caps),
                sim_ip,
                sim_port: region.udp_port,
            }),
            _ => Err(refusal(PeerError::Garbage("not an answer to CreateAgent".into()))),
        }
    }
}

#[async_trait]
impl LoginDestination for RemoteDestination {
    async fn create_agent(&self, region: &RegionInfo, agent: LoginAgent) -> Result<Prepared, Refusal> {
        let prepared = self.prepare(region, agent).await;
        self.metrics.login(if prepared.is_ok() { "success" } else { "refused_by_region" });
        prepared
    }

    async fn end_session(&self, region: &RegionInfo, agent: AgentId, session: SessionId, reason: &str) {
        let call = PeerCall::EndSession { agent, session, reason: reason.to_owned() };
        if let Err(error) = self.ask(region, call, END).await {
            tracing::info!(%agent, region = region.name, %error, "an old session could not be ended");
        }
    }
}

/// A base URL with its slash, which other grids' tables may lack.
fn slashed(base: &str) -> String {
    format!("{}/", base.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_have_one_slash() {
        assert_eq!(slashed("http://a:1"), "http://a:1/");
        assert_eq!(slashed("http://a:1/"), "http://a:1/");
    }
}
