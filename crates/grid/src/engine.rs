//! All that is peculiar to a database engine, and nothing else is: how it is opened, and how a transaction that is
//! going to write begins. Each engine is a module with the same names (`Db`, `open`, `begin`); `src/store` is compiled
//! against one of them, unchanged.
//!
//! The store counts on this of `begin`: what a transaction has read stays true until it commits (a free name, a free
//! place). SQLite has one writer at a time; an engine with several must serialize them.

pub(crate) mod sqlite;

use std::path::PathBuf;

/// Where the grid keeps what it knows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Database {
    /// In memory, gone at the end; for tests.
    Memory,
    /// An SQLite file; made if it is not there, its folder too. Several processes may have it open.
    File(PathBuf),
}

/// A database that this build does not know how to open.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0:?} is not a database this build can open: sqlite:PATH or sqlite::memory:")]
pub struct UnknownDatabase(String);

impl std::str::FromStr for Database {
    type Err = UnknownDatabase;

    /// Reads a URL: `sqlite:PATH` (also with `//` before the path), `sqlite::memory:`.
    fn from_str(url: &str) -> Result<Self, UnknownDatabase> {
        let path = url.strip_prefix("sqlite:").ok_or_else(|| UnknownDatabase(url.to_owned()))?;
        match path.strip_prefix("//").unwrap_or(path) {
            "" => Err(UnknownDatabase(url.to_owned())),
            ":memory:" => Ok(Self::Memory),
            path => Ok(Self::File(path.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        let file = |path: &str| Ok(Database::File(path.into()));
        assert_eq!("sqlite:a/b.db".parse(), file("a/b.db"));
        assert_eq!("sqlite:///var/x.db".parse(), file("/var/x.db"));
        assert_eq!("sqlite::memory:".parse(), Ok(Database::Memory));
        for url in ["", "sqlite:", "a/b.db", "oracle://x"] {
            assert!(url.parse::<Database>().is_err(), "{url}");
        }
    }
}
