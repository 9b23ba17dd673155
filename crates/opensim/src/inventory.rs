//! Folders as they have to be here: one root of the right type, one system folder of each type right under it, and
//! everything else hanging somewhere.

use model::FolderId;
use services::{InventoryFolder, folder_type, starter};
use std::collections::{BTreeMap, BTreeSet};

/// Somebody's folders, mended. How many had to be.
///
/// The root is the one without parent that bears the usual name, or else the first; other folders without parent, with
/// a parent that is not there, or in a circle, are put right into it. Of system folders the first right under the root
/// keeps its type; others of the type become ordinary ones.
pub fn mended(folders: Vec<InventoryFolder>) -> (Vec<InventoryFolder>, u64) {
    let without_parent = || folders.iter().filter(|folder| folder.parent.is_null());
    let named = without_parent().find(|folder| folder.name == starter::ROOT_NAME);
    let Some(root) = named.or_else(|| without_parent().next()).or(folders.first()).map(|root| root.id) else {
        return (Vec::new(), 0);
    };
    let parents: BTreeMap<FolderId, FolderId> = folders.iter().map(|f| (f.id, f.parent)).collect();
    let (mut seen, mut done, mut changed) = (BTreeSet::new(), Vec::with_capacity(folders.len()), 0);
    // Those right under the root first: theirs are the types.
    let (near, far): (Vec<_>, Vec<_>) = folders.into_iter().partition(|folder| folder.parent == root);
    for before in near.into_iter().chain(far) {
        let mut folder = before.clone();
        if folder.id == root {
            (folder.parent, folder.kind) = (FolderId::NULL, folder_type::ROOT);
            // Old types of roots are no damage.
            done.push(folder);
            continue;
        }
        if !leads_to(root, folder.id, &parents) {
            folder.parent = root;
        }
        let system = starter::is_system_folder(folder.kind);
        if system && (folder.parent != root || folder.kind == folder_type::ROOT || !seen.insert(folder.kind))
        {
            folder.kind = folder_type::NONE;
        }
        // Calling cards have always had folders of their own type in them.
        let usual = before.kind == folder_type::CALLING_CARDS && folder.parent == before.parent;
        changed += u64::from(folder != before && !usual);
        done.push(folder);
    }
    (InventoryFolder::in_order(done), changed)
}

/// Whether one comes from a folder to the root by going from parent to parent.
fn leads_to(root: FolderId, from: FolderId, parents: &BTreeMap<FolderId, FolderId>) -> bool {
    let mut at = from;
    for _ in 0..parents.len() {
        match parents.get(&at) {
            Some(&parent) if parent == root => return true,
            Some(&parent) => at = parent,
            None => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{AgentId, Uuid};

    fn folder(id: u128, parent: u128, kind: i32, name: &str) -> InventoryFolder {
        InventoryFolder {
            id: FolderId(Uuid::from_u128(id)),
            owner: AgentId(Uuid::from_u128(99)),
            parent: FolderId(Uuid::from_u128(parent)),
            name: name.into(),
            kind,
            version: 1,
        }
    }

    fn shape(folders: &[InventoryFolder]) -> Vec<(u128, u128, i32)> {
        folders.iter().map(|f| (f.id.0.as_u128(), f.parent.0.as_u128(), f.kind)).collect()
    }

    #[test]
    fn what_is_well_stays_as_it_is() {
        let whole = vec![
            folder(1, 0, folder_type::ROOT, "My Inventory"),
            folder(2, 1, folder_type::CALLING_CARDS, "Calling Cards"),
            folder(4, 1, 100, "My Suitcase"),
            folder(3, 2, folder_type::CALLING_CARDS, "Friends"),
        ];
        let (done, changed) = mended(whole);
        assert_eq!(shape(&done), [(1, 0, 8), (2, 1, 2), (4, 1, 100), (3, 2, -1)]);
        assert_eq!(changed, 0);
    }

    #[test]
    fn what_is_not_is_mended() {
        let (done, changed) = mended(vec![
            folder(5, 0, -1, "A root, too"),
            folder(1, 0, 9, "My Inventory"),
            folder(2, 1, folder_type::TRASH, "Trash"),
            folder(3, 1, folder_type::TRASH, "Trash"),
            folder(4, 77, -1, "Lost"),
            folder(6, 7, -1, "Round"),
            folder(7, 6, -1, "And round"),
            folder(8, 3, folder_type::CLOTHING, "Deep"),
        ]);
        let wanted =
            [(1, 0, 8), (2, 1, 14), (3, 1, -1), (5, 1, -1), (4, 1, -1), (6, 1, -1), (7, 1, -1), (8, 3, -1)];
        let mut found = shape(&done);
        let mut wanted: Vec<_> = wanted.to_vec();
        found.sort();
        wanted.sort();
        assert_eq!(found, wanted);
        assert_eq!(changed, 6);
        assert_eq!(done[0].id.0.as_u128(), 1);
    }

    #[test]
    fn without_a_root_there_is_one() {
        assert_eq!(mended(Vec::new()), (Vec::new(), 0));
        let (done, _) = mended(vec![folder(2, 1, -1, "A"), folder(3, 2, -1, "B")]);
        assert_eq!(shape(&done), [(2, 0, 8), (3, 2, -1)]);
    }
}
