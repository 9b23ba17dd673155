use llsd::{Map, Value};
use lludp::wire::Reader;
use lludp::{BlockInfo, BlockKind, FieldKind, MessageInfo, WireMessage, text};

use super::Event;

/// Any message of the template as an event, each field in the form that all clients accept (capabilities fact sheet,
/// section 2). Blocks that the message leaves out at its end are left out.
pub fn from_message<'m, M: WireMessage<'m>>(message: &M) -> Event {
    let mut bytes = Vec::new();
    message.write(&mut bytes);
    let body = read_body(M::INFO, &mut Reader::new(&bytes)).expect("a message reads back what it wrote");
    Event::new(M::INFO.name, Value::Map(body))
}

fn read_body(info: &MessageInfo, reader: &mut Reader<'_>) -> Option<Map> {
    let mut body = Map::new();
    for block in info.blocks {
        if reader.is_empty() {
            break;
        }
        let count = match block.kind {
            BlockKind::Single => 1,
            BlockKind::Multiple(count) => count,
            BlockKind::Variable => reader.u8()?,
        };
        let blocks: Option<Vec<Value>> = (0..count).map(|_| read_block(block, reader)).collect();
        body.insert(block.name.to_owned(), Value::Array(blocks?));
    }
    Some(body)
}

fn read_block(block: &BlockInfo, reader: &mut Reader<'_>) -> Option<Value> {
    let mut fields = Map::new();
    for field in block.fields {
        fields.insert(field.name.to_owned(), read_field(field.kind, reader)?);
    }
    Some(Value::Map(fields))
}

fn read_field(kind: FieldKind, reader: &mut Reader<'_>) -> Option<Value> {
    fn reals(components: &[f32]) -> Value {
        components.iter().map(|&component| Value::from(component)).collect()
    }
    Some(match kind {
        FieldKind::U8 => reader.u8()?.into(),
        FieldKind::U16 => reader.u16()?.into(),
        FieldKind::U32 => Value::from_u32_be(reader.u32()?),
        FieldKind::U64 => Value::from_u64_be(reader.u64()?),
        FieldKind::S8 => reader.i8()?.into(),
        FieldKind::S16 => reader.i16()?.into(),
        FieldKind::S32 => reader.i32()?.into(),
        FieldKind::S64 => reader.i64()?.to_be_bytes().as_slice().into(),
        FieldKind::F32 => reader.f32()?.into(),
        FieldKind::F64 => reader.f64()?.into(),
        FieldKind::Bool => reader.bool()?.into(),
        FieldKind::Uuid => reader.uuid()?.into(),
        FieldKind::Vec3 => reals(&reader.vec3()?.to_array()),
        FieldKind::Vec3d => reader.vec3d()?.to_array().into_iter().map(Value::from).collect(),
        FieldKind::Vec4 => reals(&reader.vec4()?.to_array()),
        FieldKind::Quat => {
            let quat = reader.quat()?;
            reals(&[quat.x, quat.y, quat.z])
        }
        FieldKind::Ip => Value::from_ipv4(reader.ip()?),
        FieldKind::Port => reader.port()?.into(),
        FieldKind::Fixed(length) => reader.take(length.into())?.into(),
        FieldKind::Bytes1 => reader.bytes1()?.into(),
        FieldKind::Bytes2 => reader.bytes2()?.into(),
        FieldKind::Text1 => text::read(reader.bytes1()?).as_ref().into(),
        FieldKind::Text2 => text::read(reader.bytes2()?).as_ref().into(),
    })
}
