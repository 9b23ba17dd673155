//! Addresses of hosts, looked up and kept for a while.

use super::cache::Cache;
use super::look_ups::LookUps;
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// Hosts that are remembered.
const HOSTS: usize = 4096;
/// For how long.
const AGE: Duration = Duration::from_secs(60);
/// For how long it is remembered that one has none.
const NONE: Duration = Duration::from_secs(5);
/// How long a look-up may take.
const PATIENCE: Duration = Duration::from_secs(3);
/// Addresses of one host.
const MAX_ADDRESSES: usize = 16;

/// Host names and their addresses.
#[derive(Debug)]
pub(crate) struct Addresses {
    known: Cache<String, Arc<[IpAddr]>>,
    look_ups: LookUps,
}

impl Default for Addresses {
    fn default() -> Self {
        Self { known: Cache::new(HOSTS), look_ups: LookUps::default() }
    }
}

impl Addresses {
    /// The addresses of a host; none if it has none, or nobody says in time.
    pub(crate) async fn of(&self, host: &str) -> Arc<[IpAddr]> {
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        if let Ok(address) = bare.parse() {
            return Arc::new([address]);
        }
        // No name is longer.
        if bare.is_empty() || bare.len() > 255 {
            return Arc::new([]);
        }
        let name = bare.to_lowercase();
        if let Some(known) = self.known.peek(&name, AGE).filter(|known| !known.is_empty()) {
            return known;
        }
        let ask = async || {
            let found = tokio::time::timeout(PATIENCE, self.look_ups.of(bare)).await;
            let found = found.ok().and_then(Result::ok).into_iter().flatten();
            Ok::<_, Infallible>(found.take(MAX_ADDRESSES).collect())
        };
        match self.known.get(&name, NONE, ask).await {
            Ok(found) => found,
            Err(never) => match never {},
        }
    }

    /// Looks many hosts up at once.
    pub(crate) async fn look_up(self: &Arc<Self>, hosts: impl Iterator<Item = &str>) {
        let names: BTreeSet<&str> = hosts.filter(|host| host.parse::<IpAddr>().is_err()).collect();
        let mut under_way = JoinSet::new();
        for name in names {
            let (this, name) = (self.clone(), name.to_owned());
            under_way.spawn(async move { this.of(&name).await });
        }
        while under_way.join_next().await.is_some() {}
    }

    /// The first that viewers can use.
    pub(crate) async fn v4(&self, host: &str) -> Option<Ipv4Addr> {
        self.of(host).await.iter().find_map(|address| match address {
            IpAddr::V4(address) => Some(*address),
            IpAddr::V6(address) => address.to_ipv4_mapped(),
        })
    }

    /// Whether a connection from this address may come from this host. One loopback address is as good as another.
    pub(crate) async fn is_at(&self, host: &str, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let same = |other: &IpAddr| {
            let other = other.to_canonical();
            other == address || (other.is_loopback() && address.is_loopback())
        };
        self.of(host).await.iter().any(same)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn hosts_and_addresses() {
        let addresses = Addresses::default();
        assert_eq!(addresses.v4("192.0.2.1").await, Some(Ipv4Addr::new(192, 0, 2, 1)));
        assert_eq!(addresses.v4("[::ffff:192.0.2.1]").await, Some(Ipv4Addr::new(192, 0, 2, 1)));
        assert_eq!(addresses.v4("::1").await, None);
        assert_eq!(addresses.v4("").await, None);
        assert_eq!(addresses.v4(&"x".repeat(300)).await, None);
        for (host, address, at) in [
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "::ffff:192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("127.0.0.1", "::1", true),
            ("[::1]", "127.0.0.5", true),
            ("192.0.2.1", "127.0.0.1", false),
            ("localhost", "127.0.0.1", true),
        ] {
            assert_eq!(addresses.is_at(host, address.parse().unwrap()).await, at, "{host} {address}");
        }
    }
}
