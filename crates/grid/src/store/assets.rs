use super::{SqlStore, broken, narrow};
use crate::engine::About;
use async_trait::async_trait;
use model::{AgentId, AssetId, Uuid};
use services::{Asset, AssetFlags, AssetMetadata, AssetService, Result, ServiceError, library};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;

/// Largest asset; textures and meshes are far smaller.
const MAX_BYTES: usize = 32 * 1024 * 1024;
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

fn hash_of(data: &[u8]) -> Result<Vec<u8>> {
    if data.len() > MAX_BYTES {
        return Err(ServiceError::Invalid(format!("an asset has at most {MAX_BYTES} bytes")));
    }
    Ok(Sha256::digest(data).to_vec())
}

fn cut(text: &str) -> String {
    text.chars().take(NAME_CHARS).collect()
}

const PUT_CONTENT: &str = "INSERT INTO contents (hash, data) VALUES ($1, $2) ON CONFLICT (hash) DO NOTHING";

/// Content that no asset has any more.
const DROP_CONTENT: &str =
    "DELETE FROM contents WHERE hash = $1 AND NOT EXISTS (SELECT 1 FROM assets WHERE assets.hash = $1)";

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
        let data: Option<Vec<u8>> = sqlx::query_scalar(
            "SELECT contents.data FROM assets JOIN contents ON contents.hash = assets.hash WHERE assets.id = $1",
        )
        .bind(id.0)
        .fetch_optional(self.read())
        .await
        .map_err(broken)?;
        Ok(data.map(Arc::from).or_else(|| library::stand_in(id).map(|asset| asset.data.clone())))
    }

    async fn store(&self, asset: &Asset) -> Result<AssetId> {
        let hash = hash_of(&asset.data)?;
        let metadata = &asset.metadata;
        let id = if metadata.id.is_null() { AssetId(self.new_id()) } else { metadata.id };
        if library::asset(id).is_some() {
            return Ok(id);
        }
        let created = if metadata.created == 0 { self.now_s() } else { metadata.created.cast_signed() };
        let mut change = self.begin(About::Contents).await?;
        let done = sqlx::query(
            "INSERT INTO assets (id, kind, name, description, creator, created, flags, hash) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO NOTHING",
        )
        .bind(id.0)
        .bind(i64::from(metadata.kind))
        .bind(cut(&metadata.name))
        .bind(cut(&metadata.description))
        .bind(metadata.creator.0)
        .bind(created)
        .bind(i64::from(metadata.flags.bits()))
        .bind(&hash)
        .execute(&mut *change)
        .await
        .map_err(broken)?;
        if done.rows_affected() > 0 {
            sqlx::query(PUT_CONTENT)
                .bind(&hash)
                .bind(&asset.data[..])
                .execute(&mut *change)
                .await
                .map_err(broken)?;
        }
        change.commit().await.map_err(broken)?;
        Ok(id)
    }

    async fn update(&self, id: AssetId, data: Arc<[u8]>) -> Result<bool> {
        let hash = hash_of(&data)?;
        let mut change = self.begin(About::Contents).await?;
        let stored: Option<(i64, Vec<u8>)> = sqlx::query_as("SELECT flags, hash FROM assets WHERE id = $1")
            .bind(id.0)
            .fetch_optional(&mut *change)
            .await
            .map_err(broken)?;
        let Some((flags, old)) = stored else { return Ok(false) };
        if !AssetFlags::from_bits_truncate(narrow(flags)).contains(AssetFlags::REWRITABLE) {
            return Ok(false);
        }
        sqlx::query(PUT_CONTENT).bind(&hash).bind(&data[..]).execute(&mut *change).await.map_err(broken)?;
        sqlx::query("UPDATE assets SET hash = $2 WHERE id = $1")
            .bind(id.0)
            .bind(&hash)
            .execute(&mut *change)
            .await
            .map_err(broken)?;
        sqlx::query(DROP_CONTENT).bind(old).execute(&mut *change).await.map_err(broken)?;
        change.commit().await.map_err(broken)?;
        Ok(true)
    }

    async fn exists(&self, ids: &[AssetId]) -> Result<Vec<bool>> {
        let mut exist = Vec::with_capacity(ids.len());
        for &id in ids {
            exist.push(self.metadata(id).await?.is_some());
        }
        Ok(exist)
    }

    async fn delete(&self, id: AssetId) -> Result<bool> {
        let mut change = self.begin(About::Contents).await?;
        let hash: Option<Vec<u8>> = sqlx::query_scalar("SELECT hash FROM assets WHERE id = $1")
            .bind(id.0)
            .fetch_optional(&mut *change)
            .await
            .map_err(broken)?;
        let Some(hash) = hash else { return Ok(false) };
        sqlx::query("DELETE FROM assets WHERE id = $1")
            .bind(id.0)
            .execute(&mut *change)
            .await
            .map_err(broken)?;
        sqlx::query(DROP_CONTENT).bind(hash).execute(&mut *change).await.map_err(broken)?;
        change.commit().await.map_err(broken)?;
        Ok(true)
    }
}
