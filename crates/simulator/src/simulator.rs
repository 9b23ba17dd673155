//! The simulator as a whole: sockets bound, regions started, watched, started anew, and ended.

use crate::calls::{LocalPeers, PeerTransport};
use crate::caps::{Memory, TemporaryAssets};
use crate::clock::Clock;
use crate::control::{self, Control, SetLog};
use crate::directory::Directory;
use crate::friends::Friends;
use crate::grid_side::GridSide;
use crate::http::body::Budgets;
use crate::http::front::Front;
use crate::http::intake::Intake;
use crate::http::proxies::Proxies;
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
use crate::peering::reader::Reader;
use crate::peering::registry::Registry;
use crate::peering::remote::{Everywhere, RemotePeers};
use crate::peering::web;
use crate::regions::{Kit, Regions};
use crate::sessions::Sessions;
use crate::transfers::Transfers;
use crate::transfers::traces::Export;
use crate::udp::RegionSocket;
use axum::Router;
use model::RegionId;
use region::{OperatorCommand, RegionConfig};
use services::{LoginDestination, RegionInfo, ServiceError, Services};
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

/// How long the grid may take to hear the last news.
const LAST_NEWS: Duration = Duration::from_secs(2);

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
    /// Who is believed when they say for whom they ask.
    pub proxies: Proxies,
    /// How long those inside are warned before the process ends, and are moved to regions of other simulators then.
    /// With none they are logged out at once.
    pub drain: Duration,
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

/// Why a simulator ended that was not told to.
#[derive(Debug, thiserror::Error)]
pub enum Ended {
    /// Nothing is accepted any more.
    #[error("the HTTP side has ended by itself")]
    Http,
}

/// What a simulator has of the system, before anything runs.
struct Bound {
    listener: TcpListener,
    address: SocketAddr,
    /// In the order of the regions.
    sockets: Vec<Arc<RegionSocket>>,
    control: Control,
    temporary: TemporaryAssets,
}

impl Bound {
    async fn bind(config: &SimulatorConfig) -> Result<Self, StartError> {
        let address = SocketAddr::new(config.bind, config.port);
        let taken = |what: &str, address, error| StartError::Bind { what: what.to_owned(), address, error };
        let listener =
            TcpListener::bind(address).await.map_err(|error| taken("HTTP port", address, error))?;
        let address = listener.local_addr().map_err(|error| taken("HTTP port", address, error))?;
        let mut sockets = Vec::with_capacity(config.regions.len());
        for region in &config.regions {
            let address = SocketAddr::new(config.bind, region.udp_port);
            let socket = RegionSocket::bind(address)
                .map_err(|error| taken(&format!("UDP port of region {}", region.name), address, error))?;
            sockets.push(Arc::new(socket));
        }
        let in_data = |path: PathBuf| move |error| StartError::Data { path, error };
        let control = Control::open(&config.data, control::SOCKET).map_err(in_data(config.data.clone()))?;
        let baked = config.data.join("baked-textures");
        let temporary = TemporaryAssets::open(baked.clone()).map_err(in_data(baked))?;
        Ok(Self { listener, address, sockets, control, temporary })
    }
}

type Counters = BTreeMap<RegionId, Arc<RegionCounters>>;

/// Starts a task for each region. What the grid is told of them has the order of the world file.
fn start_regions(
    kit: Kit,
    configs: Vec<RegionConfig>,
    sockets: Vec<Arc<RegionSocket>>,
) -> (Regions, Vec<Arc<RegionInfo>>, Counters) {
    let unix_epoch_s = kit.clock.unix_epoch_s();
    let mut counters = Counters::new();
    let mut regions = Regions::new(kit);
    let mut infos = Vec::with_capacity(configs.len());
    for (config, socket) in configs.into_iter().zip(sockets) {
        let id = config.id;
        let counted = counters.entry(id).or_default().clone();
        regions.add(RegionConfig { unix_epoch_s, ..config }, socket, counted);
        infos.extend(regions.info(id));
    }
    (regions, infos, counters)
}

/// A running simulator.
pub struct Simulator {
    shared: Arc<Shared>,
    http: Http,
    proxies: Proxies,
    address: SocketAddr,
    control: Control,
    destination: Destination,
    membership: Membership,
    leases: Leases,
    friends: Friends,
    regions: Regions,
    drain: Duration,
    traces: Option<Export>,
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
        let bound = Bound::bind(&config).await?;
        Ok(Self::assemble(config, bound, services))
    }

    /// Puts together what is bound. Everything that tasks share is made here, once.
    fn assemble(config: SimulatorConfig, bound: Bound, services: Services) -> Self {
        let SimulatorConfig { http_base, grid_name, operators, proxies, drain, .. } = config;
        let alone = config.grid.is_none();
        let clock = Clock::start();
        let directory = Arc::new(Directory::default());
        let metrics = Arc::new(Metrics::new());
        let addresses = Arc::new(Addresses::default());
        let grid = Arc::new(GridSide::new(services.clone(), addresses.clone(), metrics.clone()));
        let key = Arc::new(ProcessKey::random());
        let client = web::client();
        let elsewhere = RemotePeers::with(client.clone(), key.clone(), metrics.clone());
        let here = LocalPeers(directory.clone());
        let peers: Arc<dyn PeerTransport> = Arc::new(Everywhere { here, elsewhere: elsewhere.clone() });
        let friends = Friends::new(services.clone(), peers.clone());
        let registry = Arc::new(Registry::new(services, addresses.clone()));
        let gate = Gate::new(client, registry, directory.clone(), &http_base, config.grid);
        let sessions = Arc::new(Sessions::new(clock, metrics.clone()));
        let notices = {
            let (grid, directory, friends) = (grid.clone(), directory.clone(), friends.clone());
            Notices::start(grid, directory, friends, sessions.clone(), metrics.clone())
        };
        let kit = Kit {
            clock,
            directory: directory.clone(),
            grid: grid.clone(),
            peers: peers.clone(),
            notices: notices.clone(),
            transfers: Arc::new(Transfers::new(clock, metrics.clone())),
            sessions: sessions.clone(),
            trace: Arc::new(HttpTrace::default()),
            metrics: metrics.clone(),
        };
        let (transfers, trace) = (kit.transfers.clone(), kit.trace.clone());
        let (regions, infos, counters) = start_regions(kit, config.regions, bound.sockets);
        let membership =
            Membership { grid: grid.clone(), directory: directory.clone(), regions: infos, alone };
        let leases = Leases { grid: grid.clone(), directory: directory.clone() };
        let destination =
            Destination { peers, notices: notices.clone(), metrics: metrics.clone(), addresses };
        let shared = Arc::new(Shared {
            directory,
            grid,
            notices,
            transfers,
            sessions,
            gate,
            reader: Reader::default(),
            key,
            operators,
            metrics,
            trace,
            memory: Memory::new(bound.temporary),
            http_base,
            grid_name,
            ready: AtomicBool::new(false),
            counters,
            log: OnceLock::new(),
            elsewhere,
        });
        let (http, address, control) = (Http::Bound(bound.listener), bound.address, bound.control);
        let traces = None;
        Self {
            shared,
            http,
            proxies,
            address,
            control,
            destination,
            membership,
            leases,
            friends,
            regions,
            drain,
            traces,
        }
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

    /// From now on transfers are sent as traces to a collector of OpenTelemetry, which is at this base URL.
    pub fn export_traces(&mut self, endpoint: &str) {
        self.shared.elsewhere.trace();
        let (transfers, instance) = (self.shared.transfers.clone(), self.shared.http_base.to_string());
        self.traces = Some(Export::start(transfers, endpoint, instance));
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

    /// The HTTP side ends as nothing should have it end.
    #[cfg(test)]
    pub(crate) fn break_http(&self) {
        if let Http::Open { task, .. } = &self.http {
            task.abort();
        }
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
                budgets: Budgets::default(),
                proxies: self.proxies.clone(),
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

    /// The same, unless something comes from `stop` before they all are. Whether they are; if not, or after an error, none
    /// is on the map.
    ///
    /// # Errors
    /// The grid does not take one, or stays out of reach.
    pub async fn register_unless(&self, stop: &mut mpsc::Receiver<()>) -> Result<bool, StartError> {
        self.membership.join_unless(stop.recv()).await
    }

    /// Strikes the regions out of the grid's map, where nobody has come in yet.
    pub async fn leave(&self) {
        self.membership.leave().await;
    }

    /// Serves until something comes from `stop`, then tells everybody, moves away whom it can if it is to drain, logs out
    /// the others, and ends. Something more from `stop` ends the draining. `ready` is called once logins are possible.
    ///
    /// # Errors
    /// It ended in the same way, but of itself.
    pub async fn run(self, ready: impl FnOnce(), mut stop: mpsc::Receiver<()>) -> Result<(), Ended> {
        let Self { shared, http, control, membership, leases, friends, mut regions, drain, traces, .. } =
            self.open(Router::new());
        let Http::Open { closing, task: mut http } = http else { return Err(Ended::Http) };
        shared.ready.store(true, Ordering::Release);
        ready();

        let draining = regions.draining();
        let ended = {
            let levers = Arc::new(shared.levers());
            let serving = async {
                tokio::select! {
                    () = membership.keep() => Ok(()),
                    () = leases.keep() => Ok(()),
                    () = control.run(levers) => Ok(()),
                    () = regions.watch() => Ok(()),
                    _ = &mut http => Err(Ended::Http),
                }
            };
            serve(&shared, serving, &draining, drain, &mut stop).await
        };
        if let Err(why) = &ended {
            tracing::error!("{why}: closing");
        }

        let begun = Instant::now();
        regions.shut_down("The world is closing for now.").await;
        tell_last_news(&shared, &friends, traces).await;
        membership.leave().await;
        let _ = closing.send(true);
        // One that has ended by itself has been waited for.
        if !http.is_finished() {
            let _ = http.await;
        }
        tracing::info!("ended in {} ms", begun.elapsed().as_millis());
        ended
    }
}

/// Serves until told to stop; with time to drain, for so long after that, or until told again.
async fn serve(
    shared: &Shared,
    serving: impl Future<Output = Result<(), Ended>>,
    draining: &AtomicBool,
    drain: Duration,
    stop: &mut mpsc::Receiver<()>,
) -> Result<(), Ended> {
    let mut serving = pin!(serving);
    let ended = tokio::select! {
        _ = stop.recv() => None,
        ended = &mut serving => Some(ended),
    };
    shared.ready.store(false, Ordering::Release);
    if let Some(ended) = ended {
        return ended;
    }
    if drain.is_zero() {
        return Ok(());
    }
    draining.store(true, Ordering::Release);
    tracing::info!("everybody has to be elsewhere in {} s", drain.as_secs());
    shared.directory.command(&close_all(&shared.directory, drain));
    tokio::select! {
        ended = serving => ended,
        _ = stop.recv() => Ok(()),
        () = tokio::time::sleep(drain + region::MOVING) => Ok(()),
    }
}

/// What happened last, for the grid, for friends and for whoever collects traces. What is lost is said.
async fn tell_last_news(shared: &Shared, friends: &Friends, traces: Option<Export>) {
    let news = async {
        let begun = Instant::now();
        if !shared.notices.flush(None, LAST_NEWS).await {
            let notices = shared.metrics.notices_waiting.get();
            tracing::warn!(notices, "the grid was not told everything in time: it will find out by itself");
        }
        let untold = friends.settle(LAST_NEWS.saturating_sub(begun.elapsed())).await;
        if untold > 0 {
            tracing::warn!(agents = untold, "their friends were not told in time that they have gone");
        }
    };
    let traced = async {
        if let Some(traces) = traces {
            traces.finish(LAST_NEWS).await;
        }
    };
    tokio::join!(news, traced);
}

/// All regions close, so nobody goes from one to another.
fn close_all(directory: &Directory, after: Duration) -> OperatorCommand {
    let avoid = directory.regions().iter().map(|region| region.id).collect();
    let reason = "The simulator is closing; its regions will be back.".to_owned();
    OperatorCommand::Close { after, reason, avoid }
}
