//! Any operations in any order, with a peer that sends whatever it likes: nothing panics, and every bound holds.

use std::time::Duration;

use arbitrary::{Result, Unstructured};
use circuit::{Category, Circuit, Config, Delivery, Encoded, Reliability};
use lludp::messages::{self as m, Message};
use model::{Moment, Uuid};

#[test]
fn bounds_hold_whatever_happens() {
    arbtest::arbtest(|u| {
        let config = Config {
            unacked_bytes: 4_000,
            queue_bytes: 2_000,
            control_queue_bytes: 3_000,
            first_sequence: u.arbitrary()?,
            pending_acks: 300,
            ..Config::default()
        };
        let mut now = Moment(u.int_in_range(0..=u64::MAX / 2)?);
        let mut circuit = Circuit::new(config.clone(), now);
        let mut out = Vec::new();
        while !u.is_empty() {
            step(u, &mut circuit, &mut now, &mut out)?;
            assert!(out.len() <= config.message_bytes);
            let statistics = circuit.statistics();
            assert!(statistics.unacked_bytes <= 5_000, "{statistics:?}");
            for category in Category::ALL {
                let most = if category == Category::Control { 3_000 } else { 2_000 };
                assert!(statistics.queued_bytes[category.index()] <= most, "{statistics:?}");
            }
            assert_eq!(circuit.next_wakeup().is_none(), circuit.is_over());
        }
        // Left alone it comes to rest, then to its end.
        for _ in 0..100_000 {
            let Some(wakeup) = circuit.next_wakeup() else { return Ok(()) };
            now = now.max(wakeup);
            while circuit.poll_datagram(now, &mut out) {}
        }
        panic!("it never ends");
    });
}

fn step(u: &mut Unstructured<'_>, circuit: &mut Circuit, now: &mut Moment, out: &mut Vec<u8>) -> Result<()> {
    match u.int_in_range(0..=11u8)? {
        0 => *now += Duration::from_micros(u.int_in_range(0..=20_000)?),
        1 => *now += Duration::from_millis(u.int_in_range(0..=70_000)?),
        2 => {
            // The clock may be told wrong.
            let _ = circuit.poll_datagram(Moment(u.arbitrary::<u32>()?.into()), out);
        }
        3 | 4 => receive(u, circuit, *now)?,
        5 => {
            let _ = circuit.send(*now, &message(u)?, delivery(u)?);
        }
        6 => {
            let _ = circuit.send_encoded(*now, &Encoded::new(&message(u)?), delivery(u)?);
        }
        7 => {
            let delivery = delivery(u)?;
            let room = circuit.room(delivery);
            let wrote = if u.arbitrary()? {
                circuit.try_write(*now, out, &message(u)?, delivery)
            } else {
                circuit.try_write_encoded(*now, out, &Encoded::new(&message(u)?), delivery)
            };
            assert_eq!(wrote.is_ok(), !out.is_empty());
            assert!(wrote.is_err() || room > 0);
        }
        8 => {
            while circuit.poll_datagram(*now, out) {
                assert!(lludp::header::open(out, &mut Vec::new()).is_ok());
            }
        }
        9 => {
            let length = u.choose(&[0, 4, 28, 32])?;
            let _ = circuit.set_throttles(*now, u.bytes(*length)?);
        }
        10 => match u.int_in_range(0..=20u8)? {
            0 => circuit.close(*now, Duration::from_millis(u.int_in_range(0..=5_000)?)),
            1 => circuit.set_paused(u.arbitrary()?),
            2 => circuit.forget_received(),
            _ => circuit.ack_now(u.arbitrary()?),
        },
        _ => while circuit.poll_event().is_some() {},
    }
    Ok(())
}

/// A datagram as a peer might send it: some numbers near those in use, some from nowhere.
fn receive(u: &mut Unstructured<'_>, circuit: &mut Circuit, now: Moment) -> Result<()> {
    let mut bytes = vec![u.arbitrary::<u8>()? & 0x70];
    bytes.extend(number(u)?.to_be_bytes());
    bytes.push(0);
    match u.int_in_range(0..=2u8)? {
        0 => bytes.extend([1, u.arbitrary()?, 0, 0, 0, 0]),
        1 => bytes.extend([2, u.arbitrary()?]),
        _ => {
            let count = u.int_in_range(0..=3u8)?;
            bytes.extend([0xFF, 0xFF, 0xFF, 0xFB, count]);
            for _ in 0..count {
                bytes.extend(number(u)?.to_le_bytes());
            }
        }
    }
    if bytes[0] & 0x10 != 0 {
        let count = u.int_in_range(0..=3u8)?;
        for _ in 0..count {
            bytes.extend(number(u)?.to_be_bytes());
        }
        bytes.push(count);
    }
    let mut scratch = Vec::new();
    let Ok(datagram) = lludp::header::open(&bytes, &mut scratch) else { return Ok(()) };
    let _ = circuit.receive(now, &datagram);
    if let Ok(message) = Message::decode(datagram.body) {
        assert!(circuit.handle_control(now, &message));
    }
    Ok(())
}

fn number(u: &mut Unstructured<'_>) -> Result<u32> {
    if u.arbitrary()? { Ok(u.int_in_range(0..=40)?) } else { u.arbitrary() }
}

fn message(u: &mut Unstructured<'_>) -> Result<m::RegionHandleRequest> {
    let region_id = Uuid::from_bytes(u.arbitrary()?);
    Ok(m::RegionHandleRequest { request_block: m::region_handle_request::RequestBlock { region_id } })
}

fn delivery(u: &mut Unstructured<'_>) -> Result<Delivery> {
    let ways = [Reliability::Reliable, Reliability::Noted, Reliability::Unreliable];
    let reliability = *u.choose(&ways)?;
    Ok(Delivery { reliability, category: *u.choose(&Category::ALL)?, token: u.arbitrary()? })
}
