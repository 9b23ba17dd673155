use super::*;
use crate::AssetPlace;
use crate::blobs::Blobs;
use model::AssetId;
use services::{Asset, AssetFlags, AssetMetadata, AssetService, ServiceError, asset_type, library, starter};

fn asset(n: u128, data: &[u8], flags: AssetFlags) -> Asset {
    let metadata = AssetMetadata {
        id: AssetId(id(n)),
        kind: asset_type::NOTECARD,
        name: "Name".into(),
        creator: agent(1),
        flags,
        ..AssetMetadata::default()
    };
    Asset { metadata, data: data.into() }
}

/// The store as it is, and the same with contents elsewhere.
async fn both() -> [(SqlStore, Arc<Set>); 2] {
    let (store, clock) = store_with_clock().await;
    let (other, time) = store_with_clock().await;
    let blobs = Blobs::on(Arc::new(object_store::memory::InMemory::new()), "");
    [(store, clock), (other.with_blobs(Some(blobs)), time)]
}

async fn blobs_noted(store: &SqlStore) -> i64 {
    sqlx::query_scalar("SELECT COUNT(*) FROM blobs WHERE stored = TRUE")
        .fetch_one(store.read())
        .await
        .unwrap()
}

async fn contents(store: &SqlStore) -> i64 {
    sqlx::query_scalar("SELECT COUNT(*) FROM contents").fetch_one(store.read()).await.unwrap()
}

#[tokio::test]
async fn an_asset_is_what_was_stored_first() {
    for (store, _) in both().await {
        is_what_was_stored_first(&store).await;
    }
}

async fn is_what_was_stored_first(store: &SqlStore) {
    let one = asset(1, b"one", AssetFlags::empty());
    assert_eq!(AssetService::store(store, &one).await.unwrap(), one.metadata.id);
    let stored = AssetService::get(store, one.metadata.id).await.unwrap().unwrap();
    assert_eq!(stored.metadata, AssetMetadata { created: 1_000_000, ..one.metadata.clone() });
    assert_eq!(&*stored.data, b"one");
    AssetService::store(store, &asset(1, b"other", AssetFlags::empty())).await.unwrap();
    assert_eq!(store.data(one.metadata.id).await.unwrap().as_deref(), Some(&b"one"[..]));
    assert!(!store.update(one.metadata.id, Arc::from(&b"x"[..])).await.unwrap());
    assert_eq!(store.data(AssetId(id(2))).await.unwrap(), None);
    assert_eq!(AssetService::get(store, AssetId(id(2))).await.unwrap(), None);
    assert_eq!(store.exists(&[AssetId(id(2)), one.metadata.id]).await.unwrap(), [false, true]);
    let named = AssetService::store(store, &asset(0, b"", AssetFlags::empty())).await.unwrap();
    assert!(!named.is_null());
    assert_eq!(store.data(named).await.unwrap().as_deref(), Some(&b""[..]));
}

#[tokio::test]
async fn content_is_kept_once_and_as_long_as_somebody_has_it() {
    let store = store().await;
    for n in 1..=3 {
        AssetService::store(&store, &asset(n, b"same", AssetFlags::REWRITABLE)).await.unwrap();
    }
    assert_eq!(contents(&store).await, 1);
    assert!(store.update(AssetId(id(1)), Arc::from(&b"new"[..])).await.unwrap());
    assert!(!store.update(AssetId(id(9)), Arc::from(&b"new"[..])).await.unwrap());
    assert_eq!(store.data(AssetId(id(1))).await.unwrap().as_deref(), Some(&b"new"[..]));
    assert_eq!(contents(&store).await, 2);
    for n in 1..=2 {
        assert!(AssetService::delete(&store, AssetId(id(n))).await.unwrap());
    }
    assert!(!AssetService::delete(&store, AssetId(id(1))).await.unwrap());
    assert_eq!(contents(&store).await, 1);
    assert_eq!(store.data(AssetId(id(3))).await.unwrap().as_deref(), Some(&b"same"[..]));
}

#[tokio::test]
async fn elsewhere_content_is_kept_once_and_for_a_day_longer() {
    let [_, (store, clock)] = both().await;
    for n in 1..=3 {
        AssetService::store(&store, &asset(n, b"same", AssetFlags::REWRITABLE)).await.unwrap();
    }
    assert_eq!((contents(&store).await, blobs_noted(&store).await), (0, 1));
    assert!(store.update(AssetId(id(1)), Arc::from(&b"new"[..])).await.unwrap());
    assert_eq!(blobs_noted(&store).await, 2);
    for n in 2..=3 {
        assert!(AssetService::delete(&store, AssetId(id(n))).await.unwrap());
    }
    clock.to(1_000_000 + 86_400);
    assert_eq!(store.clear_contents().await.unwrap(), 0, "a day is not over");
    clock.to(1_000_001 + 86_400);
    assert_eq!(store.clear_contents().await.unwrap(), 1);
    assert_eq!((blobs_noted(&store).await, store.clear_contents().await.unwrap()), (1, 0));
    assert_eq!(store.data(AssetId(id(1))).await.unwrap().as_deref(), Some(&b"new"[..]));
    let gone = store.blobs.as_ref().unwrap().get(&crate::blobs::hash_of(b"same"), 100).await;
    assert!(gone.is_err());
    // And it can come back.
    AssetService::store(&store, &asset(4, b"same", AssetFlags::empty())).await.unwrap();
    assert_eq!(store.data(AssetId(id(4))).await.unwrap().as_deref(), Some(&b"same"[..]));
}

#[tokio::test]
async fn what_is_in_the_database_moves_out_and_is_never_missing() {
    let store = store().await;
    for n in 1..=3 {
        AssetService::store(&store, &asset(n, &[n as u8; 50], AssetFlags::empty())).await.unwrap();
    }
    AssetService::store(&store, &asset(4, &[1; 50], AssetFlags::empty())).await.unwrap();
    let blobs = Blobs::on(Arc::new(object_store::memory::InMemory::new()), "assets");
    let moving = store.clone().with_blobs(Some(blobs));
    let is_there = async || {
        for (n, byte) in [(1, 1), (2, 2), (3, 3), (4, 1)] {
            assert_eq!(moving.data(AssetId(id(n))).await.unwrap().as_deref(), Some(&[byte; 50][..]));
        }
    };
    is_there().await;
    assert_eq!(store.move_contents().await.unwrap(), 0, "it is not told where to");
    assert_eq!(moving.move_contents().await.unwrap(), 3);
    assert_eq!(moving.move_contents().await.unwrap(), 0);
    is_there().await;
    assert_eq!((contents(&moving).await, blobs_noted(&moving).await), (0, 3));
    assert!(
        store.data(AssetId(id(1))).await.is_err(),
        "who does not know where it is does not say that it is nowhere"
    );
}

#[tokio::test]
async fn a_store_that_fails_leaves_no_asset_behind() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = Blobs::open(&AssetPlace::Folder(folder.path().join("assets"))).unwrap();
    let store = store().await.with_blobs(blobs);
    // Nothing can be made below what is a file.
    std::fs::remove_dir_all(folder.path().join("assets")).unwrap();
    std::fs::write(folder.path().join("assets"), b"").unwrap();
    let one = asset(1, b"one", AssetFlags::empty());
    assert!(matches!(AssetService::store(&store, &one).await, Err(ServiceError::Unavailable(_))));
    assert_eq!(store.exists(&[AssetId(id(1))]).await.unwrap(), [false]);
    std::fs::remove_file(folder.path().join("assets")).unwrap();
    assert_eq!(AssetService::store(&store, &one).await.unwrap(), AssetId(id(1)));
    assert_eq!(store.data(AssetId(id(1))).await.unwrap().as_deref(), Some(&b"one"[..]));
}

#[tokio::test]
async fn the_same_stored_at_once_from_two_processes_is_there() {
    let (stores, clock, _kept) = two_stores().await;
    let blobs = Blobs::on(Arc::new(object_store::memory::InMemory::new()), "");
    let stores = stores.map(|store| store.with_blobs(Some(blobs.clone())));
    for round in 0..10_u128 {
        let (one, other) = (
            asset(2 * round + 1, b"same", AssetFlags::MAPTILE),
            asset(2 * round + 2, b"same", AssetFlags::MAPTILE),
        );
        AssetService::store(&stores[0], &one).await.unwrap();
        AssetService::delete(&stores[0], one.metadata.id).await.unwrap();
        clock.to(2_000_000 + 100_000 * round as u64);
        let (cleared, stored) =
            tokio::join!(stores[0].clear_contents(), AssetService::store(&stores[1], &other));
        cleared.unwrap();
        stored.unwrap();
        let data = stores[0].data(other.metadata.id).await.unwrap();
        assert_eq!(data.as_deref(), Some(&b"same"[..]), "round {round}");
        AssetService::delete(&stores[1], other.metadata.id).await.unwrap();
    }
}

#[tokio::test]
async fn what_everybody_wears_is_always_there() {
    let store = store().await;
    for wearable in starter::OUTFIT {
        let asset = AssetService::get(&store, wearable.asset).await.unwrap().unwrap();
        assert_eq!(asset.metadata.kind, wearable.asset_type());
        AssetService::store(&store, &Asset { data: Arc::from(&b""[..]), ..asset.clone() }).await.unwrap();
        assert_eq!(store.data(wearable.asset).await.unwrap(), Some(asset.data));
        assert!(!AssetService::delete(&store, wearable.asset).await.unwrap());
    }
    assert_eq!(store.exists(&[library::GREY]).await.unwrap(), [true]);
}

#[tokio::test]
async fn there_is_a_largest_asset() {
    let store = store().await;
    let huge = asset(1, &vec![0; 33 * 1024 * 1024], AssetFlags::empty());
    assert!(matches!(AssetService::store(&store, &huge).await, Err(ServiceError::Invalid(_))));
}
