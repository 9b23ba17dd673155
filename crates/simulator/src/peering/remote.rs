//! Regions of other processes, reached over HTTP.

use super::proof::{ProcessKey, Source};
use super::web;
use crate::calls::{LocalPeers, PeerAnswer, PeerTransport};
use crate::metrics::Metrics;
use crate::transfers::traces::TraceIds;
use axum::body::Bytes;
use model::RegionId;
use services::RegionInfo;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, oneshot};
use transfer::{PeerCall, PeerError, PeerReply};

/// Calls to other processes that may be under way; more are answered as unreachable.
const UNDER_WAY: usize = 4096;
/// How long a call may take, whatever its caller thinks: most ...
const PATIENCE: Duration = Duration::from_secs(20);
/// ... and the one that waits until a viewer has arrived.
const ARRIVAL: Duration = Duration::from_secs(40);

/// Regions of other processes. Calls to them are begun at once and side by side: one may overtake another. Clones
/// share connections.
#[derive(Clone)]
pub struct RemotePeers(Arc<Inner>);

struct Inner {
    client: reqwest::Client,
    key: Arc<ProcessKey>,
    metrics: Arc<Metrics>,
    room: Arc<Semaphore>,
    /// Calls of transfers say to which trace they belong.
    traced: AtomicBool,
}

impl RemotePeers {
    /// Reaches them in the name of the process that has this key.
    pub fn new(key: Arc<ProcessKey>, metrics: Arc<Metrics>) -> Self {
        Self::with(web::client(), key, metrics)
    }

    pub(crate) fn with(client: reqwest::Client, key: Arc<ProcessKey>, metrics: Arc<Metrics>) -> Self {
        let room = Arc::new(Semaphore::new(UNDER_WAY));
        Self(Arc::new(Inner { client, key, metrics, room, traced: AtomicBool::new(false) }))
    }

    /// From now on calls of transfers say to which trace they belong.
    pub(crate) fn trace(&self) {
        self.0.traced.store(true, Ordering::Relaxed);
    }
}

impl PeerTransport for RemotePeers {
    fn begin(&self, from: RegionId, to: &Arc<RegionInfo>, call: PeerCall, tickets: bool) -> PeerAnswer {
        let Ok(room) = self.0.room.clone().try_acquire_owned() else {
            let why = "too many calls to other simulators are under way";
            return Box::pin(std::future::ready(Err(PeerError::Unreachable(why.into()))));
        };
        let (inner, to) = (self.0.clone(), to.clone());
        let (answer, answered) = oneshot::channel();
        // A task of its own, since a caller that does not wait any longer has not taken its call back.
        tokio::spawn(async move {
            let result = inner.call(Source::of(from), &to, &call, tickets).await;
            drop(room);
            let _ = answer.send(result);
        });
        Box::pin(async move {
            answered.await.unwrap_or_else(|_| Err(PeerError::Unreachable("the call broke down".into())))
        })
    }
}

impl Inner {
    async fn call(
        &self,
        source: Source,
        to: &RegionInfo,
        call: &PeerCall,
        tickets: bool,
    ) -> Result<PeerReply, PeerError> {
        let begun = Instant::now();
        let patience = if matches!(call, PeerCall::UpdateAgent(_)) { ARRIVAL } else { PATIENCE };
        let asked = async {
            let (mut status, mut body) = self.ask(source, to, call, tickets).await?;
            // Whoever does not know our words for it may know the published ones.
            if tickets && matches!(call, PeerCall::EndSession { .. }) && matches!(status, 404 | 405 | 501) {
                (status, body) = self.ask(source, to, call, false).await?;
            }
            match status {
                404 => Err(PeerError::Unreachable("the simulator there does not run that region".into())),
                503 => Err(PeerError::Unreachable("the simulator there is overloaded".into())),
                504 => Err(PeerError::TimedOut),
                _ => simulation::reply(call, status, &body),
            }
        };
        let result = tokio::time::timeout(patience, asked).await.unwrap_or(Err(PeerError::TimedOut));
        self.metrics.peers.called(call.name(), outcome(&result), begun.elapsed());
        if let Err(error @ (PeerError::Unreachable(_) | PeerError::Garbage(_))) = &result {
            tracing::debug!(region = to.name, uri = to.server_uri, call = call.name(), %error, "a peer failed");
        }
        result
    }

    async fn ask(
        &self,
        source: Source,
        to: &RegionInfo,
        call: &PeerCall,
        tickets: bool,
    ) -> Result<(u16, Vec<u8>), PeerError> {
        let letter = Letter::of(simulation::request(call, to, tickets));
        let trace = self.trace_of(source, call);
        let mut result = self.exchange(source, to, &letter, trace.as_deref()).await;
        // A connection that was kept may have been closed while the request was on its way.
        if matches!(result, Err(Broken::Stale(_))) && may_repeat(call) {
            result = self.exchange(source, to, &letter, trace.as_deref()).await;
        }
        result.map_err(Broken::into_inner)
    }

    fn trace_of(&self, source: Source, call: &PeerCall) -> Option<String> {
        let transfer = match call {
            PeerCall::CreateAgent(create) => create.transfer?,
            PeerCall::UpdateAgent(data) => data.transfer?,
            PeerCall::Withdraw { transfer, .. } => *transfer,
            _ => return None,
        };
        let Source::Region(region) = source else { return None };
        self.traced.load(Ordering::Relaxed).then(|| TraceIds::parent(region, transfer.0))
    }

    async fn exchange(
        &self,
        source: Source,
        to: &RegionInfo,
        letter: &Letter,
        trace: Option<&str>,
    ) -> Result<(u16, Vec<u8>), Broken> {
        let url = web::below(&to.server_uri, &letter.path).map_err(Broken::Other)?;
        let mut asked = web::signed(&self.client, &self.key, source, letter.method, url, letter.body.clone());
        if let Some(kind) = letter.content_type {
            asked = asked.header(reqwest::header::CONTENT_TYPE, kind);
        }
        if let Some(trace) = trace {
            asked = asked.header("traceparent", trace);
        }
        let response = asked.send().await.map_err(|error| {
            let stale = error.is_request() && !error.is_connect() && !error.is_timeout();
            let error = web::failure(&error);
            if stale { Broken::Stale(error) } else { Broken::Other(error) }
        })?;
        let status = response.status().as_u16();
        Ok((status, web::body(response).await.map_err(Broken::Other)?))
    }
}

/// A request whose body, which may be large, is shared by all tries.
struct Letter {
    method: &'static str,
    path: String,
    content_type: Option<&'static str>,
    body: Bytes,
}

impl Letter {
    fn of(request: simulation::Request) -> Self {
        let simulation::Request { method, path, content_type, body } = request;
        Self { method, path, content_type, body: body.into() }
    }
}

/// An exchange that came to nothing.
#[derive(Debug)]
enum Broken {
    /// The connection broke before an answer began.
    Stale(PeerError),
    Other(PeerError),
}

impl Broken {
    fn into_inner(self) -> PeerError {
        match self {
            Self::Stale(error) | Self::Other(error) => error,
        }
    }
}

/// Whether a call that may have arrived may be said again. What people read twice may not.
fn may_repeat(call: &PeerCall) -> bool {
    !matches!(call, PeerCall::InstantMessage(_) | PeerCall::FriendStatus { .. } | PeerCall::FriendNews(_))
}

/// For metrics: one of few.
pub(crate) fn outcome(result: &Result<PeerReply, PeerError>) -> &'static str {
    match result {
        Ok(_) => "ok",
        Err(PeerError::Refused(_)) => "refused",
        Err(PeerError::TimedOut) => "timed_out",
        Err(PeerError::Unreachable(_)) => "unreachable",
        Err(PeerError::Garbage(_)) => "garbage",
    }
}

/// All regions: those of this process in memory, the others over HTTP.
pub(crate) struct Everywhere {
    pub(crate) here: LocalPeers,
    pub(crate) elsewhere: RemotePeers,
}

impl PeerTransport for Everywhere {
    fn begin(&self, from: RegionId, to: &Arc<RegionInfo>, call: PeerCall, tickets: bool) -> PeerAnswer {
        match self.here.0.region(to.id) {
            Some(_) => self.here.begin(from, to, call, tickets),
            None => self.elsewhere.begin(from, to, call, tickets),
        }
    }
}
