//! The grid at a glance: its size, its regions, and how many stand where. Whoever looks at the login page asks for it,
//! so it is kept for a moment, and counted once however many ask.

use grid::{GridStatistics, Kept, LoginRecords, Statistics};
use model::RegionId;
use services::{RegionInfo, Services};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How long it is kept.
const AGE: Duration = Duration::from_secs(2);
/// Regions at most.
pub(crate) const REGIONS: usize = 2000;

/// Where pages read.
#[derive(Clone)]
pub struct GridData {
    /// The grid's services.
    pub services: Services,
    /// How large it is.
    pub statistics: Arc<dyn Statistics>,
    /// What somebody has done too often.
    pub records: Arc<dyn LoginRecords>,
}

/// What is shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct Overview {
    pub(crate) counted: GridStatistics,
    /// By name.
    pub(crate) regions: Vec<RegionInfo>,
    pub(crate) people: BTreeMap<RegionId, u64>,
}

/// The overview of a moment ago.
pub(crate) struct Overviews {
    data: GridData,
    kept: Kept<Overview>,
}

impl Overviews {
    pub(crate) fn new(data: GridData) -> Self {
        Self { data, kept: Kept::new("the grid's overview", AGE) }
    }

    /// The latest, or an older one while the grid does not answer.
    pub(crate) async fn get(&self) -> services::Result<Arc<Overview>> {
        self.kept.get(|| read(self.data.clone())).await
    }
}

async fn read(data: GridData) -> services::Result<Overview> {
    let GridData { services, statistics, .. } = data;
    let counted = statistics.statistics().await?;
    let people = statistics.people_by_region().await?;
    let mut regions = services.grid.online_regions(0, 0, REGIONS).await?;
    regions.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(Overview { counted, regions, people })
}
