//! From where an agent's viewer may speak.
//!
//! Session and circuit code travel in clear, and every region that the agent has visited knows them; so they do not
//! suffice to take a circuit from an address to another one. That takes a proof: the address is the one from which
//! the user logged in, or the agent's capabilities were used from there, whose secret only the viewer and the region
//! that it came from were told. Ports may change freely, as they do behind a NAT.
//!
//! A viewer whose datagrams come from elsewhere than its HTTP does (a proxy, a NAT with several addresses) never
//! proves itself. It may open the circuit as anybody may who knows the code, and keeps it as long as it stays where
//! it is.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What is known of where one agent's viewer is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Origin {
    /// Where its circuit to this region is, or last was.
    held: Option<IpAddr>,
    /// From where its capabilities were last used.
    shown: Option<IpAddr>,
}

impl Origin {
    /// Its capabilities were used from there.
    pub(crate) fn shown(&mut self, from: IpAddr) {
        self.shown = Some(plain(from));
    }

    /// Its circuit is there now.
    pub(crate) fn held(&mut self, at: IpAddr) {
        self.held = Some(plain(at));
    }

    /// Whether a viewer there is the agent's beyond doubt. `login`: from where the user logged in.
    pub(crate) fn proves(self, from: IpAddr, login: Option<IpAddr>) -> bool {
        let from = plain(from);
        self.shown == Some(from) || login.map(plain) == Some(from)
    }

    /// Whether the agent's circuit may be there.
    pub(crate) fn allows(self, from: IpAddr, login: Option<IpAddr>) -> bool {
        self.held.is_none_or(|held| held == plain(from)) || self.proves(from, login)
    }
}

/// As a datagram over IPv4 would have it, if it can: this machine has two names for itself.
fn plain(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(Ipv6Addr::LOCALHOST) => Ipv4Addr::LOCALHOST.into(),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_circuit_moves_to_an_address_that_proves_itself() {
        // (held, capabilities used from, logged in from, asks): may have it
        let cases = [
            (None, None, None, "192.0.2.1", true),
            (Some("192.0.2.1"), None, None, "192.0.2.1", true),
            (Some("192.0.2.1"), None, None, "192.0.2.2", false),
            (Some("192.0.2.1"), Some("192.0.2.1"), Some("192.0.2.1"), "192.0.2.2", false),
            (Some("192.0.2.1"), Some("192.0.2.2"), None, "192.0.2.2", true),
            (Some("192.0.2.1"), None, Some("192.0.2.2"), "192.0.2.2", true),
            (Some("192.0.2.1"), Some("192.0.2.3"), Some("192.0.2.2"), "192.0.2.4", false),
            (Some("127.0.0.1"), None, None, "127.0.0.2", false),
            (Some("192.0.2.1"), Some("::1"), None, "127.0.0.1", true),
            (Some("192.0.2.1"), None, Some("::ffff:192.0.2.7"), "192.0.2.7", true),
        ];
        for (held, shown, login, from, may) in cases {
            let address = |text: &str| text.parse::<IpAddr>().unwrap();
            let mut origin = Origin::default();
            if let Some(held) = held {
                origin.held(address(held));
            }
            if let Some(shown) = shown {
                origin.shown(address(shown));
            }
            let allowed = origin.allows(address(from), login.map(address));
            assert_eq!(allowed, may, "{held:?} {shown:?} {login:?} {from}");
        }
    }
}
