//! How a bucket is asked: HTTP/1.1, over TLS where its address says so.
//!
//! Whom to believe says the operating system, or instead of it the files that `SSL_CERT_FILE` and `SSL_CERT_DIR` name.

use async_trait::async_trait;
use http_body_util::BodyExt as _;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody, HttpResponse, HttpResponseBody,
    HttpService,
};
use std::io;
use std::time::Duration;

/// Until there is a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// Until an answer begins. Contents are small, so they are sent within it too.
const ANSWER: Duration = Duration::from_secs(15);
/// How long a connection is kept that nobody uses.
const IDLE: Duration = Duration::from_secs(20);

/// Makes clients.
#[derive(Debug)]
pub(super) struct Connector;

impl object_store::client::HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        let mut tcp = HttpConnector::new();
        tcp.set_connect_timeout(Some(CONNECT));
        tcp.set_nodelay(true);
        let certificates = HttpsConnectorBuilder::new().with_native_roots();
        let client = |service| Ok(HttpClient::new(service));
        match certificates {
            Ok(certificates) => {
                // TLS is around it. Without, what is meant for a secure connection must not go over another.
                tcp.enforce_http(false);
                let connector = certificates.https_or_http().enable_http1().wrap_connector(tcp);
                client(Service::Secure(builder().build(connector)))
            }
            // A machine without certificates can still ask a server next door.
            Err(error) => {
                tracing::warn!(%error, "no TLS to the asset store: this machine believes no certificates");
                client(Service::Plain(builder().build(tcp)))
            }
        }
    }
}

fn builder() -> hyper_util::client::legacy::Builder {
    let mut builder = Client::builder(TokioExecutor::new());
    builder.pool_idle_timeout(IDLE);
    builder
}

#[derive(Debug)]
enum Service {
    Secure(Client<HttpsConnector<HttpConnector>, HttpRequestBody>),
    Plain(Client<HttpConnector, HttpRequestBody>),
}

#[async_trait]
impl HttpService for Service {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let answered = async {
            match self {
                Self::Secure(client) => client.request(request).await,
                Self::Plain(client) => client.request(request).await,
            }
        };
        let late = |_| HttpError::new(HttpErrorKind::Timeout, io::Error::from(io::ErrorKind::TimedOut));
        let response = tokio::time::timeout(ANSWER, answered).await.map_err(late)?.map_err(|error| {
            let kind = if error.is_connect() { HttpErrorKind::Connect } else { HttpErrorKind::Interrupted };
            HttpError::new(kind, error)
        })?;
        let (head, body) = response.into_parts();
        let body = body.map_err(|error| HttpError::new(HttpErrorKind::Interrupted, error));
        Ok(HttpResponse::from_parts(head, HttpResponseBody::new(body)))
    }
}
