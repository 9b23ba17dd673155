//! Two circuits, a network between them that loses, delays, repeats and reorders by a seed, and a clock that
//! jumps from one wakeup to the next.

use std::collections::BTreeMap;
use std::time::Duration;

use circuit::{Circuit, Config, Delivery, Event, Received};
use lludp::messages::Message;
use model::Moment;

/// What the network does to datagrams.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weather {
    /// Of 1000 datagrams, how many vanish.
    pub(crate) loss: u64,
    /// Of 1000 datagrams, how many come twice.
    pub(crate) duplication: u64,
    /// Least time on the way.
    pub(crate) latency: Duration,
    /// Added to it at random; what makes datagrams overtake each other.
    pub(crate) jitter: Duration,
}

impl Weather {
    pub(crate) const CALM: Self =
        Self { loss: 0, duplication: 0, latency: Duration::from_millis(20), jitter: Duration::ZERO };
}

/// SplitMix64: enough for weather.
pub(crate) struct Random(pub u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }
}

/// One end: a circuit and the application on it.
pub(crate) struct End {
    pub(crate) circuit: Circuit,
    /// How often each application message came, by its content.
    pub(crate) heard: BTreeMap<u64, u32>,
    pub(crate) events: Vec<Event>,
    /// Every datagram written: when, and all of it.
    pub(crate) log: Vec<(Moment, Vec<u8>)>,
    /// Neither listens nor speaks.
    pub(crate) deaf: bool,
}

/// Two ends and what is between them.
pub(crate) struct Pair {
    pub(crate) now: Moment,
    pub(crate) ends: [End; 2],
    pub(crate) weather: [Weather; 2],
    random: Random,
    /// By arrival, and a number that makes the order definite: to which end, datagram.
    flying: BTreeMap<(Moment, u64), (usize, Vec<u8>)>,
    count: u64,
}

impl Pair {
    pub(crate) fn new(config: Config, weather: Weather, seed: u64) -> Self {
        let now = Moment::from_millis(1000);
        let end = |config: Config| End {
            circuit: Circuit::new(config, now),
            heard: BTreeMap::new(),
            events: Vec::new(),
            log: Vec::new(),
            deaf: false,
        };
        Self {
            now,
            ends: [end(config.clone()), end(config)],
            weather: [weather; 2],
            random: Random(seed),
            flying: BTreeMap::new(),
            count: 0,
        }
    }

    /// An application message with a number in it.
    pub(crate) fn say(
        &mut self,
        from: usize,
        number: u64,
        delivery: Delivery,
    ) -> Result<(), circuit::Refused> {
        let sent = self.ends[from].circuit.send(self.now, &super::numbered(number), delivery);
        self.flush();
        sent
    }

    /// Everything that is due at `now`.
    pub(crate) fn flush(&mut self) {
        for from in 0..2 {
            if self.ends[from].deaf {
                continue;
            }
            let mut out = Vec::new();
            while self.ends[from].circuit.poll_datagram(self.now, &mut out) {
                self.ends[from].log.push((self.now, out.clone()));
                self.post(from, &out);
            }
            let end = &mut self.ends[from];
            while let Some(event) = end.circuit.poll_event() {
                end.events.push(event);
            }
        }
    }

    pub(crate) fn post(&mut self, from: usize, datagram: &[u8]) {
        let weather = self.weather[from];
        if self.random.below(1000) < weather.loss {
            return;
        }
        let copies = if self.random.below(1000) < weather.duplication { 2 } else { 1 };
        for _ in 0..copies {
            let jitter = Duration::from_micros(self.random.below(weather.jitter.as_micros() as u64 + 1));
            let arrival = self.now + weather.latency + jitter;
            self.count += 1;
            self.flying.insert((arrival, self.count), (1 - from, datagram.to_vec()));
        }
    }

    /// When something happens next.
    pub(crate) fn next(&self) -> Option<Moment> {
        let arrival = self.flying.keys().next().map(|(arrival, _)| *arrival);
        let wakeups = self.ends.iter().filter(|end| !end.deaf).filter_map(|end| end.circuit.next_wakeup());
        wakeups.chain(arrival).min()
    }

    /// Goes on until `until`, or until nothing will ever happen.
    pub(crate) fn run_until(&mut self, until: Moment) {
        self.flush();
        while let Some(next) = self.next()
            && next <= until
        {
            self.step(next);
        }
        self.now = self.now.max(until);
    }

    pub(crate) fn run_for(&mut self, duration: Duration) {
        self.run_until(self.now + duration);
    }

    fn step(&mut self, now: Moment) {
        self.now = self.now.max(now);
        while let Some(next) = self.flying.first_entry()
            && next.key().0 <= self.now
        {
            let (to, datagram) = next.remove();
            self.ends[to].hear(self.now, &datagram);
        }
        self.flush();
    }
}

impl End {
    fn hear(&mut self, now: Moment, bytes: &[u8]) {
        if self.deaf {
            return;
        }
        let mut scratch = Vec::new();
        let datagram = lludp::header::open(bytes, &mut scratch).unwrap();
        if self.circuit.receive(now, &datagram) == Received::Duplicate {
            return;
        }
        let message = Message::decode(datagram.body).unwrap();
        if !self.circuit.handle_control(now, &message) {
            *self.heard.entry(super::number_of(&message)).or_default() += 1;
        }
    }
}
