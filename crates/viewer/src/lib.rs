//! A headless viewer: logs in, holds circuits and event queues to all regions it is told of, moves, teleports, crosses,
//! talks, logs out. For bots, for tests, for load; and, since it can be told to misbehave, for finding out what a server
//! bears.
//!
//! [`Core`] is the viewer itself: a value without sockets, clock, threads or randomness, which takes datagrams, HTTP
//! replies and wishes, and gives datagrams, HTTP requests and [`ViewerEvent`]s when asked. A rehearsal runs hundreds of
//! them on a simulated network, the same way each time. With the feature `net` (on by default) comes [`net`]: a tokio
//! task, a UDP socket and an HTTP client around a core, and with them [`net::Viewer`], which is what a bot is written
//! with:
//!
//! ```no_run
//! # async fn bot() -> Result<(), Box<dyn std::error::Error>> {
//! let viewer = viewer::net::Viewer::login("http://127.0.0.1:9000/", "First", "Last", "secret", "last").await?;
//! viewer.say("Hello.").await?;
//! viewer.logout().await?;
//! # Ok(())
//! # }
//! ```
//!
//! What the core does follows the Linden viewer, step by step and with its timers, so that a server which serves it well
//! has a good chance with the real one. The order matters: the seed capability is fetched before the first packet;
//! CompleteAgentMovement waits for UseCircuitCode to be acknowledged at login, but follows it at once in a teleport;
//! nothing is sent by the agent while it teleports; a region crossing makes no circuit. [`teleport`] is the state machine
//! of teleports alone, `queue` the rules of the event queue's poll.
//!
//! Absent on purpose: textures, meshes, sounds, scripts, inventory. A headless viewer sees avatars, land in the form of a
//! count of packets, chat and the map.

pub mod config;
pub mod controls;
pub mod core;
pub mod event;
mod http;
pub mod login;
pub mod misbehave;
#[cfg(feature = "net")]
pub mod net;
mod queue;
pub mod teleport;
pub mod world;

pub use crate::core::{Core, Counts, Link, Loudness, Phase, Unable};
pub use config::Config;
pub use controls::Controls;
pub use event::{Disconnect, MapBlock, TeleportFailure, ViewerEvent};
pub use http::{HttpReply, HttpRequest, RequestId};
pub use login::{Credentials, Identity, LoginError};
pub use misbehave::Misbehaviour;
/// Ids, handles, positions, moments.
pub use model;
