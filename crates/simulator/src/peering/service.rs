//! The simulation service: what simulators, and the login service, ask of regions here over HTTP.

use super::gate::{Denied, Knock};
use crate::directory::{Request, Undelivered};
use crate::http::intake::Whole;
use crate::http::reply;
use crate::http::routes::Shared;
use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use model::RegionId;
use simulation::{Incoming, Target};
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
    let Whole { head, body, remote } = &request;
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let text = |name| head.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let kind = text(header::CONTENT_TYPE.as_str());
    let encoding = text(header::CONTENT_ENCODING.as_str()).or_else(|| text("x-content-encoding"));
    let mut incoming = match simulation::read(head.method.as_str(), path, kind, encoding, body) {
        Ok(incoming) => incoming,
        Err(rejected) => {
            tracing::info!(from = %remote, path, why = rejected.why, "a peer's request makes no sense");
            shared.metrics.peers.heard("unreadable", "rejected", begun.elapsed());
            return reply::text(status(rejected.status), rejected.body);
        }
    };
    let knock = Knock {
        method: head.method.as_str(),
        path,
        headers: &head.headers,
        body,
        caller: remote.ip(),
        claimed: simulation::claimed_source(&incoming.call),
        to: match incoming.to {
            Target::Region(id) => Some(id),
            Target::RegionAt(_) | Target::AllRegions | Target::Agent(_) => None,
        },
    };
    let name = incoming.call.name();
    if let Err(denied) = shared.gate.admit(&knock, &mut incoming.call).await {
        shared.metrics.peers.heard(name, "denied", begun.elapsed());
        return deny(shared, &knock, name, &denied);
    }
    let answer = tokio::time::timeout(PATIENCE, deliver(shared, &incoming)).await;
    let (outcome, response) = match answer {
        Ok(Ok(answer)) => {
            let outcome = if answer.is_ok() { "ok" } else { "refused" };
            (outcome, print(simulation::answer(&incoming, &answer, remote.ip())))
        }
        Ok(Err(Undelivered::Unknown)) => ("no_region", reply::text(StatusCode::NOT_FOUND, "false")),
        Ok(Err(Undelivered::Overloaded)) => {
            ("overloaded", reply::text(StatusCode::SERVICE_UNAVAILABLE, "false"))
        }
        Err(_) => ("timed_out", reply::text(StatusCode::GATEWAY_TIMEOUT, "false")),
    };
    shared.metrics.peers.heard(name, outcome, begun.elapsed());
    response
}

fn deny(shared: &Shared, knock: &Knock<'_>, name: &'static str, denied: &Denied) -> Response<Body> {
    shared.metrics.peers.denied(denied.reason);
    let Denied { reason, words, .. } = denied;
    tracing::warn!(from = %knock.caller, call = name, reason, "a peer's request is turned away: {words}");
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
async fn deliver(shared: &Shared, incoming: &Incoming) -> Result<Answer, Undelivered> {
    let directory = &shared.directory;
    let regions: Vec<RegionId> = match incoming.to {
        Target::Region(id) => vec![id],
        Target::RegionAt(handle) => directory.region_at(handle).into_iter().collect(),
        // Regions that have no such agent have nothing to say to it.
        Target::AllRegions => match incoming.call.agent() {
            Some(agent) => directory.regions_of(agent),
            None => directory.regions().iter().map(|region| region.id).collect(),
        },
        Target::Agent(agent) => directory.regions_of(agent),
    };
    if regions.is_empty() {
        return match incoming.to {
            Target::RegionAt(_) | Target::Region(_) => Err(Undelivered::Unknown),
            Target::Agent(_) | Target::AllRegions => Ok(Err(Refusal::new("There is no such agent here."))),
        };
    }
    let answer = ask(shared, &regions, &incoming.call).await;
    if let PeerCall::EndSession { agent, .. } = incoming.call {
        // Whoever asks the grid next must find the agent where it was last.
        shared.notices.flush(Some(agent), FLUSH).await;
    }
    answer
}

/// Asks regions; the first yes counts, then the first no.
async fn ask(shared: &Shared, regions: &[RegionId], call: &PeerCall) -> Result<Answer, Undelivered> {
    let asked = regions.iter().map(|&region| {
        let (answer, answered) = oneshot::channel();
        let sent = shared.directory.send(region, Request::Peer { call: Box::new(call.clone()), answer });
        sent.map(|()| answered)
    });
    // All are asked before the first is waited for.
    let asked: Vec<_> = asked.collect();
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
