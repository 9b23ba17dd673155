//! Looking into a region without touching it: for tests that judge many regions at once.

use crate::region::Region;
use model::{AgentId, CapsSecret, SessionId};
use transfer::{TransferId, Verdict};

/// One agent as it stands at this moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AgentSummary {
    /// Who.
    pub agent: AgentId,
    /// Which login.
    pub session: SessionId,
    /// The secret of its capabilities.
    pub caps: CapsSecret,
    /// Another one that its viewer has been told, and has not used yet.
    pub told_caps: Option<CapsSecret>,
    /// Child, root, or on its way here.
    pub standing: Verdict,
    /// Root, and what its viewer says moves it.
    pub acts: bool,
    /// Its session has ended; only the circuit is still being wound up.
    pub closing: bool,
    /// The transfer by which it is leaving.
    pub departing: Option<TransferId>,
    /// Its viewer has a circuit here.
    pub connected: bool,
    /// Child agents that it keeps in other regions.
    pub children: usize,
}

impl Region {
    /// Everybody here, in the order of their ids.
    pub fn agents(&self) -> impl Iterator<Item = AgentSummary> {
        self.agents.values().map(|agent| AgentSummary {
            agent: agent.id,
            session: agent.session,
            caps: agent.caps,
            told_caps: agent.told_caps,
            standing: agent.arrival.verdict(),
            acts: agent.acts(),
            closing: agent.closing.is_some(),
            departing: agent.leaving.as_ref().map(|leaving| leaving.machine.id()),
            connected: agent.link.is_some(),
            children: agent.children.len(),
        })
    }

    /// Addresses from which packets are taken.
    pub fn endpoints(&self) -> usize {
        self.endpoints.len()
    }

    /// Secrets that open capabilities.
    pub fn secrets(&self) -> usize {
        self.caps.len()
    }

    /// Questions to peers and grid whose answers are still to come.
    pub fn open_questions(&self) -> usize {
        self.calls.len()
    }
}
