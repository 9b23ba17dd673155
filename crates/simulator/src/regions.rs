//! The regions of a process and their tasks: started, watched, started anew, and closed.

use crate::calls::{Calls, PeerTransport};
use crate::clock::Clock;
use crate::directory::{CapsEntry, Directory, INBOX, Request};
use crate::grid_side::GridSide;
use crate::http::trace::HttpTrace;
use crate::metrics::{Metrics, RegionCounters};
use crate::notices::Notices;
use crate::region_task::RegionTask;
use crate::sessions::Sessions;
use crate::transfers::Transfers;
use crate::udp::RegionSocket;
use model::RegionId;
use region::{OperatorCommand, Region, RegionConfig};
use services::RegionInfo;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{Id, JoinSet};
use transfer::PeerCall;

/// How long a region may take to hear that it is to close ...
const TELLING: Duration = Duration::from_secs(1);
/// ... and those that have heard it, to say good-bye to everybody.
const FAREWELL: Duration = Duration::from_secs(3);
/// A region that breaks down again within this time is given a pause.
const UNSTEADY: Duration = Duration::from_secs(10);
/// That pause.
const RESTART_PAUSE: Duration = Duration::from_secs(1);

/// What every region's task is given.
pub(crate) struct Kit {
    pub(crate) clock: Clock,
    pub(crate) directory: Arc<Directory>,
    pub(crate) grid: Arc<GridSide>,
    pub(crate) peers: Arc<dyn PeerTransport>,
    pub(crate) notices: Notices,
    pub(crate) transfers: Arc<Transfers>,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) trace: Arc<HttpTrace>,
    pub(crate) metrics: Arc<Metrics>,
}

/// One region, as it is started again and again.
struct Known {
    config: RegionConfig,
    info: Arc<RegionInfo>,
    socket: Arc<RegionSocket>,
    counters: Arc<RegionCounters>,
    started: Instant,
}

/// The regions and their tasks.
pub(crate) struct Regions {
    kit: Kit,
    known: BTreeMap<RegionId, Known>,
    tasks: JoinSet<()>,
    /// Which region each task runs. Only looked up.
    ids: HashMap<Id, RegionId>,
    /// The process is going to end: what closes stays closed.
    draining: Arc<AtomicBool>,
}

impl Regions {
    pub(crate) fn new(kit: Kit) -> Self {
        let (known, tasks, ids) = (BTreeMap::new(), JoinSet::new(), HashMap::new());
        Self { kit, known, tasks, ids, draining: Arc::default() }
    }

    /// How a region presents itself to the grid.
    pub(crate) fn info(&self, id: RegionId) -> Option<Arc<RegionInfo>> {
        self.known.get(&id).map(|known| known.info.clone())
    }

    /// Set, what closes stays closed.
    pub(crate) fn draining(&self) -> Arc<AtomicBool> {
        self.draining.clone()
    }

    pub(crate) fn add(
        &mut self,
        config: RegionConfig,
        socket: Arc<RegionSocket>,
        counters: Arc<RegionCounters>,
    ) {
        let info = Arc::new(config.info());
        let id = config.id;
        self.known.insert(id, Known { config, info, socket, counters, started: Instant::now() });
        self.start(id, Duration::ZERO);
    }

    fn start(&mut self, id: RegionId, pause: Duration) {
        let Some(known) = self.known.get_mut(&id) else { return };
        known.started = Instant::now() + pause;
        let (inbox, requests) = mpsc::channel(INBOX);
        let Kit { clock, directory, grid, peers, notices, transfers, sessions, trace, metrics } = &self.kit;
        directory.add(known.info.clone(), inbox);
        let task = RegionTask {
            id,
            region: Region::new(RegionConfig { seed: rand::random(), ..known.config.clone() }, clock.now()),
            clock: *clock,
            socket: known.socket.clone(),
            inbox: requests,
            directory: directory.clone(),
            calls: Calls::new(id, peers.clone(), grid.clone(), trace.clone()),
            notices: notices.clone(),
            transfers: transfers.clone(),
            sessions: sessions.clone(),
            counters: known.counters.clone(),
            metrics: metrics.clone(),
        };
        let task = self.tasks.spawn(async move {
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
            task.run().await;
        });
        self.ids.insert(task.id(), id);
    }

    /// Waits for regions that end: those that break down and those that close as planned start anew, each alone. Comes
    /// back when the process drains and all have closed.
    pub(crate) async fn watch(&mut self) {
        loop {
            let Some(ended) = self.tasks.join_next_with_id().await else {
                if self.draining.load(Ordering::Acquire) {
                    return;
                }
                return std::future::pending().await;
            };
            let (task, broken) = match ended {
                Ok((task, ())) => (task, None),
                Err(error) => (error.id(), Some(error.to_string())),
            };
            let Some(id) = self.ids.remove(&task) else { continue };
            let gone = self.kit.directory.remove(id);
            if !self.draining.load(Ordering::Acquire) || broken.is_some() {
                self.start_anew(id, broken, gone.len());
            }
            self.clear_up(id, gone);
        }
    }

    fn start_anew(&mut self, id: RegionId, broken: Option<String>, agents: usize) {
        let Some(known) = self.known.get(&id) else { return };
        let region = known.config.name.as_str();
        let mut pause = Duration::ZERO;
        match broken {
            Some(why) => {
                tracing::error!(region, why, agents, "a region broke down and starts anew");
                known.counters.restarts.fetch_add(1, Ordering::Relaxed);
                if known.started.elapsed() < UNSTEADY {
                    pause = RESTART_PAUSE;
                }
            }
            None => tracing::info!(region, "a region has closed as planned and starts anew"),
        }
        self.start(id, pause);
        // Who stands beside it has lost its view into it. The inbox is new and empty.
        let _ = self.kit.directory.send(id, Request::Operator(OperatorCommand::Announce));
    }

    /// Ends the sessions that were lost with a region: those that the grid believes to stand there.
    fn clear_up(&mut self, region: RegionId, gone: Vec<CapsEntry>) {
        let (directory, grid) = (self.kit.directory.clone(), self.kit.grid.clone());
        let sessions = self.kit.sessions.clone();
        let name = self.known.get(&region).map(|known| known.config.name.clone()).unwrap_or_default();
        tokio::spawn(async move {
            for entry in gone {
                let presence = match grid.services.presence.by_session(entry.session).await {
                    Ok(Some(presence)) if presence.region == region => presence,
                    Ok(_) => continue,
                    Err(error) => {
                        tracing::warn!(agent = %entry.agent, %error, "a lost session was not cleared up");
                        continue;
                    }
                };
                sessions.lost(&name, presence.agent, presence.session);
                for other in directory.regions() {
                    let call = PeerCall::EndSession {
                        agent: presence.agent,
                        session: presence.session,
                        reason: "The region has broken down.".into(),
                    };
                    // Nobody waits for the answer.
                    let (answer, _) = oneshot::channel();
                    let _ =
                        directory.send(other.id, Request::Peer { call: Box::new(call), answer, share: None });
                }
                if let Err(error) = grid.services.presence.logout(presence.session).await {
                    tracing::warn!(agent = %entry.agent, %error, "a lost session was not logged out");
                }
            }
        });
    }

    /// Tells all regions to close, and waits until they have.
    pub(crate) async fn shut_down(&mut self, reason: &str) {
        let command = OperatorCommand::Shutdown { reason: reason.to_owned() };
        let silent = self.kit.directory.insist(&command, TELLING).await;
        if silent > 0 {
            tracing::warn!(regions = silent, "some regions are too busy to be told that they are to close");
        }
        let ended = async {
            while let Some(ended) = self.tasks.join_next_with_id().await {
                let task = match &ended {
                    Ok((task, ())) => *task,
                    Err(error) => error.id(),
                };
                if let Some(id) = self.ids.remove(&task) {
                    self.kit.directory.remove(id);
                }
            }
        };
        if tokio::time::timeout(FAREWELL, ended).await.is_err() {
            tracing::warn!(regions = self.tasks.len(), "some regions did not close in time");
            self.tasks.abort_all();
        }
    }
}
