use crate::body::JSON;
use crate::read::Incoming;
use crate::{access, create, friends, instant, tickets};
use llsd::{Value, json, map};
use std::net::IpAddr;
use transfer::{AgentCreated, Agreement, PeerCall, PeerReply, Refusal, Whereabouts};

/// An HTTP answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// What the body is.
    pub content_type: &'static str,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    fn ok(content_type: &'static str, body: String) -> Self {
        Self { status: 200, content_type, body: body.into_bytes() }
    }

    fn json(body: &Value) -> Self {
        Self::ok(JSON, json::write(body))
    }
}

/// The answer to a request, in the form that the caller understands. `caller`: its address, which old
/// simulators want to know. A refusal is an answer too: its status is 200.
pub fn answer(incoming: &Incoming, result: &Result<PeerReply, Refusal>, caller: IpAddr) -> Response {
    match &incoming.call {
        PeerCall::QueryAccess(query) => {
            let result = access_of(result);
            Response::ok(JSON, json::write_with_defaults(&access::answer(query, result.as_ref().copied())))
        }
        PeerCall::CreateAgent(_) => {
            let result = created(result);
            Response::json(&create::answer(result.as_ref(), incoming.extended, caller))
        }
        PeerCall::UpdateAgent(_) | PeerCall::ChildView(_) => {
            let taken = match result {
                Ok(PeerReply::Whereabouts(whereabouts)) => *whereabouts == Whereabouts::Arrived,
                result => result.is_ok(),
            };
            Response::ok("text/plain", if taken { "True" } else { "False" }.into())
        }
        PeerCall::Withdraw { .. } | PeerCall::EndSession { .. } | PeerCall::CloseChild { .. }
            if incoming.extended =>
        {
            Response::json(&tickets::answer(result))
        }
        // Whatever came of it: who asks without a ticket is not told whether an agent is here.
        PeerCall::Release { agent, .. }
        | PeerCall::CloseChild { agent, .. }
        | PeerCall::Withdraw { agent, .. }
        | PeerCall::EndSession { agent, .. } => Response::ok("text/plain", format!("OpenSim agent {agent}")),
        PeerCall::Hello(_) => Response::json(&map! { "success" => result.is_ok() }),
        PeerCall::InstantMessage(_) => Response::ok("text/xml", instant::answer(result.is_ok())),
        PeerCall::FriendStatus { .. } | PeerCall::FriendNews(_) => {
            Response::ok("text/xml", if result.is_ok() { friends::TRUE } else { friends::FALSE }.into())
        }
    }
}

fn access_of(result: &Result<PeerReply, Refusal>) -> Result<Agreement, Refusal> {
    match result {
        Ok(PeerReply::Access(agreement)) => Ok(*agreement),
        Ok(_) => Err(confused()),
        Err(refusal) => Err(refusal.clone()),
    }
}

fn created(result: &Result<PeerReply, Refusal>) -> Result<AgentCreated, Refusal> {
    match result {
        Ok(PeerReply::Created(created)) => Ok(created.clone()),
        Ok(_) => Err(confused()),
        Err(refusal) => Err(refusal.clone()),
    }
}

/// A region that answers another question does not take the agent.
fn confused() -> Refusal {
    Refusal::new("The region is confused.")
}
