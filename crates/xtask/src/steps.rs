//! The steps of `cargo xtask test`: the one list, in the order in which they run.

use std::path::Path;
use std::process::Command;

use crate::server::{self, Server};
use crate::{structure, tools};

/// One thing that is checked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Step {
    /// The text is formatted.
    Fmt,
    /// The crates depend only on what their place in the workspace allows.
    Structure,
    /// No lint complains, in any target.
    Clippy,
    /// The documentation builds without a broken link.
    Doc,
    /// Unit, property, golden and documentation tests.
    Test,
    /// Licences, sources, bans and known advisories of what we depend on.
    Deny,
    /// The binary, as users get it.
    Release,
    /// Real clients against that binary.
    E2e,
}

/// How the steps are run.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct How {
    /// What cannot be tested here is an error, not a remark.
    pub(crate) strict: bool,
    /// Further arguments for the end-to-end tests.
    pub(crate) pytest: Vec<String>,
}

/// How a step ended.
#[derive(Debug, PartialEq)]
pub(crate) enum Outcome {
    /// All of it holds.
    Passed,
    /// It holds as far as it could be checked; the text says what could not.
    PassedBut(String),
    /// It does not hold; the text says what, its output is above.
    Failed(String),
}

impl Step {
    /// All of them. The cheap ones first, so that the common mistakes show at once.
    pub(crate) const ALL: [Step; 8] = [
        Step::Fmt,
        Step::Structure,
        Step::Clippy,
        Step::Doc,
        Step::Test,
        Step::Deny,
        Step::Release,
        Step::E2e,
    ];

    /// What `cargo xtask check` runs.
    pub(crate) const QUICK: [Step; 4] = [Step::Fmt, Step::Structure, Step::Clippy, Step::Doc];

    /// The word for it on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Step::Fmt => "fmt",
            Step::Structure => "structure",
            Step::Clippy => "clippy",
            Step::Doc => "doc",
            Step::Test => "test",
            Step::Deny => "deny",
            Step::Release => "release",
            Step::E2e => "e2e",
        }
    }

    /// The step of that name.
    pub(crate) fn named(name: &str) -> Option<Step> {
        Step::ALL.into_iter().find(|step| step.name() == name)
    }

    /// What it makes sure of, in a few words.
    pub(crate) fn purpose(self) -> &'static str {
        match self {
            Step::Fmt => "the code is formatted",
            Step::Structure => "the pure crates are free of I/O, clocks and entropy",
            Step::Clippy => "no lint complains",
            Step::Doc => "the documentation builds, all links lead somewhere",
            Step::Test => "unit, property, golden and documentation tests",
            Step::Deny => "licences, sources and advisories of the dependencies",
            Step::Release => "the release binary builds",
            Step::E2e => "stock clients live in a world run by the release binary",
        }
    }

    /// Runs it to its end.
    pub(crate) fn run(self, root: &Path, how: &How) -> Outcome {
        let cargo = |arguments: &str| tools::cargo(root, arguments);
        match self {
            Step::Fmt => component(root, "fmt", "rustfmt", || run(&mut cargo("fmt --all --check"))),
            Step::Structure => structure::check(root),
            Step::Clippy => component(root, "clippy", "clippy", || {
                run(&mut cargo("clippy --workspace --all-targets --locked -- -D warnings"))
            }),
            Step::Doc => run(cargo("doc --workspace --no-deps --document-private-items --locked")
                .env("RUSTDOCFLAGS", "-D warnings")),
            Step::Test => test(root, how),
            Step::Deny => deny(root),
            Step::Release => run(&mut cargo("build --release --locked -p sojourn")),
            Step::E2e => e2e(root, how),
        }
    }
}

/// With database servers, wherever there can be one; what cannot be tested without is left out, and said.
fn test(root: &Path, how: &How) -> Outcome {
    let wanted = [server::POSTGRES, server::MARIADB];
    let mut test = tools::cargo(root, "test --workspace --locked --");
    let (mut servers, mut missing) = (Vec::new(), Vec::new());
    for wanted in wanted {
        match Server::start(root, wanted) {
            Ok(server) => {
                test.env(wanted.variable, server.url());
                servers.push(server);
            }
            Err(why) => {
                test.args(["--skip", wanted.tests]);
                missing.push(format!("nothing was tested on {}: {why}", wanted.name));
            }
        }
    }
    without(&missing, run(&mut test), how)
}

/// The outcome of tests of which some were left out.
fn without(untested: &[String], ran: Outcome, how: &How) -> Outcome {
    match ran {
        Outcome::Passed if untested.is_empty() => Outcome::Passed,
        Outcome::Passed if how.strict => Outcome::Failed(untested.join("; ")),
        Outcome::Passed => Outcome::PassedBut(format!("NOT TESTED: {}", untested.join("; "))),
        ran => ran,
    }
}

/// Runs a cargo subcommand that a toolchain may lack, after having it installed where rustup can.
fn component(root: &Path, subcommand: &str, component: &str, then: impl FnOnce() -> Outcome) -> Outcome {
    let there = || tools::succeeds(tools::cargo(root, subcommand).arg("--version"));
    let install = || tools::succeeds(Command::new("rustup").args(["component", "add", component]));
    if there() || (install() && there()) {
        then()
    } else {
        Outcome::Failed(format!("the toolchain lacks {component}: rustup component add {component}"))
    }
}

fn deny(root: &Path) -> Outcome {
    let deny = match tools::cargo_deny(root) {
        Ok(path) => path,
        Err(why) => return Outcome::Failed(why),
    };
    let command = |arguments: &str| {
        let mut command = Command::new(&deny);
        command.current_dir(root).args(["--workspace", "--locked"]).args(arguments.split(' '));
        command
    };
    let rest = run(&mut command("check --hide-inclusion-graph licenses bans sources"));
    if matches!(rest, Outcome::Failed(_)) {
        return rest;
    }
    // The one check that needs a server which a build machine may not reach, and so the one thing that may be missing
    // however strict we are: known holes do change without us.
    if !tools::succeeds(&mut command("fetch db")) {
        return Outcome::PassedBut("advisories not checked: the advisory database cannot be reached".into());
    }
    run(&mut command("check advisories"))
}

fn e2e(root: &Path, how: &How) -> Outcome {
    let python = match tools::python(root) {
        Ok(path) => path,
        Err(why) => return Outcome::Failed(why),
    };
    let binary = root.join("target/release/sojourn");
    if !binary.exists() {
        return Outcome::Failed("no target/release/sojourn: cargo xtask test --only release".into());
    }
    // The tests start servers of their own; here one is put in place where there is none, if that can be.
    let postgres = Server::start(root, server::POSTGRES).map(drop);
    let browser = tools::chromium();
    let mut command = Command::new(python);
    // Most of their time these tests wait, for clocks that count seconds: several files run side by side.
    command.current_dir(root.join("e2e")).args(["-m", "pytest", "-n", "3", "--dist", "loadfile"]);
    if !browser {
        command.args(["-m", "not browser"]);
    }
    if how.strict {
        command.env("SOJOURN_STRICT", "1");
    }
    command.args(&how.pytest).env("SOJOURN_BINARY", binary).env("PYTHONDONTWRITEBYTECODE", "1");
    let ran = run(&mut command);
    let mut untested = Vec::new();
    if !browser {
        untested
            .push("the pages were not tested in a browser: on Debian, apt-get install chromium".to_owned());
    }
    if let Err(why) = postgres {
        untested.push(format!("nothing was tested on PostgreSQL: {why}"));
    }
    if !tools::nginx() {
        untested.push("nothing was tested behind nginx: on Debian, apt-get install nginx".to_owned());
    }
    without(&untested, ran, how)
}

/// Runs a command with its output shown.
fn run(command: &mut Command) -> Outcome {
    match command.status() {
        Ok(status) if status.success() => Outcome::Passed,
        Ok(status) => Outcome::Failed(format!("{}: {status}", tools::shown(command))),
        Err(error) => Outcome::Failed(format!("{}: {error}", tools::shown(command))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_has_a_name_of_its_own() {
        for step in Step::ALL {
            assert_eq!(Step::named(step.name()), Some(step));
        }
        assert_eq!(Step::named(""), None);
    }

    #[test]
    fn what_was_not_tested_is_said_and_is_an_error_to_the_strict() {
        let missing = ["no such server".to_owned()];
        let (easy, strict) = (How::default(), How { strict: true, ..How::default() });
        let failed = || Outcome::Failed("a test".into());
        for (untested, ran, how, outcome) in [
            (&missing[..0], Outcome::Passed, &easy, Outcome::Passed),
            (&missing[..0], Outcome::Passed, &strict, Outcome::Passed),
            (&missing, Outcome::Passed, &easy, Outcome::PassedBut("NOT TESTED: no such server".into())),
            (&missing, Outcome::Passed, &strict, Outcome::Failed("no such server".into())),
            (&missing, failed(), &easy, failed()),
            (&missing, failed(), &strict, failed()),
        ] {
            assert_eq!(without(untested, ran, how), outcome);
        }
    }
}
