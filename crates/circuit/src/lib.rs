//! One association between a viewer and a region over UDP: the same code for both ends.
//!
//! A [`Circuit`] numbers, acknowledges, repeats, paces and measures. It knows no socket and no clock: datagrams
//! and moments are passed in, datagrams, events and the next wakeup are asked for.
//!
//! ```text
//!  datagram ─ header::open ─► receive ─ Fresh ─► handle_control ─ false ─► whom it concerns
//!                                │ acks, number        │ PacketAck, pings
//!                                ▼                     ▼
//!  send ─► queue by category ─► poll_datagram ◄─ resends, acks, pings ─► datagram
//!                                try_write  (composed at the last moment, no queue)
//! ```
//!
//! The owner's loop, after each datagram or message of its own and at [`next_wakeup`](Circuit::next_wakeup): call
//! [`poll_datagram`](Circuit::poll_datagram) until it has nothing more, then [`try_write`](Circuit::try_write) what
//! is to be composed late, then [`poll_event`](Circuit::poll_event) until it is empty. Wakeups are exact: before
//! that moment there is nothing to do, and a circuit at rest wakes only to ping.
//!
//! - *Acknowledgements* ride on the next datagram, or leave alone within [`Config::ack_delay`]. That of
//!   UseCircuitCode leaves at once and alone ([`ack_now`](Circuit::ack_now)): clients wait for exactly that.
//! - *Duplicates* are recognised by number whatever the RESENT flag says, since peers differ in when they set it.
//! - *Resends* come after a timeout that follows the measured round trip and doubles from try to try. A packet that
//!   is never acknowledged is given up and reported; it does not end the circuit (there is a client that never
//!   acknowledges what it refuses to understand). Only silence does.
//! - *Order* of leaving: acknowledgement of UseCircuitCode, answers to pings, pings, control messages, resends, then
//!   the throttled categories in turn, as far as each one's token bucket allows.
//! - *Bounds*: every queue, the unacknowledged data, the duplicate memory and the spare buffers are limited by
//!   [`Config`]. A full queue refuses ([`Refused`]), and the owner decides what that means.
//!
//! In steady traffic nothing is allocated: messages are encoded once, into recycled buffers, which become the
//! stored copies for resends.
//!
//! The rules are those of the lludp fact sheet, sections 5 to 12; the numbers are in [`Config`].

mod circuit;
mod config;
mod history;
mod queue;
mod rtt;
mod sequence;
mod statistics;
mod throttle;
mod transmit;
mod unacked;

pub use circuit::{Circuit, Delivery, Encoded, Event, Received, Refused, Reliability};
pub use config::{Config, PACKET_OVERHEAD};
pub use sequence::sequence_newer;
pub use statistics::Statistics;
pub use throttle::{BadThrottles, Category, Throttles};
