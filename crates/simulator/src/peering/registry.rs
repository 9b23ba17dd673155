//! What the grid says about those who call: which region is where, and whose session is real. Kept for a while, so
//! that a transfer does not wait for the grid if it need not.

use super::addresses::Addresses;
use super::cache::Cache;
use model::{AgentId, RegionHandle, RegionId, SessionId};
use services::{Friend, Presence, RegionInfo, ServiceError, Services};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Regions that are remembered.
const REGIONS: usize = 8192;
/// Regions whose surroundings are remembered.
const AROUND: usize = 256;
/// How far somebody looks, metres.
const SIGHT_M: u32 = 1024;
/// What is older is asked for again.
const FRESH: Duration = Duration::from_secs(60);
/// What is not older is good enough while that is done.
const USABLE: Duration = Duration::from_secs(3600);
/// That a region is not there is believed for so long.
const ABSENT: Duration = Duration::from_secs(2);
/// How long the grid may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Questions to the grid under way: strangers cannot make this process ask more.
const UNDER_WAY: usize = 64;

/// The grid cannot say.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the grid cannot say: {0}")]
pub(crate) struct Silent(String);

type Known = Option<Arc<RegionInfo>>;

/// The grid's word.
pub(crate) struct Registry {
    services: Services,
    pub(crate) addresses: Arc<Addresses>,
    by_id: Cache<RegionId, Known>,
    by_handle: Cache<RegionHandle, Known>,
    /// Addresses that some region's host has turned out to be.
    hosts: Cache<IpAddr, ()>,
    /// Regions around those of this process.
    around: Cache<RegionId, Arc<[RegionInfo]>>,
    room: Semaphore,
}

impl Registry {
    pub(crate) fn new(services: Services, addresses: Arc<Addresses>) -> Self {
        Self {
            services,
            addresses,
            by_id: Cache::new(REGIONS),
            by_handle: Cache::new(REGIONS),
            hosts: Cache::new(REGIONS),
            around: Cache::new(AROUND),
            room: Semaphore::new(UNDER_WAY),
        }
    }

    /// A region as the grid knew it within the hour; asked for again on the side when that was a while ago.
    pub(crate) async fn region(self: &Arc<Self>, id: RegionId) -> Result<Known, Silent> {
        if let Some(Some(known)) = self.by_id.peek(&id, FRESH) {
            return Ok(Some(known));
        }
        if let Some(Some(known)) = self.by_id.peek(&id, USABLE) {
            let registry = self.clone();
            tokio::spawn(async move { registry.region_no_older(id, FRESH).await });
            return Ok(Some(known));
        }
        self.region_no_older(id, ABSENT).await
    }

    /// A region as the grid knew it so long ago at most.
    pub(crate) async fn region_no_older(&self, id: RegionId, age: Duration) -> Result<Known, Silent> {
        let ask = async || self.ask(self.services.grid.by_id(id)).await.map(|found| found.map(Arc::new));
        self.by_id.get(&id, age, ask).await
    }

    /// The region with this corner.
    pub(crate) async fn region_at(&self, handle: RegionHandle) -> Result<Known, Silent> {
        if let Some(Some(known)) = self.by_handle.peek(&handle, FRESH) {
            return Ok(Some(known));
        }
        let ask = async || {
            let found = self.ask(self.services.grid.by_position(handle.x_m(), handle.y_m())).await?;
            Ok(found.map(Arc::new))
        };
        self.by_handle.get(&handle, ABSENT, ask).await
    }

    /// Whether a connection from this address may come from this region's simulator.
    pub(crate) async fn is_at(&self, region: &RegionInfo, address: IpAddr) -> bool {
        let host = super::web::host_of(&region.server_uri);
        // The same simulator may be known to viewers by another name than to its peers.
        let at = self.addresses.is_at(&region.external_host, address).await
            || self.addresses.is_at(&host, address).await;
        if at {
            let noted: Result<(), ()> = self.hosts.get(&address, FRESH, async || Ok(())).await;
            debug_assert!(noted.is_ok());
        }
        at
    }

    /// Whether some region has turned out to be at this address.
    pub(crate) fn is_known_host(&self, address: IpAddr) -> bool {
        self.hosts.peek(&address, USABLE).is_some()
    }

    /// Whether this session is the agent's.
    pub(crate) async fn is_session(&self, agent: AgentId, session: SessionId) -> Result<bool, Silent> {
        Ok(self.session(session).await?.is_some_and(|presence| presence.agent == agent))
    }

    /// Whose a session is, and where.
    pub(crate) async fn session(&self, session: SessionId) -> Result<Option<Presence>, Silent> {
        self.ask(self.services.presence.by_session(session)).await
    }

    /// The regions from which people look into this one.
    pub(crate) async fn around(&self, id: RegionId) -> Result<Arc<[RegionInfo]>, Silent> {
        let Some(region) = self.region_no_older(id, FRESH).await? else { return Ok(Arc::new([])) };
        let ask = async || {
            let (west, south) = (region.handle.x_m(), region.handle.y_m());
            let (east, north) = (west.saturating_add(region.size.x), south.saturating_add(region.size.y));
            let (west, south) = (west.saturating_sub(SIGHT_M), south.saturating_sub(SIGHT_M));
            let (east, north) = (east.saturating_add(SIGHT_M), north.saturating_add(SIGHT_M));
            Ok(self.ask(self.services.grid.range(west, south, east, north)).await?.into())
        };
        self.around.get(&id, FRESH, ask).await
    }

    /// Whom somebody has as friends.
    pub(crate) async fn friends(&self, agent: AgentId) -> Result<Vec<Friend>, Silent> {
        self.ask(self.services.friends.list(agent)).await
    }

    /// Where an agent is.
    pub(crate) async fn presence(&self, agent: AgentId) -> Result<Option<Presence>, Silent> {
        Ok(self.ask(self.services.presence.by_agents(&[agent])).await?.into_iter().next())
    }

    async fn ask<T>(&self, question: impl Future<Output = services::Result<T>>) -> Result<T, Silent> {
        let Ok(_room) = self.room.try_acquire() else {
            return Err(Silent("too many questions are under way".into()));
        };
        let failed = |error: ServiceError| Silent(error.to_string());
        let answer = tokio::time::timeout(PATIENCE, question).await;
        answer.map_err(|_| Silent("no answer in time".into()))?.map_err(failed)
    }
}
