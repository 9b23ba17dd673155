use crate::Result;
use async_trait::async_trait;
use model::GridCell;
use std::sync::Arc;

/// Pictures of the ground from above, one JPEG a grid cell, as simulators hand them in.
#[async_trait]
pub trait MapTileService: Send + Sync {
    /// Stores the picture of a cell; the one before it is gone.
    ///
    /// # Errors
    /// `Invalid` if it is no JPEG, or too large.
    async fn put(&self, cell: GridCell, jpeg: Arc<[u8]>) -> Result<()>;

    /// Removes the picture of a cell. Whether it was there.
    async fn remove(&self, cell: GridCell) -> Result<bool>;

    /// The picture of a cell.
    async fn get(&self, cell: GridCell) -> Result<Option<Arc<[u8]>>>;
}
