//! The datagram around a message: header, zerocoding, appended acknowledgements (lludp fact sheet, section 1).
//!
//! ```text
//! flags  sequence (U32, big-endian)  E | message number, E unused bytes, blocks | acks (U32, big-endian)  count
//!                                      \____ zerocoded when flagged ___________/ \___ when flagged ___________/
//! ```

use crate::malformed::{Malformed, MalformedKind};
use crate::template::number_len;
use crate::wire::WireMessage;
use crate::zerocode;

/// Bytes of header before the message number.
pub const HEADER_LEN: usize = 6;

/// Longest datagram that is read, and longest body it may expand to, bytes: the buffer of the Linden viewer.
pub const MAX_LEN: usize = 8192;

/// Most acknowledgements that fit behind one message.
pub const MAX_ACKS: usize = 255;

bitflags::bitflags! {
    /// The first byte of a datagram. The low four bits are unused: kept when read, sent as zero.
    #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
    pub struct Flags: u8 {
        /// What is between header and acknowledgements is zerocoded.
        const ZEROCODED = 0x80;
        /// The receiver acknowledges the sequence number.
        const RELIABLE = 0x40;
        /// Not the first try.
        const RESENT = 0x20;
        /// Acknowledgements stand at the end.
        const ACKS = 0x10;
    }
}

impl Flags {
    /// Whether the receiver must acknowledge.
    pub fn is_reliable(self) -> bool {
        self.contains(Self::RELIABLE)
    }

    /// Whether the body was zerocoded.
    pub fn is_zerocoded(self) -> bool {
        self.contains(Self::ZEROCODED)
    }

    /// Whether acknowledgements are appended.
    pub fn has_acks(self) -> bool {
        self.contains(Self::ACKS)
    }
}

/// What stands before the message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    /// How the rest is to be taken.
    pub flags: Flags,
    /// The circuit's number for this datagram.
    pub sequence: u32,
}

/// A datagram taken apart.
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'a> {
    /// What stands before the message.
    pub header: Header,
    /// Message number and blocks, expanded: for [`Message::decode`](crate::Message::decode).
    pub body: &'a [u8],
    /// Sequence numbers of ours that the peer has received.
    pub acks: Acks<'a>,
}

/// The acknowledgements behind a message, in the order of the wire.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Acks<'a>(&'a [[u8; 4]]);

impl<'a> Acks<'a> {
    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The sequence numbers.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = u32> + use<'a> {
        self.0.iter().map(|bytes| u32::from_be_bytes(*bytes))
    }
}

/// Takes a datagram apart. What is zerocoded is expanded into `scratch`, to [`MAX_LEN`] bytes at most; nothing else is
/// copied.
///
/// # Errors
/// Whatever is wrong with header, zerocoding or trailer. The message itself is not looked at, only that a whole
/// message number is there.
pub fn open<'a>(datagram: &'a [u8], scratch: &'a mut Vec<u8>) -> Result<Datagram<'a>, Malformed> {
    if datagram.len() > MAX_LEN {
        return Err(Malformed::datagram(MalformedKind::TooLong, MAX_LEN));
    }
    let (header, unused, rest) = split_header(datagram)?;
    let (coded, acks) = if header.flags.has_acks() { split_acks(rest)? } else { (rest, Acks::default()) };
    scratch.clear();
    let body = if header.flags.is_zerocoded() {
        zerocode::expand(coded, scratch).map_err(|malformed| behind_header(malformed, HEADER_LEN))?;
        without_extra_header(scratch, unused)?;
        &scratch[..]
    } else if unused > 0 {
        scratch.extend_from_slice(coded);
        without_extra_header(scratch, unused)?;
        &scratch[..]
    } else {
        coded
    };
    if number_len(body).is_none_or(|len| body.len() < len) {
        return Err(Malformed::datagram(MalformedKind::TooShort, HEADER_LEN));
    }
    Ok(Datagram { header, body, acks })
}

fn behind_header(malformed: Malformed, header: usize) -> Malformed {
    Malformed { offset: malformed.offset + header, ..malformed }
}

fn split_header(datagram: &[u8]) -> Result<(Header, usize, &[u8]), Malformed> {
    let [flags, a, b, c, d, unused, rest @ ..] = datagram else {
        return Err(Malformed::datagram(MalformedKind::TooShort, datagram.len()));
    };
    let flags = Flags::from_bits_retain(*flags);
    Ok((Header { flags, sequence: u32::from_be_bytes([*a, *b, *c, *d]) }, usize::from(*unused), rest))
}

/// Cuts off the trailer: everything else comes before expansion of the rest.
fn split_acks(rest: &[u8]) -> Result<(&[u8], Acks<'_>), Malformed> {
    let wrong = || Malformed::datagram(MalformedKind::Acks, HEADER_LEN + rest.len());
    let (count, rest) = rest.split_last().ok_or_else(wrong)?;
    let at = rest.len().checked_sub(4 * usize::from(*count)).ok_or_else(wrong)?;
    let (coded, acks) = rest.split_at(at);
    Ok((coded, Acks(acks.as_chunks().0)))
}

/// Takes out the extra header, which stands behind the message number. Nobody is known to send one.
fn without_extra_header(body: &mut Vec<u8>, unused: usize) -> Result<(), Malformed> {
    let too_short = || Malformed::datagram(MalformedKind::TooShort, HEADER_LEN);
    let from = number_len(body).ok_or_else(too_short)?;
    let to = from.checked_add(unused).filter(|&to| to <= body.len()).ok_or_else(too_short)?;
    body.drain(from..to);
    Ok(())
}

/// Appends a whole datagram to `out`. `write` appends message number and blocks to the buffer it is given. With
/// [`Flags::ZEROCODED`] they are zerocoded if that makes them shorter, else the flag is left clear.
/// [`Flags::ACKS`] is left to [`append_acks`]. `scratch` is overwritten, and kept by callers only for its capacity.
pub fn seal(
    out: &mut Vec<u8>,
    flags: Flags,
    sequence: u32,
    write: impl FnOnce(&mut Vec<u8>),
    scratch: &mut Vec<u8>,
) {
    let start = out.len();
    let flags = flags - Flags::ACKS;
    write_header(out, flags, sequence);
    if !flags.is_zerocoded() {
        write(out);
        return;
    }
    scratch.clear();
    write(scratch);
    if !zerocode::code_if_shorter(scratch, out) {
        out[start] = (flags - Flags::ZEROCODED).bits();
    }
}

/// [`seal`]s one message, zerocoded or not as its template says; of `flags`, [`Flags::ZEROCODED`] is not looked at.
pub fn seal_message<'m, M: WireMessage<'m>>(
    out: &mut Vec<u8>,
    flags: Flags,
    sequence: u32,
    message: &M,
    scratch: &mut Vec<u8>,
) {
    let is_coded = M::INFO.zerocoded;
    let flags = if is_coded { flags | Flags::ZEROCODED } else { flags - Flags::ZEROCODED };
    seal(out, flags, sequence, |out| message.encode(out), scratch);
}

fn write_header(out: &mut Vec<u8>, flags: Flags, sequence: u32) {
    out.push(flags.bits() & 0xF0);
    out.extend_from_slice(&sequence.to_be_bytes());
    out.push(0);
}

/// Appends acknowledgements to a whole datagram that has none, and sets its flag: at most [`MAX_ACKS`], and only as
/// many as keep it within `max_len` bytes. How many were taken from the front of `acks`.
pub fn append_acks(datagram: &mut Vec<u8>, acks: &[u32], max_len: usize) -> usize {
    let room = max_len.saturating_sub(datagram.len() + 1) / 4;
    let count = acks.len().min(room).min(MAX_ACKS);
    let Some(flags) = datagram.first_mut().filter(|flags| count > 0 && **flags & Flags::ACKS.bits() == 0)
    else {
        return 0;
    };
    *flags |= Flags::ACKS.bits();
    datagram.extend(acks.iter().take(count).flat_map(|ack| ack.to_be_bytes()));
    datagram.push(count as u8);
    count
}

/// Marks a whole datagram as another try.
pub fn set_resent(datagram: &mut [u8]) {
    if let Some(flags) = datagram.first_mut() {
        *flags |= Flags::RESENT.bits();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::{
        AgentUpdate, CompletePingCheck, PacketAck, StartPingCheck, UseCircuitCode, complete_ping_check,
        packet_ack, start_ping_check, use_circuit_code,
    };
    use model::Uuid;

    fn sealed<'m>(flags: Flags, sequence: u32, message: &impl WireMessage<'m>) -> Vec<u8> {
        let mut out = Vec::new();
        seal_message(&mut out, flags, sequence, message, &mut Vec::new());
        out
    }

    /// Takes a datagram apart, and compares message and acknowledgements.
    fn check<'m>(
        datagram: &'m [u8],
        message: &(impl WireMessage<'m> + PartialEq + core::fmt::Debug),
        acks: &[u32],
    ) {
        let mut scratch = Vec::new();
        let opened = open(datagram, &mut scratch).unwrap();
        let mut body = Vec::new();
        message.encode(&mut body);
        assert_eq!(opened.body, body);
        assert!(opened.acks.iter().eq(acks.iter().copied()));
    }

    // The examples of the lludp fact sheet, section 17.

    #[test]
    fn use_circuit_code() {
        let (session, agent) = (Uuid::from_bytes([0x5E; 16]), Uuid::from_bytes([0xA6; 16]));
        let message = UseCircuitCode {
            circuit_code: use_circuit_code::CircuitCode { code: 0x0102_0304, session_id: session, id: agent },
        };
        let mut expected = vec![0x40, 0, 0, 0, 1, 0, 0xFF, 0xFF, 0, 3, 4, 3, 2, 1];
        expected.extend([0x5E; 16]);
        expected.extend([0xA6; 16]);
        assert_eq!(expected.len(), 46);
        assert_eq!(sealed(Flags::RELIABLE, 1, &message), expected);
        check(&expected, &message, &[]);
    }

    #[test]
    fn packet_ack() {
        let packets = [packet_ack::Packets { id: 1 }];
        let message = PacketAck { packets: (&packets).into() };
        let expected = [0, 0, 0, 0, 5, 0, 0xFF, 0xFF, 0xFF, 0xFB, 1, 1, 0, 0, 0];
        assert_eq!(sealed(Flags::empty(), 5, &message), expected);
        check(&expected, &message, &[]);
    }

    #[test]
    fn complete_ping_check_with_an_acknowledgement() {
        let message = CompletePingCheck { ping_id: complete_ping_check::PingID { ping_id: 7 } };
        let expected = [0x10, 0, 0, 0, 6, 0, 2, 7, 0, 0, 0, 0x0A, 1];
        let mut datagram = sealed(Flags::empty(), 6, &message);
        assert_eq!(append_acks(&mut datagram, &[0x0A], 1200), 1);
        assert_eq!(datagram, expected);
        check(&expected, &message, &[0x0A]);
    }

    #[test]
    fn start_ping_check() {
        let message =
            StartPingCheck { ping_id: start_ping_check::PingID { ping_id: 7, oldest_unacked: 300 } };
        let expected = [0, 0, 0, 0, 7, 0, 1, 7, 0x2C, 1, 0, 0];
        assert_eq!(sealed(Flags::empty(), 7, &message), expected);
        check(&expected, &message, &[]);
    }

    fn refused(datagram: &[u8]) -> (MalformedKind, usize) {
        let malformed = open(datagram, &mut Vec::new()).unwrap_err();
        (malformed.kind, malformed.offset)
    }

    #[test]
    fn what_is_no_datagram_is_refused() {
        assert_eq!(refused(&[]), (MalformedKind::TooShort, 0));
        assert_eq!(refused(&[0, 0, 0, 0, 1, 0]), (MalformedKind::TooShort, 6));
        assert_eq!(refused(&[0, 0, 0, 0, 1, 0, 0xFF]), (MalformedKind::TooShort, 6));
        assert_eq!(refused(&[0, 0, 0, 0, 1, 0, 0xFF, 0xFF, 0]), (MalformedKind::TooShort, 6));
        assert_eq!(refused(&[0x10, 0, 0, 0, 1, 0]), (MalformedKind::Acks, 6));
        assert_eq!(refused(&[0x10, 0, 0, 0, 1, 0, 2, 7, 0, 0, 1]), (MalformedKind::TooShort, 6));
        assert_eq!(refused(&[0x10, 0, 0, 0, 1, 0, 2, 7, 0, 0, 2]), (MalformedKind::Acks, 11));
        assert_eq!(refused(&[0x80, 0, 0, 0, 1, 0, 4, 1, 0]), (MalformedKind::ZeroRun, 9));
        assert_eq!(refused(&[0, 0, 0, 0, 1, 9, 2, 7]), (MalformedKind::TooShort, 6));
        assert_eq!(refused(&vec![1; MAX_LEN + 1]), (MalformedKind::TooLong, MAX_LEN));
        let bomb = [&[0x80, 0, 0, 0, 1, 0, 4][..], &[0, 255].repeat(33)].concat();
        assert_eq!(refused(&bomb), (MalformedKind::TooLong, 6 + 1 + 64));
    }

    #[test]
    fn the_extra_header_is_skipped_behind_the_number() {
        let mut scratch = Vec::new();
        let plain = [0, 0, 0, 0, 1, 2, 0xFF, 0xFF, 0, 3, 9, 9, 7];
        assert_eq!(open(&plain, &mut scratch).unwrap().body, [0xFF, 0xFF, 0, 3, 7]);
        let coded = [0x80, 0, 0, 0, 1, 2, 0xFF, 0xFF, 0, 1, 3, 9, 9, 7, 0, 2];
        assert_eq!(open(&coded, &mut scratch).unwrap().body, [0xFF, 0xFF, 0, 3, 7, 0, 0]);
    }

    #[test]
    fn only_what_gets_shorter_is_zerocoded() {
        let seal_body = |flags, body: &[u8]| {
            let mut out = b"before".to_vec();
            seal(&mut out, flags, 1, |out| out.extend_from_slice(body), &mut vec![1, 2, 3]);
            out.split_off(6)
        };
        assert_eq!(seal_body(Flags::ZEROCODED, &[4, 0, 0, 0]), [0x80, 0, 0, 0, 1, 0, 4, 0, 3]);
        assert_eq!(seal_body(Flags::ZEROCODED, &[4, 0, 0]), [0, 0, 0, 0, 1, 0, 4, 0, 0]);
        assert_eq!(seal_body(Flags::empty(), &[4, 0, 0, 0]), [0, 0, 0, 0, 1, 0, 4, 0, 0, 0]);
        assert!(AgentUpdate::INFO.zerocoded && !StartPingCheck::INFO.zerocoded);
    }

    #[test]
    fn acknowledgements_are_appended_as_far_as_they_fit() {
        let plain = [0x40, 0, 0, 0, 6, 0, 2, 7];
        let mut datagram = plain.to_vec();
        assert_eq!(append_acks(&mut datagram, &[], 1200), 0);
        assert_eq!(append_acks(&mut datagram, &[1, 2, 3], plain.len() + 1 + 3), 0);
        assert_eq!(datagram, plain);
        assert_eq!(append_acks(&mut datagram, &[1, 2, 3], plain.len() + 1 + 11), 2);
        assert_eq!(append_acks(&mut datagram, &[9], 1200), 0, "one trailer is enough");
        let mut scratch = Vec::new();
        assert!(open(&datagram, &mut scratch).unwrap().acks.iter().eq([1, 2]));
        set_resent(&mut datagram);
        assert_eq!(datagram[0], 0x70);
        datagram = plain.to_vec();
        assert_eq!(append_acks(&mut datagram, &[5; 300], 8192), MAX_ACKS);
    }
}
