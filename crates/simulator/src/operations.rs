//! What operators see of a simulator and do with it, for whoever shows it to them: within the process, or from the
//! process of the grid.

use crate::control::{self, Command, Outcome};
use crate::http::ops;
use crate::http::routes::Shared;
use crate::peering::proof::{COMMAND_PATH, ProcessKey, Source};
use crate::peering::web;
use axum::body::{Body, to_bytes};
use axum::http::Response;
use std::sync::Arc;
use std::time::Duration;
use transfer::PeerError;

/// Bytes of an answer: a history of transfers, or what is of this moment.
const MAX_HISTORY: usize = 32 << 20;
const MAX_STATE: usize = 4 << 20;
/// How long an answer may take ...
const PATIENCE: Duration = Duration::from_secs(3);
/// ... and one that waits for news, which a simulator keeps for 25 s.
const NEWS: Duration = Duration::from_secs(30);

fn max_answer(path: &str) -> usize {
    if path.starts_with("/transfers") { MAX_HISTORY } else { MAX_STATE }
}

/// A simulator of this process.
#[derive(Clone)]
pub struct Operations {
    pub(crate) shared: Arc<Shared>,
}

impl Operations {
    /// What it serves under `/metrics`, `/sessions` or `/transfers`, with the query. `Err`: the HTTP status.
    ///
    /// # Errors
    /// It serves nothing there, or cannot.
    pub async fn get(&self, path: &str) -> Result<Vec<u8>, u16> {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let response: Response<Body> = match path {
            "/metrics" => ops::metrics(&self.shared).await,
            "/sessions" => ops::sessions(&self.shared).await,
            "/transfers" => ops::transfers(&self.shared, query).await,
            _ => return Err(404),
        };
        match response.status().as_u16() {
            200 => to_bytes(response.into_body(), max_answer(path)).await.map(Into::into).map_err(|_| 500),
            status => Err(status),
        }
    }

    /// Does what a command says; what was done, or why not.
    pub async fn command(&self, command: Command) -> Outcome {
        Outcome::of(control::obey(command, &self.shared.levers()).await)
    }
}

/// Simulators of other processes, asked in the name of the grid.
#[derive(Clone)]
pub struct RemoteOperations {
    client: reqwest::Client,
    key: Arc<ProcessKey>,
}

impl RemoteOperations {
    /// By the process of the grid that has this key.
    pub fn new(key: Arc<ProcessKey>) -> Self {
        Self { client: web::client(), key }
    }

    /// What the simulator at this base URL serves there.
    ///
    /// # Errors
    /// Why not, in words.
    pub async fn get(&self, base: &str, path: &str) -> Result<Vec<u8>, String> {
        let patience = if path.contains("after=") { NEWS } else { PATIENCE };
        self.ask("GET", base, path, Vec::new(), patience).await
    }

    /// Has the simulator at this base URL do what a command says.
    ///
    /// # Errors
    /// It cannot be asked, for a reason in words.
    pub async fn command(&self, base: &str, command: &Command) -> Result<Outcome, String> {
        let body = serde_json::to_vec(command).map_err(|error| error.to_string())?;
        let answer = self.ask("POST", base, COMMAND_PATH, body, PATIENCE).await?;
        serde_json::from_slice(&answer).map_err(|_| "it answers what makes no sense".into())
    }

    async fn ask(
        &self,
        method: &'static str,
        base: &str,
        path: &str,
        body: Vec<u8>,
        patience: Duration,
    ) -> Result<Vec<u8>, String> {
        let asked = async {
            let url = web::below(base, path)?;
            let request = web::signed(&self.client, &self.key, Source::Grid, method, url, body.into());
            let response = request.send().await.map_err(|error| web::failure(&error))?;
            match response.status().as_u16() {
                200 => web::body_up_to(max_answer(path), response).await,
                status => Err(PeerError::Garbage(format!("it answers with HTTP status {status}"))),
            }
        };
        let answer = tokio::time::timeout(patience, asked).await.unwrap_or(Err(PeerError::TimedOut));
        answer.map_err(|error| error.to_string())
    }
}
