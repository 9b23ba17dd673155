//! Which path is what. Paths are few and their secrets are matched whole, so this is a function and no router.

use super::body::Pool;
use super::intake::Whole;
use super::{body, event_queue, ops, reply, seed};
use crate::caps::{self, Asked, Capability, Memory};
use crate::control::{Levers, SetLog};
use crate::directory::Directory;
use crate::grid_side::GridSide;
use crate::http::trace::{HttpTrace, is_secret};
use crate::metrics::{Metrics, RegionCounters};
use crate::notices::Notices;
use crate::peering::gate::Gate;
use crate::peering::proof::{self, ProcessKey};
use crate::peering::reader::Reader;
use crate::peering::remote::RemotePeers;
use crate::peering::service;
use crate::sessions::Sessions;
use crate::transfers::Transfers;
use axum::body::Body;
use axum::http::{Method, Response, StatusCode};
use model::{CapsSecret, RegionId, Uuid};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};

/// What handlers share.
pub(crate) struct Shared {
    pub(crate) directory: Arc<Directory>,
    pub(crate) grid: Arc<GridSide>,
    pub(crate) notices: Notices,
    pub(crate) transfers: Arc<Transfers>,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) gate: Gate,
    /// What peers ask is read by it.
    pub(crate) reader: Reader,
    pub(crate) key: Arc<ProcessKey>,
    /// Who may see `/metrics`, `/sessions` and `/transfers`, besides this machine.
    pub(crate) operators: Vec<IpAddr>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) trace: Arc<HttpTrace>,
    pub(crate) memory: Memory,
    /// Base of all capability URLs, with a trailing slash.
    pub(crate) http_base: Arc<str>,
    /// Name of the grid, for viewers.
    pub(crate) grid_name: Arc<str>,
    /// Logins are enabled.
    pub(crate) ready: AtomicBool,
    pub(crate) counters: BTreeMap<RegionId, Arc<RegionCounters>>,
    /// How the log is changed, once that is known.
    pub(crate) log: OnceLock<SetLog>,
    /// The way to other processes.
    pub(crate) elsewhere: RemotePeers,
}

impl Shared {
    /// What commands act on.
    pub(crate) fn levers(&self) -> Levers {
        let services = self.grid.services.clone();
        let log = self.log.get().cloned();
        Levers { directory: self.directory.clone(), trace: self.trace.clone(), services, log }
    }
}

/// What a path leads to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Route {
    /// `/CAPS/<secret>0000/`
    Seed(CapsSecret),
    /// `/CAPS/<secret>/<Name>`
    Capability(CapsSecret, Capability),
    /// `/CAPS/upload/<id>`, once.
    Upload(Uuid),
    /// Something under `/CAPS/` that never was.
    NoCapability,
    /// `/healthz`
    Health,
    /// `/metrics`
    Metrics,
    /// `/sessions`
    Sessions,
    /// `/transfers`
    Transfers,
    /// `/sojourn/key`
    Key,
    /// `/sojourn/command`
    Command,
    /// The simulation service. Those that carry an agent are larger than others.
    Peer { large: bool },
    /// The grid's, or nobody's.
    Other,
}

impl Route {
    pub(crate) fn of(method: &Method, path: &str) -> Self {
        match path {
            "/healthz" => return Self::Health,
            "/metrics" => return Self::Metrics,
            "/sessions" => return Self::Sessions,
            "/transfers" => return Self::Transfers,
            _ if path.trim_start_matches('/') == proof::KEY_PATH => return Self::Key,
            _ if path.trim_start_matches('/') == proof::COMMAND_PATH => return Self::Command,
            _ if simulation::is_ours(method.as_str(), path) => {
                let carries = path.starts_with("/agent/") && [Method::POST, Method::PUT].contains(method);
                return Self::Peer { large: carries };
            }
            _ => {}
        }
        let Some(rest) = path.strip_prefix("/CAPS/") else { return Self::Other };
        Self::under_caps(rest).unwrap_or(Self::NoCapability)
    }

    fn under_caps(rest: &str) -> Option<Self> {
        let (first, rest) = rest.split_once('/').unwrap_or((rest, ""));
        if first == "upload" {
            return Some(Self::Upload(id(rest.trim_end_matches('/'))?));
        }
        if let Some(secret) = first.strip_suffix("0000").and_then(id) {
            return rest.is_empty().then_some(Self::Seed(CapsSecret(secret)));
        }
        // Viewers append "/?..." to the URLs that they were given.
        let name = rest.strip_suffix('/').unwrap_or(rest);
        Some(Self::Capability(CapsSecret(id(first)?), Capability::by_name(name)?))
    }

    /// For the log.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Seed(_) => "SEED",
            Self::Capability(_, capability) => capability.name(),
            Self::Upload(_) => "UPLOAD",
            Self::NoCapability => "CAPS",
            Self::Health | Self::Metrics | Self::Sessions | Self::Transfers | Self::Command => "OPERATIONS",
            Self::Key | Self::Peer { .. } => "SIMULATION",
            Self::Other => "GRID",
        }
    }

    /// For metrics: one of few.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Health => "healthz",
            Self::Metrics => "metrics",
            Self::Sessions => "sessions",
            Self::Transfers => "transfers",
            Self::Key => "key",
            Self::Command => "command",
            Self::Peer { .. } => "simulation",
            Self::Seed(_) => "seed",
            Self::Upload(_) => "upload",
            Self::NoCapability => "unknown_capability",
            Self::Capability(_, capability) => capability.name(),
            Self::Other => "grid",
        }
    }

    pub(crate) fn is_poll(self) -> bool {
        matches!(self, Self::Capability(_, Capability::EventQueueGet) | Self::Transfers)
    }

    /// Whether bodies may hold what no log may: passwords, and the secrets by which somebody is taken for an agent.
    pub(crate) fn is_secret(self, path: &str) -> bool {
        match self {
            Self::Peer { large } => large,
            Self::Other => is_secret(path),
            _ => false,
        }
    }

    /// Whose budget its body takes from.
    pub(crate) fn pool(self) -> Pool {
        match self {
            Self::Seed(_) | Self::Capability(..) | Self::Upload(_) => Pool::Viewers,
            Self::Peer { .. } => Pool::Peers,
            _ => Pool::Others,
        }
    }

    /// Bytes of a body at most.
    pub(crate) fn limit(self) -> usize {
        match self {
            Self::Upload(_) => body::UPLOAD,
            Self::Peer { large: true } => body::PEER,
            _ => body::ORDINARY,
        }
    }
}

/// An id as capability URLs have it: 36 characters, and no other of the ways to write one.
fn id(text: &str) -> Option<Uuid> {
    (text.len() == 36).then(|| text.parse().ok())?
}

/// Answers what is not the grid's.
pub(crate) async fn answer(shared: &Shared, route: Route, request: Whole) -> Response<Body> {
    let for_operators = matches!(route, Route::Metrics | Route::Sessions | Route::Transfers);
    if for_operators && !ops::may_look(shared, &request).await {
        return reply::status(StatusCode::FORBIDDEN);
    }
    match route {
        Route::Health => ops::health(shared),
        Route::Command => ops::command(shared, &request).await,
        Route::Metrics => ops::metrics(shared).await,
        Route::Sessions => ops::sessions(shared).await,
        Route::Transfers => ops::transfers(shared, request.head.uri.query().unwrap_or_default()).await,
        Route::Key => service::key(shared),
        Route::Peer { .. } => service::answer(shared, request).await,
        Route::Seed(secret) if request.head.method == Method::POST => seed::answer(shared, secret, &request),
        Route::Upload(id) if request.head.method == Method::POST => {
            let Whole { body, share: _held, .. } = request;
            caps::upload::receive(shared, id, body).await
        }
        Route::Capability(secret, capability @ Capability::EventQueueGet)
            if request.head.method == Method::POST =>
        {
            if let Some(entry) = shared.directory.caps(secret) {
                caps::mailbox::sign_of_life(shared, entry, capability);
            }
            event_queue::answer(&shared.directory, secret, &request).await
        }
        Route::Capability(secret, capability) => match shared.directory.caps(secret) {
            Some(entry) => {
                caps::mailbox::sign_of_life(shared, entry, capability);
                let Whole { head, body, share: _held, .. } = request;
                let query = head.uri.query().unwrap_or_default();
                let asked =
                    Asked { shared, entry, method: &head.method, query, headers: &head.headers, body: &body };
                caps::answer(capability, asked).await
            }
            None => reply::status(StatusCode::NOT_FOUND),
        },
        Route::Seed(_) | Route::Upload(_) | Route::NoCapability | Route::Other => {
            reply::status(StatusCode::NOT_FOUND)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "a358dd6d-5d39-407e-a29a-7b8b59d76301";

    fn check(path: &str, expected: Route) {
        assert_eq!(Route::of(&Method::POST, &path.replace("SECRET", SECRET)), expected, "{path}");
    }

    #[test]
    fn paths() {
        let secret = CapsSecret(SECRET.parse().unwrap());
        let features = Route::Capability(secret, Capability::SimulatorFeatures);
        check("/CAPS/SECRET0000/", Route::Seed(secret));
        check("/CAPS/SECRET0000", Route::Seed(secret));
        check("/CAPS/SECRET/SimulatorFeatures", features);
        check("/CAPS/SECRET/SimulatorFeatures/", features);
        check("/CAPS/upload/SECRET", Route::Upload(secret.0));
        check("/healthz", Route::Health);
        check("/metrics", Route::Metrics);
        check("/sessions", Route::Sessions);
        check("/transfers", Route::Transfers);
        check("/sojourn/key", Route::Key);
        check("/sojourn/command", Route::Command);
        check("/agent/SECRET/", Route::Peer { large: true });
        check("/", Route::Other);
        check("/get_grid_info", Route::Other);
    }

    #[test]
    fn what_is_secret_is_known_by_its_path() {
        for (path, secret) in [
            ("/", true),
            ("/auth/plain", true),
            ("/agent/SECRET/", true),
            ("/region/SECRET/", false),
            ("/get_grid_info", false),
            ("/CAPS/SECRET/SimulatorFeatures", false),
        ] {
            assert_eq!(
                Route::of(&Method::POST, &path.replace("SECRET", SECRET)).is_secret(path),
                secret,
                "{path}"
            );
        }
    }

    #[test]
    fn near_misses_are_nothing() {
        for path in [
            "/CAPS/",
            "/CAPS/SECRET",
            "/CAPS/SECRET/",
            "/CAPS/SECRET/NoSuchCapability",
            "/CAPS/SECRET/SimulatorFeatures/more",
            "/CAPS/SECRET/simulatorfeatures",
            "/CAPS/SECRET0000/EventQueueGet",
            "/CAPS/SECRET000/",
            "/CAPS/upload/",
            "/CAPS/upload/1",
            "/CAPS/{SECRET}0000/",
            "/CAPS/urn:uuid:SECRET0000/",
        ] {
            check(path, Route::NoCapability);
        }
        check("/caps/SECRET0000/", Route::Other);
    }
}
