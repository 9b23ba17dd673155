use crate::Value;
use crate::convert::write_base64;
use crate::markup::escape;
use crate::number::write_real;
use std::fmt::Write;

/// The document of a value.
pub fn write(value: &Value) -> String {
    let mut out = String::new();
    write_into(value, &mut out);
    out
}

/// Appends the document of a value.
pub fn write_into(value: &Value, out: &mut String) {
    out.push_str("<llsd>");
    write_value(value, out);
    out.push_str("</llsd>");
}

/// Appends a value's element alone, without `<llsd>`: for documents that are put together from pieces, as the answers
/// of the event queue are.
pub fn write_value(value: &Value, out: &mut String) {
    match value {
        Value::Undefined => out.push_str("<undef />"),
        Value::Boolean(true) => out.push_str("<boolean>true</boolean>"),
        Value::Boolean(false) => out.push_str("<boolean>false</boolean>"),
        Value::Integer(value) => shown(out, "integer", value),
        Value::Real(value) => {
            out.push_str("<real>");
            write_real(*value, out);
            out.push_str("</real>");
        }
        Value::Uuid(id) => shown(out, "uuid", id.hyphenated()),
        Value::String(text) => {
            out.push_str("<string>");
            escape(text, out);
            out.push_str("</string>");
        }
        Value::Binary(bytes) => {
            out.push_str("<binary encoding=\"base64\">");
            write_base64(bytes, out);
            out.push_str("</binary>");
        }
        Value::Date(date) => shown(out, "date", date),
        Value::Uri(text) => {
            out.push_str("<uri>");
            escape(text, out);
            out.push_str("</uri>");
        }
        Value::Map(map) => {
            out.push_str("<map>");
            for (key, value) in map {
                out.push_str("<key>");
                escape(key, out);
                out.push_str("</key>");
                write_value(value, out);
            }
            out.push_str("</map>");
        }
        Value::Array(array) => {
            out.push_str("<array>");
            for value in array {
                write_value(value, out);
            }
            out.push_str("</array>");
        }
    }
}

fn shown(out: &mut String, name: &str, text: impl std::fmt::Display) {
    write!(out, "<{name}>{text}</{name}>").expect("a String takes all that is written to it");
}
