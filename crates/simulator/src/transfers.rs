//! The history of transfers: what regions here noted of each, step by step, for `GET /transfers` and the log.
//!
//! A transfer has two ends, which may be in different processes; each process keeps what its regions noted, under
//! the same key (source region and number), and whoever looks at it puts the parts together. Times are those of the
//! machine's clock.

pub(crate) mod traces;

use crate::clock::Clock;
use crate::metrics::Metrics;
use model::{AgentId, RegionId};
use region::TransferNote;
use serde::{Serialize, Serializer};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// Transfers that are kept.
const TRANSFERS: usize = 512;
/// Notes of one transfer that are kept.
const NOTES: usize = 128;
/// Characters of a note's detail.
const DETAIL: usize = 300;
/// How long somebody may wait for the next note.
pub(crate) const PATIENCE: Duration = Duration::from_secs(25);

/// A transfer: who numbers it (its source, or, where that does not, its destination), and the number.
type Key = (Numbered, u64);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Numbered {
    BySource(RegionId),
    ByDestination(RegionId),
}

/// The history of a process.
pub(crate) struct Transfers {
    clock: Clock,
    metrics: Arc<Metrics>,
    history: Mutex<History>,
    /// The number of the last note.
    last: watch::Sender<u64>,
}

#[derive(Default)]
struct History {
    last: u64,
    transfers: BTreeMap<Key, Transfer>,
    /// In the order of their first notes.
    order: VecDeque<Key>,
}

/// What was noted of one transfer.
#[derive(Clone, Debug)]
struct Transfer {
    head: Head,
    /// Shared with whoever looks.
    notes: VecDeque<Arc<Note>>,
}

/// What all notes of a transfer have in common.
#[derive(Clone, Debug, Serialize)]
struct Head {
    /// The region that numbers it.
    region: RegionId,
    /// That region is the destination, since the source does not number its transfers.
    by_destination: bool,
    number: u64,
    agent: AgentId,
    name: String,
    kind: &'static str,
    version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'static str>,
}

/// One note.
#[derive(Clone, Debug, Serialize)]
struct Note {
    /// Rises with each note of this process.
    n: u64,
    /// Microseconds since 1970.
    at_us: u64,
    /// The region that noted it.
    region: String,
    /// Its id.
    region_id: RegionId,
    step: &'static str,
    from: String,
    to: String,
    message: &'static str,
    detail: String,
}

/// What somebody who looks is told.
#[derive(Serialize, Debug)]
struct View {
    /// Microseconds since 1970 at which this process began; another one counts from the start again.
    process: u64,
    /// The number of the last note.
    last: u64,
    transfers: Vec<Part>,
}

/// Of one transfer, what they do not know yet.
#[derive(Serialize, Debug)]
struct Part {
    #[serde(flatten)]
    head: Head,
    #[serde(serialize_with = "each")]
    notes: Vec<Arc<Note>>,
}

fn each<S: Serializer>(notes: &[Arc<Note>], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(notes.iter().map(|note| &**note))
}

impl Transfers {
    pub(crate) fn new(clock: Clock, metrics: Arc<Metrics>) -> Self {
        Self { clock, metrics, history: Mutex::default(), last: watch::Sender::new(0) }
    }

    /// Takes a region's note.
    pub(crate) fn note(&self, region_id: RegionId, note: TransferNote) {
        let (source, number) = note.transfer;
        let by =
            if source.is_null() { Numbered::ByDestination(region_id) } else { Numbered::BySource(source) };
        let key = (by, number.0);
        let mut history = self.history();
        history.last += 1;
        let kept = Note {
            n: history.last,
            at_us: self.clock.unix_us(note.at),
            region: note.region.to_string(),
            region_id,
            step: note.step,
            from: note.from.to_string(),
            to: note.to.to_string(),
            message: note.message,
            detail: note.detail.chars().take(DETAIL).collect(),
        };
        let begun_us = history.begun_us(key);
        let kept = Arc::new(kept);
        history.add(key, &note, kept.clone());
        let last = history.last;
        // Whatever the log waits for, other regions do not wait for it.
        drop(history);
        self.last.send_replace(last);
        log(key, &note, &kept, begun_us);
        if let Some(outcome) = note.outcome {
            let took = Duration::from_micros(kept.at_us.saturating_sub(begun_us.unwrap_or(kept.at_us)));
            self.metrics.work.transferred(note.kind, note.version.to_string(), outcome, took);
        }
    }

    /// Waits until there are notes after this one; not for ever.
    pub(crate) async fn after(&self, n: u64) {
        let mut last = self.last.subscribe();
        // A number that was never given is of a process before this one.
        let news = last.wait_for(|last| *last != n);
        // Whether there was anything, the view says.
        let _ = tokio::time::timeout(PATIENCE, news).await;
    }

    /// The notes after this one, or all, as JSON.
    pub(crate) fn view(&self, after: Option<u64>) -> serde_json::Result<String> {
        let history = self.history();
        let after = after.filter(|&after| after <= history.last).unwrap_or(0);
        let transfers = history.order.iter().filter_map(|key| history.transfers.get(key));
        let transfers = transfers.filter(|transfer| transfer.notes.back().is_some_and(|note| note.n > after));
        let transfers = transfers.map(|transfer| Part {
            head: transfer.head.clone(),
            notes: transfer.notes.iter().filter(|note| note.n > after).cloned().collect(),
        });
        let view = View {
            process: self.clock.unix_us(model::Moment::ZERO),
            last: history.last,
            transfers: transfers.collect(),
        };
        drop(history);
        serde_json::to_string(&view)
    }

    fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl History {
    fn begun_us(&self, key: Key) -> Option<u64> {
        Some(self.transfers.get(&key)?.notes.front()?.at_us)
    }

    fn add(&mut self, key: Key, note: &TransferNote, kept: Arc<Note>) {
        if !self.transfers.contains_key(&key) {
            self.order.push_back(key);
            if self.order.len() > TRANSFERS
                && let Some(oldest) = self.order.pop_front()
            {
                self.transfers.remove(&oldest);
            }
        }
        let (region, by_destination) = match key.0 {
            Numbered::BySource(region) => (region, false),
            Numbered::ByDestination(region) => (region, true),
        };
        let transfer = self.transfers.entry(key).or_insert_with(|| Transfer {
            head: Head {
                region,
                by_destination,
                number: key.1,
                agent: note.agent,
                name: note.name.clone(),
                kind: note.kind,
                version: String::new(),
                outcome: None,
            },
            notes: VecDeque::new(),
        });
        // What is agreed on in the course of it counts.
        let head = &mut transfer.head;
        head.kind = note.kind;
        head.version = note.version.to_string();
        head.outcome = note.outcome.or(head.outcome);
        if transfer.notes.len() >= NOTES {
            transfer.notes.pop_front();
        }
        transfer.notes.push_back(kept);
    }
}

fn log(key: Key, note: &TransferNote, kept: &Note, begun_us: Option<u64>) {
    let ms = kept.at_us.saturating_sub(begun_us.unwrap_or(kept.at_us)) as f64 / 1000.0;
    let (Numbered::BySource(region) | Numbered::ByDestination(region), number) = key;
    tracing::info!(
        target: "sojourn::transfer",
        transfer = %format_args!("{region}/{number}"),
        agent = %note.agent,
        name = note.name,
        region = kept.region,
        step = note.step,
        from = kept.from,
        to = kept.to,
        message = note.message,
        ms,
        detail = kept.detail,
        outcome = note.outcome,
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Moment, Uuid};
    use region::Party;
    use transfer::{TransferId, Version};

    fn region(n: u128) -> RegionId {
        RegionId(Uuid::from_u128(n))
    }

    fn note(
        source: RegionId,
        number: u64,
        step: &'static str,
        outcome: Option<&'static str>,
    ) -> TransferNote {
        TransferNote {
            transfer: (source, TransferId(number)),
            agent: AgentId(Uuid::from_u128(7)),
            name: "Ada Lovelace".into(),
            kind: "teleport",
            version: Version::V0_2,
            at: Moment::from_millis(1500),
            region: "Harbour".into(),
            step,
            from: Party::Source,
            to: Party::Neighbour("Lighthouse".into()),
            message: "QueryAccess",
            detail: "x".repeat(1000),
            outcome,
        }
    }

    fn view(transfers: &Transfers, after: Option<u64>) -> serde_json::Value {
        serde_json::from_str(&transfers.view(after).unwrap()).unwrap()
    }

    #[test]
    fn what_was_noted_is_told_and_then_only_what_is_new() {
        let clock = Clock::start();
        let transfers = Transfers::new(clock, Arc::default());
        transfers.note(region(1), note(region(1), 5, "P5", None));
        transfers.note(region(2), note(region(1), 5, "T4", Some("arrived")));
        let told = view(&transfers, None);
        let transfer = &told["transfers"][0];
        assert_eq!(
            (&told["last"], &transfer["number"], &transfer["outcome"]),
            (&2.into(), &5.into(), &"arrived".into())
        );
        let first = &transfer["notes"][0];
        assert_eq!(first["at_us"], clock.unix_us(Moment::from_millis(1500)));
        assert_eq!((&first["from"], &first["to"]), (&"source".into(), &"Lighthouse".into()));
        assert_eq!(first["detail"].as_str().unwrap().len(), DETAIL);
        let news = view(&transfers, Some(1));
        assert_eq!(news["transfers"][0]["notes"].as_array().unwrap().len(), 1);
        assert_eq!(view(&transfers, Some(2))["transfers"], serde_json::json!([]));
        // Such a number is of another process.
        assert_eq!(view(&transfers, Some(9))["transfers"][0]["notes"].as_array().unwrap().len(), 2);
    }

    #[test]
    fn numbers_of_destinations_are_their_own() {
        let transfers = Transfers::new(Clock::start(), Arc::default());
        for destination in [region(1), region(2)] {
            transfers.note(destination, note(RegionId::NULL, 1, "T4", None));
        }
        let told = view(&transfers, None);
        let by: Vec<_> = told["transfers"].as_array().unwrap().iter().map(|t| &t["region"]).collect();
        assert_eq!(by, [&serde_json::json!(region(1)), &serde_json::json!(region(2))]);
    }

    #[test]
    fn the_history_is_bounded() {
        let transfers = Transfers::new(Clock::start(), Arc::default());
        for number in 0..TRANSFERS as u64 + 10 {
            transfers.note(region(1), note(region(1), number, "P5", None));
        }
        for _ in 0..NOTES + 10 {
            transfers.note(region(1), note(region(1), 100, "P6", None));
        }
        let told = view(&transfers, None);
        let told = told["transfers"].as_array().unwrap();
        assert_eq!((told.len(), &told[0]["number"]), (TRANSFERS, &10.into()));
        let long = told.iter().find(|transfer| transfer["number"] == 100).unwrap();
        assert_eq!(long["notes"].as_array().unwrap().len(), NOTES);
    }

    #[test]
    fn who_looks_copies_no_notes_and_the_log_holds_up_nobody() {
        let transfers = Arc::new(Transfers::new(Clock::start(), Arc::default()));
        transfers.note(region(1), note(region(1), 1, "P5", None));
        let kept = transfers.history().transfers.values().next().unwrap().notes[0].clone();
        assert_eq!(Arc::strong_count(&kept), 2);
        // Somebody who writes the log looks at the history from there.
        struct Looks(Arc<Transfers>);
        impl tracing::Subscriber for Looks {
            fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
                true
            }
            fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
                tracing::span::Id::from_u64(1)
            }
            fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
            fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
            fn event(&self, _: &tracing::Event<'_>) {
                assert!(self.0.history.try_lock().is_ok(), "the history is held while the log is written");
            }
            fn enter(&self, _: &tracing::span::Id) {}
            fn exit(&self, _: &tracing::span::Id) {}
        }
        tracing::subscriber::with_default(Looks(transfers.clone()), || {
            transfers.note(region(1), note(region(1), 1, "P6", None));
        });
        assert_eq!(view(&transfers, None)["transfers"][0]["notes"].as_array().unwrap().len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_waits_hears_at_once() {
        let transfers = Transfers::new(Clock::start(), Arc::default());
        let begun = tokio::time::Instant::now();
        let noted = async { transfers.note(region(1), note(region(1), 1, "P5", None)) };
        tokio::join!(transfers.after(0), noted);
        assert!(begun.elapsed() < PATIENCE);
        // And who hears nothing is not kept for ever.
        transfers.after(1).await;
        assert!(begun.elapsed() >= PATIENCE);
    }
}
