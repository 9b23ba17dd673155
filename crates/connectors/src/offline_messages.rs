use crate::client::{Client, FORM, understood};
use async_trait::async_trait;
use model::AgentId;
use robust::offline_messages::{Call, PATH, WORDING, read_mailbox};
use robust::{Malformed, Tree};
use services::{Mailbox, OfflineMessage, OfflineMessageService, Result, ServiceError};
use std::sync::Arc;

/// Longest mailbox, bytes.
const ANSWER_BYTES: usize = 1 << 20;

/// Messages to people who were not online, from a grid of ours. A ROBUST keeps none.
#[derive(Clone, Debug)]
pub struct HttpOfflineMessages {
    client: Arc<Client>,
}

impl HttpOfflineMessages {
    /// Asks through this client.
    pub fn new(client: Arc<Client>) -> Self {
        Self { client }
    }

    /// `None` if the grid has no such service.
    async fn ask<T>(
        &self,
        call: &Call,
        read: impl FnOnce(&Tree) -> core::result::Result<T, Malformed>,
    ) -> Result<Option<T>> {
        let form = call.to_form().write();
        let answer = match call {
            Call::Keep { .. } => self.client.post_once(PATH, FORM, form, ANSWER_BYTES).await?,
            _ => self.client.post(PATH, FORM, form, ANSWER_BYTES).await?,
        };
        let Some(answer) = answer else { return Ok(None) };
        understood(Tree::parse(&answer).and_then(|answer| read(&answer))).map(Some)
    }
}

#[async_trait]
impl OfflineMessageService for HttpOfflineMessages {
    async fn keep(&self, to: AgentId, message: &OfflineMessage) -> Result<()> {
        let call = Call::Keep { to, message: message.clone() };
        self.ask(&call, |answer| WORDING.read(answer))
            .await?
            .ok_or_else(|| ServiceError::Refused("this grid keeps no messages".into()))
    }

    async fn waiting(&self, agent: AgentId) -> Result<Mailbox> {
        Ok(self.ask(&Call::Waiting(agent), read_mailbox).await?.unwrap_or_default())
    }

    async fn heard(&self, agent: AgentId, mark: u64) -> Result<()> {
        let call = Call::Heard { agent, mark };
        // Where nothing is kept there is nothing to forget.
        self.ask(&call, |answer| WORDING.read(answer)).await.map(|_| ())
    }
}
