//! LLSD: the tree of values that viewers, simulators and grids exchange, and the ways it is written.
//!
//! One [`Value`] for all of them, so that a capability, an event, a login and a message between simulators are built
//! and read by the same few calls. Readers of outside input do not match on types but ask for the one they want
//! ([`as_u64`](Value::as_u64), [`as_uuid`](Value::as_uuid), …): peers differ in what they send, and every value
//! converts as the viewer would convert it.
//!
//! Each form is a module with `parse` and `write`: [`xml`] and [`mod@xmlrpc`] over one small XML [reader](markup),
//! [`binary`], [`notation`] and [`json`]; [`parse_any`] finds out which one a body is in. [`typed`] goes between values
//! and Rust types, by serde.
//!
//! A document is bounded in bytes, depth and number of values ([`limits`]); no count in it is believed before the bytes
//! are there. A reader never panics, its work is in proportion to the document, and what it cannot read is one
//! [`ParseError`] with the place. That is why the XML reader is ours: tree readers set memory aside by counting marks in
//! the text, and compare the attributes of an element each with each.
//!
//! No I/O, no clock.

mod any;
pub mod binary;
mod convert;
mod date;
mod error;
#[cfg(test)]
mod examples;
pub mod fuzzing;
mod header;
pub mod json;
pub mod limits;
pub mod markup;
pub mod notation;
mod number;
pub mod typed;
mod value;
pub mod xml;
pub mod xmlrpc;

pub use any::parse_any;
pub use date::Date;
pub use error::ParseError;
pub use typed::{Binary, ConversionError, from_value, to_value};
pub use uuid::Uuid;
pub use value::{Map, Value};
