use crate::header::without_header;
use crate::{ParseError, Value, binary, json, notation, xml};

/// Reads a body in whichever form it is: what a header line in it says, else what the content type says, else what it
/// looks like. Clients are careless with content types, and OpenSimulator is with forms.
///
/// An empty body is undefined.
///
/// # Errors
/// Those of the form's own `parse`.
pub fn parse_any(content_type: Option<&str>, body: &[u8]) -> Result<Value, ParseError> {
    if body.trim_ascii().is_empty() {
        return Ok(Value::Undefined);
    }
    match form(content_type, body) {
        Form::Xml => xml::parse(body),
        Form::Binary => binary::parse(body),
        Form::Notation => notation::parse(body),
        Form::Json => json::parse(body),
        // What both can be means the same in both, save that a bare 1 or 0 is a boolean in notation.
        Form::JsonOrNotation => json::parse(body).or_else(|error| notation::parse(body).map_err(|_| error)),
    }
}

#[derive(Debug, PartialEq)]
enum Form {
    Xml,
    Binary,
    Notation,
    Json,
    JsonOrNotation,
}

fn form(content_type: Option<&str>, body: &[u8]) -> Form {
    if without_header(body, "llsd/binary") > 0 {
        return Form::Binary;
    }
    if without_header(body, "llsd/notation") > 0 {
        return Form::Notation;
    }
    let start = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body).trim_ascii_start();
    if start.first() == Some(&b'<') {
        return Form::Xml;
    }
    let content_type = content_type.unwrap_or_default().to_ascii_lowercase();
    for (word, form) in [("binary", Form::Binary), ("notation", Form::Notation), ("json", Form::Json)] {
        if content_type.contains(word) {
            return form;
        }
    }
    match body {
        // A count of fewer than 16 million.
        [b'{' | b'[', 0, ..] => Form::Binary,
        _ => Form::JsonOrNotation,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{array, map};

    fn check(content_type: Option<&str>, body: &[u8], expected: &Value) {
        assert_eq!(parse_any(content_type, body).as_ref(), Ok(expected), "{content_type:?} {body:?}");
    }

    #[test]
    fn the_form_is_found() {
        let value = map! { "a" => array![1, 2.5, "three"] };
        let xml = xml::write(&value);
        let json = json::write(&value);
        let notation = notation::write(&value);
        let binary = binary::write(&value);
        let with_header = |header: &str, body: &[u8]| [header.as_bytes(), body].concat();

        for content_type in [None, Some("application/octet-stream"), Some("")] {
            check(content_type, xml.as_bytes(), &value);
            check(content_type, format!("\u{feff}\n<?xml version='1.0'?>{xml}").as_bytes(), &value);
            check(content_type, json.as_bytes(), &value);
            check(content_type, notation.as_bytes(), &value);
            check(content_type, &binary, &value);
        }
        check(Some("application/llsd+notation; charset=utf-8"), notation.as_bytes(), &value);
        check(Some("application/llsd+binary"), &binary, &value);
        check(Some("application/json"), json.as_bytes(), &value);
        // The body knows better.
        check(Some("application/llsd+xml"), &with_header(binary::HEADER, &binary), &value);
        check(Some("application/llsd+xml"), &with_header("<?LLSD/Binary?>\r\n", &binary), &value);
        check(Some("application/json"), &with_header(notation::HEADER, notation.as_bytes()), &value);
        check(Some("application/llsd+binary"), xml.as_bytes(), &value);
        check(Some("application/llsd+xml"), b" \n", &Value::Undefined);
    }

    #[test]
    fn scalars_without_form_are_read() {
        check(None, b"true", &Value::Boolean(true));
        check(None, b"True", &Value::Boolean(true));
        check(None, b"false", &Value::Boolean(false));
        check(None, b"i5", &Value::Integer(5));
        assert!(parse_any(None, b"Bad request").is_err());
    }
}
