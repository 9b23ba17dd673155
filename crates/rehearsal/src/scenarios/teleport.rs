//! Teleports that nothing goes wrong with.

use super::steps::teleport_in_trouble;
use crate::dialect::EVERY;
use crate::faults::{Deed, Faults, Quality, Rule};
use crate::layout::Layout;
use crate::runner::Scenario;
use crate::script::{Ending, Play};
use crate::traffic::Way;
use crate::world::{Rehearsal, Where};
use model::Vec3;
use std::time::Duration;

/// In sight, out of sight, and back within the grace.
pub(super) const ROUND_TRIP: Scenario = Scenario {
    name: "teleport",
    about: "in sight, out of sight, back within the grace, and none is slow",
    cases: None,
    dialects: EVERY,
    layout: Layout::standard,
    faults: Faults::NONE,
    play: |r| {
        let (alpha, beta, delta) = (r.place("Alpha"), r.place("Beta"), r.place("Delta"));
        let who = r.enter_laden("Ada", alpha)?;
        r.run_for(Duration::from_secs(1))?;
        for to in [beta, alpha, delta, alpha, delta, beta] {
            let took = r.must_teleport(who, to)?;
            r.require(took < Duration::from_millis(400), || format!("the teleport took {took:?}"))?;
        }
        r.settle()?;
        r.log_out(who);
        r.settle()
    },
};

/// Three hops in a circle, all in sight of each other, faster than the grace.
pub(super) const CIRCLE_IN_SIGHT: Scenario = Scenario {
    name: "circle-in-sight",
    about: "hops in a circle among neighbours: no late close kills what the agent came back to",
    cases: Some(|| 6),
    dialects: EVERY,
    layout: Layout::triangle,
    faults: Faults::NONE,
    play: |r| {
        let circle = [r.place("Beta"), r.place("Gamma"), r.place("Alpha")];
        hop_around(r, &circle)
    },
};

/// Three hops in a circle, none in sight of another.
pub(super) const CIRCLE_OUT_OF_SIGHT: Scenario = Scenario {
    name: "circle-out-of-sight",
    about: "hops in a circle among far regions: no late close kills what the agent came back to",
    cases: Some(|| 6),
    dialects: EVERY,
    layout: Layout::standard,
    faults: Faults::NONE,
    play: |r| {
        let circle = [r.place("Delta"), r.place("Epsilon"), r.place("Alpha")];
        hop_around(r, &circle)
    },
};

/// Hops with pauses about as long as the grace, so that closes come just before, at and after each hop.
fn hop_around(r: &mut Rehearsal, circle: &[Where]) -> Play {
    let pause = Duration::from_millis([0, 1500, 2850, 2880, 2900, 14_000][(r.seed() % 6) as usize]);
    let alpha = r.place("Alpha");
    let who = r.enter_laden("Ada", alpha)?;
    r.run_for(Duration::from_secs(1))?;
    for _ in 0..3 {
        for &to in circle {
            r.must_teleport(who, to)?;
            r.run_for(pause)?;
        }
    }
    r.settle()
}

/// Home and a landmark.
pub(super) const LANDMARK_AND_HOME: Scenario = Scenario {
    name: "landmark",
    about: "landmark and home lead there; without a home the user is told so",
    cases: Some(|| 1),
    dialects: EVERY,
    layout: Layout::standard,
    faults: Faults::NONE,
    play: |r| {
        let (alpha, beta, delta) = (r.place("Alpha"), r.place("Beta"), r.place("Delta"));
        let who = r.enter_laden("Ada", alpha)?;
        r.run_for(Duration::from_secs(1))?;
        let homeless = r.with(who, |core, now| core.teleport_home(now));
        r.require(homeless == Some(Ok(())), || format!("{homeless:?}"))?;
        let ending = r.end_of_teleport(who)?;
        r.require(matches!(ending, Ending::Refused(_)), || format!("without a home: {ending:?}"))?;
        r.set_home(who, beta);
        let landmark = r.landmark(delta);
        for (to, home) in [(beta, true), (delta, false)] {
            let asked = r.with(who, |core, now| match home {
                true => core.teleport_home(now),
                false => core.teleport_to_landmark(now, landmark),
            });
            r.require(asked == Some(Ok(())), || format!("{asked:?}"))?;
            let ending = r.end_of_teleport(who)?;
            r.require(ending == Ending::There, || format!("{ending:?}"))?;
            let there = r.believes_in(who);
            r.require(there == Some(to), || format!("in {there:?} instead of {to:?}"))?;
            r.run_for(Duration::from_secs(3))?;
        }
        r.settle()
    },
};

/// Within the region.
pub(super) const WITHIN: Scenario = Scenario {
    name: "teleport-within",
    about: "a teleport within the region moves the avatar, and nothing else",
    cases: Some(|| 2),
    dialects: EVERY,
    layout: Layout::standard,
    faults: Faults::NONE,
    play: |r| {
        let alpha = r.place("Alpha");
        if r.seed() == 1 {
            r.set_faults(Faults::lossy(0.2));
        }
        let who = r.enter_laden("Ada", alpha)?;
        r.run_for(Duration::from_secs(1))?;
        r.must_teleport(who, alpha)?;
        let handle = r.handle(alpha);
        // By the neighbour's coordinates, seen from here: still here.
        let place = Vec3::new(200.0, 30.0, 22.0);
        let asked = r.with(who, |core, now| core.teleport(now, handle, place, Vec3::Y));
        r.require(asked == Some(Ok(())), || format!("{asked:?}"))?;
        let ending = r.end_of_teleport(who)?;
        r.require(ending == Ending::There, || format!("{ending:?}"))?;
        r.settle()
    },
};

/// A second teleport while the first is under way.
pub(super) const TWO_AT_ONCE: Scenario = Scenario {
    name: "two-at-once",
    about: "a second, different teleport while one is under way is refused; the first goes on",
    cases: Some(|| 60),
    dialects: EVERY,
    layout: Layout::standard,
    faults: SLOW,
    play: |r| {
        let (alpha, beta, delta) = (r.place("Alpha"), r.place("Beta"), r.place("Delta"));
        let who = r.enter_laden("Ada", alpha)?;
        r.run_for(Duration::from_secs(1))?;
        let asked = r.teleport(who, delta);
        r.require(asked.is_ok(), || format!("{asked:?}"))?;
        r.run_for(Duration::from_millis(r.seed() * 10))?;
        // The viewer believes that it cancelled, but the region does not hear of it in time.
        r.rule(Rule::first(Way::ToRegion, "TeleportCancel", Deed::Drop));
        r.with(who, |core, now| _ = core.cancel_teleport(now));
        // The viewer that has arrived already waits for its progress screen to go.
        let _ = r.teleport(who, beta);
        r.run_for(Duration::from_secs(20))?;
        r.settle()?;
        let to = if r.believes_in(who) == Some(alpha) { delta } else { alpha };
        r.must_teleport(who, to)?;
        r.settle()
    },
};

/// Teleports on a lossy network.
pub(super) const LOSSY: Scenario = Scenario {
    name: "teleport-lossy",
    about: "teleports succeed, if slower, while a tenth of all datagrams is lost, repeated or overtaken",
    cases: None,
    dialects: EVERY,
    layout: Layout::standard,
    faults: Faults::NONE,
    play: |r| {
        let (alpha, beta, delta) = (r.place("Alpha"), r.place("Beta"), r.place("Delta"));
        let who = r.enter_laden("Ada", alpha)?;
        r.run_for(Duration::from_secs(1))?;
        r.set_faults(Faults::lossy(0.1));
        for to in [beta, delta, alpha, delta, beta] {
            // Four CompleteAgentMovements in a row are lost now and then.
            if teleport_in_trouble(r, who, to)? != Ending::There {
                r.must_teleport(who, to)?;
            }
            r.run_for(Duration::from_millis(2100))?;
        }
        r.settle()
    },
};

/// Everything takes long enough that something else can happen in between.
pub(super) const SLOW: Faults = Faults {
    datagrams: Quality::steady(Duration::from_millis(25)),
    http: Quality::steady(Duration::from_millis(25)),
    calls: Quality::steady(Duration::from_millis(35)),
    calls_overtake: false,
    grid: Quality::steady(Duration::from_millis(35)),
};
