//! Grids on loopback, asked through the connectors: ours, recorded ones, and broken ones.

mod cache;
mod faults;
mod people;
mod personal;
mod places;
mod recorded;
pub(crate) mod stub;

use crate::{GridAddress, Options, connect};
use axum::Router;
use grid::{Database, HashCost, PrivateConfig, SqlStore, SystemClock, private_router};
use model::{AgentId, GridCell, RegionId, Uuid};
use services::{RegionInfo, Services};
use std::sync::Arc;

const CHEAP: HashCost = HashCost { memory_kib: 32, passes: 1 };

/// Serves these routes for as long as the test runs.
async fn serve(router: Router) -> GridAddress {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    GridAddress { private: base.clone(), public: base }
}

/// The services behind these routes.
async fn services_of(router: Router) -> Services {
    connect(&serve(router).await, &Options::default()).unwrap()
}

/// A grid of ours: its services as it has them, and as simulators do.
async fn our_grid() -> (SqlStore, Services) {
    let store = SqlStore::open(&Database::Memory, Arc::new(SystemClock), [7; 32], CHEAP).await.unwrap();
    let config = PrivateConfig { allow_set_account: true, allow_set_password: false };
    let services = services_of(private_router(store.services(), config)).await;
    (store, services)
}

fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

fn agent(n: u128) -> AgentId {
    AgentId(id(n))
}

fn region(n: u128, name: &str, x: u32, y: u32) -> RegionInfo {
    RegionInfo {
        id: RegionId(id(n)),
        name: name.into(),
        handle: GridCell { x, y }.handle(),
        external_host: "127.0.0.1".into(),
        http_port: 9000,
        udp_port: 9001,
        server_uri: "http://127.0.0.1:9000/".into(),
        owner: agent(3),
        access: 21,
        ..RegionInfo::default()
    }
}
