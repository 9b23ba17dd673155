use crate::body::JSON;
use crate::{access, create, friends, instant, tickets};
use llsd::{Value, json, map};
use model::AgentId;
use std::net::IpAddr;
use transfer::{AgentCreated, Agreement, PeerCall, PeerReply, QueryAccess, Refusal, Whereabouts};

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

/// What an answer looks like: what of a request has to be kept for it.
#[derive(Clone, PartialEq, Debug)]
pub struct Form(Kind);

#[derive(Clone, PartialEq, Debug)]
enum Kind {
    Access(QueryAccess),
    Created { extended: bool },
    Taken,
    Ticket,
    Ended(AgentId),
    Hello,
    Message,
    Friends,
}

impl Form {
    pub(crate) fn of(call: &PeerCall, extended: bool) -> Self {
        Self(match call {
            PeerCall::QueryAccess(query) => Kind::Access(query.clone()),
            PeerCall::CreateAgent(_) => Kind::Created { extended },
            PeerCall::UpdateAgent(_) | PeerCall::ChildView(_) => Kind::Taken,
            PeerCall::Withdraw { .. } | PeerCall::EndSession { .. } | PeerCall::CloseChild { .. }
                if extended =>
            {
                Kind::Ticket
            }
            PeerCall::Release { agent, .. }
            | PeerCall::CloseChild { agent, .. }
            | PeerCall::Withdraw { agent, .. }
            | PeerCall::EndSession { agent, .. } => Kind::Ended(*agent),
            PeerCall::Hello(_) => Kind::Hello,
            PeerCall::InstantMessage(_) => Kind::Message,
            PeerCall::FriendStatus { .. } | PeerCall::FriendNews(_) => Kind::Friends,
        })
    }
}

/// The answer to a request, in the form that the caller understands. `caller`: its address, which old
/// simulators want to know. A refusal is an answer too: its status is 200.
pub fn answer(form: &Form, result: &Result<PeerReply, Refusal>, caller: IpAddr) -> Response {
    match &form.0 {
        Kind::Access(query) => {
            let result = access_of(result);
            Response::ok(JSON, json::write_with_defaults(&access::answer(query, result.as_ref().copied())))
        }
        Kind::Created { extended } => {
            let result = created(result);
            Response::json(&create::answer(result.as_ref(), *extended, caller))
        }
        Kind::Taken => {
            let taken = match result {
                Ok(PeerReply::Whereabouts(whereabouts)) => *whereabouts == Whereabouts::Arrived,
                result => result.is_ok(),
            };
            Response::ok("text/plain", if taken { "True" } else { "False" }.into())
        }
        Kind::Ticket => Response::json(&tickets::answer(result)),
        // Whatever came of it: who asks without a ticket is not told whether an agent is here.
        Kind::Ended(agent) => Response::ok("text/plain", format!("OpenSim agent {agent}")),
        Kind::Hello => Response::json(&map! { "success" => result.is_ok() }),
        Kind::Message => Response::ok("text/xml", instant::answer(result.is_ok())),
        Kind::Friends => {
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
