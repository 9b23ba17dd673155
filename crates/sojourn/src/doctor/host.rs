//! The way of viewers: what they are told leads here.

use super::Finding;
use super::ports::Held;
use crate::options::Process;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

/// How long a packet may be on the way.
const PATIENCE: Duration = Duration::from_secs(2);
/// Names of one host.
const SUBJECT: &str = "host";
/// What a packet of ours says.
const KNOCK: &[u8] = b"sojourn doctor";

/// Looks up the host, and goes the way that viewers go.
pub(super) async fn look(process: &Process, url: &str, held: &Held) -> Vec<Finding> {
    let host = process.host.as_str();
    let address = match resolve(host).await {
        Ok(address) => address,
        Err(finding) => return vec![finding],
    };
    let mut findings = vec![kind(process, address)];
    findings.extend(over_tcp(url).await);
    if let Some(socket) = held.udp.first() {
        findings.extend(over_udp(socket, address).await);
    }
    findings
}

/// The address that viewers will use: they know IPv4 only.
async fn resolve(host: &str) -> Result<Ipv4Addr, Finding> {
    if let Ok(address) = host.parse() {
        return Ok(address);
    }
    let found = timeout(PATIENCE, tokio::net::lookup_host((host, 0))).await;
    let remedy = "set up the name in the DNS, or give an address as --host";
    let found: Vec<IpAddr> = match found {
        Ok(Ok(found)) => found.map(|address| address.ip()).collect(),
        Ok(Err(why)) => return Err(Finding::ill(SUBJECT, format!("{host}: {why}"), remedy)),
        Err(_) => return Err(Finding::ill(SUBJECT, format!("{host}: no answer of the DNS in time"), remedy)),
    };
    let v4 = found.iter().find_map(|ip| if let IpAddr::V4(v4) = ip { Some(*v4) } else { None });
    v4.ok_or_else(|| {
        Finding::ill(SUBJECT, format!("{host} has no IPv4 address, and viewers know no other"), remedy)
    })
}

fn kind(process: &Process, address: Ipv4Addr) -> Finding {
    let host = &process.host;
    let told = if *host == address.to_string() { host.clone() } else { format!("{host} is {address}") };
    if process.bind.is_loopback() && !address.is_loopback() {
        let found = format!("{told}, but sockets bind to {}, where only this machine comes in", process.bind);
        return Finding::ill(SUBJECT, found, "--bind 0.0.0.0, or the address of the network card");
    }
    if address.is_loopback() {
        return Finding::odd(
            SUBJECT,
            format!("{told}: for viewers on this machine only"),
            "--host and --bind, for others",
        );
    }
    if address.is_private() || address.is_link_local() {
        let remedy = "for others: --host with the public address, ports forwarded under the same numbers";
        return Finding::odd(SUBJECT, format!("{told}: for viewers in this local network only"), remedy);
    }
    Finding::well(SUBJECT, told)
}

/// Whether the HTTP side is reached at its URL.
async fn over_tcp(url: &str) -> Option<Finding> {
    let authority = url.trim_start_matches("http://").trim_end_matches('/').to_owned();
    let subject = "way in, HTTP";
    match timeout(PATIENCE, TcpStream::connect(&authority)).await {
        Ok(Ok(_)) => Some(Finding::well(subject, format!("{url} is reached from here"))),
        Ok(Err(why)) => Some(Finding::odd(subject, format!("{url}: {why}"), from_outside())),
        Err(_) => Some(Finding::odd(subject, format!("{url}: no answer in time"), from_outside())),
    }
}

/// Whether a packet that is sent to what viewers are told arrives at a region's port.
async fn over_udp(socket: &UdpSocket, address: Ipv4Addr) -> Option<Finding> {
    let port = socket.local_addr().ok()?.port();
    let (subject, to) = ("way in, UDP", SocketAddr::from((address, port)));
    let knocker = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await.ok()?;
    let arrived = async {
        knocker.send_to(KNOCK, to).await.ok()?;
        let mut packet = [0; 64];
        loop {
            let (length, _) = socket.recv_from(&mut packet).await.ok()?;
            if packet[..length] == *KNOCK {
                return Some(());
            }
        }
    };
    Some(match timeout(PATIENCE, arrived).await {
        Ok(Some(())) => Finding::well(subject, format!("{to} is reached from here")),
        _ => Finding::odd(subject, format!("nothing that is sent to {to} from here arrives"), from_outside()),
    })
}

fn from_outside() -> String {
    "open it in the firewall, forward it in the router; then try from outside: some routers do not lead back in".into()
}

#[cfg(test)]
mod tests {
    use super::super::Health;
    use super::*;

    fn process(bind: &str, host: &str) -> Process {
        Process {
            bind: bind.parse().unwrap(),
            host: host.into(),
            operators: vec![],
            proxies: vec![],
            log: String::new(),
        }
    }

    #[test]
    fn who_can_come_in() {
        for (bind, host, health, words) in [
            ("127.0.0.1", "127.0.0.1", Health::Odd, "this machine only"),
            ("0.0.0.0", "192.168.1.7", Health::Odd, "local network"),
            ("0.0.0.0", "203.0.113.7", Health::Well, "203.0.113.7"),
            ("127.0.0.1", "203.0.113.7", Health::Ill, "--bind"),
        ] {
            let finding = kind(&process(bind, host), host.parse().unwrap());
            assert_eq!(finding.health, health, "{finding:?}");
            assert!(format!("{} {}", finding.found, finding.remedy).contains(words), "{finding:?}");
        }
    }

    #[tokio::test]
    async fn ways_in_are_tried() {
        let process = process("127.0.0.1", "127.0.0.1");
        let (tcp, udp) = (free_tcp().await, free_udp().await);
        let held = super::super::ports::look(&process, &[("HTTP port", tcp)], &[("A", udp)]).await;
        assert!(!held.running);
        let findings = look(&process, &process.url(tcp), &held).await;
        let well: Vec<_> =
            findings.iter().filter(|f| f.health == Health::Well).map(|f| f.subject.as_str()).collect();
        assert_eq!(well, ["way in, HTTP", "way in, UDP"], "{findings:?}");
        // Taken by somebody who is no Sojourn.
        let again = super::super::ports::look(&process, &[("HTTP port", tcp)], &[("A", udp)]).await;
        drop(held);
        let ill = |findings: Vec<Finding>| findings.iter().filter(|f| f.health == Health::Ill).count();
        assert_eq!(ill(again.into_findings()), 2);
    }

    async fn free_tcp() -> u16 {
        tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
    }

    async fn free_udp() -> u16 {
        UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
    }
}
