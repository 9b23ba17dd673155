//! A copy has everything, also while others write; and everything comes back from it.

use super::{CHEAP, SqlStore, account, agent, fresh_for_several, id};
use crate::{AssetPlace, Blobs, Carried, NewPerson, SystemClock, provision_account};
use model::{AssetId, GridCell, RegionId, Vec3};
use services::{Asset, AssetMetadata, FriendRights, Mute, Place, RegionInfo, ServiceError, ViewerPassword};
use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection};
use std::path::Path;
use std::sync::Arc;

/// A store, and what it is gone with.
async fn lasting() -> (SqlStore, impl Sized) {
    let (database, kept) = fresh_for_several().await;
    (SqlStore::open(&database, Arc::new(SystemClock), [9; 32], CHEAP).await.unwrap(), kept)
}

/// Some of everything that services keep.
async fn settle(store: &SqlStore) {
    let services = store.services();
    let region = RegionInfo {
        id: RegionId(id(7)),
        name: "Plaza".into(),
        handle: GridCell { x: 1000, y: 1000 }.handle(),
        ..RegionInfo::default()
    };
    services.grid.register(&region).await.unwrap();
    let person = |first: &str| NewPerson {
        first: first.into(),
        last: "Settler".into(),
        email: "ä@example.org".into(),
        password: "secret".into(),
    };
    let ada = provision_account(&services, [1; 32], 5, person("Ada")).await.unwrap().id;
    let alan = provision_account(&services, [2; 32], 6, person("Alan")).await.unwrap().id;
    services.friends.store(ada, alan, FriendRights::all()).await.unwrap();
    let position = Vec3::new(0.1, -2.5, 1e9);
    let place = Place { region: region.id, position, look_at: Vec3::Y };
    services.grid_users.set_last_position(ada, place).await.unwrap();
    let mute = Mute { id: id(3), name: "O'Noise \"x\"".into(), kind: 2, flags: u32::MAX };
    services.mutes.update(ada, &mute).await.unwrap();
    for n in 0..50_u8 {
        let metadata = AssetMetadata { id: AssetId(id(100 + u128::from(n))), ..AssetMetadata::default() };
        // Every byte, and half of them share their content.
        let data: Vec<u8> = (0..=255).map(|byte: u8| byte.wrapping_add(n / 2)).collect();
        services.assets.store(&Asset { metadata, data: data.into() }).await.unwrap();
    }
    services
        .map_tiles
        .put(GridCell { x: 1000, y: 1000 }, [vec![0xFF, 0xD8], vec![0; 500]].concat().into())
        .await
        .unwrap();
    services.auth.authenticate(ada, &ViewerPassword::from_plain("secret"), 30).await.unwrap().unwrap();
}

/// What is in one file and not in the other, by table; and all tables, with how many rows they have.
async fn difference(one: &Path, other: &Path) -> (Vec<String>, Vec<(String, i64)>) {
    let mut connection = SqliteConnection::connect(&format!("sqlite:{}", one.display())).await.unwrap();
    sqlx::query("ATTACH $1 AS other")
        .bind(other.display().to_string())
        .execute(&mut connection)
        .await
        .unwrap();
    let tables: Vec<String> =
        sqlx::query_scalar("SELECT name FROM main.sqlite_master WHERE type = 'table' ORDER BY name")
            .fetch_all(&mut connection)
            .await
            .unwrap();
    let (mut differing, mut sizes) = (Vec::new(), Vec::new());
    for table in tables.into_iter().filter(|table| !table.starts_with("_sqlx")) {
        let mut count = async |text: String| -> i64 {
            sqlx::query_scalar(AssertSqlSafe(text)).fetch_one(&mut connection).await.unwrap()
        };
        let missing = count(format!(
            "SELECT COUNT(*) FROM (SELECT * FROM main.{table} EXCEPT SELECT * FROM other.{table})"
        ))
        .await;
        let (here, there) = (
            count(format!("SELECT COUNT(*) FROM main.{table}")).await,
            count(format!("SELECT COUNT(*) FROM other.{table}")).await,
        );
        if missing != 0 || here != there {
            differing.push(format!("{table}: {here} and {there} rows, {missing} of them missing"));
        }
        sizes.push((table, here));
    }
    connection.close().await.unwrap();
    (differing, sizes)
}

#[tokio::test]
async fn what_comes_back_from_a_copy_is_what_was_copied() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (store, _kept) = lasting().await;
    settle(&store).await;
    let copied = store.copy_into(&path("copy.sqlite")).await.unwrap();
    assert_eq!(copied.outside, [[0; 32]; 0]);
    let copied = copied.rows;
    let (_, sizes) = difference(&path("copy.sqlite"), &path("copy.sqlite")).await;
    for (table, rows) in &sizes {
        let count = AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}"));
        let there: i64 = sqlx::query_scalar(count).fetch_one(store.read()).await.unwrap();
        assert_eq!(*rows, there, "{table}");
    }
    assert_eq!(sizes.iter().map(|(_, rows)| rows.unsigned_abs()).sum::<u64>(), copied);
    for table in
        ["accounts", "passwords", "inventory_items", "contents", "assets", "tokens", "map_tiles", "mutes"]
    {
        assert!(sizes.iter().any(|(name, rows)| name == table && *rows > 0), "{table} is empty: {sizes:?}");
    }
    // One file: nothing lies beside it.
    assert!(!path("copy.sqlite-wal").exists());

    let (back, _kept_too) = lasting().await;
    assert_eq!(back.copy_from(&path("copy.sqlite")).await.unwrap(), copied);
    back.copy_into(&path("again.sqlite")).await.unwrap();
    let (differing, _) = difference(&path("copy.sqlite"), &path("again.sqlite")).await;
    assert_eq!(differing, [""; 0]);
    // It is not only the same, it works.
    let services = back.services();
    let ada = services.accounts.by_name("Ada", "Settler").await.unwrap().unwrap();
    assert!(services.auth.verify(ada.id, &ViewerPassword::from_plain("secret")).await.unwrap());
    store.close().await;
    back.close().await;
}

#[tokio::test]
async fn a_copy_is_of_one_moment_and_nobody_waits_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (store, _kept) = lasting().await;
    settle(&store).await;
    let writing = store.clone();
    // Two rows at a time: half of a pair is never in a copy.
    let writer = tokio::spawn(async move {
        for n in 0.. {
            let name = format!("N{n}");
            account(&writing, &name, "Writer").await;
            let agent = agent(n);
            let friends = writing.services().friends;
            friends.store(agent, agent, FriendRights::empty()).await.unwrap();
        }
    });
    for n in 0..5 {
        let copy = path(&format!("copy-{n}.sqlite"));
        store.copy_into(&copy).await.unwrap();
        let mut connection = SqliteConnection::connect(&format!("sqlite:{}", copy.display())).await.unwrap();
        let writers: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM accounts WHERE last_name = 'Writer'")
            .fetch_one(&mut connection)
            .await
            .unwrap();
        let pairs: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM friends WHERE agent = friend")
            .fetch_one(&mut connection)
            .await
            .unwrap();
        connection.close().await.unwrap();
        // The account comes before its pair.
        assert!(writers == pairs || writers == pairs + 1, "{writers} accounts, {pairs} pairs");
        while store.services().accounts.by_name(&format!("N{}", 10 * n), "Writer").await.unwrap().is_none() {
            tokio::task::yield_now().await;
        }
    }
    writer.abort();
    let _ = writer.await;
    store.close().await;
}

#[tokio::test]
async fn nothing_is_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (store, _kept) = lasting().await;
    settle(&store).await;
    store.copy_into(&path("copy.sqlite")).await.unwrap();
    let again = store.copy_into(&path("copy.sqlite")).await.map(|copied| copied.rows);
    for refused in [again, store.copy_from(&path("copy.sqlite")).await] {
        assert!(matches!(refused, Err(ServiceError::Refused(_))), "{refused:?}");
    }
    std::fs::write(
        path("odd.sqlite"),
        "no database, but as long as the start of one would have to be, and longer",
    )
    .unwrap();
    let (empty, _kept_too) = lasting().await;
    assert!(empty.copy_from(&path("odd.sqlite")).await.is_err());
    store.close().await;
    empty.close().await;
}

#[tokio::test]
async fn contents_go_from_one_place_to_another_with_the_database() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let place = |name: &str| Blobs::open(&AssetPlace::Folder(path(name))).unwrap();
    let (store, _kept) = lasting().await;
    let store = store.with_blobs(place("first"));
    settle(&store).await;
    let copied = store.copy_into(&path("copy.sqlite")).await.unwrap();
    assert_eq!(copied.outside.len(), 25, "half of the assets share their content");
    let backup = place("backup").unwrap();
    let carried = place("first").unwrap().carry(&copied.outside, &backup).await.unwrap();
    assert_eq!(carried, Carried { there: 25, missing: Vec::new() });
    store.close().await;

    // Into other files, into the database, and to where they have been all along.
    for (here, from) in [(place("second"), Some(&backup)), (None, Some(&backup)), (place("first"), None)] {
        let (back, _kept_too) = lasting().await;
        let back = back.with_blobs(here);
        back.copy_from(&path("copy.sqlite")).await.unwrap();
        let settled = back.settle_contents(from).await.unwrap();
        assert_eq!(settled, Carried { there: 25, missing: Vec::new() });
        for n in 0..50_u8 {
            let data = back.services().assets.data(AssetId(id(100 + u128::from(n)))).await.unwrap().unwrap();
            assert_eq!(data[0], n / 2);
        }
        // Nothing is left of where they were.
        let again = back.copy_into(&path("again.sqlite")).await.unwrap();
        assert_eq!(again.outside.is_empty(), back.blobs.is_none());
        std::fs::remove_file(path("again.sqlite")).unwrap();
        back.close().await;
    }
}

#[tokio::test]
async fn what_is_nowhere_is_said_and_can_be_stored_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let place = |name: &str| Blobs::open(&AssetPlace::Folder(path(name))).unwrap();
    let (store, _kept) = lasting().await;
    let store = store.with_blobs(place("first"));
    settle(&store).await;
    let copied = store.copy_into(&path("copy.sqlite")).await.unwrap();
    store.close().await;
    for here in [place("second"), None] {
        let (back, _kept_too) = lasting().await;
        let back = back.with_blobs(here);
        back.copy_from(&path("copy.sqlite")).await.unwrap();
        let settled = back.settle_contents(None).await.unwrap();
        assert_eq!(settled, Carried { there: 0, missing: copied.outside.clone() });
        let assets = back.services().assets;
        let data: Arc<[u8]> = (0..=255).collect::<Vec<u8>>().into();
        assert!(assets.data(AssetId(id(100))).await.is_err());
        let metadata = AssetMetadata { id: AssetId(id(999)), ..AssetMetadata::default() };
        assets.store(&Asset { metadata, data: data.clone() }).await.unwrap();
        for there in [999, 100] {
            assert_eq!(assets.data(AssetId(id(there))).await.unwrap(), Some(data.clone()), "{there}");
        }
        back.close().await;
    }
}

#[tokio::test]
async fn many_rows_come_back_and_text_without_what_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("copy.sqlite");
    let (store, _kept) = lasting().await;
    let ada = account(&store, "Ada", "One").await;
    store.copy_into(&file).await.unwrap();
    let mut connection = SqliteConnection::connect(&format!("sqlite:{}", file.display())).await.unwrap();
    let friends = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 1501) \
         INSERT INTO friends (agent, friend, rights) SELECT randomblob(16), randomblob(16), x FROM n";
    sqlx::query(friends).execute(&mut connection).await.unwrap();
    sqlx::query("UPDATE accounts SET title = 'a' || char(0) || 'b'").execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    let (back, _kept_too) = lasting().await;
    back.copy_from(&file).await.unwrap();
    let sum: i64 = sqlx::query_scalar("SELECT CAST(SUM(rights) AS BIGINT) FROM friends")
        .fetch_one(back.read())
        .await
        .unwrap();
    assert_eq!(sum, 1501 * 1502 / 2);
    assert_eq!(back.services().accounts.by_id(ada).await.unwrap().unwrap().title, "ab");
}

#[tokio::test]
async fn who_only_looks_changes_nothing() {
    let (store, _kept) = lasting().await;
    account(&store, "Ada", "One").await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("copy.db");
    store.copy_into(&file).await.unwrap();
    let before = std::fs::read(&file).unwrap();
    let looked = crate::SqlStore::examine(&crate::Database::File(file.clone())).await.unwrap();
    assert_eq!((looked.accounts, looked.read_only), (Some(1), None));
    assert_eq!(looked.made, Some(looked.known));
    assert!(std::fs::read(&file).unwrap() == before);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    // What is no database of ours is not taken for an empty one.
    std::fs::write(&file, "no database, but a long letter to somebody".repeat(100)).unwrap();
    assert!(crate::SqlStore::examine(&crate::Database::File(file.clone())).await.is_err());
    std::fs::write(&file, "").unwrap();
    let empty = crate::SqlStore::examine(&crate::Database::File(file)).await.unwrap();
    assert_eq!((empty.made, empty.accounts), (None, None));
}
