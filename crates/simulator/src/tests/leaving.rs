//! How sessions end, with a viewer on the other side.

use super::*;
use crate::grid_side::GridSide;
use crate::leases::Leases;
use services::{Friend, FriendRights, Presence};
use viewer::ViewerEvent;
use viewer::net::{Options, Viewer};

/// Two regions side by side, on a port that capabilities name.
async fn world() -> Running {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config = |n| RegionConfig { http_base: format!("http://127.0.0.1:{port}/").into(), ..region(n) };
    let grid = grid();
    *grid.friends.lock().unwrap() =
        vec![Friend { friend: ALAN, given: FriendRights::SEE_ONLINE, has: Some(FriendRights::SEE_ONLINE) }];
    let presence = |agent, n| Presence {
        agent,
        session: session_of(agent),
        secure_session: model::SecureSessionId::NULL,
        region: region(n).id,
        renewed: 0,
    };
    // To the grid, hers is nowhere yet: it would be news of a newer one.
    let ada = Presence { region: RegionId::NULL, ..presence(ADA, 1) };
    *grid.presences.lock().unwrap() = vec![ada, presence(ALAN, 2)];
    Running::start_with(grid, vec![config(1), config(2)], Side { port, grid: None }).await
}

/// Logs in with a viewer, and waits until it stands in the first region and looks into the second.
async fn enter(running: &Running) -> Viewer {
    let agent = agent_of(ADA);
    let prepared = running.destination.create_agent(&running.here, agent.clone()).await.unwrap();
    let identity = viewer::Identity {
        agent: ADA,
        session: agent.session,
        secure_session: agent.secure_session,
        circuit_code: agent.circuit_code,
        first: agent.first,
        last: agent.last,
        simulator: SocketAddr::new(prepared.sim_ip.into(), prepared.sim_port),
        region: running.here.handle,
        region_size: running.here.size,
        seed: prepared.seed_capability,
        start_location: "last".into(),
        message: String::new(),
        inventory_root: FolderId::NULL,
        answer: llsd::Map::default(),
    };
    let mut viewer = Viewer::enter(identity, Options::default()).await.unwrap();
    viewer.wait_for(|event| matches!(event, ViewerEvent::LoggedIn { .. })).await.unwrap();
    viewer.wait_for(|event| matches!(event, ViewerEvent::NeighbourOpened { .. })).await.unwrap();
    viewer
}

/// The steps of her session's end, once this one is among them.
async fn steps(running: &Running, last: &str) -> Vec<&'static str> {
    let there = async {
        loop {
            let steps = running.sessions.steps_of(session_of(ADA));
            if steps.contains(&last) {
                return steps;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), there).await.unwrap()
}

/// Each pair in this order, and each step once.
fn permitted(steps: &[&str], order: &[(&str, &str)]) {
    let at = |wanted: &str| {
        let found: Vec<_> = (0..steps.len()).filter(|&n| steps[n] == wanted).collect();
        assert_eq!(found.len(), 1, "{wanted:?} in {steps:?}");
        found[0]
    };
    for (first, second) in order {
        assert!(at(first) < at(second), "{first:?} before {second:?} in {steps:?}");
    }
}

/// What any end of a session keeps to; the rest is free.
const ORDER: [(&str, &str); 6] = [
    ("session ends", "R->RCh CloseAgent"),
    ("session ends", "R->others KillObject"),
    ("R->others KillObject", "R presence removed"),
    ("session ends", "R->GU logged out"),
    ("R->GU logged out", "R->P logged out"),
    ("R->P logged out", "R->RFr offline"),
];

#[tokio::test]
async fn a_logout_takes_its_steps_in_a_permitted_order() {
    let running = world().await;
    let viewer = enter(&running).await;
    assert!(viewer.logout().await.unwrap(), "LogoutReply comes");
    let steps = steps(&running, "R->RFr offline").await;
    permitted(&steps, &ORDER);
    permitted(&steps, &[("V->R LogoutRequest", "R->V LogoutReply"), ("R->V LogoutReply", "session ends")]);
    let seen = running.client().await.get("/sessions").await;
    let seen: serde_json::Value = serde_json::from_slice(&seen.body).unwrap();
    assert_eq!(
        (&seen["ended"][0]["reason"], &seen["ended"][0]["name"]),
        (&"logout".into(), &"Ada Lovelace".into())
    );
    running.stop().await;
}

#[tokio::test]
async fn a_newer_login_ends_the_session_by_the_same_steps() {
    let running = world().await;
    let mut viewer = enter(&running).await;
    running.end_session(ADA).await;
    viewer.wait_for(|event| matches!(event, ViewerEvent::Kicked { .. })).await.unwrap();
    let steps = steps(&running, "R->RFr offline").await;
    permitted(&steps, &ORDER);
    permitted(&steps, &[("R->V KickUser", "session ends")]);
    running.stop().await;
}

#[tokio::test]
async fn sessions_are_seen_renewed_and_disowned() {
    let running = world().await;
    let mut viewer = enter(&running).await;
    let seen = running.client().await.get("/sessions").await;
    let seen: serde_json::Value = serde_json::from_slice(&seen.body).unwrap();
    let standing = |n: usize| seen["sessions"][n]["standing"].as_str().unwrap();
    assert_eq!((standing(0), standing(1)), ("root", "child"), "{seen}");
    assert!(seen["sessions"][0]["last_packet_us"].as_u64() >= seen["sessions"][0]["since_us"].as_u64());

    let grid = Arc::new(GridSide::new(running.grid.services(), Arc::default(), Arc::default()));
    let leases = Leases { grid, directory: running.directory.clone() };
    leases.renew().await;
    let renewed = format!("renew {} in {}", session_of(ADA), running.here.id);
    assert!(running.grid.told.lock().unwrap().contains(&renewed), "the root agent's, in its region");
    assert!(!running.grid.told.lock().unwrap().contains(&format!(
        "renew {} in {}",
        session_of(ADA),
        region(2).id
    )));
    let held = format!("report {}", session_of(ADA));
    running.grid.told.lock().unwrap().clear();
    leases.renew().await;
    assert!(!running.grid.told.lock().unwrap().contains(&held), "the grid knows where they are");
    running.grid.elsewhere.lock().unwrap().push(session_of(ADA));
    leases.renew().await;
    let told = running.grid.told.lock().unwrap().iter().filter(|told| **told == held).count();
    assert_eq!(
        told, 1,
        "the region that has the root agent says so, and the one with a child agent does not"
    );
    running.grid.unknown.lock().unwrap().push(session_of(ADA));
    leases.renew().await;
    let kicked = viewer.wait_for(|event| matches!(event, ViewerEvent::Kicked { .. })).await.unwrap();
    assert!(format!("{kicked:?}").contains("log in again"), "{kicked:?}");
    running.stop().await;
}

#[tokio::test]
async fn whoever_is_kicked_is_found_where_they_stand() {
    let running = world().await;
    let mut viewer = enter(&running).await;
    let kick = |name: &str| crate::control::Command::Kick { agent: name.into(), reason: "Enough.".into() };
    let done = running.operations.command(kick("Ada Lovelace")).await;
    assert!(done.ok && done.text.ends_with("leave Region 1"), "not where she looks in: {done:?}");
    viewer.wait_for(|event| matches!(event, ViewerEvent::Kicked { .. })).await.unwrap();
    let absent = running.operations.command(kick("Alan")).await;
    assert!(!absent.ok && absent.text.contains("in no region"), "{absent:?}");
    running.stop().await;
}
