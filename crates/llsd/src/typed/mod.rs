//! Rust types as LLSD and back, by serde.
//!
//! - Structs and maps become maps, sequences and tuples arrays, `None` undefined, enums what serde makes of them (a
//!   string, or a map with one entry).
//! - `Uuid`, and ids made of one, are uuids: this is no human-readable format, so they come as 16 bytes, and 16 bytes
//!   are taken for an id. Binary is therefore [`Binary`], which stays binary at any length. `Vec<u8>` without it is an
//!   array of integers, which is what OSD-JSON wants.
//! - [`Date`] is a date, and [`Value`] any value, each kept as it is.
//! - Integers that need more than 32 bits with sign are strings of their digits, the others integers. Event bodies,
//!   where U32 and U64 are binary, are made with [`Value::from_u32_be`] and its like.
//!
//! Reading converts as [`Value`] does, numbers from strings and so on; but what cannot be converted is an error here,
//! not a zero. Undefined is zero or empty, and a missing entry is what the type says (`#[serde(default)]`).

mod de;
mod ser;

use crate::{Date, Value};
use serde::de::{Deserialize, Deserializer, Visitor};
use serde::{Serialize, Serializer};
use std::fmt;

const BINARY: &str = "$llsd::Binary";
const DATE: &str = "$llsd::Date";
/// Also in the attribute of [`Value`], whose variants go by their names.
const VALUE: &str = "$llsd::Value";

/// A type that does not fit LLSD, or a value that does not fit the type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConversionError(String);

impl serde::ser::Error for ConversionError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

impl serde::de::Error for ConversionError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

/// A Rust value as LLSD.
///
/// # Errors
/// A map whose keys are no scalars, or what the type itself refuses.
pub fn to_value<T: Serialize + ?Sized>(value: &T) -> Result<Value, ConversionError> {
    value.serialize(ser::ToValue)
}

/// LLSD as a Rust value.
///
/// # Errors
/// An entry that is missing or cannot be converted.
pub fn from_value<T: serde::de::DeserializeOwned>(value: Value) -> Result<T, ConversionError> {
    T::deserialize(de::FromValue(value))
}

/// Bytes that are binary in LLSD, whatever their number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Binary(pub Vec<u8>);

impl Serialize for Binary {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(BINARY, &self.0)
    }
}

impl<'de> Deserialize<'de> for Binary {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(BINARY, Inner("binary", Binary))
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(DATE, &self.micros())
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(DATE, Inner("a date", Date::from_micros))
    }
}

/// What a newtype holds, made into it.
struct Inner<T, U>(&'static str, fn(T) -> U);

impl<'de, T: Deserialize<'de>, U> Visitor<'de> for Inner<T, U> {
    type Value = U;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<U, D::Error> {
        T::deserialize(deserializer).map(self.1)
    }
}

#[cfg(test)]
mod tests;
