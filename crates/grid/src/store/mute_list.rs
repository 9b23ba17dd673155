use super::text::sought;
use super::{SqlStore, broken, check_plain, narrow};
use crate::engine::About;
use async_trait::async_trait;
use model::{AgentId, Uuid};
use services::{Mute, MuteListService, Result, ServiceError};

/// Entries of one person.
const ENTRIES: i64 = 2_000;
/// Bytes of a name.
const NAME_BYTES: usize = 255;

#[async_trait]
impl MuteListService for SqlStore {
    async fn list(&self, agent: AgentId) -> Result<Vec<Mute>> {
        let rows: Vec<(Uuid, String, i64, i64)> = sqlx::query_as(
            "SELECT muted, name, kind, flags FROM mutes WHERE agent = $1 ORDER BY muted, name",
        )
        .bind(agent.0)
        .fetch_all(self.read())
        .await
        .map_err(broken)?;
        let mute = |(id, name, kind, flags)| Mute { id, name, kind: narrow(kind), flags: narrow(flags) };
        Ok(rows.into_iter().map(mute).collect())
    }

    async fn update(&self, agent: AgentId, mute: &Mute) -> Result<()> {
        if agent.is_null() || mute.name.len() > NAME_BYTES {
            return Err(ServiceError::Invalid("that cannot be muted".into()));
        }
        check_plain([mute.name.as_str()])?;
        let mut change = self.begin(About::Person(agent)).await?;
        let others: i64 = sqlx::query_scalar(
            "SELECT COUNT(*) FROM mutes WHERE agent = $1 AND NOT (muted = $2 AND name = $3)",
        )
        .bind(agent.0)
        .bind(mute.id)
        .bind(&mute.name)
        .fetch_one(&mut *change)
        .await
        .map_err(broken)?;
        if others >= ENTRIES {
            return Err(ServiceError::Refused("the mute list is full".into()));
        }
        sqlx::query(
            "INSERT INTO mutes (agent, muted, name, kind, flags) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (agent, muted, name) DO UPDATE SET kind = excluded.kind, flags = excluded.flags",
        )
        .bind(agent.0)
        .bind(mute.id)
        .bind(&mute.name)
        .bind(i64::from(mute.kind))
        .bind(i64::from(mute.flags))
        .execute(&mut *change)
        .await
        .map_err(broken)?;
        change.commit().await.map_err(broken)
    }

    async fn delete(&self, agent: AgentId, id: Uuid, name: &str) -> Result<bool> {
        let done = sqlx::query("DELETE FROM mutes WHERE agent = $1 AND muted = $2 AND name = $3")
            .bind(agent.0)
            .bind(id)
            .bind(sought(name))
            .execute(self.write())
            .await
            .map_err(broken)?;
        Ok(done.rows_affected() > 0)
    }
}
