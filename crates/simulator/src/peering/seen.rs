//! Proofs that have been used: none is good twice.

use std::collections::BTreeSet;

/// How far a proof's time may be from ours, milliseconds.
pub(crate) const SKEW_MS: u64 = 60_000;

/// Used proofs that are remembered; some 5 MB.
const CAPACITY: usize = 65_536;

/// Why a proof's time is not good.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Untimely {
    /// Too far from our time, on either side.
    Stale,
    /// It was used before.
    Replayed,
}

/// The used proofs of the last minutes, by time. When there are too many the oldest are forgotten, and with them the
/// right to present any that is as old: what is forgotten cannot be used again.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    used: BTreeSet<(u64, u128)>,
    forgotten_ms: u64,
}

impl Seen {
    /// Whether a proof of this time may still be good.
    ///
    /// # Errors
    /// It is stale.
    pub(crate) fn timely(&self, now_ms: u64, time_ms: u64) -> Result<(), Untimely> {
        let good = time_ms.abs_diff(now_ms) <= SKEW_MS && time_ms > self.forgotten_ms;
        if good { Ok(()) } else { Err(Untimely::Stale) }
    }

    /// Uses up a proof that is good otherwise.
    ///
    /// # Errors
    /// It is stale, or used up already.
    pub(crate) fn take(&mut self, now_ms: u64, time_ms: u64, mark: u128) -> Result<(), Untimely> {
        self.timely(now_ms, time_ms)?;
        if !self.used.insert((time_ms, mark)) {
            return Err(Untimely::Replayed);
        }
        while let Some(&(oldest_ms, _)) = self.used.first()
            && (oldest_ms + SKEW_MS < now_ms || self.used.len() > CAPACITY)
        {
            self.used.pop_first();
            self.forgotten_ms = self.forgotten_ms.max(oldest_ms);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_000_000_000;

    #[test]
    fn a_proof_is_good_once_and_in_its_time() {
        let mut seen = Seen::default();
        assert_eq!(seen.take(NOW, NOW, 1), Ok(()));
        assert_eq!(seen.take(NOW, NOW, 1), Err(Untimely::Replayed));
        assert_eq!(seen.take(NOW, NOW, 2), Ok(()));
        assert_eq!(seen.take(NOW, NOW + 1, 1), Ok(()));
        for (time, good) in [
            (NOW - SKEW_MS, true),
            (NOW - SKEW_MS - 1, false),
            (NOW + SKEW_MS, true),
            (NOW + SKEW_MS + 1, false),
            (0, false),
            (u64::MAX, false),
        ] {
            assert_eq!(seen.take(NOW, time, 9).is_ok(), good, "{time}");
        }
    }

    #[test]
    fn what_is_forgotten_cannot_come_again() {
        let mut seen = Seen::default();
        for n in 0..=CAPACITY as u64 {
            assert_eq!(seen.take(NOW + n / 2, NOW + n / 2, u128::from(n)), Ok(()));
        }
        assert_eq!(seen.used.len(), CAPACITY);
        assert_eq!(seen.take(NOW + 1, NOW, 0), Err(Untimely::Stale));
        // Old ones go by themselves.
        let later = NOW + 10 * SKEW_MS;
        assert_eq!(seen.take(later, later, 1), Ok(()));
        assert_eq!(seen.used.len(), 1);
    }
}
