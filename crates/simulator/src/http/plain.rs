//! The HTTP side of a process without regions: a router, behind the same bounds, traces and counts as a simulator's.

use super::front::ask_router;
use super::intake::{Intake, Kind, Whole, in_time};
use super::proxies::Proxies;
use super::server::{self, Face};
use super::trace::{HttpTrace, is_secret};
use super::{body, ops, reply};
use crate::metrics::Metrics;
use crate::peering::proof::{self, ProcessKey};
use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, Request, Response, StatusCode};
use hyper::body::Incoming;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// Beyond this time a request is answered with 503.
const PATIENCE: Duration = Duration::from_secs(60);

/// What only peers and operators are served.
#[derive(Clone, Debug)]
pub struct PrivateSide {
    /// Served under `/sojourn/key`.
    pub key: Arc<ProcessKey>,
    /// Who may see `/metrics`, besides this machine.
    pub operators: Vec<IpAddr>,
}

/// Whether a process can do what it is there for.
#[async_trait]
pub trait Pulse: Send + Sync {
    /// Soon, and as often as anybody asks.
    async fn is_well(&self) -> bool;
}

/// One port of a process without regions.
pub struct PlainSide {
    /// What it serves.
    pub router: Router,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Numbered lines in the log.
    pub trace: Arc<HttpTrace>,
    /// Who is believed when they say for whom they ask.
    pub proxies: Proxies,
    /// For the port that peers and operators use.
    pub private: Option<PrivateSide>,
    /// What `/healthz` says. `/livez` says only that the process serves.
    pub pulse: Arc<dyn Pulse>,
}

impl PlainSide {
    /// Serves until `stop` says true, or nobody is left to say so; then ends what is under way.
    pub async fn serve(self, listener: TcpListener, stop: watch::Receiver<bool>) {
        let port = listener.local_addr().map_or(0, |address| address.port());
        let Self { router, metrics, trace, proxies, private, pulse } = self;
        let budgets = if private.is_some() { body::Budgets::with_assets() } else { body::Budgets::default() };
        let intake = Intake { metrics, trace, port, budgets, proxies };
        server::serve(listener, Arc::new(Plain { router, intake, private, pulse }), stop).await;
    }
}

struct Plain {
    router: Router,
    intake: Intake,
    private: Option<PrivateSide>,
    pulse: Arc<dyn Pulse>,
}

impl Face for Plain {
    fn intake(&self) -> &Intake {
        &self.intake
    }

    async fn answer(&self, request: Request<Incoming>, peer: SocketAddr) -> Response<Body> {
        let (label, secret) = (label(request.uri().path()), is_secret(request.uri().path()));
        let limit = match (&self.private, label) {
            // Those of others come in here.
            (Some(_), "assets") => body::ASSET,
            (Some(_), _) => body::PEER,
            (None, _) => body::ORDINARY,
        };
        let kind = Kind { name: "GRID", label, poll: false, limit, pool: body::Pool::Others, secret };
        self.intake.pass(request, peer, kind, async |whole| self.dispatch(whole).await).await
    }
}

/// What a grid serves, by the first part of the path.
const SERVED: [&str; 24] = [
    "healthz",
    "metrics",
    "accounts",
    "agentprefs",
    "assets",
    "auth",
    "avatar",
    "friends",
    "get_grid_info",
    "get_grid_stats",
    "grid",
    "griduser",
    "json_grid_info",
    "livez",
    "login",
    "look",
    "map",
    "mutelist",
    "operate",
    "presence",
    "removemap",
    "signup",
    "sojourn",
    "xinventory",
];

/// For metrics: one of few.
fn label(path: &str) -> &'static str {
    let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    match first {
        "" => "root",
        _ => SERVED.iter().find(|served| **served == first).copied().unwrap_or("other"),
    }
}

impl Plain {
    async fn dispatch(&self, request: Whole) -> Response<Body> {
        match (request.head.uri.path(), &self.private) {
            ("/livez", _) => reply::text(StatusCode::OK, "ok\n"),
            // It serves, so logins are enabled, if they are possible.
            ("/healthz", _) if self.pulse.is_well().await => reply::text(StatusCode::OK, "ok\n"),
            ("/healthz", _) => reply::text(StatusCode::SERVICE_UNAVAILABLE, "not ready\n"),
            ("/metrics", Some(private)) => {
                match ops::is_operator(&private.operators, &request.head.headers, request.remote.ip()) {
                    true => ops::print_metrics(self.intake.metrics.encode(Vec::new(), 0)),
                    false => reply::status(StatusCode::FORBIDDEN),
                }
            }
            (path, Some(private)) if path.trim_start_matches('/') == proof::KEY_PATH => {
                let kind = HeaderValue::from_static("application/json");
                reply::typed(StatusCode::OK, kind, private.key.document())
            }
            _ => in_time(PATIENCE, ask_router(&self.router, request)).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_few() {
        for (path, expected) in [
            ("/", "root"),
            ("/presence", "presence"),
            ("//auth/plain", "auth"),
            ("/operate/transfers/x", "operate"),
            ("/map-1-1000-1000-objects.jpg", "other"),
        ] {
            assert_eq!(label(path), expected, "{path}");
        }
    }
}
