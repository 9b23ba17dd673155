use super::{BINARY, ConversionError, DATE, VALUE};
use crate::{Date, Map, Value};
use serde::Serialize;
use serde::ser::{
    Error, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};
use uuid::Uuid;

pub(super) struct ToValue;

fn tagged(variant: &str, value: Value) -> Value {
    Value::Map(Map::from([(variant.to_owned(), value)]))
}

fn wide(number: impl TryInto<i32> + ToString + Copy) -> Value {
    number.try_into().map_or_else(|_| Value::String(number.to_string()), Value::Integer)
}

impl Serializer for ToValue {
    type Ok = Value;
    type Error = ConversionError;
    type SerializeSeq = Elements;
    type SerializeTuple = Elements;
    type SerializeTupleStruct = Elements;
    type SerializeTupleVariant = Elements;
    type SerializeMap = Entries;
    type SerializeStruct = Entries;
    type SerializeStructVariant = Entries;

    fn is_human_readable(&self) -> bool {
        false
    }

    fn serialize_bool(self, value: bool) -> Result<Value, ConversionError> {
        Ok(Value::Boolean(value))
    }

    fn serialize_i8(self, value: i8) -> Result<Value, ConversionError> {
        Ok(Value::Integer(value.into()))
    }

    fn serialize_i16(self, value: i16) -> Result<Value, ConversionError> {
        Ok(Value::Integer(value.into()))
    }

    fn serialize_i32(self, value: i32) -> Result<Value, ConversionError> {
        Ok(Value::Integer(value))
    }

    fn serialize_i64(self, value: i64) -> Result<Value, ConversionError> {
        Ok(wide(value))
    }

    fn serialize_u8(self, value: u8) -> Result<Value, ConversionError> {
        Ok(Value::Integer(value.into()))
    }

    fn serialize_u16(self, value: u16) -> Result<Value, ConversionError> {
        Ok(Value::Integer(value.into()))
    }

    fn serialize_u32(self, value: u32) -> Result<Value, ConversionError> {
        Ok(wide(value))
    }

    fn serialize_u64(self, value: u64) -> Result<Value, ConversionError> {
        Ok(wide(value))
    }

    fn serialize_f32(self, value: f32) -> Result<Value, ConversionError> {
        Ok(Value::Real(value.into()))
    }

    fn serialize_f64(self, value: f64) -> Result<Value, ConversionError> {
        Ok(Value::Real(value))
    }

    fn serialize_char(self, value: char) -> Result<Value, ConversionError> {
        Ok(Value::String(value.to_string()))
    }

    fn serialize_str(self, value: &str) -> Result<Value, ConversionError> {
        Ok(Value::String(value.to_owned()))
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<Value, ConversionError> {
        Ok(Uuid::from_slice(value).map_or_else(|_| Value::Binary(value.to_vec()), Value::Uuid))
    }

    fn serialize_none(self) -> Result<Value, ConversionError> {
        Ok(Value::Undefined)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Value, ConversionError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Value, ConversionError> {
        Ok(Value::Undefined)
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<Value, ConversionError> {
        Ok(Value::Undefined)
    }

    fn serialize_unit_variant(
        self,
        name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<Value, ConversionError> {
        Ok(if name == VALUE { Value::Undefined } else { Value::String(variant.to_owned()) })
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<Value, ConversionError> {
        let value = value.serialize(self)?;
        Ok(match name {
            BINARY => Value::Binary(value.as_binary().into_owned()),
            DATE => Value::Date(Date::from_micros(value.as_i64())),
            _ => value,
        })
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Value, ConversionError> {
        let value = value.serialize(self)?;
        Ok(match (name, variant, value) {
            (VALUE, "Binary", value) => Value::Binary(value.as_binary().into_owned()),
            (VALUE, "Uri", Value::String(text)) => Value::Uri(text),
            (VALUE, _, value) => value,
            (_, variant, value) => tagged(variant, value),
        })
    }

    fn serialize_seq(self, _len: Option<usize>) -> Result<Elements, ConversionError> {
        Ok(Elements { variant: None, array: Vec::new() })
    }

    fn serialize_tuple(self, _len: usize) -> Result<Elements, ConversionError> {
        self.serialize_seq(None)
    }

    fn serialize_tuple_struct(self, _name: &'static str, _len: usize) -> Result<Elements, ConversionError> {
        self.serialize_seq(None)
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<Elements, ConversionError> {
        Ok(Elements { variant: Some(variant), array: Vec::new() })
    }

    fn serialize_map(self, _len: Option<usize>) -> Result<Entries, ConversionError> {
        Ok(Entries { variant: None, key: String::new(), map: Map::new() })
    }

    fn serialize_struct(self, _name: &'static str, _len: usize) -> Result<Entries, ConversionError> {
        self.serialize_map(None)
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<Entries, ConversionError> {
        Ok(Entries { variant: Some(variant), key: String::new(), map: Map::new() })
    }
}

/// An array that is being made.
pub(super) struct Elements {
    variant: Option<&'static str>,
    array: Vec<Value>,
}

impl SerializeSeq for Elements {
    type Ok = Value;
    type Error = ConversionError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ConversionError> {
        self.array.push(value.serialize(ToValue)?);
        Ok(())
    }

    fn end(self) -> Result<Value, ConversionError> {
        let array = Value::Array(self.array);
        Ok(match self.variant {
            Some(variant) => tagged(variant, array),
            None => array,
        })
    }
}

/// A map that is being made.
pub(super) struct Entries {
    variant: Option<&'static str>,
    key: String,
    map: Map,
}

impl SerializeMap for Entries {
    type Ok = Value;
    type Error = ConversionError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), ConversionError> {
        self.key = match key.serialize(ToValue)? {
            Value::Undefined | Value::Binary(_) | Value::Map(_) | Value::Array(_) => {
                return Err(ConversionError::custom("the key of a map must be a scalar"));
            }
            scalar => scalar.as_str().into_owned(),
        };
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ConversionError> {
        self.map.insert(std::mem::take(&mut self.key), value.serialize(ToValue)?);
        Ok(())
    }

    fn end(self) -> Result<Value, ConversionError> {
        let map = Value::Map(self.map);
        Ok(match self.variant {
            Some(variant) => tagged(variant, map),
            None => map,
        })
    }
}

macro_rules! as_elements {
    ($($of:ident $method:ident)*) => {$(
        impl $of for Elements {
            type Ok = Value;
            type Error = ConversionError;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ConversionError> {
                SerializeSeq::serialize_element(self, value)
            }

            fn end(self) -> Result<Value, ConversionError> {
                SerializeSeq::end(self)
            }
        }
    )*};
}

as_elements! {
    SerializeTuple serialize_element
    SerializeTupleStruct serialize_field
    SerializeTupleVariant serialize_field
}

macro_rules! as_entries {
    ($($of:ident)*) => {$(
        impl $of for Entries {
            type Ok = Value;
            type Error = ConversionError;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Result<(), ConversionError> {
                self.serialize_entry(key, value)
            }

            fn end(self) -> Result<Value, ConversionError> {
                SerializeMap::end(self)
            }
        }
    )*};
}

as_entries! { SerializeStruct SerializeStructVariant }
