//! The published protocol pages as data: which step follows which, and how long each may take.
//!
//! The letters are those of the teleport protocol page: P is "preparing", T "transferring", C "cleaning up".
//! Destination steps (T1A to T4D) happen in [`crate::Arrival`] and the region around it.

use std::time::Duration;

/// One thing the source does in a transfer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Step {
    /// P3, P4: which region is meant, and is it near enough? (P1, P2 come before there is a transfer.)
    FindRegion,
    /// P5: may this agent come?
    AskAccess,
    /// P6: TeleportStart; the viewer shows its progress screen.
    TellStart,
    /// P7, P8: a child agent at the destination, or the one that is there already.
    CreateAgent,
    /// T1: TeleportFinish (for a border crossing: CrossedRegion). From here on the viewer may go, so only the
    /// destination knows where the agent is.
    TellFinish,
    /// T3: UpdateAgent, answered when the agent is root (T4).
    SendAgent,
    /// The agent is root over there: here it becomes a child agent and its avatar vanishes.
    Demote,
    /// C1: the old connection is left alone for a while; closing it at once crashes viewers.
    Grace,
}

/// A teleport under SIMULATION/0.2 and its successors.
const V0_2: &[Step] = &[
    Step::FindRegion,
    Step::AskAccess,
    Step::TellStart,
    Step::CreateAgent,
    Step::TellFinish,
    Step::SendAgent,
    Step::Demote,
    Step::Grace,
];

/// Walking over a border: no progress screen; the viewer has its circuit already.
const V0_2_CROSSING: &[Step] = &[
    Step::FindRegion,
    Step::AskAccess,
    Step::CreateAgent,
    Step::TellFinish,
    Step::SendAgent,
    Step::Demote,
    Step::Grace,
];

/// A version of the simulation protocol. The lists of two versions agree up to [`Step::AskAccess`], whose answer
/// names the version.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Dialect {
    /// SIMULATION/0.2.
    #[default]
    V0_2,
}

impl Dialect {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::V0_2 => "SIMULATION/0.2",
        }
    }
}

/// The steps of a transfer, first to last.
pub fn script(dialect: Dialect, crossing: bool) -> &'static [Step] {
    match (dialect, crossing) {
        (Dialect::V0_2, false) => V0_2,
        (Dialect::V0_2, true) => V0_2_CROSSING,
    }
}

/// How long the parts of a transfer may take. Viewers give up 15 s after the request (teleport fact sheet,
/// section 2), so the verdict of every path through these comes earlier.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Patience {
    /// For one answer from the grid or from the destination while preparing.
    pub answer: Duration,
    /// From TeleportFinish until the destination says that the agent is root.
    pub arrival: Duration,
    /// From the request to the verdict, whatever happens in between: shorter than the viewer's own 15 s.
    pub verdict: Duration,
    /// For the answer to a withdrawal, and between two tries of it.
    pub withdrawal: Duration,
    /// Tries of a withdrawal before the destination is taken for dead.
    pub withdrawals: u32,
    /// How long the destination holds a CompleteAgentMovement that came before UpdateAgent (T2A; the page says
    /// four seconds).
    pub update: Duration,
    /// How long the destination keeps an agent whose viewer does not come and whose source says nothing more.
    pub unclaimed: Duration,
    /// C1: how long the source keeps the old connection after the agent has gone.
    pub grace: Duration,
}

impl Patience {
    /// The longest that finding out where an agent is can take.
    pub fn finding_out(&self) -> Duration {
        self.withdrawal * self.withdrawals
    }
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            answer: Duration::from_secs(3),
            arrival: Duration::from_secs(8),
            verdict: Duration::from_secs(13),
            withdrawal: Duration::from_millis(700),
            withdrawals: 3,
            update: Duration::from_secs(4),
            unclaimed: Duration::from_secs(30),
            grace: Duration::from_secs(15),
        }
    }
}
