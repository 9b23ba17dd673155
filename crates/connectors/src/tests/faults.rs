//! Grids that do not answer, or answer nonsense.

use super::*;
use crate::{Patience, SimulatorKey};
use axum::body::{Body, Bytes};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, post};
use services::ServiceError;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Nothing is asked again.
fn once() -> Options {
    Options { patience: Patience { again: Duration::ZERO, ..Patience::default() }, ..Options::default() }
}

async fn answered(response: impl Fn() -> Response + Clone + Send + Sync + 'static) -> services::Result<bool> {
    let router = Router::new().fallback(any(async move || response()));
    let services = connect(&serve(router).await, &once()).unwrap();
    services.grid.deregister(RegionId(id(1))).await
}

fn unavailable<T: std::fmt::Debug>(answer: services::Result<T>, why: &str) {
    match answer {
        Err(ServiceError::Unavailable(words)) => {
            assert!(words.contains(why), "{words:?} does not say {why:?}");
            assert!(!words.contains("127.0.0.1"), "{words}");
        }
        other => panic!("{why}: {other:?}"),
    }
}

#[tokio::test]
async fn answers_that_are_none_say_why() {
    for status in [StatusCode::INTERNAL_SERVER_ERROR, StatusCode::SERVICE_UNAVAILABLE, StatusCode::FORBIDDEN]
    {
        unavailable(answered(move || status.into_response()).await, status.as_str());
    }
    let not_found = answered(|| StatusCode::NOT_FOUND.into_response()).await;
    unavailable(not_found, "/grid: the grid has no such service");
    for (body, why) in [
        ("", "not an answer"),
        ("<html>It works!</html>", "not an answer"),
        ("<ServerResponse>", "not an answer"),
        ("<ServerResponse/>", "Result is missing"),
        ("<ServerResponse><Result>Perhaps</Result></ServerResponse>", "Result makes no sense"),
    ] {
        unavailable(answered(move || body.into_response()).await, why);
    }
    let refused =
        answered(|| "<ServerResponse><Result>Failure</Result></ServerResponse>".into_response()).await;
    assert_eq!(refused, Ok(false));
}

#[tokio::test]
async fn one_odd_region_is_not_taken_for_none() {
    let body = "<ServerResponse><region0 type=\"List\"><uuid>nonsense</uuid></region0></ServerResponse>";
    let services = services_of(Router::new().fallback(any(async move || body))).await;
    unavailable(services.grid.range(0, 0, 1, 1).await, "serverHttpPort is missing");
}

#[tokio::test]
async fn an_endless_answer_ends() {
    let endless = || {
        let piece = Ok::<_, std::convert::Infallible>(Bytes::from(vec![b' '; 1 << 16]));
        Body::from_stream(futures_util::stream::repeat(piece)).into_response()
    };
    unavailable(answered(endless).await, "more than 8388608 bytes");
}

#[tokio::test]
async fn nobody_there_and_nobody_talking() {
    let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", gone.local_addr().unwrap());
    drop(gone);
    let address = GridAddress { private: base.clone(), public: base };
    let services = connect(&address, &once()).unwrap();
    let answer = services.presence.logout(model::SessionId::NULL).await;
    assert!(matches!(answer, Err(ServiceError::Unavailable(_))), "{answer:?}");

    let silent = Router::new().fallback(any(async || std::future::pending::<()>().await));
    let patience = Patience { call: Duration::from_millis(50), ..Patience::default() };
    let services = connect(&serve(silent).await, &Options { patience, ..Options::default() }).unwrap();
    unavailable(services.presence.logout(model::SessionId::NULL).await, "timed out");
}

#[tokio::test]
async fn what_did_not_get_through_is_said_again_but_nothing_is_done_twice() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    // One process of the grid has ended, and the next one's database is just starting.
    let router = Router::new().fallback(any(async move || match count.fetch_add(1, Ordering::Relaxed) {
        0 => StatusCode::BAD_GATEWAY.into_response(),
        1 => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        _ => "<ServerResponse><Result>Success</Result></ServerResponse>".into_response(),
    }));
    let services = services_of(router).await;
    assert_eq!(services.grid.deregister(RegionId(id(1))).await, Ok(true));
    assert_eq!(asked.load(Ordering::Relaxed), 3);

    asked.store(0, Ordering::Relaxed);
    unavailable(services.offline_messages.keep(agent(1), &personal::message()).await, "502");
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn redirections_are_followed_for_a_while() {
    let to = |place: &'static str| (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, place)]);
    let moved = Router::new().route("/grid", post(async move || to("/elsewhere"))).route(
        "/elsewhere",
        post(async |body: String| {
            assert!(body.contains("METHOD=deregister"));
            "<ServerResponse><Result>Success</Result></ServerResponse>"
        }),
    );
    let services = services_of(moved).await;
    assert_eq!(services.grid.deregister(RegionId(id(1))).await, Ok(true));
    let circle = Router::new().fallback(any(async move || to("/grid")));
    let services = services_of(circle).await;
    unavailable(services.grid.deregister(RegionId(id(1))).await, "redirect");
}

#[tokio::test]
async fn a_door_opens_to_the_key_and_the_key_goes_nowhere_else() {
    let store = SqlStore::open(&Database::Memory, Arc::new(SystemClock), [7; 32], CHEAP).await.unwrap();
    let key = store.add_simulator_key("west").await.unwrap();
    let door = grid::Door::new(store.clone(), Vec::new());
    let address = serve(door.before(private_router(store.services(), PrivateConfig::default()))).await;
    let asked = async |key: Option<&str>| {
        let key = key.map(|key| SimulatorKey(key.to_owned()));
        let services = connect(&address, &Options { key, ..Options::default() }).unwrap();
        services.grid.by_id(RegionId(id(1))).await
    };
    assert_eq!(asked(Some(&key)).await, Ok(None));
    for wrong in [None, Some("sojourn-00")] {
        let refused = asked(wrong).await;
        assert!(
            matches!(&refused, Err(ServiceError::Unavailable(why)) if why.contains("key")),
            "{refused:?}"
        );
        assert!(crate::wants_key(&refused.unwrap_err()));
    }
    assert!(!format!("{:?}", Options { key: Some(SimulatorKey(key.clone())), ..once() }).contains(&key));

    // Another server to which the grid sends the caller on does not see it.
    let stranger = Router::new().fallback(any(async |headers: axum::http::HeaderMap| {
        assert!(!headers.contains_key(header::AUTHORIZATION));
        "<ServerResponse><Result>Success</Result></ServerResponse>"
    }));
    let place = format!("{}grid", serve(stranger).await.private);
    let sends_on = Router::new()
        .fallback(any(async move || (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, place.clone())])));
    let options = Options { key: Some(SimulatorKey(key)), ..Options::default() };
    let services = connect(&serve(sends_on).await, &options).unwrap();
    assert_eq!(services.grid.deregister(RegionId(id(1))).await, Ok(true));
}

#[test]
fn an_address_is_one_or_not() {
    for base in ["", "127.0.0.1:8003", "https://127.0.0.1/", "ftp://127.0.0.1/", "http://"] {
        let address = GridAddress { private: base.into(), public: "http://127.0.0.1/".into() };
        assert!(matches!(connect(&address, &Options::default()), Err(ServiceError::Invalid(_))), "{base}");
    }
}
