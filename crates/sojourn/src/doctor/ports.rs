//! Ports: free, or in use by a Sojourn that runs already.

use super::Finding;
use crate::grid_info::fetch;
use crate::options::Process;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::net::{TcpListener, UdpSocket};

/// How long something that is on a port may take to say what it is.
const PATIENCE: Duration = Duration::from_secs(3);

/// Ports of a process, kept until they have been tried from outside.
pub(super) struct Held {
    /// Bound by us, so that somebody answers.
    pub(super) tcp: Vec<TcpListener>,
    /// Bound by us.
    pub(super) udp: Vec<UdpSocket>,
    /// A Sojourn runs on them.
    pub(super) running: bool,
    findings: Vec<Finding>,
}

impl Held {
    pub(super) fn into_findings(self) -> Vec<Finding> {
        self.findings
    }
}

/// Takes ports that are free. The first TCP port tells whether the process runs.
pub(super) async fn look(process: &Process, tcp: &[(&str, u16)], udp: &[(&str, u16)]) -> Held {
    let mut held = Held { tcp: Vec::new(), udp: Vec::new(), running: false, findings: Vec::new() };
    for &(what, port) in tcp {
        let subject = format!("{what} {port}");
        let address = SocketAddr::new(process.bind, port);
        held.findings.push(match TcpListener::bind(address).await {
            Ok(listener) => {
                held.tcp.push(listener);
                Finding::well(subject, format!("TCP, free on {}", process.bind))
            }
            Err(why) => match health(address).await {
                Some(200) => {
                    held.running = true;
                    Finding::well(subject, "TCP, in use by a Sojourn that runs, and is ready")
                }
                Some(503) => {
                    held.running = true;
                    let remedy = "wait: it is on its way up or down; its log says what it waits for";
                    Finding::odd(subject, "TCP, in use by a Sojourn that runs, and is not ready", remedy)
                }
                _ => Finding::ill(subject, format!("TCP on {}: {why}", process.bind), remedy(port)),
            },
        });
    }
    for &(what, port) in udp {
        let subject = format!("region {port}");
        held.findings.push(match UdpSocket::bind(SocketAddr::new(process.bind, port)).await {
            Ok(socket) => {
                held.udp.push(socket);
                Finding::well(subject, format!("UDP, free on {}: {what}", process.bind))
            }
            Err(_) if held.running => {
                Finding::well(subject, format!("UDP, in use by the Sojourn that runs: {what}"))
            }
            Err(why) => {
                Finding::ill(subject, format!("UDP on {}: {why}: {what}", process.bind), remedy(port))
            }
        });
    }
    held
}

fn remedy(port: u16) -> String {
    if port < 1024 {
        return "ports below 1024 need the right to use them; otherwise another one".into();
    }
    format!("end what uses it (`ss -lnp | grep {port}` says what), or choose another port or --bind")
}

/// What it says that listens there when it is asked for its health: an HTTP status. It is asked where it is bound: the name
/// that others are told may lead back in from nowhere near.
async fn health(mut address: SocketAddr) -> Option<u16> {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    Some(fetch(&format!("http://{address}/healthz"), PATIENCE).await.ok()?.status)
}

#[cfg(test)]
mod tests {
    use super::super::Health;
    use super::*;

    #[tokio::test]
    async fn a_process_that_runs_is_asked_where_it_is_bound() {
        let router = axum::Router::new().route("/healthz", axum::routing::get(|| async { "ok" }));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let _serving = tokio::spawn(async move { axum::serve(listener, router).await });
        for bind in ["127.0.0.1", "0.0.0.0"] {
            // A name that leads nowhere from here, as behind a router.
            let (bind, host) = (bind.parse().unwrap(), "unknown.invalid".into());
            let process = Process { bind, host, operators: vec![], proxies: vec![], log: String::new() };
            let held = look(&process, &[("HTTP port", port)], &[]).await;
            assert!(held.running, "{bind}");
            assert_eq!(held.into_findings()[0].health, Health::Well);
        }
    }
}
