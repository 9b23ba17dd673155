mod known;

use crate::client::{Client, not_from_here};
use async_trait::async_trait;
use known::Known;
use model::RegionId;
use robust::grid::{Call, Entry, WORDING, read_features, read_flags, read_many, read_one};
use services::{GridService, RegionFlags, RegionInfo, Result, ServiceError};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

const PATH: &str = "/grid";

/// The map of regions, from `/grid` of a grid. Regions that were looked up are known for half a minute: most teleports
/// go where others went, or to a neighbour. That there is none is never remembered, nor is a failure.
#[derive(Debug)]
pub struct HttpGrid {
    client: Arc<Client>,
    known: Mutex<Known>,
}

impl HttpGrid {
    /// Asks through this client.
    pub fn new(client: Arc<Client>) -> Self {
        Self { client, known: Mutex::default() }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn one(
        &self,
        call: Call,
        is_it: impl Fn(&RegionInfo) -> bool + Send,
    ) -> Result<Option<RegionInfo>> {
        if let Some(region) = self.known().find(Instant::now(), is_it) {
            return Ok(Some(region));
        }
        let entry = self.client.ask(PATH, call.to_form(), read_one).await?;
        let region = entry.map(|entry| entry.region);
        if let Some(region) = &region {
            self.known().learn(Instant::now(), region);
        }
        Ok(region)
    }

    async fn several(&self, call: Call) -> Result<Vec<RegionInfo>> {
        let entries: Vec<Entry> = self.client.ask(PATH, call.to_form(), read_many).await?;
        Ok(entries.into_iter().map(|entry| entry.region).collect())
    }

    /// The same, by place and learnt: whoever asks for these is going to look them up one by one.
    async fn around(&self, call: Call) -> Result<Vec<RegionInfo>> {
        let mut regions = self.several(call).await?;
        regions.sort_by_key(|region| (region.handle.y_m(), region.handle.x_m(), region.id));
        let (mut known, now) = (self.known(), Instant::now());
        for region in &regions {
            known.learn(now, region);
        }
        Ok(regions)
    }
}

/// Theirs are signed.
fn limit_of(limit: usize) -> u32 {
    u32::try_from(limit).unwrap_or(u32::MAX).min(i32::MAX.cast_unsigned())
}

#[async_trait]
impl GridService for HttpGrid {
    async fn register(&self, region: &RegionInfo) -> Result<()> {
        self.forget(region.id);
        let entry = Entry { region: region.clone(), secret: String::new() };
        let form = Call::Register(Box::new(entry)).to_form();
        self.client.ask(PATH, form, |answer| WORDING.read(answer)).await
    }

    async fn deregister(&self, id: RegionId) -> Result<bool> {
        self.forget(id);
        self.client.ask(PATH, Call::Deregister(id).to_form(), |answer| WORDING.read_done(answer)).await
    }

    async fn by_id(&self, id: RegionId) -> Result<Option<RegionInfo>> {
        self.one(Call::ById(id), |region| region.id == id).await
    }

    async fn by_position(&self, x_m: u32, y_m: u32) -> Result<Option<RegionInfo>> {
        let covers = |region: &RegionInfo| region.rect().contains_global(x_m.into(), y_m.into());
        self.one(Call::ByPosition { x_m, y_m }, covers).await
    }

    async fn by_name(&self, name: &str) -> Result<Option<RegionInfo>> {
        let is_called = |region: &RegionInfo| region.name.eq_ignore_ascii_case(name);
        self.one(Call::ByName(name.to_owned()), is_called).await
    }

    async fn search(&self, name: &str, limit: usize) -> Result<Vec<RegionInfo>> {
        let mut found = self.several(Call::Search { name: name.to_owned(), limit: limit_of(limit) }).await?;
        found.truncate(limit);
        Ok(found)
    }

    async fn range(&self, min_x_m: u32, min_y_m: u32, max_x_m: u32, max_y_m: u32) -> Result<Vec<RegionInfo>> {
        self.around(Call::Range { min_x_m, min_y_m, max_x_m, max_y_m }).await
    }

    async fn neighbours(&self, id: RegionId) -> Result<Vec<RegionInfo>> {
        self.around(Call::Neighbours(id)).await
    }

    async fn default_regions(&self) -> Result<Vec<RegionInfo>> {
        self.several(Call::DefaultRegions).await
    }

    /// Releases that know no difference are asked for the default regions.
    async fn default_hypergrid_regions(&self) -> Result<Vec<RegionInfo>> {
        match self.several(Call::DefaultHypergridRegions).await {
            Err(ServiceError::Refused(_)) => self.default_regions().await,
            regions => regions,
        }
    }

    async fn hyperlinks(&self) -> Result<Vec<RegionInfo>> {
        self.several(Call::Hyperlinks).await
    }

    async fn fallback_regions(&self, x_m: u32, y_m: u32) -> Result<Vec<RegionInfo>> {
        self.several(Call::FallbackRegions { x_m, y_m }).await
    }

    async fn online_regions(&self, x_m: u32, y_m: u32, limit: usize) -> Result<Vec<RegionInfo>> {
        let mut online = self.several(Call::OnlineRegions { x_m, y_m, limit: limit_of(limit) }).await?;
        online.truncate(limit);
        Ok(online)
    }

    async fn flags(&self, id: RegionId) -> Result<Option<RegionFlags>> {
        self.client.ask(PATH, Call::Flags(id).to_form(), read_flags).await
    }

    async fn extra_features(&self) -> Result<BTreeMap<String, String>> {
        self.client.ask(PATH, Call::ExtraFeatures.to_form(), read_features).await
    }

    async fn set_flags(&self, _: RegionId, _: RegionFlags, _: RegionFlags) -> Result<bool> {
        not_from_here("a region's flags are set")
    }

    fn forget(&self, id: RegionId) {
        self.known().forget(id);
    }
}
