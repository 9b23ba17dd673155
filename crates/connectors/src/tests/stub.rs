//! Grids for the tests beside the connectors.

use super::*;
use crate::Client;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Response};

/// The same grid near and far.
pub(crate) struct World {
    pub(crate) near: Services,
    pub(crate) far: Services,
}

impl World {
    pub(crate) async fn start() -> Self {
        let (store, far) = our_grid().await;
        Self { near: store.services(), far }
    }

    /// With a grid that knows no questions about several things.
    pub(crate) async fn start_early() -> Self {
        let (store, _) = our_grid().await;
        let router =
            private_router(store.services(), PrivateConfig::default()).layer(from_fn(refuse_several));
        Self { near: store.services(), far: services_of(router).await }
    }
}

async fn refuse_several(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap();
    if body.windows(11).any(|word| word == b"GETMULTIPLE") {
        return robust::inventory::WORDING.failure().write().into_response();
    }
    next.run(Request::from_parts(parts, Body::from(body))).await
}

/// A grid that is a function from path and body to status and body.
pub(crate) struct Stub {
    address: GridAddress,
}

impl Stub {
    pub(crate) async fn start<A>(answer: A) -> Self
    where
        A: Fn(&str, &[u8]) -> (u16, Vec<u8>) + Clone + Send + Sync + 'static,
    {
        let router = Router::new().fallback(async move |request: Request| {
            let path = request.uri().path().to_owned();
            let body = to_bytes(request.into_body(), 1 << 20).await.unwrap();
            let (status, body) = answer(&path, &body);
            (StatusCode::from_u16(status).unwrap(), body)
        });
        Self::serve(router).await
    }

    pub(crate) async fn serve(router: Router) -> Self {
        Self { address: serve(router).await }
    }

    pub(crate) fn client(&self) -> Arc<Client> {
        Arc::new(self.new_client())
    }

    pub(crate) fn new_client(&self) -> Client {
        Client::new(&self.address.private, &Options::default(), None).unwrap()
    }
}

/// Where nobody is. Port 1 is given to no test.
pub(crate) fn nowhere() -> Arc<Client> {
    Arc::new(Client::new("http://127.0.0.1:1/", &Options::default(), None).unwrap())
}
