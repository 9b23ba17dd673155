//! Ends the sessions that no simulator vouches for any more: its simulator has died, or its viewer never came.
//!
//! Nothing is remembered here but when the database last answered, and since when it has without a pause: while this
//! process was away, or stood still, or could not reach its database, simulators could not renew anything, so nobody is
//! ended until each has had the time to. The bound for an agent whose simulator is killed: the lease, and [`LOOK`] with a
//! second for the clock's coarseness; where thousands end at once, the time that their ends take.

use crate::SqlStore;
use model::SessionId;
use services::{Presence, Result, ServiceError};
use std::time::Duration;

/// Between two looks.
const LOOK: Duration = Duration::from_secs(2);
/// One question takes no longer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Sessions whose end may not come in time, in one look; after that the database is taken for gone.
const LATE: usize = 3;
/// Who has had no answer for so long, seconds, has been away.
const AWAY_S: i64 = 10;

/// Looks for such sessions.
#[derive(Debug)]
pub struct Reaper {
    store: SqlStore,
    last: Option<i64>,
    /// From when on sessions are ended.
    from: i64,
}

impl Reaper {
    /// Of this grid.
    pub fn new(store: SqlStore) -> Self {
        Self { store, last: None, from: 0 }
    }

    /// Looks again and again; `tell` is to tell of each session that has ended so, here or by a region that started anew.
    /// Should this process end before it has, another tells.
    pub async fn run<T>(mut self, tell: impl Fn(&Presence) -> T)
    where
        T: Future + Send + 'static,
        T::Output: Send,
    {
        loop {
            match self.look().await {
                Ok(ended) => ended.iter().for_each(|ended| self.note_told(ended.session, tell(ended))),
                Err(error) => tracing::warn!(%error, "nobody knows which sessions are over"),
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    fn note_told<T>(&self, session: SessionId, told: T)
    where
        T: Future + Send + 'static,
        T::Output: Send,
    {
        let store = self.store.clone();
        tokio::spawn(async move {
            drop(told.await);
            // Otherwise it is told once more.
            let _ = store.told_of(session).await;
        });
    }

    /// Ends what is over. What has ended and has not been told of.
    async fn look(&mut self) -> Result<Vec<Presence>> {
        if self.is_steady() {
            self.end_overdue(self.store.now_s()).await?;
        }
        let ended = in_time(self.store.take_ended()).await?;
        self.is_steady();
        for Presence { agent, session, region, .. } in &ended {
            tracing::info!(%agent, %session, %region, "a session has ended that nobody renewed");
        }
        Ok(ended)
    }

    /// The database has answered, or a look begins: whether simulators have been able to renew for as long as a lease.
    fn is_steady(&mut self) -> bool {
        let now = self.store.now_s();
        if !self.last.is_some_and(|last| (0..=AWAY_S).contains(&(now - last))) {
            self.from = now + self.store.lease_s();
        }
        self.last = Some(now);
        now >= self.from
    }

    /// One session whose end does not come in time does not keep the others, nor the next look.
    async fn end_overdue(&mut self, now: i64) -> Result<()> {
        let mut late = 0;
        loop {
            let overdue = in_time(self.store.overdue(now)).await?;
            let mut ended = 0;
            for (session, agent) in overdue {
                match in_time(self.store.end_overdue(session, agent, now)).await {
                    Ok(did) => ended += usize::from(did),
                    Err(error) if late + 1 >= LATE => return Err(error),
                    Err(error) => {
                        late += 1;
                        tracing::warn!(%session, %error, "a session could not be ended");
                        continue;
                    }
                }
                if !self.is_steady() {
                    return Ok(());
                }
            }
            if ended == 0 {
                return Ok(());
            }
        }
    }
}

async fn in_time<T>(question: impl Future<Output = Result<T>>) -> Result<T> {
    let late = |_| Err(ServiceError::Unavailable("no answer in time".into()));
    tokio::time::timeout(PATIENCE, question).await.unwrap_or_else(late)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Clock, Database, HashCost};
    use model::{AgentId, RegionId, SecureSessionId, Uuid, Vec3};
    use services::{GridUserService, Place, PresenceService, Renewed};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};

    const BEGIN: i64 = 1_000_000;
    const HERE: RegionId = RegionId(Uuid::from_u128(10));
    const THERE: RegionId = RegionId(Uuid::from_u128(11));

    /// What time it is, and how much later with each look at it.
    struct Time(AtomicI64, AtomicI64);

    impl Clock for Time {
        fn unix_s(&self) -> u64 {
            self.0.fetch_add(self.1.load(Ordering::Relaxed), Ordering::Relaxed).unsigned_abs()
        }
    }

    struct World {
        store: SqlStore,
        presence: Arc<dyn PresenceService>,
        users: Arc<dyn GridUserService>,
        time: Arc<Time>,
        reaper: Reaper,
        at: i64,
    }

    fn session(n: u128) -> SessionId {
        SessionId(Uuid::from_u128(n))
    }

    fn agent(n: u128) -> AgentId {
        AgentId(Uuid::from_u128(100 + n))
    }

    impl World {
        async fn new() -> Self {
            let time = Arc::new(Time(BEGIN.into(), AtomicI64::new(0)));
            let cheap = HashCost { memory_kib: 32, passes: 1 };
            let store = SqlStore::open(&Database::Memory, time.clone(), [1; 32], cheap).await.unwrap();
            let store = store.with_lease(Duration::from_secs(25));
            let services = store.services();
            let (presence, users) = (services.presence, services.grid_users);
            Self { reaper: Reaper::new(store.clone()), store, presence, users, time, at: 0 }
        }

        async fn log_in(&self, n: u128) {
            self.presence.login(agent(n), session(n), SecureSessionId::NULL).await.unwrap();
            self.users.logged_in(agent(n)).await.unwrap();
        }

        async fn online(&self, n: u128) -> bool {
            self.users.get(agent(n)).await.unwrap().unwrap().online
        }

        /// Looks every two seconds until then; who has ended meanwhile, and when.
        async fn until(&mut self, at: i64) -> Vec<(i64, SessionId)> {
            let mut ended = Vec::new();
            while self.at < at {
                self.at += 2;
                self.time.0.store(BEGIN + self.at, Ordering::Relaxed);
                let sessions = self.reaper.look().await.unwrap();
                for told in &sessions {
                    self.store.told_of(told.session).await.unwrap();
                }
                ended.extend(sessions.into_iter().map(|presence| (self.at, presence.session)));
            }
            ended
        }
    }

    #[tokio::test]
    async fn who_is_not_renewed_goes_and_is_where_they_were_last() {
        let mut world = World::new().await;
        world.until(30).await;
        for n in 1..=2 {
            world.log_in(n).await;
            assert!(world.presence.hold(session(n), HERE).await.unwrap());
        }
        let place = Place { region: HERE, position: Vec3::new(1.0, 2.0, 3.0), look_at: Vec3::X };
        world.users.set_last_position(agent(1), place).await.unwrap();
        for at in (40..80).step_by(10) {
            assert_eq!(world.until(at).await, [], "both are renewed");
            let held = [(session(1), HERE), (session(2), HERE)];
            assert_eq!(world.presence.renew(&held).await.unwrap(), Renewed::default());
        }
        assert_eq!(world.until(80).await, []);
        assert_eq!(world.presence.renew(&[(session(2), HERE)]).await.unwrap(), Renewed::default());
        assert_eq!(world.until(100).await, [(96, session(1))], "renewed at 70");
        assert_eq!(world.presence.by_session(session(1)).await.unwrap(), None);
        let user = world.users.get(agent(1)).await.unwrap().unwrap();
        assert_eq!((user.online, user.last, user.logout), (false, Some(place), (BEGIN + 96).unsigned_abs()));
        assert!(world.online(2).await);
        let held = [(session(1), HERE), (session(2), HERE)];
        let renewed = world.presence.renew(&held).await.unwrap();
        assert_eq!(renewed.unknown, [session(1)], "its simulator hears of it");
    }

    #[tokio::test]
    async fn who_reports_without_a_lease_is_kept() {
        let mut world = World::new().await;
        for n in 1..=3 {
            world.log_in(n).await;
        }
        // One stays where nobody renews; one comes from where it was renewed; one waits to arrive.
        world.presence.report(session(1), HERE).await.unwrap();
        world.presence.hold(session(2), THERE).await.unwrap();
        world.presence.report(session(2), HERE).await.unwrap();
        world.presence.expect(session(3), HERE).await.unwrap();
        // Word of the region that it has left comes late; one that it looks into asks as well.
        let held = [(session(2), THERE), (session(3), RegionId::NULL), (session(4), RegionId::NULL)];
        let renewed = world.presence.renew(&held).await.unwrap();
        assert_eq!((renewed.unknown, renewed.elsewhere), (vec![session(4)], vec![session(2)]));
        assert_eq!(world.until(600).await, [(120, session(3))]);
        assert!(world.online(1).await && world.online(2).await && !world.online(3).await);
    }

    #[tokio::test]
    async fn late_word_of_a_region_that_was_left_ends_nobody() {
        let mut world = World::new().await;
        world.until(30).await;
        world.log_in(1).await;
        world.presence.hold(session(1), THERE).await.unwrap();
        world.presence.hold(session(1), HERE).await.unwrap();
        // Said once more, after it was not heard in time.
        world.presence.hold(session(1), THERE).await.unwrap();
        let renewed = world.presence.renew(&[(session(1), HERE)]).await.unwrap();
        assert_eq!((renewed.unknown, renewed.elsewhere), (vec![], vec![session(1)]));
        world.presence.hold(session(1), HERE).await.unwrap();
        for at in (40..120).step_by(10) {
            assert_eq!(world.until(at).await, []);
            let renewed = world.presence.renew(&[(session(1), HERE)]).await.unwrap();
            assert_eq!(renewed, Renewed::default());
        }
    }

    /// Where many end at once it takes its time, and is no absence.
    #[tokio::test]
    async fn a_long_look_does_not_put_off_the_next() {
        let mut world = World::new().await;
        world.until(30).await;
        for n in 1..=20 {
            world.log_in(n).await;
            world.presence.hold(session(n), HERE).await.unwrap();
        }
        world.until(40).await;
        world.log_in(21).await;
        world.presence.hold(session(21), HERE).await.unwrap();
        world.until(54).await;
        world.time.0.store(BEGIN + 56, Ordering::Relaxed);
        world.time.1.store(1, Ordering::Relaxed);
        assert_eq!(world.reaper.look().await.unwrap().len(), 20);
        assert!(world.store.now_s() > BEGIN + 40 + 25, "the last is due, too");
        assert_eq!(world.reaper.look().await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn a_grid_that_was_away_gives_everybody_time() {
        let mut world = World::new().await;
        world.until(30).await;
        world.log_in(1).await;
        world.presence.hold(session(1), HERE).await.unwrap();
        world.at = 1000;
        assert_eq!(world.until(1002).await, []);
        world.presence.renew(&[(session(1), HERE)]).await.unwrap();
        assert_eq!(world.until(1020).await, []);
        assert_eq!(world.until(1040).await, [(1028, session(1))]);
    }

    #[tokio::test]
    async fn a_region_that_starts_anew_ends_what_was_there_and_each_is_told_of_once() {
        let mut world = World::new().await;
        let mut other = Reaper::new(world.store.clone());
        for (n, region) in [(1, HERE), (2, HERE), (3, THERE)] {
            world.log_in(n).await;
            world.presence.hold(session(n), region).await.unwrap();
        }
        assert_eq!(world.presence.logout_region(HERE).await.unwrap(), 2);
        assert!(!world.online(1).await && !world.online(2).await && world.online(3).await);
        let told = other.look().await.unwrap();
        assert_eq!(told.iter().map(|ended| ended.session).collect::<Vec<_>>(), [session(1), session(2)]);
        assert_eq!(world.until(4).await, []);
    }

    #[tokio::test]
    async fn a_newer_session_stays_online_when_an_older_one_ends() {
        let mut world = World::new().await;
        world.until(30).await;
        world.log_in(1).await;
        world.presence.hold(session(1), HERE).await.unwrap();
        world.presence.login(agent(1), session(9), SecureSessionId::NULL).await.unwrap();
        world.presence.hold(session(9), THERE).await.unwrap();
        assert_eq!(world.until(50).await, []);
        assert!(world.online(1).await);
    }

    /// L-12, as far as the grid is concerned: whether they were logged out, were replaced, or fell silent.
    #[tokio::test]
    async fn of_ten_thousand_sessions_nothing_is_left() {
        const SESSIONS: u128 = 10_000;
        let mut world = World::new().await;
        world.until(30).await;
        let held: Vec<_> =
            (0..SESSIONS).map(|n| (session(n), if n % 2 == 0 { HERE } else { THERE })).collect();
        for (n, &(session, region)) in (0..).zip(&held) {
            world.log_in(n).await;
            assert!(world.presence.hold(session, region).await.unwrap());
        }
        // All of them in one call, as a simulator does it.
        assert_eq!(world.until(40).await, []);
        assert_eq!(world.presence.renew(&held).await.unwrap(), Renewed::default());
        let agents: Vec<_> = (0..SESSIONS).map(agent).collect();
        assert_eq!(world.presence.by_agents(&agents).await.unwrap().len(), SESSIONS as usize);
        // A third logs out, a third logs in anew, and then all are silent.
        let place = Place { region: HERE, position: Vec3::ONE, look_at: Vec3::X };
        for n in (0..SESSIONS).step_by(3) {
            assert!(world.presence.logout(session(n)).await.unwrap());
            world.users.logged_out(agent(n), place).await.unwrap();
        }
        for n in (1..SESSIONS).step_by(3) {
            let newer = session(SESSIONS + n);
            world.presence.login(agent(n), newer, SecureSessionId::NULL).await.unwrap();
            assert!(world.presence.hold(newer, HERE).await.unwrap());
        }
        let ended = world.until(70).await;
        let mut told: Vec<_> = ended.iter().map(|(_, session)| *session).collect();
        told.sort();
        told.dedup();
        let silent = (SESSIONS - SESSIONS.div_ceil(3)) as usize;
        assert_eq!((ended.len(), told.len()), (silent, silent), "each is told of once");
        assert_eq!(world.presence.by_agents(&agents).await.unwrap(), []);
        assert_eq!(world.store.take_ended().await.unwrap(), []);
        for n in [0, 1, 2, SESSIONS - 1] {
            assert!(!world.online(n).await, "{n}");
        }
    }
}
