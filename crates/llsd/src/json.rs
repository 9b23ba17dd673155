//! OSD-JSON: the JSON that OpenSimulator's simulators speak with one another (fact sheet on the simulation service,
//! 1.2).
//!
//! JSON has fewer types, so this form does not give back what was put in, but what converts to it: ids, dates and URIs
//! are strings, binary is an array of numbers, undefined in an array is `null`. A number with a point or an exponent is
//! a real, any other an integer; one too large for 32 bits is read as a string of its digits (peers send U32 and U64
//! as strings anyway; so must we). Reals that JSON cannot write become 0.
//!
//! Peers leave entries out of maps whose value is a default (false, 0, empty text, the null id, undefined, an empty
//! map), and read a missing entry as just that. [`write()`] does the same, [`write_with_defaults`] does not: the answers
//! to QUERYACCESS have them.

use crate::limits::{BYTES_MAX, Budget};
use crate::number::write_real;
use crate::{Map, ParseError, Value};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::fmt::{self, Write};

/// Reads a document.
///
/// # Errors
/// Not JSON, or over the [limits](crate::limits).
pub fn parse(document: impl AsRef<[u8]>) -> Result<Value, ParseError> {
    parse_up_to(BYTES_MAX, document)
}

/// Reads a document that may be longer or must be shorter than [the usual](BYTES_MAX): an agent that is sent to another
/// simulator carries its attachments with it.
///
/// # Errors
/// Not JSON, longer than `bytes_max`, or over the other [limits](crate::limits).
pub fn parse_up_to(bytes_max: usize, document: impl AsRef<[u8]>) -> Result<Value, ParseError> {
    let document = document.as_ref();
    let mut budget = Budget::for_document_up_to(bytes_max, document.len())?;
    let mut deserializer = serde_json::Deserializer::from_slice(document);
    Seed(&mut budget)
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value))
        .map_err(|error| described(&error, document))
}

/// The document of a value; defaults are left out of its maps.
pub fn write(value: &Value) -> String {
    let mut out = String::new();
    Writer { out: &mut out, with_defaults: false }.value(value);
    out
}

/// The document of a value, with all that its maps hold.
pub fn write_with_defaults(value: &Value) -> String {
    let mut out = String::new();
    Writer { out: &mut out, with_defaults: true }.value(value);
    out
}

fn described(error: &serde_json::Error, document: &[u8]) -> ParseError {
    let lines: usize = document
        .split_inclusive(|byte| *byte == b'\n')
        .take(error.line().saturating_sub(1))
        .map(<[u8]>::len)
        .sum();
    let mut what = error.to_string();
    what.truncate(what.find(" at line ").unwrap_or(what.len()));
    ParseError::new((lines + error.column()).min(document.len()), what)
}

struct Seed<'a>(&'a mut Budget);

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Seed<'_> {
    fn within<E: Error>(result: Result<(), ParseError>) -> Result<(), E> {
        result.map_err(|error| E::custom(error.what))
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Undefined)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Boolean(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(i32::try_from(value).map_or_else(|_| Value::String(value.to_string()), Value::Integer))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(i32::try_from(value).map_or_else(|_| Value::String(value.to_string()), Value::Integer))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Real(value))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        Self::within(self.0.enter(0))?;
        let mut array = Vec::new();
        while let Some(value) = elements.next_element_seed(Seed(self.0))? {
            Self::within(self.0.value(0))?;
            array.push(value);
        }
        self.0.leave();
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        Self::within(self.0.enter(0))?;
        let mut map = Map::new();
        while let Some(key) = entries.next_key()? {
            Self::within(self.0.value(0))?;
            map.insert(key, entries.next_value_seed(Seed(self.0))?);
        }
        self.0.leave();
        Ok(Value::Map(map))
    }
}

/// Whether readers take a missing entry for this value.
fn is_default(value: &Value) -> bool {
    match value {
        Value::Undefined => true,
        Value::Boolean(value) => !value,
        Value::Integer(value) => *value == 0,
        Value::Real(value) => *value == 0.0,
        Value::Uuid(id) => id.is_nil(),
        Value::String(text) => text.is_empty(),
        Value::Map(map) => map.is_empty(),
        Value::Binary(_) | Value::Date(_) | Value::Uri(_) | Value::Array(_) => false,
    }
}

struct Writer<'a> {
    out: &'a mut String,
    with_defaults: bool,
}

impl Writer<'_> {
    fn value(&mut self, value: &Value) {
        match value {
            Value::Undefined => self.out.push_str("null"),
            Value::Boolean(value) => self.shown(value),
            Value::Integer(value) => self.shown(value),
            Value::Real(value) => self.real(*value),
            Value::Uuid(id) => self.shown(format_args!("\"{}\"", id.hyphenated())),
            Value::String(text) | Value::Uri(text) => self.text(text),
            Value::Date(date) => self.shown(format_args!("\"{date}\"")),
            Value::Binary(bytes) => self.list(bytes, |writer, byte| writer.shown(byte)),
            Value::Array(array) => self.list(array, Self::value),
            Value::Map(map) => {
                let (mut first, all) = (true, self.with_defaults);
                self.out.push('{');
                for (key, value) in map.iter().filter(|(_, value)| all || !is_default(value)) {
                    if !std::mem::take(&mut first) {
                        self.out.push(',');
                    }
                    self.text(key);
                    self.out.push(':');
                    self.value(value);
                }
                self.out.push('}');
            }
        }
    }

    fn list<T>(&mut self, items: &[T], mut write: impl FnMut(&mut Self, &T)) {
        self.out.push('[');
        for (nth, item) in items.iter().enumerate() {
            if nth > 0 {
                self.out.push(',');
            }
            write(self, item);
        }
        self.out.push(']');
    }

    fn real(&mut self, value: f64) {
        let start = self.out.len();
        write_real(if value.is_finite() { value } else { 0.0 }, self.out);
        // Without it the peer reads an integer.
        if !self.out[start..].contains(['.', 'e']) {
            self.out.push_str(".0");
        }
    }

    /// In ASCII, as peers write it.
    fn text(&mut self, text: &str) {
        self.out.push('"');
        for character in text.chars() {
            match character {
                '"' => self.out.push_str("\\\""),
                '\\' => self.out.push_str("\\\\"),
                '\n' => self.out.push_str("\\n"),
                '\r' => self.out.push_str("\\r"),
                '\t' => self.out.push_str("\\t"),
                ' '..='~' => self.out.push(character),
                _ => {
                    for unit in character.encode_utf16(&mut [0; 2]) {
                        self.shown(format_args!("\\u{unit:04X}"));
                    }
                }
            }
        }
        self.out.push('"');
    }

    fn shown(&mut self, text: impl fmt::Display) {
        write!(self.out, "{text}").expect("a String takes all that is written to it");
    }
}

#[cfg(test)]
mod tests;
