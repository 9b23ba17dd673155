use super::{SqlStore, broken, narrow};
use async_trait::async_trait;
use model::{AgentId, Uuid};
use services::{Friend, FriendRights, FriendsService, Result};

#[async_trait]
impl FriendsService for SqlStore {
    async fn list(&self, agent: AgentId) -> Result<Vec<Friend>> {
        let rows: Vec<(Uuid, i64, Option<i64>)> = sqlx::query_as(
            "SELECT given.friend, given.rights, has.rights FROM friends AS given \
             LEFT JOIN friends AS has ON has.agent = given.friend AND has.friend = given.agent \
             WHERE given.agent = $1 ORDER BY given.friend",
        )
        .bind(agent.0)
        .fetch_all(self.read())
        .await
        .map_err(broken)?;
        let rights = |stored| FriendRights::from_bits_truncate(narrow(stored));
        let friend = |(friend, given, has): (Uuid, i64, Option<i64>)| Friend {
            friend: AgentId(friend),
            given: rights(given),
            has: has.map(rights),
        };
        Ok(rows.into_iter().map(friend).collect())
    }

    async fn store(&self, agent: AgentId, friend: AgentId, given: FriendRights) -> Result<()> {
        sqlx::query(
            "INSERT INTO friends (agent, friend, rights) VALUES ($1, $2, $3) \
             ON CONFLICT (agent, friend) DO UPDATE SET rights = excluded.rights",
        )
        .bind(agent.0)
        .bind(friend.0)
        .bind(i64::from(given.bits()))
        .execute(self.write())
        .await
        .map_err(broken)?;
        Ok(())
    }

    async fn delete(&self, agent: AgentId, friend: AgentId) -> Result<bool> {
        let done = sqlx::query("DELETE FROM friends WHERE agent = $1 AND friend = $2")
            .bind(agent.0)
            .bind(friend.0)
            .execute(self.write())
            .await
            .map_err(broken)?;
        Ok(done.rows_affected() > 0)
    }
}
