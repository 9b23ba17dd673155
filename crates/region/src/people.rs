//! Who sees whom: scene news into what each viewer still has to hear, and that into datagrams.

use crate::region::{Context, Region};
use circuit::{Category, Delivery, Encoded};
use lludp::layer::LayerKind;
use lludp::messages as m;
use lludp::text;
use model::{AgentId, LocalId, Moment, TeleportFlags, Uuid, Vec3};
use scene::interest::PendingKind;
use scene::{Appearance, AvatarName, NewPresence, Placement, Presence, SceneEvent};
use std::sync::Arc;
use std::time::Duration;
use transfer::Outfit;

/// Terse updates in one packet: 18 of 66 bytes stay below 1200.
const TERSE_IN_ONE: usize = 16;

/// Removals in one packet.
const KILLS_IN_ONE: usize = 64;

/// Bytes of land that may wait in a circuit; the rest is produced when these have gone.
const LAND_AHEAD_BYTES: usize = 4096;

/// Land patches produced at once; as many as fit share a packet.
const PATCHES_AT_ONCE: usize = 16;

/// After a budget has refused, it is tried again in this time.
const RETRY: Duration = Duration::from_millis(50);

/// An agent is kept from going on over a border until its viewer knows that it is here, for so long at most after that
/// was said.
const WELCOME: Duration = Duration::from_secs(2);

/// PCode of an avatar.
const PCODE_AVATAR: u8 = 47;
/// Material of an avatar: flesh.
const MATERIAL_FLESH: u8 = 4;

/// What the scene needs to know of an outfit.
pub(crate) fn appearance(outfit: &Outfit) -> Appearance {
    let standard = Appearance::default();
    let height = if outfit.height_mm > 0 { outfit.height_mm as f32 / 1000.0 } else { standard.size.z };
    Appearance {
        texture_entry: if outfit.texture_entry.is_empty() {
            Arc::from(default_texture_entry())
        } else {
            Arc::from(outfit.texture_entry.as_slice())
        },
        visual_params: Arc::from(outfit.visual_params.as_slice()),
        size: Vec3::new(standard.size.x, standard.size.y, height),
        ..standard
    }
}

/// One texture on everything: the one that viewers have built in for avatars without bakes.
fn default_texture_entry() -> Vec<u8> {
    const DEFAULT_AVATAR: [u8; 16] = uuid::uuid!("c228d1cf-4b5d-4ba8-84f4-899a0796aa97").into_bytes();
    let mut entry = DEFAULT_AVATAR.to_vec();
    // Each part is a default value and an empty list of exceptions (a zero byte): texture, colour (stored inverted),
    // repeats (two floats), offsets and rotation (two bytes each), then material, media, glow and material id.
    entry.push(0);
    entry.extend([0, 0, 0, 0, 0]);
    for _ in 0..2 {
        entry.extend(1.0_f32.to_le_bytes());
        entry.push(0);
    }
    entry.extend([0; 9]);
    entry.extend([0; 6]);
    entry.extend([0; 16]);
    entry
}

impl Region {
    /// A child agent's or an expected agent's place in the scene.
    pub(crate) fn enter_scene(&mut self, cx: &mut Context<'_>, id: AgentId) {
        let Some(agent) = self.agents.get(&id) else { return };
        let presence = NewPresence {
            agent: id,
            name: AvatarName {
                first: agent.first.clone(),
                last: agent.last.clone(),
                title: agent.group_title().to_owned(),
            },
            appearance: appearance(&agent.outfit),
            draw_distance_m: agent.draw_distance_m,
            root: false,
            placement: Placement::default(),
        };
        // A full scene leaves the agent without a presence; whoever let it in counts agents more strictly.
        let _ = self.scene.add(cx.now, presence, &mut self.scene_events);
    }

    pub(crate) fn leave_scene(&mut self, id: AgentId) {
        self.scene.remove(id, &mut self.scene_events);
    }

    /// Lets the scene's time pass and passes its news on.
    pub(crate) fn run_scene(&mut self, cx: &mut Context<'_>) {
        if self.scene.next_wakeup().is_some_and(|at| at <= cx.now) {
            self.scene.tick(cx.now, &mut self.scene_events);
            self.stats.ticks += 1;
        }
        // Passing news on can make more of it (a refused border): until there is none.
        while !self.scene_events.is_empty() {
            let mut events = std::mem::take(&mut self.scene_events);
            for event in events.drain(..) {
                self.pass_on(cx, event);
            }
            if self.scene_events.is_empty() {
                self.scene_events = events;
                return;
            }
        }
    }

    fn pass_on(&mut self, cx: &mut Context<'_>, event: SceneEvent) {
        match event {
            SceneEvent::Appeared(id) => self.avatar_appeared(cx, id),
            SceneEvent::Changed(id) => {
                if let Some(local) = self.local_id(id) {
                    self.mark_all(|interest| _ = interest.mark_full(local));
                }
            }
            SceneEvent::Moved(id) => {
                if let Some(local) = self.local_id(id) {
                    self.mark_all(|interest| _ = interest.mark_terse(local));
                }
                self.survey_if_moved(cx, id);
            }
            SceneEvent::Vanished { agent, local_id } => {
                if let Some(agent) = self.agents.get_mut(&agent) {
                    agent.interest.set_own(None);
                }
                // Its own viewer is told too, as by other servers: viewers never remove the user's own avatar.
                self.mark_all(|interest| interest.mark_gone(local_id));
            }
            SceneEvent::BorderReached { agent, position, velocity } => {
                self.reach_border(cx, agent, position, velocity);
            }
            SceneEvent::AppearanceChanged(id) => {
                if let Some(encoded) = self.encode_appearance(id) {
                    // Viewers know best how they look themselves.
                    self.broadcast(cx, &encoded, Self::TASK, |other| other != id);
                }
            }
            SceneEvent::AnimationsChanged(id) => {
                if let Some(encoded) = self.encode_animations(id) {
                    self.broadcast(cx, &encoded, Delivery::unreliable(Category::Task), |_| true);
                }
            }
            SceneEvent::CoarseLocationsChanged => self.send_coarse_locations(cx),
        }
    }

    fn avatar_appeared(&mut self, cx: &mut Context<'_>, id: AgentId) {
        let Some(local) = self.local_id(id) else { return };
        if let Some(agent) = self.agents.get_mut(&id) {
            agent.interest.set_own(Some(local));
        }
        self.mark_all(|interest| _ = interest.mark_full(local));
        if let Some(encoded) = self.encode_appearance(id) {
            self.broadcast(cx, &encoded, Self::TASK, |_| true);
        }
        if let Some(encoded) = self.encode_animations(id) {
            self.broadcast(cx, &encoded, Self::TASK, |_| true);
        }
    }

    fn local_id(&self, id: AgentId) -> Option<LocalId> {
        self.scene.presence(id).map(Presence::local_id)
    }

    fn mark_all(&mut self, mut mark: impl FnMut(&mut scene::interest::InterestList)) {
        for (&id, agent) in &mut self.agents {
            if agent.link.is_none() || agent.closing.is_some() {
                continue;
            }
            mark(&mut agent.interest);
            if !agent.ready {
                agent.ready = true;
                self.ready.push_back(id);
            }
        }
    }

    /// Sends one encoded message to all connected viewers that `wanted` says.
    fn broadcast(
        &mut self,
        cx: &mut Context<'_>,
        message: &Encoded,
        delivery: Delivery,
        wanted: impl Fn(AgentId) -> bool,
    ) {
        for (&id, agent) in &mut self.agents {
            let Some(link) = agent.link.as_mut().filter(|_| wanted(id)) else { continue };
            // Full queues are counted by the circuit; the bound is the point.
            let _ = link.circuit.send_encoded(cx.now, message, delivery);
            if !agent.ready {
                agent.ready = true;
                self.ready.push_back(id);
            }
        }
    }

    fn encode_appearance(&self, id: AgentId) -> Option<Encoded> {
        let presence = self.scene.presence(id).filter(|presence| presence.is_root())?;
        let appearance = presence.appearance();
        // With one parameter or none viewers ignore the message.
        if appearance.visual_params.len() < 2 {
            return None;
        }
        let params: Vec<_> = appearance
            .visual_params
            .iter()
            .map(|&param_value| m::avatar_appearance::VisualParam { param_value })
            .collect();
        let data = [m::avatar_appearance::AppearanceData {
            appearance_version: 0,
            cof_version: appearance.cof_version,
            flags: 0,
        }];
        let hover =
            [m::avatar_appearance::AppearanceHover { hover_height: Vec3::new(0.0, 0.0, appearance.hover_m) }];
        Some(Encoded::new(&m::AvatarAppearance {
            sender: m::avatar_appearance::Sender { id: id.0, is_trial: false },
            object_data: m::avatar_appearance::ObjectData { texture_entry: &appearance.texture_entry },
            visual_param: params.as_slice().into(),
            appearance_data: (&data).into(),
            appearance_hover: (&hover).into(),
            attachment_block: (&[]).into(),
        }))
    }

    fn encode_animations(&self, id: AgentId) -> Option<Encoded> {
        let presence = self.scene.presence(id).filter(|presence| presence.is_root())?;
        let list: Vec<_> = presence
            .animations()
            .iter()
            .map(|playing| m::avatar_animation::AnimationList {
                anim_id: playing.id,
                anim_sequence_id: playing.sequence,
            })
            .collect();
        Some(Encoded::new(&m::AvatarAnimation {
            sender: m::avatar_animation::Sender { id: id.0 },
            animation_list: list.as_slice().into(),
            animation_source_list: (&[]).into(),
            physical_avatar_event_list: (&[]).into(),
        }))
    }

    /// Everybody who is here already, to one viewer: looks and animations (bodies come by the interest list).
    pub(crate) fn introduce(&mut self, cx: &mut Context<'_>, to: AgentId) {
        let others: Vec<_> = self
            .scene
            .presences()
            .filter(|presence| presence.is_root() && presence.agent() != to)
            .map(Presence::agent)
            .collect();
        for other in others {
            for encoded in
                [self.encode_appearance(other), self.encode_animations(other)].into_iter().flatten()
            {
                let Some(link) = self.agents.get_mut(&to).and_then(|agent| agent.link.as_mut()) else {
                    return;
                };
                let _ = link.circuit.send_encoded(cx.now, &encoded, Self::TASK);
            }
        }
        self.touch(to);
    }

    fn send_coarse_locations(&mut self, cx: &mut Context<'_>) {
        let everybody: Vec<_> = self.scene.coarse_locations().take(u8::MAX as usize).collect();
        let mut locations: Vec<_> = everybody
            .iter()
            .map(|place| m::coarse_location_update::Location { x: place.x, y: place.y, z: place.z })
            .collect();
        let mut agents: Vec<_> = everybody
            .iter()
            .map(|place| m::coarse_location_update::AgentData { agent_id: place.agent.0 })
            .collect();
        // Both counts must be equal, or viewers crash.
        locations.truncate(agents.len());
        agents.truncate(locations.len());
        let viewers: Vec<_> =
            self.agents.values().filter(|agent| agent.link.is_some()).map(|agent| agent.id).collect();
        for id in viewers {
            let you = everybody.iter().position(|place| place.agent == id).map_or(-1, |at| at as i16);
            let message = m::CoarseLocationUpdate {
                location: locations.as_slice().into(),
                index: m::coarse_location_update::Index { you, prey: -1 },
                agent_data: agents.as_slice().into(),
            };
            self.send(cx, id, &message, Delivery::unreliable(Category::Task));
        }
    }

    /// RequestMultipleObjects: a viewer has lost sight of something.
    pub(crate) fn resend_objects(&mut self, id: AgentId, request: &m::RequestMultipleObjects<'_>) {
        let Some(agent) = self.agents.get_mut(&id) else { return };
        for object in request.object_data.iter() {
            let local = LocalId(object.id);
            if self.scene.presence_by_local(local).is_some_and(Presence::is_root) {
                agent.interest.mark_full(local);
            }
        }
        self.touch(id);
    }

    /// The agent walks out of the region: into a neighbour, if there is one that takes it.
    fn reach_border(&mut self, cx: &mut Context<'_>, id: AgentId, position: Vec3, _: Vec3) {
        let here = self.config.cell.handle();
        let Some(presence) = self.scene.presence(id) else { return };
        let look_at = presence.look_at();
        let outside =
            (f64::from(here.x_m()) + f64::from(position.x), f64::from(here.y_m()) + f64::from(position.y));
        let Some(agent) = self.agents.get(&id) else { return };
        let known =
            agent.children.values().any(|child| child.region.rect().contains_global(outside.0, outside.1));
        // The neighbours are known from the survey: where there is none, there is nothing to ask.
        // Heard after the next crossing, the welcome here would take the viewer back.
        let unwelcomed = !agent.welcomed && cx.now.since(agent.greeted) < WELCOME;
        let bound = unwelcomed || agent.leaving.is_some() || self.awaits_things(cx.now, id);
        if !known || !agent.acts() || bound {
            self.scene.border_refused(cx.now, id, &mut self.scene_events);
            return;
        }
        let flags = TeleportFlags::empty();
        let request = crate::agent::Request { handle: here, position, look_at, flags, asked: cx.now };
        self.depart_to(cx, id, request, true);
    }

    /// The next datagram for one agent: what its circuit has due, then the newest news of others, then land.
    pub(crate) fn poll_agent(
        &mut self,
        now: Moment,
        id: AgentId,
        out: &mut Vec<u8>,
    ) -> Option<std::net::SocketAddr> {
        let agent = self.agents.get_mut(&id)?;
        let observer = self.scene.presence(id).map_or(Vec3::ZERO, |presence| {
            if presence.is_root() {
                presence.position()
            } else {
                presence.child_position().unwrap_or(Vec3::ZERO)
            }
        });
        let link = agent.link.as_mut()?;
        agent.retry_at = (!link.land.is_done() && link.land_from > now).then_some(link.land_from);
        let address = link.address;
        let land_due = link.land_from <= now;
        while land_due
            && !link.land.is_done()
            && link.circuit.statistics().queued_bytes[Category::Land.index()] < LAND_AHEAD_BYTES
        {
            let (terrain, size) = (self.scene.terrain(), self.config.size);
            let patches = link.land.take(PATCHES_AT_ONCE);
            let kind = LayerKind::land(size).to_wire();
            let heights = |x, y| terrain.patch(u32::from(x), u32::from(y));
            self.land.encode(heights, &patches, size, |data| {
                let message = m::LayerData {
                    layer_id: m::layer_data::LayerID { r#type: kind },
                    layer_data: m::layer_data::LayerData { data },
                };
                // There is room: it has just been looked at.
                let _ = link.circuit.send(now, &message, Delivery::reliable(Category::Land));
            });
        }
        if link.circuit.poll_datagram(now, out) {
            return Some(address);
        }
        let scene = &self.scene;
        if agent.interest.is_empty() {
            return None;
        }
        let ready_at = link.circuit.ready_at(Category::Task);
        if ready_at > now {
            agent.retry_at = Some(agent.retry_at.map_or(ready_at, |at| at.min(ready_at)));
            return None;
        }
        // Composed at the last moment, from the newest state: what a slow viewer missed costs nothing.
        let mut terse = [[0_u8; 60]; TERSE_IN_ONE];
        let mut terse_count = 0;
        let mut kills = [LocalId(0); KILLS_IN_ONE];
        let mut kill_count = 0;
        let mut full = None;
        while terse_count < TERSE_IN_ONE && kill_count < KILLS_IN_ONE {
            let Some(pending) = agent.interest.next(observer, |local| scene.candidate(local)) else { break };
            match pending.kind {
                PendingKind::Gone if terse_count == 0 => {
                    kills[kill_count] = pending.local;
                    kill_count += 1;
                }
                PendingKind::Terse if kill_count == 0 => {
                    if let Some(presence) = scene.presence_by_local(pending.local) {
                        terse[terse_count] = scene::wire::avatar_terse(presence);
                        terse_count += 1;
                    }
                }
                PendingKind::Full if kill_count == 0 && terse_count == 0 => {
                    full = Some(pending.local);
                    break;
                }
                // Of another kind: its own packet comes next.
                _ => {
                    agent.interest.put_back(pending);
                    break;
                }
            }
        }
        let region_data = (self.config.cell.handle().0, u16::MAX);
        let sent = if kill_count > 0 {
            let blocks = kills.map(|local| m::kill_object::ObjectData { id: local.0 });
            let message = m::KillObject { object_data: (&blocks[..kill_count]).into() };
            link.circuit.try_write(now, Category::Task, out, &message, true)
        } else if terse_count > 0 {
            let blocks: [m::improved_terse_object_update::ObjectData<'_>; TERSE_IN_ONE] =
                std::array::from_fn(|at| m::improved_terse_object_update::ObjectData {
                    data: &terse[at],
                    texture_entry: &[],
                });
            let message = m::ImprovedTerseObjectUpdate {
                region_data: m::improved_terse_object_update::RegionData {
                    region_handle: region_data.0,
                    time_dilation: region_data.1,
                },
                object_data: (&blocks[..terse_count]).into(),
            };
            link.circuit.try_write(now, Category::Task, out, &message, false)
        } else if let Some(presence) = full.and_then(|local| scene.presence_by_local(local)) {
            write_full(now, link, presence, region_data, out)
        } else {
            return None;
        };
        if sent {
            let name = match (kill_count, terse_count) {
                (0, 0) => "ObjectUpdate",
                (0, _) => "ImprovedTerseObjectUpdate",
                _ => "KillObject",
            };
            self.trace_composed(id, name);
            return Some(address);
        }
        // Refused by a budget after all: said again when there is room.
        agent.retry_at = Some(now + RETRY);
        for local in &kills[..kill_count] {
            agent.interest.mark_gone(*local);
        }
        if let Some(local) = full {
            agent.interest.mark_full(local);
        }
        None
    }
}

/// ObjectUpdate of one avatar.
fn write_full(
    now: Moment,
    link: &mut crate::agent::Link,
    presence: &Presence,
    (region_handle, time_dilation): (u64, u16),
    out: &mut Vec<u8>,
) -> bool {
    let name = presence.name();
    let values = text::Nul::new(&format!(
        "FirstName STRING RW SV {}\nLastName STRING RW SV {}\nTitle STRING RW SV {}",
        name.first, name.last, name.title
    ));
    let data = scene::wire::avatar_object_data(presence);
    let block = [m::object_update::ObjectData {
        id: presence.local_id().0,
        state: 0,
        full_id: presence.agent().0,
        crc: 0,
        p_code: PCODE_AVATAR,
        material: MATERIAL_FLESH,
        click_action: 0,
        scale: presence.appearance().size,
        object_data: &data,
        parent_id: 0,
        update_flags: 0,
        path_curve: 16,
        profile_curve: 1,
        path_begin: 0,
        path_end: 0,
        path_scale_x: 100,
        path_scale_y: 100,
        path_shear_x: 0,
        path_shear_y: 0,
        path_twist: 0,
        path_twist_begin: 0,
        path_radius_offset: 0,
        path_taper_x: 0,
        path_taper_y: 0,
        path_revolutions: 0,
        path_skew: 0,
        profile_begin: 0,
        profile_end: 0,
        profile_hollow: 0,
        texture_entry: &[],
        texture_anim: &[],
        name_value: values.as_bytes(),
        data: &[],
        text: &[],
        text_color: [0; 4],
        media_url: &[],
        ps_block: &[],
        extra_params: &[0],
        sound: Uuid::nil(),
        owner_id: Uuid::nil(),
        gain: 0.0,
        flags: 0,
        radius: 0.0,
        joint_type: 0,
        joint_pivot: Vec3::ZERO,
        joint_axis_or_anchor: Vec3::ZERO,
    }];
    let message = m::ObjectUpdate {
        region_data: m::object_update::RegionData { region_handle, time_dilation },
        object_data: (&block).into(),
    };
    link.circuit.try_write(now, Category::Task, out, &message, true)
}
