//! Request bodies: taken in whole, within a size, within a time, and within what all of their kind may hold together.

use super::budget::{Budget, SMALL, Share};
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt as _;
use hyper::body::{Body, Incoming};
use llsd::Value;
use std::net::IpAddr;
use std::time::Duration;

/// Bytes of an ordinary body.
pub(crate) const ORDINARY: usize = 1 << 20;
/// Bytes of an uploaded asset.
pub(crate) const UPLOAD: usize = 8 << 20;
/// Bytes of an agent that comes from another process, with all that is attached to it.
pub(crate) const PEER: usize = 16 << 20;
/// Bytes of a body for a capability that there is not: it is taken in only to be refused.
pub(crate) const STRANGE: usize = 16 << 10;
/// Bytes of an asset that comes from a simulator of others, in a document.
pub(crate) const ASSET: usize = services::ASSET_BYTES_MAX.div_ceil(3) * 4 + (64 << 10);
/// How long a client may take to send a body.
const PATIENCE: Duration = Duration::from_secs(20);

/// Whose budget a body takes from: no kind of caller is refused because of another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Pool {
    /// Viewers', for capabilities.
    Viewers,
    /// Other simulators'.
    Peers,
    /// Whoever else asks: the grid's.
    Others,
}

/// What bodies that are being taken in or worked on may hold.
#[derive(Debug)]
pub(crate) struct Budgets {
    viewers: Budget,
    peers: Budget,
    others: Budget,
}

impl Default for Budgets {
    fn default() -> Self {
        let budget = |all: usize, of_one: usize| Budget::new(all << 20, of_one << 20);
        Self { viewers: budget(64, 24), peers: budget(64, 24), others: budget(64, 24) }
    }
}

impl Budgets {
    /// Of a port where assets come in.
    pub(crate) fn with_assets() -> Self {
        Self { others: Budget::new(192 << 20, 96 << 20), ..Self::default() }
    }
}

impl Budgets {
    /// The share of a body from there.
    pub(crate) fn share(&self, pool: Pool, from: IpAddr) -> Share {
        let budget = match pool {
            Pool::Viewers => &self.viewers,
            Pool::Peers => &self.peers,
            Pool::Others => &self.others,
        };
        budget.share(from)
    }
}

/// Takes in a body; it, and what it holds of its budget.
///
/// # Errors
/// The status to answer with: 413 for one over the limit, 408 for a slow one, 503 when all bodies together are too
/// large, 400 for one that breaks off.
pub(crate) async fn take(
    share: Share,
    headers: &HeaderMap,
    body: Incoming,
    limit: usize,
) -> Result<(Bytes, Share), StatusCode> {
    if body.is_end_stream() {
        return Ok((Bytes::new(), share));
    }
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: u64| length > limit as u64) {
        return Err(StatusCode::PAYLOAD_TOO_LARGE);
    }
    tokio::time::timeout(PATIENCE, collect(share, body, limit))
        .await
        .unwrap_or(Err(StatusCode::REQUEST_TIMEOUT))
}

/// A body as LLSD, whichever of its forms it comes in.
pub(crate) fn llsd(headers: &HeaderMap, body: &[u8]) -> Option<Value> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    llsd::parse_any(kind, body).ok()
}

async fn collect(mut share: Share, mut body: Incoming, limit: usize) -> Result<(Bytes, Share), StatusCode> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| StatusCode::BAD_REQUEST)?.into_data() else { continue };
        let length = bytes.len() + data.len();
        if length > limit {
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
        if length > bytes.capacity() {
            let capacity = if length <= SMALL { SMALL } else { length.max(2 * bytes.capacity()) };
            let capacity = capacity.min(limit);
            share.grow(capacity).map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
            bytes.reserve_exact(capacity - bytes.len());
        }
        bytes.extend_from_slice(&data);
    }
    Ok((bytes.into(), share))
}
