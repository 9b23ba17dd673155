//! How transfers began and ended: each has one outcome, in time, and all are counted.

use crate::coverage::Coverage;
use crate::world::{Rehearsal, Where};
use model::{Moment, RegionId};
use region::TransferNote;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::AddAssign;
use std::time::Duration;
use transfer::TransferKey;

/// A transfer is over so soon, whoever is silent.
pub(crate) const VERDICT_WITHIN: Duration = Duration::from_secs(10);

/// How a transfer ends whose source dies.
const SOURCE_DIED: &str = "source_died";

/// What happened in a run, or in many.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// Transfers begun.
    pub begun: u64,
    /// How they ended: kind and outcome.
    pub ended: BTreeMap<(&'static str, &'static str), u64>,
    /// Events: things that arrived, and wake-ups.
    pub events: u64,
    /// Runs.
    pub runs: u64,
    /// Which mishaps have hit which steps.
    pub coverage: Coverage,
}

impl Tally {
    /// Transfers that have had an outcome.
    pub fn outcomes(&self) -> u64 {
        self.ended.values().sum()
    }
}

impl AddAssign<&Tally> for Tally {
    fn add_assign(&mut self, other: &Tally) {
        self.begun += other.begun;
        self.events += other.events;
        self.runs += other.runs;
        self.coverage.add(&other.coverage);
        for (&how, count) in &other.ended {
            *self.ended.entry(how).or_default() += count;
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>8} transfers:", self.begun)?;
        for ((kind, outcome), count) in &self.ended {
            write!(f, " {kind} {outcome} {count},")?;
        }
        write!(f, " in {} runs", self.runs)
    }
}

/// The transfers of one run.
#[derive(Debug, Default)]
pub(crate) struct Transfers {
    open: BTreeMap<TransferKey, Open>,
    /// How long the last one took.
    pub(crate) last_took: Duration,
    pub(crate) tally: Tally,
}

#[derive(Debug)]
struct Open {
    begun: Moment,
    kind: &'static str,
}

impl Rehearsal {
    /// Sees what a region says of a transfer.
    pub(crate) fn count_transfer(&mut self, at: Where, note: &TransferNote) {
        let key = note.transfer;
        if note.step == "P1" {
            let open = Open { begun: note.at, kind: note.kind };
            self.transfers.tally.begun += 1;
            if self.transfers.open.insert(key, open).is_some() {
                self.fail(format!("{} begins transfer {key:?} twice", note.region));
            }
        }
        let Some(outcome) = note.outcome else { return };
        self.stages[at.0].ended += 1;
        let Some(open) = self.transfers.open.remove(&key) else {
            return self.fail(format!("{} ends transfer {key:?} that was not open: {outcome}", note.region));
        };
        *self.transfers.tally.ended.entry((open.kind, outcome)).or_default() += 1;
        let took = note.at.since(open.begun);
        self.transfers.last_took = took;
        if took > VERDICT_WITHIN {
            self.fail(format!("{} took {took:?} to end a {}: {outcome}", note.region, open.kind));
        }
    }

    /// The source of these has died.
    pub(crate) fn forget_transfers_of(&mut self, region: RegionId) {
        let Transfers { open, tally, .. } = &mut self.transfers;
        for (_, open) in open.extract_if(.., |key, _| key.0 == region) {
            *tally.ended.entry((open.kind, SOURCE_DIED)).or_default() += 1;
        }
    }

    /// Transfers from this region that have not ended.
    pub(crate) fn open_transfers(&self, region: RegionId) -> usize {
        self.transfers.open.keys().filter(|key| key.0 == region).count()
    }

    /// What has happened so far.
    pub fn tally(&self) -> Tally {
        let mut coverage = Coverage::default();
        self.hits.iter().for_each(|&cell| coverage.hit(cell));
        Tally { events: self.events(), runs: 1, coverage, ..self.transfers.tally.clone() }
    }
}
