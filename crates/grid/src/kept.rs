//! What is made for whoever asks, and therefore once for all of them: kept for a moment, as are failures.

use services::{Result, ServiceError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

/// After a failure nobody tries again for so long.
const PAUSE: Duration = Duration::from_secs(5);
/// What cannot be made anew is served for so long all the same.
const OLD: Duration = Duration::from_secs(600);
/// How long making it may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long somebody waits for it where there is an old one ...
const WAIT: Duration = Duration::from_secs(1);
/// ... and where there is none.
const FIRST: Duration = Duration::from_secs(5);

/// Something that is made at most once in a while, however many ask for it. While it cannot be made, or takes long, the
/// last one is served.
pub struct Kept<T> {
    what: &'static str,
    age: Duration,
    state: Arc<Mutex<State<T>>>,
}

struct State<T> {
    last: Option<(Instant, Arc<T>)>,
    /// Since the last one was made.
    failed: Option<(Instant, ServiceError)>,
    /// Closed when whoever makes it has ended, in whatever way.
    made: Option<watch::Receiver<()>>,
}

impl<T: Send + Sync + 'static> Kept<T> {
    /// It is made anew after this time. What it is, as the log has it, with an article.
    pub fn new(what: &'static str, age: Duration) -> Self {
        Self { what, age, state: Arc::new(Mutex::new(State { last: None, failed: None, made: None })) }
    }

    /// The latest, which is made in this way if need be, even if nobody waits for it any more.
    ///
    /// # Errors
    /// It cannot be made now, and there is none that would do. That is logged already.
    pub async fn get<F>(&self, make: impl FnOnce() -> F) -> Result<Arc<T>>
    where
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let (mut made, wait) = {
            let mut state = self.state();
            if state.is_settled(self.age) {
                return state.best();
            }
            let wait = if state.old().is_some() { WAIT } else { FIRST };
            let running = state.made.clone().filter(|made| made.has_changed().is_ok());
            let made = running.unwrap_or_else(|| self.begin(make()));
            state.made = Some(made.clone());
            (made, wait)
        };
        // Nothing is sent there: it comes back when the sender is gone.
        let _ = timeout(wait, made.changed()).await;
        self.state().best()
    }

    fn begin(&self, making: impl Future<Output = Result<T>> + Send + 'static) -> watch::Receiver<()> {
        let (done, made) = watch::channel(());
        let (what, state) = (self.what, self.state.clone());
        tokio::spawn(async move {
            let late = |_| Err(ServiceError::unavailable("it takes too long"));
            let new = timeout(PATIENCE, making).await.unwrap_or_else(late);
            if let Err(error) = &new {
                tracing::error!(%error, "{what} could not be made");
            }
            locked(&state).take(new);
            drop(done);
        });
        made
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        locked(&self.state)
    }
}

// Whatever panics in here leaves a state that is whole.
fn locked<T>(state: &Mutex<State<T>>) -> MutexGuard<'_, State<T>> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T> State<T> {
    fn take(&mut self, new: Result<T>) {
        match new {
            Ok(new) => {
                self.last = Some((Instant::now(), Arc::new(new)));
                self.failed = None;
            }
            Err(error) => self.failed = Some((Instant::now(), error)),
        }
    }

    /// Nothing has to be made now.
    fn is_settled(&self, age: Duration) -> bool {
        let within = |at: &Instant, time| at.elapsed() < time;
        self.last.as_ref().is_some_and(|(at, _)| within(at, age))
            || self.failed.as_ref().is_some_and(|(at, _)| within(at, PAUSE))
    }

    /// The last one, if it still does.
    fn old(&self) -> Option<&Arc<T>> {
        self.last.as_ref().filter(|(at, _)| at.elapsed() < OLD).map(|(_, last)| last)
    }

    fn best(&self) -> Result<Arc<T>> {
        let failed = self.failed.as_ref().map(|(_, error)| error.clone());
        let why = || failed.unwrap_or_else(|| ServiceError::unavailable("it takes too long"));
        self.old().cloned().ok_or_else(why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::future::{join_all, pending};
    use std::sync::atomic::{AtomicU64, Ordering};

    const AGE: Duration = Duration::from_secs(2);

    /// What counts how often it is made, and takes a while each time.
    struct Rig {
        kept: Kept<u64>,
        made: Arc<AtomicU64>,
    }

    impl Rig {
        fn new() -> Self {
            Self { kept: Kept::new("a number", AGE), made: Arc::default() }
        }

        async fn get(&self, takes: Duration, works: bool) -> Result<u64> {
            let made = self.made.clone();
            let make = || async move {
                let number = made.fetch_add(1, Ordering::Relaxed) + 1;
                tokio::time::sleep(takes).await;
                if works { Ok(number) } else { Err(ServiceError::unavailable("broken")) }
            };
            self.kept.get(make).await.map(|number| *number)
        }

        fn made(&self) -> u64 {
            self.made.load(Ordering::Relaxed)
        }
    }

    const SHORT: Duration = Duration::from_millis(100);
    const LONG: Duration = Duration::from_secs(3600);

    #[tokio::test(start_paused = true)]
    async fn it_is_made_once_for_all_and_again_when_it_is_old() {
        let rig = Rig::new();
        let all = join_all((0..50).map(|_| rig.get(SHORT, true))).await;
        assert!(all.iter().all(|one| *one == Ok(1)), "{all:?}");
        tokio::time::advance(AGE / 2).await;
        assert_eq!(rig.get(SHORT, true).await, Ok(1));
        tokio::time::advance(AGE).await;
        assert_eq!(rig.get(SHORT, true).await, Ok(2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_remembered_and_the_last_one_served() {
        let rig = Rig::new();
        for _ in 0..9 {
            let failed = rig.get(SHORT, false).await;
            assert_eq!(failed, Err(ServiceError::unavailable("broken")));
        }
        assert_eq!(rig.made(), 1);
        tokio::time::advance(PAUSE).await;
        assert_eq!(rig.get(SHORT, true).await, Ok(2));
        tokio::time::advance(AGE).await;
        for _ in 0..9 {
            assert_eq!(rig.get(SHORT, false).await, Ok(2));
        }
        assert_eq!(rig.made(), 3);
        tokio::time::advance(OLD).await;
        assert!(rig.get(SHORT, false).await.is_err(), "it is too old");
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_long() {
        let rig = Rig::new();
        let begun = Instant::now();
        let all = join_all((0..50).map(|_| rig.get(LONG, true))).await;
        assert!(all.iter().all(Result::is_err));
        assert_eq!((begun.elapsed().as_secs(), rig.made()), (FIRST.as_secs(), 1));
        tokio::time::sleep(PATIENCE + PAUSE).await;
        assert_eq!(rig.get(SHORT, true).await, Ok(2));
        tokio::time::advance(AGE).await;
        let begun = Instant::now();
        let all = join_all((0..50).map(|_| rig.get(LONG, true))).await;
        assert!(all.iter().all(|one| *one == Ok(2)), "{all:?}");
        assert_eq!((begun.elapsed().as_secs(), rig.made()), (WAIT.as_secs(), 3));
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_leaves_or_panics_keeps_nobody_from_it() {
        let rig = Rig::new();
        assert!(timeout(SHORT / 2, rig.get(SHORT, true)).await.is_err());
        assert_eq!((rig.get(SHORT, true).await, rig.made()), (Ok(1), 1));
        let broken = Kept::<u64>::new("a number", AGE);
        assert!(broken.get(|| async { panic!("on purpose") }).await.is_err());
        assert_eq!(broken.get(|| async { Ok(7) }).await.map(|number| *number), Ok(7));
        let never = Kept::<u64>::new("a number", AGE);
        assert!(never.get(pending).await.is_err());
    }
}
