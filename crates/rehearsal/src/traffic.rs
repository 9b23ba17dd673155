//! What travels, by name, so that faults and transcripts can speak of it.

use crate::people::Who;
use crate::world::Where;
use model::SessionId;
use std::fmt;
use transfer::{PeerCall, PeerReply};

/// Which way something takes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Way {
    /// A datagram from a viewer to a region.
    ToRegion,
    /// A datagram from a region to a viewer.
    ToViewer,
    /// A viewer's HTTP request.
    Request,
    /// Its answer; for the event queue the name is that of the first event in it.
    Response,
    /// A call from one region to another.
    Call,
    /// Its answer.
    Answer,
    /// A question to the grid.
    Question,
    /// Its answer.
    Reply,
}

impl Way {
    /// Between a viewer and a region.
    pub(crate) fn is_viewers(self) -> bool {
        matches!(self, Self::ToRegion | Self::ToViewer | Self::Request | Self::Response)
    }
}

/// A kind of thing on its way.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Traffic {
    /// Which way.
    pub way: Way,
    /// The message's published name, or that of the call.
    pub name: &'static str,
}

/// A single thing on its way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Item {
    pub(crate) way: Way,
    pub(crate) name: &'static str,
    /// The viewer at one end, if there is one.
    pub(crate) who: Option<Who>,
    /// The region at the other end; of a call, the one that is called.
    pub(crate) at: Where,
    /// Of a call: the one that calls.
    pub(crate) from: Option<Where>,
}

impl fmt::Display for Traffic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.way, self.name)
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ToRegion => "viewer's",
            Self::ToViewer => "region's",
            Self::Request => "request",
            Self::Response => "response",
            Self::Call => "call",
            Self::Answer => "answer",
            Self::Question => "grid question",
            Self::Reply => "grid reply",
        })
    }
}

/// The message in a datagram.
pub(crate) fn datagram_name(bytes: &[u8], scratch: &mut Vec<u8>) -> &'static str {
    let Ok(datagram) = lludp::header::open(bytes, scratch) else { return "garbage" };
    let Ok((id, _)) = lludp::template::split_number(datagram.body) else { return "garbage" };
    lludp::MessageInfo::by_id(id).map_or("unknown", |info| info.name)
}

pub(crate) fn call_name(call: &PeerCall) -> &'static str {
    match call {
        PeerCall::CreateAgent(create) if create.flags.is_empty() && create.transfer.is_none() => {
            "CreateChild"
        }
        call => call.name(),
    }
}

/// Whom a call is about: the session; null where it names none.
pub(crate) fn session_of(call: &PeerCall) -> SessionId {
    match call {
        PeerCall::QueryAccess(query) => query.session,
        PeerCall::CreateAgent(create) => create.session,
        PeerCall::UpdateAgent(data) => data.session,
        PeerCall::ChildView(view) => view.session,
        PeerCall::Withdraw { session, .. }
        | PeerCall::CloseChild { session, .. }
        | PeerCall::EndSession { session, .. } => *session,
        PeerCall::Release { .. }
        | PeerCall::Hello(_)
        | PeerCall::InstantMessage(_)
        | PeerCall::FriendStatus { .. }
        | PeerCall::FriendNews(_) => SessionId::default(),
    }
}

pub(crate) fn answer_text(result: &Result<PeerReply, transfer::Refusal>) -> String {
    match result {
        Ok(PeerReply::Access(_)) => "granted".into(),
        Ok(PeerReply::Created(created)) => format!("created (existed: {})", created.existed),
        Ok(PeerReply::Whereabouts(whereabouts)) => format!("{whereabouts:?}"),
        Ok(PeerReply::Done) => "done".into(),
        Err(refusal) => format!("refused: {refusal}"),
    }
}

/// The events that matter in an answer of the event queue; the rarest names it.
pub(crate) fn events_name(body: &str) -> &'static str {
    const NAMES: [&str; 7] = [
        "TeleportFinish",
        "CrossedRegion",
        "TeleportFailed",
        "EstablishAgentCommunication",
        "EnableSimulator",
        "ParcelProperties",
        "DisableSimulator",
    ];
    NAMES.into_iter().find(|name| body.contains(name)).unwrap_or("no events")
}
