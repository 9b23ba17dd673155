use super::*;
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

async fn contents(store: &SqlStore) -> i64 {
    sqlx::query_scalar("SELECT COUNT(*) FROM contents").fetch_one(store.read()).await.unwrap()
}

#[tokio::test]
async fn an_asset_is_what_was_stored_first() {
    let store = store().await;
    let one = asset(1, b"one", AssetFlags::empty());
    assert_eq!(AssetService::store(&store, &one).await.unwrap(), one.metadata.id);
    let stored = AssetService::get(&store, one.metadata.id).await.unwrap().unwrap();
    assert_eq!(stored.metadata, AssetMetadata { created: 1_000_000, ..one.metadata.clone() });
    assert_eq!(&*stored.data, b"one");
    AssetService::store(&store, &asset(1, b"other", AssetFlags::empty())).await.unwrap();
    assert_eq!(store.data(one.metadata.id).await.unwrap().as_deref(), Some(&b"one"[..]));
    assert!(!store.update(one.metadata.id, Arc::from(&b"x"[..])).await.unwrap());
    assert_eq!(store.data(AssetId(id(2))).await.unwrap(), None);
    assert_eq!(AssetService::get(&store, AssetId(id(2))).await.unwrap(), None);
    assert_eq!(store.exists(&[AssetId(id(2)), one.metadata.id]).await.unwrap(), [false, true]);
    let named = AssetService::store(&store, &asset(0, b"", AssetFlags::empty())).await.unwrap();
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
