//! How long things have waited, counted by how long.

use std::time::Duration;

/// Counts of delays, as Prometheus wants them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Delays {
    counts: [u64; Self::BOUNDS_MS.len() + 1],
    sum: Duration,
}

impl Delays {
    /// Up to how long, milliseconds; the last count is of what took longer.
    pub const BOUNDS_MS: [u64; 8] = [1, 5, 20, 100, 500, 2000, 10_000, 30_000];

    /// One more.
    pub(crate) fn add(&mut self, delay: Duration) {
        let beyond = |bound: &u64| delay > Duration::from_millis(*bound);
        self.counts[Self::BOUNDS_MS.iter().take_while(|bound| beyond(bound)).count()] += 1;
        self.sum += delay;
    }

    /// (up to how many seconds, how many of those that the one before does not count), and at last those beyond.
    pub fn buckets(&self) -> impl Iterator<Item = (f64, u64)> + '_ {
        let bounds = Self::BOUNDS_MS.iter().map(|&bound| bound as f64 / 1000.0).chain([f64::INFINITY]);
        bounds.zip(self.counts.iter().copied())
    }

    /// How many.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// All together.
    pub fn sum(&self) -> Duration {
        self.sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_counted_where_it_belongs() {
        let mut delays = Delays::default();
        for ms in [0, 1, 2, 30_000, 30_001, 90_000] {
            delays.add(Duration::from_millis(ms));
        }
        let buckets: Vec<_> = delays.buckets().collect();
        assert_eq!(
            (buckets[0], buckets[1], buckets[7], buckets[8].1),
            ((0.001, 2), (0.005, 1), (30.0, 1), 2)
        );
        assert_eq!((delays.count(), delays.sum()), (6, Duration::from_millis(150_004)));
    }
}
