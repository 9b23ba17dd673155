//! What assets consist of: in the table `contents`, or outside of the database, where `blobs` says what is there.
//!
//! Whoever takes a content from an asset, or is about to keep one outside, notes that it is loose; a day later
//! [`SqlStore::clear_contents`] looks whether an asset has it, and clears it away if not. So nothing has to be looked
//! through for what is left over, and whoever ends between two steps leaves at most something that is cleared later.
//!
//! Nothing is asked of the place outside while the database waits. A blob is cleared away in three steps, each of which
//! may be the last: it is said that it may be gone, it is deleted, it is forgotten. Whoever wants it back meanwhile keeps
//! it in the database, from where it is moved later.

use super::{Db, SqlStore, broken};
use crate::blobs::{Blobs, Hash, hashed};
use crate::engine::About;
use services::{Result, ServiceError};
use sqlx::Transaction;
use std::sync::Arc;

/// Seconds for which a content is kept that no asset has.
const SPARED_S: i64 = 24 * 60 * 60;
/// Who is clearing something away, and has not for so many seconds, will not.
const CLEARING_S: i64 = 10 * 60;
/// Seconds within which a deletion has to begin once it is said that something may be gone.
const BEGIN_S: i64 = 2 * 60;
/// Contents that are looked at in one go.
const MANY: i64 = 200;

pub(super) const PUT_CONTENT: &str =
    "INSERT INTO contents (hash, data) VALUES ($1, $2) ON CONFLICT (hash) DO NOTHING";

/// Content that no asset has any more.
const DROP_CONTENT: &str =
    "DELETE FROM contents WHERE hash = $1 AND NOT EXISTS (SELECT 1 FROM assets WHERE assets.hash = $1)";

const NOTE: &str = "INSERT INTO loose_contents (hash, since) VALUES ($1, $2) \
     ON CONFLICT (hash) DO UPDATE SET since = $2";

/// A note that nobody has renewed since it was read.
const FORGET_NOTE: &str = "DELETE FROM loose_contents WHERE hash = $1 AND since = $2";

const LOOSE: &str = "SELECT hash, since FROM loose_contents WHERE since < $1 ORDER BY since, hash LIMIT $2";

const WANT: &str = "INSERT INTO blobs (hash, bytes, stored, wanted) VALUES ($1, $2, FALSE, $3) \
     ON CONFLICT (hash) DO UPDATE SET wanted = $3 RETURNING stored, clearing";

/// That a blob may be gone from now on. Nobody has wanted it for long, and nobody else is about to delete it.
const MAY_BE_GONE: &str = "UPDATE blobs SET stored = FALSE, clearing = $2 \
     WHERE hash = $1 AND wanted < $3 AND clearing <= $4";

const FORGET_BLOB: &str = "DELETE FROM blobs WHERE hash = $1 AND clearing = $2";

/// What is to be done about a content that may be loose.
enum Loose {
    /// Nothing any more. How many contents were cleared away.
    Done(u64),
    /// It is to be deleted outside.
    Outside,
}

impl SqlStore {
    /// Sees to it that a content is kept, and begins the change that gives it to an asset.
    pub(super) async fn keep_content(
        &self,
        hash: &Hash,
        data: &Arc<[u8]>,
    ) -> Result<Transaction<'static, Db>> {
        let outside = match &self.blobs {
            Some(blobs) => self.put_blob(blobs, hash, data.clone()).await?,
            None => false,
        };
        let mut change = self.begin(About::Content(*hash)).await?;
        if !outside {
            let put = sqlx::query(PUT_CONTENT).bind(&hash[..]).bind(&data[..]);
            put.execute(&mut *change).await.map_err(broken)?;
        }
        Ok(change)
    }

    /// Sees to it that a content is kept outside; `false` while it is being cleared away from there.
    async fn put_blob(&self, blobs: &Blobs, hash: &Hash, data: Arc<[u8]>) -> Result<bool> {
        let now = self.now_s();
        // Before it is there, so that it is found should no asset get it.
        sqlx::query(NOTE).bind(&hash[..]).bind(now).execute(self.write()).await.map_err(broken)?;
        let (stored, clearing): (bool, i64) = sqlx::query_as(WANT)
            .bind(&hash[..])
            .bind(i64::try_from(data.len()).unwrap_or(i64::MAX))
            .bind(now)
            .fetch_one(self.write())
            .await
            .map_err(broken)?;
        if clearing > now - CLEARING_S {
            return Ok(false);
        }
        // The database may have been restored beside another folder or bucket.
        if stored && blobs.size(hash).await? == Some(data.len() as u64) {
            return Ok(true);
        }
        blobs.put(hash, data).await?;
        sqlx::query("UPDATE blobs SET stored = TRUE, clearing = 0 WHERE hash = $1")
            .bind(&hash[..])
            .execute(self.write())
            .await
            .map_err(broken)?;
        Ok(true)
    }

    /// Notes, with the change that takes it from an asset, that perhaps none has this content any more.
    pub(super) async fn let_go(&self, change: &mut Transaction<'static, Db>, hash: &[u8]) -> Result<()> {
        let note = sqlx::query(NOTE).bind(hash).bind(self.now_s());
        note.execute(&mut **change).await.map(drop).map_err(broken)
    }

    /// Takes a content out of the database at once that an asset has let go. What is outside is spared.
    pub(super) async fn drop_content(&self, hash: &[u8]) -> Result<()> {
        if self.blobs.is_some() {
            return Ok(());
        }
        let named = Hash::try_from(hash).map_err(ServiceError::unavailable)?;
        let mut change = self.begin(About::Content(named)).await?;
        sqlx::query(DROP_CONTENT).bind(hash).execute(&mut *change).await.map_err(broken)?;
        change.commit().await.map_err(broken)
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
        let mut moved = 0;
        for hash in &hashes {
            let data: Option<Vec<u8>> = sqlx::query_scalar("SELECT data FROM contents WHERE hash = $1")
                .bind(hash)
                .fetch_optional(self.read())
                .await
                .map_err(broken)?;
            // Another process may be moving them, too.
            let Some(data) = data else { continue };
            let data: Arc<[u8]> = Arc::from(data);
            let named = hashed(&data).await?;
            // A name that does not fit would never be found again.
            if named[..] != hash[..] {
                return Err(ServiceError::Unavailable("a content in the database is spoilt".into()));
            }
            if !self.put_blob(blobs, &named, data).await? {
                continue;
            }
            sqlx::query("DELETE FROM contents WHERE hash = $1")
                .bind(hash)
                .execute(self.write())
                .await
                .map_err(broken)?;
            moved += 1;
        }
        Ok(moved)
    }

    /// Clears away what no asset has. How many contents.
    pub(crate) async fn clear_contents(&self) -> Result<u64> {
        let mut cleared = 0;
        loop {
            let loose: Vec<(Vec<u8>, i64)> = sqlx::query_as(LOOSE)
                .bind(self.now_s() - SPARED_S)
                .bind(MANY)
                .fetch_all(self.read())
                .await
                .map_err(broken)?;
            for (hash, since) in &loose {
                let hash = Hash::try_from(&hash[..]).map_err(ServiceError::unavailable)?;
                cleared += self.clear_content(&hash, *since).await?;
            }
            if i64::try_from(loose.len()).unwrap_or(MANY) < MANY {
                return Ok(cleared);
            }
        }
    }

    /// Clears a content away if no asset has it. How many were.
    async fn clear_content(&self, hash: &Hash, since: i64) -> Result<u64> {
        let mark = self.now_s();
        let outside = match self.let_be_gone(hash, since, mark).await? {
            Loose::Done(cleared) => return Ok(cleared),
            Loose::Outside => self.blobs.as_ref(),
        };
        // Whoever stood still for so long does not know any more that nobody wants it back.
        let Some(outside) = outside.filter(|_| self.now_s() - mark < BEGIN_S) else { return Ok(0) };
        outside.delete(hash).await?;
        let mut change = self.begin(About::Content(*hash)).await?;
        let forgotten = sqlx::query(FORGET_BLOB).bind(&hash[..]).bind(mark);
        let cleared = forgotten.execute(&mut *change).await.map_err(broken)?.rows_affected();
        let note = sqlx::query(FORGET_NOTE).bind(&hash[..]).bind(since);
        note.execute(&mut *change).await.map_err(broken)?;
        change.commit().await.map_err(broken)?;
        Ok(cleared)
    }

    /// The first step: from here on a content may be gone, and the database knows.
    async fn let_be_gone(&self, hash: &Hash, since: i64, mark: i64) -> Result<Loose> {
        let mut change = self.begin(About::Content(*hash)).await?;
        let mut cleared = 0;
        let again =
            if is_in(&mut change, "SELECT CAST(1 AS BIGINT) FROM assets WHERE hash = $1 LIMIT 1", hash)
                .await?
            {
                false
            } else {
                let drop = sqlx::query(DROP_CONTENT).bind(&hash[..]);
                cleared = drop.execute(&mut *change).await.map_err(broken)?.rows_affected();
                if self.blobs.is_some() && may_be_gone(&mut change, hash, mark).await? {
                    change.commit().await.map_err(broken)?;
                    return Ok(Loose::Outside);
                }
                is_in(&mut change, "SELECT CAST(1 AS BIGINT) FROM blobs WHERE hash = $1", hash).await?
            };
        // What is not for us to clear, or not now, is looked at again in a day.
        let (noted, at) = if again { (NOTE, mark) } else { (FORGET_NOTE, since) };
        sqlx::query(noted).bind(&hash[..]).bind(at).execute(&mut *change).await.map_err(broken)?;
        change.commit().await.map_err(broken)?;
        Ok(Loose::Done(cleared))
    }
}

async fn may_be_gone(change: &mut Transaction<'static, Db>, hash: &Hash, mark: i64) -> Result<bool> {
    let gone = sqlx::query(MAY_BE_GONE)
        .bind(&hash[..])
        .bind(mark)
        .bind(mark - SPARED_S)
        .bind(mark - CLEARING_S)
        .execute(&mut **change)
        .await
        .map_err(broken)?;
    Ok(gone.rows_affected() > 0)
}

/// Whether this statement finds the content anywhere.
async fn is_in(change: &mut Transaction<'static, Db>, statement: &'static str, hash: &Hash) -> Result<bool> {
    let found: Option<i64> =
        sqlx::query_scalar(statement).bind(&hash[..]).fetch_optional(&mut **change).await.map_err(broken)?;
    Ok(found.is_some())
}
