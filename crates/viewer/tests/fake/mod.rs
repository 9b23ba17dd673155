//! A grid of toy regions on a simulated network with a virtual clock: enough for a viewer to live in, and no more. What
//! a region does not do by itself, a test makes it say.

#![allow(dead_code, reason = "not every test uses all of it")]
#![allow(clippy::unwrap_used, reason = "the toy grid is test code too")]

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use circuit::{Category, Circuit, Delivery};
use llsd::Value;
use lludp::messages::*;
use lludp::text::Nul;
use lludp::{Blocks, WireMessage};
use viewer::model::{AgentId, CircuitCode, FolderId, GridCell, Moment, RegionHandle, RegionSize};
use viewer::model::{SecureSessionId, SessionId, Uuid, Vec3};
use viewer::{Config, Core, HttpReply, HttpRequest, Identity, RequestId, ViewerEvent};

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

pub(crate) fn map<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::Map(entries.into_iter().map(|(key, value)| (key.to_string(), value)).collect())
}

fn text(text: &str) -> Value {
    Value::String(text.to_string())
}

fn event(message: &str, body: Value) -> Value {
    map([("message", text(message)), ("body", body)])
}

fn block(fields: Value) -> Value {
    Value::Array(vec![fields])
}

fn handle_value(cell: (u32, u32)) -> Value {
    Value::Binary(handle(cell).0.to_be_bytes().to_vec())
}

fn ip_value() -> Value {
    Value::Binary(vec![127, 0, 0, 1])
}

fn port_value(cell: (u32, u32)) -> Value {
    Value::Integer(address(cell).port().into())
}

fn seed_of(cell: (u32, u32), secret: &str) -> Value {
    text(&format!("http://{}/seed/{secret}", address(cell)))
}

pub(crate) fn enable_simulator(cell: (u32, u32)) -> Value {
    let info = map([("Handle", handle_value(cell)), ("IP", ip_value()), ("Port", port_value(cell))]);
    event("EnableSimulator", map([("SimulatorInfo", block(info))]))
}

pub(crate) fn establish(cell: (u32, u32)) -> Value {
    let body = map([
        ("agent-id", Value::Uuid(agent())),
        ("sim-ip-and-port", text(&address(cell).to_string())),
        ("seed-capability", seed_of(cell, "one")),
    ]);
    event("EstablishAgentCommunication", body)
}

pub(crate) fn teleport_finish(cell: (u32, u32), secret: &str) -> Value {
    let info = map([
        ("AgentID", Value::Uuid(agent())),
        ("LocationID", Value::Binary(vec![0, 0, 0, 4])),
        ("SimIP", ip_value()),
        ("SimPort", port_value(cell)),
        ("RegionHandle", handle_value(cell)),
        ("SeedCapability", seed_of(cell, secret)),
        ("SimAccess", Value::Integer(13)),
        ("TeleportFlags", Value::Binary(vec![0, 0, 0, 16])),
        ("RegionSizeX", Value::Binary(vec![0, 0, 1, 0])),
        ("RegionSizeY", Value::Binary(vec![0, 0, 1, 0])),
    ]);
    event("TeleportFinish", map([("Info", block(info))]))
}

pub(crate) fn teleport_failed(reason: &str) -> Value {
    let info = map([("AgentID", Value::Uuid(agent())), ("Reason", text(reason))]);
    event("TeleportFailed", map([("Info", block(info))]))
}

pub(crate) fn crossed_region(cell: (u32, u32)) -> Value {
    let agent_data = map([("AgentID", Value::Uuid(agent())), ("SessionID", Value::Uuid(session()))]);
    let zero = || Value::Array(vec![Value::Real(0.0), Value::Real(0.0), Value::Real(0.0)]);
    let info = map([("LookAt", zero()), ("Position", zero())]);
    let region = map([
        ("RegionHandle", handle_value(cell)),
        ("SeedCapability", seed_of(cell, "one")),
        ("SimIP", ip_value()),
        ("SimPort", port_value(cell)),
    ]);
    let body = map([("AgentData", block(agent_data)), ("Info", block(info)), ("RegionData", block(region))]);
    event("CrossedRegion", body)
}

enum Parcel {
    ToRegion(SocketAddr, Vec<u8>),
    ToViewer(SocketAddr, Vec<u8>),
    Ask(HttpRequest),
    Reply(RequestId, HttpReply),
}

/// The viewer, the regions, and the network between them.
pub(crate) struct Rig {
    pub(crate) now: Moment,
    pub(crate) core: Core,
    pub(crate) regions: BTreeMap<SocketAddr, Fake>,
    /// All events so far, with their moments.
    pub(crate) events: Vec<(Moment, ViewerEvent)>,
    pub(crate) cancelled: usize,
    /// Datagrams from regions that never arrive: every so many-th is lost; 0: none.
    pub(crate) lose_every: usize,
    under_way: BTreeMap<(Moment, u64), Parcel>,
    next: u64,
    datagrams: usize,
}

pub(crate) const HOME: (u32, u32) = (1000, 1000);
pub(crate) const EAST: (u32, u32) = (1001, 1000);
pub(crate) const FAR: (u32, u32) = (1050, 1050);

pub(crate) fn identity() -> Identity {
    Identity {
        agent: AgentId(agent()),
        session: SessionId(session()),
        secure_session: SecureSessionId(Uuid::from_u128(0x55)),
        circuit_code: CircuitCode(4711),
        first: "Ann".to_string(),
        last: "Own".to_string(),
        simulator: address(HOME),
        region: handle(HOME),
        region_size: RegionSize::STANDARD,
        seed: Fake::new(HOME).seed_url(),
        start_location: "last".to_string(),
        message: String::new(),
        inventory_root: FolderId::NULL,
        answer: BTreeMap::new(),
    }
}

impl Rig {
    pub(crate) fn new(config: Config) -> Self {
        let now = Moment::from_millis(1000);
        let mut rig = Self {
            now,
            core: Core::new(config, identity(), now),
            regions: [HOME, EAST, FAR].map(|cell| (address(cell), Fake::new(cell))).into(),
            events: Vec::new(),
            cancelled: 0,
            lose_every: 0,
            under_way: BTreeMap::new(),
            next: 0,
            datagrams: 0,
        };
        rig.collect();
        rig
    }

    /// In the world, with nothing more under way than heartbeats.
    pub(crate) fn in_world(config: Config) -> Self {
        let mut rig = Self::new(config);
        rig.run_until(|rig| rig.has(|event| matches!(event, ViewerEvent::LoggedIn { .. })));
        rig.run_for(Duration::from_millis(500));
        rig
    }

    pub(crate) fn region(&mut self, cell: (u32, u32)) -> &mut Fake {
        self.regions.get_mut(&address(cell)).unwrap()
    }

    /// Lets a region say something by UDP, now.
    pub(crate) fn tell(&mut self, cell: (u32, u32), say: impl FnOnce(&mut Fake, Moment)) {
        let now = self.now;
        say(self.region(cell), now);
        self.collect();
    }

    /// Puts an event into a region's queue, now.
    pub(crate) fn push(&mut self, cell: (u32, u32), event: Value) {
        self.region(cell).push(event);
        self.collect();
    }

    /// The user wishes something, now.
    pub(crate) fn wish<R>(&mut self, wish: impl FnOnce(&mut Core, Moment) -> R) -> R {
        let result = wish(&mut self.core, self.now);
        self.collect();
        result
    }

    pub(crate) fn has(&self, is_it: impl Fn(&ViewerEvent) -> bool) -> bool {
        self.events.iter().any(|(_, event)| is_it(event))
    }

    pub(crate) fn count(&self, is_it: impl Fn(&ViewerEvent) -> bool) -> usize {
        self.events.iter().filter(|(_, event)| is_it(event)).count()
    }

    /// Runs for so long.
    pub(crate) fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        while self.step(end) {}
        self.now = end;
    }

    /// Runs until it is so; at most for ten virtual minutes.
    pub(crate) fn run_until(&mut self, done: impl Fn(&Self) -> bool) {
        let end = self.now + Duration::from_secs(600);
        while !done(self) {
            assert!(self.step(end), "it never came to that; events: {:#?}", self.events);
        }
    }

    /// One thing happens. `false`: nothing more does before the end.
    fn step(&mut self, end: Moment) -> bool {
        let parcel = self.under_way.first_key_value().map(|((at, _), _)| *at);
        let regions = self.regions.values().filter_map(|fake| fake.circuit.as_ref()?.next_wakeup());
        let wakeup = regions.chain(self.core.next_wakeup()).chain(parcel).min();
        let Some(at) = wakeup.filter(|at| *at <= end) else { return false };
        assert!(at + Duration::from_secs(1) > self.now, "a wakeup of long ago");
        self.now = self.now.max(at);
        let mut delivered = false;
        while let Some(entry) = self.under_way.first_entry()
            && entry.key().0 <= self.now
        {
            delivered = true;
            let parcel = entry.remove();
            self.deliver(parcel);
        }
        if !delivered {
            self.core.handle_wakeup(self.now);
        }
        self.collect();
        true
    }

    fn deliver(&mut self, parcel: Parcel) {
        match parcel {
            Parcel::ToRegion(to, bytes) => {
                if let Some(fake) = self.regions.get_mut(&to) {
                    fake.handle(self.now, &bytes);
                }
            }
            Parcel::ToViewer(from, bytes) => self.core.handle_datagram(self.now, from, &bytes),
            Parcel::Ask(request) => self.serve(request),
            Parcel::Reply(id, reply) => self.core.handle_http(self.now, id, reply),
        }
    }

    fn serve(&mut self, request: HttpRequest) {
        let asked = |fake: &&mut Fake| request.url.starts_with(&format!("http://{}/", address(fake.cell)));
        let Some(fake) = self.regions.values_mut().find(asked) else {
            return self.post(Parcel::Reply(request.id, HttpReply::Broken));
        };
        if fake.http_status != 200 {
            let reply = HttpReply::Answer { status: fake.http_status, body: Vec::new() };
            self.post(Parcel::Reply(request.id, reply));
        } else if request.url.contains("/seed/") {
            fake.seeds += 1;
            let url = format!("http://{}/queue/{}", address(fake.cell), fake.seed_secret);
            let granted = map([("EventQueueGet", text(&url))]);
            // Once as bytes, so that the way through LLSD-XML is taken too.
            let reply = HttpReply::Answer { status: 200, body: llsd::xml::write(&granted).into_bytes() };
            self.post(Parcel::Reply(request.id, reply));
        } else {
            fake.polls.push(match &request.body["ack"] {
                Value::Integer(ack) => Some(*ack),
                Value::Undefined => None,
                other => panic!("{other:?} is no ack"),
            });
            fake.waiting = Some(request.id);
        }
    }

    fn post(&mut self, parcel: Parcel) {
        self.under_way.insert((self.now + LATENCY, self.next), parcel);
        self.next += 1;
    }

    /// Takes all that waits to be sent, and puts it on its way.
    fn collect(&mut self) {
        let mut bytes = Vec::new();
        while let Some(to) = self.core.poll_transmit(self.now, &mut bytes) {
            self.post(Parcel::ToRegion(to, bytes.clone()));
        }
        while let Some(request) = self.core.poll_http() {
            self.post(Parcel::Ask(request));
        }
        while let Some(id) = self.core.poll_cancel() {
            self.cancelled += 1;
            for fake in self.regions.values_mut() {
                if fake.waiting == Some(id) {
                    fake.waiting = None;
                }
            }
        }
        while let Some(event) = self.core.poll_event() {
            self.events.push((self.now, event));
        }
        let mut posts = Vec::new();
        for (from, fake) in &mut self.regions {
            if let Some(circuit) = &mut fake.circuit {
                while circuit.poll_datagram(self.now, &mut bytes) {
                    self.datagrams += 1;
                    if self.lose_every == 0 || !self.datagrams.is_multiple_of(self.lose_every) {
                        posts.push(Parcel::ToViewer(*from, bytes.clone()));
                    }
                }
                while circuit.poll_event().is_some() {}
            }
            if !fake.events.is_empty()
                && let Some(id) = fake.waiting.take()
            {
                let events = fake.events.drain(..).collect();
                let body = map([("events", Value::Array(events)), ("id", Value::Integer(fake.next_id))]);
                fake.next_id += 1;
                posts.push(Parcel::Reply(id, HttpReply::Value { status: 200, body }));
            }
        }
        for parcel in posts {
            self.post(parcel);
        }
    }
}
