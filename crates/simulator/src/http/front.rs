//! The HTTP side of a simulator: a route answers what is the simulator's, the grid's router the rest.

use super::intake::{Intake, Kind, Whole, in_time};
use super::routes::{Route, Shared};
use super::server::Face;
use crate::peering::service;
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Method, Request, Response};
use hyper::body::Incoming;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tower::ServiceExt as _;

/// Beyond this time a request that is no poll is answered with 503. The grid's answers come sooner or not at all.
const PATIENCE: Duration = Duration::from_secs(60);

/// The HTTP side of a process.
pub(crate) struct Front {
    pub(crate) shared: Arc<Shared>,
    /// What the grid serves on the same port, and the answer to everything unknown.
    pub(crate) others: Router,
    pub(crate) intake: Intake,
}

impl Face for Front {
    fn intake(&self) -> &Intake {
        &self.intake
    }

    async fn answer(&self, request: Request<Incoming>, peer: SocketAddr) -> Response<Body> {
        let route = Route::of(request.method(), request.uri().path());
        let kind = Kind {
            name: route.name(),
            label: route.label(),
            poll: route.is_poll(),
            limit: route.limit(),
            pool: route.pool(),
            secret: route.is_secret(request.uri().path()),
        };
        self.intake.pass(request, peer, kind, async |whole| self.dispatch(route, whole).await).await
    }
}

impl Front {
    async fn dispatch(&self, route: Route, request: Whole) -> Response<Body> {
        let poll = route.is_poll();
        let answer = async {
            match route {
                // The root path is the login's as well.
                Route::Other if is_instant_message(&request) => service::answer(&self.shared, request).await,
                Route::Other => ask_router(&self.others, request).await,
                route => super::routes::answer(&self.shared, route, request).await,
            }
        };
        // The region ends a poll in its time.
        if poll { answer.await } else { in_time(PATIENCE, answer).await }
    }
}

fn is_instant_message(request: &Whole) -> bool {
    let Whole { head, body, .. } = request;
    head.method == Method::POST && head.uri.path() == "/" && simulation::is_instant_message(body)
}

/// Has a router answer.
pub(super) async fn ask_router(router: &Router, request: Whole) -> Response<Body> {
    let Whole { head, body, remote, share: _held } = request;
    let mut inner = Request::from_parts(head, Body::from(body));
    inner.extensions_mut().insert(ConnectInfo(remote));
    match router.clone().oneshot(inner).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}
