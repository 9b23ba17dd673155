//! What is known about each message without its bytes: number, direction, blocks, fields.

use crate::malformed::{Malformed, MalformedKind};

/// A message's row in the template.
#[derive(Debug, PartialEq, Eq)]
pub struct MessageInfo {
    /// Its published name.
    pub name: &'static str,
    /// How many bytes its number takes.
    pub frequency: Frequency,
    /// Its number within the frequency; of a fixed one the last byte.
    pub number: u16,
    /// The bytes of its number on the wire, as one big-endian number: `0xFFFF0003` for Low 3, `0x04` for High 4.
    pub id: u32,
    /// Only simulators and services may send it: not to be taken from a viewer.
    pub trusted: bool,
    /// Senders zerocode it when that makes it shorter.
    pub zerocoded: bool,
    /// Whether it is still to be sent by UDP.
    pub deprecation: Deprecation,
    /// Goes by the event queue: strict clients refuse it by UDP.
    pub event_queue: bool,
    /// Whether any field is a float, vector or rotation.
    pub has_floats: bool,
    /// Its blocks in wire order.
    pub blocks: &'static [BlockInfo],
}

/// A message's class; it says how its number is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Frequency {
    /// `nn`
    High,
    /// `FF nn`
    Medium,
    /// `FF FF hh ll`
    Low,
    /// `FF FF FF nn`
    Fixed,
}

impl Frequency {
    /// Bytes that a message number takes.
    pub fn id_len(self) -> usize {
        match self {
            Self::High => 1,
            Self::Medium => 2,
            Self::Low | Self::Fixed => 4,
        }
    }
}

/// What the template says about a message's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deprecation {
    /// Nothing: alive.
    None,
    /// No longer in use.
    Deprecated,
    /// Meant for HTTP, still taken by UDP.
    UdpDeprecated,
    /// Meant for HTTP, refused by the Linden viewer by UDP.
    UdpBlacklisted,
}

/// A block of a message.
#[derive(Debug, PartialEq, Eq)]
pub struct BlockInfo {
    /// Its published name.
    pub name: &'static str,
    /// How often it stands there.
    pub kind: BlockKind,
    /// Its fields in wire order.
    pub fields: &'static [FieldInfo],
    /// Not known to every client: may be missing at the end of the message.
    pub late: bool,
}

/// How often a block stands in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockKind {
    /// Once.
    Single,
    /// So many times, without a count on the wire.
    Multiple(u8),
    /// As often as the U8 before it says.
    Variable,
}

/// A field of a block.
#[derive(Debug, PartialEq, Eq)]
pub struct FieldInfo {
    /// Its published name.
    pub name: &'static str,
    /// How it is written.
    pub kind: FieldKind,
}

/// How a field is written. Numbers are little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// One byte.
    U8,
    /// Two bytes.
    U16,
    /// Four bytes.
    U32,
    /// Eight bytes.
    U64,
    /// One byte, signed.
    S8,
    /// Two bytes, signed.
    S16,
    /// Four bytes, signed.
    S32,
    /// Eight bytes, signed.
    S64,
    /// Four bytes.
    F32,
    /// Eight bytes.
    F64,
    /// One byte, true unless zero.
    Bool,
    /// Sixteen bytes in the order of the text.
    Uuid,
    /// Three F32.
    Vec3,
    /// Three F64.
    Vec3d,
    /// Four F32.
    Vec4,
    /// x, y, z of a unit quaternion whose w is not negative, as F32.
    Quat,
    /// Four bytes in network order.
    Ip,
    /// Two bytes, big-endian.
    Port,
    /// So many bytes.
    Fixed(u8),
    /// Bytes behind a U8 length.
    Bytes1,
    /// Bytes behind a U16 length.
    Bytes2,
    /// UTF-8 and a NUL behind a U8 length that counts both, or nothing behind a zero.
    Text1,
    /// The same behind a U16 length.
    Text2,
}

impl FieldKind {
    /// Bytes it takes on the wire; of those that vary, the length prefix.
    pub fn min_len(self) -> usize {
        match self {
            Self::U8 | Self::S8 | Self::Bool | Self::Bytes1 | Self::Text1 => 1,
            Self::U16 | Self::S16 | Self::Port | Self::Bytes2 | Self::Text2 => 2,
            Self::U32 | Self::S32 | Self::F32 | Self::Ip => 4,
            Self::U64 | Self::S64 | Self::F64 => 8,
            Self::Vec3 | Self::Quat => 12,
            Self::Uuid | Self::Vec4 => 16,
            Self::Vec3d => 24,
            Self::Fixed(len) => len.into(),
        }
    }
}

impl MessageInfo {
    /// The message of that name. Published names are case-sensitive.
    pub fn by_name(name: &str) -> Option<&'static Self> {
        let at = BY_NAME.binary_search_by(|&i| MESSAGES[usize::from(i)].name.cmp(name)).ok()?;
        Some(&MESSAGES[usize::from(BY_NAME[at])])
    }

    /// The message of that [`id`](Self::id).
    pub fn by_id(id: u32) -> Option<&'static Self> {
        let at = BY_ID.binary_search_by_key(&id, |&i| MESSAGES[usize::from(i)].id).ok()?;
        Some(&MESSAGES[usize::from(BY_ID[at])])
    }

    /// Appends the message number.
    pub fn write_number(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.id.to_be_bytes()[4 - self.frequency.id_len()..]);
    }
}

/// Length of the message number that `body` begins with. `None` for no bytes.
pub(crate) fn number_len(body: &[u8]) -> Option<usize> {
    Some(match body {
        [] => return None,
        [0xFF, 0xFF, ..] => 4,
        [0xFF, ..] => 2,
        _ => 1,
    })
}

/// Parts the message number, as an [`id`](MessageInfo::id), from the blocks.
///
/// # Errors
/// [`MalformedKind::TooShort`] when the number is not whole.
pub fn split_number(body: &[u8]) -> Result<(u32, &[u8]), Malformed> {
    let parts = number_len(body).and_then(|len| body.split_at_checked(len));
    let (number, rest) = parts.ok_or(Malformed::datagram(MalformedKind::TooShort, 0))?;
    Ok((number.iter().fold(0, |id, &byte| id << 8 | u32::from(byte)), rest))
}

include!(concat!(env!("OUT_DIR"), "/table.rs"));
