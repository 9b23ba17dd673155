//! Scenarios run by name, dialect and seed; a run that fails is run again to be explained.

use crate::dialect::Dialect;
use crate::faults::Faults;
use crate::layout::Layout;
use crate::scenarios::ALL;
use crate::script::{Play, Trouble};
use crate::tally::Tally;
use crate::transcript::Transcript;
use crate::world::Rehearsal;
use std::panic::{AssertUnwindSafe, catch_unwind};
use transfer::Mutant;

/// A play.
#[derive(Clone, Copy)]
pub struct Scenario {
    /// Its name.
    pub name: &'static str,
    /// What it shows.
    pub about: &'static str,
    /// How many seeds make sense: all that are below, for plays that enumerate cases; `None` for those that draw.
    pub cases: Option<fn() -> u64>,
    /// What its regions may speak.
    pub dialects: &'static [Dialect],
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

/// One run of a scenario.
#[derive(Clone, Copy)]
pub struct Run {
    /// Which scenario.
    pub scenario: &'static Scenario,
    /// What its regions speak.
    pub dialect: &'static Dialect,
    /// The seed.
    pub seed: u64,
    /// A fault that is built into the machines.
    pub mutant: Option<Mutant>,
}

impl Run {
    /// A run without faults built in.
    pub fn new(scenario: &'static Scenario, dialect: &'static Dialect, seed: u64) -> Self {
        Self { scenario, dialect, seed, mutant: None }
    }

    /// Runs; `Err` is the whole story.
    ///
    /// # Errors
    /// The run failed: what was wrong, the transcript of a second run, and how to run it once more.
    pub fn run(self) -> Result<Tally, String> {
        if let Ok(tally) = self.attempt(Transcript::default()) {
            return Ok(tally);
        }
        let transcript = Transcript::on();
        let trouble = match self.attempt(transcript.clone()) {
            Ok(_) => "once and then not: it does not repeat".to_owned(),
            Err(trouble) => trouble,
        };
        let Self { scenario, dialect, seed, .. } = self;
        let (name, dialect) = (scenario.name, dialect.name);
        Err(format!(
            "{transcript}\n{name} in {dialect} with seed {seed} failed {trouble}\nrun it again: {}",
            self.command()
        ))
    }

    /// How to run it once more.
    pub fn command(self) -> String {
        let Self { scenario, dialect, seed, mutant } = self;
        let mutant = mutant.map(|mutant| format!(" --mutant {mutant:?}")).unwrap_or_default();
        let (name, dialect) = (scenario.name, dialect.name);
        format!("cargo run -p rehearsal -- --scenario {name} --dialect {dialect} --seed {seed}{mutant}")
    }

    /// Runs once, for the result alone.
    ///
    /// # Errors
    /// What was wrong.
    pub fn verdict(self) -> Result<Tally, String> {
        self.attempt(Transcript::default())
    }

    /// The transcript of a run, however it ends.
    pub fn story(self) -> String {
        let transcript = Transcript::on();
        let ending = match self.attempt(transcript.clone()) {
            Ok(_) => "ended well".to_string(),
            Err(trouble) => format!("failed {trouble}"),
        };
        format!("{transcript}{ending}\n")
    }

    fn attempt(self, transcript: Transcript) -> Result<Tally, String> {
        let run = AssertUnwindSafe(|| -> Result<Tally, Trouble> {
            let layout = self.dialect.spoken_in((self.scenario.layout)());
            let mut rehearsal =
                Rehearsal::with_transcript(self.seed, &layout, self.scenario.faults, self.mutant, transcript);
            (self.scenario.play)(&mut rehearsal)?;
            Ok(rehearsal.tally())
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
}

/// For tests: runs a scenario over seeds, in all its dialects: each seed in one of them, or in each.
///
/// # Panics
/// With the whole story, when a run fails; or when there is no such scenario.
pub fn check(name: &str, seeds: impl IntoIterator<Item = u64>, in_each: bool) {
    let scenario = find(name).unwrap_or_else(|| panic!("there is no scenario {name}"));
    let count = scenario.dialects.len();
    for seed in seeds {
        for (nth, dialect) in scenario.dialects.iter().enumerate() {
            if !in_each && nth != seed as usize % count {
                continue;
            }
            if let Err(story) = Run::new(scenario, dialect, seed).run() {
                panic!("{story}");
            }
        }
    }
}
