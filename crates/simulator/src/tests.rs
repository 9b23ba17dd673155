//! A whole simulator on loopback, with a fake grid behind it and HTTP clients in front.

mod capabilities;
mod client;
mod leaving;
mod life;
mod limits;
mod operations;
mod peers;
mod proxies;
mod recorded;

use crate::fake::Fake;
use crate::{ProcessKey, Proxies, Simulator, SimulatorConfig};
use client::Client;
use llsd::Value;
use model::{
    AgentId, CapsSecret, CircuitCode, FolderId, GridCell, RegionId, RegionSize, SessionId, Uuid, Vec3,
};
use region::RegionConfig;
use services::{Account, InventoryFolder, LoginAgent, LoginDestination, RegionInfo};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

pub(crate) const ADA: AgentId = AgentId(Uuid::from_u128(0xada));
const ALAN: AgentId = AgentId(Uuid::from_u128(0xa1a));
const ROOT: FolderId = FolderId(Uuid::from_u128(0xf0));

/// A region as tests want it.
pub(crate) fn region(n: u32) -> RegionConfig {
    RegionConfig {
        id: RegionId(Uuid::from_u128(0x100 + u128::from(n))),
        name: format!("Region {n}"),
        cell: GridCell { x: 1000 + n, y: 1000 },
        size: RegionSize::STANDARD,
        sim_ip: Ipv4Addr::LOCALHOST,
        // Any that is free; viewers are not told it here.
        udp_port: free_port(),
        http_base: "http://127.0.0.1:80/".into(),
        maturity: services::access::GENERAL,
        max_agents: 10,
        access: region::AccessPolicy::Open,
        members: Vec::new(),
        owner: AgentId::NULL,
        terrain: scene::TerrainKind::default(),
        unix_epoch_s: 0,
        seed: 1,
        patience: transfer::Patience::default(),
        versions: transfer::VersionRange::ALL,
        silence_timeout: Duration::from_secs(60),
        version: "test".into(),
    }
}

/// A UDP port that was free a moment ago.
fn free_port() -> u16 {
    std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A grid with two people in it.
pub(crate) fn grid() -> Arc<Fake> {
    let account = |id, first: &str, last: &str| Account {
        id,
        first: first.into(),
        last: last.into(),
        ..Account::default()
    };
    let folder = |owner, id, parent, name: &str| InventoryFolder {
        id,
        owner,
        parent,
        name: name.into(),
        kind: 8,
        version: 3,
    };
    Arc::new(Fake {
        accounts: vec![account(ADA, "Ada", "Lovelace"), account(ALAN, "Alan", "Resident")],
        folders: vec![folder(ADA, ROOT, FolderId::NULL, "My Inventory")].into(),
        ..Fake::default()
    })
}

/// The HTTP side as a test wants it.
#[derive(Clone, Copy)]
struct Side<'a> {
    port: u16,
    grid: Option<&'a str>,
}

/// A process that nothing ails.
struct Well;

#[async_trait::async_trait]
impl crate::Pulse for Well {
    async fn is_well(&self) -> bool {
        true
    }
}

/// Any port; the grid is in the process.
const SIDE: Side<'static> = Side { port: 0, grid: None };

fn config_of(folder: &tempfile::TempDir, regions: Vec<RegionConfig>, side: Side<'_>) -> SimulatorConfig {
    SimulatorConfig {
        bind: Ipv4Addr::LOCALHOST.into(),
        port: side.port,
        http_base: regions[0].http_base.clone(),
        grid_name: "Test & Grid".into(),
        data: folder.path().into(),
        regions,
        grid: side.grid.map(Into::into),
        operators: Vec::new(),
        proxies: Proxies::default(),
        drain: Duration::ZERO,
    }
}

/// A simulator that runs, and where it is.
struct Running {
    address: SocketAddr,
    grid: Arc<Fake>,
    key: Arc<ProcessKey>,
    destination: Arc<dyn LoginDestination>,
    directory: Arc<crate::Directory>,
    sessions: Arc<crate::sessions::Sessions>,
    operations: crate::Operations,
    here: RegionInfo,
    folder: tempfile::TempDir,
    stop: mpsc::Sender<()>,
    task: JoinHandle<()>,
}

impl Running {
    async fn start(regions: u32) -> Self {
        Self::start_with(grid(), (1..=regions).map(region).collect(), SIDE).await
    }

    async fn start_with(grid: Arc<Fake>, regions: Vec<RegionConfig>, side: Side<'_>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let here = regions[0].info();
        let config = config_of(&folder, regions, side);
        let simulator = Simulator::start(config, grid.services()).await.unwrap();
        let simulator = simulator.open(axum::Router::new());
        simulator.register().await.unwrap();
        let address = simulator.local_addr();
        let key = simulator.key();
        let destination = simulator.login_destination();
        let directory = simulator.directory();
        let sessions = simulator.sessions();
        let operations = simulator.operations();
        let (stop, stopped) = mpsc::channel(1);
        let (ready, is_ready) = oneshot::channel();
        let task = tokio::spawn(async move {
            simulator.run(|| ready.send(()).unwrap(), stopped).await.unwrap();
        });
        is_ready.await.unwrap();
        Self { address, grid, key, destination, directory, sessions, operations, here, folder, stop, task }
    }

    async fn client(&self) -> Client {
        Client::connect(self.address).await
    }

    /// Logs in; the path of the seed.
    async fn login(&self, agent: AgentId) -> String {
        let prepared = self.destination.create_agent(&self.here, agent_of(agent)).await.unwrap();
        let url = prepared.seed_capability;
        url.strip_prefix("http://127.0.0.1:80").unwrap().to_owned()
    }

    /// Logs in and fetches these capabilities: their paths.
    async fn granted(&self, agent: AgentId, names: &[&str]) -> Vec<String> {
        let seed = self.login(agent).await;
        let wanted: Value = names.iter().copied().collect();
        let granted = self.client().await.post(&seed, &wanted).await.llsd();
        let path = |name: &&str| granted[*name].text().unwrap()["http://127.0.0.1:80".len()..].to_owned();
        names.iter().map(path).collect()
    }

    async fn end_session(&self, agent: AgentId) {
        self.destination.end_session(&self.here, agent, session_of(agent), "test").await;
    }

    async fn stop(self) -> (Arc<Fake>, tempfile::TempDir) {
        self.stop.try_send(()).unwrap();
        self.task.await.unwrap();
        (self.grid, self.folder)
    }
}

fn session_of(agent: AgentId) -> SessionId {
    SessionId(Uuid::from_u128(agent.0.as_u128() << 64))
}

fn agent_of(agent: AgentId) -> LoginAgent {
    LoginAgent {
        agent,
        session: session_of(agent),
        secure_session: model::SecureSessionId(Uuid::from_u128(9)),
        circuit_code: CircuitCode(17),
        first: "Ada".into(),
        last: "Lovelace".into(),
        position: Vec3::new(128.0, 128.0, 0.0),
        look_at: Vec3::X,
        flags: model::TeleportFlags::VIA_LOGIN,
        viewer: "test".into(),
        channel: "test".into(),
        mac: String::new(),
        id0: String::new(),
        client_ip: None,
        appearance: services::LoginAppearance::default(),
        caps: CapsSecret(Uuid::from_u128(agent.0.as_u128() + 1)),
    }
}
