//! Scenarios run by name and seed; a run that fails is run again to be explained.

use crate::faults::Faults;
use crate::layout::Layout;
use crate::scenarios::ALL;
use crate::script::{Play, Trouble};
use crate::transcript::Transcript;
use crate::world::Rehearsal;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A play.
#[derive(Clone, Copy)]
pub struct Scenario {
    /// Its name.
    pub name: &'static str,
    /// What it shows.
    pub about: &'static str,
    /// How many seeds make sense: all that are below, for plays that enumerate cases; `None` for those that draw.
    pub cases: Option<fn() -> u64>,
    /// The regions.
    pub layout: fn() -> Layout,
    /// The network at its beginning.
    pub faults: Faults,
    /// The play itself; the seed is [`Rehearsal::seed`].
    pub play: fn(&mut Rehearsal) -> Play,
}

/// A scenario by name.
pub fn find(name: &str) -> Option<&'static Scenario> {
    ALL.iter().find(|scenario| scenario.name == name)
}

/// Runs a scenario with one seed; `Err` is the whole story.
///
/// # Errors
/// The scenario failed: what was wrong, the transcript of a second run, and how to run it once more.
pub fn run(scenario: &Scenario, seed: u64, show: bool) -> Result<(), String> {
    if !show && attempt(scenario, seed, Transcript::default()).is_ok() {
        return Ok(());
    }
    let transcript = Transcript::on();
    let result = attempt(scenario, seed, transcript.clone());
    let name = scenario.name;
    let again = format!("cargo run -p rehearsal -- --scenario {name} --seed {seed}");
    match result {
        Ok(()) if show => {
            print!("{transcript}");
            Ok(())
        }
        Ok(()) => {
            Err(format!("{name} with seed {seed} failed once and then not: it does not repeat\n{again}"))
        }
        Err(trouble) => {
            Err(format!("{transcript}\n{name} with seed {seed} failed {trouble}\nrun it again: {again}"))
        }
    }
}

fn attempt(scenario: &Scenario, seed: u64, transcript: Transcript) -> Result<(), String> {
    let run = AssertUnwindSafe(|| -> Result<(), Trouble> {
        let mut rehearsal =
            Rehearsal::with_transcript(seed, &(scenario.layout)(), scenario.faults, transcript);
        (scenario.play)(&mut rehearsal)
    });
    match catch_unwind(run) {
        Ok(result) => result.map_err(|trouble| trouble.to_string()),
        Err(panic) => {
            let words = panic.downcast_ref::<String>().cloned();
            let words = words.or_else(|| panic.downcast_ref::<&str>().map(|words| (*words).to_string()));
            Err(format!("by a panic: {}", words.unwrap_or_default()))
        }
    }
}

/// The transcript of a run, however it ends.
pub fn story(scenario: &Scenario, seed: u64) -> String {
    let transcript = Transcript::on();
    let ending = match attempt(scenario, seed, transcript.clone()) {
        Ok(()) => "ended well".to_string(),
        Err(trouble) => format!("failed {trouble}"),
    };
    format!("{transcript}{ending}\n")
}

/// For tests: runs a scenario over seeds.
///
/// # Panics
/// With the whole story, when a run fails; or when there is no such scenario.
pub fn check(name: &str, seeds: impl IntoIterator<Item = u64>) {
    let scenario = find(name).unwrap_or_else(|| panic!("there is no scenario {name}"));
    for seed in seeds {
        if let Err(story) = run(scenario, seed, false) {
            panic!("{story}");
        }
    }
}
