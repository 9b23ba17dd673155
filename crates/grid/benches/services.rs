//! What the grid's services cost on both engines: logins a second, reports a second, look-ups a second.
//!
//! `cargo bench -p grid`; on PostgreSQL too if SOJOURN_TEST_POSTGRES names a server, for instance one of `.ci/postgres`. A
//! plain figure is the time of one call, one after the other; in `together`, of [`MANY`] that are under way at once.

use async_trait::async_trait;
use divan::Bencher;
use divan::counter::ItemsCount;
use grid::{
    Database, HashCost, LoginConfig, LoginRequest, LoginResponse, LoginService, NewPerson, SqlStore,
    SystemClock, provision_account,
};
use model::{AgentId, FolderId, GridCell, RegionId, SessionId, Uuid};
use services::{LoginAgent, LoginDestination, Prepared, Refusal, RegionInfo, Renewed, Services};
use sqlx::{Connection as _, Executor as _};
use std::net::Ipv4Addr;
use std::sync::Arc;
use tokio::runtime::Runtime;

fn main() {
    divan::main();
}

/// A region that takes everybody at once.
struct Open;

#[async_trait]
impl LoginDestination for Open {
    async fn create_agent(&self, region: &RegionInfo, _agent: LoginAgent) -> Result<Prepared, Refusal> {
        let seed_capability = region.server_uri.clone();
        Ok(Prepared { seed_capability, sim_ip: Ipv4Addr::LOCALHOST, sim_port: 9001 })
    }

    async fn end_session(&self, _region: &RegionInfo, _agent: AgentId, _session: SessionId, _reason: &str) {}
}

/// Calls at once, each on behalf of somebody else.
const MANY: usize = 64;

/// Where the grid is kept.
#[derive(Clone, Copy, Debug)]
enum Engine {
    Sqlite,
    Postgres,
}

impl std::fmt::Display for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        })
    }
}

fn server() -> Option<String> {
    std::env::var("SOJOURN_TEST_POSTGRES").ok()
}

fn engines() -> Vec<Engine> {
    match server() {
        Some(_) => vec![Engine::Sqlite, Engine::Postgres],
        None => vec![Engine::Sqlite],
    }
}

impl Engine {
    async fn database(self, folder: &std::path::Path) -> Database {
        let Self::Postgres = self else { return Database::File(folder.join("grid.db")) };
        let url = server().expect("the engine is offered only then");
        let schema = format!("bench_{:016x}", rand::random::<u64>());
        let mut connection = sqlx::PgConnection::connect(&url).await.expect("a server");
        let create = sqlx::AssertSqlSafe(format!("CREATE SCHEMA {schema}"));
        connection.execute(create).await.expect("a schema");
        format!("{url}?options=-c%20search_path%3D{schema}").parse().expect("a URL")
    }
}

struct World {
    runtime: Runtime,
    services: Services,
    login: Arc<LoginService>,
    ada: AgentId,
    crowd: Vec<AgentId>,
    body_parts: FolderId,
    _folder: tempfile::TempDir,
}

fn world(engine: Engine) -> World {
    let runtime = Runtime::new().expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let clock = Arc::new(SystemClock);
    let (store, services, crowd, body_parts) = runtime.block_on(async {
        let database = engine.database(folder.path()).await;
        let store =
            SqlStore::open(&database, clock.clone(), [1; 32], HashCost::default()).await.expect("a store");
        let services = store.services();
        for n in 0..1000 {
            let region = RegionInfo {
                id: RegionId(Uuid::from_u128(n + 1)),
                name: format!("Region {n}"),
                handle: GridCell { x: 1000 + (n % 32) as u32, y: 1000 + (n / 32) as u32 }.handle(),
                ..RegionInfo::default()
            };
            services.grid.register(&region).await.expect("a free place");
        }
        let mut crowd = Vec::new();
        for n in 0..MANY {
            let person = NewPerson {
                first: format!("Ada{n}"),
                last: "One".into(),
                password: "secret".into(),
                ..NewPerson::default()
            };
            let account = provision_account(&services, rand::random(), 0, person).await;
            crowd.push(account.expect("a free name").id);
        }
        let folder = services.inventory.folder_for_type(crowd[0], 13).await.expect("an answer");
        (store, services, crowd, folder.expect("a folder").id)
    });
    let ada = crowd[0];
    let config = LoginConfig {
        welcome: "Welcome".into(),
        map_url: "http://127.0.0.1/".into(),
        ..LoginConfig::default()
    };
    let login = LoginService::new(services.clone(), Arc::new(store), Arc::new(Open), config, clock, [3; 32]);
    World { runtime, services, login: Arc::new(login), ada, crowd, body_parts, _folder: folder }
}

fn login_of(n: usize) -> LoginRequest {
    let first = format!("Ada{n}");
    let call =
        llsd::map! { "first" => first, "last" => "One", "passwd" => "secret", "start" => "uri:Region 500" };
    LoginRequest::read(&call).expect("a login")
}

/// The whole login of an account whose password was right a moment ago.
#[divan::bench(args = engines())]
fn login_again(bencher: Bencher<'_, '_>, engine: Engine) {
    let world = world(engine);
    let request = login_of(0);
    bencher.bench_local(|| {
        let response = world.runtime.block_on(world.login.login(request.clone(), None));
        assert!(matches!(response, LoginResponse::Success(_)));
    });
}

/// What the first login costs more, and a wrong password: one hash.
#[divan::bench(args = engines())]
fn wrong_password(bencher: Bencher<'_, '_>, engine: Engine) {
    let world = world(engine);
    let wrong = services::ViewerPassword::from_plain("wrong");
    let verify = async || world.services.auth.verify(world.ada, &wrong).await;
    bencher.bench_local(|| assert_eq!(world.runtime.block_on(verify()), Ok(false)));
}

#[divan::bench(args = engines())]
fn presence_report(bencher: Bencher<'_, '_>, engine: Engine) {
    let world = world(engine);
    let session = SessionId(Uuid::from_u128(1));
    let begin = async || world.services.presence.login(world.ada, session, Default::default()).await;
    world.runtime.block_on(begin()).expect("a session");
    let report = async || world.services.presence.report(session, RegionId(Uuid::from_u128(1))).await;
    bencher.bench_local(|| assert_eq!(world.runtime.block_on(report()), Ok(true)));
}

/// Ten thousand sessions, all in one region.
fn ten_thousand(world: &World) -> Vec<(SessionId, RegionId)> {
    let here = RegionId(Uuid::from_u128(1));
    let held: Vec<_> = (0..10_000).map(|n| (SessionId(Uuid::from_u128(n)), here)).collect();
    let log_in = async || {
        for &(session, region) in &held {
            world.services.presence.login(AgentId(session.0), session, Default::default()).await?;
            world.services.presence.hold(session, region).await?;
        }
        services::Result::Ok(())
    };
    world.runtime.block_on(log_in()).expect("sessions");
    held
}

/// The leases of 10,000 sessions, in one call.
#[divan::bench(args = engines(), sample_count = 10)]
fn renew_ten_thousand_leases(bencher: Bencher<'_, '_>, engine: Engine) {
    let world = world(engine);
    let held = ten_thousand(&world);
    let renew = async || world.services.presence.renew(&held).await;
    bencher.bench_local(|| assert_eq!(world.runtime.block_on(renew()), Ok(Renewed::default())));
}

/// Somebody comes and goes, while 10,000 others are there.
#[divan::bench(args = engines())]
fn session_beside_ten_thousand(bencher: Bencher<'_, '_>, engine: Engine) {
    let world = world(engine);
    ten_thousand(&world);
    let (session, region) = (SessionId(Uuid::from_u128(20_000)), RegionId(Uuid::from_u128(2)));
    let live = async || {
        world.services.presence.login(world.ada, session, Default::default()).await?;
        world.services.presence.hold(session, region).await?;
        world.services.presence.logout(session).await
    };
    bencher.bench_local(|| assert_eq!(world.runtime.block_on(live()), Ok(true)));
}

/// The end of 10,000 sessions whose region starts anew.
#[divan::bench(args = engines(), sample_count = 5)]
fn end_ten_thousand_sessions(bencher: Bencher<'_, '_>, engine: Engine) {
    let world = world(engine);
    let end = async |region| world.services.presence.logout_region(region).await;
    bencher
        .with_inputs(|| ten_thousand(&world)[0].1)
        .bench_local_values(|region| assert_eq!(world.runtime.block_on(end(region)), Ok(10_000)));
}

#[divan::bench(args = engines())]
fn region_by_position(bencher: Bencher<'_, '_>, engine: Engine) {
    let world = world(engine);
    let find = async || world.services.grid.by_position(1015 * 256 + 7, 1020 * 256 + 9).await;
    bencher.bench_local(|| assert!(world.runtime.block_on(find()).is_ok_and(|region| region.is_some())));
}

#[divan::bench(args = engines())]
fn folder_content(bencher: Bencher<'_, '_>, engine: Engine) {
    let world = world(engine);
    let fetch = async || world.services.inventory.content(world.ada, world.body_parts).await;
    bencher.bench_local(|| assert!(world.runtime.block_on(fetch()).is_ok_and(|content| content.is_some())));
}

/// As many at a time as a busy grid has; the figure is what a second holds.
mod together {
    use super::*;

    async fn all<T: Send + 'static>(
        calls: impl Iterator<Item = impl Future<Output = T> + Send + 'static>,
    ) -> Vec<T> {
        calls.collect::<tokio::task::JoinSet<T>>().join_all().await
    }

    #[divan::bench(args = engines())]
    fn logins_again(bencher: Bencher<'_, '_>, engine: Engine) {
        let world = world(engine);
        bencher.counter(ItemsCount::new(MANY)).bench_local(|| {
            let logins = (0..MANY).map(|n| {
                let login = world.login.clone();
                async move { login.login(login_of(n), None).await }
            });
            let done = world.runtime.block_on(all(logins));
            assert!(done.iter().all(|response| matches!(response, LoginResponse::Success(_))));
        });
    }

    #[divan::bench(args = engines())]
    fn presence_reports(bencher: Bencher<'_, '_>, engine: Engine) {
        let world = world(engine);
        let sessions: Vec<_> = (1..=MANY as u128).map(|n| SessionId(Uuid::from_u128(n))).collect();
        for (&agent, &session) in world.crowd.iter().zip(&sessions) {
            let begin = world.services.presence.login(agent, session, Default::default());
            world.runtime.block_on(begin).expect("a session");
        }
        bencher.counter(ItemsCount::new(MANY)).bench_local(|| {
            let reports = sessions.iter().map(|&session| {
                let presence = world.services.presence.clone();
                async move { presence.hold(session, RegionId(Uuid::from_u128(1))).await }
            });
            assert!(world.runtime.block_on(all(reports)).iter().all(|done| *done == Ok(true)));
        });
    }

    #[divan::bench(args = engines())]
    fn region_look_ups(bencher: Bencher<'_, '_>, engine: Engine) {
        let world = world(engine);
        bencher.counter(ItemsCount::new(MANY)).bench_local(|| {
            let look_ups = (0..MANY as u32).map(|n| {
                let grid = world.services.grid.clone();
                async move { grid.by_position((1000 + n % 32) * 256 + 7, (1000 + n / 32) * 256 + 9).await }
            });
            let found = world.runtime.block_on(all(look_ups));
            assert!(found.iter().all(|region| matches!(region, Ok(Some(_)))));
        });
    }
}
