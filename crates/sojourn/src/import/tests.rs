//! Worlds as OpenSimulator keeps them, made by its own table definitions as the database fact sheet has them, moved here.

mod tables;
mod world;

use super::bring;
use super::report::{Kind, Report, Tally};
use crate::data;
use ::grid::{Database, SqlStore};
use model::{AgentId, AssetId, FolderId, ItemId, RegionId, Uuid, Vec3};
use opensim::{FileStore, Source};
use services::{FriendRights, ViewerPassword, folder_type};
use sqlx::Connection as _;
use std::path::Path;
use world::{ADA, ALAN, SECRET, World};

/// Somebody's id as ours.
fn agent(id: &str) -> AgentId {
    AgentId(id.parse().unwrap())
}

fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

async fn store(folder: &Path) -> SqlStore {
    data::open(&Database::File(folder.join("grid.sqlite"))).await.unwrap()
}

async fn brought(world: &World, store: &SqlStore, files: Option<&FileStore>) -> Report {
    let source = Source::open(&world.url()).await.unwrap();
    let (report, end) = bring::all(&source, store, files).await;
    source.close().await;
    end.unwrap();
    report
}

/// Everything that the world has is here.
async fn is_here(store: &SqlStore) {
    let services = store.services();
    let ada = services.accounts.by_name("ada", "lovelace").await.unwrap().unwrap();
    assert_eq!(
        (ada.id, ada.email.as_str(), ada.created, ada.level),
        (agent(ADA), "ada@example.org", 1_300_000_000, 200)
    );
    assert_eq!(ada.service_urls["HomeURI"], "http://grid.example.org:8002/");
    let user = services.grid_users.get(ada.id).await.unwrap().unwrap();
    let home = user.home.unwrap();
    assert_eq!((home.region, home.position), (RegionId(id(7)), Vec3::new(128.0, 64.5, 21.0)));
    assert_eq!(
        (user.online, user.last, user.login, user.logout),
        (false, None, 1_700_000_000, 1_700_000_100)
    );
    let looks = services.avatars.get(ada.id).await.unwrap().unwrap();
    assert_eq!(looks["Wearable 0:0"], format!("{}:{}", id(31), id(51)));
    let prefs = services.agent_prefs.get(ada.id).await.unwrap().unwrap();
    assert_eq!((prefs.access.as_str(), prefs.hover_height_m, prefs.next_owner), ("A", 0.25, 0x8_2000));
    let mutes = services.mutes.list(ada.id).await.unwrap();
    assert_eq!((mutes[0].id, mutes[0].name.as_str(), mutes[0].kind), (id(99), "Noise", 2));
    let friends = services.friends.list(ada.id).await.unwrap();
    let (given, has) = (FriendRights::SEE_ONLINE | FriendRights::SEE_ON_MAP, FriendRights::SEE_ONLINE);
    assert_eq!(friends.len(), 1);
    assert_eq!((friends[0].friend, friends[0].given, friends[0].has), (agent(ALAN), given, Some(has)));

    let inventory = &services.inventory;
    let root = inventory.root(ada.id).await.unwrap().unwrap();
    assert_eq!((root.id, root.kind, root.version), (FolderId(id(21)), folder_type::ROOT, 9));
    let trash = inventory.folder_for_type(ada.id, folder_type::TRASH).await.unwrap().unwrap();
    assert_eq!(trash.id, FolderId(id(22)));
    // What OpenSimulator has never had is there as well.
    let materials = inventory.folder_for_type(ada.id, folder_type::MATERIALS).await.unwrap().unwrap();
    assert_eq!(materials.kind, folder_type::MATERIALS);
    let shape = inventory.item(ada.id, ItemId(id(31))).await.unwrap().unwrap();
    assert_eq!((shape.name.as_str(), shape.asset, shape.created), ("Shäpe", AssetId(id(51)), 1_400_000_000));
    assert_eq!(
        (shape.creator, shape.creator_data.as_str()),
        (agent(ALAN), "http://far.example.org:8002/;Far One")
    );
    let (all, permissions) = (0x7FFF_FFFF, shape.permissions);
    assert_eq!((permissions.base, permissions.current, permissions.everyone), (all, u32::MAX, 0));
    let lost = inventory.item(ada.id, ItemId(id(32))).await.unwrap().unwrap();
    let lost_and_found =
        inventory.folder_for_type(ada.id, folder_type::LOST_AND_FOUND).await.unwrap().unwrap();
    assert_eq!((lost.folder, lost_and_found.kind), (lost_and_found.id, folder_type::LOST_AND_FOUND));

    let asset = services.assets.get(AssetId(id(51))).await.unwrap().unwrap();
    assert_eq!((asset.metadata.kind, asset.metadata.name.as_str()), (13, "Shape"));
    assert_eq!(asset.data[..], b"LLWearable version 22\n\xff\x00"[..]);
}

fn all_new(report: &Report) {
    for (kind, brought) in [
        (Kind::Accounts, 2),
        (Kind::Passwords, 2),
        (Kind::Places, 1),
        (Kind::Looks, 1),
        (Kind::Preferences, 1),
        (Kind::Mutes, 1),
        (Kind::Friendships, 2),
        (Kind::Folders, 3),
        (Kind::Items, 2),
    ] {
        assert_eq!(report.of(kind), Tally { brought, there: 0 }, "{kind:?}");
    }
    let reasons: Vec<String> =
        report.reasons().into_iter().map(|(why, count)| format!("{count} {why}")).collect();
    for wanted in [
        "1 a name has a first and a last part",
        "1 friendships with people of other grids",
        "of nobody who has an account there",
        "1 tables that have no counterpart",
        "1 assets without content",
    ] {
        assert!(reasons.iter().any(|reason| reason.contains(wanted)), "{wanted}: {reasons:#?}");
    }
}

fn nothing_new(report: &Report) {
    for kind in [
        Kind::Accounts,
        Kind::Places,
        Kind::Looks,
        Kind::Friendships,
        Kind::Folders,
        Kind::Items,
        Kind::Assets,
    ] {
        let tally = report.of(kind);
        assert!(tally.brought == 0 && tally.there > 0, "{kind:?}: {tally:?}");
    }
}

/// Moves in twice. On the way the source stays as it was.
async fn moves_in(world: &World) {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path()).await;
    let report = brought(world, &store, None).await;
    all_new(&report);
    assert_eq!(report.of(Kind::Assets).brought, 2, "{report:?}");
    is_here(&store).await;
    nothing_new(&brought(world, &store, None).await);
    is_here(&store).await;
    store.close().await;
}

#[tokio::test]
async fn from_sqlite_files() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::on_sqlite(folder.path()).await;
    let before = world::bytes_of(folder.path());
    moves_in(&world).await;
    assert_eq!(world::bytes_of(folder.path()), before, "nothing is written there");
}

#[tokio::test]
async fn from_mariadb() {
    moves_in(&World::on_mariadb("assets").await).await;
}

#[tokio::test]
async fn from_mariadb_with_contents_of_their_own() {
    moves_in(&World::on_mariadb("xassets").await).await;
}

#[tokio::test]
async fn from_mariadb_with_contents_in_files() {
    let (folder, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let world = World::on_mariadb("fsassets").await;
    world::put_content_files(files.path());
    let store = store(folder.path()).await;
    let without = brought(&world, &store, None).await;
    assert!(without.reasons().iter().any(|(why, _)| why.contains("--asset-files")));
    assert_eq!(without.of(Kind::Assets), Tally::default());
    let files = FileStore::new(files.path());
    assert_eq!(brought(&world, &store, Some(&files)).await.of(Kind::Assets).brought, 2);
    is_here(&store).await;
}

/// More than is read at a time.
#[tokio::test]
async fn whoever_has_many_folders_and_friends_brings_all_of_them() {
    let (folder, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let world = World::on_sqlite(folder.path()).await;
    world::fill(folder.path(), ADA, 1201).await;
    let store = store(to.path()).await;
    let report = brought(&world, &store, None).await;
    assert_eq!(report.of(Kind::Folders).brought, 3 + 1201);
    assert_eq!(report.of(Kind::Friendships).brought, 2 + 1201);
    let folders = store.services().inventory.skeleton(agent(ADA)).await.unwrap();
    assert!(folders.iter().filter(|folder| folder.name == "one of many").count() == 1201);
}

#[tokio::test]
async fn passwords_open_once_as_they_were_and_then_as_ours() {
    let (folder, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let world = World::on_sqlite(folder.path()).await;
    let store = store(to.path()).await;
    brought(&world, &store, None).await;
    let stored = async || {
        let url = format!("sqlite:{}", to.path().join("grid.sqlite").display());
        let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
        let hashes: Vec<String> = sqlx::query_scalar("SELECT hash FROM passwords WHERE agent = $1")
            .bind(agent(ADA).0)
            .fetch_all(&mut connection)
            .await
            .unwrap();
        connection.close().await.unwrap();
        hashes
    };
    let auth = store.services().auth;
    assert!(!auth.verify(agent(ADA), &ViewerPassword::from_plain("wrong")).await.unwrap());
    let before = stored().await;
    assert!(before.len() == 1 && !before[0].contains("argon2"), "{before:?}");
    assert!(auth.verify(agent(ADA), &ViewerPassword::from_plain(SECRET)).await.unwrap());
    let after = stored().await;
    assert!(after.len() == 1 && after[0].starts_with("$argon2id$"), "{after:?}");
    assert!(auth.verify(agent(ADA), &ViewerPassword::from_plain(SECRET)).await.unwrap());
    assert!(!auth.verify(agent(ADA), &ViewerPassword::from_plain("wrong")).await.unwrap());
    // Another import does not bring the old one back, nor a password that was changed here.
    auth.set_password(agent(ADA), &ViewerPassword::forms_of("new")).await.unwrap();
    brought(&world, &store, None).await;
    assert!(auth.verify(agent(ADA), &ViewerPassword::from_plain("new")).await.unwrap());
    assert!(!auth.verify(agent(ADA), &ViewerPassword::from_plain(SECRET)).await.unwrap());
}

#[tokio::test]
async fn an_import_goes_on_where_it_stopped() {
    let (folder, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let world = World::on_sqlite(folder.path()).await;
    let store = store(to.path()).await;
    // As it is when the first attempt came as far as Ada's folders.
    let source = Source::open(&world.url()).await.unwrap();
    let (accounts, _) = source.accounts("").await.unwrap();
    let old = source.password(accounts[0].id).await.unwrap().unwrap();
    store.take_account(&accounts[0], Some((&old.hash, &old.salt))).await.unwrap();
    let (folders, _) = opensim::mended(source.folders(accounts[0].id).await.unwrap());
    store.take_inventory(accounts[0].id, &folders[..1], &[]).await.unwrap();
    let report = brought(&world, &store, None).await;
    assert_eq!(report.of(Kind::Accounts), Tally { brought: 1, there: 1 });
    assert_eq!(report.of(Kind::Folders), Tally { brought: 2, there: 1 });
    is_here(&store).await;
}

#[tokio::test]
async fn what_is_no_opensimulator_is_refused_with_words() {
    let folder = tempfile::tempdir().unwrap();
    let refused = async |url: &str| Source::open(url).await.unwrap_err().to_string();
    let empty = folder.path().display().to_string();
    assert!(refused(&empty).await.contains("no SQLite files"));
    assert!(refused("/nowhere/at/all").await.contains("/nowhere/at/all"));
    let postgres = refused("postgres://me:secret@db/os").await;
    assert!(postgres.contains("mysql://") && !postgres.contains("secret"), "{postgres}");
    let ours = store(folder.path()).await;
    let path = folder.path().join("grid.sqlite").display().to_string();
    assert!(refused(&path).await.contains("UserAccounts"));
    ours.close().await;
}
