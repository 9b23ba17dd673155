//! What one packet costs, and what it allocates in steady traffic: nothing. `cargo bench -p circuit`.

use std::time::Duration;

use circuit::{Category, Circuit, Config, Delivery, Throttles};
use divan::{AllocProfiler, Bencher, black_box};
use lludp::messages::{self as m, Message, improved_terse_object_update as terse};
use model::Moment;

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

/// Two circuits joined by nothing but function calls, and warm: buffers and tables have grown.
struct Pair {
    here: Circuit,
    there: Circuit,
    now: Moment,
    out: Vec<u8>,
    scratch: Vec<u8>,
}

impl Pair {
    fn new() -> Self {
        let now = Moment::from_millis(1);
        let unlimited = Throttles::all(u32::MAX / 8);
        let config = Config {
            throttles: unlimited,
            throttles_max: unlimited,
            throttle_total_max: u32::MAX,
            ..Config::default()
        };
        let mut pair = Self {
            here: Circuit::new(config.clone(), now),
            there: Circuit::new(config, now),
            now,
            out: Vec::new(),
            scratch: Vec::new(),
        };
        for _ in 0..10_000 {
            pair.send(Delivery::reliable(Category::Task));
            pair.exchange();
        }
        pair
    }

    fn send(&mut self, delivery: Delivery) {
        self.now += Duration::from_micros(100);
        send_terse(&mut self.here, self.now, delivery);
    }

    /// All that is due goes over, both ways.
    fn exchange(&mut self) {
        let Self { here, there, now, out, scratch } = self;
        while here.poll_datagram(*now, out) {
            hear(there, *now, out, scratch);
        }
        while there.poll_datagram(*now, out) {
            hear(here, *now, out, scratch);
        }
    }
}

fn hear(circuit: &mut Circuit, now: Moment, bytes: &[u8], scratch: &mut Vec<u8>) {
    let Ok(datagram) = lludp::header::open(bytes, scratch) else { return };
    let _ = black_box(circuit.receive(now, &datagram));
    if let Ok(message) = Message::decode(datagram.body) {
        black_box(circuit.handle_control(now, &message));
    }
}

/// The movement of one avatar.
fn send_terse(circuit: &mut Circuit, now: Moment, delivery: Delivery) {
    let object = [terse::ObjectData { data: &[7; 60], texture_entry: &[] }];
    let region_data = terse::RegionData { region_handle: 1 << 40, time_dilation: u16::MAX };
    let message = m::ImprovedTerseObjectUpdate { region_data, object_data: (&object).into() };
    let _ = black_box(circuit.send(now, &message, delivery));
}

/// The hot path out: composed at the last moment, straight into the datagram.
#[divan::bench]
fn try_write(bencher: Bencher<'_, '_>) {
    let mut pair = Pair::new();
    bencher.bench_local(|| {
        pair.now += Duration::from_micros(100);
        let object = [terse::ObjectData { data: &[7; 60], texture_entry: &[] }];
        let region_data = terse::RegionData { region_handle: 1 << 40, time_dilation: u16::MAX };
        let message = m::ImprovedTerseObjectUpdate { region_data, object_data: (&object).into() };
        let delivery = Delivery::unreliable(Category::Task);
        black_box(pair.here.try_write(pair.now, &mut pair.out, &message, delivery)).is_ok()
    });
}

/// Queue, send, receive: unreliable.
#[divan::bench]
fn unreliable_over_and_out(bencher: Bencher<'_, '_>) {
    let mut pair = Pair::new();
    bencher.bench_local(|| {
        pair.send(Delivery::unreliable(Category::Task));
        pair.exchange();
    });
}

/// Queue, send, receive, acknowledge (a hundred at a time), release.
#[divan::bench]
fn reliable_over_and_acknowledged(bencher: Bencher<'_, '_>) {
    let mut pair = Pair::new();
    bencher.bench_local(|| {
        pair.send(Delivery::reliable(Category::Task));
        pair.exchange();
    });
}

/// The same beside a thousand packets that the peer never acknowledges.
#[divan::bench]
fn reliable_beside_a_backlog(bencher: Bencher<'_, '_>) {
    let mut pair = Pair::new();
    for _ in 0..1000 {
        pair.send(Delivery::reliable(Category::Task));
        while pair.here.poll_datagram(pair.now, &mut pair.out) {}
    }
    // Their deadlines are seconds away; the clock crawls.
    bencher.bench_local(|| {
        pair.now += Duration::from_nanos(1000);
        send_terse(&mut pair.here, pair.now, Delivery::reliable(Category::Task));
        pair.exchange();
    });
}

/// What a region asks of every circuit after every input.
#[divan::bench]
fn next_wakeup(bencher: Bencher<'_, '_>) {
    let pair = Pair::new();
    bencher.bench_local(|| black_box(pair.here.next_wakeup()));
}
