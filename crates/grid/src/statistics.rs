use crate::kept::Kept;
use async_trait::async_trait;
use model::RegionId;
use services::Result;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// For how long figures that everybody may ask for are kept.
const AGE: Duration = Duration::from_secs(2);

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

/// How large the grid was a moment ago, counted once however many ask.
pub(crate) struct KeptStatistics {
    from: Arc<dyn Statistics>,
    kept: Kept<GridStatistics>,
}

impl KeptStatistics {
    pub(crate) fn new(from: Arc<dyn Statistics>) -> Self {
        Self { from, kept: Kept::new("the count of the grid", AGE) }
    }

    pub(crate) async fn get(&self) -> Result<Arc<GridStatistics>> {
        let from = self.from.clone();
        self.kept.get(|| async move { from.statistics().await }).await
    }
}
