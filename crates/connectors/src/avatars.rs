use crate::client::Client;
use async_trait::async_trait;
use model::AgentId;
use robust::avatar::{Call, WORDING, read_one};
use services::{AvatarData, AvatarService, Result};
use std::sync::Arc;

const PATH: &str = "/avatar";

/// What avatars look like, from `/avatar` of a grid.
#[derive(Clone, Debug)]
pub struct HttpAvatars {
    client: Arc<Client>,
}

impl HttpAvatars {
    /// Asks through this client.
    pub fn new(client: Arc<Client>) -> Self {
        Self { client }
    }

    async fn tell(&self, call: Call) -> Result<()> {
        self.client.ask(PATH, call.to_form(), |answer| WORDING.read(answer)).await
    }
}

#[async_trait]
impl AvatarService for HttpAvatars {
    async fn get(&self, agent: AgentId) -> Result<Option<AvatarData>> {
        self.client.ask(PATH, Call::Get(agent).to_form(), read_one).await
    }

    async fn set(&self, agent: AgentId, data: &AvatarData) -> Result<()> {
        self.tell(Call::Set(agent, data.clone())).await
    }

    async fn set_entries(&self, agent: AgentId, entries: &AvatarData) -> Result<()> {
        self.tell(Call::SetEntries(agent, entries.clone())).await
    }

    async fn remove_entries(&self, agent: AgentId, names: &[&str]) -> Result<()> {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        self.tell(Call::RemoveEntries(agent, names)).await
    }

    async fn reset(&self, agent: AgentId) -> Result<()> {
        self.tell(Call::Reset(agent)).await
    }
}
