//! `sojourn grid`: the grid services alone, for simulators in other processes.

use super::operator::{self, Log, Own};
use super::{public, say_ready, start_log, stop_signals, unless_stopped};
use crate::options::{Grid, GridOptions};
use crate::{data, first_account};
use anyhow::{Context as _, Result, anyhow};
use axum::Router;
use grid::{AssetKeeper, Door, Reaper, SqlStore};
use model::{Network, RegionId};
use pulse::DatabasePulse;
use services::{Presence, RegionFlags, RegionInfo, Services};
use simulator::control::{self, Control};
use simulator::{
    Friends, HttpTrace, Metrics, PlainSide, PrivateSide, ProcessKey, Proxies, RemoteDestination,
    RemoteOperations, RemotePeers,
};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

mod arrivals;
mod pulse;

/// Runs until a signal comes.
pub(crate) async fn run(options: GridOptions) -> Result<()> {
    let begun = Instant::now();
    let options = options.decide()?;
    let log = start_log(&options.process.log)?;
    let mut stop = stop_signals()?;
    let bind = options.process.bind;
    say_who_comes_in(options.private_port, options.door.as_deref());
    let public_port = listen(SocketAddr::new(bind, options.port)).await?;
    let private_port = listen(SocketAddr::new(bind, options.private_port)).await?;
    data::prepare(&options.data)?;
    let _held = data::hold(&options.database)?;
    let control = control(&options.data);
    let Some((store, key)) = unless_stopped(&mut stop, open(&options)).await? else { return Ok(()) };

    let url = options.url.clone();
    let grid = Assembled::new(options, &store, key, log);
    let (closing, closed) = watch::channel(false);
    let mut sides = JoinSet::new();
    sides.spawn(grid.public.serve(public_port, closed.clone()));
    sides.spawn(grid.private.serve(private_port, closed));
    say_ready(begun, &url);
    let told = |ended: &Presence| {
        grid.metrics.session_ended("lease_expired");
        grid.friends.tell(RegionId::NULL, ended.agent, false)
    };
    let ended = tokio::select! {
        _ = stop.recv() => Ok(()),
        _ = sides.join_next() => Err(anyhow!("the HTTP side has ended by itself")),
        () = obey(control, grid.own) => Ok(()),
        () = Reaper::new(store.clone()).run(told) => Ok(()),
        () = AssetKeeper::new(store.clone()).run() => Ok(()),
    };
    // Whoever is gone has gone already.
    let _ = closing.send(true);
    while sides.join_next().await.is_some() {}
    data::close(&store).await;
    ended
}

/// The database, once it is there, with what a first start puts into it, and what this grid signs with.
async fn open(options: &Grid) -> Result<(SqlStore, Arc<ProcessKey>)> {
    let store = data::open_with_assets(&options.database, &options.assets).await?.with_lease(options.lease);
    if let Some(account) = first_account::create(&store.services()).await? {
        first_account::print(&account);
    }
    operator::first_password(&store, &options.process.url(options.private_port)).await?;
    let key = Arc::new(ProcessKey::from_secret(&store.signing_key().await?));
    Ok((store, key))
}

/// The socket of commands. On one database server several grids may have one folder, of which one has it.
fn control(data: &Path) -> Option<Control> {
    match Control::open(data, control::GRID_SOCKET) {
        Ok(control) => Some(control),
        Err(why) => {
            tracing::warn!(%why, "`sojourn debug` does not reach this process");
            None
        }
    }
}

/// Never ends.
async fn obey(control: Option<Control>, own: Own) {
    match control {
        Some(control) => control.run(Arc::new(own)).await,
        None => std::future::pending().await,
    }
}

/// What a grid consists of.
struct Assembled {
    public: PlainSide,
    private: PlainSide,
    friends: Friends,
    metrics: Arc<Metrics>,
    own: Own,
}

impl Assembled {
    fn new(options: Grid, store: &SqlStore, key: Arc<ProcessKey>, log: Log) -> Self {
        let metrics = Arc::new(Metrics::new());
        operator::count_more(&metrics, store);
        let destination = Arc::new(RemoteDestination::new(key.clone(), metrics.clone()));
        let peers = RemotePeers::new(key.clone(), metrics.clone());
        let friends = Friends::new(store.services(), Arc::new(peers));
        let (url, name, logins) = (&options.url, &options.grid_name, options.logins);
        let public = public::router(url, name, logins, store, destination, metrics.clone());
        let trace = Arc::new(HttpTrace::default());
        let own = Own::new(log, trace.clone());
        let simulators = operator::Simulators::Elsewhere {
            grid: store.services().grid,
            remote: RemoteOperations::new(key.clone()),
            metrics: metrics.clone(),
            own: own.clone(),
        };
        let operators = options.process.operators;
        let pages = operator::pages(name, store, operators.clone(), own.log(), simulators);
        let services = private_router(store.services());
        let services = match options.door {
            Some(open_to) => Door::new(store.clone(), open_to).before(services),
            None => services,
        };
        // These have a door of their own.
        let services = services.merge(pages);
        let pulse = Arc::new(DatabasePulse::new(store.clone()));
        let proxies = Proxies::new(options.process.proxies);
        let side = |router, private| PlainSide {
            router,
            metrics: metrics.clone(),
            trace: trace.clone(),
            proxies: proxies.clone(),
            private,
            pulse: pulse.clone(),
        };
        let (public, private) = (side(public, None), side(services, Some(PrivateSide { key, operators })));
        Self { public, private, friends, metrics, own }
    }
}

fn say_who_comes_in(private_port: u16, door: Option<&[Network]>) {
    match door {
        None => tracing::info!("the private port {private_port} is for this machine alone, without keys"),
        Some([]) => tracing::info!("the private port {private_port} demands a simulator's key"),
        Some(open_to) => {
            let open_to = open_to.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            tracing::warn!(
                "the private port {private_port} demands a simulator's key, but none from {open_to}: whoever has such an \
                 address can do what simulators can"
            );
        }
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("HTTP port {address}"))
}

/// What simulators are served. Where there is no region yet for those who have no better place, the first to come
/// is it.
fn private_router(services: Services) -> Router {
    let grid = Arc::new(arrivals::FirstRegion::new(services.grid.clone()));
    grid::private_router(Services { grid, ..services }, grid::PrivateConfig::default())
}
