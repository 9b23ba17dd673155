//! Messages that go by the event queue: the LLSD form of each field, the one that all clients accept (capabilities
//! fact sheet, section 2).
//!
//! A body is a map from block name to an array of maps from field name to value, one map an entry, also for blocks
//! that stand once. This crate knows no LLSD: a [`Visitor`](crate::walk::Visitor) builds it, and asks [`form`] what
//! each value is to be.

use crate::text;
use crate::walk::Value;
use model::Uuid;
use std::borrow::Cow;

/// What a field becomes in LLSD.
#[derive(Clone, Debug, PartialEq)]
pub enum Form<'a> {
    /// An integer.
    Integer(i32),
    /// A real.
    Real(f64),
    /// A boolean.
    Boolean(bool),
    /// A UUID.
    Uuid(Uuid),
    /// Binary of four bytes: U32, big-endian, and addresses. An integer would be read as 0, or break the client.
    Binary4([u8; 4]),
    /// Binary of eight bytes: U64 and S64, big-endian.
    Binary8([u8; 8]),
    /// Binary.
    Binary(&'a [u8]),
    /// A string.
    String(Cow<'a, str>),
    /// An array of three reals: vectors, and rotations without their w.
    Reals3([f64; 3]),
    /// An array of four reals.
    Reals4([f64; 4]),
}

/// The form of a field's value.
pub fn form(value: Value<'_>) -> Form<'_> {
    match value {
        Value::U8(value) => Form::Integer(value.into()),
        Value::U16(value) | Value::Port(value) => Form::Integer(value.into()),
        Value::S8(value) => Form::Integer(value.into()),
        Value::S16(value) => Form::Integer(value.into()),
        Value::S32(value) => Form::Integer(value),
        Value::U32(value) => Form::Binary4(value.to_be_bytes()),
        Value::Ip(address) => Form::Binary4(address.octets()),
        Value::U64(value) => Form::Binary8(value.to_be_bytes()),
        Value::S64(value) => Form::Binary8(value.to_be_bytes()),
        Value::F32(value) => Form::Real(value.into()),
        Value::F64(value) => Form::Real(value),
        Value::Bool(value) => Form::Boolean(value),
        Value::Uuid(id) => Form::Uuid(id),
        Value::Vec3(v) => Form::Reals3(v.as_dvec3().to_array()),
        Value::Vec3d(v) => Form::Reals3(v.to_array()),
        Value::Vec4(v) => Form::Reals4(v.as_dvec4().to_array()),
        Value::Quat(q) => Form::Reals3([q.x, q.y, q.z].map(f64::from)),
        Value::Bytes(bytes) => Form::Binary(bytes),
        Value::Text(bytes) => Form::String(text::read(bytes)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::{TeleportFinish, teleport_finish};
    use crate::template::FieldInfo;
    use crate::walk::{Visitor, walk};
    use crate::wire::WireMessage;
    use core::net::Ipv4Addr;

    #[derive(Default)]
    struct Forms(Vec<(&'static str, String)>);

    impl Visitor for Forms {
        fn field(&mut self, field: &'static FieldInfo, value: Value<'_>) {
            self.0.push((field.name, format!("{:?}", form(value))));
        }
    }

    /// The forms that the capabilities fact sheet, section 5.1, lists for TeleportFinish.
    #[test]
    fn teleport_finish_takes_the_forms_that_all_accept() {
        let message = TeleportFinish {
            info: teleport_finish::Info {
                agent_id: Uuid::nil(),
                location_id: 4,
                sim_ip: Ipv4Addr::LOCALHOST,
                sim_port: 9000,
                region_handle: 0x0003_E800_0003_E900,
                seed_capability: b"http://x/\0",
                sim_access: 13,
                teleport_flags: 16,
            },
        };
        let mut body = Vec::new();
        message.write(&mut body);
        let mut forms = Forms::default();
        walk(TeleportFinish::INFO, &body, &mut forms).unwrap();
        let expected = [
            ("AgentID", "Uuid(00000000-0000-0000-0000-000000000000)"),
            ("LocationID", "Binary4([0, 0, 0, 4])"),
            ("SimIP", "Binary4([127, 0, 0, 1])"),
            ("SimPort", "Integer(9000)"),
            ("RegionHandle", "Binary8([0, 3, 232, 0, 0, 3, 233, 0])"),
            ("SeedCapability", "String(\"http://x/\")"),
            ("SimAccess", "Integer(13)"),
            ("TeleportFlags", "Binary4([0, 0, 0, 16])"),
        ];
        assert_eq!(forms.0, expected.map(|(name, form)| (name, form.to_owned())));
    }
}
