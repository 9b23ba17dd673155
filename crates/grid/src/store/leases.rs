//! Sessions that end without a word from their simulator.
//!
//! A row of `presences` is deleted by whoever ends the session, and only one can; the same transaction notes it in
//! `ended_sessions`, from where one process takes it to tell others. Any number of processes may do so on one database.

use super::presence::Row;
use super::{CHUNK, Db, SqlStore, broken};
use model::{RegionId, SessionId, Uuid};
use services::{Presence, Result};
use sqlx::{QueryBuilder, Transaction};
use std::collections::{BTreeMap, BTreeSet};

const OVERDUE: &str = "DELETE FROM presences WHERE ends > 0 AND ends <= $1 \
     RETURNING session, agent, secure_session, region, renewed";

const IN_REGION: &str = "DELETE FROM presences WHERE region = $1 \
     RETURNING session, agent, secure_session, region, renewed";

const NOTE: &str = "INSERT INTO ended_sessions (session, agent, secure_session, region, renewed) \
     VALUES ($1, $2, $3, $4, $5) ON CONFLICT (session) DO NOTHING";

/// Whoever has no other session is not online any more, and was last where they were last seen.
const LOGGED_OUT: &str = "UPDATE grid_users SET online = FALSE, logout = $2 WHERE agent = $1 AND online = TRUE \
     AND NOT EXISTS (SELECT 1 FROM presences WHERE presences.agent = $1)";

impl SqlStore {
    /// Ends the sessions whose time is over. How many.
    pub(crate) async fn end_overdue(&self) -> Result<usize> {
        let now = self.now_s();
        let overdue: Option<(i64,)> =
            sqlx::query_as("SELECT ends FROM presences WHERE ends > 0 AND ends <= $1 LIMIT 1")
                .bind(now)
                .fetch_optional(self.read())
                .await
                .map_err(broken)?;
        if overdue.is_none() {
            return Ok(0);
        }
        let mut change = self.begin().await?;
        let ended: Vec<Row> =
            sqlx::query_as(OVERDUE).bind(now).fetch_all(&mut *change).await.map_err(broken)?;
        self.note_ended(&mut change, &ended).await?;
        change.commit().await.map_err(broken)?;
        Ok(ended.len())
    }

    /// Ends the sessions in a region. How many.
    pub(super) async fn end_region(&self, region: RegionId) -> Result<u64> {
        let mut change = self.begin().await?;
        let ended: Vec<Row> =
            sqlx::query_as(IN_REGION).bind(region.0).fetch_all(&mut *change).await.map_err(broken)?;
        self.note_ended(&mut change, &ended).await?;
        change.commit().await.map_err(broken)?;
        Ok(ended.len() as u64)
    }

    async fn note_ended(&self, change: &mut Transaction<'static, Db>, ended: &[Row]) -> Result<()> {
        let now = self.now_s();
        for row in ended {
            sqlx::query(LOGGED_OUT).bind(row.agent).bind(now).execute(&mut **change).await.map_err(broken)?;
            sqlx::query(NOTE)
                .bind(row.session)
                .bind(row.agent)
                .bind(row.secure_session)
                .bind(row.region)
                .bind(row.renewed)
                .execute(&mut **change)
                .await
                .map_err(broken)?;
        }
        Ok(())
    }

    /// The sessions that the grid has ended and that nobody has been told of yet; who gets them is to tell.
    pub(crate) async fn take_ended(&self) -> Result<Vec<Presence>> {
        let waiting: Option<(Uuid,)> = sqlx::query_as("SELECT session FROM ended_sessions LIMIT 1")
            .fetch_optional(self.read())
            .await
            .map_err(broken)?;
        if waiting.is_none() {
            return Ok(Vec::new());
        }
        let ended: Vec<Row> = sqlx::query_as(
            "DELETE FROM ended_sessions RETURNING session, agent, secure_session, region, renewed",
        )
        .fetch_all(self.write())
        .await
        .map_err(broken)?;
        let mut ended: Vec<Presence> = ended.into_iter().map(Presence::from).collect();
        ended.sort_by_key(|presence| (presence.renewed, presence.session));
        Ok(ended)
    }

    /// Renews the leases of those of these sessions that are in these regions; those that there are not at all.
    pub(super) async fn renew_leases(&self, held: &[(SessionId, RegionId)]) -> Result<Vec<SessionId>> {
        let mut by_region = BTreeMap::<RegionId, Vec<SessionId>>::new();
        for &(session, region) in held {
            by_region.entry(region).or_default().push(session);
        }
        let sessions: Vec<SessionId> = held.iter().map(|&(session, _)| session).collect();
        let mut change = self.begin().await?;
        by_region.remove(&RegionId::NULL);
        for (region, sessions) in by_region {
            self.renew_in(&mut change, region, &sessions).await?;
        }
        let known = known_of(&mut change, &sessions).await?;
        change.commit().await.map_err(broken)?;
        Ok(sessions.into_iter().filter(|session| !known.contains(session)).collect())
    }

    async fn renew_in(
        &self,
        change: &mut Transaction<'static, Db>,
        region: RegionId,
        sessions: &[SessionId],
    ) -> Result<()> {
        let now = self.now_s();
        for sessions in sessions.chunks(CHUNK) {
            let mut query = QueryBuilder::<Db>::new("UPDATE presences SET renewed = ");
            query.push_bind(now).push(", ends = ").push_bind(now + self.lease_s());
            query.push(" WHERE region = ").push_bind(region.0).push(" AND session IN (");
            let mut list = query.separated(", ");
            for session in sessions {
                list.push_bind(session.0);
            }
            query.push(")");
            query.build().persistent(false).execute(&mut **change).await.map_err(broken)?;
        }
        Ok(())
    }

    pub(crate) fn lease_s(&self) -> i64 {
        i64::try_from(self.lease.as_secs()).unwrap_or(i64::MAX / 2)
    }
}

/// Those of these sessions that there are.
async fn known_of(
    change: &mut Transaction<'static, Db>,
    sessions: &[SessionId],
) -> Result<BTreeSet<SessionId>> {
    let mut known = BTreeSet::new();
    for sessions in sessions.chunks(CHUNK) {
        let mut query = QueryBuilder::<Db>::new("SELECT session FROM presences WHERE session IN (");
        let mut list = query.separated(", ");
        for session in sessions {
            list.push_bind(session.0);
        }
        query.push(")");
        let rows: Vec<(Uuid,)> =
            query.build_query_as().persistent(false).fetch_all(&mut **change).await.map_err(broken)?;
        known.extend(rows.into_iter().map(|(session,)| SessionId(session)));
    }
    Ok(known)
}
