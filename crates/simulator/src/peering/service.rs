//! The simulation service: what simulators, and the login service, ask of regions here over HTTP.

use super::gate::{Denied, Knock};
use super::reader::Unread;
use crate::directory::{Request, Undelivered};
use crate::http::budget::Share;
use crate::http::intake::Whole;
use crate::http::reply;
use crate::http::routes::Shared;
use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode};
use model::RegionId;
use simulation::{Incoming, Target};
use std::net::IpAddr;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use transfer::{PeerCall, PeerReply, Refusal};

/// How long a region may take to answer: it waits for a viewer to arrive.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the grid may take to hear what it has not heard yet about somebody whose session has ended.
const FLUSH: Duration = Duration::from_secs(2);

/// What a region said.
type Answer = Result<PeerReply, Refusal>;

/// Answers one request.
pub(crate) async fn answer(shared: &Shared, request: Whole) -> Response<Body> {
    let begun = Instant::now();
    let heard = |name, outcome| shared.metrics.peers.heard(name, outcome, begun.elapsed());
    let caller = request.remote.ip();
    let admitted = admit(shared, &request).await;
    // A call may be answered long after it was read.
    drop(request);
    let (incoming, share) = match admitted {
        Ok(admitted) => admitted,
        Err((name, Unread::Rejected(rejected))) => {
            heard(name, "rejected");
            return reply::text(status(rejected.status), rejected.body);
        }
        Err((name, Unread::Denied(denied))) => {
            heard(name, "denied");
            return deny(shared, caller, name, &denied);
        }
        Err((name, Unread::Busy)) => {
            heard(name, "overloaded");
            return reply::text(StatusCode::SERVICE_UNAVAILABLE, "false");
        }
    };
    let (name, form) = (incoming.call.name(), incoming.form());
    let answer = tokio::time::timeout(PATIENCE, deliver(shared, incoming, share)).await;
    let (outcome, response) = match answer {
        Ok(Ok(answer)) => {
            let outcome = if answer.is_ok() { "ok" } else { "refused" };
            (outcome, print(simulation::answer(&form, &answer, caller)))
        }
        Ok(Err(Undelivered::Unknown)) => ("no_region", reply::text(StatusCode::NOT_FOUND, "false")),
        Ok(Err(Undelivered::Overloaded)) => {
            ("overloaded", reply::text(StatusCode::SERVICE_UNAVAILABLE, "false"))
        }
        Err(_) => ("timed_out", reply::text(StatusCode::GATEWAY_TIMEOUT, "false")),
    };
    heard(name, outcome);
    response
}

/// What a request says, if its sender may say it. `Err`: why not, and what it is for metrics.
async fn admit(shared: &Shared, request: &Whole) -> Result<(Incoming, Share), (&'static str, Unread)> {
    let Whole { head, body, remote, .. } = request;
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let caller = remote.ip();
    let knock = Knock { method: head.method.as_str(), path, headers: &head.headers, body, caller };
    let unread = |why: Unread| ("unread", why);
    let sender = shared.gate.sender(&knock).await.map_err(Unread::from).map_err(unread)?;
    let (mut incoming, share) = match shared.reader.read(&shared.gate, sender, request).await {
        Err(Unread::Rejected(rejected)) => {
            tracing::info!(from = %remote, path, why = rejected.why, "a peer's request makes no sense");
            return Err(("unreadable", Unread::Rejected(rejected)));
        }
        read => read.map_err(unread)?,
    };
    let name = incoming.call.name();
    let admitted = shared.gate.admit(sender, caller, &mut incoming.call).await;
    admitted.map_err(|denied| (name, denied.into()))?;
    Ok((incoming, share))
}

fn deny(shared: &Shared, caller: IpAddr, name: &'static str, denied: &Denied) -> Response<Body> {
    shared.metrics.peers.denied(denied.reason);
    let Denied { reason, words, .. } = denied;
    tracing::warn!(from = %caller, call = name, reason, "a peer's request is turned away: {words}");
    reply::text(status(denied.status), "false")
}

fn print(response: simulation::Response) -> Response<Body> {
    let kind = HeaderValue::from_static(response.content_type);
    reply::typed(status(response.status), kind, response.body)
}

fn status(number: u16) -> StatusCode {
    StatusCode::from_u16(number).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// Puts a call to those whom it is for.
async fn deliver(shared: &Shared, incoming: Incoming, share: Share) -> Result<Answer, Undelivered> {
    let directory = &shared.directory;
    let Incoming { to, call, .. } = incoming;
    let regions: Vec<RegionId> = match to {
        Target::Region(id) => vec![id],
        Target::RegionAt(handle) => directory.region_at(handle).into_iter().collect(),
        // Regions that have no such agent have nothing to say to it.
        Target::AllRegions => match call.agent() {
            Some(agent) => directory.regions_of(agent),
            None => directory.regions().iter().map(|region| region.id).collect(),
        },
        Target::Agent(agent) => directory.regions_of(agent),
    };
    let ended = match &call {
        PeerCall::EndSession { agent, .. } => Some(*agent),
        _ => None,
    };
    let answer = match regions[..] {
        [] => match to {
            Target::RegionAt(_) | Target::Region(_) => return Err(Undelivered::Unknown),
            Target::Agent(_) | Target::AllRegions => {
                return Ok(Err(Refusal::new("There is no such agent here.")));
            }
        },
        // What is large is for one, who has it alone.
        [region] => first_word([put(shared, region, call, Some(share))]).await,
        _ => {
            // All are asked before the first is waited for.
            let asked: Vec<_> =
                regions.into_iter().map(|region| put(shared, region, call.clone(), None)).collect();
            first_word(asked).await
        }
    };
    if ended.is_some() {
        // Whoever asks the grid next must find the agent where it was last.
        shared.notices.flush(ended, FLUSH).await;
    }
    answer
}

/// An answer that is to come, or why none will.
type Asked = Result<oneshot::Receiver<Answer>, Undelivered>;

fn put(shared: &Shared, region: RegionId, call: PeerCall, share: Option<Share>) -> Asked {
    let (answer, answered) = oneshot::channel();
    shared.directory.send(region, Request::Peer { call: Box::new(call), answer, share })?;
    Ok(answered)
}

/// The first yes counts, then the first no.
async fn first_word(asked: impl IntoIterator<Item = Asked>) -> Result<Answer, Undelivered> {
    let mut refused = None;
    let mut undelivered = Undelivered::Unknown;
    for answered in asked {
        match answered {
            // A region that ends without an answer is gone.
            Ok(answered) => match answered.await {
                Ok(Ok(reply)) => return Ok(Ok(reply)),
                Ok(Err(refusal)) => refused = refused.or(Some(refusal)),
                Err(_) => {}
            },
            Err(why) => undelivered = why,
        }
    }
    refused.map(Err).ok_or(undelivered)
}

/// The key by which others check what this process sends.
pub(crate) fn key(shared: &Shared) -> Response<Body> {
    let kind = HeaderValue::from_static("application/json");
    reply::typed(StatusCode::OK, kind, shared.key.document())
}
