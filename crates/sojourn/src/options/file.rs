use super::transfer::TransferWaits;
use anyhow::{Context as _, Result};
use serde::Deserialize;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// The file: any option of any command.
#[derive(Deserialize, Debug, Default, PartialEq)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) data: Option<PathBuf>,
    pub(super) database: Option<String>,
    pub(super) port: Option<u16>,
    pub(super) private_port: Option<u16>,
    pub(super) world: Option<PathBuf>,
    pub(super) bind: Option<IpAddr>,
    pub(super) host: Option<String>,
    pub(super) grid_name: Option<String>,
    pub(super) grid: Option<String>,
    pub(super) login: Option<String>,
    pub(super) silence_timeout: Option<u64>,
    pub(super) drain: Option<u64>,
    pub(super) lease: Option<u64>,
    pub(super) logins: Option<String>,
    pub(super) closed_message: Option<String>,
    pub(super) terms: Option<String>,
    #[serde(default)]
    pub(super) sign_up: bool,
    pub(super) url: Option<String>,
    pub(super) simulation_protocol: Option<String>,
    pub(super) otlp: Option<String>,
    #[serde(default)]
    pub(super) operator_from: Vec<IpAddr>,
    pub(super) log: Option<String>,
    #[serde(default)]
    pub(super) transfer: TransferWaits,
}

impl File {
    pub(super) fn read(path: Option<&Path>) -> Result<Self> {
        let Some(path) = path else { return Ok(Self::default()) };
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        Self::parse(&text).with_context(|| path.display().to_string())
    }

    pub(super) fn parse(text: &str) -> Result<Self> {
        Ok(toml::from_str(text)?)
    }
}
