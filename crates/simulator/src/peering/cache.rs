//! Answers that are kept for a while: bounded in number, and asked for once however many wait.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Answers by their question.
#[derive(Debug)]
pub(crate) struct Cache<K, V> {
    slots: Mutex<HashMap<K, Arc<Slot<V>>>>,
    capacity: usize,
}

#[derive(Debug)]
struct Slot<V> {
    known: Mutex<Option<(V, Instant)>>,
    /// Whoever holds it asks; the others wait for what comes of it.
    turn: tokio::sync::Mutex<()>,
}

impl<V> Default for Slot<V> {
    fn default() -> Self {
        Self { known: Mutex::new(None), turn: tokio::sync::Mutex::new(()) }
    }
}

impl<K: Eq + Hash + Clone, V: Clone> Cache<K, V> {
    /// An empty one for so many answers.
    pub(crate) fn new(capacity: usize) -> Self {
        Self { slots: Mutex::new(HashMap::new()), capacity }
    }

    /// The answer, if it is known and no older.
    pub(crate) fn peek(&self, key: &K, max_age: Duration) -> Option<V> {
        lock(&self.slots).get(key)?.no_older(max_age)
    }

    /// The answer, asked for unless it is known and no older.
    ///
    /// # Errors
    /// What the asking brought; it is not kept.
    pub(crate) async fn get<E>(
        &self,
        key: &K,
        max_age: Duration,
        ask: impl AsyncFnOnce() -> Result<V, E>,
    ) -> Result<V, E> {
        let slot = self.slot(key);
        if let Some(known) = slot.no_older(max_age) {
            return Ok(known);
        }
        let begun = Instant::now();
        let _turn = slot.turn.lock().await;
        // What was asked for while this one waited is as good as new.
        if let Some(known) = slot.no_older(max_age.max(begun.elapsed())) {
            return Ok(known);
        }
        let value = ask().await?;
        *lock(&slot.known) = Some((value.clone(), Instant::now()));
        Ok(value)
    }

    fn slot(&self, key: &K) -> Arc<Slot<V>> {
        let mut slots = lock(&self.slots);
        if let Some(slot) = slots.get(key) {
            return slot.clone();
        }
        if slots.len() >= self.capacity {
            // A tenth of the oldest go at once, so that a flood of questions does not sort for each.
            let mut ages: Vec<_> = slots.values().map(|slot| slot.since()).collect();
            let (_, &mut cut, _) = ages.select_nth_unstable(slots.len() / 10);
            slots.retain(|_, slot| slot.since() > cut);
        }
        slots.entry(key.clone()).or_default().clone()
    }
}

impl<V: Clone> Slot<V> {
    fn no_older(&self, max_age: Duration) -> Option<V> {
        let known = lock(&self.known);
        let (value, at) = known.as_ref()?;
        (at.elapsed() <= max_age).then(|| value.clone())
    }

    /// Since when it is known; one that is being asked for is younger than all others.
    fn since(&self) -> Instant {
        lock(&self.known).as_ref().map_or_else(Instant::now, |(_, at)| *at)
    }
}

// What is held is whole whenever a lock is let go.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    const MINUTE: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_asked_for_once_in_its_time() {
        let cache = Cache::new(10);
        let asked = AtomicU32::new(0);
        let get = async || {
            let ask = async || {
                tokio::task::yield_now().await;
                Ok::<_, ()>(asked.fetch_add(1, Ordering::Relaxed))
            };
            cache.get(&1, MINUTE, ask).await.unwrap()
        };
        assert_eq!(tokio::join!(get(), get(), get()), (0, 0, 0));
        tokio::time::advance(MINUTE / 2).await;
        assert_eq!((get().await, cache.peek(&1, MINUTE / 4)), (0, None));
        tokio::time::advance(MINUTE).await;
        assert_eq!((cache.peek(&1, MINUTE), get().await), (None, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_not_kept() {
        let cache = Cache::new(10);
        assert_eq!(cache.get(&1, MINUTE, async || Err::<u8, _>("no")).await, Err("no"));
        assert_eq!(cache.get(&1, MINUTE, async || Ok::<_, ()>(5)).await, Ok(5));
    }

    #[tokio::test(start_paused = true)]
    async fn the_oldest_make_room() {
        let cache = Cache::new(20);
        for n in 0..1000 {
            cache.get(&n, MINUTE, async || Ok::<_, ()>(n)).await.unwrap();
            tokio::time::advance(Duration::from_millis(1)).await;
            assert!(lock(&cache.slots).len() <= 20);
        }
        assert_eq!((cache.peek(&999, MINUTE), cache.peek(&0, MINUTE)), (Some(999), None));
    }
}
