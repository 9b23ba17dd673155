//! Many folders and items at once: a few statements for each [`CHUNK`] of ids, however many there are.

use super::inventory_rows::{Change, FolderRow, ItemRow};
use super::{CHUNK, Db, SqlStore, broken, push_one_of};
use model::{AgentId, FolderId, ItemId, Uuid};
use services::{FolderContent, InventoryFolder, InventoryItem, Result, starter};
use sqlx::QueryBuilder;
use std::collections::{BTreeMap, BTreeSet};

/// The folders that are anywhere below folders; those come before, and more after.
const BELOW: (&str, &str, &str) = (
    "WITH RECURSIVE below(id) AS (SELECT id FROM inventory_folders WHERE owner = ",
    " AND parent",
    " UNION SELECT inner_folder.id FROM inventory_folders AS inner_folder JOIN below \
     ON inner_folder.parent = below.id WHERE inner_folder.owner = ",
);

/// A statement about those of somebody's things that have one of these ids in a column.
fn owned<T>(
    statement: &'static str,
    owner: AgentId,
    column: &'static str,
    ids: &[T],
    id_of: impl Fn(&T) -> Uuid,
) -> QueryBuilder<Db> {
    let mut query = QueryBuilder::new(statement);
    query.push(" WHERE owner = ").push_bind(owner.0).push(" AND ").push(column);
    push_one_of(&mut query, ids, id_of);
    query
}

fn each_once<T: Ord + Copy>(ids: impl IntoIterator<Item = T>) -> Vec<T> {
    ids.into_iter().collect::<BTreeSet<_>>().into_iter().collect()
}

impl SqlStore {
    /// Those of these items that somebody has, in the order of their ids.
    pub(super) async fn items_of(&self, owner: AgentId, ids: &[ItemId]) -> Result<Vec<InventoryItem>> {
        let mut items = Vec::with_capacity(ids.len());
        for ids in each_once(ids.iter().copied()).chunks(CHUNK) {
            let rows = self.item_rows(owner, "id", ids, |id| id.0).await?;
            items.extend(rows.into_iter().map(InventoryItem::from));
        }
        Ok(items)
    }

    /// What is in those of these folders that somebody has, in the order in which they are named.
    pub(super) async fn contents_of(&self, owner: AgentId, ids: &[FolderId]) -> Result<Vec<FolderContent>> {
        let mut found = BTreeMap::new();
        for ids in each_once(ids.iter().copied()).chunks(CHUNK) {
            // The folders first: whatever is added meanwhile raises their versions, so the viewer asks again.
            for folder in self.folder_rows(owner, "id", ids).await? {
                let folder = InventoryFolder::from(folder);
                let (folders, items) = (Vec::new(), Vec::new());
                found.insert(folder.id, FolderContent { folder, folders, items });
            }
            for inner in self.folder_rows(owner, "parent", ids).await? {
                let inner = InventoryFolder::from(inner);
                if let Some(content) = found.get_mut(&inner.parent) {
                    content.folders.push(inner);
                }
            }
            for item in self.item_rows(owner, "folder", ids, |id| id.0).await? {
                let item = InventoryItem::from(item);
                if let Some(content) = found.get_mut(&item.folder) {
                    content.items.push(item);
                }
            }
        }
        Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
    }

    async fn folder_rows(
        &self,
        owner: AgentId,
        column: &'static str,
        ids: &[FolderId],
    ) -> Result<Vec<FolderRow>> {
        let mut query = owned("SELECT * FROM inventory_folders", owner, column, ids, |id| id.0);
        query.push(" ORDER BY id");
        query.build_query_as().persistent(false).fetch_all(self.read()).await.map_err(broken)
    }

    async fn item_rows<T>(
        &self,
        owner: AgentId,
        column: &'static str,
        ids: &[T],
        id_of: impl Fn(&T) -> Uuid,
    ) -> Result<Vec<ItemRow>> {
        let mut query = owned("SELECT * FROM inventory_items", owner, column, ids, id_of);
        query.push(" ORDER BY id");
        query.build_query_as().persistent(false).fetch_all(self.read()).await.map_err(broken)
    }
}

impl Change {
    /// Moves those of these items that there are to where there is a folder. How many.
    pub(super) async fn move_items(&mut self, moves: &[(ItemId, FolderId)]) -> Result<u64> {
        let (mut moved, mut touched) = (0, BTreeSet::new());
        let moves: Vec<_> = moves.iter().copied().collect::<BTreeMap<_, _>>().into_iter().collect();
        for moves in moves.chunks(CHUNK) {
            let targets = each_once(moves.iter().map(|&(_, folder)| folder));
            let known = owned("SELECT id FROM inventory_folders", self.owner, "id", &targets, |id| id.0);
            let known: BTreeSet<Uuid> = self.ids(known).await?.into_iter().collect();
            let moves: Vec<_> = moves.iter().filter(|(_, folder)| known.contains(&folder.0)).collect();
            if moves.is_empty() {
                continue;
            }
            let from = owned("SELECT folder FROM inventory_items", self.owner, "id", &moves, |it| it.0.0);
            touched.extend(self.ids(from).await?.into_iter().map(FolderId));
            let mut query = QueryBuilder::<Db>::new("UPDATE inventory_items SET folder = CASE id");
            for (id, folder) in &moves {
                query.push(" WHEN ").push_bind(id.0).push(" THEN ").push_bind(folder.0);
            }
            query.push(" END WHERE owner = ").push_bind(self.owner.0).push(" AND id");
            push_one_of(&mut query, &moves, |it| it.0.0);
            query.push(" RETURNING folder");
            let into = self.ids(query).await?;
            moved += into.len() as u64;
            touched.extend(into.into_iter().map(FolderId));
        }
        self.raise_versions(touched).await?;
        Ok(moved)
    }

    /// Deletes those of these items that there are. How many.
    pub(super) async fn delete_items(&mut self, ids: &[ItemId]) -> Result<u64> {
        let (mut deleted, mut touched) = (0, BTreeSet::new());
        for ids in each_once(ids.iter().copied()).chunks(CHUNK) {
            let mut query = owned("DELETE FROM inventory_items", self.owner, "id", ids, |id| id.0);
            query.push(" RETURNING folder");
            let from = self.ids(query).await?;
            deleted += from.len() as u64;
            touched.extend(from.into_iter().map(FolderId));
        }
        self.raise_versions(touched).await?;
        Ok(deleted)
    }

    /// Deletes those of these folders that there are and that are no system folders, with all that is in them. How many;
    /// what is in another of them is not counted.
    pub(super) async fn delete_folders(&mut self, ids: &[FolderId]) -> Result<u64> {
        let mut gone = BTreeMap::new();
        for ids in each_once(ids.iter().copied()).chunks(CHUNK) {
            let mut query = owned("SELECT * FROM inventory_folders", self.owner, "id", ids, |id| id.0);
            let rows: Vec<FolderRow> = query
                .build_query_as()
                .persistent(false)
                .fetch_all(&mut *self.transaction)
                .await
                .map_err(broken)?;
            let folders = rows.into_iter().map(InventoryFolder::from);
            let may_go = folders.filter(|folder| !starter::is_system_folder(folder.kind));
            gone.extend(may_go.map(|folder| (folder.id, folder.parent)));
        }
        let named: Vec<FolderId> = gone.keys().copied().collect();
        let below = self.all_below(&named).await?;
        let deleted = named.iter().filter(|id| !below.contains(id)).count() as u64;
        let all = each_once(named.into_iter().chain(below));
        self.empty(&all).await?;
        for ids in all.chunks(CHUNK) {
            let mut query = owned("DELETE FROM inventory_folders", self.owner, "id", ids, |id| id.0);
            query.build().persistent(false).execute(&mut *self.transaction).await.map_err(broken)?;
        }
        self.raise_versions(gone.into_values().collect()).await?;
        Ok(deleted)
    }

    /// Deletes all that is in a folder.
    pub(super) async fn purge_folder(&mut self, id: FolderId) -> Result<()> {
        let below: Vec<FolderId> =
            self.all_below(&[id]).await?.into_iter().filter(|&below| below != id).collect();
        self.empty(&[&[id], &below[..]].concat()).await?;
        for ids in below.chunks(CHUNK) {
            let mut query = owned("DELETE FROM inventory_folders", self.owner, "id", ids, |id| id.0);
            query.build().persistent(false).execute(&mut *self.transaction).await.map_err(broken)?;
        }
        self.raise_version(id).await
    }

    /// Deletes the items in these folders.
    async fn empty(&mut self, folders: &[FolderId]) -> Result<()> {
        for ids in folders.chunks(CHUNK) {
            let mut query = owned("DELETE FROM inventory_items", self.owner, "folder", ids, |id| id.0);
            query.build().persistent(false).execute(&mut *self.transaction).await.map_err(broken)?;
        }
        Ok(())
    }

    /// All folders that are in one of these, or in one that is.
    async fn all_below(&mut self, ids: &[FolderId]) -> Result<BTreeSet<FolderId>> {
        let mut all = BTreeSet::new();
        for ids in ids.chunks(CHUNK) {
            let mut query = QueryBuilder::<Db>::new(BELOW.0);
            query.push_bind(self.owner.0).push(BELOW.1);
            push_one_of(&mut query, ids, |id| id.0);
            query.push(BELOW.2).push_bind(self.owner.0).push(") SELECT id FROM below");
            all.extend(self.ids(query).await?.into_iter().map(FolderId));
        }
        Ok(all)
    }

    /// What is in these folders has changed.
    async fn raise_versions(&mut self, ids: BTreeSet<FolderId>) -> Result<()> {
        let ids: Vec<FolderId> = ids.into_iter().collect();
        let raise = "UPDATE inventory_folders SET version = version + 1";
        for ids in ids.chunks(CHUNK) {
            let mut query = owned(raise, self.owner, "id", ids, |id| id.0);
            query.build().persistent(false).execute(&mut *self.transaction).await.map_err(broken)?;
        }
        Ok(())
    }

    async fn ids(&mut self, mut query: QueryBuilder<Db>) -> Result<Vec<Uuid>> {
        let scalar = query.build_query_scalar().persistent(false);
        scalar.fetch_all(&mut *self.transaction).await.map_err(broken)
    }
}
