//! How fast a viewer may ask. What a viewer really does is far below; who is above asks for others' time. Viewers try
//! again after the answer that they get then.
//!
//! Counted by session and in this process: a session's capabilities are those of the regions of one process, and whoever
//! had several such processes serve them would be counted by each.

use super::Capability;
use model::SessionId;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Sessions that are counted. Of more, those that have not hurried lately are forgotten.
const SESSIONS: usize = 4096;

/// So many at once, and so many each second.
#[derive(Clone, Copy)]
struct Pace {
    burst: f64,
    each_second: f64,
}

/// Textures, meshes, sounds: a viewer that enters a full scene asks for thousands.
const FETCHES: Pace = Pace { burst: 4000.0, each_second: 500.0 };
/// Everything else: inventory, names, uploads, preferences.
const OTHERS: Pace = Pace { burst: 1000.0, each_second: 100.0 };

/// What is left to somebody, as of a moment.
#[derive(Clone, Copy, Debug)]
struct Left {
    fetches: f64,
    others: f64,
    at: Instant,
}

impl Left {
    fn all(at: Instant) -> Self {
        Self { fetches: FETCHES.burst, others: OTHERS.burst, at }
    }

    fn at(self, now: Instant) -> Self {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        let grown = |left: f64, pace: Pace| (left + passed * pace.each_second).min(pace.burst);
        Self { fetches: grown(self.fetches, FETCHES), others: grown(self.others, OTHERS), at: now }
    }
}

/// After so long anybody has all of it again.
const RESTED: Duration = Duration::from_secs(10);

/// The sessions that have asked lately.
#[derive(Debug, Default)]
pub(super) struct Paces(Mutex<BTreeMap<SessionId, Left>>);

impl Paces {
    /// Whether this may be asked now. Waiting for events is no hurry.
    pub(super) fn allow(&self, session: SessionId, capability: Capability, now: Instant) -> bool {
        use Capability as C;
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= SESSIONS && !all.contains_key(&session) {
            all.retain(|_, left| now.saturating_duration_since(left.at) < RESTED);
            if all.len() >= SESSIONS {
                return true;
            }
        }
        let left = all.entry(session).or_insert_with(|| Left::all(now));
        *left = left.at(now);
        let left = match capability {
            C::EventQueueGet => return true,
            C::ViewerAsset | C::GetTexture | C::GetMesh | C::GetMesh2 => &mut left.fetches,
            _ => &mut left.others,
        };
        let allowed = *left >= 1.0;
        if allowed {
            *left -= 1.0;
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Uuid;

    fn session(n: u128) -> SessionId {
        SessionId(Uuid::from_u128(n))
    }

    #[test]
    fn who_asks_too_fast_waits_and_nobody_else() {
        let (paces, now) = (Paces::default(), Instant::now());
        let asked = |n, capability, at| paces.allow(session(n), capability, at);
        let taken = |n, capability, at, times| (0..times).filter(|_| asked(n, capability, at)).count();
        assert_eq!(taken(1, Capability::GetDisplayNames, now, 2000), 1000);
        assert_eq!(taken(1, Capability::FetchInventory2, now, 10), 0);
        assert_eq!(taken(1, Capability::GetTexture, now, 5000), 4000, "they are counted by themselves");
        assert!(asked(1, Capability::EventQueueGet, now));
        assert!(asked(2, Capability::GetDisplayNames, now));
        let later = now + Duration::from_secs(1);
        assert_eq!(taken(1, Capability::GetDisplayNames, later, 2000), 100);
        assert_eq!(taken(1, Capability::GetMesh2, later, 1000), 500);
        assert_eq!(taken(1, Capability::GetDisplayNames, later + RESTED, 2000), 1000);
    }

    #[test]
    fn few_are_remembered() {
        let (paces, now) = (Paces::default(), Instant::now());
        for n in 0..2 * SESSIONS as u128 {
            assert!(paces.allow(session(n), Capability::GetTexture, now));
        }
        assert_eq!(paces.0.lock().unwrap().len(), SESSIONS);
        assert!(paces.allow(session(u128::MAX), Capability::GetTexture, now + RESTED));
        assert_eq!(paces.0.lock().unwrap().len(), 1);
    }
}
