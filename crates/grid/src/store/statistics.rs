use super::{SqlStore, broken, narrow};
use crate::{GridStatistics, Statistics};
use async_trait::async_trait;
use services::{RegionFlags, Result};

/// Who has logged in within so many seconds counts as active: 30 days.
const ACTIVE_S: i64 = 30 * 24 * 60 * 60;

#[async_trait]
impl Statistics for SqlStore {
    async fn statistics(&self) -> Result<GridStatistics> {
        let counts: (i64, i64, i64, i64) = sqlx::query_as(
            "SELECT (SELECT COUNT(*) FROM accounts), (SELECT COUNT(*) FROM grid_users WHERE login > $1), \
             (SELECT COUNT(*) FROM presences), (SELECT COUNT(*) FROM regions WHERE (flags & $2) <> 0)",
        )
        .bind(self.now_s() - ACTIVE_S)
        .bind(i64::from(RegionFlags::ONLINE.bits()))
        .fetch_one(self.read())
        .await
        .map_err(broken)?;
        Ok(GridStatistics {
            residents: narrow(counts.0),
            active_users: narrow(counts.1),
            online_users: narrow(counts.2),
            regions: narrow(counts.3),
        })
    }
}
