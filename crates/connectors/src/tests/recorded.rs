//! Grids of three releases, as they answered when they were recorded.

use super::*;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use model::{SessionId, Vec3};
use robust::{Form, accounts, avatar, friends, grid as wire, grid_user, presence};
use services::{FriendRights, ServiceError};

const RELEASES: [&str; 3] = [
    include_str!("../../../robust/golden/opensim-0.7.5.1.txt"),
    include_str!("../../../robust/golden/opensim-0.7.6.1.txt"),
    include_str!("../../../robust/golden/opensim-0.9.2.2.txt"),
];

#[derive(Clone)]
struct Exchange {
    path: &'static str,
    request: Form,
    answer: &'static str,
}

fn exchanges(release: &'static str) -> Vec<Exchange> {
    let exchange = |block: &'static str| {
        let (title, rest) = block.split_once('\n').unwrap();
        let (request, answer) = rest.split_once("\n---\n").unwrap();
        let path = title.split(' ').next().unwrap();
        Exchange { path, request: Form::parse(request.as_bytes()).unwrap(), answer: answer.trim_end() }
    };
    release.split("=== ").skip(1).map(exchange).collect()
}

/// Fields that say what is asked about; the others may differ.
const ABOUT: [&str; 12] = [
    "METHOD",
    "REGIONID",
    "RegionID",
    "uuid",
    "X",
    "Y",
    "XMIN",
    "YMIN",
    "UserID",
    "SessionID",
    "PRINCIPALID",
    "FirstName",
];

/// Plays the recorded answer. What was not recorded is answered as a method that the release does not know.
async fn play(State(known): State<Arc<Vec<Exchange>>>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let body = axum::body::to_bytes(request.into_body(), 1 << 20).await.unwrap();
    let asked = Form::parse(&body).unwrap();
    let is_it = |exchange: &&Exchange| {
        let same = |name| exchange.request.text(name) == asked.text(name);
        exchange.path == path
            && ABOUT.into_iter().all(same)
            && exchange.request.list("uuids") == asked.list("uuids")
    };
    let Some(exchange) = known.iter().find(is_it) else {
        let failure = match path.as_str() {
            "/grid" | "/friends" => "<ServerResponse><Result>Failure</Result></ServerResponse>",
            _ => "<ServerResponse><result>Failure</result></ServerResponse>",
        };
        return failure.into_response();
    };
    // Every field that the release's own simulators sent is among ours.
    let names = |form: &Form| -> Vec<String> { form.fields().iter().map(|(name, _)| name.clone()).collect() };
    let ours = names(&asked);
    if let Some(missing) = names(&exchange.request).iter().find(|name| !ours.contains(name)) {
        return (StatusCode::BAD_REQUEST, missing.clone()).into_response();
    }
    ([(header::CONTENT_TYPE, "application/xml")], exchange.answer).into_response()
}

async fn recorded_grid(release: &'static str) -> (Vec<Exchange>, Services) {
    let known = exchanges(release);
    let router = Router::new().fallback(play).with_state(Arc::new(known.clone()));
    (known, services_of(router).await)
}

#[tokio::test]
async fn every_recorded_call_is_made_and_its_answer_understood() {
    for release in RELEASES {
        let (known, services) = recorded_grid(release).await;
        for Exchange { path, request, answer } in &known {
            let found = !answer.contains("null");
            match *path {
                "/grid" => ask_grid(&services, wire::Call::parse(request).unwrap(), found).await,
                "/presence" => ask_presence(&services, presence::Call::parse(request).unwrap(), found).await,
                "/griduser" => tell_grid_user(&services, grid_user::Call::parse(request).unwrap()).await,
                "/friends" => {
                    let Ok(friends::Call::List(who)) = friends::Call::parse(request) else {
                        panic!("{path}")
                    };
                    let list = services.friends.list(who.id).await.unwrap();
                    assert_eq!(list[0].has, Some(FriendRights::SEE_ONLINE));
                }
                "/accounts" => match accounts::Call::parse(request).unwrap() {
                    accounts::Call::ById(id) => {
                        assert_eq!(services.accounts.by_id(id).await.unwrap().unwrap().id, id);
                    }
                    accounts::Call::ByName { first, last } => {
                        let account = services.accounts.by_name(&first, &last).await.unwrap().unwrap();
                        assert_eq!(account.first, first);
                    }
                    call => panic!("{call:?}"),
                },
                "/avatar" => {
                    let Ok(avatar::Call::Set(who, data)) = avatar::Call::parse(request) else {
                        panic!("{path}")
                    };
                    services.avatars.set(who, &data).await.unwrap();
                }
                path => panic!("{path}"),
            }
        }
    }
}

async fn ask_grid(services: &Services, call: wire::Call, found: bool) {
    let grid = &services.grid;
    match call {
        wire::Call::Register(entry) => grid.register(&entry.region).await.unwrap(),
        wire::Call::Deregister(id) => assert!(grid.deregister(id).await.unwrap()),
        wire::Call::Neighbours(id) => assert_eq!(!grid.neighbours(id).await.unwrap().is_empty(), found),
        wire::Call::ById(id) => {
            grid.forget(id);
            assert_eq!(grid.by_id(id).await.unwrap().unwrap().id, id);
        }
        wire::Call::ByPosition { x_m, y_m } => {
            let there = grid.by_position(x_m, y_m).await.unwrap();
            assert_eq!(
                there.map(|region| (region.handle.x_m(), region.handle.y_m())),
                found.then_some((x_m, y_m))
            );
        }
        wire::Call::Range { min_x_m, min_y_m, max_x_m, max_y_m } => {
            let regions = grid.range(min_x_m, min_y_m, max_x_m, max_y_m).await.unwrap();
            assert!(!regions.is_empty());
            assert!(regions.is_sorted_by_key(|region| (region.handle.y_m(), region.handle.x_m())));
        }
        wire::Call::ExtraFeatures => {
            let features = grid.extra_features().await.unwrap();
            assert_eq!(features["map-server-url"], "http://127.0.0.1:8002/");
            assert_eq!(features.len(), 4);
        }
        call => panic!("{call:?}"),
    }
}

async fn ask_presence(services: &Services, call: presence::Call, found: bool) {
    let presence = &services.presence;
    match call {
        presence::Call::Logout(session) => assert!(presence.logout(session).await.unwrap()),
        presence::Call::LogoutRegion(region) => assert_eq!(presence.logout_region(region).await.unwrap(), 0),
        presence::Call::Report { session, region, lease: false } => {
            assert!(presence.report(session, region).await.unwrap());
        }
        presence::Call::BySession(session) => {
            let there = presence.by_session(session).await.unwrap();
            assert_eq!(there.map(|presence| presence.session), found.then_some(session));
        }
        presence::Call::ByAgents(agents) => {
            let there = presence.by_agents(&agents).await.unwrap();
            assert_eq!(there.iter().map(|presence| presence.agent).collect::<Vec<_>>(), agents);
            assert!(!there[0].region.is_null());
        }
        call => panic!("{call:?}"),
    }
}

async fn tell_grid_user(services: &Services, call: grid_user::Call) {
    match call {
        grid_user::Call::LoggedOut(who, place) => {
            services.grid_users.logged_out(who.id, place).await.unwrap();
        }
        grid_user::Call::SetPosition(who, place) => {
            assert_ne!(place.position, Vec3::ZERO);
            services.grid_users.set_last_position(who.id, place).await.unwrap();
        }
        call => panic!("{call:?}"),
    }
}

#[tokio::test]
async fn releases_that_know_less_are_asked_for_what_they_know() {
    let (known, services) = recorded_grid(RELEASES[0]).await;
    let account = known.iter().find(|exchange| exchange.path == "/accounts").unwrap();
    let Ok(accounts::Call::ById(id)) = accounts::Call::parse(&account.request) else { panic!("not by id") };
    assert_eq!(services.accounts.by_ids(&[id]).await.unwrap().len(), 1);
    assert!(services.grid_users.get_many(&[id]).await.unwrap().is_empty());
    let refused = Err(ServiceError::Refused("the grid refused without a reason".into()));
    assert_eq!(services.grid.default_hypergrid_regions().await, refused);
    assert!(!services.presence.logout(SessionId(super::id(9))).await.unwrap());
}
