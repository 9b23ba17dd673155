//! Every service on a fresh database, once on each engine.

mod contents;
mod copying;
mod inventory;
mod logins;
mod operator;
mod people;
mod personal;
mod places;
mod things;
mod together;

use super::SqlStore;
use super::engine::fresh::{fresh, fresh_for_several};
use crate::{Clock, HashCost};
use model::{AgentId, Uuid};
use services::{AccountService, NewAccount};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const CHEAP: HashCost = HashCost { memory_kib: 32, passes: 1 };

/// A clock that stands until it is set.
#[derive(Default)]
struct Set(AtomicU64);

impl Set {
    fn to(&self, unix_s: u64) {
        self.0.store(unix_s, Ordering::Relaxed);
    }
}

impl Clock for Set {
    fn unix_s(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

async fn store() -> SqlStore {
    store_with_clock().await.0
}

async fn store_with_clock() -> (SqlStore, Arc<Set>) {
    let clock = Arc::new(Set::default());
    clock.to(1_000_000);
    let (database, ()) = fresh().await;
    (SqlStore::open(&database, clock.clone(), [7; 32], CHEAP).await.unwrap(), clock)
}

fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

fn agent(n: u128) -> AgentId {
    AgentId(id(n))
}

async fn account(store: &SqlStore, first: &str, last: &str) -> AgentId {
    let new = NewAccount { first: first.into(), last: last.into(), ..NewAccount::default() };
    store.create(new).await.unwrap().id
}

/// Two processes, as it were, on one database.
async fn two_stores() -> ([SqlStore; 2], Arc<Set>, impl Drop) {
    let (database, gone_with) = fresh_for_several().await;
    let clock = Arc::new(Set::default());
    clock.to(1_000_000);
    let open = async |seed| SqlStore::open(&database, clock.clone(), [seed; 32], CHEAP).await.unwrap();
    ([open(1).await, open(2).await], clock, Kept(gone_with))
}

/// Keeps something for as long as it is kept itself.
struct Kept<T>(T);

impl<T> Drop for Kept<T> {
    fn drop(&mut self) {}
}

#[tokio::test]
async fn a_database_keeps_what_it_was_told_and_serves_two_at_once() {
    let (database, _kept) = fresh_for_several().await;
    let open =
        async |seed| SqlStore::open(&database, Arc::new(Set::default()), [seed; 32], CHEAP).await.unwrap();
    let (one, other) = (open(1).await, open(2).await);
    let ada = account(&one, "Ada", "One").await;
    assert_eq!(other.by_id(ada).await.unwrap().unwrap().first, "Ada");
    one.close().await;
    let bob = account(&other, "Bob", "Two").await;
    assert!(one.by_id(bob).await.is_err(), "a closed store answers nothing");
    other.close().await;
    assert_eq!(AccountService::list(&open(3).await, None, 10).await.unwrap().len(), 2);
}

#[tokio::test]
async fn many_writers_of_two_processes_do_not_get_in_each_others_way() {
    let (stores, _, _kept) = two_stores().await;
    let mut writers = tokio::task::JoinSet::new();
    for n in 0..40 {
        let store = stores[n % 2].clone();
        writers.spawn(async move { account(&store, &format!("Number{n}"), "Writer").await });
    }
    assert_eq!(writers.join_all().await.len(), 40);
    assert_eq!(AccountService::list(&stores[0], None, 100).await.unwrap().len(), 40);
}

#[test]
fn what_cannot_be_stored_comes_back_as_the_nearest() {
    assert_eq!(super::narrow::<u8>(300), 255);
    assert_eq!(super::narrow::<u32>(-1), 0);
    assert_eq!(super::narrow::<i32>(i64::MIN), i32::MIN);
    assert_eq!(super::narrow::<u16>(7), 7);
}

#[test]
fn a_pool_that_is_miscounted_for_a_moment_is_at_work() {
    for (size, idle, busy) in [(3, 0, 3), (3, 2, 1), (3, usize::MAX, 3), (0, 0, 0), (0, usize::MAX, 0)] {
        assert_eq!(super::at_work(size, idle), busy, "{size} {idle}");
    }
}
