//! Public keys of other processes, by the base URL at which each serves its own.

use super::cache::Cache;
use super::{proof, web};
use ed25519_dalek::VerifyingKey;
use std::time::Duration;

/// Processes whose keys are remembered.
const PROCESSES: usize = 4096;
/// A key is good for as long as its process runs; proofs that fail have it fetched anew.
const AGE: Duration = Duration::from_secs(3600);
/// But no more often than so.
const ANEW: Duration = Duration::from_secs(1);
/// How long a process may take to give its key.
const PATIENCE: Duration = Duration::from_secs(2);

/// The keys.
#[derive(Debug)]
pub(crate) struct Keys {
    client: reqwest::Client,
    /// `None`: a process that has none, for instance another program's.
    known: Cache<String, Option<VerifyingKey>>,
}

impl Keys {
    pub(crate) fn new(client: reqwest::Client) -> Self {
        Self { client, known: Cache::new(PROCESSES) }
    }

    /// The key of the process at this base URL, as last heard.
    pub(crate) async fn of(&self, base: &str) -> Option<VerifyingKey> {
        match self.known.peek(&base.to_owned(), AGE) {
            Some(Some(key)) => Some(key),
            _ => self.anew(base).await,
        }
    }

    /// The key that it has now, or had a second ago.
    pub(crate) async fn anew(&self, base: &str) -> Option<VerifyingKey> {
        let ask = async || Ok::<_, ()>(self.fetch(base).await);
        self.known.get(&base.to_owned(), ANEW, ask).await.ok().flatten()
    }

    async fn fetch(&self, base: &str) -> Option<VerifyingKey> {
        let url = web::below(base, proof::KEY_PATH).ok()?;
        let fetched = async {
            let response = self.client.get(url).send().await.map_err(|error| web::failure(&error))?;
            match response.status().is_success() {
                true => web::body(response).await,
                false => Ok(Vec::new()),
            }
        };
        match tokio::time::timeout(PATIENCE, fetched).await {
            Ok(Ok(document)) => proof::read_key(&document),
            Ok(Err(error)) => {
                tracing::debug!(base, %error, "the key of a process cannot be had");
                None
            }
            Err(_) => None,
        }
    }
}
