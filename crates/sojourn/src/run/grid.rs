//! `sojourn grid`: the grid services alone, for simulators in other processes.

use super::{operator, public, say_ready, start_log, stop_signals};
use crate::options::GridOptions;
use crate::{data, first_account};
use anyhow::{Context as _, Result};
use axum::Router;
use grid::{AssetKeeper, Door, Network, Reaper};
use model::RegionId;
use services::{Presence, RegionFlags, RegionInfo, Services};
use simulator::{
    Friends, HttpTrace, Metrics, PlainSide, PrivateSide, ProcessKey, RemoteDestination, RemoteOperations,
    RemotePeers,
};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::watch;

mod arrivals;

/// Runs until a signal comes.
pub(crate) async fn run(options: GridOptions) -> Result<()> {
    let begun = Instant::now();
    let options = options.decide()?;
    let log = start_log(&options.process.log)?;
    let mut stop = stop_signals(Duration::ZERO)?;
    let bind = options.process.bind;
    say_who_comes_in(options.private_port, options.door.as_deref());
    let public_port = listen(SocketAddr::new(bind, options.port)).await?;
    let private_port = listen(SocketAddr::new(bind, options.private_port)).await?;
    data::prepare(&options.data)?;
    let store = data::open_with_assets(&options.database, &options.assets).await?.with_lease(options.lease);
    if let Some(account) = first_account::create(&store.services()).await? {
        first_account::print(&account);
    }
    operator::first_password(&store, &options.process.url(options.private_port)).await?;

    let url = options.url;
    let key = Arc::new(ProcessKey::from_secret(&store.signing_key().await?));
    let metrics = Arc::new(Metrics::new());
    operator::count_connections(&metrics, &store);
    let destination = Arc::new(RemoteDestination::new(key.clone(), metrics.clone()));
    let peers = RemotePeers::new(key.clone(), metrics.clone());
    let friends = Friends::new(store.services(), Arc::new(peers));
    let public =
        public::router(&url, &options.grid_name, options.logins, &store, destination, metrics.clone());
    let trace = Arc::new(HttpTrace::default());
    let simulators = operator::Simulators::Elsewhere {
        grid: store.services().grid,
        remote: RemoteOperations::new(key.clone()),
        metrics: metrics.clone(),
        trace: trace.clone(),
    };
    let operators = options.process.operators.clone();
    let pages = operator::pages(&options.grid_name, &store, operators.clone(), log, simulators);
    let private = PrivateSide { key, operators };
    let (closing, closed) = watch::channel(false);
    let side =
        |router, private| PlainSide { router, metrics: metrics.clone(), trace: trace.clone(), private };
    let services = private_router(store.services());
    let services = match options.door {
        Some(open_to) => Door::new(store.clone(), open_to).before(services),
        None => services,
    };
    // These have a door of their own.
    let services = services.merge(pages);
    let sides = [
        tokio::spawn(side(public, None).serve(public_port, closed.clone())),
        tokio::spawn(side(services, Some(private)).serve(private_port, closed)),
    ];
    say_ready(begun, &url);
    let told = |ended: &Presence| {
        metrics.session_ended("lease_expired");
        friends.tell(RegionId::NULL, ended.agent, false)
    };
    tokio::select! {
        _ = stop.recv() => {}
        () = Reaper::new(store.clone()).run(told) => {}
        () = AssetKeeper::new(store.clone()).run() => {}
    }
    // Whoever is gone has gone already.
    let _ = closing.send(true);
    for side in sides {
        let _ = side.await;
    }
    store.close().await;
    Ok(())
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
