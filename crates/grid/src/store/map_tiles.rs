use super::{SqlStore, broken};
use async_trait::async_trait;
use model::GridCell;
use services::{MapTileService, Result, ServiceError};
use std::sync::Arc;

/// Bytes of one picture; real ones have some ten thousand.
const LEAST: usize = 10;
const MOST: usize = 512 * 1024;
/// What every JPEG begins with. These pictures are shown to everybody, so nothing else is taken for one.
const JPEG: [u8; 2] = [0xFF, 0xD8];

#[async_trait]
impl MapTileService for SqlStore {
    async fn put(&self, cell: GridCell, jpeg: Arc<[u8]>) -> Result<()> {
        if !(LEAST..=MOST).contains(&jpeg.len()) || !jpeg.starts_with(&JPEG) {
            return Err(ServiceError::Invalid(format!("a map tile is a JPEG of at most {MOST} bytes")));
        }
        sqlx::query(
            "INSERT INTO map_tiles (x, y, jpeg) VALUES ($1, $2, $3) \
             ON CONFLICT (x, y) DO UPDATE SET jpeg = excluded.jpeg",
        )
        .bind(i64::from(cell.x))
        .bind(i64::from(cell.y))
        .bind(&jpeg[..])
        .execute(self.write())
        .await
        .map_err(broken)?;
        Ok(())
    }

    async fn remove(&self, cell: GridCell) -> Result<bool> {
        let done = sqlx::query("DELETE FROM map_tiles WHERE x = $1 AND y = $2")
            .bind(i64::from(cell.x))
            .bind(i64::from(cell.y))
            .execute(self.write())
            .await
            .map_err(broken)?;
        Ok(done.rows_affected() > 0)
    }

    async fn get(&self, cell: GridCell) -> Result<Option<Arc<[u8]>>> {
        let jpeg: Option<Vec<u8>> = sqlx::query_scalar("SELECT jpeg FROM map_tiles WHERE x = $1 AND y = $2")
            .bind(i64::from(cell.x))
            .bind(i64::from(cell.y))
            .fetch_optional(self.read())
            .await
            .map_err(broken)?;
        Ok(jpeg.map(Arc::from))
    }
}
