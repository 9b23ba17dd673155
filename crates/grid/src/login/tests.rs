//! Logins against a real store and regions that do as they are told.

use super::*;
use crate::{Database, HashCost, NewPerson, SqlStore, SystemClock, provision_account};
use async_trait::async_trait;
use llsd::Value;
use model::{AgentId, GridCell, RegionId, Uuid, Vec3};
use services::{FriendRights, Place, Refusal, RegionFlags, RegionInfo};
use std::net::Ipv4Addr;

/// What regions were asked.
#[derive(Clone, PartialEq, Debug)]
enum Asked {
    Create(&'static str, Box<LoginAgent>),
    End(RegionId, SessionId),
}

/// Regions that take everybody, but for those that refuse or never answer.
#[derive(Default)]
struct Regions {
    refuse: Mutex<Vec<(RegionId, &'static str)>>,
    silent: Mutex<Vec<RegionId>>,
    asked: Mutex<Vec<Asked>>,
}

#[async_trait]
impl LoginDestination for Regions {
    async fn create_agent(&self, region: &RegionInfo, agent: LoginAgent) -> Result<Prepared, Refusal> {
        let name = NAMES.iter().find(|(id, _)| RegionId(Uuid::from_u128(*id)) == region.id).unwrap().1;
        self.asked.lock().unwrap().push(Asked::Create(name, Box::new(agent.clone())));
        if self.silent.lock().unwrap().contains(&region.id) {
            Silence::new().last().await;
        }
        match self.refuse.lock().unwrap().iter().find(|(id, _)| *id == region.id) {
            Some((_, reason)) => Err(Refusal { reason: (*reason).into() }),
            None => Ok(Prepared {
                seed_capability: format!("{}CAPS/{}0000/", region.server_uri, agent.caps),
                sim_ip: Ipv4Addr::LOCALHOST,
                sim_port: region.udp_port,
            }),
        }
    }

    async fn end_session(&self, region: &RegionInfo, _agent: AgentId, session: SessionId, reason: &str) {
        assert!(!reason.is_empty());
        self.asked.lock().unwrap().push(Asked::End(region.id, session));
        if self.silent.lock().unwrap().contains(&region.id) {
            Silence::new().last().await;
        }
    }
}

/// Lets the clock run ahead while a silent region is waited for; the database's own clock is not to run ahead.
struct Silence;

impl Silence {
    fn new() -> Self {
        tokio::time::pause();
        Self
    }

    async fn last(self) {
        std::future::pending().await
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        tokio::time::resume();
    }
}

const NAMES: [(u128, &str); 3] = [(1, "Plaza"), (2, "Far Away"), (3, "Annex")];

pub(crate) struct World {
    pub(crate) store: SqlStore,
    regions: Arc<Regions>,
    pub(crate) login: Arc<LoginService>,
    pub(crate) ada: AgentId,
}

impl World {
    pub(crate) async fn new() -> Self {
        let cheap = HashCost { memory_kib: 32, passes: 1 };
        let store = SqlStore::open(&Database::Memory, Arc::new(SystemClock), [1; 32], cheap).await.unwrap();
        let services = store.services();
        for (n, name) in NAMES {
            let region = RegionInfo {
                id: RegionId(Uuid::from_u128(n)),
                name: name.into(),
                handle: GridCell { x: 1000 + 10 * n as u32, y: 1000 }.handle(),
                server_uri: "http://127.0.0.1:9000/".into(),
                udp_port: 9000 + n as u16,
                ..RegionInfo::default()
            };
            services.grid.register(&region).await.unwrap();
        }
        let world_flag = RegionFlags::DEFAULT_REGION;
        services.grid.set_flags(id_of("Plaza"), world_flag, RegionFlags::empty()).await.unwrap();
        let person = NewPerson {
            first: "Ada".into(),
            last: "One".into(),
            password: "secret".into(),
            ..NewPerson::default()
        };
        let ada = provision_account(&services, [2; 32], 5, person).await.unwrap().id;
        let regions = Arc::new(Regions::default());
        let config = LoginConfig {
            welcome: "Welcome, <USERNAME>!".into(),
            map_url: "http://127.0.0.1:9000/".into(),
            ..LoginConfig::default()
        };
        let clock = Arc::new(SystemClock);
        let records = Arc::new(store.clone());
        let login = LoginService::new(services, records, regions.clone(), config, clock, [3; 32]);
        Self { store, regions, login: Arc::new(login), ada }
    }

    /// The same world, whose operator decides otherwise.
    async fn with(decide: impl FnOnce(&mut LoginConfig)) -> Self {
        let mut world = Self::new().await;
        let login = Arc::get_mut(&mut world.login).expect("nobody else has it yet");
        decide(&mut login.config);
        world
    }

    /// Ada's password, from somewhere.
    async fn try_from(&self, address: &str, password: &str) -> Result<(), LoginFailure> {
        let request = llsd::map! { "first" => "Ada", "last" => "One", "passwd" => password };
        let request = LoginRequest::read(&request).unwrap();
        match self.login.login(request, Some(address.parse().unwrap())).await {
            LoginResponse::Success(_) => Ok(()),
            LoginResponse::Failure(failure) => Err(failure),
        }
    }

    async fn log_in(&self, start: &str) -> Result<Box<LoginSuccess>, LoginFailure> {
        self.log_in_with("secret", start).await
    }

    async fn log_in_with(&self, password: &str, start: &str) -> Result<Box<LoginSuccess>, LoginFailure> {
        let request = LoginRequest::read(&llsd::map! {
            "first" => "Ada", "last" => "One", "passwd" => password, "start" => start, "channel" => "Test",
        })
        .unwrap();
        match self.login.login(request, Some(Ipv4Addr::LOCALHOST.into())).await {
            LoginResponse::Success(success) => Ok(success),
            LoginResponse::Failure(failure) => Err(failure),
        }
    }

    fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.regions.asked.lock().unwrap())
    }

    /// The regions that were asked to take the agent.
    fn tried(&self) -> Vec<&'static str> {
        let name = |asked| match asked {
            Asked::Create(name, _) => Some(name),
            Asked::End(..) => None,
        };
        self.asked().into_iter().filter_map(name).collect()
    }

    async fn presence(&self) -> Option<services::Presence> {
        self.store.services().presence.by_agents(&[self.ada]).await.unwrap().pop()
    }

    fn refuse(&self, name: &str, reason: &'static str) {
        self.regions.refuse.lock().unwrap().push((id_of(name), reason));
    }
}

fn id_of(name: &str) -> RegionId {
    RegionId(Uuid::from_u128(NAMES.iter().find(|(_, known)| *known == name).unwrap().0))
}

fn place(name: &str) -> Place {
    Place { region: id_of(name), position: Vec3::new(10.0, 20.5, 30.0), look_at: Vec3::new(0.0, 2.0, 0.0) }
}

#[tokio::test]
async fn a_login_puts_an_agent_into_a_region_and_tells_everybody() {
    let world = World::new().await;
    let success = world.log_in("uri:far away&12&300&-4").await.unwrap();
    let Some(Asked::Create("Far Away", agent)) = world.asked().pop() else { panic!("nobody was asked") };
    assert_eq!((agent.agent, agent.session), (world.ada, success.session));
    assert_eq!((agent.secure_session, agent.circuit_code), (success.secure_session, success.circuit_code));
    assert_eq!((agent.first.as_str(), agent.last.as_str(), agent.viewer.as_str()), ("Ada", "One", "Test"));
    assert_eq!(agent.position, Vec3::new(12.0, 255.5, 0.0));
    assert_eq!(agent.flags, TeleportFlags::VIA_LOGIN | TeleportFlags::VIA_REGION_ID);
    assert_eq!(agent.client_ip, Some(Ipv4Addr::LOCALHOST.into()));
    assert!(agent.appearance.wearables.len() == 6 && !agent.appearance.visual_params.is_empty());
    assert!(success.prepared.seed_capability.contains(&agent.caps.to_string()));
    assert!((1..=0x7FFF_FFFF).contains(&success.circuit_code.0));
    assert_eq!((success.start_location, success.region.name.as_str()), ("url", "Far Away"));
    assert_eq!(success.message, "Welcome, Ada One!");
    let presence = world.presence().await.unwrap();
    assert_eq!((presence.session, presence.region), (success.session, id_of("Far Away")));
    assert_eq!(presence.secure_session, success.secure_session);
    let user = world.store.services().grid_users.get(world.ada).await.unwrap().unwrap();
    assert!(user.online && user.login > 0);
}

#[tokio::test]
async fn a_wrong_password_an_unknown_name_and_a_banned_account() {
    let world = World::new().await;
    let wrong = world.log_in_with("wrong", "last").await.unwrap_err();
    assert_eq!(wrong.reason, "key");
    let stranger =
        LoginRequest::read(&llsd::map! { "first" => "No", "last" => "Body", "passwd" => "secret" });
    assert_eq!(world.login.login(stranger.unwrap(), None).await, LoginResponse::Failure(wrong));
    let services = world.store.services();
    let banned = Account { level: -1, ..services.accounts.by_id(world.ada).await.unwrap().unwrap() };
    services.accounts.set(&banned).await.unwrap();
    assert_eq!(world.log_in("last").await.unwrap_err().reason, "presence");
    assert!(world.asked().is_empty());
    assert_eq!(world.presence().await, None);
}

#[tokio::test]
async fn wrong_passwords_are_counted_and_no_owner_is_locked_out() {
    let world = World::new().await;
    world.try_from("192.0.2.1", "secret").await.unwrap();
    // From as many addresses as it takes.
    for n in 0..10 {
        let wrong = world.try_from(&format!("198.51.100.{n}"), "guess").await.unwrap_err();
        assert_eq!(wrong.reason, "key");
    }
    let too_many = world.try_from("198.51.100.99", "guess").await.unwrap_err();
    assert_eq!(too_many.reason, "presence", "the viewer keeps its password");
    assert!(too_many.message.contains("too many wrong passwords"), "{}", too_many.message);
    let right = world.try_from("198.51.100.99", "secret").await.unwrap_err();
    assert_eq!(right, too_many, "or it could be guessed on");
    for _ in 0..3 {
        assert_eq!(world.try_from("192.0.2.1", "mistyped").await.unwrap_err().reason, "key");
        world.try_from("192.0.2.1", "secret").await.unwrap();
    }
    // Behind the owner's own router one cannot guess for ever either.
    for _ in 3..50 {
        assert_eq!(world.try_from("192.0.2.1", "guess").await.unwrap_err().reason, "key");
    }
    assert_eq!(world.try_from("192.0.2.1", "secret").await.unwrap_err().reason, "presence");
}

#[tokio::test]
async fn one_address_does_not_try_all_names() {
    let world = World::new().await;
    let name = async |n: usize, from: &str| {
        let request = llsd::map! { "first" => format!("No{n}"), "last" => "Body", "passwd" => "x" };
        let response = world.login.login(LoginRequest::read(&request).unwrap(), from.parse().ok()).await;
        let LoginResponse::Failure(failure) = response else { panic!("nobody is called so") };
        failure.reason
    };
    for n in 0..40 {
        assert_eq!(name(n, "2001:db8::1").await, "key");
    }
    assert_eq!(name(41, "2001:db8::2").await, "presence", "it is the same network");
    assert_eq!(name(41, "2001:db8:1::1").await, "key");
    assert_eq!(world.try_from("2001:db8::1", "secret").await.unwrap_err().reason, "presence");
    world.try_from("192.0.2.1", "secret").await.unwrap();
}

#[tokio::test]
async fn a_closed_grid_lets_gods_in_alone() {
    let world = World::with(|config| config.closed = Some("We are back at noon.".into())).await;
    let closed = world.log_in("last").await.unwrap_err();
    assert_eq!((closed.reason, closed.message.as_str()), ("presence", "We are back at noon."));
    assert_eq!(world.log_in_with("wrong", "last").await.unwrap_err().reason, "key");
    let services = world.store.services();
    let god = Account { level: 200, ..services.accounts.by_id(world.ada).await.unwrap().unwrap() };
    services.accounts.set(&god).await.unwrap();
    world.log_in("last").await.unwrap();
}

#[tokio::test]
async fn terms_are_agreed_to_once() {
    let mut world = World::with(|config| config.terms = Some("Be kind.".into())).await;
    let asked = world.log_in("last").await.unwrap_err();
    assert_eq!((asked.reason, asked.message.as_str()), ("tos", "Be kind."));
    assert_eq!(world.presence().await, None);
    let request = llsd::map! {
        "first" => "Ada", "last" => "One", "passwd" => "secret", "agree_to_tos" => "true",
    };
    let response = world.login.login(LoginRequest::read(&request).unwrap(), None).await;
    assert!(matches!(response, LoginResponse::Success(_)), "{response:?}");
    world.log_in("last").await.unwrap();
    Arc::get_mut(&mut world.login).unwrap().config.terms = Some("Be kinder.".into());
    assert_eq!(world.log_in("last").await.unwrap_err().reason, "tos", "to others anew");
}

#[tokio::test]
async fn near_a_full_region_the_nearest_fallback_is_taken_and_for_nowhere_the_default() {
    let world = World::new().await;
    let grid = world.store.services().grid;
    grid.set_flags(id_of("Annex"), RegionFlags::FALLBACK_REGION, RegionFlags::empty()).await.unwrap();
    world.refuse("Far Away", "The region is full");
    let full = world.log_in("uri:Far Away").await.unwrap();
    assert_eq!((full.start_location, full.region.name.as_str()), ("safe", "Annex"));
    assert!(full.message.contains("The region is full"), "{}", full.message);
    let nowhere = world.log_in("uri:Atlantis").await.unwrap();
    assert_eq!((nowhere.start_location, nowhere.region.name.as_str()), ("safe", "Plaza"));
}

#[tokio::test]
async fn last_and_home_are_where_they_were_left() {
    let world = World::new().await;
    let users = world.store.services().grid_users;
    users.set_last_position(world.ada, place("Far Away")).await.unwrap();
    users.set_home(world.ada, place("Annex")).await.unwrap();
    let last = world.log_in("last").await.unwrap();
    assert_eq!((last.start_location, last.region.name.as_str()), ("last", "Far Away"));
    assert_eq!(last.look_at, Vec3::Y);
    assert_eq!(last.home.0, place("Annex"));
    let home = world.log_in("home").await.unwrap();
    assert_eq!((home.start_location, home.region.name.as_str()), ("home", "Annex"));
    assert_eq!(home.message, "Welcome, Ada One!");
    let flags = |asked: &Asked| match asked {
        Asked::Create(_, agent) => Some((agent.position, agent.flags)),
        Asked::End(..) => None,
    };
    let (there, login) = (place("Annex").position, TeleportFlags::VIA_LOGIN);
    let flags: Vec<_> = world.asked().iter().filter_map(flags).collect();
    assert_eq!(flags, [(there, login), (there, login | TeleportFlags::VIA_HOME)]);
}

#[tokio::test]
async fn the_first_login_goes_to_a_default_region_and_is_no_surprise() {
    let world = World::new().await;
    let services = world.store.services();
    let new = services::NewAccount { first: "Eve".into(), last: "One".into(), ..Default::default() };
    let eve = services.accounts.create(new).await.unwrap().id;
    services.auth.set_password(eve, &services::ViewerPassword::forms_of("secret")).await.unwrap();
    for start in ["last", "home"] {
        let request =
            llsd::map! { "first" => "Eve", "last" => "One", "passwd" => "secret", "start" => start };
        let response = world.login.login(LoginRequest::read(&request).unwrap(), None).await;
        let LoginResponse::Success(success) = response else { panic!("{response:?}") };
        assert_eq!((success.start_location, success.region.name.as_str()), (start, "Plaza"));
        let home = services.grid_users.get(eve).await.unwrap().unwrap().home.unwrap();
        assert_eq!((home.region, home.position), (id_of("Plaza"), Vec3::new(128.0, 128.0, 0.0)));
    }
}

#[tokio::test]
async fn a_place_that_is_gone_is_told() {
    let world = World::new().await;
    let services = world.store.services();
    let unknown = world.log_in("uri:Atlantis&1&2&3").await.unwrap();
    assert_eq!((unknown.start_location, unknown.region.name.as_str()), ("safe", "Plaza"));
    assert!(unknown.message.contains("Atlantis"), "{}", unknown.message);
    let gone = Place { region: RegionId(Uuid::from_u128(77)), ..place("Plaza") };
    services.grid_users.set_home(world.ada, gone).await.unwrap();
    let safe = world.log_in("home").await.unwrap();
    assert_eq!(safe.start_location, "safe");
    assert_eq!(safe.home.0.region, id_of("Plaza"), "a home that is not there is none");
    let closed = RegionFlags::NO_DIRECT_LOGIN;
    services.grid.set_flags(id_of("Annex"), closed, RegionFlags::empty()).await.unwrap();
    assert_eq!(world.log_in("uri:Annex").await.unwrap().start_location, "safe");
    let (persistent, nothing) = (RegionFlags::PERSISTENT, RegionFlags::empty());
    services.grid.set_flags(id_of("Far Away"), persistent, nothing).await.unwrap();
    services.grid.deregister(id_of("Far Away")).await.unwrap();
    let down = world.log_in("uri:Far Away").await.unwrap();
    assert_eq!((down.start_location, down.region.name.as_str()), ("safe", "Plaza"));
    assert!(down.message.contains("Far Away is not online"), "{}", down.message);
}

#[tokio::test]
async fn a_region_that_refuses_is_passed_by() {
    let world = World::new().await;
    world.refuse("Far Away", "the region is full");
    let success = world.log_in("uri:Far Away").await.unwrap();
    assert_eq!((success.start_location, success.region.name.as_str()), ("safe", "Plaza"));
    assert!(success.message.contains("the region is full"), "{}", success.message);
    assert_eq!(world.tried(), ["Far Away", "Plaza"]);
    assert_eq!(world.presence().await.unwrap().region, id_of("Plaza"));
}

#[tokio::test]
async fn when_nobody_takes_the_agent_nothing_is_left() {
    let world = World::new().await;
    for (_, name) in NAMES {
        world.refuse(name, "not today");
    }
    let failure = world.log_in("uri:Far Away").await.unwrap_err();
    assert_eq!(failure.reason, "presence");
    assert!(failure.message.contains("not today"), "{}", failure.message);
    assert_eq!(world.tried(), ["Far Away", "Plaza", "Annex"]);
    assert_eq!(world.presence().await, None);
    assert!(!world.store.services().grid_users.get(world.ada).await.unwrap().is_some_and(|user| user.online));
}

#[tokio::test]
async fn the_older_session_is_ended_first_and_the_first_try_succeeds() {
    let world = World::new().await;
    let first = world.log_in("uri:Far Away").await.unwrap();
    let second = world.log_in("uri:Annex").await.unwrap();
    assert_ne!(first.session, second.session);
    let asked = world.asked();
    assert!(matches!(asked[0], Asked::Create("Far Away", _)));
    assert_eq!(asked[1], Asked::End(id_of("Far Away"), first.session));
    assert!(matches!(asked[2], Asked::Create("Annex", _)));
    assert_eq!(world.presence().await.unwrap().session, second.session);
    assert_eq!(world.store.services().presence.by_session(first.session).await.unwrap(), None);
}

#[tokio::test]
async fn a_region_that_is_silent_delays_but_does_not_prevent() {
    let world = World::new().await;
    world.log_in("uri:Far Away").await.unwrap();
    world.regions.silent.lock().unwrap().push(id_of("Far Away"));
    let began = tokio::time::Instant::now();
    let success = world.log_in("uri:Far Away").await.unwrap();
    assert_eq!((success.start_location, success.region.name.as_str()), ("safe", "Plaza"));
    assert!(began.elapsed() < Duration::from_secs(30), "viewers wait no longer: {:?}", began.elapsed());
}

#[tokio::test]
async fn who_does_not_wait_for_the_answer_can_log_in_again_at_once() {
    let world = World::new().await;
    world.regions.silent.lock().unwrap().push(id_of("Annex"));
    let asked = async {
        while world.regions.asked.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        _ = world.log_in("uri:Annex") => unreachable!("the region is silent"),
        () = asked => {}
    }
    let again = world.log_in("uri:Far Away").await.unwrap();
    assert_eq!(again.region.name, "Far Away");
    assert_eq!(world.presence().await.unwrap().session, again.session);
}

#[tokio::test]
async fn two_logins_at_the_same_moment_are_one_after_the_other() {
    let world = World::new().await;
    let both = tokio::join!(world.log_in("uri:Annex"), world.log_in("uri:Annex"));
    let (one, other) = (both.0.unwrap().session, both.1.unwrap().session);
    let living = world.presence().await.unwrap().session;
    let ended = if living == one { other } else { one };
    assert!(world.asked().contains(&Asked::End(id_of("Annex"), ended)));
    assert_eq!(world.store.services().presence.by_session(ended).await.unwrap(), None);
}

#[tokio::test]
async fn what_somebody_owns_comes_along() {
    let world = World::new().await;
    let services = world.store.services();
    let friend = AgentId(Uuid::from_u128(50));
    let asked_only = AgentId(Uuid::from_u128(51));
    services.friends.store(world.ada, friend, FriendRights::SEE_ONLINE).await.unwrap();
    services.friends.store(friend, world.ada, FriendRights::SEE_ON_MAP).await.unwrap();
    services.friends.store(world.ada, asked_only, FriendRights::SEE_ONLINE).await.unwrap();
    let folder = services.inventory.folder_for_type(world.ada, 21).await.unwrap().unwrap();
    let worn = services.inventory.root(world.ada).await.unwrap().unwrap();
    let shirt = services.inventory.folder_for_type(world.ada, 5).await.unwrap().unwrap();
    let shirt = services.inventory.content(world.ada, shirt.id).await.unwrap().unwrap().items[0].clone();
    let gesture = InventoryItem {
        id: model::ItemId(Uuid::from_u128(60)),
        folder: folder.id,
        asset_type: services::asset_type::GESTURE,
        flags: 1,
        ..shirt
    };
    services.inventory.create_item(&gesture).await.unwrap();
    let value = LoginResponse::Success(world.log_in("last").await.unwrap()).to_value();
    assert_eq!(value["buddy-list"].as_array().len(), 1, "who has not accepted is no friend yet");
    assert_eq!(value["buddy-list"][0]["buddy_id"].as_uuid(), friend.0);
    assert_eq!(value["buddy-list"][0]["buddy_rights_given"], Value::Integer(1));
    assert_eq!(value["buddy-list"][0]["buddy_rights_has"], Value::Integer(2));
    assert_eq!(value["gestures"][0]["item_id"].as_uuid(), gesture.id.0);
    assert_eq!(value["inventory-root"][0]["folder_id"].as_uuid(), worn.id.0);
    assert_eq!(value["inventory-skeleton"].as_array().len(), 1 + starter::FOLDERS.len());
}

#[tokio::test]
async fn an_inventory_that_lacks_folders_is_mended() {
    let world = World::new().await;
    let services = world.store.services();
    let accounts = services.accounts;
    let new = services::NewAccount { first: "Bare".into(), last: "One".into(), ..Default::default() };
    let bare = accounts.create(new).await.unwrap().id;
    services.auth.set_password(bare, &services::ViewerPassword::forms_of("secret")).await.unwrap();
    let request = llsd::map! { "first" => "Bare", "last" => "One", "passwd" => "secret" };
    let response = world.login.login(LoginRequest::read(&request).unwrap(), None).await;
    let LoginResponse::Success(success) = response else { panic!("{response:?}") };
    assert_eq!(success.skeleton.len(), 1 + starter::FOLDERS.len());
    let Some(Asked::Create(_, agent)) = world.asked().pop() else { panic!() };
    assert_eq!(agent.appearance.texture_entry, starter::texture_entry());
}

#[tokio::test]
async fn a_grid_whose_database_is_gone_says_try_again() {
    let world = World::new().await;
    world.store.close().await;
    let failure = world.log_in("last").await.unwrap_err();
    assert_eq!(failure, LoginFailure::broken());
}
