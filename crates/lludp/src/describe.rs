//! A message in one line, for packet traces: `Block{Field=value, ...} Block{...}`.
//!
//! Long values and many blocks are cut, so that a line stays a line; control characters are escaped.

use crate::messages::Message;
use crate::template::{BlockInfo, FieldInfo, MessageInfo};
use crate::text;
use crate::walk::{Value, Visitor, walk};
use crate::wire::WireMessage;
use core::fmt::{self, Write as _};

/// Entries of one block that are shown.
const ENTRIES: usize = 4;
/// Characters of a text that are shown.
const CHARS: usize = 200;
/// Bytes of a value that are shown.
const BYTES: usize = 48;

/// Shows a message's blocks, not its name.
pub fn describe<'m, M: WireMessage<'m>>(message: &M) -> impl fmt::Display {
    fmt::from_fn(|f| {
        let mut body = Vec::new();
        message.write(&mut body);
        line(f, M::INFO, &body)
    })
}

/// Shows a message that is still bytes: what follows the message number.
pub fn describe_body(info: &'static MessageInfo, body: &[u8]) -> impl fmt::Display {
    fmt::from_fn(move |f| line(f, info, body))
}

impl Message<'_> {
    /// Shows the blocks, not the name.
    pub fn describe(&self) -> impl fmt::Display {
        fmt::from_fn(|f| {
            let mut bytes = Vec::new();
            self.encode(&mut bytes);
            line(f, self.info(), &bytes[self.info().frequency.id_len()..])
        })
    }
}

fn line(f: &mut fmt::Formatter<'_>, info: &'static MessageInfo, body: &[u8]) -> fmt::Result {
    let mut line = Line { text: String::new(), entry: 0, is_first: true };
    let walked = walk(info, body, &mut line);
    f.write_str(line.text.trim_end())?;
    match walked {
        Ok(()) => Ok(()),
        Err(malformed) => write!(f, " ({malformed})"),
    }
}

struct Line {
    text: String,
    /// Entries of the block that have begun.
    entry: usize,
    /// No field of the entry yet.
    is_first: bool,
}

impl Line {
    fn is_shown(&self) -> bool {
        self.entry <= ENTRIES
    }
}

impl Visitor for Line {
    fn begin_block(&mut self, block: &'static BlockInfo, count: usize) {
        self.entry = 0;
        if count == 0 {
            self.text += block.name;
            self.text += "{} ";
        } else if count > ENTRIES {
            let _ = write!(self.text, "{count}x");
        }
    }

    fn begin_entry(&mut self, block: &'static BlockInfo) {
        self.entry += 1;
        self.is_first = true;
        if self.is_shown() {
            self.text += block.name;
            self.text.push('{');
        }
    }

    fn field(&mut self, field: &'static FieldInfo, value: Value<'_>) {
        if !self.is_shown() {
            return;
        }
        if !std::mem::take(&mut self.is_first) {
            self.text += ", ";
        }
        let _ = write!(self.text, "{}={}", field.name, value);
    }

    fn end_entry(&mut self, _: &'static BlockInfo) {
        if self.is_shown() {
            self.text += "} ";
        }
    }

    fn end_block(&mut self, _: &'static BlockInfo) {
        if !self.is_shown() {
            self.text += "... ";
        }
    }
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::U8(value) => write!(f, "{value}"),
            Self::U16(value) | Self::Port(value) => write!(f, "{value}"),
            Self::U32(value) => write!(f, "{value}"),
            Self::U64(value) => write!(f, "{value}"),
            Self::S8(value) => write!(f, "{value}"),
            Self::S16(value) => write!(f, "{value}"),
            Self::S32(value) => write!(f, "{value}"),
            Self::S64(value) => write!(f, "{value}"),
            Self::F32(value) => write!(f, "{value:?}"),
            Self::F64(value) => write!(f, "{value:?}"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Uuid(value) => write!(f, "{value}"),
            Self::Vec3(v) => write!(f, "<{:?}, {:?}, {:?}>", v.x, v.y, v.z),
            Self::Vec3d(v) => write!(f, "<{:?}, {:?}, {:?}>", v.x, v.y, v.z),
            Self::Vec4(v) => write!(f, "<{:?}, {:?}, {:?}, {:?}>", v.x, v.y, v.z, v.w),
            Self::Quat(q) => write!(f, "<{:?}, {:?}, {:?}>", q.x, q.y, q.z),
            Self::Ip(value) => write!(f, "{value}"),
            Self::Bytes(bytes) => show_bytes(f, bytes),
            Self::Text(bytes) => show_text(f, bytes),
        }
    }
}

fn show_bytes(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    f.write_str("0x")?;
    for byte in bytes.iter().take(BYTES) {
        write!(f, "{byte:02x}")?;
    }
    if bytes.len() > BYTES { write!(f, "...({} bytes)", bytes.len()) } else { Ok(()) }
}

fn show_text(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    let text = text::read(bytes);
    match text.char_indices().nth(CHARS) {
        None => write!(f, "{text:?}"),
        Some((end, _)) => write!(f, "{:?}...({} bytes)", &text[..end], bytes.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Blocks;
    use crate::messages::{PacketAck, TeleportProgress, packet_ack, teleport_progress};
    use model::Uuid;

    #[test]
    fn a_message_is_one_line() {
        let message = TeleportProgress {
            agent_data: teleport_progress::AgentData { agent_id: Uuid::from_u128(1) },
            info: teleport_progress::Info { teleport_flags: 16, message: b"a\nb\0" },
        };
        let line = "AgentData{AgentID=00000000-0000-0000-0000-000000000001} Info{TeleportFlags=16, Message=\"a\\nb\"}";
        assert_eq!(describe(&message).to_string(), line);
        assert_eq!(Message::from(message).describe().to_string(), line);
    }

    #[test]
    fn many_blocks_are_cut() {
        let packets = [1, 2, 3, 4, 5].map(|id| packet_ack::Packets { id });
        let show = |packets| describe(&PacketAck { packets }).to_string();
        assert_eq!(show(Blocks::from(&packets[..2])), "Packets{ID=1} Packets{ID=2}");
        assert_eq!(
            show(Blocks::from(&packets)),
            "5xPackets{ID=1} Packets{ID=2} Packets{ID=3} Packets{ID=4} ..."
        );
        assert_eq!(show(Blocks::EMPTY), "Packets{}");
        assert_eq!(show(Blocks::ABSENT), "");
    }

    #[test]
    fn what_ends_early_is_shown_as_far_as_it_goes() {
        let line = describe_body(PacketAck::INFO, &[2, 7, 0, 0, 0, 1]).to_string();
        assert_eq!(line, "Packets{ID=7} Packets{ (PacketAck: ends early at byte 5)");
    }
}
