use super::record::{FOLDER_KEYS, ITEM_KEYS, folder_values, item_values, read_folder, read_item};
use crate::text::FromText;
use crate::{Form, Malformed};
use model::{AgentId, AssetId, FolderId, ItemId};
use services::{InventoryFolder, InventoryItem};

/// A request to the inventory service.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the fields are what the methods of the service are given")]
pub enum Call {
    /// CREATEUSERINVENTORY.
    Create { owner: AgentId },
    /// GETINVENTORYSKELETON.
    Skeleton { owner: AgentId },
    /// GETROOTFOLDER.
    Root { owner: AgentId },
    /// GETFOLDERFORTYPE.
    FolderForType { owner: AgentId, kind: i32 },
    /// GETFOLDERCONTENT.
    Content { owner: AgentId, id: FolderId },
    /// GETMULTIPLEFOLDERSCONTENT.
    Contents { owner: AgentId, ids: Vec<FolderId> },
    /// GETFOLDERITEMS.
    FolderItems { owner: AgentId, id: FolderId },
    /// GETFOLDER.
    Folder { owner: Option<AgentId>, id: FolderId },
    /// GETITEM.
    Item { owner: Option<AgentId>, id: ItemId },
    /// GETMULTIPLEITEMS.
    Items { owner: AgentId, ids: Vec<ItemId> },
    /// ADDFOLDER.
    AddFolder(InventoryFolder),
    /// UPDATEFOLDER.
    UpdateFolder(InventoryFolder),
    /// MOVEFOLDER.
    MoveFolder { owner: AgentId, id: FolderId, parent: FolderId },
    /// DELETEFOLDERS.
    DeleteFolders { owner: AgentId, ids: Vec<FolderId> },
    /// PURGEFOLDER. A ROBUST does not look at the owner, and other simulators do not send it.
    PurgeFolder { owner: Option<AgentId>, id: FolderId },
    /// ADDITEM.
    AddItem(InventoryItem),
    /// UPDATEITEM.
    UpdateItem(InventoryItem),
    /// MOVEITEMS.
    MoveItems { owner: AgentId, moves: Vec<(ItemId, FolderId)> },
    /// DELETEITEMS.
    DeleteItems { owner: AgentId, ids: Vec<ItemId> },
    /// GETACTIVEGESTURES.
    ActiveGestures { owner: AgentId },
    /// GETASSETPERMISSIONS.
    AssetPermissions { owner: AgentId, asset: AssetId },
}

impl Call {
    /// Reads a request.
    ///
    /// # Errors
    /// No such method, or a field of it is missing or makes no sense; of folders and items all keys must be there.
    pub fn parse(form: &Form) -> Result<Self, Malformed> {
        let owner = || form.get("PRINCIPAL");
        // Simulators that know no owner send the null id or nothing.
        let any_owner = || {
            form.get_optional("PRINCIPAL")
                .map(|owner: Option<AgentId>| owner.filter(|owner| !owner.is_null()))
        };
        Ok(match form.required("METHOD")? {
            "CREATEUSERINVENTORY" => Self::Create { owner: owner()? },
            "GETINVENTORYSKELETON" => Self::Skeleton { owner: owner()? },
            "GETROOTFOLDER" => Self::Root { owner: owner()? },
            "GETFOLDERFORTYPE" => Self::FolderForType { owner: owner()?, kind: form.get("TYPE")? },
            "GETFOLDERCONTENT" => Self::Content { owner: owner()?, id: form.get("FOLDER")? },
            "GETMULTIPLEFOLDERSCONTENT" => Self::Contents { owner: owner()?, ids: split(form, "FOLDERS")? },
            "GETFOLDERITEMS" => Self::FolderItems { owner: owner()?, id: form.get("FOLDER")? },
            "GETFOLDER" => Self::Folder { owner: any_owner()?, id: form.get("ID")? },
            "GETITEM" => Self::Item { owner: any_owner()?, id: form.get("ID")? },
            "GETMULTIPLEITEMS" => Self::Items { owner: owner()?, ids: split(form, "ITEMS")? },
            "ADDFOLDER" => Self::AddFolder(whole_folder(form)?),
            "UPDATEFOLDER" => Self::UpdateFolder(whole_folder(form)?),
            "MOVEFOLDER" => {
                Self::MoveFolder { owner: owner()?, id: form.get("ID")?, parent: form.get("ParentID")? }
            }
            "DELETEFOLDERS" => Self::DeleteFolders { owner: owner()?, ids: form.get_list("FOLDERS")? },
            "PURGEFOLDER" => Self::PurgeFolder { owner: any_owner()?, id: form.get("ID")? },
            "ADDITEM" => Self::AddItem(whole_item(form)?),
            "UPDATEITEM" => Self::UpdateItem(whole_item(form)?),
            "MOVEITEMS" => Self::MoveItems { owner: owner()?, moves: moves(form)? },
            "DELETEITEMS" => Self::DeleteItems { owner: owner()?, ids: form.get_list("ITEMS")? },
            "GETACTIVEGESTURES" => Self::ActiveGestures { owner: owner()? },
            "GETASSETPERMISSIONS" => Self::AssetPermissions { owner: owner()?, asset: form.get("ASSET")? },
            other => return Err(Malformed::UnknownMethod(other.to_owned())),
        })
    }

    /// The request as a form.
    pub fn to_form(&self) -> Form {
        let of = |method, owner: &AgentId| Form::method(method).with("PRINCIPAL", owner);
        match self {
            Self::Create { owner } => of("CREATEUSERINVENTORY", owner),
            Self::Skeleton { owner } => of("GETINVENTORYSKELETON", owner),
            Self::Root { owner } => of("GETROOTFOLDER", owner),
            Self::FolderForType { owner, kind } => of("GETFOLDERFORTYPE", owner).with("TYPE", kind),
            Self::Content { owner, id } => of("GETFOLDERCONTENT", owner).with("FOLDER", id),
            Self::Contents { owner, ids } => joined(of("GETMULTIPLEFOLDERSCONTENT", owner), "FOLDERS", ids),
            Self::FolderItems { owner, id } => of("GETFOLDERITEMS", owner).with("FOLDER", id),
            Self::Folder { owner, id } => with_owner(Form::method("GETFOLDER").with("ID", id), *owner),
            Self::Item { owner, id } => with_owner(Form::method("GETITEM").with("ID", id), *owner),
            Self::Items { owner, ids } => joined(of("GETMULTIPLEITEMS", owner), "ITEMS", ids),
            Self::AddFolder(folder) => with_folder(Form::method("ADDFOLDER"), folder),
            Self::UpdateFolder(folder) => with_folder(Form::method("UPDATEFOLDER"), folder),
            Self::MoveFolder { owner, id, parent } => {
                let form = Form::method("MOVEFOLDER").with("ParentID", parent).with("ID", id);
                form.with("PRINCIPAL", owner)
            }
            Self::DeleteFolders { owner, ids } => of("DELETEFOLDERS", owner).with_list("FOLDERS", ids),
            Self::PurgeFolder { owner, id } => with_owner(Form::method("PURGEFOLDER").with("ID", id), *owner),
            Self::AddItem(item) => with_item(Form::method("ADDITEM"), item),
            Self::UpdateItem(item) => with_item(Form::method("UPDATEITEM"), item),
            Self::MoveItems { owner, moves } => of("MOVEITEMS", owner)
                .with_list("IDLIST", moves.iter().map(|(id, _)| id))
                .with_list("DESTLIST", moves.iter().map(|(_, folder)| folder)),
            Self::DeleteItems { owner, ids } => of("DELETEITEMS", owner).with_list("ITEMS", ids),
            Self::ActiveGestures { owner } => of("GETACTIVEGESTURES", owner),
            Self::AssetPermissions { owner, asset } => of("GETASSETPERMISSIONS", owner).with("ASSET", asset),
        }
    }
}

/// Ids in one text, with commas between; `COUNT` says once more how many.
fn split<T: FromText>(form: &Form, name: &'static str) -> Result<Vec<T>, Malformed> {
    let ids = form.required(name)?.split(',').filter(|id| !id.trim().is_empty());
    ids.map(|id| T::from_text(id).ok_or(Malformed::odd(name))).collect()
}

fn joined<T: ToString>(form: Form, name: &str, ids: &[T]) -> Form {
    let text: Vec<_> = ids.iter().map(ToString::to_string).collect();
    form.with(name, text.join(",")).with("COUNT", ids.len())
}

fn moves(form: &Form) -> Result<Vec<(ItemId, FolderId)>, Malformed> {
    let (ids, folders): (Vec<_>, Vec<_>) = (form.get_list("IDLIST")?, form.get_list("DESTLIST")?);
    if ids.len() != folders.len() {
        return Err(Malformed::odd("DESTLIST"));
    }
    Ok(ids.into_iter().zip(folders).collect())
}

fn with_owner(form: Form, owner: Option<AgentId>) -> Form {
    match owner {
        Some(owner) => form.with("PRINCIPAL", owner),
        None => form,
    }
}

fn whole_folder(form: &Form) -> Result<InventoryFolder, Malformed> {
    FOLDER_KEYS.into_iter().try_for_each(|key| form.required(key).map(drop))?;
    read_folder(form)
}

fn whole_item(form: &Form) -> Result<InventoryItem, Malformed> {
    ITEM_KEYS.into_iter().try_for_each(|key| form.required(key).map(drop))?;
    read_item(form)
}

fn with_folder(form: Form, folder: &InventoryFolder) -> Form {
    FOLDER_KEYS.into_iter().zip(folder_values(folder)).fold(form, |form, (key, value)| form.with(key, value))
}

fn with_item(form: Form, item: &InventoryItem) -> Form {
    ITEM_KEYS.into_iter().zip(item_values(item)).fold(form, |form, (key, value)| form.with(key, value))
}
