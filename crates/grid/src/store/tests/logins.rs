//! What logins leave behind.

use super::*;
use crate::login::{Allowance, LoginRecords as _};

const THREE: Allowance = Allowance { burst: 3, each_s: 60 };

#[tokio::test]
async fn an_allowance_is_used_up_and_comes_back() {
    let (store, clock) = store_with_clock().await;
    for _ in 0..3 {
        assert_eq!(store.charge("a", THREE).await.unwrap(), Ok(()));
    }
    assert_eq!(store.charge("a", THREE).await.unwrap(), Err(60));
    assert_eq!(store.charge("b", THREE).await.unwrap(), Ok(()), "others have theirs");
    clock.to(1_000_045);
    assert_eq!(store.charge("a", THREE).await.unwrap(), Err(15));
    clock.to(1_000_060);
    assert_eq!(store.charge("a", THREE).await.unwrap(), Ok(()));
    assert_eq!(store.charge("a", THREE).await.unwrap(), Err(60));
    store.refund("a", THREE).await.unwrap();
    assert_eq!(store.charge("a", THREE).await.unwrap(), Ok(()));
    clock.to(1_000_300);
    for _ in 0..3 {
        assert_eq!(store.charge("a", THREE).await.unwrap(), Ok(()), "all is forgotten");
    }
    assert_eq!(store.charge("a", THREE).await.unwrap(), Err(60));
}

#[tokio::test]
async fn what_is_over_is_forgotten_now_and_then() {
    let (store, clock) = store_with_clock().await;
    for n in 0..100 {
        store.charge(&format!("subject {n}"), THREE).await.unwrap().unwrap();
    }
    let count = async || -> i64 {
        sqlx::query_scalar("SELECT COUNT(*) FROM login_failures").fetch_one(store.read()).await.unwrap()
    };
    assert_eq!(count().await, 100);
    clock.to(1_000_060);
    for _ in 0..256 {
        let _ = store.charge("a", THREE).await.unwrap();
    }
    assert_eq!(count().await, 1);
}

#[tokio::test]
async fn tries_side_by_side_are_counted_one_by_one() {
    let store = store().await;
    let mut tries = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let store = store.clone();
        tries.spawn(async move { store.charge("a", THREE).await.unwrap().is_ok() });
    }
    assert_eq!(tries.join_all().await.into_iter().filter(|&taken| taken).count(), 3);
}

#[tokio::test]
async fn addresses_are_few_and_the_last_ones() {
    let (store, clock) = store_with_clock().await;
    for n in 0..20 {
        clock.to(1_000_000 + n);
        store.used(agent(1), &format!("address {n}")).await.unwrap();
    }
    let used = async |n: u64| store.has_used(agent(1), &format!("address {n}")).await.unwrap();
    assert!(!used(3).await && used(4).await && used(19).await && !used(20).await);
    assert!(!store.has_used(agent(2), "address 19").await.unwrap());
    // Used again, it is young again.
    clock.to(1_100_000);
    store.used(agent(1), "address 4").await.unwrap();
    store.used(agent(1), "address 21").await.unwrap();
    assert!(used(4).await && !used(5).await);
}

#[tokio::test]
async fn an_agreement_is_to_one_text() {
    let store = store().await;
    assert!(!store.has_agreed(agent(1), "one").await.unwrap());
    store.agrees(agent(1), "one").await.unwrap();
    assert!(store.has_agreed(agent(1), "one").await.unwrap());
    store.agrees(agent(1), "two").await.unwrap();
    assert!(!store.has_agreed(agent(1), "one").await.unwrap());
    let ada = account(&store, "Ada", "One").await;
    store.agrees(ada, "one").await.unwrap();
    store.remove(ada).await.unwrap();
    assert!(!store.has_agreed(ada, "one").await.unwrap());
}
