//! HTTP to other processes: one client, bounded answers, failures in words.

use super::look_ups::LookUps;
use super::proof::{ProcessKey, Signed, Source};
use axum::body::Bytes;
use services::root_cause;
use std::sync::Arc;
use std::time::Duration;
use transfer::PeerError;

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_millis(1500);
/// Unused connections are closed before the other side closes them (ours does after 30 s), or a request and the end
/// of its connection would meet on the way.
const IDLE: Duration = Duration::from_secs(20);
/// Unused connections to one process.
const IDLE_OF_ONE: usize = 32;
/// Bytes of an answer.
const MAX_ANSWER: usize = 1 << 20;

/// The client of a process. Proxies and redirects are not for talks between simulators.
pub(crate) fn client() -> reqwest::Client {
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .connect_timeout(CONNECT)
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(IDLE_OF_ONE)
        .tcp_nodelay(true)
        .dns_resolver(Arc::new(LookUps::default()))
        .build();
    client.expect("there is nothing in these settings that could fail")
}

/// A base URL with a path below it.
pub(crate) fn below(base: &str, path: &str) -> Result<reqwest::Url, PeerError> {
    let text = format!("{}/{}", base.trim_end_matches('/'), path.trim_start_matches('/'));
    let url = reqwest::Url::parse(&text)
        .map_err(|error| PeerError::Unreachable(format!("{base} is no address of a simulator: {error}")))?;
    match url.scheme() {
        "http" => Ok(url),
        scheme => Err(PeerError::Unreachable(format!("{base}: this server does not speak {scheme}"))),
    }
}

/// A request that proves who sends it.
pub(crate) fn signed(
    client: &reqwest::Client,
    key: &ProcessKey,
    source: Source,
    method: &str,
    url: reqwest::Url,
    body: Bytes,
) -> reqwest::RequestBuilder {
    let path = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
    let authority = authority(&url);
    let proof = key.prove(source, &Signed { method, authority: &authority, path: &path, body: &body });
    let method = reqwest::Method::from_bytes(method.as_bytes()).expect("our methods are tokens");
    let request = client.request(method, url).body(body);
    proof.headers().into_iter().fold(request, |request, (name, value)| request.header(name, value))
}

/// Host and port of a URL, as proofs name it.
pub(crate) fn authority(url: &reqwest::Url) -> String {
    format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or_default())
}

/// The same of a base URL; empty if it is none.
pub(crate) fn authority_of(base: &str) -> String {
    reqwest::Url::parse(base).map_or_else(|_| String::new(), |url| authority(&url))
}

/// The host of a base URL; empty if it is none.
pub(crate) fn host_of(base: &str) -> String {
    let url = reqwest::Url::parse(base).ok();
    url.and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default()
}

/// The whole answer.
///
/// # Errors
/// It breaks off, or is too large.
pub(crate) async fn body(response: reqwest::Response) -> Result<Vec<u8>, PeerError> {
    body_up_to(MAX_ANSWER, response).await
}

/// The whole answer, if it has no more bytes than so many.
///
/// # Errors
/// It breaks off, or is too large.
pub(crate) async fn body_up_to(most: usize, mut response: reqwest::Response) -> Result<Vec<u8>, PeerError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| failure(&error))? {
        if body.len() + chunk.len() > most {
            return Err(PeerError::Garbage(format!("an answer of more than {most} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Why no answer came.
pub(crate) fn failure(error: &reqwest::Error) -> PeerError {
    if error.is_timeout() && !error.is_connect() {
        return PeerError::TimedOut;
    }
    let innermost = root_cause(error);
    PeerError::Unreachable(match error.is_connect() {
        true => format!("no connection: {innermost}"),
        false => format!("the connection broke: {innermost}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_below_a_base() {
        for base in ["http://sim.example.org:9000/", "http://sim.example.org:9000"] {
            let url = below(base, "/agent/1/?x=2").unwrap();
            assert_eq!(url.as_str(), "http://sim.example.org:9000/agent/1/?x=2");
            assert_eq!(authority(&url), "sim.example.org:9000");
        }
        assert_eq!(authority_of("http://SIM.example.org/"), "sim.example.org:80");
        assert_eq!(authority_of("http://[::1]:9000/"), "[::1]:9000");
        for base in ["", "sim:9000", "https://sim:9000/", "file:///etc/"] {
            assert!(matches!(below(base, "agent/"), Err(PeerError::Unreachable(_))), "{base}");
        }
    }
}
