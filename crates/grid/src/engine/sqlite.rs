//! SQLite: one file, one writer at a time, readers beside it.

#[cfg(test)]
pub(crate) mod fresh;

use super::{About, Database, MIGRATIONS, not_here};
use sqlx::migrate::MigrateError;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Pool, Transaction};
use std::fs::OpenOptions;
use std::path::Path;
use std::time::Duration;

/// The driver.
pub(crate) type Db = sqlx::Sqlite;

/// How long a statement waits for a writer of another process.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a caller waits for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);
/// Connections that read. Each is a thread with a page cache, so few.
const READERS: u32 = 2;
/// Page cache of a connection. Negative: KiB.
const CACHE_SIZE: &str = "-512";
/// Statements kept prepared by a connection.
const STATEMENTS: usize = 64;

/// Connections to one database.
#[derive(Clone, Debug)]
pub(crate) struct Pools {
    /// For queries.
    pub(crate) read: Pool<Db>,
    /// For everything else. One connection: writers queue here, in order and without polling, rather than at the
    /// file's lock. Nobody who holds it may ask for another connection: in memory, it is the only one.
    pub(crate) write: Pool<Db>,
}

/// Opens the database, making it if need be. There is no server to wait for.
pub(crate) async fn open(database: &Database, _patience: Duration) -> Result<Pools, sqlx::Error> {
    let options = SqliteConnectOptions::new()
        .busy_timeout(BUSY_TIMEOUT)
        .statement_cache_capacity(STATEMENTS)
        .pragma("cache_size", CACHE_SIZE)
        .create_if_missing(true);
    match database {
        Database::Memory => {
            let only = connect(options.in_memory(true), 1).await?;
            Ok(Pools { read: only.clone(), write: only })
        }
        Database::File(path) => {
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            make_private(path)?;
            // With WAL, NORMAL keeps what was committed through a crash of this process; a power failure may cost the
            // last commits, never the file.
            let options = options
                .filename(path)
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Normal);
            let write = connect(options.clone(), 1).await?;
            let read = pool(READERS).connect_lazy_with(options);
            Ok(Pools { read, write })
        }
        Database::Postgres(_) => Err(not_here(database)),
    }
}

/// The same, of a file that is there, for a look that changes nothing: not even how the file is kept.
pub(crate) async fn look(database: &Database) -> Result<Pools, sqlx::Error> {
    let Database::File(path) = database else { return Err(not_here(database)) };
    let options = SqliteConnectOptions::new().filename(path).busy_timeout(BUSY_TIMEOUT);
    let read = connect(options.clone().read_only(true), 1).await?;
    Ok(Pools { read, write: pool(1).connect_lazy_with(options) })
}

/// Makes the tables or brings them up to date.
pub(crate) async fn migrate(write: &Pool<Db>) -> Result<(), MigrateError> {
    MIGRATIONS.run(write).await
}

/// Whether there is such a table.
pub(crate) async fn has_table(read: &Pool<Db>, name: &str) -> Result<bool, sqlx::Error> {
    let found: Option<i64> =
        sqlx::query_scalar("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = $1")
            .bind(name)
            .fetch_optional(read)
            .await?;
    Ok(found.is_some())
}

/// Makes the file, if it is not there, so that only its owner reads it: it holds what passwords can be tried against.
/// SQLite gives its companions the same rights.
fn make_private(path: &Path) -> std::io::Result<()> {
    let mut file = OpenOptions::new();
    file.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut file, 0o600);
    file.open(path).map(drop)
}

fn pool(connections: u32) -> SqlitePoolOptions {
    // Connections are kept: to close idle ones would need a timer in a process that has nothing to do.
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
}

async fn connect(options: SqliteConnectOptions, connections: u32) -> Result<SqlitePool, sqlx::Error> {
    pool(connections).connect_with(options).await
}

/// There is no clock but this machine's.
pub(crate) async fn unix_s(_read: &Pool<Db>) -> Result<Option<i64>, sqlx::Error> {
    Ok(None)
}

/// Begins a transaction that only reads, and sees the database as it is now until it ends.
pub(crate) async fn snapshot(read: &Pool<Db>) -> Result<Transaction<'static, Db>, sqlx::Error> {
    let mut snapshot = read.begin().await?;
    // It is taken with the first look.
    sqlx::query("SELECT 1 FROM sqlite_master LIMIT 1").fetch_optional(&mut *snapshot).await?;
    Ok(snapshot)
}

/// Begins a transaction that is going to write. The lock is taken at once, since SQLite refuses a transaction that
/// has read and then finds that somebody else has written. Whatever it is about waits for everything else; but what
/// assets consist of is on disk when it is committed, and not merely safe from the end of this process.
pub(crate) async fn begin(write: &Pool<Db>, about: About) -> Result<Transaction<'static, Db>, sqlx::Error> {
    let begin = match about {
        About::Content(_) => "PRAGMA synchronous = FULL; BEGIN IMMEDIATE",
        _ => "PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE",
    };
    write.begin_with(begin).await
}
