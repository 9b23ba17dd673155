//! LLSD: the tree of values that viewers, simulators and grids exchange, and the ways it is written.
//!
//! One [`Value`] for all of them, so that a capability, an event, a login and a message between simulators are built
//! and read by the same few calls. Readers of outside input do not match on types but ask for the one they want
//! ([`as_u64`](Value::as_u64), [`as_uuid`](Value::as_uuid), …): peers differ in what they send, and every value
//! converts as the viewer would convert it.
//!
//! Each form is a module with `parse` and `write`: [`xml`] and [`xmlrpc`] over one small XML [reader](markup). A
//! document is bounded in bytes, depth and number of values ([`limits`]) before it costs memory; a reader never
//! panics, its work is in proportion to the document, and what it cannot read is one [`ParseError`] with the place.
//! No I/O, no clock.

mod convert;
mod date;
mod error;
pub mod limits;
pub mod markup;
mod number;
mod value;
pub mod xml;
pub mod xmlrpc;

pub use date::Date;
pub use error::ParseError;
pub use uuid::Uuid;
pub use value::{Map, Value};
