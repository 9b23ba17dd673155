use super::{SqlStore, broken, narrow};
use crate::SimulatorKey;
use rand::RngExt as _;
use services::{Result, ServiceError, hex};
use sha2::{Digest as _, Sha256};

/// Characters of a name.
const NAME_CHARS: usize = 64;

fn hash_of(key: &str) -> Vec<u8> {
    Sha256::digest(key).to_vec()
}

impl SqlStore {
    /// Makes a key for a simulator, and keeps its hash. Nobody can be told it again.
    pub(crate) async fn add_simulator_key(&self, name: &str) -> Result<String> {
        let sound = |char: char| char.is_alphanumeric() || "-_.".contains(char);
        if name.is_empty() || name.chars().count() > NAME_CHARS || !name.chars().all(sound) {
            let why = format!("a simulator's name has 1 to {NAME_CHARS} letters, digits, -, _ and .");
            return Err(ServiceError::Invalid(why));
        }
        let secret: [u8; 32] = self.random(|random| random.random());
        let key = format!("sojourn-{}", hex(&secret));
        let done = sqlx::query(
            "INSERT INTO simulator_keys (name, hash, created) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING",
        )
        .bind(name)
        .bind(hash_of(&key))
        .bind(self.now_s())
        .execute(self.write())
        .await
        .map_err(broken)?;
        match done.rows_affected() {
            0 => Err(ServiceError::Refused(format!("there is a key for {name} already"))),
            _ => Ok(key),
        }
    }

    /// Makes a key good for nothing. Whether there was one of that name.
    pub(crate) async fn remove_simulator_key(&self, name: &str) -> Result<bool> {
        let done = sqlx::query("DELETE FROM simulator_keys WHERE name = $1")
            .bind(name)
            .execute(self.write())
            .await
            .map_err(broken)?;
        Ok(done.rows_affected() > 0)
    }

    /// All keys, the oldest first.
    pub(crate) async fn simulator_keys(&self) -> Result<Vec<SimulatorKey>> {
        let rows: Vec<(String, i64)> =
            sqlx::query_as("SELECT name, created FROM simulator_keys ORDER BY created, name")
                .fetch_all(self.read())
                .await
                .map_err(broken)?;
        Ok(rows.into_iter().map(|(name, created)| SimulatorKey { name, created: narrow(created) }).collect())
    }

    /// Whose key it is.
    pub(crate) async fn simulator_of(&self, key: &str) -> Result<Option<String>> {
        sqlx::query_scalar("SELECT name FROM simulator_keys WHERE hash = $1")
            .bind(hash_of(key))
            .fetch_optional(self.read())
            .await
            .map_err(broken)
    }
}
