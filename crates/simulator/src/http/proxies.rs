//! Who asks, where proxies stand between.
//!
//! Behind a proxy everybody has its address. The proxies that the operator names are believed what they say in
//! `X-Forwarded-For`: the last address in it that is not itself one of theirs. Nobody else is believed. `Forwarded` (RFC
//! 7239) is not read at all, since a proxy that writes the one header passes the other on as its client made it up.

use crate::metrics::{Metrics, ReasonLabels};
use axum::http::{HeaderMap, HeaderName, header};
use model::Network;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Where a proxy says for whom it asks.
const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// By which protocol it was asked. Only what a trusted proxy says of it gets to handlers.
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
/// What tells that a request came by way of a proxy.
pub(crate) const MARKS: [HeaderName; 4] =
    [header::FORWARDED, FOR, HeaderName::from_static("x-real-ip"), header::VIA];
/// Who asks, where a proxy does not say it: nobody's address, so nothing is open to it and all of them are counted as one.
const UNKNOWN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// The proxies that are believed.
#[derive(Clone, Debug, Default)]
pub struct Proxies(Vec<Network>);

impl Proxies {
    /// Those at these addresses.
    pub fn new(networks: Vec<Network>) -> Self {
        Self(networks)
    }

    /// Whether somebody is one of them.
    pub(crate) fn contain(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }

    /// The address of whoever asks; what only a proxy can know is taken out of the headers, or left to be believed.
    pub(crate) fn client(&self, headers: &mut HeaderMap, peer: SocketAddr, metrics: &Metrics) -> SocketAddr {
        if !self.contain(peer.ip()) {
            headers.remove(PROTO);
            return peer;
        }
        let client = self.told(headers).unwrap_or_else(|reason| {
            metrics.forwarded_refused.get_or_create(&ReasonLabels { reason }).inc();
            tracing::debug!(%peer, reason, "a proxy does not say for whom it asks");
            UNKNOWN
        });
        for mark in MARKS {
            headers.remove(mark);
        }
        client
    }

    /// What the nearest of them knows. `Err`: nothing that can be believed, and why.
    fn told(&self, headers: &HeaderMap) -> Result<SocketAddr, &'static str> {
        // Each line continues the one before it.
        for line in headers.get_all(FOR).iter().rev() {
            let line = line.to_str().map_err(|_| "unreadable")?;
            for entry in line.rsplit(',') {
                let address = read(entry).ok_or("unreadable")?;
                if !self.contain(address.ip()) {
                    return Ok(address);
                }
            }
        }
        Err("missing")
    }
}

/// An address, with a port or without; the port is 0 then.
fn read(entry: &str) -> Option<SocketAddr> {
    let entry = entry.trim();
    let bare = entry.strip_prefix('[').and_then(|entry| entry.strip_suffix(']')).unwrap_or(entry);
    let address = bare.parse().map(|address| SocketAddr::new(address, 0)).or_else(|_| entry.parse()).ok()?;
    let address = SocketAddr::new(address.ip().to_canonical(), address.port());
    // That would stand for nobody.
    (!address.ip().is_unspecified()).then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn headers(lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FOR, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        headers
    }

    #[test]
    fn the_last_who_is_no_proxy_is_the_client() {
        let proxies = ["127.0.0.2", "10.0.0.0/8", "2001:db8::/64"].map(|network| network.parse().unwrap());
        let proxies = Proxies::new(proxies.into());
        let metrics = Metrics::new();
        for (peer, lines, client) in [
            // Nobody in between, whatever they say.
            ("192.0.2.1:7", &[][..], "192.0.2.1:7"),
            ("192.0.2.1:7", &["203.0.113.5"], "192.0.2.1:7"),
            ("127.0.0.1:7", &["203.0.113.5"], "127.0.0.1:7"),
            // One proxy: only what it added itself counts.
            ("127.0.0.2:7", &["203.0.113.5"], "203.0.113.5:0"),
            ("[::ffff:127.0.0.2]:7", &["203.0.113.5"], "203.0.113.5:0"),
            ("127.0.0.2:7", &["127.0.0.1, 198.51.100.1,203.0.113.5 "], "203.0.113.5:0"),
            ("127.0.0.2:7", &["127.0.0.1", "203.0.113.5"], "203.0.113.5:0"),
            ("127.0.0.2:7", &["rubbish, 203.0.113.5"], "203.0.113.5:0"),
            ("127.0.0.2:7", &["127.0.0.1"], "127.0.0.1:0"),
            // Several.
            ("127.0.0.2:7", &["1.2.3.4, 203.0.113.5, 10.1.1.1", "10.9.9.9"], "203.0.113.5:0"),
            ("10.1.1.1:7", &["203.0.113.5, 2001:db8::7"], "203.0.113.5:0"),
            // Forms.
            ("10.1.1.1:7", &["203.0.113.5:4711"], "203.0.113.5:4711"),
            ("10.1.1.1:7", &["2001:db8:1::1"], "[2001:db8:1::1]:0"),
            ("10.1.1.1:7", &["[2001:db8:1::1]"], "[2001:db8:1::1]:0"),
            ("10.1.1.1:7", &["[2001:db8:1::1]:80"], "[2001:db8:1::1]:80"),
            ("10.1.1.1:7", &["::ffff:203.0.113.5"], "203.0.113.5:0"),
            // It does not say.
            ("10.1.1.1:7", &[], "0.0.0.0:0"),
            ("10.1.1.1:7", &[""], "0.0.0.0:0"),
            ("10.1.1.1:7", &["unknown"], "0.0.0.0:0"),
            ("10.1.1.1:7", &["0.0.0.0"], "0.0.0.0:0"),
            ("10.1.1.1:7", &["::"], "0.0.0.0:0"),
            ("10.1.1.1:7", &["203.0.113.5, 10.1.1.1, _hidden"], "0.0.0.0:0"),
            ("10.1.1.1:7", &["203.0.113.5,"], "0.0.0.0:0"),
            ("10.1.1.1:7", &["203.0.113.5 198.51.100.1"], "0.0.0.0:0"),
            ("10.1.1.1:7", &["10.2.2.2, 10.1.1.1"], "0.0.0.0:0"),
            ("10.1.1.1:7", &["203.0.113.5", "\u{e9}"], "0.0.0.0:0"),
        ] {
            let told = proxies.client(&mut headers(lines), peer.parse().unwrap(), &metrics);
            assert_eq!(told, client.parse().unwrap(), "{peer} {lines:?}");
        }
        for (reason, count) in [("missing", 2), ("unreadable", 8)] {
            let counted = format!("sojourn_http_forwarded_refused_total{{reason=\"{reason}\"}} {count}\n");
            assert!(metrics.text().contains(&counted), "{counted} {}", metrics.text());
        }
    }

    #[test]
    fn headers_say_what_is_believed_and_no_more() {
        let proxies = Proxies::new(vec!["10.0.0.1".parse().unwrap()]);
        let metrics = Metrics::new();
        for (peer, marks, proto) in [("10.0.0.1:7", false, true), ("10.0.0.2:7", true, false)] {
            let mut headers = headers(&["203.0.113.5"]);
            for name in ["forwarded", "x-real-ip", "via", "x-forwarded-proto"] {
                headers.insert(name, HeaderValue::from_static("https"));
            }
            proxies.client(&mut headers, peer.parse().unwrap(), &metrics);
            assert!(MARKS.iter().all(|mark| headers.contains_key(mark) == marks), "{peer} {headers:?}");
            assert_eq!(headers.contains_key(PROTO), proto, "{peer}");
        }
    }
}
