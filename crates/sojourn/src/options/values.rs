//! What options may be: each reader says in its refusal what is wanted, in the words that `sojourn config explain` has,
//! too.

use ::transfer::VersionRange;
use grid::AssetPlace;
use model::Network;
use std::fmt;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;
use tracing_subscriber::EnvFilter;

/// Waits within a transfer, seconds.
const WAITS_S: RangeInclusive<f64> = 0.05..=120.0;

/// How long one step of a transfer may take: a number of seconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Wait(pub(super) Duration);

impl FromStr for Wait {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let seconds = text.parse().ok().filter(|seconds| WAITS_S.contains(seconds));
        let wanted =
            || format!("a number of seconds from {} to {} is wanted", WAITS_S.start(), WAITS_S.end());
        Ok(Self(Duration::from_secs_f64(seconds.ok_or_else(wanted)?)))
    }
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.as_secs_f64())
    }
}

pub(super) fn port(text: &str) -> Result<u16, String> {
    let port = text.parse().ok().filter(|&port| port != 0);
    port.ok_or_else(|| format!("a port from 1 to {} is wanted", u16::MAX))
}

pub(super) fn address(text: &str) -> Result<IpAddr, String> {
    text.parse().map_err(|_| "an address like 127.0.0.1 or :: is wanted".into())
}

pub(super) fn network(text: &str) -> Result<Network, String> {
    text.parse().map_err(|_| "an address or a network like 192.0.2.7 or 192.0.2.0/24 is wanted".into())
}

pub(super) fn asset_place(text: &str) -> Result<AssetPlace, String> {
    let wanted = "a folder, database:, or s3://BUCKET/PREFIX?endpoint=URL&region=NAME is wanted";
    text.parse().map_err(|_| wanted.into())
}

/// Most threads that run tasks.
const MOST_WORKERS: usize = 256;

pub(super) fn workers(text: &str) -> Result<usize, String> {
    let workers = text.parse().ok().filter(|workers| (1..=MOST_WORKERS).contains(workers));
    workers.ok_or_else(|| format!("a number of threads from 1 to {MOST_WORKERS} is wanted"))
}

/// Whole seconds in a range.
pub(super) fn seconds<const LEAST: u64, const MOST: u64>(text: &str) -> Result<u64, String> {
    let seconds = text.parse().ok().filter(|seconds| (LEAST..=MOST).contains(seconds));
    seconds.ok_or_else(|| format!("a whole number of seconds from {LEAST} to {MOST} is wanted"))
}

pub(super) fn host(text: &str) -> Result<String, String> {
    let sound = !text.is_empty() && text.chars().all(is_of_a_host);
    sound.then(|| text.to_owned()).ok_or_else(|| "a name or an address of a host is wanted".into())
}

/// A base URL: `http://HOST:PORT/` and nothing more. What is made of it has its port and its slash.
pub(super) fn url<const PORT: u16>(text: &str) -> Result<String, String> {
    read_url(text, PORT).ok_or_else(|| format!("an address like http://HOST:{PORT} is wanted"))
}

fn read_url(text: &str, usual_port: u16) -> Option<String> {
    let authority = text.strip_prefix("http://")?;
    let authority = authority.strip_suffix('/').unwrap_or(authority);
    let (host, given) = match authority.rsplit_once(':') {
        // Within the brackets of an IPv6 address.
        Some((_, rest)) if rest.ends_with(']') => (authority, None),
        Some((host, given)) => (host, Some(given)),
        None => (authority, None),
    };
    let port: u16 = given.map_or(Some(usual_port), |given| given.parse().ok())?;
    let sound = !host.is_empty() && host.chars().all(is_of_a_host);
    sound.then(|| format!("http://{host}:{port}/"))
}

fn is_of_a_host(char: char) -> bool {
    char.is_ascii_alphanumeric() || ".-_:[]".contains(char)
}

pub(super) fn versions(text: &str) -> Result<VersionRange, String> {
    let all = VersionRange::ALL;
    text.parse().map_err(|_| format!("LOW..HIGH within {all}, or one version, is wanted"))
}

pub(super) fn log_filter(text: &str) -> Result<String, String> {
    match EnvFilter::try_new(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(why) => Err(format!("a filter like info,sqlx=warn is wanted ({why})")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_get_their_port_and_their_slash() {
        for (text, read) in [
            ("http://a.example.org:8003", Some("http://a.example.org:8003/")),
            ("http://a.example.org/", Some("http://a.example.org:80/")),
            ("http://[::1]:9", Some("http://[::1]:9/")),
            ("http://[::1]", Some("http://[::1]:80/")),
            ("", None),
            ("grid:8003", None),
            ("https://grid:8003", None),
            ("http://", None),
            ("http://grid:x/", None),
            ("http://grid/path", None),
        ] {
            assert_eq!(url::<80>(text).ok().as_deref(), read, "{text}");
        }
        assert!(url::<8003>("x").unwrap_err().contains("http://HOST:8003"));
    }

    #[test]
    fn numbers_stay_within_their_ranges() {
        assert_eq!((port("1"), port("65535")), (Ok(1), Ok(65535)));
        assert!(["0", "65536", "-1", "x", ""].iter().all(|text| port(text).is_err()));
        assert_eq!(seconds::<5, 9>("9"), Ok(9));
        assert!(["4", "10", "5.5"].iter().all(|text| seconds::<5, 9>(text).is_err()));
        assert_eq!("1.5".parse(), Ok(Wait(Duration::from_millis(1500))));
        assert!(["0", "-1", "nan", "inf", "121"].iter().all(|text| text.parse::<Wait>().is_err()));
        assert_eq!(Wait(Duration::from_millis(1500)).to_string(), "1.5");
    }

    #[test]
    fn hosts_and_filters() {
        assert!(host("world.example.org").is_ok() && host("2001:db8::1").is_ok());
        assert!(host("").is_err() && host("a b").is_err());
        assert!(log_filter("info,sojourn::packet=debug").is_ok() && log_filter("a=b=c").is_err());
    }
}
