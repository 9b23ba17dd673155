//! The simulator as a whole: sockets bound, regions started, watched, started anew, and ended.

use crate::calls::{Calls, LocalPeers, PeerTransport};
use crate::caps::{Memory, TemporaryAssets};
use crate::clock::Clock;
use crate::control::{Control, SetLog};
use crate::directory::{CapsEntry, Directory, INBOX, Request};
use crate::friends::Friends;
use crate::grid_side::GridSide;
use crate::http::body::Budget;
use crate::http::front::Front;
use crate::http::intake::Intake;
use crate::http::routes::Shared;
use crate::http::server;
use crate::http::trace::HttpTrace;
use crate::leases::Leases;
use crate::login::Destination;
use crate::membership::Membership;
use crate::metrics::{Metrics, RegionCounters};
use crate::notices::Notices;
use crate::operations::Operations;
use crate::peering::addresses::Addresses;
use crate::peering::gate::Gate;
use crate::peering::proof::ProcessKey;
use crate::peering::registry::Registry;
use crate::peering::remote::{Everywhere, RemotePeers};
use crate::peering::web;
use crate::region_task::RegionTask;
use crate::sessions::Sessions;
use crate::transfers::Transfers;
use crate::udp::RegionSocket;
use axum::Router;
use model::RegionId;
use region::{OperatorCommand, Region, RegionConfig};
use services::{LoginDestination, RegionInfo, ServiceError, Services};
use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{Id, JoinHandle, JoinSet};
use transfer::PeerCall;

/// How long regions may take to say good-bye to everybody.
const FAREWELL: Duration = Duration::from_secs(4);
/// How long the grid may take to hear the last news.
const LAST_NEWS: Duration = Duration::from_secs(2);
/// A region that breaks down again within this time is given a pause.
const UNSTEADY: Duration = Duration::from_secs(10);
/// That pause.
const RESTART_PAUSE: Duration = Duration::from_secs(1);

/// What a simulator is told when it starts.
#[derive(Clone, Debug)]
pub struct SimulatorConfig {
    /// What sockets bind to.
    pub bind: IpAddr,
    /// HTTP port.
    pub port: u16,
    /// Base URL of the HTTP side as viewers reach it, with a trailing slash.
    pub http_base: Arc<str>,
    /// Name of the grid, for viewers.
    pub grid_name: Arc<str>,
    /// Folder for what the simulator keeps.
    pub data: PathBuf,
    /// The regions.
    pub regions: Vec<RegionConfig>,
    /// Base URL of the grid's private side, where the grid is another process. Without one it is this process, and has
    /// no other simulator: regions that it still knows and that are not among these have gone.
    pub grid: Option<Arc<str>>,
    /// Who may see `/metrics`, `/sessions` and `/transfers`, besides this machine.
    pub operators: Vec<IpAddr>,
}

/// Why a simulator does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A port cannot be had.
    #[error("{what} {address}: {error}")]
    Bind {
        /// Which.
        what: String,
        /// Where.
        address: SocketAddr,
        /// What the system says.
        error: io::Error,
    },
    /// The data folder cannot be used.
    #[error("{path}: {error}")]
    Data {
        /// Which folder or file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The grid does not take a region.
    #[error("region {region}: {error}")]
    Register {
        /// Its name.
        region: String,
        /// What the grid says.
        error: ServiceError,
    },
}

/// A running simulator.
pub struct Simulator {
    shared: Arc<Shared>,
    http: Http,
    address: SocketAddr,
    control: Control,
    destination: Destination,
    membership: Membership,
    leases: Leases,
    friends: Friends,
    regions: Regions,
}

/// The HTTP side.
enum Http {
    /// Bound; whoever connects waits.
    Bound(TcpListener),
    Open {
        closing: watch::Sender<bool>,
        task: JoinHandle<()>,
    },
}

impl Simulator {
    /// Binds all ports and starts all regions. Nobody can come in yet.
    ///
    /// # Errors
    /// A port is in use, or the data folder cannot be used.
    pub async fn start(config: SimulatorConfig, services: Services) -> Result<Self, StartError> {
        let address = SocketAddr::new(config.bind, config.port);
        let bind = |what: &str, address, error| StartError::Bind { what: what.to_owned(), address, error };
        let listener = TcpListener::bind(address).await.map_err(|error| bind("HTTP port", address, error))?;
        let mut sockets = Vec::with_capacity(config.regions.len());
        for region in &config.regions {
            let address = SocketAddr::new(config.bind, region.udp_port);
            let socket = RegionSocket::bind(address)
                .map_err(|error| bind(&format!("UDP port of region {}", region.name), address, error))?;
            sockets.push(Arc::new(socket));
        }
        let in_data = |path: PathBuf| move |error| StartError::Data { path, error };
        let control = Control::open(&config.data).map_err(in_data(config.data.clone()))?;
        let baked = config.data.join("baked-textures");
        let temporary = TemporaryAssets::open(baked.clone()).map_err(in_data(baked))?;

        let clock = Clock::start();
        let directory = Arc::new(Directory::default());
        let metrics = Arc::new(Metrics::new());
        let trace = Arc::new(HttpTrace::default());
        let address = listener.local_addr().map_err(|error| bind("HTTP port", address, error))?;
        let addresses = Arc::new(Addresses::default());
        let grid = Arc::new(GridSide::new(services.clone(), addresses.clone(), metrics.clone()));
        let key = Arc::new(ProcessKey::random());
        let client = web::client();
        let peers: Arc<dyn PeerTransport> = Arc::new(Everywhere {
            here: LocalPeers(directory.clone()),
            elsewhere: RemotePeers::with(client.clone(), key.clone(), metrics.clone()),
        });
        let friends = Friends::new(services.clone(), peers.clone());
        let registry = Arc::new(Registry::new(services, addresses.clone()));
        let alone = config.grid.is_none();
        let gate = Gate::new(client, registry, directory.clone(), &config.http_base, config.grid);
        let sessions = Arc::new(Sessions::new(clock, metrics.clone()));
        let notices = Notices::start(grid.clone(), friends.clone(), sessions.clone(), metrics.clone());
        let transfers = Arc::new(Transfers::new(clock, metrics.clone()));
        let counters: BTreeMap<_, _> =
            config.regions.iter().map(|region| (region.id, Arc::default())).collect();
        let mut regions = Regions {
            kit: Kit {
                clock,
                directory: directory.clone(),
                grid: grid.clone(),
                peers: peers.clone(),
                notices: notices.clone(),
                transfers: transfers.clone(),
                sessions: sessions.clone(),
                trace: trace.clone(),
                metrics: metrics.clone(),
            },
            known: BTreeMap::new(),
            tasks: JoinSet::new(),
            ids: HashMap::new(),
        };
        let order: Vec<RegionId> = config.regions.iter().map(|region| region.id).collect();
        for (mut config, socket) in config.regions.into_iter().zip(sockets) {
            config.unix_epoch_s = clock.unix_epoch_s();
            let counters = counters.get(&config.id).cloned().unwrap_or_default();
            regions.add(config, socket, counters);
        }
        let membership = Membership {
            grid: grid.clone(),
            directory: directory.clone(),
            regions: order.iter().filter_map(|id| Some(regions.known.get(id)?.info.clone())).collect(),
            alone,
        };
        let destination =
            Destination { peers, notices: notices.clone(), metrics: metrics.clone(), addresses };
        let shared = Arc::new(Shared {
            directory,
            grid,
            notices,
            transfers,
            sessions: sessions.clone(),
            gate,
            key,
            operators: config.operators,
            metrics,
            trace,
            memory: Memory::new(temporary),
            http_base: config.http_base,
            grid_name: config.grid_name,
            ready: AtomicBool::new(false),
            counters,
            log: OnceLock::new(),
        });
        let leases = Leases { grid: shared.grid.clone(), directory: shared.directory.clone() };
        let http = Http::Bound(listener);
        Ok(Self { shared, http, address, control, destination, membership, leases, friends, regions })
    }

    /// Where logins go.
    pub fn login_destination(&self) -> Arc<dyn LoginDestination> {
        Arc::new(self.destination.clone())
    }

    /// Who is where in this process.
    pub fn directory(&self) -> Arc<Directory> {
        self.shared.directory.clone()
    }

    /// What friends hear of each other.
    pub fn friends(&self) -> Friends {
        self.friends.clone()
    }

    /// What is counted.
    pub fn metrics(&self) -> Arc<Metrics> {
        self.shared.metrics.clone()
    }

    /// From now on its operators can change what is logged. Only the first counts.
    pub fn set_log(&self, set: SetLog) {
        let _ = self.shared.log.set(set);
    }

    /// What it says to its operators, and what it does as they wish.
    pub fn operations(&self) -> Operations {
        Operations { shared: self.shared.clone() }
    }

    /// What became of sessions.
    #[cfg(test)]
    pub(crate) fn sessions(&self) -> Arc<Sessions> {
        self.shared.sessions.clone()
    }

    /// The key that its proofs of origin are made with.
    #[cfg(test)]
    pub(crate) fn key(&self) -> Arc<ProcessKey> {
        self.shared.key.clone()
    }

    /// The HTTP address that was bound.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Opens the HTTP side; `/healthz` says that nobody can come in yet. `others` answers the requests that are not the
    /// simulator's. A second time nothing happens.
    #[must_use]
    pub fn open(mut self, others: Router) -> Self {
        if let Http::Bound(listener) = self.http {
            let (closing, closed) = watch::channel(false);
            let intake = Intake {
                metrics: self.shared.metrics.clone(),
                trace: self.shared.trace.clone(),
                port: self.address.port(),
                budget: Budget::default(),
            };
            let front = Arc::new(Front { shared: self.shared.clone(), others, intake });
            let task = tokio::spawn(server::serve(listener, front, closed));
            self.http = Http::Open { closing, task };
        }
        self
    }

    /// Enters the regions into the grid's map, for which the grid may take a minute to come up.
    ///
    /// # Errors
    /// The grid does not take one, or stays out of reach.
    pub async fn register(&self) -> Result<(), StartError> {
        self.membership.join().await
    }

    /// Serves until `stop` comes, then tells everybody, logs them out, and ends. `ready` is called once logins are
    /// possible.
    pub async fn run(self, ready: impl FnOnce(), stop: impl Future<Output = ()>) {
        let Self { shared, http, control, destination, membership, leases, mut regions, .. } =
            self.open(Router::new());
        let Http::Open { closing, task: mut http } = http else { return };
        let levers = shared.levers();
        shared.ready.store(true, Ordering::Release);
        ready();

        {
            let controlling = control.run(levers);
            let watching = regions.watch();
            tokio::select! {
                () = stop => {}
                () = membership.keep() => {}
                () = leases.keep() => {}
                () = controlling => {}
                () = watching => {}
                _ = &mut http => tracing::error!("the HTTP side has ended"),
            }
        }

        let begun = Instant::now();
        shared.ready.store(false, Ordering::Release);
        regions.shut_down("The world is closing for now.").await;
        destination.notices.flush(None, LAST_NEWS).await;
        membership.leave().await;
        let _ = closing.send(true);
        let _ = http.await;
        tracing::info!("ended in {} ms", begun.elapsed().as_millis());
    }
}

/// What every region's task is given.
struct Kit {
    clock: Clock,
    directory: Arc<Directory>,
    grid: Arc<GridSide>,
    peers: Arc<dyn PeerTransport>,
    notices: Notices,
    transfers: Arc<Transfers>,
    sessions: Arc<Sessions>,
    trace: Arc<HttpTrace>,
    metrics: Arc<Metrics>,
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
struct Regions {
    kit: Kit,
    known: BTreeMap<RegionId, Known>,
    tasks: JoinSet<()>,
    /// Which region each task runs. Only looked up.
    ids: HashMap<Id, RegionId>,
}

impl Regions {
    fn add(&mut self, config: RegionConfig, socket: Arc<RegionSocket>, counters: Arc<RegionCounters>) {
        let info = Arc::new(RegionInfo { http_port: http_port(&config.http_base), ..config.info() });
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

    /// Waits for regions that end: only a panic makes them, and only that region starts anew.
    async fn watch(&mut self) {
        loop {
            let Some(ended) = self.tasks.join_next_with_id().await else {
                return std::future::pending().await;
            };
            let (task, why) = match ended {
                Ok((task, ())) => (task, "closed".to_owned()),
                Err(error) => (error.id(), error.to_string()),
            };
            let Some(id) = self.ids.remove(&task) else { continue };
            let gone = self.kit.directory.remove(id);
            let Some(known) = self.known.get(&id) else { continue };
            tracing::error!(
                region = known.config.name,
                why,
                agents = gone.len(),
                "a region broke down and starts anew"
            );
            known.counters.restarts.fetch_add(1, Ordering::Relaxed);
            let unsteady = known.started.elapsed() < UNSTEADY;
            self.start(id, if unsteady { RESTART_PAUSE } else { Duration::ZERO });
            self.clear_up(id, gone);
        }
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
                    let _ = directory.send(other.id, Request::Peer { call: Box::new(call), answer });
                }
                if let Err(error) = grid.services.presence.logout(presence.session).await {
                    tracing::warn!(agent = %entry.agent, %error, "a lost session was not logged out");
                }
            }
        });
    }

    /// Tells all regions to close, and waits until they have.
    async fn shut_down(&mut self, reason: &str) {
        let deadline = tokio::time::Instant::now() + FAREWELL;
        let command = OperatorCommand::Shutdown { reason: reason.to_owned() };
        self.kit.directory.insist(&command, deadline).await;
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
        if tokio::time::timeout_at(deadline, ended).await.is_err() {
            tracing::warn!(regions = self.tasks.len(), "some regions did not close in time");
            self.tasks.abort_all();
        }
    }
}

/// The port in a base URL; 80 where there is none.
fn http_port(base: &str) -> u16 {
    let authority = base.split_once("://").map_or(base, |(_, rest)| rest);
    let authority = authority.split('/').next().unwrap_or_default();
    authority.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).unwrap_or(80)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_of_urls() {
        assert_eq!(http_port("http://127.0.0.1:9000/"), 9000);
        assert_eq!(http_port("http://world.example.org/"), 80);
        assert_eq!(http_port("http://[::1]:81/x:5/"), 81);
    }
}
