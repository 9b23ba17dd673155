//! PostgreSQL: a server, shared by any number of grids' processes.
//!
//! Changes about the same thing wait for each other at an advisory lock of the transaction, so that the isolation level
//! can stay the default. The server bounds what it does for us; what it does not answer at all, callers bound.

#[cfg(test)]
pub(crate) mod fresh;

use super::{About, Database, MIGRATIONS, PostgresUrl, not_here};
use sqlx::migrate::MigrateError;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};
use sqlx::{Connection as _, Pool, Transaction};
use std::time::{Duration, Instant};

/// The driver.
pub(crate) type Db = sqlx::Postgres;

/// Connections of one process. A server's default is a hundred for all.
const CONNECTIONS: u32 = 12;
/// How long a caller waits for a connection: also for a server that restarts.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// A connection that nobody has used for so long is tried before it is used: the server may have restarted.
const DOUBTFUL: Duration = Duration::from_millis(500);
/// Between two tries.
const PAUSE: Duration = Duration::from_secs(1);
/// Statements kept prepared by a connection.
const STATEMENTS: usize = 256;
/// What the server bounds: statements, waits for locks, transactions in which nothing happens.
const BOUNDS: [(&str, &str); 3] =
    [("statement_timeout", "15s"), ("lock_timeout", "10s"), ("idle_in_transaction_session_timeout", "30s")];

/// Connections to one database.
#[derive(Clone, Debug)]
pub(crate) struct Pools {
    /// For queries.
    pub(crate) read: Pool<Db>,
    /// For everything else. The same connections: here readers and writers do not wait for each other.
    pub(crate) write: Pool<Db>,
}

/// Opens the database, once its server is up, which it may take so long for. Its tables are made by the migrations; the
/// database itself has to be there.
pub(crate) async fn open(database: &Database, patience: Duration) -> Result<Pools, sqlx::Error> {
    let Database::Postgres(url) = database else { return Err(not_here(database)) };
    let options = url.options()?.application_name("sojourn").statement_cache_capacity(STATEMENTS);
    let options = options.options(BOUNDS);
    wait_for(&options, url, patience).await?;
    let all = pool(options);
    Ok(Pools { read: all.clone(), write: all })
}

/// The same, for a look that changes nothing.
pub(crate) async fn look(database: &Database) -> Result<Pools, sqlx::Error> {
    open(database, Duration::ZERO).await
}

/// Makes the tables or brings them up to date, however long that takes: large tables get indexes, and who starts at the
/// same moment waits.
pub(crate) async fn migrate(write: &Pool<Db>) -> Result<(), MigrateError> {
    let mut connection = unbounded(write).await?;
    MIGRATIONS.run(&mut *connection).await
}

/// A connection that the server does not bound, and that nobody else gets afterwards.
async fn unbounded(write: &Pool<Db>) -> Result<PoolConnection<Db>, sqlx::Error> {
    let mut connection = write.acquire().await?;
    connection.close_on_drop();
    for (bound, _) in BOUNDS {
        sqlx::query("SELECT set_config($1, '0', FALSE)").bind(bound).execute(&mut *connection).await?;
    }
    Ok(connection)
}

/// Whether there is such a table.
pub(crate) async fn has_table(read: &Pool<Db>, name: &str) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL").bind(name).fetch_one(read).await
}

fn pool(options: PgConnectOptions) -> Pool<Db> {
    PgPoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .before_acquire(|connection, known| {
            Box::pin(async move {
                if known.idle_for > DOUBTFUL {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .connect_lazy_with(options)
}

async fn wait_for(
    options: &PgConnectOptions,
    url: &PostgresUrl,
    patience: Duration,
) -> Result<(), sqlx::Error> {
    let deadline = Instant::now() + patience;
    loop {
        let Err(error) = try_once(options).await else { return Ok(()) };
        if !may_pass(&error) || Instant::now() + PAUSE > deadline {
            return Err(error);
        }
        tracing::info!(%url, %error, "the database is out of reach; trying again");
        tokio::time::sleep(PAUSE).await;
    }
}

/// Connects without the pool, which tries for as long as it may and then does not say what was in the way.
async fn try_once(options: &PgConnectOptions) -> Result<(), sqlx::Error> {
    let connecting = PgConnection::connect_with(options);
    let connected = tokio::time::timeout(ACQUIRE_TIMEOUT, connecting).await;
    connected.map_err(|_| std::io::Error::from(std::io::ErrorKind::TimedOut))??.close().await
}

/// Whether a server that is starting, or a network, may say so. A wrong password does not become right.
fn may_pass(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut => true,
        // Starting or stopping, and too many connections.
        sqlx::Error::Database(error) => {
            matches!(error.code().as_deref(), Some("57P01" | "57P02" | "57P03" | "53300"))
        }
        _ => false,
    }
}

/// What time it is by the server's clock, seconds since 1970.
pub(crate) async fn unix_s(read: &Pool<Db>) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar("SELECT EXTRACT(EPOCH FROM now())::BIGINT").fetch_one(read).await.map(Some)
}

/// Begins a transaction that only reads, and sees the database as it is now until it ends.
pub(crate) async fn snapshot(read: &Pool<Db>) -> Result<Transaction<'static, Db>, sqlx::Error> {
    let mut snapshot = read.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    // It is taken with the first look, and may be looked at for long.
    sqlx::query("SET LOCAL statement_timeout = 0").execute(&mut *snapshot).await?;
    sqlx::query("SELECT 1").execute(&mut *snapshot).await?;
    Ok(snapshot)
}

/// Begins a transaction that is going to write.
pub(crate) async fn begin(write: &Pool<Db>, about: About) -> Result<Transaction<'static, Db>, sqlx::Error> {
    let mut transaction = write.begin().await?;
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(about.number()).execute(&mut *transaction).await?;
    Ok(transaction)
}
