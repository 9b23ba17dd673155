//! `sojourn standalone`: a grid and a simulator in one process. The simulator calls the grid's services in memory,
//! through the same traits that a grid elsewhere would stand behind.

use crate::counted::CountedAuth;
use crate::options::{Standalone, StandaloneOptions};
use crate::world::{self, Access, Maturity, Terrain, WorldRegion};
use crate::{data, first_account};
use anyhow::{Context as _, Result};
use grid::{GridInfo, LoginConfig, LoginService, PublicState, SqlStore, SystemClock};
use model::AgentId;
use region::{AccessPolicy, RegionConfig};
use services::{RegionFlags, Services, access};
use simulator::{Simulator, SimulatorConfig};
use std::io::{IsTerminal as _, Write as _};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Instant;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// Shown to viewers.
const VERSION: &str = concat!("Sojourn ", env!("CARGO_PKG_VERSION"));

/// Runs until a signal comes.
pub(crate) async fn run(options: StandaloneOptions) -> Result<()> {
    let begun = Instant::now();
    let options = options.decide()?;
    start_log(&options.log)?;
    // From here on a signal is a wish to end, not the end.
    let stop = stop_signal()?;
    data::prepare(&options.data)?;
    let identity = data::identity(&options.data)?;
    let regions = match &options.world {
        Some(path) => world::read(path, identity)?,
        None => world::built_in(options.port, identity)?,
    };
    let store = data::open(&options.data).await?;
    let services = store.services();
    let simulator = simulator(&options, regions, &store, &services).await?;
    let others = router(&options, &store, &simulator);
    if let Some(account) = first_account::create(&services).await? {
        first_account::print(&account);
    }
    let url = options.url();
    simulator
        .run(
            others,
            || {
                tracing::info!("ready in {} ms", begun.elapsed().as_millis());
                let mut out = std::io::stdout().lock();
                // Nobody may be listening; the world goes on.
                let _ = writeln!(out, "ready {url}").and_then(|()| out.flush());
            },
            stop,
        )
        .await;
    store.close().await;
    Ok(())
}

/// Binds everything and enters the regions into the grid.
async fn simulator(
    options: &Standalone,
    regions: Vec<WorldRegion>,
    store: &SqlStore,
    services: &Services,
) -> Result<Simulator> {
    let sim_ip = sim_ip(&options.host).await?;
    let first = regions.first().map(|region| region.id);
    let http_base: Arc<str> = options.url().into();
    let mut configs = Vec::with_capacity(regions.len());
    for region in regions {
        configs.push(region_config(options, region, sim_ip, &http_base, services).await?);
    }
    let config = SimulatorConfig {
        bind: options.bind,
        port: options.port,
        http_base,
        grid_name: options.grid_name.as_str().into(),
        data: options.data.clone(),
        regions: configs,
        alone: true,
    };
    let simulator = Simulator::start(config, services.clone()).await?;
    // The sockets are ours, so no other process runs this world: what is marked as living is of a run before.
    store.forget_the_living().await?;
    simulator.register().await?;
    if let Some(first) = first {
        // Whoever has no better place arrives in the first region of the file.
        let arrivals = RegionFlags::DEFAULT_REGION | RegionFlags::FALLBACK_REGION;
        services.grid.set_flags(first, arrivals, RegionFlags::empty()).await?;
    }
    Ok(simulator)
}

fn router(options: &Standalone, store: &SqlStore, simulator: &Simulator) -> axum::Router {
    let url = options.url();
    let services = store.services();
    let auth = Arc::new(CountedAuth { inner: services.auth.clone(), metrics: simulator.metrics() });
    let login = LoginService::new(
        Services { auth, ..services },
        simulator.login_destination(),
        LoginConfig {
            welcome: format!("Welcome to {}, <USERNAME>!", options.grid_name),
            map_url: url.clone(),
            min_level: 0,
        },
        Arc::new(SystemClock),
        rand::random(),
    );
    let nick: String =
        options.grid_name.to_lowercase().chars().filter(char::is_ascii_alphanumeric).take(32).collect();
    let nick = if nick.is_empty() { "sojourn".to_owned() } else { nick };
    grid::public_router(PublicState {
        login: Arc::new(login),
        info: Arc::new(GridInfo::new(&url, &options.grid_name, &nick)),
        statistics: Arc::new(store.clone()),
        map_tiles: store.services().map_tiles,
    })
}

async fn region_config(
    options: &Standalone,
    region: WorldRegion,
    sim_ip: Ipv4Addr,
    http_base: &Arc<str>,
    services: &Services,
) -> Result<RegionConfig> {
    let mut owner = AgentId::NULL;
    if let Some(name) = &region.owner {
        owner = person(services, name, &region.name).await?.unwrap_or_default();
    }
    let mut members = Vec::new();
    for name in &region.members {
        members.extend(person(services, name, &region.name).await?);
    }
    Ok(RegionConfig {
        terrain: match region.terrain {
            Terrain::Flat => scene::TerrainKind::Flat(scene::SHORE_HEIGHT_M),
            Terrain::Island => scene::TerrainKind::Island { seed: region.id.0.as_u64_pair().0 },
        },
        id: region.id,
        name: region.name,
        cell: region.cell,
        size: region.size,
        sim_ip,
        udp_port: region.port,
        http_base: http_base.clone(),
        maturity: match region.maturity {
            Maturity::General => access::GENERAL,
            Maturity::Moderate => access::MODERATE,
            Maturity::Adult => access::ADULT,
        },
        max_agents: region.max_agents,
        access: match region.access {
            Access::Open => AccessPolicy::Open,
            Access::Members => AccessPolicy::Members,
        },
        members,
        owner,
        // The simulator has the clock.
        unix_epoch_s: 0,
        seed: rand::random(),
        patience: transfer::Patience::default(),
        silence_timeout: options.silence_timeout,
        version: VERSION.into(),
    })
}

/// Somebody whom the world file names; whoever has no account yet is passed over, so that a world can be written
/// before its people are there.
async fn person(services: &Services, name: &str, region: &str) -> Result<Option<AgentId>> {
    let (first, last) = data::split_name(name);
    let account = services.accounts.by_name(first, last).await?;
    if account.is_none() {
        tracing::warn!(region, "the world file names {name:?}, who has no account");
    }
    Ok(account.map(|account| account.id))
}

/// The address that viewers are told: they take no names.
async fn sim_ip(host: &str) -> Result<Ipv4Addr> {
    if let Ok(address) = host.parse() {
        return Ok(address);
    }
    let found = tokio::net::lookup_host((host, 0)).await.with_context(|| format!("host {host}"))?;
    let mut v4 = found.filter_map(|address| match address.ip() {
        IpAddr::V4(address) => Some(address),
        IpAddr::V6(_) => None,
    });
    v4.next().with_context(|| format!("host {host} has no IPv4 address, and viewers know no other"))
}

fn start_log(filter: &str) -> Result<()> {
    let filter = EnvFilter::try_new(filter).with_context(|| format!("log filter {filter:?}"))?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    Ok(())
}

/// Comes true with SIGINT or SIGTERM.
fn stop_signal() -> Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => tracing::info!("interrupted: closing"),
            _ = terminate.recv() => tracing::info!("terminated: closing"),
        }
    })
}
