#[cfg(test)]
mod tests;

use crate::client::Client;
use async_trait::async_trait;
use model::{AgentId, AssetId, FolderId, ItemId};
use robust::inventory::{
    Call, Held, WORDING, read_content, read_contents, read_folder, read_item, read_items, read_permissions,
    read_skeleton,
};
use robust::{Malformed, Tree};
use services::{
    FolderContent, InventoryFolder, InventoryItem, InventoryService, Result, ServiceError, folder_type,
    library, starter,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What people own, from `/xinventory` of a grid. What is asked about the [library] is answered from here.
///
/// A ROBUST takes the ids of things for proof that they are somebody's, lets folders be moved into themselves, and says of
/// a change only that it went well. So the things to be changed are asked for first: what somebody else owns, and what
/// the rules of [`InventoryService`] forbid, is not touched, and counts are of what was there. Between the question
/// and the change others may change the same inventory; only a grid of this project checks both at once. What stays
/// otherwise with a ROBUST: deleting takes only what is in the trash, an item may be made in a folder that is not there
/// or replaces another with its id, and purging may be refused outside of the trash.
#[derive(Clone, Debug)]
pub struct HttpInventory {
    client: Arc<Client>,
}

const PATH: &str = "/xinventory";
/// Folders whose content is asked for in one call: an answer has a largest size.
const FOLDERS_A_CALL: usize = 16;
/// Things that are changed in one call.
const CHANGES_A_CALL: usize = 1000;
/// Items that are asked for in one call.
const ITEMS_A_CALL: usize = 256;
/// Single folders that are asked for one by one; for more, all are asked for.
const FEW_FOLDERS: usize = 4;
/// How deep folders may be in each other before we take it for a circle.
const DEPTH: usize = 64;

fn refused<T>(why: &str) -> Result<T> {
    Err(ServiceError::Refused(why.to_owned()))
}

/// Begins a change of somebody's inventory.
fn check_owner(owner: AgentId) -> Result<()> {
    if owner == library::OWNER || owner.is_null() {
        return refused("that inventory cannot be changed");
    }
    Ok(())
}

fn whole(folder: InventoryFolder, held: Held) -> FolderContent {
    let Held { mut folders, mut items, .. } = held;
    folders.sort_by_key(|folder| folder.id);
    items.sort_by_key(|item| item.id);
    FolderContent { folder, folders, items }
}

impl HttpInventory {
    /// Asks through this client.
    pub fn new(client: Arc<Client>) -> Self {
        Self { client }
    }

    async fn ask<T>(
        &self,
        call: Call,
        read: impl FnOnce(&Tree) -> core::result::Result<T, Malformed> + Send,
    ) -> Result<T> {
        let answer = self.client.ask_long(PATH, call.to_form(), read).await?;
        answer.ok_or_else(|| ServiceError::Unavailable(format!("{PATH}: an answer that is too long")))
    }

    async fn tell(&self, call: Call) -> Result<bool> {
        self.ask(call, |answer| WORDING.read_done(answer)).await
    }

    /// What a folder of somebody's holds, without a look at the folder itself.
    async fn held(&self, folder: InventoryFolder) -> Result<FolderContent> {
        let call = Call::Content { owner: folder.owner, id: folder.id };
        Ok(whole(folder, self.ask(call, read_content).await?))
    }

    /// Those of these folders that somebody has.
    async fn folders(&self, owner: AgentId, ids: &[FolderId]) -> Result<BTreeMap<FolderId, InventoryFolder>> {
        let mut found = BTreeMap::new();
        if ids.len() > FEW_FOLDERS {
            let asked: BTreeSet<_> = ids.iter().collect();
            let all = self.skeleton(owner).await?.into_iter();
            found.extend(all.filter(|folder| asked.contains(&folder.id)).map(|folder| (folder.id, folder)));
        } else {
            for &id in ids {
                found.extend(self.folder(owner, id).await?.map(|folder| (id, folder)));
            }
        }
        Ok(found)
    }

    /// Whether a folder is another or somewhere below it.
    async fn is_below(&self, owner: AgentId, id: FolderId, above: FolderId) -> Result<bool> {
        let mut at = id;
        for _ in 0..DEPTH {
            if at == above {
                return Ok(true);
            }
            match self.folder(owner, at).await? {
                Some(folder) if !folder.parent.is_null() => at = folder.parent,
                _ => return Ok(false),
            }
        }
        Ok(true)
    }

    async fn several_items(&self, owner: AgentId, ids: &[ItemId]) -> Result<Vec<InventoryItem>> {
        match self.ask(Call::Items { owner, ids: ids.to_vec() }, read_items).await {
            Err(ServiceError::Refused(_)) => {}
            answer => return answer,
        }
        // Early grids do not know the question.
        let mut found = Vec::new();
        for &id in ids {
            found.extend(self.item(owner, id).await?);
        }
        Ok(found)
    }

    async fn several_contents(
        &self,
        owner: AgentId,
        folders: &[InventoryFolder],
    ) -> Result<Vec<FolderContent>> {
        let mut contents = Vec::with_capacity(folders.len());
        let mut left = vec![folders];
        while let Some(folders) = left.pop() {
            if let [one] = folders {
                contents.push(self.held(one.clone()).await?);
                continue;
            }
            let ids = folders.iter().map(|folder| folder.id).collect();
            let call = Call::Contents { owner, ids }.to_form();
            let answer = match self.client.ask_long(PATH, call, read_contents).await {
                Err(ServiceError::Refused(_)) => Vec::new(),
                Err(error) => return Err(error),
                Ok(Some(answer)) => answer,
                // All of it is too much for one answer.
                Ok(None) => {
                    let (some, others) = folders.split_at(folders.len() / 2);
                    left.extend([others, some]);
                    continue;
                }
            };
            let mut held: BTreeMap<_, _> = answer.into_iter().collect();
            for folder in folders {
                contents.push(match held.remove(&folder.id) {
                    Some(held) => whole(folder.clone(), held),
                    // Early grids do not know the question.
                    None => self.held(folder.clone()).await?,
                });
            }
        }
        Ok(contents)
    }
}

#[async_trait]
impl InventoryService for HttpInventory {
    async fn create_user_inventory(&self, owner: AgentId) -> Result<bool> {
        check_owner(owner)?;
        self.tell(Call::Create { owner }).await
    }

    async fn skeleton(&self, owner: AgentId) -> Result<Vec<InventoryFolder>> {
        if owner == library::OWNER {
            return Ok(library::folders().to_vec());
        }
        let mut folders = self.ask(Call::Skeleton { owner }, read_skeleton).await?;
        folders.retain(|folder| folder.owner == owner);
        Ok(InventoryFolder::in_order(folders))
    }

    async fn root(&self, owner: AgentId) -> Result<Option<InventoryFolder>> {
        if owner == library::OWNER {
            return self.folder(owner, library::ROOT).await;
        }
        self.ask(Call::Root { owner }, read_folder).await
    }

    /// Where a grid says that there is none, this asks for the root in a second call.
    async fn folder_for_type(&self, owner: AgentId, kind: i32) -> Result<Option<InventoryFolder>> {
        if owner == library::OWNER {
            let below = library::content(library::ROOT).into_iter().flat_map(|root| root.folders);
            let found = below.into_iter().find(|folder| folder.kind == kind);
            return if found.is_some() { Ok(found) } else { self.root(owner).await };
        }
        match self.ask(Call::FolderForType { owner, kind }, read_folder).await? {
            Some(folder) => Ok(Some(folder)),
            None => self.root(owner).await,
        }
    }

    async fn folder(&self, owner: AgentId, id: FolderId) -> Result<Option<InventoryFolder>> {
        if owner == library::OWNER {
            return Ok(library::content(id).map(|content| content.folder));
        }
        let folder = self.ask(Call::Folder { owner: Some(owner), id }, read_folder).await?;
        Ok(folder.filter(|folder| folder.owner == owner))
    }

    /// Two calls, the folder first: whatever is added meanwhile raises the version, so the viewer asks again.
    async fn content(&self, owner: AgentId, id: FolderId) -> Result<Option<FolderContent>> {
        if owner == library::OWNER {
            return Ok(library::content(id));
        }
        match self.folder(owner, id).await? {
            Some(folder) => self.held(folder).await.map(Some),
            None => Ok(None),
        }
    }

    async fn contents(&self, owner: AgentId, ids: &[FolderId]) -> Result<Vec<FolderContent>> {
        if owner == library::OWNER {
            return Ok(ids.iter().filter_map(|id| library::content(*id)).collect());
        }
        let mut known = self.folders(owner, ids).await?;
        let folders: Vec<_> = ids.iter().filter_map(|id| known.remove(id)).collect();
        let mut contents = Vec::with_capacity(folders.len());
        for some in folders.chunks(FOLDERS_A_CALL) {
            contents.extend(self.several_contents(owner, some).await?);
        }
        Ok(contents)
    }

    async fn create_folder(&self, folder: &InventoryFolder) -> Result<()> {
        check_owner(folder.owner)?;
        if self.tell(Call::AddFolder(folder.clone())).await? {
            return Ok(());
        }
        // It may be there because this is the second time.
        let same = |known: &InventoryFolder| known.parent == folder.parent && known.kind == folder.kind;
        match self.folder(folder.owner, folder.id).await? {
            Some(known) if same(&known) => Ok(()),
            _ => refused("the grid did not make the folder"),
        }
    }

    /// Asks for the folder first, so that it keeps its place and its version does not fall.
    async fn update_folder(&self, folder: &InventoryFolder) -> Result<bool> {
        check_owner(folder.owner)?;
        let Some(known) = self.folder(folder.owner, folder.id).await? else { return Ok(false) };
        let system = starter::is_system_folder(known.kind) || starter::is_system_folder(folder.kind);
        let updated = InventoryFolder {
            parent: known.parent,
            kind: if system { known.kind } else { folder.kind },
            version: folder.version.max(known.version),
            ..folder.clone()
        };
        self.tell(Call::UpdateFolder(updated)).await
    }

    async fn move_folder(&self, owner: AgentId, id: FolderId, parent: FolderId) -> Result<bool> {
        check_owner(owner)?;
        let Some(folder) = self.folder(owner, id).await? else { return Ok(false) };
        if starter::is_system_folder(folder.kind) || self.folder(owner, parent).await?.is_none() {
            return Ok(false);
        }
        if folder.parent == parent {
            return Ok(true);
        }
        if self.is_below(owner, parent, id).await? {
            return Ok(false);
        }
        self.tell(Call::MoveFolder { owner, id, parent }).await
    }

    async fn delete_folders(&self, owner: AgentId, ids: &[FolderId]) -> Result<u64> {
        check_owner(owner)?;
        let known = self.folders(owner, ids).await?;
        let may_go = known.values().filter(|folder| !starter::is_system_folder(folder.kind));
        let ids: Vec<_> = may_go.map(|folder| folder.id).collect();
        for ids in ids.chunks(CHANGES_A_CALL) {
            if !self.tell(Call::DeleteFolders { owner, ids: ids.to_vec() }).await? {
                return refused("the grid did not delete the folders");
            }
        }
        Ok(ids.len() as u64)
    }

    async fn purge_folder(&self, owner: AgentId, id: FolderId) -> Result<bool> {
        check_owner(owner)?;
        match self.folder(owner, id).await? {
            Some(folder) if folder.kind != folder_type::ROOT => {}
            _ => return Ok(false),
        }
        self.tell(Call::PurgeFolder { owner: Some(owner), id }).await
    }

    async fn item(&self, owner: AgentId, id: ItemId) -> Result<Option<InventoryItem>> {
        if owner == library::OWNER {
            return Ok(library::items().iter().find(|item| item.id == id).cloned());
        }
        let item = self.ask(Call::Item { owner: Some(owner), id }, read_item).await?;
        Ok(item.filter(|item| item.owner == owner))
    }

    async fn items(&self, owner: AgentId, ids: &[ItemId]) -> Result<Vec<InventoryItem>> {
        let ids: Vec<_> = ids.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
        if owner == library::OWNER {
            let all = library::items().iter().filter(|item| ids.binary_search(&item.id).is_ok());
            return Ok(all.cloned().collect());
        }
        let mut items = Vec::with_capacity(ids.len());
        for some in ids.chunks(ITEMS_A_CALL) {
            items.extend(self.several_items(owner, some).await?);
        }
        items.retain(|item| item.owner == owner);
        items.sort_by_key(|item| item.id);
        Ok(items)
    }

    async fn create_item(&self, item: &InventoryItem) -> Result<()> {
        check_owner(item.owner)?;
        if self.tell(Call::AddItem(item.clone())).await? {
            return Ok(());
        }
        // It may be there because this is the second time.
        let same = |known: &InventoryItem| known.folder == item.folder && known.asset == item.asset;
        match self.item(item.owner, item.id).await? {
            Some(known) if same(&known) => Ok(()),
            _ => refused("the grid did not make the item"),
        }
    }

    /// Asks for the item first, so that it keeps its place, age and creator.
    async fn update_item(&self, item: &InventoryItem) -> Result<bool> {
        check_owner(item.owner)?;
        let Some(known) = self.item(item.owner, item.id).await? else { return Ok(false) };
        let updated = InventoryItem {
            folder: known.folder,
            created: known.created,
            creator: known.creator,
            creator_data: known.creator_data,
            ..item.clone()
        };
        self.tell(Call::UpdateItem(updated)).await
    }

    async fn move_items(&self, owner: AgentId, moves: &[(ItemId, FolderId)]) -> Result<u64> {
        check_owner(owner)?;
        let (ids, folders): (Vec<_>, Vec<_>) = moves.iter().copied().unzip();
        let folders: Vec<_> = folders.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
        let (items, folders) = (self.items(owner, &ids).await?, self.folders(owner, &folders).await?);
        let items: BTreeSet<_> = items.into_iter().map(|item| item.id).collect();
        let possible = moves.iter().filter(|(id, folder)| items.contains(id) && folders.contains_key(folder));
        let moves: Vec<_> = possible.copied().collect();
        for moves in moves.chunks(CHANGES_A_CALL) {
            if !self.tell(Call::MoveItems { owner, moves: moves.to_vec() }).await? {
                return refused("the grid did not move the items");
            }
        }
        Ok(moves.len() as u64)
    }

    async fn delete_items(&self, owner: AgentId, ids: &[ItemId]) -> Result<u64> {
        check_owner(owner)?;
        let ids: Vec<_> = self.items(owner, ids).await?.into_iter().map(|item| item.id).collect();
        for ids in ids.chunks(CHANGES_A_CALL) {
            if !self.tell(Call::DeleteItems { owner, ids: ids.to_vec() }).await? {
                return refused("the grid did not delete the items");
            }
        }
        Ok(ids.len() as u64)
    }

    async fn active_gestures(&self, owner: AgentId) -> Result<Vec<InventoryItem>> {
        if owner == library::OWNER {
            return Ok(Vec::new());
        }
        self.ask(Call::ActiveGestures { owner }, read_items).await
    }

    async fn item_owner(&self, id: ItemId) -> Result<Option<AgentId>> {
        if library::items().iter().any(|item| item.id == id) {
            return Ok(Some(library::OWNER));
        }
        let item = self.ask(Call::Item { owner: None, id }, read_item).await?;
        Ok(item.map(|item| item.owner))
    }

    async fn folder_owner(&self, id: FolderId) -> Result<Option<AgentId>> {
        if library::content(id).is_some() {
            return Ok(Some(library::OWNER));
        }
        let folder = self.ask(Call::Folder { owner: None, id }, read_folder).await?;
        Ok(folder.map(|folder| folder.owner))
    }

    async fn asset_permissions(&self, owner: AgentId, asset: AssetId) -> Result<u32> {
        if owner == library::OWNER {
            return Ok(0);
        }
        self.ask(Call::AssetPermissions { owner, asset }, read_permissions).await
    }
}
