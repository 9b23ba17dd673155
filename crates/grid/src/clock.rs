use std::time::{SystemTime, UNIX_EPOCH};

/// What time it is. The only clock of this crate, so that tests can set it.
pub trait Clock: Send + Sync {
    /// Seconds since 1970.
    fn unix_s(&self) -> u64;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn unix_s(&self) -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
    }
}
