//! The end of a session, and what comes too late for it.

use super::*;
use transfer::{AgentCreated, Hello, PeerReply};

/// A datagram that says only that its viewer is there, taken in without anything being sent.
fn take_ping(town: &mut Town, agent: AgentId) {
    let (_, sequence) = town.viewers.get_mut(&agent).unwrap();
    *sequence += 1;
    let message = m::CompletePingCheck { ping_id: m::complete_ping_check::PingID { ping_id: 0 } };
    let mut bytes = Vec::new();
    header::seal_message(&mut bytes, Flags::empty(), *sequence, &message, &mut Vec::new());
    let now = town.now;
    effects(&mut town.regions[0], now, Input::Datagram { from: address(agent), bytes: &bytes });
}

#[test]
fn nobody_is_silent_whose_datagram_waited_while_the_process_stood_still() {
    let mut town = Town::with_bob_in(0);
    // Longer than the silence that ends a session; both viewers have gone on saying that they are there.
    town.now += Duration::from_secs(300);
    take_ping(&mut town, ADA);
    take_ping(&mut town, BOB);
    town.put(0, Input::Wakeup);
    assert_eq!(town.regions[0].stats().root_agents, 2);
    town.now += Duration::from_secs(300);
    take_ping(&mut town, ADA);
    town.put(0, Input::Wakeup);
    assert_eq!(town.regions[0].stats().root_agents, 1, "Bob has been silent");
}

#[test]
fn a_child_agent_that_a_neighbour_makes_for_one_who_has_logged_out_is_closed() {
    for leaves in [false, true] {
        let mut town = Town::with_bob_in(1);
        let (now, neighbour) = (town.now, Uuid::from_u128(0x77));
        let handle = GridCell { x: 1001, y: 1000 }.handle();
        let info = services::RegionInfo {
            id: RegionId(neighbour),
            handle,
            size: RegionSize::STANDARD,
            ..services::RegionInfo::default()
        };
        // A neighbour comes up: whoever is here is to see into it.
        let hello = Hello {
            id: info.id,
            name: "Next".into(),
            handle,
            size: info.size,
            host: "127.0.0.1".into(),
            udp_port: 9003,
            http_port: 80,
            server_uri: "http://127.0.0.1/".into(),
        };
        let input = Input::Peer { call: PeerCall::Hello(hello), waiter: Waiter(2) };
        let looks = effects(&mut town.regions[0], now, input).into_iter().find_map(|effect| match effect {
            Effect::CallGrid { id, call: GridCall::RegionsInRange { .. }, .. } => Some(id),
            _ => None,
        });
        let result = Ok(Reply::Regions(vec![Arc::new(info)]));
        let input = Input::Reply { id: looks.unwrap(), result };
        let asks = effects(&mut town.regions[0], now, input).into_iter().find_map(|effect| match effect {
            Effect::CallPeer { id, call: PeerCall::CreateAgent(_), .. } => Some(id),
            _ => None,
        });
        if leaves {
            let agent_data = m::logout_request::AgentData { agent_id: ADA.0, session_id: session(ADA).0 };
            town.say(ADA, &m::LogoutRequest { agent_data });
        }
        let created = AgentCreated { caps: model::CapsSecret(neighbour), existed: false, tickets: true };
        let result = Ok(Reply::Peer(PeerReply::Created(created)));
        let done = effects(&mut town.regions[0], now, Input::Reply { id: asks.unwrap(), result });
        let closes = done.iter().any(|effect| {
            matches!(effect, Effect::CallPeer { call: PeerCall::CloseChild { agent: ADA, .. }, .. })
        });
        assert_eq!(closes, leaves);
    }
}
