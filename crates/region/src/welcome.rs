//! What a viewer is told when it comes: the region's properties, its land and parcel, and the end of its movement.

use crate::agent::{HANDSHAKE_PAUSE, HANDSHAKE_TRIES, Handshake};
use crate::interface::Party;
use crate::region::{Context, Region, STATISTICS_PAUSE};
use agent::event;
use circuit::{Category, Delivery};
use lludp::messages as m;
use lludp::text;
use model::{AgentId, CapsSecret, TeleportFlags, Uuid, Vec3};
use transfer::{Act, ArrivalInput};

/// The four ground textures that viewers of an OpenSimulator grid know.
const TERRAIN_TEXTURES: [Uuid; 4] = [
    uuid::uuid!("b8d3965a-ad78-bf43-699b-bff8eca6c975"),
    uuid::uuid!("abb783e6-3e93-26c0-248a-247666855da3"),
    uuid::uuid!("179cdabd-398a-9b6b-1391-4dc333ba321f"),
    uuid::uuid!("beb169c7-11ea-fff2-efe5-0f24dc881df2"),
];

/// ParcelOverlay carries so many squares.
const OVERLAY_BYTES: usize = 1024;

/// Region flags (login fact sheet, section 8): landmarks, home and direct teleport are allowed, seen from outside.
pub(crate) const REGION_FLAGS: u32 = (1 << 1) | (1 << 2) | (1 << 15) | (1 << 20);

/// RegionProtocols: more than six baked layers are understood.
const PROTOCOL_BAKES_ON_MESH: u64 = 1 << 63;

/// Marks AgentMovementComplete: heard after the agent has gone on, it would take the viewer back.
pub(crate) const MOVEMENT_COMPLETE: u64 = 1;

/// Marks TeleportStart: heard after the teleport, it would begin another one for the viewer.
const TELEPORT_START: u64 = 2;

impl Region {
    /// RegionHandshake, and again later should the viewer not reply.
    pub(crate) fn send_handshake(&mut self, cx: &mut Context<'_>, id: AgentId) {
        let Some(link) = self.agents.get_mut(&id).and_then(|agent| agent.link.as_mut()) else { return };
        let tries = match link.handshake {
            Handshake::Due => 1,
            Handshake::Said { tries, .. } if tries < HANDSHAKE_TRIES => tries + 1,
            Handshake::Said { .. } | Handshake::Settled => {
                link.handshake = Handshake::Settled;
                return;
            }
        };
        link.handshake = Handshake::Said { tries, again: cx.now + HANDSHAKE_PAUSE * tries };
        let name = text::Nul::new(&self.config.name);
        let product = text::Nul::new("Sojourn");
        let extended = [m::region_handshake::RegionInfo4 {
            region_flags_extended: u64::from(REGION_FLAGS),
            region_protocols: PROTOCOL_BAKES_ON_MESH,
        }];
        let water_height = self.scene.config().water_height;
        let message = m::RegionHandshake {
            region_info: m::region_handshake::RegionInfo {
                region_flags: REGION_FLAGS,
                sim_access: self.config.maturity,
                sim_name: name.as_bytes(),
                sim_owner: self.config.owner.0,
                is_estate_manager: self.config.owner == id,
                water_height,
                billable_factor: 1.0,
                // Objects are not cached across runs: their numbers are given out anew.
                cache_id: Uuid::from_u128(self.config.id.0.as_u128() ^ u128::from(self.config.seed)),
                terrain_base0: Uuid::nil(),
                terrain_base1: Uuid::nil(),
                terrain_base2: Uuid::nil(),
                terrain_base3: Uuid::nil(),
                terrain_detail0: TERRAIN_TEXTURES[0],
                terrain_detail1: TERRAIN_TEXTURES[1],
                terrain_detail2: TERRAIN_TEXTURES[2],
                terrain_detail3: TERRAIN_TEXTURES[3],
                terrain_start_height00: 10.0,
                terrain_start_height01: 10.0,
                terrain_start_height10: 10.0,
                terrain_start_height11: 10.0,
                terrain_height_range00: 60.0,
                terrain_height_range01: 60.0,
                terrain_height_range10: 60.0,
                terrain_height_range11: 60.0,
            },
            region_info2: m::region_handshake::RegionInfo2 { region_id: self.config.id.0 },
            region_info3: m::region_handshake::RegionInfo3 {
                cpu_class_id: 9,
                cpu_ratio: 1,
                colo_name: &[],
                product_sku: &[],
                product_name: product.as_bytes(),
            },
            region_info4: (&extended).into(),
        };
        self.send(cx, id, &message, Delivery::CONTROL);
    }

    /// T4A: AgentMovementComplete, and what belongs to the place it names.
    pub(crate) fn send_movement_complete(&mut self, cx: &mut Context<'_>, id: AgentId) {
        let Some(presence) = self.scene.presence(id) else { return };
        let (position, look_at) = (presence.position(), presence.look_at());
        let Some(agent) = self.agents.get_mut(&id) else { return };
        agent.greeted = cx.now;
        let version = text::Nul::new(&self.config.version);
        let message = m::AgentMovementComplete {
            agent_data: m::agent_movement_complete::AgentData { agent_id: id.0, session_id: agent.session.0 },
            data: m::agent_movement_complete::Data {
                position,
                look_at,
                region_handle: self.config.cell.handle().0,
                timestamp: self.unix_time(cx.now),
            },
            sim_data: m::agent_movement_complete::SimData { channel_version: version.as_bytes() },
        };
        self.send(cx, id, &message, Delivery::CONTROL.with_token(MOVEMENT_COMPLETE));
        self.send_parcel_overlay(cx, id);
        self.send_parcel_properties(cx, id, 0);
        let health = m::HealthMessage { health_data: m::health_message::HealthData { health: 100.0 } };
        self.send(cx, id, &health, Delivery::CONTROL);
    }

    fn send_parcel_overlay(&mut self, cx: &mut Context<'_>, id: AgentId) {
        let overlay = self.scene.parcel_at(Vec3::ZERO).overlay(self.config.size, id);
        for (sequence, data) in overlay.chunks(OVERLAY_BYTES).enumerate() {
            let message = m::ParcelOverlay {
                parcel_data: m::parcel_overlay::ParcelData { sequence_id: sequence as i32, data },
            };
            self.send(cx, id, &message, Self::TASK);
        }
    }

    /// By the event queue: strict clients refuse it by UDP. Viewers take it for the end of a teleport.
    pub(crate) fn send_parcel_properties(&mut self, cx: &mut Context<'_>, id: AgentId, sequence: i32) {
        let position = self.scene.presence(id).map_or(Vec3::ZERO, |presence| presence.position());
        let body = crate::parcel::properties(self.scene.parcel_at(position), sequence);
        self.push_event(cx, id, event::parcel_properties(&body));
    }

    pub(crate) fn send_teleport_start(&mut self, cx: &mut Context<'_>, id: AgentId, flags: TeleportFlags) {
        let teleport_flags = (flags & TeleportFlags::VIEWER).bits();
        let message = m::TeleportStart { info: m::teleport_start::Info { teleport_flags } };
        self.send(cx, id, &message, Delivery::CONTROL.with_token(TELEPORT_START));
    }

    /// What was said about a teleport's beginning and about the arrival here is no longer true. Whether the viewer may
    /// not have heard that it had arrived.
    pub(crate) fn take_back_welcome(&mut self, id: AgentId) -> bool {
        let Some(link) = self.agents.get_mut(&id).and_then(|agent| agent.link.as_mut()) else { return false };
        link.circuit.forget(TELEPORT_START);
        link.circuit.forget(MOVEMENT_COMPLETE)
    }

    /// The teleport is over.
    pub(crate) fn take_back_start(&mut self, id: AgentId) {
        if let Some(link) = self.agents.get_mut(&id).and_then(|agent| agent.link.as_mut()) {
            link.circuit.forget(TELEPORT_START);
        }
    }

    /// The bar moves on. `key` is one of those that viewers have words for; with the flag to disable it the cancel
    /// button goes, since from there on the viewer may be expected elsewhere.
    pub(crate) fn send_teleport_progress(
        &mut self,
        cx: &mut Context<'_>,
        id: AgentId,
        flags: TeleportFlags,
        key: &str,
    ) {
        let words = text::Nul::new(key);
        let message = m::TeleportProgress {
            agent_data: m::teleport_progress::AgentData { agent_id: id.0 },
            info: m::teleport_progress::Info {
                teleport_flags: (flags & TeleportFlags::VIEWER).bits(),
                message: words.as_bytes(),
            },
        };
        self.send(cx, id, &message, Delivery::CONTROL);
    }

    pub(crate) fn send_teleport_local(
        &mut self,
        cx: &mut Context<'_>,
        id: AgentId,
        flags: TeleportFlags,
        look_at: Vec3,
        flying: bool,
    ) {
        let Some(position) = self.scene.presence(id).map(|presence| presence.position()) else { return };
        let mut flags = (flags & TeleportFlags::VIEWER) | TeleportFlags::WITHIN_REGION;
        flags.set(TeleportFlags::IS_FLYING, flying);
        let message = m::TeleportLocal {
            info: m::teleport_local::Info {
                agent_id: id.0,
                // The number that all simulators give; viewers look at nothing but the agent.
                location_id: 4,
                position,
                look_at,
                teleport_flags: flags.bits(),
            },
        };
        self.send(cx, id, &message, Delivery::CONTROL);
    }

    /// SimStats to every root agent; comes round while there is one.
    pub(crate) fn send_statistics(&mut self, cx: &mut Context<'_>) {
        let roots: Vec<_> = self.agents.values().filter(|agent| agent.acts()).map(|agent| agent.id).collect();
        self.next_statistics = (!roots.is_empty()).then(|| cx.now + STATISTICS_PAUSE);
        let children = self.agents.len() - roots.len();
        let stat = |stat_id, stat_value| m::sim_stats::Stat { stat_id, stat_value };
        let stats = [
            // Time dilation, frames and physics frames a second, agents, child agents.
            stat(0, 1.0),
            stat(1, 45.0),
            stat(2, 45.0),
            stat(13, roots.len() as f32),
            stat(14, children as f32),
        ];
        let cell = self.config.cell;
        let message = m::SimStats {
            region: m::sim_stats::Region {
                region_x: cell.x,
                region_y: cell.y,
                region_flags: REGION_FLAGS,
                object_capacity: 15_000,
            },
            stat: (&stats).into(),
            pid_stat: m::sim_stats::PidStat { pid: 0 },
            region_info: (&[]).into(),
        };
        for id in roots {
            self.send(cx, id, &message, Delivery::unreliable(Category::Task));
        }
    }

    /// The viewer has its capabilities.
    pub(crate) fn handle_seed_fetched(&mut self, cx: &mut Context<'_>, caps: CapsSecret) {
        let Some(&id) = self.caps.get(&caps) else { return };
        self.trace_life(cx, || format!("Received SEED caps request for agent {id}"));
        let asks = (Party::Viewer, Party::Destination);
        self.note_coming(cx, id, Act::Seed, asks, "seed capability", "");
        if let Some(agent) = self.agents.get_mut(&id) {
            agent.seed_fetched = true;
        }
        self.secret_used(id, caps);
        self.arrive(cx, id, ArrivalInput::Shown);
        self.release_if_settled(cx, id);
    }

    /// Seconds since 1970: what the shell said when the region began, and the time that has passed since.
    pub(crate) fn unix_time(&self, now: model::Moment) -> u32 {
        let seconds = self.config.unix_epoch_s.saturating_add(now.micros() / 1_000_000);
        u32::try_from(seconds).unwrap_or(u32::MAX)
    }
}
