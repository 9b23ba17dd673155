//! Uploads in two steps: the capability says what is coming and gives a URL for one use; the bytes go there.

use super::inventory::random_id;
use super::{Answer, Asked, Capability, Fault, clean};
use crate::directory::CapsEntry;
use crate::http::reply;
use crate::http::routes::Shared;
use axum::body::{Body, Bytes};
use axum::http::{Method, Response, StatusCode};
use llsd::{Value, map};
use model::{AssetId, FolderId, ItemId, Uuid};
use services::{Asset, AssetMetadata, InventoryItem, Permissions, SaleInfo, ServiceError, asset_type};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How long an uploader waits for its bytes.
const LIFE: Duration = Duration::from_secs(60);
/// Uploaders at a time, of all agents and of one.
const ALL_AT_A_TIME: usize = 4096;
const ONES_AT_A_TIME: usize = 32;
/// Bytes of an item's name and description.
const NAME: usize = 63;
const DESCRIPTION: usize = 127;
/// Bytes of a baked texture. The largest that viewers make are of 2048 pixels, packed.
const BAKE: usize = 2 << 20;
/// The permission bit without which content may not be changed.
const MODIFY: u32 = 0x4000;

/// Uploaders that wait for their bytes.
#[derive(Debug, Default)]
pub(super) struct Uploads(Mutex<BTreeMap<Uuid, Pending>>);

#[derive(Debug)]
struct Pending {
    entry: CapsEntry,
    until: Instant,
    upload: Upload,
}

/// What is coming.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Upload {
    /// An avatar's baked texture: temporary, in no inventory.
    Baked,
    /// A new item.
    New(Box<InventoryItem>),
    /// New content of an item, which is of this kind.
    Update(ItemId, i32),
}

impl Uploads {
    fn open(&self, entry: CapsEntry, upload: Upload, now: Instant) -> Result<Uuid, Fault> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, pending| pending.until > now);
        let of_this_agent = all.values().filter(|pending| pending.entry.agent == entry.agent).count();
        if all.len() >= ALL_AT_A_TIME || of_this_agent >= ONES_AT_A_TIME {
            return Err(Fault::Busy);
        }
        let id = random_id();
        all.insert(id, Pending { entry, until: now + LIFE, upload });
        Ok(id)
    }

    fn take(&self, id: Uuid, now: Instant) -> Option<(CapsEntry, Upload)> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let pending = all.remove(&id)?;
        (pending.until > now).then_some((pending.entry, pending.upload))
    }
}

/// UploadBakedTexture.
pub(super) fn baked(asked: &Asked<'_>) -> Answer {
    asked.only(Method::POST)?;
    begin(asked, Upload::Baked)
}

/// NewFileAgentInventory, for the kinds that need no price.
pub(super) async fn new_file(asked: &Asked<'_>) -> Answer {
    asked.only(Method::POST)?;
    let told = asked.map()?;
    let (kind, inventory_kind) = match (&*told["asset_type"].as_str(), &*told["inventory_type"].as_str()) {
        ("texture", "snapshot") => (asset_type::TEXTURE, 15),
        ("texture", _) => (asset_type::TEXTURE, services::inventory_type::TEXTURE),
        ("sound", _) => (asset_type::SOUND, 1),
        ("animation" | "animatn", _) => (asset_type::ANIMATION, services::inventory_type::ANIMATION),
        _ => return Ok(failure("This kind of file cannot be uploaded here.")),
    };
    let inventory = &asked.shared.grid.services.inventory;
    let agent = asked.entry.agent;
    let folder = FolderId(told["folder_id"].as_uuid());
    let folder = match inventory.folder(agent, folder).await? {
        Some(folder) => folder.id,
        None => inventory.folder_for_type(agent, kind).await?.ok_or(Fault::NotFound)?.id,
    };
    let mask = |name, otherwise| told.get(name).map_or(otherwise, Value::as_u32) & Permissions::ALL;
    let name = clean(&told["name"].as_str(), NAME);
    begin(
        asked,
        Upload::New(Box::new(InventoryItem {
            id: ItemId(random_id()),
            owner: agent,
            folder,
            asset: AssetId::NULL,
            asset_type: kind,
            inventory_type: inventory_kind,
            name: if name.is_empty() { "New item".to_owned() } else { name },
            description: clean(&told["description"].as_str(), DESCRIPTION),
            creator: agent,
            creator_data: String::new(),
            created: unix_now(),
            flags: 0,
            permissions: Permissions {
                group: mask("group_mask", 0),
                everyone: mask("everyone_mask", 0),
                next: mask("next_owner_mask", Permissions::ALL),
                ..Permissions::FULL
            },
            sale: SaleInfo::default(),
            group: Uuid::nil(),
            group_owned: false,
        })),
    )
}

/// UpdateNotecardAgentInventory and its like.
pub(super) async fn update(asked: &Asked<'_>, capability: Capability) -> Answer {
    asked.only(Method::POST)?;
    let told = asked.map()?;
    let kind = match capability {
        Capability::UpdateNotecardAgentInventory => asset_type::NOTECARD,
        Capability::UpdateGestureAgentInventory => asset_type::GESTURE,
        _ => asset_type::SETTINGS,
    };
    let id = ItemId(told["item_id"].as_uuid());
    let item = asked.shared.grid.services.inventory.item(asked.entry.agent, id).await?;
    match changeable(item, kind) {
        Ok(item) => begin(asked, Upload::Update(item.id, kind)),
        Err(why) => Ok(failure(why)),
    }
}

/// The item, if its content may be changed to something of this kind.
fn changeable(item: Option<InventoryItem>, kind: i32) -> Result<InventoryItem, &'static str> {
    match item {
        Some(item) if item.asset_type != kind => Err("This item is of another kind."),
        Some(item) if item.permissions.current & MODIFY == 0 => Err("You may not change this item."),
        Some(item) => Ok(item),
        None => Err("There is no such item."),
    }
}

fn begin(asked: &Asked<'_>, upload: Upload) -> Answer {
    let id = asked.shared.memory.uploads.open(asked.entry, upload, Instant::now())?;
    let uploader = format!("{}CAPS/upload/{id}", asked.shared.http_base);
    Ok(reply::llsd(&map! { "state" => "upload", "uploader" => uploader }))
}

/// The bytes of an upload. The URL is used up, whatever comes of it.
pub(crate) async fn receive(shared: &Shared, id: Uuid, body: Bytes) -> Response<Body> {
    let Some((entry, upload)) = shared.memory.uploads.take(id, Instant::now()) else {
        return reply::status(StatusCode::NOT_FOUND);
    };
    // What was granted to somebody who has gone is granted no longer.
    if !shared.directory.knows(entry.agent, entry.session) {
        return reply::status(StatusCode::NOT_FOUND);
    }
    if body.is_empty() {
        return failure("Nothing came.");
    }
    let stored = match upload {
        Upload::Baked if body.len() > BAKE => return failure("A baked texture is not so large."),
        Upload::Baked => store_baked(shared, entry, body).await,
        Upload::New(item) => store_new(shared, entry, *item, body).await,
        Upload::Update(item, kind) => store_update(shared, entry, item, kind, body).await,
    };
    match stored {
        Ok(answer) => reply::llsd(&answer),
        Err(error) => {
            tracing::warn!(agent = %entry.agent, %error, "an upload was not stored");
            failure(&error.to_string())
        }
    }
}

async fn store_baked(shared: &Shared, entry: CapsEntry, body: Bytes) -> Result<Value, ServiceError> {
    let id = AssetId(random_id());
    let open = shared.directory.sessions();
    shared.memory.temporary.store(id, entry.session, &open, body).await.map_err(ServiceError::unavailable)?;
    Ok(map! { "new_asset" => id.0, "state" => "complete" })
}

async fn store_new(
    shared: &Shared,
    entry: CapsEntry,
    mut item: InventoryItem,
    body: Bytes,
) -> Result<Value, ServiceError> {
    item.asset = store_asset(shared, entry, &item, body).await?;
    shared.grid.services.inventory.create_item(&item).await?;
    Ok(complete(&item))
}

async fn store_update(
    shared: &Shared,
    entry: CapsEntry,
    item: ItemId,
    kind: i32,
    body: Bytes,
) -> Result<Value, ServiceError> {
    // As it is now: in the time that the bytes took, it may have got another name or place.
    let inventory = &shared.grid.services.inventory;
    let item = changeable(inventory.item(entry.agent, item).await?, kind);
    let mut item = item.map_err(|why| ServiceError::Refused(why.into()))?;
    item.asset = store_asset(shared, entry, &item, body).await?;
    match inventory.update_item(&item).await? {
        true => Ok(complete(&item)),
        false => Err(ServiceError::Refused("The item has gone in the meantime.".into())),
    }
}

async fn store_asset(
    shared: &Shared,
    entry: CapsEntry,
    item: &InventoryItem,
    body: Bytes,
) -> Result<AssetId, ServiceError> {
    let metadata = AssetMetadata {
        id: AssetId(random_id()),
        kind: item.asset_type,
        name: item.name.clone(),
        description: item.description.clone(),
        creator: entry.agent,
        created: unix_now(),
        ..AssetMetadata::default()
    };
    shared.grid.services.assets.store(&Asset { metadata, data: body[..].into() }).await
}

fn complete(item: &InventoryItem) -> Value {
    map! {
        "inventory_flags" => item.flags,
        "new_asset" => item.asset.0,
        "new_base_mask" => item.permissions.base,
        "new_everyone_mask" => item.permissions.everyone,
        "new_group_mask" => item.permissions.group,
        "new_inventory_item" => item.id.0,
        "new_next_owner_mask" => item.permissions.next,
        "new_owner_mask" => item.permissions.current,
        "state" => "complete",
    }
}

/// A failure in the form that viewers show.
fn failure(message: &str) -> Response<Body> {
    reply::llsd(&map! {
        "error" => map! { "identifier" => "UploadFailed", "message" => message },
        "state" => "error",
    })
}

fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{AgentId, RegionId, SessionId};

    fn entry(agent: u128) -> CapsEntry {
        let id = Uuid::from_u128(agent);
        CapsEntry { agent: AgentId(id), session: SessionId(id), region: RegionId(id) }
    }

    #[test]
    fn an_uploader_is_for_one_time_and_not_for_ever() {
        let uploads = Uploads::default();
        let now = Instant::now();
        let id = uploads.open(entry(1), Upload::Baked, now).unwrap();
        assert_eq!(uploads.take(random_id(), now), None);
        assert_eq!(uploads.take(id, now), Some((entry(1), Upload::Baked)));
        assert_eq!(uploads.take(id, now), None);
        let late = uploads.open(entry(1), Upload::Baked, now).unwrap();
        assert_eq!(uploads.take(late, now + LIFE), None);
    }

    #[test]
    fn one_agent_cannot_take_all_uploaders() {
        let uploads = Uploads::default();
        let now = Instant::now();
        for _ in 0..ONES_AT_A_TIME {
            uploads.open(entry(1), Upload::Baked, now).unwrap();
        }
        assert!(matches!(uploads.open(entry(1), Upload::Baked, now), Err(Fault::Busy)));
        uploads.open(entry(2), Upload::Baked, now).unwrap();
        // Those that were never used make room in the end.
        uploads.open(entry(1), Upload::Baked, now + LIFE).unwrap();
    }
}
