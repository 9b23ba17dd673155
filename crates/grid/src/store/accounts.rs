use super::text::sought;
use super::{CHUNK, SqlStore, auth, broken, check_plain, escaped, key_of, limit_of, narrow, one_of};
use crate::engine::About;
use async_trait::async_trait;
use model::{AgentId, Uuid};
use services::{Account, AccountChanges, AccountService, NewAccount, Result, ServiceError, ViewerPassword};

/// Bytes of one part of a name, as the viewers' name fields allow.
const NAME_BYTES: usize = 31;
const EMAIL_BYTES: usize = 254;

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    first_name: String,
    last_name: String,
    email: String,
    created: i64,
    level: i64,
    flags: i64,
    title: String,
    country: String,
    service_urls: String,
}

impl From<Row> for Account {
    fn from(row: Row) -> Self {
        Self {
            id: AgentId(row.id),
            first: row.first_name,
            last: row.last_name,
            email: row.email,
            created: narrow(row.created),
            level: narrow(row.level),
            flags: narrow(row.flags),
            title: row.title,
            country: row.country,
            service_urls: serde_json::from_str(&row.service_urls).unwrap_or_default(),
        }
    }
}

pub(super) fn name_key(first: &str, last: &str) -> String {
    format!("{} {}", key_of(first), key_of(last))
}

fn check_name(part: &str) -> Result<()> {
    let odd = |char: char| char.is_whitespace() || char.is_control() || char == '"';
    if part.is_empty() || part.len() > NAME_BYTES || part.chars().any(odd) {
        let why =
            format!("a name has a first and a last part of 1 to {NAME_BYTES} bytes without blanks or quotes");
        return Err(ServiceError::Invalid(why));
    }
    Ok(())
}

pub(super) fn check(account: &Account) -> Result<()> {
    let Account { first, last, email, title, country, service_urls, .. } = account;
    check_name(first)?;
    check_name(last)?;
    check_plain([email.as_str(), title, country])?;
    check_plain(service_urls.iter().flat_map(|(name, url)| [name.as_str(), url]))?;
    if email.len() > EMAIL_BYTES {
        return Err(ServiceError::Invalid(format!("an e-mail address has at most {EMAIL_BYTES} bytes")));
    }
    Ok(())
}

/// A name that somebody has, in words for the user.
fn taken_or_broken(error: sqlx::Error, first: &str, last: &str) -> ServiceError {
    match error.as_database_error() {
        Some(database) if database.is_unique_violation() => {
            ServiceError::Refused(format!("there is an account {first} {last}, or one with that id, already"))
        }
        _ => broken(error),
    }
}

#[async_trait]
impl AccountService for SqlStore {
    async fn by_id(&self, id: AgentId) -> Result<Option<Account>> {
        let row: Option<Row> = sqlx::query_as("SELECT * FROM accounts WHERE id = $1")
            .bind(id.0)
            .fetch_optional(self.read())
            .await
            .map_err(broken)?;
        Ok(row.map(Account::from))
    }

    async fn by_name(&self, first: &str, last: &str) -> Result<Option<Account>> {
        let row: Option<Row> = sqlx::query_as("SELECT * FROM accounts WHERE name_key = $1")
            .bind(name_key(first, last))
            .fetch_optional(self.read())
            .await
            .map_err(broken)?;
        Ok(row.map(Account::from))
    }

    async fn by_email(&self, email: &str) -> Result<Option<Account>> {
        let row: Option<Row> =
            sqlx::query_as("SELECT * FROM accounts WHERE email = $1 ORDER BY created, id LIMIT 1")
                .bind(sought(email))
                .fetch_optional(self.read())
                .await
                .map_err(broken)?;
        Ok(row.map(Account::from))
    }

    async fn by_ids(&self, ids: &[AgentId]) -> Result<Vec<Account>> {
        let mut accounts = Vec::new();
        for ids in ids.chunks(CHUNK) {
            let mut query = one_of("SELECT * FROM accounts WHERE id", ids, |id| id.0);
            let rows: Vec<Row> =
                query.build_query_as().persistent(false).fetch_all(self.read()).await.map_err(broken)?;
            accounts.extend(rows.into_iter().map(Account::from));
        }
        accounts.sort_by_key(|account| account.id);
        accounts.dedup_by_key(|account| account.id);
        Ok(accounts)
    }

    async fn search(&self, query: &str, limit: usize) -> Result<Vec<Account>> {
        let words: Vec<String> = key_of(query).split_whitespace().map(escaped).collect();
        // The key is "first last".
        let (either, or) = match &words[..] {
            [] => return Ok(Vec::new()),
            [word] => (format!("{word}%"), format!("% {word}%")),
            [first, last, ..] => (format!("{first}% {last}%"), format!("{first}% {last}%")),
        };
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT * FROM accounts WHERE name_key LIKE $1 ESCAPE '\\' OR name_key LIKE $2 ESCAPE '\\' \
             ORDER BY name_key LIMIT $3",
        )
        .bind(either)
        .bind(or)
        .bind(limit_of(limit))
        .fetch_all(self.read())
        .await
        .map_err(broken)?;
        Ok(rows.into_iter().map(Account::from).collect())
    }

    async fn list(&self, after: Option<AgentId>, limit: usize) -> Result<Vec<Account>> {
        let rows: Vec<Row> = sqlx::query_as("SELECT * FROM accounts WHERE id > $1 ORDER BY id LIMIT $2")
            .bind(after.unwrap_or_default().0)
            .bind(limit_of(limit))
            .fetch_all(self.read())
            .await
            .map_err(broken)?;
        Ok(rows.into_iter().map(Account::from).collect())
    }

    async fn create(&self, account: NewAccount) -> Result<Account> {
        self.create_with_password(account, &[]).await
    }

    async fn create_with_password(&self, account: NewAccount, forms: &[ViewerPassword]) -> Result<Account> {
        let made = Account {
            id: account.id.unwrap_or_else(|| AgentId(self.new_id())),
            first: account.first,
            last: account.last,
            email: account.email,
            created: narrow(self.now_s()),
            ..Account::default()
        };
        check(&made)?;
        if made.id.is_null() {
            return Err(ServiceError::Invalid("an account's id is not null".into()));
        }
        let hashes = self.hashes_of(forms).await?;
        let mut change = self.begin(About::Person(made.id)).await?;
        sqlx::query(
            "INSERT INTO accounts (id, name_key, first_name, last_name, email, created, level, flags, title, country, \
             service_urls) VALUES ($1, $2, $3, $4, $5, $6, 0, 0, '', '', '{}')",
        )
        .bind(made.id.0)
        .bind(name_key(&made.first, &made.last))
        .bind(&made.first)
        .bind(&made.last)
        .bind(&made.email)
        .bind(made.created.cast_signed())
        .execute(&mut *change)
        .await
        .map_err(|error| taken_or_broken(error, &made.first, &made.last))?;
        auth::put_hashes(&mut change, made.id, hashes).await?;
        change.commit().await.map_err(broken)?;
        Ok(made)
    }

    async fn change(&self, changes: &AccountChanges) -> Result<Option<Account>> {
        let mut change = self.begin(About::Person(changes.id)).await?;
        let row: Option<Row> = sqlx::query_as("SELECT * FROM accounts WHERE id = $1")
            .bind(changes.id.0)
            .fetch_optional(&mut *change)
            .await
            .map_err(broken)?;
        let Some(mut account) = row.map(Account::from) else { return Ok(None) };
        changes.clone().apply(&mut account);
        check(&account)?;
        let urls = serde_json::to_string(&account.service_urls).map_err(ServiceError::unavailable)?;
        sqlx::query(
            "UPDATE accounts SET name_key = $2, first_name = $3, last_name = $4, email = $5, level = $6, flags = $7, \
             title = $8, country = $9, service_urls = $10 WHERE id = $1",
        )
        .bind(account.id.0)
        .bind(name_key(&account.first, &account.last))
        .bind(&account.first)
        .bind(&account.last)
        .bind(&account.email)
        .bind(i64::from(account.level))
        .bind(i64::from(account.flags))
        .bind(&account.title)
        .bind(&account.country)
        .bind(urls)
        .execute(&mut *change)
        .await
        .map_err(|error| taken_or_broken(error, &account.first, &account.last))?;
        change.commit().await.map_err(broken)?;
        Ok(Some(account))
    }

    async fn remove(&self, id: AgentId) -> Result<bool> {
        let mut change = self.begin(About::Person(id)).await?;
        for everything in [
            "DELETE FROM passwords WHERE agent = $1",
            "DELETE FROM tokens WHERE agent = $1",
            "DELETE FROM presences WHERE agent = $1",
            "DELETE FROM grid_users WHERE agent = $1",
            "DELETE FROM friends WHERE agent = $1 OR friend = $1",
            "DELETE FROM avatars WHERE agent = $1",
            "DELETE FROM inventory_items WHERE owner = $1",
            "DELETE FROM inventory_folders WHERE owner = $1",
            "DELETE FROM agent_prefs WHERE agent = $1",
            "DELETE FROM mutes WHERE agent = $1",
            "DELETE FROM login_addresses WHERE agent = $1",
            "DELETE FROM agreements WHERE agent = $1",
            "DELETE FROM offline_messages WHERE agent = $1",
            "DELETE FROM mailboxes WHERE agent = $1",
        ] {
            sqlx::query(everything).bind(id.0).execute(&mut *change).await.map_err(broken)?;
        }
        let done = sqlx::query("DELETE FROM accounts WHERE id = $1")
            .bind(id.0)
            .execute(&mut *change)
            .await
            .map_err(broken)?;
        change.commit().await.map_err(broken)?;
        Ok(done.rows_affected() > 0)
    }
}
