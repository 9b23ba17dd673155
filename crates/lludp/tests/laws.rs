//! Laws over all messages of the template, and over any bytes.

#![allow(clippy::unwrap_used, reason = "a test, though its helpers are not marked as one")]

mod support;

use arbitrary::Unstructured;
use lludp::header::open;
use lludp::template::{MESSAGES, split_number};
use lludp::{BlockKind, FieldKind, Frequency, Message, MessageInfo, fuzz};
use std::fs;
use std::path::Path;
use support::fixtures;

/// The blocks of a message as they could stand on the wire, made up.
fn arbitrary_body(info: &MessageInfo, u: &mut Unstructured<'_>) -> arbitrary::Result<Vec<u8>> {
    let mut body = Vec::new();
    info.write_number(&mut body);
    let from = info.blocks.iter().rposition(|block| !may_be_missing(block)).map_or(0, |last| last + 1);
    let blocks = if u.ratio(1, 4)? { u.int_in_range(from..=info.blocks.len())? } else { info.blocks.len() };
    for block in &info.blocks[..blocks] {
        let count = match block.kind {
            BlockKind::Single => 1,
            BlockKind::Multiple(count) => count,
            BlockKind::Variable => {
                let count = u.int_in_range(0..=3)?;
                body.push(count);
                count
            }
        };
        for field in (0..count).flat_map(|_| block.fields) {
            let len = match field.kind {
                FieldKind::Bytes1 | FieldKind::Text1 => {
                    let len = u.int_in_range(0..=40)?;
                    body.push(len);
                    len.into()
                }
                FieldKind::Bytes2 | FieldKind::Text2 => {
                    let len = u.int_in_range(0..=300)?;
                    body.extend(u16::to_le_bytes(len));
                    len.into()
                }
                FieldKind::Bool => {
                    body.push(u.int_in_range(0..=1)?);
                    0
                }
                fixed => fixed.min_len(),
            };
            body.extend((0..len).map(|_| u.arbitrary().unwrap_or(0_u8)));
        }
    }
    Ok(body)
}

fn may_be_missing(block: &lludp::BlockInfo) -> bool {
    block.late || block.kind == BlockKind::Variable
}

#[test]
fn any_message_comes_out_as_it_went_in() {
    arbtest::arbtest(|u| {
        let info = u.choose(&MESSAGES)?;
        let body = arbitrary_body(info, u)?;
        let message = Message::decode(&body).unwrap_or_else(|error| panic!("{error} {body:02x?}"));
        assert_eq!(message.info(), info);
        let mut again = Vec::new();
        message.encode(&mut again);
        assert_eq!(again, body, "{}", info.name);
        Ok(())
    });
}

#[test]
fn a_message_cut_short_is_refused_or_says_less() {
    arbtest::arbtest(|u| {
        let info = u.choose(&MESSAGES)?;
        let body = arbitrary_body(info, u)?;
        let cut = &body[..u.int_in_range(0..=body.len())?];
        match Message::decode(cut) {
            // Only where blocks may be missing: it says the same as the whole, as far as it goes.
            Ok(message) => {
                let mut again = Vec::new();
                message.encode(&mut again);
                assert_eq!(again, cut, "{}", info.name);
            }
            Err(error) => assert!(error.offset <= cut.len()),
        }
        Ok(())
    });
}

#[test]
fn no_bytes_do_harm() {
    arbtest::arbtest(|u| {
        let bytes: Vec<u8> = u.arbitrary()?;
        fuzz::datagram(&bytes);
        Ok(())
    });
}

/// Recorded datagrams with one byte changed, or cut: nearer to what can go wrong than chance alone.
#[test]
fn no_damaged_datagram_does_harm() {
    let recorded = fixtures();
    arbtest::arbtest(|u| {
        let mut bytes = u.choose(&recorded)?.bytes.clone();
        let at = u.choose_index(bytes.len())?;
        bytes[at] = u.arbitrary()?;
        if u.arbitrary()? {
            bytes.truncate(u.int_in_range(0..=bytes.len())?);
        }
        fuzz::datagram(&bytes);
        Ok(())
    });
}

#[test]
fn what_a_fuzzer_found_stays_harmless() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/lludp_datagram");
    let mut replayed = 0;
    for entry in fs::read_dir(corpus).unwrap() {
        fuzz::datagram(&fs::read(entry.unwrap().path()).unwrap());
        replayed += 1;
    }
    assert!(replayed >= 40, "{replayed}");
}

#[test]
fn the_template_is_whole() {
    let of = |frequency| MESSAGES.iter().filter(|info| info.frequency == frequency).count();
    let counts = [Frequency::Fixed, Frequency::High, Frequency::Medium, Frequency::Low].map(of);
    assert_eq!(counts, [3, 32, 17, 431]);
    let blocks: Vec<_> = MESSAGES.iter().flat_map(|info| info.blocks).collect();
    let fields: usize = blocks.iter().map(|block| block.fields.len()).sum();
    // One block of two fields is an extension.
    assert_eq!((blocks.len(), fields), (904 + 1, 2983 + 2));
}

#[test]
fn messages_are_found_by_name_and_number() {
    for info in &MESSAGES {
        assert_eq!(MessageInfo::by_name(info.name), Some(info));
        assert_eq!(MessageInfo::by_id(info.id), Some(info));
        let mut number = Vec::new();
        info.write_number(&mut number);
        assert_eq!(number.len(), info.frequency.id_len());
        assert_eq!(split_number(&number), Ok((info.id, &[][..])));
    }
    assert_eq!(MessageInfo::by_name("agentupdate"), None);
    assert_eq!(MessageInfo::by_id(0), None);
}

#[test]
fn numbers_that_no_message_has_are_told_apart() {
    let error = Message::decode(&[0xFF, 0xFF, 0x7F, 0xFF]).unwrap_err();
    assert!(error.is_unknown_message());
    assert_eq!(error.to_string(), "datagram: unknown message 0xffff7fff");
    let error = Message::decode(&[0xFF, 0xFF, 0]).unwrap_err();
    assert!(!error.is_unknown_message());
    assert!(!Message::decode(&[0x04, 1]).unwrap_err().is_unknown_message());
}

/// The hot path: once its buffers have grown, nothing allocates, or one of them would have grown again.
#[test]
fn buffers_once_grown_do_not_grow_again() {
    let recorded = fixtures();
    let (mut scratch, mut out, mut buffer) = (Vec::new(), Vec::new(), Vec::new());
    let mut round = || {
        for one in &recorded {
            let datagram = open(&one.bytes, &mut scratch).unwrap();
            let message = Message::decode(datagram.body).unwrap();
            out.clear();
            let write = |out: &mut Vec<u8>| message.encode(out);
            lludp::header::seal(
                &mut out,
                datagram.header.flags,
                datagram.header.sequence,
                write,
                &mut buffer,
            );
        }
        [
            (scratch.as_ptr(), scratch.capacity()),
            (out.as_ptr(), out.capacity()),
            (buffer.as_ptr(), buffer.capacity()),
        ]
    };
    let grown = round();
    assert_eq!(round(), grown);
}
