use super::{Answer, PrivateState};
use model::{AgentId, FolderId, ItemId};
use robust::inventory::{self as wire, Call, WORDING};
use robust::{Form, Tree};
use services::{InventoryService, Result, ServiceError};

/// Folders or items that may be asked for in one call.
const ASKED_MAX: usize = 4096;
/// Folders that are read at once.
const READ_AT_ONCE: usize = 32;
/// Folders and items in one answer.
const ANSWERED_MAX: usize = 100_000;

pub(super) async fn answer(state: PrivateState, form: Form) -> Answer {
    let inventory = &*state.services.inventory;
    Ok(match Call::parse(&form)? {
        Call::Create { owner } => WORDING.done(inventory.create_user_inventory(owner).await?),
        Call::Skeleton { owner } => wire::skeleton(&inventory.skeleton(owner).await?),
        Call::Root { owner } => wire::folder(inventory.root(owner).await?.as_ref()),
        // Where nothing fits, whoever asks knows where to put things: so does ROBUST.
        Call::FolderForType { owner, kind } => {
            let folder = inventory.folder_for_type(owner, kind).await?;
            wire::folder(folder.filter(|folder| folder.kind == kind).as_ref())
        }
        Call::Content { owner, id } => wire::content(inventory.content(owner, id).await?.as_ref()),
        Call::Contents { owner, ids } => contents(inventory, owner, &ids).await?,
        Call::FolderItems { owner, id } => {
            let content = inventory.content(owner, id).await?;
            wire::items_in(&content.map(|content| content.items).unwrap_or_default())
        }
        Call::Folder { owner, id } => match whose_folder(inventory, owner, id).await? {
            Some(owner) => wire::folder(inventory.folder(owner, id).await?.as_ref()),
            None => wire::folder(None),
        },
        Call::Item { owner, id } => match whose_item(inventory, owner, id).await? {
            Some(owner) => wire::item(inventory.item(owner, id).await?.as_ref()),
            None => wire::item(None),
        },
        Call::Items { owner, ids } => {
            check(ids.len(), ASKED_MAX)?;
            wire::items(&ids, &inventory.items(owner, &ids).await?)
        }
        Call::ActiveGestures { owner } => wire::items_in(&inventory.active_gestures(owner).await?),
        Call::AssetPermissions { owner, asset } => {
            wire::permissions(inventory.asset_permissions(owner, asset).await?)
        }
        change => WORDING.done(perform(inventory, change).await?),
    })
}

/// Whether things are now as they should be. What is already gone need not be deleted.
async fn perform(inventory: &dyn InventoryService, call: Call) -> Result<bool> {
    Ok(match call {
        Call::AddFolder(folder) => inventory.create_folder(&folder).await.map(|()| true)?,
        Call::UpdateFolder(folder) => inventory.update_folder(&folder).await?,
        Call::MoveFolder { owner, id, parent } => inventory.move_folder(owner, id, parent).await?,
        Call::DeleteFolders { owner, ids } => inventory.delete_folders(owner, &ids).await.map(|_| true)?,
        Call::PurgeFolder { owner, id } => match whose_folder(inventory, owner, id).await? {
            Some(owner) => inventory.purge_folder(owner, id).await?,
            None => false,
        },
        Call::AddItem(item) => inventory.create_item(&item).await.map(|()| true)?,
        Call::UpdateItem(item) => inventory.update_item(&item).await?,
        Call::MoveItems { owner, moves } => {
            let moved = inventory.move_items(owner, &moves).await?;
            moved > 0 || moves.is_empty()
        }
        Call::DeleteItems { owner, ids } => inventory.delete_items(owner, &ids).await.map(|_| true)?,
        // The questions are answered above.
        _ => false,
    })
}

fn check(count: usize, most: usize) -> Result<()> {
    if count > most {
        return Err(ServiceError::Invalid(format!("that is more than {most} at once")));
    }
    Ok(())
}

/// Some folders at a time, so that not much more is read than may be answered.
async fn contents(inventory: &dyn InventoryService, owner: AgentId, ids: &[FolderId]) -> Result<Tree> {
    check(ids.len(), ASKED_MAX)?;
    let (mut found, mut count) = (Vec::new(), 0);
    for ids in ids.chunks(READ_AT_ONCE) {
        let contents = inventory.contents(owner, ids).await?;
        count += contents.iter().map(|content| content.folders.len() + content.items.len()).sum::<usize>();
        check(count, ANSWERED_MAX)?;
        found.extend(contents);
    }
    Ok(wire::contents(ids, &found))
}

/// The owner that was named, or else whose it is.
async fn whose_folder(
    inventory: &dyn InventoryService,
    named: Option<AgentId>,
    id: FolderId,
) -> Result<Option<AgentId>> {
    match named {
        Some(owner) => Ok(Some(owner)),
        None => inventory.folder_owner(id).await,
    }
}

/// Likewise.
async fn whose_item(
    inventory: &dyn InventoryService,
    named: Option<AgentId>,
    id: ItemId,
) -> Result<Option<AgentId>> {
    match named {
        Some(owner) => Ok(Some(owner)),
        None => inventory.item_owner(id).await,
    }
}
