//! Regions' questions and news in the words of the grid services.

use crate::metrics::Metrics;
use crate::peering::addresses::Addresses;
use model::{AgentId, GridCell, RegionHandle, RegionId, SessionId};
use region::{GridCall, GridNotice, Place, Reply};
use services::{
    Asset, AssetFlags, AssetMetadata, AvatarData, GridService, InventoryItem, LoginAppearance, Presence,
    RegionInfo, ServiceError, Services,
};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::Notify;
use transfer::{Outfit, PeerError, Refusal};

/// Regions in one answer.
const MAX_REGIONS: usize = 4096;

/// The grid as regions see it.
#[derive(Debug)]
pub(crate) struct GridSide {
    pub(crate) services: Services,
    pub(crate) addresses: Arc<Addresses>,
    metrics: Arc<Metrics>,
    /// A question to the grid's map has failed for want of it.
    out_of_reach: Notify,
}

impl GridSide {
    pub(crate) fn new(services: Services, addresses: Arc<Addresses>, metrics: Arc<Metrics>) -> Self {
        Self { services, addresses, metrics, out_of_reach: Notify::new() }
    }

    /// Comes when the grid's map turns out to be out of reach, or has since this came last.
    pub(crate) async fn away(&self) {
        self.out_of_reach.notified().await;
    }

    /// Whatever has failed so far is over.
    pub(crate) async fn is_back(&self) {
        tokio::select! {
            biased;
            () = self.away() => {}
            () = std::future::ready(()) => {}
        }
    }

    /// Answers a question of a region.
    pub(crate) async fn call(&self, call: GridCall) -> Result<Reply, PeerError> {
        let (name, begun) = (call.name(), Instant::now());
        let of_the_map = is_of_the_map(&call);
        let answer = self.ask(call).await;
        self.metrics.work.asked_grid(name, outcome(&answer), begun.elapsed());
        if of_the_map && matches!(answer, Err(ServiceError::Unavailable(_))) {
            self.out_of_reach.notify_one();
        }
        answer.map_err(|error| match error {
            ServiceError::Refused(reason) => PeerError::Refused(Refusal::new(reason)),
            ServiceError::Unavailable(why) => PeerError::Unreachable(why),
            ServiceError::Invalid(why) => PeerError::Garbage(why),
        })
    }

    async fn one(&self, region: Option<RegionInfo>) -> Reply {
        match region {
            Some(region) => Reply::Region(Some(Arc::new(self.resolved(region).await))),
            None => Reply::Region(None),
        }
    }

    async fn many(&self, mut regions: Vec<RegionInfo>) -> Reply {
        regions.truncate(MAX_REGIONS);
        // Side by side first; then each is known.
        self.addresses.look_up(regions.iter().map(|region| region.external_host.as_str())).await;
        let mut resolved = Vec::with_capacity(regions.len());
        for region in regions {
            resolved.push(Arc::new(self.resolved(region).await));
        }
        Reply::Regions(resolved)
    }

    /// A region by the address of its host: viewers are told addresses. A host that has none stays as it is, and is
    /// refused by whoever would have to tell it.
    async fn resolved(&self, mut region: RegionInfo) -> RegionInfo {
        if let Some(address) = self.addresses.v4(&region.external_host).await {
            region.external_host = address.to_string();
        }
        region
    }

    async fn ask(&self, call: GridCall) -> services::Result<Reply> {
        let Services { accounts, grid, grid_users, avatars, assets, presence, .. } = &self.services;
        Ok(match call {
            GridCall::RegionAt(handle) => self.one(grid.by_position(handle.x_m(), handle.y_m()).await?).await,
            GridCall::RegionById(id) => self.one(grid.by_id(id).await?).await,
            GridCall::RegionsByName { name, limit } => {
                self.many(grid.search(&name, limit.min(MAX_REGIONS)).await?).await
            }
            GridCall::RegionsInRange { min, max } => {
                let (from, to) = (min.handle(), last_metre(max));
                self.many(grid.range(from.x_m(), from.y_m(), to.x_m(), to.y_m()).await?).await
            }
            GridCall::Refuges { near, avoid, limit } => {
                self.many(refuges(grid, near, &avoid, limit).await?).await
            }
            GridCall::Level(agent) => Reply::Level(accounts.by_id(agent).await?.map(|account| account.level)),
            GridCall::Home(agent) => {
                let home = grid_users.get(agent).await?.and_then(|user| user.home);
                Reply::Home(home.map(|place| Place {
                    region: place.region,
                    position: place.position,
                    look_at: place.look_at,
                }))
            }
            GridCall::Asset(id) => Reply::Asset(assets.data(id).await?),
            GridCall::Names(agents) => {
                let found = accounts.by_ids(&agents).await?;
                Reply::Names(found.into_iter().map(|a| (a.id, a.first, a.last)).collect())
            }
            GridCall::Wearables(agent) => {
                let known = avatars.get(agent).await?.unwrap_or_default();
                Reply::Wearables(LoginAppearance::from_avatar(&known).wearables)
            }
            GridCall::Presence(session) => stands(presence.by_session(session).await?),
            GridCall::WhereIs(agent) => stands(presence.by_agents(&[agent]).await?.into_iter().next()),
            GridCall::CreateItem { item, data } => create_item(&self.services, *item, data).await?,
            GridCall::Social(call) => Reply::Social(crate::social::answer(&self.services, call).await?),
        })
    }

    /// Tells the grid what a region has to tell. May be repeated.
    pub(crate) async fn tell(&self, region: RegionId, notice: &GridNotice) -> services::Result<()> {
        let begun = Instant::now();
        let told = self.say(region, notice).await;
        self.metrics.work.asked_grid(notice.name(), outcome(&told), begun.elapsed());
        told
    }

    /// Whether the grid still has a session.
    pub(crate) async fn has_session(&self, session: SessionId) -> services::Result<bool> {
        self.services.presence.by_session(session).await.map(|known| known.is_some())
    }

    /// R->GU: the user is not here any more, and was there last.
    pub(crate) async fn log_out_user(&self, agent: AgentId, place: &Place) -> services::Result<()> {
        self.services.grid_users.logged_out(agent, stored(place)).await
    }

    /// R->P: the session is over. Whether it was not before.
    pub(crate) async fn end_presence(&self, session: SessionId) -> services::Result<bool> {
        self.services.presence.logout(session).await
    }

    async fn say(&self, region: RegionId, notice: &GridNotice) -> services::Result<()> {
        let Services { presence, grid_users, avatars, .. } = &self.services;
        match notice {
            GridNotice::Arrived { agent, session, place, .. } => {
                if !presence.hold(*session, region).await? {
                    tracing::info!(%agent, %session, "the grid knows no such session");
                    return Ok(());
                }
                grid_users.set_last_position(*agent, stored(place)).await
            }
            // The one is not the grid's, the other is told step by step.
            GridNotice::CameOnline { .. } | GridNotice::LoggedOut { .. } => Ok(()),
            GridNotice::SetHome { agent, place } => grid_users.set_home(*agent, stored(place)).await,
            GridNotice::Mute { agent, mute } => self.services.mutes.update(*agent, mute).await,
            GridNotice::Unmute { agent, id, name } => {
                self.services.mutes.delete(*agent, *id, name).await.map(|_| ())
            }
            GridNotice::MailHeard { agent, mark } => {
                self.services.offline_messages.heard(*agent, *mark).await
            }
            GridNotice::Outfit { agent, outfit } => {
                let known = avatars.get(*agent).await?.unwrap_or_default();
                avatars.set(*agent, &changed(&known, outfit)).await
            }
        }
    }
}

/// For metrics: one of few.
fn outcome<T>(answer: &services::Result<T>) -> &'static str {
    match answer {
        Ok(_) => "ok",
        Err(ServiceError::Refused(_)) => "refused",
        Err(ServiceError::Unavailable(_)) => "unavailable",
        Err(ServiceError::Invalid(_)) => "invalid",
    }
}

/// Whether a call goes to the region service, where our regions are entered.
fn is_of_the_map(call: &GridCall) -> bool {
    match call {
        GridCall::RegionAt(_)
        | GridCall::RegionById(_)
        | GridCall::RegionsByName { .. }
        | GridCall::RegionsInRange { .. }
        | GridCall::Refuges { .. } => true,
        GridCall::Level(_)
        | GridCall::Home(_)
        | GridCall::Asset(_)
        | GridCall::Names(_)
        | GridCall::Wearables(_)
        | GridCall::Presence(_)
        | GridCall::WhereIs(_)
        | GridCall::CreateItem { .. }
        | GridCall::Social(_) => false,
    }
}

/// Where a session's agent stands; nowhere until it has arrived.
fn stands(known: Option<Presence>) -> Reply {
    Reply::Presence(known.map(|known| known.region).filter(|region| !region.is_null()))
}

/// Where people go who have to leave their region: to those that the grid names for it, then to whatever is near and up.
/// Older grids do not know all of these questions.
async fn refuges(
    grid: &Arc<dyn GridService>,
    near: RegionHandle,
    avoid: &[RegionId],
    limit: usize,
) -> services::Result<Vec<RegionInfo>> {
    let (x, y) = (near.x_m(), near.y_m());
    let nearest = grid.online_regions(x, y, limit + avoid.len()).await;
    let named = [grid.fallback_regions(x, y).await, grid.default_regions().await];
    let mut found: Vec<RegionInfo> = Vec::new();
    for region in named.into_iter().flatten().flatten() {
        if !found.iter().any(|known| known.id == region.id) {
            found.push(region);
        }
    }
    match nearest {
        Ok(regions) => {
            let new: Vec<_> = regions
                .into_iter()
                .filter(|region| !found.iter().any(|known| known.id == region.id))
                .collect();
            found.extend(new);
        }
        Err(error) if found.is_empty() => return Err(error),
        Err(_) => {}
    }
    found.retain(|region| !avoid.contains(&region.id));
    found.truncate(limit);
    Ok(found)
}

/// The asset first: an item shows nothing without it.
async fn create_item(
    services: &Services,
    mut item: InventoryItem,
    data: Arc<[u8]>,
) -> services::Result<Reply> {
    let Services { inventory, assets, .. } = services;
    if inventory.folder(item.owner, item.folder).await?.is_none() {
        let folder = inventory.folder_for_type(item.owner, item.asset_type).await?;
        item.folder = folder.ok_or_else(|| ServiceError::Refused("There is no folder for it.".into()))?.id;
    }
    let metadata = AssetMetadata {
        id: item.asset,
        kind: item.asset_type,
        name: item.name.clone(),
        description: item.description.clone(),
        creator: item.creator,
        created: item.created,
        flags: AssetFlags::empty(),
        temporary: false,
        local: false,
    };
    item.asset = assets.store(&Asset { metadata, data }).await?;
    inventory.create_item(&item).await?;
    Ok(Reply::Item(Box::new(item)))
}

/// The north-east corner of a cell, which the cell's last metre belongs to.
fn last_metre(cell: GridCell) -> RegionHandle {
    let corner = cell.handle();
    let edge = model::CELL_M - 1;
    RegionHandle::from_metres(corner.x_m().saturating_add(edge), corner.y_m().saturating_add(edge))
}

fn stored(place: &Place) -> services::Place {
    services::Place { region: place.region, position: place.position, look_at: place.look_at }
}

/// The looks that the avatar service knows, changed to those of a region. Attachments live in the same list and are
/// not the outfit's to forget; nor does somebody whose wearables nobody knows go naked.
fn changed(known: &AvatarData, outfit: &Outfit) -> AvatarData {
    let mut looks = LoginAppearance::from_avatar(known);
    looks.serial = outfit.serial;
    if outfit.height_mm > 0 {
        looks.height_mm = outfit.height_mm;
    }
    if !outfit.visual_params.is_empty() {
        looks.visual_params.clone_from(&outfit.visual_params);
    }
    if outfit.wearables.iter().any(|worn| !worn.is_empty()) {
        looks.wearables.clone_from(&outfit.wearables);
    }
    looks.to_avatar()
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{AssetId, FolderId, ItemId, Uuid};

    #[test]
    fn an_outfit_changes_what_it_says_and_leaves_the_rest() {
        let id = Uuid::from_u128(1);
        let known = LoginAppearance {
            wearables: vec![vec![(ItemId(id), AssetId(id))]],
            attachments: vec![(5, ItemId(id))],
            height_mm: 1800,
            ..LoginAppearance::default()
        };
        let told = Outfit { visual_params: vec![0, 127, 255], serial: 5, ..Outfit::default() };
        let now = LoginAppearance::from_avatar(&changed(&known.to_avatar(), &told));
        assert_eq!((now.serial, now.height_mm, &now.visual_params[..]), (5, 1800, &[0, 127, 255][..]));
        assert_eq!((&now.wearables, &now.attachments), (&known.wearables, &known.attachments));
        let naked = Outfit { wearables: vec![vec![]; 16], height_mm: 2000, ..Outfit::default() };
        let now = LoginAppearance::from_avatar(&changed(&known.to_avatar(), &naked));
        assert_eq!((now.wearables.len(), now.height_mm), (1, 2000));
    }

    #[tokio::test]
    async fn a_new_item_finds_its_folder() {
        let fake = Arc::new(crate::fake::Fake::default());
        let owner = model::AgentId(Uuid::from_u128(1));
        let item = |folder| InventoryItem {
            id: ItemId(Uuid::from_u128(2)),
            owner,
            folder,
            asset: AssetId(Uuid::from_u128(3)),
            asset_type: services::asset_type::LANDMARK,
            inventory_type: services::inventory_type::LANDMARK,
            name: "Here".into(),
            description: String::new(),
            creator: owner,
            creator_data: String::new(),
            created: 0,
            flags: 0,
            permissions: services::Permissions::FULL,
            sale: services::SaleInfo::default(),
            group: Uuid::nil(),
            group_owned: false,
        };
        let (own, other) = (FolderId(Uuid::from_u128(4)), FolderId(Uuid::from_u128(5)));
        let data: Arc<[u8]> = b"place".as_slice().into();
        let made = async |folder| create_item(&fake.services(), item(folder), data.clone()).await;
        assert!(matches!(made(own).await, Err(ServiceError::Refused(_))), "no folder at all");
        fake.folders.lock().unwrap().push(services::InventoryFolder {
            id: own,
            owner,
            parent: FolderId::NULL,
            name: "Landmarks".into(),
            kind: services::folder_type::LANDMARKS,
            version: 1,
        });
        for folder in [own, other] {
            assert_eq!(made(folder).await, Ok(Reply::Item(Box::new(item(own)))));
        }
        assert_eq!(*fake.told.lock().unwrap(), ["item Here of 5 bytes", "item Here of 5 bytes"]);
    }

    #[test]
    fn a_range_takes_in_its_last_cell() {
        let last = last_metre(GridCell { x: 1, y: 2 });
        assert_eq!((last.x_m(), last.y_m()), (511, 767));
    }
}
