//! The operator's password, and where it was typed.

use super::*;
use crate::OperatorRecords as _;

#[tokio::test]
async fn the_first_password_is_set_once_and_can_be_changed() {
    let store = store().await;
    assert!(!store.is_operator_password("").await.unwrap(), "there is none");
    assert!(store.set_first_operator_password("first").await.unwrap());
    assert!(!store.set_first_operator_password("another").await.unwrap());
    assert!(store.is_operator_password("first").await.unwrap());
    assert!(!store.is_operator_password("another").await.unwrap());
    store.begin_operator_session("browser", 60).await.unwrap();
    store.set_operator_password("second").await.unwrap();
    assert!(store.is_operator_password("second").await.unwrap());
    assert!(!store.is_operator_password("first").await.unwrap());
    assert!(!store.is_operator_session("browser").await.unwrap(), "whoever knew the old one is out");
}

#[tokio::test]
async fn sessions_end_and_are_bounded() {
    let (store, clock) = store_with_clock().await;
    store.begin_operator_session("one", 60).await.unwrap();
    store.begin_operator_session("two", 120).await.unwrap();
    assert!(store.is_operator_session("one").await.unwrap());
    assert!(!store.is_operator_session("three").await.unwrap());
    clock.to(1_000_060);
    assert!(!store.is_operator_session("one").await.unwrap());
    store.end_operator_session("two").await.unwrap();
    assert!(!store.is_operator_session("two").await.unwrap());
    for n in 0..100 {
        store.begin_operator_session(&format!("{n}"), 60 + n).await.unwrap();
    }
    assert!(!store.is_operator_session("0").await.unwrap(), "the one that ends first goes");
    assert!(store.is_operator_session("99").await.unwrap());
}
