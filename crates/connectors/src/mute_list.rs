use crate::client::Client;
use async_trait::async_trait;
use model::{AgentId, Uuid};
use robust::mute_list::{Call, Listed, WORDING, read_list};
use services::{Mute, MuteListService, Result, ServiceError};
use std::sync::Arc;

/// Mute lists, from `/mutelist` of a grid.
#[derive(Clone, Debug)]
pub struct HttpMuteList {
    client: Arc<Client>,
}

const PATH: &str = "/mutelist";

impl HttpMuteList {
    /// Asks through this client.
    pub fn new(client: Arc<Client>) -> Self {
        Self { client }
    }
}

#[async_trait]
impl MuteListService for HttpMuteList {
    /// In the order in which the grid has it.
    async fn list(&self, agent: AgentId) -> Result<Vec<Mute>> {
        match self.client.ask(PATH, Call::Get { agent, crc: 0 }.to_form(), read_list).await? {
            Listed::All(mutes) => Ok(mutes),
            // Said of a list that we do not have.
            Listed::Same => Err(ServiceError::unavailable("the grid says that the mute list is known")),
        }
    }

    async fn update(&self, agent: AgentId, mute: &Mute) -> Result<()> {
        let call = Call::Update { agent, mute: mute.clone() };
        self.client.ask(PATH, call.to_form(), |answer| WORDING.read(answer)).await
    }

    /// A ROBUST may say of what was not there that it is gone.
    async fn delete(&self, agent: AgentId, id: Uuid, name: &str) -> Result<bool> {
        let call = Call::Delete { agent, id, name: name.to_owned() };
        self.client.ask(PATH, call.to_form(), |answer| WORDING.read_done(answer)).await
    }
}
