//! What a viewer can be told to do wrong, and what others can do wrong to it.

mod fake;

use std::time::Duration;

use arbtest::arbitrary::{Result, Unstructured};
use arbtest::arbtest;
use fake::{EAST, FAR, HOME, Reaction, Rig, address, crossed_region, enable_simulator, establish, handle};
use llsd::Value;
use viewer::model::{Moment, Vec3};
use viewer::{Config, HttpReply, Misbehaviour, Phase, ViewerEvent};

fn with(misbehave: Misbehaviour) -> Config {
    Config { misbehave, ..Config::default() }
}

#[test]
fn never_sends_what_it_is_told_not_to() {
    let mut rig = Rig::new(with(Misbehaviour { never_complete_movement: true, ..Misbehaviour::default() }));
    rig.run_for(Duration::from_secs(60));
    assert_eq!(rig.region(HOME).count("CompleteAgentMovement"), 0);
    assert!(rig.region(HOME).count("UseCircuitCode") > 0);

    let mut rig = Rig::in_world(with(Misbehaviour { never_poll: true, ..Misbehaviour::default() }));
    assert_eq!((rig.region(HOME).seeds, rig.region(HOME).polls.len()), (1, 0));

    let mut rig =
        Rig::in_world(with(Misbehaviour { never_reply_handshake: true, ..Misbehaviour::default() }));
    assert_eq!(rig.region(HOME).count("RegionHandshakeReply"), 0);
    let mut misbehave = Misbehaviour { ignore_neighbours: true, ..Misbehaviour::default() };
    rig.wish(|core, now| core.misbehave(now, misbehave));
    rig.push(HOME, enable_simulator(EAST));
    rig.run_for(Duration::from_secs(1));
    assert_eq!(rig.region(EAST).heard.len(), 0);

    misbehave = Misbehaviour { never_fetch_seed: true, ..Misbehaviour::default() };
    let mut rig = Rig::new(Config { seed_first: false, ..with(misbehave) });
    rig.run_for(Duration::from_secs(5));
    assert_eq!(rig.region(HOME).seeds, 0);
    assert_eq!(rig.core.phase(), Phase::InWorld);
}

#[test]
fn never_acknowledges_if_told_so() {
    let mut rig = Rig::in_world(Config::default());
    rig.wish(|core, now| core.misbehave(now, Misbehaviour { never_ack: true, ..Misbehaviour::default() }));
    rig.tell(HOME, |region, now| region.say_handshake(now));
    rig.run_for(Duration::from_secs(3));
    let unacked = |rig: &mut Rig| rig.region(HOME).circuit.as_ref().unwrap().statistics().unacked_packets;
    assert_eq!(unacked(&mut rig), 1);
    rig.wish(|core, now| core.misbehave(now, Misbehaviour::default()));
    rig.run_for(Duration::from_secs(10));
    assert_eq!(unacked(&mut rig), 0);
}

#[test]
fn never_acknowledges_events_if_told_so() {
    let misbehave = Misbehaviour { never_ack_events: true, ..Misbehaviour::default() };
    let mut rig = Rig::in_world(with(misbehave));
    rig.push(HOME, fake::teleport_failed("x"));
    rig.run_for(Duration::from_secs(1));
    assert_eq!(rig.region(HOME).polls, [None, None]);
}

#[test]
fn a_silent_viewer_sends_nothing_and_rests() {
    let mut rig = Rig::in_world(Config::default());
    rig.wish(|core, now| core.misbehave(now, Misbehaviour::vanished()));
    rig.run_for(Duration::from_millis(100));
    let home = rig.region(HOME);
    let (heard, polls) = (home.heard.len(), home.polls.len());
    rig.run_for(Duration::from_secs(90));
    let home = rig.region(HOME);
    assert_eq!((home.heard.len(), home.polls.len()), (heard, polls));
    let silent = rig.region(HOME).circuit.as_ref().is_some_and(|circuit| circuit.is_over());
    assert!(silent, "the region's side timed out");
}

#[test]
fn names_a_wrong_session() {
    let mut rig = Rig::in_world(with(Misbehaviour { wrong_session: true, ..Misbehaviour::default() }));
    let sessions: Vec<_> = rig.region(HOME).heard.iter().filter_map(|heard| heard.session).collect();
    assert!(!sessions.is_empty() && sessions.iter().all(|session| *session != fake::session()));
}

#[test]
fn talks_on_while_teleporting_if_told_so() {
    let mut rig = Rig::in_world(with(Misbehaviour { updates_in_teleport: true, ..Misbehaviour::default() }));
    rig.wish(|core, now| core.teleport(now, handle(FAR), Vec3::ZERO, Vec3::X)).unwrap();
    let before = rig.region(HOME).count("AgentUpdate");
    rig.run_for(Duration::from_secs(10));
    assert!(rig.region(HOME).count("AgentUpdate") >= before + 9);
}

#[test]
fn sends_garbage_and_repeats_beside_its_life() {
    let misbehave =
        Misbehaviour { garbage_per_second: 20, repeat_datagrams: true, ..Misbehaviour::default() };
    let mut rig = Rig::in_world(with(misbehave));
    rig.run_for(Duration::from_secs(10));
    assert!(rig.region(HOME).malformed > 50, "{}", rig.region(HOME).malformed);
    assert!(rig.region(HOME).circuit.as_ref().unwrap().statistics().duplicates > 0);
    rig.wish(|core, now| core.misbehave(now, Misbehaviour::default()));
    rig.run_for(Duration::from_secs(1));
    let before = rig.region(HOME).malformed;
    rig.run_for(Duration::from_secs(10));
    assert_eq!(rig.region(HOME).malformed, before);
}

#[test]
fn two_runs_are_the_same() {
    let run = || {
        let misbehave = Misbehaviour { garbage_per_second: 5, ..Misbehaviour::default() };
        let mut rig = Rig::in_world(Config { seed: 3, ..with(misbehave) });
        rig.region(HOME).reaction = Reaction::Finish(FAR);
        rig.wish(|core, now| core.teleport(now, handle(FAR), Vec3::ZERO, Vec3::X)).unwrap();
        rig.run_for(Duration::from_secs(20));
        (rig.core.counts(), rig.region_malformed(), rig.events)
    };
    assert_eq!(run(), run());
}

impl Rig {
    fn region_malformed(&self) -> Vec<u32> {
        self.regions.values().map(|region| region.malformed).collect()
    }
}

/// What may happen to a viewer from outside.
fn happen(rig: &mut Rig, u: &mut Unstructured<'_>) -> Result<()> {
    let cells = [HOME, EAST, FAR];
    let from = address(*u.choose(&cells)?);
    let cell = *u.choose(&cells)?;
    match u.int_in_range(0..=9)? {
        0 => {
            let bytes: Vec<u8> = u.arbitrary()?;
            rig.wish(|core, now| core.handle_datagram(now, from, &bytes));
        }
        // A sound header, and a message that exists or nearly so.
        1 => {
            let mut bytes = vec![u.arbitrary::<u8>()? & 0xE0, 0, 0, u.arbitrary()?, u.arbitrary()?, 0];
            match u.int_in_range(0..=2)? {
                0 => bytes.push(u.int_in_range(1..=30)?),
                1 => bytes.extend([0xFF, u.int_in_range(1..=20)?]),
                _ => bytes.extend([0xFF, 0xFF, u.int_in_range(0..=1)?, u.arbitrary()?]),
            }
            bytes.extend(u.arbitrary::<Vec<u8>>()?);
            rig.wish(|core, now| core.handle_datagram(now, from, &bytes));
        }
        2 => rig.push(cell, enable_simulator(*u.choose(&cells)?)),
        3 => rig.push(cell, establish(*u.choose(&cells)?)),
        4 => rig.push(cell, fake::teleport_finish(*u.choose(&cells)?, "one")),
        5 => rig.push(cell, crossed_region(*u.choose(&cells)?)),
        6 => rig.push(cell, value(u, 4)?),
        7 => {
            let id = viewer::RequestId(u.int_in_range(1..=20)?);
            let status = *u.choose(&[200, 404, 500, 502])?;
            let reply = match u.int_in_range(0..=2)? {
                0 => HttpReply::Broken,
                1 => HttpReply::Answer { status, body: u.arbitrary()? },
                _ => HttpReply::Value { status, body: value(u, 4)? },
            };
            rig.wish(|core, now| core.handle_http(now, id, reply));
        }
        8 => {
            let to = Vec3::new(u.arbitrary()?, u.arbitrary()?, u.arbitrary()?);
            rig.wish(|core, now| {
                // Whatever the answer.
                let _ = core.teleport(now, handle(cell), to, to);
                core.walk_to(now, to);
                core.turn(now, to.x);
            });
        }
        _ => rig.run_for(Duration::from_millis(u.int_in_range(0..=20_000)?)),
    }
    Ok(())
}

/// Any LLSD, now and then with the keys that a viewer looks for.
fn value(u: &mut Unstructured<'_>, depth: u32) -> Result<Value> {
    const KEYS: [&str; 16] = [
        "message",
        "body",
        "events",
        "id",
        "Info",
        "SimulatorInfo",
        "Handle",
        "IP",
        "Port",
        "AgentData",
        "AgentID",
        "RegionData",
        "RegionHandle",
        "SimIP",
        "SimPort",
        "SeedCapability",
    ];
    const TEXTS: [&str; 6] = [
        "EnableSimulator",
        "TeleportFinish",
        "CrossedRegion",
        "TeleportFailed",
        "127.0.0.1",
        "http://127.0.0.1/x",
    ];
    Ok(match u.int_in_range(0..=if depth == 0 { 5 } else { 7 })? {
        0 => Value::Undefined,
        1 => Value::Integer(u.arbitrary()?),
        2 => Value::Real(u.arbitrary()?),
        3 => Value::Uuid(fake::agent()),
        4 => Value::String((*u.choose(&TEXTS)?).to_string()),
        5 => Value::Binary(u.arbitrary()?),
        6 => {
            let count = u.int_in_range(0..=3)?;
            Value::Array((0..count).map(|_| value(u, depth - 1)).collect::<Result<_>>()?)
        }
        _ => {
            let count = u.int_in_range(0..=4)?;
            let entry =
                |u: &mut Unstructured<'_>| Ok(((*u.choose(&KEYS)?).to_string(), value(u, depth - 1)?));
            Value::Map((0..count).map(|_| entry(u)).collect::<Result<_>>()?)
        }
    })
}

#[test]
fn nothing_from_outside_makes_it_panic_or_spin() {
    arbtest(|u| {
        let mut rig = Rig::in_world(Config::default());
        for _ in 0..40 {
            if u.is_empty() {
                break;
            }
            happen(&mut rig, u)?;
            assert!(rig.core.regions().count() <= viewer::core::LINKS_AT_MOST);
        }
        rig.run_for(Duration::from_secs(1));
        let before = rig.core.counts().agent_updates;
        rig.run_for(Duration::from_secs(10));
        // However mangled, it comes to rest: no more updates than a viewer in motion sends.
        assert!(rig.core.counts().agent_updates - before <= 110);
        assert!(rig.core.next_wakeup().is_none_or(|at| at + Duration::from_secs(1) > rig.now));
        Ok(())
    });
}

#[test]
fn odd_forms_are_understood_and_counted() {
    let mut rig = Rig::in_world(Config::default());
    rig.push(HOME, enable_simulator(EAST));
    rig.run_for(Duration::from_secs(1));
    assert_eq!(rig.core.counts().odd_events, 0);
    let info = llsd::map! {
        "Handle" => handle(FAR).0.to_string(),
        "IP" => "127.0.0.1",
        "Port" => address(FAR).port(),
    };
    let body = llsd::map! { "SimulatorInfo" => llsd::array![info] };
    rig.push(HOME, llsd::map! { "message" => "EnableSimulator", "body" => body });
    rig.run_for(Duration::from_secs(1));
    assert_eq!(rig.core.counts().odd_events, 1);
    assert_eq!(rig.region(FAR).count("UseCircuitCode"), 1);
}

#[test]
fn a_login_answer_can_be_anything() {
    arbtest(|u| {
        let bytes: Vec<u8> = u.arbitrary()?;
        assert!(viewer::login::parse(&bytes).is_err());
        Ok(())
    });
}

#[test]
fn events_nobody_takes_are_bounded() {
    let config = Config { waiting_events: 10, ..Config::default() };
    let mut core = viewer::Core::new(config, fake::identity(), Moment::ZERO);
    for time in 0..1000 {
        core.misbehave(Moment::from_millis(time), Misbehaviour::default());
        // Each seed that fails makes nothing; each kick one event.
        core.handle_datagram(Moment::from_millis(time), address(HOME), &kick(time as u8));
    }
    let mut events = 0;
    while let Some(event) = core.poll_event() {
        events += 1;
        assert!(matches!(event, ViewerEvent::Kicked { .. } | ViewerEvent::LoggedOut { .. }));
    }
    assert!(events <= 10);
}

fn kick(sequence: u8) -> Vec<u8> {
    let mut bytes = vec![0, 0, 0, 0, sequence, 0, 0xFF, 0xFF, 0, 0xA3];
    bytes.resize(bytes.len() + 6 + 32 + 2, 0);
    bytes
}

#[test]
fn what_was_meant_for_the_last_owner_of_its_port_is_nothing_to_it() {
    let mut rig = Rig::new(Config::default());
    assert_eq!(rig.core.phase(), Phase::Seed);
    rig.core.handle_datagram(rig.now, address(HOME), &kick(1));
    rig.run_for(Duration::from_secs(2));
    assert_eq!(rig.core.phase(), Phase::InWorld);
}
