//! Logins that end at the password, counted.

use async_trait::async_trait;
use model::{AgentId, Uuid};
use services::{AuthService, Result, ViewerPassword};
use simulator::Metrics;
use std::sync::Arc;

/// The authentication service, as the login service is given it.
pub(crate) struct CountedAuth {
    pub(crate) inner: Arc<dyn AuthService>,
    pub(crate) metrics: Arc<Metrics>,
}

#[async_trait]
impl AuthService for CountedAuth {
    async fn set_password(&self, agent: AgentId, forms: &[ViewerPassword]) -> Result<()> {
        self.inner.set_password(agent, forms).await
    }

    async fn verify(&self, agent: AgentId, password: &ViewerPassword) -> Result<bool> {
        let verified = self.inner.verify(agent, password).await;
        match &verified {
            Ok(true) => {}
            Ok(false) => self.metrics.login("wrong_password"),
            Err(_) => self.metrics.login("error"),
        }
        verified
    }

    async fn authenticate(
        &self,
        agent: AgentId,
        password: &ViewerPassword,
        lifetime_min: u32,
    ) -> Result<Option<Uuid>> {
        self.inner.authenticate(agent, password, lifetime_min).await
    }

    async fn verify_token(&self, agent: AgentId, token: Uuid, lifetime_min: u32) -> Result<bool> {
        self.inner.verify_token(agent, token, lifetime_min).await
    }

    async fn release_token(&self, agent: AgentId, token: Uuid) -> Result<bool> {
        self.inner.release_token(agent, token).await
    }
}
