//! The last words of a transfer get lost: the case that the published page calls impossible to tell apart.

use super::steps::{go_on_living, teleport_in_trouble};
use crate::dialect::EVERY;
use crate::faults::{Deed, Faults, Rule};
use crate::layout::Layout;
use crate::runner::Scenario;
use crate::script::{Ending, Play};
use crate::traffic::Way;
use crate::world::Rehearsal;
use std::time::Duration;
use transfer::Version;

/// A release that was lost is said again in this time.
const REPEATED: Duration = Duration::from_millis(6500);

/// How often the word is lost.
const TIMES: [u32; 3] = [1, 3, u32::MAX];

/// What is lost: ReleaseAgent, its answer, UpdateAgent's answer, or all of them.
const LOST: [&[(Way, &str)]; 4] = [
    &[(Way::Call, "ReleaseAgent")],
    &[(Way::Answer, "ReleaseAgent")],
    &[(Way::Answer, "UpdateAgent")],
    &[(Way::Call, "ReleaseAgent"), (Way::Answer, "UpdateAgent")],
];

/// ReleaseAgent or UpdateAgent's answer is lost, once, thrice or for good.
pub(super) const LOST_RELEASE: Scenario = Scenario {
    name: "lost-release",
    about: "ReleaseAgent, or UpdateAgent's answer, lost once, thrice or for good: the agent is where its viewer is",
    cases: Some(|| (TIMES.len() * LOST.len() * 2) as u64),
    dialects: EVERY,
    layout: Layout::standard,
    faults: Faults::NONE,
    play: |r| {
        let case = r.seed() as usize;
        let (times, rest) = (TIMES[case % TIMES.len()], case / TIMES.len());
        let (lost, rest) = (LOST[rest % LOST.len()], rest / LOST.len());
        let (alpha, to) = (r.place("Alpha"), r.place(if rest == 0 { "Beta" } else { "Delta" }));
        let who = r.enter_laden("Ada", alpha)?;
        r.run_for(Duration::from_secs(3))?;
        for &(way, name) in lost {
            r.rule(Rule { times, ..Rule::first(way, name, Deed::Drop) });
        }
        let ending = teleport_in_trouble(r, who, to)?;
        // In 0.1 UpdateAgent is answered before the viewer is told to go.
        let early =
            r.version_between(alpha, to) < Version::V0_2 && lost.contains(&(Way::Answer, "UpdateAgent"));
        r.require(ending == Ending::There || early, || format!("{ending:?}"))?;
        r.run_for(Duration::from_secs(20))?;
        r.require_one_root(who)?;
        if times == 1 && lost == LOST[0] && !r.has_plain() {
            // Said once more, before the source has to ask.
            let took = r.transfers.last_took;
            r.require(took < REPEATED, || format!("the source heard of the arrival after {took:?}"))?;
        }
        go_on_living(r, who, alpha, to)
    },
};

/// Each call of a transfer comes twice, the second time so much later.
const AGAIN_AFTER: [Duration; 4] =
    [Duration::from_millis(10), Duration::from_millis(600), Duration::from_secs(3), Duration::from_secs(16)];

/// Calls between regions in a transfer.
const CALLS: [&str; 7] = [
    "QueryAccess",
    "CreateAgent",
    "UpdateAgent",
    "ReleaseAgent",
    "CloseAgent",
    "CreateChild",
    "AgentPosition",
];

/// Everything is said twice.
pub(super) const TWICE: Scenario = Scenario {
    name: "twice",
    about: "each call of a transfer comes a second time, soon, later and much later: nothing is lost or doubled by it",
    cases: Some(|| (AGAIN_AFTER.len() * CALLS.len()) as u64),
    dialects: EVERY,
    layout: Layout::standard,
    faults: Faults::NONE,
    play: |r| {
        let case = r.seed() as usize;
        let (after, name) = (AGAIN_AFTER[case % AGAIN_AFTER.len()], CALLS[case / AGAIN_AFTER.len()]);
        let (alpha, beta, delta) = (r.place("Alpha"), r.place("Beta"), r.place("Delta"));
        let who = r.enter_laden("Ada", alpha)?;
        r.run_for(Duration::from_secs(3))?;
        r.rule(Rule::all(Way::Call, name, Deed::Repeat(after)));
        for to in [beta, delta, alpha] {
            r.must_teleport(who, to)?;
        }
        r.run_for(Duration::from_secs(20))?;
        r.settle()
    },
};

impl Rehearsal {
    /// The session is root once, where its viewer believes to be.
    pub(super) fn require_one_root(&mut self, who: crate::Who) -> Play {
        let (acts, believes) = (self.acts_in(who), self.believes_in(who));
        self.require(acts.is_some() && acts == believes, || {
            format!("root in {acts:?}, and the viewer believes to be in {believes:?}")
        })
    }
}
