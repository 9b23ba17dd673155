//! Options: command line over environment over file over defaults.
//!
//! clap reads the first two into one value each; the file fills what is still empty.

use anyhow::{Context as _, Result, bail};
use clap::Args;
use serde::Deserialize;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::time::Duration;

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

/// Options of `sojourn standalone`.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct StandaloneOptions {
    #[command(flatten)]
    pub(crate) data: DataOptions,
    /// HTTP port: logins, capabilities, /healthz, /metrics [default: 9000]
    #[arg(long, value_name = "PORT", env = "SOJOURN_PORT")]
    pub(crate) port: Option<u16>,
    /// The world file; without it a small world is built in
    #[arg(long, value_name = "FILE", env = "SOJOURN_WORLD")]
    pub(crate) world: Option<PathBuf>,
    /// What sockets bind to [default: 127.0.0.1]
    #[arg(long, value_name = "ADDR", env = "SOJOURN_BIND")]
    pub(crate) bind: Option<IpAddr>,
    /// Name or address that viewers are told [default: the bind address]
    #[arg(long, value_name = "NAME", env = "SOJOURN_HOST")]
    pub(crate) host: Option<String>,
    /// Name of the grid, as viewers show it [default: Sojourn]
    #[arg(long, value_name = "NAME", env = "SOJOURN_GRID_NAME")]
    pub(crate) grid_name: Option<String>,
    /// A viewer that is silent for so long has gone [default: 60]
    #[arg(long, value_name = "SECONDS", env = "SOJOURN_SILENCE_TIMEOUT")]
    pub(crate) silence_timeout: Option<u64>,
    /// What is logged, in the form of RUST_LOG [default: info,sqlx=warn]
    #[arg(long, value_name = "FILTER", env = "SOJOURN_LOG")]
    pub(crate) log: Option<String>,
}

/// The file.
#[derive(Deserialize, Debug, Default, PartialEq)]
#[serde(deny_unknown_fields)]
struct File {
    data: Option<PathBuf>,
    port: Option<u16>,
    world: Option<PathBuf>,
    bind: Option<IpAddr>,
    host: Option<String>,
    grid_name: Option<String>,
    silence_timeout: Option<u64>,
    log: Option<String>,
}

/// What `sojourn standalone` goes by.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Standalone {
    pub(crate) data: PathBuf,
    pub(crate) port: u16,
    pub(crate) world: Option<PathBuf>,
    pub(crate) bind: IpAddr,
    pub(crate) host: String,
    pub(crate) grid_name: String,
    pub(crate) silence_timeout: Duration,
    pub(crate) log: String,
}

impl DataOptions {
    /// The data folder.
    pub(crate) fn folder(&self) -> Result<PathBuf> {
        let file = File::read(self.config.as_deref())?;
        Ok(self.data.clone().or(file.data).unwrap_or_else(default_data))
    }
}

impl StandaloneOptions {
    /// All of it, decided.
    pub(crate) fn decide(self) -> Result<Standalone> {
        let file = File::read(self.data.config.as_deref())?;
        self.over(file)
    }

    fn over(self, file: File) -> Result<Standalone> {
        let bind = self.bind.or(file.bind).unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let host = match self.host.or(file.host) {
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
        let silence_timeout = self.silence_timeout.or(file.silence_timeout).unwrap_or(60);
        if !(5..=3600).contains(&silence_timeout) {
            bail!("the silence timeout is {silence_timeout} s; it must be between 5 and 3600");
        }
        Ok(Standalone {
            data: self.data.data.or(file.data).unwrap_or_else(default_data),
            port: self.port.or(file.port).unwrap_or(9000),
            world: self.world.or(file.world),
            bind,
            host,
            grid_name: self.grid_name.or(file.grid_name).unwrap_or_else(|| "Sojourn".into()),
            silence_timeout: Duration::from_secs(silence_timeout),
            log: self.log.or(file.log).unwrap_or_else(|| "info,sqlx=warn".into()),
        })
    }
}

impl Standalone {
    /// Base URL of the HTTP side, as viewers reach it.
    pub(crate) fn url(&self) -> String {
        let host = &self.host;
        // A literal IPv6 address stands in brackets.
        if host.contains(':') && !host.starts_with('[') {
            format!("http://[{host}]:{}/", self.port)
        } else {
            format!("http://{host}:{}/", self.port)
        }
    }
}

fn default_data() -> PathBuf {
    "sojourn-data".into()
}

impl File {
    fn read(path: Option<&Path>) -> Result<Self> {
        let Some(path) = path else { return Ok(Self::default()) };
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        Self::parse(&text).with_context(|| path.display().to_string())
    }

    fn parse(text: &str) -> Result<Self> {
        Ok(toml::from_str(text)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_over_the_file_and_the_file_over_defaults() {
        let file = File::parse("port = 1\ndata = 'f'\nbind = '::1'").unwrap();
        let options = StandaloneOptions { port: Some(2), ..StandaloneOptions::default() };
        let decided = options.over(file).unwrap();
        assert_eq!((decided.port, decided.data, decided.host.as_str()), (2, "f".into(), "::1"));
        let decided = StandaloneOptions::default().over(File::default()).unwrap();
        assert_eq!(decided.url(), "http://127.0.0.1:9000/");
        assert_eq!(decided.data, PathBuf::from("sojourn-data"));
    }

    #[test]
    fn an_unknown_key_is_refused_and_the_known_ones_are_named() {
        let error = File::parse("prot = 9000").unwrap_err().to_string();
        assert!(error.contains("prot") && error.contains("silence_timeout"), "{error}");
    }

    #[test]
    fn what_viewers_cannot_reach_is_refused() {
        let bound = |host: Option<&str>| {
            let options = StandaloneOptions {
                bind: Some(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
                host: host.map(Into::into),
                ..StandaloneOptions::default()
            };
            options.over(File::default())
        };
        assert!(bound(None).unwrap_err().to_string().contains("--host"));
        assert!(bound(Some("a b")).is_err());
        assert!(bound(Some("")).is_err());
        assert_eq!(bound(Some("world.example.org")).unwrap().url(), "http://world.example.org:9000/");
    }

    #[test]
    fn urls_of_literal_addresses() {
        let options = StandaloneOptions { host: Some("2001:db8::1".into()), ..StandaloneOptions::default() };
        assert_eq!(options.over(File::default()).unwrap().url(), "http://[2001:db8::1]:9000/");
    }
}
