use super::*;
use crate::login::tests::World;
use axum::http::Method;
use http_body_util::BodyExt as _;
use llsd::{array, map};
use std::collections::BTreeMap;
use tower::ServiceExt as _;

async fn router(world: &World) -> Router {
    let info = GridInfo::new("http://127.0.0.1:9000/", "A & B", "ab").with("welcome", "http://w/?a=1&b=<2>");
    public_router(PublicState {
        login: world.login.clone(),
        info: Arc::new(info.with("no key", "x").with("gridnick", "grid")),
        statistics: Arc::new(world.store.clone()),
        map_tiles: world.store.services().map_tiles,
    })
}

struct Answer {
    status: StatusCode,
    content_type: String,
    body: String,
}

async fn ask(
    router: &Router,
    method: Method,
    path: &str,
    content_type: &str,
    body: impl Into<Body>,
) -> Answer {
    let address: SocketAddr = "127.0.0.9:1".parse().unwrap();
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::CONTENT_TYPE, content_type)
        .extension(ConnectInfo(address))
        .body(body.into())
        .unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    Answer {
        status: parts.status,
        content_type: content_type_of(&parts.headers),
        body: String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap(),
    }
}

fn content_type_of(headers: &HeaderMap) -> String {
    content_type(headers).unwrap_or_default().to_owned()
}

async fn post(router: &Router, content_type: &str, body: impl Into<Body>) -> Answer {
    ask(router, Method::POST, "/", content_type, body).await
}

fn credentials() -> Value {
    map! { "first" => "Ada", "last" => "One", "passwd" => "$1$5ebe2294ecd0e0f08eab7690d2a6ee69", "start" => "last" }
}

fn fault(answer: &Answer) -> i32 {
    match xmlrpc::parse_response(&answer.body) {
        Err(xmlrpc::ResponseError::Fault { code, .. }) => code,
        other => panic!("{other:?}"),
    }
}

const RECORDED_CALL: &str = include_str!("../../golden/login-request-hippolyzer-0.15.6.xml");

#[tokio::test]
async fn a_recorded_call_of_a_real_client_is_understood() {
    let call = xmlrpc::parse_call(RECORDED_CALL).unwrap();
    assert_eq!(call.method, "login_to_simulator");
    let request = LoginRequest::read(&call.params[0]).unwrap();
    assert_eq!((request.first.as_str(), request.last.as_str()), ("Test", "User"));
    assert_eq!(request.password, services::ViewerPassword::from_plain("secret"));
    let start = crate::StartLocation::Region {
        name: "A One".into(),
        position: Some(model::Vec3::new(128.0, 128.0, 30.0)),
    };
    assert_eq!(request.start, start);
    assert_eq!(request.viewer(), "Hippolyzer 0.15.6");
    // The name in it has no account here.
    let world = World::new().await;
    let answer = post(&router(&world).await, "text/xml", RECORDED_CALL).await;
    assert_eq!(xmlrpc::parse_response(&answer.body).unwrap()["reason"].as_str(), "key");
}

/// Keys and types of a response; of arrays, those of their first element.
fn shape(value: &Value, path: &str, into: &mut BTreeMap<String, &'static str>) {
    into.insert(path.to_owned(), value.type_name());
    for (key, value) in value.as_map() {
        shape(value, &format!("{path}/{key}"), into);
    }
    if let Some(first) = value.as_array().first() {
        shape(first, &format!("{path}/[]"), into);
    }
}

fn shape_of(document: &str) -> BTreeMap<String, &'static str> {
    let mut into = BTreeMap::new();
    shape(&xmlrpc::parse_response(document).unwrap(), "", &mut into);
    into
}

/// What we say more than they do: the maturity that viewers take as preferred.
const MORE: [&str; 1] = ["/agent_region_access"];

#[tokio::test]
async fn our_response_has_all_that_recorded_ones_have_in_the_same_types() {
    let world = World::new().await;
    let services = world.store.services();
    let friend = model::AgentId(model::Uuid::from_u128(9));
    for (one, other) in [(world.ada, friend), (friend, world.ada)] {
        services.friends.store(one, other, services::FriendRights::SEE_ONLINE).await.unwrap();
    }
    let call = xmlrpc::write_call("login_to_simulator", &[credentials()]);
    let answer = post(&router(&world).await, "text/xml", call).await;
    assert_eq!((answer.status, answer.content_type.as_str()), (StatusCode::OK, "text/xml"));
    let ours = shape_of(&answer.body);
    let recorded = [
        include_str!("../../golden/login-response-opensim-0.9.2.2.xml"),
        include_str!("../../golden/login-response-opensim-0.7.6.1.xml"),
    ];
    let mut theirs = BTreeMap::new();
    for document in recorded {
        theirs.extend(shape_of(document));
    }
    for (path, kind) in &theirs {
        assert_eq!(ours.get(path), Some(kind), "{path}");
    }
    let more: Vec<_> = ours.keys().filter(|path| !theirs.contains_key(*path)).collect();
    assert_eq!(more, MORE);
}

#[tokio::test]
async fn a_login_by_llsd_is_answered_in_llsd() {
    let world = World::new().await;
    let router = router(&world).await;
    let body = llsd::xml::write(&credentials());
    for content_type in ["application/llsd+xml", "application/xml", ""] {
        let answer = post(&router, content_type, body.clone()).await;
        assert_eq!(answer.content_type, "application/llsd+xml");
        let value = llsd::xml::parse(&answer.body).unwrap();
        assert_eq!(value["login"], Value::from("true"));
        assert_eq!(value["agent_id"], Value::Uuid(world.ada.0));
    }
    let refused = post(&router, "application/llsd+xml", "<llsd><array/></llsd>").await;
    assert_eq!(llsd::xml::parse(&refused.body).unwrap()["login"], Value::from("false"));
}

#[tokio::test]
async fn the_grid_describes_itself_in_three_ways() {
    let world = World::new().await;
    let router = router(&world).await;
    let xml = ask(&router, Method::GET, "/get_grid_info", "", "").await;
    assert_eq!(xml.content_type, "application/xml");
    assert_eq!(
        xml.body,
        "<gridinfo><platform>OpenSim</platform><login>http://127.0.0.1:9000/</login>\
         <gridname>A &amp; B</gridname><welcome>http://w/?a=1&amp;b=&lt;2&gt;</welcome>\
         <gridnick>grid</gridnick></gridinfo>"
    );
    let json = ask(&router, Method::GET, "/json_grid_info", "", "").await;
    let json: serde_json::Value = serde_json::from_str(&json.body).unwrap();
    assert_eq!(json["gridname"], "A & B");
    let call = xmlrpc::write_call("get_grid_info", &[]);
    let answer = post(&router, "text/xml", call).await;
    assert_eq!(xmlrpc::parse_response(&answer.body).unwrap()["gridname"].as_str(), "A & B");
    let posted = ask(&router, Method::POST, "/get_grid_info", "", "").await;
    assert_eq!(posted.status, StatusCode::METHOD_NOT_ALLOWED);
    let counted = ask(&router, Method::GET, "/get_grid_stats", "", "").await;
    let figures = "<gridstats><residents>1</residents><active_users>0</active_users>\
         <online_users>0</online_users><region_count>3</region_count></gridstats>";
    assert_eq!(counted.body, figures);
    world.store.close().await;
    // Nobody counts again for whoever asks next.
    let again = ask(&router, Method::GET, "/get_grid_stats", "", "").await;
    assert_eq!((again.status, again.body.as_str()), (StatusCode::OK, figures));
    let broken = ask(&self::router(&world).await, Method::GET, "/get_grid_stats", "", "").await;
    assert_eq!(broken.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn viewers_get_tiles_of_the_map() {
    let world = World::new().await;
    let router = router(&world).await;
    let cell = model::GridCell { x: 1000, y: 1001 };
    let jpeg = b"\xFF\xD8\xFF\xE0\0\x10JFIF".to_vec();
    world.store.services().map_tiles.put(cell, jpeg.clone().into()).await.unwrap();
    let get = async |path: &str| {
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        let (parts, body) = router.clone().oneshot(request).await.unwrap().into_parts();
        (parts.status, content_type_of(&parts.headers), body.collect().await.unwrap().to_bytes().to_vec())
    };
    let scope = model::Uuid::nil();
    for path in ["/map-1-1000-1001-objects.jpg", &format!("/map/{scope}/map-1-1000-1001-objects.jpg")] {
        assert_eq!(get(path).await, (StatusCode::OK, "image/jpeg".to_owned(), jpeg.clone()), "{path}");
    }
    let others =
        ["/map-1-1001-1001-objects.jpg", "/map-2-1000-1000-objects.jpg", "/map-1-x-1-objects.jpg", "/x"];
    for path in others {
        assert_eq!(get(path).await.0, StatusCode::NOT_FOUND, "{path}");
    }
    world.store.close().await;
    assert_eq!(get("/map-1-1000-1001-objects.jpg").await.0, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn garbage_is_answered_and_harms_nobody() {
    let world = World::new().await;
    let router = router(&world).await;
    let half = &RECORDED_CALL[..RECORDED_CALL.len() / 2];
    for body in [&b""[..], b"<methodCall>", b"\xff\xfe\x00", half.as_bytes()] {
        assert_eq!(fault(&post(&router, "text/xml", body.to_vec()).await), PARSE_ERROR);
    }
    let unknown = xmlrpc::write_call("getCurrencyQuote", &[]);
    assert_eq!(fault(&post(&router, "text/xml", unknown).await), UNKNOWN_METHOD);
    for params in [vec![], vec![array![1]], vec![map! { "first" => "Ada" }], vec![Value::from("x")]] {
        let call = xmlrpc::write_call("login_to_simulator", &params);
        let answer = post(&router, "text/xml", call).await;
        assert_eq!(xmlrpc::parse_response(&answer.body).unwrap()["login"].as_str(), "false");
    }
    let huge = post(&router, "text/xml", vec![b' '; CALL_BYTES + 1]).await;
    assert_eq!(huge.status, StatusCode::PAYLOAD_TOO_LARGE);
    let deep = format!("<methodCall>{}", "<params>".repeat(5000));
    assert_eq!(fault(&post(&router, "text/xml", deep).await), PARSE_ERROR);
    for method in ["PUT", "DELETE", "PATCH", "FROBNICATE"] {
        for path in ["/", "/login", "/get_grid_info", "/json_grid_info", "/get_grid_stats"] {
            let verb = Method::from_bytes(method.as_bytes()).unwrap();
            let answer = ask(&router, verb, path, "text/xml", "").await;
            assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
        }
    }
}

#[test]
fn any_value_is_a_login_or_none() {
    arbtest::arbtest(|input| {
        let bytes: Vec<u8> = input.arbitrary()?;
        if let Ok(value) = llsd::parse_any(None, &bytes) {
            let _ = LoginRequest::read(&value);
        }
        if let Ok(call) = xmlrpc::parse_call(&bytes) {
            let _ = call.params.first().map(LoginRequest::read);
        }
        Ok(())
    });
}
