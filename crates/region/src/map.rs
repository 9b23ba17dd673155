//! The world map, as far as viewers ask a region for it.

use crate::calls::{GRID_PATIENCE, Pending};
use crate::interface::*;
use crate::region::{Context, Region};
use crate::replies::parts;
use circuit::Delivery;
use lludp::messages as m;
use lludp::text;
use model::{AgentId, GridCell};
use services::RegionInfo;
use std::sync::Arc;
use transfer::PeerError;

/// Regions in one answer to a name search.
const NAMES_AT_ONCE: usize = 20;

/// Bytes of a name in an answer.
const NAME_BYTES: usize = 254;

/// Items in one answer, and in one MapItemReply of it.
const ITEMS: usize = 100;
const ITEMS_IN_ONE: usize = 20;

/// Cells along one edge of what may be asked for at once.
const MAX_EDGE: u16 = 64;

/// SimAccess of a map entry that says: nothing here.
const ACCESS_NONE: u8 = 255;

/// The layer that viewers take MapBlockReply for.
const LAYER_OBJECTS: u32 = 2;

/// "Also what does not exist", to be left out of the answer's flags.
const FLAG_RETURN_NONEXISTENT: u32 = 0x10000;

impl Region {
    pub(crate) fn handle_map_name(
        &mut self,
        cx: &mut Context<'_>,
        id: AgentId,
        request: &m::MapNameRequest<'_>,
    ) {
        let name = text::read(request.name_data.name).trim().to_string();
        let pending = Pending::MapName { agent: id, name: name.clone() };
        self.call_grid(cx, GridCall::RegionsByName { name, limit: NAMES_AT_ONCE }, GRID_PATIENCE, pending);
    }

    pub(crate) fn map_name_found(
        &mut self,
        cx: &mut Context<'_>,
        id: AgentId,
        name: &str,
        result: Result<Reply, PeerError>,
    ) {
        let regions = match result {
            Ok(Reply::Regions(regions)) => regions,
            // Viewers wait for an end mark however the search went.
            _ => Vec::new(),
        };
        self.send_map_blocks(cx, id, LAYER_OBJECTS, &regions, Some(name));
    }

    pub(crate) fn handle_map_blocks(
        &mut self,
        cx: &mut Context<'_>,
        id: AgentId,
        request: &m::MapBlockRequest,
    ) {
        let area = &request.position_data;
        let clamp = |from: u16, to: u16| to.max(from).min(from.saturating_add(MAX_EDGE));
        let min = GridCell { x: area.min_x.into(), y: area.min_y.into() };
        let max =
            GridCell { x: clamp(area.min_x, area.max_x).into(), y: clamp(area.min_y, area.max_y).into() };
        let pending = Pending::MapBlocks { agent: id, flags: request.agent_data.flags };
        self.call_grid(cx, GridCall::RegionsInRange { min, max }, GRID_PATIENCE, pending);
    }

    pub(crate) fn map_blocks_found(
        &mut self,
        cx: &mut Context<'_>,
        id: AgentId,
        flags: u32,
        result: Result<Reply, PeerError>,
    ) {
        let Ok(Reply::Regions(regions)) = result else { return };
        self.send_map_blocks(cx, id, flags & !FLAG_RETURN_NONEXISTENT, &regions, None);
    }

    fn send_map_blocks(
        &mut self,
        cx: &mut Context<'_>,
        id: AgentId,
        flags: u32,
        regions: &[Arc<RegionInfo>],
        searched: Option<&str>,
    ) {
        let names: Vec<_> =
            regions.iter().map(|region| text::Nul::new(text::cut(&region.name, NAME_BYTES))).collect();
        let mut blocks: Vec<_> = regions
            .iter()
            .zip(&names)
            .filter_map(|(region, name)| {
                let cell = region.handle.cell();
                Some(m::map_block_reply::Data {
                    x: u16::try_from(cell.x).ok()?,
                    y: u16::try_from(cell.y).ok()?,
                    name: name.as_bytes(),
                    access: region.access,
                    region_flags: crate::welcome::REGION_FLAGS,
                    water_height: 20,
                    agents: 0,
                    map_image_id: region.map_image.0,
                })
            })
            .collect();
        let mut extents: Vec<_> = regions
            .iter()
            .filter(|region| u16::try_from(region.handle.cell().x.max(region.handle.cell().y)).is_ok())
            .map(|region| m::map_block_reply::Size {
                size_x: region.size.x as u16,
                size_y: region.size.y as u16,
            })
            .collect();
        let searched = searched.map(|name| text::Nul::new(text::cut(name, NAME_BYTES)));
        if let Some(name) = &searched {
            // The end mark: without it viewers never say that there is no such region.
            blocks.push(m::map_block_reply::Data {
                x: 0,
                y: 0,
                name: name.as_bytes(),
                access: ACCESS_NONE,
                region_flags: 0,
                water_height: 0,
                agents: 0,
                map_image_id: uuid::Uuid::nil(),
            });
            extents.push(m::map_block_reply::Size { size_x: 256, size_y: 256 });
        }
        let mut sizes = extents.as_slice();
        // An entry, its size, and its name.
        let bytes = |block: &m::map_block_reply::Data<'_>| 33 + block.name.len();
        for blocks in parts(&blocks, bytes) {
            let now;
            (now, sizes) = sizes.split_at(blocks.len());
            let message = m::MapBlockReply {
                agent_data: m::map_block_reply::AgentData { agent_id: id.0, flags },
                data: blocks.into(),
                size: now.into(),
            };
            self.send(cx, id, &message, Delivery::CONTROL);
        }
    }

    /// MapItemRequest: where people are; other kinds of items there are none.
    pub(crate) fn handle_map_items(
        &mut self,
        cx: &mut Context<'_>,
        id: AgentId,
        request: &m::MapItemRequest,
    ) {
        const AGENTS: u32 = 6;
        let data = &request.request_data;
        let here = self.config.cell.handle();
        let is_here = data.region_handle == 0 || data.region_handle == here.0;
        let mut items = Vec::new();
        if data.item_type == AGENTS && is_here {
            let others = self.scene.presences().filter(|other| other.is_root() && other.agent() != id);
            for position in others.map(|other| other.position()).take(ITEMS) {
                items.push(m::map_item_reply::Data {
                    x: here.x_m().saturating_add(position.x as u32),
                    y: here.y_m().saturating_add(position.y as u32),
                    id: uuid::Uuid::nil(),
                    extra: 1,
                    extra2: 0,
                    name: &[],
                });
            }
        }
        if items.is_empty() {
            items.push(m::map_item_reply::Data {
                x: here.x_m() + 1,
                y: here.y_m() + 1,
                id: uuid::Uuid::nil(),
                extra: 0,
                extra2: 0,
                name: &[],
            });
        }
        for items in items.chunks(ITEMS_IN_ONE) {
            let message = m::MapItemReply {
                agent_data: m::map_item_reply::AgentData { agent_id: id.0, flags: request.agent_data.flags },
                request_data: m::map_item_reply::RequestData { item_type: data.item_type },
                data: items.into(),
            };
            self.send(cx, id, &message, Delivery::CONTROL);
        }
    }

    pub(crate) fn handle_map_layer(
        &mut self,
        cx: &mut Context<'_>,
        id: AgentId,
        request: &m::MapLayerRequest,
    ) {
        let layer = [m::map_layer_reply::LayerData {
            left: 0,
            right: 30_000,
            top: 30_000,
            bottom: 0,
            image_id: uuid::Uuid::nil(),
        }];
        let message = m::MapLayerReply {
            agent_data: m::map_layer_reply::AgentData { agent_id: id.0, flags: request.agent_data.flags },
            layer_data: (&layer).into(),
        };
        self.send(cx, id, &message, Delivery::CONTROL);
    }

    pub(crate) fn handle_found(
        &mut self,
        cx: &mut Context<'_>,
        id: AgentId,
        region: uuid::Uuid,
        result: Result<Reply, PeerError>,
    ) {
        let Ok(Reply::Region(Some(found))) = result else { return };
        let message = m::RegionIDAndHandleReply {
            reply_block: m::region_id_and_handle_reply::ReplyBlock {
                region_id: region,
                region_handle: found.handle.0,
            },
        };
        self.send(cx, id, &message, Delivery::CONTROL);
    }
}
