//! Runs scenarios by hand: one with its transcript, or many over many seeds.

use rehearsal::dialect::EVERY;
use rehearsal::scenarios::ALL;
use rehearsal::{Run, Scenario, Tally, find};
use std::process::ExitCode;
use transfer::Mutant;

const USAGE: &str = "usage: rehearsal [--scenario NAME] [--dialect NAME] [--mutant NAME] \
[--seed N | --seeds A..B] [--show] [--list]";

struct Wishes {
    scenarios: Vec<&'static Scenario>,
    dialect: Option<String>,
    mutant: Option<Mutant>,
    seeds: Option<(u64, u64)>,
    show: bool,
}

fn main() -> ExitCode {
    let wishes = match wishes(std::env::args().skip(1)) {
        Ok(Some(wishes)) => wishes,
        Ok(None) => return ExitCode::SUCCESS,
        Err(complaint) => {
            eprintln!("{complaint}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let failed: u64 = wishes.scenarios.iter().map(|scenario| run_all(scenario, &wishes)).sum();
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// How many runs failed.
fn run_all(scenario: &'static Scenario, wishes: &Wishes) -> u64 {
    let (first, end) = wishes.seeds.unwrap_or_else(|| (0, scenario.cases.map_or(20, |cases| cases())));
    let mut failed = 0;
    for dialect in scenario.dialects {
        if wishes.dialect.as_ref().is_some_and(|name| name != dialect.name) {
            continue;
        }
        let (mut tally, mut bad) = (Tally::default(), 0);
        for seed in first..end {
            let run = Run { mutant: wishes.mutant, ..Run::new(scenario, dialect, seed) };
            if wishes.show {
                println!("{}", run.story());
            }
            match run.verdict() {
                Ok(happened) => tally += &happened,
                Err(trouble) => {
                    println!("{}\n    failed {trouble}", run.command());
                    bad += 1;
                }
            }
        }
        println!("{:24} {:24} {tally}, {bad} failed", scenario.name, dialect.name);
        failed += bad;
    }
    failed
}

fn wishes(mut arguments: impl Iterator<Item = String>) -> Result<Option<Wishes>, String> {
    let mut wishes =
        Wishes { scenarios: ALL.iter().collect(), dialect: None, mutant: None, seeds: None, show: false };
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} wants a value"));
        let number = |text: &str| text.parse::<u64>().map_err(|_| format!("{text} is no number"));
        match argument.as_str() {
            "--scenario" => {
                let name = value()?;
                wishes.scenarios =
                    vec![find(&name).ok_or(format!("there is no scenario {name}; see --list"))?];
            }
            "--dialect" => wishes.dialect = Some(value()?),
            "--mutant" => {
                let name = value()?;
                let mutant = Mutant::ALL.into_iter().find(|mutant| format!("{mutant:?}") == name);
                wishes.mutant = Some(mutant.ok_or(format!("there is no mutant {name}: {:?}", Mutant::ALL))?);
            }
            "--seed" => {
                let seed = number(&value()?)?;
                wishes.seeds = Some((seed, seed + 1));
                wishes.show = true;
            }
            "--seeds" => {
                let range = value()?;
                let (from, to) = range.split_once("..").ok_or(format!("{range} is no range A..B"))?;
                wishes.seeds = Some((number(from)?, number(to)?));
            }
            "--show" => wishes.show = true,
            "--list" => {
                for scenario in ALL {
                    println!("{:32} {}", scenario.name, scenario.about);
                }
                for dialect in EVERY {
                    println!("{:32} a dialect", dialect.name);
                }
                return Ok(None);
            }
            other => return Err(format!("{other} is not known")),
        }
    }
    Ok(Some(wishes))
}
