//! The simulated network: the viewer, the regions, a clock, and what is under way between them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use llsd::{Value, map};
use viewer::model::{AgentId, CircuitCode, FolderId, Moment, RegionSize, SecureSessionId, SessionId, Uuid};
use viewer::{Config, Core, HttpReply, HttpRequest, Identity, RequestId, ViewerEvent};

use super::{Fake, LATENCY, address, agent, handle, session};

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
            let granted = map! { "EventQueueGet" => url };
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
                let events: Vec<Value> = fake.events.drain(..).collect();
                let body = map! { "events" => events, "id" => fake.next_id };
                fake.next_id += 1;
                posts.push(Parcel::Reply(id, HttpReply::Value { status: 200, body }));
            }
        }
        for parcel in posts {
            self.post(parcel);
        }
    }
}
