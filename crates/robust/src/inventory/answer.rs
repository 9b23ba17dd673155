use super::record::{self, Bits, FOLDER_KEYS, ITEM_KEYS, folder_values, item_values};
use crate::text::FromText;
use crate::{Malformed, Node, Tree, Wording};
use model::{FolderId, ItemId};
use services::{FolderContent, InventoryFolder, InventoryItem};
use std::collections::HashMap;

/// What stands for an item that is not there.
const NO_ITEM: &str = "NULL";
/// The version of a folder that is not there.
const NO_VERSION: i32 = -1;

/// What a folder holds, as the wire has it: not what the folder itself is called and where it is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Held {
    /// The folder's version, if the other side says it; early ones do not.
    pub version: Option<i32>,
    /// Folders in it.
    pub folders: Vec<InventoryFolder>,
    /// Items in it.
    pub items: Vec<InventoryItem>,
}

fn folder_tree(folder: &InventoryFolder) -> Tree {
    let values = FOLDER_KEYS.into_iter().zip(folder_values(folder));
    values.fold(Tree::new(), |tree, (key, value)| tree.with(key, value))
}

fn item_tree(item: &InventoryItem) -> Tree {
    let values = ITEM_KEYS.into_iter().zip(item_values(item));
    values.fold(Tree::new(), |tree, (key, value)| tree.with(key, value))
}

fn numbered<'a, T: 'a>(
    prefix: &str,
    all: impl IntoIterator<Item = &'a T>,
    tree: impl Fn(&T) -> Tree,
) -> Tree {
    let all = all.into_iter().enumerate();
    all.map(|(number, one)| (format!("{prefix}_{number}"), Node::List(tree(one)))).collect()
}

/// An answer that says only that it went wrong is none.
fn said(answer: &Tree) -> Result<&Tree, Malformed> {
    match answer.node("RESULT") {
        Some(_) => Wording::LARGE.read(answer).map(|()| answer),
        None => Ok(answer),
    }
}

/// Answers GETROOTFOLDER, GETFOLDERFORTYPE and GETFOLDER.
pub fn folder(folder: Option<&InventoryFolder>) -> Tree {
    folder.map_or_else(Tree::new, |folder| Tree::new().with_list("folder", folder_tree(folder)))
}

/// Reads such an answer.
///
/// # Errors
/// It is none, or says that it failed.
pub fn read_folder(answer: &Tree) -> Result<Option<InventoryFolder>, Malformed> {
    said(answer)?.list("folder").map(record::read_folder).transpose()
}

/// Answers GETITEM.
pub fn item(item: Option<&InventoryItem>) -> Tree {
    item.map_or_else(Tree::new, |item| Tree::new().with_list("item", item_tree(item)))
}

/// Reads such an answer.
///
/// # Errors
/// It is none, or says that it failed.
pub fn read_item(answer: &Tree) -> Result<Option<InventoryItem>, Malformed> {
    said(answer)?.list("item").map(record::read_item).transpose()
}

/// Answers GETINVENTORYSKELETON.
pub fn skeleton(folders: &[InventoryFolder]) -> Tree {
    Tree::new().with_list("FOLDERS", numbered("folder", folders, folder_tree))
}

/// Reads such an answer.
///
/// # Errors
/// It is none, or says that it failed.
pub fn read_skeleton(answer: &Tree) -> Result<Vec<InventoryFolder>, Malformed> {
    said(answer)?.list("FOLDERS").map_or(Ok(Vec::new()), folders_of)
}

fn folders_of(list: &Tree) -> Result<Vec<InventoryFolder>, Malformed> {
    list.lists().map(record::read_folder).collect()
}

fn items_of(list: &Tree) -> Result<Vec<InventoryItem>, Malformed> {
    list.lists().map(record::read_item).collect()
}

/// Answers GETFOLDERITEMS and GETACTIVEGESTURES.
pub fn items_in(items: &[InventoryItem]) -> Tree {
    Tree::new().with_list("ITEMS", numbered("item", items, item_tree))
}

/// Answers GETMULTIPLEITEMS, in the order in which the items were asked for.
pub fn items(asked: &[ItemId], found: &[InventoryItem]) -> Tree {
    let found: HashMap<_, _> = found.iter().map(|item| (item.id, item)).collect();
    let node = |id| match found.get(id) {
        Some(item) => Node::List(item_tree(item)),
        None => Node::Text(NO_ITEM.to_owned()),
    };
    asked.iter().enumerate().map(|(number, id)| (format!("item_{number}"), node(id))).collect()
}

/// Reads answers to GETFOLDERITEMS, GETACTIVEGESTURES and GETMULTIPLEITEMS: the items that are there.
///
/// # Errors
/// It is none, or says that it failed.
pub fn read_items(answer: &Tree) -> Result<Vec<InventoryItem>, Malformed> {
    let answer = said(answer)?;
    items_of(answer.list("ITEMS").unwrap_or(answer))
}

fn held_tree(tree: Tree, content: &FolderContent) -> Tree {
    tree.with_list("FOLDERS", numbered("folder", &content.folders, folder_tree))
        .with_list("ITEMS", numbered("item", &content.items, item_tree))
}

fn read_held(tree: &Tree) -> Result<Held, Malformed> {
    Ok(Held {
        version: tree.get_optional("VERSION")?,
        folders: tree.list("FOLDERS").map_or(Ok(Vec::new()), folders_of)?,
        items: tree.list("ITEMS").map_or(Ok(Vec::new()), items_of)?,
    })
}

/// Answers GETFOLDERCONTENT.
pub fn content(content: Option<&FolderContent>) -> Tree {
    let Some(content) = content else { return Tree::new() };
    let of = &content.folder;
    held_tree(Tree::new().with("FID", of.id).with("VERSION", of.version), content)
}

/// Reads such an answer.
///
/// # Errors
/// It is none, or says that it failed.
pub fn read_content(answer: &Tree) -> Result<Held, Malformed> {
    read_held(said(answer)?)
}

/// Answers GETMULTIPLEFOLDERSCONTENT. Simulators count on an entry for each folder that they asked for, in this order:
/// one that is not there is empty.
pub fn contents(asked: &[FolderId], found: &[FolderContent]) -> Tree {
    let found: HashMap<_, _> = found.iter().map(|content| (content.folder.id, content)).collect();
    let entry = |id: &FolderId| {
        let tree = Tree::new().with("FID", id);
        match found.get(id) {
            Some(content) => {
                let of = &content.folder;
                held_tree(tree.with("VERSION", of.version).with("OWNER", of.owner), content)
            }
            None => tree
                .with("VERSION", NO_VERSION)
                .with_list("FOLDERS", Tree::new())
                .with_list("ITEMS", Tree::new()),
        }
    };
    asked.iter().map(|id| (format!("F_{id}"), Node::List(entry(id)))).collect()
}

/// Reads such an answer: what those folders hold that are there, as far as it says which.
///
/// # Errors
/// It is none, or says that it failed.
pub fn read_contents(answer: &Tree) -> Result<Vec<(FolderId, Held)>, Malformed> {
    let mut contents = Vec::new();
    for (name, node) in said(answer)?.nodes() {
        let id = name.strip_prefix("F_").and_then(FolderId::from_text);
        let (Some(id), Some(tree)) = (id, node.as_list()) else { continue };
        let held = read_held(tree)?;
        if held.version != Some(NO_VERSION) {
            contents.push((id, held));
        }
    }
    Ok(contents)
}

/// Answers GETASSETPERMISSIONS.
pub fn permissions(mask: u32) -> Tree {
    Tree::new().with("RESULT", mask.cast_signed())
}

/// Reads such an answer.
///
/// # Errors
/// It is none, or says that it failed.
pub fn read_permissions(answer: &Tree) -> Result<u32, Malformed> {
    match answer.get("RESULT") {
        Ok(Bits(mask)) => Ok(mask),
        // Not a number: most likely `False`.
        Err(error) => said(answer).and(Err(error)),
    }
}
