//! Folders and items as named values, in forms and in answers alike.

use crate::text::{self, FromText};
use crate::{Form, Malformed, Tree};
use model::{AgentId, FolderId, Uuid};
use services::{InventoryFolder, InventoryItem, Permissions, SaleInfo, folder_type};

/// The keys of a folder, in the order of the recordings.
pub(super) const FOLDER_KEYS: [&str; 6] = ["ParentID", "Type", "Version", "Name", "Owner", "ID"];

/// The keys of an item, in the order of the recordings.
pub(super) const ITEM_KEYS: [&str; 21] = [
    "AssetID",
    "AssetType",
    "BasePermissions",
    "CreationDate",
    "CreatorId",
    "CreatorData",
    "CurrentPermissions",
    "Description",
    "EveryOnePermissions",
    "Flags",
    "Folder",
    "GroupID",
    "GroupOwned",
    "GroupPermissions",
    "ID",
    "InvType",
    "Name",
    "NextPermissions",
    "Owner",
    "SalePrice",
    "SaleType",
];

/// Types that roots had in early databases.
const EARLY_ROOTS: [i32; 2] = [9, folder_type::NONE];

/// What has named values.
pub(super) trait Named {
    fn named(&self, name: &str) -> Option<&str>;

    fn must<T: FromText>(&self, name: &'static str) -> Result<T, Malformed> {
        let text = self.named(name).ok_or(Malformed::missing(name))?;
        T::from_text(text).ok_or(Malformed::odd(name))
    }

    /// What is empty or left out (a grid leaves out what it has no value for) is the type's nothing.
    fn may<T: FromText + Default>(&self, name: &'static str) -> Result<T, Malformed> {
        match self.named(name) {
            None | Some("") => Ok(T::default()),
            Some(text) => T::from_text(text).ok_or(Malformed::odd(name)),
        }
    }
}

impl Named for Form {
    fn named(&self, name: &str) -> Option<&str> {
        self.text(name)
    }
}

impl Named for Tree {
    fn named(&self, name: &str) -> Option<&str> {
        self.text(name)
    }
}

/// An unsigned number of 32 bits. Some write it with a sign.
#[derive(Default)]
pub(super) struct Bits(pub(super) u32);

impl FromText for Bits {
    fn from_text(text: &str) -> Option<Self> {
        let number = i64::from_text(text)?;
        let signed = || i32::try_from(number).map(i32::cast_unsigned);
        u32::try_from(number).or_else(|_| signed()).ok().map(Self)
    }
}

pub(super) fn folder_values(folder: &InventoryFolder) -> [String; FOLDER_KEYS.len()] {
    [
        folder.parent.to_string(),
        folder.kind.to_string(),
        folder.version.to_string(),
        folder.name.clone(),
        folder.owner.to_string(),
        folder.id.to_string(),
    ]
}

pub(super) fn read_folder(from: &impl Named) -> Result<InventoryFolder, Malformed> {
    let parent: FolderId = from.must("ParentID")?;
    let kind = from.may("Type")?;
    let is_early_root = parent.is_null() && EARLY_ROOTS.contains(&kind);
    Ok(InventoryFolder {
        id: from.must("ID")?,
        owner: from.must("Owner")?,
        parent,
        name: from.may("Name")?,
        kind: if is_early_root { folder_type::ROOT } else { kind },
        version: from.may("Version")?,
    })
}

/// The id in it: people of other grids follow it with their address, and old things have other texts than ids.
pub(crate) fn creator(text: &str) -> AgentId {
    text.split(';').next().and_then(AgentId::from_text).unwrap_or_default()
}

pub(super) fn item_values(item: &InventoryItem) -> [String; ITEM_KEYS.len()] {
    let permissions = &item.permissions;
    [
        item.asset.to_string(),
        item.asset_type.to_string(),
        permissions.base.to_string(),
        item.created.to_string(),
        item.creator.to_string(),
        item.creator_data.clone(),
        permissions.current.to_string(),
        item.description.clone(),
        permissions.everyone.to_string(),
        item.flags.to_string(),
        item.folder.to_string(),
        item.group.to_string(),
        text::boolean(item.group_owned).to_owned(),
        permissions.group.to_string(),
        item.id.to_string(),
        item.inventory_type.to_string(),
        item.name.clone(),
        permissions.next.to_string(),
        item.owner.to_string(),
        item.sale.price.to_string(),
        item.sale.kind.to_string(),
    ]
}

pub(super) fn read_item(from: &impl Named) -> Result<InventoryItem, Malformed> {
    let bits = |name| from.may(name).map(|bits: Bits| bits.0);
    Ok(InventoryItem {
        id: from.must("ID")?,
        owner: from.must("Owner")?,
        folder: from.must("Folder")?,
        asset: from.must("AssetID")?,
        asset_type: from.may("AssetType")?,
        inventory_type: from.may("InvType")?,
        name: from.may("Name")?,
        description: from.may("Description")?,
        creator: creator(from.named("CreatorId").unwrap_or_default()),
        creator_data: from.may("CreatorData")?,
        created: u64::try_from(from.may::<i64>("CreationDate")?).unwrap_or(0),
        flags: bits("Flags")?,
        permissions: Permissions {
            base: bits("BasePermissions")?,
            current: bits("CurrentPermissions")?,
            group: bits("GroupPermissions")?,
            everyone: bits("EveryOnePermissions")?,
            next: bits("NextPermissions")?,
        },
        sale: SaleInfo { price: from.may("SalePrice")?, kind: from.may("SaleType")? },
        group: from.may::<Uuid>("GroupID")?,
        group_owned: from.may("GroupOwned")?,
    })
}
