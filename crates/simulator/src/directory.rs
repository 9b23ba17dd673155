//! Who is where in this process: regions and their inboxes, capability secrets and whose they are.
//!
//! HTTP handlers, the login and calls between regions hold this and nothing else of a region. Region tasks write
//! it when they start and when capabilities open and close; everybody else reads.

use crate::http::budget::Share;
use model::{AgentId, AssetId, CapsSecret, RegionHandle, RegionId, SessionId};
use region::{OperatorCommand, SessionView, Stats, Waiter};
use services::RegionInfo;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use transfer::{PeerCall, PeerError, PeerReply, Refusal};

/// Requests that may wait for one region. Full means that the region is overloaded: callers are told so.
pub(crate) const INBOX: usize = 1024;

/// What reaches a region other than by datagram.
#[derive(Debug)]
pub(crate) enum Request {
    /// A peer or the login service asks.
    Peer {
        call: Box<PeerCall>,
        answer: oneshot::Sender<Result<PeerReply, Refusal>>,
        /// What the call holds of a budget while it waits, if it came from another process.
        share: Option<Share>,
    },
    /// A viewer polls its event queue. `None` as the answer: the queue is gone.
    Poll {
        caps: CapsSecret,
        ack: Option<i32>,
        done: bool,
        waiter: Waiter,
        from: IpAddr,
        answer: oneshot::Sender<Option<String>>,
    },
    /// The HTTP client of a waiting poll has gone.
    PollBroken { caps: CapsSecret, waiter: Waiter },
    /// A viewer fetched its capabilities.
    SeedFetched { caps: CapsSecret, from: IpAddr },
    /// The grid has heard of an arrival.
    Reported { agent: AgentId, visit: u64 },
    /// A texture was asked for that is nowhere.
    TextureMissing(AssetId),
    /// The operator wishes something.
    Operator(OperatorCommand),
    /// Somebody wants to know how the region stands.
    Stats(oneshot::Sender<Stats>),
    /// Somebody wants to know who is there.
    Sessions(oneshot::Sender<Vec<SessionView>>),
    /// A test wants to see what becomes of a region that breaks down.
    #[cfg(test)]
    BreakDown,
}

/// Why a request did not reach a region.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Undelivered {
    /// No region of that id runs here.
    #[error("no such region in this process")]
    Unknown,
    /// It has more requests waiting than it may have.
    #[error("the region is overloaded")]
    Overloaded,
}

impl From<Undelivered> for PeerError {
    fn from(why: Undelivered) -> Self {
        PeerError::Unreachable(why.to_string())
    }
}

/// A region of this process as the others see it.
#[derive(Clone, Debug)]
pub(crate) struct RegionEntry {
    pub(crate) info: Arc<RegionInfo>,
    pub(crate) inbox: mpsc::Sender<Request>,
}

/// What a capability secret opens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CapsEntry {
    /// Whose.
    pub agent: AgentId,
    /// Of which login.
    pub session: SessionId,
    /// In which region.
    pub region: RegionId,
}

/// The directory of one process.
#[derive(Debug, Default)]
pub struct Directory {
    regions: RwLock<BTreeMap<RegionId, RegionEntry>>,
    /// Only looked up, save when a region ends.
    caps: RwLock<HashMap<CapsSecret, CapsEntry>>,
    waiters: AtomicU64,
}

impl Directory {
    /// Enters a region, or gives it a new inbox.
    pub(crate) fn add(&self, info: Arc<RegionInfo>, inbox: mpsc::Sender<Request>) {
        write(&self.regions).insert(info.id, RegionEntry { info, inbox });
    }

    /// Strikes a region out, with all capabilities in it; those are returned.
    pub(crate) fn remove(&self, region: RegionId) -> Vec<CapsEntry> {
        write(&self.regions).remove(&region);
        let mut gone = Vec::new();
        write(&self.caps).retain(|_, entry| {
            let stays = entry.region != region;
            if !stays {
                gone.push(*entry);
            }
            stays
        });
        gone.sort_by_key(|entry| entry.agent);
        gone
    }

    /// The regions of this process, by id.
    pub fn regions(&self) -> Vec<Arc<RegionInfo>> {
        read(&self.regions).values().map(|entry| entry.info.clone()).collect()
    }

    /// One of them.
    pub fn region(&self, id: RegionId) -> Option<Arc<RegionInfo>> {
        read(&self.regions).get(&id).map(|entry| entry.info.clone())
    }

    /// The region whose ground begins there.
    pub(crate) fn region_at(&self, handle: RegionHandle) -> Option<RegionId> {
        let regions = read(&self.regions);
        regions.values().find(|entry| entry.info.handle == handle).map(|entry| entry.info.id)
    }

    /// The regions in which an agent has capabilities: where it is root, and where it looks in.
    pub(crate) fn regions_of(&self, agent: AgentId) -> Vec<RegionId> {
        let caps = read(&self.caps);
        let regions: BTreeSet<_> =
            caps.values().filter(|entry| entry.agent == agent).map(|entry| entry.region).collect();
        regions.into_iter().collect()
    }

    /// Whether some region has this session of this agent.
    pub(crate) fn knows(&self, agent: AgentId, session: SessionId) -> bool {
        read(&self.caps).values().any(|entry| entry.agent == agent && entry.session == session)
    }

    /// From now on this secret opens capabilities.
    pub(crate) fn open_caps(&self, secret: CapsSecret, entry: CapsEntry) {
        write(&self.caps).insert(secret, entry);
    }

    /// From now on it opens nothing. A secret that another region has taken over stays.
    pub(crate) fn close_caps(&self, secret: CapsSecret, region: RegionId) {
        let mut caps = write(&self.caps);
        if caps.get(&secret).is_some_and(|entry| entry.region == region) {
            caps.remove(&secret);
        }
    }

    /// What a secret opens.
    pub fn caps(&self, secret: CapsSecret) -> Option<CapsEntry> {
        read(&self.caps).get(&secret).copied()
    }

    /// The sessions that have capabilities.
    pub(crate) fn sessions(&self) -> BTreeSet<SessionId> {
        read(&self.caps).values().map(|entry| entry.session).collect()
    }

    /// How many secrets open something.
    pub fn caps_open(&self) -> usize {
        read(&self.caps).len()
    }

    /// A number for somebody who is going to wait.
    pub(crate) fn new_waiter(&self) -> Waiter {
        Waiter(self.waiters.fetch_add(1, Ordering::Relaxed))
    }

    /// Puts a request into a region's inbox. Requests from one caller arrive in their order.
    pub(crate) fn send(&self, region: RegionId, request: Request) -> Result<(), Undelivered> {
        let regions = read(&self.regions);
        let entry = regions.get(&region).ok_or(Undelivered::Unknown)?;
        entry.inbox.try_send(request).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Undelivered::Overloaded,
            mpsc::error::TrySendError::Closed(_) => Undelivered::Unknown,
        })
    }

    /// How each region stands. Regions that do not answer in time are left out.
    pub async fn stats(&self, patience: std::time::Duration) -> Vec<(Arc<RegionInfo>, Stats)> {
        self.ask_all(patience, Request::Stats).await
    }

    /// How many requests wait for a region.
    pub(crate) fn waiting(&self, region: RegionId) -> usize {
        let regions = read(&self.regions);
        regions.get(&region).map_or(0, |entry| entry.inbox.max_capacity() - entry.inbox.capacity())
    }

    /// Who is in each region. Regions that do not answer in time are left out.
    pub(crate) async fn sessions_in(
        &self,
        patience: std::time::Duration,
    ) -> Vec<(Arc<RegionInfo>, Vec<SessionView>)> {
        self.ask_all(patience, Request::Sessions).await
    }

    async fn ask_all<T>(
        &self,
        patience: std::time::Duration,
        question: impl Fn(oneshot::Sender<T>) -> Request,
    ) -> Vec<(Arc<RegionInfo>, T)> {
        let asked: Vec<_> = read(&self.regions)
            .values()
            .filter_map(|entry| {
                let (answer, answered) = oneshot::channel();
                entry.inbox.try_send(question(answer)).ok()?;
                Some((entry.info.clone(), answered))
            })
            .collect();
        let deadline = tokio::time::Instant::now() + patience;
        let mut all = Vec::with_capacity(asked.len());
        for (info, answered) in asked {
            if let Ok(Ok(answer)) = tokio::time::timeout_at(deadline, answered).await {
                all.push((info, answer));
            }
        }
        all
    }

    /// Asks all regions the same at once, and waits for room in their inboxes, so long. How many take nothing.
    pub(crate) async fn insist(&self, command: &OperatorCommand, patience: std::time::Duration) -> usize {
        let mut asking = JoinSet::new();
        for inbox in read(&self.regions).values().map(|entry| entry.inbox.clone()) {
            let request = Request::Operator(command.clone());
            asking.spawn(async move { tokio::time::timeout(patience, inbox.send(request)).await.is_err() });
        }
        asking.join_all().await.into_iter().filter(|silent| *silent).count()
    }

    /// Asks all regions the same; how many were reached.
    pub fn command(&self, command: &OperatorCommand) -> usize {
        let reached = |entry: &&RegionEntry| entry.inbox.try_send(Request::Operator(command.clone())).is_ok();
        read(&self.regions).values().filter(reached).count()
    }
}

// A panic while a map is held leaves the map whole: each of the changes above is one call.
fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn a_region_that_takes_nothing_keeps_no_other_from_hearing() {
        let directory = Directory::default();
        let (full, _taken_by_nobody) = mpsc::channel(1);
        full.try_send(Request::Operator(OperatorCommand::Announce)).unwrap();
        directory.add(Arc::new(crate::tests::region(1).info()), full);
        let (inbox, mut requests) = mpsc::channel(1);
        directory.add(Arc::new(crate::tests::region(2).info()), inbox);
        let gone = mpsc::channel(1).0;
        directory.add(Arc::new(crate::tests::region(3).info()), gone);
        let mut insisting =
            std::pin::pin!(directory.insist(&OperatorCommand::KeepOpen, Duration::from_secs(1)));
        tokio::select! {
            heard = requests.recv() => assert!(matches!(heard, Some(Request::Operator(OperatorCommand::KeepOpen)))),
            _ = &mut insisting => panic!("it was heard after everybody was waited for"),
        }
        assert_eq!(insisting.await, 1);
    }
}
