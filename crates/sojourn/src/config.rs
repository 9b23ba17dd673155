//! `sojourn config`: what can be configured, whether a file is sound, and files made of an OpenSimulator's.

mod check;
mod explain;
mod opensim;

use crate::options;
use anyhow::{Result, bail};
use clap::{Subcommand, ValueEnum};
use std::io::Write as _;
use std::path::PathBuf;

#[derive(Subcommand, Debug)]
pub(crate) enum ConfigCommand {
    /// Prints all options with what they mean, as a file in which each default is commented out; or one option
    Explain {
        /// The option, as it is called in the file
        key: Option<String>,
    },
    /// Says all that is wrong with a configuration file, and where
    Check {
        /// The file
        file: PathBuf,
        /// For which command it is [default: what the options in it are for]
        #[arg(long, value_name = "COMMAND")]
        r#for: Option<Process>,
    },
    /// Makes our configuration and world files of an OpenSimulator's, and lists what has no counterpart
    ImportOpensim {
        /// Its OpenSim.ini, or the Robust.ini or Robust.HG.ini of its grid, or the folder that these are in
        path: PathBuf,
        /// The folder in which to write sojourn.toml and world.toml, and grid.toml
        #[arg(long, value_name = "DIR", default_value = ".")]
        to: PathBuf,
        /// Write over files that are there
        #[arg(long)]
        force: bool,
    },
}

/// Commands that go by a file.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Process {
    Standalone,
    Grid,
    Simulator,
}

impl Process {
    /// The command.
    fn name(self) -> &'static str {
        match self {
            Self::Standalone => "standalone",
            Self::Grid => "grid",
            Self::Simulator => "simulator",
        }
    }
}

pub(crate) fn run(command: ConfigCommand) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match command {
        ConfigCommand::Explain { key: None } => out.write_all(explain::all().as_bytes())?,
        ConfigCommand::Explain { key: Some(key) } => match explain::one(&key) {
            Some(text) => out.write_all(text.as_bytes())?,
            None => bail!(options::unknown(&key, &options::settings())),
        },
        ConfigCommand::Check { file, r#for } => {
            let process = check::check(&file, r#for)?;
            writeln!(out, "{}: sound, for sojourn {}", file.display(), process.name())?;
        }
        ConfigCommand::ImportOpensim { path, to, force } => {
            out.write_all(opensim::import(&path, &to, force)?.as_bytes())?;
        }
    }
    Ok(out.flush()?)
}
