//! The history of one process.

use crate::source::Source;
use anyhow::Result;
use model::{AgentId, RegionId};
use serde::Deserialize;

/// What a process remembers.
#[derive(Deserialize, Clone, Debug)]
pub(super) struct View {
    /// When it began, microseconds since 1970; another one counts anew.
    pub(super) process: u64,
    /// The number of its last note.
    pub(super) last: u64,
    pub(super) transfers: Vec<Part>,
}

/// What its regions noted of one transfer.
#[derive(Deserialize, Clone, Debug)]
pub(super) struct Part {
    /// The region that numbers the transfer.
    pub(super) region: RegionId,
    /// That is the destination.
    pub(super) by_destination: bool,
    pub(super) number: u64,
    pub(super) agent: AgentId,
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) version: String,
    pub(super) outcome: Option<String>,
    pub(super) notes: Vec<Note>,
}

/// One step.
#[derive(Deserialize, Clone, PartialEq, Eq, Debug)]
pub(super) struct Note {
    /// Rises in its process.
    pub(super) n: u64,
    /// Microseconds since 1970.
    pub(super) at_us: u64,
    /// The region that noted it, by name.
    pub(super) region: String,
    pub(super) region_id: RegionId,
    pub(super) step: String,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) message: String,
    pub(super) detail: String,
}

impl Source {
    /// All that it remembers, or, as soon as there is something, what came after this note.
    pub(super) async fn view(&self, after: Option<u64>) -> Result<View> {
        let query = after.map(|n| format!("?after={n}")).unwrap_or_default();
        self.get(&format!("/transfers{query}")).await
    }
}
