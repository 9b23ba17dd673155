//! What can be said of a database without changing it.

use super::engine::{self, Pools};
use super::{SqlStore, broken};
use crate::Database;
use services::{Result, ServiceError};

/// A database, looked at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Examined {
    /// The last change of its tables that this program knows.
    pub known: i64,
    /// The last that was made; `None` if there are no tables of ours.
    pub made: Option<i64>,
    /// Why it cannot be written to, if it cannot.
    pub read_only: Option<String>,
    /// Accounts in it.
    pub accounts: Option<i64>,
}

impl SqlStore {
    /// Looks at a database, and changes nothing. One in memory or in a file that is not there yet is as if it were
    /// empty.
    ///
    /// # Errors
    /// It cannot be opened, or does not answer.
    pub async fn examine(database: &Database) -> Result<Examined> {
        let known = sqlx::migrate!().iter().map(|change| change.version).max().unwrap_or_default();
        let absent = match database {
            Database::Memory => true,
            Database::File(path) => !path.exists(),
        };
        if absent {
            return Ok(Examined { known, made: None, read_only: None, accounts: None });
        }
        let pools = engine::open(database).await.map_err(broken)?;
        // Where the table is missing, so is everything.
        let made = sqlx::query_scalar("SELECT MAX(version) FROM _sqlx_migrations WHERE success")
            .fetch_one(&pools.read)
            .await
            .unwrap_or(None);
        let accounts = sqlx::query_scalar("SELECT COUNT(*) FROM accounts").fetch_one(&pools.read).await.ok();
        let read_only = match writes(&pools).await {
            Ok(()) => None,
            Err(ServiceError::Unavailable(why)) => Some(why),
            Err(other) => return Err(other),
        };
        pools.read.close().await;
        pools.write.close().await;
        Ok(Examined { known, made, read_only, accounts })
    }
}

/// Begins a change, and does not make it.
async fn writes(pools: &Pools) -> Result<()> {
    let change = engine::begin(&pools.write).await.map_err(broken)?;
    change.rollback().await.map_err(broken)
}
