//! The door of the private side: who comes in shows a simulator's key, or comes from an address for which the operator has
//! opened it.
//!
//! What was found about a key is remembered for a little while, so that a call costs a hash and no query; a key that was
//! removed opens for that long. Nobody can fill the memory, nor busy the database with guesses: questions are few at a
//! time, and wrong keys are remembered too.

use crate::SqlStore;
use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use model::Network;
use robust::credentials;
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// How long is remembered what a key is.
const GOOD: Duration = Duration::from_secs(20);
const BAD: Duration = Duration::from_secs(5);
/// Keys that are remembered.
const REMEMBERED: usize = 4096;
/// Keys that are looked up at a time.
const AT_ONCE: usize = 4;

/// Who may come in.
#[derive(Clone)]
pub struct Door(Arc<Inner>);

struct Inner {
    keys: SqlStore,
    open_to: Vec<Network>,
    known: Mutex<HashMap<[u8; 32], Found>>,
    room: Semaphore,
}

/// What was found about a key, and until when it counts.
#[derive(Clone, Copy)]
struct Found {
    good: bool,
    until: Instant,
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door").field("open_to", &self.0.open_to).finish_non_exhaustive()
    }
}

impl Door {
    /// A door that opens to the keys of this store, and to these addresses without one.
    pub fn new(keys: SqlStore, open_to: Vec<Network>) -> Self {
        let (known, room) = (Mutex::default(), Semaphore::new(AT_ONCE));
        Self(Arc::new(Inner { keys, open_to, known, room }))
    }

    /// The same routes, behind the door.
    pub fn before(self, router: Router) -> Router {
        router.layer(middleware::from_fn_with_state(self, knock))
    }

    async fn opens(&self, headers: &HeaderMap, caller: Option<IpAddr>) -> Result<bool, StatusCode> {
        if caller.is_some_and(|caller| self.0.open_to.iter().any(|network| network.contains(caller))) {
            return Ok(true);
        }
        let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        match shown.and_then(credentials::read) {
            Some(key) => self.0.is_good(&key).await,
            None => Ok(false),
        }
    }
}

impl Inner {
    async fn is_good(&self, key: &str) -> Result<bool, StatusCode> {
        let mark: [u8; 32] = Sha256::digest(key).into();
        if let Some(good) = self.remembers(&mark, Instant::now()) {
            return Ok(good);
        }
        let _turn = self.room.acquire().await.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
        // Who waited here may have waited for the same.
        if let Some(good) = self.remembers(&mark, Instant::now()) {
            return Ok(good);
        }
        let found = self.keys.simulator_of(key).await.map_err(|error| {
            tracing::error!(%error, "nobody knows which keys are good");
            StatusCode::SERVICE_UNAVAILABLE
        })?;
        self.remember(mark, found.is_some(), Instant::now());
        Ok(found.is_some())
    }

    fn remembers(&self, mark: &[u8; 32], now: Instant) -> Option<bool> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(mark).filter(|found| now < found.until).map(|found| found.good)
    }

    fn remember(&self, mark: [u8; 32], good: bool, now: Instant) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED {
            known.retain(|_, found| now < found.until);
        }
        if known.len() >= REMEMBERED {
            // Somebody is guessing: what is good stays.
            known.retain(|_, found| found.good);
        }
        if known.len() < REMEMBERED {
            known.insert(mark, Found { good, until: now + if good { GOOD } else { BAD } });
        }
    }
}

async fn knock(State(door): State<Door>, request: Request, next: Next) -> Response {
    let caller =
        request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(address)| address.ip());
    match door.opens(request.headers(), caller).await {
        Ok(true) => next.run(request).await,
        Ok(false) => {
            tracing::debug!(?caller, "somebody without a key was turned away");
            (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Basic realm=\"simulators\"")])
                .into_response()
        }
        Err(status) => status.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Database, HashCost, SystemClock};
    use axum::body::Body;
    use tower::ServiceExt as _;

    async fn store() -> SqlStore {
        let cheap = HashCost { memory_kib: 32, passes: 1 };
        SqlStore::open(&Database::Memory, Arc::new(SystemClock), [1; 32], cheap).await.unwrap()
    }

    async fn status(router: &Router, from: &str, shown: Option<&str>) -> u16 {
        let caller = SocketAddr::new(from.parse().unwrap(), 40_000);
        let mut request = Request::post("/grid").extension(ConnectInfo(caller));
        if let Some(shown) = shown {
            request = request.header(header::AUTHORIZATION, shown);
        }
        router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap().status().as_u16()
    }

    fn behind(door: Door) -> Router {
        door.before(Router::new().route("/grid", axum::routing::post(async || StatusCode::OK)))
    }

    #[tokio::test]
    async fn nobody_comes_in_without_a_key_or_a_good_address() {
        let store = store().await;
        let key = store.add_simulator_key("west").await.unwrap();
        let other = store.add_simulator_key("east").await.unwrap();
        let open_to = vec!["192.0.2.0/24".parse().unwrap(), "2001:db8::1".parse().unwrap()];
        let router = behind(Door::new(store.clone(), open_to));
        let good = credentials::header(&key);
        for (from, shown, expected) in [
            ("198.51.100.7", None, 401),
            ("127.0.0.1", None, 401),
            ("198.51.100.7", Some(good.as_str()), 200),
            ("198.51.100.7", Some(&credentials::header(&other)), 200),
            ("198.51.100.7", Some(&credentials::header(&key[1..])), 401),
            ("198.51.100.7", Some(&credentials::header("")), 401),
            ("198.51.100.7", Some("Basic nonsense"), 401),
            ("198.51.100.7", Some(&format!("Bearer {key}")), 401),
            ("192.0.2.99", None, 200),
            ("::ffff:192.0.2.99", None, 200),
            ("192.0.3.1", None, 401),
            ("2001:db8::1", None, 200),
            ("2001:db8::2", None, 401),
        ] {
            assert_eq!(status(&router, from, shown).await, expected, "{from} {shown:?}");
        }
        assert!(store.remove_simulator_key("west").await.unwrap());
        assert!(!store.remove_simulator_key("west").await.unwrap());
        let later = behind(Door::new(store.clone(), Vec::new()));
        assert_eq!(status(&later, "198.51.100.7", Some(&good)).await, 401);
        assert_eq!(store.simulator_keys().await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn a_key_is_looked_up_once_for_a_while_and_a_database_that_is_gone_is_no_refusal() {
        let store = store().await;
        let key = credentials::header(&store.add_simulator_key("west").await.unwrap());
        let router = behind(Door::new(store.clone(), Vec::new()));
        assert_eq!(status(&router, "198.51.100.7", Some(&key)).await, 200);
        store.close().await;
        assert_eq!(status(&router, "198.51.100.7", Some(&key)).await, 200);
        assert_eq!(status(&router, "198.51.100.7", Some(&credentials::header("other"))).await, 503);
    }

    #[tokio::test]
    async fn guesses_do_not_fill_the_memory_nor_push_out_what_is_good() {
        let Door(inner) = Door::new(store().await, Vec::new());
        let now = Instant::now();
        inner.remember([0xFF; 32], true, now);
        let mut mark = [0; 32];
        for n in 0..3 * REMEMBERED as u64 {
            mark[..8].copy_from_slice(&n.to_le_bytes());
            inner.remember(mark, false, now);
        }
        assert!(inner.known.lock().unwrap().len() <= REMEMBERED);
        assert_eq!(inner.remembers(&[0xFF; 32], now), Some(true));
        assert_eq!(inner.remembers(&[0xFF; 32], now + GOOD), None);
        assert_eq!(inner.remembers(&mark, now), Some(false));
    }
}
