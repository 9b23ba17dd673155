//! Transfers, put together from what several processes noted.

use crate::transfers::{Note, Part, Transfers};
use model::{AgentId, RegionId};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Which transfer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Key {
    /// Who numbers it.
    pub region: RegionId,
    /// That is its destination.
    pub by_destination: bool,
    /// The number.
    pub number: u64,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { region, by_destination, number } = self;
        write!(f, "{region}-{}{number}", if *by_destination { "d" } else { "s" })
    }
}

/// A text is no key.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("that is no key of a transfer")]
pub struct NoKey;

impl FromStr for Key {
    type Err = NoKey;

    fn from_str(text: &str) -> Result<Self, NoKey> {
        let (region, number) = text.rsplit_once('-').ok_or(NoKey)?;
        let (by_destination, number) = match (number.strip_prefix('s'), number.strip_prefix('d')) {
            (Some(number), _) => (false, number),
            (_, Some(number)) => (true, number),
            _ => return Err(NoKey),
        };
        let region = RegionId(region.parse().map_err(|_| NoKey)?);
        Ok(Self { region, by_destination, number: number.parse().map_err(|_| NoKey)? })
    }
}

/// A region of which nothing is known yet.
const UNKNOWN: &str = "?";
/// What a destination is asked first, with its name.
const ASKED: &str = "QueryAccess";
/// Notes of one transfer that are kept, from however many processes.
const NOTES: usize = 256;

/// What is known of all transfers.
#[derive(Debug, Default)]
pub struct History {
    agent: Option<String>,
    transfers: BTreeMap<Key, Transfer>,
}

#[derive(Debug)]
struct Transfer {
    agent: String,
    agent_id: AgentId,
    kind: String,
    version: String,
    outcomes: Vec<String>,
    /// By time, then by process and number.
    notes: BTreeMap<(u64, Origin), Arc<Note>>,
    begun_us: u64,
    shown: BTreeSet<Origin>,
    /// When the last note came here.
    touched: Instant,
}

/// Where a note is from: which URL, which run of its process, which number.
type Origin = (usize, u64, u64);

/// A transfer as it is shown, or the rest of one of which the beginning was shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sequence {
    /// Which.
    pub key: Key,
    /// Whose, by name, or by id where that is not known.
    pub agent: String,
    /// And by id.
    pub agent_id: AgentId,
    /// "teleport" or "crossing".
    pub kind: String,
    /// In which version.
    pub version: String,
    /// Name of the region that sends the agent; "?" until it has said something.
    pub source: String,
    /// Name of the region that takes it; "?" until it has said something.
    pub destination: String,
    /// At its ends, as far as these are known.
    pub outcomes: Vec<String>,
    /// Microseconds since 1970.
    pub begun_us: u64,
    /// Microseconds from the first note to the last.
    pub took_us: u64,
    /// The beginning was shown before.
    pub continued: bool,
    /// By time.
    pub notes: Vec<Arc<Note>>,
}

impl History {
    /// Of one agent, or of all.
    pub fn new(agent: Option<String>) -> Self {
        Self { agent, transfers: BTreeMap::new() }
    }

    /// What a process has said; each has an index of its own.
    pub fn add(&mut self, index: usize, said: Transfers) {
        for part in said.transfers {
            if self.agent.as_ref().is_none_or(|wanted| is_of(&part, wanted)) {
                self.add_part(index, said.process, part);
            }
        }
    }

    fn add_part(&mut self, index: usize, process: u64, part: Part) {
        let Part { region, by_destination, number, .. } = part;
        let key = Key { region, by_destination, number };
        let Some(first) = part.notes.first() else { return };
        let transfer = self.transfers.entry(key).or_insert_with(|| Transfer {
            agent: if part.name.is_empty() { part.agent.to_string() } else { part.name.clone() },
            agent_id: part.agent,
            kind: part.kind.clone(),
            version: part.version.clone(),
            outcomes: Vec::new(),
            notes: BTreeMap::new(),
            begun_us: first.at_us,
            shown: BTreeSet::new(),
            touched: Instant::now(),
        });
        let latest = transfer.notes.last_key_value().map_or(0, |(&(at_us, _), _)| at_us);
        if part.notes.last().is_some_and(|note| note.at_us >= latest) {
            // What is agreed on in the course of a transfer counts.
            (transfer.kind, transfer.version) = (part.kind, part.version);
        }
        transfer.outcomes.extend(part.outcome.filter(|outcome| !transfer.outcomes.contains(outcome)));
        transfer.begun_us = transfer.begun_us.min(first.at_us);
        transfer.touched = Instant::now();
        for note in part.notes {
            transfer.notes.insert((note.at_us, (index, process, note.n)), Arc::new(note));
        }
        while transfer.notes.len() > NOTES {
            // How it began matters more than how it went on and on.
            transfer.notes.pop_last();
        }
    }

    /// Keeps the last of them.
    pub fn forget_all_but(&mut self, last: usize) {
        let mut begun: Vec<_> =
            self.transfers.iter().map(|(key, transfer)| (transfer.begun_us, *key)).collect();
        begun.sort_unstable();
        for (_, key) in &begun[..begun.len().saturating_sub(last)] {
            self.transfers.remove(key);
        }
    }

    /// Keeps what may still go on.
    pub fn forget_shown(&mut self) {
        /// Longer than any transfer takes, its grace included.
        const OVER: Duration = Duration::from_secs(120);
        self.transfers.retain(|_, transfer| transfer.touched.elapsed() < OVER);
    }

    /// All that is known of each, the latest first.
    pub fn all(&self) -> Vec<Sequence> {
        let mut all: Vec<_> = self.transfers.iter().map(|(key, transfer)| transfer.whole(*key)).collect();
        all.sort_by_key(|sequence| std::cmp::Reverse(sequence.begun_us));
        all
    }

    /// All that is known of one.
    pub fn one(&self, key: Key) -> Option<Sequence> {
        self.transfers.get(&key).map(|transfer| transfer.whole(key))
    }

    /// When something can be shown.
    pub fn quiet_at(&self, quiet: Duration) -> Option<Instant> {
        let unshown = self.transfers.values().filter(|transfer| transfer.shown.len() < transfer.notes.len());
        unshown.map(|transfer| transfer.touched + quiet).min()
    }

    /// What was not shown yet, of those transfers of which nothing has come for so long; by their beginnings.
    pub fn take(&mut self, quiet: Option<Duration>) -> Vec<Sequence> {
        let ready = |transfer: &Transfer| {
            transfer.shown.len() < transfer.notes.len()
                && quiet.is_none_or(|quiet| transfer.touched.elapsed() >= quiet)
        };
        let ready = self.transfers.iter_mut().filter(|(_, transfer)| ready(transfer));
        let mut sequences: Vec<_> = ready.map(|(key, transfer)| transfer.take(*key)).collect();
        sequences.sort_by_key(|sequence| sequence.begun_us);
        sequences
    }
}

impl Transfer {
    fn whole(&self, key: Key) -> Sequence {
        // Whoever numbers a transfer is one end, whoever else notes something of it the other.
        let end = |numbering: bool| {
            let mut noted = self.notes.values().filter(|note| (note.region_id == key.region) == numbering);
            noted.next().map_or_else(|| UNKNOWN.to_owned(), |note| note.region.clone())
        };
        let (source, mut destination) = (end(!key.by_destination), end(key.by_destination));
        // A destination that never says a word was asked by its name all the same.
        let asked = self.notes.values().find(|note| note.message == ASKED && note.from == "source");
        if let (UNKNOWN, Some(asked)) = (destination.as_str(), asked)
            && !asked.detail.is_empty()
        {
            destination.clone_from(&asked.detail);
        }
        let ended_us = self.notes.last_key_value().map_or(self.begun_us, |(&(at_us, _), _)| at_us);
        Sequence {
            key,
            agent: self.agent.clone(),
            agent_id: self.agent_id,
            kind: self.kind.clone(),
            version: self.version.clone(),
            source,
            destination,
            outcomes: self.outcomes.clone(),
            begun_us: self.begun_us,
            took_us: ended_us.saturating_sub(self.begun_us),
            continued: false,
            notes: self.notes.values().cloned().collect(),
        }
    }

    /// What was not shown yet.
    fn take(&mut self, key: Key) -> Sequence {
        let new = self.notes.iter().filter(|((_, origin), _)| !self.shown.contains(origin));
        let notes: Vec<_> = new.map(|(_, note)| note.clone()).collect();
        let continued = !self.shown.is_empty();
        self.shown = self.notes.keys().map(|&(_, origin)| origin).collect();
        Sequence { continued, notes, ..self.whole(key) }
    }
}

fn is_of(part: &Part, wanted: &str) -> bool {
    part.name.eq_ignore_ascii_case(wanted.trim())
        || part.agent.to_string().eq_ignore_ascii_case(wanted.trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Uuid;

    const HARBOUR: RegionId = RegionId(Uuid::from_u128(1));
    const LIGHTHOUSE: RegionId = RegionId(Uuid::from_u128(2));

    /// A note: number, microseconds, region, and "step from to message detail".
    fn note(n: u64, at_us: u64, region_id: RegionId, text: &str) -> Note {
        let mut words = text.splitn(5, ' ').map(str::to_owned);
        let mut word = || words.next().unwrap_or_default();
        let region = if region_id == HARBOUR { "Harbour" } else { "Lighthouse" }.to_owned();
        let (step, from, to, message, detail) = (word(), word(), word(), word(), word());
        Note { n, at_us, region, region_id, step, from, to, message, detail }
    }

    fn view(number: u64, outcome: Option<&str>, notes: Vec<Note>) -> Transfers {
        let part = Part {
            region: HARBOUR,
            by_destination: false,
            number,
            agent: AgentId(Uuid::from_u128(7)),
            name: "Ada Lovelace".into(),
            kind: "teleport".into(),
            version: "0.2".into(),
            outcome: outcome.map(Into::into),
            notes,
        };
        Transfers { process: 1, last: 99, transfers: vec![part] }
    }

    #[test]
    fn both_ends_are_put_together_by_time() {
        let mut history = History::new(None);
        let at_source = vec![
            note(1, 1000, HARBOUR, "P1 viewer source TeleportLocationRequest"),
            note(2, 9000, HARBOUR, "C1 source source Grace"),
        ];
        history.add(0, view(5, Some("departed"), at_source));
        let there = vec![note(1, 5000, LIGHTHOUSE, "T4 destination destination Root")];
        history.add(1, view(5, Some("arrived"), there.clone()));
        // Said twice is noted once.
        history.add(1, view(5, Some("arrived"), there));
        let [sequence] = &history.take(None)[..] else { panic!("one transfer") };
        let steps: Vec<_> = sequence.notes.iter().map(|note| note.step.as_str()).collect();
        assert_eq!(steps, ["P1", "T4", "C1"]);
        assert_eq!((sequence.source.as_str(), sequence.destination.as_str()), ("Harbour", "Lighthouse"));
        assert_eq!(
            (sequence.took_us, &sequence.outcomes[..]),
            (8000, &["departed", "arrived"].map(String::from)[..])
        );
        assert!(history.take(None).is_empty());
        history.add(0, view(5, None, vec![note(3, 15_000, HARBOUR, "C1B source Plaza CloseAgent")]));
        let [rest] = &history.take(None)[..] else { panic!("the rest of it") };
        assert!(rest.continued && rest.notes.len() == 1);
    }

    #[test]
    fn only_the_last_and_only_the_wanted_are_shown() {
        let mut history = History::new(Some("ada lovelace".into()));
        for number in 0..10 {
            history.add(0, view(number, None, vec![note(number, number, HARBOUR, "P1 viewer source X")]));
        }
        history.forget_all_but(3);
        assert_eq!(history.take(None).iter().map(|s| s.begun_us).collect::<Vec<_>>(), [7, 8, 9]);
        let mut others = History::new(Some("Alan Turing".into()));
        others.add(0, view(1, None, vec![note(1, 1, HARBOUR, "P1 viewer source X")]));
        assert!(others.take(None).is_empty());
        let mut by_id = History::new(Some("00000000-0000-0000-0000-000000000007".into()));
        by_id.add(0, view(1, None, vec![note(1, 1, HARBOUR, "P1 viewer source X")]));
        assert_eq!(by_id.take(None).len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn what_goes_on_waits_until_it_is_quiet() {
        let quiet = Duration::from_millis(300);
        let mut history = History::new(None);
        assert_eq!(history.quiet_at(quiet), None);
        history.add(0, view(1, None, vec![note(1, 1, HARBOUR, "P1 viewer source X")]));
        assert_eq!(history.quiet_at(quiet), Some(Instant::now() + quiet));
        assert!(history.take(Some(quiet)).is_empty());
        tokio::time::advance(quiet).await;
        assert_eq!(history.take(Some(quiet)).len(), 1);
        assert_eq!(history.quiet_at(quiet), None);
        tokio::time::advance(Duration::from_secs(300)).await;
        history.forget_shown();
        assert!(history.transfers.is_empty());
    }

    #[test]
    fn one_and_all_as_they_are_now() {
        let mut history = History::new(None);
        for number in [1, 2] {
            history.add(0, view(number, None, vec![note(number, number, HARBOUR, "P1 viewer source X")]));
        }
        let all = history.all();
        assert_eq!(all.iter().map(|sequence| sequence.begun_us).collect::<Vec<_>>(), [2, 1]);
        let key: Key = all[0].key.to_string().parse().unwrap();
        assert_eq!(history.one(key).as_ref(), Some(&all[0]));
        assert_eq!(history.one(Key { by_destination: true, ..key }), None);
        for text in
            ["", "x", "x-s1", &format!("{HARBOUR}-1"), &format!("{HARBOUR}-s"), &format!("{HARBOUR}-d-1")]
        {
            assert_eq!(text.parse::<Key>(), Err(NoKey), "{text}");
        }
    }

    #[test]
    fn notes_are_bounded() {
        let mut history = History::new(None);
        let notes = (0..NOTES as u64 + 10).map(|n| note(n, n, HARBOUR, "P1 viewer source X"));
        history.add(0, view(1, None, notes.collect()));
        assert_eq!(history.all()[0].notes.len(), NOTES);
    }

    #[test]
    fn a_destination_that_is_silent_has_a_name_all_the_same() {
        let mut history = History::new(None);
        let notes = vec![
            note(1, 1, HARBOUR, "P1 viewer source X"),
            note(2, 2, HARBOUR, "P5 source destination QueryAccess Far Island"),
        ];
        history.add(0, view(1, None, notes));
        assert_eq!(history.all()[0].destination, "Far Island");
    }
}
