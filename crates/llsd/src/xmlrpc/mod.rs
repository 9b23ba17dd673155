//! XML-RPC, with values as [`Value`](crate::Value): logins, land data and instant messages between simulators.
//!
//! Read: `i4`, `int` and `i8` (an integer if it fits, otherwise a string of its digits), `boolean`, `string`,
//! `double`, `dateTime.iso8601`, `base64`, `struct`, `array`, `nil`. A value without a type is a string.
//!
//! Written: an id or URI as `string`, undefined as an empty `string` (clients fail at `nil`), an integer as `int`.
//! All else has its own type.

mod read;
mod write;

pub use read::{Call, ResponseError, parse_call, parse_response};
pub use write::{write_call, write_fault, write_response};

#[cfg(test)]
mod tests;
