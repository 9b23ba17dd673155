//! The one store that the rest of the world knows, on whichever engine its database is.

use crate::blobs::{Blobs, Carried, Hash};
use crate::login::{Allowance, LoginRecords};
use crate::{Clock, Database, GridStatistics, HashCost, OperatorRecords, Statistics, postgres, sqlite};
use async_trait::async_trait;
use model::{AgentId, RegionId, SessionId, Uuid};
use services::{Account, GridUser, InventoryFolder, InventoryItem, Presence, Result, Services};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// The grid's services on one database. Cloning shares it.
#[derive(Clone, Debug)]
pub struct SqlStore(Engine);

/// That there is a key for a simulator. The key itself only its simulator has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SimulatorKey {
    /// Whose it is.
    pub name: String,
    /// When it was made, seconds since 1970.
    pub created: u64,
}

/// A database, looked at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Examined {
    /// The last change of its tables that this program knows.
    pub known: i64,
    /// The last that was made; `None` if there are no tables of ours.
    pub made: Option<i64>,
    /// Why it cannot be written to, if it cannot.
    pub read_only: Option<String>,
    /// Accounts in it.
    pub accounts: Option<i64>,
    /// Seconds between our clock and its server's, if it has one.
    pub apart_s: Option<u64>,
}

/// What a copy of a database has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Copied {
    /// Rows, of all tables.
    pub rows: u64,
    /// What its assets consist of and is kept elsewhere, in order.
    pub outside: Vec<Hash>,
}

/// What became of something that was brought.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Taken {
    /// It is here now.
    New,
    /// It was here.
    There,
    /// Something else is in its place.
    Clash,
}

#[derive(Clone, Debug)]
enum Engine {
    Sqlite(sqlite::SqlStore),
    Postgres(postgres::SqlStore),
}

/// The same expression on the store of either engine.
macro_rules! on {
    ($this:expr, $store:ident => $do:expr) => {
        match &$this.0 {
            Engine::Sqlite($store) => $do,
            Engine::Postgres($store) => $do,
        }
    };
}

impl SqlStore {
    /// Opens a database, makes its tables or brings them up to date. A server that is not up yet is waited for, a minute
    /// at most. `seed` is what all ids, salts and keys are made from, so it must come from the operating system wherever
    /// secrets matter.
    ///
    /// # Errors
    /// The database cannot be opened, or is of a later version of this program.
    pub async fn open(
        database: &Database,
        clock: Arc<dyn Clock>,
        seed: [u8; 32],
        hash_cost: HashCost,
    ) -> Result<Self> {
        Ok(Self(match database {
            Database::Memory | Database::File(_) => {
                Engine::Sqlite(sqlite::SqlStore::open(database, clock, seed, hash_cost).await?)
            }
            Database::Postgres(_) => {
                Engine::Postgres(postgres::SqlStore::open(database, clock, seed, hash_cost).await?)
            }
        }))
    }

    /// Looks at a database, and changes nothing. One in memory or in a file that is not there yet is as if it were
    /// empty.
    ///
    /// # Errors
    /// It cannot be opened, or does not answer.
    pub async fn examine(database: &Database) -> Result<Examined> {
        match database {
            Database::Memory | Database::File(_) => sqlite::SqlStore::examine(database).await,
            Database::Postgres(_) => postgres::SqlStore::examine(database).await,
        }
    }

    fn with(
        self,
        sqlite: impl FnOnce(sqlite::SqlStore) -> sqlite::SqlStore,
        postgres: impl FnOnce(postgres::SqlStore) -> postgres::SqlStore,
    ) -> Self {
        Self(match self.0 {
            Engine::Sqlite(store) => Engine::Sqlite(sqlite(store)),
            Engine::Postgres(store) => Engine::Postgres(postgres(store)),
        })
    }

    /// The same store, whose grid has simulators tell viewers this of it; see
    /// [`GridService::extra_features`](services::GridService::extra_features).
    #[must_use]
    pub fn with_extra_features(self, features: BTreeMap<String, String>) -> Self {
        let same = features.clone();
        self.with(|store| store.with_extra_features(features), |store| store.with_extra_features(same))
    }

    /// The same store, whose sessions end when they are not renewed for so long.
    #[must_use]
    pub fn with_lease(self, lease: Duration) -> Self {
        self.with(|store| store.with_lease(lease), |store| store.with_lease(lease))
    }

    /// The same store, which keeps what assets consist of there. What is in the database is found, too, and moved by
    /// [`AssetKeeper`](crate::AssetKeeper).
    #[must_use]
    pub fn with_blobs(self, blobs: Option<Blobs>) -> Self {
        let same = blobs.clone();
        self.with(|store| store.with_blobs(blobs), |store| store.with_blobs(same))
    }

    /// All services, on this store.
    pub fn services(&self) -> Services {
        on!(self, store => store.services())
    }

    /// What the grid's processes sign with: the same for all processes on this database.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn signing_key(&self) -> Result<[u8; 32]> {
        on!(self, store => store.secret("signing key").await)
    }

    /// Makes a key for a simulator. It is kept as a hash, so nobody can be told it again.
    ///
    /// # Errors
    /// `Refused` if there is one of that name, `Invalid` if that is no name.
    pub async fn add_simulator_key(&self, name: &str) -> Result<String> {
        on!(self, store => store.add_simulator_key(name).await)
    }

    /// Makes a key good for nothing. Whether there was one of that name.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn remove_simulator_key(&self, name: &str) -> Result<bool> {
        on!(self, store => store.remove_simulator_key(name).await)
    }

    /// All keys, the oldest first.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn simulator_keys(&self) -> Result<Vec<SimulatorKey>> {
        on!(self, store => store.simulator_keys().await)
    }

    /// Whose key it is.
    pub(crate) async fn simulator_of(&self, key: &str) -> Result<Option<String>> {
        on!(self, store => store.simulator_of(key).await)
    }

    /// Forgets what only an earlier run of this program knew: who was logged in, and which regions were online. For a
    /// program that is the whole grid, when it starts.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn forget_the_living(&self) -> Result<()> {
        on!(self, store => store.forget_the_living().await)
    }

    /// Copies everything, as it is at this moment, into a file that is not there yet.
    ///
    /// # Errors
    /// The file is there, or cannot be written; or the database does not answer.
    pub async fn copy_into(&self, file: &Path) -> Result<Copied> {
        on!(self, store => store.copy_into(file).await)
    }

    /// Copies everything from such a file, which is brought up to date on the way, into this database, in which no
    /// account may be. All of it or nothing. How many rows.
    ///
    /// # Errors
    /// `Refused` if somebody lives here; the file cannot be read, or is of a later version of this program.
    pub async fn copy_from(&self, file: &Path) -> Result<u64> {
        on!(self, store => store.copy_from(file).await)
    }

    /// After [`SqlStore::copy_from`]: sees to it that what assets consist of is where this store keeps it. What is not
    /// there is brought from another place; what is neither here nor there is missing.
    ///
    /// # Errors
    /// The database or one of the places does not answer.
    pub async fn settle_contents(&self, from: Option<&Blobs>) -> Result<Carried> {
        on!(self, store => store.settle_contents(from).await)
    }

    /// Takes in an account, and its password as OpenSimulator keeps it: hash and salt. `Clash` means that the name is
    /// somebody else's here.
    ///
    /// # Errors
    /// `Invalid` if the name or the password cannot be one.
    pub async fn take_account(&self, account: &Account, password: Option<(&str, &str)>) -> Result<Taken> {
        on!(self, store => store.take_account(account, password).await)
    }

    /// Takes in home and last place of somebody of whom nothing is remembered here. Whether that was so.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn take_grid_user(&self, user: &GridUser) -> Result<bool> {
        on!(self, store => store.take_grid_user(user).await)
    }

    /// Takes in folders and items of one person, all of them or none. How many of each were not here. Nothing is said of
    /// their order and whether they hang together: that is up to whoever brings them.
    ///
    /// # Errors
    /// `Refused` if the inventory cannot be changed.
    pub async fn take_inventory(
        &self,
        owner: AgentId,
        folders: &[InventoryFolder],
        items: &[InventoryItem],
    ) -> Result<(u64, u64)> {
        on!(self, store => store.take_inventory(owner, folders, items).await)
    }

    /// Whether the database answers now.
    ///
    /// # Errors
    /// It does not.
    pub async fn answers(&self) -> Result<()> {
        on!(self, store => store.answers().await)
    }

    /// Connections to the database that are open, and how many of them are at work.
    pub fn connections(&self) -> (usize, usize) {
        on!(self, store => store.connections())
    }

    /// Waits for what is under way and closes all connections. Calls fail from then on.
    pub async fn close(&self) {
        on!(self, store => store.close().await);
    }

    pub(crate) fn now_s(&self) -> i64 {
        on!(self, store => store.now_s())
    }

    pub(crate) fn lease_s(&self) -> i64 {
        on!(self, store => store.lease_s())
    }

    /// Sessions whose time is over, and whose they are; at most so many in one go.
    pub(crate) async fn overdue(&self, now: i64) -> Result<Vec<(SessionId, AgentId)>> {
        on!(self, store => store.overdue(now).await)
    }

    /// Ends such a session, unless it has been renewed. Whether this did.
    pub(crate) async fn end_overdue(&self, session: SessionId, agent: AgentId, now: i64) -> Result<bool> {
        on!(self, store => store.end_overdue(session, agent, now).await)
    }

    /// The sessions that the grid has ended and that nobody tells of yet: the caller is to.
    pub(crate) async fn take_ended(&self) -> Result<Vec<Presence>> {
        on!(self, store => store.take_ended().await)
    }

    /// Moves contents out of the database, if they are to be elsewhere. How many: none, once all are.
    pub(crate) async fn move_contents(&self) -> Result<usize> {
        on!(self, store => store.move_contents().await)
    }

    /// Clears away contents that no asset has. How many.
    pub(crate) async fn clear_contents(&self) -> Result<u64> {
        on!(self, store => store.clear_contents().await)
    }

    /// The caller has told of it.
    pub(crate) async fn told_of(&self, session: SessionId) -> Result<()> {
        on!(self, store => store.told_of(session).await)
    }
}

#[async_trait]
impl LoginRecords for SqlStore {
    async fn charge(&self, subject: &str, allowance: Allowance) -> Result<core::result::Result<(), u64>> {
        on!(self, store => store.charge(subject, allowance).await)
    }

    async fn refund(&self, subject: &str, allowance: Allowance) -> Result<()> {
        on!(self, store => store.refund(subject, allowance).await)
    }

    async fn has_used(&self, agent: AgentId, address: &str) -> Result<bool> {
        on!(self, store => store.has_used(agent, address).await)
    }

    async fn used(&self, agent: AgentId, address: &str) -> Result<()> {
        on!(self, store => store.used(agent, address).await)
    }

    async fn has_agreed(&self, agent: AgentId, terms: &str) -> Result<bool> {
        on!(self, store => store.has_agreed(agent, terms).await)
    }

    async fn agrees(&self, agent: AgentId, terms: &str) -> Result<()> {
        on!(self, store => store.agrees(agent, terms).await)
    }

    async fn take_turn(&self, agent: AgentId, holder: Uuid, for_s: u32) -> Result<bool> {
        on!(self, store => store.take_turn(agent, holder, for_s).await)
    }

    async fn end_turn(&self, agent: AgentId, holder: Uuid) -> Result<()> {
        on!(self, store => store.end_turn(agent, holder).await)
    }
}

#[async_trait]
impl Statistics for SqlStore {
    async fn statistics(&self) -> Result<GridStatistics> {
        on!(self, store => store.statistics().await)
    }

    async fn people_by_region(&self) -> Result<BTreeMap<RegionId, u64>> {
        on!(self, store => store.people_by_region().await)
    }
}

#[async_trait]
impl OperatorRecords for SqlStore {
    async fn set_operator_password(&self, password: &str) -> Result<()> {
        on!(self, store => store.set_operator_password(password).await)
    }

    async fn set_first_operator_password(&self, password: &str) -> Result<bool> {
        on!(self, store => store.set_first_operator_password(password).await)
    }

    async fn is_operator_password(&self, password: &str) -> Result<bool> {
        on!(self, store => store.is_operator_password(password).await)
    }

    async fn begin_operator_session(&self, mark: &str, lifetime_s: u32) -> Result<()> {
        on!(self, store => store.begin_operator_session(mark, lifetime_s).await)
    }

    async fn is_operator_session(&self, mark: &str) -> Result<bool> {
        on!(self, store => store.is_operator_session(mark).await)
    }

    async fn end_operator_session(&self, mark: &str) -> Result<()> {
        on!(self, store => store.end_operator_session(mark).await)
    }
}
