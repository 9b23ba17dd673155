//! All that is peculiar to a database engine, and nothing else is: how it is opened, and how transactions
//! begin. Each engine is a module with the same names (`Db`, `open`, `look`, `migrate`, `begin`, `snapshot` …); `src/store` is compiled
//! against one of them, unchanged.
//!
//! The store counts on this of `begin`: what a transaction has read of its [`About`] stays true until it commits (a free
//! name, a free place). SQLite has one writer at a time; PostgreSQL has many, and lets one at a time at each thing.

pub(crate) mod postgres;
pub(crate) mod sqlite;

use model::{AgentId, Uuid};
use std::fmt;
use std::path::PathBuf;

/// Where the grid keeps what it knows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Database {
    /// In memory, gone at the end; for tests.
    Memory,
    /// An SQLite file; made if it is not there, its folder too. Several processes may have it open.
    File(PathBuf),
    /// A database of a PostgreSQL server. Any number of processes may use it.
    Postgres(PostgresUrl),
}

/// Where a PostgreSQL database is, and who we are to it. Shown without the password.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresUrl(String);

impl PostgresUrl {
    fn options(&self) -> Result<sqlx::postgres::PgConnectOptions, sqlx::Error> {
        self.0.parse()
    }
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ok(options) = self.options() else { return f.write_str("a PostgreSQL database") };
        let database = options.get_database().unwrap_or_else(|| options.get_username());
        match options.get_socket() {
            Some(socket) => write!(f, "postgres database {database} at {}", socket.display()),
            None => {
                write!(f, "postgres database {database} at {}:{}", options.get_host(), options.get_port())
            }
        }
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("the database in memory"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Postgres(url) => write!(f, "{url}"),
        }
    }
}

/// A database that this build does not know how to open. Says nothing of what was given: there may be a password in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not a database: sqlite:PATH or postgres://USER:PASSWORD@HOST:PORT/NAME is wanted")]
pub struct UnknownDatabase;

impl std::str::FromStr for Database {
    type Err = UnknownDatabase;

    /// Reads a URL: `sqlite:PATH` (also with `//` before the path), `sqlite::memory:`, `postgres://…`.
    fn from_str(url: &str) -> Result<Self, UnknownDatabase> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            let url = PostgresUrl(url.to_owned());
            return url.options().map(|_| Self::Postgres(url)).map_err(|_| UnknownDatabase);
        }
        let path = url.strip_prefix("sqlite:").ok_or(UnknownDatabase)?;
        match path.strip_prefix("//").unwrap_or(path) {
            "" => Err(UnknownDatabase),
            ":memory:" => Ok(Self::Memory),
            path => Ok(Self::File(path.into())),
        }
    }
}

/// The tables, and how they have become what they are.
pub(crate) static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!();

/// What a change is about. Changes about the same are made one after the other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum About {
    /// One person: their inventory, their looks, their messages.
    Person(AgentId),
    /// The map of regions.
    Map,
    /// Sessions of many people.
    Sessions,
    /// Wrong passwords.
    Tries,
    /// What assets consist of: the content with this SHA-256.
    Content([u8; 32]),
    /// Who operates the grid, and where they are logged in.
    Operator,
}

impl About {
    /// A number that stands for it. Two things with one number only wait for each other without need.
    fn number(self) -> i64 {
        let of = |id: Uuid| {
            let (high, low) = id.as_u64_pair();
            (high ^ low.rotate_left(1)).cast_signed()
        };
        match self {
            Self::Person(agent) => of(agent.0),
            Self::Map => 1,
            Self::Sessions => 2,
            Self::Tries => 3,
            Self::Content(hash) => {
                let (number, _) = hash.split_first_chunk().expect("a hash is longer");
                i64::from_be_bytes(*number)
            }
            Self::Operator => 5,
        }
    }
}

/// What an engine says that cannot open this.
fn not_here(database: &Database) -> sqlx::Error {
    sqlx::Error::Configuration(format!("{database} is another engine's").into())
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
        for url in ["", "sqlite:", "a/b.db", "oracle://x", "postgres://[", "postgres://u:p@h:port/d"] {
            assert!(url.parse::<Database>().is_err(), "{url}");
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        for (url, shown) in [
            ("postgres://grid:secret@db.example.org/world", "postgres database world at db.example.org:5432"),
            ("postgresql://grid:secret@[::1]:5433", "postgres database grid at [::1]:5433"),
            (
                "postgres:///world?host=/run/pg&password=secret&user=grid",
                "postgres database world at /run/pg",
            ),
        ] {
            let database: Database = url.parse().unwrap();
            assert_eq!(database.to_string(), shown);
            assert!(!format!("{database:?}").contains("secret"));
        }
        let error = "postgres://u:secret@h:port/d".parse::<Database>().unwrap_err();
        assert!(!error.to_string().contains("secret"));
    }

    #[test]
    fn things_have_numbers_of_their_own() {
        let id = Uuid::from_u128(0x1234_5678_9ABC_DEF0_0FED_CBA9_8765_4321);
        let things = [
            About::Person(AgentId(id)),
            About::Person(AgentId(Uuid::from_u128(7))),
            About::Content([1; 32]),
            About::Content([2; 32]),
            About::Operator,
            About::Map,
            About::Sessions,
            About::Tries,
        ];
        let numbers: std::collections::BTreeSet<_> = things.iter().map(|thing| thing.number()).collect();
        assert_eq!(numbers.len(), things.len());
    }
}
