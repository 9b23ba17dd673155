//! One mishap after another, each at its step of a transfer, until the table is full.

use crate::coverage::{CELLS, MESSAGES, MISHAPS, Scene, rules};
use crate::dialect::EVERY;
use crate::faults::Faults;
use crate::layout::Layout;
use crate::people::Who;
use crate::runner::Scenario;
use crate::script::Play;
use crate::world::{Rehearsal, Where};
use model::Vec3;
use rand::RngExt as _;
use std::time::Duration;

/// Mishaps of one run.
const MISHAPS_IN_A_RUN: u64 = 8;

/// Mishaps by turns: each seed goes on in the table where the one before has ended.
pub(super) const DRILL: Scenario = Scenario {
    name: "drill",
    about: "each mishap at each step of a transfer, one after the other in the same world",
    cases: None,
    dialects: EVERY,
    layout: Layout::archipelago,
    faults: Faults::NONE,
    play: |r| {
        let mut who = newcomer(r)?;
        for turn in 0..MISHAPS_IN_A_RUN {
            let cell = (r.seed() * MISHAPS_IN_A_RUN + turn) as usize % CELLS;
            if r.believes_in(who).is_none() || r.is_lost(who) {
                r.may_die(who);
                who = newcomer(r)?;
            }
            one_mishap(r, who, cell)?;
        }
        r.may_die(who);
        r.settle()
    },
};

fn newcomer(r: &mut Rehearsal) -> Play<Who> {
    let names = ["Ada", "Bob", "Cleo", "Dan", "Eve", "Fay", "Gus", "Hal", "Ida"];
    let name = names[r.people.len() % names.len()];
    let at = some_place(r);
    let who = r.enter_laden(name, at)?;
    r.run_for(Duration::from_secs(2))?;
    Ok(who)
}

fn some_place(r: &mut Rehearsal) -> Where {
    let count = r.places().count();
    Where(r.random.random_range(0..count))
}

fn one_mishap(r: &mut Rehearsal, who: Who, cell: usize) -> Play {
    let crossing = MESSAGES[cell / MISHAPS.len()].name == "CrossedRegion";
    let (alpha, beta) = (r.place("Alpha"), r.place("Beta"));
    if crossing {
        r.stand_at_border(who, alpha)?;
    }
    let Some(source) = r.believes_in(who) else { return Ok(()) };
    let mut destination = if crossing { beta } else { some_place(r) };
    if destination == source {
        destination = Where((source.0 + 1) % r.places().count());
    }
    let long = Duration::from_millis(r.random.random_range(20..6000));
    let scene = Scene { who, source, destination, other: some_place(r), long };
    for rule in rules(cell, &scene) {
        r.rule(rule);
    }
    if crossing {
        r.with(who, |core, now| core.walk_to(now, Vec3::new(290.0, 128.0, 25.0)));
        r.run_for(Duration::from_secs(8))?;
    } else {
        // One that is teleporting against its will refuses by itself.
        let _ = r.teleport(who, destination);
    }
    let pause = r.random.random_range(4000..24_000);
    r.run_for(Duration::from_millis(pause))?;
    r.rules.clear();
    r.rise_all();
    let pause = r.random.random_range(0..4000);
    r.run_for(Duration::from_millis(pause))
}

impl Rehearsal {
    /// Whether a user's session is past saving.
    fn is_lost(&self, who: Who) -> bool {
        self.is_over(who) || self.orphans.contains(&self.people[who.0].session)
    }

    /// Whoever is down stands up, and the grid speaks again.
    fn rise_all(&mut self) {
        self.grid_is_dead = false;
        for at in self.places() {
            if self.region(at).is_none() {
                self.restart(at);
            }
        }
    }

    /// Goes to the east border of a region.
    fn stand_at_border(&mut self, who: Who, at: Where) -> Play {
        // It may be on its way over the border still.
        self.with(who, |core, now| core.stop(now));
        if self.believes_in(who) != Some(at) {
            let _ = self.teleport(who, at);
            self.run_for(Duration::from_secs(12))?;
        }
        let handle = self.handle(at);
        let place = Vec3::new(245.0, 128.0, 25.0);
        self.with(who, |core, now| _ = core.teleport(now, handle, place, Vec3::X));
        self.run_for(Duration::from_secs(4))
    }
}
