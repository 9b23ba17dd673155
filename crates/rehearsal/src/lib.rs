//! A world in a bottle: real regions and real viewers on a network, a grid and a clock that are made up.
//!
//! A [`Rehearsal`] holds several [`region::Region`]s, the [`viewer::Core`]s that live in them, and between them a
//! list of what is on its way: datagrams, HTTP requests, calls between regions, questions to the grid. The clock
//! jumps to whatever comes next, so virtual minutes pass in milliseconds. Everything random comes from one seed:
//! the same seed, scenario and program give the same run, event by event.
//!
//! - [`layout`] says which regions there are; [`faults`] how bad the network is, as rates ([`Quality`]) and as single
//!   mishaps ([`Rule`]: the second CreateAgent is lost, each CompleteAgentMovement comes 3 s late).
//! - [`dialect`] says what they speak: one scenario runs over many. What regions say to each other takes its wire form
//!   on the way (`form`), so that the codec is rehearsed with the machines.
//! - `world` keeps the clock and hands what is due to whom it is for; `wires`, `calls` and `grid` are the three kinds
//!   of ways between them; `people` logs users in and lets them act; `script` is what a scenario is written with.
//! - `oracle` judges. After every event: no session acts in two regions at once. When all is quiet
//!   ([`Rehearsal::settle`]): each living session is root once, there where its viewer believes to be, and acts; of
//!   those that are over nothing is left; each transfer has had one outcome; the grid's presence log agrees.
//! - [`scenarios`] are the plays, by name. Tests run them over seeds; `cargo run -p rehearsal -- --scenario NAME --seed
//!   N` runs one and shows its transcript.
//!
//! A run that fails is run a second time with its transcript on, which is possible because runs repeat: so the good
//! ones cost nothing for being explained.
//!
//! Absent on purpose: threads, sockets, HTTP syntax (that is the shell's, and has its own tests).

mod calls;
pub mod coverage;
pub mod dialect;
pub mod faults;
mod form;
mod grid;
pub mod layout;
mod luggage;
pub mod million;
mod mishaps;
mod oracle;
mod people;
pub mod runner;
pub mod scenarios;
mod script;
mod social;
pub mod tally;
pub mod traffic;
mod transcript;
mod verdict;
mod wires;
mod world;

pub use dialect::Dialect;
pub use faults::{Deed, Quality, Rule};
pub use layout::{Layout, Plot};
pub use people::Who;
pub use runner::{Run, Scenario, check, find};
pub use script::{Play, Trouble};
pub use tally::Tally;
pub use traffic::{Traffic, Way};
pub use world::{Rehearsal, Where};
