//! Reads what peers ask. A body of a few bytes may unpack to megabytes and be a tree of many more: whoever is nobody to
//! us has little read, and large bodies are read a few at a time, beside the threads that serve.

use super::gate::{Denied, Gate, Sender};
use crate::http::budget::{Budget, Full, Share};
use crate::http::intake::Whole;
use axum::http::{HeaderValue, header};
use simulation::{BODY_MAX, Incoming, Rejected};
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes of an unpacked body that is read for anybody, at once. Only agents with their attachments have more.
const ORDINARY: usize = 256 << 10;
/// Larger bodies that are read at a time.
const AT_A_TIME: usize = 2;
/// How long one may wait for its turn.
const PATIENCE: Duration = Duration::from_secs(10);
/// Unpacked bytes of calls that are looked into or wait for their regions: all, and those of one caller.
const WAITING: (usize, usize) = (64 << 20, 24 << 20);

/// Why a request is not read.
#[derive(Debug)]
pub(crate) enum Unread {
    /// It makes no sense.
    Rejected(Rejected),
    /// Its sender may not have it read.
    Denied(Denied),
    /// Too much waits already.
    Busy,
}

impl From<Rejected> for Unread {
    fn from(why: Rejected) -> Self {
        Self::Rejected(why)
    }
}

impl From<Denied> for Unread {
    fn from(why: Denied) -> Self {
        Self::Denied(why)
    }
}

impl From<Full> for Unread {
    fn from(Full: Full) -> Self {
        Self::Busy
    }
}

/// The reader of a process.
pub(crate) struct Reader {
    budget: Budget,
    turns: Arc<Semaphore>,
}

impl Default for Reader {
    fn default() -> Self {
        let (all, of_one) = WAITING;
        Self { budget: Budget::new(all, of_one), turns: Arc::new(Semaphore::new(AT_A_TIME)) }
    }
}

impl Reader {
    /// What a request says, and what that holds of the budget.
    ///
    /// # Errors
    /// It makes no sense, its sender may not say so much, or too much waits already.
    pub(crate) async fn read(
        &self,
        gate: &Gate,
        sender: Sender,
        request: &Whole,
    ) -> Result<(Incoming, Share), Unread> {
        let share = self.budget.share(request.remote.ip());
        let letter = Letter::of(request);
        match letter.unpack(ORDINARY) {
            Ok(unpacked) => return letter.read(&unpacked, share),
            Err(rejected) if rejected.status == 413 => {}
            Err(rejected) => return Err(rejected.into()),
        }
        let agent = simulation::agent_of(&letter.path);
        gate.may_send_much(sender, agent, request.remote.ip()).await?;
        let turn = tokio::time::timeout(PATIENCE, self.turns.clone().acquire_owned()).await;
        let Ok(Ok(turn)) = turn else { return Err(Unread::Busy) };
        let reading = tokio::task::spawn_blocking(move || {
            // Held until it is read, even if nobody waits for it any longer.
            let _turn: OwnedSemaphorePermit = turn;
            letter.read(&letter.unpack(BODY_MAX)?, share)
        });
        reading.await.unwrap_or(Err(Unread::Busy))
    }
}

/// A request, as it is read.
struct Letter {
    method: axum::http::Method,
    path: String,
    kind: Option<String>,
    encoding: Option<String>,
    body: axum::body::Bytes,
}

impl Letter {
    fn of(request: &Whole) -> Self {
        let Whole { head, body, .. } = request;
        let text = |name| {
            let value: Option<&HeaderValue> = head.headers.get(name);
            value.and_then(|value| value.to_str().ok()).map(str::to_owned)
        };
        Self {
            method: head.method.clone(),
            path: head.uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string),
            kind: text(header::CONTENT_TYPE.as_str()),
            encoding: text(header::CONTENT_ENCODING.as_str()).or_else(|| text("x-content-encoding")),
            body: body.clone(),
        }
    }

    fn unpack(&self, max: usize) -> Result<Cow<'_, [u8]>, Rejected> {
        simulation::unpack(self.kind.as_deref(), self.encoding.as_deref(), &self.body, max)
    }

    fn read(&self, unpacked: &[u8], mut share: Share) -> Result<(Incoming, Share), Unread> {
        share.grow(unpacked.len())?;
        Ok((simulation::read_unpacked(self.method.as_str(), &self.path, unpacked)?, share))
    }
}
