//! Two circuits over a simulated network: what is promised holds in any weather.

#![expect(clippy::unwrap_used, reason = "a test may fail so")]

mod network;

use std::collections::BTreeMap;
use std::time::Duration;

use circuit::{Category, Circuit, Config, Delivery, Event, PACKET_OVERHEAD, Refused, Throttles};
use lludp::messages::Message;
use lludp::messages::{self as m};
use model::{Moment, Uuid};
use network::{Pair, Random, Weather};

const STORM: Weather = Weather {
    loss: 200,
    duplication: 100,
    latency: Duration::from_millis(30),
    jitter: Duration::from_millis(150),
};

/// An application message that says a number.
fn numbered(number: u64) -> m::RegionHandleRequest {
    let region_id = Uuid::from_u128(0xA5A5_A5A5_A5A5_A5A5 << 64 | u128::from(number));
    m::RegionHandleRequest { request_block: m::region_handle_request::RequestBlock { region_id } }
}

fn number_of(message: &Message<'_>) -> u64 {
    match message {
        Message::RegionHandleRequest(request) => request.request_block.region_id.as_u128() as u64,
        Message::LayerData(land) => land.layer_id.r#type.into(),
        other => panic!("{}", other.name()),
    }
}

/// Never gives up before the weather clears.
fn patient() -> Config {
    Config { resends: 40, ..Config::default() }
}

fn category(random: &mut Random) -> Category {
    Category::ALL[random.below(Category::COUNT as u64) as usize]
}

/// Everything reliable arrives exactly once, and what was sent with a token is reported as acknowledged.
fn check_delivery(seed: u64) {
    let mut random = Random(seed ^ 0xC1AC);
    let weather = Weather {
        loss: random.below(300),
        duplication: random.below(300),
        latency: Duration::from_micros(random.below(200_000)),
        jitter: Duration::from_micros(random.below(400_000)),
    };
    // Some counters wrap, and some histories are as small as they may be for what is under way.
    let config = Config { first_sequence: 0xFF_FFFF - random.below(200) as u32, ..patient() };
    let mut pair = Pair::new(config, weather, seed);
    let mut reliable = [0u64; 2];
    for number in 0..150 {
        let from = random.below(2) as usize;
        if random.below(3) == 0 {
            let unreliable = Delivery::unreliable(category(&mut random));
            pair.say(from, 1_000_000 + number, unreliable).unwrap();
        } else {
            let delivery = Delivery::reliable(category(&mut random)).with_token(reliable[from]);
            pair.say(from, reliable[from], delivery).unwrap();
            reliable[from] += 1;
        }
        pair.run_for(Duration::from_micros(random.below(40_000)));
    }
    pair.run_for(Duration::from_secs(45));
    for (from, reliable) in reliable.into_iter().enumerate() {
        let heard = &pair.ends[1 - from].heard;
        for number in 0..reliable {
            assert_eq!(heard.get(&number), Some(&1), "seed {seed}: message {number} from {from}");
        }
        let mut acked: Vec<Event> = pair.ends[from].events.clone();
        acked.sort_by_key(|event| if let Event::Acked(token) = event { *token } else { u64::MAX });
        let all: Vec<Event> = (0..reliable).map(Event::Acked).collect();
        assert_eq!(acked, all, "seed {seed}");
        let statistics = pair.ends[from].circuit.statistics();
        assert_eq!((statistics.unacked_packets, statistics.unacked_bytes), (0, 0), "seed {seed}");
        assert_eq!((statistics.queued_total(), statistics.lost), (0, 0), "seed {seed}");
    }
}

#[test]
fn reliable_messages_arrive_exactly_once_in_any_weather() {
    (0..400).for_each(check_delivery);
}

#[test]
fn loss_of_every_acknowledgement_ends_in_a_report_not_in_a_repetition() {
    let mut pair = Pair::new(Config::default(), Weather::CALM, 1);
    pair.weather[1].loss = 1000;
    pair.say(0, 7, Delivery::CONTROL.with_token(70)).unwrap();
    pair.run_for(Duration::from_secs(40));
    assert_eq!(pair.ends[1].heard, BTreeMap::from([(7, 1)]));
    assert_eq!(pair.ends[0].events, [Event::Lost(70)]);
    let [sender, receiver] = [0, 1].map(|end| pair.ends[end].circuit.statistics());
    assert_eq!((sender.resends, sender.lost, receiver.duplicates), (8, 1, 8));
    assert_eq!(sender.unacked_bytes, 0);
    // The circuit lives on: the other direction is fine.
    assert!(!pair.ends[0].circuit.is_over());
}

#[test]
fn a_late_acknowledgement_counts_and_is_no_sample_of_the_round_trip() {
    let slow = Weather { latency: Duration::from_millis(1300), ..Weather::CALM };
    let mut pair =
        Pair::new(Config { ping_interval: Duration::from_secs(3600), ..Config::default() }, slow, 1);
    pair.say(0, 1, Delivery::CONTROL.with_token(1)).unwrap();
    pair.run_for(Duration::from_secs(6));
    assert_eq!(pair.ends[0].events, [Event::Acked(1)]);
    let statistics = pair.ends[0].circuit.statistics();
    assert!(statistics.resends >= 1);
    assert_eq!(statistics.rtt, None);
}

#[test]
fn resends_follow_the_round_trip_and_back_off() {
    let mut pair = Pair::new(Config::default(), Weather::CALM, 1);
    pair.say(0, 1, Delivery::CONTROL).unwrap();
    pair.run_for(Duration::from_secs(1));
    pair.ends[1].deaf = true;
    pair.ends[0].log.clear();
    pair.say(0, 2, Delivery::CONTROL.with_token(2)).unwrap();
    pair.run_for(Duration::from_secs(40));
    let sent: Vec<Moment> = resends_and_first(&pair.ends[0].log);
    let gaps: Vec<u128> = sent.windows(2).map(|pair| (pair[1] - pair[0]).as_millis()).collect();
    assert_eq!(gaps, [250, 500, 1000, 2000, 3000, 3000, 3000, 3000]);
    assert_eq!(pair.ends[0].events, [Event::Lost(2)]);
    // All tries bear one number, and all but the first say that they are repeated.
    let tries: Vec<&Vec<u8>> = reliable(&pair.ends[0].log).collect();
    assert!(tries.iter().all(|datagram| datagram[1..] == tries[0][1..]));
    assert_eq!(tries.iter().filter(|datagram| datagram[0] & 0x20 != 0).count(), 8);
}

fn reliable(log: &[(Moment, Vec<u8>)]) -> impl Iterator<Item = &Vec<u8>> {
    log.iter().map(|(_, datagram)| datagram).filter(|datagram| datagram[0] & 0x40 != 0)
}

fn resends_and_first(log: &[(Moment, Vec<u8>)]) -> Vec<Moment> {
    log.iter().filter(|(_, datagram)| datagram[0] & 0x40 != 0).map(|(at, _)| *at).collect()
}

#[test]
fn acknowledgements_ride_or_leave_within_their_delay() {
    let mut pair = Pair::new(Config::default(), Weather::CALM, 1);
    let begin = pair.now;
    pair.say(0, 1, Delivery::CONTROL).unwrap();
    pair.run_for(Duration::from_secs(1));
    // Nothing to ride on: alone, after 20 ms on the way and 10 ms of waiting.
    let (at, datagram) = &pair.ends[1].log[0];
    assert_eq!(*at - begin, Duration::from_millis(30));
    assert_eq!(datagram[..], [0, 0, 0, 0, 1, 0, 0xFF, 0xFF, 0xFF, 0xFB, 1, 1, 0, 0, 0]);

    // Something leaves 5 ms after it came: it rides on that.
    pair.say(0, 2, Delivery::CONTROL).unwrap();
    pair.run_for(Duration::from_millis(25));
    pair.say(1, 3, Delivery::unreliable(Category::Task)).unwrap();
    let (_, datagram) = pair.ends[1].log.last().unwrap();
    assert_eq!(datagram[0] & 0x10, 0x10);
    assert_eq!(datagram[datagram.len() - 5..], [0, 0, 0, 2, 1]);
    let count = pair.ends[1].log.len();
    pair.run_for(Duration::from_secs(1));
    assert_eq!(pair.ends[1].log.len(), count);
    assert_eq!(pair.ends[0].circuit.statistics().resends, 0);
}

#[test]
fn what_clients_wait_for_is_acknowledged_at_once_and_alone() {
    let mut circuit = Circuit::new(Config::default(), Moment::ZERO);
    let mut peer = Circuit::new(Config::default(), Moment::ZERO);
    let mut out = Vec::new();
    peer.send(Moment::ZERO, &numbered(1), Delivery::CONTROL).unwrap();
    assert!(peer.poll_datagram(Moment::ZERO, &mut out));
    let opening = out.clone();
    let now = Moment::from_millis(3);
    for _ in 0..2 {
        // Also when the client asks again.
        let mut scratch = Vec::new();
        let datagram = lludp::header::open(&opening, &mut scratch).unwrap();
        let _ = circuit.receive(now, &datagram);
        circuit.send(now, &numbered(2), Delivery::CONTROL).unwrap();
        circuit.ack_now(1);
        assert_eq!(circuit.next_wakeup(), Some(now));
        assert!(circuit.poll_datagram(now, &mut out));
        assert_eq!(out[6..], [0xFF, 0xFF, 0xFF, 0xFB, 1, 1, 0, 0, 0]);
        assert!(circuit.poll_datagram(now, &mut out));
        assert_eq!(out[0] & 0x10, 0, "acknowledged twice");
        assert!(!circuit.poll_datagram(now, &mut out));
    }
}

#[test]
fn a_flood_of_reliable_packets_is_acknowledged_in_full_datagrams() {
    let mut pair = Pair::new(
        Config { unacked_bytes: 4 << 20, control_queue_bytes: 4 << 20, ..Config::default() },
        Weather::CALM,
        1,
    );
    let now = pair.now;
    for number in 0..600 {
        pair.ends[0].circuit.send(now, &numbered(number), Delivery::CONTROL).unwrap();
    }
    pair.run_for(Duration::from_millis(100));
    let sizes: Vec<usize> = pair.ends[1].log.iter().map(|(_, datagram)| datagram.len()).collect();
    assert_eq!(sizes, [11 + 250 * 4, 11 + 250 * 4, 11 + 100 * 4]);
    assert_eq!(pair.ends[0].circuit.statistics().unacked_packets, 0);
    assert_eq!(pair.ends[1].heard.len(), 600);
}

#[test]
fn pings_measure_the_way_and_are_answered_before_anything_else() {
    let mut pair = Pair::new(Config::default(), Weather::CALM, 1);
    pair.run_for(Duration::from_secs(21));
    for end in &pair.ends {
        assert_eq!(end.circuit.statistics().rtt, Some(Duration::from_millis(40)));
        // Four pings and four answers in 21 s; a circuit at rest says nothing else.
        assert_eq!(end.log.len(), 8);
    }
    // An answer that comes twice, the second time late, is one measurement.
    let mut pair = Pair::new(Config::default(), Weather { duplication: 1000, ..Weather::CALM }, 1);
    pair.weather[1].jitter = Duration::from_millis(500);
    pair.run_for(Duration::from_secs(7));
    let pong = pair.ends[1].log.iter().find(|(_, datagram)| datagram[6] == 2).unwrap().1.clone();
    let rtt = pair.ends[0].circuit.statistics().rtt;
    pair.post(1, &pong);
    pair.run_for(Duration::from_secs(1));
    assert_eq!(pair.ends[0].circuit.statistics().rtt, rtt);
    assert!(rtt.is_some());

    // An answer overtakes a full queue.
    let mut circuit = Circuit::new(Config::default(), Moment::ZERO);
    for number in 0..100 {
        circuit.send(Moment::ZERO, &numbered(number), Delivery::CONTROL).unwrap();
    }
    let ping = [0, 0, 0, 0, 9, 0, 1, 77, 0, 0, 0, 0];
    let mut scratch = Vec::new();
    let datagram = lludp::header::open(&ping, &mut scratch).unwrap();
    let _ = circuit.receive(Moment::ZERO, &datagram);
    assert!(circuit.handle_control(Moment::ZERO, &Message::decode(datagram.body).unwrap()));
    let mut out = Vec::new();
    assert!(circuit.poll_datagram(Moment::ZERO, &mut out));
    assert_eq!(out[6..], [2, 77]);
}

#[test]
fn a_ping_names_the_oldest_packet_that_may_be_repeated() {
    let mut pair = Pair::new(Config::default(), Weather::CALM, 1);
    for number in 0..3 {
        pair.say(0, number, Delivery::CONTROL).unwrap();
    }
    pair.run_for(Duration::from_secs(6));
    // All acknowledged: the last number sent.
    assert_eq!(pings(&pair.ends[0].log), [3]);
    pair.ends[1].deaf = true;
    pair.say(0, 4, Delivery::CONTROL).unwrap();
    pair.say(0, 5, Delivery::CONTROL).unwrap();
    pair.ends[0].log.clear();
    pair.run_for(Duration::from_secs(5));
    assert_eq!(pings(&pair.ends[0].log).len(), 1);
    let waiting = pair.ends[0].log.iter().find(|(_, datagram)| datagram[0] & 0x20 != 0).unwrap();
    let sequence = u32::from_be_bytes(waiting.1[1..5].try_into().unwrap());
    assert_eq!(pings(&pair.ends[0].log), [sequence]);
}

/// OldestUnacked of each ping.
fn pings(log: &[(Moment, Vec<u8>)]) -> Vec<u32> {
    let pings = log.iter().filter(|(_, datagram)| datagram.len() >= 12 && datagram[6] == 1);
    pings.map(|(_, datagram)| u32::from_le_bytes(datagram[8..12].try_into().unwrap())).collect()
}

#[test]
fn silence_ends_a_circuit_and_a_pause_makes_it_patient() {
    let mut pair = Pair::new(Config::default(), Weather::CALM, 1);
    pair.ends[1].deaf = true;
    pair.ends[1].circuit.set_paused(true);
    let begin = pair.now;
    pair.run_for(Duration::from_millis(59_999));
    assert!(pair.ends[0].events.is_empty());
    pair.run_for(Duration::from_millis(1));
    assert_eq!(pair.ends[0].events, [Event::TimedOut]);
    assert!(pair.ends[0].circuit.is_over());
    assert_eq!(pair.ends[0].circuit.next_wakeup(), None);
    let refused = pair.ends[0].circuit.send(pair.now, &numbered(1), Delivery::CONTROL);
    assert_eq!(refused, Err(Refused::Closed));
    assert_eq!(pair.ends[0].circuit.statistics().queued_total(), 0);

    pair.ends[1].deaf = false;
    pair.run_until(begin + Duration::from_millis(299_999));
    assert!(!pair.ends[1].circuit.is_over());
    pair.run_for(Duration::from_secs(1));
    assert_eq!(pair.ends[1].events, [Event::TimedOut]);
}

#[test]
fn a_close_delivers_what_was_promised() {
    let mut pair = Pair::new(patient(), STORM, 5);
    let slow = Throttles::all(0).encode();
    pair.ends[0].circuit.set_throttles(pair.now, &slow).unwrap();
    for number in 0..40 {
        pair.ends[0].circuit.send(pair.now, &numbered(number), Delivery::reliable(Category::Land)).unwrap();
    }
    pair.say(0, 100, Delivery::CONTROL.with_token(100)).unwrap();
    pair.ends[0].circuit.close(pair.now, Duration::from_secs(20));
    assert_eq!(pair.ends[0].circuit.send(pair.now, &numbered(1), Delivery::CONTROL), Err(Refused::Closed));
    pair.run_for(Duration::from_secs(19));
    assert_eq!(pair.ends[0].events, [Event::Acked(100), Event::Closed { heard: true }]);
    assert_eq!(pair.ends[1].heard.get(&100), Some(&1));
    assert!(pair.ends[0].circuit.is_over());
}

#[test]
fn a_close_that_nobody_hears_ends_with_its_linger() {
    let mut pair = Pair::new(Config::default(), Weather::CALM, 5);
    pair.ends[1].deaf = true;
    pair.say(0, 1, Delivery::CONTROL).unwrap();
    pair.ends[0].circuit.close(pair.now, Duration::from_secs(2));
    pair.run_for(Duration::from_millis(1999));
    assert_eq!(pair.ends[0].events, []);
    pair.run_for(Duration::from_millis(1));
    assert_eq!(pair.ends[0].events, [Event::Closed { heard: false }]);

    // Terrain under way is not waited for.
    let mut pair = Pair::new(Config::default(), Weather::CALM, 5);
    pair.ends[1].deaf = true;
    pair.say(0, 1, Delivery::reliable(Category::Land)).unwrap();
    pair.ends[0].circuit.close(pair.now, Duration::from_secs(2));
    pair.flush();
    assert_eq!(pair.ends[0].events, [Event::Closed { heard: true }]);

    // And with nothing to deliver at once.
    let mut idle = Circuit::new(Config::default(), Moment::ZERO);
    idle.close(Moment::ZERO, Duration::from_secs(2));
    assert_eq!(idle.next_wakeup(), Some(Moment::ZERO));
    assert!(!idle.poll_datagram(Moment::ZERO, &mut Vec::new()));
    assert_eq!(idle.poll_event(), Some(Event::Closed { heard: true }));
}

#[test]
fn a_hushed_circuit_repeats_nothing_and_still_hears() {
    let seconds = Duration::from_secs;
    let mut pair = Pair::new(Config::default(), Weather::CALM, 5);
    pair.weather[1].loss = 1000;
    pair.say(0, 1, Delivery::CONTROL).unwrap();
    pair.ends[0].circuit.close(pair.now, seconds(60));
    pair.run_for(seconds(3));
    let before = pair.ends[0].circuit.statistics();
    assert!(before.resends > 1 && before.last_resend.is_some(), "{before:?}");
    pair.ends[0].circuit.hush(pair.now, seconds(10));
    pair.run_for(Duration::from_millis(9999));
    assert_eq!(pair.ends[0].circuit.statistics().resends, before.resends);
    assert_eq!(pair.ends[0].events, []);
    pair.run_for(Duration::from_millis(1));
    assert_eq!(pair.ends[0].events, [Event::Closed { heard: false }]);

    let slow = Weather { latency: Duration::from_millis(1300), ..Weather::CALM };
    let mut pair = Pair::new(Config::default(), slow, 5);
    pair.say(0, 1, Delivery::CONTROL).unwrap();
    pair.ends[0].circuit.close(pair.now, seconds(60));
    pair.run_for(seconds(2));
    pair.ends[0].circuit.hush(pair.now, seconds(10));
    pair.run_for(seconds(1));
    assert_eq!(pair.ends[0].events, [Event::Closed { heard: true }]);
}

#[test]
fn categories_keep_their_rates_and_none_starves() {
    let rates = Throttles {
        resend: 9_000,
        land: 4_000,
        wind: 1_000,
        cloud: 1_500,
        task: 20_000,
        texture: 10_000,
        asset: 5_000,
    };
    let config = Config {
        throttles_min: Throttles::all(50),
        burst: Duration::from_millis(100),
        burst_min_bytes: 1200,
        ..Config::default()
    };
    let mut pair = Pair::new(config.clone(), Weather::CALM, 1);
    pair.ends[0].circuit.set_throttles(pair.now, &rates.encode()).unwrap();
    let begin = pair.now;
    let mut sent: BTreeMap<Category, u64> = BTreeMap::new();
    while pair.now - begin < Duration::from_secs(60) {
        for category in Category::THROTTLED {
            while pair.ends[0].circuit.statistics().queued_bytes[category.index()] < 20_000 {
                let message = land(category.index() as u8, &[1; 500]);
                let delivery = Delivery::unreliable(category);
                pair.ends[0].circuit.send(pair.now, &message, delivery).unwrap();
            }
        }
        pair.run_for(Duration::from_millis(500));
    }
    for (_, datagram) in &pair.ends[0].log {
        let mut scratch = Vec::new();
        let opened = lludp::header::open(datagram, &mut scratch).unwrap();
        let message = Message::decode(opened.body).unwrap();
        if let Message::LayerData(message) = message {
            let category = Category::ALL[usize::from(message.layer_id.r#type)];
            *sent.entry(category).or_default() += datagram.len() as u64;
        }
    }
    for (category, rate) in Category::THROTTLED.into_iter().zip(rates.to_array()) {
        let (sent, allowed) = (sent[&category], u64::from(rate) * 60);
        let burst = (u64::from(rate) / 10).max(1200) + 520;
        assert!(sent >= allowed && sent <= allowed + burst, "{category:?}: {sent} of {allowed} bytes");
    }
}

#[test]
fn categories_take_turns() {
    let mut circuit = Circuit::new(Config::default(), Moment::ZERO);
    for category in Category::THROTTLED {
        for _ in 0..3 {
            let message = land(category.index() as u8, &[1; 100]);
            circuit.send(Moment::ZERO, &message, Delivery::unreliable(category)).unwrap();
        }
    }
    let (mut out, mut order) = (Vec::new(), Vec::new());
    while circuit.poll_datagram(Moment::ZERO, &mut out) {
        // Header, message number, LayerID.Type.
        order.push(out[7]);
    }
    assert_eq!(order, [1, 2, 3, 4, 5, 6, 7].repeat(3));
}

#[test]
fn resends_keep_their_rate_but_control_messages_do_not_wait() {
    let mut pair =
        Pair::new(Config { burst_min_bytes: 100, burst: Duration::ZERO, ..patient() }, Weather::CALM, 1);
    let rates = Throttles { resend: 1_000, ..Throttles::all(1_000_000) };
    pair.ends[0].circuit.set_throttles(pair.now, &rates.encode()).unwrap();
    pair.ends[1].deaf = true;
    for number in 0..200 {
        pair.ends[0].circuit.send(pair.now, &numbered(number), Delivery::reliable(Category::Land)).unwrap();
    }
    for number in 200..220 {
        pair.ends[0].circuit.send(pair.now, &numbered(number), Delivery::CONTROL).unwrap();
    }
    pair.run_for(Duration::from_secs(30));
    let (mut land, mut control) = (0, 0);
    for (_, datagram) in pair.ends[0].log.iter().filter(|(_, datagram)| datagram[0] & 0x20 != 0) {
        let mut scratch = Vec::new();
        let opened = lludp::header::open(datagram, &mut scratch).unwrap();
        let number = number_of(&Message::decode(opened.body).unwrap());
        if number < 200 { land += datagram.len() } else { control += 1 }
    }
    assert!((28_000..=30_200).contains(&land), "{land}");
    assert!(control >= 20 * 9, "{control}");
}

#[test]
fn budgets_hold_and_control_outlasts_the_rest() {
    let config = Config {
        unacked_bytes: 10_000,
        queue_bytes: 4_000,
        control_queue_bytes: 50_000,
        ..Config::default()
    };
    let mut circuit = Circuit::new(config, Moment::ZERO);
    let size = {
        let mut probe = Circuit::new(Config::default(), Moment::ZERO);
        probe.send(Moment::ZERO, &numbered(1), Delivery::CONTROL).unwrap();
        probe.statistics().queued_total()
    };
    let mut fill = |delivery: Delivery| {
        let mut taken = 0;
        loop {
            match circuit.send(Moment::ZERO, &numbered(1), delivery) {
                Ok(()) => taken += size,
                Err(refused) => return (taken, refused),
            }
        }
    };
    let (taken, refused) = fill(Delivery::unreliable(Category::Task));
    assert_eq!(refused, Refused::QueueFull(Category::Task));
    assert!(taken <= 4_000 && taken + size > 4_000);
    // Reliable data of all categories shares one budget ...
    let (land, _) = fill(Delivery::reliable(Category::Land));
    let (wind, _) = fill(Delivery::reliable(Category::Wind));
    let (cloud, refused) = fill(Delivery::reliable(Category::Cloud));
    assert_eq!(refused, Refused::UnackedFull);
    assert!(land + wind + cloud <= 10_000 && land + wind + cloud + size > 10_000);
    // ... of which control messages may use a little more.
    let (control, refused) = fill(Delivery::CONTROL);
    assert_eq!(refused, Refused::UnackedFull);
    assert!((1..=2_500 + size).contains(&control), "{control}");
    let (control, refused) = fill(Delivery::unreliable(Category::Control));
    assert_eq!(refused, Refused::QueueFull(Category::Control));
    assert!(control < 50_000);
    assert!(circuit.statistics().refused == 6);
}

#[test]
fn a_budget_is_for_what_is_under_way_not_for_all_that_was_ever_sent() {
    let mut pair = Pair::new(Config { unacked_bytes: 2_000, ..Config::default() }, Weather::CALM, 1);
    for number in 0..200 {
        pair.say(0, number, Delivery::reliable(Category::Task)).unwrap();
        pair.say(0, 1000 + number, Delivery::CONTROL).unwrap();
        pair.run_for(Duration::from_millis(100));
    }
    assert_eq!(pair.ends[1].heard.len(), 400);
}

#[test]
fn a_peer_that_never_acknowledges_costs_a_bounded_amount() {
    let mut pair = Pair::new(Config { unacked_bytes: 20_000, ..Config::default() }, Weather::CALM, 3);
    // It hears, and says so by pings, but its acknowledgements are lost.
    let mut random = Random(4);
    for number in 0..3000 {
        let _ = pair.say(0, number, Delivery::reliable(category(&mut random)));
        pair.ends[1].deaf = number % 200 != 0;
        pair.run_for(Duration::from_millis(20));
        let statistics = pair.ends[0].circuit.statistics();
        assert!(statistics.unacked_bytes <= 25_000, "{statistics:?}");
        assert!(statistics.queued_total() <= 25_000, "{statistics:?}");
    }
    assert!(!pair.ends[0].circuit.is_over());
    assert!(pair.ends[0].circuit.statistics().lost > 0);
}

#[test]
fn too_large_a_message_is_refused() {
    let mut circuit = Circuit::new(Config::default(), Moment::ZERO);
    let data = vec![0x55; 1400];
    let refused = circuit.send(Moment::ZERO, &land(76, &data), Delivery::CONTROL);
    assert!(matches!(refused, Err(Refused::TooLarge(size)) if size > 1400), "{refused:?}");
    let delivery = Delivery::unreliable(Category::Land);
    assert!(circuit.try_write(Moment::ZERO, &mut Vec::new(), &land(76, &data), delivery).is_err());
    assert_eq!(circuit.send(Moment::ZERO, &land(76, &data[..1300]), Delivery::CONTROL), Ok(()));
}

#[test]
fn a_message_composed_at_the_last_moment_waits_for_its_turn() {
    let config = Config { burst_min_bytes: 100, burst: Duration::ZERO, ..Config::default() };
    let mut circuit = Circuit::new(config, Moment::ZERO);
    circuit.set_throttles(Moment::ZERO, &Throttles::all(1_000).encode()).unwrap();
    let mut out = Vec::new();
    let mut now = Moment::ZERO;
    let mut bytes = 0;
    let task = Delivery::unreliable(Category::Task);
    while now < Moment::from_millis(10_000) {
        if circuit.try_write(now, &mut out, &numbered(bytes), task).is_ok() {
            bytes += out.len() as u64;
        } else {
            assert!(out.is_empty());
            let ready = circuit.ready_at(Category::Task);
            assert!(ready > now);
            assert!(circuit.try_write(Moment(ready.0 - 1), &mut out, &numbered(0), task).is_err());
            now = ready;
        }
    }
    assert!((10_000..10_200).contains(&bytes), "{bytes}");
    // What is queued goes first.
    circuit.send(now, &numbered(1), Delivery::unreliable(Category::Task)).unwrap();
    assert!(circuit.try_write(now, &mut out, &numbered(2), task).is_err());
    // A reliable one is repeated like any other.
    assert!(circuit.try_write(now, &mut out, &numbered(3), Delivery::CONTROL).is_ok());
    let first = out.clone();
    let due = now + Duration::from_secs(1);
    let mut repeated = false;
    while circuit.poll_datagram(due, &mut out) {
        repeated |= out[0] == first[0] | 0x20 && out[1..] == first[1..];
    }
    assert!(repeated);
}

/// Polls both ends at every wakeup, and a microsecond before it, when nothing must come.
#[test]
fn wakeups_are_exact() {
    for seed in 0..60 {
        let mut random = Random(seed);
        let config = Config { resends: 3, burst: Duration::ZERO, burst_min_bytes: 60, ..Config::default() };
        let mut pair = Pair::new(config, STORM, seed);
        let slow = Throttles::all(600).encode();
        pair.ends[0].circuit.set_throttles(pair.now, &slow).unwrap();
        for number in 0..40 {
            let category = category(&mut random);
            let delivery = if random.below(2) == 0 {
                Delivery::reliable(category)
            } else {
                Delivery::unreliable(category)
            };
            pair.say(random.below(2) as usize, number, delivery).unwrap();
        }
        for _ in 0..400 {
            for end in 0..2 {
                let Some(wakeup) = pair.ends[end].circuit.next_wakeup() else { continue };
                let just_before = Moment(wakeup.0 - 1);
                assert!(wakeup > pair.now, "seed {seed}: work was left undone");
                if pair.next() == Some(wakeup) {
                    let before = pair.ends[end].circuit.statistics();
                    let wrote = pair.ends[end].circuit.poll_datagram(just_before, &mut Vec::new());
                    let event = pair.ends[end].circuit.poll_event();
                    assert_eq!((wrote, event), (false, None), "seed {seed}");
                    assert_eq!(before, pair.ends[end].circuit.statistics(), "seed {seed}");
                    let (log, events) = (pair.ends[end].log.len(), pair.ends[end].events.len());
                    let (resends, lost) = (before.resends, before.lost);
                    pair.run_until(wakeup);
                    let after = &pair.ends[end];
                    let statistics = after.circuit.statistics();
                    let did = after.log.len() > log
                        || after.events.len() > events
                        || statistics.resends > resends
                        || statistics.lost > lost;
                    assert!(did, "seed {seed}: woken for nothing at {wakeup:?}");
                }
            }
            let Some(next) = pair.next() else { break };
            pair.run_until(next);
        }
    }
}

#[test]
fn an_idle_circuit_wakes_only_to_ping() {
    let mut pair = Pair::new(Config::default(), Weather::CALM, 1);
    pair.run_for(Duration::from_secs(1));
    let first = pair.ends[0].circuit.next_wakeup().unwrap();
    assert_eq!(first, Moment::from_millis(1000) + Duration::from_secs(5));
    pair.run_until(first + Duration::from_secs(1));
    assert_eq!(pair.ends[0].circuit.next_wakeup(), Some(first + Duration::from_secs(5)));
}

fn land(kind: u8, data: &[u8]) -> m::LayerData<'_> {
    m::LayerData {
        layer_id: m::layer_data::LayerID { r#type: kind },
        layer_data: m::layer_data::LayerData { data },
    }
}

#[test]
fn overhead_is_charged() {
    let mut circuit = Circuit::new(Config::default(), Moment::ZERO);
    let mut out = Vec::new();
    circuit.send(Moment::ZERO, &numbered(1), Delivery::CONTROL).unwrap();
    let queued = circuit.statistics().queued_total();
    assert!(circuit.poll_datagram(Moment::ZERO, &mut out));
    assert_eq!(queued, out.len() + PACKET_OVERHEAD);
    assert_eq!(circuit.statistics().unacked_bytes, queued);
}

#[test]
fn a_noted_message_is_sent_once_and_its_loss_is_told() {
    let mut circuit = Circuit::new(Config::default(), Moment::ZERO);
    let (mut out, mut now) = (Vec::new(), Moment::ZERO);
    let mut waits = Vec::new();
    for token in 1..=3 {
        let sent = now;
        assert!(
            circuit
                .try_write(now, &mut out, &numbered(token), Delivery::noted(Category::Task, token))
                .is_ok()
        );
        assert_ne!(out[0] & 0x40, 0, "the peer is to acknowledge it");
        loop {
            now = circuit.next_wakeup().unwrap();
            while circuit.poll_datagram(now, &mut out) {
                assert_eq!(out[0] & 0x20, 0, "nothing is repeated");
            }
            if let Some(event) = circuit.poll_event() {
                assert_eq!(event, Event::Lost(token));
                break;
            }
        }
        waits.push(now.since(sent));
    }
    // A peer that is not heard is waited for longer and longer.
    assert!(waits.is_sorted() && waits[0] < waits[2], "{waits:?}");
    assert_eq!((circuit.statistics().unacked_packets, circuit.statistics().lost), (0, 0));
    assert_eq!(circuit.statistics().resends, 3);

    let queued = Delivery::noted(Category::Task, 4);
    circuit.send(now, &numbered(4), queued).unwrap();
    while !circuit.poll_datagram(now, &mut out) {
        now = circuit.next_wakeup().unwrap();
    }
    let sequence = u32::from_be_bytes(out[1..5].try_into().unwrap());
    let heard = [m::packet_ack::Packets { id: sequence }];
    let acks = m::PacketAck { packets: (&heard).into() };
    circuit.handle_control(now, &Message::PacketAck(acks));
    assert_eq!(circuit.poll_event(), Some(Event::Acked(4)));
}
