use super::inventory_rows::{Change, FolderRow, ItemRow};
use super::room::Room;
use super::{SqlStore, broken, check_plain, narrow};
use crate::engine::About;
use async_trait::async_trait;
use model::{AgentId, AssetId, FolderId, ItemId, Uuid};
use services::{
    FolderContent, InventoryFolder, InventoryItem, InventoryService, Result, ServiceError, asset_type,
    folder_type, library, starter,
};

/// Bytes of names and descriptions; viewers' fields are shorter.
const TEXT_BYTES: usize = 255;
/// Folders and items of one person.
const FOLDERS: i64 = 20_000;
const ITEMS: i64 = 500_000;
/// A gesture's flag: active.
const ACTIVE: i64 = 1;

fn check_text(text: &str) -> Result<()> {
    if text.len() > TEXT_BYTES {
        return Err(ServiceError::Invalid(format!("a name or description has at most {TEXT_BYTES} bytes")));
    }
    check_plain([text])
}

fn refused<T>(why: &str) -> Result<T> {
    Err(ServiceError::Refused(why.to_owned()))
}

impl SqlStore {
    /// Begins a change of somebody's inventory.
    pub(super) async fn change(&self, owner: AgentId) -> Result<Change> {
        if owner == library::OWNER || owner.is_null() {
            return refused("that inventory cannot be changed");
        }
        Ok(Change { owner, transaction: self.begin(About::Person(owner)).await? })
    }

    async fn folders_in(&self, owner: AgentId, parent: FolderId) -> Result<Vec<InventoryFolder>> {
        let rows: Vec<FolderRow> =
            sqlx::query_as("SELECT * FROM inventory_folders WHERE owner = $1 AND parent = $2 ORDER BY id")
                .bind(owner.0)
                .bind(parent.0)
                .fetch_all(self.read())
                .await
                .map_err(broken)?;
        Ok(rows.into_iter().map(InventoryFolder::from).collect())
    }

    async fn items_in(&self, owner: AgentId, folder: FolderId) -> Result<Vec<InventoryItem>> {
        let rows: Vec<ItemRow> =
            sqlx::query_as("SELECT * FROM inventory_items WHERE owner = $1 AND folder = $2 ORDER BY id")
                .bind(owner.0)
                .bind(folder.0)
                .fetch_all(self.read())
                .await
                .map_err(broken)?;
        Ok(rows.into_iter().map(InventoryItem::from).collect())
    }

    async fn owner_of(&self, statement: &'static str, id: Uuid) -> Result<Option<AgentId>> {
        let owner: Option<Uuid> =
            sqlx::query_scalar(statement).bind(id).fetch_optional(self.read()).await.map_err(broken)?;
        Ok(owner.map(AgentId))
    }

    async fn has_room(&self, room: &Room, statement: &'static str, owner: AgentId, most: i64) -> Result<()> {
        if room.take(owner) {
            return Ok(());
        }
        let count: i64 =
            sqlx::query_scalar(statement).bind(owner.0).fetch_one(self.read()).await.map_err(broken)?;
        if room.counted(owner, most - count) { Ok(()) } else { refused("the inventory is full") }
    }
}

#[async_trait]
impl InventoryService for SqlStore {
    async fn create_user_inventory(&self, owner: AgentId) -> Result<bool> {
        let mut change = self.change(owner).await?;
        let roots = change.folders_of_kind(folder_type::ROOT).await?;
        let folder = |parent, kind, name: &str| InventoryFolder {
            id: FolderId(self.new_id()),
            owner,
            parent,
            name: name.to_owned(),
            kind,
            version: 1,
        };
        let root = match roots.into_iter().find(|root| root.parent.is_null()) {
            Some(root) => root,
            None => {
                let root = folder(FolderId::NULL, folder_type::ROOT, starter::ROOT_NAME);
                change.put_folder(&root).await?;
                root
            }
        };
        for (kind, name) in starter::FOLDERS {
            if change.folders_of_kind(kind).await?.is_empty() {
                change.put_folder(&folder(root.id, kind, name)).await?;
            }
        }
        change.commit().await?;
        Ok(true)
    }

    async fn skeleton(&self, owner: AgentId) -> Result<Vec<InventoryFolder>> {
        if owner == library::OWNER {
            return Ok(library::folders().to_vec());
        }
        let rows: Vec<FolderRow> =
            sqlx::query_as("SELECT * FROM inventory_folders WHERE owner = $1 ORDER BY id")
                .bind(owner.0)
                .fetch_all(self.read())
                .await
                .map_err(broken)?;
        Ok(InventoryFolder::in_order(rows.into_iter().map(InventoryFolder::from).collect()))
    }

    async fn root(&self, owner: AgentId) -> Result<Option<InventoryFolder>> {
        if owner == library::OWNER {
            return self.folder(owner, library::ROOT).await;
        }
        let folders = self.folders_in(owner, FolderId::NULL).await?;
        Ok(folders.into_iter().find(|folder| folder.kind == folder_type::ROOT))
    }

    async fn folder_for_type(&self, owner: AgentId, kind: i32) -> Result<Option<InventoryFolder>> {
        let Some(root) = self.root(owner).await? else { return Ok(None) };
        let below = match library::content(root.id) {
            Some(library) => library.folders,
            None => self.folders_in(owner, root.id).await?,
        };
        Ok(Some(below.into_iter().find(|folder| folder.kind == kind).unwrap_or(root)))
    }

    async fn folder(&self, owner: AgentId, id: FolderId) -> Result<Option<InventoryFolder>> {
        if owner == library::OWNER {
            return Ok(library::content(id).map(|content| content.folder));
        }
        let row: Option<FolderRow> =
            sqlx::query_as("SELECT * FROM inventory_folders WHERE id = $1 AND owner = $2")
                .bind(id.0)
                .bind(owner.0)
                .fetch_optional(self.read())
                .await
                .map_err(broken)?;
        Ok(row.map(InventoryFolder::from))
    }

    async fn content(&self, owner: AgentId, id: FolderId) -> Result<Option<FolderContent>> {
        if owner == library::OWNER {
            return Ok(library::content(id));
        }
        // The folder first: whatever is added meanwhile raises the version, so the viewer asks again.
        let Some(folder) = self.folder(owner, id).await? else { return Ok(None) };
        let folders = self.folders_in(owner, id).await?;
        let items = self.items_in(owner, id).await?;
        Ok(Some(FolderContent { folder, folders, items }))
    }

    async fn contents(&self, owner: AgentId, ids: &[FolderId]) -> Result<Vec<FolderContent>> {
        if owner == library::OWNER {
            return Ok(ids.iter().filter_map(|&id| library::content(id)).collect());
        }
        self.contents_of(owner, ids).await
    }

    async fn create_folder(&self, folder: &InventoryFolder) -> Result<()> {
        check_text(&folder.name)?;
        if folder.id.is_null() {
            return Err(ServiceError::Invalid("a folder's id is not null".into()));
        }
        let count = "SELECT COUNT(*) FROM inventory_folders WHERE owner = $1";
        self.has_room(&self.inner.folder_room, count, folder.owner, FOLDERS).await?;
        let mut change = self.change(folder.owner).await?;
        if let Some(same) = change.folder(folder.id).await? {
            let again = same.parent == folder.parent && same.kind == folder.kind;
            return if again { Ok(()) } else { refused("there is another folder with this id") };
        }
        if change.folder(folder.parent).await?.is_none() {
            return refused("there is no such parent folder");
        }
        if starter::is_system_folder(folder.kind) && !change.folders_of_kind(folder.kind).await?.is_empty() {
            return refused("there is a system folder of this type already");
        }
        if !change.put_folder(folder).await? {
            return refused("somebody else has a folder with this id");
        }
        change.raise_version(folder.parent).await?;
        change.commit().await
    }

    async fn update_folder(&self, folder: &InventoryFolder) -> Result<bool> {
        check_text(&folder.name)?;
        let mut change = self.change(folder.owner).await?;
        let Some(known) = change.folder(folder.id).await? else { return Ok(false) };
        let system = starter::is_system_folder(known.kind) || starter::is_system_folder(folder.kind);
        let kind = if system { known.kind } else { folder.kind };
        sqlx::query(
            "UPDATE inventory_folders SET name = $3, kind = $4, version = $5 WHERE owner = $1 AND id = $2",
        )
        .bind(folder.owner.0)
        .bind(folder.id.0)
        .bind(&folder.name)
        .bind(i64::from(kind))
        .bind(i64::from(folder.version.max(known.version)))
        .execute(&mut *change.transaction)
        .await
        .map_err(broken)?;
        change.commit().await?;
        Ok(true)
    }

    async fn move_folder(&self, owner: AgentId, id: FolderId, parent: FolderId) -> Result<bool> {
        let mut change = self.change(owner).await?;
        let Some(folder) = change.folder(id).await? else { return Ok(false) };
        if starter::is_system_folder(folder.kind) || change.folder(parent).await?.is_none() {
            return Ok(false);
        }
        if folder.parent == parent {
            return Ok(true);
        }
        if change.below(id).await?.contains(&parent) {
            return Ok(false);
        }
        change
            .execute_on_two(
                "UPDATE inventory_folders SET parent = $3 WHERE owner = $1 AND id = $2",
                id.0,
                parent.0,
            )
            .await?;
        change.raise_version(folder.parent).await?;
        change.raise_version(parent).await?;
        change.commit().await?;
        Ok(true)
    }

    async fn delete_folders(&self, owner: AgentId, ids: &[FolderId]) -> Result<u64> {
        let mut change = self.change(owner).await?;
        let deleted = change.delete_folders(ids).await?;
        change.commit().await?;
        Ok(deleted)
    }

    async fn purge_folder(&self, owner: AgentId, id: FolderId) -> Result<bool> {
        let mut change = self.change(owner).await?;
        match change.folder(id).await? {
            // All of an inventory is never what somebody means to purge.
            Some(folder) if folder.kind != folder_type::ROOT => {}
            _ => return Ok(false),
        }
        change.purge_folder(id).await?;
        change.commit().await?;
        Ok(true)
    }

    async fn item(&self, owner: AgentId, id: ItemId) -> Result<Option<InventoryItem>> {
        if owner == library::OWNER {
            return Ok(library::items().iter().find(|item| item.id == id).cloned());
        }
        let row: Option<ItemRow> =
            sqlx::query_as("SELECT * FROM inventory_items WHERE id = $1 AND owner = $2")
                .bind(id.0)
                .bind(owner.0)
                .fetch_optional(self.read())
                .await
                .map_err(broken)?;
        Ok(row.map(InventoryItem::from))
    }

    async fn items(&self, owner: AgentId, ids: &[ItemId]) -> Result<Vec<InventoryItem>> {
        if owner == library::OWNER {
            let all = library::items().iter().filter(|item| ids.contains(&item.id));
            return Ok(all.cloned().collect());
        }
        self.items_of(owner, ids).await
    }

    async fn create_item(&self, item: &InventoryItem) -> Result<()> {
        check_text(&item.name)?;
        check_text(&item.description)?;
        check_text(&item.creator_data)?;
        if item.id.is_null() {
            return Err(ServiceError::Invalid("an item's id is not null".into()));
        }
        let count = "SELECT COUNT(*) FROM inventory_items WHERE owner = $1";
        self.has_room(&self.inner.item_room, count, item.owner, ITEMS).await?;
        let mut change = self.change(item.owner).await?;
        if let Some(same) = change.item(item.id).await? {
            let again = same.folder == item.folder && same.asset == item.asset;
            return if again { Ok(()) } else { refused("there is another item with this id") };
        }
        if change.folder(item.folder).await?.is_none() {
            return refused("there is no such folder");
        }
        if !change.put_item(item).await? {
            return refused("somebody else has an item with this id");
        }
        change.raise_version(item.folder).await?;
        change.commit().await
    }

    async fn update_item(&self, item: &InventoryItem) -> Result<bool> {
        check_text(&item.name)?;
        check_text(&item.description)?;
        let mut change = self.change(item.owner).await?;
        let Some(known) = change.item(item.id).await? else { return Ok(false) };
        let kept = InventoryItem {
            folder: known.folder,
            created: known.created,
            creator: known.creator,
            creator_data: known.creator_data,
            ..item.clone()
        };
        change.execute("DELETE FROM inventory_items WHERE owner = $1 AND id = $2", item.id.0).await?;
        change.put_item(&kept).await?;
        change.raise_version(known.folder).await?;
        change.commit().await?;
        Ok(true)
    }

    async fn move_items(&self, owner: AgentId, moves: &[(ItemId, FolderId)]) -> Result<u64> {
        let mut change = self.change(owner).await?;
        let moved = change.move_items(moves).await?;
        change.commit().await?;
        Ok(moved)
    }

    async fn delete_items(&self, owner: AgentId, ids: &[ItemId]) -> Result<u64> {
        let mut change = self.change(owner).await?;
        let deleted = change.delete_items(ids).await?;
        change.commit().await?;
        Ok(deleted)
    }

    async fn active_gestures(&self, owner: AgentId) -> Result<Vec<InventoryItem>> {
        let rows: Vec<ItemRow> = sqlx::query_as(
            "SELECT * FROM inventory_items WHERE owner = $1 AND asset_type = $2 AND (flags & $3) <> 0 ORDER BY id",
        )
        .bind(owner.0)
        .bind(i64::from(asset_type::GESTURE))
        .bind(ACTIVE)
        .fetch_all(self.read())
        .await
        .map_err(broken)?;
        Ok(rows.into_iter().map(InventoryItem::from).collect())
    }

    async fn item_owner(&self, id: ItemId) -> Result<Option<AgentId>> {
        if library::items().iter().any(|item| item.id == id) {
            return Ok(Some(library::OWNER));
        }
        self.owner_of("SELECT owner FROM inventory_items WHERE id = $1", id.0).await
    }

    async fn folder_owner(&self, id: FolderId) -> Result<Option<AgentId>> {
        if library::content(id).is_some() {
            return Ok(Some(library::OWNER));
        }
        self.owner_of("SELECT owner FROM inventory_folders WHERE id = $1", id.0).await
    }

    async fn asset_permissions(&self, owner: AgentId, asset: AssetId) -> Result<u32> {
        let masks: Vec<i64> =
            sqlx::query_scalar("SELECT current_mask FROM inventory_items WHERE owner = $1 AND asset = $2")
                .bind(owner.0)
                .bind(asset.0)
                .fetch_all(self.read())
                .await
                .map_err(broken)?;
        Ok(masks.into_iter().fold(0, |all, mask| all | narrow::<u32>(mask)))
    }
}
