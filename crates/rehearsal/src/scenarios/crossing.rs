//! Walking over borders.

use crate::dialect::{EVERY, OURS};
use crate::faults::{Deed, Faults, Rule};
use crate::layout::{Layout, Plot};
use crate::people::Who;
use crate::runner::Scenario;
use crate::script::Play;
use crate::traffic::Way;
use crate::world::{Rehearsal, Where};
use model::Vec3;
use std::time::Duration;
use viewer::{Misbehaviour, ViewerEvent};

/// There and back.
pub(super) const ON_FOOT: Scenario = Scenario {
    name: "crossing",
    about: "an agent walks over a border, goes on walking on the other side, and comes back",
    cases: Some(|| 4),
    dialects: EVERY,
    layout: Layout::standard,
    faults: Faults::NONE,
    play: |r| {
        if r.seed() > 0 {
            r.set_faults(Faults::lossy(0.04 * r.seed() as f64));
        }
        let (alpha, beta, who) = begin(r)?;
        cross(r, who, beta, 40.0)?;
        cross(r, who, alpha, -40.0)?;
        cross(r, who, beta, 40.0)?;
        r.settle()
    },
};

/// The viewer has no circuit to the neighbour.
pub(super) const NO_CHILD: Scenario = Scenario {
    name: "crossing-without-circuit",
    about: "a viewer without a circuit to the neighbour is shown the way as in a teleport",
    cases: Some(|| 1),
    // The published crossing takes the circuit for granted.
    dialects: OURS,
    layout: Layout::standard,
    faults: Faults::NONE,
    play: |r| {
        let (alpha, beta) = (r.place("Alpha"), r.place("Beta"));
        let login = r.log_in_with("Ada", alpha, |config| config.misbehave.ignore_neighbours = true);
        let Ok(who) = login else { return r.require(false, || "the login was refused".into()) };
        r.wait_for_login(who, Duration::from_secs(6))?;
        r.run_for(Duration::from_secs(2))?;
        r.with(who, |core, now| core.walk_to(now, Vec3::new(300.0, 128.0, 22.0)));
        r.run_until("being in Beta", Duration::from_secs(70), |r| r.believes_in(who) == Some(beta))?;
        r.misbehave(who, Misbehaviour::default());
        r.run_for(Duration::from_secs(5))?;
        r.settle()
    },
};

/// The neighbour does not let the agent in.
pub(super) const REFUSED: Scenario = Scenario {
    name: "crossing-refused",
    about: "an agent that the neighbour refuses is held at the border, told why, and can walk away",
    cases: Some(|| 3),
    dialects: EVERY,
    layout: || {
        let mut layout = Layout::standard();
        layout.plots[1] = Plot { max_agents: 1, ..layout.plots[1].clone() };
        layout
    },
    faults: Faults::NONE,
    play: |r| {
        let (alpha, beta, ada) = begin(r)?;
        match r.seed() {
            0 => _ = r.enter_world("Bob", beta)?,
            1 => r.rule(Rule::all(Way::Call, "QueryAccess", Deed::Drop)),
            _ => {
                // The published crossing has no CreateAgent.
                r.rule(Rule::all(Way::Call, "CreateAgent", Deed::Drop));
                r.rule(Rule::all(Way::Call, "UpdateAgent", Deed::Drop));
            }
        }
        r.with(ada, |core, now| core.walk_to(now, Vec3::new(280.0, 128.0, 22.0)));
        let told = |event: &ViewerEvent| matches!(event, ViewerEvent::Alert { .. });
        r.run_until("a notice", Duration::from_secs(70), |r| r.count(ada, told) > 0)?;
        r.run_for(Duration::from_secs(3))?;
        let (here, position) = (r.acts_in(ada), r.viewer(ada).map(|core| core.position()));
        r.require(here == Some(alpha), || format!("acts in {here:?}"))?;
        r.require(position.is_some_and(|at| at.x <= 256.0), || format!("stands at {position:?}"))?;
        r.settle()?;
        let beside = r.acts_in(ada);
        r.require(beside == Some(alpha), || format!("acts in {beside:?}"))
    },
};

/// What can happen to a crossing's messages.
const MISHAPS: [(Way, &str); 9] = [
    (Way::Call, "QueryAccess"),
    (Way::Call, "CreateAgent"),
    (Way::Call, "UpdateAgent"),
    (Way::Answer, "QueryAccess"),
    (Way::Answer, "CreateAgent"),
    (Way::Answer, "UpdateAgent"),
    (Way::Response, "CrossedRegion"),
    (Way::ToRegion, "CompleteAgentMovement"),
    (Way::ToViewer, "AgentMovementComplete"),
];

/// One mishap while an agent crosses.
pub(super) const DISTURBED: Scenario = Scenario {
    name: "crossing-disturbed",
    about: "one message of a crossing lost, late or doubled: the agent is on one side or the other, and lives",
    cases: Some(|| (MISHAPS.len() * 3) as u64),
    dialects: EVERY,
    layout: Layout::standard,
    faults: Faults::NONE,
    play: |r| {
        let (_, beta, who) = begin(r)?;
        let case = r.seed() as usize;
        let (way, name) = MISHAPS[case % MISHAPS.len()];
        let deed = [Deed::Drop, Deed::Delay(Duration::from_secs(3)), Deed::Repeat(Duration::from_millis(50))];
        r.rule(Rule::first(way, name, deed[case / MISHAPS.len() % 3]));
        r.with(who, |core, now| core.walk_to(now, Vec3::new(290.0, 128.0, 22.0)));
        r.run_for(Duration::from_secs(75))?;
        r.settle()?;
        cross_or_be_there(r, who, beta)?;
        r.settle()
    },
};

fn begin(r: &mut Rehearsal) -> Play<(Where, Where, Who)> {
    let (alpha, beta) = (r.place("Alpha"), r.place("Beta"));
    let who = r.enter_laden("Ada", alpha)?;
    r.run_for(Duration::from_secs(3))?;
    // Nearer to the border, or the walk takes half a minute.
    let handle = r.handle(alpha);
    let place = Vec3::new(235.0, 128.0, 22.0);
    r.with(who, |core, now| _ = core.teleport(now, handle, place, Vec3::X));
    r.run_for(Duration::from_secs(3))?;
    Ok((alpha, beta, who))
}

/// Walks over the border, to a point `x` metres from the other side's west edge (or, if negative, its east edge).
fn cross(r: &mut Rehearsal, who: Who, to: Where, x: f32) -> Play {
    let begin = r.count(who, |event| matches!(event, ViewerEvent::Crossed { .. }));
    let goal = if x > 0.0 { 256.0 + x } else { x };
    r.with(who, |core, now| core.walk_to(now, Vec3::new(goal, 128.0, 22.0)));
    let name = "a crossing";
    r.run_until(name, Duration::from_secs(60), |r| {
        r.count(who, |event| matches!(event, ViewerEvent::Crossed { .. })) > begin
    })?;
    let there = r.believes_in(who);
    r.require(there == Some(to), || format!("crossed to {there:?}"))?;
    let reached = |event: &ViewerEvent| matches!(event, ViewerEvent::Reached { .. });
    let before = r.count(who, reached);
    r.run_until("walking on", Duration::from_secs(40), |r| r.count(who, reached) > before)?;
    r.run_for(Duration::from_secs(3))
}

fn cross_or_be_there(r: &mut Rehearsal, who: Who, to: Where) -> Play {
    if r.believes_in(who) == Some(to) { Ok(()) } else { cross(r, who, to, 30.0) }
}
