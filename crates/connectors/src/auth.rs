use crate::client::{Client, not_from_here};
use async_trait::async_trait;
use model::{AgentId, Uuid};
use robust::auth::{Call, WORDING, read_token};
use services::{AuthService, Result, ViewerPassword};
use std::sync::Arc;

const PATH: &str = "/auth/plain";

/// Who may log in, from `/auth/plain` of a grid.
#[derive(Clone, Debug)]
pub struct HttpAuth {
    client: Arc<Client>,
}

impl HttpAuth {
    /// Asks through this client.
    pub fn new(client: Arc<Client>) -> Self {
        Self { client }
    }
}

#[async_trait]
impl AuthService for HttpAuth {
    async fn set_password(&self, _: AgentId, _: &[ViewerPassword]) -> Result<()> {
        not_from_here("passwords are set")
    }

    /// The wire has no question without a token for an answer.
    async fn verify(&self, agent: AgentId, password: &ViewerPassword) -> Result<bool> {
        let Some(token) = self.authenticate(agent, password, 1).await? else { return Ok(false) };
        // It ends by itself as well.
        if let Err(error) = self.release_token(agent, token).await {
            tracing::debug!(%error, "a token was not released");
        }
        Ok(true)
    }

    async fn authenticate(
        &self,
        agent: AgentId,
        password: &ViewerPassword,
        lifetime_min: u32,
    ) -> Result<Option<Uuid>> {
        let call = Call::Authenticate { agent, password: password.clone(), lifetime_min };
        self.client.ask(PATH, call.to_form(), read_token).await
    }

    async fn verify_token(&self, agent: AgentId, token: Uuid, lifetime_min: u32) -> Result<bool> {
        let call = Call::Verify { agent, token, lifetime_min };
        self.client.ask(PATH, call.to_form(), |answer| WORDING.read_done(answer)).await
    }

    async fn release_token(&self, agent: AgentId, token: Uuid) -> Result<bool> {
        let form = Call::Release { agent, token }.to_form();
        self.client.ask(PATH, form, |answer| WORDING.read_done(answer)).await
    }
}
