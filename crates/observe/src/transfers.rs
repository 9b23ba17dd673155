//! The history of one process.

use crate::source::{Failed, Source};
use model::{AgentId, RegionId};
use serde::Deserialize;

/// What a process remembers of transfers.
#[derive(Deserialize, Clone, Debug)]
pub struct Transfers {
    /// When it began, microseconds since 1970; another one counts anew.
    pub process: u64,
    /// The number of its last note.
    pub last: u64,
    /// Each of which it noted something.
    pub transfers: Vec<Part>,
}

/// What its regions noted of one transfer.
#[derive(Deserialize, Clone, Debug)]
pub struct Part {
    /// The region that numbers the transfer.
    pub region: RegionId,
    /// That is the destination.
    pub by_destination: bool,
    /// The number.
    pub number: u64,
    /// Whose it is.
    pub agent: AgentId,
    /// Their name; may be empty.
    pub name: String,
    /// "teleport" or "crossing".
    pub kind: String,
    /// In which version.
    pub version: String,
    /// How it ended there.
    pub outcome: Option<String>,
    /// The steps.
    pub notes: Vec<Note>,
}

/// One step.
#[derive(Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Note {
    /// Rises in its process.
    pub n: u64,
    /// Microseconds since 1970.
    pub at_us: u64,
    /// The region that noted it, by name.
    pub region: String,
    /// And by id.
    pub region_id: RegionId,
    /// The letters of the published page.
    pub step: String,
    /// Who said it: "viewer", "source", "destination", "grid", or a neighbour's name.
    pub from: String,
    /// To whom; the same for what somebody does alone.
    pub to: String,
    /// What was said.
    pub message: String,
    /// What there is to add; may be empty.
    pub detail: String,
}

impl Source {
    /// All that it remembers, or, as soon as there is something, what came after this note.
    ///
    /// # Errors
    /// It does not answer, or not so.
    pub async fn transfers(&self, after: Option<u64>) -> Result<Transfers, Failed> {
        let query = after.map(|n| format!("?after={n}")).unwrap_or_default();
        self.get(&format!("/transfers{query}")).await
    }
}
