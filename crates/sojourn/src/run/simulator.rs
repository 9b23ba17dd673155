//! `sojourn simulator`: regions that are joined to a grid in another process, ours or an OpenSimulator ROBUST.

use super::{regions, say_ready, start_log, stop_signals};
use crate::options::SimulatorOptions;
use crate::{data, options};
use anyhow::{Result, bail};
use connectors::GridAddress;
use model::RegionId;
use services::{ServiceError, Services};
use simulator::{Simulator, SimulatorConfig};
use std::sync::Arc;
use std::time::{Duration, Instant};

mod grid_name;

/// How long the grid may take to come up.
const GRID_PATIENCE: Duration = Duration::from_secs(60);
/// How long it may take for an answer.
const ANSWER: Duration = Duration::from_secs(5);
/// Between tries: the first, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(3));

/// Runs until a signal comes.
pub(crate) async fn run(options: SimulatorOptions) -> Result<()> {
    let begun = Instant::now();
    let options = options.decide()?;
    let log = start_log(&options.process.log)?;
    let mut stop = stop_signals(options.regions.drain)?;
    data::prepare(&options.data)?;
    let address = GridAddress { private: options.grid.clone(), public: options.login.clone() };
    let how = connectors::Options { key: options.key.clone(), ..connectors::Options::default() };
    let services = connectors::connect(&address, &how)?;
    let joined = tokio::select! {
        joined = join(&options, &services) => joined?,
        // Nobody is inside yet.
        _ = stop.recv() => return Ok(()),
    };
    joined.set_log(log.setter());
    if let Some(collector) = &options.regions.otlp {
        joined.export_traces(collector);
    }
    joined.run(|| say_ready(begun, &options.login), stop).await;
    Ok(())
}

/// Binds everything and enters the regions into the grid, once that is there.
async fn join(options: &options::Simulator, services: &Services) -> Result<Simulator> {
    let world = regions::read(&options.regions, options.port, data::identity(&options.data)?)?;
    wait_for(services, &options.grid).await?;
    let http_base: Arc<str> = options.regions.url(&options.process, options.port).into();
    let (grid_name, regions) = tokio::join!(
        grid_name::ask(&options.login),
        regions::configure(world, &options.regions, &options.process, &http_base, services)
    );
    let config = SimulatorConfig {
        bind: options.process.bind,
        port: options.port,
        http_base,
        grid_name: grid_name.into(),
        data: options.data.clone(),
        regions: regions?,
        grid: Some(options.grid.as_str().into()),
        operators: options.process.operators.clone(),
        drain: options.regions.drain,
    };
    let simulator = Simulator::start(config, services.clone()).await?.open(axum::Router::new());
    simulator.register().await?;
    Ok(simulator)
}

/// Waits until the grid answers.
async fn wait_for(services: &Services, grid: &str) -> Result<()> {
    let deadline = Instant::now() + GRID_PATIENCE;
    let (mut pause, longest) = PAUSES;
    loop {
        let answer = tokio::time::timeout(ANSWER, services.grid.by_id(RegionId(model::Uuid::max()))).await;
        let why = match answer {
            Ok(Err(ServiceError::Unavailable(why))) => why,
            Ok(Err(ServiceError::Refused(why))) => bail!("the grid at {grid}: {why}: SOJOURN_SIMULATOR_KEY"),
            // Whatever it says, it is there.
            Ok(_) => return Ok(()),
            Err(_) => "no answer in time".to_owned(),
        };
        if Instant::now() + pause > deadline {
            bail!("the grid at {grid} is out of reach: {why}");
        }
        tracing::info!(grid, why, "the grid is out of reach; trying again");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(longest);
    }
}
