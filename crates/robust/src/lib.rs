//! The encodings of the grid services as ROBUST speaks them (grid services fact sheet): forms in, XML out.
//!
//! A request is a [`Form`], an answer a [`Tree`]; both know bounds and nothing of any service. On them stands one module
//! a service, with its requests as values (`Call`: `parse` and `to_form`) and its answers both written and read, so that
//! a grid and a simulator use the same few functions and either may be another program's. Element and field names differ
//! in case from service to service, and readers care: they are kept exactly as the recordings have them.
//!
//! No I/O, no clock. What cannot be understood is [`Malformed`], with the name of the field.

pub mod accounts;
pub mod agent_prefs;
pub mod assets;
pub mod auth;
pub mod avatar;
pub mod credentials;
mod date;
mod form;
pub mod friends;
pub mod grid;
pub mod grid_user;
pub mod inventory;
pub mod lease;
mod malformed;
pub mod map_tiles;
pub mod mute_list;
pub mod offline_messages;
pub mod presence;
mod response;
#[cfg(test)]
mod tests;
pub mod text;
mod uui;
mod wording;
mod xml_name;

pub use form::{Form, Value};
pub use malformed::Malformed;
pub use response::{LONG_BYTES_MAX, Node, Tree};
pub use uui::Uui;
pub use wording::Wording;
