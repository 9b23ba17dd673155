//! Faults built into the machines on purpose: the rehearsal must find each.

use rehearsal::{Run, find};
use transfer::Mutant;

/// Which scenario finds it, in which dialect.
const FOUND_BY: [(Mutant, &str, &str); 8] = [
    (Mutant::NoWaitForArrival, "viewer-stays-away", "ours"),
    (Mutant::NoQuestionBeforeRollback, "lost-release", "ours-0.1"),
    (Mutant::NoWaitForUpdate, "overtaking", "ours-0.2"),
    (Mutant::VerdictsForgotten, "arrived-and-gone", "ours-0.1"),
    (Mutant::ClaimsIgnored, "a-child-agent-that-is-used-again-is-not-closed", "ours"),
    (Mutant::ReleaseOnce, "lost-release", "ours-0.1"),
    (Mutant::BaggageLost, "teleport", "ours"),
    (Mutant::FailureUntold, "destination", "ours"),
];

/// So many seeds are tried at most.
const SEEDS: u64 = 24;

#[test]
fn each_fault_is_found_and_nothing_is_found_without_it() {
    for (mutant, name, dialect) in FOUND_BY {
        let scenario = find(name).expect("a scenario");
        let dialect =
            scenario.dialects.iter().find(|d| d.name == dialect).expect("a dialect of the scenario");
        let run = |seed, mutant| Run { mutant, ..Run::new(scenario, dialect, seed) };
        let seeds = scenario.cases.map_or(SEEDS, |cases| cases().min(SEEDS));
        let found = (0..seeds).find_map(|seed| Some((seed, run(seed, Some(mutant)).verdict().err()?)));
        let Some((seed, trouble)) = found else {
            panic!("{mutant:?} is not found by {name} in {seeds} seeds")
        };
        println!("{mutant:?} is found: {}\n    {trouble}", run(seed, Some(mutant)).command());
        for seed in 0..=seed {
            let without = run(seed, None).verdict();
            assert!(without.is_ok(), "{}: {without:?}", run(seed, None).command());
        }
    }
}

#[test]
fn no_fault_is_left_out() {
    let missing: Vec<_> = Mutant::ALL
        .into_iter()
        .filter(|mutant| !FOUND_BY.iter().any(|(found, ..)| found == mutant))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}
