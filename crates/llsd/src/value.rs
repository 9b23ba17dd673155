use crate::Date;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::ops::Index;
use uuid::Uuid;

/// A map's entries, in the order of their keys: what is written twice is written the same twice.
pub type Map = BTreeMap<String, Value>;

/// One LLSD value, with all it holds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename = "$llsd::Value")]
pub enum Value {
    /// Nothing.
    #[default]
    Undefined,
    /// True or false.
    Boolean(bool),
    /// A signed integer of 32 bits. There is no other: see [`from_u32_be`](Value::from_u32_be).
    Integer(i32),
    /// A double.
    Real(f64),
    /// An id.
    Uuid(Uuid),
    /// Text.
    String(String),
    /// Bytes.
    Binary(Vec<u8>),
    /// A moment of the calendar.
    Date(Date),
    /// A URI, as text.
    Uri(String),
    /// Values by name.
    Map(Map),
    /// Values in a row.
    Array(Vec<Value>),
}

static UNDEFINED: Value = Value::Undefined;
static NO_ENTRIES: Map = Map::new();

impl Value {
    /// The entry of that name, if this is a map that has it. See also indexing by name, which has an answer always.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.as_map().get(key)
    }

    /// The entries; none if this is no map.
    pub fn as_map(&self) -> &Map {
        match self {
            Value::Map(map) => map,
            _ => &NO_ENTRIES,
        }
    }

    /// The elements; none if this is no array.
    pub fn as_array(&self) -> &[Value] {
        match self {
            Value::Array(array) => array,
            _ => &[],
        }
    }

    /// The entries, taken; none if this is no map.
    pub fn into_map(self) -> Map {
        match self {
            Value::Map(map) => map,
            _ => Map::new(),
        }
    }

    /// The elements, taken; none if this is no array.
    pub fn into_array(self) -> Vec<Value> {
        match self {
            Value::Array(array) => array,
            _ => Vec::new(),
        }
    }

    /// The text of a string or URI, and of nothing else; [`as_str`](Self::as_str) converts.
    pub fn text(&self) -> Option<&str> {
        match self {
            Value::String(text) | Value::Uri(text) => Some(text),
            _ => None,
        }
    }

    /// Whether this is [`Undefined`](Value::Undefined).
    pub fn is_undefined(&self) -> bool {
        matches!(self, Value::Undefined)
    }

    /// The word for its type, as the XML form names it.
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::Undefined => "undef",
            Value::Boolean(_) => "boolean",
            Value::Integer(_) => "integer",
            Value::Real(_) => "real",
            Value::Uuid(_) => "uuid",
            Value::String(_) => "string",
            Value::Binary(_) => "binary",
            Value::Date(_) => "date",
            Value::Uri(_) => "uri",
            Value::Map(_) => "map",
            Value::Array(_) => "array",
        }
    }

    /// Four bytes, big-endian: how events carry a U32. Viewers read an integer there as 0, stricter clients fail.
    pub fn from_u32_be(number: u32) -> Self {
        Value::Binary(number.to_be_bytes().to_vec())
    }

    /// Eight bytes, big-endian: how events carry a U64, region handles above all.
    pub fn from_u64_be(number: u64) -> Self {
        Value::Binary(number.to_be_bytes().to_vec())
    }

    /// Four bytes in network order: how events carry an address.
    pub fn from_ipv4(address: Ipv4Addr) -> Self {
        Value::Binary(address.octets().to_vec())
    }
}

impl Index<&str> for Value {
    type Output = Value;

    /// The entry of that name; undefined if there is none or this is no map.
    fn index(&self, key: &str) -> &Value {
        self.get(key).unwrap_or(&UNDEFINED)
    }
}

impl Index<usize> for Value {
    type Output = Value;

    /// The element at that place, counted from 0; undefined if there is none or this is no array.
    fn index(&self, index: usize) -> &Value {
        self.as_array().get(index).unwrap_or(&UNDEFINED)
    }
}

/// Makes a map: `map! { "AgentID" => id, "Port" => 9000 }`. Keys are anything that becomes a `String`, values anything
/// that becomes a [`Value`].
#[macro_export]
macro_rules! map {
    ($($key:expr => $value:expr),* $(,)?) => {
        $crate::Value::Map($crate::Map::from_iter([
            $((::std::string::String::from($key), $crate::Value::from($value))),*
        ]))
    };
}

/// Makes an array: `array![1, "two", 3.0]`.
#[macro_export]
macro_rules! array {
    ($($value:expr),* $(,)?) => {
        $crate::Value::Array(::std::vec![$($crate::Value::from($value)),*])
    };
}

macro_rules! from {
    ($($kind:ty: $value:ident => $made:expr;)*) => {$(
        impl From<$kind> for Value {
            fn from($value: $kind) -> Self {
                $made
            }
        }
    )*};
}

from! {
    (): _nothing => Value::Undefined;
    bool: value => Value::Boolean(value);
    i8: value => Value::Integer(value.into());
    i16: value => Value::Integer(value.into());
    i32: value => Value::Integer(value);
    u8: value => Value::Integer(value.into());
    u16: value => Value::Integer(value.into());
    f32: value => Value::Real(value.into());
    f64: value => Value::Real(value);
    Uuid: value => Value::Uuid(value);
    String: value => Value::String(value);
    &str: value => Value::String(value.to_owned());
    &String: value => Value::String(value.clone());
    Cow<'_, str>: value => Value::String(value.into_owned());
    Vec<u8>: value => Value::Binary(value);
    &[u8]: value => Value::Binary(value.to_vec());
    Date: value => Value::Date(value);
    Map: value => Value::Map(value);
    Vec<Value>: value => Value::Array(value);
}

impl From<u32> for Value {
    /// An integer with the same 32 bits, as permission masks are sent: from 0x8000_0000 on it is negative. In event
    /// bodies a U32 is [binary](Value::from_u32_be) instead.
    fn from(value: u32) -> Self {
        Value::Integer(value.cast_signed())
    }
}

impl From<usize> for Value {
    /// A count; one that an integer cannot hold becomes the largest that it can.
    fn from(value: usize) -> Self {
        Value::Integer(i32::try_from(value).unwrap_or(i32::MAX))
    }
}

impl<const N: usize> From<[u8; N]> for Value {
    fn from(value: [u8; N]) -> Self {
        Value::Binary(value.to_vec())
    }
}

impl<const N: usize> From<[f32; N]> for Value {
    /// An array of reals: a vector.
    fn from(value: [f32; N]) -> Self {
        value.into_iter().collect()
    }
}

impl<const N: usize> From<[f64; N]> for Value {
    /// An array of reals: a vector.
    fn from(value: [f64; N]) -> Self {
        value.into_iter().collect()
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    /// Undefined where there is nothing.
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Undefined, Into::into)
    }
}

impl<T: Into<Value>> FromIterator<T> for Value {
    /// An array.
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        Value::Array(values.into_iter().map(Into::into).collect())
    }
}
