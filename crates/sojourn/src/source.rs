//! A running simulator that is asked over HTTP, as an operator.

use anyhow::{Context as _, Result, bail};
use serde::de::DeserializeOwned;
use std::time::Duration;

/// How long an answer may take; whoever asks for news is kept for 25 s.
const PATIENCE: Duration = Duration::from_secs(40);
/// Bytes of an answer.
const MAX_ANSWER: usize = 64 << 20;

/// A process that is asked.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    client: reqwest::Client,
    base: String,
}

impl Source {
    pub(crate) fn new(url: &str) -> Result<Self> {
        if !url.starts_with("http://") {
            bail!("{url:?} is no address of a simulator; wanted is http://HOST:PORT");
        }
        let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build()?;
        Ok(Self { client, base: url.trim_end_matches('/').to_owned() })
    }

    /// What it serves there, read as JSON.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        self.fetch(path).await.with_context(|| self.base.clone())
    }

    async fn fetch<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        let mut response = self.client.get(format!("{}{path}", self.base)).send().await?;
        match response.status().as_u16() {
            200 => {}
            403 => bail!("not for this machine's eyes: see --operator-from of the simulator"),
            404 => bail!("no simulator answers there"),
            status => bail!("HTTP status {status}"),
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > MAX_ANSWER {
                bail!("it says too much");
            }
            body.extend_from_slice(&chunk);
        }
        Ok(serde_json::from_slice(&body)?)
    }
}
