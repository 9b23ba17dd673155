use super::{SqlStore, broken, narrow};
use services::{RegionFlags, Result};

/// Who has logged in within so many seconds counts as active: 30 days.
const ACTIVE_S: i64 = 30 * 24 * 60 * 60;

/// What a grid tells everybody about its size.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct GridStatistics {
    /// Accounts.
    pub residents: u64,
    /// People who logged in during the last 30 days.
    pub active_users: u64,
    /// People who are logged in.
    pub online_users: u64,
    /// Regions online.
    pub regions: u64,
}

impl SqlStore {
    /// How large the grid is.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn statistics(&self) -> Result<GridStatistics> {
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
