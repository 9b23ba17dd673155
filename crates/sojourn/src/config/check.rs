//! Whether a file is sound: each value by itself, then what they mean together, then the files that it names.

use super::Process;
use crate::options::{ConfigFile, GridOptions, Regions, SimulatorOptions, StandaloneOptions, text_of};
use crate::world;
use anyhow::{Context as _, Result, bail};
use clap::builder::Resettable;
use clap::{Args, Command, FromArgMatches};
use std::path::Path;

/// What a grid has, and nobody else.
const OF_A_GRID: [&str; 3] = ["private_port", "database", "lease"];

/// Checks a file. For which command it was taken.
pub(super) fn check(path: &Path, process: Option<Process>) -> Result<Process> {
    let name = path.display();
    let (file, problems) = ConfigFile::parse(&text_of(path)?);
    for problem in &problems {
        eprintln!("{name}:{problem}");
    }
    match problems.len() {
        0 => {}
        1 => bail!("{name}: there is something wrong with it"),
        n => bail!("{name}: {n} things are wrong with it"),
    }
    let process = process.unwrap_or_else(|| meant_for(&file));
    together(&file, process).with_context(|| name.to_string())?;
    Ok(process)
}

fn meant_for(file: &ConfigFile) -> Process {
    if file.names("grid") {
        Process::Simulator
    } else if OF_A_GRID.iter().any(|key| file.names(key)) {
        Process::Grid
    } else {
        Process::Standalone
    }
}

fn together(file: &ConfigFile, process: Process) -> Result<()> {
    match process {
        Process::Standalone => readable(&of::<StandaloneOptions>(file)?.decide()?.regions),
        Process::Grid => of::<GridOptions>(file)?.decide().map(drop),
        Process::Simulator => readable(&of::<SimulatorOptions>(file)?.decide()?.regions),
    }
}

/// What the file says by itself, without the environment.
fn of<O: Args + FromArgMatches>(file: &ConfigFile) -> Result<O> {
    let command = file.under(O::augment_args(Command::new("file"))).no_binary_name(true);
    let command = command.mut_args(|arg| arg.env(Resettable::Reset));
    Ok(O::from_arg_matches(&command.try_get_matches_from([""; 0])?)?)
}

/// The world can be read. Its regions' ids depend on the data folder, which is not there yet.
fn readable(regions: &Regions) -> Result<()> {
    match &regions.world {
        Some(path) => world::read(path, model::Uuid::nil()).map(drop),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_together_is_checked_together() {
        let folder = tempfile::tempdir().unwrap();
        let (file, world) = (folder.path().join("sojourn.toml"), folder.path().join("world.toml"));
        let world_key = format!("world = {:?}\n", world.display().to_string());
        let check = |text: &str, process| {
            std::fs::write(&file, text).unwrap();
            check(&file, process).map_err(|error| format!("{error:#}"))
        };
        for (text, process) in [
            ("", Process::Standalone),
            ("port = 9000", Process::Standalone),
            ("lease = 30", Process::Grid),
            ("grid = 'http://grid'", Process::Simulator),
        ] {
            assert_eq!(check(text, None), Ok(process), "{text}");
        }
        for (text, process, words) in [
            ("bind = '0.0.0.0'", None, "--host"),
            ("port = 8003\nprivate_port = 8003", None, "8003"),
            ("", Some(Process::Simulator), "--grid"),
            ("prot = 1\nhost = ''", None, "2 things"),
            ("terms = 'nowhere.txt'", None, "nowhere.txt"),
            (world_key.as_str(), None, "world.toml"),
        ] {
            let error = check(text, process).expect_err(text);
            assert!(error.contains(words) && error.contains("sojourn.toml"), "{error}");
        }
        std::fs::write(&world, "[[region]]\nname = 'A'\nat = [1, 1]\nport = 1\nprot = 2").unwrap();
        let error = check(&world_key, None).expect_err("a key is unknown");
        assert!(error.contains("prot") && error.contains("line 5"), "{error}");
    }
}
