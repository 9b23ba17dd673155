//! For operators: health and metrics.

use super::reply;
use super::routes::Shared;
use crate::metrics::Sample;
use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode};
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

/// Everything that is counted.
pub(crate) async fn metrics(shared: &Shared) -> Response<Body> {
    let stats = shared.directory.stats(PATIENCE).await;
    let samples = stats.into_iter().map(|(info, stats)| Sample {
        name: info.name.clone(),
        counters: shared.counters.get(&info.id).cloned().unwrap_or_default(),
        stats,
    });
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    match shared.metrics.encode(samples.collect(), shared.directory.caps_open()) {
        Ok(text) => reply::typed(StatusCode::OK, HeaderValue::from_static(kind), text),
        Err(_) => reply::status(StatusCode::INTERNAL_SERVER_ERROR),
    }
}
