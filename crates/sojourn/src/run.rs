//! Processes: what each of them does at its start and at its end.

pub(crate) mod grid;
mod operator;
mod public;
mod regions;
mod sd_notify;
pub(crate) mod simulator;
pub(crate) mod standalone;

use crate::log;
use anyhow::{Context as _, Result};
use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tracing_subscriber::EnvFilter;

/// Shown to viewers, and to whoever asks what a grid is.
pub(crate) const VERSION: &str = concat!("Sojourn ", env!("CARGO_PKG_VERSION"));

/// Within which a process ends once everybody has been warned.
pub(crate) const FAREWELL: Duration = Duration::from_secs(15);

/// Sends the log to standard error. What it gives is called with another filter, and says so if that is none.
fn start_log(filter: &str) -> Result<operator::Log> {
    let parsed = EnvFilter::try_new(filter).with_context(|| format!("log filter {filter:?}"))?;
    let subscriber = tracing_subscriber::fmt()
        .with_writer(log::open())
        .with_ansi(std::io::stderr().is_terminal())
        .with_env_filter(parsed)
        .with_filter_reloading();
    let handle = subscriber.reload_handle();
    subscriber.init();
    let set = move |filter: &str| {
        let filter = EnvFilter::try_new(filter).map_err(|error| error.to_string())?;
        handle.reload(filter).map_err(|error| error.to_string())
    };
    Ok(operator::Log::new(filter, set))
}

/// SIGINT and SIGTERM, each a wish to end. From here on a signal is that, and not the end, which comes when those inside
/// have been warned for the time of `drain`.
fn stop_signals(drain: Duration) -> Result<mpsc::Receiver<()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    // More than a second wish says nothing new.
    let (wish, wishes) = mpsc::channel(2);
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => tracing::info!("interrupted: closing"),
                _ = terminate.recv() => tracing::info!("terminated: closing"),
                () = wish.closed() => return,
            }
            sd_notify::stopping(drain + FAREWELL);
            let _ = wish.try_send(());
        }
    });
    Ok(wishes)
}

/// What is begun, unless a wish to end comes first: then it is broken off. Nobody is inside yet.
async fn unless_stopped<T>(
    stop: &mut mpsc::Receiver<()>,
    begun: impl Future<Output = Result<T>>,
) -> Result<Option<T>> {
    tokio::select! {
        done = begun => done.map(Some),
        _ = stop.recv() => {
            tracing::info!("ended before it was ready");
            Ok(None)
        }
    }
}

/// Tells whoever waits for it that logins are possible, at this address.
fn say_ready(begun: Instant, url: &str) {
    tracing::info!("ready in {} ms", begun.elapsed().as_millis());
    let mut out = std::io::stdout().lock();
    // Nobody may be listening; the world goes on.
    let _ = writeln!(out, "ready {url}").and_then(|()| out.flush());
    sd_notify::ready();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_start_that_never_comes_to_its_end_can_be_stopped() {
        let (wish, mut wishes) = mpsc::channel(1);
        assert_eq!(unless_stopped(&mut wishes, async { Ok(7) }).await.unwrap(), Some(7));
        let failed = unless_stopped::<()>(&mut wishes, async { anyhow::bail!("no database") }).await;
        assert!(failed.is_err());
        wish.try_send(()).unwrap();
        assert_eq!(unless_stopped::<()>(&mut wishes, std::future::pending()).await.unwrap(), None);
    }
}
