//! What the ground looks like, for viewers' maps: `GET /map-<zoom>-<x>-<y>-objects.jpg`. Only of single cells (zoom
//! level 1); viewers show nothing where farther views would be.

use super::PublicState;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use robust::map_tiles::read_file_name;

pub(super) async fn get(State(state): State<PublicState>, Path(file): Path<String>) -> Response {
    let Some((1, cell)) = read_file_name(&file) else { return StatusCode::NOT_FOUND.into_response() };
    match state.map_tiles.get(cell).await {
        Ok(Some(jpeg)) => {
            ([(header::CONTENT_TYPE, "image/jpeg")], Body::from(Bytes::from_owner(jpeg))).into_response()
        }
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(error) => {
            tracing::error!(%error, "a map tile could not be read");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}

/// The same with a scope before the name; grids have one scope.
pub(super) async fn get_in_scope(
    state: State<PublicState>,
    Path((_scope, file)): Path<(String, String)>,
) -> Response {
    get(state, Path(file)).await
}
