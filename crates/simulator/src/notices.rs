//! News for the grid: who is where, who has gone. Told in order for each agent, side by side for different ones,
//! and again after a failure; regions never wait for it.

mod telling;

use crate::directory::Directory;
use crate::friends::Friends;
use crate::grid_side::GridSide;
use crate::metrics::Metrics;
use crate::sessions::Sessions;
use model::{AgentId, RegionId};
use region::GridNotice;
use services::ServiceError;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use telling::{Farewell, Telling};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{Id, JoinSet};

/// Notices that may wait in all; more are dropped and counted.
const WAITING: usize = 16_384;
/// Pauses between tries; after the last one the notice is dropped and counted.
const PAUSES: [Duration; 5] = [
    Duration::from_millis(100),
    Duration::from_millis(500),
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(10),
];

enum Command {
    Tell(RegionId, GridNotice),
    /// Answered when nothing about this agent (or, without one, about anybody) waits any more.
    Flush(Option<AgentId>, oneshot::Sender<()>),
}

/// Where notices go in. Clones lead to the same place.
#[derive(Clone)]
pub(crate) struct Notices {
    commands: mpsc::Sender<Command>,
    metrics: Arc<Metrics>,
}

impl Notices {
    /// Starts the task that tells the grid; it ends when the last clone has gone and everything is told.
    pub(crate) fn start(
        grid: Arc<GridSide>,
        directory: Arc<Directory>,
        friends: Friends,
        sessions: Arc<Sessions>,
        metrics: Arc<Metrics>,
    ) -> Self {
        let (commands, inbox) = mpsc::channel(WAITING);
        let teller = Teller {
            grid,
            directory,
            friends,
            sessions,
            metrics: metrics.clone(),
            queues: BTreeMap::new(),
            waiting: 0,
            under_way: JoinSet::new(),
            agents: HashMap::new(),
            flushes: Vec::new(),
        };
        tokio::spawn(teller.run(inbox));
        Self { commands, metrics }
    }

    /// Takes a notice from a region.
    pub(crate) fn tell(&self, region: RegionId, notice: GridNotice) {
        if self.commands.try_send(Command::Tell(region, notice)).is_err() {
            self.metrics.notices_dropped.inc();
        }
    }

    /// Waits until nothing about this agent (or about anybody) is on its way, at most so long.
    pub(crate) async fn flush(&self, agent: Option<AgentId>, patience: Duration) -> bool {
        let flushed = async {
            let (done, told) = oneshot::channel();
            self.commands.send(Command::Flush(agent, done)).await.is_ok() && told.await.is_ok()
        };
        tokio::time::timeout(patience, flushed).await.unwrap_or(false)
    }
}

struct Teller {
    grid: Arc<GridSide>,
    directory: Arc<Directory>,
    friends: Friends,
    sessions: Arc<Sessions>,
    metrics: Arc<Metrics>,
    /// What waits for each agent; an agent with an entry has one notice under way.
    queues: BTreeMap<AgentId, VecDeque<(RegionId, GridNotice)>>,
    waiting: usize,
    under_way: JoinSet<bool>,
    /// Whose notice each task tells. Only looked up.
    agents: HashMap<Id, AgentId>,
    flushes: Vec<(Option<AgentId>, oneshot::Sender<()>)>,
}

impl Teller {
    async fn run(mut self, mut inbox: mpsc::Receiver<Command>) {
        let mut open = true;
        while open || !self.under_way.is_empty() {
            tokio::select! {
                command = inbox.recv(), if open => match command {
                    Some(Command::Tell(region, notice)) => self.take(region, notice),
                    Some(Command::Flush(agent, done)) => self.flushes.push((agent, done)),
                    None => open = false,
                },
                Some(done) = self.under_way.join_next_with_id() => {
                    let (task, told) = match done {
                        Ok((task, told)) => (task, told),
                        Err(error) => (error.id(), false),
                    };
                    if !told {
                        self.metrics.notices_dropped.inc();
                    }
                    self.next(task);
                }
            }
            self.metrics.notices_waiting.set(i64::try_from(self.waiting).unwrap_or(i64::MAX));
            self.answer_flushes();
        }
    }

    fn take(&mut self, region: RegionId, notice: GridNotice) {
        let agent = whose(&notice);
        if self.waiting >= WAITING {
            self.metrics.notices_dropped.inc();
            return;
        }
        self.waiting += 1;
        if let Some(queue) = self.queues.get_mut(&agent) {
            queue.push_back((region, notice));
        } else {
            self.queues.insert(agent, VecDeque::new());
            self.tell(agent, region, notice);
        }
    }

    fn next(&mut self, task: Id) {
        self.waiting = self.waiting.saturating_sub(1);
        let Some(agent) = self.agents.remove(&task) else { return };
        match self.queues.get_mut(&agent).and_then(VecDeque::pop_front) {
            Some((region, notice)) => self.tell(agent, region, notice),
            None => {
                self.queues.remove(&agent);
            }
        }
    }

    fn tell(&mut self, agent: AgentId, region: RegionId, notice: GridNotice) {
        let mut telling = Telling {
            grid: self.grid.clone(),
            directory: self.directory.clone(),
            friends: self.friends.clone(),
            sessions: self.sessions.clone(),
            farewell: Farewell::default(),
        };
        let task = self.under_way.spawn(async move {
            for pause in PAUSES.into_iter().map(Some).chain([None]) {
                let error = match telling.tell(region, &notice).await {
                    Ok(()) => return true,
                    Err(ServiceError::Unavailable(error)) => error,
                    // A no is an answer, and the same one every time.
                    Err(error) => {
                        tracing::info!(%agent, notice = notice.name(), %error, "the grid refuses what it was told");
                        return true;
                    }
                };
                match pause {
                    Some(pause) => {
                        tracing::debug!(%agent, error, "the grid was not told; trying again");
                        tokio::time::sleep(pause).await;
                    }
                    None => tracing::warn!(%agent, error, "the grid was not told; given up"),
                }
            }
            false
        });
        self.agents.insert(task.id(), agent);
    }

    fn answer_flushes(&mut self) {
        let queues = &self.queues;
        for (_, done) in self.flushes.extract_if(.., |(agent, _)| match agent {
            Some(agent) => !queues.contains_key(agent),
            None => queues.is_empty(),
        }) {
            let _ = done.send(());
        }
    }
}

/// Whom a notice is about.
fn whose(notice: &GridNotice) -> AgentId {
    match notice {
        GridNotice::Arrived { agent, .. }
        | GridNotice::CameOnline { agent }
        | GridNotice::LoggedOut { agent, .. }
        | GridNotice::SetHome { agent, .. }
        | GridNotice::MailHeard { agent, .. }
        | GridNotice::Mute { agent, .. }
        | GridNotice::Unmute { agent, .. }
        | GridNotice::Outfit { agent, .. } => *agent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calls::LocalPeers;
    use crate::clock::Clock;
    use crate::fake::Fake;
    use model::{SessionId, Uuid, Vec3};
    use region::Place;
    use std::sync::Mutex;

    fn place(x: f32) -> Place {
        Place { region: RegionId::default(), position: Vec3::new(x, 0.0, 0.0), look_at: Vec3::X }
    }

    fn agent(n: u128) -> AgentId {
        AgentId(Uuid::from_u128(n))
    }

    fn start(grid: &Arc<Fake>) -> (Notices, Arc<Metrics>) {
        let metrics = Arc::new(Metrics::new());
        let side = Arc::new(GridSide::new(grid.services(), Arc::default(), Arc::default()));
        let friends = Friends::new(grid.services(), Arc::new(LocalPeers(Arc::default())));
        let sessions = Arc::new(Sessions::new(Clock::start(), metrics.clone()));
        (Notices::start(side, Arc::default(), friends, sessions, metrics.clone()), metrics)
    }

    fn log_in(grid: &Fake, n: u128) -> SessionId {
        let session = SessionId(Uuid::from_u128(n + 100));
        grid.presences.lock().unwrap().push(services::Presence {
            agent: agent(n),
            session,
            secure_session: model::SecureSessionId::NULL,
            region: RegionId::default(),
            renewed: 0,
        });
        session
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_service_keeps_nobody_online_and_nobody_else_waiting() {
        let grid = Arc::new(Fake::default());
        grid.users_silent.store(true, std::sync::atomic::Ordering::Relaxed);
        let (notices, metrics) = start(&grid);
        let session = log_in(&grid, 1);
        let here = RegionId::default();
        notices.tell(here, GridNotice::LoggedOut { agent: agent(1), session, place: place(3.0) });
        notices.tell(here, GridNotice::SetHome { agent: agent(2), place: place(2.0) });
        assert!(notices.flush(Some(agent(2)), Duration::from_secs(1)).await);
        assert!(!notices.flush(Some(agent(1)), Duration::from_secs(10)).await);
        let told = || grid.told.lock().unwrap().clone();
        assert_eq!(told(), ["home 2".to_owned(), format!("logout {session}")]);
        grid.users_silent.store(false, std::sync::atomic::Ordering::Relaxed);
        assert!(notices.flush(Some(agent(1)), Duration::from_secs(60)).await);
        assert_eq!(told()[2..], ["last 3"], "what could not be told is told later, and nothing twice");
        assert_eq!(metrics.notices_dropped.get(), 0);
    }

    #[tokio::test]
    async fn late_word_of_an_older_session_undoes_nothing() {
        let grid = Arc::new(Fake::default());
        let (notices, _) = start(&grid);
        log_in(&grid, 1);
        let session = SessionId(Uuid::from_u128(7));
        notices
            .tell(RegionId::default(), GridNotice::LoggedOut { agent: agent(1), session, place: place(3.0) });
        assert!(notices.flush(None, Duration::from_secs(60)).await);
        assert!(grid.told.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn what_is_told_of_one_agent_keeps_its_order_through_failures() {
        let grid = Arc::new(Fake::default());
        *grid.failures.lock().unwrap() = 1;
        let (notices, metrics) = start(&grid);
        let session = log_in(&grid, 1);
        let here = RegionId::default();
        notices.tell(here, GridNotice::Arrived { agent: agent(1), session, visit: 1, place: place(1.0) });
        notices.tell(here, GridNotice::SetHome { agent: agent(1), place: place(2.0) });
        notices.tell(here, GridNotice::LoggedOut { agent: agent(1), session, place: place(3.0) });
        assert!(notices.flush(Some(agent(1)), Duration::from_secs(60)).await);
        let told = grid.told.lock().unwrap().clone();
        let (report, logout) = (format!("report {session}"), format!("logout {session}"));
        assert_eq!(told, [&report, "at 1", "home 2", "last 3", &logout]);
        assert_eq!((metrics.notices_dropped.get(), metrics.notices_waiting.get()), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_grid_refuses_is_not_told_again() {
        let grid = Arc::new(Fake { refusals: Some(Mutex::new(0)), ..Fake::default() });
        let (notices, metrics) = start(&grid);
        let session = log_in(&grid, 1);
        let here = RegionId::default();
        notices.tell(here, GridNotice::SetHome { agent: agent(1), place: place(2.0) });
        assert!(notices.flush(None, Duration::from_secs(60)).await);
        let refusals = || *grid.refusals.as_ref().unwrap().lock().unwrap();
        assert_eq!((refusals(), metrics.notices_dropped.get()), (1, 0));
        notices.tell(here, GridNotice::LoggedOut { agent: agent(1), session, place: place(3.0) });
        assert!(notices.flush(None, Duration::from_secs(60)).await);
        assert_eq!(refusals(), 3, "the user and the presence, once each");
    }

    #[tokio::test]
    async fn one_agents_trouble_is_not_anothers() {
        let grid = Arc::new(Fake::default());
        let (notices, _) = start(&grid);
        // With nobody to wait for there is nothing to wait for.
        assert!(notices.flush(None, Duration::from_secs(60)).await);
        *grid.failures.lock().unwrap() = 1;
        notices.tell(RegionId::default(), GridNotice::SetHome { agent: agent(1), place: place(1.0) });
        notices.tell(RegionId::default(), GridNotice::SetHome { agent: agent(2), place: place(2.0) });
        assert!(notices.flush(Some(agent(2)), Duration::from_secs(60)).await);
        assert_eq!(*grid.told.lock().unwrap(), ["home 2"]);
        assert!(notices.flush(None, Duration::from_secs(60)).await);
        assert_eq!(*grid.told.lock().unwrap(), ["home 2", "home 1"]);
    }
}
