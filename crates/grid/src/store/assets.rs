use super::text::plain;
use super::{CHUNK, Db, SqlStore, broken, narrow, one_of};
use crate::blobs::{Hash, hashed};
use async_trait::async_trait;
use model::{AgentId, AssetId, Uuid};
use services::{
    ASSET_BYTES_MAX, Asset, AssetFlags, AssetMetadata, AssetService, Result, ServiceError, library,
};
use sqlx::Transaction;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Longest name and description; longer ones are cut.
const NAME_CHARS: usize = 64;

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    kind: i64,
    name: String,
    description: String,
    creator: Uuid,
    created: i64,
    flags: i64,
}

impl From<Row> for AssetMetadata {
    fn from(row: Row) -> Self {
        Self {
            id: AssetId(row.id),
            kind: narrow(row.kind),
            name: row.name,
            description: row.description,
            creator: AgentId(row.creator),
            created: narrow(row.created),
            flags: AssetFlags::from_bits_truncate(narrow(row.flags)),
            temporary: false,
            local: false,
        }
    }
}

async fn check(data: &Arc<[u8]>) -> Result<Hash> {
    if data.len() > ASSET_BYTES_MAX {
        return Err(ServiceError::Invalid(format!("an asset has at most {ASSET_BYTES_MAX} bytes")));
    }
    hashed(data).await
}

fn cut(text: &str) -> String {
    plain(text).chars().take(NAME_CHARS).collect()
}

const PUT: &str = "INSERT INTO assets (id, kind, name, description, creator, created, flags, hash) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO NOTHING";

/// An asset's content, if it is in the database.
const CONTENT: &str = "SELECT assets.hash, contents.data FROM assets \
     LEFT JOIN contents ON contents.hash = assets.hash WHERE assets.id = $1";

/// Another content, unless it is not the one any more that it was.
const CHANGE: &str = "UPDATE assets SET hash = $2 WHERE id = $1 AND hash = $3";
/// How often a change begins anew because another has been quicker.
const TRIES: usize = 10;

impl SqlStore {
    /// Whether there is such an asset, so that nothing need be kept for it.
    async fn is_stored(&self, id: AssetId) -> Result<bool> {
        Ok(!self.known(&[id]).await?.is_empty())
    }

    /// Gives an asset another content, if it may be rewritten. The content that it had.
    async fn rewrite(
        &self,
        change: &mut Transaction<'static, Db>,
        id: AssetId,
        hash: &Hash,
    ) -> Result<Option<Vec<u8>>> {
        for _ in 0..TRIES {
            let Some((old, flags)) = stored(&mut **change, id).await? else { return Ok(None) };
            if !flags.contains(AssetFlags::REWRITABLE) {
                return Ok(None);
            }
            let done = sqlx::query(CHANGE).bind(id.0).bind(&hash[..]).bind(&old);
            if done.execute(&mut **change).await.map_err(broken)?.rows_affected() > 0 {
                return Ok(Some(old));
            }
        }
        Err(ServiceError::Unavailable("others change that asset all the time".into()))
    }

    /// Those of these ids that there are.
    async fn known(&self, ids: &[AssetId]) -> Result<BTreeSet<AssetId>> {
        let mut known = BTreeSet::new();
        for ids in ids.chunks(CHUNK) {
            let mut query = one_of("SELECT id FROM assets WHERE id", ids, |id| id.0);
            let rows: Vec<(Uuid,)> =
                query.build_query_as().persistent(false).fetch_all(self.read()).await.map_err(broken)?;
            known.extend(rows.into_iter().map(|(id,)| AssetId(id)));
        }
        Ok(known)
    }
}

/// Its hash, and its flags.
async fn stored<'c>(
    from: impl sqlx::Executor<'c, Database = Db>,
    id: AssetId,
) -> Result<Option<(Vec<u8>, AssetFlags)>> {
    let stored: Option<(Vec<u8>, i64)> = sqlx::query_as("SELECT hash, flags FROM assets WHERE id = $1")
        .bind(id.0)
        .fetch_optional(from)
        .await
        .map_err(broken)?;
    Ok(stored.map(|(hash, flags)| (hash, AssetFlags::from_bits_truncate(narrow(flags)))))
}

#[async_trait]
impl AssetService for SqlStore {
    async fn get(&self, id: AssetId) -> Result<Option<Asset>> {
        if let Some(asset) = library::asset(id) {
            return Ok(Some(asset.clone()));
        }
        let Some(metadata) = self.metadata(id).await? else { return Ok(None) };
        Ok(self.data(id).await?.map(|data| Asset { metadata, data }))
    }

    async fn metadata(&self, id: AssetId) -> Result<Option<AssetMetadata>> {
        if let Some(asset) = library::asset(id) {
            return Ok(Some(asset.metadata.clone()));
        }
        let row: Option<Row> = sqlx::query_as(
            "SELECT id, kind, name, description, creator, created, flags FROM assets WHERE id = $1",
        )
        .bind(id.0)
        .fetch_optional(self.read())
        .await
        .map_err(broken)?;
        let stand_in = || library::stand_in(id).map(|asset| asset.metadata.clone());
        Ok(row.map(AssetMetadata::from).or_else(stand_in))
    }

    async fn data(&self, id: AssetId) -> Result<Option<Arc<[u8]>>> {
        if let Some(asset) = library::asset(id) {
            return Ok(Some(asset.data.clone()));
        }
        let found: Option<(Vec<u8>, Option<Vec<u8>>)> =
            sqlx::query_as(CONTENT).bind(id.0).fetch_optional(self.read()).await.map_err(broken)?;
        match found {
            Some((_, Some(data))) => Ok(Some(Arc::from(data))),
            Some((hash, None)) => self.fetch(&hash, ASSET_BYTES_MAX).await.map(Some),
            None => Ok(library::stand_in(id).map(|asset| asset.data.clone())),
        }
    }

    async fn store(&self, asset: &Asset) -> Result<AssetId> {
        let hash = check(&asset.data).await?;
        let metadata = &asset.metadata;
        let id = if metadata.id.is_null() { AssetId(self.new_id()) } else { metadata.id };
        if library::asset(id).is_some() || self.is_stored(id).await? {
            return Ok(id);
        }
        let created = if metadata.created == 0 { self.now_s() } else { metadata.created.cast_signed() };
        let mut change = self.keep_content(&hash, &asset.data).await?;
        let put = sqlx::query(PUT)
            .bind(id.0)
            .bind(i64::from(metadata.kind))
            .bind(cut(&metadata.name))
            .bind(cut(&metadata.description))
            .bind(metadata.creator.0)
            .bind(created)
            .bind(i64::from(metadata.flags.bits()))
            .bind(&hash[..])
            .execute(&mut *change)
            .await
            .map_err(broken)?;
        // Who was not the first keeps nothing.
        if put.rows_affected() > 0 {
            change.commit().await.map_err(broken)?;
        }
        Ok(id)
    }

    async fn update(&self, id: AssetId, data: Arc<[u8]>) -> Result<bool> {
        let hash = check(&data).await?;
        let Some((_, flags)) = stored(self.read(), id).await? else { return Ok(false) };
        if !flags.contains(AssetFlags::REWRITABLE) {
            return Ok(false);
        }
        let mut change = self.keep_content(&hash, &data).await?;
        let Some(old) = self.rewrite(&mut change, id, &hash).await? else { return Ok(false) };
        if old[..] == hash[..] {
            change.commit().await.map_err(broken)?;
            return Ok(true);
        }
        self.let_go(&mut change, &old).await?;
        change.commit().await.map_err(broken)?;
        self.drop_content(&old).await?;
        Ok(true)
    }

    async fn exists(&self, ids: &[AssetId]) -> Result<Vec<bool>> {
        let always = |id: AssetId| library::asset(id).is_some() || library::stand_in(id).is_some();
        let unsure: Vec<AssetId> = ids.iter().copied().filter(|&id| !always(id)).collect();
        let known = self.known(&unsure).await?;
        Ok(ids.iter().map(|&id| always(id) || known.contains(&id)).collect())
    }

    async fn delete(&self, id: AssetId) -> Result<bool> {
        let mut change = self.write().begin().await.map_err(broken)?;
        let old: Option<Vec<u8>> = sqlx::query_scalar("DELETE FROM assets WHERE id = $1 RETURNING hash")
            .bind(id.0)
            .fetch_optional(&mut *change)
            .await
            .map_err(broken)?;
        let Some(old) = old else { return Ok(false) };
        self.let_go(&mut change, &old).await?;
        change.commit().await.map_err(broken)?;
        self.drop_content(&old).await?;
        Ok(true)
    }
}
