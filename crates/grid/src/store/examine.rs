//! What can be said of a database without changing it.

use super::engine::{self, Pools};
use super::{SqlStore, apart_s, broken};
use crate::engine::{About, MIGRATIONS};
use crate::{Database, Examined, SystemClock};
use services::{Result, ServiceError};

impl SqlStore {
    pub(crate) async fn examine(database: &Database) -> Result<Examined> {
        let known = MIGRATIONS.iter().map(|change| change.version).max().unwrap_or_default();
        let absent = match database {
            Database::Memory => true,
            Database::File(path) => !path.exists(),
            Database::Postgres(_) => false,
        };
        if absent {
            return Ok(Examined { known, made: None, read_only: None, accounts: None, apart_s: None });
        }
        let pools = engine::look(database).await.map_err(broken)?;
        // Where the table is missing, so is everything.
        let made: Option<i64> =
            match engine::has_table(&pools.read, "_sqlx_migrations").await.map_err(broken)? {
                false => None,
                true => sqlx::query_scalar("SELECT MAX(version) FROM _sqlx_migrations WHERE success")
                    .fetch_one(&pools.read)
                    .await
                    .map_err(broken)?,
            };
        let accounts = match engine::has_table(&pools.read, "accounts").await.map_err(broken)? {
            false => None,
            true => {
                let count = sqlx::query_scalar("SELECT COUNT(*) FROM accounts");
                Some(count.fetch_one(&pools.read).await.map_err(broken)?)
            }
        };
        let read_only = match writes(&pools).await {
            Ok(()) => None,
            Err(ServiceError::Unavailable(why)) => Some(why),
            Err(other) => return Err(other),
        };
        let apart_s = apart_s(&pools, &SystemClock).await?;
        pools.read.close().await;
        pools.write.close().await;
        Ok(Examined { known, made, read_only, accounts, apart_s })
    }
}

/// Begins a change, and does not make it.
async fn writes(pools: &Pools) -> Result<()> {
    let change = engine::begin(&pools.write, About::Map).await.map_err(broken)?;
    change.rollback().await.map_err(broken)
}
