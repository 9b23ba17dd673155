//! The shell around regions: sockets, clocks, HTTP, calls to peers and to the grid.
//!
//! A [`region::Region`] is a value that decides; this crate does. Each region has one task ([`region_task`]) with its
//! UDP socket ([`udp`]), a bounded inbox and a timer; the task puts inputs in and performs the effects that come out.
//! HTTP handlers ([`http`], [`caps`]) hold the [`Directory`] of inboxes and capability secrets and nothing of a
//! region: they parse, send a request with a channel for the answer, wait, print. What a region asks goes out through
//! [`calls`]: to peers by a [`PeerTransport`], to the grid by the traits of [`services`]; what it tells the grid goes
//! through [`notices`], which keep the order for each agent and try again.
//!
//! Tasks: one for each region, one for each HTTP connection, calls under way, and three for the process (accepting
//! connections, telling the grid, watching the regions). A region that panics ends alone: the others live on, its
//! capabilities close, its sessions are ended at the grid, and it starts anew on the same socket.
//!
//! Regions of other processes are reached and heard through [`peering`]; a region cannot tell where another one runs.
//! What regions note of transfers is kept in [`transfers`], and of sessions that end in [`sessions`]; [`leases`] tell
//! the grid which sessions live. A grid that is another process may be away for a while:
//! [`membership`] registers the regions, and again when it is back.
//!
//! Bounds stand beside what they bound: inboxes in [`directory`], datagrams in [`udp`], connections, heads and bodies
//! in [`http`], calls and notices in their modules, uploads in [`caps`].

mod calls;
mod caps;
mod clock;
pub mod control;
mod directory;
#[cfg(test)]
mod fake;
mod friends;
mod grid_side;
mod http;
mod leases;
mod login;
mod membership;
mod metrics;
mod notices;
mod operations;
mod peering;
mod region_task;
mod regions;
mod sessions;
mod simulator;
mod social;
#[cfg(test)]
mod tests;
mod transfers;
mod udp;

pub use calls::{LocalPeers, PeerAnswer, PeerTransport};
pub use clock::Clock;
pub use directory::{CapsEntry, Directory, Undelivered};
pub use friends::Friends;
pub use http::ops::is_operator;
pub use http::plain::{PlainSide, PrivateSide, Pulse};
pub use http::proxies::Proxies;
pub use http::server::MAX_CONNECTIONS;
pub use http::trace::HttpTrace;
pub use login::remote::RemoteDestination;
pub use metrics::Metrics;
pub use operations::{Operations, RemoteOperations};
pub use peering::look_ups::LookUps;
pub use peering::proof::ProcessKey;
pub use peering::remote::RemotePeers;
pub use simulator::{Ended, Simulator, SimulatorConfig, StartError};
