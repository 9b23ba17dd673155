//! Which mishap has hit which step: the table that a long run has to fill.

use crate::faults::{Deed, Rule, Whim};
use crate::people::Who;
use crate::traffic::Way;
use crate::world::Where;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

/// A message of a transfer, as the published page counts it (letters of 0.1, whose list is the longer one).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Message {
    pub(crate) step: &'static str,
    pub(crate) way: Way,
    pub(crate) name: &'static str,
    /// What else has to go wrong for it to be said at all.
    pub(crate) before: &'static [(Way, &'static str, Deed)],
}

const fn said(step: &'static str, way: Way, name: &'static str) -> Message {
    Message { step, way, name, before: &[] }
}

/// The source hears nothing of the arrival.
const UNHEARD: &[(Way, &str, Deed)] =
    &[(Way::Answer, "UpdateAgent", Deed::Drop), (Way::Call, "ReleaseAgent", Deed::Drop)];

/// The rows.
pub(crate) const MESSAGES: [Message; 34] = [
    said("P1", Way::ToRegion, "TeleportLocationRequest"),
    said("P3", Way::Question, "RegionAt"),
    said("P3", Way::Reply, "RegionAt"),
    said("P5", Way::Call, "QueryAccess"),
    said("P5", Way::Answer, "QueryAccess"),
    said("P6", Way::ToViewer, "TeleportStart"),
    said("P8", Way::Call, "CreateAgent"),
    said("P8", Way::Answer, "CreateAgent"),
    said("T1", Way::Call, "CloseAgent"),
    said("T1", Way::Answer, "CloseAgent"),
    said("T2", Way::Response, "EstablishAgentCommunication"),
    said("T3A", Way::Request, "seed"),
    said("T3A", Way::Response, "seed"),
    said("T4", Way::Call, "UpdateAgent"),
    said("T4", Way::Answer, "UpdateAgent"),
    said("T5", Way::ToViewer, "TeleportProgress"),
    said("T6", Way::Response, "TeleportFinish"),
    said("T6", Way::Response, "CrossedRegion"),
    said("T8", Way::ToRegion, "UseCircuitCode"),
    said("T8", Way::ToViewer, "PacketAck"),
    said("T9", Way::ToRegion, "CompleteAgentMovement"),
    said("T9A", Way::ToViewer, "AgentMovementComplete"),
    said("T9A", Way::ToViewer, "RegionHandshake"),
    said("T9A", Way::ToRegion, "RegionHandshakeReply"),
    said("T9B", Way::Call, "ReleaseAgent"),
    said("T9B", Way::Answer, "ReleaseAgent"),
    said("T9C", Way::Reply, "RegionsInRange"),
    said("T9C", Way::Call, "CreateChild"),
    said("T9C", Way::Answer, "CreateChild"),
    said("C2", Way::ToViewer, "DisableSimulator"),
    Message { before: UNHEARD, ..said("ask", Way::Call, "WithdrawAgent") },
    Message { before: UNHEARD, ..said("ask", Way::Answer, "WithdrawAgent") },
    Message { before: UNHEARD, ..said("ask", Way::Reply, "Presence") },
    Message {
        before: &[(Way::Call, "CreateAgent", Deed::Refuse), (Way::Call, "UpdateAgent", Deed::Refuse)],
        ..said("end", Way::Response, "TeleportFailed")
    },
];

/// The columns.
pub(crate) const MISHAPS: [&str; 12] = [
    "lost", "late", "twice", "overtk", "refusd", "garbge", "d.died", "s.died", "g.sil", "v.gone", "cancel",
    "2nd",
];

/// The last word of a circuit that comes later than this may be taken for one of the next.
const REORDERED: Duration = Duration::from_millis(200);

/// Circuits take a little longer to be wound up.
const WINDING_UP: Duration = Duration::from_millis(1800);

/// Cells of the table.
pub(crate) const CELLS: usize = MESSAGES.len() * MISHAPS.len();

/// What a mishap needs to know of the transfer that it befalls.
pub(crate) struct Scene {
    pub(crate) who: Who,
    pub(crate) source: Where,
    pub(crate) destination: Where,
    /// Where the user would rather be.
    pub(crate) other: Where,
    /// How long it lasts, or how late it is.
    pub(crate) long: Duration,
}

/// The mishap of a cell, and what has to come before it.
pub(crate) fn rules(cell: usize, scene: &Scene) -> Vec<Rule> {
    let message = MESSAGES[cell / MISHAPS.len() % MESSAGES.len()];
    // A destination that is silent for longer than its source may ask is one that nobody can know about.
    let long = if message.step == "ask" { scene.long / 10 } else { scene.long };
    // No network keeps a datagram for longer than circuits are wound up.
    let is_datagram = matches!(message.way, Way::ToRegion | Way::ToViewer);
    let long = if is_datagram { long.min(WINDING_UP) } else { long };
    let long = if message.step == "C2" { long.min(REORDERED) } else { long };
    let deed = match MISHAPS[cell % MISHAPS.len()] {
        "lost" => Deed::Drop,
        "late" => Deed::Delay(long),
        "twice" => Deed::Repeat(long),
        "overtk" => Deed::Overtaken(long / 20),
        "refusd" => Deed::Refuse,
        "garbge" => Deed::Garbage,
        "d.died" => Deed::Fell(scene.destination, scene.long),
        "s.died" => Deed::Fell(scene.source, scene.long),
        "g.sil" => Deed::Silence(long * 2),
        "v.gone" => Deed::Prompt(scene.who, Whim::Vanish),
        "cancel" => Deed::Prompt(scene.who, Whim::Cancel),
        _ => Deed::Prompt(scene.who, Whim::Teleport(scene.other)),
    };
    let before = message.before.iter().map(|&(way, name, deed)| Rule::all(way, name, deed));
    let mishap = Rule { tag: Some(cell), ..Rule::first(message.way, message.name, deed) };
    before.chain([mishap]).collect()
}

/// How often each cell was hit.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Coverage(BTreeMap<usize, u64>);

impl Coverage {
    pub(crate) fn hit(&mut self, cell: usize) {
        *self.0.entry(cell).or_default() += 1;
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (&cell, count) in &other.0 {
            *self.0.entry(cell).or_default() += count;
        }
    }

    /// Cells that nothing has hit, by row and column.
    pub fn empty(&self) -> Vec<String> {
        let missing = (0..CELLS).filter(|cell| !self.0.contains_key(cell));
        let name = |cell: usize| {
            let Message { step, way, name, .. } = MESSAGES[cell / MISHAPS.len()];
            format!("{step} {way} {name}: {}", MISHAPS[cell % MISHAPS.len()])
        };
        missing.map(name).collect()
    }

    /// The table as text.
    pub fn table(&self) -> String {
        let mut text = format!("{:46}", "");
        for mishap in MISHAPS {
            let _ = write!(text, "{mishap:>8}");
        }
        for (row, Message { step, way, name, .. }) in MESSAGES.iter().enumerate() {
            let _ = write!(text, "\n{step:4}{:42}", format!("{way} {name}"));
            for column in 0..MISHAPS.len() {
                let count = self.0.get(&(row * MISHAPS.len() + column)).copied().unwrap_or(0);
                let _ = write!(text, "{count:>8}");
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_a_place_for_each_cell_and_names_those_that_are_empty() {
        let mut coverage = Coverage::default();
        assert_eq!(coverage.empty().len(), CELLS);
        coverage.hit(0);
        coverage.hit(CELLS - 1);
        assert_eq!(coverage.empty().len(), CELLS - 2);
        assert!(coverage.empty()[0].starts_with("P1 "), "{}", coverage.empty()[0]);
        assert_eq!(coverage.table().lines().count(), MESSAGES.len() + 1);
    }
}
