//! `/assets` and `/get_assets_exist`.

use super::{PrivateState, arrived};
use crate::blobs::apart;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use model::{AssetId, Uuid};
use robust::Malformed;
use robust::assets as wire;
use services::{Asset, AssetFlags, AssetService, ServiceError};
use std::sync::Arc;

/// Longest list of ids, bytes.
const IDS_BYTES: usize = 1 << 20;

const XML: &str = "application/xml";
const ASSET_XML: &str = "text/xml";
const BYTES: &str = "application/octet-stream";

#[derive(Clone)]
struct Assets {
    service: Arc<dyn AssetService>,
}

/// The routes.
pub(super) fn router(service: Arc<dyn AssetService>) -> Router<PrivateState> {
    Router::new()
        .route("/assets", post(store))
        .route("/assets/", post(store))
        .route("/assets/{id}", get(whole).post(update).delete(delete))
        .route("/assets/{id}/data", get(data))
        .route("/assets/{id}/metadata", get(metadata))
        .route("/assets/{id}/{part}", get(async || StatusCode::BAD_REQUEST))
        .route("/get_assets_exist", post(exist))
        .with_state(Assets { service })
}

type Answer = Result<Response, Fault>;

/// Why there is no answer: the status says it, the words are for whoever wrote the caller.
struct Fault(StatusCode, String);

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        (self.0, self.1).into_response()
    }
}

impl From<StatusCode> for Fault {
    fn from(status: StatusCode) -> Self {
        Self(status, String::new())
    }
}

impl From<Malformed> for Fault {
    fn from(malformed: Malformed) -> Self {
        Self(StatusCode::BAD_REQUEST, malformed.to_string())
    }
}

impl From<ServiceError> for Fault {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::Unavailable(_) => {
                tracing::error!(%error, "an asset call failed");
                StatusCode::SERVICE_UNAVAILABLE.into()
            }
            ServiceError::Refused(why) => Self(StatusCode::FORBIDDEN, why),
            ServiceError::Invalid(why) => Self(StatusCode::BAD_REQUEST, why),
        }
    }
}

async fn whole(State(assets): State<Assets>, Path(id): Path<String>) -> Answer {
    let asset = assets.service.get(read_id(&id)?).await?.ok_or(StatusCode::NOT_FOUND)?;
    let document = apart(asset.data.len(), move || wire::write_asset(&asset)).await?;
    Ok(with_type(ASSET_XML, document))
}

async fn data(State(assets): State<Assets>, Path(id): Path<String>) -> Answer {
    let data = assets.service.data(read_id(&id)?).await?.ok_or(StatusCode::NOT_FOUND)?;
    Ok(with_type(BYTES, Bytes::from_owner(data)))
}

async fn metadata(State(assets): State<Assets>, Path(id): Path<String>) -> Answer {
    let metadata = assets.service.metadata(read_id(&id)?).await?.ok_or(StatusCode::NOT_FOUND)?;
    Ok(with_type(wire::content_type(metadata.kind), wire::write_metadata(&metadata)))
}

async fn store(State(assets): State<Assets>, request: Request) -> Answer {
    let asset = taken_in(request).await?;
    let id = assets.service.store(&asset).await?;
    Ok(with_type(XML, wire::write_string(&id.to_string())))
}

async fn update(State(assets): State<Assets>, Path(id): Path<String>, request: Request) -> Answer {
    let id = read_id(&id)?;
    let asset = taken_in(request).await?;
    let done = assets.service.update(id, asset.data).await?;
    Ok(with_type(XML, wire::write_boolean(done)))
}

/// Only tiles of the map: they are replaced, and nobody else shows them. Who may take other things from everybody, no
/// simulator says.
async fn delete(State(assets): State<Assets>, Path(id): Path<String>) -> Answer {
    let id = read_id(&id)?;
    let metadata = assets.service.metadata(id).await?;
    let may_go = metadata.is_some_and(|metadata| metadata.flags.contains(AssetFlags::MAPTILE));
    let done = may_go && assets.service.delete(id).await?;
    Ok(with_type(XML, wire::write_boolean(done)))
}

async fn exist(State(assets): State<Assets>, request: Request) -> Answer {
    let body = arrived(request, IDS_BYTES).await?;
    let ids = wire::read_ids(&body)?;
    let exist = assets.service.exists(&ids).await?;
    Ok(with_type(XML, wire::write_booleans(&exist)))
}

async fn taken_in(request: Request) -> Result<Asset, Fault> {
    let body = arrived(request, wire::BYTES_MAX).await?;
    Ok(apart(body.len(), move || wire::read_asset(&body)).await??)
}

fn read_id(text: &str) -> Result<AssetId, Fault> {
    Uuid::try_parse(text).map(AssetId).map_err(|_| StatusCode::NOT_FOUND.into())
}

fn with_type(content_type: &'static str, body: impl Into<Body>) -> Response {
    ([(header::CONTENT_TYPE, content_type)], body.into()).into_response()
}
