//! What goes on in all processes of a grid, for as long as somebody looks.
//!
//! Simulators are asked for their sessions every two seconds and for their metrics every ten, and one question each waits
//! for news of transfers. A minute after the last look all of that ends; what was heard is kept, bounded. Of the own
//! process metrics are always kept, so that whoever comes to look sees the last half hour of it.

use crate::plot::Plots;
use async_trait::async_trait;
use futures_util::future::join_all;
use observe::{Failed, History, Key, Samples, Sequence, Sessions, Source, Transfers};
use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// For so long somebody who looked is taken to be looking.
const LOOKING: Duration = Duration::from_secs(60);
/// Between two questions for sessions.
const SESSIONS: Duration = Duration::from_secs(2);
/// Between two questions for metrics.
const METRICS: Duration = Duration::from_secs(10);
/// Before a process is asked again that did not answer.
const PAUSE: Duration = Duration::from_secs(2);
/// How long a look waits for answers.
const FIRST: Duration = Duration::from_secs(3);
/// What was asked so short a time ago is not asked again for a look.
const FRESH: Duration = Duration::from_millis(500);
/// How long one process may take to answer; the rest is shown without it.
const PATIENCE: Duration = Duration::from_secs(2);
/// Simulators that are asked.
const PROCESSES: usize = 256;
/// What does not answer where the grid does not know its simulators.
const MAP: &str = "the map of regions";
/// Histories that are read at a time: each may be large.
const HISTORIES: usize = 8;
/// Transfers that are kept.
const TRANSFERS: usize = 600;

/// A process that can be asked.
#[derive(Clone, Debug)]
pub struct Process {
    /// What operators know it by.
    pub name: String,
    /// How it is asked.
    pub source: Source,
    /// Whether it runs regions.
    pub regions: bool,
}

/// The processes of a grid.
#[async_trait]
pub trait Fleet: Send + Sync {
    /// This one.
    fn own(&self) -> Process;

    /// The others that run regions.
    ///
    /// # Errors
    /// Nobody knows them now, for a reason in words.
    async fn others(&self) -> Result<Vec<Process>, String>;
}

/// Who looks at a grid's processes.
pub struct Lookout {
    fleet: Arc<dyn Fleet>,
    origin: Instant,
    /// Milliseconds after the origin until which somebody looks.
    until_ms: AtomicU64,
    somebody: Notify,
    /// Numbers processes by their names: whoever comes back has the number it had, and nobody keeps a list.
    numbers: RandomState,
    /// How many tell their whole history at a time.
    histories: Semaphore,
    known: Mutex<Known>,
    /// Rises with all that is new.
    news: watch::Sender<u64>,
}

#[derive(Default)]
struct Known {
    sessions: BTreeMap<String, Sessions>,
    history: History,
    own: Plots,
    others: Plots,
    /// Processes that do not answer, and why.
    silent: BTreeMap<String, String>,
    /// When the questions began whose answers are there.
    asked: Option<Instant>,
}

impl Lookout {
    /// Nobody is asked before [`keep`](Self::keep) runs.
    pub fn new(fleet: Arc<dyn Fleet>) -> Self {
        Self {
            fleet,
            origin: Instant::now(),
            until_ms: AtomicU64::new(0),
            somebody: Notify::new(),
            numbers: RandomState::new(),
            histories: Semaphore::new(HISTORIES),
            known: Mutex::default(),
            news: watch::Sender::new(0),
        }
    }

    /// Asks, while somebody looks. Runs until dropped.
    pub async fn keep(self: Arc<Self>) {
        let mut followers = Followers::default();
        let mut metrics_at = Instant::now();
        let mut metrics_last = None;
        loop {
            let looking = self.is_looked_at();
            if looking {
                let processes = self.processes().await;
                followers.follow(&self, &processes);
                self.ask_for_sessions(&processes).await;
            } else {
                followers.end();
                self.known().others.pause();
            }
            if metrics_at <= Instant::now() {
                let now = Instant::now();
                let after = metrics_last.replace(now).map_or(METRICS, |last| now - last);
                self.ask_for_metrics(looking, after).await;
                metrics_at = now + METRICS;
            }
            let next = if looking { (Instant::now() + SESSIONS).min(metrics_at) } else { metrics_at };
            tokio::select! {
                () = tokio::time::sleep_until(next) => {}
                () = self.somebody.notified() => {}
            }
        }
    }

    /// Somebody goes on looking.
    pub(crate) fn keep_looking(&self) {
        let until = self.origin.elapsed() + LOOKING;
        let until_ms = u64::try_from(until.as_millis()).unwrap_or(u64::MAX);
        self.until_ms.fetch_max(until_ms, Ordering::Relaxed);
    }

    /// Somebody looks. Comes back when what is there to see is of this moment.
    pub(crate) async fn look(&self) {
        self.keep_looking();
        let now = Instant::now();
        let is_fresh = || self.known().asked.is_some_and(|asked| asked + FRESH > now);
        if is_fresh() {
            return;
        }
        let mut news = self.news.subscribe();
        self.somebody.notify_one();
        let answered = async { while !is_fresh() && news.changed().await.is_ok() {} };
        let _ = tokio::time::timeout(FIRST, answered).await;
    }

    /// What tells that something is new.
    pub(crate) fn news(&self) -> watch::Receiver<u64> {
        self.news.subscribe()
    }

    /// Sessions in each process that answers.
    pub(crate) fn sessions(&self) -> Vec<Sessions> {
        self.known().sessions.values().cloned().collect()
    }

    /// All transfers that are known, the latest first.
    pub(crate) fn transfers(&self) -> Vec<Sequence> {
        self.known().history.all()
    }

    /// One of them.
    pub(crate) fn transfer(&self, key: Key) -> Option<Sequence> {
        self.known().history.one(key)
    }

    /// Plots of this process, and of the others together.
    pub(crate) fn plots(&self) -> (Plots, Plots) {
        let known = self.known();
        (known.own.clone(), known.others.clone())
    }

    /// Processes that do not answer, and why.
    pub(crate) fn silent(&self) -> Vec<(String, String)> {
        self.known().silent.iter().map(|(who, why)| (who.clone(), why.clone())).collect()
    }

    fn is_looked_at(&self) -> bool {
        self.origin.elapsed().as_millis() < u128::from(self.until_ms.load(Ordering::Relaxed))
    }

    async fn others(&self) -> Vec<Process> {
        match self.fleet.others().await {
            Ok(mut others) => {
                others.truncate(PROCESSES);
                self.known().silent.remove(MAP);
                others
            }
            Err(why) => {
                self.known().silent.insert(MAP.into(), why);
                Vec::new()
            }
        }
    }

    /// All that run regions.
    async fn processes(&self) -> Vec<Process> {
        let own = self.fleet.own();
        let others = self.others().await;
        let all: Vec<_> = others.into_iter().chain(own.regions.then_some(own)).collect();
        // Who has gone has nobody.
        let mut known = self.known();
        known.sessions.retain(|name, _| all.iter().any(|process| process.name == *name));
        known.silent.retain(|name, _| all.iter().any(|process| process.name == *name) || name == MAP);
        drop(known);
        all
    }

    async fn ask_for_sessions(&self, processes: &[Process]) {
        let begun = Instant::now();
        let asked = processes.iter().map(|process| in_time(process.source.sessions()));
        let answers = join_all(asked).await;
        let mut known = self.known();
        for (process, answer) in processes.iter().zip(answers) {
            match answer {
                Ok(sessions) => {
                    known.silent.remove(&process.name);
                    known.sessions.insert(process.name.clone(), sessions);
                }
                Err(Failed(why)) => {
                    known.sessions.remove(&process.name);
                    known.silent.insert(process.name.clone(), why);
                }
            }
        }
        known.asked = Some(begun);
        drop(known);
        self.tell();
    }

    async fn ask_for_metrics(&self, looking: bool, after: Duration) {
        let own = in_time(self.fleet.own().source.text("/metrics")).await;
        let mut others = None;
        if looking {
            let processes = self.others().await;
            let asked = processes.iter().map(|process| in_time(process.source.text("/metrics")));
            let texts = join_all(asked).await;
            let all = texts.iter().flatten().flat_map(|text| Samples::read(text).0);
            others = (!processes.is_empty()).then(|| Samples(all.collect()));
        }
        let mut known = self.known();
        match own {
            Ok(text) => known.own.add(Samples::read(&text), after),
            Err(error) => tracing::debug!(%error, "this process does not say what it counts"),
        }
        if let Some(samples) = others {
            known.others.add(samples, after);
        }
        drop(known);
        self.tell();
    }

    fn tell(&self) {
        self.news.send_modify(|news| *news += 1);
    }

    // A panic in here leaves what is known as it was before or after one answer.
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn in_time<T>(answer: impl Future<Output = Result<T, Failed>>) -> Result<T, Failed> {
    let late = |_| Err(Failed("no answer in time".into()));
    tokio::time::timeout(PATIENCE, answer).await.unwrap_or_else(late)
}

/// One task for each process that is asked for news of transfers.
#[derive(Default)]
struct Followers {
    tasks: JoinSet<()>,
    /// By the name of the process.
    running: BTreeMap<String, tokio::task::AbortHandle>,
}

impl Followers {
    fn follow(&mut self, lookout: &Arc<Lookout>, processes: &[Process]) {
        while self.tasks.try_join_next().is_some() {}
        self.running.retain(|name, task| {
            let stays = processes.iter().any(|process| process.name == *name);
            if !stays {
                task.abort();
            }
            stays
        });
        for process in processes {
            if !self.running.contains_key(&process.name) {
                let task = self.tasks.spawn(lookout.clone().follow(process.clone()));
                self.running.insert(process.name.clone(), task);
            }
        }
    }

    fn end(&mut self) {
        self.running.clear();
        self.tasks.abort_all();
    }
}

impl Lookout {
    /// All that one process remembers of transfers.
    async fn history(&self, process: &Process) -> Result<Transfers, Failed> {
        let _turn = self.histories.acquire().await.expect("it is never closed");
        process.source.transfers(None).await
    }

    /// Asks one process again and again for what is new of transfers.
    async fn follow(self: Arc<Self>, process: Process) {
        let number = self.numbers.hash_one(&process.name) as usize;
        // Which run of the process, and its last note.
        let mut heard = None;
        loop {
            let said = match heard {
                Some((_, last)) => process.source.transfers(Some(last)).await,
                None => self.history(&process).await,
            };
            match said {
                // Another run counts anew, so what came before its note of that number is not known.
                Ok(said) if heard.is_some_and(|(run, _)| run != said.process) => heard = None,
                Ok(said) => {
                    heard = Some((said.process, said.last));
                    let mut known = self.known();
                    known.history.add(number, said);
                    known.history.forget_all_but(TRANSFERS);
                    drop(known);
                    self.tell();
                }
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use observe::Fetch;

    /// A process that has one note of a transfer, and then nothing new.
    struct Says {
        asked: AtomicU64,
    }

    #[async_trait]
    impl Fetch for Says {
        async fn fetch(&self, path: &str) -> Result<Vec<u8>, Failed> {
            self.asked.fetch_add(1, Ordering::Relaxed);
            match path {
                "/metrics" => Ok(b"sojourn_root_agents{region=\"One\"} 1\n".to_vec()),
                "/sessions" => Ok(br#"{"now_us": 1, "sessions": [], "ended": []}"#.to_vec()),
                "/transfers" => Ok(br#"{"process": 1, "last": 1, "transfers": [{
                    "region": "00000000-0000-0000-0000-000000000001", "by_destination": false, "number": 1,
                    "agent": "00000000-0000-0000-0000-000000000007", "name": "Ada", "kind": "teleport",
                    "version": "0.8", "outcome": null, "notes": [{"n": 1, "at_us": 5, "region": "One",
                    "region_id": "00000000-0000-0000-0000-000000000001", "step": "P1", "from": "viewer",
                    "to": "source", "message": "X", "detail": ""}]}]}"#
                    .to_vec()),
                "/transfers?after=1" => std::future::pending().await,
                _ => Err(Failed("nothing there".into())),
            }
        }
    }

    struct One(Arc<Says>);

    #[async_trait]
    impl Fleet for One {
        fn own(&self) -> Process {
            Process { name: "own".into(), source: Source::new(self.0.clone()), regions: true }
        }

        async fn others(&self) -> Result<Vec<Process>, String> {
            Ok(Vec::new())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn simulators_are_asked_only_while_somebody_looks() {
        let says = Arc::new(Says { asked: AtomicU64::new(0) });
        let lookout = Arc::new(Lookout::new(Arc::new(One(says.clone()))));
        let kept = tokio::spawn(lookout.clone().keep());
        tokio::time::sleep(Duration::from_secs(100)).await;
        let unasked = says.asked.load(Ordering::Relaxed);
        assert!((10..=11).contains(&unasked), "its own metrics only, every ten seconds: {unasked}");
        assert!(lookout.sessions().is_empty() && lookout.transfers().is_empty());
        lookout.look().await;
        assert_eq!(lookout.sessions().len(), 1);
        let mut news = lookout.news();
        while lookout.transfers().is_empty() {
            news.changed().await.unwrap();
        }
        let key = lookout.transfers()[0].key;
        assert_eq!(lookout.transfer(key).unwrap().agent, "Ada");
        assert!(lookout.silent().is_empty());
        tokio::time::sleep(LOOKING + Duration::from_secs(5)).await;
        let after = says.asked.load(Ordering::Relaxed);
        tokio::time::sleep(Duration::from_secs(100)).await;
        let asked = says.asked.load(Ordering::Relaxed) - after;
        assert!((9..=11).contains(&asked), "{asked}");
        kept.abort();
    }

    /// A process that comes and goes.
    struct Coming {
        says: Arc<Says>,
        there: std::sync::atomic::AtomicBool,
    }

    #[async_trait]
    impl Fleet for Coming {
        fn own(&self) -> Process {
            Process { name: "own".into(), source: Source::new(self.says.clone()), regions: false }
        }

        async fn others(&self) -> Result<Vec<Process>, String> {
            let there = self.there.load(Ordering::Relaxed);
            let one = || Process {
                name: "http://a b".into(),
                source: Source::new(self.says.clone()),
                regions: true,
            };
            Ok(there.then(one).into_iter().collect())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_comes_back_is_who_it_was() {
        let says = Arc::new(Says { asked: AtomicU64::new(0) });
        let fleet = Arc::new(Coming { says, there: true.into() });
        let lookout = Arc::new(Lookout::new(fleet.clone()));
        let kept = tokio::spawn(lookout.clone().keep());
        lookout.known().silent.insert("http://c d".into(), "gone".into());
        for there in [true, false, true] {
            fleet.there.store(there, Ordering::Relaxed);
            lookout.keep_looking();
            tokio::time::sleep(SESSIONS * 3).await;
            assert_eq!(lookout.sessions().len(), usize::from(there));
            assert_eq!(lookout.transfers()[0].notes.len(), 1, "what it says again is the same");
        }
        assert!(lookout.silent().is_empty(), "who has gone is not silent");
        kept.abort();
    }
}
