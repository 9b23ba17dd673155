//! The control socket: how commands on the same machine reach the running process.
//!
//! A Unix socket in the data folder, for the owner of the process alone. One JSON document in a line goes in, one
//! comes out. It is also how a second process on the same data is noticed.

use crate::directory::{Directory, Request};
use crate::http::trace::HttpTrace;
use async_trait::async_trait;
use model::AgentId;
use region::{OperatorCommand, SessionView, Standing};
use serde::{Deserialize, Serialize};
use services::Services;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;

/// The socket's name in the data folder ...
pub const SOCKET: &str = "control.sock";
/// ... and that of a grid's process, which may have the same folder as a simulator.
pub const GRID_SOCKET: &str = "grid.sock";
/// Bytes of one command.
const MAX_COMMAND: u64 = 16 * 1024;
/// How long a command, and its answer, may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Commands at a time.
const AT_A_TIME: usize = 16;
/// How long regions may take to say who stands there.
const ROLL_CALL: Duration = Duration::from_secs(1);

/// Which HTTP traffic to trace.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Requests that come in.
    In,
    /// Calls that go out.
    Out,
    /// Both.
    All,
}

/// What may be asked of the running process.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// Packet tracing.
    DebugPacket {
        /// 0 off, 1 the events of note, 2 all but the most frequent, 3 all.
        level: u8,
        /// First and last name of the only agent to trace.
        agent: Option<String>,
    },
    /// Event-queue tracing.
    DebugEventQueue {
        /// 0 off, 1 on.
        level: u8,
    },
    /// HTTP tracing.
    DebugHttp {
        /// Which traffic.
        direction: Direction,
        /// 0 off to 6 with bodies.
        level: u8,
    },
    /// What is logged at all.
    Log {
        /// In the form of RUST_LOG.
        filter: String,
    },
    /// Ends a session.
    Kick {
        /// First and last name.
        agent: String,
        /// Shown to the user.
        reason: String,
    },
    /// A region closes after some time, with warnings, and starts anew.
    RestartRegion {
        /// Its name.
        region: String,
        /// In how many seconds.
        after_s: u64,
        /// Shown to the users.
        message: String,
    },
    /// It does not close after all.
    KeepRegion {
        /// Its name.
        region: String,
    },
    /// Shows everybody a text.
    Notice {
        /// The text.
        text: String,
    },
}

/// What came of a command.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Outcome {
    /// It was done.
    pub ok: bool,
    /// What was done, or why not.
    pub text: String,
}

impl Outcome {
    pub(crate) fn of(result: Result<String, String>) -> Self {
        match result {
            Ok(text) => Self { ok: true, text },
            Err(text) => Self { ok: false, text },
        }
    }
}

/// Sends a command to the process that runs on this data: the simulator, or the grid if there is none.
///
/// # Errors
/// `NotFound` or `ConnectionRefused` if none does; `TimedOut` if it does not answer; `InvalidData` if it answers
/// something else.
pub async fn ask(data: &Path, command: &Command) -> io::Result<Outcome> {
    let asked = async {
        let mut stream = match connect(data, SOCKET).await {
            Err(error) if is_nobody(&error) => match connect(data, GRID_SOCKET).await {
                Err(other) if is_nobody(&other) => return Err(error),
                answer => answer?,
            },
            answer => answer?,
        };
        let mut line = serde_json::to_vec(command)?;
        line.push(b'\n');
        stream.write_all(&line).await?;
        let mut answer = Vec::new();
        stream.take(MAX_COMMAND).read_to_end(&mut answer).await?;
        Ok(serde_json::from_slice(&answer)?)
    };
    tokio::time::timeout(PATIENCE, asked).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

async fn connect(data: &Path, socket: &str) -> io::Result<UnixStream> {
    UnixStream::connect(reachable(data, socket)?.path()).await
}

/// Whether an error says that no process listens.
pub fn is_nobody(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
}

/// Does what commands say.
#[async_trait]
pub trait Obey: Send + Sync {
    /// What was done.
    ///
    /// # Errors
    /// Why not.
    async fn obey(&self, command: Command) -> Result<String, String>;
}

/// The listening end.
#[derive(Debug)]
pub struct Control {
    listener: UnixListener,
    path: PathBuf,
}

/// What commands act on.
#[derive(Clone)]
pub(crate) struct Levers {
    pub(crate) directory: Arc<Directory>,
    pub(crate) trace: Arc<HttpTrace>,
    pub(crate) services: Services,
    pub(crate) log: Option<SetLog>,
}

/// Has the process log something else; says why that cannot be.
pub type SetLog = Arc<dyn Fn(&str) -> Result<(), String> + Send + Sync>;

impl Control {
    /// Opens the socket of this name in the data folder.
    ///
    /// # Errors
    /// `AddrInUse` if another process runs on this data; else what the system says.
    pub fn open(data: &Path, socket: &str) -> io::Result<Self> {
        let reachable = reachable(data, socket)?;
        if std::os::unix::net::UnixStream::connect(reachable.path()).is_ok() {
            let why = format!("another process runs on {}", data.display());
            return Err(io::Error::new(io::ErrorKind::AddrInUse, why));
        }
        let path = data.join(socket);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(reachable.path())?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        Ok(Self { listener, path })
    }

    /// Obeys until dropped.
    pub async fn run(&self, obeys: Arc<dyn Obey>) {
        let mut commands = JoinSet::new();
        loop {
            tokio::select! {
                accepted = self.listener.accept(), if commands.len() < AT_A_TIME => match accepted {
                    Ok((stream, _)) => {
                        let obeys = obeys.clone();
                        commands.spawn(tokio::time::timeout(PATIENCE, async move {
                            if let Err(error) = converse(stream, &*obeys).await {
                                tracing::debug!(%error, "a command broke off");
                            }
                        }));
                    }
                    Err(error) => {
                        tracing::warn!(%error, "the control socket failed");
                        tokio::time::sleep(Duration::from_secs(1)).await;
                    }
                },
                Some(_) = commands.join_next() => {}
            }
        }
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

async fn converse(mut stream: UnixStream, obeys: &dyn Obey) -> io::Result<()> {
    let (reader, mut writer) = stream.split();
    let mut line = String::new();
    BufReader::new(reader.take(MAX_COMMAND)).read_line(&mut line).await?;
    let outcome = match serde_json::from_str(&line) {
        Ok(command) => obeys.obey(command).await,
        Err(error) => Err(format!("not understood: {error}")),
    };
    let mut answer = serde_json::to_vec(&Outcome::of(outcome))?;
    answer.push(b'\n');
    writer.write_all(&answer).await
}

#[async_trait]
impl Obey for Levers {
    async fn obey(&self, command: Command) -> Result<String, String> {
        obey(command, self).await
    }
}

/// Does what a command says.
pub(crate) async fn obey(command: Command, levers: &Levers) -> Result<String, String> {
    let Levers { directory, trace, .. } = levers;
    let done = match command {
        Command::DebugPacket { level, agent } => {
            let agent = match agent {
                Some(name) => Some(find(levers, &name).await?),
                None => None,
            };
            let regions = directory.command(&OperatorCommand::TracePackets { level, agent });
            format!("packet tracing at level {level} in {regions} regions")
        }
        Command::DebugEventQueue { level } => {
            // Whoever looks at event queues wants to see both ends of the wire, as the published log has them.
            let both = if level == 0 { 0 } else { 2 };
            let regions = directory.command(&OperatorCommand::TraceEvents { level: both });
            format!("event-queue tracing at level {level} in {regions} regions")
        }
        Command::DebugHttp { direction, level } => {
            if direction != Direction::Out {
                trace.set_inbound(level);
            }
            if direction != Direction::In {
                trace.set_outbound(level);
            }
            format!("HTTP tracing at level {level}")
        }
        Command::Log { filter } => {
            let set = levers.log.as_ref().ok_or("the log of this process cannot be changed")?;
            set(&filter)?;
            format!("logs {filter}")
        }
        Command::Kick { agent, reason } => {
            let id = find(levers, &agent).await?;
            kick(directory, &agent, id, reason).await?
        }
        Command::RestartRegion { region, after_s, message } => {
            let after = Duration::from_secs(after_s);
            let command = OperatorCommand::Close { after, reason: message, avoid: Vec::new() };
            let name = order(directory, &region, command)?;
            format!("{name} restarts in {after_s} s")
        }
        Command::KeepRegion { region } => {
            let name = order(directory, &region, OperatorCommand::KeepOpen)?;
            format!("{name} stays open, unless it is closing already")
        }
        Command::Notice { text } => {
            let regions = directory.command(&OperatorCommand::Notice(text));
            format!("shown in {regions} regions")
        }
    };
    tracing::info!("operator: {done}");
    Ok(done)
}

/// Ends somebody's session where they stand. All regions are told: it may be on its way from one to another.
async fn kick(directory: &Directory, name: &str, agent: AgentId, reason: String) -> Result<String, String> {
    let answers = directory.sessions_in(ROLL_CALL).await;
    let silent = directory.regions().len().saturating_sub(answers.len());
    directory.command(&OperatorCommand::Kick { agent, reason });
    let stands = |view: &SessionView| {
        view.agent == agent && matches!(view.standing, Standing::Root | Standing::Leaving)
    };
    let here: Vec<&str> = answers
        .iter()
        .filter(|(_, views)| views.iter().any(stands))
        .map(|(region, _)| region.name.as_str())
        .collect();
    match (&here[..], silent) {
        ([], 0) => Err(format!("{name} is in no region of this process")),
        ([], _) => Err(format!("{name} is in no region that answers; {silent} regions do not")),
        (here, _) => Ok(format!("{name} was told to leave {}", here.join(" and "))),
    }
}

/// Tells one region; its name as it is spelt.
fn order(directory: &Directory, name: &str, command: OperatorCommand) -> Result<String, String> {
    let regions = directory.regions();
    let known = regions.iter().find(|region| region.name.to_lowercase() == name.trim().to_lowercase());
    let known = known.ok_or_else(|| format!("there is no region of the name {name} in this process"))?;
    directory.send(known.id, Request::Operator(command)).map_err(|error| error.to_string())?;
    Ok(known.name.clone())
}

async fn find(levers: &Levers, name: &str) -> Result<AgentId, String> {
    let (first, last) = name.trim().split_once(' ').unwrap_or((name.trim(), "Resident"));
    let account =
        levers.services.accounts.by_name(first, last.trim()).await.map_err(|error| error.to_string())?;
    account.map(|account| account.id).ok_or_else(|| format!("there is no account of the name {name}"))
}

/// A path to the socket that is short enough for the system, however deep the data folder lies.
struct Reachable {
    path: PathBuf,
    /// Keeps the short path valid.
    _folder: Option<std::fs::File>,
}

impl Reachable {
    fn path(&self) -> &Path {
        &self.path
    }
}

/// Bytes of a socket's path that every system takes.
const PATH: usize = 100;

fn reachable(data: &Path, socket: &str) -> io::Result<Reachable> {
    use std::os::fd::AsRawFd as _;
    let path = data.join(socket);
    if path.as_os_str().len() <= PATH || !cfg!(target_os = "linux") {
        return Ok(Reachable { path, _folder: None });
    }
    let folder = std::fs::File::open(data)?;
    let path = PathBuf::from(format!("/proc/self/fd/{}/{socket}", folder.as_raw_fd()));
    Ok(Reachable { path, _folder: Some(folder) })
}
