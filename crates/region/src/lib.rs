//! One region whole: joins agents, scene and transfers into a value that the shell runs and the rehearsal
//! simulates.
//!
//! The shell owns sockets, clocks and HTTP; it puts what happens in as [`Input`], performs the [`Effect`]s that
//! come out, and pulls datagrams with [`Region::poll_datagram`] when told to by [`Region::next_wakeup`]. A region
//! never blocks and never waits: whatever it asks of peers and the grid goes out as an [`Effect`] under a
//! [`CallId`] and comes back as [`Input::Reply`].
//!
//! What is absent on purpose: locks (one task owns a region), a clock, randomness other than the seeded
//! generator it was given, and any knowledge of which peers live in the same process.

mod agent;
mod calls;
mod closing;
mod coming;
mod delays;
mod doubt;
mod estate;
mod friendship;
mod going;
mod gone;
mod inspect;
mod interface;
mod laden;
mod land;
mod landmark;
mod leaving;
mod looking;
mod looks;
mod lookup;
mod lure;
mod map;
mod messages;
mod mutes;
mod neighbours;
mod news;
mod origin;
mod packets;
mod parcel;
mod parting;
mod peers;
mod people;
mod post;
mod rebake;
mod record;
mod region;
mod replies;
mod secrets;
mod sessions;
mod social;
mod talk;
mod telling;
#[cfg(test)]
mod tests;
mod trace;
mod welcome;
mod xfer;

pub use closing::MOVING;
pub use delays::Delays;
pub use inspect::{AgentSummary, Carried};
pub use interface::*;
pub use region::Region;
pub use sessions::{EndedSession, SessionEnd, SessionNote, SessionView, Standing};
pub use social::{SocialCall, SocialReply};
