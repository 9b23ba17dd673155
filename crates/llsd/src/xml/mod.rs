//! LLSD as XML, `application/llsd+xml`: what capabilities and the event queue speak.
//!
//! Read: with or without XML declaration, elements in their short forms (`<integer/>` is 0), unknown elements passed
//! over, the later of two equal keys kept; a scalar whose text is of another kind is converted as the viewer would,
//! so that `<integer>1.5</integer>` is 1 and `<uuid>none</uuid>` is null. Only broken XML and broken base64 are errors.
//!
//! Written: on one line, without declaration, every value explicit (`<integer>0</integer>`), because clients differ
//! in the short forms they know.

mod read;
mod write;

pub use read::parse;
pub use write::{write, write_into, write_value};

#[cfg(test)]
mod tests;
