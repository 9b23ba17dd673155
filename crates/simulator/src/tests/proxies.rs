//! Who is taken for whom where proxies stand between, on a port that is served.

use super::*;
use crate::{PlainSide, PrivateSide};
use axum::extract::ConnectInfo;

/// A port of a grid's process that believes these proxies; its router says who asks.
async fn served(proxies: &[&str]) -> (SocketAddr, tokio::sync::watch::Sender<bool>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let who = async |ConnectInfo(client): ConnectInfo<SocketAddr>| client.ip().to_string();
    let side = PlainSide {
        router: axum::Router::new().route("/who", axum::routing::get(who)),
        metrics: Arc::new(crate::Metrics::new()),
        trace: Arc::default(),
        proxies: Proxies::new(proxies.iter().map(|proxy| proxy.parse().unwrap()).collect()),
        private: Some(PrivateSide {
            key: Arc::new(ProcessKey::random()),
            operators: vec!["192.0.2.7".parse().unwrap()],
        }),
        pulse: Arc::new(super::life::Ill::default()),
    };
    tokio::spawn(side.serve(listener, stopped));
    (address, stop)
}

#[tokio::test]
async fn a_trusted_proxy_opens_to_operators_what_is_theirs_and_to_nobody_else() {
    let trusting = served(&["127.0.0.0/8"]).await;
    let wary = served(&["127.0.0.2"]).await;
    for (forwarded, trusted, metrics, otherwise) in [
        // Somebody from outside, or nobody knows who.
        ("X-Forwarded-For: 203.0.113.5\r\n", "203.0.113.5", 403, 403),
        ("X-Forwarded-For: 127.0.0.1, 203.0.113.5\r\n", "203.0.113.5", 403, 403),
        ("X-Forwarded-For: unknown\r\n", "0.0.0.0", 403, 403),
        ("X-Forwarded-For: 127.0.0.1\r\n", "0.0.0.0", 403, 403),
        ("", "0.0.0.0", 403, 200),
        ("Forwarded: for=192.0.2.7\r\n", "0.0.0.0", 403, 403),
        // An operator at a listed address, which only a trusted proxy can know.
        ("X-Forwarded-For: 192.0.2.7\r\n", "192.0.2.7", 200, 403),
        ("X-Forwarded-For: 192.0.2.7\r\nForwarded: for=203.0.113.5\r\n", "192.0.2.7", 200, 403),
    ] {
        for (address, who, status) in [(trusting.0, trusted, metrics), (wary.0, "127.0.0.1", otherwise)] {
            let mut client = Client::connect(address).await;
            let answer = client.request("GET", "/who", forwarded, b"").await;
            assert_eq!(String::from_utf8(answer.body).unwrap(), who, "{forwarded}");
            assert_eq!(client.request("GET", "/metrics", forwarded, b"").await.status, status, "{forwarded}");
        }
    }
}
