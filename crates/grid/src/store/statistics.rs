use super::{SqlStore, broken, narrow};
use crate::{GridStatistics, Statistics};
use async_trait::async_trait;
use model::{RegionId, Uuid};
use services::{RegionFlags, Result};
use std::collections::BTreeMap;

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

    async fn people_by_region(&self) -> Result<BTreeMap<RegionId, u64>> {
        let counts: Vec<(Uuid, i64)> =
            sqlx::query_as("SELECT region, COUNT(*) FROM presences WHERE region <> $1 GROUP BY region")
                .bind(Uuid::nil())
                .fetch_all(self.read())
                .await
                .map_err(broken)?;
        Ok(counts.into_iter().map(|(region, count)| (RegionId(region), narrow(count))).collect())
    }
}
