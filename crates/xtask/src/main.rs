//! The chores of this workspace, as one program: `cargo xtask test` is the one test command.
//!
//! It needs a Rust toolchain, Python 3 and a C compiler, and sets up everything else under `target/`. The work is a
//! list of [`steps::Step`]s; each runs to its end, prints one line with its duration, and a failure does not keep the
//! later ones from running, so that one run tells everything. Nothing outside the standard library is used: this
//! program is the first thing that a fresh machine compiles.

mod server;
mod steps;
mod structure;
mod tools;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use steps::{How, Outcome, Step};

const USAGE: &str = "\
cargo xtask test [--strict] [--only STEP]... [--skip STEP]... [-- ARGUMENTS FOR PYTEST]
cargo xtask check                the quick part: fmt, structure, clippy, doc
cargo xtask list                 the steps and what each does
With --strict it is an error when something could not be tested here; else it is only said.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match parse(&arguments) {
        Ok(Wish::Help) => {
            println!("{USAGE}");
            ExitCode::SUCCESS
        }
        Ok(Wish::List) => {
            for step in Step::ALL {
                println!("{:<10} {}", step.name(), step.purpose());
            }
            ExitCode::SUCCESS
        }
        Ok(Wish::Run { steps, how }) => run(&steps, &how),
        Err(why) => {
            eprintln!("{why}\n\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

/// What the command line asks for.
#[derive(Debug, PartialEq)]
enum Wish {
    Help,
    List,
    Run { steps: Vec<Step>, how: How },
}

fn parse(arguments: &[String]) -> Result<Wish, String> {
    let Some((command, rest)) = arguments.split_first() else { return Ok(Wish::Help) };
    let mut steps: Vec<Step> = match command.as_str() {
        "help" | "--help" | "-h" => return Ok(Wish::Help),
        "list" => return Ok(Wish::List),
        "test" => Step::ALL.to_vec(),
        "check" => Step::QUICK.to_vec(),
        other => return Err(format!("no such command: {other}")),
    };
    let mut only = Vec::new();
    let mut rest = rest.iter();
    let mut how = How::default();
    while let Some(argument) = rest.next() {
        let mut step = || {
            let name = rest.next().ok_or(format!("{argument} needs the name of a step"))?;
            Step::named(name).ok_or(format!("no such step: {name}"))
        };
        match argument.as_str() {
            "--only" => only.push(step()?),
            "--skip" => {
                let skipped = step()?;
                steps.retain(|step| *step != skipped);
            }
            "--strict" => how.strict = true,
            "--" => how.pytest.extend(rest.by_ref().cloned()),
            other => return Err(format!("no such option: {other}")),
        }
    }
    if !only.is_empty() {
        steps.retain(|step| only.contains(step));
    }
    Ok(Wish::Run { steps, how })
}

fn run(steps: &[Step], how: &How) -> ExitCode {
    let root = root();
    let begun = Instant::now();
    let mut done = Vec::new();
    for step in steps {
        println!("── {} · {}", step.name(), step.purpose());
        let begun = Instant::now();
        let outcome = step.run(&root, how);
        println!("{}", line(*step, &outcome, begun.elapsed()));
        done.push((*step, outcome, begun.elapsed()));
    }

    println!("\n── summary, {} in all", seconds(begun.elapsed()));
    for (step, outcome, took) in &done {
        println!("{}", line(*step, outcome, *took));
    }
    if done.iter().any(|(_, outcome, _)| matches!(outcome, Outcome::Failed(_))) {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

fn line(step: Step, outcome: &Outcome, took: Duration) -> String {
    let (verdict, why) = match outcome {
        Outcome::Passed => ("passed", String::new()),
        Outcome::PassedBut(remark) => ("passed", format!("  ({remark})")),
        Outcome::Failed(why) => ("FAILED", format!("  {why}")),
    };
    format!("{verdict}  {:<10} {:>8}{why}", step.name(), seconds(took))
}

fn seconds(took: Duration) -> String {
    format!("{:.1} s", took.as_secs_f32())
}

/// The folder of the workspace: two above this crate's own.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).expect("crates/xtask has two folders above it").to_path_buf()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Wish, String> {
        parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    fn steps_of(line: &str) -> Vec<Step> {
        match parsed(line) {
            Ok(Wish::Run { steps, .. }) => steps,
            other => panic!("{line} gave {other:?}"),
        }
    }

    #[test]
    fn test_runs_every_step_in_order() {
        assert_eq!(steps_of("test"), Step::ALL);
    }

    #[test]
    fn only_and_skip_choose() {
        assert_eq!(steps_of("test --only e2e --only fmt"), [Step::Fmt, Step::E2e]);
        assert_eq!(steps_of("check --skip clippy --skip doc"), [Step::Fmt, Step::Structure]);
    }

    #[test]
    fn what_follows_the_dashes_goes_to_pytest() {
        let wish = parsed("test --only e2e -- -k logout");
        assert_eq!(
            wish,
            Ok(Wish::Run {
                steps: vec![Step::E2e],
                how: How { strict: false, pytest: vec!["-k".into(), "logout".into()] }
            })
        );
    }

    #[test]
    fn strictness_is_asked_for() {
        for (line, strict) in
            [("test", false), ("test --strict", true), ("check --strict", true), ("test -- --strict", false)]
        {
            assert!(matches!(parsed(line), Ok(Wish::Run { how, .. }) if how.strict == strict), "{line}");
        }
    }

    #[test]
    fn a_wrong_word_is_named() {
        assert_eq!(parsed("tset"), Err("no such command: tset".into()));
        assert_eq!(parsed("test --only"), Err("--only needs the name of a step".into()));
        assert_eq!(parsed("test --only lint"), Err("no such step: lint".into()));
        assert_eq!(parsed("test --fast"), Err("no such option: --fast".into()));
    }
}
