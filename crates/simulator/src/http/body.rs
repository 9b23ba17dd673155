//! Request bodies: taken in whole, within a size, within a time, and within what all bodies together may hold.

use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt as _;
use hyper::body::{Body, Incoming};
use llsd::Value;
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Bytes of an ordinary body.
pub(crate) const ORDINARY: usize = 1 << 20;
/// Bytes of an uploaded asset.
pub(crate) const UPLOAD: usize = 8 << 20;
/// Bytes of an agent that comes from another process, with all that is attached to it.
pub(crate) const PEER: usize = 16 << 20;
/// Bytes of an asset that comes from a simulator of others, in a document.
pub(crate) const ASSET: usize = services::ASSET_BYTES_MAX.div_ceil(3) * 4 + (64 << 10);
/// Bytes of all bodies on a port where assets come in.
pub(crate) const ALL_WITH_ASSETS: usize = 192 << 20;
/// Bytes of all bodies that are being taken in or worked on.
const ALL: usize = 64 << 20;
/// How long a client may take to send a body.
const PATIENCE: Duration = Duration::from_secs(20);
/// The budget is counted in units of so many bytes.
const UNIT: usize = 1024;

/// What all bodies together may hold.
#[derive(Debug)]
pub(crate) struct Budget(Semaphore);

impl Default for Budget {
    fn default() -> Self {
        Self::of(ALL)
    }
}

impl Budget {
    /// Of so many bytes.
    pub(crate) fn of(bytes: usize) -> Self {
        Self(Semaphore::new(bytes / UNIT))
    }
}

/// A body and its share of the budget.
#[derive(Debug)]
pub(crate) struct Taken<'a> {
    pub(crate) bytes: Bytes,
    /// Held until the answer is made.
    _share: Option<SemaphorePermit<'a>>,
}

/// Takes in a body.
///
/// # Errors
/// The status to answer with: 413 for one over the limit, 408 for a slow one, 503 when all bodies together are too
/// large, 400 for one that breaks off.
pub(crate) async fn take<'a>(
    budget: &'a Budget,
    headers: &HeaderMap,
    body: Incoming,
    limit: usize,
) -> Result<Taken<'a>, StatusCode> {
    if body.is_end_stream() {
        return Ok(Taken { bytes: Bytes::new(), _share: None });
    }
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: u64| length > limit as u64) {
        return Err(StatusCode::PAYLOAD_TOO_LARGE);
    }
    tokio::time::timeout(PATIENCE, collect(budget, body, limit))
        .await
        .unwrap_or(Err(StatusCode::REQUEST_TIMEOUT))
}

/// A body as LLSD, whichever of its forms it comes in.
pub(crate) fn llsd(headers: &HeaderMap, body: &[u8]) -> Option<Value> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    llsd::parse_any(kind, body).ok()
}

async fn collect(budget: &Budget, mut body: Incoming, limit: usize) -> Result<Taken<'_>, StatusCode> {
    let mut bytes = Vec::new();
    let mut share: Option<SemaphorePermit<'_>> = None;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| StatusCode::BAD_REQUEST)?.into_data() else { continue };
        if bytes.len() + data.len() > limit {
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
        bytes.extend_from_slice(&data);
        let held = share.as_ref().map_or(0, SemaphorePermit::num_permits);
        let wanted = bytes.capacity().div_ceil(UNIT).saturating_sub(held);
        if wanted > 0 {
            let wanted = u32::try_from(wanted).map_err(|_| StatusCode::PAYLOAD_TOO_LARGE)?;
            let more = budget.0.try_acquire_many(wanted).map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
            match &mut share {
                Some(share) => share.merge(more),
                None => share = Some(more),
            }
        }
    }
    Ok(Taken { bytes: bytes.into(), _share: share })
}
