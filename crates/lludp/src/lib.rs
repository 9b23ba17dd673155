//! The wire of LLUDP: datagrams, and the messages in them.
//!
//! - [`header`] takes a datagram apart and puts one together: flags, sequence number, zerocoding, appended
//!   acknowledgements.
//! - [`messages`] has every message of the template as a plain type, made by `build/` from `messages.def`, the one
//!   place that knows the template. Nothing is written by hand per message.
//! - [`template`] is the same template as a table, for code that walks over any message.
//! - [`layer`] codes what LayerData carries: land and wind.
//! - [`walk`] walks over any message by that table; [`describe()`] makes a line of it for packet traces.
//! - [`text`] reads and writes what is text in byte fields.
//!
//! Decoding borrows: a message decoded is a view of the datagram, its repeated blocks are read where they stand
//! ([`Blocks`]). Encoding appends to a buffer of the caller's. Neither allocates.
//!
//! Bytes from outside can be anything. They are read by bounds-checked steps that end in [`Malformed`]; nothing
//! expands beyond [`header::MAX_LEN`]. Floats are taken as they come; [`walk::check_finite`] refuses those that
//! are no numbers. Which messages a peer may send, and when, is not decided here.

pub mod describe;
pub mod fuzz;
pub mod header;
pub mod layer;
pub mod messages;
pub mod template;
pub mod text;
pub mod walk;
pub mod wire;
pub mod zerocode;

mod blocks;
mod malformed;
mod quat;

pub use blocks::{Blocks, Iter};
pub use describe::{describe, describe_body};
pub use header::{Acks, Datagram, Flags, Header};
pub use malformed::{Malformed, MalformedKind};
pub use messages::Message;
pub use quat::PackedQuat;
pub use template::{BlockInfo, BlockKind, Deprecation, FieldInfo, FieldKind, Frequency, MessageInfo};
pub use wire::WireMessage;
