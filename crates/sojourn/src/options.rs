//! Options: command line over environment over file over defaults.
//!
//! clap reads the first two into one value each; the file fills what is still empty. What several commands have in
//! common is one set here: where data is ([`DataOptions`], [`StoreOptions`]), what a process is to others
//! ([`ProcessOptions`]), what its regions are ([`RegionOptions`]).

mod file;
mod logins;
mod transfer;

#[cfg(test)]
mod tests;

use ::transfer::{Patience, VersionRange};
use anyhow::{Context as _, Result, bail};
use clap::Args;
use file::File;
use grid::Database;
pub(crate) use logins::{LoginOptions, Logins};
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The database's file in the data folder.
const DATABASE: &str = "grid.sqlite";

/// Seconds that draining may take.
const MAX_DRAIN_S: u64 = 24 * 3600;

/// Where data is.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct DataOptions {
    /// Where everything is kept [default: sojourn-data]
    #[arg(long, value_name = "DIR", env = "SOJOURN_DATA")]
    pub(crate) data: Option<PathBuf>,
    /// A file that holds any of these options, in TOML
    #[arg(long, value_name = "FILE", env = "SOJOURN_CONFIG")]
    pub(crate) config: Option<PathBuf>,
}

/// Where a grid keeps what it knows.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct StoreOptions {
    #[command(flatten)]
    pub(crate) data: DataOptions,
    /// The grid's database, sqlite:PATH [default: a file in the data folder]
    #[arg(long, value_name = "URL", env = "SOJOURN_DATABASE")]
    pub(crate) database: Option<String>,
}

/// What a process is to others.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct ProcessOptions {
    /// What sockets bind to [default: 127.0.0.1]
    #[arg(long, value_name = "ADDR", env = "SOJOURN_BIND")]
    pub(crate) bind: Option<IpAddr>,
    /// Name or address that viewers and other processes are told [default: the bind address]
    #[arg(long, value_name = "NAME", env = "SOJOURN_HOST")]
    pub(crate) host: Option<String>,
    /// Addresses that may see /metrics and /transfers, besides this machine
    #[arg(long, value_name = "ADDR", env = "SOJOURN_OPERATOR_FROM", value_delimiter = ',')]
    pub(crate) operator_from: Vec<IpAddr>,
    /// What is logged, in the form of RUST_LOG [default: info,sqlx=warn]
    #[arg(long, value_name = "FILTER", env = "SOJOURN_LOG")]
    pub(crate) log: Option<String>,
}

/// What the regions of a process are.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct RegionOptions {
    /// The world file; without it a small world is built in
    #[arg(long, value_name = "FILE", env = "SOJOURN_WORLD")]
    pub(crate) world: Option<PathBuf>,
    /// A viewer that is silent for so long has gone [default: 60]
    #[arg(long, value_name = "SECONDS", env = "SOJOURN_SILENCE_TIMEOUT")]
    pub(crate) silence_timeout: Option<u64>,
    /// On SIGTERM those inside are warned for so long, and moved to other simulators then [default: 0]
    #[arg(long, value_name = "SECONDS", env = "SOJOURN_DRAIN")]
    pub(crate) drain: Option<u64>,
    /// Base URL under which viewers and other processes reach the HTTP side, behind a proxy for example [default:
    /// http://HOST:PORT/]
    #[arg(long, value_name = "URL", env = "SOJOURN_URL")]
    pub(crate) url: Option<String>,
    /// Versions of the simulation protocol that are offered and accepted [default: all, 0.1..0.8]
    #[arg(long, value_name = "LOW..HIGH", env = "SOJOURN_SIMULATION_PROTOCOL")]
    pub(crate) simulation_protocol: Option<String>,
    /// Where transfers are sent as traces: a collector of OpenTelemetry that takes OTLP over HTTP, http://HOST:4318
    #[arg(long, value_name = "URL", env = "OTEL_EXPORTER_OTLP_ENDPOINT")]
    pub(crate) otlp: Option<String>,
}

/// Options of `sojourn standalone`.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct StandaloneOptions {
    #[command(flatten)]
    pub(crate) data: DataOptions,
    /// HTTP port: logins, capabilities, /healthz, /metrics [default: 9000]
    #[arg(long, value_name = "PORT", env = "SOJOURN_PORT")]
    pub(crate) port: Option<u16>,
    #[command(flatten)]
    pub(crate) process: ProcessOptions,
    #[command(flatten)]
    pub(crate) regions: RegionOptions,
    #[command(flatten)]
    pub(crate) logins: LoginOptions,
    /// Name of the grid, as viewers show it [default: Sojourn]
    #[arg(long, value_name = "NAME", env = "SOJOURN_GRID_NAME")]
    pub(crate) grid_name: Option<String>,
}

/// Options of `sojourn grid`.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct GridOptions {
    #[command(flatten)]
    pub(crate) store: StoreOptions,
    /// Port for everybody: logins, grid info, map tiles, /healthz [default: 8002]
    #[arg(long, value_name = "PORT", env = "SOJOURN_PORT")]
    pub(crate) port: Option<u16>,
    /// Port for simulators and operators: the grid services, /healthz, /metrics [default: 8003]
    #[arg(long, value_name = "PORT", env = "SOJOURN_PRIVATE_PORT")]
    pub(crate) private_port: Option<u16>,
    #[command(flatten)]
    pub(crate) process: ProcessOptions,
    /// Name of the grid, as viewers show it [default: Sojourn]
    #[arg(long, value_name = "NAME", env = "SOJOURN_GRID_NAME")]
    pub(crate) grid_name: Option<String>,
    #[command(flatten)]
    pub(crate) logins: LoginOptions,
    /// A session that its simulator has not renewed for so long is over [default: 25]
    #[arg(long, value_name = "SECONDS", env = "SOJOURN_LEASE")]
    pub(crate) lease: Option<u64>,
}

/// Options of `sojourn simulator`.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct SimulatorOptions {
    #[command(flatten)]
    pub(crate) data: DataOptions,
    /// The grid's private side, http://HOST:8003
    #[arg(long, value_name = "URL", env = "SOJOURN_GRID")]
    pub(crate) grid: Option<String>,
    /// The grid's public side [default: port 8002 on the host of --grid]
    #[arg(long, value_name = "URL", env = "SOJOURN_LOGIN")]
    pub(crate) login: Option<String>,
    /// HTTP port: capabilities, other simulators, /healthz, /metrics [default: 9000]
    #[arg(long, value_name = "PORT", env = "SOJOURN_PORT")]
    pub(crate) port: Option<u16>,
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
    pub(crate) port: u16,
    pub(crate) private_port: u16,
    pub(crate) process: Process,
    pub(crate) grid_name: String,
    pub(crate) logins: Logins,
    /// How long sessions outlast their last renewal.
    pub(crate) lease: Duration,
}

/// What `sojourn simulator` goes by. URLs have their slash.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Simulator {
    pub(crate) data: PathBuf,
    pub(crate) grid: String,
    pub(crate) login: String,
    pub(crate) port: u16,
    pub(crate) process: Process,
    pub(crate) regions: Regions,
}

impl DataOptions {
    /// The data folder.
    pub(crate) fn folder(&self) -> Result<PathBuf> {
        Ok(self.clone().over(&self.file()?))
    }

    fn file(&self) -> Result<File> {
        File::read(self.config.as_deref())
    }

    fn over(self, file: &File) -> PathBuf {
        self.data.or_else(|| file.data.clone()).unwrap_or_else(|| "sojourn-data".into())
    }
}

impl StoreOptions {
    /// The database that a folder has of itself.
    pub(crate) fn in_folder(folder: &Path) -> Database {
        Database::File(folder.join(DATABASE))
    }

    /// The data folder and the database.
    pub(crate) fn decide(self) -> Result<(PathBuf, Database)> {
        let file = self.data.file()?;
        self.over(&file)
    }

    fn over(self, file: &File) -> Result<(PathBuf, Database)> {
        let folder = self.data.over(file);
        let database = match self.database.or_else(|| file.database.clone()) {
            None => Self::in_folder(&folder),
            // Its password is nobody's business.
            Some(url) if url.starts_with("postgres") => {
                bail!("this version keeps a grid in SQLite only: --database sqlite:PATH")
            }
            Some(url) => url.parse()?,
        };
        Ok((folder, database))
    }
}

impl ProcessOptions {
    fn over(self, file: &File) -> Result<Process> {
        let bind = self.bind.or(file.bind).unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let host = match self.host.or_else(|| file.host.clone()) {
            Some(host) => host,
            None if bind.is_unspecified() => bail!(
                "sockets bind to {bind}, which is no address to tell viewers; --host says which to tell them"
            ),
            None => bind.to_string(),
        };
        let sound = |c: char| c.is_ascii_alphanumeric() || ".-_:[]".contains(c);
        if host.is_empty() || !host.chars().all(sound) {
            bail!("{host:?} is no name or address of a host");
        }
        let named = !self.operator_from.is_empty();
        let operators = if named { self.operator_from } else { file.operator_from.clone() };
        let log = self.log.or_else(|| file.log.clone()).unwrap_or_else(|| "info,sqlx=warn".into());
        Ok(Process { bind, host, operators, log })
    }
}

impl RegionOptions {
    fn over(self, file: &File) -> Result<Regions> {
        let silence_timeout = self.silence_timeout.or(file.silence_timeout).unwrap_or(60);
        if !(5..=3600).contains(&silence_timeout) {
            bail!("the silence timeout is {silence_timeout} s; it must be between 5 and 3600");
        }
        let drain = self.drain.or(file.drain).unwrap_or(0);
        if drain > MAX_DRAIN_S {
            bail!("draining takes {drain} s; it must be at most {MAX_DRAIN_S}");
        }
        let reached = self.url.or_else(|| file.url.clone());
        let reached = reached.map(|given| url(&given, 80).with_context(|| format!("--url {given:?}")));
        let otlp = self.otlp.or_else(|| file.otlp.clone());
        let otlp = otlp.map(|given| url(&given, 4318).with_context(|| format!("--otlp {given:?}")));
        let versions = self.simulation_protocol.or_else(|| file.simulation_protocol.clone());
        Ok(Regions {
            world: self.world.or_else(|| file.world.clone()),
            silence_timeout: Duration::from_secs(silence_timeout),
            drain: Duration::from_secs(drain),
            versions: versions.map_or(Ok(VersionRange::ALL), |text| text.parse())?,
            patience: file.transfer.decide()?,
            url: reached.transpose()?,
            otlp: otlp.transpose()?,
        })
    }
}

impl StandaloneOptions {
    /// All of it, decided.
    pub(crate) fn decide(self) -> Result<Standalone> {
        let file = self.data.file()?;
        self.over(&file)
    }

    fn over(self, file: &File) -> Result<Standalone> {
        Ok(Standalone {
            data: self.data.over(file),
            port: self.port.or(file.port).unwrap_or(9000),
            process: self.process.over(file)?,
            regions: self.regions.over(file)?,
            logins: self.logins.over(file)?,
            grid_name: grid_name(self.grid_name, file),
        })
    }
}

impl GridOptions {
    /// All of it, decided.
    pub(crate) fn decide(self) -> Result<Grid> {
        let file = self.store.data.file()?;
        self.over(&file)
    }

    fn over(self, file: &File) -> Result<Grid> {
        let (data, database) = self.store.over(file)?;
        let port = self.port.or(file.port).unwrap_or(8002);
        let private_port = self.private_port.or(file.private_port).unwrap_or(8003);
        if port == private_port {
            bail!("the public and the private port are both {port}");
        }
        let process = self.process.over(file)?;
        let lease = self.lease.or(file.lease).unwrap_or(25);
        // Simulators renew every ten seconds; one renewal may be lost.
        if !(21..=600).contains(&lease) {
            bail!("the lease of sessions is {lease} s; it must be between 21 and 600");
        }
        let lease = Duration::from_secs(lease);
        let logins = self.logins.over(file)?;
        let grid_name = grid_name(self.grid_name, file);
        Ok(Grid { data, database, port, private_port, process, grid_name, logins, lease })
    }
}

impl SimulatorOptions {
    /// All of it, decided.
    pub(crate) fn decide(self) -> Result<Simulator> {
        let file = self.data.file()?;
        self.over(&file)
    }

    fn over(self, file: &File) -> Result<Simulator> {
        let grid = self.grid.or_else(|| file.grid.clone());
        let grid = grid.context("--grid says which grid to join: http://HOST:8003")?;
        let grid = url(&grid, 8003).with_context(|| format!("--grid {grid:?}"))?;
        let login = match self.login.or_else(|| file.login.clone()) {
            Some(login) => url(&login, 8002).with_context(|| format!("--login {login:?}"))?,
            None => format!("{}:8002/", grid.rsplit_once(':').map_or(grid.as_str(), |(host, _)| host)),
        };
        Ok(Simulator {
            data: self.data.over(file),
            grid,
            login,
            port: self.port.or(file.port).unwrap_or(9000),
            process: self.process.over(file)?,
            regions: self.regions.over(file)?,
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

fn grid_name(option: Option<String>, file: &File) -> String {
    option.or_else(|| file.grid_name.clone()).unwrap_or_else(|| "Sojourn".into())
}

/// A base URL: `http://HOST:PORT/` and nothing more.
fn url(text: &str, port: u16) -> Result<String> {
    let wanted = || format!("an address like http://HOST:{port} is wanted");
    let authority = text.strip_prefix("http://").with_context(wanted)?;
    let authority = authority.strip_suffix('/').unwrap_or(authority);
    let (host, given) = match authority.rsplit_once(':') {
        // Within the brackets of an IPv6 address.
        Some((_, rest)) if rest.ends_with(']') => (authority, None),
        Some((host, given)) => (host, Some(given)),
        None => (authority, None),
    };
    let port = given.map_or(Ok(port), str::parse).with_context(wanted)?;
    let sound = |c: char| c.is_ascii_alphanumeric() || ".-_:[]".contains(c);
    if host.is_empty() || !host.chars().all(sound) {
        bail!(wanted());
    }
    Ok(format!("http://{host}:{port}/"))
}
