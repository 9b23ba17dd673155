//! What happens to every request, whoever answers it: its body is taken in, and it is traced and counted.

use super::body::{self, Budgets, Pool};
use super::budget::Share;
use super::proxies::Proxies;
use super::reply;
use super::trace::{HttpTrace, RequestLine};
use crate::metrics::{Metrics, RequestLabels};
use axum::body::{Body, Bytes};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// One port's.
pub(crate) struct Intake {
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) trace: Arc<HttpTrace>,
    pub(crate) port: u16,
    pub(crate) budgets: Budgets,
    pub(crate) proxies: Proxies,
}

/// A request whose body is there.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) head: Parts,
    pub(crate) body: Bytes,
    /// Whoever asks, if need be by way of proxies.
    pub(crate) remote: SocketAddr,
    /// What the body holds of its budget, until whoever needs it no longer drops it.
    pub(crate) share: Option<Share>,
}

/// What is known of a request by its head.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    /// For the log.
    pub(crate) name: &'static str,
    /// For metrics: one of few.
    pub(crate) label: &'static str,
    /// Its answer may be long in coming, by design.
    pub(crate) poll: bool,
    /// Bytes of its body at most.
    pub(crate) limit: usize,
    /// Whose budget it takes from.
    pub(crate) pool: Pool,
    /// It, or its answer, may hold what no log may.
    pub(crate) secret: bool,
}

impl Intake {
    /// Takes a request in and has it answered.
    pub(crate) async fn pass(
        &self,
        request: Request<Incoming>,
        peer: SocketAddr,
        kind: Kind,
        answer: impl AsyncFnOnce(Whole) -> Response<Body>,
    ) -> Response<Body> {
        let (mut head, body) = request.into_parts();
        let remote = self.proxies.client(&mut head.headers, peer, &self.metrics);
        let path = head.uri.path_and_query().map_or_else(String::new, ToString::to_string);
        let method = head.method.clone();
        let line = RequestLine {
            number: self.trace.next_inbound(),
            port: self.port,
            handler: kind.name,
            method: method.as_str(),
            path: &path,
            remote,
            poll: kind.poll,
            secret: kind.secret,
        };
        // If the client goes, this future is dropped, and this says so.
        let mut watch =
            Watch { intake: self, line, label: kind.label, begun: Instant::now(), answered: false };
        let share = self.budgets.share(kind.pool, remote.ip());
        let response = match body::take(share, &head.headers, body, kind.limit).await {
            Ok((body, share)) => {
                self.trace.request(&watch.line, &body);
                answer(Whole { head, body, remote, share: Some(share) }).await
            }
            Err(status) => {
                if status == StatusCode::PAYLOAD_TOO_LARGE {
                    self.metrics.bodies_refused.inc();
                }
                self.trace.request(&watch.line, &[]);
                let mut response = reply::status(status);
                // The rest of the body is not read, so nothing can follow it.
                response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
                response
            }
        };
        let response = self.show_body(&watch.line, response).await;
        watch.answered(&response);
        response
    }

    /// At the levels that show bodies, the answer's is read before it is sent.
    async fn show_body(&self, line: &RequestLine<'_>, response: Response<Body>) -> Response<Body> {
        // A stream of events has no end to wait for.
        let kind = response.headers().get(header::CONTENT_TYPE);
        let streams = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
        if streams || line.secret || !self.trace.wants_bodies() {
            return response;
        }
        let (head, body) = response.into_parts();
        let Ok(collected) = body.collect().await else {
            return reply::status(StatusCode::INTERNAL_SERVER_ERROR);
        };
        let bytes = collected.to_bytes();
        self.trace.answer_body(line, &bytes);
        Response::from_parts(head, Body::from(bytes))
    }
}

/// An answer, or 503 once it has taken too long.
pub(crate) async fn in_time(
    patience: Duration,
    answer: impl Future<Output = Response<Body>>,
) -> Response<Body> {
    let late = |_| reply::status(StatusCode::SERVICE_UNAVAILABLE);
    tokio::time::timeout(patience, answer).await.unwrap_or_else(late)
}

/// Counts and traces the end of a request, whichever end it takes.
struct Watch<'a> {
    intake: &'a Intake,
    line: RequestLine<'a>,
    label: &'static str,
    begun: Instant,
    answered: bool,
}

impl Watch<'_> {
    fn answered(&mut self, response: &Response<Body>) {
        self.answered = true;
        self.end(response.status().as_u16(), response.body().size_hint().exact());
    }

    fn end(&self, status: u16, bytes: Option<u64>) {
        let took = self.begun.elapsed();
        self.intake.trace.answered(&self.line, status, took, bytes);
        let metrics = &self.intake.metrics;
        let labels = RequestLabels { route: self.label, status };
        metrics.requests.get_or_create(&labels).inc();
        if !self.line.poll {
            metrics.request_seconds.observe(took.as_secs_f64());
        }
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if !self.answered {
            // Nginx's number for a client that closed the connection before the answer.
            self.end(499, None);
        }
    }
}
