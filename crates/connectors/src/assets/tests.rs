use super::*;
use crate::tests::stub::{Stub, World, nowhere};
use model::{AgentId, Uuid};
use services::asset_type;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::{Notify, Semaphore};

fn asset(n: u128, flags: AssetFlags, data: &[u8]) -> Asset {
    let metadata = AssetMetadata {
        id: AssetId(Uuid::from_u128(n)),
        kind: asset_type::NOTECARD,
        name: "A & B".into(),
        creator: AgentId(Uuid::from_u128(1)),
        flags,
        ..AssetMetadata::default()
    };
    Asset { metadata, data: data.into() }
}

#[tokio::test]
async fn every_method_does_the_same_as_nearby() {
    let world = World::start().await;
    let (far, near) = (&world.far.assets, &world.near.assets);
    let fixed = asset(1, AssetFlags::empty(), b"one");
    assert_eq!(far.store(&fixed).await.unwrap(), fixed.metadata.id);
    let id = fixed.metadata.id;
    assert_eq!(far.get(id).await.unwrap().as_ref(), Some(&fixed));
    assert_eq!(far.metadata(id).await.unwrap(), near.metadata(id).await.unwrap());
    assert_eq!(far.data(id).await.unwrap().as_deref(), Some(&b"one"[..]));
    assert!(!far.update(id, Arc::from(&b"two"[..])).await.unwrap());
    assert!(!far.delete(id).await.unwrap(), "not a tile of the map");

    let named = far.store(&asset(0, AssetFlags::empty(), b"x")).await.unwrap();
    assert_eq!(near.data(named).await.unwrap().as_deref(), Some(&b"x"[..]));
    let changing = asset(2, AssetFlags::REWRITABLE, b"one");
    far.store(&changing).await.unwrap();
    for data in [&b"one"[..], b"two"] {
        assert!(far.update(changing.metadata.id, Arc::from(data)).await.unwrap());
        assert_eq!(far.data(changing.metadata.id).await.unwrap().as_deref(), Some(data));
    }
    let tile = asset(3, AssetFlags::MAPTILE, b"one");
    far.store(&tile).await.unwrap();
    let tile = tile.metadata.id;
    assert!(far.data(tile).await.unwrap().is_some());
    assert!(far.delete(tile).await.unwrap());
    assert_eq!((far.data(tile).await.unwrap(), far.metadata(tile).await.unwrap()), (None, None));
    let asked = [tile, id, library::GREY, AssetId::NULL, id];
    assert_eq!(far.exists(&asked).await.unwrap(), [false, true, true, false, true]);
    assert_eq!(far.get(AssetId::NULL).await.unwrap(), None);
    assert!(far.exists(&[]).await.unwrap().is_empty());
}

/// A grid with one asset, which counts how often it was asked.
async fn counted(asset: &Asset) -> (HttpAssets, Arc<AtomicUsize>) {
    let (document, asked) = (wire::write_asset(asset).into_bytes(), Arc::new(AtomicUsize::new(0)));
    let counter = asked.clone();
    let stub = Stub::start(move |_, _| {
        counter.fetch_add(1, Ordering::Relaxed);
        (200, document.clone())
    });
    (HttpAssets::new(stub.await.client(), CACHE_BYTES), asked)
}

#[tokio::test]
async fn what_nobody_can_change_is_asked_for_once() {
    for (flags, calls) in [(AssetFlags::empty(), 1), (AssetFlags::REWRITABLE, 3)] {
        let asset = asset(1, flags, b"one");
        let (far, asked) = counted(&asset).await;
        for _ in 0..3 {
            assert_eq!(far.data(asset.metadata.id).await.unwrap().as_ref(), Some(&asset.data));
        }
        assert_eq!(asked.load(Ordering::Relaxed), calls);
    }
}

/// A grid with one asset that answers when it is let.
struct Slow {
    far: HttpAssets,
    arrived: Arc<Notify>,
    asked: Arc<AtomicUsize>,
    let_go: Arc<Semaphore>,
}

impl Slow {
    async fn start(asset: &Asset) -> Self {
        let document = wire::write_asset(asset).into_bytes();
        let (arrived, asked) = (Arc::new(Notify::new()), Arc::new(AtomicUsize::new(0)));
        let let_go = Arc::new(Semaphore::new(0));
        let shared = (arrived.clone(), asked.clone(), let_go.clone());
        let router = axum::Router::new().fallback(async move || {
            let (arrived, asked, let_go) = shared;
            asked.fetch_add(1, Ordering::Relaxed);
            arrived.notify_one();
            let_go.acquire().await.unwrap().forget();
            document
        });
        let far = HttpAssets::new(Stub::serve(router).await.client(), CACHE_BYTES);
        Self { far, arrived, asked, let_go }
    }
}

#[tokio::test]
async fn those_who_ask_for_the_same_at_the_same_time_are_one_call() {
    let asset = asset(1, AssetFlags::REWRITABLE, b"one");
    let slow = Slow::start(&asset).await;
    let id = asset.metadata.id;
    let release = async {
        slow.arrived.notified().await;
        slow.let_go.add_permits(10);
    };
    let (one, two, three, ()) = tokio::join!(slow.far.get(id), slow.far.get(id), slow.far.get(id), release);
    for answer in [one, two, three] {
        assert_eq!(answer.unwrap().as_ref(), Some(&asset));
    }
    assert_eq!(slow.asked.load(Ordering::Relaxed), 1);
    assert!(locked(&slow.far.asked).is_empty());
    slow.far.get(id).await.unwrap();
    assert_eq!(slow.asked.load(Ordering::Relaxed), 2, "an answer is not kept for those who come later");
}

#[tokio::test]
async fn who_waits_for_a_call_that_is_dropped_asks_anew() {
    let asset = asset(1, AssetFlags::empty(), b"one");
    let slow = Slow::start(&asset).await;
    let id = asset.metadata.id;
    let mut second = pin!(slow.far.get(id));
    {
        let mut first = pin!(slow.far.get(id));
        // The first asks, the second joins it; then the first is dropped.
        tokio::select! {
            biased;
            _ = &mut first => panic!("not yet"),
            _ = &mut second => panic!("not yet"),
            () = slow.arrived.notified() => {}
        }
    }
    slow.let_go.add_permits(10);
    assert_eq!(second.await.unwrap(), Some(asset));
    assert!(locked(&slow.far.asked).is_empty());
}

#[tokio::test]
async fn nothing_is_left_of_a_call_that_everybody_dropped() {
    let slow = Slow::start(&asset(1, AssetFlags::empty(), b"one")).await;
    {
        let mut asking = pin!(slow.far.get(AssetId(Uuid::from_u128(1))));
        tokio::select! {
            biased;
            _ = &mut asking => panic!("not yet"),
            () = slow.arrived.notified() => {}
        }
        assert_eq!(locked(&slow.far.asked).len(), 1);
    }
    assert!(locked(&slow.far.asked).is_empty());
}

#[tokio::test]
async fn a_recorded_grid_is_understood() {
    let recorded = include_bytes!("../../../robust/golden/asset-0.7.6.1.xml");
    let stub = Stub::start(|path, _| match path {
        "/assets/5748decc-f629-461c-9a36-a35a221fe21f" => (200, recorded.to_vec()),
        _ => (404, Vec::new()),
    });
    let far = HttpAssets::new(stub.await.client(), CACHE_BYTES);
    let id = AssetId(Uuid::from_u128(0x5748_decc_f629_461c_9a36_a35a_221f_e21f));
    let asset = far.get(id).await.unwrap().unwrap();
    assert_eq!((asset.metadata.name.as_str(), asset.metadata.id), ("Blank Texture", id));
    assert_eq!(far.get(AssetId(Uuid::from_u128(9))).await.unwrap(), None);
    // This grid knows no question about several, and no metadata of this asset either.
    assert_eq!(far.exists(&[id, library::GREY]).await.unwrap(), [false, true]);
}

#[tokio::test]
async fn a_grid_that_does_not_do_it_says_so_in_several_ways() {
    let null = wire::write_string("00000000-0000-0000-0000-000000000000");
    let one = asset(1, AssetFlags::empty(), b"one");
    for (status, body, is_refused) in [
        (200, null.as_str(), true),
        (200, "<string>x</string>", false),
        (200, "", false),
        (404, "", false),
        (500, "<string/>", false),
    ] {
        let body = body.to_owned();
        let stub = Stub::start(move |_, _| (status, body.clone().into_bytes())).await;
        let far = HttpAssets::new(stub.client(), CACHE_BYTES);
        match far.store(&one).await {
            Err(ServiceError::Refused(_)) => assert!(is_refused, "{status}"),
            Err(ServiceError::Unavailable(_)) => assert!(!is_refused, "{status}"),
            other => panic!("{status}: {other:?}"),
        }
    }
    let short = wire::write_booleans(&[true]).into_bytes();
    let stub = Stub::start(move |_, _| (200, short.clone())).await;
    let far = HttpAssets::new(stub.client(), CACHE_BYTES);
    let asked = [AssetId(Uuid::from_u128(1)), AssetId(Uuid::from_u128(2))];
    assert!(matches!(far.exists(&asked).await, Err(ServiceError::Unavailable(_))));
    assert!(matches!(far.get(asked[0]).await, Err(ServiceError::Unavailable(_))));
}

#[tokio::test]
async fn the_library_is_here_and_what_is_too_large_stays_here() {
    let far = HttpAssets::new(nowhere(), CACHE_BYTES);
    let grey = library::asset(library::GREY).unwrap();
    assert_eq!(far.get(library::GREY).await.unwrap().as_ref(), Some(grey));
    assert_eq!(far.metadata(library::GREY).await.unwrap().as_ref(), Some(&grey.metadata));
    assert_eq!(far.store(grey).await.unwrap(), library::GREY);
    assert_eq!(far.exists(&[library::GREY]).await.unwrap(), [true]);
    assert!(!far.delete(library::GREY).await.unwrap());
    let large = Asset { data: vec![0; ASSET_BYTES_MAX + 1].into(), ..grey.clone() };
    let large = Asset { metadata: AssetMetadata { id: AssetId::NULL, ..large.metadata }, ..large };
    assert!(matches!(far.store(&large).await, Err(ServiceError::Invalid(_))));
    assert!(matches!(far.get(AssetId(Uuid::from_u128(1))).await, Err(ServiceError::Unavailable(_))));
}
