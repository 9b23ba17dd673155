//! The user does something else at every moment of a slow teleport.

use super::steps::go_on_living;
use super::teleport::SLOW;
use crate::dialect::EVERY;
use crate::layout::Layout;
use crate::people::Who;
use crate::runner::Scenario;
use crate::script::Play;
use crate::world::{Rehearsal, Where};
use std::time::Duration;

/// Time between two cases.
const STEP: Duration = Duration::from_millis(5);

/// Cases for one destination: a slow teleport takes no longer than so many steps.
const MOMENTS: u64 = 110;

/// TeleportCancel.
pub(super) const CANCEL: Scenario = Scenario {
    name: "cancel",
    about: "a cancel at every moment of a teleport: afterwards the viewer is in one place, walks and teleports",
    cases: Some(|| 2 * MOMENTS),
    dialects: EVERY,
    layout: Layout::standard,
    faults: SLOW,
    play: |r| {
        let (alpha, to, who) = begin(r, r.seed())?;
        r.with(who, |core, now| _ = core.cancel_teleport(now));
        go_on_living(r, who, alpha, to)
    },
};

/// LogoutRequest.
pub(super) const LOGOUT: Scenario = Scenario {
    name: "logout",
    about: "a logout at every moment of a teleport leaves nothing of the session anywhere",
    cases: Some(|| 2 * MOMENTS),
    dialects: EVERY,
    layout: Layout::standard,
    faults: SLOW,
    play: |r| {
        let (_, _, who) = begin(r, r.seed())?;
        r.log_out(who);
        r.run_for(Duration::from_secs(30))?;
        r.settle()
    },
};

/// The viewer crashes.
pub(super) const VANISH: Scenario = Scenario {
    name: "vanish-in-transfer",
    about: "a viewer that crashes at any moment of a teleport leaves nothing of the session anywhere",
    cases: Some(|| 2 * MOMENTS),
    dialects: EVERY,
    layout: Layout::standard,
    faults: SLOW,
    play: |r| {
        let (_, _, who) = begin(r, r.seed())?;
        r.vanish(who);
        r.run_for(Duration::from_secs(70))?;
        r.settle()
    },
};

/// The user logs in once more.
pub(super) const LOGIN_AGAIN: Scenario = Scenario {
    name: "login-again-in-transfer",
    about: "a second login at any moment of a teleport, wherever, leaves the new session alone in the world",
    // Every other moment is enough.
    cases: Some(|| MOMENTS),
    dialects: EVERY,
    layout: Layout::standard,
    faults: SLOW,
    play: |r| {
        let (alpha, to, first) = begin(r, r.seed() * 2)?;
        let at = [alpha, to, r.place("Epsilon")][(r.seed() % 3) as usize];
        let Ok(who) = r.log_in_again(first, at) else {
            return r.require(false, || "the second login was refused".into());
        };
        r.wait_for_login(who, Duration::from_secs(6))?;
        r.settle()?;
        let ended = r.is_over(first);
        r.require(ended, || "the first viewer still believes to be in the world".into())?;
        go_on_living(r, who, alpha, to)
    },
};

/// The viewer's network is gone for some time.
pub(super) const ISOLATED: Scenario = Scenario {
    name: "isolated-in-transfer",
    about: "a viewer that is cut off for 6 s at any moment of a teleport goes on living",
    // Every other moment is enough.
    cases: Some(|| MOMENTS),
    dialects: EVERY,
    layout: Layout::standard,
    faults: SLOW,
    play: |r| {
        let (alpha, to, who) = begin(r, r.seed() * 2)?;
        r.isolate(who);
        r.run_for(Duration::from_secs(6))?;
        for at in r.places() {
            r.mend(who, at);
        }
        r.run_for(Duration::from_secs(40))?;
        go_on_living(r, who, alpha, to)
    },
};

/// The two regions cannot talk to each other for some time.
pub(super) const PARTED: Scenario = Scenario {
    name: "parted",
    about: "source and destination cannot talk for up to half a minute of a teleport: afterwards one root, where the viewer is",
    // Every other moment is enough.
    cases: Some(|| MOMENTS),
    dialects: EVERY,
    layout: Layout::standard,
    faults: SLOW,
    play: |r| {
        let (alpha, to, who) = begin(r, r.seed() * 2)?;
        // While nobody can know who is root, two may believe to be.
        r.may_double = true;
        let ways = r.seed() % 3;
        if ways != 1 {
            r.part(alpha, to);
        }
        if ways != 0 {
            r.part(to, alpha);
        }
        let seconds = [3, 9, 12, 30][(r.seed() / 3 % 4) as usize];
        r.run_for(Duration::from_secs(seconds))?;
        r.parted.clear();
        r.run_for(Duration::from_secs(15))?;
        r.may_double = false;
        go_on_living(r, who, alpha, to)
    },
};

/// A teleport, stopped at the moment that the case says.
fn begin(r: &mut Rehearsal, case: u64) -> Play<(Where, Where, Who)> {
    let alpha = r.place("Alpha");
    let to = if (case / MOMENTS).is_multiple_of(2) { r.place("Beta") } else { r.place("Delta") };
    let who = r.enter_laden("Ada", alpha)?;
    r.run_for(Duration::from_secs(2))?;
    let asked = r.teleport(who, to);
    r.require(asked.is_ok(), || format!("the viewer cannot teleport: {asked:?}"))?;
    r.run_for(STEP * (case % MOMENTS) as u32)?;
    Ok((alpha, to, who))
}
