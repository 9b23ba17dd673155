use crate::{RegionFlags, RegionInfo, Result};
use async_trait::async_trait;
use model::RegionId;
use std::collections::BTreeMap;

/// The map of regions. Coordinates are global metres.
#[async_trait]
pub trait GridService: Send + Sync {
    /// Enters a region, or renews its entry; it is online from now on. Repeating it changes nothing.
    ///
    /// # Errors
    /// `Refused` in words for the operator of the simulator: the place or the name is taken, the region is locked
    /// out or may not move. `Invalid` if the region cannot exist (null id, odd size).
    async fn register(&self, region: &RegionInfo) -> Result<()>;

    /// Strikes a region out; a persistent one goes offline instead. Whether it was there.
    async fn deregister(&self, id: RegionId) -> Result<bool>;

    /// The region with this id.
    async fn by_id(&self, id: RegionId) -> Result<Option<RegionInfo>>;

    /// The region that covers this point.
    async fn by_position(&self, x_m: u32, y_m: u32) -> Result<Option<RegionInfo>>;

    /// The region with exactly this name, case aside.
    async fn by_name(&self, name: &str) -> Result<Option<RegionInfo>>;

    /// Regions with this in their name, case aside: the one that is called so, then those that begin so, then the
    /// others, each by name; at most `limit`.
    async fn search(&self, name: &str, limit: usize) -> Result<Vec<RegionInfo>>;

    /// Regions that touch a rectangle, bounds included; by place, from the south-west.
    async fn range(&self, min_x_m: u32, min_y_m: u32, max_x_m: u32, max_y_m: u32) -> Result<Vec<RegionInfo>>;

    /// Regions that touch this one, corners included.
    async fn neighbours(&self, id: RegionId) -> Result<Vec<RegionInfo>>;

    /// Online regions flagged as default, by name.
    async fn default_regions(&self) -> Result<Vec<RegionInfo>>;

    /// Online regions for visitors of other grids without a better place: those flagged so by name, then the default
    /// regions.
    async fn default_hypergrid_regions(&self) -> Result<Vec<RegionInfo>>;

    /// Regions that stand for regions of other grids, by name.
    async fn hyperlinks(&self) -> Result<Vec<RegionInfo>>;

    /// Online regions flagged as fallback, nearest first.
    async fn fallback_regions(&self, x_m: u32, y_m: u32) -> Result<Vec<RegionInfo>>;

    /// Online regions, nearest first, at most `limit`.
    async fn online_regions(&self, x_m: u32, y_m: u32, limit: usize) -> Result<Vec<RegionInfo>>;

    /// The flags of a region.
    async fn flags(&self, id: RegionId) -> Result<Option<RegionFlags>>;

    /// What the grid has simulators tell viewers of it (`map-server-url`, `search-server-url`, `GridName` ...), by name.
    async fn extra_features(&self) -> Result<BTreeMap<String, String>>;

    /// Sets and clears flags of a region, as its grid's operator wishes. Whether it is there.
    async fn set_flags(&self, id: RegionId, set: RegionFlags, clear: RegionFlags) -> Result<bool>;

    /// What was told of a region is no longer so: its simulator does not answer, or does not know it. Whoever remembers
    /// what it was told asks anew.
    fn forget(&self, _id: RegionId) {}
}
