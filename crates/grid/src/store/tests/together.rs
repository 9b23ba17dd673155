//! Several processes on one database, at the same moment.

use super::*;
use crate::login::{Allowance, LoginRecords as _};
use model::{FolderId, GridCell, RegionId, SecureSessionId, SessionId};
use services::{
    AuthService as _, GridService as _, GridUserService as _, InventoryFolder, InventoryService as _,
    PresenceService as _, RegionInfo, ViewerPassword, folder_type,
};
use tokio::task::JoinSet;

#[tokio::test]
async fn one_place_is_given_to_one_region() {
    let (stores, _, _kept) = two_stores().await;
    let mut comers = JoinSet::new();
    for n in 1..=10 {
        let store = stores[n % 2].clone();
        let region = RegionInfo {
            id: RegionId(id(n as u128)),
            name: format!("Region {n}"),
            handle: GridCell { x: 1000, y: 1000 }.handle(),
            ..RegionInfo::default()
        };
        comers.spawn(async move { store.register(&region).await.is_ok() });
    }
    assert_eq!(comers.join_all().await.into_iter().filter(|&came| came).count(), 1);
    assert_eq!(stores[0].range(0, 0, u32::MAX, u32::MAX).await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_inventory_is_made_once() {
    let (stores, _, _kept) = two_stores().await;
    let ada = account(&stores[0], "Ada", "One").await;
    let mut makers = JoinSet::new();
    for n in 0..6 {
        let store = stores[n % 2].clone();
        makers.spawn(async move { store.create_user_inventory(ada).await.unwrap() });
    }
    makers.join_all().await;
    let folders = stores[1].skeleton(ada).await.unwrap();
    assert_eq!(folders.iter().filter(|folder| folder.kind == folder_type::ROOT).count(), 1);
    assert_eq!(folders.iter().filter(|folder| folder.kind == folder_type::TRASH).count(), 1);
}

#[tokio::test]
async fn no_folder_ends_up_below_itself() {
    let (stores, _, _kept) = two_stores().await;
    let ada = account(&stores[0], "Ada", "One").await;
    stores[0].create_user_inventory(ada).await.unwrap();
    let root = stores[0].root(ada).await.unwrap().unwrap().id;
    let (one, other) = (FolderId(id(1)), FolderId(id(2)));
    for folder in [one, other] {
        let name = "Folder".to_owned();
        let folder = InventoryFolder { id: folder, owner: ada, parent: root, name, kind: -1, version: 1 };
        stores[0].create_folder(&folder).await.unwrap();
    }
    for _ in 0..10 {
        let moved =
            tokio::join!(stores[0].move_folder(ada, one, other), stores[1].move_folder(ada, other, one));
        let moved = [moved.0.unwrap(), moved.1.unwrap()];
        assert_eq!(moved.into_iter().filter(|&moved| moved).count(), 1, "{moved:?}");
        for folder in [one, other] {
            stores[0].move_folder(ada, folder, root).await.unwrap();
        }
    }
}

#[tokio::test]
async fn tries_are_counted_wherever_they_are_made() {
    let (stores, _, _kept) = two_stores().await;
    let three = Allowance { burst: 3, each_s: 60 };
    let mut tries = JoinSet::new();
    for n in 0..20 {
        let store = stores[n % 2].clone();
        tries.spawn(async move { store.charge("a", three).await.unwrap().is_ok() });
    }
    assert_eq!(tries.join_all().await.into_iter().filter(|&taken| taken).count(), 3);
}

#[tokio::test]
async fn a_turn_is_one_holders_until_it_ends_or_its_time_is_over() {
    let ([one, other], clock, _kept) = two_stores().await;
    let taken = async |store: &SqlStore, holder| store.take_turn(agent(1), id(holder), 10).await.unwrap();
    assert!(taken(&one, 1).await);
    assert!(!taken(&other, 2).await);
    assert!(other.take_turn(agent(2), id(2), 10).await.unwrap(), "others have theirs");
    other.end_turn(agent(1), id(2)).await.unwrap();
    assert!(!taken(&other, 2).await, "it was not theirs to end");
    clock.to(1_000_009);
    assert!(taken(&one, 1).await, "it is kept");
    clock.to(1_000_015);
    assert!(!taken(&other, 2).await);
    clock.to(1_000_019);
    assert!(taken(&other, 2).await, "whoever had it has died");
    other.end_turn(agent(1), id(2)).await.unwrap();
    assert!(taken(&one, 1).await);
}

#[tokio::test]
async fn a_session_ends_once_and_is_told_of_until_somebody_has() {
    let (stores, clock, _kept) = two_stores().await;
    for n in 1..=20 {
        stores[0].login(agent(n), SessionId(id(n)), SecureSessionId::NULL).await.unwrap();
        stores[0].logged_in(agent(n)).await.unwrap();
    }
    clock.to(1_001_000);
    let overdue = stores[0].overdue(1_001_000).await.unwrap();
    let mut ended = 0;
    for (session, agent) in overdue {
        let end = stores.each_ref().map(|store| store.end_overdue(session, agent, 1_001_000));
        let [one, other] = end;
        let (one, other) = tokio::join!(one, other);
        ended += u32::from(one.unwrap()) + u32::from(other.unwrap());
    }
    assert_eq!(ended, 20);
    assert!(!stores[1].get(agent(1)).await.unwrap().unwrap().online);
    let (one, other) = tokio::join!(stores[0].take_ended(), stores[1].take_ended());
    assert_eq!(one.unwrap().len() + other.unwrap().len(), 20);
    stores[0].told_of(SessionId(id(1))).await.unwrap();
    clock.to(1_001_059);
    assert_eq!(stores[1].take_ended().await.unwrap(), []);
    clock.to(1_001_060);
    assert_eq!(stores[1].take_ended().await.unwrap().len(), 19, "who had taken them has died");
}

#[tokio::test]
async fn secrets_are_the_same_for_all() {
    let ([one, other], ..) = &two_stores().await;
    let (a, b) = tokio::join!(one.secret("key"), other.secret("key"));
    assert_eq!(a.unwrap(), b.clone().unwrap());
    assert_ne!(other.secret("other").await.unwrap(), b.unwrap());
}

#[tokio::test]
async fn a_changed_password_counts_everywhere_at_once() {
    let ([one, other], ..) = &two_stores().await;
    let ada = account(one, "Ada", "One").await;
    let (old, new) = (ViewerPassword::from_plain("old"), ViewerPassword::from_plain("new"));
    one.set_password(ada, std::slice::from_ref(&old)).await.unwrap();
    assert!(one.verify(ada, &old).await.unwrap());
    other.set_password(ada, std::slice::from_ref(&new)).await.unwrap();
    assert!(!one.verify(ada, &old).await.unwrap(), "it was remembered here");
    assert!(one.verify(ada, &new).await.unwrap());
}
