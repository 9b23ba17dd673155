//! What went wrong in OpenSimulator's own history, each as a play of its own name. What is about objects, scripts,
//! sitting and other grids waits for these.

use super::steps::teleport_in_trouble;
use crate::dialect::{AS_LAID_OUT, Dialect, EVERY, OURS};
use crate::faults::{Deed, Faults, Rule};
use crate::layout::{Layout, Plot};
use crate::people::Who;
use crate::runner::Scenario;
use crate::script::{Ending, Play};
use crate::traffic::Way;
use crate::world::{Rehearsal, Report, Where};
use model::{RegionSize, Vec3};
use region::OperatorCommand;
use std::time::Duration;
use transfer::{Version, VersionRange};
use viewer::{Loudness, ViewerEvent};

/// So soon an old connection may be closed in 0.1; later versions wait longer.
const LEAST_GRACE: Duration = Duration::from_millis(1900);

const fn fact(
    name: &'static str,
    about: &'static str,
    dialects: &'static [Dialect],
    layout: fn() -> Layout,
    play: fn(&mut Rehearsal) -> Play,
) -> Scenario {
    Scenario { name, about, cases: Some(|| 1), dialects, layout, faults: Faults::NONE, play }
}

/// b1c26a56b3.
pub(super) const LINE: Scenario = fact(
    "a-to-b-to-c-leaves-nothing-in-a",
    "two far hops within the grace: the first region is closed too",
    EVERY,
    Layout::standard,
    |r| {
        let (alpha, delta, epsilon) = (r.place("Alpha"), r.place("Delta"), r.place("Epsilon"));
        let who = begin(r, alpha)?;
        r.must_teleport(who, delta)?;
        r.must_teleport(who, epsilon)?;
        r.run_for(Duration::from_secs(17))?;
        let agent = r.agent(who);
        let left = [alpha, delta].into_iter().find(|&at| {
            r.region(at).is_some_and(|region| region.agents().any(|a| a.agent == agent && !a.closing))
        });
        r.require(left.is_none(), || format!("something is left in {left:?}"))?;
        r.settle()
    },
);

/// 99bce9d877.
pub(super) const ROUND: Scenario = fact(
    "a-to-c-to-b-to-a-keeps-the-root",
    "back where it began within the grace: the close of the first visit does not end the second",
    EVERY,
    Layout::standard,
    |r| {
        let (alpha, beta, delta) = (r.place("Alpha"), r.place("Beta"), r.place("Delta"));
        let who = begin(r, alpha)?;
        for to in [delta, beta, alpha] {
            r.must_teleport(who, to)?;
        }
        r.run_for(Duration::from_secs(40))?;
        r.require_one_root(who)?;
        r.settle()
    },
);

/// 1fabdcc43c.
pub(super) const REUSED: Scenario = fact(
    "a-child-agent-that-is-used-again-is-not-closed",
    "back within the grace into a neighbour: the child agent that became root stays, and so does the third",
    EVERY,
    Layout::triangle,
    |r| {
        let (alpha, beta) = (r.place("Alpha"), r.place("Beta"));
        let who = begin(r, alpha)?;
        r.must_teleport(who, beta)?;
        r.must_teleport(who, alpha)?;
        let closed = r.count(who, |event| matches!(event, ViewerEvent::RegionClosed { .. }));
        r.run_for(Duration::from_secs(40))?;
        let after = r.count(who, |event| matches!(event, ViewerEvent::RegionClosed { .. }));
        r.require(after == closed, || "a region in sight was closed".into())?;
        r.require_one_root(who)?;
        r.settle()
    },
);

/// 5c9086ade6, 997d53e532.
pub(super) const NAMELESS: Scenario = fact(
    "a-name-that-cannot-be-resolved-costs-one-teleport",
    "a destination whose host name is unknown: the user is told, and neither in transit nor locked in afterwards",
    EVERY,
    || Layout::standard().with(Plot { host: Some("no.such.host"), ..Plot::at("Nowhere", 1060, 1000) }),
    |r| {
        let (alpha, beta, nowhere) = (r.place("Alpha"), r.place("Beta"), r.place("Nowhere"));
        let who = begin(r, alpha)?;
        for _ in 0..2 {
            let reason = r.must_not_teleport(who, nowhere)?;
            r.require(reason == "no_host", || format!("told: {reason}"))?;
        }
        r.take_steps(who)?;
        r.must_teleport(who, beta)?;
        r.settle()
    },
);

/// a79bafaaaf, 7d5942d154.
pub(super) const EARLY: Scenario = fact(
    "the-old-connection-is-not-closed-before-the-viewer-has-settled",
    "after a far hop the old region lets go only after the grace, or when the viewer has settled",
    EVERY,
    Layout::standard,
    |r| {
        let (alpha, delta) = (r.place("Alpha"), r.place("Delta"));
        let who = begin(r, alpha)?;
        r.quick_teleport(who, delta)?;
        let (arrived, version) = (r.now(), r.version_between(alpha, delta));
        let closed = |event: &ViewerEvent| match event {
            ViewerEvent::RegionClosed { region } => region.x_m() < 256_256,
            _ => false,
        };
        r.run_until("the close", Duration::from_secs(20), |r| r.count(who, closed) > 0)?;
        let took = r.now().since(arrived);
        let least = match version {
            Version::V0_1 => LEAST_GRACE,
            version if version >= Version::V0_7 => Duration::ZERO,
            _ => Duration::from_secs(14),
        };
        r.require(took >= least, || format!("closed {took:?} after the arrival, in {version:?}"))?;
        let settled =
            r.count(who, |e| matches!(e, ViewerEvent::Capabilities { region, .. } if region.x_m() > 260_000));
        r.require(settled > 0, || "closed before the viewer had its capabilities".into())?;
        r.settle()
    },
);

/// 857f24a5e2.
pub(super) const CHAT: Scenario = fact(
    "chat-of-the-region-that-was-left-is-not-heard",
    "who has gone far away does not hear what is said where they were, though the circuit is still open",
    EVERY,
    Layout::standard,
    |r| {
        let (alpha, delta) = (r.place("Alpha"), r.place("Delta"));
        let ada = begin(r, alpha)?;
        let bob = r.enter_world("Bob", alpha)?;
        r.run_for(Duration::from_secs(1))?;
        r.must_teleport(ada, delta)?;
        let heard = |event: &ViewerEvent| matches!(event, ViewerEvent::Chat { kind: 0..=2, .. });
        let before = r.count(ada, heard);
        for loud in [Loudness::Say, Loudness::Shout] {
            r.with(bob, |core, now| _ = core.chat(now, "gone?", loud, 0));
        }
        r.run_for(Duration::from_secs(2))?;
        let after = r.count(ada, heard);
        r.require(after == before, || "Ada hears Alpha from Delta".into())?;
        r.settle()
    },
);

/// f3508649f5.
pub(super) const SUCCESS: Scenario = fact(
    "a-success-is-not-also-called-a-failure",
    "a teleport that succeeds is followed by no TeleportFailed and no alert",
    EVERY,
    Layout::standard,
    |r| {
        let (alpha, beta, delta) = (r.place("Alpha"), r.place("Beta"), r.place("Delta"));
        let who = begin(r, alpha)?;
        for to in [beta, delta, alpha] {
            r.must_teleport(who, to)?;
            r.run_for(Duration::from_secs(20))?;
        }
        let bad =
            r.count(who, |event| matches!(event, ViewerEvent::TeleportFailed(_) | ViewerEvent::Alert { .. }));
        r.require(bad == 0, || format!("{bad} complaints about teleports that went well"))
    },
);

/// dd7d7683c9.
pub(super) const QUEUES: Scenario = fact(
    "a-neighbour-keeps-its-event-queue",
    "after hops among neighbours the viewer still polls the queue of each",
    EVERY,
    Layout::triangle,
    |r| {
        let (alpha, beta, gamma) = (r.place("Alpha"), r.place("Beta"), r.place("Gamma"));
        let who = begin(r, alpha)?;
        for to in [beta, gamma, beta, alpha] {
            r.must_teleport(who, to)?;
            r.run_for(Duration::from_secs(5))?;
        }
        r.run_for(Duration::from_secs(30))?;
        let deaf = r.places().find(|&at| !r.polls(who, at));
        r.require(deaf.is_none(), || format!("the queue of {deaf:?} is not polled"))?;
        r.settle()
    },
);

/// A viewer that ends the poll of each region that it leaves, and begins again only with a seed that it does not know.
pub(super) const ENDED: Scenario = Scenario {
    name: "who-ended-a-poll-is-heard-again",
    about: "who says done to the queue of each region that is left can come back, within the grace and after it",
    cases: Some(|| 6),
    dialects: OURS,
    layout: Layout::archipelago,
    faults: Faults::NONE,
    play: |r| {
        let pause = Duration::from_secs([2, 10, 20][r.seed() as usize % 3]);
        let (alpha, beta, delta) = (r.place("Alpha"), r.place("Beta"), r.place("Delta"));
        let who = r.enter_laden_with("Ada", alpha, |config| config.ends_polls = true)?;
        let there = if r.seed() < 3 { beta } else { delta };
        for to in [there, alpha, there, alpha] {
            r.run_for(pause)?;
            r.must_teleport(who, to)?;
        }
        r.settle()?;
        let deaf = !r.polls(who, alpha);
        r.require(!deaf, || "the viewer does not hear its region".into())
    },
};

/// ca2379ee83.
pub(super) const LARGE: Scenario = fact(
    "a-region-of-another-size-is-told-with-its-size",
    "a hop to the far corner of a region of 512 m ends there, by 0.3 and later",
    AS_LAID_OUT,
    || {
        let large = Plot { size: RegionSize { x: 512, y: 512 }, ..Plot::at("Large", 1010, 1000) };
        Layout::standard().with(large)
    },
    |r| {
        let (alpha, large) = (r.place("Alpha"), r.place("Large"));
        let who = begin(r, alpha)?;
        let handle = r.handle(large);
        let corner = Vec3::new(500.0, 480.0, 25.0);
        r.with(who, |core, now| _ = core.teleport(now, handle, corner, Vec3::X));
        let ending = r.end_of_teleport(who)?;
        r.require(ending == Ending::There, || format!("{ending:?}"))?;
        let at = r.viewer(who).map(|core| (core.position(), core.region().map(|region| region.size)));
        let there = at.is_some_and(|(at, size)| at.x > 490.0 && size.is_some_and(|size| size.x == 512));
        r.require(there, || format!("arrived at {at:?}"))?;
        r.settle()
    },
);

/// f29fdb6bda.
pub(super) const ORDER: Scenario = fact(
    "presence-is-reported-in-the-order-of-the-hops",
    "the grid hears of each arrival once, in order, and of the logout last",
    EVERY,
    Layout::standard,
    |r| {
        let (alpha, beta, delta) = (r.place("Alpha"), r.place("Beta"), r.place("Delta"));
        let who = begin(r, alpha)?;
        let stops = [beta, delta, alpha, beta];
        for to in stops {
            r.must_teleport(who, to)?;
        }
        r.log_out(who);
        r.run_for(Duration::from_secs(20))?;
        let arrivals = [alpha].into_iter().chain(stops).map(Report::Arrived);
        let wanted: Vec<Report> = arrivals.chain([Report::LoggedOut(beta)]).collect();
        let told = r.presence.get(&r.people[who.0].session).cloned();
        r.require(told.as_ref() == Some(&wanted), || format!("the grid was told {told:?}"))?;
        r.settle()
    },
);

/// d0c65d15dc.
pub(super) const KILLS: Scenario = fact(
    "who-looks-in-sees-an-avatar-leave",
    "a child agent's viewer hears that an avatar has gone far away",
    EVERY,
    Layout::standard,
    |r| {
        let (alpha, beta, delta) = (r.place("Alpha"), r.place("Beta"), r.place("Delta"));
        let bob = r.enter_world("Bob", beta)?;
        let ada = begin(r, alpha)?;
        r.must_teleport(ada, delta)?;
        r.run_for(Duration::from_secs(2))?;
        sees_gone(r, bob, ada, alpha)?;
        r.settle()
    },
);

/// a76ce4f64d, 0bfba122f0, 8ab5f2ce84.
pub(super) const GHOST: Scenario = fact(
    "a-kick-leaves-no-ghost",
    "after a kick everybody sees the avatar gone, and nothing of the agent is left",
    EVERY,
    Layout::standard,
    |r| {
        let alpha = r.place("Alpha");
        let bob = r.enter_world("Bob", alpha)?;
        let ada = begin(r, alpha)?;
        r.may_die(ada);
        let agent = r.agent(ada);
        r.operate(alpha, OperatorCommand::Kick { agent, reason: "Enough.".into() });
        r.run_for(Duration::from_secs(3))?;
        sees_gone(r, bob, ada, alpha)?;
        r.settle()
    },
);

/// f81375cf1e, 6546ea6da6.
pub(super) const CONTROLS: Scenario = fact(
    "grabbed-controls-cross-the-border",
    "an agent that walks over a border takes along what scripts have grabbed, and all that it wears",
    EVERY,
    Layout::standard,
    |r| {
        let (alpha, beta) = (r.place("Alpha"), r.place("Beta"));
        let who = begin(r, alpha)?;
        let (handle, place) = (r.handle(alpha), Vec3::new(240.0, 128.0, 25.0));
        r.with(who, |core, now| _ = core.teleport(now, handle, place, Vec3::X));
        r.run_for(Duration::from_secs(3))?;
        r.with(who, |core, now| core.walk_to(now, Vec3::new(290.0, 128.0, 25.0)));
        r.run_until("being in Beta", Duration::from_secs(60), |r| r.believes_in(who) == Some(beta))?;
        r.run_for(Duration::from_secs(3))?;
        let complaint = r.complaint_about_luggage(who, beta);
        r.require(complaint.is_none(), || format!("{complaint:?}"))?;
        r.settle()
    },
);

/// 66b1c37973, within one grid.
pub(super) const SECOND_HOP: Scenario = fact(
    "attachments-are-there-after-the-second-hop-too",
    "one, two, three hops: attachments arrive each time, once and byte for byte; so they stay after a refusal",
    EVERY,
    Layout::standard,
    |r| {
        let (alpha, beta, delta) = (r.place("Alpha"), r.place("Beta"), r.place("Delta"));
        let who = begin(r, alpha)?;
        for to in [delta, beta, alpha] {
            r.rule(Rule::first(Way::Call, "CreateAgent", Deed::Refuse));
            let ending = teleport_in_trouble(r, who, to)?;
            r.require(matches!(ending, Ending::Refused(_)), || format!("{ending:?}"))?;
            let here = r.believes_in(who).unwrap_or(alpha);
            let complaint = r.complaint_about_luggage(who, here);
            r.require(complaint.is_none(), || format!("after a refusal: {complaint:?}"))?;
            r.must_teleport(who, to)?;
            let complaint = r.complaint_about_luggage(who, to);
            r.require(complaint.is_none(), || format!("after the hop to {to:?}: {complaint:?}"))?;
        }
        r.settle()
    },
);

/// Two regions whose versions do not meet, and a large one that old ones cannot describe.
pub(super) const NO_COMMON_VERSION: Scenario = Scenario {
    name: "versions-that-do-not-meet",
    about: "regions without a common version, or too large for an old source, are refused with words that say why",
    cases: Some(|| 4),
    dialects: AS_LAID_OUT,
    layout: || {
        let range = |low, high| VersionRange { low: Version::new(low), high: Version::new(high) };
        let old = Plot { versions: range(1, 2), ..Plot::at("Alpha", 1000, 1000) };
        let new = Plot { versions: range(3, 8), ..Plot::at("Beta", 1001, 1000) };
        let large = Plot { size: RegionSize { x: 512, y: 512 }, ..Plot::at("Large", 1010, 1000) };
        Layout::new().with(old).with(new).with(large).with(Plot::at("Delta", 1040, 1000))
    },
    faults: Faults::NONE,
    play: |r| {
        let (alpha, beta, large, delta) =
            (r.place("Alpha"), r.place("Beta"), r.place("Large"), r.place("Delta"));
        // As a peer without tickets the old one asks without saying what it speaks.
        r.stages[alpha.0].plot.plain = r.seed() >= 2;
        let (to, words) = match r.seed() % 2 {
            0 if r.seed() < 2 => (beta, "0.3..0.8"),
            0 => (beta, "updated"),
            _ => (large, "256 m"),
        };
        let who = begin(r, alpha)?;
        let reason = r.must_not_teleport(who, to)?;
        r.require(reason.contains(words), || format!("told: {reason}"))?;
        r.must_teleport(who, delta)?;
        r.must_teleport(who, large)?;
        r.settle()
    },
};

/// Grid calls take half a second more.
pub(super) const SLOW_GRID: Scenario = fact(
    "a-slow-grid-delays-nobody",
    "with 500 ms added to all grid calls a hop to a known region takes no longer, and another one look-up longer",
    EVERY,
    Layout::standard,
    |r| {
        let (alpha, beta, delta) = (r.place("Alpha"), r.place("Beta"), r.place("Delta"));
        let who = begin(r, alpha)?;
        let slow = Duration::from_millis(500);
        let mut took = Vec::new();
        for added in [Duration::ZERO, slow] {
            let mut faults = Faults::NONE;
            // Without chance, so that the two can be compared.
            (faults.datagrams.jitter, faults.http.jitter) = (Duration::ZERO, Duration::ZERO);
            faults.grid.latency += added;
            r.set_faults(faults);
            r.run_for(Duration::from_secs(20))?;
            took.push((
                r.must_teleport(who, beta)?,
                r.must_teleport(who, alpha)?,
                r.must_teleport(who, delta)?,
            ));
            r.must_teleport(who, alpha)?;
        }
        let ((near, back, far), (slow_near, slow_back, slow_far)) = (took[0], took[1]);
        r.require(slow_near == near, || format!("{near:?} became {slow_near:?}"))?;
        // The way back comes before the survey has come round: one look-up at most.
        r.require(slow_back <= back + slow * 2, || format!("{back:?} became {slow_back:?}"))?;
        r.require(slow_far <= far + slow * 2, || format!("{far:?} became {slow_far:?}"))?;
        r.settle()
    },
);

fn begin(r: &mut Rehearsal, at: Where) -> Play<Who> {
    let who = r.enter_laden("Ada", at)?;
    r.run_for(Duration::from_secs(3))?;
    Ok(who)
}

/// What the one sees of the other in a region has gone, once.
fn sees_gone(r: &mut Rehearsal, watcher: Who, whom: Who, at: Where) -> Play {
    let (agent, handle) = (r.agent(whom), r.handle(at));
    let gone = r.count(watcher, |event| {
        matches!(event, ViewerEvent::AvatarGone { region, agent: gone, .. } if (*region, *gone) == (handle, agent))
    });
    r.require(gone == 1, || format!("the avatar was seen to go {gone} times"))
}
