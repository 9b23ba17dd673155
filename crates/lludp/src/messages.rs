//! All messages of the template, one type each, made from `messages.def`.
//!
//! A message's blocks are in the module of its name: `AgentUpdate` has an `agent_update::AgentData`. A block that
//! stands once is a field, one that stands a fixed number of times an array, one that varies [`Blocks`]; a late one
//! that stands once is an `Option`.
//!
//! A message encodes to the bytes it was decoded from, with two exceptions that no recording shows: bytes left over at
//! its end are lost, and a BOOL that is neither 0 nor 1 becomes 1, which is how it was understood.

use crate::blocks::Blocks;
use crate::malformed::Malformed;
use crate::template::{MESSAGES, MessageInfo, split_number};
use crate::wire::{self, Block as _, Reader, WireMessage};

mod prelude {
    pub(super) use crate::quat::PackedQuat;
    pub(super) use crate::wire::{self, Block, Reader};
    pub(super) use core::net::Ipv4Addr;
    pub(super) use glam::{DVec3, Vec3, Vec4};
    pub(super) use model::Uuid;
}

impl<'a> Message<'a> {
    /// From message number and blocks, as [`Datagram::body`](crate::header::Datagram::body) has them.
    ///
    /// # Errors
    /// When no message has that number, or the bytes end early.
    pub fn decode(body: &'a [u8]) -> Result<Self, Malformed> {
        let (id, blocks) = split_number(body)?;
        Self::decode_as(id, blocks)
    }

    /// Its published name.
    pub fn name(&self) -> &'static str {
        self.info().name
    }
}

include!(concat!(env!("OUT_DIR"), "/messages.rs"));
