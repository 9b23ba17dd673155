//! `sojourn doctor`: whether a deployment would work, or does, and what to do where not. It changes nothing.
//!
//! Each part of a deployment is looked at by itself and says what it found ([`Finding`]); one that fails keeps no other
//! from being looked at. Where the process runs already, its ports are not free but answer, which is as good.

mod database;
mod grid;
mod host;
mod machine;
mod ports;

use crate::options::{GridOptions, Process, Regions, SimulatorOptions, StandaloneOptions, StoreOptions};
use crate::world::WorldRegion;
use anyhow::{Result, bail};
use clap::Subcommand;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

/// Columns of what was looked at.
const SUBJECT: usize = 22;

#[derive(Subcommand, Debug)]
pub(crate) enum DoctorCommand {
    /// A whole world in one process
    Standalone(StandaloneOptions),
    /// The grid services alone
    Grid(GridOptions),
    /// Regions that are joined to a grid
    Simulator(SimulatorOptions),
}

/// How something is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Health {
    /// As it should be.
    Well,
    /// It works, but somebody should know.
    Odd,
    /// It does not work.
    Ill,
}

/// What was found of one thing.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Finding {
    health: Health,
    subject: String,
    found: String,
    /// What to do.
    remedy: String,
}

impl Finding {
    fn well(subject: impl Into<String>, found: impl Into<String>) -> Self {
        let (subject, found) = (subject.into(), found.into());
        Self { health: Health::Well, subject, found, remedy: String::new() }
    }

    fn odd(subject: impl Into<String>, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { health: Health::Odd, remedy: remedy.into(), ..Self::well(subject, found) }
    }

    fn ill(subject: impl Into<String>, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { health: Health::Ill, remedy: remedy.into(), ..Self::well(subject, found) }
    }
}

/// Fails if something would keep the deployment from working.
pub(crate) async fn run(command: DoctorCommand) -> Result<()> {
    let findings = match command {
        DoctorCommand::Standalone(options) => {
            let options = options.decide()?;
            let mut findings = machine::look(&options.data);
            findings.extend(database::look(&StoreOptions::in_folder(&options.data)).await);
            findings.extend(regions(&options.process, &options.regions, options.port).await);
            findings
        }
        DoctorCommand::Grid(options) => {
            let options = options.decide()?;
            let mut findings = machine::look(&options.data);
            findings.extend(database::look(&options.database).await);
            let ports = [("public port", options.port), ("private port", options.private_port)];
            let held = ports::look(&options.process, &ports, &[]).await;
            let seen_at = options.process.url(options.port);
            findings.extend(host::look(&options.process, &seen_at, &held).await);
            findings.extend(held.into_findings());
            findings
        }
        DoctorCommand::Simulator(options) => {
            let options = options.decide()?;
            let mut findings = machine::look(&options.data);
            findings.extend(
                grid::look(&options.grid, &options.login, options.key.clone(), grid::Limits::default()).await,
            );
            findings.extend(regions(&options.process, &options.regions, options.port).await);
            findings
        }
    };
    let mut out = std::io::stdout().lock();
    out.write_all(drawn(&findings).as_bytes())?;
    out.flush()?;
    match findings.iter().filter(|finding| finding.health == Health::Ill).count() {
        0 => Ok(()),
        1 => bail!("one thing has to be put right"),
        n => bail!("{n} things have to be put right"),
    }
}

/// The world file, the ports and how viewers get at them.
async fn regions(process: &Process, regions: &Regions, port: u16) -> Vec<Finding> {
    let mut findings = Vec::new();
    let world = match world(regions, port) {
        Ok(world) => {
            let names: Vec<&str> = world.iter().take(5).map(|region| region.name.as_str()).collect();
            let more = if world.len() > names.len() { ", …" } else { "" };
            findings
                .push(Finding::well("world", format!("{} regions: {}{more}", world.len(), names.join(", "))));
            world
        }
        Err(error) => {
            findings.push(Finding::ill("world", format!("{error:#}"), "put the world file right"));
            Vec::new()
        }
    };
    let udp: Vec<(&str, u16)> = world.iter().map(|region| (region.name.as_str(), region.port)).collect();
    let held = ports::look(process, &[("HTTP port", port)], &udp).await;
    findings.extend(host::look(process, &regions.url(process, port), &held).await);
    findings.extend(held.into_findings());
    findings
}

/// The regions; their ids are not asked for, so no identity has to be made up.
fn world(regions: &Regions, port: u16) -> Result<Vec<WorldRegion>> {
    let read = |path: &Path| crate::world::read(path, model::Uuid::nil());
    regions.world.as_deref().map_or_else(|| crate::world::built_in(port, model::Uuid::nil()), read)
}

fn drawn(findings: &[Finding]) -> String {
    let mut text = String::new();
    for Finding { health, subject, found, remedy } in findings {
        let mark = match health {
            Health::Well => "ok  ",
            Health::Odd => "note",
            Health::Ill => "FAIL",
        };
        let _ = writeln!(text, "{mark}  {subject:SUBJECT$}  {found}");
        if !remedy.is_empty() {
            let _ = writeln!(text, "      {:SUBJECT$}  -> {remedy}", "");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_to_be_done_stands_under_what_was_found() {
        let findings = [Finding::well("a", "good"), Finding::ill("b", "bad", "mend it")];
        let lines: Vec<_> = drawn(&findings).lines().map(str::to_owned).collect();
        assert!(lines[0].starts_with("ok    a ") && lines[0].ends_with("  good"));
        assert!(lines[1].starts_with("FAIL  b ") && lines[2].ends_with("-> mend it"));
        assert_eq!(lines[1].find("bad"), lines[2].find("->"));
    }
}
