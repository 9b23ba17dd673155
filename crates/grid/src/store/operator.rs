use super::{SqlStore, broken, narrow};
use crate::OperatorRecords;
use crate::engine::About;
use async_trait::async_trait;
use rand::RngExt as _;
use services::{Result, ViewerPassword};
use sha2::{Digest as _, Sha256};

/// The one whom the page knows.
const NAME: &str = "operator";
/// Browsers in which somebody can be logged in.
const SESSIONS: i64 = 64;

#[async_trait]
impl OperatorRecords for SqlStore {
    async fn set_operator_password(&self, password: &str) -> Result<()> {
        let hash = self.hash_of(password).await?;
        let mut change = self.begin(About::Operator).await?;
        sqlx::query(
            "INSERT INTO operators (name, password) VALUES ($1, $2) \
             ON CONFLICT (name) DO UPDATE SET password = $2",
        )
        .bind(NAME)
        .bind(hash)
        .execute(&mut *change)
        .await
        .map_err(broken)?;
        sqlx::query("DELETE FROM operator_sessions").execute(&mut *change).await.map_err(broken)?;
        change.commit().await.map_err(broken)
    }

    async fn set_first_operator_password(&self, password: &str) -> Result<bool> {
        if self.operator_hash().await?.is_some() {
            return Ok(false);
        }
        let hash = self.hash_of(password).await?;
        let set = sqlx::query(
            "INSERT INTO operators (name, password) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING",
        )
        .bind(NAME)
        .bind(hash)
        .execute(self.write())
        .await
        .map_err(broken)?;
        Ok(set.rows_affected() > 0)
    }

    async fn is_operator_password(&self, password: &str) -> Result<bool> {
        let stored: Vec<String> = self.operator_hash().await?.into_iter().collect();
        let opened = self.inner.passwords.verify(&stored, &form(password), narrow(self.now_s())).await?;
        Ok(opened.is_some())
    }

    async fn begin_operator_session(&self, mark: &str, lifetime_s: u32) -> Result<()> {
        let mut change = self.begin(About::Operator).await?;
        sqlx::query("DELETE FROM operator_sessions WHERE ends <= $1")
            .bind(self.now_s())
            .execute(&mut *change)
            .await
            .map_err(broken)?;
        sqlx::query(
            "DELETE FROM operator_sessions WHERE mark NOT IN \
             (SELECT mark FROM operator_sessions ORDER BY ends DESC, mark LIMIT $1)",
        )
        .bind(SESSIONS - 1)
        .execute(&mut *change)
        .await
        .map_err(broken)?;
        sqlx::query("INSERT INTO operator_sessions (mark, ends) VALUES ($1, $2)")
            .bind(mark)
            .bind(self.now_s() + i64::from(lifetime_s))
            .execute(&mut *change)
            .await
            .map_err(broken)?;
        change.commit().await.map_err(broken)
    }

    async fn is_operator_session(&self, mark: &str) -> Result<bool> {
        let ends: Option<i64> =
            sqlx::query_scalar("SELECT ends FROM operator_sessions WHERE mark = $1 AND ends > $2")
                .bind(mark)
                .bind(self.now_s())
                .fetch_optional(self.read())
                .await
                .map_err(broken)?;
        Ok(ends.is_some())
    }

    async fn end_operator_session(&self, mark: &str) -> Result<()> {
        sqlx::query("DELETE FROM operator_sessions WHERE mark = $1")
            .bind(mark)
            .execute(self.write())
            .await
            .map_err(broken)?;
        Ok(())
    }
}

impl SqlStore {
    async fn operator_hash(&self) -> Result<Option<String>> {
        sqlx::query_scalar("SELECT password FROM operators WHERE name = $1")
            .bind(NAME)
            .fetch_optional(self.read())
            .await
            .map_err(broken)
    }

    async fn hash_of(&self, password: &str) -> Result<String> {
        let salt = self.random(|random| random.random());
        self.inner.passwords.hash(&form(password), salt).await
    }
}

/// What argon2id is given: no viewer sends it, so it is not MD5, which viewers send.
fn form(password: &str) -> ViewerPassword {
    let digest = Sha256::new().chain_update("operator\0").chain_update(password).finalize();
    let (half, _) = digest.split_first_chunk().expect("SHA-256 has 32 bytes");
    ViewerPassword::from_digest(*half)
}
