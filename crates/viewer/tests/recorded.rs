//! What a real OpenSimulator sent to a real client, given to the viewer. `golden/README.md` says how it was recorded.

#![allow(clippy::unwrap_used, reason = "what reads the recordings is test code too")]

use std::net::SocketAddr;

use lludp::messages::Message;
use viewer::model::{AgentId, GridCell, Moment, RegionHandle, SessionId, Uuid, Vec3};
use viewer::{Config, Core, HttpReply, HttpRequest, Identity, ViewerEvent, login};

const LOGIN: &[u8] = include_bytes!("../golden/login-0.7.5.1.xml");
const DATAGRAMS: &str = include_str!("../golden/login-0.7.5.1.hex");

fn cell(x: u32, y: u32) -> RegionHandle {
    GridCell { x, y }.handle()
}

fn id(text: &str) -> Uuid {
    text.parse().unwrap()
}

/// Name, whether the viewer sent it, bytes.
fn datagrams() -> Vec<(&'static str, bool, Vec<u8>)> {
    let lines: Vec<&str> = DATAGRAMS.lines().collect();
    let hex = |line: &str| {
        line.as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    };
    lines
        .chunks(2)
        .map(|pair| (pair[0].split(' ').nth(1).unwrap(), pair[0].starts_with("viewer"), hex(pair[1])))
        .collect()
}

fn body(datagram: &[u8]) -> Vec<u8> {
    let mut scratch = Vec::new();
    lludp::header::open(datagram, &mut scratch).unwrap().body.to_vec()
}

fn next_request(core: &mut Core) -> HttpRequest {
    core.poll_http().expect("a request")
}

/// A viewer in the world, and the request that waits for events.
fn in_world(identity: Identity) -> (Core, HttpRequest) {
    let now = Moment::from_millis(1);
    let home = identity.simulator;
    let mut core = Core::new(Config { seed_first: false, ..Config::default() }, identity, now);
    let seed = next_request(&mut core);
    let granted = llsd::map! { "EventQueueGet" => "http://127.0.0.1/queue" };
    core.handle_http(now, seed.id, HttpReply::Value { status: 200, body: granted });
    for name in ["AgentMovementComplete", "RegionHandshake"] {
        let (_, _, bytes) = datagrams().into_iter().find(|(message, ..)| *message == name).unwrap();
        core.handle_datagram(now, home, &bytes);
    }
    let poll = next_request(&mut core);
    while core.poll_event().is_some() {}
    (core, poll)
}

fn answer(core: &mut Core, poll: &HttpRequest, body: &str) -> Vec<ViewerEvent> {
    let reply = HttpReply::Answer { status: 200, body: body.as_bytes().to_vec() };
    core.handle_http(Moment::from_millis(2), poll.id, reply);
    std::iter::from_fn(|| core.poll_event()).collect()
}

#[test]
fn the_login_is_understood() {
    let identity = login::parse(LOGIN).unwrap();
    assert_eq!(identity.agent, AgentId(id("00000000-0000-4000-8000-000000000001")));
    assert_eq!(identity.session, SessionId(id("2e40bd3a-4c3a-4378-81f9-6d9c35650eae")));
    assert_eq!(identity.circuit_code.0, 1505996267);
    assert_eq!(identity.simulator, SocketAddr::from(([127, 0, 0, 1], 17511)));
    assert_eq!(identity.region, cell(1000, 1000));
    assert_eq!((identity.first.as_str(), identity.last.as_str()), ("Wire", "One"));
    assert!(identity.seed.starts_with("http://127.0.0.1:17510/CAPS/"));
    assert!(!identity.inventory_root.is_null());
}

#[test]
fn the_first_packets_are_those_of_another_client() {
    let identity = login::parse(LOGIN).unwrap();
    let (mut core, _) = in_world(identity);
    let now = Moment::from_millis(1);
    let mut sent = Vec::new();
    let mut bytes = Vec::new();
    while core.poll_transmit(now, &mut bytes).is_some() {
        sent.push(body(&bytes));
    }
    for name in ["UseCircuitCode", "RegionHandshakeReply"] {
        let (_, _, theirs) =
            datagrams().into_iter().find(|(message, by_viewer, _)| *by_viewer && *message == name).unwrap();
        assert!(sent.contains(&body(&theirs)), "{name}");
    }
}

#[test]
fn what_the_region_sent_is_understood() {
    let identity = login::parse(LOGIN).unwrap();
    let (agent, home) = (identity.agent, identity.simulator);
    let (mut core, _) = in_world(identity);
    for (name, by_viewer, bytes) in datagrams() {
        if !by_viewer {
            assert_eq!(Message::decode(&body(&bytes)).unwrap().name(), name);
            core.handle_datagram(Moment::from_millis(1), home, &bytes);
        }
    }
    assert_eq!(core.counts().malformed, 0);
    let region = core.region().unwrap();
    assert_eq!((region.name.as_str(), region.handle), ("A One", cell(1000, 1000)));
    let world = &region.world;
    assert_eq!((world.parcel_overlays, world.stats, world.appearances), (1, 1, 1));
    assert_eq!(world.coarse.len(), 1);
    let (_, own) = world.avatar_of(agent).expect("sees itself");
    assert_eq!(own.name, "Wire One");
    assert!(own.position.distance(Vec3::new(128.0, 128.0, 25.0)) < 3.0, "{}", own.position);
    assert_eq!(core.position(), own.position);
}

#[test]
fn neighbours_are_understood() {
    for (body, region) in [
        (include_str!("../golden/neighbour-0.7.5.1.xml"), cell(1100, 1100)),
        (include_str!("../golden/neighbour-0.9.2.2.xml"), cell(1001, 1000)),
    ] {
        let (mut core, poll) = in_world(login::parse(LOGIN).unwrap());
        let events = answer(&mut core, &poll, body);
        let [ViewerEvent::NeighbourOpened { region: opened, address }] = events[..] else {
            panic!("{events:?}")
        };
        assert_eq!(opened, region);
        let link = core.regions().find(|link| link.address == address).unwrap();
        assert!(link.seed_url().unwrap().contains("/CAPS/"));
        assert_eq!(core.counts().malformed_events, 0);
    }
}

#[test]
fn a_finish_is_followed() {
    for body in [include_str!("../golden/finish-0.7.5.1.xml"), include_str!("../golden/finish-0.9.2.2.xml")] {
        // The recordings are of different sessions.
        let identity = login::parse(LOGIN).unwrap();
        let agent = body.find("<uuid>").unwrap() + "<uuid>".len();
        let body = body.replace(&body[agent..agent + 36], &identity.agent.to_string());
        let (mut core, poll) = in_world(identity);
        let events = answer(&mut core, &poll, &body);
        assert_eq!(events[0], ViewerEvent::TeleportFinishing { region: cell(1100, 1100) });
        assert!(core.regions().any(|link| link.handle == cell(1100, 1100)));
    }
}

#[test]
fn a_crossing_is_followed() {
    let (mut core, poll) = in_world(login::parse(LOGIN).unwrap());
    let neighbour = include_str!("../golden/neighbour-0.9.2.2.xml");
    assert_eq!(answer(&mut core, &poll, neighbour).len(), 1);
    let requests: Vec<HttpRequest> = std::iter::from_fn(|| core.poll_http()).collect();
    let poll = requests.iter().find(|request| request.url.ends_with("/queue")).unwrap();
    // The recording is of another session.
    let crossed = include_str!("../golden/crossed-0.9.2.2.xml")
        .replace("e4f3924a-5a7c-4e1a-bee7-aa96580f2515", &core.identity().agent.to_string())
        .replace("b924ad22-6c68-4f56-9ed0-cde5a9e990c6", &core.identity().session.to_string());
    let events = answer(&mut core, poll, &crossed);
    assert_eq!(events, [ViewerEvent::Crossing { region: cell(1001, 1000), known: true }]);
}
