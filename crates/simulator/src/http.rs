//! The HTTP front: one port for capabilities, event queues, health, metrics and whatever the grid serves beside
//! them. Handlers parse, ask the directory or a service, and print; nothing here holds a region.

pub(crate) mod body;
pub(crate) mod budget;
pub(crate) mod event_queue;
pub(crate) mod front;
pub(crate) mod intake;
pub(crate) mod ops;
pub(crate) mod plain;
pub(crate) mod proxies;
pub(crate) mod reply;
pub(crate) mod routes;
pub(crate) mod seed;
pub(crate) mod server;
pub(crate) mod trace;
