//! Free conversion: a value is read as the type that is wanted, whatever it was sent as. Peers differ in what they
//! send (an id as string, a number as string, a truth as 0 or 1), so every reader of outside input asks this way.
//! What does not convert is the wanted type's zero value. The rules are the viewer's (fact sheet on capabilities, 1.1),
//! with OpenSimulator's where the viewer has none.

use crate::number::{parse_real, write_real};
use crate::{Date, Value};
use base64::Engine;
use std::borrow::Cow;
use std::net::Ipv4Addr;
use uuid::Uuid;

impl Value {
    /// As truth. Numbers: not zero. Strings: not empty, not `0`, not `false` (OpenSimulator writes `False`; a viewer
    /// would take any text that is not empty as true). Maps and arrays: not empty.
    pub fn as_bool(&self) -> bool {
        match self {
            Value::Boolean(value) => *value,
            Value::Integer(value) => *value != 0,
            Value::Real(value) => *value != 0.0 && !value.is_nan(),
            Value::String(text) => {
                let text = text.trim();
                !(text.is_empty() || text == "0" || text.eq_ignore_ascii_case("false"))
            }
            Value::Map(map) => !map.is_empty(),
            Value::Array(array) => !array.is_empty(),
            _ => false,
        }
    }

    /// As an integer of 32 bits. Reals and strings of reals lose their fraction and stop at the ends of the range; a
    /// date gives seconds since the Unix epoch; binary of one to eight bytes is a big-endian number, and so is an array of
    /// that many bytes, which is how OSD-JSON writes it.
    pub fn as_i32(&self) -> i32 {
        match self {
            Value::Integer(value) => *value,
            Value::Binary(_) | Value::Array(_) => self.big_endian().map_or(0, |number| number as i32),
            other => other.number().map_or(0, |number| number.clamp(i32::MIN.into(), i32::MAX.into()) as i32),
        }
    }

    /// As an unsigned integer of 32 bits: four bytes of binary, a string of digits, or an integer, whose bits are
    /// taken as they are (permission masks are sent as negative integers). Other numbers stop at the ends of the range.
    pub fn as_u32(&self) -> u32 {
        match self {
            Value::Integer(value) => value.cast_unsigned(),
            Value::Binary(_) | Value::Array(_) => self.big_endian().map_or(0, |number| number as u32),
            other => other.number().map_or(0, |number| number.clamp(0, u32::MAX.into()) as u32),
        }
    }

    /// As an integer of 64 bits: a number, a string of digits, or binary, big-endian.
    pub fn as_i64(&self) -> i64 {
        match self {
            Value::Binary(_) | Value::Array(_) => self.big_endian().map_or(0, u64::cast_signed),
            other => other.number().map_or(0, |number| number.clamp(i64::MIN.into(), i64::MAX.into()) as i64),
        }
    }

    /// As an unsigned integer of 64 bits, region handles above all: binary, big-endian, a string of digits, or a
    /// number that is not negative.
    pub fn as_u64(&self) -> u64 {
        match self {
            Value::Binary(_) | Value::Array(_) => self.big_endian().unwrap_or(0),
            other => other.number().map_or(0, |number| number.clamp(0, u64::MAX.into()) as u64),
        }
    }

    /// As a double.
    pub fn as_f64(&self) -> f64 {
        match self {
            Value::Boolean(value) => f64::from(u8::from(*value)),
            Value::Integer(value) => f64::from(*value),
            Value::Real(value) => *value,
            Value::String(text) => parse_real(text).unwrap_or(0.0),
            Value::Date(date) => date.secs_f64(),
            _ => 0.0,
        }
    }

    /// As a float.
    pub fn as_f32(&self) -> f32 {
        self.as_f64() as f32
    }

    /// As an id; null if it is none. Binary of 16 bytes is an id's bytes.
    pub fn as_uuid(&self) -> Uuid {
        match self {
            Value::Uuid(id) => *id,
            Value::String(text) => parse_uuid(text).unwrap_or_default(),
            Value::Binary(bytes) => Uuid::from_slice(bytes).unwrap_or_default(),
            _ => Uuid::nil(),
        }
    }

    /// As text. True is `true`, false is empty, as in the viewer; binary, maps and arrays are empty.
    pub fn as_str(&self) -> Cow<'_, str> {
        match self {
            Value::String(text) | Value::Uri(text) => Cow::Borrowed(text),
            Value::Boolean(true) => Cow::Borrowed("true"),
            Value::Integer(value) => Cow::Owned(value.to_string()),
            Value::Real(value) => {
                let mut text = String::new();
                write_real(*value, &mut text);
                Cow::Owned(text)
            }
            Value::Uuid(id) => Cow::Owned(id.to_string()),
            Value::Date(date) => Cow::Owned(date.to_string()),
            _ => Cow::Borrowed(""),
        }
    }

    /// As bytes: of binary, of an array of numbers (OpenSimulator's JSON has no other way), or of a string in base64.
    pub fn as_binary(&self) -> Cow<'_, [u8]> {
        match self {
            Value::Binary(bytes) => Cow::Borrowed(bytes),
            Value::Array(array) => Cow::Owned(array.iter().map(|value| value.as_i32() as u8).collect()),
            Value::String(text) => Cow::Owned(parse_base64(text).unwrap_or_default()),
            Value::Uuid(id) => Cow::Borrowed(id.as_bytes()),
            _ => Cow::Borrowed(&[]),
        }
    }

    /// As a date: of its text, or of a number of seconds since the Unix epoch.
    pub fn as_date(&self) -> Date {
        match self {
            Value::Date(date) => *date,
            Value::String(text) => Date::parse(text).unwrap_or_default(),
            Value::Integer(secs) => Date::from_secs((*secs).into()),
            Value::Real(secs) => Date::from_secs_f64(*secs),
            _ => Date::default(),
        }
    }

    /// As an address: of four bytes of binary, or of its text. `None` if it is none.
    pub fn as_ipv4(&self) -> Option<Ipv4Addr> {
        match self {
            Value::Binary(bytes) => <[u8; 4]>::try_from(bytes.as_slice()).ok().map(Ipv4Addr::from),
            other => other.text()?.trim().parse().ok(),
        }
    }

    /// As a vector: the elements of an array of `N` numbers. `None` if it has another length.
    pub fn as_reals<const N: usize>(&self) -> Option<[f64; N]> {
        let array: &[Value; N] = self.as_array().try_into().ok()?;
        Some(array.each_ref().map(Value::as_f64))
    }

    /// The whole number in it, if there is one; wide enough for U64 and S64. Not of binary.
    pub(crate) fn number(&self) -> Option<i128> {
        match self {
            Value::Boolean(value) => Some((*value).into()),
            Value::Integer(value) => Some((*value).into()),
            Value::Real(value) => Some(*value as i128),
            Value::String(text) => {
                let text = text.trim();
                text.parse().ok().or_else(|| parse_real(text).map(|real| real as i128))
            }
            Value::Date(date) => Some(date.secs().into()),
            _ => None,
        }
    }

    /// The number in one to eight bytes, which are binary or an array.
    pub(crate) fn big_endian(&self) -> Option<u64> {
        let few = 1..=8;
        let append = |number: u64, byte: u8| number << 8 | u64::from(byte);
        match self {
            Value::Binary(bytes) if few.contains(&bytes.len()) => Some(bytes.iter().copied().fold(0, append)),
            Value::Array(array) if few.contains(&array.len()) => {
                array.iter().try_fold(0, |number, byte| match byte {
                    Value::Integer(byte) => u8::try_from(*byte).ok().map(|byte| append(number, byte)),
                    _ => None,
                })
            }
            _ => None,
        }
    }
}

/// An id's text, with or without dashes and braces.
pub(crate) fn parse_uuid(text: &str) -> Option<Uuid> {
    Uuid::try_parse(text.trim()).ok()
}

/// Base64 with or without padding; white space in it does not count.
pub(crate) fn parse_base64(text: &str) -> Option<Vec<u8>> {
    const ENGINE: base64::engine::GeneralPurpose = base64::engine::GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        base64::engine::GeneralPurposeConfig::new()
            .with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent)
            .with_decode_allow_trailing_bits(true),
    );
    let text = text.trim();
    if text.contains(|c: char| c.is_ascii_whitespace()) {
        let text: String = text.split_ascii_whitespace().collect();
        return ENGINE.decode(text).ok();
    }
    ENGINE.decode(text).ok()
}

/// Appends base64 on one line.
pub(crate) fn write_base64(bytes: &[u8], out: &mut String) {
    base64::engine::general_purpose::STANDARD.encode_string(bytes, out);
}

/// Pairs of hexadecimal digits; white space between them does not count.
pub(crate) fn parse_base16(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 2);
    let mut high = None;
    for character in text.chars().filter(|c| !c.is_ascii_whitespace()) {
        let digit = character.to_digit(16)? as u8;
        match high.take() {
            None => high = Some(digit),
            Some(high) => bytes.push(high << 4 | digit),
        }
    }
    high.is_none().then_some(bytes)
}

#[cfg(test)]
mod tests;
