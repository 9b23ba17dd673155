use super::text::sought;
use super::{CHUNK, Db, SqlStore, broken, check_plain, limit_of};
use crate::engine::About;
use async_trait::async_trait;
use model::AgentId;
use services::{AvatarData, AvatarService, Result, ServiceError};
use sqlx::QueryBuilder;

/// Entries of one avatar, and bytes of a name and of a value.
const ENTRIES: usize = 512;
const NAME_BYTES: usize = 32;
const VALUE_BYTES: usize = 16 * 1024;

fn too_much() -> ServiceError {
    ServiceError::Invalid("that is too much for one avatar".into())
}

fn check(data: &AvatarData) -> Result<()> {
    let fits = |(name, value): (&String, &String)| name.len() <= NAME_BYTES && value.len() <= VALUE_BYTES;
    if data.len() > ENTRIES || !data.iter().all(fits) {
        return Err(too_much());
    }
    check_plain(data.iter().flat_map(|(name, value)| [name.as_str(), value]))
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
        let entries: Vec<_> = data.iter().collect();
        for entries in entries.chunks(CHUNK) {
            let mut query = QueryBuilder::<Db>::new("INSERT INTO avatars (agent, name, value) ");
            query.push_values(entries, |mut row, (name, value)| {
                row.push_bind(agent.0).push_bind(*name).push_bind(*value);
            });
            query.push(" ON CONFLICT (agent, name) DO UPDATE SET value = excluded.value");
            query.build().persistent(false).execute(&mut *change).await.map_err(broken)?;
        }
        let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM avatars WHERE agent = $1")
            .bind(agent.0)
            .fetch_one(&mut *change)
            .await
            .map_err(broken)?;
        // With those that were there before.
        if count > limit_of(ENTRIES) {
            return Err(too_much());
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
        for names in names.chunks(CHUNK) {
            let mut query = QueryBuilder::<Db>::new("DELETE FROM avatars WHERE agent = ");
            query.push_bind(agent.0).push(" AND name IN (");
            let mut list = query.separated(", ");
            for name in names {
                list.push_bind(sought(name));
            }
            query.push(")");
            query.build().persistent(false).execute(&mut *change).await.map_err(broken)?;
        }
        change.commit().await.map_err(broken)
    }

    async fn reset(&self, agent: AgentId) -> Result<()> {
        self.put_avatar(agent, &AvatarData::new(), true).await
    }
}
