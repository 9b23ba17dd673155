use super::{SqlStore, broken};
use crate::engine::About;
use crate::login::{Allowance, LoginRecords};
use async_trait::async_trait;
use model::{AgentId, Uuid};
use services::Result;
use std::sync::atomic::Ordering;

/// Subjects that are remembered; more, and those that are forgotten soonest go first.
const SUBJECTS: i64 = 50_000;
/// What is over is forgotten after so many tries.
const TRIES: u32 = 256;
/// Addresses of one person that are remembered.
const ADDRESSES: i64 = 16;
/// An address that was used is noted again after so many seconds.
const DAY_S: i64 = 86_400;

// A subject's entry is the time at which all its failures are forgotten; each puts it off by the same.
const CHARGE: &str = "INSERT INTO login_failures (subject, forgotten) VALUES ($1, $2 + $3) \
     ON CONFLICT (subject) DO UPDATE SET forgotten = \
     CASE WHEN login_failures.forgotten > $2 THEN login_failures.forgotten ELSE $2 END + $3 \
     WHERE login_failures.forgotten + $3 <= $2 + $4";

const SURPLUS: &str = "DELETE FROM login_failures WHERE subject IN \
     (SELECT subject FROM login_failures ORDER BY forgotten, subject LIMIT $1)";

const USED: &str = "INSERT INTO login_addresses (agent, address, used) VALUES ($1, $2, $3) \
     ON CONFLICT (agent, address) DO UPDATE SET used = $3 WHERE login_addresses.used < $3 - $4";

const OLDER: &str = "DELETE FROM login_addresses WHERE agent = $1 AND address NOT IN \
     (SELECT address FROM login_addresses WHERE agent = $1 ORDER BY used DESC, address LIMIT $2)";

const TAKE_TURN: &str = "INSERT INTO login_turns (agent, holder, ends) VALUES ($1, $2, $3) ON CONFLICT (agent) \
     DO UPDATE SET holder = $2, ends = $3 WHERE login_turns.holder = $2 OR login_turns.ends <= $4";

impl SqlStore {
    /// Forgets the failures whose time is over, and those that are too many.
    async fn forget_failures(&self, now: i64) -> Result<()> {
        let mut change = self.begin(About::Tries).await?;
        sqlx::query("DELETE FROM login_failures WHERE forgotten <= $1")
            .bind(now)
            .execute(&mut *change)
            .await
            .map_err(broken)?;
        let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM login_failures")
            .fetch_one(&mut *change)
            .await
            .map_err(broken)?;
        if count > SUBJECTS {
            sqlx::query(SURPLUS).bind(count - SUBJECTS).execute(&mut *change).await.map_err(broken)?;
        }
        change.commit().await.map_err(broken)
    }
}

#[async_trait]
impl LoginRecords for SqlStore {
    async fn charge(&self, subject: &str, allowance: Allowance) -> Result<core::result::Result<(), u64>> {
        let (now, each) = (self.now_s(), i64::from(allowance.each_s));
        let most = each * i64::from(allowance.burst);
        let count = self.inner.charges.fetch_add(1, Ordering::Relaxed);
        if count % TRIES == TRIES - 1 {
            self.forget_failures(now).await?;
        }
        // One statement, and one subject: nobody waits for anybody else.
        let charged = sqlx::query(CHARGE)
            .bind(subject)
            .bind(now)
            .bind(each)
            .bind(most)
            .execute(self.write())
            .await
            .map_err(broken)?;
        if charged.rows_affected() > 0 {
            return Ok(Ok(()));
        }
        let forgotten: Option<i64> =
            sqlx::query_scalar("SELECT forgotten FROM login_failures WHERE subject = $1")
                .bind(subject)
                .fetch_optional(self.write())
                .await
                .map_err(broken)?;
        let wait = forgotten.unwrap_or(now) + each - now - most;
        Ok(Err(wait.max(1).unsigned_abs()))
    }

    async fn refund(&self, subject: &str, allowance: Allowance) -> Result<()> {
        sqlx::query("UPDATE login_failures SET forgotten = forgotten - $2 WHERE subject = $1")
            .bind(subject)
            .bind(i64::from(allowance.each_s))
            .execute(self.write())
            .await
            .map_err(broken)?;
        Ok(())
    }

    async fn has_used(&self, agent: AgentId, address: &str) -> Result<bool> {
        let used: Option<i64> =
            sqlx::query_scalar("SELECT used FROM login_addresses WHERE agent = $1 AND address = $2")
                .bind(agent.0)
                .bind(address)
                .fetch_optional(self.read())
                .await
                .map_err(broken)?;
        Ok(used.is_some())
    }

    async fn used(&self, agent: AgentId, address: &str) -> Result<()> {
        let noted: Option<i64> = sqlx::query_scalar(
            "SELECT used FROM login_addresses WHERE agent = $1 AND address = $2 AND used >= $3",
        )
        .bind(agent.0)
        .bind(address)
        .bind(self.now_s() - DAY_S)
        .fetch_optional(self.read())
        .await
        .map_err(broken)?;
        if noted.is_some() {
            return Ok(());
        }
        let mut change = self.begin(About::Person(agent)).await?;
        sqlx::query(USED)
            .bind(agent.0)
            .bind(address)
            .bind(self.now_s())
            .bind(DAY_S)
            .execute(&mut *change)
            .await
            .map_err(broken)?;
        sqlx::query(OLDER).bind(agent.0).bind(ADDRESSES).execute(&mut *change).await.map_err(broken)?;
        change.commit().await.map_err(broken)
    }

    async fn has_agreed(&self, agent: AgentId, terms: &str) -> Result<bool> {
        let agreed: Option<String> = sqlx::query_scalar("SELECT terms FROM agreements WHERE agent = $1")
            .bind(agent.0)
            .fetch_optional(self.read())
            .await
            .map_err(broken)?;
        Ok(agreed.is_some_and(|agreed| agreed == terms))
    }

    async fn agrees(&self, agent: AgentId, terms: &str) -> Result<()> {
        sqlx::query(
            "INSERT INTO agreements (agent, terms) VALUES ($1, $2) \
             ON CONFLICT (agent) DO UPDATE SET terms = $2",
        )
        .bind(agent.0)
        .bind(terms)
        .execute(self.write())
        .await
        .map_err(broken)?;
        Ok(())
    }

    async fn take_turn(&self, agent: AgentId, holder: Uuid, for_s: u32) -> Result<bool> {
        let now = self.now_s();
        let done = sqlx::query(TAKE_TURN)
            .bind(agent.0)
            .bind(holder)
            .bind(now + i64::from(for_s))
            .bind(now)
            .execute(self.write())
            .await
            .map_err(broken)?;
        Ok(done.rows_affected() > 0)
    }

    async fn end_turn(&self, agent: AgentId, holder: Uuid) -> Result<()> {
        sqlx::query("DELETE FROM login_turns WHERE agent = $1 AND holder = $2")
            .bind(agent.0)
            .bind(holder)
            .execute(self.write())
            .await
            .map_err(broken)?;
        Ok(())
    }
}
