//! Regions as a process is told them, and as they are told who they are.

use super::VERSION;
use crate::data;
use crate::options::{Process, Regions};
use crate::world::{self, Access, Maturity, Terrain, WorldRegion};
use anyhow::{Context as _, Result};
use model::{AgentId, Uuid};
use region::{AccessPolicy, RegionConfig};
use services::{Services, access};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// The regions of a process whose HTTP side has this port.
pub(super) fn read(regions: &Regions, port: u16, identity: Uuid) -> Result<Vec<WorldRegion>> {
    match &regions.world {
        Some(path) => world::read(path, identity),
        None => world::built_in(port, identity),
    }
}

/// What each of them is told when it starts.
pub(super) async fn configure(
    world: Vec<WorldRegion>,
    regions: &Regions,
    process: &Process,
    http_base: &Arc<str>,
    services: &Services,
) -> Result<Vec<RegionConfig>> {
    let sim_ip = sim_ip(&process.host).await?;
    let mut configs = Vec::with_capacity(world.len());
    for region in world {
        configs.push(configure_one(regions, region, sim_ip, http_base, services).await?);
    }
    Ok(configs)
}

async fn configure_one(
    regions: &Regions,
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
        patience: regions.patience,
        versions: regions.versions,
        silence_timeout: regions.silence_timeout,
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
