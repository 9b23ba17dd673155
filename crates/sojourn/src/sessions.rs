//! `sojourn sessions`: who is where on running simulators, and how sessions ended there.

mod draw;

use crate::source::Source;
use anyhow::{Result, bail};
use clap::Args;
use serde::Deserialize;
use std::io::Write as _;

#[derive(Args, Debug)]
pub(crate) struct SessionsOptions {
    /// A simulator's HTTP side; may be given several times
    #[arg(long, value_name = "http://HOST:PORT", required = true)]
    url: Vec<String>,
    /// Only this agent's, by name or id
    #[arg(long, value_name = "NAME-or-ID")]
    agent: Option<String>,
    /// So many of those that ended at most
    #[arg(long, value_name = "N", default_value_t = 20)]
    ended: usize,
    /// How those ended, step by step
    #[arg(long)]
    steps: bool,
}

/// What a simulator says.
#[derive(Deserialize, Clone, Debug)]
struct View {
    /// Microseconds since 1970, as all times here that do not say otherwise.
    now_us: u64,
    sessions: Vec<Here>,
    ended: Vec<Ended>,
}

/// An agent that is there.
#[derive(Deserialize, Clone, Debug)]
struct Here {
    region: String,
    agent: String,
    name: String,
    standing: String,
    viewer: String,
    address: Option<String>,
    since_us: u64,
    /// Seconds since 1970.
    login_s: Option<u64>,
    last_packet_us: Option<u64>,
    rtt_us: Option<u64>,
    packets_out: u64,
    resends: u64,
    lost: u64,
}

/// A session that ended there.
#[derive(Deserialize, Clone, Debug)]
struct Ended {
    region: String,
    agent: String,
    name: String,
    viewer: String,
    since_us: Option<u64>,
    at_us: u64,
    reason: Option<String>,
    steps: Vec<Step>,
}

#[derive(Deserialize, Clone, Debug)]
struct Step {
    at_us: u64,
    step: String,
    detail: String,
}

pub(crate) async fn run(options: SessionsOptions) -> Result<()> {
    let sources: Vec<Source> = options.url.iter().map(|url| Source::new(url)).collect::<Result<_>>()?;
    let mut views = Vec::with_capacity(sources.len());
    for source in &sources {
        match source.get::<View>("/sessions").await {
            Ok(view) => views.push(view),
            Err(error) if sources.len() == 1 => return Err(error),
            Err(error) => eprintln!("sojourn: {error:#}"),
        }
    }
    if views.is_empty() {
        bail!("none of the simulators answers");
    }
    let mut out = std::io::stdout().lock();
    out.write_all(draw::draw(&options, views).as_bytes())?;
    Ok(out.flush()?)
}
