//! The seed capability: names in, URLs of those we have out.

use super::intake::Whole;
use super::routes::Shared;
use super::{body, reply};
use crate::caps::Capability;
use crate::directory::Request;
use axum::body::Body;
use axum::http::{Response, StatusCode};
use llsd::{Map, Value};
use model::CapsSecret;

/// Answers a POST to a seed. Every reply is complete: viewers ask again and add up. Names that we lack are left
/// out; an empty string would be taken for a URL.
pub(crate) fn answer(shared: &Shared, secret: CapsSecret, request: &Whole) -> Response<Body> {
    let Some(entry) = shared.directory.caps(secret) else { return reply::status(StatusCode::NOT_FOUND) };
    let Some(Value::Array(names)) = body::llsd(&request.head.headers, &request.body) else {
        return reply::status(StatusCode::BAD_REQUEST);
    };
    let granted = names.iter().filter_map(|name| Capability::by_name(&name.as_str())).map(|capability| {
        (capability.name().to_owned(), Value::String(url(&shared.http_base, secret, capability)))
    });
    let granted = Value::Map(granted.collect::<Map>());
    // The region notes that the viewer has its capabilities; if it is too busy to hear it, nothing breaks.
    let _ =
        shared.directory.send(entry.region, Request::SeedFetched { caps: secret, from: request.remote.ip() });
    reply::llsd(&granted)
}

/// The absolute URL of a capability.
pub(crate) fn url(http_base: &str, secret: CapsSecret, capability: Capability) -> String {
    format!("{http_base}CAPS/{secret}/{}", capability.name())
}

/// The absolute URL of a seed, as logins and regions tell it.
pub(crate) fn seed_url(http_base: &str, secret: CapsSecret) -> String {
    format!("{http_base}CAPS/{secret}0000/")
}
