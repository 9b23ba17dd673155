//! Friends hear of each other's comings and goings: FriendStatus to the regions where they stand, whichever process
//! these are in. Nobody waits for it, and what cannot be told in its time, or is not so any more, is not told: the next
//! login looks for itself. What is told of one agent keeps its order.

use crate::calls::PeerTransport;
use model::{AgentId, RegionId};
use services::{Friend, FriendRights, RegionInfo, ServiceError, Services};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;
use transfer::PeerCall;

/// All about one coming or going takes no longer, with the wait for what came before.
const PATIENCE: Duration = Duration::from_secs(15);
/// Comings and goings that are told side by side; the others wait.
const AT_ONCE: usize = 16;
/// Friends who are told, at most.
const MOST_FRIENDS: usize = 1000;

/// Tells friends. Clones share their turns.
#[derive(Clone)]
pub struct Friends {
    services: Services,
    peers: Arc<dyn PeerTransport>,
    turns: Arc<Semaphore>,
    /// Comings and goings that are being told, or wait for it.
    under_way: watch::Sender<usize>,
    lines: Arc<Mutex<Lines>>,
}

/// One of them.
struct UnderWay(watch::Sender<usize>);

impl UnderWay {
    fn begin(count: &watch::Sender<usize>) -> Self {
        count.send_modify(|count| *count += 1);
        Self(count.clone())
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

/// Whose news are on their way: the number of the last, and when it is over. What comes after it waits for that.
#[derive(Default)]
struct Lines {
    last: u64,
    /// Only looked up.
    by_agent: HashMap<AgentId, (u64, oneshot::Receiver<()>)>,
}

impl Friends {
    /// Who is whose friend these services say; regions are reached by these peers.
    pub fn new(services: Services, peers: Arc<dyn PeerTransport>) -> Self {
        let (turns, under_way) = (Arc::new(Semaphore::new(AT_ONCE)), watch::Sender::new(0));
        Self { services, peers, turns, under_way, lines: Arc::default() }
    }

    /// Somebody has come online in this region, or has gone from it. The null region is the grid itself.
    /// Nobody has to wait for it; how many pieces of news it made is known in the end.
    pub fn tell(&self, here: RegionId, agent: AgentId, online: bool) -> JoinHandle<Option<usize>> {
        let this = self.clone();
        let (place, before, over) = self.line_up(agent);
        let deadline = Instant::now() + PATIENCE;
        let under_way = UnderWay::begin(&self.under_way);
        tokio::spawn(async move {
            let _under_way = under_way;
            let spread = async {
                if let Some(before) = before {
                    // It is over when it is dropped.
                    let _ = before.await;
                }
                let _turn = this.turns.acquire().await.map_err(ServiceError::unavailable)?;
                this.spread(here, agent, online).await
            };
            let told = match tokio::time::timeout_at(deadline, spread).await {
                Ok(Ok(told)) => Some(told),
                Ok(Err(error)) => {
                    tracing::debug!(%agent, %error, "friends were not told");
                    None
                }
                Err(_) => {
                    tracing::debug!(%agent, "friends were not told in time");
                    None
                }
            };
            this.step_out(agent, place);
            drop(over);
            told
        })
    }

    /// Waits until everybody has been told, at most so long. Of how many comings and goings they have not.
    pub(crate) async fn settle(&self, patience: Duration) -> usize {
        let mut under_way = self.under_way.subscribe();
        let _ = tokio::time::timeout(patience, under_way.wait_for(|count| *count == 0)).await;
        *self.under_way.borrow()
    }

    /// A place in the line of somebody's news: its number, what has to be over before, and what says that it is over.
    fn line_up(&self, agent: AgentId) -> (u64, Option<oneshot::Receiver<()>>, oneshot::Sender<()>) {
        let (over, is_over) = oneshot::channel();
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.last += 1;
        let place = lines.last;
        let before = lines.by_agent.insert(agent, (place, is_over));
        (place, before.map(|(_, before)| before), over)
    }

    fn step_out(&self, agent: AgentId, place: u64) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.by_agent.get(&agent).is_some_and(|(last, _)| *last == place) {
            lines.by_agent.remove(&agent);
        }
    }

    async fn spread(&self, here: RegionId, agent: AgentId, online: bool) -> services::Result<usize> {
        let friends = self.services.friends.list(agent).await?;
        let of = |wanted: &dyn Fn(&Friend) -> bool| {
            friends
                .iter()
                .filter(|friend| wanted(friend))
                .map(|friend| friend.friend)
                .take(MOST_FRIENDS)
                .collect()
        };
        // A friendship that the other side does not have is none.
        let told: Vec<AgentId> =
            of(&|friend| friend.has.is_some() && friend.given.contains(FriendRights::SEE_ONLINE));
        let seen: Vec<AgentId> =
            of(&|friend| friend.has.is_some_and(|rights| rights.contains(FriendRights::SEE_ONLINE)));
        let mut asked = told.clone();
        asked.extend(seen.iter().filter(|_| online));
        asked.sort_unstable();
        asked.dedup();
        if asked.is_empty() {
            return Ok(0);
        }
        asked.push(agent);
        let there = self.services.presence.by_agents(&asked).await?;
        if online && !there.iter().any(|presence| presence.agent == agent) {
            // They have gone again since: that is the news.
            return Ok(0);
        }
        let there = there.into_iter().filter(|presence| !presence.region.is_null());
        let there: BTreeMap<AgentId, RegionId> =
            there.map(|presence| (presence.agent, presence.region)).collect();
        if !online && there.contains_key(&agent) {
            // They have logged in again since: that is the news.
            return Ok(0);
        }
        let mut news: Vec<(RegionId, PeerCall)> = told
            .into_iter()
            .filter_map(|to| Some((*there.get(&to)?, PeerCall::FriendStatus { friend: agent, to, online })))
            .collect();
        if online {
            // And who comes is told who is there.
            let here = seen
                .into_iter()
                .filter(|friend| there.contains_key(friend))
                .map(|friend| (here, PeerCall::FriendStatus { friend, to: agent, online }));
            news.extend(here);
        }
        self.send(here, news).await
    }

    async fn send(&self, here: RegionId, news: Vec<(RegionId, PeerCall)>) -> services::Result<usize> {
        let mut regions: BTreeMap<RegionId, Option<Arc<RegionInfo>>> = BTreeMap::new();
        for (region, _) in &news {
            if !regions.contains_key(region) {
                let info = self.services.grid.by_id(*region).await?;
                regions.insert(*region, info.map(Arc::new));
            }
        }
        let mut under_way = JoinSet::new();
        for (region, call) in news {
            if let Some(Some(info)) = regions.get(&region) {
                under_way.spawn(self.peers.begin(here, info, call, false));
            }
        }
        // Who has moved on in between misses it; there is nothing to be done about it.
        let mut told = 0;
        while let Some(answered) = under_way.join_next().await {
            told += usize::from(matches!(answered, Ok(Ok(_))));
        }
        Ok(told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calls::PeerAnswer;
    use crate::fake::Fake;
    use model::{SecureSessionId, SessionId, Uuid};
    use services::Presence;
    use std::sync::Mutex;
    use transfer::PeerReply;

    #[derive(Default)]
    struct Heard {
        calls: Mutex<Vec<(RegionId, PeerCall)>>,
        /// Calls are not answered before this comes.
        slow: Option<Arc<tokio::sync::Notify>>,
    }

    impl PeerTransport for Heard {
        fn begin(&self, _: RegionId, to: &Arc<RegionInfo>, call: PeerCall, _: bool) -> PeerAnswer {
            self.calls.lock().unwrap().push((to.id, call));
            let slow = self.slow.clone();
            Box::pin(async move {
                if let Some(slow) = slow {
                    slow.notified().await;
                }
                Ok(PeerReply::Done)
            })
        }
    }

    fn agent(n: u128) -> AgentId {
        AgentId(Uuid::from_u128(n))
    }

    fn region(n: u128) -> RegionId {
        RegionId(Uuid::from_u128(n))
    }

    /// Ada (1) in region 10. Bob (2) in region 20 sees her and is seen; Cleo (3) in region 10 sees her only; Dan (4)
    /// may not see her; Eve (5) has not accepted; Fay (6) is not online.
    fn grid() -> Arc<Fake> {
        let see = FriendRights::SEE_ONLINE;
        let none = FriendRights::empty();
        let friend = |n, given, has| Friend { friend: agent(n), given, has };
        let fake = Arc::new(Fake::default());
        *fake.friends.lock().unwrap() = vec![
            friend(2, see, Some(see)),
            friend(3, see, Some(none)),
            friend(4, none, Some(see)),
            friend(5, see, None),
            friend(6, see, Some(see)),
        ];
        *fake.presences.lock().unwrap() =
            vec![stands(2, 20), stands(3, 10), stands(4, 20), stands(5, 20), stands(6, 0)];
        *fake.regions.lock().unwrap() =
            [10, 20].map(|n| RegionInfo { id: region(n), ..RegionInfo::default() }).into();
        fake
    }

    fn stands(n: u128, at: u128) -> Presence {
        Presence {
            agent: agent(n),
            session: SessionId::default(),
            secure_session: SecureSessionId::default(),
            region: region(at),
            renewed: 0,
        }
    }

    /// What is told of Ada's coming or going, while she is there or not.
    async fn told(online: bool, there: bool) -> Vec<(RegionId, PeerCall)> {
        let fake = grid();
        fake.presences.lock().unwrap().extend(there.then(|| stands(1, 10)));
        let heard = Arc::new(Heard::default());
        let friends = Friends::new(fake.services(), heard.clone());
        friends.spread(region(10), agent(1), online).await.unwrap();
        let mut told = heard.calls.lock().unwrap().clone();
        told.sort_by_key(|(at, call)| (*at, format!("{call:?}")));
        told
    }

    fn status(at: u128, friend: u128, to: u128, online: bool) -> (RegionId, PeerCall) {
        (region(at), PeerCall::FriendStatus { friend: agent(friend), to: agent(to), online })
    }

    #[tokio::test]
    async fn those_who_may_see_it_hear_who_comes_and_who_comes_hears_who_is_there() {
        let expected =
            [status(10, 1, 3, true), status(10, 2, 1, true), status(10, 4, 1, true), status(20, 1, 2, true)];
        assert_eq!(told(true, true).await, expected);
    }

    #[tokio::test]
    async fn those_who_may_see_it_hear_who_goes() {
        assert_eq!(told(false, false).await, [status(10, 1, 3, false), status(20, 1, 2, false)]);
    }

    #[tokio::test]
    async fn what_is_not_so_any_more_is_not_told() {
        assert_eq!(told(true, false).await, []);
        assert_eq!(told(false, true).await, []);
    }

    #[tokio::test]
    async fn who_goes_at_once_is_not_told_to_have_gone_before_coming() {
        let (fake, slow) = (grid(), Arc::new(tokio::sync::Notify::new()));
        fake.presences.lock().unwrap().push(stands(1, 10));
        let heard = Arc::new(Heard { slow: Some(slow.clone()), ..Heard::default() });
        let friends = Friends::new(fake.services(), heard.clone());
        let came = friends.tell(region(10), agent(1), true);
        let calls = || heard.calls.lock().unwrap().len();
        while calls() < 4 {
            tokio::task::yield_now().await;
        }
        fake.presences.lock().unwrap().pop();
        let went = friends.tell(region(10), agent(1), false);
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert_eq!(calls(), 4, "the one has not been heard yet");
        slow.notify_waiters();
        assert_eq!(came.await.unwrap(), Some(4));
        while calls() < 6 {
            tokio::task::yield_now().await;
        }
        slow.notify_waiters();
        assert_eq!(went.await.unwrap(), Some(2));
        assert!(friends.lines.lock().unwrap().by_agent.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn news_that_waits_too_long_is_no_news() {
        let heard = Arc::new(Heard::default());
        let friends = Friends::new(grid().services(), heard.clone());
        let turns = friends.turns.clone().acquire_many_owned(AT_ONCE as u32).await.unwrap();
        let news = friends.tell(region(10), agent(1), false);
        tokio::time::sleep(PATIENCE * 2).await;
        drop(turns);
        assert_eq!(news.await.unwrap(), None);
        assert_eq!(*heard.calls.lock().unwrap(), []);
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_waits_for_news_that_are_under_way_but_not_for_ever() {
        struct Silent;
        impl PeerTransport for Silent {
            fn begin(&self, _: RegionId, _: &Arc<RegionInfo>, _: PeerCall, _: bool) -> PeerAnswer {
                Box::pin(std::future::pending())
            }
        }
        let see = FriendRights::SEE_ONLINE;
        let fake = Arc::new(Fake::default());
        *fake.friends.lock().unwrap() = vec![Friend { friend: agent(2), given: see, has: Some(see) }];
        let presence = Presence {
            agent: agent(2),
            session: SessionId::default(),
            secure_session: SecureSessionId::default(),
            region: region(20),
            renewed: 0,
        };
        *fake.presences.lock().unwrap() = vec![presence];
        *fake.regions.lock().unwrap() = vec![RegionInfo { id: region(20), ..RegionInfo::default() }];
        let heard = Arc::new(Heard::default());
        for (peers, left) in [(heard.clone() as Arc<dyn PeerTransport>, 0), (Arc::new(Silent), 1)] {
            let friends = Friends::new(fake.services(), peers);
            drop(friends.tell(region(10), agent(1), false));
            assert_eq!(friends.settle(PATIENCE / 2).await, left);
        }
        assert_eq!(heard.calls.lock().unwrap().len(), 1);
    }
}
