//! Answers.

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use llsd::Value;

/// What every client takes for LLSD.
const LLSD: HeaderValue = HeaderValue::from_static("application/llsd+xml");

/// A status and nothing else.
pub(crate) fn status(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// 200 and a value.
pub(crate) fn llsd(value: &Value) -> Response<Body> {
    llsd_text(llsd::xml::write(value))
}

/// 200 and a document that is LLSD already.
pub(crate) fn llsd_text(document: String) -> Response<Body> {
    typed(StatusCode::OK, LLSD, document)
}

/// A status and plain text.
pub(crate) fn text(status: StatusCode, text: impl Into<Body>) -> Response<Body> {
    typed(status, HeaderValue::from_static("text/plain; charset=utf-8"), text)
}

/// A body of some type.
pub(crate) fn typed(status: StatusCode, kind: HeaderValue, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}
