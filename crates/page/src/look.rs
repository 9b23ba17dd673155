//! Style sheet, script and icon, and the headers of every answer.

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use axum::middleware::map_response;
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use sha2::{Digest as _, Sha256};
use std::sync::LazyLock;

/// What a page may load and do: nothing but what is served here, and nothing inline.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
     form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// Headers of every page.
const HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// A file that pages load.
struct File {
    /// With a part of its hash: another content has another name.
    name: String,
    kind: &'static str,
    text: &'static str,
}

impl File {
    fn new(stem: &str, ending: &str, kind: &'static str, text: &'static str) -> Self {
        let hash = Sha256::digest(text);
        let hash = services::hex(&hash[..6]);
        Self { name: format!("{stem}-{hash}.{ending}"), kind, text }
    }
}

static FILES: LazyLock<[File; 3]> = LazyLock::new(|| {
    [
        File::new("page", "css", "text/css; charset=utf-8", include_str!("../look/page.css")),
        File::new("page", "js", "text/javascript; charset=utf-8", include_str!("../look/page.js")),
        File::new("icon", "svg", "image/svg+xml", include_str!("../look/icon.svg")),
    ]
});

/// Where a page finds its files.
#[derive(Clone, Debug)]
pub(crate) struct Look {
    pub(crate) css: String,
    pub(crate) js: String,
    pub(crate) icon: String,
    pub(crate) grid_name: String,
}

impl Look {
    /// Of pages below this path, which has no slash at its end.
    pub(crate) fn below(base: &str, grid_name: &str) -> Self {
        let [css, js, icon] = std::array::from_fn(|file| format!("{base}/look/{}", FILES[file].name));
        Self { css, js, icon, grid_name: grid_name.to_owned() }
    }
}

/// The files, below this path.
pub(crate) fn router(base: &str) -> Router {
    Router::new().route(&format!("{base}/look/{{file}}"), get(file))
}

async fn file(Path(name): Path<String>) -> Response<Body> {
    match FILES.iter().find(|file| file.name == name) {
        Some(file) => {
            let headers = [
                (header::CONTENT_TYPE, file.kind),
                (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
            ];
            (headers, file.text).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Has every answer of a router carry the headers. What does not say how long it may be kept may not be kept.
pub(crate) fn guarded(router: Router) -> Router {
    router.layer(map_response(async |mut response: Response<Body>| {
        let headers = response.headers_mut();
        for (name, value) in HEADERS {
            headers.insert(name, HeaderValue::from_static(value));
        }
        headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        response
    }))
}

/// A template as an answer.
pub(crate) fn page(status: StatusCode, template: &impl askama::Template) -> Response<Body> {
    match template.render() {
        Ok(text) => (status, Html(text)).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be made");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
