//! Versions of the simulation protocol: what they are called, and how two regions agree on one.
//!
//! Names and rules are those of the simulation service fact sheet, 2.3 and 2.5. A region has one range of versions in
//! which it both sends and takes agents. Whoever asks (QUERYACCESS) says what it speaks ([`Offer`]), whoever is
//! asked answers with an [`Agreement`].

use crate::Refusal;
use std::fmt;
use std::str::FromStr;

/// SIMULATION/0.n, by its n.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(u8);

impl Version {
    /// EnableSimulator first, then UpdateAgent and TeleportFinish; ends with ReleaseAgent.
    pub const V0_1: Self = Self(1);
    /// TeleportFinish first; UpdateAgent is answered when the agent is root.
    pub const V0_2: Self = Self(2);
    /// Regions of any size.
    pub const V0_3: Self = Self(3);
    /// A sixteenth wearable type, physics.
    pub const V0_5: Self = Self(5);
    /// Any number of wearables.
    pub const V0_6: Self = Self(6);
    /// ReleaseAgent again, at the end; the destination closes child agents.
    pub const V0_7: Self = Self(7);
    /// Appearance with 45 faces.
    pub const V0_8: Self = Self(8);

    /// SIMULATION/0.`minor`.
    pub const fn new(minor: u8) -> Self {
        Self(minor)
    }

    /// The n of SIMULATION/0.n.
    pub const fn minor(self) -> u8 {
        self.0
    }

    /// As a number on the wire: 0.8, or what is left of it after a journey as a 32-bit float.
    pub fn from_number(number: f64) -> Option<Self> {
        let tenths = (number * 10.0).round();
        (number > 0.0 && (1.0..=255.0).contains(&tenths)).then_some(Self(tenths as u8))
    }

    /// As a number for the wire, the way OpenSimulator's widened 32-bit floats look.
    pub fn to_number(self) -> f64 {
        f64::from(f32::from(self.0) / 10.0)
    }

    /// Reads `SIMULATION/0.8`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::from_number(name.strip_prefix("SIMULATION/")?.parse().ok()?)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0 / 10, self.0 % 10)
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SIMULATION/{self}")
    }
}

/// The versions that somebody speaks, both ends included.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VersionRange {
    /// The oldest.
    pub low: Version,
    /// The newest.
    pub high: Version,
}

impl VersionRange {
    /// All that this program speaks.
    pub const ALL: Self = Self { low: Version::V0_1, high: Version::V0_8 };

    /// Whether this version is in it.
    pub fn contains(self, version: Version) -> bool {
        (self.low..=self.high).contains(&version)
    }

    /// The newest version of both ranges.
    fn newest_common(self, other: Self) -> Option<Version> {
        let newest = self.high.min(other.high);
        (newest >= self.low.max(other.low)).then_some(newest)
    }
}

impl Default for VersionRange {
    fn default() -> Self {
        Self::ALL
    }
}

impl fmt::Display for VersionRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.low, self.high)
    }
}

/// A text that is no range of versions.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0:?} is no range of simulation protocols; wanted is LOW..HIGH between 0.1 and 0.8, as in 0.1..0.8")]
pub struct NoVersionRange(String);

impl FromStr for VersionRange {
    type Err = NoVersionRange;

    /// Reads `LOW..HIGH`, or one version for both.
    fn from_str(text: &str) -> Result<Self, NoVersionRange> {
        let (low, high) = text.split_once("..").unwrap_or((text, text));
        let read = |text: &str| match text.trim().strip_prefix("0.")?.as_bytes() {
            [digit @ b'1'..=b'8'] => Some(Version(digit - b'0')),
            _ => None,
        };
        match (read(low), read(high)) {
            (Some(low), Some(high)) if low <= high => Ok(Self { low, high }),
            _ => Err(NoVersionRange(text.to_owned())),
        }
    }
}

/// What a caller says that it speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Offer {
    /// Nothing: 0.7.5 and 0.7.6 ask so. They speak 0.1, perhaps 0.2.
    Silent,
    /// One version by its name.
    Named(Version),
    /// Ranges: what it sends, and what it takes.
    Ranges {
        /// In which it can send an agent.
        supported: VersionRange,
        /// In which it takes agents.
        accepted: VersionRange,
    },
}

impl Offer {
    /// What a region offers that speaks this range.
    pub fn of(range: VersionRange) -> Self {
        Self::Ranges { supported: range, accepted: range }
    }
}

/// What both sides will speak.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Agreement {
    /// From who asked to who was asked.
    pub outbound: Version,
    /// The other way.
    pub inbound: Version,
    /// Both know transfer numbers and claims; else the peer knows only what the published protocol says.
    pub tickets: bool,
}

/// The answer to an offer. `large`: the destination is no square of 256 m, which only 0.3 and later can describe.
///
/// # Errors
/// There is no version in common; the words say which side could do something about it.
pub fn agree(offer: Offer, tickets: bool, ours: VersionRange, large: bool) -> Result<Agreement, Refusal> {
    let (outbound, inbound) = match offer {
        // What such a peer then sends shows which of the two it is.
        Offer::Silent => {
            let old = VersionRange { low: Version::V0_1, high: Version::V0_2 };
            let both = old.newest_common(ours).ok_or_else(|| {
                Refusal::new(format!(
                    "The region that you come from speaks an old simulation protocol, and this one takes {ours}: \
                     its simulator would have to be updated."
                ))
            })?;
            (both, both)
        }
        Offer::Named(version) if ours.contains(version) => (version, version),
        Offer::Named(version) => {
            return Err(Refusal::new(format!(
                "The region that you come from speaks simulation protocol {version}, and this one takes {ours}."
            )));
        }
        Offer::Ranges { supported, accepted } => {
            let both = supported.newest_common(ours).zip(accepted.newest_common(ours));
            both.ok_or_else(|| {
                Refusal::new(format!(
                    "The region that you come from speaks simulation protocols {supported}, and this one {ours}."
                ))
            })?
        }
    };
    if large && outbound < Version::V0_3 {
        return Err(Refusal::new(
            "That region is larger than 256 m, and the simulator that you come from cannot describe such regions.",
        ));
    }
    Ok(Agreement { outbound, inbound, tickets })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(text: &str) -> VersionRange {
        text.parse().unwrap()
    }

    #[test]
    fn ranges_are_read_and_nonsense_is_refused() {
        assert_eq!(range("0.1..0.8"), VersionRange::ALL);
        assert_eq!(range("0.2"), VersionRange { low: Version::V0_2, high: Version::V0_2 });
        for text in ["", "0.8..0.1", "0.0..0.8", "0.1..0.9", "1..2", "0.1..", "..0.8", "0.+1"] {
            assert!(text.parse::<VersionRange>().is_err(), "{text:?}");
        }
        assert_eq!(range("0.2..0.7").to_string(), "0.2..0.7");
    }

    #[test]
    fn numbers_survive_single_precision() {
        for minor in 1..=8 {
            let version = Version::new(minor);
            assert_eq!(Version::from_number(version.to_number()), Some(version));
            assert_eq!(Version::from_name(&format!("{version:?}")), Some(version));
        }
        assert_eq!(Version::V0_8.to_number(), 0.800000011920929);
        for number in [0.0, -0.8, f64::NAN, f64::INFINITY, 1e9] {
            assert_eq!(Version::from_number(number), None);
        }
    }

    #[test]
    fn both_meet_at_the_newest_version_that_both_speak() {
        let agreed = |theirs: &str, ours: &str| {
            agree(Offer::of(range(theirs)), true, range(ours), false)
                .map(|a| (a.outbound.0, a.inbound.0))
                .ok()
        };
        assert_eq!(agreed("0.3..0.8", "0.1..0.8"), Some((8, 8)));
        assert_eq!(agreed("0.1..0.8", "0.1..0.2"), Some((2, 2)));
        assert_eq!(agreed("0.1..0.1", "0.1..0.8"), Some((1, 1)));
        assert_eq!(agreed("0.3..0.8", "0.1..0.2"), None);
        let one_way = Offer::Ranges { supported: range("0.1..0.8"), accepted: range("0.1..0.6") };
        let agreement = agree(one_way, false, VersionRange::ALL, false).unwrap();
        assert_eq!((agreement.outbound, agreement.inbound), (Version::V0_8, Version::V0_6));
    }

    #[test]
    fn old_peers_are_met_at_their_level_or_told_why_not() {
        let silent = |ours: &str| agree(Offer::Silent, false, range(ours), false);
        assert_eq!(silent("0.1..0.8").unwrap().outbound, Version::V0_2);
        assert_eq!(silent("0.1..0.1").unwrap().outbound, Version::V0_1);
        assert!(silent("0.3..0.8").unwrap_err().reason.contains("updated"));
        let named = agree(Offer::Named(Version::V0_5), false, VersionRange::ALL, false).unwrap();
        assert_eq!((named.outbound, named.inbound), (Version::V0_5, Version::V0_5));
        assert!(agree(Offer::Named(Version::new(9)), false, VersionRange::ALL, false).is_err());
    }

    #[test]
    fn large_regions_take_only_who_can_describe_them() {
        let silent = agree(Offer::Silent, false, VersionRange::ALL, true);
        assert!(silent.unwrap_err().reason.contains("256 m"));
        assert!(agree(Offer::Named(Version::V0_3), false, VersionRange::ALL, true).is_ok());
    }
}
