//! Teleports and crossings: good ones, refused ones, lost ones.

mod fake;

use std::time::Duration;

use fake::{EAST, FAR, HOME, LATENCY, Reaction, Rig, crossed_region, enable_simulator, establish, handle};
use viewer::model::{Moment, RegionHandle, Vec3};
use viewer::teleport::Stage;
use viewer::{Config, Disconnect, Misbehaviour, Phase, TeleportFailure, Unable, ViewerEvent};

fn wish_to(rig: &mut Rig, to: RegionHandle) -> Moment {
    let wish = rig.wish(|core, now| core.teleport(now, to, Vec3::splat(100.0), Vec3::X));
    assert_eq!(wish, Ok(()));
    rig.now
}

fn arrived(cell: (u32, u32)) -> impl Fn(&Rig) -> bool {
    move |rig| {
        rig.has(|event| matches!(event, ViewerEvent::Teleported { region, .. } if *region == handle(cell)))
    }
}

fn failures(rig: &Rig) -> Vec<(Moment, TeleportFailure)> {
    let failed = |(at, event): &(Moment, ViewerEvent)| match event {
        ViewerEvent::TeleportFailed(why) => Some((*at, why.clone())),
        _ => None,
    };
    rig.events.iter().filter_map(failed).collect()
}

#[test]
fn teleports_out_of_sight_and_back() {
    let mut rig = Rig::in_world(Config::default());
    rig.region(HOME).reaction = Reaction::Finish(FAR);
    let asked = wish_to(&mut rig, handle(FAR));
    rig.run_until(arrived(FAR));
    rig.run_for(Duration::from_secs(1));
    assert_eq!(rig.core.region().unwrap().handle, handle(FAR));
    assert!(rig.has(|event| matches!(event, ViewerEvent::TeleportStarted { flags: 16 })));
    assert_eq!(rig.core.teleport_stage(), Stage::Arriving);

    // UseCircuitCode and CompleteAgentMovement came together; the seed was fetched, the queue polled.
    let far = rig.region(FAR);
    assert_eq!(far.first("UseCircuitCode"), far.first("CompleteAgentMovement"));
    assert_eq!(far.heard[0].name, "UseCircuitCode");
    assert_eq!((far.seeds, far.polls.len(), far.count("RegionHandshakeReply")), (1, 1, 1));
    for greeting in ["AgentThrottle", "AgentHeightWidth", "AgentUpdate"] {
        assert!(far.first(greeting).is_some(), "no {greeting}");
    }
    // Nothing was said by the agent on the way.
    let said = rig.region(HOME).heard.iter().filter(|heard| heard.at > asked + LATENCY);
    assert_eq!(said.filter(|heard| heard.name == "AgentUpdate").count(), 0);

    // The source stays a neighbour until it says otherwise.
    assert_eq!(rig.core.regions().count(), 2);
    rig.tell(HOME, |region, now| region.say(now, &lludp::messages::DisableSimulator));
    rig.run_for(Duration::from_secs(3));
    assert_eq!(rig.core.regions().count(), 1);
    assert_eq!(rig.core.phase(), Phase::InWorld);
    rig.region(HOME).circuit = None;

    rig.region(FAR).reaction = Reaction::Finish(HOME);
    wish_to(&mut rig, handle(HOME));
    rig.run_until(arrived(HOME));
    assert_eq!(rig.core.region().unwrap().handle, handle(HOME));
    assert_eq!(failures(&rig), []);
}

#[test]
fn teleports_to_a_neighbour_over_the_circuit_it_has() {
    let mut rig = Rig::in_world(Config::default());
    rig.push(HOME, enable_simulator(EAST));
    rig.push(HOME, establish(EAST));
    rig.run_for(Duration::from_secs(1));
    rig.region(HOME).reaction = Reaction::Finish(EAST);
    wish_to(&mut rig, handle(EAST));
    rig.run_until(arrived(EAST));
    rig.run_for(Duration::from_secs(1));
    let east = rig.region(EAST);
    // The seed's URL was known: it is asked again, and the poll goes on.
    assert_eq!((east.count("UseCircuitCode"), east.seeds, east.polls.len()), (2, 2, 1));
}

#[test]
fn a_new_seed_ends_the_old_poll() {
    let mut rig = Rig::in_world(Config::default());
    rig.push(HOME, enable_simulator(EAST));
    rig.push(HOME, establish(EAST));
    rig.run_for(Duration::from_secs(1));
    rig.region(EAST).seed_secret = "two".to_string();
    rig.push(HOME, fake::teleport_finish(EAST, "two"));
    rig.run_until(arrived(EAST));
    rig.run_for(Duration::from_secs(1));
    assert_eq!((rig.region(EAST).seeds, rig.region(EAST).polls.len(), rig.cancelled), (2, 2, 1));
}

#[test]
fn teleports_within_the_region() {
    let mut rig = Rig::in_world(Config::default());
    rig.region(HOME).reaction = Reaction::Local;
    wish_to(&mut rig, handle(HOME));
    assert_eq!(rig.core.teleport_stage(), Stage::Local);
    rig.run_for(Duration::from_millis(100));
    assert!(
        rig.has(|event| matches!(event, ViewerEvent::TeleportedLocally { position } if position.x == 10.0))
    );
    assert_eq!(rig.core.teleport_stage(), Stage::Local);
    rig.run_for(Duration::from_secs(1));
    assert_eq!(rig.core.teleport_stage(), Stage::None);
    // Asked for another region, told "here": that frees the viewer at once.
    wish_to(&mut rig, handle(FAR));
    rig.run_for(Duration::from_millis(100));
    assert_eq!(rig.core.teleport_stage(), Stage::None);
}

#[test]
fn one_teleport_at_a_time() {
    let mut rig = Rig::in_world(Config::default());
    wish_to(&mut rig, handle(FAR));
    let again = rig.wish(|core, now| core.teleport(now, handle(EAST), Vec3::ZERO, Vec3::X));
    assert_eq!(again, Err(Unable::Teleporting));
    assert_eq!(rig.wish(|core, now| core.teleport_home(now)), Err(Unable::Teleporting));
}

#[test]
fn a_refused_teleport_leaves_it_where_it_is() {
    let mut rig = Rig::in_world(Config::default());
    rig.region(HOME).reaction = Reaction::Refuse("no_host");
    wish_to(&mut rig, handle(FAR));
    rig.run_for(Duration::from_secs(1));
    let refused = TeleportFailure::Refused { reason: "no_host".to_string() };
    assert_eq!(failures(&rig).last().unwrap().1, refused);
    let before = rig.region(HOME).count("AgentUpdate");
    rig.run_for(Duration::from_secs(3));
    assert!(rig.region(HOME).count("AgentUpdate") >= before + 3, "it lives on");
    rig.region(HOME).reaction = Reaction::Finish(FAR);
    wish_to(&mut rig, handle(FAR));
    rig.run_until(arrived(FAR));
}

#[test]
fn gives_up_after_its_patience() {
    for (attachments, patience) in [(0, 15), (4, 27)] {
        let mut rig = Rig::in_world(Config { attachments, ..Config::default() });
        rig.region(HOME).reaction = Reaction::StartAndNothing;
        let asked = wish_to(&mut rig, handle(FAR));
        rig.run_until(|rig| !failures(rig).is_empty());
        let frame = Config::default().frame;
        assert_eq!(
            failures(&rig),
            [(asked + Duration::from_secs(patience) + frame, TeleportFailure::GaveUp)]
        );
        assert_eq!(rig.core.teleport_stage(), Stage::None);
        assert_eq!(rig.region(HOME).count("TeleportCancel"), 0, "the server is told nothing");
        // The destination's word is taken even now.
        rig.push(HOME, fake::teleport_finish(FAR, "one"));
        rig.run_until(arrived(FAR));
        assert_eq!(rig.core.region().unwrap().handle, handle(FAR));
    }
}

#[test]
fn a_destination_that_never_answers_is_given_up() {
    let mut rig = Rig::in_world(Config::default());
    rig.region(FAR).admits = false;
    rig.region(HOME).reaction = Reaction::Finish(FAR);
    wish_to(&mut rig, handle(FAR));
    rig.run_until(|rig| rig.core.teleport_stage() == Stage::Moving);
    rig.run_until(|rig| !failures(rig).is_empty());
    assert_eq!(rig.core.region().unwrap().handle, handle(HOME));
    // The source can take it back by AgentMovementComplete.
    rig.tell(HOME, |region, now| region.say_movement_complete(now, handle(HOME)));
    rig.run_for(Duration::from_secs(1));
    assert!(rig.has(
        |event| matches!(event, ViewerEvent::MovementComplete { region, .. } if *region == handle(HOME))
    ));
}

#[test]
fn a_finish_may_come_after_the_cancel() {
    let mut rig = Rig::in_world(Config::default());
    rig.region(HOME).reaction = Reaction::StartAndNothing;
    wish_to(&mut rig, handle(FAR));
    rig.run_for(Duration::from_secs(1));
    rig.wish(|core, now| core.cancel_teleport(now)).unwrap();
    rig.run_for(Duration::from_secs(1));
    assert_eq!(rig.region(HOME).count("TeleportCancel"), 1);
    assert_eq!(rig.core.teleport_stage(), Stage::None);
    rig.push(HOME, fake::teleport_finish(FAR, "one"));
    rig.run_until(arrived(FAR));
    assert_eq!(failures(&rig), []);
}

#[test]
fn complete_agent_movement_can_overtake() {
    let misbehave = Misbehaviour { complete_first: true, ..Misbehaviour::default() };
    let mut rig = Rig::in_world(Config { misbehave, ..Config::default() });
    rig.region(HOME).reaction = Reaction::Finish(FAR);
    wish_to(&mut rig, handle(FAR));
    rig.run_until(arrived(FAR));
    for cell in [HOME, FAR] {
        let names: Vec<&str> = rig.region(cell).heard.iter().take(2).map(|heard| heard.name).collect();
        assert_eq!(names, ["CompleteAgentMovement", "UseCircuitCode"]);
    }
}

#[test]
fn complete_agent_movement_can_be_late() {
    let misbehave = Misbehaviour { complete_after: Some(Duration::from_secs(5)), ..Misbehaviour::default() };
    let mut rig = Rig::in_world(Config::default());
    rig.wish(|core, now| core.misbehave(now, misbehave));
    rig.region(HOME).reaction = Reaction::Finish(FAR);
    wish_to(&mut rig, handle(FAR));
    rig.run_until(arrived(FAR));
    let far = rig.region(FAR);
    let late = far.first("CompleteAgentMovement").unwrap() - far.first("UseCircuitCode").unwrap();
    assert_eq!(late, Duration::from_secs(5));
}

#[test]
fn a_region_it_does_not_know_ends_the_session() {
    let mut rig = Rig::in_world(Config::default());
    rig.tell(HOME, |region, now| region.say_movement_complete(now, handle(FAR)));
    rig.run_until(|rig| rig.core.phase() == Phase::Over);
    assert_eq!(rig.events.last().unwrap().1, ViewerEvent::Disconnected(Disconnect::SentToInvalidRegion));
}

#[test]
fn crosses_over_the_circuit_it_has() {
    let mut rig = Rig::in_world(Config::default());
    rig.push(HOME, enable_simulator(EAST));
    rig.push(HOME, establish(EAST));
    rig.run_for(Duration::from_secs(1));
    rig.wish(|core, now| core.walk_to(now, Vec3::new(300.0, 128.0, 25.0)));
    rig.run_until(|rig| rig.core.position().x > 250.0);
    rig.region(EAST).position = Vec3::new(1.0, 128.0, 25.0);
    rig.push(HOME, crossed_region(EAST));
    rig.run_until(|rig| {
        rig.has(|event| matches!(event, ViewerEvent::Crossed { region, .. } if *region == handle(EAST)))
    });
    let east = rig.region(EAST);
    assert_eq!((east.count("UseCircuitCode"), east.count("CompleteAgentMovement")), (1, 1));
    // It keeps walking, to where it wanted.
    rig.run_until(|rig| rig.has(|event| matches!(event, ViewerEvent::Reached { .. })));
    assert!((rig.core.position().x - 44.0).abs() < 1.5, "{}", rig.core.position());
    assert!(rig.region(EAST).heard.iter().any(|heard| heard.flags & 1 != 0));
}

#[test]
fn a_crossing_into_the_unknown_goes_nowhere() {
    let mut rig = Rig::in_world(Config::default());
    rig.push(HOME, crossed_region(EAST));
    rig.run_for(Duration::from_secs(5));
    assert!(rig.has(|event| matches!(event, ViewerEvent::Crossing { known: false, .. })));
    assert_eq!(rig.region(EAST).heard.len(), 0);
    assert_eq!(rig.core.region().unwrap().handle, handle(HOME));
}

#[test]
fn goes_home() {
    let mut rig = Rig::in_world(Config::default());
    rig.region(HOME).reaction = Reaction::Finish(FAR);
    rig.wish(|core, now| core.teleport_home(now)).unwrap();
    rig.run_until(arrived(FAR));
    assert_eq!(rig.region(HOME).count("TeleportLandmarkRequest"), 1);
}

#[test]
fn teleports_through_loss() {
    for lose_every in [2, 3, 4] {
        let mut rig = Rig::in_world(Config::default());
        rig.lose_every = lose_every;
        rig.region(HOME).reaction = Reaction::Finish(FAR);
        wish_to(&mut rig, handle(FAR));
        rig.run_until(arrived(FAR));
    }
}
