//! Whether a grid can do what it is there for: whether its database answers.

use async_trait::async_trait;
use grid::SqlStore;
use simulator::Pulse;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

/// How long the database may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// For so long the last answer holds, however many ask.
const KEPT: Duration = Duration::from_secs(1);

/// Asks the database, one question at a time.
pub(super) struct DatabasePulse {
    store: SqlStore,
    last: Mutex<Option<(Instant, bool)>>,
}

impl DatabasePulse {
    pub(super) fn new(store: SqlStore) -> Self {
        Self { store, last: Mutex::default() }
    }
}

#[async_trait]
impl Pulse for DatabasePulse {
    async fn is_well(&self) -> bool {
        let mut last = self.last.lock().await;
        if let Some((at, well)) = *last
            && at.elapsed() < KEPT
        {
            return well;
        }
        let why = match timeout(PATIENCE, self.store.answers()).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some("no answer in time".to_owned()),
        };
        if let Some(why) = &why
            && last.is_none_or(|(_, well)| well)
        {
            tracing::warn!(why, "not ready: logins are not possible without the database");
        }
        *last = Some((Instant::now(), why.is_none()));
        why.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use grid::Database;

    #[tokio::test]
    async fn a_grid_is_as_well_as_its_database() {
        let store = crate::data::open(&Database::Memory).await.unwrap();
        let pulse = DatabasePulse::new(store.clone());
        assert!(pulse.is_well().await);
        store.close().await;
        // From here on the clock is the test's: what is known holds for a while.
        tokio::time::pause();
        assert!(pulse.is_well().await);
        tokio::time::advance(KEPT).await;
        assert!(!pulse.is_well().await);
    }
}
