//! What the grid's services cost on a file: logins a second, reports a second, look-ups a second.
//! `cargo bench -p grid`; each figure is the time of one call, one after the other.

use async_trait::async_trait;
use divan::Bencher;
use grid::{
    Database, HashCost, LoginConfig, LoginRequest, LoginResponse, LoginService, NewPerson, SqlStore,
    SystemClock, provision_account,
};
use model::{AgentId, FolderId, GridCell, RegionId, SessionId, Uuid};
use services::{LoginAgent, LoginDestination, Prepared, Refusal, RegionInfo, Services};
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

struct World {
    runtime: Runtime,
    services: Services,
    login: LoginService,
    ada: AgentId,
    body_parts: FolderId,
    _folder: tempfile::TempDir,
}

fn world() -> World {
    let runtime = Runtime::new().expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let database = Database::File(folder.path().join("grid.db"));
    let clock = Arc::new(SystemClock);
    let (store, services, ada, body_parts) = runtime.block_on(async {
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
        let person = NewPerson {
            first: "Ada".into(),
            last: "One".into(),
            password: "secret".into(),
            ..NewPerson::default()
        };
        let ada = provision_account(&services, [2; 32], 0, person).await.expect("a free name").id;
        let folder = services.inventory.folder_for_type(ada, 13).await.expect("an answer").expect("a folder");
        (store, services, ada, folder.id)
    });
    let config = LoginConfig {
        welcome: "Welcome".into(),
        map_url: "http://127.0.0.1/".into(),
        ..LoginConfig::default()
    };
    let login = LoginService::new(services.clone(), Arc::new(store), Arc::new(Open), config, clock, [3; 32]);
    World { runtime, services, login, ada, body_parts, _folder: folder }
}

/// The whole login of an account whose password was right a moment ago.
#[divan::bench]
fn login_again(bencher: Bencher<'_, '_>) {
    let world = world();
    let call =
        llsd::map! { "first" => "Ada", "last" => "One", "passwd" => "secret", "start" => "uri:Region 500" };
    let request = LoginRequest::read(&call).expect("a login");
    bencher.bench_local(|| {
        let response = world.runtime.block_on(world.login.login(request.clone(), None));
        assert!(matches!(response, LoginResponse::Success(_)));
    });
}

/// What the first login costs more, and a wrong password: one hash.
#[divan::bench]
fn wrong_password(bencher: Bencher<'_, '_>) {
    let world = world();
    let wrong = services::ViewerPassword::from_plain("wrong");
    let verify = async || world.services.auth.verify(world.ada, &wrong).await;
    bencher.bench_local(|| assert_eq!(world.runtime.block_on(verify()), Ok(false)));
}

#[divan::bench]
fn presence_report(bencher: Bencher<'_, '_>) {
    let world = world();
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
#[divan::bench(sample_count = 10)]
fn renew_ten_thousand_leases(bencher: Bencher<'_, '_>) {
    let world = world();
    let held = ten_thousand(&world);
    let renew = async || world.services.presence.renew(&held).await;
    bencher.bench_local(|| assert_eq!(world.runtime.block_on(renew()), Ok(Vec::new())));
}

/// Somebody comes and goes, while 10,000 others are there.
#[divan::bench]
fn session_beside_ten_thousand(bencher: Bencher<'_, '_>) {
    let world = world();
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
#[divan::bench(sample_count = 5)]
fn end_ten_thousand_sessions(bencher: Bencher<'_, '_>) {
    let world = world();
    let end = async |region| world.services.presence.logout_region(region).await;
    bencher
        .with_inputs(|| ten_thousand(&world)[0].1)
        .bench_local_values(|region| assert_eq!(world.runtime.block_on(end(region)), Ok(10_000)));
}

#[divan::bench]
fn region_by_position(bencher: Bencher<'_, '_>) {
    let world = world();
    let find = async || world.services.grid.by_position(1015 * 256 + 7, 1020 * 256 + 9).await;
    bencher.bench_local(|| assert!(world.runtime.block_on(find()).is_ok_and(|region| region.is_some())));
}

#[divan::bench]
fn folder_content(bencher: Bencher<'_, '_>) {
    let world = world();
    let fetch = async || world.services.inventory.content(world.ada, world.body_parts).await;
    bencher.bench_local(|| assert!(world.runtime.block_on(fetch()).is_ok_and(|content| content.is_some())));
}
