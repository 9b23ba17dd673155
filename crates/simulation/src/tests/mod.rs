//! What was recorded, what survives the way, and what any bytes do.

mod any_bytes;
mod any_call;
mod differences;
mod expected;
mod extension;
mod recorded;
mod round_trip;
