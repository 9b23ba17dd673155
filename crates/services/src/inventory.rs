use crate::Result;
use async_trait::async_trait;
use model::{AgentId, AssetId, FolderId, ItemId, Uuid};
use std::collections::BTreeMap;

/// A folder of somebody's inventory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InventoryFolder {
    /// Its id.
    pub id: FolderId,
    /// Whose.
    pub owner: AgentId,
    /// The folder it is in; null for the root.
    pub parent: FolderId,
    /// Its name.
    pub name: String,
    /// What belongs in it: one of [`folder_type`].
    pub kind: i32,
    /// Rises whenever what is in it changes; viewers compare it with what they have cached.
    pub version: i32,
}

impl InventoryFolder {
    /// Root first, each folder after its parent; what hangs nowhere comes last.
    pub fn in_order(folders: Vec<Self>) -> Vec<Self> {
        let mut by_parent: BTreeMap<FolderId, Vec<Self>> = BTreeMap::new();
        for folder in folders {
            by_parent.entry(folder.parent).or_default().push(folder);
        }
        let mut ordered = by_parent.remove(&FolderId::NULL).unwrap_or_default();
        let mut next = 0;
        while let Some(folder) = ordered.get(next) {
            let children = by_parent.remove(&folder.id).unwrap_or_default();
            ordered.extend(children);
            next += 1;
        }
        ordered.extend(by_parent.into_values().flatten());
        ordered
    }
}

/// Values of [`InventoryFolder::kind`] (login fact sheet, 4.4).
pub mod folder_type {
    #![allow(missing_docs, reason = "the names say it")]
    pub const NONE: i32 = -1;
    pub const TEXTURES: i32 = 0;
    pub const SOUNDS: i32 = 1;
    pub const CALLING_CARDS: i32 = 2;
    pub const LANDMARKS: i32 = 3;
    pub const CLOTHING: i32 = 5;
    pub const OBJECTS: i32 = 6;
    pub const NOTECARDS: i32 = 7;
    pub const ROOT: i32 = 8;
    pub const SCRIPTS: i32 = 10;
    pub const BODY_PARTS: i32 = 13;
    pub const TRASH: i32 = 14;
    pub const PHOTO_ALBUM: i32 = 15;
    pub const LOST_AND_FOUND: i32 = 16;
    pub const ANIMATIONS: i32 = 20;
    pub const GESTURES: i32 = 21;
    pub const FAVORITES: i32 = 23;
    pub const CURRENT_OUTFIT: i32 = 46;
    pub const OUTFIT: i32 = 47;
    pub const MY_OUTFITS: i32 = 48;
    pub const MESHES: i32 = 49;
    pub const INBOX: i32 = 50;
    pub const SETTINGS: i32 = 56;
    pub const MATERIALS: i32 = 57;
}

/// Values of [`InventoryItem::inventory_type`] that this project makes itself.
pub mod inventory_type {
    #![allow(missing_docs, reason = "the names say it")]
    pub const TEXTURE: i32 = 0;
    pub const LANDMARK: i32 = 3;
    pub const NOTECARD: i32 = 7;
    pub const WEARABLE: i32 = 18;
    pub const ANIMATION: i32 = 19;
    pub const GESTURE: i32 = 20;
}

/// Who may do what with an item: masks of permission bits, `0x7FFF_FFFF` for all.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Permissions {
    /// The most that anybody may have.
    pub base: u32,
    /// What the owner has.
    pub current: u32,
    /// What the group has.
    pub group: u32,
    /// What everybody has.
    pub everyone: u32,
    /// What the next owner gets.
    pub next: u32,
}

impl Permissions {
    /// All permissions.
    pub const ALL: u32 = 0x7FFF_FFFF;
    /// Everything for the owner and for the next one, nothing for others.
    pub const FULL: Self =
        Self { base: Self::ALL, current: Self::ALL, group: 0, everyone: 0, next: Self::ALL };
}

/// Whether and how an item is for sale.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SaleInfo {
    /// In the grid's currency.
    pub price: i32,
    /// 0 not for sale, 1 the original, 2 a copy, 3 the contents.
    pub kind: u8,
}

/// An item of somebody's inventory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InventoryItem {
    /// Its id.
    pub id: ItemId,
    /// Whose.
    pub owner: AgentId,
    /// The folder it is in.
    pub folder: FolderId,
    /// What it shows; for a link (asset type 24) the item, for a folder link (25) the folder, that it points to.
    pub asset: AssetId,
    /// Kind of the asset: one of [`crate::asset_type`].
    pub asset_type: i32,
    /// Kind of the item: one of [`inventory_type`].
    pub inventory_type: i32,
    /// Its name.
    pub name: String,
    /// Its description.
    pub description: String,
    /// Who made it.
    pub creator: AgentId,
    /// Who made it, if they are of another grid: home address and name as text; else empty.
    pub creator_data: String,
    /// When it came to be, seconds since 1970.
    pub created: u64,
    /// Flags; the low byte of a wearable's is its wearable type, 1 in a gesture's makes it active.
    pub flags: u32,
    /// Permissions.
    pub permissions: Permissions,
    /// For sale?
    pub sale: SaleInfo,
    /// Group that it is set to; null for none.
    pub group: Uuid,
    /// Whether the group owns it.
    pub group_owned: bool,
}

/// What a folder holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FolderContent {
    /// The folder itself.
    pub folder: InventoryFolder,
    /// Folders in it, by id.
    pub folders: Vec<InventoryFolder>,
    /// Items in it, by id.
    pub items: Vec<InventoryItem>,
}

/// What people own. Every call names the owner, and touches nothing of anybody else.
///
/// The owner of the built-in [library](crate::library) can be asked like any other; its inventory cannot be changed.
/// Changing what a folder holds raises its version.
#[async_trait]
pub trait InventoryService: Send + Sync {
    /// Gives somebody the standard folders that they lack. Whether there is anybody's inventory now.
    async fn create_user_inventory(&self, owner: AgentId) -> Result<bool>;

    /// All folders, root first, each after its parent.
    async fn skeleton(&self, owner: AgentId) -> Result<Vec<InventoryFolder>>;

    /// The root folder.
    async fn root(&self, owner: AgentId) -> Result<Option<InventoryFolder>>;

    /// The folder in which things of this type belong: one of the root's folders, or the root.
    async fn folder_for_type(&self, owner: AgentId, kind: i32) -> Result<Option<InventoryFolder>>;

    /// A folder.
    async fn folder(&self, owner: AgentId, id: FolderId) -> Result<Option<InventoryFolder>>;

    /// What a folder holds; `None` when there is no such folder.
    async fn content(&self, owner: AgentId, id: FolderId) -> Result<Option<FolderContent>>;

    /// What several folders hold; those that are not there are left out.
    async fn contents(&self, owner: AgentId, ids: &[FolderId]) -> Result<Vec<FolderContent>>;

    /// Makes a folder. Making the same folder again is fine.
    ///
    /// # Errors
    /// `Refused` if the id is taken or the parent is not the owner's.
    async fn create_folder(&self, folder: &InventoryFolder) -> Result<()>;

    /// Replaces name, type and version of a folder; a version below the stored one does not count. Whether it was
    /// there. Its place is changed by [`InventoryService::move_folder`].
    async fn update_folder(&self, folder: &InventoryFolder) -> Result<bool>;

    /// Moves a folder. Whether it was there, and its new parent neither itself nor inside it.
    async fn move_folder(&self, owner: AgentId, id: FolderId, parent: FolderId) -> Result<bool>;

    /// Deletes folders with all that is in them; system folders stay. How many of the named went.
    async fn delete_folders(&self, owner: AgentId, ids: &[FolderId]) -> Result<u64>;

    /// Deletes all that is in a folder, and leaves the folder. Whether it was there.
    async fn purge_folder(&self, owner: AgentId, id: FolderId) -> Result<bool>;

    /// An item.
    async fn item(&self, owner: AgentId, id: ItemId) -> Result<Option<InventoryItem>>;

    /// Those of these items that are there, by id.
    async fn items(&self, owner: AgentId, ids: &[ItemId]) -> Result<Vec<InventoryItem>>;

    /// Makes an item. Making the same item again is fine.
    ///
    /// # Errors
    /// `Refused` if the id is taken or the folder is not the owner's.
    async fn create_item(&self, item: &InventoryItem) -> Result<()>;

    /// Replaces everything of an item but its owner, place, age and creator. Whether it was there.
    async fn update_item(&self, item: &InventoryItem) -> Result<bool>;

    /// Moves items: (item, new folder). How many were moved.
    async fn move_items(&self, owner: AgentId, moves: &[(ItemId, FolderId)]) -> Result<u64>;

    /// Deletes items. How many were there.
    async fn delete_items(&self, owner: AgentId, ids: &[ItemId]) -> Result<u64>;

    /// Gestures that are active.
    async fn active_gestures(&self, owner: AgentId) -> Result<Vec<InventoryItem>>;

    /// Whose item it is. For callers that know only the item: early simulators name no owner when they ask.
    async fn item_owner(&self, id: ItemId) -> Result<Option<AgentId>>;

    /// Whose folder it is, likewise.
    async fn folder_owner(&self, id: FolderId) -> Result<Option<AgentId>>;

    /// What somebody may do with an asset, by all items that show it: the union of their current permissions.
    async fn asset_permissions(&self, owner: AgentId, asset: AssetId) -> Result<u32>;
}
