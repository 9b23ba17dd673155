//! A process that is asked.

use async_trait::async_trait;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::time::Duration;

/// How long an answer may take; whoever asks for news is kept for 25 s.
const PATIENCE: Duration = Duration::from_secs(40);
/// Bytes of sessions or metrics, of which all processes are asked at once, and of a history.
const MAX_STATE: usize = 4 << 20;
const MAX_HISTORY: usize = 32 << 20;

/// Bytes at most of what a process serves under this path, with its query.
fn max_answer(path: &str) -> usize {
    if path.starts_with("/transfers") { MAX_HISTORY } else { MAX_STATE }
}

/// Why a process has not said what it was asked.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct Failed(pub String);

impl Failed {
    /// It answered with another HTTP status than 200.
    pub fn status(status: u16) -> Self {
        Self(match status {
            403 => "not for this machine's eyes: see --operator-from of the simulator".into(),
            404 => "no simulator answers there".into(),
            status => format!("HTTP status {status}"),
        })
    }

    fn too_much() -> Self {
        Self("it says too much".into())
    }
}

/// A way to what a process serves to operators.
#[async_trait]
pub trait Fetch: Send + Sync {
    /// What it serves under this path, with its query.
    ///
    /// # Errors
    /// It does not answer, or with another status than 200, or too much.
    async fn fetch(&self, path: &str) -> Result<Vec<u8>, Failed>;
}

/// A process that is asked.
#[derive(Clone)]
pub struct Source(Arc<dyn Fetch>);

impl Source {
    /// By this way.
    pub fn new(way: Arc<dyn Fetch>) -> Self {
        Self(way)
    }

    /// What it serves there, read as JSON.
    ///
    /// # Errors
    /// It does not answer, or not so.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failed> {
        let body = self.fetch(path).await?;
        serde_json::from_slice(&body).map_err(|error| Failed(format!("{path} makes no sense: {error}")))
    }

    async fn fetch(&self, path: &str) -> Result<Vec<u8>, Failed> {
        let body = self.0.fetch(path).await?;
        if body.len() > max_answer(path) {
            return Err(Failed::too_much());
        }
        Ok(body)
    }

    /// What it serves there, as text.
    ///
    /// # Errors
    /// It does not answer, or not with text.
    pub async fn text(&self, path: &str) -> Result<String, Failed> {
        let body = self.fetch(path).await?;
        String::from_utf8(body).map_err(|_| Failed(format!("{path} is no text")))
    }
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Source")
    }
}

/// Over HTTP, as an operator who is known by address.
#[derive(Clone, Debug)]
pub struct Http {
    client: reqwest::Client,
    base: String,
}

impl Http {
    /// The process whose HTTP side is there.
    ///
    /// # Errors
    /// That is no address.
    pub fn new(url: &str) -> Result<Self, Failed> {
        if !url.starts_with("http://") {
            return Err(Failed(format!("{url:?} is no address of a simulator; wanted is http://HOST:PORT")));
        }
        let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build();
        let client = client.map_err(|error| Failed(error.to_string()))?;
        Ok(Self { client, base: url.trim_end_matches('/').to_owned() })
    }

    async fn ask(&self, path: &str) -> Result<Vec<u8>, Failed> {
        let broken = |error: reqwest::Error| Failed(innermost(&error));
        let mut response = self.client.get(format!("{}{path}", self.base)).send().await.map_err(broken)?;
        if response.status().as_u16() != 200 {
            return Err(Failed::status(response.status().as_u16()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(broken)? {
            if body.len() + chunk.len() > max_answer(path) {
                return Err(Failed::too_much());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

#[async_trait]
impl Fetch for Http {
    async fn fetch(&self, path: &str) -> Result<Vec<u8>, Failed> {
        self.ask(path).await.map_err(|Failed(why)| Failed(format!("{}: {why}", self.base)))
    }
}

/// The outermost of an error says only that something failed, the innermost what.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Says(&'static [u8]);

    #[async_trait]
    impl Fetch for Says {
        async fn fetch(&self, _path: &str) -> Result<Vec<u8>, Failed> {
            Ok(self.0.to_vec())
        }
    }

    /// As many spaces.
    struct Talks(usize);

    #[async_trait]
    impl Fetch for Talks {
        async fn fetch(&self, _path: &str) -> Result<Vec<u8>, Failed> {
            Ok(vec![b' '; self.0])
        }
    }

    #[tokio::test]
    async fn nobody_may_say_too_much() {
        for (path, most) in
            [("/metrics", MAX_STATE), ("/sessions", MAX_STATE), ("/transfers?after=1", MAX_HISTORY)]
        {
            let says = async |bytes| Source::new(Arc::new(Talks(bytes))).text(path).await;
            assert!(says(most).await.is_ok(), "{path}");
            assert_eq!(says(most + 1).await, Err(Failed::too_much()), "{path}");
        }
    }

    #[tokio::test]
    async fn what_makes_no_sense_is_an_error() {
        let says = |body| Source::new(Arc::new(Says(body)));
        assert_eq!(says(b"[1]").get::<Vec<u8>>("/x").await, Ok(vec![1]));
        assert!(says(b"<html>").get::<Vec<u8>>("/x").await.unwrap_err().0.contains("/x makes no sense"));
        assert_eq!(says(b"ok").text("/x").await.as_deref(), Ok("ok"));
        assert!(says(b"\xff").text("/x").await.is_err());
        assert!(says(b"{}").sessions().await.is_err());
        assert!(Http::new("ftp://x").is_err());
        assert!(Failed::status(403).0.contains("--operator-from"));
    }
}
