//! Datagrams that others made: each decodes, and comes out of our encoder with the same bytes. What does not is
//! listed in `golden/exceptions.txt`, one by one.

mod support;

use lludp::header::{self, Flags, append_acks, open, seal};
use lludp::{Message, MessageInfo, zerocode};
use std::collections::BTreeSet;
use std::path::Path;
use support::{Recorded, fixtures, recordings};

/// Why a datagram comes out with other bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Exception {
    /// Zerocoded although that did not make it shorter. We send the plain form then (lludp fact sheet, section 3);
    /// coded by us it has the same bytes.
    CodedInVain,
}

/// Decodes a datagram and makes it again. `None`: no difference.
fn compare(bytes: &[u8]) -> Result<Option<Exception>, String> {
    let mut scratch = Vec::new();
    let datagram = open(bytes, &mut scratch).map_err(|error| error.to_string())?;
    let message = Message::decode(datagram.body).map_err(|error| error.to_string())?;
    let mut body = Vec::new();
    message.encode(&mut body);
    if body != datagram.body {
        return Err(format!("{} has another body:\n{:02x?}\n{:02x?}", message.name(), datagram.body, body));
    }
    let acks: Vec<u32> = datagram.acks.iter().collect();
    let (mut again, mut buffer) = (Vec::new(), Vec::new());
    let header = datagram.header;
    seal(&mut again, header.flags, header.sequence, |out| message.encode(out), &mut buffer);
    append_acks(&mut again, &acks, header::MAX_LEN);
    if again == bytes {
        return Ok(None);
    }
    let is_longer_coded = header.flags.is_zerocoded() && zerocode::coded_len(&body) >= body.len();
    if is_longer_coded && coded(&again, &body) == bytes {
        return Ok(Some(Exception::CodedInVain));
    }
    Err(format!("{} is framed differently:\n{bytes:02x?}\n{again:02x?}", message.name()))
}

/// A plain datagram with its body coded all the same.
fn coded(plain: &[u8], body: &[u8]) -> Vec<u8> {
    let mut coded = plain[..header::HEADER_LEN].to_vec();
    coded[0] |= Flags::ZEROCODED.bits();
    zerocode::code(body, &mut coded);
    coded.extend_from_slice(&plain[header::HEADER_LEN + body.len()..]);
    coded
}

/// Those that come out with other bytes.
fn check(recorded: Vec<Recorded>) -> Vec<(Exception, Recorded)> {
    let mut exceptions = Vec::new();
    for one in recorded {
        match compare(&one.bytes) {
            Ok(None) => {}
            Ok(Some(exception)) => exceptions.push((exception, one)),
            Err(why) => panic!("{} {} {}: {why}", one.scenario, one.direction, one.message),
        }
    }
    exceptions
}

#[test]
fn recorded_datagrams_come_out_the_same() {
    let recorded = fixtures();
    assert_eq!(recorded.len(), 947);
    let list = include_str!("../golden/exceptions.txt");
    let known: Vec<&str> = list.lines().filter(|line| !line.starts_with('#')).collect();
    let line = |(exception, one): (_, Recorded)| {
        format!("{exception:?} {} {} {} {}", one.release, one.scenario, one.direction, one.message)
    };
    let found: Vec<String> = check(recorded).into_iter().map(line).collect();
    assert_eq!(found, known, "{}", found.join("\n"));
}

/// The whole of the recordings, where they stand beside the repository.
#[test]
fn recordings_in_place_come_out_the_same() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/golden");
    if folder.is_dir() {
        let recorded = recordings(&folder);
        assert!(recorded.len() >= 947, "{}", recorded.len());
        let known: BTreeSet<Vec<u8>> = check(fixtures()).into_iter().map(|(_, one)| one.bytes).collect();
        for (exception, one) in check(recorded) {
            assert!(known.contains(&one.bytes), "{exception:?} {} {}", one.scenario, one.message);
        }
    }
}

#[test]
fn recorded_names_are_those_of_the_template() {
    for one in fixtures() {
        let mut scratch = Vec::new();
        let datagram = open(&one.bytes, &mut scratch).unwrap();
        let message = Message::decode(datagram.body).unwrap();
        assert_eq!(message.name(), one.message);
        assert_eq!(MessageInfo::by_name(&one.message), Some(message.info()));
        let is_from_viewer = one.direction == "viewer->sim";
        assert!(!(is_from_viewer && message.info().trusted), "{}", one.message);
        assert!(!message.info().event_queue || one.message == "TeleportFailed", "{}", one.message);
    }
}
