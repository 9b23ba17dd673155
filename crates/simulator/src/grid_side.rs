//! Regions' questions and news in the words of the grid services.

use model::{AssetId, GridCell, ItemId, RegionHandle, RegionId, Uuid};
use region::{GridCall, GridNotice, Place, Reply};
use services::{AvatarData, RegionInfo, ServiceError, Services};
use std::sync::Arc;
use transfer::{Outfit, PeerError, Refusal};

/// Wearable types that avatars store (grid services fact sheet, section 8).
const WEARABLE_TYPES: usize = 17;
/// Items of one type that may be worn at a time.
const WORN_OF_A_TYPE: usize = 5;
/// Regions in one answer.
const MAX_REGIONS: usize = 4096;

/// The grid as regions see it.
#[derive(Clone, Debug)]
pub(crate) struct GridSide {
    pub(crate) services: Services,
}

impl GridSide {
    /// Answers a question of a region.
    pub(crate) async fn call(&self, call: GridCall) -> Result<Reply, PeerError> {
        self.ask(call).await.map_err(|error| match error {
            ServiceError::Refused(reason) => PeerError::Refused(Refusal::new(reason)),
            ServiceError::Unavailable(why) => PeerError::Unreachable(why),
            ServiceError::Invalid(why) => PeerError::Garbage(why),
        })
    }

    async fn ask(&self, call: GridCall) -> services::Result<Reply> {
        let Services { accounts, grid, grid_users, avatars, assets, .. } = &self.services;
        Ok(match call {
            GridCall::RegionAt(handle) => one(grid.by_position(handle.x_m(), handle.y_m()).await?),
            GridCall::RegionById(id) => one(grid.by_id(id).await?),
            GridCall::RegionsByName { name, limit } => {
                many(grid.search(&name, limit.min(MAX_REGIONS)).await?)
            }
            GridCall::RegionsInRange { min, max } => {
                let (from, to) = (min.handle(), last_metre(max));
                many(grid.range(from.x_m(), from.y_m(), to.x_m(), to.y_m()).await?)
            }
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
                let stored = avatars.get(agent).await?.unwrap_or_default();
                Reply::Wearables(wearables(&stored))
            }
        })
    }

    /// Tells the grid what a region has to tell. May be repeated.
    pub(crate) async fn tell(&self, region: RegionId, notice: &GridNotice) -> services::Result<()> {
        let Services { presence, grid_users, avatars, .. } = &self.services;
        match notice {
            GridNotice::Arrived { agent, session, place } => {
                if !presence.report(*session, region).await? {
                    tracing::info!(%agent, %session, "the grid knows no such session");
                    return Ok(());
                }
                grid_users.set_last_position(*agent, stored(place)).await
            }
            GridNotice::LoggedOut { agent, session, place } => {
                // The presence goes last: who finds it gone finds the last position as well.
                grid_users.logged_out(*agent, stored(place)).await?;
                presence.logout(*session).await.map(|_| ())
            }
            GridNotice::SetHome { agent, place } => grid_users.set_home(*agent, stored(place)).await,
            GridNotice::Outfit { agent, outfit } => {
                // Attachments live in the same list and are not the outfit's to forget. Nor does somebody whose
                // wearables nobody knows go naked.
                let unknown = outfit.wearables.iter().all(Vec::is_empty);
                let stays =
                    |name: &str| name.starts_with("_ap_") || (unknown && name.starts_with("Wearable "));
                let mut data = avatars.get(*agent).await?.unwrap_or_default();
                data.retain(|name, _| stays(name));
                data.extend(avatar_data(outfit));
                avatars.set(*agent, &data).await
            }
        }
    }
}

fn one(region: Option<RegionInfo>) -> Reply {
    Reply::Region(region.map(Arc::new))
}

fn many(regions: Vec<RegionInfo>) -> Reply {
    Reply::Regions(regions.into_iter().take(MAX_REGIONS).map(Arc::new).collect())
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

/// What is worn, out of the avatar service's `Wearable <type>:<n>` = `<item>:<asset>`.
fn wearables(stored: &AvatarData) -> Vec<Vec<(ItemId, AssetId)>> {
    let mut worn = vec![Vec::new(); WEARABLE_TYPES];
    for (name, value) in stored {
        let Some((kind, _)) = name.strip_prefix("Wearable ").and_then(|place| place.split_once(':')) else {
            continue;
        };
        let Some((item, asset)) = value.split_once(':') else { continue };
        let (Ok(kind), Ok(item), Ok(asset)) =
            (kind.parse::<usize>(), item.parse::<Uuid>(), asset.parse::<Uuid>())
        else {
            continue;
        };
        if let Some(worn) = worn.get_mut(kind)
            && worn.len() < WORN_OF_A_TYPE
        {
            worn.push((ItemId(item), AssetId(asset)));
        }
    }
    worn
}

fn avatar_data(outfit: &Outfit) -> AvatarData {
    let mut data = AvatarData::new();
    data.insert("AvatarType".into(), "1".into());
    data.insert("Serial".into(), outfit.serial.to_string());
    if outfit.height_mm > 0 {
        data.insert("AvatarHeight".into(), format!("{:.3}", f64::from(outfit.height_mm) / 1000.0));
    }
    if !outfit.visual_params.is_empty() {
        let params: Vec<_> = outfit.visual_params.iter().map(u8::to_string).collect();
        data.insert("VisualParams".into(), params.join(","));
    }
    for (kind, worn) in outfit.wearables.iter().take(WEARABLE_TYPES).enumerate() {
        for (n, (item, asset)) in worn.iter().take(WORN_OF_A_TYPE).enumerate() {
            data.insert(format!("Wearable {kind}:{n}"), format!("{item}:{asset}"));
        }
    }
    data
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outfit_survives_the_avatar_service() {
        let (item, asset) = (ItemId(Uuid::from_u128(1)), AssetId(Uuid::from_u128(2)));
        let mut worn = vec![Vec::new(); WEARABLE_TYPES];
        worn[0] = vec![(item, asset)];
        worn[16] = vec![(item, asset), (item, asset)];
        let outfit = Outfit {
            wearables: worn.clone(),
            visual_params: vec![0, 127, 255],
            height_mm: 1771,
            serial: 5,
            ..Outfit::default()
        };
        let data = avatar_data(&outfit);
        assert_eq!(data["VisualParams"], "0,127,255");
        assert_eq!(data["AvatarHeight"], "1.771");
        assert_eq!(wearables(&data), worn);
    }

    #[test]
    fn what_makes_no_sense_in_the_avatar_service_is_passed_over() {
        let id = Uuid::from_u128(1);
        let stored = [
            ("Wearable 99:0", format!("{id}:{id}")),
            ("Wearable x:0", format!("{id}:{id}")),
            ("Wearable 1:0", "nonsense".to_owned()),
            ("Wearable 2", format!("{id}:{id}")),
        ];
        let stored = stored.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        assert!(wearables(&stored).iter().all(Vec::is_empty));
    }

    #[test]
    fn a_range_takes_in_its_last_cell() {
        let last = last_metre(GridCell { x: 1, y: 2 });
        assert_eq!((last.x_m(), last.y_m()), (511, 767));
    }
}
