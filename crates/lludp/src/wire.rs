//! How blocks and fields are read and written: what the generated message types are made of.

use crate::malformed::{Malformed, MalformedKind};
use crate::quat::PackedQuat;
use crate::template::MessageInfo;
use core::net::Ipv4Addr;
use glam::{DVec3, Vec3, Vec4};
use model::Uuid;

/// A message of the template: made of plain values, numbers in the machine's order, bytes borrowed.
pub trait WireMessage<'a>: Copy {
    /// Its row in the template.
    const INFO: &'static MessageInfo;

    /// Appends the blocks.
    fn write(&self, out: &mut Vec<u8>);

    /// Reads the blocks; `None` when the bytes end early.
    fn read(reader: &mut Reader<'a>) -> Option<Self>;

    /// Appends message number and blocks, not zerocoded.
    fn encode(&self, out: &mut Vec<u8>) {
        Self::INFO.write_number(out);
        self.write(out);
    }

    /// From what follows the message number. Bytes left over are ignored: newer peers append blocks.
    ///
    /// # Errors
    /// [`MalformedKind::EndsEarly`].
    fn decode(body: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        Self::read(&mut reader).ok_or_else(|| ends_early(Self::INFO, body, &reader))
    }
}

#[cold]
fn ends_early(info: &'static MessageInfo, body: &[u8], reader: &Reader<'_>) -> Malformed {
    let offset = body.len() - reader.rest().len();
    Malformed { kind: MalformedKind::EndsEarly, message: Some(info.name), offset }
}

/// A block of a message.
pub trait Block<'a>: Copy {
    /// Bytes it takes at least: all fields, those that vary with their length prefix alone.
    const MIN_LEN: usize;
    /// Whether it always takes that many.
    const IS_FIXED: bool;

    /// Reads the fields; `None` when the bytes end early.
    fn read(reader: &mut Reader<'a>) -> Option<Self>;

    /// Appends the fields.
    fn write(&self, out: &mut Vec<u8>);
}

/// Reads fields off the front of some bytes. Each method is `None` when they end early.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

macro_rules! numbers {
    ($($name:ident $put:ident)*) => {
        impl Reader<'_> {
            $(
                #[doc = concat!("A little-endian ", stringify!($name), ".")]
                #[inline]
                pub fn $name(&mut self) -> Option<$name> {
                    self.fixed().map($name::from_le_bytes)
                }
            )*
        }

        $(
            #[doc = concat!("Appends a little-endian ", stringify!($name), ".")]
            #[inline]
            pub fn $put(out: &mut Vec<u8>, value: $name) {
                out.extend_from_slice(&value.to_le_bytes());
            }
        )*
    };
}

numbers! {
    u8 put_u8
    u16 put_u16
    u32 put_u32
    u64 put_u64
    i8 put_i8
    i16 put_i16
    i32 put_i32
    i64 put_i64
    f32 put_f32
    f64 put_f64
}

impl<'a> Reader<'a> {
    /// From the first of these bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What is not yet read.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Whether all is read.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// So many bytes.
    #[inline]
    pub fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(taken)
    }

    /// A field of fixed length.
    #[inline]
    pub fn fixed<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*taken)
    }

    /// A byte, true unless zero.
    #[inline]
    pub fn bool(&mut self) -> Option<bool> {
        self.u8().map(|byte| byte != 0)
    }

    /// A UUID.
    #[inline]
    pub fn uuid(&mut self) -> Option<Uuid> {
        self.fixed().map(Uuid::from_bytes)
    }

    /// Three F32.
    #[inline]
    pub fn vec3(&mut self) -> Option<Vec3> {
        self.floats().map(Vec3::from_array)
    }

    /// Four F32.
    #[inline]
    pub fn vec4(&mut self) -> Option<Vec4> {
        self.floats().map(Vec4::from_array)
    }

    /// Three F64.
    #[inline]
    pub fn vec3d(&mut self) -> Option<DVec3> {
        Some(DVec3::new(self.f64()?, self.f64()?, self.f64()?))
    }

    /// A rotation.
    #[inline]
    pub fn quat(&mut self) -> Option<PackedQuat> {
        self.floats().map(|[x, y, z]| PackedQuat { x, y, z })
    }

    /// An address, in network order.
    #[inline]
    pub fn ip(&mut self) -> Option<Ipv4Addr> {
        self.fixed::<4>().map(Ipv4Addr::from)
    }

    /// A port, big-endian.
    #[inline]
    pub fn port(&mut self) -> Option<u16> {
        self.fixed().map(u16::from_be_bytes)
    }

    /// Bytes behind a U8 length.
    #[inline]
    pub fn bytes1(&mut self) -> Option<&'a [u8]> {
        let (&len, rest) = self.rest.split_first()?;
        let (taken, rest) = rest.split_at_checked(len.into())?;
        self.rest = rest;
        Some(taken)
    }

    /// Bytes behind a U16 length.
    #[inline]
    pub fn bytes2(&mut self) -> Option<&'a [u8]> {
        let (&len, rest) = self.rest.split_first_chunk()?;
        let (taken, rest) = rest.split_at_checked(u16::from_le_bytes(len).into())?;
        self.rest = rest;
        Some(taken)
    }

    #[inline]
    fn floats<const N: usize>(&mut self) -> Option<[f32; N]> {
        let (taken, rest) = self.rest.split_at_checked(4 * N)?;
        self.rest = rest;
        let (words, _) = taken.as_chunks();
        let mut floats = [0.0; N];
        for (float, word) in floats.iter_mut().zip(words) {
            *float = f32::from_le_bytes(*word);
        }
        Some(floats)
    }
}

/// Appends a byte, 0 or 1.
#[inline]
pub fn put_bool(out: &mut Vec<u8>, value: bool) {
    out.push(value.into());
}

/// Appends a UUID.
#[inline]
pub fn put_uuid(out: &mut Vec<u8>, value: Uuid) {
    out.extend_from_slice(value.as_bytes());
}

/// Appends three F32.
#[inline]
pub fn put_vec3(out: &mut Vec<u8>, value: Vec3) {
    put_floats(out, value.to_array());
}

/// Appends four F32.
#[inline]
pub fn put_vec4(out: &mut Vec<u8>, value: Vec4) {
    put_floats(out, value.to_array());
}

/// Appends three F64.
#[inline]
pub fn put_vec3d(out: &mut Vec<u8>, value: DVec3) {
    for component in value.to_array() {
        put_f64(out, component);
    }
}

/// Appends a rotation.
#[inline]
pub fn put_quat(out: &mut Vec<u8>, value: PackedQuat) {
    put_floats(out, [value.x, value.y, value.z]);
}

/// Appends an address, in network order.
#[inline]
pub fn put_ip(out: &mut Vec<u8>, value: Ipv4Addr) {
    out.extend_from_slice(&value.octets());
}

/// Appends a port, big-endian.
#[inline]
pub fn put_port(out: &mut Vec<u8>, value: u16) {
    out.extend_from_slice(&value.to_be_bytes());
}

/// Appends a field of fixed length.
#[inline]
pub fn put_fixed<const N: usize>(out: &mut Vec<u8>, value: [u8; N]) {
    out.extend_from_slice(&value);
}

/// Appends bytes behind a U8 length. What is too long is cut to 255 bytes; if it ended in a NUL it still does.
#[inline]
pub fn put_bytes1(out: &mut Vec<u8>, value: &[u8]) {
    match u8::try_from(value.len()) {
        Ok(len) => {
            out.push(len);
            out.extend_from_slice(value);
        }
        Err(_) => {
            out.push(u8::MAX);
            put_cut(out, value, u8::MAX.into());
        }
    }
}

/// Appends bytes behind a U16 length. What is too long is cut to 65535 bytes; if it ended in a NUL it still does.
#[inline]
pub fn put_bytes2(out: &mut Vec<u8>, value: &[u8]) {
    match u16::try_from(value.len()) {
        Ok(len) => {
            put_u16(out, len);
            out.extend_from_slice(value);
        }
        Err(_) => {
            put_u16(out, u16::MAX);
            put_cut(out, value, u16::MAX.into());
        }
    }
}

#[cold]
fn put_cut(out: &mut Vec<u8>, value: &[u8], max: usize) {
    let last = if value.last() == Some(&0) { 0 } else { value[max - 1] };
    out.extend_from_slice(&value[..max - 1]);
    out.push(last);
}

#[inline]
fn put_floats<const N: usize>(out: &mut Vec<u8>, values: [f32; N]) {
    for value in values {
        put_f32(out, value);
    }
}

/// Reads a block that older peers do not send: the inner `None` when the message has ended before it.
pub fn read_late<'a, T: Block<'a>>(reader: &mut Reader<'a>) -> Option<Option<T>> {
    if reader.is_empty() { Some(None) } else { T::read(reader).map(Some) }
}

/// Appends a block that may be left out, which it is unless something is `followed` by: then it is all zeros.
pub fn write_late<'a, T: Block<'a>>(block: &Option<T>, out: &mut Vec<u8>, followed: bool) {
    match block {
        Some(block) => block.write(out),
        None if followed => out.resize(out.len() + T::MIN_LEN, 0),
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::GridCell;

    /// The byte order of region handles: lludp fact sheet, section 17.
    #[test]
    fn a_region_handle_has_its_y_first() {
        let mut out = Vec::new();
        put_u64(&mut out, GridCell { x: 1000, y: 1001 }.handle().0);
        assert_eq!(out, [0x00, 0xE9, 0x03, 0x00, 0x00, 0xE8, 0x03, 0x00]);
    }

    #[test]
    fn addresses_and_ports_are_in_network_order() {
        let mut out = Vec::new();
        put_ip(&mut out, Ipv4Addr::new(127, 0, 0, 1));
        put_port(&mut out, 9000);
        assert_eq!(out, [127, 0, 0, 1, 0x23, 0x28]);
        let mut reader = Reader::new(&out);
        assert_eq!((reader.ip(), reader.port(), reader.u8()), (Some(Ipv4Addr::LOCALHOST), Some(9000), None));
    }

    /// Floats are passed on bit by bit, even those that are no numbers.
    #[test]
    fn floats_keep_their_bits() {
        let bytes = [1, 0, 0xA0, 0x7F, 0, 0, 0, 0x80, 0xFF, 0xFF, 0xFF, 0xFF];
        let mut out = Vec::new();
        put_vec3(&mut out, Reader::new(&bytes).vec3().unwrap());
        assert_eq!(out, bytes);
    }
}
