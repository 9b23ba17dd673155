//! All services on one database. See the crate's front page for how these files meet an engine.

mod accounts;
mod agent_prefs;
mod assets;
mod auth;
mod avatars;
mod copying;
mod examine;
mod friends;
mod grid;
mod grid_users;
mod inventory;
mod inventory_rows;
mod leases;
mod login_records;
mod map_tiles;
mod moving;
mod mute_list;
mod offline_messages;
mod operator;
mod presence;
mod statistics;
#[cfg(test)]
mod tests;

use super::engine::{self, Db, Pools};
use crate::passwords::Passwords;
use crate::{Clock, Database, HashCost};
pub use examine::Examined;
use model::Uuid;
pub use moving::Taken;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use services::{Result, ServiceError, Services};
use sqlx::{Pool, Transaction};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long a session is kept that no simulator renews, unless another lease is wanted.
pub(crate) const LEASE: Duration = Duration::from_secs(25);

/// Ids in one query.
const CHUNK: usize = 500;

/// The grid's services on one database. Cloning shares it.
#[derive(Clone)]
pub struct SqlStore {
    inner: Arc<Inner>,
    extra_features: Arc<BTreeMap<String, String>>,
    lease: Duration,
}

struct Inner {
    pools: Pools,
    clock: Arc<dyn Clock>,
    random: Mutex<StdRng>,
    passwords: Passwords,
}

impl std::fmt::Debug for SqlStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SqlStore")
    }
}

impl SqlStore {
    /// Opens a database, makes its tables or brings them up to date. `seed` is what all ids, salts and keys are made
    /// from, so it must come from the operating system wherever secrets matter.
    ///
    /// # Errors
    /// The database cannot be opened, or is of a later version of this program.
    pub async fn open(
        database: &Database,
        clock: Arc<dyn Clock>,
        seed: [u8; 32],
        hash_cost: HashCost,
    ) -> Result<Self> {
        let pools = engine::open(database).await.map_err(broken)?;
        sqlx::migrate!().run(&pools.write).await.map_err(ServiceError::unavailable)?;
        let mut random = StdRng::from_seed(seed);
        let passwords = Passwords::new(hash_cost, random.random());
        let inner = Arc::new(Inner { pools, clock, random: Mutex::new(random), passwords });
        Ok(Self { inner, extra_features: Arc::default(), lease: LEASE })
    }

    /// The same store, whose grid has simulators tell viewers this of it; see
    /// [`GridService::extra_features`](services::GridService::extra_features).
    #[must_use]
    pub fn with_extra_features(self, extra_features: BTreeMap<String, String>) -> Self {
        Self { extra_features: Arc::new(extra_features), ..self }
    }

    /// The same store, whose sessions end when they are not renewed for so long.
    #[must_use]
    pub fn with_lease(self, lease: Duration) -> Self {
        Self { lease, ..self }
    }

    /// All services, on this store.
    pub fn services(&self) -> Services {
        let store = Arc::new(self.clone());
        Services {
            accounts: store.clone(),
            auth: store.clone(),
            grid: store.clone(),
            presence: store.clone(),
            grid_users: store.clone(),
            friends: store.clone(),
            avatars: store.clone(),
            inventory: store.clone(),
            assets: store.clone(),
            agent_prefs: store.clone(),
            mutes: store.clone(),
            offline_messages: store.clone(),
            map_tiles: store,
        }
    }

    /// Connections to the database that are open, and how many of them are at work.
    pub fn connections(&self) -> (usize, usize) {
        let Pools { read, write } = &self.inner.pools;
        let pools = [read, write];
        let open = pools.iter().map(|pool| pool.size() as usize).sum::<usize>();
        let idle = pools.iter().map(|pool| pool.num_idle()).sum::<usize>();
        (open, open.saturating_sub(idle))
    }

    /// Waits for what is under way and closes all connections. Calls fail from then on.
    pub async fn close(&self) {
        self.inner.pools.read.close().await;
        self.inner.pools.write.close().await;
    }

    fn read(&self) -> &Pool<Db> {
        &self.inner.pools.read
    }

    fn write(&self) -> &Pool<Db> {
        &self.inner.pools.write
    }

    async fn begin(&self) -> Result<Transaction<'static, Db>> {
        engine::begin(self.write()).await.map_err(broken)
    }

    pub(crate) fn now_s(&self) -> i64 {
        self.inner.clock.unix_s().cast_signed()
    }

    fn random<T>(&self, draw: impl FnOnce(&mut StdRng) -> T) -> T {
        draw(&mut self.inner.random.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn new_id(&self) -> Uuid {
        uuid::Builder::from_random_bytes(self.random(|random| random.random())).into_uuid()
    }
}

/// What the database or the way to it did wrong.
fn broken(error: sqlx::Error) -> ServiceError {
    ServiceError::Unavailable(format!("database: {error}"))
}

/// What names are compared by.
fn key_of(name: &str) -> String {
    name.trim().to_lowercase()
}

/// `text` with what LIKE would read as a pattern escaped by `\`.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        if matches!(char, '%' | '_' | '\\') {
            escaped.push('\\');
        }
        escaped.push(char);
    }
    escaped
}

/// A stored count or code, back in its type; what cannot have been stored becomes the nearest that can.
fn narrow<T: TryFrom<i64> + num::Bounds>(stored: i64) -> T {
    T::try_from(stored).unwrap_or(if stored < 0 { T::LOWEST } else { T::HIGHEST })
}

mod num {
    /// The ends of an integer type.
    pub(super) trait Bounds {
        const LOWEST: Self;
        const HIGHEST: Self;
    }

    macro_rules! bounds {
        ($($int:ty)*) => {$(
            impl Bounds for $int {
                const LOWEST: Self = <$int>::MIN;
                const HIGHEST: Self = <$int>::MAX;
            }
        )*};
    }

    bounds!(u8 u16 u32 u64 i32);
}

/// A limit that callers gave, as SQL takes it.
fn limit_of(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
