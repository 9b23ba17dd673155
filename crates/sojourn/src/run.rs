//! Processes: what each of them does at its start and at its end.

pub(crate) mod grid;
mod public;
mod regions;
pub(crate) mod simulator;
pub(crate) mod standalone;

use anyhow::{Context as _, Result};
use std::io::{IsTerminal as _, Write as _};
use std::time::Instant;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// Shown to viewers, and to whoever asks what a grid is.
pub(crate) const VERSION: &str = concat!("Sojourn ", env!("CARGO_PKG_VERSION"));

/// Sends the log to standard error.
fn start_log(filter: &str) -> Result<()> {
    let filter = EnvFilter::try_new(filter).with_context(|| format!("log filter {filter:?}"))?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    Ok(())
}

/// Comes true with SIGINT or SIGTERM. From here on a signal is a wish to end, not the end.
fn stop_signal() -> Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => tracing::info!("interrupted: closing"),
            _ = terminate.recv() => tracing::info!("terminated: closing"),
        }
    })
}

/// Tells whoever waits for it that logins are possible, at this address.
fn say_ready(begun: Instant, url: &str) {
    tracing::info!("ready in {} ms", begun.elapsed().as_millis());
    let mut out = std::io::stdout().lock();
    // Nobody may be listening; the world goes on.
    let _ = writeln!(out, "ready {url}").and_then(|()| out.flush());
}
