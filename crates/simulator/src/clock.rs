//! The clock that regions are driven by.

use model::Moment;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Turns the machine's clock into [`Moment`]s and back. All regions of a process share one, so that moments in
/// their logs and messages compare.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: Instant,
    /// Since 1970 at the origin.
    unix: Duration,
}

impl Clock {
    /// A clock whose origin is now.
    pub fn start() -> Self {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { origin: Instant::now(), unix }
    }

    /// Now.
    pub fn now(&self) -> Moment {
        Moment::ZERO + self.origin.elapsed()
    }

    /// The same moment for tokio's timers.
    pub fn instant(&self, moment: Moment) -> tokio::time::Instant {
        let at = self.origin.checked_add(Duration::from_micros(moment.micros()));
        // A moment beyond the machine's reckoning is as good as never.
        at.unwrap_or_else(|| Instant::now() + Duration::from_secs(86_400)).into()
    }

    /// Seconds since 1970 at the origin.
    pub fn unix_epoch_s(&self) -> u64 {
        self.unix.as_secs()
    }

    /// Microseconds since 1970 at a moment.
    pub fn unix_us(&self, moment: Moment) -> u64 {
        let origin = u64::try_from(self.unix.as_micros()).unwrap_or(u64::MAX);
        origin.saturating_add(moment.micros())
    }

    /// Seconds since 1970 now.
    pub fn unix_now_s(&self) -> u64 {
        self.unix_epoch_s().saturating_add(self.origin.elapsed().as_secs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_and_instants_agree() {
        let clock = Clock::start();
        let (a, b) = (clock.instant(Moment::from_millis(10)), clock.instant(Moment::from_millis(25)));
        assert_eq!(b - a, Duration::from_millis(15));
        assert!(clock.instant(Moment(u64::MAX)) > b);
    }
}
