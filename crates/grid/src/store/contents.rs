//! What assets consist of: in the table `contents`, or outside of the database, where `blobs` says what is there.
//!
//! Outside, nothing is cleared away with the asset that had it: somebody may be storing the same at this moment. Whoever
//! stores something notes that it is wanted *before* it looks whether it is there; what nobody has wanted for a day, and no
//! asset has, [`SqlStore::clear_contents`] takes away, holding the note meanwhile.

use super::{Db, SqlStore, broken};
use crate::blobs::{Blobs, Hash, hash_of};
use crate::engine::About;
use services::{Result, ServiceError};
use sqlx::Transaction;
use std::sync::Arc;

/// Seconds for which a content is kept that no asset has.
const SPARED_S: i64 = 24 * 60 * 60;
/// Contents that are looked at in one go.
const MANY: i64 = 200;

pub(super) const PUT_CONTENT: &str =
    "INSERT INTO contents (hash, data) VALUES ($1, $2) ON CONFLICT (hash) DO NOTHING";

/// Content that no asset has any more.
const DROP_CONTENT: &str =
    "DELETE FROM contents WHERE hash = $1 AND NOT EXISTS (SELECT 1 FROM assets WHERE assets.hash = $1)";

const WANT: &str = "INSERT INTO blobs (hash, bytes, stored, wanted) VALUES ($1, $2, FALSE, $3) \
     ON CONFLICT (hash) DO UPDATE SET wanted = $3 RETURNING stored";

const UNWANTED: &str = "SELECT hash FROM blobs WHERE wanted < $1 \
     AND NOT EXISTS (SELECT 1 FROM assets WHERE assets.hash = blobs.hash) ORDER BY wanted LIMIT $2";

const CLEAR: &str = "DELETE FROM blobs WHERE hash = $1 AND wanted < $2 \
     AND NOT EXISTS (SELECT 1 FROM assets WHERE assets.hash = $1)";

impl SqlStore {
    /// Sees to it that a content is kept, and begins the change that gives it to an asset.
    pub(super) async fn keep_content(
        &self,
        hash: &Hash,
        data: &Arc<[u8]>,
    ) -> Result<Transaction<'static, Db>> {
        if let Some(blobs) = &self.blobs {
            self.put_blob(blobs, hash, data.clone()).await?;
            return self.begin(About::Contents).await;
        }
        let mut change = self.begin(About::Contents).await?;
        sqlx::query(PUT_CONTENT)
            .bind(&hash[..])
            .bind(&data[..])
            .execute(&mut *change)
            .await
            .map_err(broken)?;
        Ok(change)
    }

    async fn put_blob(&self, blobs: &Blobs, hash: &Hash, data: Arc<[u8]>) -> Result<()> {
        let stored: bool = sqlx::query_scalar(WANT)
            .bind(&hash[..])
            .bind(i64::try_from(data.len()).unwrap_or(i64::MAX))
            .bind(self.now_s())
            .fetch_one(self.write())
            .await
            .map_err(broken)?;
        if stored {
            return Ok(());
        }
        blobs.put(hash, data).await?;
        sqlx::query("UPDATE blobs SET stored = TRUE WHERE hash = $1")
            .bind(&hash[..])
            .execute(self.write())
            .await
            .map_err(broken)?;
        Ok(())
    }

    /// An asset does not have this content any more.
    pub(super) async fn drop_content(
        &self,
        change: &mut Transaction<'static, Db>,
        hash: &[u8],
    ) -> Result<()> {
        sqlx::query(DROP_CONTENT).bind(hash).execute(&mut **change).await.map_err(broken)?;
        Ok(())
    }

    /// A content that is not in the database.
    pub(super) async fn fetch(&self, hash: &[u8], bytes_max: usize) -> Result<Arc<[u8]>> {
        let hash = Hash::try_from(hash).map_err(ServiceError::unavailable)?;
        match &self.blobs {
            Some(blobs) => blobs.get(&hash, bytes_max).await,
            None => {
                Err(ServiceError::Unavailable("an asset is kept where this process does not look".into()))
            }
        }
    }

    /// Moves contents out of the database, if they are to be elsewhere. How many: none, once all are.
    pub(crate) async fn move_contents(&self) -> Result<usize> {
        let Some(blobs) = &self.blobs else { return Ok(0) };
        let hashes: Vec<Vec<u8>> = sqlx::query_scalar("SELECT hash FROM contents LIMIT $1")
            .bind(MANY)
            .fetch_all(self.read())
            .await
            .map_err(broken)?;
        for hash in &hashes {
            let data: Option<Vec<u8>> = sqlx::query_scalar("SELECT data FROM contents WHERE hash = $1")
                .bind(hash)
                .fetch_optional(self.read())
                .await
                .map_err(broken)?;
            // Another process may be moving them, too.
            let Some(data) = data else { continue };
            // A name that does not fit would never be found again.
            if hash_of(&data)[..] != hash[..] {
                return Err(ServiceError::Unavailable("a content in the database is spoilt".into()));
            }
            self.put_blob(blobs, &hash_of(&data), Arc::from(data)).await?;
            sqlx::query("DELETE FROM contents WHERE hash = $1")
                .bind(hash)
                .execute(self.write())
                .await
                .map_err(broken)?;
        }
        Ok(hashes.len())
    }

    /// Clears away what no asset has. How many contents.
    pub(crate) async fn clear_contents(&self) -> Result<usize> {
        let Some(blobs) = &self.blobs else { return Ok(0) };
        let before = self.now_s() - SPARED_S;
        let unwanted: Vec<Vec<u8>> = sqlx::query_scalar(UNWANTED)
            .bind(before)
            .bind(MANY)
            .fetch_all(self.read())
            .await
            .map_err(broken)?;
        let mut cleared = 0;
        for hash in unwanted {
            let named = Hash::try_from(&hash[..]).map_err(ServiceError::unavailable)?;
            let mut change = self.begin(About::Contents).await?;
            let done =
                sqlx::query(CLEAR).bind(&hash).bind(before).execute(&mut *change).await.map_err(broken)?;
            if done.rows_affected() > 0 {
                // While whoever stores the same waits for the note.
                blobs.delete(&named).await?;
                cleared += 1;
            }
            change.commit().await.map_err(broken)?;
        }
        Ok(cleared)
    }
}
