use super::{SqlStore, broken, check_plain, narrow};
use async_trait::async_trait;
use model::{AgentId, Uuid};
use services::{AgentPrefs, AgentPrefsService, Result, ServiceError};

/// Bytes of the maturity and of the language; real ones have two and five.
const ACCESS_BYTES: usize = 2;
const LANGUAGE_BYTES: usize = 16;

#[derive(sqlx::FromRow)]
struct Row {
    agent: Uuid,
    access: String,
    hover_height: f32,
    language: String,
    language_is_public: bool,
    everyone_mask: i64,
    group_mask: i64,
    next_owner_mask: i64,
}

impl From<Row> for AgentPrefs {
    fn from(row: Row) -> Self {
        Self {
            agent: AgentId(row.agent),
            access: row.access,
            hover_height_m: row.hover_height,
            language: row.language,
            language_is_public: row.language_is_public,
            everyone: narrow(row.everyone_mask),
            group: narrow(row.group_mask),
            next_owner: narrow(row.next_owner_mask),
        }
    }
}

fn check(prefs: &AgentPrefs) -> Result<()> {
    let fits = prefs.access.len() <= ACCESS_BYTES && prefs.language.len() <= LANGUAGE_BYTES;
    if prefs.agent.is_null() || !fits || !prefs.hover_height_m.is_finite() {
        return Err(ServiceError::Invalid("those are nobody's preferences".into()));
    }
    check_plain([prefs.access.as_str(), &prefs.language])?;
    Ok(())
}

#[async_trait]
impl AgentPrefsService for SqlStore {
    async fn get(&self, agent: AgentId) -> Result<Option<AgentPrefs>> {
        let row: Option<Row> = sqlx::query_as("SELECT * FROM agent_prefs WHERE agent = $1")
            .bind(agent.0)
            .fetch_optional(self.read())
            .await
            .map_err(broken)?;
        Ok(row.map(AgentPrefs::from))
    }

    async fn set(&self, prefs: &AgentPrefs) -> Result<()> {
        check(prefs)?;
        sqlx::query(
            "INSERT INTO agent_prefs (agent, access, hover_height, language, language_is_public, everyone_mask, \
             group_mask, next_owner_mask) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (agent) DO UPDATE SET \
             access = excluded.access, hover_height = excluded.hover_height, language = excluded.language, \
             language_is_public = excluded.language_is_public, everyone_mask = excluded.everyone_mask, \
             group_mask = excluded.group_mask, next_owner_mask = excluded.next_owner_mask",
        )
        .bind(prefs.agent.0)
        .bind(&prefs.access)
        .bind(prefs.hover_height_m)
        .bind(&prefs.language)
        .bind(prefs.language_is_public)
        .bind(i64::from(prefs.everyone))
        .bind(i64::from(prefs.group))
        .bind(i64::from(prefs.next_owner))
        .execute(self.write())
        .await
        .map_err(broken)?;
        Ok(())
    }

    async fn language(&self, agent: AgentId) -> Result<String> {
        let prefs = AgentPrefsService::get(self, agent).await?.unwrap_or_else(|| AgentPrefs::of(agent));
        Ok(prefs.public_language().to_owned())
    }
}
