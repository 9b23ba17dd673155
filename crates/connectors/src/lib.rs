//! The grid services over HTTP: the traits of [`services`] implemented by asking a grid, ours or a ROBUST.
//!
//! A simulator gets the same [services] that a grid in the same process has; whoever holds them cannot tell. A
//! service is a small type that turns each call of its trait into one request (module of the same name in [`robust`])
//! through the one [`Client`] they share: its connections are kept alive, its waits and answers are bounded. What goes
//! wrong on the way is [`Unavailable`](services::ServiceError::Unavailable), with its cause; a grid that says no is
//! [`Refused`](services::ServiceError::Refused), in its words. What a grid cannot be asked for (to list all accounts, to
//! set a password) is refused here.
//!
//! Callers may drop a call at any moment: nothing is remembered of calls under way but who else waits for the same
//! answer. What is remembered of answers, and for how long, each service says; failures never are.

mod accounts;
mod auth;
mod avatars;
mod client;
mod friends;
mod grid;
mod grid_users;
mod presence;

pub use accounts::HttpAccounts;
pub use auth::HttpAuth;
pub use avatars::HttpAvatars;
pub use client::{Client, Patience};
pub use friends::HttpFriends;
pub use grid::HttpGrid;
pub use grid_users::HttpGridUsers;
pub use presence::HttpPresence;
