//! What regions say to each other about one agent, and what time does to it.

use super::*;
use crate::calls::TELL_PAUSE;
use crate::leaving::VERDICTS_KEPT;
use crate::region::Context;
use model::{CapsSecret, Quat};
use transfer::{AgentCreated, AgentData, Claim, PeerReply, TransferId, Whereabouts};

const ELSEWHERE: RegionId = RegionId(Uuid::from_u128(0x77));

fn transferred(number: u64) -> CreateAgent {
    CreateAgent {
        flags: TeleportFlags::VIA_LOCATION,
        transfer: Some(TransferId(number)),
        source: Some(ELSEWHERE),
        ..announced(CLEO)
    }
}

fn looking_in() -> CreateAgent {
    CreateAgent { flags: TeleportFlags::empty(), ..announced(CLEO) }
}

/// What a region answers to a peer.
fn ask(town: &mut Town, at: usize, call: PeerCall) -> Option<Result<PeerReply, Refusal>> {
    let effects = town.put_alone(at, Input::Peer { call, waiter: Waiter(5) });
    effects.into_iter().find_map(|effect| match effect {
        Effect::Answer { waiter: Waiter(5), result } => Some(result),
        _ => None,
    })
}

fn create(town: &mut Town, at: usize, create: CreateAgent) -> AgentCreated {
    match ask(town, at, PeerCall::CreateAgent(Box::new(create))) {
        Some(Ok(PeerReply::Created(created))) => created,
        other => panic!("{other:?}"),
    }
}

fn opens_circuit(town: &mut Town, from: SocketAddr, agent: AgentId) {
    let circuit_code =
        m::use_circuit_code::CircuitCode { code: 7, session_id: session(agent).0, id: agent.0 };
    town.say_from(from, agent, &m::UseCircuitCode { circuit_code });
}

/// What a poll is answered: `None` while it waits.
fn poll(town: &mut Town, caps: CapsSecret, done: bool) -> Option<Option<String>> {
    let from = address(CLEO).ip();
    let effects = town.put_alone(0, Input::Poll { caps, ack: None, done, waiter: Waiter(6), from });
    effects.into_iter().find_map(|effect| match effect {
        Effect::EventQueue { waiter: Waiter(6), body } => Some(body),
        _ => None,
    })
}

#[test]
fn who_ended_its_poll_and_comes_again_is_heard() {
    // Sent by a peer that tells its viewer a secret, and by one that is told which it is.
    for numbered in [false, true] {
        let mut town = Town::with_bob_in(0);
        let told = CapsSecret(Uuid::from_u128(0x5EC));
        create(&mut town, 0, CreateAgent { caps: Some(told), ..looking_in() });
        town.viewers.insert(CLEO, (0, 0));
        opens_circuit(&mut town, address(CLEO), CLEO);
        assert!(matches!(poll(&mut town, told, true), Some(Some(_))));
        assert_eq!(poll(&mut town, told, false), Some(None), "gone");
        let comes = if numbered { transferred(1) } else { transfer_of_old() };
        let created = create(&mut town, 0, CreateAgent { caps: Some(told), ..comes });
        assert!(!created.existed, "the viewer must hear of it");
        assert!(!numbered || created.caps != told);
        for caps in [told, created.caps] {
            assert_ne!(poll(&mut town, caps, false), Some(None), "gone");
        }
    }
}

/// A teleport from a peer without tickets.
fn transfer_of_old() -> CreateAgent {
    CreateAgent { flags: TeleportFlags::VIA_LOCATION, ..announced(CLEO) }
}

/// UpdateAgent of a walk over the border, by a peer that knows the published protocol alone.
fn walks_over() -> AgentData {
    AgentData {
        position: Vec3::new(1.0, 100.0, 25.0),
        velocity: Vec3::X,
        crossing: true,
        ..updated(CLEO, ELSEWHERE)
    }
}

#[test]
fn who_may_not_teleport_in_may_not_walk_in() {
    let others = || RegionConfig { owner: BOB, access: AccessPolicy::Members, ..config(1) };
    for (config, enters) in
        [(config(1), true), (others(), false), (RegionConfig { max_agents: 0, ..config(1) }, false)]
    {
        let mut town = Town::with_bob_in(0);
        town.regions[1] = Region::new(config, town.now);
        create(&mut town, 1, looking_in());
        town.viewers.insert(CLEO, (1, 0));
        opens_circuit(&mut town, address(CLEO), CLEO);
        let answer = ask(&mut town, 1, PeerCall::UpdateAgent(Box::new(walks_over())));
        assert_eq!(answer, if enters { Some(Ok(PeerReply::Done)) } else { answer.clone() });
        assert_eq!(matches!(answer, Some(Err(_))), !enters);
        town.open_from(address(CLEO), CLEO);
        assert_eq!(town.regions[1].stats().root_agents, usize::from(enters));
    }
}

#[test]
fn nobody_walks_in_whose_circuit_is_being_closed() {
    let mut town = Town::with_bob_in(0);
    create(&mut town, 1, looking_in());
    town.viewers.insert(CLEO, (1, 0));
    opens_circuit(&mut town, address(CLEO), CLEO);
    let close = PeerCall::CloseChild { agent: CLEO, session: session(CLEO), claim: None };
    ask(&mut town, 1, close);
    let answer = ask(&mut town, 1, PeerCall::UpdateAgent(Box::new(walks_over())));
    assert_eq!(answer, Some(Ok(PeerReply::Whereabouts(Whereabouts::Withdrawn))));
}

#[test]
fn who_is_expected_and_loses_its_circuit_costs_no_time() {
    let mut town = Town::with_bob_in(0);
    create(&mut town, 0, announced(CLEO));
    town.viewers.insert(CLEO, (0, 0));
    opens_circuit(&mut town, address(CLEO), CLEO);
    // Bob's viewer comes from the address that Cleo's had.
    town.regions[0].agents.get_mut(&BOB).unwrap().client.address = Some(address(CLEO).ip());
    town.open_from(address(CLEO), BOB);
    assert!(town.regions[0].agents[&CLEO].link.is_none());
    town.put(0, Input::Wakeup);
    assert!(town.regions[0].next_wakeup() > Some(town.now), "nothing is due");
    town.now += transfer::Patience::default().login;
    town.put(0, Input::Wakeup);
    assert!(!town.regions[0].agents.contains_key(&CLEO));
}

#[test]
fn a_lease_that_runs_out_on_the_way_in_is_as_long_again() {
    let mut town = Town::with_bob_in(0);
    let claim = Some(Claim { holder: ELSEWHERE, visit: 1 });
    create(&mut town, 0, CreateAgent { claim, ..looking_in() });
    create(&mut town, 0, transferred(3));
    let now = town.now;
    town.regions[0].agents.get_mut(&CLEO).unwrap().kept_until = Some(now);
    town.regions[0].touch(CLEO);
    town.collect(0);
    town.put(0, Input::Wakeup);
    let agent = &town.regions[0].agents[&CLEO];
    assert!(agent.claim == claim && agent.kept_until > Some(now), "{agent:?}");
}

#[test]
fn a_source_that_asks_again_and_again_drives_out_no_other_verdict() {
    let mut town = Town::with_bob_in(0);
    let withdraw = |number| PeerCall::Withdraw {
        agent: CLEO,
        session: session(CLEO),
        source: ELSEWHERE,
        transfer: TransferId(number),
    };
    ask(&mut town, 0, withdraw(1));
    for _ in 0..=VERDICTS_KEPT {
        ask(&mut town, 0, withdraw(2));
    }
    let late = ask(&mut town, 0, PeerCall::CreateAgent(Box::new(transferred(1))));
    assert!(matches!(late, Some(Err(_))), "{late:?}");
}

/// Peers that are told to close somebody.
fn closes(effects: &[Effect]) -> Vec<CallId> {
    let close = |effect: &Effect| match effect {
        Effect::CallPeer { id, call: PeerCall::CloseChild { .. }, .. } => Some(*id),
        _ => None,
    };
    effects.iter().filter_map(close).collect()
}

#[test]
fn a_close_without_a_claim_is_not_said_again_to_where_the_agent_goes() {
    for goes in [false, true] {
        let mut town = Town::with_bob_in(1);
        let there = town.regions[1].info().clone();
        let call = PeerCall::CloseChild { agent: ADA, session: session(ADA), claim: None };
        let mut said = Vec::new();
        let cx = &mut Context { now: town.now, effects: &mut said };
        town.regions[0].tell_peer(cx, there.clone(), call, false);
        if goes {
            let message = m::TeleportLocationRequest {
                agent_data: m::teleport_location_request::AgentData {
                    agent_id: ADA.0,
                    session_id: session(ADA).0,
                },
                info: m::teleport_location_request::Info {
                    region_handle: there.handle.0,
                    position: Vec3::splat(30.0),
                    look_at: Vec3::X,
                },
            };
            let asked = town.say_alone(ADA, &message);
            let (id, _) = questions(&asked)[0];
            town.put_alone(0, Input::Reply { id, result: Ok(Reply::Region(Some(there))) });
        }
        town.put_alone(0, Input::Reply { id: closes(&said)[0], result: Err(PeerError::TimedOut) });
        town.now += TELL_PAUSE;
        assert_eq!(closes(&town.put_alone(0, Input::Wakeup)).len(), usize::from(!goes));
    }
}

#[test]
fn who_looks_farther_is_shown_more_and_not_each_time_at_once() {
    let mut town = Town::with_bob_in(1);
    let far = |town: &mut Town, far| {
        let message = m::AgentUpdate {
            agent_data: m::agent_update::AgentData {
                agent_id: ADA.0,
                session_id: session(ADA).0,
                body_rotation: Quat::IDENTITY.into(),
                head_rotation: Quat::IDENTITY.into(),
                state: 0,
                camera_center: Vec3::splat(30.0),
                camera_at_axis: Vec3::X,
                camera_left_axis: Vec3::Y,
                camera_up_axis: Vec3::Z,
                far,
                control_flags: 0,
                flags: 0,
            },
        };
        town.say_alone(ADA, &message);
        looks(&town.put_alone(0, Input::Wakeup))
    };
    fn looks(effects: &[Effect]) -> usize {
        let ranges = questions(effects).into_iter();
        ranges.filter(|(_, call)| matches!(call, GridCall::RegionsInRange { .. })).count()
    }
    town.now += Duration::from_secs(10);
    assert_eq!(far(&mut town, 80.0), 0, "hardly farther");
    assert_eq!(far(&mut town, 160.0), 1);
    assert_eq!(far(&mut town, 64.0), 0);
    town.now += Duration::from_secs(2);
    assert_eq!(looks(&town.put_alone(0, Input::Wakeup)), 1);
    town.now += Duration::from_secs(2);
    assert_eq!(looks(&town.put_alone(0, Input::Wakeup)), 0, "that was it");
}
