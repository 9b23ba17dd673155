//! The laws that hold for any bytes. Fuzz targets call them with what a fuzzer makes up, tests with what it once
//! found.

use crate::header::{Flags, HEADER_LEN, MAX_LEN, open, seal};
use crate::template::split_number;
use crate::walk::check_finite;
use crate::{Message, describe_body, zerocode};

/// Takes `bytes` for a datagram from anyone.
///
/// # Panics
/// When a law is broken: what was read must come out again, and nothing may grow beyond its bound.
pub fn datagram(bytes: &[u8]) {
    let mut scratch = Vec::new();
    let opened = open(bytes, &mut scratch).map(|datagram| {
        assert!(datagram.body.len() <= MAX_LEN);
        assert!(datagram.acks.iter().len() <= 255);
        message(datagram.body);
        frame(datagram.body, datagram.header.sequence);
    });
    assert!(scratch.len() <= MAX_LEN && scratch.capacity() <= 2 * MAX_LEN);
    if opened.is_err() {
        // The fuzzer finds message numbers sooner without the header's hurdles.
        message(bytes);
    }
}

/// A message that decodes is the same after being written and read again.
fn message(body: &[u8]) {
    let Ok(message) = Message::decode(body) else { return };
    let mut first = Vec::new();
    message.encode(&mut first);
    // Nothing is added: what decodes has no missing block before one that is there.
    assert!(first.len() <= body.len());
    let again = Message::decode(&first).expect("what was written can be read");
    let mut second = Vec::new();
    again.encode(&mut second);
    assert_eq!(first, second);
    let (id, blocks) = split_number(body).expect("the message was decoded");
    assert_eq!(id, message.info().id);
    if check_finite(message.info(), blocks).is_ok() {
        assert_eq!(message, again);
    }
    // Lines are cut: a trace cannot be flooded.
    let line = describe_body(message.info(), blocks).to_string();
    assert!(line.len() <= 64 * 1024 && !line.contains('\n'));
}

/// What is sealed, zerocoded or not, opens to the same.
fn frame(body: &[u8], sequence: u32) {
    for flags in [Flags::RELIABLE, Flags::ZEROCODED] {
        let (mut sealed, mut scratch) = (Vec::new(), Vec::new());
        seal(&mut sealed, flags, sequence, |out| out.extend_from_slice(body), &mut scratch);
        assert!(sealed.len() <= HEADER_LEN + body.len());
        if sealed.len() > MAX_LEN {
            continue;
        }
        scratch.clear();
        let datagram = open(&sealed, &mut scratch).expect("what was sealed can be opened");
        assert_eq!((datagram.body, datagram.header.sequence), (body, sequence));
    }
    let (mut coded, mut expanded) = (Vec::new(), Vec::new());
    zerocode::code(body, &mut coded);
    zerocode::expand(&coded, &mut expanded).expect("what was coded can be expanded");
    assert_eq!(expanded, body);
}
