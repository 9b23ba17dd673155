//! Rings and lines: who comes back, or goes on, before the last connection was closed (A7, V2-2).

use crate::dialect::EVERY;
use crate::faults::{Deed, Faults, Rule};
use crate::layout::Layout;
use crate::people::Who;
use crate::runner::Scenario;
use crate::script::Play;
use crate::traffic::Way;
use crate::world::{Rehearsal, Where};
use std::time::Duration;

/// Ways through three regions A, B and C, from A.
const PATHS: [&str; 4] = ["BA", "BC", "CBA", "BCA"];

/// From one arrival to the next request: around the grace of 15 s, and well within it.
const PAUSES: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(14), Duration::from_secs(16)];

/// Which regions are A, B and C: all in sight of each other, two of them, none.
const TRIPLES: [[&str; 3]; 3] =
    [["Alpha", "Beta", "Gamma"], ["Alpha", "Delta", "Epsilon"], ["Alpha", "Beta", "Delta"]];

/// The way through, and the case's part in it.
fn path(case: usize) -> (&'static str, Duration, [&'static str; 3]) {
    let (path, rest) = (PATHS[case % PATHS.len()], case / PATHS.len());
    let (pause, rest) = (PAUSES[rest % PAUSES.len()], rest / PAUSES.len());
    (path, pause, TRIPLES[rest % TRIPLES.len()])
}

/// A viewer without a progress screen, so that one second is one second.
fn begin(r: &mut Rehearsal) -> Play<(Who, Duration, Vec<Where>)> {
    let (path, pause, names) = path(r.seed() as usize);
    let alpha = r.place("Alpha");
    let who = r.enter_laden_with("Ada", alpha, |config| config.arrival_delay = Duration::ZERO)?;
    r.run_for(Duration::from_secs(3))?;
    let stops = path.bytes().map(|letter| r.place(names[usize::from(letter - b'A')])).collect();
    Ok((who, pause, stops))
}

/// A to B to A, A to B to C, A to C to B to A, A to B to C to A.
pub(super) const RINGS: Scenario = Scenario {
    name: "rings",
    about: "rings and lines at 1, 5, 14 and 16 s: no late close, release or update touches what is there now",
    cases: Some(|| (PATHS.len() * PAUSES.len() * TRIPLES.len()) as u64),
    dialects: EVERY,
    layout: Layout::archipelago,
    faults: Faults::NONE,
    play: |r| {
        let (who, pause, stops) = begin(r)?;
        for to in stops {
            r.quick_teleport(who, to)?;
            r.run_for(pause)?;
        }
        r.require_one_root(who)?;
        r.run_for(Duration::from_secs(20))?;
        r.require_one_root(who)?;
        r.settle()
    },
};

/// The same while the closes come late or twice.
pub(super) const RINGS_DISTURBED: Scenario = Scenario {
    name: "rings-disturbed",
    about: "the same while closes and releases come 4 s late, or twice",
    cases: Some(|| (PATHS.len() * PAUSES.len() * TRIPLES.len()) as u64),
    dialects: crate::dialect::OURS,
    layout: Layout::archipelago,
    faults: Faults::NONE,
    play: |r| {
        let (who, pause, stops) = begin(r)?;
        for name in ["CloseAgent", "ReleaseAgent"] {
            r.rule(Rule::all(Way::Call, name, Deed::Overtaken(Duration::from_secs(4))));
            r.rule(Rule::all(Way::Call, name, Deed::Repeat(Duration::from_secs(7))));
        }
        for to in stops {
            r.quick_teleport(who, to)?;
            r.run_for(pause)?;
        }
        r.run_for(Duration::from_secs(30))?;
        r.require_one_root(who)?;
        r.settle()
    },
};

/// A teleport at each moment after an arrival, while the neighbours are opening.
pub(super) const OPENING: Scenario = Scenario {
    name: "opening",
    about: "a teleport to the neighbour that is just opening, or elsewhere, at each moment after an arrival",
    cases: Some(|| 60),
    dialects: EVERY,
    layout: Layout::archipelago,
    faults: super::teleport::SLOW,
    play: |r| {
        let (alpha, beta, delta) = (r.place("Alpha"), r.place("Beta"), r.place("Delta"));
        let who = r.enter_laden_with("Ada", delta, |config| config.arrival_delay = Duration::ZERO)?;
        r.run_for(Duration::from_secs(2))?;
        r.quick_teleport(who, alpha)?;
        r.run_for(Duration::from_millis(30 + r.seed() / 2 * 10))?;
        r.quick_teleport(who, if r.seed() % 2 == 0 { beta } else { delta })?;
        r.settle()?;
        r.quick_teleport(who, alpha)?;
        r.settle()
    },
};
