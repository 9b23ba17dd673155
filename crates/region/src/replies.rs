//! Small questions and their answers.

use crate::calls::{GRID_PATIENCE, Pending};
use crate::interface::*;
use crate::region::{Context, Region};
use circuit::Delivery;
use lludp::messages as m;
use lludp::text;
use model::{AgentId, Uuid, Vec3};
use transfer::PeerError;

/// Bytes of a name in an answer.
const NAME_BYTES: usize = 254;

/// Wearables in one AgentWearablesUpdate, of 33 bytes each; viewers heed only the first. Body parts, without which nobody
/// is seen, come first.
const WEARABLES_IN_ONE: usize = 40;

/// Baked textures in one AgentCachedTextureResponse, of 18 bytes each.
const BAKES_IN_ONE: usize = 60;

/// What one message of a list may hold, bytes: a datagram's 1200, less its head.
const LIST_BYTES: usize = 1100;

/// A list in parts that fit into a message each. No entry may be larger than that.
pub(crate) fn parts<T>(entries: &[T], bytes: impl Fn(&T) -> usize) -> impl Iterator<Item = &[T]> {
    let mut rest = entries;
    std::iter::from_fn(move || {
        let mut room = LIST_BYTES;
        let fits = |entry: &&T| {
            let left = room.checked_sub(bytes(entry));
            room = left.unwrap_or_default();
            left.is_some()
        };
        let count = rest.iter().take_while(fits).count().max(1).min(rest.len());
        let (part, after) = rest.split_at(count);
        rest = after;
        (!part.is_empty()).then_some(part)
    })
}

impl Region {
    pub(crate) fn names_found(
        &mut self,
        cx: &mut Context<'_>,
        id: AgentId,
        result: Result<Reply, PeerError>,
    ) {
        let Ok(Reply::Names(names)) = result else { return };
        let name = |name: &str| text::Nul::new(text::cut(name, NAME_BYTES));
        let texts: Vec<_> = names.iter().map(|(id, first, last)| (id.0, name(first), name(last))).collect();
        for texts in parts(&texts, |(_, first, last)| 18 + first.len() + last.len()) {
            let blocks: Vec<_> = texts
                .iter()
                .map(|(id, first, last)| m::uuid_name_reply::UUIDNameBlock {
                    id: *id,
                    first_name: first.as_bytes(),
                    last_name: last.as_bytes(),
                })
                .collect();
            let message = m::UUIDNameReply { uuid_name_block: blocks.as_slice().into() };
            self.send(cx, id, &message, Delivery::CONTROL);
        }
    }

    pub(crate) fn send_wearables(&mut self, cx: &mut Context<'_>, id: AgentId) {
        self.call_grid(cx, GridCall::Wearables(id), GRID_PATIENCE, Pending::Wearables { agent: id });
    }

    pub(crate) fn wearables_found(
        &mut self,
        cx: &mut Context<'_>,
        id: AgentId,
        result: Result<Reply, PeerError>,
    ) {
        let Ok(Reply::Wearables(wearables)) = result else { return };
        let Some(agent) = self.agents.get(&id) else { return };
        let blocks: Vec<_> = wearables
            .iter()
            .enumerate()
            .flat_map(|(kind, worn)| worn.iter().map(move |worn| (kind, worn)))
            .map(|(kind, &(item, asset))| m::agent_wearables_update::WearableData {
                item_id: item.0,
                asset_id: asset.0,
                wearable_type: kind as u8,
            })
            .take(WEARABLES_IN_ONE)
            .collect();
        let message = m::AgentWearablesUpdate {
            agent_data: m::agent_wearables_update::AgentData {
                agent_id: id.0,
                session_id: agent.session.0,
                // Viewers ignore an update with a serial below the one they have.
                serial_num: agent.outfit.serial.max(1),
            },
            wearable_data: blocks.as_slice().into(),
        };
        self.send(cx, id, &message, Delivery::CONTROL);
    }

    /// No baked texture is known here: the viewer bakes and uploads.
    pub(crate) fn answer_cached_textures(
        &mut self,
        cx: &mut Context<'_>,
        id: AgentId,
        query: &m::AgentCachedTexture<'_>,
    ) {
        let Some(session) = self.agents.get(&id).map(|agent| agent.session) else { return };
        let blocks: Vec<_> = query
            .wearable_data
            .iter()
            .map(|wanted| m::agent_cached_texture_response::WearableData {
                texture_id: Uuid::nil(),
                texture_index: wanted.texture_index,
                host_name: &[],
            })
            .collect();
        for blocks in blocks.chunks(BAKES_IN_ONE) {
            let message = m::AgentCachedTextureResponse {
                agent_data: m::agent_cached_texture_response::AgentData {
                    agent_id: id.0,
                    session_id: session.0,
                    serial_num: query.agent_data.serial_num,
                },
                wearable_data: blocks.into(),
            };
            self.send(cx, id, &message, Delivery::CONTROL);
        }
    }

    pub(crate) fn send_agent_data(&mut self, cx: &mut Context<'_>, id: AgentId) {
        let Some(agent) = self.agents.get(&id) else { return };
        let (first, last) = (text::Nul::new(&agent.first), text::Nul::new(&agent.last));
        let title = text::Nul::new(agent.group_title());
        let message = m::AgentDataUpdate {
            agent_data: m::agent_data_update::AgentData {
                agent_id: id.0,
                first_name: first.as_bytes(),
                last_name: last.as_bytes(),
                group_title: title.as_bytes(),
                active_group_id: Uuid::nil(),
                group_powers: 0,
                group_name: &[],
            },
        };
        self.send(cx, id, &message, Delivery::CONTROL);
    }

    pub(crate) fn send_region_info(&mut self, cx: &mut Context<'_>, id: AgentId) {
        let Some(agent) = self.agents.get(&id) else { return };
        let name = text::Nul::new(&self.config.name);
        let product = text::Nul::new("Sojourn");
        let max_agents = u8::try_from(self.config.max_agents).unwrap_or(u8::MAX);
        let extended =
            [m::region_info::RegionInfo3 { region_flags_extended: crate::welcome::REGION_FLAGS.into() }];
        let message = m::RegionInfo {
            agent_data: m::region_info::AgentData { agent_id: id.0, session_id: agent.session.0 },
            region_info: m::region_info::RegionInfo {
                sim_name: name.as_bytes(),
                estate_id: 1,
                parent_estate_id: 1,
                region_flags: crate::welcome::REGION_FLAGS,
                sim_access: self.config.maturity,
                max_agents,
                billable_factor: 1.0,
                object_bonus_factor: 1.0,
                water_height: self.scene.config().water_height,
                terrain_raise_limit: 100.0,
                terrain_lower_limit: -100.0,
                price_per_meter: 0,
                redirect_grid_x: 0,
                redirect_grid_y: 0,
                use_estate_sun: true,
                sun_hour: 0.0,
            },
            region_info2: m::region_info::RegionInfo2 {
                product_sku: &[],
                product_name: product.as_bytes(),
                max_agents32: u32::try_from(self.config.max_agents).unwrap_or(u32::MAX),
                hard_max_agents: u32::try_from(self.config.max_agents).unwrap_or(u32::MAX),
                hard_max_objects: 15_000,
            },
            region_info3: (&extended).into(),
            region_info5: (&[]).into(),
            combat_settings: (&[]).into(),
        };
        self.send(cx, id, &message, Delivery::CONTROL);
    }

    pub(crate) fn send_parcel_info(&mut self, cx: &mut Context<'_>, id: AgentId, wanted: Uuid) {
        let parcel = self.scene.parcel_at(Vec3::ZERO);
        if parcel.global_id != wanted {
            return;
        }
        let (name, description) = (text::Nul::new(&parcel.name), text::Nul::new(&parcel.description));
        let sim_name = text::Nul::new(&self.config.name);
        let here = self.config.cell.handle();
        let message = m::ParcelInfoReply {
            agent_data: m::parcel_info_reply::AgentData { agent_id: id.0 },
            data: m::parcel_info_reply::Data {
                parcel_id: wanted,
                owner_id: parcel.owner.0,
                name: name.as_bytes(),
                desc: description.as_bytes(),
                actual_area: parcel.area_m2,
                billable_area: parcel.area_m2,
                flags: 0,
                global_x: here.x_m() as f32 + self.config.size.x as f32 / 2.0,
                global_y: here.y_m() as f32 + self.config.size.y as f32 / 2.0,
                global_z: 0.0,
                sim_name: sim_name.as_bytes(),
                snapshot_id: parcel.snapshot.0,
                dwell: 0.0,
                sale_price: parcel.sale_price,
                auction_id: 0,
            },
        };
        self.send(cx, id, &message, Delivery::CONTROL);
    }

    pub(crate) fn send_parcel_dwell(
        &mut self,
        cx: &mut Context<'_>,
        id: AgentId,
        request: &m::ParcelDwellRequest,
    ) {
        let message = m::ParcelDwellReply {
            agent_data: m::parcel_dwell_reply::AgentData { agent_id: id.0 },
            data: m::parcel_dwell_reply::Data {
                local_id: request.data.local_id,
                parcel_id: self.scene.parcel_at(Vec3::ZERO).global_id,
                dwell: 0.0,
            },
        };
        self.send(cx, id, &message, Delivery::CONTROL);
    }

    /// There is no money here.
    pub(crate) fn send_balance(
        &mut self,
        cx: &mut Context<'_>,
        id: AgentId,
        request: &m::MoneyBalanceRequest,
    ) {
        let message = m::MoneyBalanceReply {
            money_data: m::money_balance_reply::MoneyData {
                agent_id: id.0,
                transaction_id: request.money_data.transaction_id,
                transaction_success: true,
                money_balance: 0,
                square_meters_credit: 0,
                square_meters_committed: 0,
                description: &[],
            },
            transaction_info: m::money_balance_reply::TransactionInfo {
                transaction_type: 0,
                source_id: Uuid::nil(),
                is_source_group: false,
                dest_id: Uuid::nil(),
                is_dest_group: false,
                amount: 0,
                item_description: &[],
            },
        };
        self.send(cx, id, &message, Delivery::CONTROL);
    }

    /// Everything is free.
    pub(crate) fn send_economy_data(&mut self, cx: &mut Context<'_>, id: AgentId) {
        let message = m::EconomyData {
            info: m::economy_data::Info {
                object_capacity: 15_000,
                object_count: 0,
                price_energy_unit: 0,
                price_object_claim: 0,
                price_public_object_decay: 0,
                price_public_object_delete: 0,
                price_parcel_claim: 0,
                price_parcel_claim_factor: 1.0,
                price_upload: 0,
                price_rent_light: 0,
                teleport_min_price: 0,
                teleport_price_exponent: 2.0,
                energy_efficiency: 1.0,
                price_object_rent: 0.0,
                price_object_scale_factor: 1.0,
                price_parcel_rent: 0,
                price_group_create: 0,
            },
        };
        self.send(cx, id, &message, Delivery::CONTROL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_parted_by_what_its_entries_take() {
        let lengths =
            |entries: &[usize]| parts(entries, |&bytes| bytes).map(<[usize]>::len).collect::<Vec<_>>();
        assert_eq!(lengths(&[]), [0; 0]);
        assert_eq!(lengths(&[LIST_BYTES]), [1]);
        assert_eq!(lengths(&[500, 500, 500, LIST_BYTES, 1, 1]), [2, 1, 1, 2]);
        assert_eq!(lengths(&[60; 20]), [18, 2]);
    }
}
