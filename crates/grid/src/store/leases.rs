//! Sessions that end without a word from their simulator.
//!
//! A row of `presences` is deleted by whoever ends the session, and only one can; the same transaction notes it in
//! `ended_sessions`, from where one process takes it to tell others. Any number of processes may do so on one database;
//! should one die before it has told, another does.

use super::presence::Row;
use super::{CHUNK, Db, SqlStore, broken, one_of, push_one_of};
use crate::engine::About;
use model::{AgentId, RegionId, SessionId, Uuid};
use services::{Presence, Renewed, Result};
use sqlx::{QueryBuilder, Transaction};
use std::collections::BTreeMap;

/// Sessions that are looked at in one go.
const MANY: i64 = 1000;
/// Who took it upon itself to tell of an end, and has not within so many seconds, will not.
const TELLING_S: i64 = 60;

const OVERDUE: &str =
    "SELECT session, agent FROM presences WHERE ends > 0 AND ends <= $1 ORDER BY ends, session LIMIT $2";

const IN_REGION: &str = "SELECT session, agent FROM presences WHERE region = $1 ORDER BY session";

const END_OVERDUE: &str = "DELETE FROM presences WHERE session = $1 AND ends > 0 AND ends <= $2 \
     RETURNING session, agent, secure_session, region, renewed";

const END_IN_REGION: &str = "DELETE FROM presences WHERE session = $1 AND region = $2 \
     RETURNING session, agent, secure_session, region, renewed";

const NOTE: &str = "INSERT INTO ended_sessions (session, agent, secure_session, region, renewed) \
     VALUES ($1, $2, $3, $4, $5) ON CONFLICT (session) DO NOTHING";

const TAKE: &str = "UPDATE ended_sessions SET taken = $1 WHERE taken <= $2 \
     RETURNING session, agent, secure_session, region, renewed";

/// Whoever has no other session is not online any more, and was last where they were last seen.
const LOGGED_OUT: &str = "UPDATE grid_users SET online = FALSE, logout = $2 WHERE agent = $1 AND online = TRUE \
     AND NOT EXISTS (SELECT 1 FROM presences WHERE presences.agent = $1)";

type Session = (Uuid, Uuid);

impl SqlStore {
    /// Sessions whose time is over, and whose they are: those that have been for longest, at most so many in one go.
    pub(crate) async fn overdue(&self, now: i64) -> Result<Vec<(SessionId, AgentId)>> {
        let look = sqlx::query_as(OVERDUE).bind(now).bind(MANY);
        let overdue: Vec<Session> = look.fetch_all(self.read()).await.map_err(broken)?;
        Ok(overdue.into_iter().map(|(session, agent)| (SessionId(session), AgentId(agent))).collect())
    }

    /// Ends such a session, unless it has been renewed. Whether this did.
    pub(crate) async fn end_overdue(&self, session: SessionId, agent: AgentId, now: i64) -> Result<bool> {
        let mut change = self.begin(About::Person(agent)).await?;
        let end = sqlx::query_as(END_OVERDUE).bind(session.0).bind(now);
        let row: Option<Row> = end.fetch_optional(&mut *change).await.map_err(broken)?;
        Ok(self.note_ended(change, row).await? > 0)
    }

    /// Ends the sessions in a region. How many.
    pub(super) async fn end_region(&self, region: RegionId) -> Result<u64> {
        let there: Vec<Session> =
            sqlx::query_as(IN_REGION).bind(region.0).fetch_all(self.read()).await.map_err(broken)?;
        let mut ended = 0;
        for (session, agent) in there {
            let mut change = self.begin(About::Person(AgentId(agent))).await?;
            let end = sqlx::query_as(END_IN_REGION).bind(session).bind(region.0);
            let row: Option<Row> = end.fetch_optional(&mut *change).await.map_err(broken)?;
            ended += self.note_ended(change, row).await?;
        }
        Ok(ended)
    }

    /// Commits the end of a session, if it was this change that ended it. How many it ended.
    async fn note_ended(&self, mut change: Transaction<'static, Db>, ended: Option<Row>) -> Result<u64> {
        let Some(row) = ended else { return Ok(0) };
        sqlx::query(LOGGED_OUT)
            .bind(row.agent)
            .bind(self.now_s())
            .execute(&mut *change)
            .await
            .map_err(broken)?;
        sqlx::query(NOTE)
            .bind(row.session)
            .bind(row.agent)
            .bind(row.secure_session)
            .bind(row.region)
            .bind(row.renewed)
            .execute(&mut *change)
            .await
            .map_err(broken)?;
        change.commit().await.map_err(broken)?;
        Ok(1)
    }

    /// The sessions that the grid has ended and that nobody tells of yet; who gets them is to tell, and to say so by
    /// [`SqlStore::told_of`]. What is not told within a minute is given to the next who asks.
    pub(crate) async fn take_ended(&self) -> Result<Vec<Presence>> {
        let (now, late) = (self.now_s(), self.now_s() - TELLING_S);
        let waiting: Option<(Uuid,)> =
            sqlx::query_as("SELECT session FROM ended_sessions WHERE taken <= $1 LIMIT 1")
                .bind(late)
                .fetch_optional(self.read())
                .await
                .map_err(broken)?;
        if waiting.is_none() {
            return Ok(Vec::new());
        }
        let take = sqlx::query_as(TAKE).bind(now).bind(late);
        let ended: Vec<Row> = take.fetch_all(self.write()).await.map_err(broken)?;
        let mut ended: Vec<Presence> = ended.into_iter().map(Presence::from).collect();
        ended.sort_by_key(|presence| (presence.renewed, presence.session));
        Ok(ended)
    }

    /// Those who want to know of the end of this session have been told.
    pub(crate) async fn told_of(&self, session: SessionId) -> Result<()> {
        sqlx::query("DELETE FROM ended_sessions WHERE session = $1")
            .bind(session.0)
            .execute(self.write())
            .await
            .map_err(broken)?;
        Ok(())
    }

    /// Renews the leases of those of these sessions that are in these regions; those that there are not at all, and those
    /// that are in another region.
    pub(super) async fn renew_leases(&self, held: &[(SessionId, RegionId)]) -> Result<Renewed> {
        let mut by_region = BTreeMap::<RegionId, Vec<SessionId>>::new();
        for &(session, region) in held {
            by_region.entry(region).or_default().push(session);
        }
        let sessions: Vec<SessionId> = held.iter().map(|&(session, _)| session).collect();
        let mut change = self.begin(About::Sessions).await?;
        by_region.remove(&RegionId::NULL);
        for (region, sessions) in by_region {
            self.renew_in(&mut change, region, &sessions).await?;
        }
        let known = known_of(&mut change, &sessions).await?;
        change.commit().await.map_err(broken)?;
        let mut renewed = Renewed::default();
        for &(session, region) in held {
            match known.get(&session) {
                None => renewed.unknown.push(session),
                Some(&other) if other != region && !region.is_null() => renewed.elsewhere.push(session),
                Some(_) => {}
            }
        }
        Ok(renewed)
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
            query.push(" WHERE region = ").push_bind(region.0).push(" AND session");
            push_one_of(&mut query, sessions, |id| id.0);
            query.build().persistent(false).execute(&mut **change).await.map_err(broken)?;
        }
        Ok(())
    }

    pub(crate) fn lease_s(&self) -> i64 {
        i64::try_from(self.lease.as_secs()).unwrap_or(i64::MAX / 2)
    }
}

/// Those of these sessions that there are, and where.
async fn known_of(
    change: &mut Transaction<'static, Db>,
    sessions: &[SessionId],
) -> Result<BTreeMap<SessionId, RegionId>> {
    let mut known = BTreeMap::new();
    for sessions in sessions.chunks(CHUNK) {
        let mut query = one_of("SELECT session, region FROM presences WHERE session", sessions, |id| id.0);
        let rows: Vec<Session> =
            query.build_query_as().persistent(false).fetch_all(&mut **change).await.map_err(broken)?;
        known.extend(rows.into_iter().map(|(session, region)| (SessionId(session), RegionId(region))));
    }
    Ok(known)
}
