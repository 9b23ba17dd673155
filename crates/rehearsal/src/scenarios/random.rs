//! Everything at once, for as long as wanted.

use crate::dialect::EVERY;
use crate::faults::Faults;
use crate::layout::Layout;
use crate::people::Who;
use crate::runner::Scenario;
use crate::world::{Rehearsal, Where};
use model::Vec3;
use rand::RngExt as _;
use std::time::Duration;
use viewer::Loudness;

/// Several users hop, walk and talk on a rough network.
pub(super) const HOPPERS: Scenario = Scenario {
    name: "hoppers",
    about: "several users hop, walk, talk and cancel on a rough network for virtual minutes",
    cases: None,
    dialects: EVERY,
    layout: Layout::archipelago,
    faults: Faults::NONE,
    play: |r| {
        let mut people = Vec::new();
        for name in ["Ada", "Bob", "Cleo"] {
            let at = some_place(r);
            people.push(r.enter_laden(name, at)?);
        }
        let loss = [0.0, 0.02, 0.05, 0.1][(r.seed() % 4) as usize];
        // Regions bear more than simulators do to them.
        r.set_faults(Faults { calls_overtake: r.seed() % 8 >= 4, ..Faults::rough(loss) });
        for _ in 0..40 {
            for &who in &people {
                act(r, who);
            }
            let pause = r.random.random_range(10..4000);
            r.run_for(Duration::from_millis(pause))?;
        }
        r.settle()?;
        for who in people {
            r.log_out(who);
        }
        r.settle()
    },
};

fn some_place(r: &mut Rehearsal) -> Where {
    let count = r.places().count();
    Where(r.random.random_range(0..count))
}

fn act(r: &mut Rehearsal, who: Who) {
    match r.random.random_range(0..10) {
        0..4 => {
            let to = some_place(r);
            // A viewer that is teleporting already refuses by itself.
            let _ = r.teleport(who, to);
        }
        4 => {
            r.with(who, |core, now| _ = core.cancel_teleport(now));
        }
        5..7 => {
            let heading = r.random.random_range(0.0..std::f32::consts::TAU);
            r.with(who, |core, now| core.walk(now, heading));
        }
        7 => {
            let place =
                Vec3::new(r.random.random_range(-40.0..300.0), r.random.random_range(-40.0..300.0), 22.0);
            r.with(who, |core, now| core.walk_to(now, place));
        }
        8 => {
            r.with(who, |core, now| _ = core.chat(now, "hello", Loudness::Say, 0));
        }
        _ => {
            r.with(who, |core, now| core.stop(now));
        }
    }
}

/// Users come and go in the middle of everything.
pub(super) const QUITTERS: Scenario = Scenario {
    name: "quitters",
    about: "users who log out, vanish and come again in the middle of hops leave nothing behind",
    cases: None,
    dialects: EVERY,
    layout: Layout::archipelago,
    faults: Faults::NONE,
    play: |r| {
        let at = some_place(r);
        let mut people = vec![r.enter_world("Ada", at)?, r.enter_world("Bob", at)?];
        r.set_faults(Faults::rough([0.0, 0.03, 0.08][(r.seed() % 3) as usize]));
        for round in 0..6 {
            for &who in &people {
                act(r, who);
            }
            let pause = r.random.random_range(5..700);
            r.run_for(Duration::from_millis(pause))?;
            for who in people.clone() {
                act(r, who);
                let pause = r.random.random_range(0..300);
                r.run_for(Duration::from_millis(pause))?;
                match r.random.random_range(0..6) {
                    0 => r.log_out(who),
                    1 => r.vanish(who),
                    _ => continue,
                }
                people.retain(|other| *other != who);
                let at = some_place(r);
                let name = ["Cleo", "Dan", "Eve", "Fay", "Gus", "Hal"][round];
                people.extend(r.log_in(name, at));
            }
        }
        for &who in &people {
            r.may_die(who);
        }
        r.run_for(Duration::from_secs(20))?;
        r.settle()
    },
};

/// Regions crash while users hop.
pub(super) const RESTARTS: Scenario = Scenario {
    name: "restarts",
    about: "regions crash and start while users hop: who was not there lives on, and nothing is left of who was",
    cases: None,
    dialects: EVERY,
    layout: Layout::archipelago,
    faults: Faults::NONE,
    play: |r| {
        let mut people = Vec::new();
        for name in ["Ada", "Bob", "Cleo"] {
            let at = some_place(r);
            people.push(r.enter_laden(name, at)?);
        }
        r.set_faults(Faults::rough([0.0, 0.03][(r.seed() % 2) as usize]));
        for round in 0..12 {
            for &who in &people {
                act(r, who);
            }
            let pause = r.random.random_range(10..3000);
            r.run_for(Duration::from_millis(pause))?;
            if round % 4 == 3 {
                let at = some_place(r);
                r.crash(at);
                let pause = r.random.random_range(0..6000);
                r.run_for(Duration::from_millis(pause))?;
                r.restart(at);
            }
        }
        for &who in &people {
            r.may_die(who);
        }
        r.run_for(Duration::from_secs(110))?;
        r.settle()
    },
};

/// Users stroll about the point where three regions meet.
pub(super) const WALKERS: Scenario = Scenario {
    name: "walkers",
    about: "users who walk to and fro over the borders of three regions on a rough network are never torn apart",
    cases: None,
    dialects: EVERY,
    layout: Layout::triangle,
    faults: Faults::NONE,
    play: |r| {
        let alpha = r.place("Alpha");
        let mut people = Vec::new();
        for name in ["Ada", "Bob"] {
            let who = r.enter_world(name, alpha)?;
            let corner = Vec3::new(246.0, 246.0, 22.0);
            let handle = r.handle(alpha);
            r.with(who, |core, now| _ = core.teleport(now, handle, corner, Vec3::X));
            people.push(who);
        }
        r.run_for(Duration::from_secs(3))?;
        r.set_faults(Faults::rough([0.0, 0.02, 0.05, 0.1][(r.seed() % 4) as usize]));
        for _ in 0..25 {
            for &who in &people {
                // Around the corner of Alpha, in the coordinates of whichever region the viewer is in.
                let (x, y) = (r.random.random_range(-12.0..12.0), r.random.random_range(-12.0..12.0));
                let here = r.believes_in(who).map(|at| r.handle(at));
                let Some(here) = here else { continue };
                let corner = r.handle(alpha);
                let offset = |from: u32, to: u32| (i64::from(from) + 256 - i64::from(to)) as f32;
                let place = Vec3::new(
                    offset(corner.x_m(), here.x_m()) + x,
                    offset(corner.y_m(), here.y_m()) + y,
                    22.0,
                );
                r.with(who, |core, now| core.walk_to(now, place));
            }
            let pause = r.random.random_range(200..5000);
            r.run_for(Duration::from_millis(pause))?;
        }
        r.settle()?;
        for who in people {
            r.log_out(who);
        }
        r.settle()
    },
};
