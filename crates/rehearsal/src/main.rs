//! Runs scenarios by hand: one with its transcript, or many over many seeds.

use rehearsal::scenarios::ALL;
use rehearsal::{Scenario, find, run};
use std::process::ExitCode;

const USAGE: &str = "usage: rehearsal [--scenario NAME] [--seed N | --seeds A..B] [--show] [--list]";

struct Wishes {
    scenarios: Vec<&'static Scenario>,
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
    let mut failed = 0;
    for scenario in wishes.scenarios {
        let (first, end) = wishes.seeds.unwrap_or_else(|| (0, scenario.cases.map_or(20, |cases| cases())));
        let mut bad = 0;
        for seed in first..end {
            if let Err(story) = run(scenario, seed, wishes.show) {
                println!("{story}\n");
                bad += 1;
            }
        }
        println!("{}: {} runs, {bad} failed", scenario.name, end.saturating_sub(first));
        failed += bad;
    }
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn wishes(mut arguments: impl Iterator<Item = String>) -> Result<Option<Wishes>, String> {
    let mut wishes = Wishes { scenarios: ALL.iter().collect(), seeds: None, show: false };
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} wants a value"));
        let number = |text: &str| text.parse::<u64>().map_err(|_| format!("{text} is no number"));
        match argument.as_str() {
            "--scenario" => {
                let name = value()?;
                wishes.scenarios =
                    vec![find(&name).ok_or(format!("there is no scenario {name}; see --list"))?];
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
                return Ok(None);
            }
            other => return Err(format!("{other} is not known")),
        }
    }
    Ok(Some(wishes))
}
