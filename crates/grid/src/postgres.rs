//! The store on PostgreSQL.

pub(crate) use crate::engine::postgres as engine;

#[path = "store/mod.rs"]
#[expect(clippy::duplicate_mod, reason = "one text, compiled against each engine")]
mod store;

pub(crate) use store::SqlStore;
