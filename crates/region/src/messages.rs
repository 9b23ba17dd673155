//! What viewers ask for, message by message.

use crate::agent::{Handshake, Request};
use crate::calls::{GRID_PATIENCE, Pending};
use crate::interface::*;
use crate::region::{Context, Region};
use circuit::{Category, Delivery, Refused};
use lludp::Message;
use lludp::messages as m;
use lludp::text;
use model::{AgentId, AssetId, Quat, RegionHandle, RegionId, TeleportFlags, Vec3};
use scene::{ChatType, Control, ControlFlags};
use std::sync::Arc;

/// Texts that viewers send are cut to this many bytes.
const CHAT_BYTES: usize = 1023;

/// The same of a notice, whose length has one byte.
const ALERT_BYTES: usize = 254;

/// UUIDNameRequest is answered for so many ids.
const NAMES_AT_ONCE: usize = 100;

impl Region {
    /// Acts on one message of a connected viewer; ids have been checked.
    pub(crate) fn handle_message(
        &mut self,
        cx: &mut Context<'_>,
        id: AgentId,
        sequence: u32,
        message: &Message<'_>,
    ) {
        self.note_wish(id, sequence, message);
        match message {
            Message::AgentUpdate(update) => self.handle_agent_update(cx, id, sequence, update),
            Message::RegionHandshakeReply(_) => self.handle_handshake_reply(cx, id),
            Message::AgentThrottle(throttle) => self.handle_throttle(cx, id, throttle.throttle.throttles),
            Message::ChatFromViewer(chat) => self.handle_chat(cx, id, chat),
            Message::TeleportLocationRequest(request) => {
                let info = &request.info;
                self.teleport(
                    cx,
                    id,
                    Request {
                        handle: RegionHandle(info.region_handle),
                        position: info.position,
                        look_at: info.look_at,
                        flags: TeleportFlags::VIA_LOCATION,
                        asked: cx.now,
                    },
                );
            }
            Message::TeleportLandmarkRequest(request) => {
                self.teleport_to_landmark(cx, id, AssetId(request.info.landmark_id));
            }
            Message::TeleportRequest(request) => {
                let place = Place {
                    region: RegionId(request.info.region_id),
                    position: request.info.position,
                    look_at: request.info.look_at,
                };
                self.teleport_to_place(cx, id, place);
            }
            Message::TeleportCancel(_) => self.cancel_teleport(cx, id, sequence),
            Message::LogoutRequest(_) => self.log_out(cx, id),
            Message::AgentQuitCopy(_) => self.viewer_quit(cx, id),
            Message::CloseCircuit(_) => self.circuit_closed(cx, id),
            Message::AgentPause(_) => self.pause(id, true),
            Message::AgentResume(_) => self.pause(id, false),
            Message::SetAlwaysRun(run) => self.set_always_run(cx, id, run.agent_data.always_run),
            Message::AgentSetAppearance(appearance) => self.handle_appearance(cx, id, appearance),
            Message::AgentAnimation(animation) => self.handle_animation(id, animation),
            Message::AgentWearablesRequest(_) => self.send_wearables(cx, id),
            Message::AgentCachedTexture(query) => self.answer_cached_textures(cx, id, query),
            Message::AgentDataUpdateRequest(_) => self.send_agent_data(cx, id),
            Message::MapNameRequest(request) => self.handle_map_name(cx, id, request),
            Message::MapBlockRequest(request) => self.handle_map_blocks(cx, id, request),
            Message::MapItemRequest(request) => self.handle_map_items(cx, id, request),
            Message::MapLayerRequest(request) => self.handle_map_layer(cx, id, request),
            Message::RequestRegionInfo(_) => self.send_region_info(cx, id),
            Message::ParcelPropertiesRequest(request) => {
                self.send_parcel_properties(cx, id, request.parcel_data.sequence_id);
            }
            Message::ParcelPropertiesRequestByID(request) => {
                self.send_parcel_properties(cx, id, request.parcel_data.sequence_id);
            }
            Message::ParcelInfoRequest(request) => self.send_parcel_info(cx, id, request.data.parcel_id),
            Message::ParcelDwellRequest(request) => self.send_parcel_dwell(cx, id, request),
            Message::UUIDNameRequest(request) => {
                let ids = request.uuid_name_block.iter().take(NAMES_AT_ONCE).map(|block| AgentId(block.id));
                let call = GridCall::Names(ids.collect());
                self.call_grid(cx, call, GRID_PATIENCE, Pending::Names { agent: id });
            }
            Message::RegionHandleRequest(request) => {
                let region = request.request_block.region_id;
                let pending = Pending::HandleOf { agent: id, region };
                self.call_grid(cx, GridCall::RegionById(RegionId(region)), GRID_PATIENCE, pending);
            }
            Message::ImprovedInstantMessage(message) => self.handle_instant_message(cx, id, message),
            Message::RetrieveInstantMessages(_) => self.open_mailbox(cx, id),
            Message::AcceptFriendship(said) => self.accept_friendship(cx, id, said),
            Message::DeclineFriendship(said) => self.decline_friendship(cx, id, said),
            Message::TerminateFriendship(said) => self.terminate_friendship(cx, id, said),
            Message::GrantUserRights(said) => self.grant_rights(cx, id, said),
            Message::RequestMultipleObjects(request) => self.resend_objects(id, request),
            Message::MoneyBalanceRequest(request) => self.send_balance(cx, id, request),
            Message::EconomyDataRequest(_) => self.send_economy_data(cx, id),
            Message::MuteListRequest(request) => self.send_mutes(cx, id, request.mute_data.mute_crc),
            Message::UpdateMuteListEntry(entry) => self.mute(cx, id, entry),
            Message::RemoveMuteListEntry(entry) => self.unmute(cx, id, entry),
            Message::RequestXfer(request) => self.begin_xfer(cx, id, &request.xfer_id),
            Message::ConfirmXferPacket(confirm) => self.continue_xfer(cx, id, &confirm.xfer_id),
            Message::AbortXfer(abort) => self.abort_xfer(id, abort.xfer_id.id),
            Message::StartLure(lure) => self.offer_teleport(cx, id, lure),
            Message::TeleportLureRequest(request) => self.accept_teleport(cx, id, &request.info),
            Message::CreateInventoryItem(wish) => self.create_item(cx, id, &wish.inventory_block),
            Message::EstateOwnerMessage(order) => self.handle_estate(cx, id, order),
            Message::GodKickUser(order) => self.handle_god_kick(cx, id, &order.user_info),
            Message::RequestGodlikePowers(wish) => self.handle_powers(cx, id, &wish.request_block),
            Message::SetStartLocationRequest(request) => self.set_home(cx, id, request),
            Message::AgentHeightWidth(_)
            | Message::AgentFOV(_)
            | Message::ViewerEffect(_)
            | Message::ViewerStats(_)
            | Message::ViewerStartAuction(_)
            | Message::VelocityInterpolateOn(_)
            | Message::VelocityInterpolateOff(_)
            | Message::ParcelAccessListRequest(_)
            | Message::AgentIsNowWearing(_)
            | Message::UserInfoRequest(_)
            | Message::GenericMessage(_)
            | Message::Error(_) => {}
            _ => self.stats.unhandled += 1,
        }
    }

    fn handle_agent_update(
        &mut self,
        cx: &mut Context<'_>,
        id: AgentId,
        sequence: u32,
        update: &m::AgentUpdate,
    ) {
        let Some(agent) = self.agents.get_mut(&id) else { return };
        let Some(link) = agent.link.as_mut() else { return };
        if link.newest_update.is_some_and(|newest| !circuit::sequence_newer(sequence, newest)) {
            return;
        }
        link.newest_update = Some(sequence);
        let data = &update.agent_data;
        if data.far.is_finite() {
            agent.draw_distance_m = data.far.clamp(scene::MIN_DRAW_DISTANCE_M, scene::MAX_DRAW_DISTANCE_M);
        }
        if !agent.acts() {
            return;
        }
        let control = Control {
            flags: ControlFlags::from_bits_truncate(data.control_flags),
            body_rotation: Quat::from(data.body_rotation),
            head_rotation: Quat::from(data.head_rotation),
            camera: scene::Camera {
                center: data.camera_center,
                at: data.camera_at_axis,
                left: data.camera_left_axis,
                up: data.camera_up_axis,
            },
            draw_distance_m: agent.draw_distance_m,
            state: data.state,
        };
        self.survey_if_view_changed(cx.now, id);
        self.scene.control(cx.now, id, &control, &mut self.scene_events);
    }

    fn handle_handshake_reply(&mut self, cx: &mut Context<'_>, id: AgentId) {
        if let Some(link) = self.agents.get_mut(&id).and_then(|agent| agent.link.as_mut()) {
            link.handshake = Handshake::Settled;
        }
        self.release_if_settled(cx, id);
    }

    fn handle_throttle(&mut self, cx: &mut Context<'_>, id: AgentId, wishes: &[u8]) {
        let Some(agent) = self.agents.get_mut(&id) else { return };
        let Some(link) = agent.link.as_mut() else { return };
        match (link.circuit.set_throttles(cx.now, wishes), wishes.try_into()) {
            (Ok(_), Ok(wishes)) => agent.throttles = Some(wishes),
            _ => self.stats.malformed += 1,
        }
    }

    fn handle_chat(&mut self, cx: &mut Context<'_>, id: AgentId, chat: &m::ChatFromViewer<'_>) {
        /// Typing starts and stops: shown as an animation, heard by nobody.
        const TYPING: std::ops::RangeInclusive<u8> = 4..=5;
        let Some(agent) = self.agents.get(&id).filter(|agent| agent.acts()) else { return };
        let data = &chat.chat_data;
        let said = text::read(data.message);
        let kind = match ChatType::from_wire(data.r#type) {
            Some(_) if said.is_empty() => return,
            Some(kind) => kind,
            None if TYPING.contains(&data.r#type) => ChatType::Say,
            None => return,
        };
        // Other channels are for scripts.
        if data.channel != 0 {
            return;
        }
        let Some(position) = self.scene.presence(id).map(|presence| presence.position()) else { return };
        let name = text::Nul::new(&agent.name());
        let said = text::Nul::new(text::cut(&said, CHAT_BYTES));
        let message = m::ChatFromSimulator {
            chat_data: m::chat_from_simulator::ChatData {
                from_name: name.as_bytes(),
                source_id: id.0,
                owner_id: id.0,
                source_type: 1,
                chat_type: data.r#type,
                audible: 1,
                position,
                message: said.as_bytes(),
            },
        };
        let hearers: Vec<_> = self.scene.hearers(position, kind).collect();
        for hearer in hearers {
            self.send(cx, hearer, &message, Delivery::CONTROL);
        }
    }

    fn pause(&mut self, id: AgentId, paused: bool) {
        if let Some(link) = self.agents.get_mut(&id).and_then(|agent| agent.link.as_mut()) {
            link.circuit.set_paused(paused);
        }
    }

    fn set_always_run(&mut self, cx: &mut Context<'_>, id: AgentId, run: bool) {
        if let Some(agent) = self.agents.get_mut(&id) {
            agent.always_run = run;
            self.scene.set_always_run(cx.now, id, run);
        }
    }

    fn handle_appearance(&mut self, cx: &mut Context<'_>, id: AgentId, message: &m::AgentSetAppearance<'_>) {
        let Some(agent) = self.agents.get_mut(&id).filter(|agent| agent.is_root()) else { return };
        let size = message.agent_data.size;
        let mut outfit = transfer::Outfit::clone(&agent.outfit);
        if !message.object_data.texture_entry.is_empty() {
            outfit.texture_entry = message.object_data.texture_entry.to_vec();
        }
        if !message.visual_param.is_empty() {
            outfit.visual_params = message.visual_param.iter().map(|param| param.param_value).collect();
        }
        if size.is_finite() && (0.5..=4.0).contains(&size.z) {
            outfit.height_mm = (size.z * 1000.0) as u32;
        }
        outfit.serial = message.agent_data.serial_num;
        let outfit = Arc::new(outfit);
        let seen = crate::looks::outfit_appearance(&outfit);
        if self.scene.set_appearance(cx.now, id, seen, &mut self.scene_events).is_err() {
            self.stats.malformed += 1;
            return;
        }
        agent.outfit = outfit.clone();
        cx.effects.push(Effect::TellGrid(GridNotice::Outfit { agent: id, outfit }));
    }

    fn handle_animation(&mut self, id: AgentId, message: &m::AgentAnimation<'_>) {
        if !self.agents.get(&id).is_some_and(|agent| agent.is_root()) {
            return;
        }
        let chosen = |start: bool| {
            message
                .animation_list
                .iter()
                .filter(move |animation| animation.start_anim == start)
                .map(|animation| animation.anim_id)
                .collect::<Vec<_>>()
        };
        self.scene.set_animations(id, &chosen(true), &chosen(false), &mut self.scene_events);
    }

    fn set_home(&mut self, cx: &mut Context<'_>, id: AgentId, request: &m::SetStartLocationRequest<'_>) {
        const HOME: u32 = 1;
        let data = &request.start_location_data;
        if data.location_id != HOME || !self.agents.get(&id).is_some_and(|agent| agent.acts()) {
            return;
        }
        let position = self.clamp_inside(data.location_pos);
        let look_at = crate::coming::sane_look_at(data.location_look_at);
        let place = Place { region: self.config.id, position, look_at };
        cx.effects.push(Effect::TellGrid(GridNotice::SetHome { agent: id, place }));
        self.alert(cx, id, "Home position set.", Some("HomePositionSet"));
    }

    /// A position on this region's ground, whatever was asked for.
    pub(crate) fn clamp_inside(&self, position: Vec3) -> Vec3 {
        let size = self.config.size;
        let clamp = |value: f32, length: u32| {
            if value.is_finite() { value.clamp(0.5, length as f32 - 0.5) } else { length as f32 / 2.0 }
        };
        let z = if position.z.is_finite() { position.z.clamp(0.0, 4096.0) } else { 0.0 };
        Vec3::new(clamp(position.x, size.x), clamp(position.y, size.y), z)
    }

    /// Sends one message to one connected viewer; nothing happens when there is none. For what nobody waits for: a full
    /// queue is counted by the circuit, since its bound is the point.
    pub(crate) fn send<'m>(
        &mut self,
        cx: &mut Context<'_>,
        id: AgentId,
        message: &impl lludp::WireMessage<'m>,
        delivery: Delivery,
    ) {
        if let Err(Refused::TooLarge(bytes)) = self.try_send(cx, id, message, delivery) {
            self.trace_life(cx, || format!("A message of {bytes} bytes for {id} cannot be sent"));
        }
    }

    /// The same, for who has to know whether the viewer will hear it.
    ///
    /// # Errors
    /// As the circuit's; closed where there is none.
    pub(crate) fn try_send<'m>(
        &mut self,
        cx: &mut Context<'_>,
        id: AgentId,
        message: &impl lludp::WireMessage<'m>,
        delivery: Delivery,
    ) -> Result<(), Refused> {
        self.trace_packet_out(cx, id, message);
        let link = self.agents.get_mut(&id).and_then(|agent| agent.link.as_mut());
        let sent = link.ok_or(Refused::Closed)?.circuit.send(cx.now, message, delivery);
        self.touch(id);
        sent
    }

    /// A notice to one user, as long as its field can hold.
    pub(crate) fn alert(&mut self, cx: &mut Context<'_>, id: AgentId, words: &str, key: Option<&str>) {
        let words = text::Nul::new(text::cut(words, ALERT_BYTES));
        let key = key.map(text::Nul::new);
        let info = key
            .as_ref()
            .map(|key| m::alert_message::AlertInfo { message: key.as_bytes(), extra_params: &[] });
        let message = m::AlertMessage {
            alert_data: m::alert_message::AlertData { message: words.as_bytes() },
            alert_info: info.as_slice().into(),
            agent_info: (&[]).into(),
        };
        self.send(cx, id, &message, Delivery::CONTROL);
    }

    pub(crate) const TASK: Delivery = Delivery::reliable(Category::Task);
}
