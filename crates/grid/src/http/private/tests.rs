mod things;

use super::*;
use crate::{Database, HashCost, SqlStore, SystemClock};
use axum::body::Body;
use axum::http::Method;
use http_body_util::BodyExt as _;
use model::{AgentId, GridCell, RegionId, Uuid};
use robust::{accounts, auth, avatar, friends, grid, grid_user, presence};
use services::{FriendRights, NewAccount, RegionFlags, RegionInfo, ViewerPassword};
use std::sync::Arc;
use tower::ServiceExt as _;

const CHEAP: HashCost = HashCost { memory_kib: 32, passes: 1 };
const ADA: AgentId = AgentId(Uuid::from_u128(1));

/// What simulators of three releases asked of their grids.
const RECORDED: [&str; 3] = [
    include_str!("../../../../robust/golden/opensim-0.7.5.1.txt"),
    include_str!("../../../../robust/golden/opensim-0.7.6.1.txt"),
    include_str!("../../../../robust/golden/opensim-0.9.2.2.txt"),
];

async fn store() -> SqlStore {
    SqlStore::open(&Database::Memory, Arc::new(SystemClock), [7; 32], CHEAP).await.unwrap()
}

async fn store_with_ada() -> SqlStore {
    let store = store().await;
    let ada = NewAccount { id: Some(ADA), first: "Ada".into(), last: "One".into(), email: "a@b.c".into() };
    store.services().accounts.create(ada).await.unwrap();
    store
}

fn router(store: &SqlStore) -> Router {
    private_router(store.services(), PrivateConfig::default())
}

async fn post(router: &Router, path: &str, body: impl Into<Body>) -> (StatusCode, Tree) {
    let request = Request::builder().method(Method::POST).uri(path).body(body.into()).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let (status, kind) = (response.status(), response.headers().get(header::CONTENT_TYPE).cloned());
    let body = response.into_body().collect().await.unwrap().to_bytes();
    if kind.is_some_and(|kind| kind == "application/xml") {
        return (status, Tree::parse(&body).unwrap());
    }
    (status, Tree::new())
}

async fn ask(router: &Router, path: &str, form: &Form) -> Tree {
    let (status, answer) = post(router, path, form.write()).await;
    assert_eq!(status, StatusCode::OK);
    answer
}

fn region(n: u128, name: &str, x: u32, y: u32) -> RegionInfo {
    RegionInfo {
        id: RegionId(Uuid::from_u128(n)),
        name: name.into(),
        handle: GridCell { x, y }.handle(),
        external_host: "127.0.0.1".into(),
        http_port: 9000,
        udp_port: 9001,
        server_uri: "http://127.0.0.1:9000/".into(),
        owner: ADA,
        access: 21,
        ..RegionInfo::default()
    }
}

fn register(region: &RegionInfo) -> Form {
    let secret = "a secret".to_owned();
    grid::Call::Register(Box::new(grid::Entry { region: region.clone(), secret })).to_form()
}

/// The request of the first recorded call of this kind.
fn recorded(release: &'static str, call: &str) -> &'static str {
    let from = release.split_once(&format!("=== {call} ")).unwrap().1;
    from.split_once('\n').unwrap().1.split_once("\n---\n").unwrap().0
}

#[tokio::test]
async fn a_recorded_simulator_starts_and_stops() {
    for release in RECORDED {
        let store = store().await;
        let router = router(&store);
        for (path, method) in [
            ("/presence", "logoutregion"),
            ("/grid", "register"),
            ("/grid", "register"),
            ("/griduser", "setposition"),
            ("/griduser", "loggedout"),
            ("/avatar", "setavatar"),
        ] {
            let call = recorded(release, &format!("{path} {method}"));
            let (status, answer) = post(&router, path, call).await;
            let said = answer.text("result").or(answer.text("Result"));
            assert_eq!((status, said), (StatusCode::OK, Some("Success")), "{method}");
        }
        let call = Form::parse(recorded(release, "/grid register").as_bytes()).unwrap();
        let Ok(grid::Call::Register(entry)) = grid::Call::parse(&call) else { panic!("not a region") };
        let by_id = grid::Call::ById(entry.region.id).to_form();
        let known = grid::read_one(&ask(&router, "/grid", &by_id).await).unwrap().unwrap();
        let online = RegionInfo { flags: RegionFlags::ONLINE, ..entry.region.clone() };
        assert_eq!(known.region, online);
        assert_eq!(known.secret, "", "what a simulator knows itself by is told to nobody");
        let (_, around) = post(&router, "/grid", recorded(release, "/grid get_region_range")).await;
        assert!(grid::read_many(&around).is_ok());
        let gone = grid::Call::Deregister(entry.region.id).to_form();
        assert_eq!(ask(&router, "/grid", &gone).await, grid::WORDING.success());
        assert_eq!(ask(&router, "/grid", &by_id).await, Tree::null());
        assert_eq!(ask(&router, "/grid", &gone).await, grid::WORDING.failure());
    }
}

#[tokio::test]
async fn a_refused_region_hears_the_published_reason() {
    let store = store().await;
    let router = router(&store);
    assert_eq!(
        ask(&router, "/grid", &register(&region(1, "One", 1000, 1000))).await,
        grid::WORDING.success()
    );
    for (form, why) in [
        (register(&region(0, "Zero", 1001, 1000)), "Invalid RegionID - cannot be zero UUID"),
        (
            register(&region(2, "South", 1001, 16)),
            "Region location reserved for HG links coord Y must be higher than 16",
        ),
        (register(&region(2, "Two", 1000, 1000)), "Region overlaps another region"),
        (register(&region(2, "oNE", 1001, 1000)), "Duplicate region name"),
        (Form::method("register").with("uuid", "nonsense"), grid::ERROR_COMMUNICATING),
    ] {
        assert_eq!(ask(&router, "/grid", &form).await, grid::WORDING.failure_because(why));
    }
    let two = register(&region(2, "Two", 1001, 1000)).write();
    let (_, answer) = post(&router, "/grid", two.replace("VERSIONMIN=0", "VERSIONMIN=2")).await;
    assert_eq!(answer, grid::WORDING.failure_because(grid::ERROR_COMMUNICATING));
}

#[tokio::test]
async fn regions_are_listed_by_what_they_are_for() {
    let features = std::collections::BTreeMap::from([("GridName".to_owned(), "Here".to_owned())]);
    let store = store().await.with_extra_features(features.clone());
    let router = router(&store);
    for (n, name, flags) in [
        (1, "One", RegionFlags::DEFAULT_REGION),
        (2, "Two", RegionFlags::DEFAULT_HYPERGRID_REGION),
        (3, "Three", RegionFlags::FALLBACK_REGION),
        (4, "Four", RegionFlags::HYPERLINK),
    ] {
        let region = region(n, name, 1000 + n as u32, 1000);
        ask(&router, "/grid", &register(&region)).await;
        store.services().grid.set_flags(region.id, flags, RegionFlags::empty()).await.unwrap();
    }
    let one = RegionId(Uuid::from_u128(1));
    let names = async |call: grid::Call| -> Vec<String> {
        let entries = grid::read_many(&ask(&router, "/grid", &call.to_form()).await).unwrap();
        entries.into_iter().map(|entry| entry.region.name).collect()
    };
    let (x_m, y_m) = (256_000, 256_000);
    for (call, expected) in [
        (grid::Call::DefaultRegions, &["One"][..]),
        (grid::Call::DefaultHypergridRegions, &["Two", "One"]),
        (grid::Call::FallbackRegions { x_m, y_m }, &["Three"]),
        (grid::Call::OnlineRegions { x_m, y_m, limit: 2 }, &["One", "Two"]),
        (grid::Call::Hyperlinks, &["Four"]),
        (grid::Call::Neighbours(one), &["Two"]),
        (grid::Call::Search { name: "t".into(), limit: 1 }, &["Three"]),
        (grid::Call::Range { min_x_m: x_m, min_y_m: 0, max_x_m: 256_511, max_y_m: u32::MAX }, &["One"]),
        (grid::Call::Neighbours(RegionId(Uuid::from_u128(9))), &[]),
    ] {
        assert_eq!(names(call.clone()).await, expected, "{call:?}");
    }
    for (call, expected) in [
        (grid::Call::ByName("one".into()), Some("One")),
        (grid::Call::ByPosition { x_m: 256_256, y_m }, Some("One")),
        (grid::Call::ByPosition { x_m, y_m }, None),
    ] {
        let entry = grid::read_one(&ask(&router, "/grid", &call.to_form()).await).unwrap();
        assert_eq!(entry.map(|entry| entry.region.name), expected.map(str::to_owned));
    }
    let online = RegionFlags::ONLINE | RegionFlags::DEFAULT_REGION;
    for (id, expected) in [(one, Some(online)), (RegionId::NULL, None)] {
        let answer = ask(&router, "/grid", &grid::Call::Flags(id).to_form()).await;
        assert_eq!(grid::read_flags(&answer), Ok(expected));
    }
    let answer = ask(&router, "/grid", &grid::Call::ExtraFeatures.to_form()).await;
    assert_eq!(grid::read_features(&answer), Ok(features));
}

#[tokio::test]
async fn a_session_is_seen_by_everybody() {
    let store = store().await;
    let router = router(&store);
    let (session, region) = (model::SessionId(Uuid::from_u128(5)), RegionId(Uuid::from_u128(6)));
    let call = async |call: presence::Call| ask(&router, "/presence", &call.to_form()).await;
    let (done, not_done) = (presence::WORDING.success(), presence::WORDING.failure());
    assert_eq!(call(presence::Call::Report { session, region, lease: false }).await, not_done);
    let login = presence::Call::Login { agent: ADA, session, secure_session: None };
    assert_eq!(call(login.clone()).await, done);
    assert_eq!(call(presence::Call::Report { session, region, lease: false }).await, done);
    let located = presence::Located { agent: ADA, region };
    assert_eq!(presence::read_one(&call(presence::Call::BySession(session)).await), Ok(Some(located)));
    let both = presence::Call::ByAgents(vec![AgentId(Uuid::from_u128(9)), ADA]);
    assert_eq!(presence::read_many(&call(both.clone()).await), Ok(vec![located]));
    assert_eq!(call(presence::Call::LogoutRegion(region)).await, done);
    assert_eq!(call(both).await, Tree::null());
    assert_eq!(call(presence::Call::Logout(session)).await, not_done);
    assert_eq!(call(login).await, done);
    assert_eq!(call(presence::Call::Logout(session)).await, done);
}

/// ROBUST says nothing, and simulators of others take the root for an answer.
#[tokio::test]
async fn where_no_folder_fits_none_is_named() {
    use robust::inventory::{Call, read_folder};
    let store = store().await;
    store.services().inventory.create_user_inventory(ADA).await.unwrap();
    let router = router(&store);
    for (kind, named) in [(14, Some(14)), (99, None)] {
        let answer = ask(&router, "/xinventory", &Call::FolderForType { owner: ADA, kind }.to_form()).await;
        assert_eq!(read_folder(&answer).unwrap().map(|folder| folder.kind), named);
    }
}

#[tokio::test]
async fn sessions_are_renewed_and_the_unknown_named() {
    let store = store().await;
    let router = router(&store);
    let session = |n| model::SessionId(Uuid::from_u128(n));
    let region = RegionId(Uuid::from_u128(6));
    let login = presence::Call::Login { agent: ADA, session: session(1), secure_session: None };
    ask(&router, "/presence", &login.to_form()).await;
    let report = presence::Call::Report { session: session(1), region, lease: true };
    assert_eq!(ask(&router, "/presence", &report.to_form()).await, presence::WORDING.success());
    let held = robust::lease::to_form(&[(session(1), region), (session(2), region)]);
    let answer = ask(&router, robust::lease::PATH, &held).await;
    assert_eq!(robust::lease::read(&answer).unwrap().unknown, [session(2)]);
    let held = robust::lease::to_form(&[(session(1), RegionId(Uuid::from_u128(7)))]);
    let answer = ask(&router, robust::lease::PATH, &held).await;
    assert_eq!(robust::lease::read(&answer).unwrap().elsewhere, [session(1)]);
}

#[tokio::test]
async fn places_of_people_of_here_and_elsewhere_are_remembered() {
    let store = store().await;
    let router = router(&store);
    let visitor = format!("{ADA};http://elsewhere/;Ada One");
    let form = |method: &str| Form::method(method).with("UserID", &visitor);
    assert_eq!(ask(&router, "/griduser", &form("getgriduserinfo")).await, grid_user::WORDING.failure());
    let came = grid_user::read_one(&ask(&router, "/griduser", &form("loggedin")).await).unwrap().unwrap();
    assert_eq!((came.agent, came.online, came.home), (ADA, true, None));
    let home = form("sethome").with("RegionID", Uuid::from_u128(6)).with("Position", "<1.5, 2, 3>");
    assert_eq!(ask(&router, "/griduser", &home).await, grid_user::WORDING.success());
    let all = Form::method("getgriduserinfos").with_list("AgentIDs", [ADA, AgentId::NULL]);
    let all = grid_user::read_many(&ask(&router, "/griduser", &all).await).unwrap();
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].home.unwrap().position, model::Vec3::new(1.5, 2.0, 3.0));
}

#[tokio::test]
async fn friends_are_kept_as_far_as_they_are_of_this_grid() {
    let store = store().await;
    let router = router(&store);
    let bob = AgentId(Uuid::from_u128(2));
    let call = async |call: friends::Call| ask(&router, "/friends", &call.to_form()).await;
    let given = FriendRights::SEE_ONLINE;
    let store = friends::Call::Store { agent: ADA.into(), friend: bob.into(), given };
    assert_eq!(call(store).await, friends::WORDING.success());
    let entry = friends::Entry { agent: ADA.into(), friend: bob.into(), given, has: None };
    assert_eq!(friends::read_many(&call(friends::Call::List(ADA.into())).await), Ok(vec![entry]));
    let stranger = robust::Uui { id: bob, home: "http://x/;B T;secret".into() };
    let store = friends::Call::Store { agent: ADA.into(), friend: stranger, given };
    assert_eq!(friends::WORDING.read_done(&call(store).await), Ok(false));
    let delete = friends::Call::Delete { agent: ADA.into(), friend: bob.into() };
    assert_eq!(call(delete.clone()).await, friends::WORDING.success());
    assert_eq!(call(delete).await, friends::WORDING.failure());
    assert_eq!(call(friends::Call::List(ADA.into())).await, Tree::null());
}

#[tokio::test]
async fn accounts_are_told_and_changed_only_by_leave() {
    let store = store_with_ada().await;
    let router = router(&store);
    for (field, value) in
        [("UserID", ADA.to_string()), ("PrincipalID", ADA.to_string()), ("Email", "a@b.c".into())]
    {
        let form = Form::method("getaccount").with("ScopeID", Uuid::nil()).with(field, value);
        let found = accounts::read_one(&ask(&router, "/accounts", &form).await).unwrap();
        assert_eq!(found.map(|account| account.id), Some(ADA), "{field}");
    }
    let by_name = accounts::Call::ByName { first: "ada".into(), last: "ONE".into() };
    let found = accounts::read_one(&ask(&router, "/accounts", &by_name.to_form()).await).unwrap().unwrap();
    for call in [accounts::Call::Search("ad".into()), accounts::Call::ByIds(vec![ADA, AgentId::NULL])] {
        let found = accounts::read_many(&ask(&router, "/accounts", &call.to_form()).await).unwrap();
        assert_eq!(found.len(), 1, "{call:?}");
    }
    let nobody = accounts::Call::ById(AgentId(Uuid::from_u128(9)));
    assert_eq!(ask(&router, "/accounts", &nobody.to_form()).await, Tree::null());

    let set = Form::method("setaccount").with("PrincipalID", ADA).with("UserTitle", "Countess");
    let new = NewAccount { first: "Eve".into(), last: "Two".into(), ..NewAccount::default() };
    let create = accounts::Call::Create(Box::new(new), accounts::Secret("x".into()));
    for form in [&set, &create.to_form()] {
        let answer = ask(&router, "/accounts", form).await;
        assert_eq!(accounts::WORDING.read_done(&answer), Ok(false));
    }
    let config = PrivateConfig { allow_set_account: true, ..PrivateConfig::default() };
    let router = private_router(store.services(), config);
    let changed = accounts::read_one(&ask(&router, "/accounts", &set).await).unwrap().unwrap();
    assert_eq!(changed, services::Account { title: "Countess".into(), ..found });
}

#[tokio::test]
async fn passwords_open_and_stay_where_they_are() {
    let store = store_with_ada().await;
    let secret = ViewerPassword::from_plain("secret");
    store.services().auth.set_password(ADA, std::slice::from_ref(&secret)).await.unwrap();
    let router = router(&store);
    let call = async |call: auth::Call| ask(&router, "/auth/plain", &call.to_form()).await;
    let lifetime_min = 30;
    let wrong = ViewerPassword::from_plain("wrong");
    let wrong = auth::Call::Authenticate { agent: ADA, password: wrong, lifetime_min };
    assert_eq!(call(wrong).await, auth::WORDING.failure());
    let right = auth::Call::Authenticate { agent: ADA, password: secret, lifetime_min };
    let token = auth::read_token(&call(right).await).unwrap().unwrap();
    let verify = auth::Call::Verify { agent: ADA, token, lifetime_min };
    assert_eq!(call(verify.clone()).await, auth::WORDING.success());
    assert_eq!(call(auth::Call::Release { agent: ADA, token }).await, auth::WORDING.success());
    assert_eq!(call(verify).await, auth::WORDING.failure());

    let set = auth::Call::SetPassword { agent: ADA, password: accounts::Secret("other".into()) };
    for call_refused in [auth::Call::GetInfo(ADA), auth::Call::SetInfo(ADA), set.clone()] {
        assert_eq!(call(call_refused).await, auth::WORDING.failure());
    }
    let config = PrivateConfig { allow_set_password: true, ..PrivateConfig::default() };
    let router = private_router(store.services(), config);
    assert_eq!(ask(&router, "/auth/plain", &set.to_form()).await, auth::WORDING.success());
    assert!(store.services().auth.verify(ADA, &ViewerPassword::from_plain("other")).await.unwrap());
    let empty = auth::Call::SetPassword { agent: ADA, password: accounts::Secret(String::new()) };
    assert_eq!(ask(&router, "/auth/plain", &empty.to_form()).await, auth::WORDING.failure());
}

#[tokio::test]
async fn an_avatar_is_dressed_and_undressed() {
    let store = store().await;
    let router = router(&store);
    let data = |pairs: &[(&str, &str)]| -> services::AvatarData {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let call = async |call: avatar::Call| ask(&router, "/avatar", &call.to_form()).await;
    let get = async || avatar::read_one(&call(avatar::Call::Get(ADA)).await).unwrap();
    assert_eq!(get().await, None);
    let worn = data(&[("AvatarType", "1"), ("Wearable 0:0", "a:b")]);
    call(avatar::Call::Set(ADA, worn)).await;
    call(avatar::Call::SetEntries(ADA, data(&[("_ap_5", "c")]))).await;
    assert_eq!(get().await, Some(data(&[("AvatarType", "1"), ("Wearable 0:0", "a:b"), ("_ap_5", "c")])));
    call(avatar::Call::RemoveEntries(ADA, vec!["_ap_5".into()])).await;
    assert_eq!(get().await, Some(data(&[("AvatarType", "1"), ("Wearable 0:0", "a:b")])));
    assert_eq!(call(avatar::Call::Reset(ADA)).await, avatar::WORDING.success());
    assert_eq!(get().await, None);
}

#[tokio::test]
async fn nonsense_is_answered_and_scripts_and_pages_are_not() {
    let store = store().await;
    let router = router(&store);
    let paths = ["/grid", "/presence", "/griduser", "/friends", "/accounts", "/auth/plain", "/avatar"];
    for path in paths {
        for body in [&b""[..], b"METHOD", b"METHOD=nonsense&UserID=1", b"\xff\xfe=\x00&&&=="] {
            let (status, answer) = post(&router, path, body).await;
            let said = answer.text("result").or(answer.text("Result"));
            assert_eq!((status, said), (StatusCode::OK, Some("Failure")), "{path}");
        }
        let (status, _) = post(&router, path, vec![b'a'; FORM_BYTES + 1]).await;
        assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
        for sign in SCRIPTED {
            let by_script =
                Request::builder().method(Method::POST).uri(path).header(sign, "x").body(Body::empty());
            let refused = router.clone().oneshot(by_script.unwrap()).await.unwrap();
            assert_eq!(refused.status(), StatusCode::FORBIDDEN, "{path} {sign}");
        }
        for method in [Method::GET, Method::PUT, Method::DELETE, Method::PATCH] {
            let other = Request::builder().method(method.clone()).uri(path).body(Body::empty()).unwrap();
            let refused = router.clone().oneshot(other).await.unwrap();
            assert_eq!(refused.status(), StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
        }
    }
    store.close().await;
    let by_id = grid::Call::ById(RegionId::NULL).to_form();
    let (status, answer) = post(&router, "/grid", by_id.write()).await;
    assert_eq!((status, answer), (StatusCode::SERVICE_UNAVAILABLE, grid::WORDING.failure()));
}

#[tokio::test]
async fn a_page_in_a_browser_on_this_machine_changes_nothing() {
    let store = store_with_ada().await;
    let router = router(&store);
    let form = register(&region(1, "Evil", 1000, 1000)).write();
    let by_page = Request::builder()
        .method(Method::POST)
        .uri("/grid")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::ORIGIN, "http://evil.example.com")
        .body(Body::from(form.clone()));
    let refused = router.clone().oneshot(by_page.unwrap()).await.unwrap();
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    assert_eq!(store.services().grid.by_name("Evil").await.unwrap(), None);
    // What a simulator says is the same without a page's name on it.
    assert_eq!(post(&router, "/grid", form).await.1, grid::WORDING.success());
}
