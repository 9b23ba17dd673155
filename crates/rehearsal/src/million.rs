//! Runs over runs, until so many transfers were begun: for the test of ten thousand, and for the long night.

use crate::runner::{Run, find};
use crate::tally::Tally;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Which scenarios take turns.
const TURNS: [&str; 8] = ["drill", "drill", "hoppers", "drill", "quitters", "drill", "restarts", "walkers"];

/// What came of it.
#[derive(Debug, Default)]
pub struct Outcome {
    /// By dialect.
    pub tallies: BTreeMap<&'static str, Tally>,
    /// Runs that failed, with what was wrong.
    pub failures: Vec<(String, String)>,
}

impl Outcome {
    /// All dialects together.
    pub fn total(&self) -> Tally {
        self.tallies.values().fold(Tally::default(), |mut total, tally| {
            total += tally;
            total
        })
    }
}

/// The run of a number.
fn run_of(number: u64) -> Run {
    let name = TURNS[(number % TURNS.len() as u64) as usize];
    let scenario = find(name).expect("the turns are scenarios, as a test shows");
    let dialects = scenario.dialects;
    let dialect = &dialects[(number / TURNS.len() as u64) as usize % dialects.len()];
    Run::new(scenario, dialect, number)
}

/// Runs from this number on, on so many threads, until so many transfers were begun. `tell` hears of each failure at
/// once, and now and then of how far it is.
pub fn rehearse(from: u64, transfers: u64, threads: usize, tell: impl Fn(&str) + Sync) -> Outcome {
    let (next, begun, enough) = (AtomicU64::new(from), AtomicU64::new(0), AtomicBool::new(transfers == 0));
    let outcome = Mutex::new(Outcome::default());
    let work = || {
        while !enough.load(Ordering::Relaxed) {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let run = run_of(number);
            let result = run.verdict();
            let mut outcome = outcome.lock().expect("no thread panics while it counts");
            match result {
                Ok(tally) => {
                    let now = begun.fetch_add(tally.begun, Ordering::Relaxed) + tally.begun;
                    enough.fetch_or(now >= transfers, Ordering::Relaxed);
                    *outcome.tallies.entry(run.dialect.name).or_default() += &tally;
                }
                Err(trouble) => {
                    tell(&format!("{}\n    failed {trouble}", run.command()));
                    outcome.failures.push((run.command(), trouble));
                }
            }
            if number % 1000 == 999 {
                tell(&format!("... {} transfers", begun.load(Ordering::Relaxed)));
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(work);
        }
    });
    outcome.into_inner().expect("no thread panics while it counts")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_scenarios_and_dialects_take_turns_too() {
        let dialects: std::collections::BTreeSet<_> = (0..400).map(|n| run_of(n).dialect.name).collect();
        assert_eq!(dialects.len(), crate::dialect::EVERY.len());
    }
}
