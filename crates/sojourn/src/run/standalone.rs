//! `sojourn standalone`: a grid and a simulator in one process. The simulator calls the grid's services in memory,
//! through the same traits that a grid elsewhere would stand behind.

use super::{operator, public, regions, say_ready, start_log, stop_signals, unless_stopped};
use crate::options::{Standalone, StandaloneOptions, StoreOptions};
use crate::world::WorldRegion;
use crate::{data, first_account};
use anyhow::Result;
use grid::{AssetKeeper, Reaper, SqlStore};
use model::RegionId;
use services::{Presence, RegionFlags};
use simulator::{Proxies, Simulator, SimulatorConfig};
use std::sync::Arc;
use std::time::Instant;

/// Runs until a signal comes.
pub(crate) async fn run(options: StandaloneOptions) -> Result<()> {
    let begun = Instant::now();
    let options = options.decide()?;
    let log = start_log(&options.process.log)?;
    let mut stop = stop_signals()?;
    data::prepare(&options.data)?;
    let database = StoreOptions::in_folder(&options.data);
    let _held = data::hold(&database)?;
    let world = regions::read(&options.regions, options.port, data::identity(&options.data)?)?;
    let first = world.first().map(|region| region.id);
    let started = async {
        let store = data::open_with_assets(&database, &options.assets).await?;
        let simulator = start(&options, world, &store, log).await?;
        Ok((store, simulator))
    };
    let Some((store, simulator)) = unless_stopped(&mut stop, started).await? else { return Ok(()) };
    if !simulator.register_unless(&mut stop).await? {
        return Ok(());
    }
    let url = options.regions.url(&options.process, options.port);
    if unless_stopped(&mut stop, furnish(&store, first, &url)).await?.is_none() {
        simulator.leave().await;
        return Ok(());
    }
    let (friends, metrics) = (simulator.friends(), simulator.metrics());
    let told = |ended: &Presence| {
        metrics.session_ended("lease_expired");
        friends.tell(RegionId::NULL, ended.agent, false)
    };
    let ended = tokio::select! {
        ended = simulator.run(|| say_ready(begun, &url), stop) => ended.map_err(Into::into),
        () = Reaper::new(store.clone()).run(told) => Ok(()),
        () = AssetKeeper::new(store.clone()).run() => Ok(()),
    };
    data::close(&store).await;
    ended
}

/// What a world needs before anybody comes in: a place to arrive, an account, an operator.
async fn furnish(store: &SqlStore, first: Option<RegionId>, url: &str) -> Result<()> {
    let services = store.services();
    if let Some(first) = first {
        // Whoever has no better place arrives in the first region of the file.
        let arrivals = RegionFlags::DEFAULT_REGION | RegionFlags::FALLBACK_REGION;
        services.grid.set_flags(first, arrivals, RegionFlags::empty()).await?;
    }
    if let Some(account) = first_account::create(&services).await? {
        first_account::print(&account);
    }
    operator::first_password(store, url).await
}

/// Binds everything; the regions are not on the map yet.
async fn start(
    options: &Standalone,
    world: Vec<WorldRegion>,
    store: &SqlStore,
    log: operator::Log,
) -> Result<Simulator> {
    let services = store.services();
    let url = options.regions.url(&options.process, options.port);
    let http_base: Arc<str> = url.as_str().into();
    let regions =
        regions::configure(world, &options.regions, &options.process, &http_base, &services).await?;
    let config = SimulatorConfig {
        bind: options.process.bind,
        port: options.port,
        http_base,
        grid_name: options.grid_name.as_str().into(),
        data: options.data.clone(),
        regions,
        grid: None,
        operators: options.process.operators.clone(),
        proxies: Proxies::new(options.process.proxies.clone()),
        drain: options.regions.drain,
    };
    let mut simulator = Simulator::start(config, services).await?;
    let (destination, metrics) = (simulator.login_destination(), simulator.metrics());
    operator::count_more(&metrics, store);
    simulator.set_log(log.setter());
    if let Some(collector) = &options.regions.otlp {
        simulator.export_traces(collector);
    }
    let simulators = operator::Simulators::Here(simulator.operations());
    let operators = options.process.operators.clone();
    let pages = operator::pages(&options.grid_name, store, operators, log, simulators);
    let logins = options.logins.clone();
    let public = public::router(&url, &options.grid_name, logins, store, destination, metrics);
    let simulator = simulator.open(public.merge(pages));
    // The sockets are ours, so no other process runs this world: what is marked as living is of a run before.
    store.forget_the_living().await?;
    Ok(simulator)
}
