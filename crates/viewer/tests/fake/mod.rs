//! A grid of toy regions on a simulated network with a virtual clock: enough for a viewer to live in, and no more. What
//! a region does not do by itself, a test makes it say.

#![allow(dead_code, reason = "not every test uses all of it")]
#![allow(clippy::unwrap_used, reason = "the toy grid is test code too")]

mod events;
mod rig;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use circuit::{Category, Circuit, Delivery};
use llsd::Value;
use lludp::messages::*;
use lludp::text::Nul;
use lludp::{Blocks, WireMessage};
use viewer::RequestId;
use viewer::model::{GridCell, Moment, RegionHandle, Uuid, Vec3};

#[allow(unused_imports, reason = "not every test uses all of it")]
pub(crate) use self::{events::*, rig::*};

/// From the viewer to a region, and back.
pub(crate) const LATENCY: Duration = Duration::from_millis(10);
pub(crate) const LOCAL_ID: u32 = 77;

pub(crate) fn agent() -> Uuid {
    Uuid::from_u128(0xA)
}

pub(crate) fn session() -> Uuid {
    Uuid::from_u128(0x5)
}

pub(crate) fn address(cell: (u32, u32)) -> SocketAddr {
    let port = 10_000 + (cell.0 % 100) * 100 + cell.1 % 100;
    SocketAddr::from(([127, 0, 0, 1], port as u16))
}

pub(crate) fn handle(cell: (u32, u32)) -> RegionHandle {
    GridCell { x: cell.0, y: cell.1 }.handle()
}

/// What a region does when it is asked for a teleport.
#[derive(Clone, Debug)]
pub(crate) enum Reaction {
    Nothing,
    StartAndNothing,
    Local,
    Refuse(&'static str),
    /// TeleportStart, then TeleportFinish to the region at this cell.
    Finish((u32, u32)),
}

pub(crate) struct Heard {
    pub(crate) at: Moment,
    pub(crate) name: &'static str,
    /// AgentUpdate: the control flags. Otherwise 0.
    pub(crate) flags: u32,
    pub(crate) session: Option<Uuid>,
}

/// A toy region, with one circuit at most.
pub(crate) struct Fake {
    pub(crate) cell: (u32, u32),
    pub(crate) circuit: Option<Circuit>,
    pub(crate) heard: Vec<Heard>,
    pub(crate) malformed: u32,
    /// Polls of the event queue, by the ack they bore.
    pub(crate) polls: Vec<Option<i32>>,
    pub(crate) seeds: u32,
    pub(crate) reaction: Reaction,
    /// Whether CompleteAgentMovement makes the agent root here.
    pub(crate) admits: bool,
    /// HTTP status of seed and event queue.
    pub(crate) http_status: u16,
    pub(crate) seed_secret: String,
    pub(crate) position: Vec3,
    events: VecDeque<Value>,
    next_id: i32,
    waiting: Option<RequestId>,
    answers_logout: bool,
}

impl Fake {
    pub(crate) fn new(cell: (u32, u32)) -> Self {
        Self {
            cell,
            circuit: None,
            heard: Vec::new(),
            malformed: 0,
            polls: Vec::new(),
            seeds: 0,
            reaction: Reaction::Nothing,
            admits: true,
            http_status: 200,
            seed_secret: "one".to_string(),
            position: Vec3::new(128.0, 128.0, 25.0),
            events: VecDeque::new(),
            next_id: 1,
            waiting: None,
            answers_logout: true,
        }
    }

    pub(crate) fn seed_url(&self) -> String {
        format!("http://{}/seed/{}", address(self.cell), self.seed_secret)
    }

    pub(crate) fn count(&self, name: &str) -> usize {
        self.heard.iter().filter(|heard| heard.name == name).count()
    }

    pub(crate) fn first(&self, name: &str) -> Option<Moment> {
        self.heard.iter().find(|heard| heard.name == name).map(|heard| heard.at)
    }

    pub(crate) fn never_answer_logout(&mut self) {
        self.answers_logout = false;
    }

    pub(crate) fn say<'m>(&mut self, now: Moment, message: &impl WireMessage<'m>) {
        let circuit = self.circuit.as_mut().expect("the viewer has come");
        circuit.send(now, message, Delivery::CONTROL).unwrap();
    }

    pub(crate) fn handle(&mut self, now: Moment, bytes: &[u8]) {
        let mut scratch = Vec::new();
        let Ok(datagram) = lludp::header::open(bytes, &mut scratch) else {
            self.malformed += 1;
            return;
        };
        let message = match Message::decode(datagram.body) {
            Ok(message) => message,
            Err(_) => {
                self.malformed += 1;
                return;
            }
        };
        let config = circuit::Config::default();
        let circuit = self.circuit.get_or_insert_with(|| Circuit::new(config, now));
        let fresh = circuit.receive(now, &datagram) == circuit::Received::Fresh;
        if let Message::UseCircuitCode(_) = message {
            circuit.ack_now(datagram.header.sequence);
        }
        if !fresh || circuit.handle_control(now, &message) {
            return;
        }
        self.hear(now, &message);
    }

    fn hear(&mut self, now: Moment, message: &Message<'_>) {
        let (flags, named) = match message {
            Message::AgentUpdate(m) => (m.agent_data.control_flags, Some(m.agent_data.session_id)),
            Message::UseCircuitCode(m) => (0, Some(m.circuit_code.session_id)),
            _ => (0, None),
        };
        self.heard.push(Heard { at: now, name: message.name(), flags, session: named });
        match message {
            Message::UseCircuitCode(_) => self.say_handshake(now),
            Message::CompleteAgentMovement(_) if self.admits => {
                self.say_movement_complete(now, handle(self.cell));
                self.say_own_avatar(now);
            }
            Message::AgentUpdate(m) if m.agent_data.control_flags & 1 != 0 => {
                let heading = viewer::controls::heading_of(m.agent_data.body_rotation.into());
                self.position += 0.5 * Vec3::new(heading.cos(), heading.sin(), 0.0);
                self.say_terse(now, LOCAL_ID, self.position);
            }
            Message::LogoutRequest(_) if self.answers_logout => {
                let reply = LogoutReply {
                    agent_data: logout_reply::AgentData { agent_id: agent(), session_id: session() },
                    inventory_data: Blocks::EMPTY,
                };
                self.say(now, &reply);
            }
            Message::ChatFromViewer(m) => {
                let name = Nul::new("Toy Region");
                let echo = ChatFromSimulator {
                    chat_data: chat_from_simulator::ChatData {
                        from_name: &name,
                        source_id: agent(),
                        owner_id: agent(),
                        source_type: 1,
                        chat_type: m.chat_data.r#type,
                        audible: 1,
                        position: self.position,
                        message: m.chat_data.message,
                    },
                };
                self.say(now, &echo);
            }
            Message::MapNameRequest(m) => {
                let blocks = [
                    map_block_reply::Data { x: 1000, y: 1000, access: 13, ..map_entry(m.name_data.name) },
                    map_block_reply::Data { access: 255, ..map_entry(m.name_data.name) },
                ];
                let reply = MapBlockReply {
                    agent_data: map_block_reply::AgentData { agent_id: agent(), flags: 2 },
                    data: (&blocks).into(),
                    size: Blocks::ABSENT,
                };
                self.say(now, &reply);
            }
            Message::TeleportLocationRequest(_) | Message::TeleportLandmarkRequest(_) => self.react(now),
            _ => {}
        }
    }

    fn react(&mut self, now: Moment) {
        let start = TeleportStart { info: teleport_start::Info { teleport_flags: 16 } };
        match self.reaction.clone() {
            Reaction::Nothing => {}
            Reaction::StartAndNothing => self.say(now, &start),
            Reaction::Local => {
                let local = TeleportLocal {
                    info: teleport_local::Info {
                        agent_id: agent(),
                        location_id: 4,
                        position: Vec3::new(10.0, 20.0, 30.0),
                        look_at: Vec3::X,
                        teleport_flags: 16,
                    },
                };
                self.say(now, &local);
            }
            Reaction::Refuse(reason) => self.push(teleport_failed(reason)),
            Reaction::Finish(to) => {
                self.say(now, &start);
                self.push(teleport_finish(to, "one"));
            }
        }
    }

    /// Puts an event into the queue.
    pub(crate) fn push(&mut self, event: Value) {
        self.events.push_back(event);
    }

    pub(crate) fn say_handshake(&mut self, now: Moment) {
        let name = Nul::new(&format!("Region {} {}", self.cell.0, self.cell.1));
        let zero = Uuid::nil();
        let handshake = RegionHandshake {
            region_info: region_handshake::RegionInfo {
                region_flags: 0,
                sim_access: 13,
                sim_name: &name,
                sim_owner: zero,
                is_estate_manager: false,
                water_height: 20.0,
                billable_factor: 1.0,
                cache_id: zero,
                terrain_base0: zero,
                terrain_base1: zero,
                terrain_base2: zero,
                terrain_base3: zero,
                terrain_detail0: zero,
                terrain_detail1: zero,
                terrain_detail2: zero,
                terrain_detail3: zero,
                terrain_start_height00: 10.0,
                terrain_start_height01: 10.0,
                terrain_start_height10: 10.0,
                terrain_start_height11: 10.0,
                terrain_height_range00: 60.0,
                terrain_height_range01: 60.0,
                terrain_height_range10: 60.0,
                terrain_height_range11: 60.0,
            },
            region_info2: region_handshake::RegionInfo2 { region_id: zero },
            region_info3: region_handshake::RegionInfo3 {
                cpu_class_id: 9,
                cpu_ratio: 1,
                colo_name: &[],
                product_sku: &[],
                product_name: &[],
            },
            region_info4: Blocks::EMPTY,
        };
        self.say(now, &handshake);
    }

    pub(crate) fn say_movement_complete(&mut self, now: Moment, region: RegionHandle) {
        let complete = AgentMovementComplete {
            agent_data: agent_movement_complete::AgentData { agent_id: agent(), session_id: session() },
            data: agent_movement_complete::Data {
                position: self.position,
                look_at: Vec3::Y,
                region_handle: region.0,
                timestamp: 0,
            },
            sim_data: agent_movement_complete::SimData { channel_version: &[] },
        };
        self.say(now, &complete);
    }

    fn say_own_avatar(&mut self, now: Moment) {
        self.say_avatar(now, LOCAL_ID, agent(), "Ann Own", self.position);
    }

    pub(crate) fn say_avatar(&mut self, now: Moment, id: u32, full_id: Uuid, name: &str, position: Vec3) {
        let (first, last) = name.split_once(' ').unwrap();
        let names = Nul::new(&format!(
            "FirstName STRING RW SV {first}\nLastName STRING RW SV {last}\nTitle STRING RW SV "
        ));
        let mut motion = vec![0; 16];
        motion.extend(position.to_array().iter().flat_map(|axis| axis.to_le_bytes()));
        motion.resize(76, 0);
        let objects = [object_update::ObjectData {
            id,
            state: 0,
            full_id,
            crc: 0,
            p_code: 47,
            material: 4,
            click_action: 0,
            scale: Vec3::ONE,
            object_data: &motion,
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
            name_value: &names,
            data: &[],
            text: &[],
            text_color: [0; 4],
            media_url: &[],
            ps_block: &[],
            extra_params: &[],
            sound: Uuid::nil(),
            owner_id: Uuid::nil(),
            gain: 0.0,
            flags: 0,
            radius: 0.0,
            joint_type: 0,
            joint_pivot: Vec3::ZERO,
            joint_axis_or_anchor: Vec3::ZERO,
        }];
        let update = ObjectUpdate {
            region_data: object_update::RegionData {
                region_handle: handle(self.cell).0,
                time_dilation: 65535,
            },
            object_data: (&objects).into(),
        };
        self.say(now, &update);
    }

    pub(crate) fn say_terse(&mut self, now: Moment, id: u32, position: Vec3) {
        let mut data = id.to_le_bytes().to_vec();
        data.extend([0, 1]);
        data.extend([0; 16]);
        data.extend(position.to_array().iter().flat_map(|axis| axis.to_le_bytes()));
        let middle = 32768_u16;
        let quantised = [
            middle, middle, middle, middle, middle, middle, middle, middle, middle, 65535, middle, middle,
            middle,
        ];
        data.extend(quantised.iter().flat_map(|axis| axis.to_le_bytes()));
        let objects = [improved_terse_object_update::ObjectData { data: &data, texture_entry: &[] }];
        let update = ImprovedTerseObjectUpdate {
            region_data: improved_terse_object_update::RegionData {
                region_handle: handle(self.cell).0,
                time_dilation: 65535,
            },
            object_data: (&objects).into(),
        };
        let circuit = self.circuit.as_mut().expect("the viewer has come");
        circuit.send(now, &update, Delivery::unreliable(Category::Task)).unwrap();
    }

    pub(crate) fn say_kick(&mut self, now: Moment, reason: &str) {
        let kick = KickUser {
            target_block: kick_user::TargetBlock { target_ip: [0, 0, 0, 0].into(), target_port: 0 },
            user_info: kick_user::UserInfo {
                agent_id: agent(),
                session_id: session(),
                reason: &Nul::new(reason),
            },
        };
        self.say(now, &kick);
    }
}

fn map_entry(name: &[u8]) -> map_block_reply::Data<'_> {
    map_block_reply::Data {
        x: 0,
        y: 0,
        name,
        access: 0,
        region_flags: 0,
        water_height: 20,
        agents: 0,
        map_image_id: Uuid::nil(),
    }
}
