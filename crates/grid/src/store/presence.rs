use super::{CHUNK, SqlStore, broken, narrow, one_of};
use crate::engine::About;
use async_trait::async_trait;
use model::{AgentId, RegionId, SecureSessionId, SessionId, Uuid};
use services::{Presence, PresenceService, Renewed, Result};
use std::cmp::Reverse;

/// A session that has not arrived anywhere ends after so many seconds.
const ARRIVAL_S: i64 = 120;

#[derive(sqlx::FromRow)]
pub(super) struct Row {
    pub(super) session: Uuid,
    pub(super) agent: Uuid,
    pub(super) secure_session: Uuid,
    pub(super) region: Uuid,
    pub(super) renewed: i64,
}

impl From<Row> for Presence {
    fn from(row: Row) -> Self {
        Self {
            agent: AgentId(row.agent),
            session: SessionId(row.session),
            secure_session: SecureSessionId(row.secure_session),
            region: RegionId(row.region),
            renewed: narrow(row.renewed),
        }
    }
}

impl SqlStore {
    /// Sets where a session is, and when it ends if nobody renews it (0: never). Whether there is such a session.
    async fn place(&self, session: SessionId, region: RegionId, ends: i64) -> Result<bool> {
        let done =
            sqlx::query("UPDATE presences SET region = $2, renewed = $3, ends = $4 WHERE session = $1")
                .bind(session.0)
                .bind(region.0)
                .bind(self.now_s())
                .bind(ends)
                .execute(self.write())
                .await
                .map_err(broken)?;
        Ok(done.rows_affected() > 0)
    }
}

#[async_trait]
impl PresenceService for SqlStore {
    async fn login(&self, agent: AgentId, session: SessionId, secure_session: SecureSessionId) -> Result<()> {
        let mut change = self.begin(About::Person(agent)).await?;
        sqlx::query("DELETE FROM presences WHERE agent = $1 OR session = $2")
            .bind(agent.0)
            .bind(session.0)
            .execute(&mut *change)
            .await
            .map_err(broken)?;
        sqlx::query(
            "INSERT INTO presences (session, agent, secure_session, region, renewed, ends) \
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(session.0)
        .bind(agent.0)
        .bind(secure_session.0)
        .bind(Uuid::nil())
        .bind(self.now_s())
        .bind(self.now_s() + ARRIVAL_S)
        .execute(&mut *change)
        .await
        .map_err(broken)?;
        change.commit().await.map_err(broken)
    }

    async fn logout(&self, session: SessionId) -> Result<bool> {
        let done = sqlx::query("DELETE FROM presences WHERE session = $1")
            .bind(session.0)
            .execute(self.write())
            .await
            .map_err(broken)?;
        Ok(done.rows_affected() > 0)
    }

    async fn logout_region(&self, region: RegionId) -> Result<u64> {
        if region.is_null() {
            return Ok(0);
        }
        self.end_region(region).await
    }

    async fn report(&self, session: SessionId, region: RegionId) -> Result<bool> {
        self.place(session, region, 0).await
    }

    async fn hold(&self, session: SessionId, region: RegionId) -> Result<bool> {
        self.place(session, region, self.now_s() + self.lease_s()).await
    }

    async fn renew(&self, held: &[(SessionId, RegionId)]) -> Result<Renewed> {
        if held.is_empty() {
            return Ok(Renewed::default());
        }
        self.renew_leases(held).await
    }

    async fn expect(&self, session: SessionId, region: RegionId) -> Result<()> {
        sqlx::query("UPDATE presences SET region = $2 WHERE session = $1")
            .bind(session.0)
            .bind(region.0)
            .execute(self.write())
            .await
            .map_err(broken)?;
        Ok(())
    }

    async fn by_session(&self, session: SessionId) -> Result<Option<Presence>> {
        let row: Option<Row> = sqlx::query_as("SELECT * FROM presences WHERE session = $1")
            .bind(session.0)
            .fetch_optional(self.read())
            .await
            .map_err(broken)?;
        Ok(row.map(Presence::from))
    }

    async fn by_agents(&self, agents: &[AgentId]) -> Result<Vec<Presence>> {
        let mut found: Vec<Presence> = Vec::new();
        for agents in agents.chunks(CHUNK) {
            let mut query = one_of("SELECT * FROM presences WHERE agent", agents, |id| id.0);
            let rows: Vec<Row> =
                query.build_query_as().persistent(false).fetch_all(self.read()).await.map_err(broken)?;
            found.extend(rows.into_iter().map(Presence::from));
        }
        found.sort_by_key(|presence| (presence.agent, Reverse(presence.renewed)));
        found.dedup_by_key(|presence| presence.agent);
        Ok(found)
    }
}
