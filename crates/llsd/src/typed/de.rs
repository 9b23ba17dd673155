use super::{BINARY, ConversionError, DATE, VALUE};
use crate::Value;
use crate::convert::{parse_base64, parse_uuid};
use crate::number::parse_real;
use serde::de::value::{MapDeserializer, SeqDeserializer, StringDeserializer};
use serde::de::{DeserializeSeed, Deserializer, EnumAccess, Error, IntoDeserializer, VariantAccess, Visitor};
use uuid::Uuid;

pub(super) struct FromValue(pub(super) Value);

impl FromValue {
    fn refused(&self, wanted: &str) -> ConversionError {
        ConversionError::custom(format_args!("{} where {wanted} was expected", self.0.type_name()))
    }

    fn integer(&self) -> Result<i128, ConversionError> {
        match &self.0 {
            Value::Undefined => Some(0),
            Value::Binary(_) => self.0.big_endian().map(i128::from),
            Value::Real(real) if !real.is_finite() => None,
            value => value.number(),
        }
        .ok_or_else(|| self.refused("an integer"))
    }

    fn real(&self) -> Result<f64, ConversionError> {
        match &self.0 {
            Value::String(text) => parse_real(text).ok_or_else(|| self.refused("a real")),
            Value::Undefined | Value::Boolean(_) | Value::Integer(_) | Value::Real(_) | Value::Date(_) => {
                Ok(self.0.as_f64())
            }
            _ => Err(self.refused("a real")),
        }
    }

    fn text(self) -> Result<String, ConversionError> {
        match self.0 {
            Value::String(text) | Value::Uri(text) => Ok(text),
            Value::Binary(_) | Value::Map(_) | Value::Array(_) => Err(self.refused("text")),
            value => Ok(value.as_str().into_owned()),
        }
    }

    /// What a [`Binary`](super::Binary) is made of.
    fn binary(self) -> Result<Vec<u8>, ConversionError> {
        match &self.0 {
            Value::Undefined => Ok(Vec::new()),
            Value::Binary(_) | Value::Uuid(_) | Value::Array(_) => Ok(self.0.as_binary().into_owned()),
            Value::String(text) => parse_base64(text).ok_or_else(|| self.refused("binary")),
            _ => Err(self.refused("binary")),
        }
    }

    /// What is asked for as bytes is an id, as far as can be known here.
    fn id_or_bytes(self) -> Result<Vec<u8>, ConversionError> {
        let id = match &self.0 {
            Value::Undefined => Some(Uuid::nil()),
            Value::String(text) if text.is_empty() => Some(Uuid::nil()),
            Value::String(text) => parse_uuid(text),
            _ => None,
        };
        id.map_or_else(|| self.binary(), |id| Ok(id.as_bytes().to_vec()))
    }
}

impl IntoDeserializer<'_, ConversionError> for FromValue {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

macro_rules! numbers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConversionError> {
            let number = self.integer()?;
            match (i64::try_from(number), u64::try_from(number)) {
                (Ok(number), _) => visitor.visit_i64(number),
                (_, Ok(number)) => visitor.visit_u64(number),
                _ => Err(self.refused("an integer of 64 bits")),
            }
        }
    )*};
}

macro_rules! alike {
    ($($method:ident as $other:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConversionError> {
            self.$other(visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for FromValue {
    type Error = ConversionError;

    fn is_human_readable(&self) -> bool {
        false
    }

    numbers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
    }

    alike! {
        deserialize_f32 as deserialize_f64
        deserialize_char as deserialize_string
        deserialize_str as deserialize_string
        deserialize_identifier as deserialize_string
        deserialize_bytes as deserialize_byte_buf
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConversionError> {
        match self.0 {
            Value::Undefined => visitor.visit_unit(),
            Value::Boolean(value) => visitor.visit_bool(value),
            Value::Integer(value) => visitor.visit_i32(value),
            Value::Real(value) => visitor.visit_f64(value),
            Value::String(text) | Value::Uri(text) => visitor.visit_string(text),
            Value::Date(_) => visitor.visit_string(self.0.as_str().into_owned()),
            Value::Uuid(_) | Value::Binary(_) => visitor.visit_byte_buf(self.0.as_binary().into_owned()),
            Value::Array(_) => self.deserialize_seq(visitor),
            Value::Map(_) => self.deserialize_map(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConversionError> {
        match &self.0 {
            Value::Map(_) | Value::Array(_) | Value::Binary(_) => Err(self.refused("a boolean")),
            value => visitor.visit_bool(value.as_bool()),
        }
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConversionError> {
        visitor.visit_f64(self.real()?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConversionError> {
        visitor.visit_string(self.text()?)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConversionError> {
        visitor.visit_byte_buf(self.id_or_bytes()?)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConversionError> {
        if self.0.is_undefined() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConversionError> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ConversionError> {
        visitor.visit_unit()
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConversionError> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ConversionError> {
        match name {
            BINARY => visitor.visit_newtype_struct(FromValue(Value::Binary(self.binary()?))),
            DATE => visitor.visit_newtype_struct(self.0.as_date().micros().into_deserializer()),
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConversionError> {
        fn visit<'de, V: Visitor<'de>, T: IntoDeserializer<'de, ConversionError>>(
            elements: impl Iterator<Item = T>,
            visitor: V,
        ) -> Result<V::Value, ConversionError> {
            let mut elements = SeqDeserializer::new(elements);
            let value = visitor.visit_seq(&mut elements)?;
            elements.end()?;
            Ok(value)
        }
        match self.0 {
            Value::Array(array) => visit(array.into_iter().map(FromValue), visitor),
            Value::Binary(bytes) => visit(bytes.into_iter(), visitor),
            Value::Undefined => visit(std::iter::empty::<FromValue>(), visitor),
            _ => Err(self.refused("an array")),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, ConversionError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, ConversionError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConversionError> {
        match self.0 {
            Value::Map(_) | Value::Undefined => {
                let entries = self.0.into_map().into_iter().map(|(key, value)| (key, FromValue(value)));
                visitor.visit_map(MapDeserializer::new(entries))
            }
            _ => Err(self.refused("a map")),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ConversionError> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ConversionError> {
        let (variant, content) = match self.0 {
            value if name == VALUE => (variant_of(&value).to_owned(), value),
            Value::Map(map) if map.len() == 1 => match map.into_iter().next() {
                Some(only) => only,
                None => return Err(ConversionError::custom("a variant without name")),
            },
            Value::Map(_) => return Err(self.refused("one variant")),
            _ => (self.text()?, Value::Undefined),
        };
        visitor.visit_enum(Variant { variant, content: FromValue(content) })
    }
}

/// The name of [`Value`]'s own variant.
fn variant_of(value: &Value) -> &'static str {
    match value {
        Value::Undefined => "Undefined",
        Value::Boolean(_) => "Boolean",
        Value::Integer(_) => "Integer",
        Value::Real(_) => "Real",
        Value::Uuid(_) => "Uuid",
        Value::String(_) => "String",
        Value::Binary(_) => "Binary",
        Value::Date(_) => "Date",
        Value::Uri(_) => "Uri",
        Value::Map(_) => "Map",
        Value::Array(_) => "Array",
    }
}

struct Variant {
    variant: String,
    content: FromValue,
}

impl<'de> EnumAccess<'de> for Variant {
    type Error = ConversionError;
    type Variant = FromValue;

    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, FromValue), ConversionError> {
        let variant: StringDeserializer<ConversionError> = self.variant.into_deserializer();
        Ok((seed.deserialize(variant)?, self.content))
    }
}

impl<'de> VariantAccess<'de> for FromValue {
    type Error = ConversionError;

    fn unit_variant(self) -> Result<(), ConversionError> {
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, ConversionError> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, ConversionError> {
        self.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ConversionError> {
        self.deserialize_map(visitor)
    }
}
