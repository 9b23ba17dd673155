//! Single values and arrays of them as .NET's XML serializer has them.

use super::IDS_MAX;
use crate::Malformed;
use crate::text::FromText as _;
use llsd::markup::{Reader, escape};

/// What it declares on every root, used or not.
pub(super) const NAMESPACES: &str = " xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\" \
     xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"";

const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>";

pub(super) fn not_xml(error: llsd::ParseError) -> Malformed {
    Malformed::Xml(error.to_string())
}

/// `<string>`.
pub fn write_string(text: &str) -> String {
    single("string", text)
}

/// `<boolean>`.
pub fn write_boolean(value: bool) -> String {
    single("boolean", lower(value))
}

/// `<ArrayOfString>`.
pub fn write_strings<T: ToString>(texts: impl IntoIterator<Item = T>) -> String {
    array("ArrayOfString", "string", texts.into_iter().map(|text| text.to_string()))
}

/// `<ArrayOfBoolean>`.
pub fn write_booleans(values: &[bool]) -> String {
    array("ArrayOfBoolean", "boolean", values.iter().map(|value| lower(*value).to_owned()))
}

/// Unlike in the other answers, in small letters.
fn lower(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}

fn single(name: &str, text: &str) -> String {
    let mut out = format!("{DECLARATION}<{name}>");
    escape(text, &mut out);
    out + "</" + name + ">"
}

fn array(name: &str, element: &str, texts: impl Iterator<Item = String>) -> String {
    let mut out = format!("{DECLARATION}<{name}{NAMESPACES}>");
    for text in texts {
        out.extend(["<", element, ">"]);
        escape(&text, &mut out);
        out.extend(["</", element, ">"]);
    }
    out + "</" + name + ">"
}

/// Reads a `<string>`.
///
/// # Errors
/// It is none.
pub fn read_string(document: &[u8]) -> Result<String, Malformed> {
    let mut reader = Reader::new(document).map_err(not_xml)?;
    reader.root("string").map_err(not_xml)?;
    let text = reader.text().map_err(not_xml)?.into_owned();
    reader.finish().map_err(not_xml)?;
    Ok(text)
}

/// Reads a `<boolean>`.
///
/// # Errors
/// It is none.
pub fn read_boolean(document: &[u8]) -> Result<bool, Malformed> {
    let mut reader = Reader::new(document).map_err(not_xml)?;
    reader.root("boolean").map_err(not_xml)?;
    let text = reader.text().map_err(not_xml)?.into_owned();
    reader.finish().map_err(not_xml)?;
    bool::from_text(&text).ok_or(Malformed::odd("boolean"))
}

/// Reads an `<ArrayOfString>`.
///
/// # Errors
/// It is none, or has more than [`IDS_MAX`].
pub fn read_strings(document: &[u8]) -> Result<Vec<String>, Malformed> {
    read_array(document, "ArrayOfString", |text| Ok(text.to_owned()))
}

/// Reads an `<ArrayOfBoolean>`.
///
/// # Errors
/// It is none, or has more than [`IDS_MAX`].
pub fn read_booleans(document: &[u8]) -> Result<Vec<bool>, Malformed> {
    read_array(document, "ArrayOfBoolean", |text| bool::from_text(text).ok_or(Malformed::odd("boolean")))
}

fn read_array<T>(
    document: &[u8],
    name: &str,
    read: impl Fn(&str) -> Result<T, Malformed>,
) -> Result<Vec<T>, Malformed> {
    let mut reader = Reader::new(document).map_err(not_xml)?;
    reader.root(name).map_err(not_xml)?;
    let mut values = Vec::new();
    while reader.element().map_err(not_xml)?.is_some() {
        if values.len() == IDS_MAX {
            return Err(Malformed::TooMuch("values in an array"));
        }
        values.push(read(&reader.text().map_err(not_xml)?)?);
    }
    reader.finish().map_err(not_xml)?;
    Ok(values)
}
