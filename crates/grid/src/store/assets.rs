use super::{CHUNK, Db, SqlStore, broken, narrow};
use crate::blobs::{Hash, hash_of};
use crate::engine::About;
use async_trait::async_trait;
use model::{AgentId, AssetId, Uuid};
use services::{Asset, AssetFlags, AssetMetadata, AssetService, Result, ServiceError, library};
use sqlx::QueryBuilder;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Largest asset; textures and meshes are far smaller.
const MAX_BYTES: usize = crate::blobs::LONGEST;
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

fn check(data: &[u8]) -> Result<Hash> {
    if data.len() > MAX_BYTES {
        return Err(ServiceError::Invalid(format!("an asset has at most {MAX_BYTES} bytes")));
    }
    Ok(hash_of(data))
}

fn cut(text: &str) -> String {
    text.chars().take(NAME_CHARS).collect()
}

const PUT: &str = "INSERT INTO assets (id, kind, name, description, creator, created, flags, hash) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO NOTHING";

/// An asset's content, if it is in the database.
const CONTENT: &str = "SELECT assets.hash, contents.data FROM assets \
     LEFT JOIN contents ON contents.hash = assets.hash WHERE assets.id = $1";

impl SqlStore {
    /// Its hash, and its flags.
    async fn stored(&self, id: AssetId) -> Result<Option<(Vec<u8>, AssetFlags)>> {
        let stored: Option<(Vec<u8>, i64)> = sqlx::query_as("SELECT hash, flags FROM assets WHERE id = $1")
            .bind(id.0)
            .fetch_optional(self.read())
            .await
            .map_err(broken)?;
        Ok(stored.map(|(hash, flags)| (hash, AssetFlags::from_bits_truncate(narrow(flags)))))
    }

    /// Those of these ids that there are.
    async fn known(&self, ids: &[AssetId]) -> Result<BTreeSet<AssetId>> {
        let mut known = BTreeSet::new();
        for ids in ids.chunks(CHUNK) {
            let mut query = QueryBuilder::<Db>::new("SELECT id FROM assets WHERE id IN (");
            let mut list = query.separated(", ");
            for id in ids {
                list.push_bind(id.0);
            }
            query.push(")");
            let rows: Vec<(Uuid,)> =
                query.build_query_as().persistent(false).fetch_all(self.read()).await.map_err(broken)?;
            known.extend(rows.into_iter().map(|(id,)| AssetId(id)));
        }
        Ok(known)
    }
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
            Some((hash, None)) => self.fetch(&hash, MAX_BYTES).await.map(Some),
            None => Ok(library::stand_in(id).map(|asset| asset.data.clone())),
        }
    }

    async fn store(&self, asset: &Asset) -> Result<AssetId> {
        let hash = check(&asset.data)?;
        let metadata = &asset.metadata;
        let id = if metadata.id.is_null() { AssetId(self.new_id()) } else { metadata.id };
        if library::asset(id).is_some() || self.stored(id).await?.is_some() {
            return Ok(id);
        }
        let created = if metadata.created == 0 { self.now_s() } else { metadata.created.cast_signed() };
        let mut change = self.keep_content(&hash, &asset.data).await?;
        sqlx::query(PUT)
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
        change.commit().await.map_err(broken)?;
        Ok(id)
    }

    async fn update(&self, id: AssetId, data: Arc<[u8]>) -> Result<bool> {
        let hash = check(&data)?;
        let Some((old, flags)) = self.stored(id).await? else { return Ok(false) };
        if !flags.contains(AssetFlags::REWRITABLE) {
            return Ok(false);
        }
        let mut change = self.keep_content(&hash, &data).await?;
        let done = sqlx::query("UPDATE assets SET hash = $2 WHERE id = $1")
            .bind(id.0)
            .bind(&hash[..])
            .execute(&mut *change)
            .await
            .map_err(broken)?;
        self.drop_content(&mut change, &old).await?;
        change.commit().await.map_err(broken)?;
        Ok(done.rows_affected() > 0)
    }

    async fn exists(&self, ids: &[AssetId]) -> Result<Vec<bool>> {
        let always = |id: AssetId| library::asset(id).is_some() || library::stand_in(id).is_some();
        let unsure: Vec<AssetId> = ids.iter().copied().filter(|&id| !always(id)).collect();
        let known = self.known(&unsure).await?;
        Ok(ids.iter().map(|&id| always(id) || known.contains(&id)).collect())
    }

    async fn delete(&self, id: AssetId) -> Result<bool> {
        let Some((old, _)) = self.stored(id).await? else { return Ok(false) };
        let mut change = self.begin(About::Contents).await?;
        let done = sqlx::query("DELETE FROM assets WHERE id = $1")
            .bind(id.0)
            .execute(&mut *change)
            .await
            .map_err(broken)?;
        self.drop_content(&mut change, &old).await?;
        change.commit().await.map_err(broken)?;
        Ok(done.rows_affected() > 0)
    }
}
