use super::{SqlStore, broken};
use crate::engine::About;
use async_trait::async_trait;
use model::AgentId;
use services::{AvatarData, AvatarService, Result, ServiceError};

/// Entries of one avatar, and bytes of a name and of a value.
const ENTRIES: usize = 512;
const NAME_BYTES: usize = 32;
const VALUE_BYTES: usize = 16 * 1024;

fn check(data: &AvatarData) -> Result<()> {
    let fits = |(name, value): (&String, &String)| name.len() <= NAME_BYTES && value.len() <= VALUE_BYTES;
    if data.len() > ENTRIES || !data.iter().all(fits) {
        return Err(ServiceError::Invalid("that is too much for one avatar".into()));
    }
    Ok(())
}

impl SqlStore {
    async fn put_avatar(&self, agent: AgentId, data: &AvatarData, replace: bool) -> Result<()> {
        check(data)?;
        let mut change = self.begin(About::Person(agent)).await?;
        if replace {
            sqlx::query("DELETE FROM avatars WHERE agent = $1")
                .bind(agent.0)
                .execute(&mut *change)
                .await
                .map_err(broken)?;
        }
        for (name, value) in data {
            sqlx::query(
                "INSERT INTO avatars (agent, name, value) VALUES ($1, $2, $3) \
                 ON CONFLICT (agent, name) DO UPDATE SET value = excluded.value",
            )
            .bind(agent.0)
            .bind(name)
            .bind(value)
            .execute(&mut *change)
            .await
            .map_err(broken)?;
        }
        change.commit().await.map_err(broken)
    }
}

#[async_trait]
impl AvatarService for SqlStore {
    async fn get(&self, agent: AgentId) -> Result<Option<AvatarData>> {
        let rows: Vec<(String, String)> = sqlx::query_as("SELECT name, value FROM avatars WHERE agent = $1")
            .bind(agent.0)
            .fetch_all(self.read())
            .await
            .map_err(broken)?;
        Ok((!rows.is_empty()).then(|| rows.into_iter().collect()))
    }

    async fn set(&self, agent: AgentId, data: &AvatarData) -> Result<()> {
        self.put_avatar(agent, data, true).await
    }

    async fn set_entries(&self, agent: AgentId, entries: &AvatarData) -> Result<()> {
        self.put_avatar(agent, entries, false).await
    }

    async fn remove_entries(&self, agent: AgentId, names: &[&str]) -> Result<()> {
        let mut change = self.begin(About::Person(agent)).await?;
        for name in names {
            sqlx::query("DELETE FROM avatars WHERE agent = $1 AND name = $2")
                .bind(agent.0)
                .bind(*name)
                .execute(&mut *change)
                .await
                .map_err(broken)?;
        }
        change.commit().await.map_err(broken)
    }

    async fn reset(&self, agent: AgentId) -> Result<()> {
        self.put_avatar(agent, &AvatarData::new(), true).await
    }
}
