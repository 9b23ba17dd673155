use crate::convert::write_base64;
use crate::markup::escape;
use crate::{Value, map};
use std::fmt::{Display, Write};

const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>";

/// The document of a call.
pub fn write_call(method: &str, params: &[Value]) -> String {
    let mut out = String::from(DECLARATION);
    out.push_str("<methodCall><methodName>");
    escape(method, &mut out);
    out.push_str("</methodName><params>");
    for value in params {
        out.push_str("<param>");
        write_value(value, &mut out);
        out.push_str("</param>");
    }
    out.push_str("</params></methodCall>");
    out
}

/// The document of a response with this value.
pub fn write_response(value: &Value) -> String {
    let mut out = String::from(DECLARATION);
    out.push_str("<methodResponse><params><param>");
    write_value(value, &mut out);
    out.push_str("</param></params></methodResponse>");
    out
}

/// The document of a response that says that the call failed. Not for refused logins: viewers show a fault as a broken
/// connection; they want a struct with `login` = `false`.
pub fn write_fault(code: i32, text: &str) -> String {
    let mut out = String::from(DECLARATION);
    out.push_str("<methodResponse><fault>");
    write_value(&map! { "faultCode" => code, "faultString" => text }, &mut out);
    out.push_str("</fault></methodResponse>");
    out
}

fn write_value(value: &Value, out: &mut String) {
    out.push_str("<value>");
    match value {
        Value::Undefined => out.push_str("<string></string>"),
        Value::Boolean(value) => shown(out, "boolean", u8::from(*value)),
        Value::Integer(value) => shown(out, "int", value),
        // The specification knows neither exponents nor infinities.
        Value::Real(value) => shown(out, "double", if value.is_finite() { *value } else { 0.0 }),
        Value::Uuid(id) => shown(out, "string", id.hyphenated()),
        Value::String(text) | Value::Uri(text) => {
            out.push_str("<string>");
            escape(text, out);
            out.push_str("</string>");
        }
        Value::Binary(bytes) => {
            out.push_str("<base64>");
            write_base64(bytes, out);
            out.push_str("</base64>");
        }
        Value::Date(date) => {
            let [year, month, day, hour, minute, second] = date.civil();
            let text = format_args!("{year:04}{month:02}{day:02}T{hour:02}:{minute:02}:{second:02}");
            shown(out, "dateTime.iso8601", text);
        }
        Value::Map(map) => {
            out.push_str("<struct>");
            for (name, value) in map {
                out.push_str("<member><name>");
                escape(name, out);
                out.push_str("</name>");
                write_value(value, out);
                out.push_str("</member>");
            }
            out.push_str("</struct>");
        }
        Value::Array(array) => {
            out.push_str("<array><data>");
            for value in array {
                write_value(value, out);
            }
            out.push_str("</data></array>");
        }
    }
    out.push_str("</value>");
}

fn shown(out: &mut String, name: &str, text: impl Display) {
    write!(out, "<{name}>{text}</{name}>").expect("a String takes all that is written to it");
}
