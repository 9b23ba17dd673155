//! Runs scenarios by hand: one with its transcript, or many over many seeds.

use rehearsal::dialect::EVERY;
use rehearsal::million::rehearse;
use rehearsal::scenarios::ALL;
use rehearsal::{Run, Scenario, Tally, find};
use std::process::ExitCode;
use std::time::Instant;
use transfer::Mutant;

const USAGE: &str = "usage: rehearsal --million [--from SEED] [--transfers N] [--threads N]
       rehearsal [--scenario NAME] [--dialect NAME] [--mutant NAME] \
[--seed N | --seeds A..B] [--show] [--list]";

struct Wishes {
    scenarios: Vec<&'static Scenario>,
    dialect: Option<String>,
    mutant: Option<Mutant>,
    seeds: Option<(u64, u64)>,
    show: bool,
    million: bool,
    from: u64,
    transfers: u64,
    threads: usize,
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
    if wishes.million {
        return million(&wishes);
    }
    let failed: u64 = wishes.scenarios.iter().map(|scenario| run_all(scenario, &wishes)).sum();
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Many transfers, and what came of them.
fn million(wishes: &Wishes) -> ExitCode {
    let begun = Instant::now();
    let outcome = rehearse(wishes.from, wishes.transfers, wishes.threads, |news| println!("{news}"));
    let (took, total) = (begun.elapsed().as_secs_f64(), outcome.total());
    println!("{}\n", total.coverage.table());
    for (dialect, tally) in &outcome.tallies {
        println!("{dialect:24}{tally}");
    }
    println!("{:24}{total}\n", "all");
    let rate = |count: u64| (count as f64 / took) as u64;
    println!(
        "{} transfers in {took:.0} s: {} a second; {} events: {} a second; {} threads",
        total.begun,
        rate(total.begun),
        total.events,
        rate(total.events),
        wishes.threads
    );
    let empty = total.coverage.empty();
    println!(
        "{} cells of the table are empty{}",
        empty.len(),
        empty.iter().map(|c| format!("\n    {c}")).collect::<String>()
    );
    println!("{} runs failed", outcome.failures.len());
    for (command, trouble) in &outcome.failures {
        println!("    {command}\n        failed {trouble}");
    }
    if outcome.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
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
    let mut wishes = Wishes {
        scenarios: ALL.iter().collect(),
        dialect: None,
        mutant: None,
        seeds: None,
        show: false,
        million: false,
        from: 0,
        transfers: 1_000_000,
        threads: std::thread::available_parallelism().map_or(1, usize::from),
    };
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
            "--million" => wishes.million = true,
            "--from" => wishes.from = number(&value()?)?,
            "--transfers" => wishes.transfers = number(&value()?)?,
            "--threads" => wishes.threads = number(&value()?)?.clamp(1, 256) as usize,
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
