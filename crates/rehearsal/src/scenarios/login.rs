//! Logins.

use crate::dialect::AS_LAID_OUT;
use crate::faults::{Deed, Faults, Rule};
use crate::layout::Layout;
use crate::runner::Scenario;
use crate::script::Play;
use crate::traffic::Way;
use crate::world::Rehearsal;
use std::time::Duration;
use viewer::ViewerEvent;

/// A login on a good network.
pub(super) const CLEAN: Scenario = Scenario {
    name: "login",
    about: "a login on a good network takes a few round trips",
    cases: None,
    dialects: AS_LAID_OUT,
    layout: Layout::standard,
    faults: Faults::NONE,
    play: |r| {
        let alpha = r.place("Alpha");
        let who = r.enter_world("Ada", alpha)?;
        let took = r.now().micros() / 1000 - 10_000;
        r.require(took < 400, || format!("the login took {took} ms"))?;
        r.run_for(Duration::from_secs(2))?;
        let told = r.count(who, |event| matches!(event, ViewerEvent::RegionHandshake { .. }));
        r.require(told >= 2, || "the viewer must hear of its region and of the neighbour".into())?;
        r.settle()?;
        r.log_out(who);
        r.settle()
    },
};

/// Logins while datagrams are lost, repeated and overtaken.
pub(super) const LOSSY: Scenario = Scenario {
    name: "login-lossy",
    about: "logins on a network that loses and repeats a fifth of all datagrams cost no more than seconds",
    cases: None,
    dialects: AS_LAID_OUT,
    layout: Layout::standard,
    faults: Faults::NONE,
    play: |r| {
        r.set_faults(Faults::lossy(0.2));
        let alpha = r.place("Alpha");
        let who = r.log_in("Ada", alpha).ok();
        let Some(who) = who else { return r.require(false, || "the login was refused".into()) };
        r.wait_for_login(who, Duration::from_secs(25))?;
        r.settle()?;
        r.log_out(who);
        r.settle()
    },
};

/// What is done to the login's two messages, case by case.
const DEEDS: [Deed; 5] = [
    Deed::Drop,
    Deed::Delay(Duration::from_millis(300)),
    Deed::Delay(Duration::from_secs(3)),
    Deed::Repeat(Duration::from_millis(1)),
    Deed::Repeat(Duration::from_secs(3)),
];

/// The login's messages, both ways.
const MESSAGES: [(Way, &str); 6] = [
    (Way::ToRegion, "UseCircuitCode"),
    (Way::ToRegion, "CompleteAgentMovement"),
    (Way::ToRegion, "RegionHandshakeReply"),
    (Way::ToViewer, "PacketAck"),
    (Way::ToViewer, "RegionHandshake"),
    (Way::ToViewer, "AgentMovementComplete"),
];

/// One mishap for one of the login's messages.
pub(super) const DISTURBED: Scenario = Scenario {
    name: "login-disturbed",
    about: "either of a login's messages lost, late, overtaken or repeated costs no more than seconds",
    cases: Some(|| (MESSAGES.len() * DEEDS.len() * 3) as u64),
    dialects: AS_LAID_OUT,
    layout: Layout::standard,
    faults: Faults::NONE,
    play: |r| {
        let case = r.seed() as usize;
        let (way, name) = MESSAGES[case % MESSAGES.len()];
        let deed = DEEDS[case / MESSAGES.len() % DEEDS.len()];
        let style = case / MESSAGES.len() / DEEDS.len() % 3;
        r.rule(Rule::first(way, name, deed));
        log_in_with_style(r, style)
    },
};

/// The three orders in which clients say the login's messages.
fn log_in_with_style(r: &mut Rehearsal, style: usize) -> Play {
    let alpha = r.place("Alpha");
    let login = r.log_in_with("Ada", alpha, |config| match style {
        0 => {}
        // Packets before capabilities.
        1 => config.seed_first = false,
        _ => config.misbehave.complete_first = true,
    });
    let Ok(who) = login else { return r.require(false, || "the login was refused".into()) };
    let took = r.wait_for_login(who, Duration::from_secs(6))?;
    r.require(took < Duration::from_millis(4500), || format!("the login took {took:?}"))?;
    r.run_for(Duration::from_secs(8))?;
    let told = r.count(who, |event| matches!(event, ViewerEvent::RegionHandshake { .. }));
    r.require(told > 0, || "no RegionHandshake came".into())?;
    r.settle()
}

/// A user who is inside logs in once more.
pub(super) const AGAIN: Scenario = Scenario {
    name: "login-again",
    about: "a second login of the same user, in the same region or another, ends the first",
    cases: Some(|| 4),
    dialects: AS_LAID_OUT,
    layout: Layout::standard,
    faults: Faults::NONE,
    play: |r| {
        let alpha = r.place("Alpha");
        let second = [alpha, r.place("Beta"), r.place("Delta"), alpha][(r.seed() % 4) as usize];
        let first = r.enter_world("Ada", alpha)?;
        r.run_for(Duration::from_secs(2))?;
        if r.seed() % 4 == 3 {
            // The old viewer is gone already, and cannot say goodbye.
            r.vanish(first);
            r.run_for(Duration::from_secs(1))?;
        }
        let Ok(who) = r.log_in_again(first, second) else {
            return r.require(false, || "the second login was refused".into());
        };
        r.wait_for_login(who, Duration::from_secs(6))?;
        r.settle()?;
        let ended = r.is_over(first);
        r.require(ended, || "the first viewer still believes to be in the world".into())?;
        r.log_out(who);
        r.settle()
    },
};

/// Logins whose viewers never say a word.
pub(super) const NOBODY_COMES: Scenario = Scenario {
    name: "login-nobody-comes",
    about: "a login whose viewer never connects, or connects and never completes, leaves nothing behind",
    cases: Some(|| 3),
    dialects: AS_LAID_OUT,
    layout: Layout::standard,
    faults: Faults::NONE,
    play: |r| {
        let alpha = r.place("Alpha");
        let case = r.seed() % 3;
        let login = r.log_in_with("Ada", alpha, |config| {
            config.misbehave.silent = case == 0;
            config.misbehave.never_complete_movement = case > 0;
            config.misbehave.never_use_circuit_code = case > 1;
        });
        let Ok(who) = login else { return r.require(false, || "the login was refused".into()) };
        r.may_die(who);
        // The viewer, too, gives up in the end.
        r.run_for(Duration::from_secs(250))?;
        r.settle()
    },
};

/// Viewers that die.
pub(super) const VANISHES: Scenario = Scenario {
    name: "vanish",
    about: "a viewer that vanishes, or is cut off, is logged out by its silence; others see it go",
    cases: Some(|| 3),
    dialects: AS_LAID_OUT,
    layout: Layout::standard,
    faults: Faults::NONE,
    play: |r| {
        let alpha = r.place("Alpha");
        let ada = r.enter_world("Ada", alpha)?;
        let bob = r.enter_world("Bob", alpha)?;
        r.run_for(Duration::from_secs(2))?;
        match r.seed() % 3 {
            0 => r.vanish(ada),
            1 => {
                r.may_die(ada);
                r.isolate(ada);
            }
            _ => {
                // Only what it says gets lost: it hears that it is still there.
                r.may_die(ada);
                for at in r.places() {
                    r.cut(ada, at, &[Way::ToRegion]);
                }
            }
        }
        let limit = Duration::from_secs(75);
        let gone = |event: &ViewerEvent| matches!(event, ViewerEvent::AvatarGone { .. });
        r.run_until("Ada's avatar going", limit, |r| r.count(bob, gone) > 0)?;
        r.run_for(Duration::from_secs(120))?;
        r.settle()
    },
};
