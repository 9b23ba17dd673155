//! Landmarks: a few lines of text that name a place, and how they come into an inventory.

use crate::calls::{GRID_PATIENCE, Pending};
use crate::interface::*;
use crate::region::{Context, Region};
use circuit::Delivery;
use lludp::messages as m;
use lludp::text;
use model::{AgentId, AssetId, FolderId, ItemId, RegionHandle, RegionId, Uuid, Vec3};
use services::{InventoryItem, Permissions, SaleInfo, asset_type, inventory_type};
use transfer::PeerError;

/// Landmarks are this long at most; a few hundred bytes are usual.
const MAX_BYTES: usize = 4096;

/// Bytes of an item's name and description.
const NAME_BYTES: usize = 63;
const DESCRIPTION_BYTES: usize = 127;

/// The place a landmark names; `None` when it is none.
pub(crate) fn parse(asset: &[u8]) -> Option<Place> {
    let text = std::str::from_utf8(asset.get(..MAX_BYTES.min(asset.len()))?).ok()?;
    let mut lines = text.trim_end_matches('\0').lines();
    if !lines.next()?.trim().eq_ignore_ascii_case("Landmark version 2") {
        return None;
    }
    let (mut region, mut position) = (None, None);
    for line in lines {
        let mut words = line.split_whitespace();
        match words.next() {
            Some("region_id") => region = Uuid::parse_str(words.next()?).ok(),
            Some("local_pos") => {
                let mut number = || words.next().and_then(|word| word.parse::<f32>().ok());
                position = Some(Vec3::new(number()?, number()?, number()?));
            }
            // region_handle, gatekeeper and what later versions may add.
            _ => {}
        }
    }
    let position = position.filter(|position| position.is_finite())?;
    Some(Place { region: RegionId(region.filter(|id| !id.is_nil())?), position, look_at: Vec3::X })
}

/// The landmark of a place.
fn write(place: &Place, handle: RegionHandle) -> String {
    let Vec3 { x, y, z } = place.position;
    let region = place.region;
    format!(
        "Landmark version 2\nregion_id {region}\nlocal_pos {x:.6} {y:.6} {z:.6}\nregion_handle {}\n",
        handle.0
    )
}

impl Region {
    /// CreateInventoryItem: of the place where the agent stands. Other kinds are made by capabilities.
    pub(crate) fn create_item(
        &mut self,
        cx: &mut Context<'_>,
        id: AgentId,
        wish: &m::create_inventory_item::InventoryBlock<'_>,
    ) {
        if i32::from(wish.r#type) != asset_type::LANDMARK || !wish.transaction_id.is_nil() {
            self.stats.unhandled += 1;
            return;
        }
        if !self.agents.get(&id).is_some_and(|agent| agent.acts()) {
            return;
        }
        let Some(position) = self.scene.presence(id).map(|presence| presence.position()) else { return };
        let place = Place { region: self.config.id, position, look_at: Vec3::X };
        let data = write(&place, self.config.cell.handle()).into_bytes().into();
        // Grids keep no control characters.
        let plain =
            |field, most| text::cut(&text::read(field).replace(char::is_control, ""), most).to_owned();
        let name = plain(wish.name, NAME_BYTES);
        let item = InventoryItem {
            id: ItemId(self.new_id()),
            owner: id,
            folder: FolderId(wish.folder_id),
            asset: AssetId(self.new_id()),
            asset_type: asset_type::LANDMARK,
            inventory_type: inventory_type::LANDMARK,
            name: if name.is_empty() { self.config.name.clone() } else { name },
            description: plain(wish.description, DESCRIPTION_BYTES),
            creator: id,
            creator_data: String::new(),
            created: self.unix_time(cx.now).into(),
            flags: 0,
            permissions: Permissions { next: wish.next_owner_mask & Permissions::ALL, ..Permissions::FULL },
            sale: SaleInfo::default(),
            group: Uuid::nil(),
            group_owned: false,
        };
        let call = GridCall::CreateItem { item: Box::new(item), data };
        let pending = Pending::NewItem { agent: id, callback: wish.callback_id };
        self.call_grid(cx, call, GRID_PATIENCE, pending);
    }

    /// The inventory has it, or has not.
    pub(crate) fn item_created(
        &mut self,
        cx: &mut Context<'_>,
        id: AgentId,
        callback: u32,
        result: Result<Reply, PeerError>,
    ) {
        let Ok(Reply::Item(item)) = result else {
            self.alert(cx, id, "The landmark could not be created; please try again.", None);
            return;
        };
        let (name, description) = (text::Nul::new(&item.name), text::Nul::new(&item.description));
        let block = [m::update_create_inventory_item::InventoryData {
            item_id: item.id.0,
            folder_id: item.folder.0,
            callback_id: callback,
            creator_id: item.creator.0,
            owner_id: item.owner.0,
            group_id: item.group,
            base_mask: item.permissions.base,
            owner_mask: item.permissions.current,
            group_mask: item.permissions.group,
            everyone_mask: item.permissions.everyone,
            next_owner_mask: item.permissions.next,
            group_owned: item.group_owned,
            asset_id: item.asset.0,
            r#type: item.asset_type as i8,
            inv_type: item.inventory_type as i8,
            flags: item.flags,
            sale_type: item.sale.kind,
            sale_price: item.sale.price,
            name: name.as_bytes(),
            description: description.as_bytes(),
            creation_date: i32::try_from(item.created).unwrap_or(i32::MAX),
            crc: 0,
        }];
        let message = m::UpdateCreateInventoryItem {
            agent_data: m::update_create_inventory_item::AgentData {
                agent_id: id.0,
                sim_approved: true,
                transaction_id: Uuid::nil(),
            },
            inventory_data: (&block).into(),
        };
        self.send(cx, id, &message, Delivery::CONTROL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_landmark_names_region_and_position() {
        let text =
            "Landmark version 2\nregion_id 11111111-2222-3333-4444-555555555555\nlocal_pos 12.5 34 56\n\0";
        let place = parse(text.as_bytes()).expect("a landmark");
        assert_eq!(place.position, Vec3::new(12.5, 34.0, 56.0));
        assert_eq!(place.region.to_string(), "11111111-2222-3333-4444-555555555555");
    }

    #[test]
    fn what_is_written_is_read() {
        let region = RegionId(Uuid::from_u128(7));
        let place = Place { region, position: Vec3::new(12.5, 0.0, 3456.75), look_at: Vec3::X };
        assert_eq!(parse(write(&place, RegionHandle(8)).as_bytes()), Some(place));
    }

    #[test]
    fn what_is_no_landmark_is_none() {
        let id = "11111111-2222-3333-4444-555555555555";
        for text in [
            String::new(),
            "Landmark version 1\n".into(),
            "Landmark version 2\nlocal_pos 1 2 3".into(),
            format!("Landmark version 2\nregion_id {id}\nlocal_pos 1 two 3"),
            format!("Landmark version 2\nregion_id {id}\nlocal_pos NaN 2 3"),
            "Landmark version 2\nregion_id 00000000-0000-0000-0000-000000000000\nlocal_pos 1 2 3".into(),
        ] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(parse(&[0xff; 10_000]), None);
    }
}
