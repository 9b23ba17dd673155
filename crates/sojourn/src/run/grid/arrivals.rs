//! Where those arrive who have no better place: without an operator's word, in the first region that registered.

use super::{RegionFlags, RegionInfo};
use async_trait::async_trait;
use model::RegionId;
use services::{GridService, Result};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::Mutex;

/// The map of regions, which sees to that.
pub(super) struct FirstRegion {
    inner: Arc<dyn GridService>,
    /// One looks at a time. Two processes may both appoint one: then there are two.
    looking: Mutex<()>,
}

impl FirstRegion {
    pub(super) fn new(inner: Arc<dyn GridService>) -> Self {
        Self { inner, looking: Mutex::new(()) }
    }

    async fn appoint(&self, region: &RegionInfo) -> Result<()> {
        let _turn = self.looking.lock().await;
        if self.inner.default_regions().await?.is_empty() {
            let arrivals = RegionFlags::DEFAULT_REGION | RegionFlags::FALLBACK_REGION;
            self.inner.set_flags(region.id, arrivals, RegionFlags::empty()).await?;
            tracing::info!(region = region.name, "whoever has no better place arrives in this region");
        }
        Ok(())
    }
}

#[async_trait]
impl GridService for FirstRegion {
    async fn register(&self, region: &RegionInfo) -> Result<()> {
        self.inner.register(region).await?;
        if let Err(error) = self.appoint(region).await {
            tracing::warn!(%error, "nobody knows whether there is a region to arrive in");
        }
        Ok(())
    }

    async fn deregister(&self, id: RegionId) -> Result<bool> {
        self.inner.deregister(id).await
    }

    async fn by_id(&self, id: RegionId) -> Result<Option<RegionInfo>> {
        self.inner.by_id(id).await
    }

    async fn by_position(&self, x_m: u32, y_m: u32) -> Result<Option<RegionInfo>> {
        self.inner.by_position(x_m, y_m).await
    }

    async fn by_name(&self, name: &str) -> Result<Option<RegionInfo>> {
        self.inner.by_name(name).await
    }

    async fn search(&self, name: &str, limit: usize) -> Result<Vec<RegionInfo>> {
        self.inner.search(name, limit).await
    }

    async fn range(&self, min_x_m: u32, min_y_m: u32, max_x_m: u32, max_y_m: u32) -> Result<Vec<RegionInfo>> {
        self.inner.range(min_x_m, min_y_m, max_x_m, max_y_m).await
    }

    async fn neighbours(&self, id: RegionId) -> Result<Vec<RegionInfo>> {
        self.inner.neighbours(id).await
    }

    async fn default_regions(&self) -> Result<Vec<RegionInfo>> {
        self.inner.default_regions().await
    }

    async fn default_hypergrid_regions(&self) -> Result<Vec<RegionInfo>> {
        self.inner.default_hypergrid_regions().await
    }

    async fn hyperlinks(&self) -> Result<Vec<RegionInfo>> {
        self.inner.hyperlinks().await
    }

    async fn fallback_regions(&self, x_m: u32, y_m: u32) -> Result<Vec<RegionInfo>> {
        self.inner.fallback_regions(x_m, y_m).await
    }

    async fn online_regions(&self, x_m: u32, y_m: u32, limit: usize) -> Result<Vec<RegionInfo>> {
        self.inner.online_regions(x_m, y_m, limit).await
    }

    async fn flags(&self, id: RegionId) -> Result<Option<RegionFlags>> {
        self.inner.flags(id).await
    }

    async fn extra_features(&self) -> Result<BTreeMap<String, String>> {
        self.inner.extra_features().await
    }

    async fn set_flags(&self, id: RegionId, set: RegionFlags, clear: RegionFlags) -> Result<bool> {
        self.inner.set_flags(id, set, clear).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use grid::{Database, HashCost, SqlStore, SystemClock};
    use model::{RegionHandle, RegionSize, Uuid};

    #[tokio::test]
    async fn the_first_region_takes_whoever_has_no_better_place() {
        let clock = Arc::new(SystemClock);
        let store = SqlStore::open(&Database::Memory, clock, [1; 32], HashCost::default()).await.unwrap();
        let grid = FirstRegion::new(store.services().grid);
        let region = |n: u32| RegionInfo {
            id: RegionId(Uuid::from_u128(n.into())),
            name: format!("Region {n}"),
            handle: RegionHandle::from_metres(256 * n, 256),
            size: RegionSize::STANDARD,
            external_host: "127.0.0.1".into(),
            http_port: 9000,
            udp_port: 9000 + u16::try_from(n).unwrap(),
            server_uri: "http://127.0.0.1:9000/".into(),
            ..RegionInfo::default()
        };
        let arrivals = async || -> Vec<String> {
            grid.default_regions().await.unwrap().into_iter().map(|region| region.name).collect()
        };
        grid.register(&region(1)).await.unwrap();
        grid.register(&region(2)).await.unwrap();
        assert_eq!(arrivals().await, ["Region 1"]);
        assert_eq!(grid.fallback_regions(0, 0).await.unwrap().len(), 1);
        grid.deregister(region(1).id).await.unwrap();
        grid.register(&region(2)).await.unwrap();
        assert_eq!(arrivals().await, ["Region 2"]);
    }
}
