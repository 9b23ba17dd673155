//! Every service on a fresh database.

mod copying;
mod inventory;
mod logins;
mod operator;
mod people;
mod personal;
mod places;
mod things;

use super::SqlStore;
use crate::{Clock, Database, HashCost};
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
    (SqlStore::open(&Database::Memory, clock.clone(), [7; 32], CHEAP).await.unwrap(), clock)
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

#[tokio::test]
async fn a_file_keeps_what_it_was_told_and_serves_two_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::File(folder.path().join("deep").join("grid.db"));
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

#[cfg(unix)]
#[tokio::test]
async fn only_its_owner_reads_the_file() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("grid.db");
    let database = Database::File(file.clone());
    let store = SqlStore::open(&database, Arc::new(Set::default()), [1; 32], CHEAP).await.unwrap();
    account(&store, "Ada", "One").await;
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let rights = file.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(rights & 0o077, 0);
    }
}

#[tokio::test]
async fn many_writers_of_two_processes_do_not_get_in_each_others_way() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::File(folder.path().join("grid.db"));
    let mut seed = 0;
    let mut open = async || {
        seed += 1;
        SqlStore::open(&database, Arc::new(Set::default()), [seed; 32], CHEAP).await.unwrap()
    };
    let stores = [open().await, open().await];
    let mut writers = tokio::task::JoinSet::new();
    for n in 0..40 {
        let store = stores[n % 2].clone();
        writers.spawn(async move { account(&store, &format!("Number{n}"), "Writer").await });
    }
    assert_eq!(writers.join_all().await.len(), 40);
    assert_eq!(AccountService::list(&stores[0], None, 100).await.unwrap().len(), 40);
}

#[test]
fn patterns_are_taken_literally() {
    assert_eq!(super::escaped("50%_\\x"), "50\\%\\_\\\\x");
}

#[test]
fn what_cannot_be_stored_comes_back_as_the_nearest() {
    assert_eq!(super::narrow::<u8>(300), 255);
    assert_eq!(super::narrow::<u32>(-1), 0);
    assert_eq!(super::narrow::<i32>(i64::MIN), i32::MIN);
    assert_eq!(super::narrow::<u16>(7), 7);
}
