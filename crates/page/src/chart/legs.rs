//! What belongs together in a transfer: what was sent and what of it was received, what was asked and what was answered,
//! and which leg failed.

use super::lane;
use observe::Note;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A side waits for an answer: in which lane, from which note to which.
#[derive(Debug, PartialEq)]
pub(super) struct Waiting {
    pub(super) lane: usize,
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) failed: bool,
}

/// Notes by their index.
#[derive(Debug, Default)]
pub(super) struct Legs {
    /// What was sent, and the note of whoever received it.
    pub(super) arrivals: BTreeMap<usize, usize>,
    /// Those notes.
    pub(super) receipts: BTreeSet<usize>,
    pub(super) waits: Vec<Waiting>,
    /// Calls without an answer.
    pub(super) unanswered: BTreeSet<usize>,
    /// "Answers" that are none: whoever asked gave up.
    pub(super) silences: BTreeSet<usize>,
    /// Answers that say no.
    pub(super) refusals: BTreeSet<usize>,
    /// The leg that failed.
    pub(super) failed: Option<usize>,
}

/// What every answer is called.
const ANSWER: &str = "answer";

impl Legs {
    pub(super) fn of(notes: &[Arc<Note>]) -> Self {
        let mut legs = Self::default();
        let end = notes.iter().rev().find(|note| note.step == "end");
        let failed_step = end.and_then(|end| failed_step(end));
        for (index, note) in notes.iter().enumerate() {
            if note.message == ANSWER {
                if is_silence(note) {
                    legs.silences.insert(index);
                } else if says_no(note) {
                    legs.refusals.insert(index);
                }
            } else if !legs.receipts.contains(&index) && note.from != note.to {
                legs.follow(notes, index);
            }
        }
        if let Some(step) = failed_step {
            legs.find_failed(notes, step);
        }
        legs
    }

    /// Looks for whatever belongs to something that was said.
    fn follow(&mut self, notes: &[Arc<Note>], index: usize) {
        let said = &notes[index];
        // What is T3 to the source is T3A to the destination.
        let same = |other: &Note| {
            other.step.starts_with(&said.step)
                && (&other.from, &other.to, &other.message) == (&said.from, &said.to, &said.message)
        };
        let later = || notes.iter().enumerate().skip(index + 1);
        // Only the other end of it can have received it.
        let received = later().find(|(_, other)| same(other) && other.region_id != said.region_id);
        if let Some((receipt, _)) = received
            && !self.receipts.contains(&receipt)
        {
            self.arrivals.insert(index, receipt);
            self.receipts.insert(receipt);
        }
        // Viewers are told, and answer in their own way.
        if said.to == "viewer" || said.from == "viewer" {
            return;
        }
        let answers = |other: &Note| {
            other.message == ANSWER
                && (&other.step, &other.from, &other.to) == (&said.step, &said.to, &said.from)
                && other.region_id == said.region_id
        };
        match later().find(|(_, other)| answers(other)) {
            Some((answer, other)) => {
                let failed = says_no(other);
                if is_silence(other) {
                    self.unanswered.insert(index);
                }
                self.waits.push(Waiting { lane: lane(&said.from), from: index, to: answer, failed });
            }
            None => {
                self.unanswered.insert(index);
            }
        }
    }

    fn find_failed(&mut self, notes: &[Arc<Note>], step: &str) {
        let at_step = |index: &usize| notes[*index].step == step && !self.receipts.contains(index);
        let refused = self.refusals.iter().copied().find(at_step);
        let silent = self.unanswered.iter().copied().rev().find(at_step);
        let any = (0..notes.len()).rev().find(at_step);
        self.failed = refused.or(silent).or(any);
        // Whoever waited for it waited until the user was told.
        if let Some(failed) = self.failed
            && self.unanswered.contains(&failed)
            && !self.waits.iter().any(|wait| wait.from == failed)
            && let Some(end) = (failed + 1..notes.len()).find(|&index| gave_up(&notes[index]))
        {
            let lane = lane(&notes[failed].from);
            self.waits.push(Waiting { lane, from: failed, to: end, failed: true });
        }
    }
}

/// Whoever is asked where the agent is says neither yes nor no.
fn says_no(answer: &Note) -> bool {
    answer.step != "ask" && !answer.detail.is_empty() && !answer.detail.starts_with("yes")
}

fn is_silence(answer: &Note) -> bool {
    matches!(answer.detail.as_str(), "TimedOut" | "Unreachable")
}

fn gave_up(note: &Note) -> bool {
    note.step == "end" || matches!(note.message.as_str(), "TeleportFailed" | "AlertMessage" | "WithdrawAgent")
}

/// The step at which a transfer failed, out of the words of its end: `10002 ms, at P8 (CreateAgent): TimedOut`.
pub(super) fn failed_step(end: &Note) -> Option<&str> {
    let (_, rest) = end.detail.split_once(" ms, at ")?;
    rest.split_once(' ').map(|(step, _)| step)
}
