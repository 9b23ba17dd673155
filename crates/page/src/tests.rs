//! The pages as they are served, on a database in memory.

mod operator;
mod public;

use crate::{Fleet, GridData, Lookout, OperatorConfig, Process, PublicConfig, Switch, Switches};
use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use grid::{Clock, Database, HashCost, SqlStore};
use http_body_util::BodyExt as _;
use model::{GridCell, RegionId, RegionSize, Uuid};
use observe::{Failed, Fetch, Source};
use services::RegionInfo;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use tower::ServiceExt as _;

/// What names are that somebody makes up who wants to do harm.
const HOSTILE: &str = "<script>alert('x')</script>\"&";

/// A clock that stands until it is set.
struct Set(AtomicU64);

impl Clock for Set {
    fn unix_s(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A grid with its pages.
struct Rig {
    store: SqlStore,
    clock: Arc<Set>,
    pages: Router,
    done: Arc<Mutex<Vec<Switch>>>,
}

impl Rig {
    async fn new() -> Self {
        Self::with(true).await
    }

    async fn with(sign_up: bool) -> Self {
        let clock = Arc::new(Set(AtomicU64::new(1_000_000)));
        let cost = HashCost { memory_kib: 32, passes: 1 };
        let store = SqlStore::open(&Database::Memory, clock.clone(), [7; 32], cost).await.unwrap();
        for (n, name) in [(1, HOSTILE), (2, "Plaza")] {
            let region = RegionInfo {
                id: RegionId(Uuid::from_u128(n)),
                name: name.into(),
                handle: GridCell { x: 1000 + n as u32, y: 1000 }.handle(),
                size: RegionSize::STANDARD,
                external_host: "127.0.0.1".into(),
                server_uri: "http://127.0.0.1:9000/".into(),
                ..RegionInfo::default()
            };
            store.services().grid.register(&region).await.unwrap();
        }
        let done = Arc::new(Mutex::default());
        let pages = Self::pages(&store, sign_up, &done);
        Self { store, clock, pages, done }
    }

    /// The same grid, as another of its processes serves it.
    fn another_process(&self) -> Self {
        let done = Arc::new(Mutex::default());
        let pages = Self::pages(&self.store, true, &done);
        Self { store: self.store.clone(), clock: self.clock.clone(), pages, done }
    }

    fn pages(store: &SqlStore, sign_up: bool, done: &Arc<Mutex<Vec<Switch>>>) -> Router {
        let data = GridData {
            services: store.services(),
            statistics: Arc::new(store.clone()),
            records: Arc::new(store.clone()),
        };
        let config = PublicConfig {
            grid_name: HOSTILE.into(),
            login_uri: "http://127.0.0.1:8002/".into(),
            closed: None,
            sign_up,
        };
        let lookout = Arc::new(Lookout::new(Arc::new(Hostile)));
        tokio::spawn(lookout.clone().keep());
        let operator = OperatorConfig {
            grid_name: "Grid".into(),
            data: data.clone(),
            operators: Arc::new(store.clone()),
            lookout,
            switches: Arc::new(Board(done.clone())),
            admits: Arc::new(|headers, from| from.is_loopback() && !headers.contains_key("x-forwarded-for")),
        };
        crate::public_pages(config, data).merge(crate::operator_pages(operator))
    }

    async fn ask(&self, request: Request<Body>) -> Answer {
        let (head, body) = self.begin(request).await.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer { status: head.status, headers: head.headers, body: String::from_utf8(body.into()).unwrap() }
    }

    async fn begin(&self, request: Request<Body>) -> axum::http::Response<Body> {
        self.pages.clone().oneshot(request).await.unwrap()
    }

    async fn get(&self, path: &str, cookie: &str) -> Answer {
        self.ask(request(Method::GET, path, cookie, "")).await
    }

    async fn post(&self, path: &str, cookie: &str, form: &[(&str, &str)]) -> Answer {
        self.ask(request(Method::POST, path, cookie, &encoded(form))).await
    }

    /// The cookie and the token of the form that is served there.
    async fn form(&self, path: &str, cookie: &str) -> (String, String) {
        let page = self.get(path, cookie).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        (page.cookie().unwrap_or_else(|| cookie.to_owned()), page.token())
    }
}

fn request(method: Method, path: &str, cookie: &str, form: &str) -> Request<Body> {
    let address: SocketAddr = "127.0.0.1:4000".parse().unwrap();
    let kind = "application/x-www-form-urlencoded";
    let mut request = Request::builder().method(&method).uri(path).header(header::COOKIE, cookie);
    if method == Method::POST {
        request = request.header(header::CONTENT_TYPE, kind);
    }
    request.extension(ConnectInfo(address)).body(Body::from(form.to_owned())).unwrap()
}

fn encoded(form: &[(&str, &str)]) -> String {
    let encode = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    form.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect::<Vec<_>>().join("&")
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The first cookie that it sets, as it is sent back.
    fn cookie(&self) -> Option<String> {
        let line = self.headers.get(header::SET_COOKIE)?.to_str().unwrap();
        Some(line.split(';').next().unwrap().to_owned())
    }

    fn token(&self) -> String {
        let (_, rest) = self.body.split_once("name=\"token\" value=\"").expect("a form has a token");
        rest.split('"').next().unwrap().to_owned()
    }

    fn assert_guarded(&self) {
        let policy = self.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert!(
            policy.contains("frame-ancestors 'none'") && policy.contains("form-action 'self'"),
            "{policy}"
        );
        assert_eq!(self.header("x-frame-options"), "DENY");
        assert_eq!(self.header("x-content-type-options"), "nosniff");
        assert_eq!(self.header("referrer-policy"), "no-referrer");
    }

    /// Nothing of what somebody made up is more than text, and nothing is inline.
    fn assert_harmless(&self) {
        let body = &self.body;
        assert!(!body.contains("<script>") && !body.contains("alert('x')"), "{body}");
        assert!(!body.contains(" style=") && !body.contains("<style"), "{body}");
        let handler = body.split(" on").skip(1).any(|rest| {
            let name = rest.split(|c: char| !c.is_ascii_lowercase()).next().unwrap();
            rest[name.len()..].starts_with('=')
        });
        assert!(!handler, "{body}");
    }
}

/// A simulator whose people have such names.
struct Hostile;

#[async_trait]
impl Fetch for Hostile {
    async fn fetch(&self, path: &str) -> Result<Vec<u8>, Failed> {
        let name = HOSTILE.replace('"', "\\\"");
        let id = |n: u128| Uuid::from_u128(n).to_string();
        let note = |n: u32, step: &str, message: &str| {
            format!(
                r#"{{"n": {n}, "at_us": {n}000, "region": "{name}", "region_id": "{}", "step": "{step}",
                "from": "source", "to": "{name}", "message": "{message}", "detail": "{name}"}}"#,
                id(1)
            )
        };
        let text = match path {
            "/metrics" => "sojourn_regions 2\nsojourn_root_agents{region=\"x\"} 1\n".to_owned(),
            "/sessions" => format!(
                r#"{{"now_us": 9000000, "sessions": [{{"region": "{name}", "region_id": "{0}", "agent": "{1}",
                "name": "{name}", "session": "{1}", "standing": "root", "viewer": "{name}", "address": null,
                "position": [1, 2, 3], "since_us": 1, "login_s": null, "last_packet_us": null, "rtt_us": null,
                "packets_out": 0, "resends": 0, "lost": 0}}], "ended": [{{"region": "{name}", "agent": "{1}",
                "name": "{name}", "viewer": "{name}", "since_us": 1, "at_us": 2, "reason": "{name}",
                "steps": [{{"at_us": 2, "step": "{name}", "detail": "{name}"}}]}}]}}"#,
                id(1),
                id(7)
            ),
            "/transfers" => format!(
                r#"{{"process": 1, "last": 3, "transfers": [{{"region": "{}", "by_destination": false,
                "number": 4, "agent": "{}", "name": "{name}", "kind": "{name}", "version": "{name}",
                "outcome": "{name}", "notes": [{}, {}]}}]}}"#,
                id(1),
                id(7),
                note(1, &name, &name),
                note(2, "end", "verdict"),
            ),
            _ => std::future::pending().await,
        };
        Ok(text.into_bytes())
    }
}

#[async_trait]
impl Fleet for Hostile {
    fn own(&self) -> Process {
        Process { name: "this process".into(), source: Source::new(Arc::new(Hostile)), regions: true }
    }

    async fn others(&self) -> Result<Vec<Process>, String> {
        Err(HOSTILE.into())
    }
}

/// Switches that remember.
struct Board(Arc<Mutex<Vec<Switch>>>);

#[async_trait]
impl Switches for Board {
    fn log_filter(&self) -> String {
        HOSTILE.into()
    }

    async fn switch(&self, switch: Switch) -> Vec<(String, Result<String, String>)> {
        let fails = matches!(switch, Switch::Log { .. });
        self.0.lock().unwrap().push(switch);
        vec![("one".into(), if fails { Err(HOSTILE.into()) } else { Ok(HOSTILE.into()) })]
    }
}
