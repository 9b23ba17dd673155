//! The operator's pages of a process: whom they ask, and what their switches move.

use super::public;
use crate::log;
use anyhow::Result;
use async_trait::async_trait;
use axum::Router;
use grid::{OperatorRecords as _, SqlStore, new_password};
use observe::{Failed, Fetch, Source};
use page::{Fleet, Lookout, OperatorConfig, Process, Switch, Switches, operator_pages};
use services::GridService;
use simulator::control::{Command, Direction, Obey, Outcome, SetLog};
use simulator::{HttpTrace, Metrics, Operations, RemoteOperations, is_operator};
use std::collections::BTreeSet;
use std::io::Write as _;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// What the pages call the process that serves them.
const OWN: &str = "this process";
/// Regions whose simulators are looked for.
const REGIONS: usize = 5000;

/// The log of this process, and how to have it say more or less.
#[derive(Clone)]
pub(super) struct Log {
    filter: Arc<Mutex<String>>,
    set: SetLog,
}

impl Log {
    pub(super) fn new(
        filter: &str,
        set: impl Fn(&str) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        Self { filter: Arc::new(Mutex::new(filter.to_owned())), set: Arc::new(set) }
    }

    fn filter(&self) -> String {
        self.filter.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How others change it.
    pub(super) fn setter(&self) -> SetLog {
        let log = self.clone();
        Arc::new(move |filter| log.change(filter))
    }

    fn change(&self, filter: &str) -> Result<(), String> {
        (self.set)(filter)?;
        filter.clone_into(&mut self.filter.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(())
    }
}

/// The simulators of a grid, and who asks them.
pub(super) enum Simulators {
    /// There is one, in this process.
    Here(Operations),
    /// They are processes of their own, as the grid knows them.
    Elsewhere { grid: Arc<dyn GridService>, remote: RemoteOperations, metrics: Arc<Metrics>, own: Own },
}

/// What a process of the grid does itself: it has no regions, but a log and HTTP.
#[derive(Clone)]
pub(super) struct Own {
    log: Log,
    trace: Arc<HttpTrace>,
}

impl Own {
    pub(super) fn new(log: Log, trace: Arc<HttpTrace>) -> Self {
        Self { log, trace }
    }

    pub(super) fn log(&self) -> Log {
        self.log.clone()
    }

    /// Nothing, if it is for simulators alone.
    fn does(&self, command: &Command) -> Option<Result<String, String>> {
        match command {
            Command::DebugHttp { direction: Direction::Out, .. } => {
                Some(Err("a grid traces only the requests that come in".into()))
            }
            Command::DebugHttp { level, .. } => {
                self.trace.set_inbound(*level);
                Some(Ok(format!("HTTP tracing at level {level}")))
            }
            Command::Log { filter } => Some(self.log.change(filter).map(|()| format!("logs {filter}"))),
            _ => None,
        }
    }
}

#[async_trait]
impl Obey for Own {
    async fn obey(&self, command: Command) -> Result<String, String> {
        let elsewhere = "this is a grid, which has no regions: --data of a simulator says which is meant; the \
                         operator's pages ask all of them";
        let done = self.does(&command).unwrap_or_else(|| Err(elsewhere.into()));
        if let Ok(done) = &done {
            tracing::info!("operator: {done}");
        }
        done
    }
}

/// The pages. Whoever looks at them is seen to by a task that ends with this process.
pub(super) fn pages(
    grid_name: &str,
    store: &SqlStore,
    operators: Vec<IpAddr>,
    log: Log,
    simulators: Simulators,
) -> Router {
    let simulators = Arc::new(simulators);
    let lookout = Arc::new(Lookout::new(simulators.clone()));
    tokio::spawn(lookout.clone().keep());
    operator_pages(OperatorConfig {
        grid_name: grid_name.to_owned(),
        data: public::data(store),
        operators: Arc::new(store.clone()),
        lookout,
        switches: Arc::new(Board { log, simulators }),
        admits: Arc::new(move |headers, from| is_operator(&operators, headers, from)),
    })
}

/// If the operator has no password, thinks one up and prints it: it is stored nowhere.
pub(super) async fn first_password(store: &SqlStore, url: &str) -> Result<()> {
    let password = new_password(rand::random());
    if store.set_first_operator_password(&password).await? {
        let mut out = std::io::stdout().lock();
        // Without anybody to read it, another can be set with `operator password`.
        let _ = writeln!(out, "operator password: {password}   (for {url}operate)");
        let _ = out.flush();
    }
    Ok(())
}

/// Adds what is known of the connections to the database, and of the log.
pub(super) fn count_more(metrics: &Metrics, store: &SqlStore) {
    metrics.count_lost_lines(log::lost);
    let store = store.clone();
    metrics.count_connections(move || store.connections());
}

impl Simulators {
    async fn addresses(&self) -> Result<BTreeSet<String>, String> {
        match self {
            Self::Here(_) => Ok(BTreeSet::new()),
            Self::Elsewhere { grid, .. } => {
                let regions = grid.online_regions(0, 0, REGIONS).await.map_err(|error| error.to_string())?;
                Ok(regions.into_iter().map(|region| region.server_uri).collect())
            }
        }
    }
}

#[async_trait]
impl Fleet for Simulators {
    fn own(&self) -> Process {
        let (source, regions): (Arc<dyn Fetch>, _) = match self {
            Self::Here(operations) => (Arc::new(Here(operations.clone())), true),
            Self::Elsewhere { metrics, .. } => (Arc::new(Counted(metrics.clone())), false),
        };
        Process { name: OWN.into(), source: Source::new(source), regions }
    }

    async fn others(&self) -> Result<Vec<Process>, String> {
        let Self::Elsewhere { remote, .. } = self else { return Ok(Vec::new()) };
        let process = |base: String| {
            let name = base.trim_end_matches('/').to_owned();
            let source = Source::new(Arc::new(There { remote: remote.clone(), base }));
            Process { name, source, regions: true }
        };
        Ok(self.addresses().await?.into_iter().map(process).collect())
    }
}

/// The simulator of this process.
struct Here(Operations);

#[async_trait]
impl Fetch for Here {
    async fn fetch(&self, path: &str) -> Result<Vec<u8>, Failed> {
        self.0.get(path).await.map_err(Failed::status)
    }
}

/// A simulator of another process.
struct There {
    remote: RemoteOperations,
    base: String,
}

#[async_trait]
impl Fetch for There {
    async fn fetch(&self, path: &str) -> Result<Vec<u8>, Failed> {
        self.remote.get(&self.base, path).await.map_err(Failed)
    }
}

/// A process without regions.
struct Counted(Arc<Metrics>);

#[async_trait]
impl Fetch for Counted {
    async fn fetch(&self, path: &str) -> Result<Vec<u8>, Failed> {
        match path {
            "/metrics" => Ok(self.0.text().into_bytes()),
            _ => Err(Failed::status(404)),
        }
    }
}

/// The switches.
struct Board {
    log: Log,
    simulators: Arc<Simulators>,
}

#[async_trait]
impl Switches for Board {
    fn log_filter(&self) -> String {
        self.log.filter()
    }

    async fn switch(&self, switch: Switch) -> Vec<(String, Result<String, String>)> {
        let command = command(switch);
        match &*self.simulators {
            Simulators::Here(operations) => {
                vec![(OWN.to_owned(), said(operations.command(command).await))]
            }
            Simulators::Elsewhere { remote, own, .. } => {
                let mut done: Vec<_> =
                    own.does(&command).into_iter().map(|done| (OWN.to_owned(), done)).collect();
                let addresses = match self.simulators.addresses().await {
                    Ok(addresses) => addresses,
                    Err(why) => {
                        done.push(("the map of regions".into(), Err(why)));
                        return done;
                    }
                };
                let mut asked = tokio::task::JoinSet::new();
                for base in addresses {
                    let (remote, command) = (remote.clone(), command.clone());
                    asked.spawn(async move {
                        let answer = remote.command(&base, &command).await.and_then(said);
                        (base.trim_end_matches('/').to_owned(), answer)
                    });
                }
                let mut answers = asked.join_all().await;
                answers.sort();
                if matches!(command, Command::Kick { .. }) && answers.iter().any(|(_, done)| done.is_ok()) {
                    // Nobody is in two places: that they are not in the others goes without saying.
                    answers.retain(|(_, done)| done.is_ok());
                }
                done.extend(answers);
                done
            }
        }
    }
}

fn said(outcome: Outcome) -> Result<String, String> {
    let Outcome { ok, text } = outcome;
    if ok { Ok(text) } else { Err(text) }
}

fn command(switch: Switch) -> Command {
    match switch {
        Switch::Packets { level, agent } => Command::DebugPacket { level, agent },
        Switch::Log { filter } => Command::Log { filter },
        Switch::EventQueues { level } => Command::DebugEventQueue { level },
        Switch::Http { level } => Command::DebugHttp { direction: Direction::All, level },
        Switch::Kick { agent, reason } => Command::Kick { agent, reason },
        Switch::Notice { text } => Command::Notice { text },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use simulator::control::{self, Control};

    #[tokio::test]
    async fn a_grid_obeys_what_it_can_and_says_who_does_the_rest() {
        let folder = tempfile::tempdir().unwrap();
        let set = |filter: &str| if filter == "info" { Ok(()) } else { Err("no filter".to_owned()) };
        let own = Own::new(Log::new("warn", set), Arc::default());
        let control = Control::open(folder.path(), control::GRID_SOCKET).unwrap();
        let _obeying = tokio::spawn({
            let own = own.clone();
            async move { control.run(Arc::new(own)).await }
        });
        for (command, ok, words) in [
            (Command::Log { filter: "info".into() }, true, "logs info"),
            (Command::Log { filter: "x=y=z".into() }, false, "no filter"),
            (Command::DebugHttp { direction: Direction::All, level: 3 }, true, "level 3"),
            (Command::DebugHttp { direction: Direction::Out, level: 3 }, false, "come in"),
            (Command::Notice { text: "hear".into() }, false, "no regions"),
            (Command::Kick { agent: "Ada L".into(), reason: String::new() }, false, "no regions"),
        ] {
            let done = control::ask(folder.path(), &command).await.unwrap();
            assert!(done.ok == ok && done.text.contains(words), "{command:?}: {done:?}");
        }
        assert_eq!(own.log().filter(), "info");
    }
}
