//! ViewerAsset, GetTexture, GetMesh, GetMesh2: assets by id, whole or in part.

use super::range::{self, Wanted};
use super::{Answer, Asked, Fault, query};
use crate::directory::Request;
use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Method, Response, StatusCode, header};
use model::AssetId;
use services::asset_type;
use std::sync::Arc;

/// Assets never change under their id.
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// Answers `?<kind>_id=<id>`, whatever the kind: ids are unique across kinds.
pub(super) async fn get(asked: &Asked<'_>) -> Answer {
    if *asked.method != Method::GET && *asked.method != Method::HEAD {
        return Err(Fault::NotFound);
    }
    let id = query::pairs(asked.query, 8)
        .find_map(|(name, id)| name.ends_with("_id").then(|| id.parse().ok().map(AssetId)))
        .flatten()
        .ok_or(Fault::NotFound)?;
    let (kind, data) = match asked.shared.memory.temporary.get(id).await {
        Some(baked) => (asset_type::TEXTURE, baked),
        None => {
            let Some(asset) = asked.shared.grid.services.assets.get(id).await? else {
                // A region that is overloaded hears of it when it is asked for again.
                let _ = asked.shared.directory.send(asked.entry.region, Request::TextureMissing(id));
                return Err(Fault::NotFound);
            };
            (asset.metadata.kind, Bytes::from_owner(Shared(asset.data)))
        }
    };
    // An empty 200 confuses viewers.
    if data.is_empty() {
        return Err(Fault::NotFound);
    }
    let header = asked.headers.get(header::RANGE).and_then(|range| range.to_str().ok());
    Ok(part(range::wanted(header, data.len()), kind, data))
}

fn part(wanted: Wanted, kind: i32, data: Bytes) -> Response<Body> {
    let length = data.len();
    let (status, range, body) = match wanted {
        Wanted::Whole => (StatusCode::OK, None, data),
        Wanted::Part(part) => {
            let range = format!("bytes {}-{}/{length}", part.start, part.end - 1);
            (StatusCode::PARTIAL_CONTENT, Some(range), data.slice(part))
        }
        Wanted::Beyond => {
            (StatusCode::RANGE_NOT_SATISFIABLE, Some(format!("bytes */{length}")), Bytes::new())
        }
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type(kind)));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CACHE_CONTROL, FOR_EVER);
    if let Some(range) = range.and_then(|range| HeaderValue::try_from(range).ok()) {
        headers.insert(header::CONTENT_RANGE, range);
    }
    response
}

fn content_type(kind: i32) -> &'static str {
    match kind {
        asset_type::TEXTURE => "image/x-j2c",
        asset_type::SOUND => "audio/ogg",
        asset_type::MESH => "application/vnd.ll.mesh",
        asset_type::CLOTHING => "application/vnd.ll.clothing",
        asset_type::BODY_PART => "application/vnd.ll.bodypart",
        asset_type::LANDMARK => "application/vnd.ll.landmark",
        asset_type::NOTECARD => "application/vnd.ll.notecard",
        asset_type::ANIMATION => "application/vnd.ll.animation",
        asset_type::GESTURE => "application/vnd.ll.gesture",
        _ => "application/octet-stream",
    }
}

/// Content that others hold as well.
struct Shared(Arc<[u8]>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}
