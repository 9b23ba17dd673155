//! What simulators ask of the grid: its services as ROBUST serves them on its private port, so that simulators of others
//! can be joined to this grid, and ours by the same words (grid services fact sheet).
//!
//! A service is a function from a form to an answer. What the service refuses is an answer like any other (status 200 and
//! words); 503 says that the grid itself is broken, and only then is it worth another try. The port is meant for
//! simulators that the grid's operator trusts, and for nobody else: the protocol itself asks nobody who they are, so a
//! [`Door`](super::Door) stands before it.

mod accounts;
mod agent_prefs;
mod assets;
mod auth;
mod avatar;
mod friends;
mod grid;
mod grid_user;
mod inventory;
mod map_tiles;
mod mute_list;
mod offline_messages;
mod presence;

#[cfg(test)]
mod tests;

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, post};
use robust::{Form, Malformed, Tree, Wording};
use services::{ServiceError, Services};

/// Longest form. The longest that simulators send are lists of ids.
const FORM_BYTES: usize = 1 << 20;

/// Marks of requests that scripts made, on behalf of whoever wrote them, and of those that pages had a browser make: one on
/// this machine, where the port may be open, or in the simulators' network.
const SCRIPTED: [&str; 3] = ["x-secondlife-shard", "origin", "sec-fetch-site"];

/// What simulators may do beyond running regions. By default nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PrivateConfig {
    /// Change accounts.
    pub allow_set_account: bool,
    /// Change passwords.
    pub allow_set_password: bool,
}

/// What the routes work on.
#[derive(Clone)]
struct PrivateState {
    services: Services,
    config: PrivateConfig,
}

/// The routes for simulators.
pub fn private_router(services: Services, config: PrivateConfig) -> Router {
    Router::new()
        .route("/grid", service(robust::grid::WORDING, grid::answer))
        .route("/presence", service(robust::presence::WORDING, presence::answer))
        .route(robust::lease::PATH, service(robust::lease::WORDING, presence::renew))
        .route("/griduser", service(robust::grid_user::WORDING, grid_user::answer))
        .route("/friends", service(robust::friends::WORDING, friends::answer))
        .route("/accounts", service(robust::accounts::WORDING, accounts::answer))
        .route("/auth/plain", service(robust::auth::WORDING, auth::answer))
        .route("/avatar", service(robust::avatar::WORDING, avatar::answer))
        .route("/xinventory", service(robust::inventory::WORDING, inventory::answer))
        .route("/agentprefs", service(robust::agent_prefs::WORDING, agent_prefs::answer))
        .route("/mutelist", service(robust::mute_list::WORDING, mute_list::answer))
        .route(
            robust::offline_messages::PATH,
            service(robust::offline_messages::WORDING, offline_messages::answer),
        )
        .route("/map", service(robust::map_tiles::WORDING, map_tiles::answer_put))
        .route("/removemap", service(robust::map_tiles::WORDING, map_tiles::answer_remove))
        .merge(assets::router(services.assets.clone()))
        .layer(middleware::from_fn(refuse_scripts))
        .with_state(PrivateState { services, config })
}

/// Why there is no answer.
enum Fault {
    Malformed(Malformed),
    Service(ServiceError),
}

impl From<Malformed> for Fault {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

impl From<ServiceError> for Fault {
    fn from(error: ServiceError) -> Self {
        Self::Service(error)
    }
}

type Answer = Result<Tree, Fault>;

fn refused(why: &str) -> Answer {
    Err(Fault::Service(ServiceError::Refused(why.to_owned())))
}

/// A service whose calls are forms, and which says in these words that it failed.
fn service<F, A>(wording: Wording, answer: F) -> MethodRouter<PrivateState>
where
    F: Fn(PrivateState, Form) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Answer> + Send,
{
    post(async move |State(state): State<PrivateState>, request: Request| {
        let body = match arrived(request, FORM_BYTES).await {
            Ok(body) => body,
            Err(status) => return status.into_response(),
        };
        let answer = match Form::parse(&body) {
            Ok(form) => answer(state, form).await,
            Err(malformed) => Err(malformed.into()),
        };
        respond(wording, answer)
    })
}

/// The whole body. How long it may take to arrive, and how many may at once, is up to whoever serves these routes.
async fn arrived(request: Request, bytes_max: usize) -> Result<Bytes, StatusCode> {
    to_bytes(request.into_body(), bytes_max).await.map_err(|_| StatusCode::PAYLOAD_TOO_LARGE)
}

fn respond(wording: Wording, answer: Answer) -> Response {
    let (status, tree) = match answer {
        Ok(tree) => (StatusCode::OK, tree),
        Err(Fault::Malformed(malformed)) => {
            tracing::debug!(%malformed, "a simulator's call was not understood");
            (StatusCode::OK, wording.failure_because(&malformed.to_string()))
        }
        Err(Fault::Service(ServiceError::Unavailable(why))) => {
            tracing::error!(why, "a simulator's call failed");
            (StatusCode::SERVICE_UNAVAILABLE, wording.failure())
        }
        Err(Fault::Service(ServiceError::Refused(why) | ServiceError::Invalid(why))) => {
            tracing::debug!(why, "a simulator's call was refused");
            (StatusCode::OK, wording.failure_because(&why))
        }
    };
    (status, [(header::CONTENT_TYPE, "application/xml")], tree.write()).into_response()
}

/// Scripts and pages run in the simulators' network, and could ask for anything here.
async fn refuse_scripts(request: Request, next: Next) -> Response {
    if SCRIPTED.iter().any(|name| request.headers().contains_key(*name)) {
        return StatusCode::FORBIDDEN.into_response();
    }
    next.run(request).await
}
