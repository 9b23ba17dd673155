use super::*;
use model::{AssetId, FolderId, ItemId};
use services::{
    InventoryFolder, InventoryItem, InventoryService, Permissions, SaleInfo, ServiceError, asset_type,
    folder_type, inventory_type, library, starter,
};
use std::collections::BTreeSet;

fn folder(n: u128, owner: AgentId, parent: FolderId) -> InventoryFolder {
    InventoryFolder {
        id: FolderId(id(n)),
        owner,
        parent,
        name: format!("Folder {n}"),
        kind: folder_type::NONE,
        version: 1,
    }
}

fn item(n: u128, owner: AgentId, folder: FolderId) -> InventoryItem {
    InventoryItem {
        id: ItemId(id(n)),
        owner,
        folder,
        asset: AssetId(id(77)),
        asset_type: asset_type::NOTECARD,
        inventory_type: inventory_type::NOTECARD,
        name: format!("Item {n}"),
        description: "ünï".into(),
        creator: agent(5),
        creator_data: "http://home/;A B".into(),
        created: 12,
        flags: 0xFFFF_FFFF,
        permissions: Permissions { base: 0xFFFF_FFFF, current: 2, group: 3, everyone: 4, next: 5 },
        sale: SaleInfo { price: -1, kind: 2 },
        group: id(6),
        group_owned: true,
    }
}

/// Somebody with an inventory, and their root folder.
async fn somebody(store: &SqlStore, n: u128) -> (AgentId, FolderId) {
    store.create_user_inventory(agent(n)).await.unwrap();
    (agent(n), store.root(agent(n)).await.unwrap().unwrap().id)
}

async fn version(store: &SqlStore, owner: AgentId, id: FolderId) -> i32 {
    store.folder(owner, id).await.unwrap().unwrap().version
}

#[tokio::test]
async fn everybody_has_each_standard_folder_once() {
    let store = store().await;
    let (ada, root) = somebody(&store, 1).await;
    store.create_user_inventory(ada).await.unwrap();
    let skeleton = store.skeleton(ada).await.unwrap();
    assert_eq!(skeleton[0].id, root);
    assert_eq!((skeleton[0].kind, skeleton[0].name.as_str()), (folder_type::ROOT, "My Inventory"));
    assert!(skeleton[1..].iter().all(|folder| folder.parent == root && folder.version == 1));
    let kinds: BTreeSet<_> = skeleton[1..].iter().map(|folder| folder.kind).collect();
    assert_eq!(kinds, starter::FOLDERS.iter().map(|&(kind, _)| kind).collect());
    assert_eq!(skeleton.len(), 1 + starter::FOLDERS.len());
    let trash = store.folder_for_type(ada, folder_type::TRASH).await.unwrap().unwrap();
    assert_eq!(trash.name, "Trash");
    assert_eq!(store.folder_for_type(ada, 999).await.unwrap().unwrap().id, root);
    assert_eq!(store.folder_for_type(agent(2), 14).await.unwrap(), None);
    assert!(store.skeleton(agent(2)).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_item_comes_back_as_it_was() {
    let store = store().await;
    let (ada, root) = somebody(&store, 1).await;
    let one = item(1, ada, root);
    store.create_item(&one).await.unwrap();
    store.create_item(&one).await.unwrap();
    assert_eq!(store.item(ada, one.id).await.unwrap().as_ref(), Some(&one));
    assert_eq!(version(&store, ada, root).await, 2, "the second time nothing changed");
    let content = store.content(ada, root).await.unwrap().unwrap();
    assert_eq!((content.folders.len(), content.items), (starter::FOLDERS.len(), vec![one.clone()]));
    let changed =
        InventoryItem { name: "New".into(), created: 99, creator: agent(9), ..item(1, ada, FolderId::NULL) };
    assert!(store.update_item(&changed).await.unwrap());
    let kept = InventoryItem { name: "New".into(), ..one.clone() };
    assert_eq!(store.items(ada, &[one.id, ItemId(id(9)), one.id]).await.unwrap(), [kept]);
    assert_eq!(version(&store, ada, root).await, 3);
    assert_eq!(store.asset_permissions(ada, one.asset).await.unwrap(), 2);
    assert_eq!(store.delete_items(ada, &[one.id, one.id]).await.unwrap(), 1);
    assert!(!store.update_item(&one).await.unwrap());
}

#[tokio::test]
async fn whose_something_is_can_be_asked_by_its_id_alone() {
    let store = store().await;
    let (ada, root) = somebody(&store, 1).await;
    store.create_item(&item(10, ada, root)).await.unwrap();
    assert_eq!(store.folder_owner(root).await.unwrap(), Some(ada));
    assert_eq!(store.item_owner(ItemId(id(10))).await.unwrap(), Some(ada));
    assert_eq!(store.folder_owner(FolderId(id(10))).await.unwrap(), None);
    assert_eq!(store.item_owner(ItemId(id(11))).await.unwrap(), None);
    assert_eq!(store.folder_owner(library::ROOT).await.unwrap(), Some(library::OWNER));
    let librarys = library::items()[0].id;
    assert_eq!(store.item_owner(librarys).await.unwrap(), Some(library::OWNER));
}

#[tokio::test]
async fn nobody_touches_what_is_somebody_elses() {
    let store = store().await;
    let (ada, root) = somebody(&store, 1).await;
    let (bob, bobs_root) = somebody(&store, 2).await;
    let (inner, thing) = (folder(10, ada, root), item(1, ada, root));
    store.create_folder(&inner).await.unwrap();
    store.create_item(&thing).await.unwrap();
    let refused = |result| matches!(result, Err(ServiceError::Refused(_)));
    assert!(refused(store.create_folder(&folder(11, bob, root)).await));
    assert!(refused(store.create_folder(&folder(10, bob, bobs_root)).await));
    assert!(refused(store.create_item(&item(2, bob, root)).await));
    assert!(refused(store.create_item(&item(1, bob, bobs_root)).await));
    assert!(!store.update_folder(&InventoryFolder { owner: bob, ..inner.clone() }).await.unwrap());
    assert!(!store.update_item(&InventoryItem { owner: bob, ..thing.clone() }).await.unwrap());
    assert!(!store.move_folder(bob, inner.id, bobs_root).await.unwrap());
    assert!(!store.move_folder(ada, inner.id, bobs_root).await.unwrap());
    assert_eq!(store.move_items(bob, &[(thing.id, bobs_root)]).await.unwrap(), 0);
    assert_eq!(store.move_items(ada, &[(thing.id, bobs_root)]).await.unwrap(), 0);
    assert_eq!(store.delete_items(bob, &[thing.id]).await.unwrap(), 0);
    assert_eq!(store.delete_folders(bob, &[inner.id]).await.unwrap(), 0);
    assert!(!store.purge_folder(bob, inner.id).await.unwrap());
    assert_eq!(store.item(bob, thing.id).await.unwrap(), None);
    assert_eq!(store.content(bob, root).await.unwrap(), None);
    assert!(store.contents(bob, &[root, inner.id]).await.unwrap().is_empty());
    assert_eq!(store.folder(ada, inner.id).await.unwrap(), Some(inner));
    assert_eq!(store.item(ada, thing.id).await.unwrap(), Some(thing));
}

#[tokio::test]
async fn folders_move_but_not_into_themselves() {
    let store = store().await;
    let (ada, root) = somebody(&store, 1).await;
    let ids = [10, 11, 12].map(|n| FolderId(id(n)));
    for (n, parent) in [(10, root), (11, ids[0]), (12, ids[1])] {
        store.create_folder(&folder(n, ada, parent)).await.unwrap();
    }
    assert!(!store.move_folder(ada, ids[0], ids[2]).await.unwrap());
    assert!(!store.move_folder(ada, ids[0], ids[0]).await.unwrap());
    assert!(!store.move_folder(ada, root, ids[0]).await.unwrap());
    assert!(!store.move_folder(ada, FolderId(id(99)), root).await.unwrap());
    let (from, to) = (version(&store, ada, ids[1]).await, version(&store, ada, root).await);
    assert!(store.move_folder(ada, ids[2], root).await.unwrap());
    assert!(store.move_folder(ada, ids[0], ids[2]).await.unwrap());
    assert_eq!(version(&store, ada, ids[1]).await, from + 1);
    assert_eq!(version(&store, ada, root).await, to + 2);
    let skeleton = store.skeleton(ada).await.unwrap();
    let place = |id| skeleton.iter().position(|folder| folder.id == id).unwrap();
    assert!(place(root) < place(ids[2]) && place(ids[2]) < place(ids[0]) && place(ids[0]) < place(ids[1]));
}

#[tokio::test]
async fn system_folders_stay_what_and_where_they_are() {
    let store = store().await;
    let (ada, root) = somebody(&store, 1).await;
    store.create_folder(&folder(10, ada, root)).await.unwrap();
    let trash = store.folder_for_type(ada, folder_type::TRASH).await.unwrap().unwrap();
    assert_eq!(store.delete_folders(ada, &[trash.id, root]).await.unwrap(), 0);
    assert!(!store.move_folder(ada, trash.id, FolderId(id(10))).await.unwrap());
    assert!(!store.purge_folder(ada, root).await.unwrap());
    let second = InventoryFolder { kind: folder_type::TRASH, ..folder(11, ada, root) };
    assert!(matches!(store.create_folder(&second).await, Err(ServiceError::Refused(_))));
    let disguised = InventoryFolder { kind: folder_type::TRASH, ..folder(10, ada, root) };
    assert!(store.update_folder(&disguised).await.unwrap());
    assert_eq!(store.folder(ada, disguised.id).await.unwrap().unwrap().kind, folder_type::NONE);
    let renamed = InventoryFolder { name: "Bin".into(), kind: 47, version: 9, ..trash.clone() };
    assert!(store.update_folder(&renamed).await.unwrap());
    let renamed = InventoryFolder { kind: folder_type::TRASH, ..renamed };
    assert_eq!(store.folder(ada, trash.id).await.unwrap(), Some(renamed.clone()));
    store.update_folder(&InventoryFolder { version: 3, ..renamed }).await.unwrap();
    assert_eq!(version(&store, ada, trash.id).await, 9, "a version never falls");
}

#[tokio::test]
async fn deleting_and_purging_take_all_that_is_inside() {
    let store = store().await;
    let (ada, root) = somebody(&store, 1).await;
    let trash = store.folder_for_type(ada, folder_type::TRASH).await.unwrap().unwrap().id;
    let fill = async || {
        store.create_folder(&folder(10, ada, trash)).await.unwrap();
        store.create_folder(&folder(11, ada, FolderId(id(10)))).await.unwrap();
        for (n, place) in [(1, trash), (2, FolderId(id(10))), (3, FolderId(id(11)))] {
            store.create_item(&item(n, ada, place)).await.unwrap();
        }
    };
    let left = async || {
        let items = store.items(ada, &[1, 2, 3].map(|n| ItemId(id(n)))).await.unwrap().len();
        (store.skeleton(ada).await.unwrap().len() - 1 - starter::FOLDERS.len(), items)
    };
    store.create_item(&item(4, ada, root)).await.unwrap();
    fill().await;
    assert_eq!(left().await, (2, 3));
    assert_eq!(store.delete_folders(ada, &[FolderId(id(10)), FolderId(id(11))]).await.unwrap(), 1);
    assert_eq!(left().await, (0, 1));
    fill().await;
    assert!(store.purge_folder(ada, trash).await.unwrap());
    assert_eq!(left().await, (0, 0));
    assert!(store.item(ada, ItemId(id(4))).await.unwrap().is_some());
    assert!(!store.purge_folder(ada, FolderId(id(99))).await.unwrap());
}

#[tokio::test]
async fn moving_items_is_seen_at_both_ends() {
    let store = store().await;
    let (ada, root) = somebody(&store, 1).await;
    let trash = store.folder_for_type(ada, folder_type::TRASH).await.unwrap().unwrap().id;
    for n in 1..=3 {
        store.create_item(&item(n, ada, root)).await.unwrap();
    }
    let before = (version(&store, ada, root).await, version(&store, ada, trash).await);
    let moves = [1, 2, 9].map(|n| (ItemId(id(n)), trash));
    assert_eq!(store.move_items(ada, &moves).await.unwrap(), 2);
    assert_eq!(store.content(ada, trash).await.unwrap().unwrap().items.len(), 2);
    assert_eq!(
        (version(&store, ada, root).await, version(&store, ada, trash).await),
        (before.0 + 1, before.1 + 1)
    );
}

#[tokio::test]
async fn many_at_once_are_as_one_by_one() {
    const MANY: u128 = 1203;
    let store = store().await;
    let (ada, root) = somebody(&store, 1).await;
    let folders: Vec<_> = (0..MANY).map(|n| folder(10_000 + n, ada, root)).collect();
    let inner = folder(20_000, ada, folders[700].id);
    let mut items: Vec<_> = folders.iter().zip(30_000..).map(|(folder, n)| item(n, ada, folder.id)).collect();
    items.push(item(40_000, ada, inner.id));
    let all_folders: Vec<_> = folders.iter().chain([&inner]).cloned().collect();
    store.take_inventory(ada, &all_folders, &items).await.unwrap();
    let ids: Vec<_> = items.iter().map(|item| item.id).collect();
    assert_eq!(store.items(ada, &ids).await.unwrap(), items);
    assert_eq!(store.items(agent(2), &ids).await.unwrap(), []);

    let mut asked: Vec<_> = folders.iter().map(|folder| folder.id).rev().collect();
    asked.insert(5, FolderId(id(99)));
    let contents = store.contents(ada, &asked).await.unwrap();
    asked.remove(5);
    assert_eq!(contents.iter().map(|content| content.folder.id).collect::<Vec<_>>(), asked);
    assert!(contents.iter().all(|content| content.items.len() == 1));
    assert_eq!(contents[asked.len() - 1 - 700].folders, std::slice::from_ref(&inner));

    // To and fro, and some to nowhere.
    let place =
        |n: usize| if n.is_multiple_of(3) { FolderId(id(99)) } else { folders[(n + 1) % folders.len()].id };
    let moves: Vec<_> = ids[..MANY as usize].iter().enumerate().map(|(n, &id)| (id, place(n))).collect();
    assert_eq!(store.move_items(ada, &moves).await.unwrap(), u64::try_from(MANY).unwrap() / 3 * 2);
    let there = store.item(ada, ids[700]).await.unwrap().unwrap().folder;
    assert_eq!(there, folders[701].id);
    assert_eq!(store.item(ada, ids[3]).await.unwrap().unwrap().folder, folders[3].id);
    assert_eq!(version(&store, ada, there).await, 2, "one came and none went, or both in one go");

    assert_eq!(store.delete_items(agent(2), &ids).await.unwrap(), 0);
    assert_eq!(store.delete_items(ada, &ids[..1100]).await.unwrap(), 1100);
    assert_eq!(store.items(ada, &ids).await.unwrap().len(), ids.len() - 1100);
    let named: Vec<_> = folders.iter().map(|folder| folder.id).chain([inner.id, root]).collect();
    let before = version(&store, ada, root).await;
    assert_eq!(store.delete_folders(ada, &named).await.unwrap(), u64::try_from(MANY).unwrap());
    assert_eq!(version(&store, ada, root).await, before + 1);
    assert_eq!(store.items(ada, &ids).await.unwrap(), []);
    assert_eq!(store.skeleton(ada).await.unwrap().len(), 1 + starter::FOLDERS.len());
}

#[tokio::test]
async fn only_active_gestures_are_active() {
    let store = store().await;
    let (ada, root) = somebody(&store, 1).await;
    for (n, asset_type, flags) in
        [(1, asset_type::GESTURE, 1), (2, asset_type::GESTURE, 0), (3, asset_type::NOTECARD, 1)]
    {
        store.create_item(&InventoryItem { asset_type, flags, ..item(n, ada, root) }).await.unwrap();
    }
    let active = store.active_gestures(ada).await.unwrap();
    assert_eq!(active.iter().map(|gesture| gesture.id).collect::<Vec<_>>(), [ItemId(id(1))]);
}

#[tokio::test]
async fn the_library_is_everybodys_and_nobody_changes_it() {
    let store = store().await;
    let owner = library::OWNER;
    assert_eq!(store.skeleton(owner).await.unwrap(), library::folders());
    assert_eq!(store.root(owner).await.unwrap().unwrap().id, library::ROOT);
    assert_eq!(store.content(owner, library::ROOT).await.unwrap(), library::content(library::ROOT));
    let clothing = store.folder_for_type(owner, folder_type::CLOTHING).await.unwrap().unwrap();
    let shirt = store.content(owner, clothing.id).await.unwrap().unwrap().items[0].clone();
    assert_eq!(store.item(owner, shirt.id).await.unwrap(), Some(shirt.clone()));
    assert!(matches!(store.delete_items(owner, &[shirt.id]).await, Err(ServiceError::Refused(_))));
    assert!(matches!(store.create_item(&item(1, owner, library::ROOT)).await, Err(ServiceError::Refused(_))));
}

#[test]
fn folders_that_hang_nowhere_come_last() {
    let lost = folder(3, agent(1), FolderId(id(99)));
    let inner = folder(1, agent(1), FolderId(id(2)));
    let root = InventoryFolder { kind: folder_type::ROOT, ..folder(2, agent(1), FolderId::NULL) };
    let ordered = InventoryFolder::in_order(vec![inner.clone(), lost.clone(), root.clone()]);
    assert_eq!(ordered, [root, inner, lost]);
}
