//! The simulation service's wire form: what regions say to each other, as JSON over HTTP, in every published
//! version.
//!
//! The values are those of [`transfer`]; here is how they look on the way. Four functions are all of it: who
//! calls makes a [request](request()) and understands the [reply](reply()); who is called [reads](read()) the
//! request and makes the [answer](answer()). What they are made of is one module for each message, with its
//! four directions side by side.
//!
//! Peers are OpenSimulator 0.7.5 (SIMULATION/0.1), 0.7.6 (0.2) and 0.9.2 (0.3 to 0.8), whose recorded bodies
//! the tests replay, and ourselves. What only we say rides under one key, `sojourn`, that others pass over,
//! or goes to paths of its own ([`extension`], [`tickets`]); docs/protocol/simulation.md describes it. The
//! readers go by what a body holds, not by who may have sent it: a missing entry is a default, a number may
//! be text.
//!
//! Everything that comes in is bounded ([`fields`]): a name too long is cut, a list too long, a number that
//! is none or a body that unpacks to more than [`BODY_MAX`] is refused. What is only passed on (attachments,
//! their states) keeps every byte.
//!
//! No I/O, no clock.

mod access;
mod agent_data;
mod answer;
mod appearance;
mod baggage;
mod body;
mod create;
mod extension;
mod fields;
mod friends;
mod hello;
mod instant;
mod login;
mod path;
mod read;
mod reply;
mod request;
mod textures;
mod tickets;
mod view;

#[cfg(test)]
mod tests;

pub use answer::{Form, Response, answer};
pub use body::BODY_MAX;
pub use instant::is_instant_message;
pub use login::login;
pub use path::{agent_of, is_ours};
pub use read::{Incoming, Rejected, Target, claimed_source, read, read_unpacked, unpack};
pub use reply::reply;
pub use request::{Request, request};
