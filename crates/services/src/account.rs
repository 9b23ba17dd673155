use crate::{Result, ServiceError, ViewerPassword};
use async_trait::async_trait;
use model::AgentId;
use std::collections::BTreeMap;

/// A person's entry in the grid.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Account {
    /// Id of the person, their agents and their avatar.
    pub id: AgentId,
    /// First name, 1..=31 bytes without blanks.
    pub first: String,
    /// Last name, 1..=31 bytes without blanks.
    pub last: String,
    /// E-mail address; may be empty.
    pub email: String,
    /// When it was created, seconds since 1970.
    pub created: u64,
    /// 0 is a normal resident, 200 and above a god of the grid, below 0 may not log in.
    pub level: i32,
    /// Bits shown in profiles; bits 8..=11 are the account's class.
    pub flags: u32,
    /// Title shown in the profile.
    pub title: String,
    /// Country, as an importer found it.
    pub country: String,
    /// Addresses of services of the person's home grid, by name; empty for locals.
    pub service_urls: BTreeMap<String, String>,
}

/// What it takes to make an account.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NewAccount {
    /// The id, if it is to be a certain one (imports); else the service chooses.
    pub id: Option<AgentId>,
    /// First name.
    pub first: String,
    /// Last name.
    pub last: String,
    /// E-mail address; may be empty.
    pub email: String,
}

/// What is to be different in an account; the rest stays as it is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AccountChanges {
    /// Whose.
    pub id: AgentId,
    /// First name.
    pub first: Option<String>,
    /// Last name.
    pub last: Option<String>,
    /// E-mail address.
    pub email: Option<String>,
    /// Level.
    pub level: Option<i32>,
    /// Flags.
    pub flags: Option<u32>,
    /// Title.
    pub title: Option<String>,
    /// Country.
    pub country: Option<String>,
    /// Addresses of services of the home grid.
    pub service_urls: Option<BTreeMap<String, String>>,
}

impl AccountChanges {
    /// Those that make any account this one.
    pub fn all(account: &Account) -> Self {
        Self {
            id: account.id,
            first: Some(account.first.clone()),
            last: Some(account.last.clone()),
            email: Some(account.email.clone()),
            level: Some(account.level),
            flags: Some(account.flags),
            title: Some(account.title.clone()),
            country: Some(account.country.clone()),
            service_urls: Some(account.service_urls.clone()),
        }
    }

    /// Makes them.
    pub fn apply(self, account: &mut Account) {
        fn put<T>(place: &mut T, change: Option<T>) {
            if let Some(change) = change {
                *place = change;
            }
        }
        put(&mut account.first, self.first);
        put(&mut account.last, self.last);
        put(&mut account.email, self.email);
        put(&mut account.level, self.level);
        put(&mut account.flags, self.flags);
        put(&mut account.title, self.title);
        put(&mut account.country, self.country);
        put(&mut account.service_urls, self.service_urls);
    }
}

/// Who has an account. Names are compared without regard to case.
#[async_trait]
pub trait AccountService: Send + Sync {
    /// The account with this id.
    async fn by_id(&self, id: AgentId) -> Result<Option<Account>>;

    /// The account with this name.
    async fn by_name(&self, first: &str, last: &str) -> Result<Option<Account>>;

    /// The account with this e-mail address; the oldest if several have it.
    async fn by_email(&self, email: &str) -> Result<Option<Account>>;

    /// Those of these accounts that exist, in the order of their ids.
    async fn by_ids(&self, ids: &[AgentId]) -> Result<Vec<Account>>;

    /// Accounts whose first or last name begins with the query, or with its two words; by name, at most `limit`.
    async fn search(&self, query: &str, limit: usize) -> Result<Vec<Account>>;

    /// All accounts in the order of their ids, those after `after`, at most `limit`.
    async fn list(&self, after: Option<AgentId>, limit: usize) -> Result<Vec<Account>>;

    /// Makes an account: the entry alone, without password or inventory.
    ///
    /// # Errors
    /// `Refused` if the name or id is taken, `Invalid` if the name cannot be one.
    async fn create(&self, account: NewAccount) -> Result<Account>;

    /// The same, for somebody who can log in with this password from the first moment on; see
    /// [`ViewerPassword::forms_of`].
    async fn create_with_password(&self, account: NewAccount, forms: &[ViewerPassword]) -> Result<Account>;

    /// Changes an existing account; how it is now, or `None` if there is none. What others change at the same moment is
    /// kept.
    ///
    /// # Errors
    /// `Refused` if the new name is taken.
    async fn change(&self, changes: &AccountChanges) -> Result<Option<Account>>;

    /// Replaces everything of an existing account but its id and age.
    ///
    /// # Errors
    /// `Refused` if there is none, or the new name is taken.
    async fn set(&self, account: &Account) -> Result<()> {
        let changed = self.change(&AccountChanges::all(account)).await?;
        changed.map(drop).ok_or_else(|| ServiceError::Refused("there is no such account".into()))
    }

    /// Removes the account and everything that belongs to it: password, presence, places, friendships (both
    /// ways), avatar and inventory. Whether there was one.
    async fn remove(&self, id: AgentId) -> Result<bool>;
}
