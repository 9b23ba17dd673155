//! Inventory: folders made, folders and items fetched. Whatever owner a request names, an agent reaches its own
//! inventory and the library, and nothing else.

use super::{Answer, Asked, Capability, Fault, clean};
use crate::http::reply;
use axum::http::Method;
use llsd::{Map, Value, map};
use model::{AgentId, FolderId, ItemId, Uuid};
use services::{
    FolderContent, InventoryFolder, InventoryItem, InventoryService, asset_type, folder_type, library,
};
use std::collections::{BTreeMap, BTreeSet};

/// Folders, or items, in one request; viewers ask for fewer at a time.
const AT_A_TIME: usize = 1000;
/// Bytes of a folder's name.
const NAME: usize = 63;

/// CreateInventoryCategory. The viewer's start-up waits for a folder id that is not null.
pub(super) async fn create_category(asked: &Asked<'_>) -> Answer {
    asked.only(Method::POST)?;
    let told = asked.map()?;
    let id = Some(told["folder_id"].as_uuid()).filter(|id| !id.is_nil()).unwrap_or_else(random_id);
    let folder = InventoryFolder {
        id: FolderId(id),
        owner: asked.entry.agent,
        parent: FolderId(told["parent_id"].as_uuid()),
        name: clean(&told["name"].as_str(), NAME),
        kind: told.get("type").map_or(folder_type::NONE, Value::as_i32),
        version: 1,
    };
    if folder.parent.is_null() || folder.name.is_empty() {
        return Err(Fault::Malformed);
    }
    asked.shared.grid.services.inventory.create_folder(&folder).await?;
    Ok(reply::llsd(&map! {
        "folder_id" => folder.id.0,
        "name" => folder.name,
        "parent_id" => folder.parent.0,
        "type" => folder.kind,
    }))
}

/// FetchInventory2, FetchLib2: unknown items are left out.
pub(super) async fn fetch_items(asked: &Asked<'_>, capability: Capability) -> Answer {
    asked.only(Method::POST)?;
    let told = asked.map()?;
    let owner = owner(asked, capability == Capability::FetchLib2);
    let wanted: Vec<_> = told["items"]
        .as_array()
        .iter()
        .take(AT_A_TIME)
        .map(|item| ItemId(item["item_id"].as_uuid()))
        .collect();
    let found = match wanted.is_empty() {
        true => Vec::new(),
        false => asked.shared.grid.services.inventory.items(owner, &wanted).await?,
    };
    Ok(reply::llsd(&map! {
        "agent_id" => asked.entry.agent.0,
        "items" => found.iter().map(item).collect::<Value>(),
    }))
}

/// FetchInventoryDescendents2, FetchLibDescendents2.
pub(super) async fn fetch_descendents(asked: &Asked<'_>, capability: Capability) -> Answer {
    asked.only(Method::POST)?;
    let told = asked.map()?;
    let inventory = &*asked.shared.grid.services.inventory;
    let owner = owner(asked, capability == Capability::FetchLibDescendents2);
    let wanted: Vec<_> = told["folders"].as_array().iter().take(AT_A_TIME).map(Wanted::from).collect();
    // Somebody else's folders are as good as none, whatever this agent's may be called.
    let may_have = |wanted: &&Wanted| wanted.owner.is_null() || wanted.owner == owner;
    let ids: Vec<_> =
        wanted.iter().filter(may_have).map(|wanted| wanted.id).filter(|id| !id.is_null()).collect();
    let contents = match ids.is_empty() {
        true => Vec::new(),
        false => inventory.contents(owner, &ids).await?,
    };
    let targets = targets(inventory, owner, &contents).await?;
    let (mut folders, mut bad) = (Vec::new(), Vec::new());
    for wanted in &wanted {
        let content = contents.iter().find(|content| content.folder.id == wanted.id);
        match content.filter(|_| may_have(&wanted)) {
            Some(content) => folders.push(folder(asked.entry.agent, wanted, content, &targets)),
            None if wanted.id.is_null() => folders.push(no_folder(asked.entry.agent, owner)),
            None => bad.push(map! { "error" => "Unknown", "folder_id" => wanted.id.0 }),
        }
    }
    let mut answer = Map::new();
    answer.insert("folders".into(), Value::Array(folders));
    if !bad.is_empty() {
        answer.insert("bad_folders".into(), Value::Array(bad));
    }
    Ok(reply::llsd(&Value::Map(answer)))
}

fn owner(asked: &Asked<'_>, library: bool) -> AgentId {
    if library { library::OWNER } else { asked.entry.agent }
}

/// One folder of a request.
struct Wanted {
    id: FolderId,
    owner: AgentId,
    folders: bool,
    items: bool,
}

impl From<&Value> for Wanted {
    fn from(told: &Value) -> Self {
        let flag = |name| told.get(name).is_none_or(Value::as_bool);
        Self {
            id: FolderId(told["folder_id"].as_uuid()),
            owner: AgentId(told["owner_id"].as_uuid()),
            folders: flag("fetch_folders"),
            items: flag("fetch_items"),
        }
    }
}

/// Items by their ids.
type Targets = BTreeMap<ItemId, InventoryItem>;

/// What the links in folders point to, so that the viewer can resolve them. All are asked for at once.
async fn targets(
    inventory: &dyn InventoryService,
    owner: AgentId,
    contents: &[FolderContent],
) -> Result<Targets, Fault> {
    let wanted: BTreeSet<_> = contents.iter().flat_map(links).collect();
    let wanted: Vec<_> = wanted.into_iter().collect();
    let mut targets = Targets::new();
    for wanted in wanted.chunks(AT_A_TIME) {
        let found = inventory.items(owner, wanted).await?;
        targets.extend(found.into_iter().map(|item| (item.id, item)));
    }
    Ok(targets)
}

/// Where links in a folder point to that lead out of it.
fn links(content: &FolderContent) -> BTreeSet<ItemId> {
    let here: BTreeSet<_> = content.items.iter().map(|item| item.id).collect();
    let links = content.items.iter().filter(|item| item.asset_type == asset_type::LINK);
    links.map(|link| ItemId(link.asset.0)).filter(|target| !here.contains(target)).collect()
}

fn folder(agent: AgentId, wanted: &Wanted, content: &FolderContent, targets: &Targets) -> Value {
    let FolderContent { folder, folders, items } = content;
    let mut answer = no_folder(agent, folder.owner).into_map();
    answer.insert("folder_id".into(), folder.id.0.into());
    answer.insert("version".into(), folder.version.max(1).into());
    // What is really in the folder; viewers compare it with what they got. Targets of links are elsewhere.
    answer.insert("descendents".into(), (folders.len() + items.len()).into());
    if wanted.folders {
        answer.insert("categories".into(), folders.iter().map(category).collect());
    }
    if wanted.items {
        let linked = links(content);
        let targets = linked.iter().filter_map(|id| targets.get(id));
        answer.insert("items".into(), targets.chain(items).map(item).collect());
    }
    Value::Map(answer)
}

fn no_folder(agent: AgentId, owner: AgentId) -> Value {
    map! {
        "agent_id" => agent.0,
        "categories" => Value::Array(Vec::new()),
        "descendents" => 0,
        "folder_id" => Uuid::nil(),
        "items" => Value::Array(Vec::new()),
        "owner_id" => owner.0,
        "version" => 1,
    }
}

fn category(folder: &InventoryFolder) -> Value {
    map! {
        // Both names are in use.
        "category_id" => folder.id.0,
        "folder_id" => folder.id.0,
        "name" => &folder.name,
        "parent_id" => folder.parent.0,
        "type" => folder.kind,
        "type_default" => folder.kind,
        "version" => folder.version,
    }
}

fn item(item: &InventoryItem) -> Value {
    let permissions = item.permissions;
    map! {
        "agent_id" => item.owner.0,
        "asset_id" => item.asset.0,
        "created_at" => i32::try_from(item.created).unwrap_or(i32::MAX),
        "desc" => &item.description,
        "flags" => item.flags,
        "inv_type" => item.inventory_type,
        "item_id" => item.id.0,
        "name" => &item.name,
        "parent_id" => item.folder.0,
        "permissions" => map! {
            "base_mask" => permissions.base,
            "creator_id" => item.creator.0,
            "everyone_mask" => permissions.everyone,
            "group_id" => item.group,
            "group_mask" => permissions.group,
            "is_owner_group" => item.group_owned,
            "last_owner_id" => item.owner.0,
            "next_owner_mask" => permissions.next,
            "owner_id" => item.owner.0,
            "owner_mask" => permissions.current,
        },
        "sale_info" => map! { "sale_price" => item.sale.price, "sale_type" => i32::from(item.sale.kind) },
        "type" => item.asset_type,
    }
}

/// A new id. In the shell randomness comes from the system.
pub(super) fn random_id() -> Uuid {
    uuid::Builder::from_random_bytes(rand::random()).into_uuid()
}
