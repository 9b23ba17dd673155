//! LLSD as binary, `application/llsd+binary`: one letter for the type, then the value; numbers big-endian.
//!
//! Dates are the exception: viewers write their double in the host's byte order, which is little-endian wherever one
//! runs, and so does this. A header line is accepted and not written.

use crate::header::without_header;
use crate::limits::Budget;
use crate::{Date, Map, ParseError, Value};
use uuid::Uuid;

/// The line before a document that may also be in another form: files, and bodies without content type.
pub const HEADER: &str = "<? llsd/binary ?>\n";

/// Reads a document, with or without its header line. White space and zeros may follow the value.
///
/// # Errors
/// Truncated, an unknown type, text that is not UTF-8, or over the [limits](crate::limits).
pub fn parse(document: impl AsRef<[u8]>) -> Result<Value, ParseError> {
    let document = document.as_ref();
    let budget = Budget::for_document(document.len())?;
    let at = without_header(document, "llsd/binary");
    let mut reader = Reader { document, at, budget };
    let value = reader.value()?;
    if document[reader.at..].iter().any(|byte| !byte.is_ascii_whitespace() && *byte != 0) {
        return Err(reader.error("more than one value"));
    }
    Ok(value)
}

/// The document of a value, without header line.
///
/// # Panics
/// If a string, map or array in it is longer than 4 GB or 4 billion entries.
pub fn write(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    write_into(value, &mut out);
    out
}

/// Appends the document of a value, without header line.
///
/// # Panics
/// As [`write()`].
pub fn write_into(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Undefined => out.push(b'!'),
        Value::Boolean(value) => out.push(if *value { b'1' } else { b'0' }),
        Value::Integer(value) => tagged(b'i', &value.to_be_bytes(), out),
        Value::Real(value) => tagged(b'r', &value.to_be_bytes(), out),
        Value::Uuid(id) => tagged(b'u', id.as_bytes(), out),
        Value::String(text) => counted(b's', text.as_bytes(), out),
        Value::Binary(bytes) => counted(b'b', bytes, out),
        Value::Date(date) => tagged(b'd', &date.secs_f64().to_le_bytes(), out),
        Value::Uri(text) => counted(b'l', text.as_bytes(), out),
        Value::Map(map) => {
            count(b'{', map.len(), out);
            for (key, value) in map {
                counted(b'k', key.as_bytes(), out);
                write_into(value, out);
            }
            out.push(b'}');
        }
        Value::Array(array) => {
            count(b'[', array.len(), out);
            for value in array {
                write_into(value, out);
            }
            out.push(b']');
        }
    }
}

fn tagged(tag: u8, bytes: &[u8], out: &mut Vec<u8>) {
    out.push(tag);
    out.extend_from_slice(bytes);
}

fn count(tag: u8, count: usize, out: &mut Vec<u8>) {
    let count = u32::try_from(count).expect("what is in memory to be sent has no 4 billion parts");
    tagged(tag, &count.to_be_bytes(), out);
}

fn counted(tag: u8, bytes: &[u8], out: &mut Vec<u8>) {
    count(tag, bytes.len(), out);
    out.extend_from_slice(bytes);
}

struct Reader<'a> {
    document: &'a [u8],
    at: usize,
    budget: Budget,
}

impl<'a> Reader<'a> {
    fn error(&self, what: &'static str) -> ParseError {
        ParseError::new(self.at, what)
    }

    fn bytes(&mut self, count: usize) -> Result<&'a [u8], ParseError> {
        let bytes = self.document[self.at..].get(..count).ok_or_else(|| self.error("truncated"))?;
        self.at += count;
        Ok(bytes)
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], ParseError> {
        let bytes = self.document[self.at..].first_chunk().ok_or_else(|| self.error("truncated"))?;
        self.at += N;
        Ok(*bytes)
    }

    /// A count of things of at least that many bytes each: more than the rest can hold are not believed.
    fn count(&mut self, bytes_each: usize) -> Result<usize, ParseError> {
        let count = u32::from_be_bytes(self.fixed()?) as usize;
        if count > (self.document.len() - self.at) / bytes_each {
            return Err(self.error("count beyond the end"));
        }
        Ok(count)
    }

    fn text(&mut self) -> Result<String, ParseError> {
        let length = self.count(1)?;
        let bytes = self.bytes(length)?;
        let text = core::str::from_utf8(bytes)
            .map_err(|error| ParseError::new(self.at - length + error.valid_up_to(), "not UTF-8"))?;
        Ok(text.to_owned())
    }

    fn expect(&mut self, tag: u8, what: &'static str) -> Result<(), ParseError> {
        if self.document.get(self.at) != Some(&tag) {
            return Err(self.error(what));
        }
        self.at += 1;
        Ok(())
    }

    fn value(&mut self) -> Result<Value, ParseError> {
        self.budget.value(self.at)?;
        let tag = self.fixed::<1>()?[0];
        Ok(match tag {
            b'!' => Value::Undefined,
            b'1' => Value::Boolean(true),
            b'0' => Value::Boolean(false),
            b'i' => Value::Integer(i32::from_be_bytes(self.fixed()?)),
            b'r' => Value::Real(f64::from_be_bytes(self.fixed()?)),
            b'u' => Value::Uuid(Uuid::from_bytes(self.fixed()?)),
            b's' => Value::String(self.text()?),
            b'l' => Value::Uri(self.text()?),
            b'b' => {
                let length = self.count(1)?;
                Value::Binary(self.bytes(length)?.to_vec())
            }
            b'd' => Value::Date(Date::from_secs_f64(f64::from_le_bytes(self.fixed()?))),
            b'[' => {
                self.budget.enter(self.at)?;
                let count = self.count(1)?;
                let mut array = Vec::new();
                for _ in 0..count {
                    array.push(self.value()?);
                }
                self.expect(b']', "array without end")?;
                self.budget.leave();
                Value::Array(array)
            }
            b'{' => {
                self.budget.enter(self.at)?;
                // A key's letter and length, and a value's letter.
                let count = self.count(6)?;
                let mut map = Map::new();
                for _ in 0..count {
                    self.expect(b'k', "no key")?;
                    let key = self.text()?;
                    map.insert(key, self.value()?);
                }
                self.expect(b'}', "map without end")?;
                self.budget.leave();
                Value::Map(map)
            }
            _ => return Err(ParseError::new(self.at - 1, "unknown type")),
        })
    }
}

#[cfg(test)]
mod tests;
