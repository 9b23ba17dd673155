use crate::Options;
use reqwest::dns::Resolve;
use reqwest::redirect::Policy;
use reqwest::{Method, Response, StatusCode, Url, header};
use robust::{Form, LONG_BYTES_MAX, Malformed, Tree, credentials};
use services::{Result, ServiceError, root_cause};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Longest answer to a form, bytes.
pub(crate) const ANSWER_BYTES: usize = 8 << 20;
/// Redirections that are followed.
const REDIRECTS: usize = 3;
/// How long a connection is kept that nobody uses. A ROBUST closes it after 20 s, and what is sent just then is lost.
const IDLE: Duration = Duration::from_secs(10);

/// Between two tries: the first, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

const NO_KEY: &str =
    "the grid's private side demands a key of simulators, and takes none or another than this process has";

pub(crate) const FORM: &str = "application/x-www-form-urlencoded";

/// How patient callers are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Patience {
    /// Until there is a connection.
    pub connect: Duration,
    /// Until the whole answer is there.
    pub call: Duration,
    /// For so long a call that did not get through is made again: one process of the grid has ended, or its database
    /// starts anew. Zero: never.
    pub again: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { connect: Duration::from_secs(2), call: Duration::from_secs(10), again: Duration::from_secs(3) }
    }
}

/// Who looks names up.
#[derive(Clone)]
pub struct Names(pub Arc<dyn Resolve>);

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Names")
    }
}

/// What a simulator proves to a grid by that it may ask. Shown nowhere else.
#[derive(Clone, PartialEq, Eq)]
pub struct SimulatorKey(pub String);

impl fmt::Debug for SimulatorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SimulatorKey")
    }
}

/// Asks one grid. All connectors share one, and with it its connections, which are kept alive.
#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    again: Duration,
    /// Longest answer where it may be long: what a large folder holds.
    long_bytes: usize,
}

/// Why a call came to nothing.
#[derive(Debug)]
enum Failure {
    /// There was nobody to hear it.
    Unheard(String),
    /// It did not get through, or its answer did not; perhaps it was heard.
    Lost(String),
    /// It would come to nothing again.
    Final(String),
    /// The grid does not know who asks.
    Unknown,
    /// The answer has more than so many bytes.
    TooLong(usize),
}

impl Failure {
    /// In words for the operator: none of this is for those on whose behalf the call was made.
    fn told(self, path: &str) -> ServiceError {
        let why = match self {
            Self::Unheard(why) | Self::Lost(why) | Self::Final(why) => why,
            Self::Unknown => NO_KEY.to_owned(),
            Self::TooLong(bytes_max) => format!("an answer of more than {bytes_max} bytes"),
        };
        ServiceError::Unavailable(format!("{path}: {why}"))
    }
}

/// Whether a call may be made again that was perhaps heard.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Twice {
    /// What it asks for is then done already.
    Harmless,
    /// It would be done twice.
    Never,
}

impl Client {
    /// For the grid whose services are below this address, `http://host:8003/`; the key is shown to it, and to nobody
    /// whom it names.
    ///
    /// # Errors
    /// `Invalid` if that is none.
    pub fn new(base: &str, options: &Options, key: Option<&SimulatorKey>) -> Result<Self> {
        let invalid =
            |why: String| ServiceError::Invalid(format!("{base:?} is not the address of a grid: {why}"));
        let url = Url::parse(base).map_err(|error| invalid(error.to_string()))?;
        if url.scheme() != "http" || !url.has_host() {
            return Err(invalid("it has to be http://host:port/".into()));
        }
        let mut headers = header::HeaderMap::new();
        if let Some(SimulatorKey(key)) = key {
            let shown = header::HeaderValue::try_from(credentials::header(key));
            let mut shown = shown.map_err(|error| invalid(error.to_string()))?;
            shown.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, shown);
        }
        let patience = options.patience;
        let mut http = reqwest::Client::builder()
            .default_headers(headers)
            .connect_timeout(patience.connect)
            .timeout(patience.call)
            .pool_idle_timeout(IDLE)
            .redirect(Policy::limited(REDIRECTS))
            .no_proxy();
        if let Some(Names(names)) = &options.names {
            http = http.dns_resolver(names.clone());
        }
        let http = http.build().map_err(|error| invalid(error.to_string()))?;
        let base = url.as_str().trim_end_matches('/').to_owned();
        Ok(Self { http, base, again: patience.again, long_bytes: LONG_BYTES_MAX })
    }

    /// The same, for which less is a long answer.
    #[cfg(test)]
    pub(crate) fn with_long_bytes(self, long_bytes: usize) -> Self {
        Self { long_bytes, ..self }
    }

    /// Sends a form and reads the answer.
    ///
    /// # Errors
    /// `Refused` in the words of the service, `Unavailable` if there is no answer or none that can be read.
    pub async fn ask<T>(
        &self,
        path: &str,
        form: Form,
        read: impl FnOnce(&Tree) -> core::result::Result<T, Malformed>,
    ) -> Result<T> {
        let Some(answer) = self.post(path, FORM, form.write(), ANSWER_BYTES).await? else {
            return Err(no_service(path));
        };
        understood(Tree::parse(&answer).and_then(|answer| read(&answer)))
    }

    /// The same where the answer may be long; `None` if it is too long even so.
    pub async fn ask_long<T>(
        &self,
        path: &str,
        form: Form,
        read: impl FnOnce(&Tree) -> core::result::Result<T, Malformed>,
    ) -> Result<Option<T>> {
        let request = self.http.post(self.url(path)).header(header::CONTENT_TYPE, FORM).body(form.write());
        let answer = match self.try_to_call(path, request, self.long_bytes, Twice::Harmless).await {
            Ok(Some(answer)) => answer,
            Ok(None) => return Err(no_service(path)),
            Err(Failure::TooLong(_)) => return Ok(None),
            Err(failure) => return Err(failure.told(path)),
        };
        match Tree::parse_long(&answer) {
            Err(Malformed::TooMuch(_)) => Ok(None),
            tree => understood(tree.and_then(|answer| read(&answer))).map(Some),
        }
    }

    /// Sends a document; `None` if there is nothing at this path.
    pub async fn post(
        &self,
        path: &str,
        content_type: &'static str,
        body: impl Into<reqwest::Body>,
        bytes_max: usize,
    ) -> Result<Option<Vec<u8>>> {
        let request = self.http.post(self.url(path)).header(header::CONTENT_TYPE, content_type).body(body);
        self.call(path, request, bytes_max, Twice::Harmless).await
    }

    /// The same, for what must not be done twice.
    pub async fn post_once(
        &self,
        path: &str,
        content_type: &'static str,
        body: impl Into<reqwest::Body>,
        bytes_max: usize,
    ) -> Result<Option<Vec<u8>>> {
        let request = self.http.post(self.url(path)).header(header::CONTENT_TYPE, content_type).body(body);
        self.call(path, request, bytes_max, Twice::Never).await
    }

    /// Fetches a document; `None` if there is nothing at this path.
    pub async fn get(&self, path: &str, bytes_max: usize) -> Result<Option<Vec<u8>>> {
        self.call(path, self.http.get(self.url(path)), bytes_max, Twice::Harmless).await
    }

    /// Has something deleted; `None` if there is nothing at this path.
    pub async fn delete(&self, path: &str, bytes_max: usize) -> Result<Option<Vec<u8>>> {
        let request = self.http.request(Method::DELETE, self.url(path));
        self.call(path, request, bytes_max, Twice::Harmless).await
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    async fn call(
        &self,
        path: &str,
        request: reqwest::RequestBuilder,
        bytes_max: usize,
        twice: Twice,
    ) -> Result<Option<Vec<u8>>> {
        self.try_to_call(path, request, bytes_max, twice).await.map_err(|failure| failure.told(path))
    }

    async fn try_to_call(
        &self,
        path: &str,
        request: reqwest::RequestBuilder,
        bytes_max: usize,
        twice: Twice,
    ) -> core::result::Result<Option<Vec<u8>>, Failure> {
        let deadline = Instant::now() + self.again;
        let (mut pause, longest) = PAUSES;
        let mut this = request;
        loop {
            // Bodies are bytes, which can be sent again.
            let next = this.try_clone();
            let failure = match try_once(this, bytes_max).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            let again = match &failure {
                Failure::Unheard(_) => true,
                Failure::Lost(_) => twice == Twice::Harmless,
                Failure::Final(_) | Failure::Unknown | Failure::TooLong(_) => false,
            };
            match next {
                Some(next) if again && Instant::now() + pause < deadline => this = next,
                _ => return Err(failure),
            }
            tracing::debug!(path, ?failure, "a call to the grid did not get through; trying again");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(longest);
        }
    }
}

async fn try_once(
    request: reqwest::RequestBuilder,
    bytes_max: usize,
) -> core::result::Result<Option<Vec<u8>>, Failure> {
    let response = request.send().await.map_err(failure_of)?;
    match response.status() {
        StatusCode::NOT_FOUND => Ok(None),
        status if status.is_success() => whole(response, bytes_max).await.map(Some),
        StatusCode::UNAUTHORIZED => Err(Failure::Unknown),
        status => {
            let why = format!("the grid answered {status}");
            let passes =
                [StatusCode::BAD_GATEWAY, StatusCode::SERVICE_UNAVAILABLE, StatusCode::GATEWAY_TIMEOUT];
            Err(if passes.contains(&status) { Failure::Lost(why) } else { Failure::Final(why) })
        }
    }
}

fn failure_of(error: reqwest::Error) -> Failure {
    let (unheard, patience_ended) = (error.is_connect(), error.is_timeout());
    let lost = error.is_request() || error.is_body();
    let why = root_cause(&error.without_url()).to_string();
    match (unheard, patience_ended) {
        (_, true) => Failure::Final(why),
        (true, _) => Failure::Unheard(why),
        _ if lost => Failure::Lost(why),
        _ => Failure::Final(why),
    }
}

/// The body, if it is not too long.
async fn whole(mut response: Response, bytes_max: usize) -> core::result::Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failure_of)? {
        if body.len() + chunk.len() > bytes_max {
            return Err(Failure::TooLong(bytes_max));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// What an answer says, or whose fault it is that it says nothing.
pub(crate) fn understood<T>(read: core::result::Result<T, Malformed>) -> Result<T> {
    read.map_err(|malformed| match malformed {
        Malformed::Failure(why) if why.is_empty() => {
            ServiceError::Refused("the grid refused without a reason".into())
        }
        Malformed::Failure(why) => ServiceError::Refused(why),
        malformed => ServiceError::Unavailable(format!("an answer that is none: {malformed}")),
    })
}

fn no_service(path: &str) -> ServiceError {
    ServiceError::Unavailable(format!("{path}: the grid has no such service"))
}

/// Whether a call came to nothing because the grid does not know who asks: nothing but another key helps.
pub fn wants_key(error: &ServiceError) -> bool {
    matches!(error, ServiceError::Unavailable(why) if why.ends_with(NO_KEY))
}

/// What no simulator can have a grid do.
pub(crate) fn not_from_here<T>(what: &str) -> Result<T> {
    Err(ServiceError::Refused(format!("{what} on the grid itself, not from a simulator")))
}
