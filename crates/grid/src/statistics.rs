use async_trait::async_trait;
use model::RegionId;
use services::Result;
use std::collections::BTreeMap;

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

/// Where a grid's figures come from.
#[async_trait]
pub trait Statistics: Send + Sync {
    /// How large the grid is, now.
    async fn statistics(&self) -> Result<GridStatistics>;

    /// How many people stand in each region where somebody does.
    async fn people_by_region(&self) -> Result<BTreeMap<RegionId, u64>>;
}
