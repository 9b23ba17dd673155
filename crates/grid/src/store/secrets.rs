use super::{SqlStore, broken};
use rand::RngExt as _;
use services::{Result, ServiceError};

impl SqlStore {
    /// The secret of this name: the same for all processes on this database, made by the first that asks.
    pub(crate) async fn secret(&self, name: &str) -> Result<[u8; 32]> {
        let thought_up: [u8; 32] = self.random(|random| random.random());
        sqlx::query("INSERT INTO secrets (name, secret) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING")
            .bind(name)
            .bind(&thought_up[..])
            .execute(self.write())
            .await
            .map_err(broken)?;
        let secret: Vec<u8> = sqlx::query_scalar("SELECT secret FROM secrets WHERE name = $1")
            .bind(name)
            .fetch_one(self.write())
            .await
            .map_err(broken)?;
        let odd = |_| ServiceError::Unavailable(format!("the secret {name} in the database is spoilt"));
        secret.try_into().map_err(odd)
    }
}
