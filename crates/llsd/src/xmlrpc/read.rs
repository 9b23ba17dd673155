use crate::convert::parse_base64;
use crate::limits::Budget;
use crate::markup::{Content, Element, Reader};
use crate::number::parse_real;
use crate::{Date, Map, ParseError, Value};

/// A method that is called.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// Its name.
    pub method: String,
    /// What it is given.
    pub params: Vec<Value>,
}

/// A response without a value.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ResponseError {
    /// The other side says that the call failed.
    #[error("fault {code}: {text}")]
    Fault {
        /// Its number for the failure.
        code: i32,
        /// Its words for it.
        text: String,
    },
    /// This is no response.
    #[error(transparent)]
    Malformed(#[from] ParseError),
}

/// Reads a call.
///
/// # Errors
/// Not XML, not a call, a value of unknown type or one that cannot be read, or over the [limits](crate::limits).
pub fn parse_call(document: impl AsRef<[u8]>) -> Result<Call, ParseError> {
    let document = document.as_ref();
    let mut budget = Budget::for_document(document.len())?;
    let mut reader = Reader::new(document)?;
    reader.root("methodCall")?;
    let mut method = None;
    let mut params_read = Vec::new();
    while let Some(element) = reader.element()? {
        match element.name {
            "methodName" => method = Some(reader.text()?.trim().to_owned()),
            "params" => params_read = params(&mut reader, &mut budget)?,
            _ => reader.skip()?,
        }
    }
    reader.finish()?;
    match method {
        Some(method) if !method.is_empty() => Ok(Call { method, params: params_read }),
        _ => Err(ParseError::new(reader.position(), "a call without method")),
    }
}

/// Reads a response; its one value.
///
/// # Errors
/// A fault, or what [`parse_call`] refuses in a call.
pub fn parse_response(document: impl AsRef<[u8]>) -> Result<Value, ResponseError> {
    let document = document.as_ref();
    let mut budget = Budget::for_document(document.len())?;
    let mut reader = Reader::new(document)?;
    reader.root("methodResponse")?;
    let mut answer = None;
    let mut fault = None;
    while let Some(element) = reader.element()? {
        match element.name {
            "params" => answer = params(&mut reader, &mut budget)?.into_iter().next(),
            "fault" => fault = first_value(&mut reader, &mut budget)?,
            _ => reader.skip()?,
        }
    }
    reader.finish()?;
    if let Some(fault) = fault {
        let text = fault["faultString"].as_str().into_owned();
        return Err(ResponseError::Fault { code: fault["faultCode"].as_i32(), text });
    }
    Ok(answer.ok_or_else(|| ParseError::new(reader.position(), "a response without value"))?)
}

fn params(reader: &mut Reader<'_>, budget: &mut Budget) -> Result<Vec<Value>, ParseError> {
    let mut params = Vec::new();
    while let Some(element) = reader.element()? {
        match element.name {
            "param" => params.extend(first_value(reader, budget)?),
            _ => reader.skip()?,
        }
    }
    Ok(params)
}

/// The first `<value>` in the element that was entered; leaves it.
fn first_value(reader: &mut Reader<'_>, budget: &mut Budget) -> Result<Option<Value>, ParseError> {
    let mut first = None;
    while let Some(element) = reader.element()? {
        match element.name {
            "value" if first.is_none() => first = Some(value(reader, budget)?),
            _ => reader.skip()?,
        }
    }
    Ok(first)
}

/// What is in a `<value>` that was entered; leaves it.
fn value(reader: &mut Reader<'_>, budget: &mut Budget) -> Result<Value, ParseError> {
    budget.value(reader.position())?;
    match reader.content()? {
        Content::Text(text) => Ok(Value::String(text.into_owned())),
        Content::Element(element) => {
            let value = typed(reader, element, budget)?;
            reader.skip()?;
            Ok(value)
        }
    }
}

fn typed(reader: &mut Reader<'_>, element: Element<'_>, budget: &mut Budget) -> Result<Value, ParseError> {
    let position = element.position;
    let wrong = || ParseError::new(position, "a value that is not of its type");
    Ok(match element.name {
        "string" => Value::String(reader.text()?.into_owned()),
        "int" | "i4" | "i8" => {
            let text = reader.text()?;
            let number: i64 = text.trim().parse().map_err(|_| wrong())?;
            i32::try_from(number).map_or_else(|_| Value::String(number.to_string()), Value::Integer)
        }
        "boolean" => Value::Boolean(match reader.text()?.trim() {
            "1" | "true" => true,
            "0" | "false" => false,
            _ => return Err(wrong()),
        }),
        "double" => Value::Real(parse_real(&reader.text()?).ok_or_else(wrong)?),
        "dateTime.iso8601" => Value::Date(Date::parse(&reader.text()?).ok_or_else(wrong)?),
        "base64" => Value::Binary(parse_base64(&reader.text()?).ok_or_else(wrong)?),
        "nil" => {
            reader.skip()?;
            Value::Undefined
        }
        "array" => {
            budget.enter(position)?;
            let mut array = Vec::new();
            while let Some(element) = reader.element()? {
                if element.name != "data" {
                    reader.skip()?;
                    continue;
                }
                while let Some(element) = reader.element()? {
                    match element.name {
                        "value" => array.push(value(reader, budget)?),
                        _ => reader.skip()?,
                    }
                }
            }
            budget.leave();
            Value::Array(array)
        }
        "struct" => {
            budget.enter(position)?;
            let mut map = Map::new();
            while let Some(element) = reader.element()? {
                match element.name {
                    "member" => map.extend(member(reader, budget)?),
                    _ => reader.skip()?,
                }
            }
            budget.leave();
            Value::Map(map)
        }
        _ => return Err(ParseError::new(position, "a value of unknown type")),
    })
}

fn member(reader: &mut Reader<'_>, budget: &mut Budget) -> Result<Option<(String, Value)>, ParseError> {
    let mut name = None;
    let mut held = None;
    while let Some(element) = reader.element()? {
        match element.name {
            "name" => name = Some(reader.text()?.into_owned()),
            "value" => held = Some(value(reader, budget)?),
            _ => reader.skip()?,
        }
    }
    Ok(name.zip(held))
}
