use super::*;
use crate::tests::stub::{Stub, World, nowhere};
use model::Uuid;
use robust::Form;
use robust::inventory as wire;
use services::{Permissions, SaleInfo, asset_type, inventory_type};
use std::sync::atomic::{AtomicUsize, Ordering};

const ADA: AgentId = AgentId(Uuid::from_u128(1));
const BOB: AgentId = AgentId(Uuid::from_u128(2));

fn folder(n: u128, owner: AgentId, parent: FolderId) -> InventoryFolder {
    let (id, kind) = (FolderId(Uuid::from_u128(n)), folder_type::NONE);
    InventoryFolder { id, owner, parent, name: format!("Folder {n}"), kind, version: 1 }
}

fn item(n: u128, owner: AgentId, folder: FolderId) -> InventoryItem {
    InventoryItem {
        id: ItemId(Uuid::from_u128(n)),
        owner,
        folder,
        asset: AssetId(Uuid::from_u128(77)),
        asset_type: asset_type::GESTURE,
        inventory_type: inventory_type::GESTURE,
        name: "<A> & \u{fc}".into(),
        description: String::new(),
        creator: BOB,
        creator_data: "http://far/;A B".into(),
        created: 12,
        flags: 1,
        permissions: Permissions { base: u32::MAX, current: 2, group: 3, everyone: 4, next: 5 },
        sale: SaleInfo { price: -1, kind: 2 },
        group: Uuid::from_u128(6),
        group_owned: true,
    }
}

fn ids<T>(things: &[T], id: impl Fn(&T) -> u128) -> Vec<u128> {
    things.iter().map(id).collect()
}

/// Every method, against the same store by the shorter way.
async fn every_method(far: &dyn InventoryService, near: &dyn InventoryService) {
    assert!(far.create_user_inventory(ADA).await.unwrap());
    let root = far.root(ADA).await.unwrap().unwrap();
    assert_eq!(near.root(ADA).await.unwrap().as_ref(), Some(&root));
    assert_eq!(far.skeleton(ADA).await.unwrap(), near.skeleton(ADA).await.unwrap());
    let trash = far.folder_for_type(ADA, folder_type::TRASH).await.unwrap().unwrap();
    assert_eq!((trash.kind, trash.parent), (folder_type::TRASH, root.id));
    assert_eq!(far.folder_for_type(ADA, 99).await.unwrap(), Some(root.clone()));

    let (one, two) = (folder(20, ADA, root.id), folder(21, ADA, FolderId(Uuid::from_u128(20))));
    for made in [&one, &two, &one] {
        far.create_folder(made).await.unwrap();
    }
    let taken = InventoryFolder { parent: trash.id, ..one.clone() };
    assert!(matches!(far.create_folder(&taken).await, Err(ServiceError::Refused(_))));
    assert_eq!(far.folder_owner(one.id).await.unwrap(), Some(ADA));
    let renamed = InventoryFolder { name: "New".into(), parent: trash.id, version: 0, ..one.clone() };
    assert!(far.update_folder(&renamed).await.unwrap());
    let known = far.folder(ADA, one.id).await.unwrap().unwrap();
    assert_eq!((known.name.as_str(), known.parent, known.version), ("New", root.id, 2));
    assert!(!far.move_folder(ADA, one.id, two.id).await.unwrap(), "into itself");
    assert!(!far.move_folder(ADA, trash.id, one.id).await.unwrap(), "a system folder");
    assert!(far.move_folder(ADA, two.id, trash.id).await.unwrap());

    let things: Vec<_> = (30..33).map(|n| item(n, ADA, one.id)).collect();
    for thing in things.iter().chain(&things[..1]) {
        far.create_item(thing).await.unwrap();
    }
    let taken = InventoryItem { folder: trash.id, ..things[0].clone() };
    assert!(matches!(far.create_item(&taken).await, Err(ServiceError::Refused(_))));
    assert_eq!(far.item(ADA, things[0].id).await.unwrap().as_ref(), Some(&things[0]));
    assert_eq!(far.item_owner(things[0].id).await.unwrap(), Some(ADA));
    let asked = [things[2].id, ItemId(Uuid::from_u128(99)), things[0].id, things[2].id];
    assert_eq!(far.items(ADA, &asked).await.unwrap(), [things[0].clone(), things[2].clone()]);
    let renamed = InventoryItem { name: "New".into(), folder: trash.id, created: 13, ..things[0].clone() };
    assert!(far.update_item(&renamed).await.unwrap());
    let kept = InventoryItem { name: "New".into(), ..things[0].clone() };
    assert_eq!(far.item(ADA, kept.id).await.unwrap().as_ref(), Some(&kept));
    assert_eq!(far.active_gestures(ADA).await.unwrap(), near.active_gestures(ADA).await.unwrap());
    assert_eq!(far.active_gestures(ADA).await.unwrap().len(), 3);
    assert_eq!(far.asset_permissions(ADA, kept.asset).await.unwrap(), 2);

    let content = far.content(ADA, one.id).await.unwrap();
    assert_eq!(content, near.content(ADA, one.id).await.unwrap());
    assert_eq!(ids(&content.unwrap().items, |item| item.id.0.as_u128()), [30, 31, 32]);
    assert_eq!(far.content(ADA, FolderId(Uuid::from_u128(99))).await.unwrap(), None);
    let many = [trash.id, FolderId(Uuid::from_u128(99)), one.id, root.id, two.id];
    assert_eq!(far.contents(ADA, &many).await.unwrap(), near.contents(ADA, &many).await.unwrap());
    assert_eq!(far.contents(ADA, &many).await.unwrap().len(), 4);

    let moves = [(kept.id, trash.id), (ItemId(Uuid::from_u128(99)), trash.id), (things[1].id, many[1])];
    assert_eq!(far.move_items(ADA, &moves).await.unwrap(), 1);
    assert_eq!(near.item(ADA, kept.id).await.unwrap().unwrap().folder, trash.id);
    assert_eq!(far.delete_items(ADA, &asked[1..]).await.unwrap(), 2);
    assert_eq!(far.delete_items(ADA, &asked).await.unwrap(), 0);
    assert!(far.purge_folder(ADA, one.id).await.unwrap());
    assert!(!far.purge_folder(ADA, root.id).await.unwrap());
    assert!(near.content(ADA, one.id).await.unwrap().unwrap().items.is_empty());
    assert_eq!(far.delete_folders(ADA, &[one.id, trash.id, many[1]]).await.unwrap(), 1);
    assert_eq!(near.folder(ADA, one.id).await.unwrap(), None);
    assert!(near.folder(ADA, trash.id).await.unwrap().is_some());
}

#[tokio::test]
async fn every_method_does_the_same_as_nearby() {
    let world = World::start().await;
    every_method(&*world.far.inventory, &*world.near.inventory).await;
}

#[tokio::test]
async fn grids_that_do_not_know_the_later_questions_are_asked_one_by_one() {
    let world = World::start_early().await;
    every_method(&*world.far.inventory, &*world.near.inventory).await;
}

#[tokio::test]
async fn nobody_touches_what_is_somebody_elses() {
    let world = World::start().await;
    let (far, near) = (&world.far.inventory, &world.near.inventory);
    for who in [ADA, BOB] {
        near.create_user_inventory(who).await.unwrap();
    }
    let root = near.root(ADA).await.unwrap().unwrap();
    let (inner, thing) = (folder(20, ADA, root.id), item(30, ADA, root.id));
    near.create_folder(&inner).await.unwrap();
    near.create_item(&thing).await.unwrap();
    let bobs = near.root(BOB).await.unwrap().unwrap().id;
    assert_eq!(far.item(BOB, thing.id).await.unwrap(), None);
    assert_eq!(far.folder(BOB, inner.id).await.unwrap(), None);
    assert_eq!(far.content(BOB, inner.id).await.unwrap(), None);
    assert!(!far.update_item(&InventoryItem { owner: BOB, ..thing.clone() }).await.unwrap());
    assert!(!far.update_folder(&InventoryFolder { owner: BOB, ..inner.clone() }).await.unwrap());
    assert!(!far.move_folder(BOB, inner.id, bobs).await.unwrap());
    assert!(!far.purge_folder(BOB, inner.id).await.unwrap());
    assert_eq!(far.move_items(BOB, &[(thing.id, bobs)]).await.unwrap(), 0);
    assert_eq!(far.delete_items(BOB, &[thing.id]).await.unwrap(), 0);
    assert_eq!(far.delete_folders(BOB, &[inner.id]).await.unwrap(), 0);
    assert!(far.create_item(&InventoryItem { owner: BOB, folder: bobs, ..thing.clone() }).await.is_err());
    assert_eq!(near.item(ADA, thing.id).await.unwrap(), Some(thing));
    assert_eq!(near.folder(ADA, inner.id).await.unwrap(), Some(inner));
}

#[tokio::test]
async fn a_grid_that_takes_ids_for_proof_is_not_asked_to_change_what_is_somebody_elses() {
    // As a ROBUST does: whoever asks, the thing is shown, and every change goes well.
    let changes = Arc::new(AtomicUsize::new(0));
    let counted = changes.clone();
    let stub = Stub::start(move |_, body| {
        let answer = match wire::Call::parse(&Form::parse(body).unwrap()).unwrap() {
            wire::Call::Folder { id, .. } => {
                wire::folder(Some(&InventoryFolder { id, ..folder(1, ADA, id) }))
            }
            wire::Call::Item { id, .. } => {
                wire::item(Some(&InventoryItem { id, ..item(1, ADA, FolderId::NULL) }))
            }
            wire::Call::Items { ids, .. } => wire::items(&ids, &[item(30, ADA, FolderId::NULL)]),
            wire::Call::Skeleton { .. } => wire::skeleton(&[folder(20, ADA, FolderId::NULL)]),
            _ => {
                counted.fetch_add(1, Ordering::Relaxed);
                wire::WORDING.success()
            }
        };
        (200, answer.write().into_bytes())
    });
    let far = HttpInventory::new(stub.await.client());
    let (theirs, inside) = (FolderId(Uuid::from_u128(20)), FolderId(Uuid::from_u128(21)));
    let thing = item(30, BOB, theirs);
    assert_eq!(far.item(BOB, thing.id).await.unwrap(), None);
    assert!(far.skeleton(BOB).await.unwrap().is_empty());
    assert!(!far.update_item(&thing).await.unwrap());
    assert!(!far.update_folder(&folder(20, BOB, theirs)).await.unwrap());
    assert!(!far.move_folder(BOB, theirs, inside).await.unwrap());
    assert!(!far.purge_folder(BOB, theirs).await.unwrap());
    assert_eq!(far.delete_folders(BOB, &[theirs]).await.unwrap(), 0);
    assert_eq!(far.delete_items(BOB, &[thing.id]).await.unwrap(), 0);
    assert_eq!(far.move_items(BOB, &[(thing.id, theirs)]).await.unwrap(), 0);
    assert_eq!(changes.load(Ordering::Relaxed), 0);
    // In this grid, each folder is in itself.
    assert!(!far.move_folder(ADA, theirs, inside).await.unwrap());
    assert!(far.purge_folder(ADA, theirs).await.unwrap());
    assert_eq!(changes.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn folders_that_are_too_much_for_one_answer_come_in_several() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    let content = |id: FolderId| {
        let items = (0..20).map(|n| item(n, ADA, id)).collect();
        FolderContent { folder: InventoryFolder { id, ..folder(0, ADA, id) }, folders: Vec::new(), items }
    };
    let stub = Stub::start(move |_, body| {
        let answer = match wire::Call::parse(&Form::parse(body).unwrap()).unwrap() {
            wire::Call::Skeleton { .. } => {
                wire::skeleton(&(100..116).map(|n| folder(n, ADA, FolderId::NULL)).collect::<Vec<_>>())
            }
            wire::Call::Contents { ids, .. } => {
                counter.fetch_add(1, Ordering::Relaxed);
                wire::contents(&ids, &ids.iter().copied().map(content).collect::<Vec<_>>())
            }
            wire::Call::Content { id, .. } => wire::content(Some(&content(id))),
            other => panic!("{other:?}"),
        };
        (200, answer.write().into_bytes())
    });
    let stub = stub.await;
    let folders: Vec<_> = (100..116).map(|n| FolderId(Uuid::from_u128(n))).collect();
    for (long_bytes, calls) in [(1 << 20, 1), (64 << 10, 1 + 2 + 4 + 8), (24 << 10, 1 + 2 + 4 + 8)] {
        asked.store(0, Ordering::Relaxed);
        let far = HttpInventory::new(Arc::new(stub.new_client().with_long_bytes(long_bytes)));
        let contents = far.contents(ADA, &folders).await.unwrap();
        assert_eq!(contents.iter().map(|content| content.folder.id).collect::<Vec<_>>(), folders);
        assert!(contents.iter().all(|content| content.items.len() == 20));
        assert_eq!(asked.load(Ordering::Relaxed), calls, "{long_bytes}");
    }
    let far = HttpInventory::new(Arc::new(stub.new_client().with_long_bytes(10 << 10)));
    assert!(matches!(far.contents(ADA, &folders).await, Err(ServiceError::Unavailable(_))));
}

const RECORDED: [&str; 3] = [
    include_str!("../../../robust/golden/inventory-0.7.5.1.txt"),
    include_str!("../../../robust/golden/inventory-0.7.6.1.txt"),
    include_str!("../../../robust/golden/inventory-0.9.2.2.txt"),
];

#[tokio::test]
async fn recorded_grids_are_understood() {
    for release in RECORDED {
        let lines: Vec<_> = release.lines().collect();
        let stub = Stub::start(move |path, body| {
            assert_eq!(path, "/xinventory");
            let asked = Form::parse(body).unwrap();
            let is_it = |line: &&str| {
                let known = Form::parse(line.as_bytes()).unwrap();
                known.text("METHOD") == asked.text("METHOD") && known.text("ID") == asked.text("ID")
            };
            let answer = lines.iter().position(is_it).map_or("<ServerResponse />", |at| lines[at + 1]);
            (200, answer.as_bytes().to_vec())
        });
        let far = HttpInventory::new(stub.await.client());
        let owner = |call: &str| match wire::Call::parse(&Form::parse(call.as_bytes()).unwrap()) {
            Ok(wire::Call::Root { owner }) => owner,
            other => panic!("{other:?}"),
        };
        let owner = owner(release.lines().next().unwrap());
        let root = far.root(owner).await.unwrap().unwrap();
        assert_eq!((root.name.as_str(), root.kind, root.owner), ("My Inventory", folder_type::ROOT, owner));
        for line in release.lines().skip(2).step_by(2) {
            let asked = Form::parse(line.as_bytes()).unwrap().get("ID").unwrap();
            let item = far.item(owner, asked).await.unwrap().unwrap();
            assert_eq!((item.id, item.owner, item.inventory_type), (asked, owner, inventory_type::WEARABLE));
            assert_eq!(far.item(BOB, asked).await.unwrap(), None);
        }
        assert_eq!(far.item(owner, ItemId(Uuid::from_u128(9))).await.unwrap(), None);
        assert_eq!(far.folder(owner, root.id).await.unwrap(), None, "not recorded");
    }
}

#[tokio::test]
async fn the_library_is_here() {
    let far = HttpInventory::new(nowhere());
    let owner = library::OWNER;
    assert_eq!(far.skeleton(owner).await.unwrap(), library::folders());
    let root = far.root(owner).await.unwrap().unwrap();
    assert_eq!(far.content(owner, root.id).await.unwrap(), library::content(root.id));
    let clothing = far.folder_for_type(owner, folder_type::CLOTHING).await.unwrap().unwrap();
    assert_eq!(clothing.parent, root.id);
    assert_eq!(far.folder_for_type(owner, 99).await.unwrap(), Some(root.clone()));
    assert_eq!(far.contents(owner, &[clothing.id, root.id]).await.unwrap().len(), 2);
    let item = library::items()[0].clone();
    assert_eq!(far.items(owner, &[item.id]).await.unwrap(), std::slice::from_ref(&item));
    assert_eq!(far.item(owner, item.id).await.unwrap(), Some(item.clone()));
    assert_eq!(far.item_owner(item.id).await.unwrap(), Some(owner));
    assert_eq!(far.folder_owner(root.id).await.unwrap(), Some(owner));
    assert!(far.active_gestures(owner).await.unwrap().is_empty());
    assert_eq!(far.asset_permissions(owner, item.asset).await.unwrap(), 0);
    assert!(matches!(far.delete_items(owner, &[item.id]).await, Err(ServiceError::Refused(_))));
    assert!(matches!(far.create_item(&item).await, Err(ServiceError::Refused(_))));
    assert!(matches!(far.skeleton(ADA).await, Err(ServiceError::Unavailable(_))), "nobody is there");
}
