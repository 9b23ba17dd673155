//! Regions that crash and start again while an agent is on its way.

use super::steps::{go_on_living, teleport_in_trouble};
use crate::dialect::EVERY;
use crate::faults::{Deed, Faults, Rule};
use crate::layout::Layout;
use crate::people::Who;
use crate::runner::Scenario;
use crate::script::Play;
use crate::traffic::Way;
use crate::world::{Rehearsal, Where};
use std::time::Duration;
use viewer::Phase;

/// The moments: when this goes its way.
const MOMENTS: [(Way, &str); 8] = [
    (Way::Question, "RegionAt"),
    (Way::Call, "QueryAccess"),
    (Way::Answer, "QueryAccess"),
    (Way::Call, "CreateAgent"),
    (Way::Answer, "CreateAgent"),
    (Way::Response, "TeleportFinish"),
    (Way::Call, "UpdateAgent"),
    (Way::Answer, "UpdateAgent"),
];

/// The destination goes down, or is there again at once.
pub(super) const DESTINATION: Scenario = Scenario {
    name: "restart-destination",
    about: "the destination crashes at any step, for good or not: the agent lives on at home, unless it had arrived",
    cases: Some(|| (MOMENTS.len() * 4) as u64),
    dialects: EVERY,
    layout: Layout::standard,
    faults: Faults::NONE,
    play: |r| {
        let case = r.seed() as usize;
        let (way, name) = MOMENTS[case % MOMENTS.len()];
        let (alpha, to, who) = begin(r, (case / MOMENTS.len()).is_multiple_of(2))?;
        let restart = case / MOMENTS.len() / 2 == 0;
        match way {
            // These end elsewhere: shortly before them is as good.
            Way::Question | Way::Response => {
                _ = r.teleport(who, to);
                let pause = if way == Way::Question { 1 } else { 70 };
                r.run_for(Duration::from_millis(pause))?;
                if restart { r.restart(to) } else { r.crash(to) }
            }
            _ => {
                r.rule(Rule::first(way, name, if restart { Deed::Restart } else { Deed::Crash }));
                _ = r.teleport(who, to);
            }
        }
        r.run_for(Duration::from_secs(25))?;
        aftermath(r, who, alpha, to)
    },
};

/// The source goes down.
pub(super) const SOURCE: Scenario = Scenario {
    name: "restart-source",
    about: "the source restarts at any step: the agent has arrived, or its session is over, and nothing is left",
    cases: Some(|| (MOMENTS.len() * 2) as u64),
    dialects: EVERY,
    layout: Layout::standard,
    faults: Faults::NONE,
    play: |r| {
        let case = r.seed() as usize;
        let (way, name) = MOMENTS[case % MOMENTS.len()];
        let (alpha, to, who) = begin(r, (case / MOMENTS.len()).is_multiple_of(2))?;
        r.rule(Rule::first(way, name, Deed::RestartCaller));
        _ = r.teleport(who, to);
        r.run_for(Duration::from_secs(25))?;
        aftermath(r, who, alpha, to)
    },
};

/// A neighbour that the agent looks into goes down.
pub(super) const NEIGHBOUR: Scenario = Scenario {
    name: "restart-neighbour",
    about: "a neighbour that restarts costs the agent nothing but a view; it can teleport there afterwards",
    cases: Some(|| 2),
    dialects: EVERY,
    layout: Layout::standard,
    faults: Faults::NONE,
    play: |r| {
        let (alpha, beta, who) = begin(r, true)?;
        r.crash(beta);
        r.run_for(Duration::from_secs(10))?;
        r.restart(beta);
        if r.seed() == 0 {
            r.run_for(Duration::from_secs(10))?;
        }
        r.must_teleport(who, beta)?;
        go_on_living(r, who, alpha, beta)
    },
};

/// A third party falls over, or silent, at each step.
const PARTIES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(12)];

/// A neighbour of the source or of the destination restarts at each step.
pub(super) const NEIGHBOUR_MEANWHILE: Scenario = Scenario {
    name: "restart-neighbour-meanwhile",
    about: "a neighbour of source or destination goes down for a while at any step: the teleport takes no notice",
    cases: Some(|| (MOMENTS.len() * 4) as u64),
    dialects: EVERY,
    layout: Layout::standard,
    faults: Faults::NONE,
    play: |r| {
        let case = r.seed() as usize;
        let (way, name) = MOMENTS[case % MOMENTS.len()];
        let (pause, back) = (PARTIES[case / MOMENTS.len() % 2], case / MOMENTS.len() / 2 == 1);
        let (alpha, delta, who) = begin(r, false)?;
        let beta = r.place("Beta");
        if back {
            r.must_teleport(who, delta)?;
            r.run_for(Duration::from_secs(3))?;
        }
        r.rule(Rule::first(way, name, Deed::Fell(beta, pause)));
        let took = r.must_teleport(who, if back { alpha } else { delta })?;
        r.require(took < Duration::from_secs(1), || {
            format!("a dead neighbour delayed the teleport: {took:?}")
        })?;
        r.run_for(Duration::from_secs(25))?;
        aftermath(r, who, alpha, delta)
    },
};

/// The grid falls silent at each step.
pub(super) const GRID_MEANWHILE: Scenario = Scenario {
    name: "grid-silent-meanwhile",
    about: "the grid falls silent for a while at any step: the teleport goes on, or the user is told in time",
    cases: Some(|| (MOMENTS.len() * 4) as u64),
    dialects: EVERY,
    layout: Layout::standard,
    faults: Faults::NONE,
    play: |r| {
        let case = r.seed() as usize;
        let (way, name) = MOMENTS[case % MOMENTS.len()];
        let pause = PARTIES[case / MOMENTS.len() % 2];
        let (alpha, to, who) = begin(r, case / MOMENTS.len() / 2 == 1)?;
        r.rule(Rule::first(way, name, Deed::Silence(pause)));
        teleport_in_trouble(r, who, to)?;
        r.run_for(Duration::from_secs(25))?;
        aftermath(r, who, alpha, to)
    },
};

fn begin(r: &mut Rehearsal, in_sight: bool) -> Play<(Where, Where, Who)> {
    let alpha = r.place("Alpha");
    let to = if in_sight { r.place("Beta") } else { r.place("Delta") };
    let who = r.enter_laden("Ada", alpha)?;
    r.run_for(Duration::from_secs(3))?;
    Ok((alpha, to, who))
}

/// Whoever lives goes on living; of whoever does not, nothing is left.
fn aftermath(r: &mut Rehearsal, who: Who, alpha: Where, to: Where) -> Play {
    if r.orphans.contains(&r.people[who.0].session) {
        // Its viewer finds out by the silence of its region.
        r.run_for(Duration::from_secs(110))?;
    }
    if r.viewer(who).is_some_and(|core| core.phase() == Phase::InWorld) {
        go_on_living(r, who, alpha, to)
    } else {
        r.settle()
    }
}
