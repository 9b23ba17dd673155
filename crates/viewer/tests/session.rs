//! Login, life in one region, neighbours, logout, and how a session ends otherwise.

mod fake;

use std::time::Duration;

use fake::{EAST, FAR, HOME, LATENCY, Rig, enable_simulator, establish, handle};
use viewer::model::{Uuid, Vec3};
use viewer::{Config, Disconnect, Loudness, Phase, ViewerEvent};

#[test]
fn logs_in_in_the_viewers_order() {
    let mut rig = Rig::in_world(Config::default());
    let home = rig.region(HOME);
    let first = |name: &str| home.first(name).unwrap_or_else(|| panic!("no {name}"));
    assert_eq!(home.seeds, 1);
    // The seed's answer takes a round trip from the start at one second; only then comes the first packet.
    assert_eq!(first("UseCircuitCode"), viewer::model::Moment::from_millis(1000) + 3 * LATENCY);
    // ... and CompleteAgentMovement waits for the acknowledgement.
    assert_eq!(first("CompleteAgentMovement") - first("UseCircuitCode"), 2 * LATENCY);
    for greeting in ["AgentThrottle", "AgentHeightWidth", "AgentUpdate", "RegionHandshakeReply"] {
        assert!(home.first(greeting).is_some(), "no {greeting}");
    }
    assert_eq!((home.count("UseCircuitCode"), home.count("CompleteAgentMovement")), (1, 1));
    assert_eq!(home.polls, [None]);
    assert_eq!(rig.core.phase(), Phase::InWorld);
    let region = rig.core.region().unwrap();
    assert_eq!((region.name.as_str(), region.handle), ("Region 1000 1000", handle(HOME)));
    let (_, own) = region.world.avatar_of(rig.core.identity().agent).expect("sees itself");
    assert_eq!((own.name.as_str(), own.position), ("Ann Own", Vec3::new(128.0, 128.0, 25.0)));
    assert_eq!(rig.core.position(), own.position);
}

#[test]
fn seed_and_circuit_can_go_side_by_side() {
    let mut rig = Rig::in_world(Config { seed_first: false, ..Config::default() });
    let start = viewer::model::Moment::from_millis(1000);
    assert_eq!(rig.region(HOME).first("UseCircuitCode"), Some(start + LATENCY));
    assert_eq!(rig.region(HOME).seeds, 1);
}

#[test]
fn logs_in_through_loss() {
    for lose_every in [2, 3, 5] {
        let mut rig = Rig::new(Config::default());
        rig.lose_every = lose_every;
        rig.run_until(|rig| rig.has(|event| matches!(event, ViewerEvent::LoggedIn { .. })));
    }
}

#[test]
fn gives_up_a_login_that_goes_nowhere() {
    let over = |rig: &Rig| rig.core.phase() == Phase::Over;
    let last = |rig: &Rig| rig.events.last().unwrap().clone();
    let start = viewer::model::Moment::from_millis(1000);

    let mut rig = Rig::new(Config::default());
    rig.region(HOME).http_status = 503;
    rig.run_until(over);
    assert_eq!(last(&rig).1, ViewerEvent::Disconnected(Disconnect::NoCapabilities));

    let mut rig = Rig::new(Config { seed_first: false, ..Config::default() });
    rig.regions.remove(&fake::address(EAST));
    rig.core.misbehave(start, viewer::Misbehaviour { never_use_circuit_code: true, ..Default::default() });
    rig.region(HOME).admits = false;
    rig.run_until(over);
    let (at, event) = last(&rig);
    // The UseCircuitCode that had left was acknowledged, so the viewer waits the whole term for what comes next.
    assert_eq!(event, ViewerEvent::Disconnected(Disconnect::NeverArrived));
    assert_eq!(at - start, Duration::from_secs(240) + 2 * LATENCY);

    let misbehave = viewer::Misbehaviour { never_use_circuit_code: true, ..Default::default() };
    let mut rig = Rig::new(Config { misbehave, ..Config::default() });
    rig.run_until(over);
    let (at, event) = last(&rig);
    assert_eq!(event, ViewerEvent::Disconnected(Disconnect::LoginPacketNeverReceived));
    assert_eq!(at - start, Duration::from_secs(20) + 2 * LATENCY);
}

#[test]
fn agent_updates_come_once_a_second_and_faster_in_motion() {
    let mut rig = Rig::in_world(Config::default());
    let updates = |rig: &mut Rig| rig.region(HOME).count("AgentUpdate");
    let before = updates(&mut rig);
    rig.run_for(Duration::from_secs(10));
    let idle = updates(&mut rig) - before;
    assert!((9..=11).contains(&idle), "{idle}");

    rig.wish(|core, now| core.walk(now, 0.5));
    let before = updates(&mut rig);
    rig.run_for(Duration::from_secs(10));
    let moving = updates(&mut rig) - before;
    assert!((99..=101).contains(&moving), "{moving}");

    rig.wish(|core, now| core.stop(now));
    rig.run_for(Duration::from_millis(200));
    let last = rig.region(HOME).heard.iter().rfind(|heard| heard.name == "AgentUpdate").unwrap();
    assert_eq!(last.flags, 0);
}

#[test]
fn a_turn_in_place_leaves_at_once_but_not_too_often() {
    let mut rig = Rig::in_world(Config { update_interval_idle: Duration::ZERO, ..Config::default() });
    let before = rig.region(HOME).count("AgentUpdate");
    rig.run_for(Duration::from_secs(5));
    for step in 0..50 {
        rig.wish(|core, now| core.turn(now, 0.1 + step as f32 * 0.01));
        rig.run_for(Duration::from_millis(10));
    }
    rig.run_for(Duration::from_millis(200));
    let turns = rig.region(HOME).count("AgentUpdate") - before;
    assert!((5..=7).contains(&turns), "{turns}");
}

#[test]
fn walks_to_a_place() {
    let mut rig = Rig::in_world(Config::default());
    rig.wish(|core, now| core.walk_to(now, Vec3::new(140.0, 119.0, 25.0)));
    rig.run_until(|rig| rig.has(|event| matches!(event, ViewerEvent::Reached { .. })));
    assert!(rig.core.position().distance(Vec3::new(140.0, 119.0, 25.0)) < 1.5);
    let there = rig.region(HOME).position;
    rig.run_for(Duration::from_secs(3));
    assert!(rig.region(HOME).position.distance(there) < 1.5, "it stands still");
}

#[test]
fn hears_what_is_said_and_finds_regions() {
    let mut rig = Rig::in_world(Config::default());
    rig.wish(|core, now| core.chat(now, "Grüezi", Loudness::Shout, 0)).unwrap();
    rig.wish(|core, now| core.map_name_request(now, "welcome")).unwrap();
    rig.run_for(Duration::from_secs(1));
    assert!(rig.has(|event| matches!(event, ViewerEvent::Chat { text, kind: 2, .. } if text == "Grüezi")));
    assert!(rig.has(|event| matches!(event, ViewerEvent::MapBlocks(blocks)
        if blocks.len() == 2 && blocks[0].handle == handle(HOME) && blocks[1].access == 255)));
    let long = "x".repeat(5000);
    assert!(rig.wish(|core, now| core.chat(now, &long, Loudness::Say, 0)).is_err());
}

#[test]
fn sees_others_come_move_and_go() {
    let mut rig = Rig::in_world(Config::default());
    let other = Uuid::from_u128(0xB);
    rig.tell(HOME, |region, now| region.say_avatar(now, 9, other, "Bob Other", Vec3::splat(50.0)));
    rig.run_for(Duration::from_millis(100));
    rig.tell(HOME, |region, now| region.say_terse(now, 9, Vec3::splat(51.0)));
    rig.run_for(Duration::from_millis(100));
    rig.tell(HOME, |region, now| {
        let objects = [lludp::messages::kill_object::ObjectData { id: 9 }];
        region.say(now, &lludp::messages::KillObject { object_data: (&objects).into() });
    });
    rig.run_for(Duration::from_millis(100));
    let story: Vec<&str> = rig
        .events
        .iter()
        .filter_map(|(_, event)| match event {
            ViewerEvent::AvatarAppeared { name, .. } if name == "Bob Other" => Some("appeared"),
            ViewerEvent::AvatarMoved { agent, position, .. } if agent.0 == other => {
                assert_eq!(*position, Vec3::splat(51.0));
                Some("moved")
            }
            ViewerEvent::AvatarGone { agent, .. } if agent.0 == other => Some("gone"),
            _ => None,
        })
        .collect();
    assert_eq!(story, ["appeared", "moved", "gone"]);
    // A terse update about somebody unknown makes the viewer ask, once.
    for _ in 0..3 {
        rig.tell(HOME, |region, now| region.say_terse(now, 10, Vec3::ONE));
        rig.run_for(Duration::from_millis(100));
    }
    assert_eq!(rig.region(HOME).count("RequestMultipleObjects"), 1);
}

#[test]
fn opens_circuits_and_queues_to_neighbours() {
    let mut rig = Rig::in_world(Config::default());
    rig.push(HOME, enable_simulator(EAST));
    rig.push(HOME, establish(EAST));
    rig.run_for(Duration::from_secs(2));
    assert!(rig.has(
        |event| matches!(event, ViewerEvent::NeighbourOpened { region, .. } if *region == handle(EAST))
    ));
    let east = rig.region(EAST);
    assert_eq!((east.count("UseCircuitCode"), east.count("CompleteAgentMovement")), (1, 0));
    assert_eq!((east.count("RegionHandshakeReply"), east.count("AgentUpdate"), east.seeds), (1, 0, 1));
    assert_eq!(east.polls, [None]);
    // Repeated, it makes another UseCircuitCode and nothing else.
    rig.push(HOME, enable_simulator(EAST));
    rig.push(HOME, establish(EAST));
    rig.run_for(Duration::from_secs(2));
    let east = rig.region(EAST);
    assert_eq!((east.count("UseCircuitCode"), east.seeds, east.polls.len()), (2, 2, 1));
    assert_eq!(rig.core.regions().count(), 2);
}

#[test]
fn a_seed_for_an_unknown_region_is_dropped() {
    let mut rig = Rig::in_world(Config::default());
    rig.push(HOME, establish(EAST));
    rig.run_for(Duration::from_secs(2));
    assert_eq!(rig.region(EAST).seeds, 0);
}

#[test]
fn acknowledges_events_with_the_next_poll() {
    let mut rig = Rig::in_world(Config::default());
    for _ in 0..3 {
        rig.push(HOME, fake::teleport_failed("no_host"));
        rig.run_for(Duration::from_millis(100));
    }
    assert_eq!(rig.region(HOME).polls, [None, Some(1), Some(2), Some(3)]);
    // With nothing to say the poll ends after 30 s, and the next follows with the same ack.
    rig.run_for(Duration::from_secs(31));
    assert_eq!(rig.region(HOME).polls.last(), Some(&Some(3)));
    assert_eq!(rig.region(HOME).polls.len(), 5);
    assert_eq!(rig.cancelled, 1);
}

#[test]
fn a_queue_that_keeps_failing_ends_the_session() {
    let mut rig = Rig::in_world(Config::default());
    rig.region(HOME).http_status = 500;
    rig.run_until(|rig| rig.core.phase() == Phase::Over);
    assert_eq!(rig.events.last().unwrap().1, ViewerEvent::Disconnected(Disconnect::EventQueueFailed));
    rig.run_for(Duration::from_secs(2));
    assert_eq!(rig.region(HOME).count("LogoutRequest"), 1);
}

#[test]
fn a_queue_that_is_gone_does_not() {
    let mut rig = Rig::in_world(Config::default());
    rig.region(HOME).http_status = 404;
    rig.run_for(Duration::from_secs(120));
    assert_eq!(rig.core.phase(), Phase::InWorld);
}

#[test]
fn logs_out() {
    let mut rig = Rig::in_world(Config::default());
    rig.push(HOME, enable_simulator(EAST));
    rig.run_for(Duration::from_secs(1));
    rig.wish(|core, now| core.logout(now));
    let asked = rig.now;
    rig.run_until(|rig| rig.core.phase() == Phase::Over);
    assert_eq!(
        rig.events.last().unwrap(),
        &(asked + 2 * LATENCY, ViewerEvent::LoggedOut { acknowledged: true })
    );
    rig.run_for(Duration::from_secs(5));
    assert_eq!(rig.region(EAST).count("AgentQuitCopy"), 1);
    assert_eq!(rig.region(HOME).count("LogoutRequest"), 1);
    assert_eq!(rig.core.next_wakeup(), None, "nothing is left to do");
    let updates = rig.region(HOME).heard.iter().filter(|heard| heard.at > asked + LATENCY);
    assert_eq!(updates.filter(|heard| heard.name == "AgentUpdate").count(), 0);
}

#[test]
fn quits_after_six_seconds_without_an_answer() {
    let mut rig = Rig::in_world(Config::default());
    rig.region(HOME).never_answer_logout();
    rig.wish(|core, now| core.logout(now));
    let asked = rig.now;
    rig.run_until(|rig| rig.core.phase() == Phase::Over);
    let last = (asked + Duration::from_secs(6), ViewerEvent::LoggedOut { acknowledged: false });
    assert_eq!(rig.events.last().unwrap(), &last);
}

#[test]
fn a_kick_makes_it_log_out() {
    let mut rig = Rig::in_world(Config::default());
    rig.tell(HOME, |region, now| region.say_kick(now, "Enough."));
    rig.run_until(|rig| rig.core.phase() == Phase::Over);
    assert!(rig.has(|event| matches!(event, ViewerEvent::Kicked { reason } if reason == "Enough.")));
    assert_eq!(rig.events.last().unwrap().1, ViewerEvent::LoggedOut { acknowledged: true });
}

#[test]
fn what_closes_a_neighbour_ends_the_session_at_home() {
    let mut rig = Rig::in_world(Config::default());
    rig.push(HOME, enable_simulator(EAST));
    rig.run_for(Duration::from_secs(1));
    rig.tell(EAST, |region, now| region.say(now, &lludp::messages::DisableSimulator));
    rig.run_for(Duration::from_secs(5));
    assert!(
        rig.has(|event| matches!(event, ViewerEvent::RegionClosed { region } if *region == handle(EAST)))
    );
    assert_eq!(rig.core.phase(), Phase::InWorld);
    rig.tell(HOME, |region, now| region.say(now, &lludp::messages::DisableSimulator));
    rig.run_for(Duration::from_secs(5));
    assert_eq!(rig.events.last().unwrap().1, ViewerEvent::Disconnected(Disconnect::ClosedByRegion));
}

#[test]
fn silence_ends_circuits_after_a_hundred_seconds() {
    let mut rig = Rig::in_world(Config::default());
    rig.push(HOME, enable_simulator(EAST));
    rig.run_for(Duration::from_secs(1));
    rig.regions.remove(&fake::address(EAST));
    let gone = rig.now;
    rig.run_until(|rig| rig.has(|event| matches!(event, ViewerEvent::CircuitLost { .. })));
    assert!((95..=100).contains(&(rig.now - gone).as_secs()), "{:?}", rig.now - gone);
    assert_eq!(rig.core.phase(), Phase::InWorld);
    rig.regions.clear();
    rig.run_until(|rig| rig.core.phase() == Phase::Over);
    assert_eq!(rig.events.last().unwrap().1, ViewerEvent::Disconnected(Disconnect::CircuitLost));
}

#[test]
fn takes_no_notice_of_strangers() {
    let mut rig = Rig::in_world(Config::default());
    let events = rig.events.len();
    rig.wish(|core, now| {
        core.handle_datagram(now, fake::address(FAR), &[0, 0, 0, 0, 1, 0, 0xFF, 0xFF, 0, 0x98])
    });
    assert_eq!((rig.core.counts().strays, rig.events.len()), (1, events));
}
