//! What viewers reach of the grid over HTTP: the login, and what the grid says about itself.

mod door;
mod grid_info;
mod map_tiles;
mod private;

#[cfg(test)]
mod tests;

pub use door::Door;
pub use grid_info::GridInfo;
pub use private::{PrivateConfig, private_router};

use crate::statistics::KeptStatistics;
use crate::{LoginFailure, LoginRequest, LoginResponse, LoginService, Statistics};
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use llsd::{Value, xmlrpc};
use services::MapTileService;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// Longest call. Real logins have 3 KB.
const CALL_BYTES: usize = 64 * 1024;

/// XML-RPC fault codes, as most implementations number them.
const PARSE_ERROR: i32 = -32700;
const UNKNOWN_METHOD: i32 = -32601;

const LLSD: &str = "application/llsd+xml";
const XML_RPC: &str = "text/xml";

/// What the public routes work on.
#[derive(Clone)]
pub struct PublicState {
    /// Logs people in.
    pub login: Arc<LoginService>,
    /// What the grid says about itself.
    pub info: Arc<GridInfo>,
    /// How large it is.
    pub statistics: Arc<dyn Statistics>,
    /// What the ground looks like.
    pub map_tiles: Arc<dyn MapTileService>,
}

/// The routes: `POST /` and `/login` (XML-RPC methods `login_to_simulator` and `get_grid_info`, LLSD login by content
/// type), `GET /get_grid_info`, `/json_grid_info`, `/get_grid_stats`, and tiles of the map. The client's address is
/// taken from an extension of the request, `ConnectInfo<SocketAddr>`, where there is one.
pub fn public_router(state: PublicState) -> Router {
    let counted = Arc::new(KeptStatistics::new(state.statistics.clone()));
    Router::new()
        .route("/", post(call))
        .route("/login", post(call))
        .route("/get_grid_info", get(get_grid_info))
        .route("/json_grid_info", get(json_grid_info))
        .route("/get_grid_stats", get(get_grid_stats).with_state(counted))
        .route("/{file}", get(map_tiles::get))
        .route("/map/{scope}/{file}", get(map_tiles::get_in_scope))
        .with_state(state)
}

async fn call(
    State(state): State<PublicState>,
    client: Option<Extension<ConnectInfo<SocketAddr>>>,
    request: Request,
) -> Response {
    let client_ip = client.map(|Extension(ConnectInfo(address))| address.ip());
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, CALL_BYTES).await else {
        return (StatusCode::PAYLOAD_TOO_LARGE, "that is too much for a call").into_response();
    };
    if is_llsd(&parts.headers, &body) {
        let answer = match llsd::parse_any(content_type(&parts.headers), &body) {
            Ok(value) => log_in(&state, &value, client_ip).await,
            Err(_) => LoginResponse::Failure(LoginFailure::unreadable()).to_value(),
        };
        return with_type(LLSD, llsd::xml::write(&answer));
    }
    let answer = match xmlrpc::parse_call(&body) {
        Ok(call) => match call.method.as_str() {
            "login_to_simulator" => {
                let params = call.params.first().unwrap_or(&Value::Undefined);
                xmlrpc::write_response(&log_in(&state, params, client_ip).await)
            }
            "get_grid_info" => xmlrpc::write_response(&state.info.to_value()),
            _ => xmlrpc::write_fault(UNKNOWN_METHOD, "there is no such method here"),
        },
        Err(error) => xmlrpc::write_fault(PARSE_ERROR, &format!("not an XML-RPC call: {error}")),
    };
    with_type(XML_RPC, answer)
}

async fn log_in(state: &PublicState, request: &Value, client_ip: Option<IpAddr>) -> Value {
    let response = match LoginRequest::read(request) {
        Ok(request) => state.login.login(request, client_ip).await,
        Err(failure) => LoginResponse::Failure(failure),
    };
    response.to_value()
}

async fn get_grid_info(State(state): State<PublicState>) -> Response {
    with_type("application/xml", state.info.to_xml())
}

async fn json_grid_info(State(state): State<PublicState>) -> Response {
    with_type("application/json", state.info.to_json())
}

async fn get_grid_stats(State(counted): State<Arc<KeptStatistics>>) -> Response {
    match counted.get().await {
        Ok(counted) => with_type("application/xml", grid_info::statistics_xml(&counted)),
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

fn content_type(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok())
}

/// By content type; some clients send LLSD as `text/xml` or `application/xml`, so by what it begins with as well.
fn is_llsd(headers: &HeaderMap, body: &[u8]) -> bool {
    let says_so = content_type(headers).is_some_and(|kind| kind.to_ascii_lowercase().contains("llsd"));
    let start = body.trim_ascii_start();
    says_so || start.starts_with(b"<llsd") || start.starts_with(b"<?llsd")
}

fn with_type(content_type: &'static str, body: String) -> Response {
    ([(header::CONTENT_TYPE, content_type)], Body::from(body)).into_response()
}
