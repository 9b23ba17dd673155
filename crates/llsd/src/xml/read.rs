use crate::convert::{parse_base16, parse_base64, parse_uuid};
use crate::limits::Budget;
use crate::markup::{Element, Reader};
use crate::number::parse_real;
use crate::{Date, Map, ParseError, Value};

/// Reads a document: `<llsd>` with one value; without one it is undefined.
///
/// # Errors
/// Not XML, no `<llsd>`, broken base64, or over the [limits](crate::limits).
pub fn parse(document: impl AsRef<[u8]>) -> Result<Value, ParseError> {
    let document = document.as_ref();
    let mut budget = Budget::for_document(document.len())?;
    let mut reader = Reader::new(document)?;
    reader.root("llsd")?;
    let mut root = Value::Undefined;
    while let Some(element) = reader.element()? {
        if let Some(value) = value(&mut reader, element, &mut budget)? {
            root = value;
            reader.skip()?;
            break;
        }
    }
    reader.finish()?;
    Ok(root)
}

/// The value of an element that was entered; leaves it. `None` for an element that is no value.
fn value(
    reader: &mut Reader<'_>,
    element: Element<'_>,
    budget: &mut Budget,
) -> Result<Option<Value>, ParseError> {
    budget.value(element.position)?;
    Ok(Some(match element.name {
        "map" => map(reader, element.position, budget)?,
        "array" => {
            budget.enter(element.position)?;
            let mut array = Vec::new();
            while let Some(element) = reader.element()? {
                array.extend(value(reader, element, budget)?);
            }
            budget.leave();
            Value::Array(array)
        }
        "undef" => {
            reader.skip()?;
            Value::Undefined
        }
        "boolean" => Value::Boolean(Value::String(reader.text()?.into_owned()).as_bool()),
        "integer" => Value::Integer(integer(&reader.text()?)),
        "real" => Value::Real(parse_real(&reader.text()?).unwrap_or(0.0)),
        "uuid" => Value::Uuid(parse_uuid(&reader.text()?).unwrap_or_default()),
        "string" => Value::String(reader.text()?.into_owned()),
        "uri" => Value::Uri(reader.text()?.into_owned()),
        "date" => Value::Date(Date::parse(&reader.text()?).unwrap_or_default()),
        "binary" => {
            let text = reader.text()?;
            let bytes = match element.attribute("encoding") {
                None | Some("base64") => parse_base64(&text),
                Some("base16") => parse_base16(&text),
                Some(_) => None,
            };
            Value::Binary(
                bytes.ok_or_else(|| ParseError::new(element.position, "binary that cannot be decoded"))?,
            )
        }
        _ => {
            reader.skip()?;
            return Ok(None);
        }
    }))
}

fn map(reader: &mut Reader<'_>, position: usize, budget: &mut Budget) -> Result<Value, ParseError> {
    budget.enter(position)?;
    let mut map = Map::new();
    let mut key = None;
    while let Some(element) = reader.element()? {
        if element.name == "key" {
            key = Some(reader.text()?.into_owned());
        } else if let Some(value) = value(reader, element, budget)?
            && let Some(key) = key.take()
        {
            map.insert(key, value);
        }
    }
    budget.leave();
    Ok(Value::Map(map))
}

/// An integer's text. One that only fits unsigned keeps its 32 bits: peers write flags so.
fn integer(text: &str) -> i32 {
    let text = text.trim();
    if let Ok(number) = text.parse::<i32>() {
        return number;
    }
    match text.parse::<u32>() {
        Ok(number) => number.cast_signed(),
        Err(_) => parse_real(text).unwrap_or(0.0) as i32,
    }
}
