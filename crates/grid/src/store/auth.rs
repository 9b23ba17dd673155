use super::{SqlStore, broken, narrow};
use async_trait::async_trait;
use model::AgentId;
use rand::RngExt as _;
use services::{AuthService, Result, ServiceError, ViewerPassword};

/// Forms of one password; see [`ViewerPassword::forms_of`].
const FORMS: usize = 2;

#[async_trait]
impl AuthService for SqlStore {
    async fn set_password(&self, agent: AgentId, forms: &[ViewerPassword]) -> Result<()> {
        if forms.len() > FORMS {
            return Err(ServiceError::Invalid(format!("a password has at most {FORMS} forms")));
        }
        let mut hashes = Vec::with_capacity(forms.len());
        for form in forms {
            let salt = self.random(|random| random.random());
            hashes.push(self.inner.passwords.hash(form, salt).await?);
        }
        let mut change = self.begin().await?;
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
        for (form, hash) in (0_i64..).zip(hashes) {
            sqlx::query("INSERT INTO passwords (agent, form, hash) VALUES ($1, $2, $3)")
                .bind(agent.0)
                .bind(form)
                .bind(hash)
                .execute(&mut *change)
                .await
                .map_err(broken)?;
        }
        change.commit().await.map_err(broken)
    }

    async fn verify(&self, agent: AgentId, password: &ViewerPassword) -> Result<bool> {
        let hashes: Vec<String> =
            sqlx::query_scalar("SELECT hash FROM passwords WHERE agent = $1 ORDER BY form")
                .bind(agent.0)
                .fetch_all(self.read())
                .await
                .map_err(broken)?;
        self.inner.passwords.verify(&hashes, password, narrow(self.now_s())).await
    }
}
