//! Writes the message types: a struct a message, a module with its blocks, and the enum of all.

use crate::definition::{Block, Count, Kind, Message};
use crate::names::{field, snake};
use std::fmt::Write as _;

const DERIVE: &str = "#[derive(Clone, Copy, Debug, PartialEq)]\n";

/// The code of `messages.rs`.
pub(crate) fn generate(messages: &[Message]) -> String {
    let mut code = String::new();
    for (index, message) in messages.iter().enumerate() {
        write_message(&mut code, index, message);
        if !message.blocks.is_empty() {
            write_blocks(&mut code, message);
        }
    }
    write_enum(&mut code, messages);
    code
}

macro_rules! put {
    ($code:expr, $($args:tt)*) => {
        writeln!($code, $($args)*).expect("a String takes any text")
    };
}

fn lifetime(borrows: bool) -> &'static str {
    if borrows { "<'a>" } else { "" }
}

fn describe(message: &Message) -> String {
    let mut words = format!("{:?} {}", message.frequency, message.number);
    for (holds, word) in [
        (message.trusted, "from simulators only"),
        (message.zerocoded, "zerocoded"),
        (message.event_queue, "by the event queue"),
    ] {
        if holds {
            words += ", ";
            words += word;
        }
    }
    words
}

fn write_message(code: &mut String, index: usize, message: &Message) {
    let Message { name, blocks, .. } = message;
    let life = lifetime(message.borrows());
    let module = snake(name);
    put!(code, "/// `{name}`: {}.\n{DERIVE}pub struct {name}{life}", describe(message));
    if blocks.is_empty() {
        put!(code, ";");
    } else {
        put!(code, "{{");
        for block in blocks {
            let ty = format!("{module}::{}{}", block.name, lifetime(block.borrows()));
            let (words, ty) = match block.count {
                Count::Single if block.late => ("late", format!("Option<{ty}>")),
                Count::Single => ("once", ty),
                Count::Multiple(n) => ("", format!("[{ty}; {n}]")),
                Count::Variable if block.extension => ("late, an extension", format!("Blocks<'a, {ty}>")),
                Count::Variable if block.late => ("late", format!("Blocks<'a, {ty}>")),
                Count::Variable => ("", format!("Blocks<'a, {ty}>")),
            };
            let words =
                if words.is_empty() || words == "once" { String::new() } else { format!(", {words}") };
            put!(code, "/// Block `{}`{words}.\npub {}: {ty},", block.name, field(&block.name));
        }
        put!(code, "}}");
    }

    let out = if blocks.is_empty() { "_out" } else { "out" };
    let reader = if blocks.is_empty() { "_" } else { "r" };
    put!(code, "impl<'a> WireMessage<'a> for {name}{life} {{");
    put!(code, "const INFO: &'static MessageInfo = &MESSAGES[{index}];");
    put!(code, "fn write(&self, {out}: &mut Vec<u8>) {{");
    for (i, block) in blocks.iter().enumerate() {
        let this = format!("self.{}", field(&block.name));
        let followed = followed(&blocks[i + 1..]);
        match block.count {
            Count::Single if block.late => put!(code, "wire::write_late(&{this}, out, {followed});"),
            Count::Single => put!(code, "{this}.write(out);"),
            Count::Multiple(_) => put!(code, "for block in &{this} {{ block.write(out); }}"),
            Count::Variable => put!(code, "{this}.write(out, {followed});"),
        }
    }
    put!(code, "}}\nfn read({reader}: &mut Reader<'a>) -> Option<Self> {{ Some(Self {{");
    for block in blocks {
        let ty = format!("{module}::{}", block.name);
        let value = match block.count {
            Count::Single if block.late => "wire::read_late(r)?".into(),
            Count::Single => format!("{ty}::read(r)?"),
            Count::Multiple(n) => format!("[{}]", format!("{ty}::read(r)?, ").repeat(n.into())),
            Count::Variable => "Blocks::read(r)?".into(),
        };
        put!(code, "{}: {value},", field(&block.name));
    }
    put!(code, "}}) }}\n}}");
}

/// Whether anything stands behind a block on the wire: what may be missing is left out only at the very end.
fn followed(behind: &[Block]) -> String {
    if !behind.iter().all(Block::may_be_missing) {
        return "true".into();
    }
    let present = behind.iter().map(|block| match block.count {
        Count::Single => format!("self.{}.is_some()", field(&block.name)),
        _ => format!("!self.{}.is_absent()", field(&block.name)),
    });
    let present: Vec<String> = present.collect();
    if present.is_empty() { "false".into() } else { present.join(" || ") }
}

fn write_blocks(code: &mut String, message: &Message) {
    put!(code, "/// The blocks of [`{0}`].\npub mod {1} {{", message.name, snake(&message.name));
    put!(code, "use super::prelude::*;");
    for block in &message.blocks {
        let life = lifetime(block.borrows());
        put!(code, "/// Block `{}`.\n{DERIVE}pub struct {0}{life} {{", block.name);
        for one in &block.fields {
            put!(
                code,
                "/// {}\npub {}: {},",
                doc(one.kind, &one.name),
                field(&one.name),
                rust_type(one.kind)
            );
        }
        let min: usize = block.fields.iter().map(|field| field.kind.min_len()).sum();
        put!(code, "}}\nimpl<'a> Block<'a> for {}{life} {{", block.name);
        put!(code, "const MIN_LEN: usize = {min};\nconst IS_FIXED: bool = {};", !block.borrows());
        put!(code, "fn read(r: &mut Reader<'a>) -> Option<Self> {{ Some(Self {{");
        for one in &block.fields {
            put!(code, "{}: r.{}()?,", field(&one.name), method(one.kind));
        }
        put!(code, "}}) }}\nfn write(&self, out: &mut Vec<u8>) {{");
        for one in &block.fields {
            put!(code, "wire::put_{}(out, self.{});", method(one.kind), field(&one.name));
        }
        put!(code, "}}\n}}");
    }
    put!(code, "}}");
}

fn write_enum(code: &mut String, messages: &[Message]) {
    put!(
        code,
        "/// Any message, by name.\n{DERIVE}#[allow(clippy::large_enum_variant)]\npub enum Message<'a> {{"
    );
    for message in messages {
        put!(code, "/// See [`{0}`].\n{0}({0}{1}),", message.name, lifetime(message.borrows()));
    }
    put!(code, "}}\nimpl<'a> Message<'a> {{");
    put!(
        code,
        "/// What the template says about this message.\npub fn info(&self) -> &'static MessageInfo {{"
    );
    put!(code, "&MESSAGES[match self {{");
    for (index, message) in messages.iter().enumerate() {
        put!(code, "Self::{}(_) => {index},", message.name);
    }
    put!(code, "}}]\n}}");
    put!(
        code,
        "/// Appends message number and blocks, not zerocoded.\npub fn encode(&self, out: &mut Vec<u8>) {{"
    );
    put!(code, "match self {{");
    for message in messages {
        put!(code, "Self::{}(message) => message.encode(out),", message.name);
    }
    put!(code, "}}\n}}");
    put!(code, "fn decode_as(id: u32, body: &'a [u8]) -> Result<Self, Malformed> {{\nOk(match id {{");
    for message in messages {
        put!(code, "{:#010x} => Self::{}(WireMessage::decode(body)?),", message.id(), message.name);
    }
    put!(code, "_ => return Err(Malformed::unknown_message(id)),\n}})\n}}\n}}");
    for message in messages {
        let (name, life) = (&message.name, lifetime(message.borrows()));
        put!(code, "impl<'a> From<{name}{life}> for Message<'a> {{");
        put!(code, "fn from(message: {name}{life}) -> Self {{ Self::{name}(message) }}\n}}");
    }
}

fn rust_type(kind: Kind) -> String {
    match kind {
        Kind::U8 => "u8",
        Kind::U16 | Kind::Port => "u16",
        Kind::U32 => "u32",
        Kind::U64 => "u64",
        Kind::S8 => "i8",
        Kind::S16 => "i16",
        Kind::S32 => "i32",
        Kind::S64 => "i64",
        Kind::F32 => "f32",
        Kind::F64 => "f64",
        Kind::Bool => "bool",
        Kind::Uuid => "Uuid",
        Kind::Vec3 => "Vec3",
        Kind::Vec3d => "DVec3",
        Kind::Vec4 => "Vec4",
        Kind::Quat => "PackedQuat",
        Kind::Ip => "Ipv4Addr",
        Kind::Fixed(n) => return format!("[u8; {n}]"),
        Kind::Bytes1 | Kind::Bytes2 | Kind::Text1 | Kind::Text2 => "&'a [u8]",
    }
    .into()
}

/// The reader's method; the writer is called `put_` and the same.
fn method(kind: Kind) -> &'static str {
    match kind {
        Kind::U8 => "u8",
        Kind::U16 => "u16",
        Kind::U32 => "u32",
        Kind::U64 => "u64",
        Kind::S8 => "i8",
        Kind::S16 => "i16",
        Kind::S32 => "i32",
        Kind::S64 => "i64",
        Kind::F32 => "f32",
        Kind::F64 => "f64",
        Kind::Bool => "bool",
        Kind::Uuid => "uuid",
        Kind::Vec3 => "vec3",
        Kind::Vec3d => "vec3d",
        Kind::Vec4 => "vec4",
        Kind::Quat => "quat",
        Kind::Ip => "ip",
        Kind::Port => "port",
        Kind::Fixed(_) => "fixed",
        Kind::Bytes1 | Kind::Text1 => "bytes1",
        Kind::Bytes2 | Kind::Text2 => "bytes2",
    }
}

fn doc(kind: Kind, name: &str) -> String {
    let words = match kind {
        Kind::Text1 => ", text, at most 255 bytes with its NUL",
        Kind::Text2 => ", text with its NUL",
        Kind::Bytes1 => ", at most 255 bytes",
        Kind::Vec3d => ", global metres",
        _ => "",
    };
    format!("`{name}`{words}.")
}
