//! How an agent goes from one region to another, as two state machines that meet only through messages.
//!
//! [`Departure`] is the source's half: it walks a script of [`Step`]s (the published protocol page as data,
//! [`steps`]) and either ends with the agent gone ([`Outcome::Departed`]) or whole again where it was
//! ([`Outcome::Stayed`]). [`Arrival`] is the destination's half, and the only place where an agent becomes
//! root. Neither knows packets, sockets or clocks: the `region` crate turns their effects into messages to
//! the viewer, to the peer region and to the grid, and the answers back into inputs.
//!
//! Three rules make the protocol's worst cases end well:
//!
//! 1. **The destination decides.** Whichever reaches [`Arrival`] first wins, the viewer's
//!    CompleteAgentMovement or the source's withdrawal; afterwards it gives the same answer for ever. A source
//!    that hears nothing withdraws, and the answer tells it whether the agent is there after all. So a lost
//!    last word (published failure table, last row) is told apart from a viewer that never came.
//! 2. **Every transfer has a number, every claim on a child agent a generation** ([`Claim`]). A close that was
//!    decided before somebody else claimed the agent closes nothing: late clean-up cannot kill what the agent
//!    came back to.
//! 3. **Every wait has an end before the viewer's patience has** ([`Patience`]): viewers give up 15 s after
//!    their request, so the verdict is given earlier.
//!
//! What is absent on purpose: threads, closures for roll-back (undoing is a list of effects that can be shown
//! and tested), and a separate path for regions of the same simulator.

mod arrival;
mod departure;
mod failure;
mod friendship;
mod mutant;
mod peer;
pub mod steps;
mod version;

pub use arrival::{Arrival, ArrivalEffect, ArrivalInput, Expectation, TransferKey, Verdict};
pub use departure::{Departure, DepartureEffect, DepartureInput, Outcome};
pub use failure::{Failure, FailureCause, OUTCOMES, Stage, handling};
pub use friendship::{FriendDeed, FriendNews};
pub use mutant::Mutant;
pub use peer::*;
pub use steps::{Act, ChildrenClosedBy, Patience, Plan, Protocol, Step};
pub use version::{Agreement, NoVersionRange, Offer, Version, VersionRange, agree};
