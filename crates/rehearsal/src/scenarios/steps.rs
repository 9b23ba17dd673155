//! What can go wrong at each step of a teleport.

use super::teleport::SLOW;
use crate::dialect::EVERY;
use crate::faults::{Deed, Faults, Rule};
use crate::layout::{Layout, Plot};
use crate::people::Who;
use crate::runner::Scenario;
use crate::script::{Ending, Play};
use crate::traffic::Way;
use crate::world::{Rehearsal, Where};
use std::time::Duration;
use transfer::Version;
use viewer::Misbehaviour;

/// Calls of a teleport, first to last.
const CALLS: [&str; 3] = ["QueryAccess", "CreateAgent", "UpdateAgent"];

/// What happens at one of them: to which way, for how long, what.
const MISHAPS: [(Way, u32, Deed); 8] = [
    (Way::Call, 1, Deed::Drop),
    (Way::Call, u32::MAX, Deed::Drop),
    (Way::Answer, 1, Deed::Drop),
    (Way::Answer, u32::MAX, Deed::Drop),
    (Way::Call, 1, Deed::Delay(Duration::from_secs(5))),
    (Way::Answer, 1, Deed::Delay(Duration::from_secs(5))),
    (Way::Call, 1, Deed::Repeat(Duration::from_millis(10))),
    (Way::Call, 1, Deed::Repeat(Duration::from_secs(16))),
];

/// The destination, or the way to it, fails at a step.
pub(super) const DESTINATION: Scenario = Scenario {
    name: "destination",
    about: "the destination is silent, slow or asked twice at each step: the viewer hears a verdict in time, and lives",
    cases: Some(|| (CALLS.len() * MISHAPS.len() * 4) as u64),
    dialects: EVERY,
    layout: Layout::standard,
    faults: Faults::NONE,
    play: |r| {
        let case = r.seed() as usize;
        let (name, rest) = (CALLS[case % CALLS.len()], case / CALLS.len());
        let ((way, times, deed), rest) = (MISHAPS[rest % MISHAPS.len()], rest / MISHAPS.len());
        let (alpha, who) = begin(r)?;
        let to = if rest % 2 == 0 { r.place("Beta") } else { r.place("Delta") };
        r.rule(Rule { times, ..Rule::first(way, name, deed) });
        if rest / 2 % 2 == 1 {
            // And when the source asks where the agent is, the first answer is lost.
            r.rule(Rule::first(Way::Answer, "WithdrawAgent", Deed::Drop));
        }
        teleport_in_trouble(r, who, to)?;
        go_on_living(r, who, alpha, to)
    },
};

/// The last place is taken in between.
pub(super) const FULL: Scenario = Scenario {
    name: "full",
    about: "a region that is full, or becomes so between two steps, refuses with words, and the agent lives on",
    cases: Some(|| 40),
    dialects: EVERY,
    layout: || Layout::standard().with(Plot { max_agents: 1, ..Plot::at("Cupboard", 1002, 1000) }),
    faults: SLOW,
    play: |r| {
        let cupboard = r.place("Cupboard");
        let (alpha, ada) = begin(r)?;
        let bob = r.enter_world("Bob", r.place("Beta"))?;
        r.run_for(Duration::from_secs(3))?;
        let (from_a, from_b) = (r.heard(ada).len(), r.heard(bob).len());
        let asked = r.teleport(ada, cupboard);
        r.require(asked.is_ok(), || format!("{asked:?}"))?;
        r.run_for(Duration::from_millis(r.seed() * 10))?;
        let asked = r.teleport(bob, cupboard);
        r.require(asked.is_ok(), || format!("{asked:?}"))?;
        let first = r.end_of_teleport_since(ada, from_a)?;
        let second = r.end_of_teleport_since(bob, from_b)?;
        // Who asked first needs not be first: Bob's region knows its neighbour without asking the grid.
        let refused = Ending::Refused("The region is full".into());
        let one = [&first, &second].into_iter().filter(|ending| **ending == Ending::There).count() == 1;
        let other = [&first, &second].into_iter().any(|ending| *ending == refused);
        r.require(one && other, || format!("Ada: {first:?}, Bob: {second:?}"))?;
        let (ada, bob) = if first == Ending::There { (ada, bob) } else { (bob, ada) };
        r.run_for(Duration::from_secs(3))?;
        r.settle()?;
        r.must_teleport(ada, alpha)?;
        r.must_teleport(bob, cupboard)?;
        r.settle()
    },
};

/// The grid fails.
pub(super) const GRID: Scenario = Scenario {
    name: "grid",
    about: "a grid that is dead, slow or loses an answer costs a teleport at most, never the agent",
    cases: Some(|| 6),
    dialects: EVERY,
    layout: Layout::standard,
    faults: Faults::NONE,
    play: |r| {
        let (alpha, who) = begin(r)?;
        let to = r.place("Delta");
        match r.seed() {
            0 => r.set_grid_dead(true),
            1 => r.rule(Rule::first(Way::Reply, "RegionAt", Deed::Drop)),
            2 => r.rule(Rule::first(Way::Reply, "RegionAt", Deed::Delay(Duration::from_secs(2)))),
            3 => r.rule(Rule::first(Way::Reply, "RegionAt", Deed::Delay(Duration::from_secs(5)))),
            4 => r.rule(Rule::all(Way::Reply, "RegionsInRange", Deed::Drop)),
            _ => r.rule(Rule::all(Way::Reply, "RegionsInRange", Deed::Delay(Duration::from_secs(4)))),
        }
        let ending = teleport_in_trouble(r, who, to)?;
        if r.seed() > 3 {
            r.require(ending == Ending::There, || format!("only the view was disturbed, but: {ending:?}"))?;
        }
        go_on_living(r, who, alpha, to)
    },
};

/// The viewer does not do its part.
pub(super) const VIEWER_STAYS_AWAY: Scenario = Scenario {
    name: "viewer-stays-away",
    about: "a viewer that never connects over there, or never completes, stays where it was and can act there",
    cases: Some(|| 4),
    dialects: EVERY,
    layout: Layout::standard,
    faults: Faults::NONE,
    play: |r| {
        let (alpha, who) = begin(r)?;
        let to = if r.seed() % 2 == 0 { r.place("Beta") } else { r.place("Delta") };
        let how = Misbehaviour {
            never_complete_movement: true,
            never_use_circuit_code: r.seed() / 2 == 0,
            ..Misbehaviour::default()
        };
        r.misbehave(who, how);
        let ending = teleport_in_trouble(r, who, to)?;
        r.require(matches!(ending, Ending::Refused(_)), || format!("{ending:?}"))?;
        let here = r.acts_in(who);
        r.require(here == Some(alpha), || format!("acts in {here:?}"))?;
        r.misbehave(who, Misbehaviour::default());
        go_on_living(r, who, alpha, to)
    },
};

/// Words that come in another order than they were said.
pub(super) const OVERTAKING: Scenario = Scenario {
    name: "overtaking",
    about: "CompleteAgentMovement before UseCircuitCode or before UpdateAgent is kept and honoured",
    cases: Some(|| 8),
    dialects: EVERY,
    layout: Layout::standard,
    faults: Faults::NONE,
    play: |r| {
        let (alpha, who) = begin(r)?;
        let to = if r.seed() % 2 == 0 { r.place("Beta") } else { r.place("Delta") };
        match r.seed() / 2 {
            0 => r.misbehave(who, Misbehaviour { complete_first: true, ..Misbehaviour::default() }),
            1 => r.rule(
                Rule::first(Way::ToRegion, "UseCircuitCode", Deed::Delay(Duration::from_millis(400))).at(to),
            ),
            2 => r.rule(Rule::first(Way::Call, "UpdateAgent", Deed::Delay(Duration::from_millis(700)))),
            _ => r.rule(Rule::first(Way::Call, "UpdateAgent", Deed::Delay(Duration::from_secs(3)))),
        }
        let ending = teleport_in_trouble(r, who, to)?;
        r.require(ending == Ending::There, || format!("{ending:?}"))?;
        let complaint = r.complaint_about_luggage(who, to);
        r.require(complaint.is_none(), || format!("at the arrival: {complaint:?}"))?;
        go_on_living(r, who, to, alpha)
    },
};

/// The answer of the event queue that carries TeleportFinish gets lost.
pub(super) const LOST_FINISH: Scenario = Scenario {
    name: "lost-finish",
    about: "the event queue's answer with TeleportFinish lost, once or for good: in the end the viewer is in one place",
    cases: Some(|| 4),
    dialects: EVERY,
    layout: Layout::standard,
    faults: Faults::NONE,
    play: |r| {
        let (alpha, who) = begin(r)?;
        let to = if r.seed() % 2 == 0 { r.place("Beta") } else { r.place("Delta") };
        let times = if r.seed() / 2 == 0 { 1 } else { u32::MAX };
        r.rule(Rule { times, ..Rule::first(Way::Response, "TeleportFinish", Deed::Drop) });
        let asked = r.teleport(who, to);
        r.require(asked.is_ok(), || format!("{asked:?}"))?;
        // The viewer polls again only 20 s after a connection broke; the verdict was given before.
        r.run_for(Duration::from_secs(45))?;
        go_on_living(r, who, alpha, to)
    },
};

/// The agent arrives, the source does not hear of it, and the agent goes on.
pub(super) const ARRIVED_AND_GONE: Scenario = Scenario {
    name: "arrived-and-gone",
    about: "who arrives unheard and logs out, vanishes or moves on at once is not root again where it came from",
    cases: Some(|| 10),
    dialects: EVERY,
    layout: Layout::standard,
    faults: Faults::NONE,
    play: |r| {
        let (alpha, who) = begin(r)?;
        let to = if r.seed() % 2 == 0 { r.place("Beta") } else { r.place("Delta") };
        r.rule(match r.version_between(alpha, to) {
            Version::V0_1 => Rule::all(Way::Call, "ReleaseAgent", Deed::Drop),
            _ => Rule::all(Way::Answer, "UpdateAgent", Deed::Drop),
        });
        if r.seed() / 2 == 4 {
            r.rule(Rule { times: 2, ..Rule::first(Way::Answer, "WithdrawAgent", Deed::Drop) });
        }
        let ending = teleport_in_trouble(r, who, to)?;
        r.require(ending == Ending::There, || format!("{ending:?}"))?;
        match r.seed() / 2 {
            0 | 4 => r.log_out(who),
            1 => r.vanish(who),
            2 => {
                r.run_for(Duration::from_millis(2100))?;
                let on = r.place("Epsilon");
                let ending = teleport_in_trouble(r, who, on)?;
                r.require(ending == Ending::There, || format!("{ending:?}"))?;
            }
            _ => {
                let again = r.log_in_again(who, alpha);
                r.require(again.is_ok(), || format!("{again:?}"))?;
            }
        }
        r.run_for(Duration::from_secs(40))?;
        r.settle()
    },
};

fn begin(r: &mut Rehearsal) -> Play<(Where, Who)> {
    let alpha = r.place("Alpha");
    let who = r.enter_laden("Ada", alpha)?;
    r.run_for(Duration::from_secs(3))?;
    Ok((alpha, who))
}

/// Teleports; the viewer must hear how it ended before it loses patience, and be where it was told.
pub(super) fn teleport_in_trouble(r: &mut Rehearsal, who: Who, to: Where) -> Play<Ending> {
    let from = r.heard(who).len();
    let before = r.believes_in(who);
    let asked = r.teleport(who, to);
    r.require(asked.is_ok(), || format!("the viewer cannot teleport: {asked:?}"))?;
    let ending = r.end_of_teleport_since(who, from)?;
    r.require(ending != Ending::GaveUp, || "the viewer lost patience before it heard a verdict".into())?;
    let after = r.believes_in(who);
    let right = if ending == Ending::There { Some(to) } else { before };
    r.require(after == right, || format!("{ending:?}, but the viewer is in {after:?}"))?;
    Ok(ending)
}

/// Whatever it was: afterwards the user walks, talks, teleports there and back.
pub(super) fn go_on_living(r: &mut Rehearsal, who: Who, one: Where, other: Where) -> Play {
    r.run_for(Duration::from_secs(3))?;
    r.settle()?;
    let first = if r.believes_in(who) == Some(one) { other } else { one };
    r.must_teleport(who, first)?;
    let second = if first == one { other } else { one };
    r.must_teleport(who, second)?;
    r.settle()
}
