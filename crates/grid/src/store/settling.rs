//! What assets consist of, after a database was copied: where it was said to be may be another place here.

use super::contents::PUT_CONTENT;
use super::{SqlStore, broken};
use crate::Carried;
use crate::blobs::{Blobs, Found, Hash};
use services::{ASSET_BYTES_MAX, Result, ServiceError};

/// Contents that are looked at in one go.
const MANY: i64 = 500;

/// All contents that are said to be outside of the database, or that an asset has and the database has not.
const OUTSIDE: &str = "SELECT hash FROM blobs WHERE hash > $1 UNION SELECT hash FROM assets WHERE hash > $1 \
     AND NOT EXISTS (SELECT 1 FROM contents WHERE contents.hash = assets.hash) ORDER BY hash LIMIT $2";

impl SqlStore {
    pub(crate) async fn settle_contents(&self, from: Option<&Blobs>) -> Result<Carried> {
        let mut settled = Carried::default();
        let mut last = Vec::new();
        loop {
            let found: Vec<Vec<u8>> = sqlx::query_scalar(OUTSIDE)
                .bind(&last)
                .bind(MANY)
                .fetch_all(self.read())
                .await
                .map_err(broken)?;
            let Some(end) = found.last() else { return Ok(settled) };
            last.clone_from(end);
            let hashes = found.iter().map(|hash| Hash::try_from(&hash[..]));
            let hashes: Vec<Hash> =
                hashes.collect::<core::result::Result<_, _>>().map_err(ServiceError::unavailable)?;
            let missing = match (&self.blobs, from) {
                (Some(here), Some(from)) => from.carry(&hashes, here).await?.missing,
                (Some(here), None) => here.lacking(&hashes).await?,
                (None, from) => self.take_in(&hashes, from).await?,
            };
            for hash in &hashes {
                if missing.binary_search(hash).is_ok() {
                    // Or whoever stores the same would be told that it is there.
                    self.forget_blob(hash).await?;
                    if self.is_wanted(hash).await? {
                        settled.missing.push(*hash);
                    }
                } else if self.blobs.is_some() {
                    sqlx::query("UPDATE blobs SET stored = TRUE WHERE hash = $1")
                        .bind(&hash[..])
                        .execute(self.write())
                        .await
                        .map_err(broken)?;
                    settled.there += 1;
                } else {
                    settled.there += 1;
                }
            }
        }
    }

    /// Into the database. Those that cannot be had, or that nobody wants.
    async fn take_in(&self, hashes: &[Hash], from: Option<&Blobs>) -> Result<Vec<Hash>> {
        let mut missing = Vec::new();
        for hash in hashes {
            let found = match from {
                Some(from) if self.is_wanted(hash).await? => from.look(hash, ASSET_BYTES_MAX).await?,
                _ => Found::Nothing,
            };
            let Found::Content(data) = found else {
                missing.push(*hash);
                continue;
            };
            sqlx::query(PUT_CONTENT)
                .bind(&hash[..])
                .bind(&data[..])
                .execute(self.write())
                .await
                .map_err(broken)?;
            self.forget_blob(hash).await?;
        }
        Ok(missing)
    }

    async fn forget_blob(&self, hash: &Hash) -> Result<()> {
        sqlx::query("DELETE FROM blobs WHERE hash = $1")
            .bind(&hash[..])
            .execute(self.write())
            .await
            .map_err(broken)?;
        Ok(())
    }

    /// Whether an asset has it.
    async fn is_wanted(&self, hash: &Hash) -> Result<bool> {
        let one: Option<model::Uuid> = sqlx::query_scalar("SELECT id FROM assets WHERE hash = $1 LIMIT 1")
            .bind(&hash[..])
            .fetch_optional(self.read())
            .await
            .map_err(broken)?;
        Ok(one.is_some())
    }
}
