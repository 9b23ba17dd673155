use super::{Db, SqlStore, broken, narrow};
use crate::engine::About;
use crate::passwords::{self, FORMS};
use async_trait::async_trait;
use model::{AgentId, Uuid};
use rand::RngExt as _;
use services::{AuthService, Result, ServiceError, ViewerPassword};
use sqlx::Transaction;

/// Tokens that a person can have at once; one more ends the oldest.
const TOKENS: i64 = 16;

pub(super) async fn put_hashes(
    change: &mut Transaction<'static, Db>,
    agent: AgentId,
    hashes: Vec<String>,
) -> Result<()> {
    for (form, hash) in (0_i64..).zip(hashes) {
        sqlx::query("INSERT INTO passwords (agent, form, hash) VALUES ($1, $2, $3)")
            .bind(agent.0)
            .bind(form)
            .bind(hash)
            .execute(&mut **change)
            .await
            .map_err(broken)?;
    }
    Ok(())
}

impl SqlStore {
    /// What is stored for a password.
    pub(super) async fn hashes_of(&self, forms: &[ViewerPassword]) -> Result<Vec<String>> {
        if forms.len() > FORMS {
            return Err(ServiceError::Invalid(format!("a password has at most {FORMS} forms")));
        }
        let mut hashes = Vec::with_capacity(forms.len());
        for form in forms {
            let salt = self.random(|random| random.random());
            hashes.push(self.inner.passwords.hash(form, salt).await?);
        }
        Ok(hashes)
    }

    /// Puts a hash of ours in the place of one that came with an import, unless that has been replaced meanwhile.
    async fn upgrade(&self, agent: AgentId, old: &str, password: &ViewerPassword) -> Result<()> {
        let salt = self.random(|random| random.random());
        let hash = self.inner.passwords.hash(password, salt).await?;
        sqlx::query("UPDATE passwords SET hash = $3 WHERE agent = $1 AND hash = $2")
            .bind(agent.0)
            .bind(old)
            .bind(hash)
            .execute(self.write())
            .await
            .map(drop)
            .map_err(broken)
    }
}

#[async_trait]
impl AuthService for SqlStore {
    async fn set_password(&self, agent: AgentId, forms: &[ViewerPassword]) -> Result<()> {
        let hashes = self.hashes_of(forms).await?;
        let mut change = self.begin(About::Person(agent)).await?;
        let account = sqlx::query("SELECT id FROM accounts WHERE id = $1")
            .bind(agent.0)
            .fetch_optional(&mut *change)
            .await
            .map_err(broken)?;
        if account.is_none() {
            return Err(ServiceError::Refused("there is no such account".into()));
        }
        sqlx::query("DELETE FROM passwords WHERE agent = $1")
            .bind(agent.0)
            .execute(&mut *change)
            .await
            .map_err(broken)?;
        sqlx::query("DELETE FROM tokens WHERE agent = $1")
            .bind(agent.0)
            .execute(&mut *change)
            .await
            .map_err(broken)?;
        put_hashes(&mut change, agent, hashes).await?;
        change.commit().await.map_err(broken)
    }

    async fn verify(&self, agent: AgentId, password: &ViewerPassword) -> Result<bool> {
        let hashes: Vec<String> =
            sqlx::query_scalar("SELECT hash FROM passwords WHERE agent = $1 ORDER BY form")
                .bind(agent.0)
                .fetch_all(self.read())
                .await
                .map_err(broken)?;
        let opened = self.inner.passwords.verify(&hashes, password, narrow(self.now_s())).await?;
        if let Some(old) = opened.filter(|stored| passwords::is_of_opensim(stored)) {
            self.upgrade(agent, old, password).await?;
        }
        Ok(opened.is_some())
    }

    async fn authenticate(
        &self,
        agent: AgentId,
        password: &ViewerPassword,
        lifetime_min: u32,
    ) -> Result<Option<Uuid>> {
        if !self.verify(agent, password).await? {
            return Ok(None);
        }
        let (token, now) = (self.new_id(), self.now_s());
        let mut change = self.begin(About::Person(agent)).await?;
        sqlx::query("DELETE FROM tokens WHERE expires <= $1")
            .bind(now)
            .execute(&mut *change)
            .await
            .map_err(broken)?;
        sqlx::query(
            "DELETE FROM tokens WHERE agent = $1 AND token NOT IN \
             (SELECT token FROM tokens WHERE agent = $1 ORDER BY expires DESC, token LIMIT $2)",
        )
        .bind(agent.0)
        .bind(TOKENS - 1)
        .execute(&mut *change)
        .await
        .map_err(broken)?;
        sqlx::query("INSERT INTO tokens (agent, token, expires) VALUES ($1, $2, $3)")
            .bind(agent.0)
            .bind(token)
            .bind(now + 60 * i64::from(lifetime_min))
            .execute(&mut *change)
            .await
            .map_err(broken)?;
        change.commit().await.map_err(broken)?;
        Ok(Some(token))
    }

    async fn verify_token(&self, agent: AgentId, token: Uuid, lifetime_min: u32) -> Result<bool> {
        let now = self.now_s();
        let done =
            sqlx::query("UPDATE tokens SET expires = $3 WHERE agent = $1 AND token = $2 AND expires > $4")
                .bind(agent.0)
                .bind(token)
                .bind(now + 60 * i64::from(lifetime_min))
                .bind(now)
                .execute(self.write())
                .await
                .map_err(broken)?;
        Ok(done.rows_affected() > 0)
    }

    async fn release_token(&self, agent: AgentId, token: Uuid) -> Result<bool> {
        let expires: Option<i64> =
            sqlx::query_scalar("DELETE FROM tokens WHERE agent = $1 AND token = $2 RETURNING expires")
                .bind(agent.0)
                .bind(token)
                .fetch_optional(self.write())
                .await
                .map_err(broken)?;
        Ok(expires.is_some_and(|expires| expires > self.now_s()))
    }
}

impl SqlStore {
    /// Whether this text is a good token of this person.
    pub(super) async fn is_token(
        &self,
        change: &mut Transaction<'static, Db>,
        agent: AgentId,
        token: &str,
    ) -> Result<bool> {
        let Ok(token) = Uuid::try_parse(token) else { return Ok(false) };
        let known = sqlx::query("SELECT token FROM tokens WHERE agent = $1 AND token = $2 AND expires > $3")
            .bind(agent.0)
            .bind(token)
            .bind(self.now_s())
            .fetch_optional(&mut **change)
            .await
            .map_err(broken)?;
        Ok(known.is_some())
    }
}
