use core::time::Duration;

use model::Moment;
use thiserror::Error;

use crate::config::Config;

/// What a message is about; each but [`Control`](Category::Control) has a rate of its own, which the viewer asks
/// for in AgentThrottle.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Category {
    /// Everything that is none of the others: arrival, teleport, chat, notices. Never throttled, first to leave.
    Control,
    /// Repeated packets. Chosen by the circuit itself.
    Resend,
    /// Terrain.
    Land,
    /// Wind.
    Wind,
    /// Clouds.
    Cloud,
    /// Objects and avatars.
    Task,
    /// Pictures over LLUDP.
    Texture,
    /// Other assets over LLUDP, transfers and xfers.
    Asset,
}

impl Category {
    /// How many there are.
    pub const COUNT: usize = 8;

    /// All, in the order in which AgentThrottle names them, after the unthrottled one.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Control,
        Self::Resend,
        Self::Land,
        Self::Wind,
        Self::Cloud,
        Self::Task,
        Self::Texture,
        Self::Asset,
    ];

    /// The throttled ones, as in AgentThrottle.
    pub const THROTTLED: [Self; 7] =
        [Self::Resend, Self::Land, Self::Wind, Self::Cloud, Self::Task, Self::Texture, Self::Asset];

    /// Its place in arrays by category.
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// Rates of the throttled categories, bytes per second.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Throttles {
    /// Of repeated packets.
    pub resend: u32,
    /// Of terrain.
    pub land: u32,
    /// Of wind.
    pub wind: u32,
    /// Of clouds.
    pub cloud: u32,
    /// Of objects and avatars.
    pub task: u32,
    /// Of pictures.
    pub texture: u32,
    /// Of other assets.
    pub asset: u32,
}

/// An AgentThrottle that says nothing usable: it is dropped, the rates stay.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum BadThrottles {
    /// Not seven 32-bit numbers.
    #[error("{0} bytes where 28 are meant")]
    Length(usize),
    /// Not a number, infinite or negative.
    #[error("rate {0} is no rate")]
    Rate(usize),
}

impl Throttles {
    /// The same rate for every category.
    pub const fn all(rate: u32) -> Self {
        Self::from_array([rate; 7])
    }

    /// In the order of AgentThrottle.
    pub const fn to_array(self) -> [u32; 7] {
        [self.resend, self.land, self.wind, self.cloud, self.task, self.texture, self.asset]
    }

    /// From the order of AgentThrottle.
    pub const fn from_array(rates: [u32; 7]) -> Self {
        let [resend, land, wind, cloud, task, texture, asset] = rates;
        Self { resend, land, wind, cloud, task, texture, asset }
    }

    /// Reads the field AgentThrottle.Throttle.Throttles: seven 32-bit floats, little-endian, bits per second, in
    /// the order resend, land, wind, cloud, task, texture, asset (lludp fact sheet, section 11).
    ///
    /// # Errors
    /// When it has another length, or holds a number that is not finite or is negative.
    pub fn parse(bytes: &[u8]) -> Result<Self, BadThrottles> {
        let (chunks, []) = bytes.as_chunks::<4>() else { return Err(BadThrottles::Length(bytes.len())) };
        let chunks: &[[u8; 4]; 7] = chunks.try_into().map_err(|_| BadThrottles::Length(bytes.len()))?;
        let mut rates = [0; 7];
        for (index, (rate, chunk)) in rates.iter_mut().zip(chunks).enumerate() {
            let bits = f32::from_le_bytes(*chunk);
            if !bits.is_finite() || bits < 0.0 {
                return Err(BadThrottles::Rate(index));
            }
            // The conversion saturates.
            *rate = (bits / 8.0) as u32;
        }
        Ok(Self::from_array(rates))
    }

    /// The bytes that [`parse`](Self::parse) reads; for the viewer's end.
    pub fn encode(self) -> [u8; 28] {
        let mut bytes = [0; 28];
        for (chunk, rate) in bytes.chunks_exact_mut(4).zip(self.to_array()) {
            chunk.copy_from_slice(&(rate as f32 * 8.0).to_le_bytes());
        }
        bytes
    }

    /// Sum of all rates, bytes per second.
    pub fn total(self) -> u64 {
        self.to_array().iter().map(|&rate| u64::from(rate)).sum()
    }

    /// A wish made into what the circuit does: within the limits of each category, and scaled down to the limit
    /// of all. The least rates hold even then.
    pub fn clamped(self, config: &Config) -> Self {
        let (min, max) = (config.throttles_min.to_array(), config.throttles_max.to_array());
        let mut rates = self.to_array();
        let mut bound = |scale: &dyn Fn(u32) -> u32| {
            for (index, rate) in rates.iter_mut().enumerate() {
                let least = min[index].max(1);
                *rate = scale(*rate).clamp(least, max[index].max(least));
            }
            Self::from_array(rates)
        };
        let each = bound(&|rate| rate);
        let (total, total_max) = (each.total(), u64::from(config.throttle_total_max));
        if total <= total_max {
            return each;
        }
        bound(&|rate| u32::try_from(u64::from(rate) * total_max / total).unwrap_or(rate))
    }
}

/// A token bucket in whole numbers: a rate in bytes per second fills it microsecond by microsecond.
///
/// A packet may go while the bucket holds anything at all, and may leave it in debt. So a packet larger than
/// the bucket goes too, and over time the rate holds all the same.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    /// In millionths of a byte: what one byte per second yields in a microsecond.
    level: i64,
    level_max: i64,
    rate: i64,
    filled: Moment,
}

const MICROS: i64 = 1_000_000;

impl Bucket {
    /// A full one.
    pub(crate) fn new(now: Moment, rate: u32, config: &Config) -> Self {
        let mut bucket = Self { level: 0, level_max: 0, rate: 1, filled: now };
        bucket.set_rate(now, rate, config);
        bucket.level = bucket.level_max;
        bucket
    }

    /// Another rate from now on; what is in the bucket stays, as far as it fits.
    pub(crate) fn set_rate(&mut self, now: Moment, rate: u32, config: &Config) {
        self.fill(now);
        self.rate = i64::from(rate.max(1));
        let burst_micros = i64::try_from(config.burst.min(Duration::from_secs(60)).as_micros()).unwrap_or(0);
        self.level_max = (self.rate * burst_micros).max(i64::from(config.burst_min_bytes.max(1)) * MICROS);
        self.level = self.level.min(self.level_max);
    }

    fn fill(&mut self, now: Moment) {
        let micros = i64::try_from(now.since(self.filled).as_micros()).unwrap_or(i64::MAX);
        self.level = self.level.saturating_add(self.rate.saturating_mul(micros)).min(self.level_max);
        self.filled = self.filled.max(now);
    }

    /// Whether a packet may go now.
    pub(crate) fn is_ready(&mut self, now: Moment) -> bool {
        self.fill(now);
        self.level > 0
    }

    /// A packet went.
    pub(crate) fn take(&mut self, bytes: usize) {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        self.level = self.level.saturating_sub(bytes.saturating_mul(MICROS));
    }

    /// From when on a packet may go, if none goes before.
    pub(crate) fn ready_at(&self) -> Moment {
        if self.level > 0 {
            return self.filled;
        }
        let micros = self.level.unsigned_abs() / self.rate.unsigned_abs() + 1;
        self.filled + Duration::from_micros(micros)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_what_viewers_send() {
        let wish = Throttles::from_array([1, 2, 3, 4, 5, 6, 7].map(|kbps| kbps * 128));
        let mut bytes = Vec::new();
        for kbps in 1..=7u16 {
            bytes.extend((f32::from(kbps) * 1024.0).to_le_bytes());
        }
        assert_eq!(Throttles::parse(&bytes), Ok(wish));
        assert_eq!(wish.encode().as_slice(), bytes);
        assert_eq!(Throttles::parse(&bytes[1..]), Err(BadThrottles::Length(27)));
        assert_eq!(Throttles::parse(&bytes[4..]), Err(BadThrottles::Length(24)));
        assert_eq!(Throttles::parse(&[]), Err(BadThrottles::Length(0)));
        for bad in [f32::NAN, f32::INFINITY, -1.0] {
            bytes[8..12].copy_from_slice(&bad.to_le_bytes());
            assert_eq!(Throttles::parse(&bytes), Err(BadThrottles::Rate(2)));
        }
        bytes[8..12].copy_from_slice(&f32::MAX.to_le_bytes());
        assert_eq!(Throttles::parse(&bytes).map(|t| t.wind), Ok(u32::MAX));
    }

    #[test]
    fn wishes_are_bounded() {
        let config = Config::default();
        assert_eq!(Throttles::all(0).clamped(&config), config.throttles_min);
        let greedy = Throttles::all(u32::MAX).clamped(&config);
        assert!(greedy.total() <= u64::from(config.throttle_total_max));
        assert_eq!(greedy, Throttles::all(config.throttle_total_max / 7));
        assert_eq!(config.throttles.clamped(&config), config.throttles);
        // No floor in the configuration is still no standstill.
        let floorless = Config { throttles_min: Throttles::all(0), ..config };
        assert_eq!(Throttles::all(0).clamped(&floorless), Throttles::all(1));
    }

    #[test]
    fn a_bucket_is_ready_exactly_when_it_says() {
        let config = Config { burst: Duration::ZERO, burst_min_bytes: 100, ..Config::default() };
        let mut now = Moment::ZERO;
        let mut bucket = Bucket::new(now, 333, &config);
        let mut sent = 0u64;
        while sent < 100_000 {
            assert!(bucket.is_ready(now));
            bucket.take(1200); // larger than the bucket
            sent += 1200;
            let at = bucket.ready_at();
            assert!(!bucket.is_ready(Moment(at.0 - 1)));
            now = at;
        }
        let rate = (sent - 1300) * 1_000_000 / now.micros();
        assert!((325..=333).contains(&rate), "{rate}");
    }

    #[test]
    fn a_long_rest_fills_no_more_than_the_burst() {
        let config = Config { burst: Duration::from_secs(1), burst_min_bytes: 0, ..Config::default() };
        let mut bucket = Bucket::new(Moment::ZERO, u32::MAX, &config);
        bucket.set_rate(Moment(u64::MAX / 2), 1000, &config);
        let mut sent = 0;
        while bucket.is_ready(Moment(u64::MAX)) {
            bucket.take(100);
            sent += 100;
        }
        assert_eq!(sent, 1000);
    }
}
