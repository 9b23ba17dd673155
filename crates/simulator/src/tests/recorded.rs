//! What simulators of others sent, as it was recorded, to a simulator of ours: over HTTP and without any proof, to a
//! region with the id that was meant.

use super::*;
use crate::{Metrics, ProcessKey, RemoteDestination};
use axum::body::Bytes;
use axum::extract::{Request, State};
use services::Presence;
use transfer::{CreateAgent, PeerCall, Version};

/// A recorded exchange.
struct Recorded {
    method: String,
    path: String,
    body: serde_json::Value,
}

impl Recorded {
    fn read(text: &str) -> Self {
        let (request, _) = text.split_once("\n=> ").unwrap();
        let (head, body) = request.split_once("\n\n").unwrap();
        let (method, path) = head.lines().next().unwrap().split_once(' ').unwrap();
        let body = if body.trim().is_empty() { "{}" } else { body };
        Self { method: method.into(), path: path.into(), body: serde_json::from_str(body).unwrap() }
    }

    fn id(&self, key: &str) -> Uuid {
        self.body[key].as_str().and_then(|text| text.parse().ok()).unwrap_or_default()
    }
}

macro_rules! recorded {
    ($version:literal, $($name:literal),+) => {
        [$(Recorded::read(include_str!(concat!("../../../simulation/golden/", $version, "/", $name, ".txt")))),+]
    };
}

fn said(answer: client::Answer) -> String {
    String::from_utf8(answer.body).unwrap()
}

/// A query, an agent and its content, as one simulator sent them to another.
async fn transfer_arrives([mut query, create, update]: [Recorded; 3]) {
    let destination = RegionId(create.id("destination_uuid"));
    let grid = grid();
    let agent = AgentId(create.id("agent_id"));
    // It may be recorded of another transfer.
    query.path = format!("/agent/{agent}/{destination}/");
    grid.presences.lock().unwrap().push(Presence {
        agent,
        session: SessionId(create.id("session_id")),
        secure_session: model::SecureSessionId(create.id("secure_session_id")),
        region: RegionId::NULL,
        renewed: 0,
    });
    let source = RegionInfo {
        id: RegionId(update.id("region_id")),
        external_host: "127.0.0.1".into(),
        ..RegionInfo::default()
    };
    grid.regions.lock().unwrap().push(source);
    let config = RegionConfig { id: destination, ..region(1) };
    let running =
        Running::start_with(grid, vec![config], Side { port: 0, grid: Some("http://127.0.0.1:9/") }).await;
    let mut client = running.client().await;
    for Recorded { method, path, body } in [&query, &create, &update] {
        let body = body.to_string();
        let answer = client.request(method, path, "Content-Type: application/json\r\n", body.as_bytes());
        let answer = if method == "PUT" {
            // It waits for a viewer, and none is coming: the session ends instead, once it has been taken.
            let end = async {
                let mut watcher = running.client().await;
                let mut looks = 0;
                while !said(watcher.get("/transfers").await).contains("UpdateAgent") {
                    looks += 1;
                    assert!(looks < 1000, "UpdateAgent is not taken");
                }
                running.destination.end_session(&running.here, agent, session(&create), "test").await;
            };
            tokio::join!(answer, end).0
        } else {
            answer.await
        };
        assert_eq!(answer.status, 200, "{method} {path}");
        let said = said(answer);
        match method.as_str() {
            "PUT" => assert_eq!(said, "False"),
            _ => assert!(said.contains("\"success\":true"), "{method} {path}: {said}"),
        }
    }
    running.stop().await;
}

fn session(create: &Recorded) -> SessionId {
    SessionId(create.id("session_id"))
}

#[tokio::test]
async fn agents_of_0_7_5_1_come_in() {
    transfer_arrives(recorded!(
        "0.7.5.1",
        "query.05-different-sim-out-of-sight.4",
        "create.05-different-sim-out-of-sight.5",
        "update.05-different-sim-out-of-sight.7"
    ))
    .await;
}

#[tokio::test]
async fn agents_of_0_7_6_1_come_in() {
    transfer_arrives(recorded!(
        "0.7.6.1",
        "query.05-different-sim-out-of-sight.4",
        "create.05-different-sim-out-of-sight.5",
        "update.05-different-sim-out-of-sight.7"
    ))
    .await;
}

#[tokio::test]
async fn agents_of_0_9_2_2_come_in() {
    transfer_arrives(recorded!(
        "0.9.2.2",
        "query.teleport-different-sim-in-sight.2",
        "create.teleport-different-sim-out-of-sight.3",
        "update.teleport-different-sim-out-of-sight.5"
    ))
    .await;
}

#[tokio::test]
async fn every_seed_that_another_simulator_sends_opens_the_agents_capabilities() {
    // 0.9.2.2 has closed the child agent here, as it thinks, and makes a new one: the viewer is told its seed alone, and
    // should the transfer fail, goes on with the one that it has.
    let [create] = recorded!("0.9.2.2", "create.teleport-different-sim-out-of-sight.3");
    let destination = RegionId(create.id("destination_uuid"));
    let agent = AgentId(create.id("agent_id"));
    let grid = grid();
    grid.presences.lock().unwrap().push(Presence {
        agent,
        session: session(&create),
        secure_session: model::SecureSessionId(create.id("secure_session_id")),
        region: RegionId::NULL,
        renewed: 0,
    });
    let source = RegionInfo {
        id: RegionId(create.id("source_uuid")),
        external_host: "127.0.0.1".into(),
        ..RegionInfo::default()
    };
    grid.regions.lock().unwrap().push(source);
    let config = RegionConfig { id: destination, ..region(1) };
    let running =
        Running::start_with(grid, vec![config], Side { port: 0, grid: Some("http://127.0.0.1:9/") }).await;
    let mut client = running.client().await;
    let seeds = [create.id("caps_path"), Uuid::from_u128(7), Uuid::from_u128(8)];
    for (round, seed) in seeds.iter().enumerate() {
        let mut body = create.body.clone();
        body["caps_path"] = seed.to_string().into();
        let json = "Content-Type: application/json\r\n";
        let answer = client.request("POST", &create.path, json, body.to_string().as_bytes()).await;
        assert_eq!(answer.status, 200);
        for (other, asked) in seeds.iter().enumerate() {
            let llsd = "Content-Type: application/llsd+xml\r\n";
            let path = format!("/CAPS/{asked}0000/");
            let granted = client.request("POST", &path, llsd, b"<llsd><array/></llsd>").await;
            assert_eq!(granted.status, if other <= round { 200 } else { 404 }, "round {round}: seed {other}");
        }
    }
    running.stop().await;
}

type Made = tokio::sync::mpsc::UnboundedSender<CreateAgent>;

/// A simulator that answers as 0.7.6.1 did, and tells what agents it is to make.
async fn answer_as_0_7_6_1(State(made): State<Made>, request: Request) -> String {
    let (head, body) = request.into_parts();
    let body: Bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let kind = head.headers.get("content-type").and_then(|kind| kind.to_str().ok());
    let read = simulation::read(head.method.as_str(), head.uri.path(), kind, None, &body);
    let recorded = match read.unwrap().call {
        PeerCall::CreateAgent(create) => {
            made.send(*create).unwrap();
            include_str!("../../../simulation/golden/0.7.6.1/create-login.01-login.2.txt")
        }
        _ => include_str!("../../../simulation/golden/0.7.6.1/query.05-different-sim-out-of-sight.4.txt"),
    };
    recorded.rsplit_once("=> 200\n").unwrap().1.to_owned()
}

/// A region of such a simulator, and the agents that it is to make.
async fn old_region(at: GridCell) -> (RegionInfo, tokio::sync::mpsc::UnboundedReceiver<CreateAgent>) {
    let (made, making) = tokio::sync::mpsc::unbounded_channel();
    let router = axum::Router::new().fallback(answer_as_0_7_6_1).with_state(made);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let info = RegionInfo {
        id: RegionId(Uuid::from_u128(5)),
        handle: at.handle(),
        server_uri: format!("http://{}/", listener.local_addr().unwrap()),
        external_host: "127.0.0.1".into(),
        udp_port: 9,
        ..RegionInfo::default()
    };
    tokio::spawn(async move { axum::serve(listener, router).await });
    (info, making)
}

#[tokio::test]
async fn logins_reach_older_simulators_in_words_that_they_know() {
    let (old, mut making) = old_region(GridCell { x: 1000, y: 1000 }).await;
    let destination = RemoteDestination::new(Arc::new(ProcessKey::random()), Arc::new(Metrics::new()));
    destination.create_agent(&old, agent_of(ADA)).await.unwrap();
    // Of the forms of an outfit 0.7.6.1 knows the oldest alone.
    assert_eq!(making.recv().await.unwrap().version, Version::V0_2);
}

/// UseCircuitCode or CompleteAgentMovement, as bytes.
fn datagram(sequence: u8, message: u8, parts: [&[u8]; 3]) -> Vec<u8> {
    [&[0x40, 0, 0, 0, sequence, 0, 0xFF, 0xFF, 0, message][..], parts[0], parts[1], parts[2]].concat()
}

#[tokio::test]
async fn who_walks_over_from_0_7_5_1_keeps_the_seeds_that_came_with_the_child_agent() {
    let [child] = recorded!("0.7.5.1", "create-child.04-same-sim-in-sight.8");
    let [mut update] = recorded!("0.7.5.1", "update.05-different-sim-out-of-sight.7");
    // At a border 0.7.5.1 sends the same without asking for a release.
    update.body.as_object_mut().unwrap().remove("callback_uri");
    let agent = AgentId(child.id("agent_id"));
    let (neighbour, mut making) = old_region(GridCell { x: 1001, y: 1000 }).await;
    let seeds = child.body["children_seeds"].as_array().unwrap();
    let handle = neighbour.handle.0.to_string();
    let seed = &seeds.iter().find(|seed| seed["handle"] == *handle).unwrap()["seed"];
    let grid = grid();
    grid.presences.lock().unwrap().push(Presence {
        agent,
        session: session(&child),
        secure_session: model::SecureSessionId(child.id("secure_session_id")),
        region: RegionId::NULL,
        renewed: 0,
    });
    let source = RegionInfo {
        id: RegionId(update.id("region_id")),
        external_host: "127.0.0.1".into(),
        ..RegionInfo::default()
    };
    grid.regions.lock().unwrap().extend([source, neighbour]);
    let here = RegionId(child.id("destination_uuid"));
    let config = RegionConfig { id: here, cell: GridCell { x: 1002, y: 1000 }, ..region(1) };
    let running =
        Running::start_with(grid, vec![config], Side { port: 0, grid: Some("http://127.0.0.1:9/") }).await;
    let mut client = running.client().await;
    let json = "Content-Type: application/json\r\n";
    assert_eq!(
        client.request("POST", &child.path, json, child.body.to_string().as_bytes()).await.status,
        200
    );

    let viewer = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    viewer.connect(("127.0.0.1", running.here.udp_port)).await.unwrap();
    let code: u32 = child.body["circuit_code"].as_str().unwrap().parse().unwrap();
    let (agent, session, code) = (agent.0.into_bytes(), session(&child).0.into_bytes(), code.to_le_bytes());
    viewer.send(&datagram(1, 3, [&code, &session, &agent])).await.unwrap();
    // The child agent has its circuit: the region speaks.
    viewer.recv(&mut [0; 1500]).await.unwrap();
    update.body["destination_uuid"] = here.0.to_string().into();
    assert_eq!(
        said(client.request("PUT", &update.path, json, update.body.to_string().as_bytes()).await),
        "True"
    );
    viewer.send(&datagram(2, 249, [&agent, &session, &code])).await.unwrap();
    // T4C: the viewer's seed for that region is the one that it has.
    let caps = making.recv().await.unwrap().caps.unwrap();
    assert_eq!(caps.0.to_string(), *seed.as_str().unwrap());
    running.stop().await;
}
