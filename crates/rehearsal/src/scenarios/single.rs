//! Every single fault: each kind of thing that travels during a teleport, lost once, late once, doubled once.

use super::steps::go_on_living;
use crate::dialect::EVERY;
use crate::faults::{Deed, Faults, Rule};
use crate::layout::Layout;
use crate::people::Who;
use crate::runner::Scenario;
use crate::script::Play;
use crate::traffic::Traffic;
use crate::world::{Rehearsal, Where};
use std::sync::OnceLock;
use std::time::Duration;

const DEEDS: [Deed; 3] =
    [Deed::Drop, Deed::Delay(Duration::from_secs(3)), Deed::Repeat(Duration::from_millis(30))];

/// In sight.
pub(super) const TELEPORT_IN_SIGHT: Scenario = Scenario {
    name: "single-fault-in-sight",
    about: "each kind of thing that travels in a teleport in sight is lost, late or doubled once",
    cases: Some(|| (in_sight().len() * DEEDS.len()) as u64),
    dialects: EVERY,
    layout: Layout::standard,
    faults: Faults::NONE,
    play: |r| play(r, in_sight(), true),
};

/// Out of sight.
pub(super) const TELEPORT_OUT_OF_SIGHT: Scenario = Scenario {
    name: "single-fault-out-of-sight",
    about: "each kind of thing that travels in a teleport out of sight is lost, late or doubled once",
    cases: Some(|| (out_of_sight().len() * DEEDS.len()) as u64),
    dialects: EVERY,
    layout: Layout::standard,
    faults: Faults::NONE,
    play: |r| play(r, out_of_sight(), false),
};

fn in_sight() -> &'static [Traffic] {
    static KINDS: OnceLock<Vec<Traffic>> = OnceLock::new();
    KINDS.get_or_init(|| kinds(true))
}

fn out_of_sight() -> &'static [Traffic] {
    static KINDS: OnceLock<Vec<Traffic>> = OnceLock::new();
    KINDS.get_or_init(|| kinds(false))
}

/// All kinds that travel from the request until the old connection is closed.
fn kinds(in_sight: bool) -> Vec<Traffic> {
    let mut r = Rehearsal::new(0, &Layout::standard(), Faults::NONE);
    let rehearse = |r: &mut Rehearsal| -> Play {
        let (to, who) = begin(r, in_sight)?;
        r.watch_traffic();
        r.must_teleport(who, to)?;
        r.run_for(Duration::from_secs(20))
    };
    // A teleport that fails without any fault fails in the scenarios too, and is explained there.
    let _ = rehearse(&mut r);
    r.traffic()
}

fn begin(r: &mut Rehearsal, in_sight: bool) -> Play<(Where, Who)> {
    let (alpha, beta, delta) = (r.place("Alpha"), r.place("Beta"), r.place("Delta"));
    let who = r.enter_laden("Ada", alpha)?;
    r.run_for(Duration::from_secs(3))?;
    Ok((if in_sight { beta } else { delta }, who))
}

fn play(r: &mut Rehearsal, kinds: &[Traffic], in_sight: bool) -> Play {
    let (to, who) = begin(r, in_sight)?;
    let case = r.seed() as usize;
    let (Some(what), deed) = (kinds.get(case / DEEDS.len()), DEEDS[case % DEEDS.len()]) else {
        return Ok(());
    };
    r.rule(Rule::first(what.way, what.name, deed));
    let asked = r.teleport(who, to);
    r.require(asked.is_ok(), || format!("the viewer cannot teleport: {asked:?}"))?;
    r.run_for(Duration::from_secs(25))?;
    let alpha = r.place("Alpha");
    go_on_living(r, who, alpha, to)
}
