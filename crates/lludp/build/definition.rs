//! The definitions file as values. Its syntax is described at the top of the file.

use std::collections::HashSet;

pub(crate) struct Message {
    pub(crate) name: String,
    pub(crate) frequency: Frequency,
    pub(crate) number: u16,
    pub(crate) trusted: bool,
    pub(crate) zerocoded: bool,
    pub(crate) event_queue: bool,
    pub(crate) deprecation: Deprecation,
    pub(crate) blocks: Vec<Block>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Frequency {
    High,
    Medium,
    Low,
    Fixed,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Deprecation {
    None,
    Deprecated,
    UdpDeprecated,
    UdpBlacklisted,
}

pub(crate) struct Block {
    pub(crate) name: String,
    pub(crate) count: Count,
    pub(crate) late: bool,
    pub(crate) extension: bool,
    pub(crate) fields: Vec<Field>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Count {
    Single,
    Multiple(u8),
    Variable,
}

pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    U8,
    U16,
    U32,
    U64,
    S8,
    S16,
    S32,
    S64,
    F32,
    F64,
    Bool,
    Uuid,
    Vec3,
    Vec3d,
    Vec4,
    Quat,
    Ip,
    Port,
    Fixed(u8),
    Bytes1,
    Bytes2,
    Text1,
    Text2,
}

impl Kind {
    fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "u8" => Self::U8,
            "u16" => Self::U16,
            "u32" => Self::U32,
            "u64" => Self::U64,
            "i8" => Self::S8,
            "i16" => Self::S16,
            "i32" => Self::S32,
            "i64" => Self::S64,
            "f32" => Self::F32,
            "f64" => Self::F64,
            "bool" => Self::Bool,
            "uuid" => Self::Uuid,
            "vec3" => Self::Vec3,
            "vec3d" => Self::Vec3d,
            "vec4" => Self::Vec4,
            "quat" => Self::Quat,
            "ip" => Self::Ip,
            "port" => Self::Port,
            "bytes1" => Self::Bytes1,
            "bytes2" => Self::Bytes2,
            "text1" => Self::Text1,
            "text2" => Self::Text2,
            fixed => Self::Fixed(fixed.strip_prefix("fixed")?.parse().ok().filter(|&n| n > 0)?),
        })
    }

    /// Bytes on the wire; of those that vary, the length prefix.
    pub(crate) fn min_len(self) -> usize {
        match self {
            Self::U8 | Self::S8 | Self::Bool | Self::Bytes1 | Self::Text1 => 1,
            Self::U16 | Self::S16 | Self::Port | Self::Bytes2 | Self::Text2 => 2,
            Self::U32 | Self::S32 | Self::F32 | Self::Ip => 4,
            Self::U64 | Self::S64 | Self::F64 => 8,
            Self::Vec3 | Self::Quat => 12,
            Self::Uuid | Self::Vec4 => 16,
            Self::Vec3d => 24,
            Self::Fixed(n) => usize::from(n),
        }
    }

    pub(crate) fn borrows(self) -> bool {
        matches!(self, Self::Bytes1 | Self::Bytes2 | Self::Text1 | Self::Text2)
    }

    pub(crate) fn is_float(self) -> bool {
        matches!(self, Self::F32 | Self::F64 | Self::Vec3 | Self::Vec3d | Self::Vec4 | Self::Quat)
    }
}

impl Block {
    pub(crate) fn borrows(&self) -> bool {
        self.fields.iter().any(|field| field.kind.borrows())
    }

    /// Whether the message may end before this block.
    pub(crate) fn may_be_missing(&self) -> bool {
        self.late || self.count == Count::Variable
    }
}

impl Message {
    pub(crate) fn borrows(&self) -> bool {
        self.blocks.iter().any(|block| block.count == Count::Variable || block.borrows())
    }

    /// The bytes of the message number, as they stand before the blocks.
    pub(crate) fn number_bytes(&self) -> Vec<u8> {
        let [high, low] = self.number.to_be_bytes();
        match self.frequency {
            Frequency::High => vec![low],
            Frequency::Medium => vec![0xFF, low],
            Frequency::Low => vec![0xFF, 0xFF, high, low],
            Frequency::Fixed => vec![0xFF, 0xFF, 0xFF, low],
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.number_bytes().iter().fold(0, |id, &byte| id << 8 | u32::from(byte))
    }
}

/// Reads the definitions; the error begins with the line's number.
pub(crate) fn parse(text: &str) -> Result<Vec<Message>, String> {
    let mut messages: Vec<Message> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let content = line.split('#').next().unwrap_or_default().trim_end();
        if content.is_empty() {
            continue;
        }
        let words: Vec<&str> = content.split_whitespace().collect();
        let read = match content.len() - content.trim_start().len() {
            0 => message(&words).map(|message| messages.push(message)),
            2 => messages.last_mut().ok_or("a block before the first message".into()).and_then(|message| {
                message.blocks.push(block(&words)?);
                Ok(())
            }),
            4 => messages
                .last_mut()
                .and_then(|message| message.blocks.last_mut())
                .ok_or("a field before the first block".into())
                .and_then(|block| fields(&words, block)),
            indent => Err(format!("indented by {indent}, not by 0, 2 or 4")),
        };
        read.map_err(|error| format!("{}: {error}", index + 1))?;
    }
    check(&messages)?;
    Ok(messages)
}

fn message(words: &[&str]) -> Result<Message, String> {
    let [name, frequency, number, attributes @ ..] = words else {
        return Err("a message has a name, a frequency and a number".into());
    };
    let (frequency, highest) = match *frequency {
        "high" => (Frequency::High, 254),
        "medium" => (Frequency::Medium, 254),
        "low" => (Frequency::Low, 0xFEFF),
        "fixed" => (Frequency::Fixed, 254),
        other => return Err(format!("unknown frequency {other}")),
    };
    let number = number.parse().ok().filter(|number| (1..=highest).contains(number));
    let mut message = Message {
        name: (*name).into(),
        frequency,
        number: number.ok_or(format!("{frequency:?} numbers are 1 to {highest}"))?,
        trusted: false,
        zerocoded: false,
        event_queue: false,
        deprecation: Deprecation::None,
        blocks: Vec::new(),
    };
    for attribute in attributes {
        match *attribute {
            "trusted" => message.trusted = true,
            "zerocoded" => message.zerocoded = true,
            "eq" => message.event_queue = true,
            "deprecated" => message.deprecation = Deprecation::Deprecated,
            "udp-deprecated" => message.deprecation = Deprecation::UdpDeprecated,
            "udp-blacklisted" => message.deprecation = Deprecation::UdpBlacklisted,
            other => return Err(format!("unknown attribute {other}")),
        }
    }
    Ok(message)
}

fn block(words: &[&str]) -> Result<Block, String> {
    let [name, attributes @ ..] = words else { return Err("a block has a name".into()) };
    let (name, count) = match name.split_once('[') {
        None => (*name, Count::Single),
        Some((name, "]")) => (name, Count::Variable),
        Some((name, count)) => {
            let count = count.strip_suffix(']').and_then(|count| count.parse().ok());
            (name, Count::Multiple(count.ok_or("a count is a number in brackets")?))
        }
    };
    let mut block = Block { name: name.into(), count, late: false, extension: false, fields: Vec::new() };
    for attribute in attributes {
        match *attribute {
            "late" => block.late = true,
            "extension" => block.extension = true,
            other => return Err(format!("unknown attribute {other}")),
        }
    }
    Ok(block)
}

fn fields(words: &[&str], block: &mut Block) -> Result<(), String> {
    let [kind, names @ ..] = words else { return Err("a field has a type and a name".into()) };
    let kind = Kind::parse(kind).ok_or(format!("unknown type {kind}"))?;
    if names.is_empty() {
        return Err("a type without fields".into());
    }
    block.fields.extend(names.iter().map(|&name| Field { name: name.into(), kind }));
    Ok(())
}

/// What the code made from the definitions relies on.
fn check(messages: &[Message]) -> Result<(), String> {
    let (mut names, mut ids) = (HashSet::new(), HashSet::new());
    for message in messages {
        let Message { name, blocks, .. } = message;
        if !names.insert(name) || !ids.insert(message.id()) {
            return Err(format!(" {name}: name or number is taken"));
        }
        if let Some(block) = blocks.iter().find(|block| block.fields.is_empty()) {
            return Err(format!(" {name}: block {} has no fields", block.name));
        }
        let from = blocks.iter().position(|block| block.late).unwrap_or(blocks.len());
        let late = &blocks[from..];
        if !late.iter().all(|block| block.late && !matches!(block.count, Count::Multiple(_))) {
            return Err(format!(" {name}: late blocks stand at the end, and are no multiples"));
        }
    }
    Ok(())
}
