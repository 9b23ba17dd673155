use crate::Value;
use crate::convert::write_base64;
use crate::number::write_real;
use std::fmt::Write;

/// The text of a value.
pub fn write(value: &Value) -> String {
    let mut out = String::new();
    write_into(value, &mut out);
    out
}

/// Appends the text of a value.
pub fn write_into(value: &Value, out: &mut String) {
    match value {
        Value::Undefined => out.push('!'),
        Value::Boolean(value) => out.push(if *value { '1' } else { '0' }),
        Value::Integer(value) => shown(out, format_args!("i{value}")),
        Value::Real(value) => {
            out.push('r');
            write_real(*value, out);
        }
        Value::Uuid(id) => shown(out, format_args!("u{}", id.hyphenated())),
        Value::String(text) => quoted('\'', text, out),
        Value::Binary(bytes) => {
            out.push_str("b64\"");
            write_base64(bytes, out);
            out.push('"');
        }
        Value::Date(date) => shown(out, format_args!("d\"{date}\"")),
        Value::Uri(text) => {
            out.push('l');
            quoted('"', text, out);
        }
        Value::Map(map) => {
            out.push('{');
            for (nth, (key, value)) in map.iter().enumerate() {
                if nth > 0 {
                    out.push_str(", ");
                }
                quoted('\'', key, out);
                out.push(':');
                write_into(value, out);
            }
            out.push('}');
        }
        Value::Array(array) => {
            out.push('[');
            for (nth, value) in array.iter().enumerate() {
                if nth > 0 {
                    out.push_str(", ");
                }
                write_into(value, out);
            }
            out.push(']');
        }
    }
}

fn shown(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("a String takes all that is written to it");
}

fn quoted(quote: char, text: &str, out: &mut String) {
    out.push(quote);
    for character in text.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => {
                out.push('\\');
                out.push(c);
            }
            c if c < ' ' => shown(out, format_args!("\\x{:02x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push(quote);
}
