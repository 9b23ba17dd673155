//! What happens to every request: its body is taken in, it is traced and counted, and a route answers it.

use super::body::{self, Budget};
use super::reply;
use super::routes::{Route, Shared};
use super::trace::RequestLine;
use crate::metrics::{Metrics, RequestLabels};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ConnectInfo;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tower::ServiceExt as _;

/// Beyond this time a request that is no poll is answered with 503. The grid's answers come sooner or not at all.
const PATIENCE: Duration = Duration::from_secs(60);

/// The HTTP side of a process.
pub(crate) struct Front {
    pub(crate) shared: Arc<Shared>,
    /// What the grid serves on the same port, and the answer to everything unknown.
    pub(crate) others: Router,
    pub(crate) port: u16,
    pub(crate) budget: Budget,
}

/// A request whose body is there.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) head: Parts,
    pub(crate) body: Bytes,
    pub(crate) remote: SocketAddr,
}

impl Front {
    pub(crate) fn metrics(&self) -> &Metrics {
        &self.shared.metrics
    }

    /// Answers one request.
    pub(crate) async fn answer(&self, request: Request<Incoming>, remote: SocketAddr) -> Response<Body> {
        let (head, body) = request.into_parts();
        let route = Route::of(head.uri.path());
        let path = head.uri.path_and_query().map_or_else(String::new, ToString::to_string);
        let method = head.method.clone();
        let line = RequestLine {
            number: self.shared.trace.next_inbound(),
            port: self.port,
            handler: route.name(),
            method: method.as_str(),
            path: &path,
            remote,
            poll: route.is_poll(),
        };
        // If the client goes, this future is dropped, and this says so.
        let mut watch =
            Watch { front: self, line, label: route.label(), begun: Instant::now(), answered: false };
        let limit = if route.is_upload() { body::UPLOAD } else { body::ORDINARY };
        let response = match body::take(&self.budget, &head.headers, body, limit).await {
            Ok(taken) => {
                self.shared.trace.request(&watch.line, &taken.bytes);
                let whole = Whole { head, body: taken.bytes.clone(), remote };
                self.dispatch(route, whole).await
            }
            Err(status) => {
                if status == StatusCode::PAYLOAD_TOO_LARGE {
                    self.metrics().bodies_refused.inc();
                }
                self.shared.trace.request(&watch.line, &[]);
                let mut response = reply::status(status);
                // The rest of the body is not read, so nothing can follow it.
                response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
                response
            }
        };
        let response = self.show_body(watch.line.number, response).await;
        watch.answered(&response);
        response
    }

    async fn dispatch(&self, route: Route, request: Whole) -> Response<Body> {
        let poll = route.is_poll();
        let answer = async {
            match route {
                Route::Other => self.ask_others(request).await,
                route => super::routes::answer(&self.shared, route, request).await,
            }
        };
        if poll {
            // The region ends a poll in its time.
            return answer.await;
        }
        let late = |_| reply::status(StatusCode::SERVICE_UNAVAILABLE);
        tokio::time::timeout(PATIENCE, answer).await.unwrap_or_else(late)
    }

    async fn ask_others(&self, request: Whole) -> Response<Body> {
        let mut inner = Request::from_parts(request.head, Body::from(request.body));
        inner.extensions_mut().insert(ConnectInfo(request.remote));
        match self.others.clone().oneshot(inner).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }

    /// At the levels that show bodies, the answer's is read before it is sent.
    async fn show_body(&self, number: u64, response: Response<Body>) -> Response<Body> {
        if !self.shared.trace.wants_bodies() {
            return response;
        }
        let (head, body) = response.into_parts();
        let Ok(collected) = body.collect().await else {
            return reply::status(StatusCode::INTERNAL_SERVER_ERROR);
        };
        let bytes = collected.to_bytes();
        self.shared.trace.answer_body(number, &bytes);
        Response::from_parts(head, Body::from(bytes))
    }
}

/// Counts and traces the end of a request, whichever end it takes.
struct Watch<'a> {
    front: &'a Front,
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
        self.front.shared.trace.answered(&self.line, status, took, bytes);
        let metrics = self.front.metrics();
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
