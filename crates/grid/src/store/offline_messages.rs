use super::{SqlStore, broken};
use crate::engine::About;
use async_trait::async_trait;
use model::AgentId;
use services::{Mailbox, OfflineMessage, OfflineMessageService, Result, ServiceError};

/// Messages that wait for one person.
const WAITING: i64 = 100;

#[async_trait]
impl OfflineMessageService for SqlStore {
    async fn keep(&self, to: AgentId, message: &OfflineMessage) -> Result<()> {
        if !message.is_within_bounds() {
            return Err(ServiceError::Invalid("that message is too long".into()));
        }
        let mut change = self.begin(About::Person(to)).await?;
        let known: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM accounts WHERE id = $1")
            .bind(to.0)
            .fetch_one(&mut *change)
            .await
            .map_err(broken)?;
        if known == 0 {
            return Err(ServiceError::Refused("there is no such person".into()));
        }
        // Before anything is counted: a mailbox takes one message at a time.
        let number: i64 = sqlx::query_scalar(
            "INSERT INTO mailboxes (agent, last) VALUES ($1, 1) \
             ON CONFLICT (agent) DO UPDATE SET last = mailboxes.last + 1 RETURNING last",
        )
        .bind(to.0)
        .fetch_one(&mut *change)
        .await
        .map_err(broken)?;
        let waiting: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM offline_messages WHERE agent = $1")
            .bind(to.0)
            .fetch_one(&mut *change)
            .await
            .map_err(broken)?;
        if waiting >= WAITING {
            return Err(ServiceError::Refused("their mailbox is full".into()));
        }
        sqlx::query("INSERT INTO offline_messages (agent, number, body) VALUES ($1, $2, $3)")
            .bind(to.0)
            .bind(number)
            .bind(llsd::binary::write(&message.to_llsd()))
            .execute(&mut *change)
            .await
            .map_err(broken)?;
        change.commit().await.map_err(broken)
    }

    async fn waiting(&self, agent: AgentId) -> Result<Mailbox> {
        let rows: Vec<(i64, Vec<u8>)> =
            sqlx::query_as("SELECT number, body FROM offline_messages WHERE agent = $1 ORDER BY number")
                .bind(agent.0)
                .fetch_all(self.read())
                .await
                .map_err(broken)?;
        let mark = rows.last().map_or(0, |&(number, _)| number.cast_unsigned());
        let read = |(_, body): (i64, Vec<u8>)| OfflineMessage::from_llsd(&llsd::binary::parse(body).ok()?);
        Ok(Mailbox { messages: rows.into_iter().filter_map(read).collect(), mark })
    }

    async fn heard(&self, agent: AgentId, mark: u64) -> Result<()> {
        sqlx::query("DELETE FROM offline_messages WHERE agent = $1 AND number <= $2")
            .bind(agent.0)
            .bind(i64::try_from(mark).unwrap_or(i64::MAX))
            .execute(self.write())
            .await
            .map_err(broken)?;
        Ok(())
    }
}
