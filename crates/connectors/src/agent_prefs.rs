use crate::client::Client;
use async_trait::async_trait;
use model::AgentId;
use robust::agent_prefs::{Call, WORDING, read_language, read_prefs};
use services::{AgentPrefs, AgentPrefsService, Result};
use std::sync::Arc;

/// Preferences, from `/agentprefs` of a grid.
#[derive(Clone, Debug)]
pub struct HttpAgentPrefs {
    client: Arc<Client>,
}

const PATH: &str = "/agentprefs";

impl HttpAgentPrefs {
    /// Asks through this client.
    pub fn new(client: Arc<Client>) -> Self {
        Self { client }
    }
}

#[async_trait]
impl AgentPrefsService for HttpAgentPrefs {
    async fn get(&self, agent: AgentId) -> Result<Option<AgentPrefs>> {
        self.client.ask(PATH, Call::Get(agent).to_form(), read_prefs).await
    }

    async fn set(&self, prefs: &AgentPrefs) -> Result<()> {
        self.client.ask(PATH, Call::Set(prefs.clone()).to_form(), |answer| WORDING.read(answer)).await
    }

    async fn language(&self, agent: AgentId) -> Result<String> {
        self.client.ask(PATH, Call::Language(agent).to_form(), read_language).await
    }
}
