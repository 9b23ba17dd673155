//! `sojourn transfers`: what running simulators remember of transfers, as sequences in the terminal.

mod draw;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use draw::draw;
use observe::{Failed, History, Http, Source, Transfers};
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Notes of one transfer come from several processes; what is shown together waits so long for the rest.
const QUIET: Duration = Duration::from_millis(300);
/// Before a process that did not answer is asked again.
const PAUSE: Duration = Duration::from_secs(2);
/// Answers that wait to be shown.
const WAITING: usize = 16;

#[derive(Args, Debug)]
pub(crate) struct TransfersOptions {
    /// A simulator's HTTP side; may be given several times, for transfers between several
    #[arg(long, value_name = "http://HOST:PORT", required = true)]
    url: Vec<String>,
    /// Go on, and show what happens as it happens
    #[arg(long)]
    follow: bool,
    /// Only this agent's, by name or id
    #[arg(long, value_name = "NAME-or-ID")]
    agent: Option<String>,
    /// So many of the past at most
    #[arg(long, value_name = "N", default_value_t = 20)]
    last: usize,
}

pub(crate) async fn run(options: TransfersOptions) -> Result<()> {
    let sources = sources(&options.url)?;
    let mut history = History::new(options.agent);
    let mut numbers = Vec::with_capacity(sources.len());
    let mut answered = false;
    for (index, source) in sources.iter().enumerate() {
        let view = source.transfers(None).await;
        numbers.push(view.as_ref().ok().map(|view| view.last));
        match view {
            Ok(view) => {
                answered = true;
                history.add(index, view);
            }
            Err(error) if sources.len() == 1 && !options.follow => return Err(error.into()),
            Err(error) => eprintln!("sojourn: {error}"),
        }
    }
    if !answered && !options.follow {
        bail!("none of the simulators answers");
    }
    history.forget_all_but(options.last);
    show(&mut history, None)?;
    if options.follow {
        follow(sources, numbers, history).await?;
    }
    Ok(())
}

/// The processes at these addresses.
pub(crate) fn sources(urls: &[String]) -> Result<Vec<Source>, Failed> {
    urls.iter().map(|url| Ok(Source::new(Arc::new(Http::new(url)?)))).collect()
}

/// Shows what comes, until the process is ended.
async fn follow(sources: Vec<Source>, numbers: Vec<Option<u64>>, mut history: History) -> Result<()> {
    let (views, mut coming) = mpsc::channel(WAITING);
    for (index, (source, number)) in sources.into_iter().zip(numbers).enumerate() {
        tokio::spawn(watch(index, source, number, views.clone()));
    }
    loop {
        let due = history.quiet_at(QUIET);
        tokio::select! {
            view = coming.recv() => {
                let (index, said) = view.context("nobody is watched any more")?;
                history.add(index, said);
            }
            () = tokio::time::sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                show(&mut history, Some(QUIET))?;
                history.forget_shown();
            }
        }
    }
}

/// Asks one process again and again for what is new.
async fn watch(
    index: usize,
    source: Source,
    mut number: Option<u64>,
    views: mpsc::Sender<(usize, Transfers)>,
) {
    loop {
        match source.transfers(number).await {
            Ok(view) => {
                number = Some(view.last);
                if views.send((index, view)).await.is_err() {
                    return;
                }
            }
            Err(error) => {
                eprintln!("sojourn: {error}");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Prints what has not been shown yet, of those transfers of which nothing has come for so long.
fn show(history: &mut History, quiet: Option<Duration>) -> Result<()> {
    let mut out = std::io::stdout().lock();
    for sequence in history.take(quiet) {
        out.write_all(draw(&sequence).as_bytes())?;
    }
    Ok(out.flush()?)
}
