//! The store on SQLite.

pub(crate) use crate::engine::sqlite as engine;

#[path = "store/mod.rs"]
mod store;

pub(crate) use store::SqlStore;
