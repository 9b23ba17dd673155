//! Writes the table of messages, blocks and fields for generic walks.

use crate::definition::{Count, Kind, Message};
use std::fmt::Write as _;

/// The code of `table.rs`.
pub(crate) fn generate(messages: &[Message]) -> String {
    let mut code = format!(
        "/// All messages: high, medium, low, fixed, each by number.\npub static MESSAGES: [MessageInfo; {}] = [\n",
        messages.len()
    );
    for message in messages {
        code += &row(message);
    }
    code += "];\n";
    code += &index("BY_ID", messages, "by id", |message| message.id());
    code += &index("BY_NAME", messages, "by name", |message| message.name.clone());
    code
}

fn row(message: &Message) -> String {
    let has_floats = message.blocks.iter().flat_map(|block| &block.fields).any(|field| field.kind.is_float());
    let mut code = format!(
        "MessageInfo {{ name: {:?}, frequency: Frequency::{:?}, number: {}, id: {:#x}, trusted: {}, zerocoded: {}, \
         deprecation: Deprecation::{:?}, event_queue: {}, has_floats: {has_floats}, blocks: &[",
        message.name,
        message.frequency,
        message.number,
        message.id(),
        message.trusted,
        message.zerocoded,
        message.deprecation,
        message.event_queue,
    );
    for block in &message.blocks {
        let kind = match block.count {
            Count::Single => "Single".into(),
            Count::Multiple(n) => format!("Multiple({n})"),
            Count::Variable => "Variable".into(),
        };
        let head =
            format!("BlockInfo {{ name: {:?}, kind: BlockKind::{kind}, late: {}", block.name, block.late);
        write!(code, "{head}, fields: &[").expect("a String takes any text");
        for field in &block.fields {
            write!(
                code,
                "FieldInfo {{ name: {:?}, kind: FieldKind::{} }},",
                field.name,
                kind_name(field.kind)
            )
            .expect("a String takes any text");
        }
        code += "] },";
    }
    code + "] },\n"
}

/// Positions in the table in the order of a key.
fn index<K: Ord>(name: &str, messages: &[Message], words: &str, key: impl Fn(&Message) -> K) -> String {
    let mut order: Vec<usize> = (0..messages.len()).collect();
    order.sort_by_key(|&i| key(&messages[i]));
    format!("/// Positions in [`MESSAGES`], {words}.\nstatic {name}: [u16; {}] = {order:?};\n", order.len())
}

fn kind_name(kind: Kind) -> String {
    match kind {
        Kind::U8 => "U8",
        Kind::U16 => "U16",
        Kind::U32 => "U32",
        Kind::U64 => "U64",
        Kind::S8 => "S8",
        Kind::S16 => "S16",
        Kind::S32 => "S32",
        Kind::S64 => "S64",
        Kind::F32 => "F32",
        Kind::F64 => "F64",
        Kind::Bool => "Bool",
        Kind::Uuid => "Uuid",
        Kind::Vec3 => "Vec3",
        Kind::Vec3d => "Vec3d",
        Kind::Vec4 => "Vec4",
        Kind::Quat => "Quat",
        Kind::Ip => "Ip",
        Kind::Port => "Port",
        Kind::Fixed(n) => return format!("Fixed({n})"),
        Kind::Bytes1 => "Bytes1",
        Kind::Bytes2 => "Bytes2",
        Kind::Text1 => "Text1",
        Kind::Text2 => "Text2",
    }
    .into()
}
