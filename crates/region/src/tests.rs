//! Regions with viewers made of bytes; the test itself is the grid.

mod anything;
mod bounds;
mod circuits;
mod closing;
mod friendship;
mod leaving;
mod mutes;
mod news;
mod parting;
mod peers;
mod places;
mod rebake;
mod release;
mod talk;
mod wishes;

use crate::*;
use lludp::header::{self, Flags};
use lludp::{Message, WireMessage, messages as m};
use model::{
    AgentId, AssetId, CircuitCode, GridCell, Moment, RegionId, RegionSize, SecureSessionId, SessionId,
    TeleportFlags, Uuid, Vec3,
};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use transfer::{AgentData, CreateAgent, PeerCall, PeerError, Refusal, Version, VersionRange};

/// Ada stands in the first region, Bob in the second, Cleo nowhere.
const ADA: AgentId = AgentId(Uuid::from_u128(0xA));
const BOB: AgentId = AgentId(Uuid::from_u128(0xB));
const CLEO: AgentId = AgentId(Uuid::from_u128(0xC));

/// Two regions and their grid.
struct Town {
    regions: Vec<Region>,
    now: Moment,
    /// Where each agent stands, and how many packets its viewer has sent.
    viewers: BTreeMap<AgentId, (usize, u32)>,
    /// What each viewer has got, undecoded.
    got: BTreeMap<AgentId, Vec<Vec<u8>>>,
    /// Numbers that each viewer has to acknowledge.
    unacked: BTreeMap<AgentId, Vec<u32>>,
    /// What the grid was asked of people.
    asked: Vec<SocialCall>,
    /// What is kept.
    assets: BTreeMap<AssetId, Arc<[u8]>>,
    /// What peers were asked.
    to_peers: Vec<PeerCall>,
    /// What the grid was told.
    told: Vec<GridNotice>,
    /// What the grid answers to the next questions; then, that it is done.
    answers: Vec<Result<SocialReply, PeerError>>,
    /// Who is a god.
    god: AgentId,
}

impl Town {
    /// Ada in the first region, Bob in the second, or in the first as well.
    fn with_bob_in(region: usize) -> Self {
        Self::that_speaks(VersionRange::ALL, region)
    }

    /// The same, with regions that speak these versions to each other.
    fn that_speaks(versions: VersionRange, region: usize) -> Self {
        let config = |index| RegionConfig { versions, ..config(index) };
        let mut town = Self {
            regions: (0..2).map(|index| Region::new(config(index), Moment::from_millis(1000))).collect(),
            now: Moment::from_millis(1000),
            viewers: BTreeMap::new(),
            got: BTreeMap::new(),
            unacked: BTreeMap::new(),
            asked: Vec::new(),
            assets: BTreeMap::new(),
            to_peers: Vec::new(),
            told: Vec::new(),
            answers: Vec::new(),
            god: CLEO,
        };
        town.enter(ADA, "Ada", 0);
        town.enter(BOB, "Bob", region);
        town.got.clear();
        town.told.clear();
        town
    }

    fn enter(&mut self, agent: AgentId, first: &str, region: usize) {
        let create = CreateAgent { first: first.into(), ..announced(agent) };
        let call = PeerCall::CreateAgent(Box::new(create));
        self.put(region, Input::Peer { call, waiter: Waiter(0) });
        self.viewers.insert(agent, (region, 0));
        self.open_from(address(agent), agent);
    }

    /// Somebody who knows all that a viewer knows opens its circuit.
    fn open_from(&mut self, from: SocketAddr, agent: AgentId) {
        let circuit_code =
            m::use_circuit_code::CircuitCode { code: 7, session_id: session(agent).0, id: agent.0 };
        self.say_from(from, agent, &m::UseCircuitCode { circuit_code });
        let agent_data = m::complete_agent_movement::AgentData {
            agent_id: agent.0,
            session_id: session(agent).0,
            circuit_code: 7,
        };
        self.say_from(from, agent, &m::CompleteAgentMovement { agent_data });
    }

    /// A viewer sends a message.
    fn say<'m>(&mut self, agent: AgentId, message: &impl WireMessage<'m>) {
        self.say_from(address(agent), agent, message);
    }

    /// The same, from anywhere.
    fn say_from<'m>(&mut self, from: SocketAddr, agent: AgentId, message: &impl WireMessage<'m>) {
        let (region, sequence) = self.viewers.get_mut(&agent).unwrap();
        *sequence += 1;
        let (region, mut bytes) = (*region, Vec::new());
        header::seal_message(&mut bytes, Flags::RELIABLE, *sequence, message, &mut Vec::new());
        self.put(region, Input::Datagram { from, bytes: &bytes });
    }

    /// The same; what the region wants done about it is not done.
    fn say_alone<'m>(&mut self, agent: AgentId, message: &impl WireMessage<'m>) -> Vec<Effect> {
        let (region, sequence) = self.viewers.get_mut(&agent).unwrap();
        *sequence += 1;
        let (region, mut bytes) = (*region, Vec::new());
        header::seal_message(&mut bytes, Flags::RELIABLE, *sequence, message, &mut Vec::new());
        self.put_alone(region, Input::Datagram { from: address(agent), bytes: &bytes })
    }

    /// Something comes to a region; what it wants done about it is not done.
    fn put_alone(&mut self, at: usize, input: Input<'_>) -> Vec<Effect> {
        let effects = effects(&mut self.regions[at], self.now, input);
        self.collect(at);
        effects
    }

    /// A viewer sends an instant message of a kind.
    fn message(&mut self, from: AgentId, to: AgentId, dialog: u8, text: &str) {
        let text = lludp::text::Nul::new(text);
        let message = m::ImprovedInstantMessage {
            agent_data: m::improved_instant_message::AgentData {
                agent_id: from.0,
                session_id: session(from).0,
            },
            message_block: m::improved_instant_message::MessageBlock {
                from_group: false,
                to_agent_id: to.0,
                parent_estate_id: 0,
                region_id: Uuid::nil(),
                position: Vec3::ZERO,
                offline: 0,
                dialog,
                id: to.0,
                timestamp: 0,
                from_agent_name: b"Somebody Else\0",
                message: text.as_bytes(),
                binary_bucket: &[0],
            },
            estate_block: None,
            meta_data: (&[]).into(),
        };
        self.say(from, &message);
    }

    fn put(&mut self, at: usize, input: Input<'_>) {
        let mut effects = Vec::new();
        self.regions[at].handle(self.now, input, &mut effects);
        self.collect(at);
        for effect in effects {
            self.perform(at, effect);
        }
    }

    fn collect(&mut self, at: usize) {
        let (mut out, mut scratch) = (Vec::new(), Vec::new());
        while let Some(to) = self.regions[at].poll_datagram(self.now, &mut out) {
            let datagram = header::open(&out, &mut scratch).unwrap();
            let Some(agent) = self.viewers.keys().find(|agent| address(**agent) == to) else { continue };
            if datagram.header.flags.contains(Flags::RELIABLE) {
                self.unacked.entry(*agent).or_default().push(datagram.header.sequence);
            }
            let body = datagram.body.to_vec();
            if !datagram.header.flags.contains(Flags::RESENT) {
                self.got.entry(*agent).or_default().push(body);
            }
        }
    }

    fn perform(&mut self, at: usize, effect: Effect) {
        match effect {
            Effect::CallGrid { id, call, .. } => {
                let result = self.look_up(call);
                self.put(at, Input::Reply { id, result });
            }
            Effect::CallPeer { id, region, call, .. } => {
                let to = self.regions.iter().position(|known| known.info().id == region.id).unwrap();
                self.to_peers.push(call.clone());
                let mut effects = Vec::new();
                self.regions[to].handle(self.now, Input::Peer { call, waiter: Waiter(1) }, &mut effects);
                self.collect(to);
                for effect in effects {
                    match effect {
                        Effect::Answer { waiter: Waiter(1), result } => {
                            let result = result.map(Reply::Peer).map_err(PeerError::Refused);
                            self.put(at, Input::Reply { id, result });
                        }
                        effect => self.perform(to, effect),
                    }
                }
            }
            Effect::TellGrid(notice) => self.told.push(notice),
            _ => {}
        }
    }

    fn look_up(&mut self, call: GridCall) -> Result<Reply, PeerError> {
        let info = |region: &Region| region.info().clone();
        Ok(match call {
            GridCall::WhereIs(agent) => {
                let there = self.viewers.get(&agent).map(|&(region, _)| self.regions[region].info().id);
                Reply::Presence(there)
            }
            GridCall::RegionById(id) => {
                Reply::Region(self.regions.iter().map(info).find(|info| info.id == id))
            }
            GridCall::RegionAt(handle) => {
                Reply::Region(self.regions.iter().map(info).find(|info| info.handle == handle))
            }
            GridCall::Refuges { avoid, .. } => {
                let known = self.regions.iter().map(info);
                Reply::Regions(known.filter(|info| !avoid.contains(&info.id)).collect())
            }
            GridCall::Level(agent) => Reply::Level(Some(if agent == self.god { 200 } else { 199 })),
            GridCall::Names(agents) => {
                Reply::Names(agents.into_iter().map(|agent| (agent, "Some".into(), "One".into())).collect())
            }
            GridCall::Social(call) => {
                self.asked.push(call);
                let answer =
                    if self.answers.is_empty() { Ok(SocialReply::Done) } else { self.answers.remove(0) };
                return answer.map(Reply::Social);
            }
            GridCall::CreateItem { item, data } => {
                self.assets.insert(item.asset, data);
                Reply::Item(item)
            }
            GridCall::Asset(asset) => Reply::Asset(self.assets.get(&asset).cloned()),
            GridCall::Home(_) => Reply::Home(Some(Place {
                region: self.regions[1].info().id,
                position: Vec3::new(10.0, 20.0, 30.0),
                look_at: Vec3::X,
            })),
            _ => return Err(PeerError::TimedOut),
        })
    }

    /// What a viewer has got of these, in words, and forgets all it has got.
    fn heard(&mut self, agent: AgentId) -> Vec<String> {
        let got = self.got.remove(&agent).unwrap_or_default();
        got.iter().filter_map(|body| words(&Message::decode(body).unwrap())).collect()
    }

    fn refuse(&mut self, words: &str) {
        self.answers.push(Err(Refusal::new(words).into()));
    }
}

/// What a region does about something.
fn effects(region: &mut Region, now: Moment, input: Input<'_>) -> Vec<Effect> {
    let mut effects = Vec::new();
    region.handle(now, input, &mut effects);
    effects
}

/// What the grid is asked.
fn questions(effects: &[Effect]) -> Vec<(CallId, &GridCall)> {
    let question = |effect| match effect {
        &Effect::CallGrid { id, ref call, .. } => Some((id, call)),
        _ => None,
    };
    effects.iter().filter_map(question).collect()
}

/// A message about people, in words; `None` for others.
fn words(message: &Message<'_>) -> Option<String> {
    let who = |id| match AgentId(id) {
        ADA => "Ada".to_owned(),
        BOB => "Bob".to_owned(),
        CLEO => "Cleo".to_owned(),
        other => other.to_string(),
    };
    Some(match message {
        Message::ImprovedInstantMessage(said) => {
            let block = &said.message_block;
            let text = lludp::text::read(block.message).replace(&ADA.to_string(), "<Ada>");
            let name = lludp::text::read(block.from_agent_name);
            let from = who(said.agent_data.agent_id);
            format!("IM {} of {from} ({name}), {}: {text}", block.dialog, who(block.id))
        }
        Message::OnlineNotification(m) => format!("online {}", who(m.agent_block.iter().next()?.agent_id)),
        Message::OfflineNotification(m) => format!("offline {}", who(m.agent_block.iter().next()?.agent_id)),
        Message::ChangeUserRights(m) => {
            let block = m.rights.iter().next()?;
            let (by, friend) = (who(m.agent_data.agent_id), who(block.agent_related));
            format!("{by} lets {friend}: {}", block.related_rights)
        }
        Message::TerminateFriendship(m) => format!("no friend: {}", who(m.ex_block.other_id)),
        Message::AlertMessage(m) => format!("alert: {}", lludp::text::read(m.alert_data.message)),
        Message::TeleportLocal(m) => format!("here {}", m.info.position),
        Message::TeleportStart(_) => "teleport".to_owned(),
        _ => return None,
    })
}

fn address(agent: AgentId) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::new(10, 1, 0, 1), 20_000 + agent.0.as_u128() as u16))
}

fn session(agent: AgentId) -> SessionId {
    SessionId(Uuid::from_u128(agent.0.as_u128() + 0x100))
}

/// UpdateAgent of a peer that knows the published protocol alone.
fn updated(agent: AgentId, source: RegionId) -> AgentData {
    AgentData {
        agent,
        session: session(agent),
        transfer: None,
        source,
        version: Version::V0_8,
        position: Vec3::new(100.0, 50.0, 25.0),
        velocity: Vec3::ZERO,
        rotation: model::Quat::IDENTITY,
        look_at: Vec3::X,
        flying: false,
        always_run: false,
        control_flags: 0,
        draw_distance_m: 64.0,
        throttles: None,
        outfit: Arc::default(),
        animations: Vec::new(),
        baggage: Arc::default(),
        children: Vec::new(),
        crossing: false,
        wait_for_root: false,
        release: None,
    }
}

/// A login.
fn announced(agent: AgentId) -> CreateAgent {
    CreateAgent {
        agent,
        session: session(agent),
        secure_session: SecureSessionId::default(),
        circuit_code: CircuitCode(7),
        first: "Some".into(),
        last: "One".into(),
        caps: None,
        flags: TeleportFlags::VIA_LOGIN,
        position: Vec3::new(100.0, 50.0, 25.0),
        look_at: Vec3::X,
        draw_distance_m: 64.0,
        outfit: Arc::default(),
        client: transfer::Client::default(),
        children: Vec::new(),
        claim: None,
        transfer: None,
        source: None,
        version: Version::V0_8,
    }
}

fn config(index: usize) -> RegionConfig {
    RegionConfig {
        id: RegionId(Uuid::from_u128(0x1000 + index as u128)),
        name: format!("Region {index}"),
        // Out of each other's sight.
        cell: GridCell { x: 1000 + 10 * index as u32, y: 1000 },
        size: RegionSize::STANDARD,
        sim_ip: Ipv4Addr::LOCALHOST,
        udp_port: 9000 + index as u16,
        http_base: "http://127.0.0.1/".into(),
        maturity: 13,
        max_agents: 10,
        access: AccessPolicy::Open,
        members: Vec::new(),
        owner: ADA,
        terrain: scene::TerrainKind::Flat(21.0),
        unix_epoch_s: 1_700_000_000,
        seed: index as u64,
        patience: transfer::Patience::default(),
        versions: VersionRange::ALL,
        silence_timeout: Duration::from_secs(60),
        version: "test".into(),
    }
}
