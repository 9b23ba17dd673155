//! The history of one process.

use anyhow::{Context as _, Result, bail};
use model::{AgentId, RegionId};
use serde::Deserialize;
use std::time::Duration;

/// How long an answer may take; whoever asks for news is kept for 25 s.
const PATIENCE: Duration = Duration::from_secs(40);
/// Bytes of an answer.
const MAX_ANSWER: usize = 64 << 20;

/// What a process remembers.
#[derive(Deserialize, Clone, Debug)]
pub(super) struct View {
    /// When it began, microseconds since 1970; another one counts anew.
    pub(super) process: u64,
    /// The number of its last note.
    pub(super) last: u64,
    pub(super) transfers: Vec<Part>,
}

/// What its regions noted of one transfer.
#[derive(Deserialize, Clone, Debug)]
pub(super) struct Part {
    /// The region that numbers the transfer.
    pub(super) region: RegionId,
    /// That is the destination.
    pub(super) by_destination: bool,
    pub(super) number: u64,
    pub(super) agent: AgentId,
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) version: String,
    pub(super) outcome: Option<String>,
    pub(super) notes: Vec<Note>,
}

/// One step.
#[derive(Deserialize, Clone, PartialEq, Eq, Debug)]
pub(super) struct Note {
    /// Rises in its process.
    pub(super) n: u64,
    /// Microseconds since 1970.
    pub(super) at_us: u64,
    /// The region that noted it, by name.
    pub(super) region: String,
    pub(super) region_id: RegionId,
    pub(super) step: String,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) message: String,
    pub(super) detail: String,
}

/// A process that is asked.
#[derive(Clone, Debug)]
pub(super) struct Source {
    client: reqwest::Client,
    base: String,
}

impl Source {
    pub(super) fn new(url: &str) -> Result<Self> {
        if !url.starts_with("http://") {
            bail!("{url:?} is no address of a simulator; wanted is http://HOST:PORT");
        }
        let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build()?;
        Ok(Self { client, base: url.trim_end_matches('/').to_owned() })
    }

    /// All that it remembers, or, as soon as there is something, what came after this note.
    pub(super) async fn view(&self, after: Option<u64>) -> Result<View> {
        self.fetch(after).await.with_context(|| self.base.clone())
    }

    async fn fetch(&self, after: Option<u64>) -> Result<View> {
        let query = after.map(|n| format!("?after={n}")).unwrap_or_default();
        let mut response = self.client.get(format!("{}/transfers{query}", self.base)).send().await?;
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
