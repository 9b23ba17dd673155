//! What operators are told, and who may ask in their name.

use super::*;
use crate::control::Command;
use crate::peering::proof::{COMMAND_PATH, Signed, Source};
use crate::peering::web;
use crate::{Metrics, PlainSide, PrivateSide, RemoteOperations};

/// A grid's process, as far as simulators see it, and a simulator of that grid.
struct Joined {
    key: Arc<ProcessKey>,
    running: Running,
    _stop: tokio::sync::watch::Sender<bool>,
}

impl Joined {
    async fn start() -> Self {
        let key = Arc::new(ProcessKey::random());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let side = PlainSide {
            router: axum::Router::new(),
            metrics: Arc::new(Metrics::new()),
            trace: Arc::default(),
            proxies: Proxies::default(),
            private: Some(PrivateSide { key: key.clone(), operators: Vec::new() }),
            pulse: Arc::new(Well),
        };
        tokio::spawn(side.serve(listener, stopped));
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config = RegionConfig { http_base: format!("http://127.0.0.1:{port}/").into(), ..region(1) };
        let running = Running::start_with(grid(), vec![config], Side { port, grid: Some(&url) }).await;
        Self { key, running, _stop: stop }
    }

    /// Asks as somebody who is no operator by address would; signed by this key for this path, if by any.
    async fn ask(&self, path: &str, signed: Option<(&ProcessKey, &str)>) -> u16 {
        let mut headers = "X-Forwarded-For: 203.0.113.1\r\n".to_owned();
        if let Some((key, path)) = signed {
            let authority = web::authority_of(&self.running.here.server_uri);
            let signed = Signed { method: "GET", authority: &authority, path, body: b"" };
            for (name, value) in key.prove(Source::Grid, &signed).headers() {
                headers.push_str(&format!("{name}: {value}\r\n"));
            }
        }
        self.running.client().await.request("GET", path, &headers, b"").await.status
    }
}

#[tokio::test]
async fn the_grid_may_look_and_nobody_else_who_is_no_operator() {
    let joined = Joined::start().await;
    let stranger = ProcessKey::random();
    for path in ["/metrics", "/sessions", "/transfers"] {
        assert_eq!(joined.ask(path, Some((&joined.key, path))).await, 200, "{path}");
        for signed in [None, Some((&stranger, path)), Some((&*joined.key, "/healthz"))] {
            assert_eq!(joined.ask(path, signed).await, 403, "{path}");
        }
    }
    joined.running.stop().await;
}

#[tokio::test]
async fn the_grid_asks_and_commands_and_nobody_else_commands() {
    let joined = Joined::start().await;
    let base = &joined.running.here.server_uri;
    let remote = RemoteOperations::new(joined.key.clone());
    let sessions = remote.get(base, "/sessions").await.unwrap();
    assert!(String::from_utf8(sessions).unwrap().contains("\"sessions\":[]"));
    assert!(remote.get(base, "/nothing").await.unwrap_err().contains("404"));
    let command = Command::DebugHttp { direction: crate::control::Direction::All, level: 1 };
    let done = remote.command(base, &command).await.unwrap();
    assert_eq!((done.ok, done.text.as_str()), (true, "HTTP tracing at level 1"));
    let unknown = Command::Kick { agent: "No Body".into(), reason: String::new() };
    assert!(!remote.command(base, &unknown).await.unwrap().ok);
    assert!(remote.command("http://127.0.0.1:1/", &command).await.is_err());

    let stranger = RemoteOperations::new(Arc::new(ProcessKey::random()));
    assert!(stranger.command(base, &command).await.unwrap_err().contains("403"));
    // A browser on the operator's machine is as near as the operator, and still nobody.
    let body = serde_json::to_vec(&command).unwrap();
    let mut client = joined.running.client().await;
    for method in ["POST", "GET"] {
        let answer = client.request(method, &format!("/{COMMAND_PATH}"), "", &body).await;
        assert_eq!(answer.status, 403, "{method}");
    }
    joined.running.stop().await;
}

#[tokio::test]
async fn within_the_process_the_same_is_told() {
    let running = Running::start(1).await;
    let operations = &running.operations;
    let metrics = String::from_utf8(operations.get("/metrics").await.unwrap()).unwrap();
    assert!(metrics.contains("sojourn_region_turn_seconds_count"), "{metrics}");
    assert!(operations.get("/sessions").await.is_ok());
    assert!(operations.get("/transfers?after=7").await.is_ok());
    assert_eq!(operations.get("/transfers?after=x").await, Err(400));
    assert_eq!(operations.get("/CAPS/x").await, Err(404));
    let done = operations.command(Command::Notice { text: "Tea.".into() }).await;
    assert_eq!((done.ok, done.text.as_str()), (true, "shown in 1 regions"));
    running.stop().await;
}
