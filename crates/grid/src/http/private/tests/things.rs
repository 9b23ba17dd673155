//! Inventory, assets, preferences, mute lists and tiles of the map.

use super::*;
use model::{AssetId, FolderId, ItemId};
use robust::{agent_prefs, assets, inventory, map_tiles, mute_list};
use services::{
    Asset, AssetFlags, AssetMetadata, InventoryFolder, InventoryItem, InventoryService, Permissions,
    SaleInfo, folder_type, starter,
};

const BOB: AgentId = AgentId(Uuid::from_u128(2));
const INVENTORY: &str = "/xinventory";

/// GETROOTFOLDER and two GETITEM with their answers by turns, a line each.
const RECORDED: [&str; 3] = [
    include_str!("../../../../../robust/golden/inventory-0.7.5.1.txt"),
    include_str!("../../../../../robust/golden/inventory-0.7.6.1.txt"),
    include_str!("../../../../../robust/golden/inventory-0.9.2.2.txt"),
];

fn item(n: u128, owner: AgentId, folder: FolderId) -> InventoryItem {
    InventoryItem {
        id: ItemId(Uuid::from_u128(n)),
        owner,
        folder,
        asset: AssetId(Uuid::from_u128(7)),
        asset_type: 7,
        inventory_type: 7,
        name: "A & B".into(),
        description: String::new(),
        creator: owner,
        creator_data: String::new(),
        created: 12,
        flags: 0,
        permissions: Permissions::FULL,
        sale: SaleInfo::default(),
        group: Uuid::nil(),
        group_owned: false,
    }
}

async fn root(inventory: &dyn InventoryService, owner: AgentId) -> FolderId {
    inventory.create_user_inventory(owner).await.unwrap();
    inventory.root(owner).await.unwrap().unwrap().id
}

async fn call(router: &Router, call: inventory::Call) -> Tree {
    ask(router, INVENTORY, &call.to_form()).await
}

#[tokio::test]
async fn recorded_questions_are_answered_as_they_were_then() {
    for release in RECORDED {
        let store = store().await;
        let (router, inventory) = (router(&store), store.services().inventory);
        let lines: Vec<_> = release.lines().collect();
        let theirs = inventory::read_folder(&Tree::parse(lines[1].as_bytes()).unwrap()).unwrap().unwrap();
        let folder = root(&*inventory, theirs.owner).await;
        let (_, answer) = post(&router, INVENTORY, lines[0]).await;
        let ours = inventory::read_folder(&answer).unwrap().unwrap();
        assert_eq!(InventoryFolder { id: theirs.id, version: theirs.version, ..ours }, theirs);
        for pair in lines[2..].chunks(2) {
            let theirs = Tree::parse(pair[1].as_bytes()).unwrap();
            let item = inventory::read_item(&theirs).unwrap().unwrap();
            assert_eq!(post(&router, INVENTORY, pair[0]).await, (StatusCode::OK, Tree::new()));
            inventory.create_item(&InventoryItem { folder, ..item.clone() }).await.unwrap();
            let (_, answer) = post(&router, INVENTORY, pair[0]).await;
            let ours = inventory::read_item(&answer).unwrap().unwrap();
            assert_eq!(InventoryItem { folder: item.folder, ..ours }, item);
        }
    }
}

#[tokio::test]
async fn nobody_touches_what_is_somebody_elses() {
    let store = store().await;
    let (router, inventory) = (router(&store), store.services().inventory);
    let (adas, bobs) = (root(&*inventory, ADA).await, root(&*inventory, BOB).await);
    let thing = item(10, ADA, adas);
    inventory.create_item(&thing).await.unwrap();
    let (yes, no) = (inventory::WORDING.success(), inventory::WORDING.failure());
    for question in [
        inventory::Call::Item { owner: Some(BOB), id: thing.id },
        inventory::Call::Folder { owner: Some(BOB), id: adas },
        inventory::Call::Content { owner: BOB, id: adas },
    ] {
        assert_eq!(call(&router, question).await, Tree::new());
    }
    for change in [
        inventory::Call::PurgeFolder { owner: Some(BOB), id: adas },
        inventory::Call::MoveItems { owner: BOB, moves: vec![(thing.id, bobs)] },
        inventory::Call::UpdateItem(InventoryItem { owner: BOB, ..thing.clone() }),
        inventory::Call::AddItem(InventoryItem { owner: BOB, folder: bobs, ..thing.clone() }),
    ] {
        assert_eq!(call(&router, change).await.text("RESULT"), no.text("RESULT"));
    }
    // What is not theirs is not there, and what is not there is as good as deleted.
    for change in [
        inventory::Call::DeleteItems { owner: BOB, ids: vec![thing.id] },
        inventory::Call::DeleteFolders { owner: BOB, ids: vec![adas] },
    ] {
        assert_eq!(call(&router, change).await, yes);
    }
    assert_eq!(inventory.item(ADA, thing.id).await.unwrap(), Some(thing));
}

#[tokio::test]
async fn early_simulators_name_no_owner() {
    let store = store().await;
    let (router, inventory) = (router(&store), store.services().inventory);
    let parent = root(&*inventory, ADA).await;
    let id = FolderId(Uuid::from_u128(20));
    let folder = InventoryFolder { id, owner: ADA, parent, name: "F".into(), kind: -1, version: 1 };
    inventory.create_folder(&folder).await.unwrap();
    inventory.create_item(&item(10, ADA, id)).await.unwrap();
    let found = call(&router, inventory::Call::Folder { owner: None, id }).await;
    assert_eq!(inventory::read_folder(&found).unwrap().unwrap().owner, ADA);
    assert_eq!(
        call(&router, inventory::Call::PurgeFolder { owner: None, id }).await,
        inventory::WORDING.success()
    );
    assert!(inventory.content(ADA, id).await.unwrap().unwrap().items.is_empty());
    let nowhere = inventory::Call::PurgeFolder { owner: None, id: FolderId(Uuid::from_u128(21)) };
    assert_eq!(call(&router, nowhere).await, inventory::WORDING.failure());
}

#[tokio::test]
async fn a_call_without_all_its_keys_changes_nothing() {
    let store = store().await;
    let (router, inventory) = (router(&store), store.services().inventory);
    let folder = root(&*inventory, ADA).await;
    let body = inventory::Call::AddItem(item(10, ADA, folder)).to_form().write();
    for broken in [body.replace("NextPermissions", "x"), body.replace("&Name=", "&x="), "METHOD=x".into()] {
        let (status, answer) = post(&router, INVENTORY, broken).await;
        assert_eq!((status, answer.text("RESULT")), (StatusCode::OK, Some("False")));
    }
    assert!(inventory.content(ADA, folder).await.unwrap().unwrap().items.is_empty());
    assert_eq!(post(&router, INVENTORY, body).await.1, inventory::WORDING.success());
}

#[tokio::test]
async fn no_more_is_asked_for_in_one_call_than_may_be() {
    let store = store().await;
    let router = router(&store);
    let ids = vec![FolderId(Uuid::from_u128(9)); 5000];
    let answer = call(&router, inventory::Call::Contents { owner: ADA, ids }).await;
    assert_eq!(answer.text("RESULT"), Some("False"));
    let ids = vec![ItemId(Uuid::from_u128(9)); 5000];
    let answer = call(&router, inventory::Call::Items { owner: ADA, ids }).await;
    assert_eq!(answer.text("RESULT"), Some("False"));
}

async fn raw(router: &Router, method: Method, path: &str, body: impl Into<Body>) -> (StatusCode, Vec<u8>) {
    let request = Request::builder().method(method).uri(path).body(body.into()).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    (response.status(), response.into_body().collect().await.unwrap().to_bytes().to_vec())
}

async fn status(router: &Router, method: Method, path: &str, body: impl Into<Body>) -> u16 {
    raw(router, method, path, body).await.0.as_u16()
}

#[tokio::test]
async fn a_recorded_asset_is_stored_and_found() {
    let recorded = include_bytes!("../../../../../robust/golden/asset-0.7.6.1.xml");
    let store = store().await;
    let router = router(&store);
    // Before, something stands in for it: simulators of OpenSimulator complain without.
    let (_, before) = raw(&router, Method::GET, &format!("/assets/{}", services::library::BLANK), "").await;
    assert_eq!(assets::read_asset(&before).unwrap().metadata.id, services::library::BLANK);
    let (_, answer) = raw(&router, Method::POST, "/assets/", &recorded[..]).await;
    let id = assets::read_string(&answer).unwrap();
    assert_eq!(id, "5748decc-f629-461c-9a36-a35a221fe21f");
    let sent = assets::read_asset(recorded).unwrap();
    let (_, whole) = raw(&router, Method::GET, &format!("/assets/{id}"), "").await;
    assert_eq!(assets::read_asset(&whole), Ok(sent.clone()));
    let (_, data) = raw(&router, Method::GET, &format!("/assets/{id}/data"), "").await;
    assert_eq!(data, *sent.data);
    let (_, metadata) = raw(&router, Method::GET, &format!("/assets/{id}/metadata"), "").await;
    assert_eq!(assets::read_metadata(&metadata).unwrap().name, "Blank Texture");
    let asked = assets::write_strings([id.as_str(), "00000000-0000-0000-0000-000000000009", "x"]);
    let (_, exist) = raw(&router, Method::POST, "/get_assets_exist", asked).await;
    assert_eq!(assets::read_booleans(&exist), Ok(vec![true, false, false]));
}

#[tokio::test]
async fn what_is_no_asset_is_said_by_the_status() {
    let store = store().await;
    let router = router(&store);
    let id = starter::OUTFIT[0].asset;
    let missing = "00000000-0000-0000-0000-000000000009";
    for (path, expected) in [
        (format!("/assets/{id}"), 200),
        (format!("/assets/{id}/other"), 400),
        (format!("/assets/{missing}"), 404),
        (format!("/assets/{missing}/data"), 404),
        (format!("/assets/{missing}/metadata"), 404),
        ("/assets/x".to_owned(), 404),
        ("/assets/".to_owned(), 405),
    ] {
        assert_eq!(status(&router, Method::GET, &path, "").await, expected, "{path}");
    }
    assert_eq!(status(&router, Method::POST, "/assets/", "<AssetBase>").await, 400);
    assert_eq!(status(&router, Method::POST, "/get_assets_exist", "<x/>").await, 400);
    assert_eq!(status(&router, Method::POST, "/get_assets_exist", vec![b' '; 2 << 20]).await, 413);
    store.close().await;
    assert_eq!(status(&router, Method::GET, &format!("/assets/{missing}"), "").await, 503);
}

#[tokio::test]
async fn only_tiles_of_the_map_are_deleted_and_only_what_may_change_is_changed() {
    let store = store().await;
    let router = router(&store);
    let asset = |n: u128, flags| {
        let metadata = AssetMetadata { id: AssetId(Uuid::from_u128(n)), flags, ..AssetMetadata::default() };
        Asset { metadata, data: b"one"[..].into() }
    };
    for (n, flags, changes, goes) in [
        (1, AssetFlags::empty(), false, false),
        (2, AssetFlags::REWRITABLE, true, false),
        (3, AssetFlags::MAPTILE, false, true),
    ] {
        let asset = asset(n, flags);
        raw(&router, Method::POST, "/assets", assets::write_asset(&asset)).await;
        let path = format!("/assets/{}", asset.metadata.id);
        let other = Asset { data: b"two"[..].into(), ..asset };
        let (_, changed) = raw(&router, Method::POST, &path, assets::write_asset(&other)).await;
        assert_eq!(assets::read_boolean(&changed), Ok(changes), "{n}");
        let (_, data) = raw(&router, Method::GET, &format!("{path}/data"), "").await;
        assert_eq!(data, if changes { b"two" } else { b"one" }, "{n}");
        let (_, gone) = raw(&router, Method::DELETE, &path, "").await;
        assert_eq!(assets::read_boolean(&gone), Ok(goes), "{n}");
        assert_eq!(status(&router, Method::GET, &path, "").await == 404, goes, "{n}");
    }
    let (_, gone) = raw(&router, Method::DELETE, "/assets/00000000-0000-0000-0000-000000000009", "").await;
    assert_eq!(assets::read_boolean(&gone), Ok(false));
}

#[tokio::test]
async fn a_recorded_tile_of_the_map_is_stored_and_removed() {
    let recorded = include_bytes!("../../../../../robust/golden/map-0.7.5.1.form");
    let store = store().await;
    let (router, tiles) = (router(&store), store.services().map_tiles);
    let cell = GridCell { x: 1002, y: 1000 };
    let stored = || tiles.get(cell);
    assert_eq!(post(&router, "/map", &recorded[..]).await.1, map_tiles::WORDING.success());
    assert!(stored().await.unwrap().is_some_and(|jpeg| jpeg.starts_with(b"\xFF\xD8")));
    assert_eq!(post(&router, "/removemap", "X=1002&Y=1000").await.1, map_tiles::WORDING.success());
    assert_eq!(stored().await.unwrap(), None);
    post(&router, "/map", &recorded[..]).await;
    assert_eq!(post(&router, "/map", "X=1002&Y=1000").await.1, map_tiles::WORDING.success());
    assert_eq!(stored().await.unwrap(), None);
    for broken in ["X=1&Y=1&DATA=AAAA", "X=1&Y=1&DATA=%", "X=1"] {
        let (_, answer) = post(&router, "/map", broken).await;
        assert_eq!(answer.text("Result"), Some("Failure"));
        assert!(answer.text("Message").is_some_and(|reason| !reason.is_empty()));
    }
}

#[tokio::test]
async fn preferences_and_mute_lists_are_kept_for_each() {
    let store = store().await;
    let router = router(&store);
    let agent = format!("UserID={ADA}");
    assert_eq!(post(&router, "/agentprefs", format!("METHOD=getagentprefs&{agent}")).await.1, Tree::new());
    let set = format!(
        "METHOD=setagentprefs&PrincipalID={ADA}&AccessPrefs=PG&HoverHeight=0.25&Language=de&LanguageIsPublic=True\
         &PermEveryone=0&PermGroup=0&PermNextOwner=532480"
    );
    assert_eq!(post(&router, "/agentprefs", set.clone()).await.1, agent_prefs::WORDING.success());
    let (_, kept) = post(&router, "/agentprefs", format!("METHOD=getagentprefs&{agent}")).await;
    assert_eq!(kept, Form::parse(set.as_bytes()).unwrap().fields()[1..].iter().fold(Tree::new(), as_text));
    let (_, language) = post(&router, "/agentprefs", format!("METHOD=getagentlang&{agent}")).await;
    assert_eq!(agent_prefs::read_language(&language).as_deref(), Ok("de"));
    let (_, refused) = post(&router, "/agentprefs", set.replace("&PermGroup=0", "")).await;
    assert_eq!(refused.text("result"), Some("Failure"));

    let bell = format!("agentid={ADA}&muteid={}&mutename=Bell", Uuid::nil());
    let update = format!("METHOD=update&{bell}&mutetype=0&muteflags=0&mutestamp=12");
    assert_eq!(post(&router, "/mutelist", update).await.1, mute_list::WORDING.success());
    let get = async |agent, crc| {
        let form = mute_list::Call::Get { agent, crc }.to_form();
        mute_list::read_list(&ask(&router, "/mutelist", &form).await).unwrap()
    };
    let mute_list::Listed::All(mutes) = get(ADA, 0).await else { panic!("no list") };
    assert_eq!(mutes[0].name, "Bell");
    let crc = mute_list::crc32(mute_list::file(&mutes).as_bytes());
    assert_eq!(get(ADA, crc).await, mute_list::Listed::Same);
    assert_eq!(get(BOB, 0).await, mute_list::Listed::All(Vec::new()));
    for expected in [mute_list::WORDING.success(), mute_list::WORDING.failure()] {
        assert_eq!(post(&router, "/mutelist", format!("METHOD=delete&{bell}")).await.1, expected);
    }
}

fn as_text(tree: Tree, (name, value): &(String, robust::Value)) -> Tree {
    match value {
        robust::Value::Text(text) => tree.with(name, text),
        robust::Value::List(_) => tree,
    }
}

#[tokio::test]
async fn everybody_has_a_root_of_the_right_type() {
    let store = store().await;
    let router = router(&store);
    let created = call(&router, inventory::Call::Create { owner: ADA }).await;
    assert_eq!(created, inventory::WORDING.success());
    let skeleton = call(&router, inventory::Call::Skeleton { owner: ADA }).await;
    let folders = inventory::read_skeleton(&skeleton).unwrap();
    assert_eq!((folders[0].kind, folders.len()), (folder_type::ROOT, starter::FOLDERS.len() + 1));
    let trash = call(&router, inventory::Call::FolderForType { owner: ADA, kind: folder_type::TRASH }).await;
    assert_eq!(inventory::read_folder(&trash).unwrap().unwrap().kind, folder_type::TRASH);
}
