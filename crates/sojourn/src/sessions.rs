//! `sojourn sessions`: who is where on running simulators, and how sessions ended there.

mod draw;

use crate::transfers::sources;
use anyhow::{Result, bail};
use clap::Args;
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

pub(crate) async fn run(options: SessionsOptions) -> Result<()> {
    let sources = sources(&options.url)?;
    let mut views = Vec::with_capacity(sources.len());
    for source in &sources {
        match source.sessions().await {
            Ok(view) => views.push(view),
            Err(error) if sources.len() == 1 => return Err(error.into()),
            Err(error) => eprintln!("sojourn: {error}"),
        }
    }
    if views.is_empty() {
        bail!("none of the simulators answers");
    }
    let mut out = std::io::stdout().lock();
    out.write_all(draw::draw(&options, views).as_bytes())?;
    Ok(out.flush()?)
}
