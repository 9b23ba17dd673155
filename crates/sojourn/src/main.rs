//! `sojourn`, the binary: command line, configuration, assembly of grid and simulator, signals.
//!
//! What runs is decided elsewhere; here it is put together. [`options`] merges command line, environment and file into
//! plain values; [`world`] reads the regions; [`run`] is the processes: a grid, a simulator, or both in one, where the
//! simulator calls the grid's services in memory. [`log`] carries out
//! what they say. [`config`] explains and checks what they go by, [`doctor`] whether
//! they would work. [`accounts`], [`simulator_keys`], [`backup`], [`import`], [`operate`], [`sessions`] and [`transfers`]
//! are the commands that act on data and look at running processes.

mod accounts;
mod backup;
mod config;
mod counted;
mod data;
#[cfg(test)]
mod deploy;
mod doctor;
mod first_account;
mod grid_info;
mod import;
mod log;
mod operate;
mod options;
mod run;
mod sessions;
mod simulator_keys;
mod transfers;
mod world;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// A virtual-world server for the viewers of Second Life and OpenSimulator.
#[derive(Parser, Debug)]
#[command(name = "sojourn", version, args_conflicts_with_subcommands = true)]
struct CommandLine {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    standalone: options::StandaloneOptions,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// A whole world in one process: grid services and simulator. The same as no command at all.
    Standalone(options::StandaloneOptions),
    /// The grid services alone; simulators are joined to them
    Grid(options::GridOptions),
    /// Regions that are joined to a grid, ours or an OpenSimulator ROBUST
    Simulator(options::SimulatorOptions),
    /// What can be configured, whether a file is sound, and files made of an OpenSimulator's
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Looks at a deployment without changing it, and says what is to be done; takes the options of what is to run
    #[command(subcommand)]
    Doctor(doctor::DoctorCommand),
    /// Copies all that a process keeps into a folder, also while it runs
    Backup(backup::BackupOptions),
    /// Brings back what `backup` has copied, to where nothing is; the database may be of another engine
    Restore(backup::RestoreOptions),
    /// Moving in from an OpenSimulator
    #[command(subcommand)]
    Import(import::ImportCommand),
    /// Accounts: add, list, change, remove; also while the world runs.
    #[command(subcommand)]
    User(accounts::UserCommand),
    /// Keys by which simulators may use a grid's private side: add, list, remove; also while it runs
    #[command(subcommand)]
    SimulatorKey(simulator_keys::SimulatorKeyCommand),
    /// The password of the operator's pages.
    #[command(subcommand)]
    Operator(accounts::OperatorCommand),
    /// What the running world logs of packets, event queues and HTTP.
    #[command(subcommand)]
    Debug(operate::DebugCommand),
    /// Ends somebody's session.
    Kick(operate::Kick),
    /// Shows everybody a text.
    Notice(operate::Notice),
    /// Closes one region, after warnings, moves away who is there, and starts it anew
    RestartRegion(operate::RestartRegion),
    /// The transfers of agents that running simulators remember, step by step
    Transfers(transfers::TransfersOptions),
    /// Who is where on running simulators, and how sessions ended
    Sessions(sessions::SessionsOptions),
}

/// Threads that run tasks, of commands that are soon done; processes have an option.
const WORKERS: usize = 2;
/// Threads for what blocks, made when they are wanted: files. What may take long has a smaller bound of its own: password
/// hashes, look-ups of names.
const BLOCKING: usize = 128;
/// Bytes of stack for each.
const STACK: usize = 1 << 20;

fn main() -> ExitCode {
    let CommandLine { command, standalone } = match options::read_command_line(std::env::args_os().collect())
    {
        Ok(line) => line,
        Err(error) => {
            eprintln!("sojourn: {error:#}");
            return ExitCode::FAILURE;
        }
    };
    let command = command.unwrap_or(Command::Standalone(standalone));
    raise_file_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(command.workers())
        .max_blocking_threads(BLOCKING)
        .thread_stack_size(STACK)
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("sojourn: {error}");
            return ExitCode::FAILURE;
        }
    };
    let done = runtime.block_on(async {
        match command {
            Command::Standalone(options) => run::standalone::run(options).await,
            Command::Grid(options) => run::grid::run(options).await,
            Command::Simulator(options) => run::simulator::run(options).await,
            Command::Config(command) => config::run(command),
            Command::Doctor(command) => doctor::run(command).await,
            Command::Backup(options) => backup::backup(options).await,
            Command::Restore(options) => backup::restore(options).await,
            Command::Import(command) => import::run(command).await,
            Command::User(command) => accounts::run(command).await,
            Command::SimulatorKey(command) => simulator_keys::run(command).await,
            Command::Operator(command) => accounts::operator(command).await,
            Command::Debug(command) => operate::debug(command).await,
            Command::Kick(kick) => operate::kick(kick).await,
            Command::RestartRegion(restart) => operate::restart_region(restart).await,
            Command::Notice(notice) => operate::notice(notice).await,
            Command::Transfers(options) => transfers::run(options).await,
            Command::Sessions(options) => sessions::run(options).await,
        }
    });
    // Whatever still blocks (a slow name look-up) does not hold up the end.
    runtime.shutdown_background();
    log::finish();
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sojourn: {error:#}");
            ExitCode::FAILURE
        }
    }
}

impl Command {
    /// How many threads run its tasks.
    fn workers(&self) -> usize {
        match self {
            Self::Standalone(options) => options.process.workers(),
            Self::Grid(options) => options.process.workers(),
            Self::Simulator(options) => options.process.workers(),
            _ => WORKERS,
        }
    }
}

/// Every connection is a file to the system, whose usual limit is low. What cannot be raised stays as it is.
fn raise_file_limit() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    const WANTED: u64 = 65_536;
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
        && soft < WANTED.min(hard)
    {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, WANTED.min(hard), hard);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_sound() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn no_command_is_standalone_and_takes_its_options() {
        let line = CommandLine::try_parse_from(["sojourn", "--data", "d", "--port", "1"]).unwrap();
        assert!(line.command.is_none());
        assert_eq!(line.standalone.port, 1);
        let line = CommandLine::try_parse_from(["sojourn", "standalone", "--port", "2"]).unwrap();
        assert!(matches!(line.command, Some(Command::Standalone(options)) if options.port == 2));
    }

    #[test]
    fn processes_have_the_workers_they_are_told() {
        for command in ["standalone", "grid", "simulator"] {
            let workers = |words: &[&str]| {
                let line = CommandLine::try_parse_from([&["sojourn", command][..], words].concat()).unwrap();
                line.command.unwrap().workers()
            };
            assert_eq!(workers(&["--workers", "5"]), 5, "{command}");
            assert!((2..=8).contains(&workers(&[])), "{command}");
        }
        let line = CommandLine::try_parse_from(["sojourn", "user", "list"]).unwrap();
        assert_eq!(line.command.unwrap().workers(), WORKERS);
    }

    #[test]
    fn unknown_switches_are_refused() {
        for line in [
            &["sojourn", "debug", "everything", "1"][..],
            &["sojourn", "debug", "packet", "loud"],
            &["sojourn", "debug", "packet", "9"],
            &["sojourn", "fly"],
        ] {
            assert!(CommandLine::try_parse_from(line).is_err(), "{line:?}");
        }
    }
}
