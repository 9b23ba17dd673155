//! Options: command line over environment over file over defaults.
//!
//! An option is described once, here, as clap is told of it: its name, environment, unit, default, and what it may be.
//! [`mod@settings`] has all that from clap again, and with it [`mod@file`] reads the file: what stands there takes the place of
//! the default before the command line is read ([`read_command_line`]). An option `some_thing` is `--some-thing`,
//! `SOJOURN_SOME_THING` and `some_thing` in the file; one with a dot in its id stands in a table there.
//!
//! What several commands have in common is one set: where data is ([`DataOptions`], [`StoreOptions`]), what a process is
//! to others ([`ProcessOptions`]), what its regions are ([`RegionOptions`]). What options mean together is decided by
//! `decide` of each command, which makes plain values of them.

mod file;
mod logins;
mod settings;
mod transfer;
mod values;

#[cfg(test)]
mod tests;

use ::transfer::{Patience, VersionRange};
use anyhow::{Context as _, Result, bail};
use clap::Args;
use connectors::SimulatorKey;
pub(crate) use file::{ConfigFile, read_command_line, text_of, unknown};
use grid::{AssetPlace, Database};
pub(crate) use logins::{LoginOptions, Logins};
use model::Network;
pub(crate) use settings::{Setting, Usual, meaning, settings, usual};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use transfer::TransferOptions;

/// The database's file in the data folder.
const DATABASE: &str = "grid.sqlite";
/// The assets' folder in the data folder.
pub(crate) const ASSETS: &str = "assets";

/// Seconds that draining may take.
const MAX_DRAIN_S: u64 = 24 * 3600;

/// Where data is.
#[derive(Args, Clone, Debug)]
pub(crate) struct DataOptions {
    /// Where everything is kept; each process has its own
    #[arg(long, value_name = "DIR", env = "SOJOURN_DATA", default_value = "sojourn-data")]
    pub(crate) data: PathBuf,
    /// A file that holds any of these options, in TOML
    #[arg(long, value_name = "FILE", env = "SOJOURN_CONFIG")]
    pub(crate) config: Option<PathBuf>,
}

/// Where a grid keeps what it knows.
#[derive(Args, Clone, Debug)]
pub(crate) struct StoreOptions {
    #[command(flatten)]
    pub(crate) data: DataOptions,
    /// The grid's database, sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME [default: a file in the data folder]
    #[arg(long, value_name = "URL", env = "SOJOURN_DATABASE", hide_env_values = true)]
    pub(crate) database: Option<String>,
}

/// Where what assets consist of is kept.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct AssetOptions {
    /// Where assets are kept: a folder, database:, or s3://BUCKET/PREFIX?endpoint=URL&region=NAME [default: a folder in the
    /// data folder; with PostgreSQL, the database]
    #[arg(long, value_name = "PLACE", env = "SOJOURN_ASSETS", value_parser = values::asset_place)]
    pub(crate) assets: Option<AssetPlace>,
}

/// What a process is to others.
#[derive(Args, Clone, Debug)]
pub(crate) struct ProcessOptions {
    /// What sockets bind to
    #[arg(long, value_name = "ADDR", env = "SOJOURN_BIND", value_parser = values::address)]
    #[arg(default_value = "127.0.0.1")]
    pub(crate) bind: IpAddr,
    /// Name or address that viewers and other processes are told [default: the bind address]
    #[arg(long, value_name = "NAME", env = "SOJOURN_HOST", value_parser = values::host)]
    pub(crate) host: Option<String>,
    /// Addresses that may see /metrics, /sessions, /transfers and /operate, besides this machine [default: none]
    #[arg(long, value_name = "ADDR", env = "SOJOURN_OPERATOR_FROM", value_parser = values::address)]
    #[arg(value_delimiter = ',')]
    pub(crate) operator_from: Vec<IpAddr>,
    /// Proxies that are believed what they say in X-Forwarded-For, of whom they ask for [default: none]
    #[arg(long, value_name = "ADDR[/BITS]", env = "SOJOURN_PROXY", value_parser = values::network)]
    #[arg(value_delimiter = ',')]
    pub(crate) proxy: Vec<Network>,
    /// What is logged, in the form of RUST_LOG
    #[arg(long, value_name = "FILTER", env = "SOJOURN_LOG", value_parser = values::log_filter)]
    #[arg(default_value = "info,sqlx=warn")]
    pub(crate) log: String,
    /// Threads that run regions and answer requests [default: one for each core, from 2 to 8]
    #[arg(long, value_name = "N", env = "SOJOURN_WORKERS", value_parser = values::workers)]
    workers: Option<usize>,
}

/// What the regions of a process are.
#[derive(Args, Clone, Debug)]
pub(crate) struct RegionOptions {
    /// The world file [default: a small world is built in]
    #[arg(long, value_name = "FILE", env = "SOJOURN_WORLD")]
    pub(crate) world: Option<PathBuf>,
    /// A viewer that is silent for so long is logged out
    #[arg(long, value_name = "SECONDS", env = "SOJOURN_SILENCE_TIMEOUT", default_value_t = 60)]
    #[arg(value_parser = values::seconds::<5, 3600>)]
    pub(crate) silence_timeout: u64,
    /// On SIGTERM those inside are warned for so long, and moved to other simulators then
    #[arg(long, value_name = "SECONDS", env = "SOJOURN_DRAIN", default_value_t = 0)]
    #[arg(value_parser = values::seconds::<0, MAX_DRAIN_S>)]
    pub(crate) drain: u64,
    /// Base URL under which viewers and other processes reach the HTTP side, behind a proxy for example [default:
    /// http://HOST:PORT/]
    #[arg(long, value_name = "URL", env = "SOJOURN_URL", value_parser = values::url::<80>)]
    pub(crate) url: Option<String>,
    /// Versions of the simulation protocol in which agents are sent and taken
    #[arg(long, value_name = "LOW..HIGH", env = "SOJOURN_SIMULATION_PROTOCOL")]
    #[arg(value_parser = values::versions, default_value_t = VersionRange::ALL)]
    pub(crate) simulation_protocol: VersionRange,
    /// Where transfers are sent as traces: a collector of OpenTelemetry that takes OTLP over HTTP [default: none]
    #[arg(long, value_name = "URL", env = "SOJOURN_OTLP", value_parser = values::url::<4318>)]
    pub(crate) otlp: Option<String>,
    #[command(flatten)]
    transfer: TransferOptions,
}

/// Options of `sojourn standalone`.
#[derive(Args, Clone, Debug)]
pub(crate) struct StandaloneOptions {
    #[command(flatten)]
    pub(crate) data: DataOptions,
    #[command(flatten)]
    pub(crate) assets: AssetOptions,
    /// HTTP port: logins, pages, capabilities, /healthz, /metrics
    #[arg(long, value_name = "PORT", env = "SOJOURN_PORT", value_parser = values::port)]
    #[arg(default_value_t = 9000)]
    pub(crate) port: u16,
    #[command(flatten)]
    pub(crate) process: ProcessOptions,
    #[command(flatten)]
    pub(crate) regions: RegionOptions,
    #[command(flatten)]
    pub(crate) logins: LoginOptions,
    /// Name of the grid, as viewers show it
    #[arg(long, value_name = "NAME", env = "SOJOURN_GRID_NAME", default_value = "Sojourn")]
    pub(crate) grid_name: String,
}

/// Options of `sojourn grid`.
#[derive(Args, Clone, Debug)]
pub(crate) struct GridOptions {
    #[command(flatten)]
    pub(crate) store: StoreOptions,
    #[command(flatten)]
    pub(crate) assets: AssetOptions,
    /// Port for everybody: logins, pages, grid info, map tiles, /healthz
    #[arg(long, value_name = "PORT", env = "SOJOURN_PORT", value_parser = values::port)]
    #[arg(default_value_t = 8002)]
    pub(crate) port: u16,
    /// Port for simulators and operators: the grid services, /operate, /healthz, /metrics
    #[arg(long, value_name = "PORT", env = "SOJOURN_PRIVATE_PORT", value_parser = values::port)]
    #[arg(default_value_t = 8003)]
    pub(crate) private_port: u16,
    #[command(flatten)]
    pub(crate) process: ProcessOptions,
    /// Base URL under which everybody reaches the public side, behind a proxy for example [default: http://HOST:PORT/]
    #[arg(long, value_name = "URL", env = "SOJOURN_URL", value_parser = values::url::<80>)]
    pub(crate) url: Option<String>,
    /// Name of the grid, as viewers show it
    #[arg(long, value_name = "NAME", env = "SOJOURN_GRID_NAME", default_value = "Sojourn")]
    pub(crate) grid_name: String,
    #[command(flatten)]
    pub(crate) logins: LoginOptions,
    /// Simulators at these addresses need no key, where one is demanded: with PostgreSQL, and where --bind is not loopback
    /// [default: none]
    #[arg(long, value_name = "ADDR[/BITS]", env = "SOJOURN_OPEN_TO", value_parser = values::network)]
    #[arg(value_delimiter = ',')]
    pub(crate) open_to: Vec<Network>,
    /// A session that its simulator has not renewed for so long is over
    // Simulators renew every ten seconds; one renewal may be lost.
    #[arg(long, value_name = "SECONDS", env = "SOJOURN_LEASE", value_parser = values::seconds::<21, 600>)]
    #[arg(default_value_t = 25)]
    pub(crate) lease: u64,
}

/// Options of `sojourn simulator`.
#[derive(Args, Clone, Debug)]
pub(crate) struct SimulatorOptions {
    #[command(flatten)]
    pub(crate) data: DataOptions,
    /// The grid's private side; it has to be given [default: none]
    #[arg(long, value_name = "URL", env = "SOJOURN_GRID", value_parser = values::url::<8003>)]
    pub(crate) grid: Option<String>,
    /// The grid's public side [default: port 8002 on the host of --grid]
    #[arg(long, value_name = "URL", env = "SOJOURN_LOGIN", value_parser = values::url::<8002>)]
    pub(crate) login: Option<String>,
    /// What `sojourn simulator-key add` has printed; on the command line other users of the machine can read it [default:
    /// none]
    #[arg(long, value_name = "KEY", env = "SOJOURN_SIMULATOR_KEY", hide_env_values = true)]
    pub(crate) simulator_key: Option<String>,
    /// HTTP port: capabilities, other simulators, /healthz, /metrics
    #[arg(long, value_name = "PORT", env = "SOJOURN_PORT", value_parser = values::port)]
    #[arg(default_value_t = 9000)]
    pub(crate) port: u16,
    #[command(flatten)]
    pub(crate) process: ProcessOptions,
    #[command(flatten)]
    pub(crate) regions: RegionOptions,
}

/// What a process goes by towards others.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Process {
    pub(crate) bind: IpAddr,
    pub(crate) host: String,
    pub(crate) operators: Vec<IpAddr>,
    /// Who is believed of whom they ask for.
    pub(crate) proxies: Vec<Network>,
    pub(crate) log: String,
}

/// What regions go by.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Regions {
    pub(crate) world: Option<PathBuf>,
    pub(crate) silence_timeout: Duration,
    /// How long those inside are warned before the process ends.
    pub(crate) drain: Duration,
    pub(crate) versions: VersionRange,
    /// Waits of transfers.
    pub(crate) patience: Patience,
    /// Base URL of a collector of traces.
    pub(crate) otlp: Option<String>,
    /// Where the HTTP side is reached, with its slash, if not at the process's own address.
    pub(crate) url: Option<String>,
}

/// What `sojourn standalone` goes by.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Standalone {
    pub(crate) data: PathBuf,
    pub(crate) assets: AssetPlace,
    pub(crate) port: u16,
    pub(crate) process: Process,
    pub(crate) regions: Regions,
    pub(crate) logins: Logins,
    pub(crate) grid_name: String,
}

/// What `sojourn grid` goes by.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Grid {
    pub(crate) data: PathBuf,
    pub(crate) database: Database,
    pub(crate) assets: AssetPlace,
    pub(crate) port: u16,
    pub(crate) private_port: u16,
    pub(crate) process: Process,
    /// Where the public side is reached, with its slash.
    pub(crate) url: String,
    pub(crate) grid_name: String,
    pub(crate) logins: Logins,
    /// Who needs no key on the private side. `None`: nobody does, it is for this machine alone.
    pub(crate) door: Option<Vec<Network>>,
    /// How long sessions outlast their last renewal.
    pub(crate) lease: Duration,
}

/// What `sojourn simulator` goes by. URLs have their slash.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Simulator {
    pub(crate) data: PathBuf,
    pub(crate) grid: String,
    pub(crate) login: String,
    /// Shown to the grid's private side.
    pub(crate) key: Option<SimulatorKey>,
    pub(crate) port: u16,
    pub(crate) process: Process,
    pub(crate) regions: Regions,
}

impl StoreOptions {
    /// The database that a folder has of itself.
    pub(crate) fn in_folder(folder: &Path) -> Database {
        Database::File(folder.join(DATABASE))
    }

    /// The data folder and the database.
    pub(crate) fn decide(self) -> Result<(PathBuf, Database)> {
        let folder = self.data.data;
        let database = match self.database {
            None => Self::in_folder(&folder),
            Some(url) => url.parse()?,
        };
        Ok((folder, database))
    }
}

impl AssetOptions {
    /// Beside an embedded database there is its folder; several processes on one server may have no folder in common.
    pub(crate) fn decide(self, folder: &Path, database: &Database) -> AssetPlace {
        self.assets.unwrap_or_else(|| match database {
            Database::Postgres(_) => AssetPlace::Database,
            Database::File(_) | Database::Memory => AssetPlace::Folder(folder.join(ASSETS)),
        })
    }
}

impl ProcessOptions {
    /// How many threads run tasks. A region keeps one busy at a time; each costs some memory.
    pub(crate) fn workers(&self) -> usize {
        let usual = || std::thread::available_parallelism().map_or(1, |cores| cores.get()).clamp(2, 8);
        self.workers.unwrap_or_else(usual)
    }

    fn decide(self) -> Result<Process> {
        let Self { bind, host, operator_from: operators, proxy: proxies, log, workers: _ } = self;
        let host = match host {
            Some(host) => host,
            None if bind.is_unspecified() => bail!(
                "sockets bind to {bind}, which is no address to tell viewers; --host says which to tell them"
            ),
            None => bind.to_string(),
        };
        Ok(Process { bind, host, operators, proxies, log })
    }
}

impl RegionOptions {
    fn decide(self) -> Result<Regions> {
        Ok(Regions {
            world: self.world,
            silence_timeout: Duration::from_secs(self.silence_timeout),
            drain: Duration::from_secs(self.drain),
            versions: self.simulation_protocol,
            patience: self.transfer.decide()?,
            url: self.url,
            otlp: self.otlp,
        })
    }
}

impl StandaloneOptions {
    /// All of it, decided.
    pub(crate) fn decide(self) -> Result<Standalone> {
        let data = self.data.data;
        Ok(Standalone {
            assets: self.assets.decide(&data, &StoreOptions::in_folder(&data)),
            data,
            port: self.port,
            process: self.process.decide()?,
            regions: self.regions.decide()?,
            logins: self.logins.decide()?,
            grid_name: self.grid_name,
        })
    }
}

impl GridOptions {
    /// All of it, decided.
    pub(crate) fn decide(self) -> Result<Grid> {
        let (data, database) = self.store.decide()?;
        let assets = self.assets.decide(&data, &database);
        let Self { port, private_port, grid_name, open_to, .. } = self;
        if port == private_port {
            bail!("the public and the private port are both {port}");
        }
        let process = self.process.decide()?;
        let url = self.url.unwrap_or_else(|| process.url(port));
        let lease = Duration::from_secs(self.lease);
        let logins = self.logins.decide()?;
        let demanded = matches!(database, Database::Postgres(_)) || !process.bind.is_loopback();
        if !demanded && !open_to.is_empty() {
            bail!("--open-to makes exceptions from keys, which are not demanded on loopback and SQLite");
        }
        let door = demanded.then_some(open_to);
        Ok(Grid { data, database, assets, port, private_port, process, url, grid_name, logins, door, lease })
    }
}

impl SimulatorOptions {
    /// All of it, decided.
    pub(crate) fn decide(self) -> Result<Simulator> {
        let grid = self.grid.context("--grid says which grid to join: http://HOST:8003")?;
        let host = grid.rsplit_once(':').map_or(grid.as_str(), |(host, _)| host);
        Ok(Simulator {
            data: self.data.data,
            login: self.login.unwrap_or_else(|| format!("{host}:8002/")),
            grid,
            key: self.simulator_key.map(SimulatorKey),
            port: self.port,
            process: self.process.decide()?,
            regions: self.regions.decide()?,
        })
    }
}

impl Regions {
    /// Base URL of the HTTP side, as viewers and other processes reach it.
    pub(crate) fn url(&self, process: &Process, port: u16) -> String {
        self.url.clone().unwrap_or_else(|| process.url(port))
    }
}

impl Process {
    /// Base URL of an HTTP port, as others reach it.
    pub(crate) fn url(&self, port: u16) -> String {
        let host = &self.host;
        // A literal IPv6 address stands in brackets.
        if host.contains(':') && !host.starts_with('[') {
            format!("http://[{host}]:{port}/")
        } else {
            format!("http://{host}:{port}/")
        }
    }
}
