mod cache;
#[cfg(test)]
mod tests;

use crate::client::{Client, understood};
use async_trait::async_trait;
use cache::Cache;
use model::AssetId;
use robust::Malformed;
use robust::assets as wire;
use robust::text::FromText as _;
use services::{
    ASSET_BYTES_MAX, Asset, AssetFlags, AssetMetadata, AssetService, Result, ServiceError, library,
};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::OnceCell;

/// What is kept in memory if nobody says otherwise, bytes.
pub const CACHE_BYTES: usize = 64 << 20;
/// Longest short answer, bytes.
const SHORT_BYTES: usize = 1 << 20;
/// Documents that are longer are read and written on a thread that may be busy for some time.
const LONG: usize = 256 << 10;
/// Ids in one question.
const IDS: usize = 1024;

/// Assets, from `/assets` of a grid. Those that nobody can change are kept in memory, up to a number of bytes, the ones
/// that were asked for last; several who ask for the same asset at the same time are one call. What is in the
/// [library] is always there.
///
/// Of an asset, the wire says when it was made only where its metadata is asked for: in what [`AssetService::get`] answers
/// `created` is 0.
#[derive(Debug)]
pub struct HttpAssets {
    client: Arc<Client>,
    cache: Mutex<Cache>,
    /// Calls under way.
    asked: Mutex<HashMap<AssetId, Arc<Asked>>>,
}

type Asked = OnceCell<Result<Option<Asset>>>;

const PATH: &str = "/assets/";
const EXIST_PATH: &str = "/get_assets_exist";
const XML: &str = "text/xml";

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One of those who wait for the same call. The last one to go clears up, answered or not.
struct Waiting<'a> {
    assets: &'a HttpAssets,
    id: AssetId,
    call: Arc<Asked>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut asked = locked(&self.assets.asked);
        let call = std::mem::take(&mut self.call);
        let is_listed = asked.get(&self.id).is_some_and(|listed| Arc::ptr_eq(listed, &call));
        // Whoever comes after the answer asks anew. Two hold a call that nobody else waits for: the list and this one.
        if is_listed && (call.initialized() || Arc::strong_count(&call) == 2) {
            asked.remove(&self.id);
        }
    }
}

fn check(data: &[u8]) -> Result<()> {
    if data.len() > ASSET_BYTES_MAX {
        return Err(ServiceError::Invalid(format!("an asset has at most {ASSET_BYTES_MAX} bytes")));
    }
    Ok(())
}

/// Does what is done with so many bytes, without keeping others waiting if they are many.
async fn apart<T: Send + 'static>(bytes: usize, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    if bytes <= LONG {
        return Ok(work());
    }
    tokio::task::spawn_blocking(work).await.map_err(ServiceError::unavailable)
}

/// What a grid that took an asset calls it; one that did not says the null id.
fn stored_id(document: &[u8]) -> core::result::Result<AssetId, Malformed> {
    let id = AssetId::from_text(&wire::read_string(document)?).ok_or(Malformed::odd("string"))?;
    if id.is_null() { Err(Malformed::Failure("the grid did not take the asset".into())) } else { Ok(id) }
}

impl HttpAssets {
    /// Asks through this client, and keeps so many bytes in memory.
    pub fn new(client: Arc<Client>, cache_bytes: usize) -> Self {
        Self { client, cache: Mutex::new(Cache::new(cache_bytes)), asked: Mutex::default() }
    }

    async fn fetch(&self, id: AssetId) -> Result<Option<Asset>> {
        let Some(document) = self.client.get(&format!("{PATH}{id}"), wire::BYTES_MAX).await? else {
            return Ok(None);
        };
        let asset = understood(apart(document.len(), move || wire::read_asset(&document)).await?)?;
        if !asset.metadata.flags.contains(AssetFlags::REWRITABLE) {
            locked(&self.cache).put(id, &asset);
        }
        Ok(Some(asset))
    }

    async fn fetch_once(&self, id: AssetId) -> Result<Option<Asset>> {
        let call = locked(&self.asked).entry(id).or_default().clone();
        let waiting = Waiting { assets: self, id, call };
        waiting.call.get_or_init(|| self.fetch(id)).await.clone()
    }

    async fn exist(&self, ids: &[AssetId]) -> Result<Vec<bool>> {
        let question = wire::write_strings(ids).into_bytes();
        let answer = self.client.post(EXIST_PATH, XML, question, SHORT_BYTES).await?;
        let exist = match answer {
            Some(document) => understood(wire::read_booleans(&document))?,
            None => return self.exist_one_by_one(ids).await,
        };
        if exist.len() != ids.len() {
            return understood(Err(Malformed::odd("ArrayOfBoolean")));
        }
        Ok(exist)
    }

    /// As grids answer that do not know the question.
    async fn exist_one_by_one(&self, ids: &[AssetId]) -> Result<Vec<bool>> {
        let mut exist = Vec::with_capacity(ids.len());
        for &id in ids {
            exist.push(self.metadata(id).await?.is_some());
        }
        Ok(exist)
    }
}

#[async_trait]
impl AssetService for HttpAssets {
    async fn get(&self, id: AssetId) -> Result<Option<Asset>> {
        if let Some(asset) = library::asset(id) {
            return Ok(Some(asset.clone()));
        }
        if id.is_null() {
            return Ok(None);
        }
        let known = locked(&self.cache).get(id);
        match known {
            Some(asset) => Ok(Some(asset)),
            None => self.fetch_once(id).await,
        }
    }

    async fn metadata(&self, id: AssetId) -> Result<Option<AssetMetadata>> {
        if let Some(asset) = library::asset(id) {
            return Ok(Some(asset.metadata.clone()));
        }
        let document = self.client.get(&format!("{PATH}{id}/metadata"), SHORT_BYTES).await?;
        document.map(|document| understood(wire::read_metadata(&document))).transpose()
    }

    async fn data(&self, id: AssetId) -> Result<Option<Arc<[u8]>>> {
        Ok(self.get(id).await?.map(|asset| asset.data))
    }

    /// An asset that never leaves its simulator is not handed in.
    async fn store(&self, asset: &Asset) -> Result<AssetId> {
        let id = asset.metadata.id;
        if library::asset(id).is_some() {
            return Ok(id);
        }
        check(&asset.data)?;
        let asset = asset.clone();
        let document = apart(asset.data.len(), move || wire::write_asset(&asset).into_bytes()).await?;
        let answer = self.client.post(PATH, XML, document, SHORT_BYTES).await?;
        understood(stored_id(&answer.unwrap_or_default()))
    }

    async fn update(&self, id: AssetId, data: Arc<[u8]>) -> Result<bool> {
        check(&data)?;
        let asset = Asset { metadata: AssetMetadata { id, ..AssetMetadata::default() }, data };
        let document = apart(asset.data.len(), move || wire::write_asset(&asset).into_bytes()).await?;
        let answer = self.client.post(&format!("{PATH}{id}"), XML, document, SHORT_BYTES).await?;
        answer.map_or(Ok(false), |answer| understood(wire::read_boolean(&answer)))
    }

    async fn exists(&self, ids: &[AssetId]) -> Result<Vec<bool>> {
        let unsure: Vec<_> = ids.iter().copied().filter(|id| library::asset(*id).is_none()).collect();
        let mut answers = Vec::with_capacity(unsure.len());
        for some in unsure.chunks(IDS) {
            answers.extend(self.exist(some).await?);
        }
        let answers: HashMap<_, _> = unsure.into_iter().zip(answers).collect();
        Ok(ids.iter().map(|id| answers.get(id).copied().unwrap_or(true)).collect())
    }

    /// Grids as they are usually set up delete tiles of the map only, ours too.
    async fn delete(&self, id: AssetId) -> Result<bool> {
        if library::asset(id).is_some() {
            return Ok(false);
        }
        let answer = self.client.delete(&format!("{PATH}{id}"), SHORT_BYTES).await?;
        locked(&self.cache).remove(id);
        answer.map_or(Ok(false), |answer| understood(wire::read_boolean(&answer)))
    }
}
