//! Calls that the published protocol has no words for: `POST /sojourn/agent/<agent>/<region>/<what>`, between
//! our own simulators only.

use crate::extension;
use crate::fields::{self, WORDS_MAX, malformed, text};
use llsd::{Value, map};
use model::{AgentId, RegionId, SessionId};
use transfer::{Claim, PeerCall, PeerError, PeerReply, Refusal, TransferId, Whereabouts};

/// WithdrawAgent.
const WITHDRAW: &str = "withdraw";
/// EndSession.
const END: &str = "end";
/// CloseAgent by a claim.
const CLOSE: &str = "close";

/// Last part of the path, and body of the request; `None` for calls that have a published form.
pub(crate) fn request(call: &PeerCall) -> Option<(&'static str, Value)> {
    Some(match call {
        PeerCall::Withdraw { session, source, transfer, .. } => (
            WITHDRAW,
            map! {
                "session" => session.0,
                "source" => source.0,
                "transfer" => extension::write_transfer(Some(*transfer)),
            },
        ),
        PeerCall::EndSession { session, reason, .. } => {
            (END, map! { "session" => session.0, "reason" => reason })
        }
        PeerCall::CloseChild { session, claim: Some(claim), .. } => {
            (CLOSE, map! { "session" => session.0, "claim" => extension::write_claim(Some(*claim)) })
        }
        _ => return None,
    })
}

/// Reads a request.
pub(crate) fn read(agent: AgentId, what: &str, body: &Value) -> fields::Result<PeerCall> {
    let session = SessionId(body["session"].as_uuid());
    Ok(match what {
        WITHDRAW => PeerCall::Withdraw {
            agent,
            session,
            source: RegionId(body["source"].as_uuid()),
            transfer: number(body)?,
        },
        END => PeerCall::EndSession { agent, session, reason: text(body, "reason", WORDS_MAX) },
        CLOSE => PeerCall::CloseChild { agent, session, claim: Some(claim(body)?) },
        _ => return malformed("no call of that name"),
    })
}

fn number(body: &Value) -> fields::Result<TransferId> {
    extension::transfer(Some(body)).map_or_else(|| malformed("which transfer?"), Ok)
}

fn claim(body: &Value) -> fields::Result<Claim> {
    extension::claim(&body["claim"]).map_or_else(|| malformed("by which claim?"), Ok)
}

/// The body of the answer.
pub(crate) fn answer(result: &Result<PeerReply, Refusal>) -> Value {
    match result {
        Ok(PeerReply::Whereabouts(whereabouts)) => {
            let whereabouts = match whereabouts {
                Whereabouts::Arrived => "arrived",
                Whereabouts::Withdrawn => "withdrawn",
            };
            map! { "success" => true, "whereabouts" => whereabouts }
        }
        Ok(_) => map! { "success" => true },
        Err(refusal) => map! { "reason" => &refusal.reason },
    }
}

/// What the answer means.
pub(crate) fn reply(body: &Value) -> Result<PeerReply, PeerError> {
    if !body["success"].as_bool() {
        return Err(crate::reply::refused(body));
    }
    Ok(match body["whereabouts"].as_str().as_ref() {
        "arrived" => PeerReply::Whereabouts(Whereabouts::Arrived),
        "withdrawn" => PeerReply::Whereabouts(Whereabouts::Withdrawn),
        _ => PeerReply::Done,
    })
}
