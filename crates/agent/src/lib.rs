//! What a region says to one viewer over HTTP: the event queue and the bodies of its events.
//!
//! An [`EventQueue`] is a value without clock, socket or task. The region pushes [`Event`](event::Event)s; the shell
//! passes the viewer's polls in, with a token for the HTTP request that waits, and performs the effects that come
//! out. Two things matter: an event enters a waiting poll the moment it is pushed and flushed, since a teleport's
//! pace depends on it; and no answer that is lost on the way takes an event with it, since a lost TeleportFinish
//! strands its agent. So a batch is kept until the viewer says that it has it.
//!
//! [`event`] has a constructor for each body, so that the one form of a field that every client accepts is written
//! down once.

pub mod event;
mod event_queue;

pub use event_queue::{EventQueue, EventQueueConfig, EventQueueEffect, EventQueueStatistics, Poll};
