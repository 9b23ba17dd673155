//! One login at a time for each account: in this process by [`Turns`], among all processes of the grid by [`Shared`].

use super::records::LoginRecords;
use model::{AgentId, Uuid};
use services::Result;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Mutex as Turnstile, OwnedMutexGuard};

/// How long others wait for a process that has died during a login.
const HELD_S: u32 = 25;
/// A turn is kept by taking it again so often.
const KEEP: Duration = Duration::from_secs(12);
/// Who waits for another process looks so often.
const LOOK: Duration = Duration::from_millis(100);

/// Somebody's turn among all processes.
pub(super) struct Shared<'a> {
    records: &'a dyn LoginRecords,
    agent: AgentId,
    holder: Uuid,
}

impl<'a> Shared<'a> {
    /// Waits until no other process has a turn of this agent. `holder` is nobody else's.
    pub(super) async fn wait(records: &'a dyn LoginRecords, agent: AgentId, holder: Uuid) -> Result<Self> {
        while !records.take_turn(agent, holder, HELD_S).await? {
            tokio::time::sleep(LOOK).await;
        }
        Ok(Self { records, agent, holder })
    }

    /// Does this in the turn, and ends it.
    pub(super) async fn during<T>(self, work: impl Future<Output = T>) -> T {
        let keep = async {
            loop {
                tokio::time::sleep(KEEP).await;
                // If it cannot be kept, the database is gone, and so is whoever might take it.
                let _ = self.records.take_turn(self.agent, self.holder, HELD_S).await;
            }
        };
        let done = tokio::select! {
            done = work => done,
            never = keep => never,
        };
        // Otherwise it ends by itself.
        let _ = self.records.end_turn(self.agent, self.holder).await;
        done
    }
}

/// One at a time for each account.
#[derive(Default)]
pub(super) struct Turns {
    waiting: Mutex<BTreeMap<AgentId, Arc<Turnstile<()>>>>,
}

/// Somebody's turn, until it is dropped.
pub(super) struct Turn<'a> {
    turns: &'a Turns,
    agent: AgentId,
    guard: Option<OwnedMutexGuard<()>>,
}

impl Turns {
    /// Waits until no other turn of this agent is on.
    pub(super) async fn wait(&self, agent: AgentId) -> Turn<'_> {
        let turnstile = {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.entry(agent).or_default().clone()
        };
        // Made before the wait, so that it tidies up if nobody waits any more.
        let mut turn = Turn { turns: self, agent, guard: None };
        turn.guard = Some(turnstile.lock_owned().await);
        turn
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut waiting = self.turns.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        self.guard = None;
        // Clones are made under this lock only, so nobody else has one if the map's is the last.
        if waiting.get(&self.agent).is_some_and(|turnstile| Arc::strong_count(turnstile) == 1) {
            waiting.remove(&self.agent);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[tokio::test]
    async fn one_at_a_time_and_nothing_stays() {
        let (turns, inside) = (Arc::new(Turns::default()), Arc::new(AtomicUsize::new(0)));
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..60 {
            let (turns, inside) = (turns.clone(), inside.clone());
            tasks.spawn(async move {
                let agent = AgentId(model::Uuid::from_u128(n % 3));
                let _turn = turns.wait(agent).await;
                if n % 3 == 0 {
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                    tokio::task::yield_now().await;
                    inside.fetch_sub(1, Ordering::SeqCst);
                }
            });
        }
        tasks.join_all().await;
        assert!(turns.waiting.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn who_gives_up_leaves_nothing() {
        let turns = Turns::default();
        let turn = turns.wait(AgentId::NULL).await;
        let impatient = tokio::time::timeout(std::time::Duration::ZERO, turns.wait(AgentId::NULL));
        assert!(impatient.await.is_err());
        drop(turn);
        assert!(turns.waiting.lock().unwrap().is_empty());
    }
}
