//! The words everybody shares: identifiers, region handles, positions, moments and networks.
//!
//! Nothing here behaves. A type exists so that two things that look alike on the wire (an agent's id and its
//! session's, grid coordinates and metres) cannot be mistaken for each other in code. No I/O, no clock, no
//! randomness: ids are made from bytes that the caller's generator gave.

mod ids;
mod moment;
mod network;
mod place;
mod teleport_flags;

pub use glam::{Quat, Vec3};
pub use ids::*;
pub use moment::Moment;
pub use network::{Network, NoNetwork, household};
pub use place::*;
pub use teleport_flags::TeleportFlags;
pub use uuid::Uuid;
