//! Folders and items as rows, and the statements that more than one call needs.

use super::{Db, broken, narrow};
use model::{AgentId, AssetId, FolderId, ItemId, Uuid};
use services::{InventoryFolder, InventoryItem, Permissions, Result, SaleInfo};
use sqlx::Transaction;

#[derive(sqlx::FromRow)]
pub(super) struct FolderRow {
    id: Uuid,
    owner: Uuid,
    parent: Uuid,
    name: String,
    kind: i64,
    version: i64,
}

impl From<FolderRow> for InventoryFolder {
    fn from(row: FolderRow) -> Self {
        Self {
            id: FolderId(row.id),
            owner: AgentId(row.owner),
            parent: FolderId(row.parent),
            name: row.name,
            kind: narrow(row.kind),
            version: narrow(row.version),
        }
    }
}

#[derive(sqlx::FromRow)]
pub(super) struct ItemRow {
    id: Uuid,
    owner: Uuid,
    folder: Uuid,
    asset: Uuid,
    asset_type: i64,
    inventory_type: i64,
    name: String,
    description: String,
    creator: Uuid,
    creator_data: String,
    created: i64,
    flags: i64,
    base_mask: i64,
    current_mask: i64,
    group_mask: i64,
    everyone_mask: i64,
    next_mask: i64,
    sale_price: i64,
    sale_kind: i64,
    group_id: Uuid,
    group_owned: bool,
}

impl From<ItemRow> for InventoryItem {
    fn from(row: ItemRow) -> Self {
        Self {
            id: ItemId(row.id),
            owner: AgentId(row.owner),
            folder: FolderId(row.folder),
            asset: AssetId(row.asset),
            asset_type: narrow(row.asset_type),
            inventory_type: narrow(row.inventory_type),
            name: row.name,
            description: row.description,
            creator: AgentId(row.creator),
            creator_data: row.creator_data,
            created: narrow(row.created),
            flags: narrow(row.flags),
            permissions: Permissions {
                base: narrow(row.base_mask),
                current: narrow(row.current_mask),
                group: narrow(row.group_mask),
                everyone: narrow(row.everyone_mask),
                next: narrow(row.next_mask),
            },
            sale: SaleInfo { price: narrow(row.sale_price), kind: narrow(row.sale_kind) },
            group: row.group_id,
            group_owned: row.group_owned,
        }
    }
}

const PUT_ITEM: &str = "INSERT INTO inventory_items (id, owner, folder, asset, asset_type, inventory_type, name, \
     description, creator, creator_data, created, flags, base_mask, current_mask, group_mask, everyone_mask, next_mask, \
     sale_price, sale_kind, group_id, group_owned) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, \
     $15, $16, $17, $18, $19, $20, $21) ON CONFLICT (id) DO NOTHING";

/// A folder and all folders below it.
const BELOW: &str = "WITH RECURSIVE below(id) AS (SELECT id FROM inventory_folders WHERE owner = $1 AND id = $2 \
     UNION SELECT inner_folder.id FROM inventory_folders AS inner_folder JOIN below ON inner_folder.parent = below.id \
     WHERE inner_folder.owner = $1) SELECT id FROM below";

/// A change of somebody's inventory, all of it or nothing.
pub(super) struct Change {
    pub(super) owner: AgentId,
    pub(super) transaction: Transaction<'static, Db>,
}

impl Change {
    pub(super) async fn commit(self) -> Result<()> {
        self.transaction.commit().await.map_err(broken)
    }

    pub(super) async fn folder(&mut self, id: FolderId) -> Result<Option<InventoryFolder>> {
        let row: Option<FolderRow> =
            sqlx::query_as("SELECT * FROM inventory_folders WHERE id = $1 AND owner = $2")
                .bind(id.0)
                .bind(self.owner.0)
                .fetch_optional(&mut *self.transaction)
                .await
                .map_err(broken)?;
        Ok(row.map(InventoryFolder::from))
    }

    pub(super) async fn item(&mut self, id: ItemId) -> Result<Option<InventoryItem>> {
        let row: Option<ItemRow> =
            sqlx::query_as("SELECT * FROM inventory_items WHERE id = $1 AND owner = $2")
                .bind(id.0)
                .bind(self.owner.0)
                .fetch_optional(&mut *self.transaction)
                .await
                .map_err(broken)?;
        Ok(row.map(InventoryItem::from))
    }

    pub(super) async fn folders_of_kind(&mut self, kind: i32) -> Result<Vec<InventoryFolder>> {
        let rows: Vec<FolderRow> =
            sqlx::query_as("SELECT * FROM inventory_folders WHERE owner = $1 AND kind = $2 ORDER BY id")
                .bind(self.owner.0)
                .bind(i64::from(kind))
                .fetch_all(&mut *self.transaction)
                .await
                .map_err(broken)?;
        Ok(rows.into_iter().map(InventoryFolder::from).collect())
    }

    /// The ids of a folder and of all below it, the folder first.
    pub(super) async fn below(&mut self, id: FolderId) -> Result<Vec<FolderId>> {
        let ids: Vec<Uuid> = sqlx::query_scalar(BELOW)
            .bind(self.owner.0)
            .bind(id.0)
            .fetch_all(&mut *self.transaction)
            .await
            .map_err(broken)?;
        Ok(ids.into_iter().map(FolderId).collect())
    }

    /// Whether it was not there before.
    pub(super) async fn put_folder(&mut self, folder: &InventoryFolder) -> Result<bool> {
        let done = sqlx::query(
            "INSERT INTO inventory_folders (id, owner, parent, name, kind, version) VALUES ($1, $2, $3, $4, $5, $6) \
             ON CONFLICT (id) DO NOTHING",
        )
        .bind(folder.id.0)
        .bind(folder.owner.0)
        .bind(folder.parent.0)
        .bind(&folder.name)
        .bind(i64::from(folder.kind))
        .bind(i64::from(folder.version.max(1)))
        .execute(&mut *self.transaction)
        .await
        .map_err(broken)?;
        Ok(done.rows_affected() > 0)
    }

    /// Whether it was not there before.
    pub(super) async fn put_item(&mut self, item: &InventoryItem) -> Result<bool> {
        let done = sqlx::query(PUT_ITEM)
            .bind(item.id.0)
            .bind(item.owner.0)
            .bind(item.folder.0)
            .bind(item.asset.0)
            .bind(i64::from(item.asset_type))
            .bind(i64::from(item.inventory_type))
            .bind(&item.name)
            .bind(&item.description)
            .bind(item.creator.0)
            .bind(&item.creator_data)
            .bind(item.created.cast_signed())
            .bind(i64::from(item.flags))
            .bind(i64::from(item.permissions.base))
            .bind(i64::from(item.permissions.current))
            .bind(i64::from(item.permissions.group))
            .bind(i64::from(item.permissions.everyone))
            .bind(i64::from(item.permissions.next))
            .bind(i64::from(item.sale.price))
            .bind(i64::from(item.sale.kind))
            .bind(item.group)
            .bind(item.group_owned)
            .execute(&mut *self.transaction)
            .await
            .map_err(broken)?;
        Ok(done.rows_affected() > 0)
    }

    /// What is in a folder has changed.
    pub(super) async fn raise_version(&mut self, id: FolderId) -> Result<()> {
        self.execute("UPDATE inventory_folders SET version = version + 1 WHERE owner = $1 AND id = $2", id.0)
            .await?;
        Ok(())
    }

    /// Runs a statement with the owner as `$1` and an id as `$2`. How many rows it touched.
    pub(super) async fn execute(&mut self, statement: &'static str, id: Uuid) -> Result<u64> {
        let done = sqlx::query(statement)
            .bind(self.owner.0)
            .bind(id)
            .execute(&mut *self.transaction)
            .await
            .map_err(broken)?;
        Ok(done.rows_affected())
    }

    /// The same with a second id as `$3`.
    pub(super) async fn execute_on_two(
        &mut self,
        statement: &'static str,
        id: Uuid,
        other: Uuid,
    ) -> Result<u64> {
        let done = sqlx::query(statement)
            .bind(self.owner.0)
            .bind(id)
            .bind(other)
            .execute(&mut *self.transaction)
            .await
            .map_err(broken)?;
        Ok(done.rows_affected())
    }
}
