//! The pages that a grid shows: to everybody the viewers' login page, a map and a sign-up form ([`public_pages`]), to its
//! operator what goes on ([`operator_pages`]).
//!
//! Everything is HTML from templates that are compiled in, one style sheet and one script, served under names that hold
//! their hash; nothing comes from other hosts, and the content security policy says so ([`look`]). Pages work without the
//! script. With it a page's living part is replaced as things happen: [`live`] sends the same fragment that the page was
//! made with, by server-sent events.
//!
//! What goes on is known by the [`Lookout`]: it asks simulators as long as somebody looks, and for a minute longer, and
//! keeps what it heard within bounds. Who they are, and how to reach them, is told to it as a [`Fleet`]. Plots are drawn
//! on the server ([`plot`]), as are the map ([`chart_of_regions`](map)) and transfers ([`chart`]): plain functions from
//! what is known to shapes, which a template makes SVG of.
//!
//! The operator logs in by a password ([`door`]): kept as argon2id, sessions as hashes of their cookies, both in the
//! grid's database, so that several processes of one grid agree. Every form that changes something carries a token.

mod chart;
mod door;
mod forms;
mod live;
mod look;
mod lookout;
mod map;
mod operator;
mod overview;
mod plot;
mod public;
#[cfg(test)]
mod tests;
mod words;

pub use lookout::{Fleet, Lookout, Process};
pub use operator::{Admits, OperatorConfig, Switch, Switches, operator_pages};
pub use overview::GridData;
pub use public::{PublicConfig, public_pages};
