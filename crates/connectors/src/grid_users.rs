use crate::client::Client;
use async_trait::async_trait;
use model::AgentId;
use robust::grid_user::{Call, WORDING, read_many, read_one};
use services::{GridUser, GridUserService, Place, Result, ServiceError};
use std::sync::Arc;

const PATH: &str = "/griduser";
/// Ids in one question.
const IDS: usize = 1024;

/// Home and last places, from `/griduser` of a grid.
#[derive(Clone, Debug)]
pub struct HttpGridUsers {
    client: Arc<Client>,
}

impl HttpGridUsers {
    /// Asks through this client.
    pub fn new(client: Arc<Client>) -> Self {
        Self { client }
    }

    async fn tell(&self, call: Call) -> Result<()> {
        self.client.ask(PATH, call.to_form(), |answer| WORDING.read(answer)).await
    }
}

#[async_trait]
impl GridUserService for HttpGridUsers {
    async fn logged_in(&self, agent: AgentId) -> Result<GridUser> {
        let user = self.client.ask(PATH, Call::LoggedIn(agent.into()).to_form(), read_one).await?;
        user.ok_or_else(|| ServiceError::Refused("the grid did not take note of the login".into()))
    }

    async fn logged_out(&self, agent: AgentId, last: Place) -> Result<()> {
        self.tell(Call::LoggedOut(agent.into(), last)).await
    }

    async fn set_home(&self, agent: AgentId, home: Place) -> Result<()> {
        self.tell(Call::SetHome(agent.into(), home)).await
    }

    async fn set_last_position(&self, agent: AgentId, last: Place) -> Result<()> {
        self.tell(Call::SetPosition(agent.into(), last)).await
    }

    async fn get(&self, agent: AgentId) -> Result<Option<GridUser>> {
        self.client.ask(PATH, Call::Get(agent.into()).to_form(), read_one).await
    }

    /// Releases that cannot be asked for several are asked for one after the other.
    async fn get_many(&self, agents: &[AgentId]) -> Result<Vec<GridUser>> {
        let mut found = Vec::new();
        for agents in agents.chunks(IDS) {
            let several = Call::GetMany(agents.iter().map(|agent| (*agent).into()).collect());
            match self.client.ask(PATH, several.to_form(), read_many).await {
                Err(ServiceError::Refused(_)) => {
                    for agent in agents {
                        found.extend(self.get(*agent).await?);
                    }
                }
                several => found.extend(several?),
            }
        }
        found.sort_by_key(|user| user.agent);
        found.dedup_by_key(|user| user.agent);
        Ok(found)
    }
}
