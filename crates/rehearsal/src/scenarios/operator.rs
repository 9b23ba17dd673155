//! What the operator does, and what broken viewers do, while others live.

use super::teleport::SLOW;
use crate::dialect::EVERY;
use crate::faults::Faults;
use crate::layout::Layout;
use crate::runner::Scenario;
use crate::traffic::Way;
use region::OperatorCommand;
use std::time::Duration;
use viewer::{Misbehaviour, ViewerEvent};

/// A region shuts down.
pub(super) const SHUTDOWN: Scenario = Scenario {
    name: "shutdown",
    about: "a region that shuts down, at any moment of a transfer from or to it, tells everybody and empties itself",
    cases: Some(|| 2 * 70),
    dialects: EVERY,
    layout: Layout::standard,
    faults: SLOW,
    play: |r| {
        let (alpha, beta) = (r.place("Alpha"), r.place("Beta"));
        let ada = r.enter_world("Ada", alpha)?;
        let bob = r.enter_world("Bob", if r.seed() % 2 == 0 { alpha } else { beta })?;
        r.run_for(Duration::from_secs(2))?;
        let asked = r.teleport(ada, beta);
        r.require(asked.is_ok(), || format!("{asked:?}"))?;
        r.run_for(Duration::from_millis(r.seed() / 2 * 10))?;
        let closing = if r.seed() % 2 == 0 { alpha } else { beta };
        r.may_die(ada);
        r.may_die(bob);
        r.operate(closing, OperatorCommand::Shutdown { reason: "Maintenance.".into() });
        let told =
            |event: &ViewerEvent| matches!(event, ViewerEvent::Kicked { reason } if reason == "Maintenance.");
        r.run_until("Bob being told", Duration::from_secs(3), |r| r.count(bob, told) > 0)?;
        r.run_until("an empty region", Duration::from_secs(20), |r| r.has_closed(closing))?;
        r.settle()
    },
};

/// A region restarts as planned.
pub(super) const RESTART_AS_PLANNED: Scenario = Scenario {
    name: "restart-as-planned",
    about: "a region that restarts as planned moves everybody elsewhere first, whoever is on the way to or from it",
    cases: Some(|| 2 * 70),
    dialects: EVERY,
    layout: Layout::standard,
    faults: SLOW,
    play: |r| {
        let (alpha, beta) = (r.place("Alpha"), r.place("Beta"));
        let ada = r.enter_world("Ada", alpha)?;
        let closing = if r.seed() % 2 == 0 { alpha } else { beta };
        let bob = r.enter_world("Bob", closing)?;
        r.run_for(Duration::from_secs(2))?;
        let after = Duration::from_millis(350);
        r.operate(
            closing,
            OperatorCommand::Close { after, reason: "Maintenance.".into(), avoid: Vec::new() },
        );
        r.run_for(Duration::from_millis(r.seed() / 2 * 10))?;
        // She may have been sent away already.
        let _ = r.teleport(ada, beta);
        r.run_until("an empty region", Duration::from_secs(30), |r| r.has_closed(closing))?;
        r.restart(closing);
        r.settle()?;
        for who in [ada, bob] {
            let lives = !r.is_over(who) && r.believes_in(who).is_some_and(|at| at != closing);
            r.require(lives, || "somebody was logged out who could have been moved".into())?;
            r.must_teleport(who, closing)?;
        }
        r.settle()
    },
};

/// Somebody is thrown out in the middle of a transfer.
pub(super) const KICK: Scenario = Scenario {
    name: "kick-in-transfer",
    about: "a kick at any moment of a teleport ends the session, wherever its agent is",
    cases: Some(|| 80),
    dialects: EVERY,
    layout: Layout::standard,
    faults: SLOW,
    play: |r| {
        let alpha = r.place("Alpha");
        let to = if r.seed() % 2 == 0 { r.place("Beta") } else { r.place("Delta") };
        let who = r.enter_world("Ada", alpha)?;
        r.run_for(Duration::from_secs(2))?;
        let asked = r.teleport(who, to);
        r.require(asked.is_ok(), || format!("{asked:?}"))?;
        r.run_for(Duration::from_millis(r.seed() / 2 * 10))?;
        r.may_die(who);
        let agent = r.agent(who);
        for at in [alpha, to] {
            r.operate(at, OperatorCommand::Kick { agent, reason: "Enough.".into() });
        }
        r.run_for(Duration::from_secs(30))?;
        let over = r.is_over(who);
        r.require(over, || "the session goes on".into())?;
        r.settle()
    },
};

/// Ways to be bad.
const BAD: [Misbehaviour; 9] = {
    const GOOD: Misbehaviour = Misbehaviour {
        silent: false,
        deaf: false,
        never_use_circuit_code: false,
        never_complete_movement: false,
        complete_first: false,
        complete_after: None,
        never_reply_handshake: false,
        never_ack: false,
        never_ping: false,
        never_fetch_seed: false,
        never_poll: false,
        never_ack_events: false,
        ignore_neighbours: false,
        wrong_session: false,
        repeat_datagrams: false,
        updates_in_teleport: false,
        garbage_per_second: 0,
    };
    [
        Misbehaviour { never_reply_handshake: true, ..GOOD },
        Misbehaviour { never_ack: true, ..GOOD },
        Misbehaviour { never_ping: true, ..GOOD },
        Misbehaviour { never_fetch_seed: true, ..GOOD },
        Misbehaviour { never_poll: true, ..GOOD },
        Misbehaviour { never_ack_events: true, ..GOOD },
        Misbehaviour { wrong_session: true, ..GOOD },
        Misbehaviour { repeat_datagrams: true, updates_in_teleport: true, ..GOOD },
        Misbehaviour { garbage_per_second: 50, ..GOOD },
    ]
};

/// One viewer is bad, another is good.
pub(super) const BAD_VIEWERS: Scenario = Scenario {
    name: "bad-viewers",
    about: "a viewer that misbehaves harms nobody else, is bounded, and leaves nothing behind when it goes",
    cases: Some(|| BAD.len() as u64),
    dialects: EVERY,
    layout: Layout::standard,
    faults: Faults::NONE,
    play: |r| {
        let (alpha, beta) = (r.place("Alpha"), r.place("Beta"));
        let ada = r.enter_world("Ada", alpha)?;
        let bob = r.enter_world("Bob", alpha)?;
        r.run_for(Duration::from_secs(2))?;
        r.misbehave(ada, BAD[r.seed() as usize % BAD.len()]);
        for to in [beta, alpha] {
            // Whether it gets there is its own affair.
            let _ = r.teleport(ada, to);
            r.must_teleport(bob, to)?;
            r.run_for(Duration::from_secs(25))?;
        }
        for at in r.places() {
            let queued = r.region(at).map_or(0, |region| region.stats().queued_bytes);
            r.require(queued < 1_000_000, || format!("{queued} bytes wait"))?;
        }
        r.vanish(ada);
        r.run_for(Duration::from_secs(70))?;
        r.settle()
    },
};

/// What a viewer says is heard late by one region only.
pub(super) const HALF_DEAF: Scenario = Scenario {
    name: "half-cut",
    about: "a viewer whose one direction to one region is cut for some time recovers",
    cases: Some(|| 8),
    dialects: EVERY,
    layout: Layout::standard,
    faults: Faults::NONE,
    play: |r| {
        let (alpha, beta) = (r.place("Alpha"), r.place("Beta"));
        let who = r.enter_world("Ada", alpha)?;
        r.run_for(Duration::from_secs(2))?;
        let at = if r.seed() % 2 == 0 { alpha } else { beta };
        let way = [Way::ToRegion, Way::ToViewer, Way::Request, Way::Response][(r.seed() / 2) as usize];
        r.cut(who, at, &[way]);
        let _ = r.teleport(who, beta);
        r.run_for(Duration::from_secs(9))?;
        r.mend(who, at);
        r.run_for(Duration::from_secs(40))?;
        r.settle()?;
        let to = if r.believes_in(who) == Some(alpha) { beta } else { alpha };
        r.must_teleport(who, to)?;
        r.settle()
    },
};
