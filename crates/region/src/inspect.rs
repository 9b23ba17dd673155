//! Looking into a region without touching it: for tests that judge many regions at once.

use crate::region::Region;
use model::{AgentId, CapsSecret, SessionId, Uuid};
use std::sync::Arc;
use transfer::{Baggage, Outfit, TransferId, Verdict};

/// One agent as it stands at this moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AgentSummary {
    /// Who.
    pub agent: AgentId,
    /// Which login.
    pub session: SessionId,
    /// The secret of its capabilities.
    pub caps: CapsSecret,
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
    /// A transfer of it ended without a word of where it is; that is still being found out.
    pub doubted: bool,
    /// Child agents that it keeps in other regions.
    pub children: usize,
}

/// What a root agent has with it, and will take along.
#[derive(Clone, PartialEq, Debug)]
pub struct Carried {
    /// How it looks.
    pub outfit: Arc<Outfit>,
    /// Attachments, groups and what else nobody here reads.
    pub baggage: Arc<Baggage>,
    /// What it was asked to play, besides what its motion plays.
    pub animations: Vec<Uuid>,
    /// Whether it flies.
    pub flying: bool,
    /// Whether it always runs.
    pub always_run: bool,
}

impl Region {
    /// What an agent has with it; `None` unless it is root.
    pub fn carried(&self, id: AgentId) -> Option<Carried> {
        let agent = self.agents.get(&id).filter(|agent| agent.is_root())?;
        let presence = self.scene.presence(id)?;
        Some(Carried {
            outfit: agent.outfit.clone(),
            baggage: agent.baggage.clone(),
            animations: presence.animations().iter().skip(1).map(|playing| playing.id).collect(),
            flying: presence.is_flying(),
            always_run: presence.always_run(),
        })
    }

    /// Everybody here, in the order of their ids.
    pub fn agents(&self) -> impl Iterator<Item = AgentSummary> {
        self.agents.values().map(|agent| AgentSummary {
            agent: agent.id,
            session: agent.session,
            caps: agent.caps,
            standing: agent.arrival.verdict(),
            acts: agent.acts(),
            closing: agent.closing.is_some(),
            departing: agent.leaving.as_ref().map(|leaving| leaving.machine.id()),
            connected: agent.link.is_some(),
            doubted: agent.doubt.is_some(),
            children: agent.children.len(),
        })
    }

    /// All secrets that open an agent's capabilities.
    pub fn secrets_of(&self, id: AgentId) -> impl Iterator<Item = CapsSecret> {
        let open = self.agents.get(&id).filter(|agent| agent.closing.is_none());
        open.into_iter().flat_map(|agent| agent.other_caps.iter().copied().chain([agent.caps]))
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
