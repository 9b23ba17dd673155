use crate::body::parse;
use crate::{access, create, friends, instant, tickets};
use llsd::Value;
use transfer::{PeerCall, PeerError, PeerReply, Refusal, Whereabouts};

/// What a peer's HTTP answer means.
///
/// # Errors
/// The peer refuses, or its answer makes no sense.
pub fn reply(call: &PeerCall, status: u16, body: &[u8]) -> Result<PeerReply, PeerError> {
    if !(200..300).contains(&status) {
        return Err(failed(call, status));
    }
    match call {
        PeerCall::QueryAccess(query) => access::reply(query, &map(body)?).map(PeerReply::Access),
        PeerCall::CreateAgent(create) => create::reply(create, &map(body)?).map(PeerReply::Created),
        PeerCall::UpdateAgent(data) => updated(data.wait_for_root, truth(body)?),
        PeerCall::ChildView(_) => done(truth(body)?, "No such agent there."),
        PeerCall::Release { .. } => Ok(PeerReply::Done),
        // A published answer is a sentence and says nothing.
        PeerCall::Withdraw { .. } | PeerCall::EndSession { .. } | PeerCall::CloseChild { .. } => {
            map(body).map_or(Ok(PeerReply::Done), |body| tickets::reply(&body))
        }
        PeerCall::Hello(_) => done(map(body)?["success"].as_bool(), "Not greeted back."),
        PeerCall::InstantMessage(_) => match instant::is_delivered(body) {
            Some(delivered) => done(delivered, "Not delivered."),
            None => Err(PeerError::Garbage("not an answer to an instant message".into())),
        },
        PeerCall::FriendStatus { .. } | PeerCall::FriendNews(_) => {
            done(friends::is_done(body), "Nobody there to tell.")
        }
    }
}

/// The peer says no in a body that should say why.
pub(crate) fn refused(body: &Value) -> PeerError {
    let reason = crate::fields::text(body, "reason", crate::fields::WORDS_MAX);
    let reason = if reason.is_empty() { "The region refused the agent.".to_owned() } else { reason };
    Refusal::new(reason).into()
}

/// Simulators older than 0.7.5 do not know the method.
fn failed(call: &PeerCall, status: u16) -> PeerError {
    match (call, status) {
        (PeerCall::QueryAccess(_), 405 | 501) => {
            Refusal::new("The simulator of that region is too old to take an agent from here.").into()
        }
        _ => PeerError::Garbage(format!("HTTP status {status} to {}", call.name())),
    }
}

fn done(done: bool, otherwise: &str) -> Result<PeerReply, PeerError> {
    if done { Ok(PeerReply::Done) } else { Err(Refusal::new(otherwise).into()) }
}

fn updated(waited: bool, taken: bool) -> Result<PeerReply, PeerError> {
    match (waited, taken) {
        (true, true) => Ok(PeerReply::Whereabouts(Whereabouts::Arrived)),
        (true, false) => Ok(PeerReply::Whereabouts(Whereabouts::Withdrawn)),
        (false, taken) => done(taken, "The region did not take the agent."),
    }
}

/// The map in a body; where others see a refusal without words, `False`, so do we.
fn map(body: &[u8]) -> Result<Value, PeerError> {
    match truth(body) {
        Ok(false) => Ok(Value::Map(llsd::Map::new())),
        _ => parse(body).map_err(|why| PeerError::Garbage(format!("{why:?}"))),
    }
}

/// `True` or `False`, as .NET writes them.
fn truth(body: &[u8]) -> Result<bool, PeerError> {
    match body.trim_ascii() {
        word if word.eq_ignore_ascii_case(b"true") => Ok(true),
        word if word.eq_ignore_ascii_case(b"false") => Ok(false),
        _ => Err(PeerError::Garbage("neither True nor False".into())),
    }
}
