//! Request bodies: taken in whole, within a size, within a time, and within what all bodies together may hold.

use super::near;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt as _;
use hyper::body::{Body, Incoming};
use llsd::Value;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Bytes of an ordinary body.
pub(crate) const ORDINARY: usize = 1 << 20;
/// Bytes of an uploaded asset.
pub(crate) const UPLOAD: usize = 8 << 20;
/// Bytes of an agent that comes from another process, with all that is attached to it.
pub(crate) const PEER: usize = 16 << 20;
/// Bytes of a body for a capability that there is not: it is taken in only to be refused.
pub(crate) const STRANGE: usize = 16 << 10;
/// Bytes of all bodies that are being taken in or worked on.
const ALL: usize = 96 << 20;
/// Of these so many from one client: whoever sends slowly what is large must leave room for the others.
const ALL_OF_ONE: usize = 64 << 20;
/// How long a client may take to send a body.
const PATIENCE: Duration = Duration::from_secs(20);
/// The budget is counted in units of so many bytes.
const UNIT: usize = 1024;

/// What all bodies together may hold.
#[derive(Debug)]
pub(crate) struct Budget {
    left: Semaphore,
    /// Units that clients hold who hold any.
    held: Mutex<HashMap<IpAddr, usize>>,
}

impl Default for Budget {
    fn default() -> Self {
        Self { left: Semaphore::new(ALL / UNIT), held: Mutex::default() }
    }
}

impl Budget {
    fn held(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one body holds of the budget.
#[derive(Debug)]
struct Share<'a> {
    budget: &'a Budget,
    client: IpAddr,
    permit: Option<SemaphorePermit<'a>>,
}

impl<'a> Share<'a> {
    fn none(budget: &'a Budget, client: IpAddr) -> Self {
        Self { budget, client, permit: None }
    }

    fn units(&self) -> usize {
        self.permit.as_ref().map_or(0, SemaphorePermit::num_permits)
    }

    /// Has it hold so many.
    ///
    /// # Errors
    /// 503: there is no room.
    fn grow_to(&mut self, units: usize) -> Result<(), StatusCode> {
        let wanted = units.saturating_sub(self.units());
        if wanted == 0 {
            return Ok(());
        }
        let full = StatusCode::SERVICE_UNAVAILABLE;
        let permits = u32::try_from(wanted).map_err(|_| full)?;
        let mut held = self.budget.held();
        let of_this_one = held.get(&self.client).copied().unwrap_or_default() + wanted;
        if of_this_one > ALL_OF_ONE / UNIT {
            return Err(full);
        }
        let more = self.budget.left.try_acquire_many(permits).map_err(|_| full)?;
        held.insert(self.client, of_this_one);
        match &mut self.permit {
            Some(permit) => permit.merge(more),
            None => self.permit = Some(more),
        }
        Ok(())
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        let units = self.units();
        let mut held = self.budget.held();
        if let Some(of_this_one) = held.get_mut(&self.client) {
            *of_this_one = of_this_one.saturating_sub(units);
            if *of_this_one == 0 {
                held.remove(&self.client);
            }
        }
    }
}

/// A body and its share of the budget.
#[derive(Debug)]
pub(crate) struct Taken<'a> {
    pub(crate) bytes: Bytes,
    /// Held until the answer is made.
    _share: Share<'a>,
}

/// Takes in a body of this client's.
///
/// # Errors
/// The status to answer with: 413 for one over the limit, 408 for a slow one, 503 when all bodies together are too
/// large, 400 for one that breaks off.
pub(crate) async fn take<'a>(
    budget: &'a Budget,
    client: IpAddr,
    headers: &HeaderMap,
    body: Incoming,
    limit: usize,
) -> Result<Taken<'a>, StatusCode> {
    let share = Share::none(budget, near::reach(client));
    if body.is_end_stream() {
        return Ok(Taken { bytes: Bytes::new(), _share: share });
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

async fn collect(mut share: Share<'_>, mut body: Incoming, limit: usize) -> Result<Taken<'_>, StatusCode> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| StatusCode::BAD_REQUEST)?.into_data() else { continue };
        if bytes.len() + data.len() > limit {
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
        bytes.extend_from_slice(&data);
        share.grow_to(bytes.capacity().div_ceil(UNIT))?;
    }
    Ok(Taken { bytes: bytes.into(), _share: share })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_client_leaves_room_for_the_others() {
        let budget = Budget::default();
        let [one, other]: [IpAddr; 2] = ["192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap()];
        let large = PEER / UNIT;
        let mut held = Vec::new();
        let refused = loop {
            let mut share = Share::none(&budget, one);
            match share.grow_to(large) {
                Ok(()) => held.push(share),
                Err(status) => break status,
            }
        };
        assert_eq!((refused, held.len()), (StatusCode::SERVICE_UNAVAILABLE, ALL_OF_ONE / PEER));
        let mut share = Share::none(&budget, other);
        share.grow_to(large).unwrap();
        share.grow_to(large + 1).unwrap();
        held.pop();
        let mut again = Share::none(&budget, one);
        again.grow_to(large).unwrap();
        assert_eq!(again.grow_to(large + 1), Err(StatusCode::SERVICE_UNAVAILABLE));
        drop((held, share, again));
        assert!(budget.held().is_empty());
        assert_eq!(budget.left.available_permits(), ALL / UNIT);
    }
}
