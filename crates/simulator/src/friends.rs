//! Friends hear of each other's comings and goings: FriendStatus to the regions where they stand, whichever process
//! these are in. Nobody waits for it, and what cannot be told is not told: the next login looks for itself.

use crate::calls::PeerTransport;
use model::{AgentId, RegionId};
use services::{Friend, FriendRights, RegionInfo, Services};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};
use transfer::PeerCall;

/// All about one coming or going takes no longer.
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

impl Friends {
    /// Who is whose friend these services say; regions are reached by these peers.
    pub fn new(services: Services, peers: Arc<dyn PeerTransport>) -> Self {
        let under_way = watch::Sender::new(0);
        Self { services, peers, turns: Arc::new(Semaphore::new(AT_ONCE)), under_way }
    }

    /// Somebody has come online in this region, or has gone from it. The null region is the grid itself.
    /// Nobody has to wait for it; how many pieces of news it made is known in the end.
    pub fn tell(&self, here: RegionId, agent: AgentId, online: bool) -> JoinHandle<Option<usize>> {
        let this = self.clone();
        let under_way = UnderWay::begin(&self.under_way);
        tokio::spawn(async move {
            let _under_way = under_way;
            let _turn = this.turns.acquire().await.ok()?;
            match tokio::time::timeout(PATIENCE, this.spread(here, agent, online)).await {
                Ok(Ok(told)) => return Some(told),
                Ok(Err(error)) => tracing::debug!(%agent, %error, "friends were not told"),
                Err(_) => tracing::debug!(%agent, "friends were not told in time"),
            }
            None
        })
    }

    /// Waits until everybody has been told, at most so long. Of how many comings and goings they have not.
    pub(crate) async fn settle(&self, patience: Duration) -> usize {
        let mut under_way = self.under_way.subscribe();
        let _ = tokio::time::timeout(patience, under_way.wait_for(|count| *count == 0)).await;
        *self.under_way.borrow()
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
    struct Heard(Mutex<Vec<(RegionId, PeerCall)>>);

    impl PeerTransport for Heard {
        fn begin(&self, _: RegionId, to: &Arc<RegionInfo>, call: PeerCall, _: bool) -> PeerAnswer {
            self.0.lock().unwrap().push((to.id, call));
            Box::pin(async { Ok(PeerReply::Done) })
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
    async fn told(online: bool) -> Vec<(RegionId, PeerCall)> {
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
        let presence = |n, at| Presence {
            agent: agent(n),
            session: SessionId::default(),
            secure_session: SecureSessionId::default(),
            region: region(at),
            renewed: 0,
        };
        *fake.presences.lock().unwrap() =
            vec![presence(2, 20), presence(3, 10), presence(4, 20), presence(5, 20), presence(6, 0)];
        *fake.regions.lock().unwrap() =
            [10, 20].map(|n| RegionInfo { id: region(n), ..RegionInfo::default() }).into();
        let heard = Arc::new(Heard::default());
        let friends = Friends::new(fake.services(), heard.clone());
        friends.spread(region(10), agent(1), online).await.unwrap();
        let mut told = heard.0.lock().unwrap().clone();
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
        assert_eq!(told(true).await, expected);
    }

    #[tokio::test]
    async fn those_who_may_see_it_hear_who_goes() {
        assert_eq!(told(false).await, [status(10, 1, 3, false), status(20, 1, 2, false)]);
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
        assert_eq!(heard.0.lock().unwrap().len(), 1);
    }
}
