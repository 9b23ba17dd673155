//! `sojourn simulator`: regions that are joined to a grid in another process, ours or an OpenSimulator ROBUST.

use super::{regions, say_ready, start_log, stop_signals, unless_stopped};
use crate::options::SimulatorOptions;
use crate::{data, log, options};
use anyhow::{Result, bail};
use connectors::{GridAddress, Names};
use model::RegionId;
use services::{ServiceError, Services};
use simulator::{GridPlace, LookUps, Proxies, Simulator, SimulatorConfig};
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
    let names = Some(Names(Arc::new(LookUps::default())));
    let how = connectors::Options { key: options.key.clone(), names, ..connectors::Options::default() };
    let services = connectors::connect(&address, &how)?;
    let Some(mut simulator) = unless_stopped(&mut stop, start(&options, &services)).await? else {
        return Ok(());
    };
    simulator.set_log(log.setter());
    simulator.metrics().count_lost_lines(log::lost);
    if let Some(collector) = &options.regions.otlp {
        simulator.export_traces(collector);
    }
    if !simulator.register_unless(&mut stop).await? {
        return Ok(());
    }
    Ok(simulator.run(|| say_ready(begun, &options.login), stop).await?)
}

/// Binds everything, once the grid is there.
async fn start(options: &options::Simulator, services: &Services) -> Result<Simulator> {
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
        grid: Some(GridPlace { private: options.grid.as_str().into(), login: options.login.as_str().into() }),
        operators: options.process.operators.clone(),
        proxies: Proxies::new(options.process.proxies.clone()),
        drain: options.regions.drain,
    };
    Ok(Simulator::start(config, services.clone()).await?.open(axum::Router::new()))
}

/// Waits until the grid answers.
async fn wait_for(services: &Services, grid: &str) -> Result<()> {
    let deadline = Instant::now() + GRID_PATIENCE;
    let (mut pause, longest) = PAUSES;
    loop {
        let answer = tokio::time::timeout(ANSWER, services.grid.by_id(RegionId(model::Uuid::max()))).await;
        let why = match answer {
            Ok(Err(error)) if connectors::wants_key(&error) => {
                bail!("the grid at {grid}: {error}: SOJOURN_SIMULATOR_KEY")
            }
            Ok(Err(ServiceError::Unavailable(why))) => why,
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
