//! All services on one database. See the crate's front page for how these files meet an engine.

mod accounts;
mod agent_prefs;
mod assets;
mod auth;
mod avatars;
mod contents;
mod copying;
mod examine;
mod friends;
mod grid;
mod grid_users;
mod inventory;
mod inventory_rows;
mod inventory_sets;
mod leases;
mod login_records;
mod map_tiles;
mod moving;
mod mute_list;
mod offline_messages;
mod operator;
mod presence;
mod room;
mod secrets;
mod settling;
mod simulator_keys;
mod statistics;
#[cfg(test)]
mod tests;
mod text;

use super::engine::{self, Db, Pools};
use crate::blobs::Blobs;
use crate::engine::About;
use crate::passwords::Passwords;
use crate::{Clock, Database, HashCost};
use model::Uuid;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use room::Room;
use services::{Result, ServiceError, Services};
use sqlx::{Pool, QueryBuilder, Transaction};
use std::collections::BTreeMap;
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use text::{check_plain, escaped, key_of};

/// How long a session is kept that no simulator renews, unless another lease is wanted.
pub(crate) const LEASE: Duration = Duration::from_secs(25);

/// How long a database server may take to come up when we start.
const SERVER_PATIENCE: Duration = Duration::from_secs(60);

/// Ids in one query.
const CHUNK: usize = 500;

/// Seconds by which clocks may differ before it is worth a word: leases are told the time by each process's own.
const CLOCKS_APART_S: u64 = 2;

/// Connections of a pool that are at work. One that is taken the moment it comes back is counted as taken before it is as
/// back, so for that moment the pool says that less than none are idle: a number beyond all.
fn at_work(size: usize, idle: usize) -> usize {
    size.checked_sub(idle).unwrap_or(size)
}

/// The grid's services on a database of one engine. Cloning shares it.
#[derive(Clone)]
pub(crate) struct SqlStore {
    inner: Arc<Inner>,
    extra_features: Arc<BTreeMap<String, String>>,
    lease: Duration,
    /// Where what assets consist of is kept, if not in the database.
    blobs: Option<Blobs>,
}

struct Inner {
    pools: Pools,
    clock: Arc<dyn Clock>,
    random: Mutex<StdRng>,
    passwords: Passwords,
    folder_room: Room,
    item_room: Room,
    /// Tries that this process has counted.
    charges: AtomicU32,
}

impl std::fmt::Debug for SqlStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SqlStore")
    }
}

impl SqlStore {
    pub(crate) async fn open(
        database: &Database,
        clock: Arc<dyn Clock>,
        seed: [u8; 32],
        hash_cost: HashCost,
    ) -> Result<Self> {
        let pools = engine::open(database, SERVER_PATIENCE).await.map_err(broken)?;
        engine::migrate(&pools.write).await.map_err(ServiceError::unavailable)?;
        let apart_s = apart_s(&pools, &*clock).await?.unwrap_or_default();
        if apart_s > CLOCKS_APART_S {
            tracing::warn!(apart_s, "the clocks of this machine and of the database are apart");
        }
        let mut random = StdRng::from_seed(seed);
        let passwords = Passwords::new(hash_cost, random.random());
        let inner = Arc::new(Inner {
            pools,
            clock,
            random: Mutex::new(random),
            passwords,
            folder_room: Room::default(),
            item_room: Room::default(),
            charges: AtomicU32::new(0),
        });
        Ok(Self { inner, extra_features: Arc::default(), lease: LEASE, blobs: None })
    }

    pub(crate) fn with_extra_features(self, extra_features: BTreeMap<String, String>) -> Self {
        Self { extra_features: Arc::new(extra_features), ..self }
    }

    pub(crate) fn with_lease(self, lease: Duration) -> Self {
        Self { lease, ..self }
    }

    pub(crate) fn with_blobs(self, blobs: Option<Blobs>) -> Self {
        Self { blobs, ..self }
    }

    pub(crate) fn services(&self) -> Services {
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

    pub(crate) fn connections(&self) -> (usize, usize) {
        let Pools { read, write } = &self.inner.pools;
        [read, write].iter().fold((0, 0), |(open, busy), pool| {
            let (size, idle) = (pool.size() as usize, pool.num_idle());
            (open + size, busy + at_work(size, idle))
        })
    }

    pub(crate) async fn answers(&self) -> Result<()> {
        sqlx::query("SELECT 1 FROM accounts LIMIT 1").execute(self.read()).await.map(drop).map_err(broken)
    }

    pub(crate) async fn close(&self) {
        self.inner.pools.read.close().await;
        self.inner.pools.write.close().await;
    }

    fn read(&self) -> &Pool<Db> {
        &self.inner.pools.read
    }

    fn write(&self) -> &Pool<Db> {
        &self.inner.pools.write
    }

    async fn begin(&self, about: About) -> Result<Transaction<'static, Db>> {
        engine::begin(self.write(), about).await.map_err(broken)
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

/// Seconds between our clock and the database's, if that has one.
async fn apart_s(pools: &Pools, clock: &dyn Clock) -> Result<Option<u64>> {
    let theirs = engine::unix_s(&pools.read).await.map_err(broken)?;
    Ok(theirs.map(|theirs| theirs.abs_diff(clock.unix_s().cast_signed())))
}

/// What the database or the way to it did wrong.
fn broken(error: sqlx::Error) -> ServiceError {
    let why = match &error {
        // Not where in its own source the server says so.
        sqlx::Error::Database(error) => error.message().to_owned(),
        sqlx::Error::Io(error) => error.to_string(),
        other => other.to_string(),
    };
    ServiceError::Unavailable(format!("database: {why}"))
}

/// A query that ends with a column's name, and asks that it be one of these ids; at most [`CHUNK`].
fn one_of<T>(query: &'static str, ids: &[T], id_of: impl Fn(&T) -> Uuid) -> QueryBuilder<Db> {
    let mut query = QueryBuilder::new(query);
    push_one_of(&mut query, ids, id_of);
    query
}

/// The same, at the end of a query that has begun.
fn push_one_of<T>(query: &mut QueryBuilder<Db>, ids: &[T], id_of: impl Fn(&T) -> Uuid) {
    query.push(" IN (");
    let mut list = query.separated(", ");
    for id in ids {
        list.push_bind(id_of(id));
    }
    query.push(")");
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
