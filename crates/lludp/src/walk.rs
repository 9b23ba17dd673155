//! One walk over any message by the template: for tracing, for the event queue, for checks that are the same for
//! all.

use crate::malformed::{Malformed, MalformedKind};
use crate::quat::PackedQuat;
use crate::template::{BlockInfo, BlockKind, FieldInfo, FieldKind, MessageInfo};
use crate::wire::Reader;
use core::net::Ipv4Addr;
use glam::{DVec3, Vec3, Vec4};
use model::Uuid;

/// A field's value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// One byte.
    U8(u8),
    /// Two bytes.
    U16(u16),
    /// Four bytes.
    U32(u32),
    /// Eight bytes.
    U64(u64),
    /// One byte, signed.
    S8(i8),
    /// Two bytes, signed.
    S16(i16),
    /// Four bytes, signed.
    S32(i32),
    /// Eight bytes, signed.
    S64(i64),
    /// Single precision.
    F32(f32),
    /// Double precision.
    F64(f64),
    /// Yes or no.
    Bool(bool),
    /// A UUID.
    Uuid(Uuid),
    /// A vector.
    Vec3(Vec3),
    /// A vector of double precision.
    Vec3d(DVec3),
    /// Four floats.
    Vec4(Vec4),
    /// A rotation.
    Quat(PackedQuat),
    /// An address.
    Ip(Ipv4Addr),
    /// A port.
    Port(u16),
    /// Bytes, of fixed or varying number.
    Bytes(&'a [u8]),
    /// A text field as it stands: [`text::read`](crate::text::read) takes off the NUL.
    Text(&'a [u8]),
}

/// Who is told what a walk meets, in wire order. All does nothing unless implemented.
pub trait Visitor {
    /// A block begins that stands `count` times; not called for one that is missing at the end.
    fn begin_block(&mut self, block: &'static BlockInfo, count: usize) {
        let _ = (block, count);
    }

    /// One of its `count` entries begins.
    fn begin_entry(&mut self, block: &'static BlockInfo) {
        let _ = block;
    }

    /// A field of the entry.
    fn field(&mut self, field: &'static FieldInfo, value: Value<'_>) {
        let _ = (field, value);
    }

    /// The entry ends.
    fn end_entry(&mut self, block: &'static BlockInfo) {
        let _ = block;
    }

    /// The block ends.
    fn end_block(&mut self, block: &'static BlockInfo) {
        let _ = block;
    }
}

/// Walks over a message. `body` is what follows the message number; bytes left over are ignored.
///
/// # Errors
/// [`MalformedKind::EndsEarly`], after the visitor was told what came before.
pub fn walk(info: &'static MessageInfo, body: &[u8], visitor: &mut impl Visitor) -> Result<(), Malformed> {
    let mut reader = Reader::new(body);
    walk_blocks(info, &mut reader, visitor).ok_or_else(|| Malformed {
        kind: MalformedKind::EndsEarly,
        message: Some(info.name),
        offset: body.len() - reader.rest().len(),
    })
}

fn walk_blocks(
    info: &'static MessageInfo,
    reader: &mut Reader<'_>,
    visitor: &mut impl Visitor,
) -> Option<()> {
    for block in info.blocks {
        let may_be_missing = block.late || block.kind == BlockKind::Variable;
        if may_be_missing && reader.is_empty() {
            continue;
        }
        let count = match block.kind {
            BlockKind::Single => 1,
            BlockKind::Multiple(count) => count,
            BlockKind::Variable => reader.u8()?,
        };
        visitor.begin_block(block, count.into());
        for _ in 0..count {
            visitor.begin_entry(block);
            for field in block.fields {
                visitor.field(field, read_value(field.kind, reader)?);
            }
            visitor.end_entry(block);
        }
        visitor.end_block(block);
    }
    Some(())
}

fn read_value<'a>(kind: FieldKind, reader: &mut Reader<'a>) -> Option<Value<'a>> {
    Some(match kind {
        FieldKind::U8 => Value::U8(reader.u8()?),
        FieldKind::U16 => Value::U16(reader.u16()?),
        FieldKind::U32 => Value::U32(reader.u32()?),
        FieldKind::U64 => Value::U64(reader.u64()?),
        FieldKind::S8 => Value::S8(reader.i8()?),
        FieldKind::S16 => Value::S16(reader.i16()?),
        FieldKind::S32 => Value::S32(reader.i32()?),
        FieldKind::S64 => Value::S64(reader.i64()?),
        FieldKind::F32 => Value::F32(reader.f32()?),
        FieldKind::F64 => Value::F64(reader.f64()?),
        FieldKind::Bool => Value::Bool(reader.bool()?),
        FieldKind::Uuid => Value::Uuid(reader.uuid()?),
        FieldKind::Vec3 => Value::Vec3(reader.vec3()?),
        FieldKind::Vec3d => Value::Vec3d(reader.vec3d()?),
        FieldKind::Vec4 => Value::Vec4(reader.vec4()?),
        FieldKind::Quat => Value::Quat(reader.quat()?),
        FieldKind::Ip => Value::Ip(reader.ip()?),
        FieldKind::Port => Value::Port(reader.port()?),
        FieldKind::Fixed(len) => Value::Bytes(reader.take(len.into())?),
        FieldKind::Bytes1 => Value::Bytes(reader.bytes1()?),
        FieldKind::Bytes2 => Value::Bytes(reader.bytes2()?),
        FieldKind::Text1 => Value::Text(reader.bytes1()?),
        FieldKind::Text2 => Value::Text(reader.bytes2()?),
    })
}

impl Value<'_> {
    /// Whether all floats in it are finite.
    pub fn is_finite(&self) -> bool {
        match self {
            Self::F32(value) => value.is_finite(),
            Self::F64(value) => value.is_finite(),
            Self::Vec3(value) => value.is_finite(),
            Self::Vec3d(value) => value.is_finite(),
            Self::Vec4(value) => value.is_finite(),
            Self::Quat(value) => value.is_finite(),
            _ => true,
        }
    }
}

/// Refuses floats that are infinite or no number, anywhere in a message. Decoding itself takes any float, so that a
/// message can be passed on and traced as it came; a server checks what comes from viewers before it acts upon it
/// (lludp fact sheet, section 16). Costs nothing for messages without floats.
///
/// `body` is what follows the message number.
///
/// # Errors
/// [`MalformedKind::NonFinite`] with the first such field, or [`MalformedKind::EndsEarly`].
pub fn check_finite(info: &'static MessageInfo, body: &[u8]) -> Result<(), Malformed> {
    if !info.has_floats {
        return Ok(());
    }
    let mut check = Finite { offset: 0, found: None };
    walk(info, body, &mut check)?;
    match check.found {
        None => Ok(()),
        Some((field, offset)) => {
            Err(Malformed { kind: MalformedKind::NonFinite { field }, message: Some(info.name), offset })
        }
    }
}

/// Looks for the first field that is not finite, counting bytes on the way.
struct Finite {
    offset: usize,
    found: Option<(&'static str, usize)>,
}

impl Visitor for Finite {
    fn begin_block(&mut self, block: &'static BlockInfo, _: usize) {
        self.offset += usize::from(block.kind == BlockKind::Variable);
    }

    fn field(&mut self, field: &'static FieldInfo, value: Value<'_>) {
        if self.found.is_none() && !value.is_finite() {
            self.found = Some((field.name, self.offset));
        }
        self.offset += field.kind.min_len();
        if let (FieldKind::Bytes1 | FieldKind::Bytes2, Value::Bytes(bytes)) | (_, Value::Text(bytes)) =
            (field.kind, value)
        {
            self.offset += bytes.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::WireMessage;
    use crate::messages::{TelehubInfo, telehub_info};

    fn telehub(
        name: &[u8],
        position: Vec3,
        spawns: &[telehub_info::SpawnPointBlock],
    ) -> Result<(), Malformed> {
        let message = TelehubInfo {
            telehub_block: telehub_info::TelehubBlock {
                object_id: Uuid::nil(),
                object_name: name,
                telehub_pos: position,
                telehub_rot: PackedQuat::IDENTITY,
            },
            spawn_point_block: spawns.into(),
        };
        let mut body = Vec::new();
        message.write(&mut body);
        check_finite(TelehubInfo::INFO, &body)
    }

    #[test]
    fn floats_must_be_finite() {
        let spawn = |x| telehub_info::SpawnPointBlock { spawn_point_pos: Vec3::new(x, 0.0, 0.0) };
        assert_eq!(telehub(b"hub", Vec3::ONE, &[spawn(1.0)]), Ok(()));
        let refused = |field, offset| {
            let kind = MalformedKind::NonFinite { field };
            Err(Malformed { kind, message: Some("TelehubInfo"), offset })
        };
        assert_eq!(telehub(b"hub", Vec3::NAN, &[]), refused("TelehubPos", 20));
        let second = telehub(b"", Vec3::ONE, &[spawn(1.0), spawn(f32::INFINITY)]);
        assert_eq!(second, refused("SpawnPointPos", 16 + 1 + 24 + 1 + 12));
    }

    #[test]
    fn the_check_needs_the_whole_message() {
        let refused = check_finite(TelehubInfo::INFO, &[0; 15]).unwrap_err();
        assert_eq!((refused.kind, refused.offset), (MalformedKind::EndsEarly, 0));
    }
}
