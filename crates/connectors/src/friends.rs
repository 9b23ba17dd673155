use crate::client::Client;
use async_trait::async_trait;
use model::AgentId;
use robust::friends::{Call, Entry, WORDING, read_many};
use services::{Friend, FriendRights, FriendsService, Result};
use std::sync::Arc;

const PATH: &str = "/friends";

/// Who is whose friend, from `/friends` of a grid.
#[derive(Clone, Debug)]
pub struct HttpFriends {
    client: Arc<Client>,
}

impl HttpFriends {
    /// Asks through this client.
    pub fn new(client: Arc<Client>) -> Self {
        Self { client }
    }
}

#[async_trait]
impl FriendsService for HttpFriends {
    async fn list(&self, agent: AgentId) -> Result<Vec<Friend>> {
        let entries = self.client.ask(PATH, Call::List(agent.into()).to_form(), read_many).await?;
        let friend = |entry: Entry| Friend { friend: entry.friend.id, given: entry.given, has: entry.has };
        let mut friends: Vec<_> = entries.into_iter().map(friend).collect();
        friends.sort_by_key(|friend| friend.friend);
        Ok(friends)
    }

    async fn store(&self, agent: AgentId, friend: AgentId, given: FriendRights) -> Result<()> {
        let call = Call::Store { agent: agent.into(), friend: friend.into(), given };
        self.client.ask(PATH, call.to_form(), |answer| WORDING.read(answer)).await
    }

    async fn delete(&self, agent: AgentId, friend: AgentId) -> Result<bool> {
        let call = Call::Delete { agent: agent.into(), friend: friend.into() };
        self.client.ask(PATH, call.to_form(), |answer| WORDING.read_done(answer)).await
    }
}
