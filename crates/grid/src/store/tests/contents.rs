//! What is cleared away, and that nothing else is.

use super::*;
use crate::blobs::{Blobs, hash_of};
use async_trait::async_trait;
use futures_util::stream::{BoxStream, StreamExt as _};
use model::AssetId;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use services::{Asset, AssetFlags, AssetMetadata, AssetService, asset_type};
use std::fmt;
use tokio::sync::Semaphore;

const DAY: u64 = 24 * 60 * 60;

/// A place where whoever deletes something waits: before, and after it is done.
#[derive(Debug)]
struct Halting {
    inside: InMemory,
    reached: Arc<Semaphore>,
    go: Arc<Semaphore>,
    done: Arc<Semaphore>,
    end: Arc<Semaphore>,
}

impl fmt::Display for Halting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Halting")
    }
}

#[async_trait]
impl ObjectStore for Halting {
    async fn put_opts(&self, at: &Path, data: PutPayload, how: PutOptions) -> Result<PutResult> {
        self.inside.put_opts(at, data, how).await
    }

    async fn put_multipart_opts(
        &self,
        at: &Path,
        how: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inside.put_multipart_opts(at, how).await
    }

    async fn get_opts(&self, at: &Path, how: GetOptions) -> Result<GetResult> {
        self.inside.get_opts(at, how).await
    }

    fn delete_stream(&self, paths: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let (reached, go) = (self.reached.clone(), self.go.clone());
        let paths = paths.then(move |path| {
            let (reached, go) = (reached.clone(), go.clone());
            async move {
                reached.add_permits(1);
                go.acquire().await.unwrap().forget();
                path
            }
        });
        let (done, end) = (self.done.clone(), self.end.clone());
        let deleted = self.inside.delete_stream(paths.boxed()).then(move |path| {
            let (done, end) = (done.clone(), end.clone());
            async move {
                done.add_permits(1);
                end.acquire().await.unwrap().forget();
                path
            }
        });
        deleted.boxed()
    }

    fn list(&self, below: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inside.list(below)
    }

    async fn list_with_delimiter(&self, below: Option<&Path>) -> Result<ListResult> {
        self.inside.list_with_delimiter(below).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, how: CopyOptions) -> Result<()> {
        self.inside.copy_opts(from, to, how).await
    }
}

fn asset(n: u128) -> Asset {
    let metadata = AssetMetadata {
        id: AssetId(id(n)),
        kind: asset_type::NOTECARD,
        flags: AssetFlags::REWRITABLE,
        ..AssetMetadata::default()
    };
    Asset { metadata, data: Arc::from(&b"same"[..]) }
}

async fn put(store: &SqlStore, n: u128) {
    AssetService::store(store, &asset(n)).await.unwrap();
}

async fn is_there(store: &SqlStore, n: u128) {
    assert_eq!(store.data(AssetId(id(n))).await.unwrap().as_deref(), Some(&b"same"[..]));
}

async fn count(store: &SqlStore, statement: &'static str) -> i64 {
    sqlx::query_scalar(statement).fetch_one(store.read()).await.unwrap()
}

const CONTENTS: &str = "SELECT COUNT(*) FROM contents";
const BLOBS: &str = "SELECT COUNT(*) FROM blobs";
const NOTES: &str = "SELECT COUNT(*) FROM loose_contents";

/// A content of which no asset has been for a day, and where it is.
async fn loose() -> (SqlStore, Arc<Set>, [Arc<Semaphore>; 4]) {
    let (store, clock) = store_with_clock().await;
    let gates = [(); 4].map(|()| Arc::new(Semaphore::new(0)));
    let [reached, go, done, end] = gates.clone();
    let place = Halting { inside: InMemory::new(), reached, go, done, end };
    let store = store.with_blobs(Some(Blobs::on(Arc::new(place), "")));
    put(&store, 1).await;
    assert!(AssetService::delete(&store, AssetId(id(1))).await.unwrap());
    clock.to(1_000_001 + DAY);
    (store, clock, gates)
}

/// Whoever ended, the next sees to it that everything is where it belongs.
async fn all_is_in_order(store: &SqlStore, clock: &Set, [_, go, _, end]: &[Arc<Semaphore>; 4]) {
    go.add_permits(9);
    end.add_permits(9);
    is_there(store, 2).await;
    clock.to(1_000_001 + 2 * DAY);
    store.move_contents().await.unwrap();
    assert_eq!((count(store, CONTENTS).await, count(store, BLOBS).await), (0, 1));
    is_there(store, 2).await;
    clock.to(1_000_001 + 4 * DAY);
    assert_eq!(store.clear_contents().await.unwrap(), 0);
    is_there(store, 2).await;
    assert!(AssetService::delete(store, AssetId(id(2))).await.unwrap());
    clock.to(1_000_002 + 6 * DAY);
    assert_eq!(store.clear_contents().await.unwrap(), 1);
    assert_eq!((count(store, BLOBS).await, count(store, NOTES).await), (0, 0));
}

#[tokio::test]
async fn who_ends_before_the_deletion_loses_nothing() {
    let (store, clock, gates) = loose().await;
    tokio::select! {
        _ = store.clear_contents() => unreachable!("it waits"),
        reached = gates[0].acquire() => reached.unwrap().forget(),
    }
    put(&store, 2).await;
    all_is_in_order(&store, &clock, &gates).await;
}

#[tokio::test]
async fn who_ends_after_the_deletion_loses_nothing() {
    let (store, clock, gates) = loose().await;
    gates[1].add_permits(1);
    tokio::select! {
        _ = store.clear_contents() => unreachable!("it waits"),
        done = gates[2].acquire() => done.unwrap().forget(),
    }
    put(&store, 2).await;
    all_is_in_order(&store, &clock, &gates).await;
}

#[tokio::test]
async fn what_is_wanted_back_during_a_deletion_is_there() {
    for after in [false, true] {
        let (store, clock, gates) = loose().await;
        let clearing = tokio::spawn({
            let store = store.clone();
            async move { store.clear_contents().await }
        });
        if after {
            gates[1].add_permits(1);
            gates[2].acquire().await.unwrap().forget();
        } else {
            gates[0].acquire().await.unwrap().forget();
        }
        // Nobody waits for the place outside.
        put(&store, 2).await;
        is_there(&store, 2).await;
        gates[1].add_permits(1);
        gates[3].add_permits(1);
        clearing.await.unwrap().unwrap();
        all_is_in_order(&store, &clock, &gates).await;
    }
}

#[tokio::test]
async fn a_place_that_does_not_have_what_the_database_says_is_given_it_again() {
    let (store, _) = store_with_clock().await;
    let place = || Some(Blobs::on(Arc::new(InMemory::new()), ""));
    put(&store.clone().with_blobs(place()), 1).await;
    let restored = store.with_blobs(place());
    put(&restored, 2).await;
    is_there(&restored, 1).await;
    is_there(&restored, 2).await;
}

#[tokio::test]
async fn in_the_database_too_what_is_left_over_is_cleared_away() {
    let (store, clock) = store_with_clock().await;
    put(&store, 1).await;
    put(&store, 2).await;
    // As far as it gets before a process ends.
    let mut change = store.write().begin().await.unwrap();
    sqlx::query("DELETE FROM assets WHERE id = $1").bind(id(1)).execute(&mut *change).await.unwrap();
    store.let_go(&mut change, &hash_of(b"same")).await.unwrap();
    change.commit().await.unwrap();
    clock.to(1_000_001 + DAY);
    assert_eq!(store.clear_contents().await.unwrap(), 0, "another has it");
    is_there(&store, 2).await;
    let mut change = store.write().begin().await.unwrap();
    sqlx::query("DELETE FROM assets WHERE id = $1").bind(id(2)).execute(&mut *change).await.unwrap();
    store.let_go(&mut change, &hash_of(b"same")).await.unwrap();
    change.commit().await.unwrap();
    clock.to(1_000_002 + 2 * DAY);
    assert_eq!(store.clear_contents().await.unwrap(), 1);
    assert_eq!((count(&store, CONTENTS).await, count(&store, NOTES).await), (0, 0));
}

#[tokio::test]
async fn of_changes_at_once_nothing_is_left_over() {
    let (stores, _, _kept) = two_stores().await;
    put(&stores[0], 1).await;
    for round in 0..10_u8 {
        let [one, other] = [[1, round], [2, round]].map(|data| Arc::<[u8]>::from(&data[..]));
        let id = AssetId(id(1));
        let (done, too) =
            tokio::join!(stores[0].update(id, one.clone()), stores[1].update(id, other.clone()));
        assert!(done.unwrap() && too.unwrap());
        let left = stores[0].data(id).await.unwrap().unwrap();
        assert!(left == one || left == other);
        assert_eq!(count(&stores[0], CONTENTS).await, 1, "round {round}");
    }
}
