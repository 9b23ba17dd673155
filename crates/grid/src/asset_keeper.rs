//! Puts away what assets consist of: out of the database where it is to be elsewhere, and out of the way what no asset has.
//! Any number of processes may do so at once.

use crate::SqlStore;
use std::time::Duration;

/// Between two looks.
const LOOK: Duration = Duration::from_secs(60 * 60);
/// After the last look has failed.
const AGAIN: Duration = Duration::from_secs(60);

/// Looks after contents.
#[derive(Debug)]
pub struct AssetKeeper {
    store: SqlStore,
}

impl AssetKeeper {
    /// Of this grid.
    pub fn new(store: SqlStore) -> Self {
        Self { store }
    }

    /// Looks again and again.
    pub async fn run(self) {
        loop {
            let pause = match self.look().await {
                Ok(()) => LOOK,
                Err(error) => {
                    tracing::warn!(%error, "what assets consist of could not be put away");
                    AGAIN
                }
            };
            tokio::time::sleep(pause).await;
        }
    }

    async fn look(&self) -> services::Result<()> {
        let mut moved = 0;
        loop {
            match self.store.move_contents().await? {
                0 => break,
                some => moved += some,
            }
        }
        if moved > 0 {
            tracing::info!(moved, "what assets consist of has been moved out of the database");
        }
        let cleared = self.store.clear_contents().await?;
        if cleared > 0 {
            tracing::info!(cleared, "contents that no asset has any more have been cleared away");
        }
        Ok(())
    }
}
