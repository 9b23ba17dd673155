//! The viewer without sockets and clock: state, and what changes it.
//!
//! [`Core`] takes datagrams, HTTP replies, wake-ups and the user's wishes, and hands out datagrams, HTTP requests and
//! events when it is asked for them. One rule binds its owner: after each input, drain [`Core::poll_transmit`], then
//! [`Core::poll_http`], [`Core::poll_cancel`] and [`Core::poll_event`], and come again at [`Core::next_wakeup`].
//!
//! The parts: [`Link`] is one region's circuit, capabilities and world; `packets` acts upon what regions say by UDP,
//! `events` upon what they say by the event queue, `calls` makes the HTTP calls; `requests` holds the user's wishes and
//! what is sent for them, `movement` the walking.

mod calls;
mod events;
mod link;
mod movement;
mod packets;
mod requests;

use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use circuit::Circuit;
use model::{Moment, RegionHandle, Vec3};

use crate::config::Config;
use crate::controls::Controls;
use crate::event::{Disconnect, TeleportFailure, ViewerEvent};
use crate::http::{HttpRequest, RequestId};
use crate::login::Identity;
use crate::misbehave::{Keep, Misbehaviour, Noise, drop_acks, is_ping};
use crate::teleport::{Stage, Teleport};
pub use link::Link;
use link::Seed;
pub use requests::{Loudness, Unable};

/// Regions a viewer holds circuits to; those beyond are not opened.
pub const LINKS_AT_MOST: usize = 64;
/// Datagrams that wait beside the circuits' own queues: garbage and repeats.
const RAW_AT_MOST: usize = 1024;
/// A circuit that was closed still acknowledges for so long.
const LINGER: Duration = Duration::from_secs(1);
/// Marks the login's UseCircuitCode, whose acknowledgement the viewer waits for.
const USE_CIRCUIT_CODE: u64 = 1;

/// How far a session has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// Waiting for the seed capability.
    Seed,
    /// Waiting for UseCircuitCode to be acknowledged, at most until then.
    Circuit(Moment),
    /// Waiting for AgentMovementComplete, at most until then.
    Arrival(Moment),
    /// In the world.
    InWorld,
    /// LogoutRequest was sent; the viewer quits then in any case.
    LoggingOut(Moment),
    /// The session is over.
    Over,
}

/// Why the viewer goes to a region.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Journey {
    Teleport,
    Crossing,
}

/// What a request was for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Purpose {
    Seed,
    Poll,
    LastPoll,
}

#[derive(Clone, Copy, Debug)]
struct Pending {
    region: SocketAddr,
    purpose: Purpose,
    deadline: Moment,
}

/// What came and went, in numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Datagrams that came.
    pub datagrams: u64,
    /// Datagrams from addresses without a circuit.
    pub strays: u64,
    /// Datagrams that could not be decoded.
    pub malformed: u64,
    /// Answers of event queues with events.
    pub batches: u64,
    /// Events out of those.
    pub events: u64,
    /// Events whose body could not be understood.
    pub malformed_events: u64,
    /// Events with a number or address in a form that some client does not read: the Linden viewer takes a U32 that is
    /// no binary for 0, others fail (caps fact sheet, section 2). Understood here all the same.
    pub odd_events: u64,
    /// Movements of avatars seen.
    pub movements: u64,
    /// AgentUpdates sent.
    pub agent_updates: u64,
    /// Events forgotten because nobody asked for them.
    pub forgotten: u64,
}

/// One viewer.
#[derive(Debug)]
pub struct Core {
    config: Config,
    circuit_config: Arc<circuit::Config>,
    identity: Identity,
    misbehave: Misbehaviour,
    phase: Phase,
    links: BTreeMap<SocketAddr, Link>,
    /// Circuits of regions that are gone, until their last acknowledgements are out.
    closing: BTreeMap<SocketAddr, Circuit>,
    /// Where the agent is.
    own: SocketAddr,
    teleport: Teleport,
    journey: Option<(RegionHandle, Journey)>,

    position: Vec3,
    controls: Controls,
    /// Bits that go out once.
    pulse: Controls,
    heading: f32,
    /// Added to the heading with each AgentUpdate.
    spin: f32,
    /// Where to walk, global metres.
    goal: Option<[f64; 2]>,
    last_update: Option<Moment>,
    update_is_due: bool,

    next_request: u64,
    pending: BTreeMap<RequestId, Pending>,
    http: VecDeque<HttpRequest>,
    cancels: VecDeque<RequestId>,
    events: VecDeque<ViewerEvent>,
    raw: VecDeque<(SocketAddr, Vec<u8>)>,
    noise: Noise,
    scratch: Vec<u8>,
    counts: Counts,
}

impl Core {
    /// A viewer whose login call was answered with `identity`. It begins at once: drain its outputs.
    pub fn new(config: Config, identity: Identity, now: Moment) -> Self {
        let circuit_config = Arc::new(config.circuit.clone());
        let own = identity.simulator;
        let mut link = Link::new(own, identity.region, &circuit_config, now);
        link.size = identity.region_size;
        link.seed = Some(Seed::new(identity.seed.clone(), now));
        let mut core = Self {
            circuit_config,
            misbehave: config.misbehave,
            phase: Phase::Seed,
            links: BTreeMap::from([(own, link)]),
            closing: BTreeMap::new(),
            own,
            teleport: Teleport::new(config.teleport_terms()),
            journey: None,
            position: Vec3::ZERO,
            controls: Controls::empty(),
            pulse: Controls::empty(),
            heading: 0.0,
            spin: 0.0,
            goal: None,
            last_update: None,
            update_is_due: false,
            next_request: 1,
            pending: BTreeMap::new(),
            http: VecDeque::new(),
            cancels: VecDeque::new(),
            events: VecDeque::new(),
            raw: VecDeque::new(),
            noise: Noise::new(config.seed),
            scratch: Vec::new(),
            counts: Counts::default(),
            identity,
            config,
        };
        if !core.config.seed_first {
            core.open_first_circuit(now);
        }
        core.settle(now);
        core
    }

    /// A datagram came in on the viewer's port.
    pub fn handle_datagram(&mut self, now: Moment, from: SocketAddr, bytes: &[u8]) {
        // Before it has opened a circuit nothing is meant for it, but for one who had its port before.
        if self.misbehave.deaf || self.phase == Phase::Seed {
            return;
        }
        self.receive(now, from, bytes);
        self.settle(now);
    }

    /// The moment that [`next_wakeup`](Self::next_wakeup) named has come.
    pub fn handle_wakeup(&mut self, now: Moment) {
        self.settle(now);
    }

    /// Writes the next datagram that is due into `out`, and says where it goes.
    pub fn poll_transmit(&mut self, now: Moment, out: &mut Vec<u8>) -> Option<SocketAddr> {
        while let Some((to, mut bytes)) = self.raw.pop_front() {
            if !self.misbehave.silent {
                mem::swap(out, &mut bytes);
                return Some(to);
            }
        }
        let misbehave = self.misbehave;
        let circuits =
            self.links.iter_mut().map(|(to, link)| (to, &mut link.circuit)).chain(&mut self.closing);
        for (to, circuit) in circuits {
            while circuit.poll_datagram(now, out) {
                let withheld = misbehave.silent
                    || misbehave.never_ping && is_ping(out)
                    || misbehave.never_ack && drop_acks(out) == Keep::No;
                if withheld {
                    continue;
                }
                if misbehave.garbage_per_second > 0 {
                    self.noise.learn(out);
                }
                if misbehave.repeat_datagrams && self.raw.len() < RAW_AT_MOST {
                    self.raw.push_back((*to, out.clone()));
                }
                return Some(*to);
            }
        }
        out.clear();
        // That a peer is silent for too long, or does not acknowledge, shows only now.
        self.drain_circuits(now);
        None
    }

    /// The next HTTP request to make.
    pub fn poll_http(&mut self) -> Option<HttpRequest> {
        self.http.pop_front()
    }

    /// The next HTTP request whose reply is no more wanted. A reply that comes nevertheless is ignored.
    pub fn poll_cancel(&mut self) -> Option<RequestId> {
        self.cancels.pop_front()
    }

    /// What happened next.
    pub fn poll_event(&mut self) -> Option<ViewerEvent> {
        self.events.pop_front()
    }

    /// When the core wants to be woken, if nothing happens before. `None`: never, it is done.
    pub fn next_wakeup(&self) -> Option<Moment> {
        let mut earliest: Option<Moment> = None;
        let mut consider = |moment: Option<Moment>| {
            earliest = match (earliest, moment) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            }
        };
        for link in self.links.values() {
            consider(link.circuit.next_wakeup());
            consider(link.complete_at);
            if self.fetches_seeds() {
                consider(link.seed.as_ref().and_then(|seed| seed.due));
            }
            if self.polls() {
                consider(link.queue.as_ref().and_then(|queue| queue.next_wakeup()));
            }
        }
        for circuit in self.closing.values() {
            consider(circuit.next_wakeup());
        }
        for pending in self.pending.values() {
            consider(Some(pending.deadline));
        }
        match self.phase {
            Phase::Circuit(until) | Phase::Arrival(until) | Phase::LoggingOut(until) => consider(Some(until)),
            Phase::Seed | Phase::InWorld | Phase::Over => {}
        }
        if self.phase != Phase::Over {
            consider(self.teleport.next_wakeup());
            consider(self.noise.next_wakeup());
        }
        consider(self.update_due_at());
        earliest
    }

    /// Who the viewer is.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// How it behaves.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// How far the session has come.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// How far a teleport has come.
    pub fn teleport_stage(&self) -> Stage {
        self.teleport.stage()
    }

    /// The region the agent is in, as the viewer believes; `None` when the session is over.
    pub fn region(&self) -> Option<&Link> {
        self.links.get(&self.own)
    }

    /// All regions the viewer holds circuits to, its own among them, by address.
    pub fn regions(&self) -> impl Iterator<Item = &Link> {
        self.links.values()
    }

    /// Where the avatar is, metres from the south-west corner of the agent's region.
    pub fn position(&self) -> Vec3 {
        self.position
    }

    /// Where the avatar is to look, radians counter-clockwise from east.
    pub fn heading(&self) -> f32 {
        self.heading
    }

    /// What came and went.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// How it misbehaves.
    pub fn misbehaviour(&self) -> Misbehaviour {
        self.misbehave
    }

    /// Changes how it misbehaves.
    pub fn misbehave(&mut self, now: Moment, how: Misbehaviour) {
        self.misbehave = how;
        self.settle(now);
    }

    /// Does all that is due, until nothing more is.
    fn settle(&mut self, now: Moment) {
        self.drain_circuits(now);
        if self.phase == Phase::Over {
            self.closing.retain(|_, circuit| !circuit.is_over());
            return;
        }
        if self.teleport.handle_wakeup(now) {
            self.report(ViewerEvent::TeleportFailed(TeleportFailure::GaveUp));
        }
        self.end_overdue_requests(now);
        self.end_patience(now);
        self.complete_movements(now);
        self.ask_seeds(now);
        self.poll_queues(now);
        if self.update_due_at().is_some_and(|at| at <= now) {
            self.send_agent_update(now, false);
        }
        self.make_noise(now);
    }

    fn drain_circuits(&mut self, now: Moment) {
        let mut lost = Vec::new();
        let mut code_acked = false;
        let mut code_lost = false;
        for (address, link) in &mut self.links {
            while let Some(event) = link.circuit.poll_event() {
                match event {
                    circuit::Event::Acked(USE_CIRCUIT_CODE) => code_acked |= *address == self.own,
                    circuit::Event::Lost(USE_CIRCUIT_CODE) => code_lost |= *address == self.own,
                    circuit::Event::Acked(_) | circuit::Event::Lost(_) | circuit::Event::Closed { .. } => {}
                    circuit::Event::TimedOut => lost.push(*address),
                }
            }
        }
        self.closing.retain(|_, circuit| {
            while circuit.poll_event().is_some() {}
            !circuit.is_over()
        });
        if let Phase::Circuit(_) = self.phase {
            if code_acked {
                self.phase = Phase::Arrival(now + self.config.arrival_patience);
                self.complete_movement(now, self.own);
            } else if code_lost {
                self.use_circuit_code(now, self.own);
            }
        }
        for address in lost {
            self.lose(now, address);
        }
    }

    fn lose(&mut self, now: Moment, address: SocketAddr) {
        if address == self.own {
            return match self.phase {
                Phase::LoggingOut(_) => self.finish(now, ViewerEvent::LoggedOut { acknowledged: false }),
                Phase::Over => {}
                _ => self.finish(now, ViewerEvent::Disconnected(Disconnect::CircuitLost)),
            };
        }
        if let Some(link) = self.links.get(&address) {
            let region = link.handle;
            self.remove_link(now, address);
            self.report(ViewerEvent::CircuitLost { region });
        }
    }

    fn end_patience(&mut self, now: Moment) {
        match self.phase {
            Phase::Circuit(until) if until <= now => {
                self.disconnect(now, Disconnect::LoginPacketNeverReceived)
            }
            Phase::Arrival(until) if until <= now => self.disconnect(now, Disconnect::NeverArrived),
            Phase::LoggingOut(until) if until <= now => {
                self.finish(now, ViewerEvent::LoggedOut { acknowledged: false })
            }
            _ => {}
        }
    }

    fn complete_movements(&mut self, now: Moment) {
        let due: Vec<SocketAddr> = self
            .links
            .values()
            .filter(|link| link.complete_at.is_some_and(|at| at <= now))
            .map(|link| link.address)
            .collect();
        for address in due {
            if let Some(link) = self.links.get_mut(&address) {
                link.complete_at = None;
            }
            self.send_complete_movement(now, address);
        }
    }

    fn make_noise(&mut self, now: Moment) {
        let count = self.noise.due(now, self.misbehave.garbage_per_second);
        if count == 0 {
            return;
        }
        let regions: Vec<SocketAddr> = self.links.keys().copied().collect();
        for _ in 0..count {
            for region in &regions {
                if self.raw.len() < RAW_AT_MOST {
                    let mut datagram = Vec::new();
                    self.noise.make(&mut datagram);
                    self.raw.push_back((*region, datagram));
                }
            }
        }
    }

    /// The region of `handle` is at `address`: makes or reuses its link. `false`: there is none, because the viewer
    /// has enough of them, or has just disconnected (teleport fact sheet, section 5, point 6).
    fn add_link(&mut self, now: Moment, handle: RegionHandle, address: SocketAddr) -> bool {
        let mut seed = None;
        if let Some(known) = self.links.values().find(|link| link.handle == handle) {
            if known.address == address && !known.circuit.is_over() {
                return true;
            }
            if known.address == self.own {
                self.disconnect(now, Disconnect::RegionMoved);
                return false;
            }
            seed = known.seed.as_ref().map(|seed| seed.url.clone());
            self.remove_link(now, known.address);
        }
        if self.links.contains_key(&address) {
            // Another region behind the same port: its restart moved it. The agent's own cannot be replaced.
            if address == self.own {
                self.disconnect(now, Disconnect::RegionMoved);
                return false;
            }
            self.remove_link(now, address);
        }
        if self.links.len() >= LINKS_AT_MOST {
            return false;
        }
        self.closing.remove(&address);
        let mut link = Link::new(address, handle, &self.circuit_config, now);
        link.seed = seed.map(|url| Seed::new(url, now));
        self.links.insert(address, link);
        true
    }

    fn remove_link(&mut self, now: Moment, address: SocketAddr) {
        let Some(mut link) = self.links.remove(&address) else { return };
        let dropped: Vec<RequestId> =
            self.pending.iter().filter(|(_, p)| p.region == address).map(|(id, _)| *id).collect();
        for id in dropped {
            self.pending.remove(&id);
            self.cancel_request(id);
        }
        link.circuit.close(now, LINGER);
        self.closing.insert(address, link.circuit);
    }

    fn disconnect(&mut self, now: Moment, why: Disconnect) {
        if self.phase == Phase::InWorld {
            self.send_logout_request(now);
        }
        self.finish(now, ViewerEvent::Disconnected(why));
    }

    fn finish(&mut self, now: Moment, last: ViewerEvent) {
        if self.phase == Phase::Over {
            return;
        }
        self.phase = Phase::Over;
        self.forget_course();
        for address in self.links.keys().copied().collect::<Vec<_>>() {
            self.remove_link(now, address);
        }
        self.report(last);
    }

    fn report(&mut self, event: ViewerEvent) {
        if self.events.len() >= self.config.waiting_events.max(1) {
            self.events.pop_front();
            self.counts.forgotten += 1;
        }
        self.events.push_back(event);
    }
}
