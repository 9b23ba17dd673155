//! For operators: health, metrics, and the history of transfers.

use super::intake::Whole;
use super::reply;
use super::routes::Shared;
use crate::control::{self, Outcome};
use crate::metrics::Sample;
use crate::peering::gate::Knock;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use std::net::IpAddr;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How long regions may take to say how they stand.
const PATIENCE: Duration = Duration::from_secs(1);

/// 200 once logins are enabled, 503 before and again on the way down.
pub(crate) fn health(shared: &Shared) -> Response<Body> {
    match shared.ready.load(Ordering::Acquire) {
        true => reply::text(StatusCode::OK, "ok\n"),
        false => reply::text(StatusCode::SERVICE_UNAVAILABLE, "not ready\n"),
    }
}

/// Whether whoever asks may know: an operator, or the grid, which asks in an operator's name.
pub(crate) async fn may_look(shared: &Shared, request: &Whole) -> bool {
    let Whole { head, body, remote, .. } = request;
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let (method, headers, caller) = (head.method.as_str(), &head.headers, remote.ip());
    let knock = Knock { method, path, headers, body, caller };
    is_operator(&shared.operators, headers, caller) || shared.gate.is_of_grid(&knock).await
}

/// Does what the grid wishes in an operator's name: nobody else may say so here, however near they are, since a browser
/// on the operator's machine would be as near.
pub(crate) async fn command(shared: &Shared, request: &Whole) -> Response<Body> {
    let Whole { head, body, remote, .. } = request;
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let (method, headers, caller) = (head.method.as_str(), &head.headers, remote.ip());
    let knock = Knock { method, path, headers, body, caller };
    if head.method != Method::POST || !shared.gate.is_of_grid(&knock).await {
        return reply::status(StatusCode::FORBIDDEN);
    }
    let Ok(command) = serde_json::from_slice(body) else { return reply::status(StatusCode::BAD_REQUEST) };
    let outcome = Outcome::of(control::obey(command, &shared.levers()).await);
    match serde_json::to_string(&outcome) {
        Ok(text) => reply::typed(StatusCode::OK, HeaderValue::from_static("application/json"), text),
        Err(_) => reply::status(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

/// Everything that is counted.
pub(crate) async fn metrics(shared: &Shared) -> Response<Body> {
    let stats = shared.directory.stats(PATIENCE).await;
    let samples = stats.into_iter().map(|(info, stats)| Sample {
        name: info.name.clone(),
        counters: shared.counters.get(&info.id).cloned().unwrap_or_default(),
        waiting: shared.directory.waiting(info.id),
        stats,
    });
    print_metrics(shared.metrics.encode(samples.collect(), shared.directory.caps_open()))
}

/// Metrics in the form that scrapers ask for.
pub(crate) fn print_metrics(text: Result<String, std::fmt::Error>) -> Response<Body> {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    match text {
        Ok(text) => reply::typed(StatusCode::OK, HeaderValue::from_static(kind), text),
        Err(_) => reply::status(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

/// Who is here, and who was.
pub(crate) async fn sessions(shared: &Shared) -> Response<Body> {
    let here = shared.directory.sessions_in(PATIENCE).await;
    let agents: Vec<_> = here.iter().flat_map(|(_, views)| views.iter().map(|view| view.agent)).collect();
    // Since when they are on the grid, the grid knows, if it answers.
    let users = shared.grid.services.grid_users.get_many(&agents);
    let users = tokio::time::timeout(PATIENCE, users).await.ok().and_then(Result::ok).unwrap_or_default();
    let logins = users.iter().map(|user| (user.agent, user.login)).collect();
    match shared.sessions.view(&here, &logins) {
        Ok(text) => reply::typed(StatusCode::OK, HeaderValue::from_static("application/json"), text),
        Err(_) => reply::status(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

/// The history of transfers; with `after=N` what was noted after that, as soon as there is something.
pub(crate) async fn transfers(shared: &Shared, query: &str) -> Response<Body> {
    let after = query.split('&').find_map(|part| part.strip_prefix("after="));
    let after = match after.map(str::parse).transpose() {
        Ok(after) => after,
        Err(_) => return reply::status(StatusCode::BAD_REQUEST),
    };
    if let Some(after) = after {
        shared.transfers.after(after).await;
    }
    match shared.transfers.view(after) {
        Ok(text) => reply::typed(StatusCode::OK, HeaderValue::from_static("application/json"), text),
        Err(_) => reply::status(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

/// Whether a request comes from an operator: from this machine or a listed address, and not by way of a proxy, whose
/// address says nothing.
pub fn is_operator(operators: &[IpAddr], headers: &HeaderMap, from: IpAddr) -> bool {
    let from = from.to_canonical();
    let direct =
        ["forwarded", "x-forwarded-for", "x-real-ip"].iter().all(|name| !headers.contains_key(*name));
    direct && (from.is_loopback() || operators.iter().any(|operator| operator.to_canonical() == from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_are_here_or_listed() {
        let operators = ["192.0.2.7".parse().unwrap()];
        for (from, proxied, operator) in [
            ("127.0.0.1", false, true),
            ("::1", false, true),
            ("::ffff:127.0.0.1", false, true),
            ("192.0.2.7", false, true),
            ("::ffff:192.0.2.7", false, true),
            ("192.0.2.8", false, false),
            ("127.0.0.1", true, false),
            ("192.0.2.7", true, false),
        ] {
            let mut headers = HeaderMap::new();
            if proxied {
                headers.insert("x-forwarded-for", HeaderValue::from_static("203.0.113.1"));
            }
            assert_eq!(
                is_operator(&operators, &headers, from.parse().unwrap()),
                operator,
                "{from} {proxied}"
            );
        }
    }
}
