//! The published protocol pages as data: which step follows which, in which version, and how long each may take.
//!
//! The letters are those of the teleport protocol page: P is "preparing", T "transferring", C "cleaning up". The page
//! describes two versions, and gives the same letters to other things in each; [`Act::published`] knows both. What
//! later versions changed is in [`Protocol`]; no other place asks for a version's number, but for the wire form of
//! bodies.

use crate::mutant::Mutant;
use crate::peer::ReleaseWhen;
use crate::version::Version;
use std::time::Duration;

/// One thing the source does in a transfer. In the names, the letters of 0.1 and of 0.2.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Step {
    /// P3, P4: which region is meant, and is it near enough? (P1, P2 come before there is a transfer.)
    FindRegion,
    /// P5: may this agent come, and in which version?
    AskAccess,
    /// P6: TeleportStart; the viewer shows its progress screen.
    TellStart,
    /// P7, P8: a child agent at the destination, or the one that is there already.
    CreateAgent,
    /// T1 in 0.1: child agents that the destination will be out of sight of are closed.
    CloseChildren,
    /// T2, T3 in 0.1: EnableSimulator and EstablishAgentCommunication make the viewer open its circuit over there.
    OpenCircuit,
    /// T4 in 0.1, T3 in 0.2: UpdateAgent. In 0.1 it is answered when the viewer's circuit is there, in 0.2 when the
    /// agent is root.
    SendAgent,
    /// T5 in 0.1: TeleportProgress.
    TellProgress,
    /// T6 in 0.1, T1 in 0.2: TeleportFinish (for a border crossing: CrossedRegion). From here on the viewer may go, so
    /// only the destination knows where the agent is.
    TellFinish,
    /// T7 in 0.1: waiting for ReleaseAgent (T9B), or for another sign that the agent is root over there.
    AwaitArrival,
    /// C1 in 0.1: the agent is root over there; here it becomes a child agent and its avatar vanishes.
    Demote,
    /// C2 in 0.1, C1 in 0.2: the old connection is left alone for a while; closing it at once crashes viewers.
    Grace,
}

impl Step {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::FindRegion,
        Self::AskAccess,
        Self::TellStart,
        Self::CreateAgent,
        Self::CloseChildren,
        Self::OpenCircuit,
        Self::SendAgent,
        Self::TellProgress,
        Self::TellFinish,
        Self::AwaitArrival,
        Self::Demote,
        Self::Grace,
    ];
}

/// Who closes the child agents that are out of sight after a transfer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ChildrenClosedBy {
    /// The source, before the viewer goes (T1).
    SourceFirst,
    /// The source, when it closes its own agent (C1B).
    SourceLast,
    /// The destination, once it knows what the agent sees from there.
    Destination,
}

/// What a version of the protocol is.
#[derive(Debug)]
pub struct Protocol {
    /// From this version on, until the next entry of the table.
    pub since: Version,
    /// The steps of a teleport.
    teleport: &'static [Step],
    /// The answer to UpdateAgent waits until the agent is root.
    pub wait_for_root: bool,
    /// When the destination says ReleaseAgent, if at all.
    pub release: Option<ReleaseWhen>,
    /// Who closes child agents out of sight.
    pub children: ChildrenClosedBy,
    /// Which letters the published page has for its steps.
    letters: Letters,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Letters {
    Of01,
    Of02,
}

/// A teleport under SIMULATION/0.1.
const TELEPORT_0_1: &[Step] = &[
    Step::FindRegion,
    Step::AskAccess,
    Step::TellStart,
    Step::CreateAgent,
    Step::CloseChildren,
    Step::OpenCircuit,
    Step::SendAgent,
    Step::TellProgress,
    Step::TellFinish,
    Step::AwaitArrival,
    Step::Demote,
    Step::Grace,
];

/// A teleport under SIMULATION/0.2 and its successors.
const TELEPORT_0_2: &[Step] = &[
    Step::FindRegion,
    Step::AskAccess,
    Step::TellStart,
    Step::CreateAgent,
    Step::TellFinish,
    Step::SendAgent,
    Step::Demote,
    Step::Grace,
];

/// Walking over a border to a peer with tickets: the transfer has a number before the viewer is told to go, and its
/// end is known for certain.
const CROSSING: &[Step] = &[
    Step::FindRegion,
    Step::AskAccess,
    Step::CreateAgent,
    Step::TellFinish,
    Step::SendAgent,
    Step::Demote,
    Step::Grace,
];

/// The same to a peer that knows the published protocol alone: no CreateAgent, since the viewer has its circuit there,
/// and UpdateAgent is answered before the viewer goes.
const PUBLISHED_CROSSING: &[Step] = &[
    Step::FindRegion,
    Step::AskAccess,
    Step::SendAgent,
    Step::TellFinish,
    Step::AwaitArrival,
    Step::Demote,
    Step::Grace,
];

/// The versions, oldest first. 0.3 (regions of any size), 0.5, 0.6 and 0.8 (appearance) changed bodies, not steps.
const PROTOCOLS: [Protocol; 3] = [
    Protocol {
        since: Version::V0_1,
        teleport: TELEPORT_0_1,
        wait_for_root: false,
        release: Some(ReleaseWhen::Root),
        children: ChildrenClosedBy::SourceFirst,
        letters: Letters::Of01,
    },
    Protocol {
        since: Version::V0_2,
        teleport: TELEPORT_0_2,
        wait_for_root: true,
        release: None,
        children: ChildrenClosedBy::SourceLast,
        letters: Letters::Of02,
    },
    Protocol {
        since: Version::V0_7,
        teleport: TELEPORT_0_2,
        wait_for_root: true,
        release: Some(ReleaseWhen::Settled),
        children: ChildrenClosedBy::Destination,
        letters: Letters::Of02,
    },
];

impl Protocol {
    /// What that version is.
    pub fn of(version: Version) -> &'static Self {
        let newest = PROTOCOLS.iter().rev().find(|protocol| protocol.since <= version);
        newest.unwrap_or(&PROTOCOLS[0])
    }
}

/// What kind of transfer this is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Plan {
    /// The protocol version. Until the destination has answered AskAccess it is the newest that the source speaks.
    pub version: Version,
    /// The destination knows transfer numbers and claims.
    pub tickets: bool,
    /// A walk over the border, not a teleport.
    pub crossing: bool,
}

impl Plan {
    /// The steps, first to last. All lists are the same up to AskAccess, whose answer chooses among them.
    pub fn script(self) -> &'static [Step] {
        match (self.crossing, self.tickets) {
            (false, _) => Protocol::of(self.version).teleport,
            (true, true) => CROSSING,
            (true, false) => PUBLISHED_CROSSING,
        }
    }
}

/// What happens in a transfer, at its source and at its destination, as the published page counts it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Act {
    /// The viewer asks.
    Request,
    /// The source begins a step, or hears its end.
    Source(Step),
    /// UseCircuitCode.
    UseCircuit,
    /// Its acknowledgement.
    CircuitAcked,
    /// UseCircuitCode once more, on a circuit that is there.
    UseCircuitAgain,
    /// The seed capability.
    Seed,
    /// CompleteAgentMovement.
    Complete,
    /// CompleteAgentMovement waits for UpdateAgent.
    WaitForUpdate,
    /// UpdateAgent has come.
    Update,
    /// Child becomes root.
    Root,
    /// AgentMovementComplete.
    MovementComplete,
    /// Appearance, and everybody else.
    Show,
    /// Neighbours are asked for child agents.
    AskNeighbours,
    /// The viewer is told of one.
    TellNeighbour,
    /// A child agent stays, since somebody has claimed it.
    Keep,
    /// ReleaseAgent.
    Release,
    /// What is out of sight is closed.
    CloseOld,
    /// The source finds out where the agent is, or takes it back.
    FindOut,
    /// TeleportCancel.
    Cancel,
}

impl Act {
    /// Its letters on the published page of that version. What the page does not know has a word.
    pub fn published(self, version: Version) -> &'static str {
        let old = Protocol::of(version).letters == Letters::Of01;
        let either = |of_0_1, of_0_2| if old { of_0_1 } else { of_0_2 };
        match self {
            Self::Request => "P1",
            Self::Source(Step::FindRegion) => "P3",
            Self::Source(Step::AskAccess) => "P5",
            Self::Source(Step::TellStart) => "P6",
            Self::Source(Step::CreateAgent) => "P8",
            Self::Source(Step::CloseChildren) => either("T1", "C1B"),
            Self::Source(Step::OpenCircuit) => either("T2", "P8"),
            Self::Source(Step::SendAgent) => either("T4", "T3"),
            Self::Source(Step::TellProgress) => either("T5", "T1"),
            Self::Source(Step::TellFinish) => either("T6", "T1"),
            Self::Source(Step::AwaitArrival) => either("T7", "T3"),
            Self::Source(Step::Demote) => either("C1", "T4"),
            Self::Source(Step::Grace) => either("C2", "C1"),
            Self::UseCircuit => either("T2A", "T1A"),
            Self::CircuitAcked => either("T8", "T1B"),
            Self::UseCircuitAgain => either("T8", "T1A"),
            Self::Seed => either("T3A", "T1C"),
            Self::Complete => either("T9", "T2"),
            Self::WaitForUpdate => either("T9", "T2A"),
            Self::Update => either("T4", "T3A"),
            Self::Root => either("T9A", "T4"),
            Self::MovementComplete => either("T9A", "T4A"),
            Self::Show => either("T9A", "T4B"),
            Self::AskNeighbours => either("T9C", "T4C"),
            Self::TellNeighbour => either("T9D", "T4C"),
            Self::Keep => either("C2", "C1A"),
            Self::Release => either("T9B", "C1"),
            Self::CloseOld => either("C2", "C1B"),
            Self::FindOut => "ask",
            Self::Cancel => "cancel",
        }
    }
}

/// How long the parts of a transfer may take. Today's viewers give up 15 s after their request (teleport fact sheet,
/// section 2), so whoever is silent, the verdict comes within [`Patience::verdict`]: the published waits of 20 s are
/// settings here, with shorter defaults.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Patience {
    /// For one answer from the grid or from the destination while preparing.
    pub answer: Duration,
    /// TeleportStart is said at the latest then, so that the user sees something and can cancel.
    pub start: Duration,
    /// 0.1, T4: until the viewer has opened its circuit on EnableSimulator. The destination then answers all the same:
    /// TeleportFinish brings also those viewers that open none before.
    pub circuit: Duration,
    /// From TeleportFinish until the destination says that the agent is root (0.1 T7, 0.2 T3).
    pub arrival: Duration,
    /// From the request to the verdict, whatever happens in between.
    pub verdict: Duration,
    /// For the answer to a withdrawal, and between two tries of it.
    pub withdrawal: Duration,
    /// Tries of a withdrawal before the destination is taken for dead.
    pub withdrawals: u32,
    /// How long the destination holds a CompleteAgentMovement that came before UpdateAgent (0.2 T2A; the page says
    /// four seconds).
    pub update: Duration,
    /// How long the destination keeps an agent whose viewer does not come and whose source says nothing more.
    pub unclaimed: Duration,
    /// The same for an agent that logs in, from the login's answer or, later, from when its viewer last fetched its
    /// capabilities: viewers do that before they open a circuit, again and again if need be.
    pub login: Duration,
    /// How long the source keeps the old connection after the agent has gone: 0.1, C2.
    pub grace_0_1: Duration,
    /// The same since 0.2, C1. Since 0.7 ReleaseAgent ends it sooner.
    pub grace: Duration,
    /// How long it is kept after that: viewers show their arrival for two seconds, and until then look back.
    pub settled: Duration,
    /// A fault built in on purpose.
    #[cfg(feature = "mutants")]
    pub mutant: Option<Mutant>,
}

impl Patience {
    /// The longest that finding out where an agent is can take.
    pub fn finding_out(&self) -> Duration {
        self.withdrawal * self.withdrawals
    }

    /// Whether this fault is built in; never outside of rehearsals.
    pub fn is(&self, mutant: Mutant) -> bool {
        #[cfg(feature = "mutants")]
        return self.mutant == Some(mutant);
        #[cfg(not(feature = "mutants"))]
        {
            let _ = mutant;
            false
        }
    }

    /// How long the old connection is kept.
    pub fn grace_of(&self, version: Version) -> Duration {
        if version < Version::V0_2 { self.grace_0_1 } else { self.grace }
    }
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            answer: Duration::from_secs(3),
            start: Duration::from_millis(1500),
            circuit: Duration::from_millis(2500),
            arrival: Duration::from_secs(8),
            verdict: Duration::from_secs(10),
            withdrawal: Duration::from_millis(700),
            withdrawals: 3,
            update: Duration::from_secs(4),
            unclaimed: Duration::from_secs(30),
            login: Duration::from_secs(60),
            grace_0_1: Duration::from_secs(2),
            grace: Duration::from_secs(15),
            settled: Duration::from_secs(2),
            #[cfg(feature = "mutants")]
            mutant: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plans() -> impl Iterator<Item = Plan> {
        (1..=8).flat_map(|minor| {
            [(true, true), (true, false), (false, true), (false, false)].map(|(tickets, crossing)| Plan {
                version: Version::new(minor),
                tickets,
                crossing,
            })
        })
    }

    #[test]
    fn all_scripts_agree_until_the_version_is_known() {
        for plan in plans() {
            assert_eq!(plan.script()[..2], [Step::FindRegion, Step::AskAccess], "{plan:?}");
        }
    }

    #[test]
    fn nobody_is_told_to_go_before_the_destination_knows_and_all_end_in_grace() {
        for plan in plans() {
            let script = plan.script();
            let at = |step| script.iter().position(|&s| s == step);
            let told = at(Step::TellFinish).unwrap();
            let known = at(Step::CreateAgent).or(at(Step::SendAgent)).unwrap();
            assert!(known < told, "{plan:?}");
            assert!(told < at(Step::Demote).unwrap(), "{plan:?}");
            assert_eq!(script.last(), Some(&Step::Grace), "{plan:?}");
        }
    }

    #[test]
    fn versions_differ_where_the_page_says() {
        let old = Protocol::of(Version::V0_1);
        assert_eq!((old.wait_for_root, old.release), (false, Some(ReleaseWhen::Root)));
        for minor in 2..=6 {
            assert_eq!(Protocol::of(Version::new(minor)).since, Version::V0_2);
        }
        assert_eq!(Protocol::of(Version::V0_8).children, ChildrenClosedBy::Destination);
        assert_eq!(Act::Source(Step::TellFinish).published(Version::V0_1), "T6");
        assert_eq!(Act::Source(Step::TellFinish).published(Version::V0_8), "T1");
    }
}
