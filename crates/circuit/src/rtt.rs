use core::time::Duration;

/// The round trip to the peer, smoothed as RFC 6298 does, and the time to wait for an acknowledgement.
///
/// Fed by pings, which peers answer at once, and by acknowledgements of packets that were sent only once (Karn:
/// of a repeated one it is unknown which sending was acknowledged), which also hold the peer's delay in
/// acknowledging: up to 100 ms in viewers, 500 ms in OpenSimulator.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rtt {
    /// Smoothed round trip and its mean deviation, once there was a sample; microseconds.
    smoothed: Option<(u64, u64)>,
    initial: u64,
    min: u64,
    max: u64,
}

/// A sample beyond this says nothing about the way.
const SAMPLE_MAX: Duration = Duration::from_secs(60);

impl Rtt {
    pub(crate) fn new(initial: Duration, min: Duration, max: Duration) -> Self {
        let [initial, min, max] = [initial, min, max].map(|d| d.min(SAMPLE_MAX).as_micros() as u64);
        Self { smoothed: None, initial, min, max: max.max(min) }
    }

    pub(crate) fn sample(&mut self, round_trip: Duration) {
        let sample = round_trip.min(SAMPLE_MAX).as_micros() as u64;
        self.smoothed = Some(match self.smoothed {
            None => (sample, sample / 2),
            Some((mean, deviation)) => ((7 * mean + sample) / 8, (3 * deviation + mean.abs_diff(sample)) / 4),
        });
    }

    /// The smoothed round trip, once one was measured.
    pub(crate) fn smoothed(&self) -> Option<Duration> {
        self.smoothed.map(|(mean, _)| Duration::from_micros(mean))
    }

    /// How long to wait for the acknowledgement of a packet that has been resent `resends` times already.
    pub(crate) fn timeout(&self, resends: u8) -> Duration {
        let once = self.smoothed.map_or(self.initial, |(mean, deviation)| mean + 4 * deviation);
        let once = once.clamp(self.min, self.max);
        Duration::from_micros((once << resends.min(10)).min(self.max))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn follows_the_way() {
        let mut rtt = Rtt::new(ms(1000), ms(200), ms(3000));
        assert_eq!((rtt.timeout(0), rtt.timeout(1), rtt.timeout(2)), (ms(1000), ms(2000), ms(3000)));
        rtt.sample(ms(100));
        assert_eq!((rtt.smoothed(), rtt.timeout(0)), (Some(ms(100)), ms(300)));
        for _ in 0..100 {
            rtt.sample(ms(20));
        }
        assert_eq!((rtt.timeout(0), rtt.timeout(3), rtt.timeout(255)), (ms(200), ms(1600), ms(3000)));
        // A slower way is believed quickly.
        rtt.sample(ms(500));
        assert!(rtt.timeout(0) > ms(500), "{:?}", rtt.timeout(0));
    }

    #[test]
    fn absurd_samples_do_not_overflow() {
        let mut rtt = Rtt::new(Duration::MAX, Duration::ZERO, Duration::MAX);
        rtt.sample(Duration::MAX);
        rtt.sample(Duration::ZERO);
        assert!(rtt.timeout(255) <= SAMPLE_MAX);
    }
}
