//! Whatever a viewer says on its own circuit and in its own name, the region bears it and nobody else feels it.

use super::*;
use lludp::template::MESSAGES;
use lludp::{BlockKind, FieldInfo, FieldKind, MessageInfo};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// How often each message of the template is made up.
const ROUNDS: usize = 12;

/// What ends a session by the wish of its viewer.
const FAREWELLS: [&str; 2] = ["LogoutRequest", "CloseCircuit"];

/// A number of a field: often one with which something goes wrong.
fn number(chance: &mut ChaCha8Rng, field: &FieldInfo, out: &mut Vec<u8>) {
    let length = field.kind.min_len();
    match chance.random_range(0..4) {
        0 => out.extend(std::iter::repeat_n(0, length)),
        1 => out.extend(std::iter::repeat_n(0xFF, length)),
        2 if matches!(field.kind, FieldKind::F32 | FieldKind::Vec3 | FieldKind::Vec4 | FieldKind::Quat) => {
            let odd = [f32::NAN, f32::INFINITY, -0.0, 1e38, 128.0, -1.0];
            for _ in 0..length / 4 {
                out.extend(odd[chance.random_range(0..odd.len())].to_le_bytes());
            }
        }
        _ => out.extend((0..length).map(|_| chance.random::<u8>())),
    }
}

fn field(chance: &mut ChaCha8Rng, block: &str, field: &FieldInfo, out: &mut Vec<u8>) {
    match (field.kind, field.name) {
        (FieldKind::Uuid, "AgentID") if block == "AgentData" => out.extend(ADA.0.as_bytes()),
        (FieldKind::Uuid, "SessionID") => out.extend(session(ADA).0.as_bytes()),
        (FieldKind::Uuid, _) => {
            let any = Uuid::from_u128(chance.random());
            let known = [ADA.0, BOB.0, CLEO.0, Uuid::nil(), Uuid::from_u128(0x1001), any];
            out.extend(known[chance.random_range(0..known.len())].as_bytes());
        }
        (FieldKind::Bytes1 | FieldKind::Text1, _) => {
            let length = chance.random_range(0..=40_u8);
            out.push(length);
            out.extend((0..length).map(|_| chance.random::<u8>()));
        }
        (FieldKind::Bytes2 | FieldKind::Text2, _) => {
            let length = chance.random_range(0..=300_u16);
            out.extend(length.to_le_bytes());
            out.extend((0..length).map(|_| chance.random::<u8>()));
        }
        (FieldKind::U64, _) if chance.random() => {
            let handles =
                [GridCell { x: 1000, y: 1000 }.handle().0, GridCell { x: 1010, y: 1000 }.handle().0];
            out.extend(handles[chance.random_range(0..2)].to_le_bytes());
        }
        _ => number(chance, field, out),
    }
}

/// A message with Ada's ids where a viewer's own are, and anything else everywhere.
fn body(chance: &mut ChaCha8Rng, info: &MessageInfo) -> Vec<u8> {
    let mut body = Vec::new();
    info.write_number(&mut body);
    for block in info.blocks {
        let count = match block.kind {
            BlockKind::Single => 1,
            BlockKind::Multiple(count) => count,
            BlockKind::Variable => {
                let count = chance.random_range(0..=3);
                body.push(count);
                count
            }
        };
        for _ in 0..count {
            for one in block.fields {
                field(chance, block.name, one, &mut body);
            }
        }
    }
    body
}

impl Town {
    /// Ada's viewer sends these bytes.
    fn send(&mut self, body: &[u8]) {
        let (region, sequence) = self.viewers.get_mut(&ADA).unwrap();
        *sequence += 1;
        let (region, mut bytes) = (*region, Vec::new());
        header::seal(
            &mut bytes,
            Flags::RELIABLE,
            *sequence,
            |out| out.extend_from_slice(body),
            &mut Vec::new(),
        );
        self.put(region, Input::Datagram { from: address(ADA), bytes: &bytes });
    }
}

#[test]
fn any_message_of_a_viewer_is_borne() {
    let mut chance = ChaCha8Rng::seed_from_u64(1);
    let mut town = Town::with_bob_in(0);
    let mut decoded = 0;
    for info in MESSAGES.iter().filter(|info| !FAREWELLS.contains(&info.name)) {
        for _ in 0..ROUNDS {
            let mut body = body(&mut chance, info);
            if chance.random_ratio(1, 6) {
                body.truncate(chance.random_range(1..=body.len()));
            }
            decoded += usize::from(Message::decode(&body).is_ok());
            town.send(&body);
            town.now += Duration::from_millis(20);
            town.put(0, Input::Wakeup);
            // Bob's viewer goes on, and so does Ada's, wherever she has got.
            town.say(BOB, &m::CompletePingCheck { ping_id: m::complete_ping_check::PingID { ping_id: 0 } });
            let bob = &town.regions[0].agents[&BOB];
            assert!(bob.is_root() && bob.acts(), "{}", info.name);
            if !town.regions[0].agents.get(&ADA).is_some_and(|ada| ada.acts()) {
                town.enter(ADA, "Ada", 0);
            }
            town.got.clear();
            town.to_peers.clear();
            town.asked.clear();
            town.told.clear();
        }
        let stats = town.regions[0].stats();
        assert!(stats.queued_bytes < 4 << 20, "{}: {} bytes wait", info.name, stats.queued_bytes);
    }
    assert!(decoded > MESSAGES.len() * ROUNDS / 2, "most of them are messages: {decoded}");
    town.message(BOB, ADA, 0, "still here");
    assert_eq!(town.heard(ADA), ["IM 0 of Bob (Bob One), Ada: still here"]);
}
