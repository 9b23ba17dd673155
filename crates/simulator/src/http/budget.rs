//! What bodies may hold: all of a kind together, and those of one caller.
//!
//! Small bodies take nothing of it: the number of connections bounds them, and whoever polls its event queue is never
//! refused because somebody else sends much.

use super::server::MAX_CONNECTIONS;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Bytes of a body that takes nothing of a budget.
pub(crate) const SMALL: usize = 4096;
const _: () = assert!(SMALL * MAX_CONNECTIONS <= 32 << 20, "small bodies are few megabytes all together");

/// Who calls, as bounds have it: an address, or with IPv6 the network of one household.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Origin(IpAddr);

impl From<IpAddr> for Origin {
    fn from(address: IpAddr) -> Self {
        Self(model::household(address))
    }
}

/// What is to be held does not fit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Full;

/// The budget. Clones are the same one.
#[derive(Clone, Debug)]
pub(crate) struct Budget(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    all: usize,
    of_one: usize,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    all: usize,
    /// Only looked up. Who holds nothing is not in it.
    by_origin: HashMap<Origin, usize>,
}

impl Budget {
    /// So many bytes for all, and for one caller.
    pub(crate) fn new(all: usize, of_one: usize) -> Self {
        Self(Arc::new(Inner { all, of_one, held: Mutex::default() }))
    }

    /// The share of a body from there, which holds nothing yet.
    pub(crate) fn share(&self, origin: impl Into<Origin>) -> Share {
        Share { budget: self.0.clone(), origin: origin.into(), bytes: 0 }
    }
}

impl Inner {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One body's share of a budget, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    budget: Arc<Inner>,
    origin: Origin,
    bytes: usize,
}

impl Share {
    /// Holds so many bytes in all.
    ///
    /// # Errors
    /// They do not fit; what is held stays as it was.
    pub(crate) fn grow(&mut self, bytes: usize) -> Result<(), Full> {
        let more = if bytes <= SMALL { 0 } else { bytes.saturating_sub(self.bytes) };
        if more == 0 {
            return Ok(());
        }
        let mut held = self.budget.held();
        let of_one = held.by_origin.get(&self.origin).copied().unwrap_or_default();
        if held.all + more > self.budget.all || of_one + more > self.budget.of_one {
            return Err(Full);
        }
        held.all += more;
        held.by_origin.insert(self.origin, of_one + more);
        self.bytes += more;
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        if self.bytes == 0 {
            return;
        }
        let mut held = self.budget.held();
        held.all -= self.bytes;
        if let Some(of_one) = held.by_origin.get_mut(&self.origin) {
            *of_one -= self.bytes;
            if *of_one == 0 {
                held.by_origin.remove(&self.origin);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(budget: &Budget, from: &str) -> Share {
        budget.share(from.parse::<IpAddr>().unwrap())
    }

    #[test]
    fn one_caller_leaves_room_for_others_and_everybody_for_small_ones() {
        let budget = Budget::new(100_000, 60_000);
        let mut one = share(&budget, "192.0.2.1");
        assert_eq!(one.grow(50_000), Ok(()));
        let mut same = share(&budget, "::ffff:192.0.2.1");
        assert_eq!(same.grow(10_001), Err(Full));
        let mut other = share(&budget, "2001:db8::1");
        assert_eq!(other.grow(50_000), Ok(()));
        for from in ["192.0.2.1", "2001:db8::1", "192.0.2.9"] {
            let mut more = share(&budget, from);
            assert_eq!((more.grow(SMALL), more.grow(SMALL + 1)), (Ok(()), Err(Full)), "{from}");
        }
        // What is held is held once, and given back.
        assert_eq!((one.grow(20_000), one.bytes), (Ok(()), 50_000));
        drop(one);
        assert_eq!(same.grow(50_000), Ok(()));
        drop((same, other));
        let held = budget.0.held();
        assert_eq!((held.all, held.by_origin.len()), (0, 0));
    }

    #[test]
    fn a_household_is_one_caller() {
        let origin = |address: &str| Origin::from(address.parse::<IpAddr>().unwrap());
        assert_eq!(origin("2001:db8:1:2::1"), origin("2001:db8:1:2:ffff::9"));
        assert_ne!(origin("2001:db8:1:2::1"), origin("2001:db8:1:3::1"));
        assert_eq!(origin("::ffff:192.0.2.1"), origin("192.0.2.1"));
        assert_ne!(origin("192.0.2.2"), origin("192.0.2.1"));
    }
}
