//! The region as a value: what it holds, and how inputs find their way.

use crate::agent::{Agent, Handshake};
use crate::calls::{Pending, Told};
use crate::closing::Closing;
use crate::interface::*;
use agent::{EventQueueEffect, Poll};
use model::{AgentId, CapsSecret, LocalId, Moment, Uuid};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use scene::{Scene, SceneConfig, SceneEvent};
use services::RegionInfo;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use transfer::{TransferKey, Whereabouts};

/// SimStats go out so often to each root agent.
pub(crate) const STATISTICS_PAUSE: Duration = Duration::from_secs(2);

/// What one call works with: the moment, and the list that effects go to.
pub(crate) struct Context<'a> {
    pub(crate) now: Moment,
    pub(crate) effects: &'a mut Vec<Effect>,
}

/// One region whole.
#[derive(Debug)]
pub struct Region {
    pub(crate) config: RegionConfig,
    pub(crate) info: Arc<RegionInfo>,
    /// Its name, for notes.
    pub(crate) name: Arc<str>,
    pub(crate) circuit_config: Arc<circuit::Config>,
    pub(crate) scene: Scene,
    pub(crate) agents: BTreeMap<AgentId, Agent>,
    /// Only looked up, never walked.
    pub(crate) endpoints: HashMap<SocketAddr, AgentId>,
    /// Only looked up, never walked.
    pub(crate) caps: HashMap<CapsSecret, AgentId>,
    /// What became of the last transfers of agents that are gone: their sources may still ask.
    pub(crate) verdicts: VecDeque<(TransferKey, Whereabouts)>,
    pub(crate) calls: BTreeMap<CallId, Pending>,
    /// What peers did not hear, to be said again; the pause is always the same, so the first is the next.
    pub(crate) told_again: VecDeque<(Moment, Told)>,
    /// Questions for which there was no place, and when each is given up; the pause is always the same.
    pub(crate) unasked: VecDeque<(Moment, Pending)>,
    /// How many of the calls each agent's viewer waits for.
    pub(crate) questions: BTreeMap<AgentId, usize>,
    pub(crate) next_call: u64,
    pub(crate) next_transfer: u64,
    /// Counts all agents' visits: an agent that was forgotten and comes again must not repeat its claims.
    pub(crate) next_visit: u64,
    pub(crate) random: ChaCha8Rng,
    /// Agents that may have something to send.
    pub(crate) ready: VecDeque<AgentId>,
    /// Agents whose event queue may have an answer for the poll that waits.
    pub(crate) eventful: Vec<AgentId>,
    /// When each agent next needs attention.
    pub(crate) alarms: BTreeSet<(Moment, AgentId)>,
    pub(crate) next_statistics: Option<Moment>,
    pub(crate) scene_events: Vec<SceneEvent>,
    pub(crate) land: lludp::layer::LandEncoder,
    /// How avatars look, as viewers are told; made when the first is.
    pub(crate) looks: BTreeMap<LocalId, circuit::Encoded>,
    /// How often wearers of missing bakes were looked for lately.
    pub(crate) rebake_searches: crate::rebake::Searches,
    /// For expanding datagrams; kept to be reused.
    scratch: Vec<u8>,
    /// When it is going to close, if that is known.
    pub(crate) closing: Option<Closing>,
    pub(crate) shutting_down: bool,
    closed: bool,
    pub(crate) trace: crate::trace::Switches,
    /// Traces of packets composed since the last input.
    pub(crate) traced: Vec<TraceLine>,
    pub(crate) stats: Stats,
}

impl Region {
    /// A region without agents.
    pub fn new(config: RegionConfig, now: Moment) -> Self {
        let scene = Scene::new(SceneConfig {
            terrain: config.terrain,
            handle: config.cell.handle(),
            size: config.size,
            name: config.name.clone(),
            id: config.id,
            owner: config.owner,
            ..SceneConfig::default()
        });
        let circuit_config = circuit::Config {
            silence: config.silence_timeout,
            // At once: what is due is pulled after each batch of datagrams, so that acknowledgements share packets
            // all the same, and clients that wait for each of them lose no time.
            ack_delay: Duration::ZERO,
            ..circuit::Config::default()
        };
        // Transfers and visits of one run must not be mistaken for those of the run before.
        let first_number = config.unix_epoch_s.saturating_mul(1_000_000).saturating_add(now.micros());
        Self {
            info: Arc::new(config.info()),
            circuit_config: Arc::new(circuit_config),
            scene,
            agents: BTreeMap::new(),
            endpoints: HashMap::new(),
            caps: HashMap::new(),
            verdicts: VecDeque::new(),
            calls: BTreeMap::new(),
            told_again: VecDeque::new(),
            unasked: VecDeque::new(),
            questions: BTreeMap::new(),
            name: config.name.as_str().into(),
            next_call: 0,
            next_transfer: first_number,
            next_visit: first_number,
            random: ChaCha8Rng::seed_from_u64(config.seed),
            ready: VecDeque::new(),
            eventful: Vec::new(),
            alarms: BTreeSet::new(),
            next_statistics: None,
            scene_events: Vec::new(),
            land: Default::default(),
            looks: BTreeMap::new(),
            rebake_searches: crate::rebake::Searches::none(now),
            scratch: Vec::new(),
            closing: None,
            shutting_down: false,
            closed: false,
            trace: crate::trace::Switches::default(),
            traced: Vec::new(),
            stats: Stats::default(),
            config,
        }
    }

    /// How this region presents itself to the grid.
    pub fn info(&self) -> &Arc<RegionInfo> {
        &self.info
    }

    /// Takes one input. Afterwards [`Region::poll_datagram`] is to be called until it has nothing more.
    pub fn handle(&mut self, now: Moment, input: Input<'_>, effects: &mut Vec<Effect>) {
        let cx = &mut Context { now, effects };
        cx.effects.extend(self.traced.drain(..).map(Effect::Trace));
        // After a pause of the whole process datagrams of many viewers wait: none of them has been silent.
        let more_may_wait = matches!(input, Input::Datagram { .. });
        match input {
            Input::Datagram { from, bytes } => self.handle_datagram(cx, from, bytes),
            Input::Peer { call, waiter } => self.handle_peer(cx, call, waiter),
            Input::Poll { caps, ack, done, waiter, from } => {
                self.shown_at(caps, from);
                self.handle_poll(cx, caps, ack, done, waiter);
            }
            Input::PollBroken { caps, waiter } => {
                if let Some(agent) = self.caps.get(&caps).and_then(|id| self.agents.get_mut(id)) {
                    agent.queue.handle_waiter_gone(&waiter);
                }
            }
            Input::SeedFetched { caps, from } => {
                self.shown_at(caps, from);
                self.handle_seed_fetched(cx, caps);
            }
            Input::Reply { id, result } => self.handle_reply(cx, id, result),
            Input::Reported { agent, visit } => self.reported(agent, visit),
            Input::TextureMissing(texture) => self.texture_missing(cx, texture),
            Input::Operator(command) => self.handle_operator(cx, command),
            Input::Wakeup => {}
        }
        self.run_told_again(cx);
        self.run_unasked(cx);
        if !more_may_wait {
            self.run_alarms(cx);
        }
        self.run_closing(cx);
        self.run_scene(cx);
        self.flush_event_queues(cx);
        if self.shutting_down && self.agents.is_empty() && !self.closed {
            self.closed = true;
            cx.effects.push(Effect::Closed);
        }
    }

    /// The earliest moment at which [`Input::Wakeup`] is due; `None` while nothing at all is waited for.
    pub fn next_wakeup(&self) -> Option<Moment> {
        let told_again = self.told_again.front().map(|&(at, _)| at);
        let unasked = self.unasked.front().map(|&(at, _)| at);
        let alarm = self.alarms.first().map(|&(at, _)| at);
        let closing = self.closing.as_ref().map(Closing::next_wakeup);
        [alarm, told_again, unasked, closing, self.scene.next_wakeup(), self.next_statistics]
            .into_iter()
            .flatten()
            .min()
    }

    /// Puts the next datagram to send into `out` and says where to; `None` when nothing is due.
    pub fn poll_datagram(&mut self, now: Moment, out: &mut Vec<u8>) -> Option<SocketAddr> {
        while let Some(&id) = self.ready.front() {
            out.clear();
            if let Some(address) = self.poll_agent(now, id, out) {
                self.stats.packets_out += 1;
                return Some(address);
            }
            self.ready.pop_front();
            if let Some(agent) = self.agents.get_mut(&id) {
                agent.ready = false;
                // That a viewer is silent, or a circuit wound up, shows only when nothing more is to be sent.
                let ended = agent.link.as_ref().is_some_and(|link| link.circuit.has_event());
                let due = if ended { Some(now) } else { agent.next_wakeup(&self.config.patience) };
                self.set_alarm(id, due);
            }
        }
        None
    }

    /// What the region has counted so far, and how it stands.
    pub fn stats(&self) -> Stats {
        let circuits = self.agents.values().filter_map(|agent| agent.link.as_ref());
        let mut stats = self.stats.clone();
        stats.root_agents = self.agents.values().filter(|agent| agent.is_root()).count();
        stats.child_agents = self.agents.len() - stats.root_agents;
        let open = |agent: &&Agent| {
            agent.leaving.is_some() || agent.arrival.verdict() == transfer::Verdict::Expected
        };
        stats.open_transfers = self.agents.values().filter(open).count();
        for link in circuits {
            let circuit = link.circuit.statistics();
            stats.circuits += 1;
            stats.queued_bytes += circuit.queued_total() + circuit.unacked_bytes;
            stats.resends += circuit.resends;
            stats.dropped += circuit.dropped();
        }
        for agent in self.agents.values() {
            let queue = agent.queue.statistics();
            stats.queued_bytes += queue.bytes;
            stats.dropped += queue.dropped;
        }
        stats
    }

    fn handle_datagram(&mut self, cx: &mut Context<'_>, from: SocketAddr, bytes: &[u8]) {
        self.stats.packets_in += 1;
        let mut scratch = std::mem::take(&mut self.scratch);
        match lludp::header::open(bytes, &mut scratch) {
            Ok(datagram) => self.handle_packet(cx, from, &datagram),
            Err(_) => self.stats.malformed += 1,
        }
        self.scratch = scratch;
    }

    fn handle_poll(
        &mut self,
        cx: &mut Context<'_>,
        caps: CapsSecret,
        ack: Option<i32>,
        done: bool,
        waiter: Waiter,
    ) {
        let Some(&id) = self.caps.get(&caps) else {
            cx.effects.push(Effect::EventQueue { waiter, body: None });
            return;
        };
        let mut answers = Vec::new();
        if let Some(agent) = self.agents.get_mut(&id) {
            agent.queue.handle_poll(cx.now, Poll { ack, done, waiter }, &mut answers);
        }
        self.trace_poll(cx, id);
        self.answer_polls(cx, answers);
        self.eventful.push(id);
        self.touch(id);
    }

    fn flush_event_queues(&mut self, cx: &mut Context<'_>) {
        let mut answers = Vec::new();
        while let Some(id) = self.eventful.pop() {
            if let Some(agent) = self.agents.get_mut(&id) {
                agent.queue.flush(cx.now, &mut answers);
                self.answer_polls(cx, std::mem::take(&mut answers));
            }
        }
    }

    pub(crate) fn answer_polls(&mut self, cx: &mut Context<'_>, answers: Vec<EventQueueEffect<Waiter>>) {
        for answer in answers {
            cx.effects.push(match answer {
                EventQueueEffect::Answer { waiter, body, waited, .. } => {
                    if let Some(waited) = waited {
                        self.stats.event_delays.add(waited);
                    }
                    Effect::EventQueue { waiter, body: Some(body) }
                }
                EventQueueEffect::Gone { waiter } => Effect::EventQueue { waiter, body: None },
            });
        }
    }

    /// Notes that an agent may have something to send, or new deadlines.
    pub(crate) fn touch(&mut self, id: AgentId) {
        if let Some(agent) = self.agents.get_mut(&id)
            && !agent.ready
        {
            agent.ready = true;
            self.ready.push_back(id);
        }
    }

    fn set_alarm(&mut self, id: AgentId, due: Option<Moment>) {
        let Some(agent) = self.agents.get_mut(&id) else { return };
        if agent.alarm == due {
            return;
        }
        if let Some(old) = agent.alarm.take() {
            self.alarms.remove(&(old, id));
        }
        agent.alarm = due;
        if let Some(due) = due {
            self.alarms.insert((due, id));
        }
    }

    /// Wakes the agents whose moment has come.
    fn run_alarms(&mut self, cx: &mut Context<'_>) {
        while let Some(&(at, id)) = self.alarms.first() {
            if at > cx.now {
                break;
            }
            self.alarms.pop_first();
            if let Some(agent) = self.agents.get_mut(&id) {
                agent.alarm = None;
            }
            self.eventful.push(id);
            self.wake_agent(cx, id);
            self.touch(id);
        }
        if self.next_statistics.is_some_and(|at| at <= cx.now) {
            self.send_statistics(cx);
        }
    }

    /// Everything about one agent that only time brings.
    fn wake_agent(&mut self, cx: &mut Context<'_>, id: AgentId) {
        self.drain_circuit(cx, id);
        self.repeat_handshake(cx, id);
        self.wake_arrival(cx, id);
        self.wake_departure(cx, id);
        self.wake_doubt(cx, id);
        self.finish_farewell(cx, id);
        self.wake_views(cx, id);
        let Some(agent) = self.agents.get(&id) else { return };
        if agent.closing.is_some_and(|at| at <= cx.now) {
            self.finish_closing(cx, id);
        } else if agent.forgotten_at().is_some_and(|at| at <= cx.now) {
            if agent.is_root() {
                self.viewer_vanished(cx, id);
            } else {
                self.forget_unused(cx, id);
            }
        }
    }

    /// Says RegionHandshake again to a viewer that has not replied.
    fn repeat_handshake(&mut self, cx: &mut Context<'_>, id: AgentId) {
        let Some(link) = self.agents.get(&id).and_then(|agent| agent.link.as_ref()) else { return };
        if matches!(link.handshake, Handshake::Said { again, .. } if again <= cx.now) {
            self.send_handshake(cx, id);
        }
    }

    pub(crate) fn new_secret(&mut self) -> CapsSecret {
        CapsSecret(self.new_id())
    }

    pub(crate) fn new_id(&mut self) -> Uuid {
        use rand::RngExt as _;
        uuid::Builder::from_random_bytes(self.random.random()).into_uuid()
    }
}

impl RegionConfig {
    /// How the region presents itself to the grid.
    pub fn info(&self) -> RegionInfo {
        RegionInfo {
            id: self.id,
            name: self.name.clone(),
            handle: self.cell.handle(),
            size: self.size,
            external_host: self.sim_ip.to_string(),
            http_port: http_port(&self.http_base),
            udp_port: self.udp_port,
            server_uri: self.http_base.to_string(),
            owner: self.owner,
            access: self.maturity,
            ..RegionInfo::default()
        }
    }
}

/// The port in a base URL; 80 where there is none.
fn http_port(base: &str) -> u16 {
    let authority = base.split_once("://").map_or(base, |(_, rest)| rest);
    let authority = authority.split('/').next().unwrap_or_default();
    authority.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).unwrap_or(80)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_of_urls() {
        for (base, port) in [
            ("http://127.0.0.1:9000/", 9000),
            ("http://world.example.org/", 80),
            ("http://[::1]:81/x:5/", 81),
        ] {
            assert_eq!(http_port(base), port, "{base}");
        }
    }
}
