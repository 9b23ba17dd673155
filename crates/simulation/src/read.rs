use crate::answer::Form;
use crate::body::{self, BODY_MAX, Unreadable, is_packed, parse};
use crate::fields::Malformed;
use crate::path::{Place, auth, place};
use crate::{access, agent_data, create, friends, hello, instant, tickets, view};
use llsd::Value;
use model::{AgentId, RegionHandle, RegionId};
use std::borrow::Cow;
use transfer::PeerCall;

/// For whom a request is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Target {
    /// For this region.
    Region(RegionId),
    /// For every region of the process: a view is followed wherever the agent has a child agent.
    AllRegions,
    /// For the region at this place.
    RegionAt(RegionHandle),
    /// For the region where this agent is root.
    Agent(AgentId),
}

/// A request that has come in.
#[derive(Clone, PartialEq, Debug)]
pub struct Incoming {
    /// For whom.
    pub to: Target,
    /// What it says.
    pub call: PeerCall,
    /// The caller used our extension: its key, or a path of ours.
    pub(crate) extended: bool,
}

impl Incoming {
    /// The form that the answer has to have.
    pub fn form(&self) -> Form {
        Form::of(&self.call, self.extended)
    }
}

/// A request that is not passed on, and what to answer.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{status}: {why}")]
pub struct Rejected {
    /// The HTTP status.
    pub status: u16,
    /// The answer's body.
    pub body: &'static str,
    /// Why, for the log; may hold words of the request.
    pub why: String,
}

impl Rejected {
    fn new(status: u16, why: impl Into<String>) -> Self {
        Self { status, body: "false", why: why.into() }
    }
}

impl From<Malformed> for Rejected {
    fn from(Malformed(why): Malformed) -> Self {
        Self::new(400, why)
    }
}

impl From<Unreadable> for Rejected {
    fn from(why: Unreadable) -> Self {
        match why {
            Unreadable::TooLong => Self::new(413, "body too long"),
            Unreadable::Garbage(why) => Self::new(400, why),
        }
    }
}

/// Reads a request. `content_encoding`: of either header that says so, `Content-Encoding` or
/// `X-Content-Encoding`.
///
/// # Errors
/// It is no request of the simulation service, or says what cannot be.
pub fn read(
    method: &str,
    path_and_query: &str,
    content_type: Option<&str>,
    content_encoding: Option<&str>,
    body: &[u8],
) -> Result<Incoming, Rejected> {
    read_unpacked(method, path_and_query, &unpack(content_type, content_encoding, body, BODY_MAX)?)
}

/// Unpacks the body of a request, if it is packed.
///
/// # Errors
/// It cannot be unpacked (400), or has more than `max` bytes then (413). No more are made of it.
pub fn unpack<'a>(
    content_type: Option<&str>,
    content_encoding: Option<&str>,
    body: &'a [u8],
    max: usize,
) -> Result<Cow<'a, [u8]>, Rejected> {
    // What has no body may be marked all the same.
    let packed = !body.is_empty() && is_packed(content_type, content_encoding);
    Ok(body::unpack(body, packed, max)?)
}

/// Reads a request whose body is not packed, or not any more.
///
/// # Errors
/// It is no request of the simulation service, or says what cannot be.
pub fn read_unpacked(method: &str, path_and_query: &str, body: &[u8]) -> Result<Incoming, Rejected> {
    let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
    let place = place(path).ok_or_else(|| Rejected::new(404, "no such path"))?;
    let json = || Ok::<_, Rejected>(parse(body)?);
    match (method, place) {
        ("QUERYACCESS", Place::AgentIn(agent, region)) => {
            let call = PeerCall::QueryAccess(access::read(agent, &json()?)?);
            Ok(Incoming { to: Target::Region(region), call, extended: false })
        }
        ("POST", Place::Agent(agent)) => create(agent, &json()?),
        ("PUT", Place::Agent(agent)) => put(agent, &json()?),
        ("DELETE", Place::AgentIn(agent, region)) => {
            let call = PeerCall::CloseChild { agent, session: auth(query), claim: None };
            Ok(Incoming { to: Target::Region(region), call, extended: false })
        }
        ("DELETE", Place::Release(agent, region)) => {
            let call = PeerCall::Release { agent, url: path.into() };
            Ok(Incoming { to: Target::Region(region), call, extended: false })
        }
        ("POST", Place::Ours(agent, region, what)) => {
            let call = tickets::read(agent, what, &json()?)?;
            Ok(Incoming { to: Target::Region(region), call, extended: true })
        }
        ("POST", Place::Region(region)) => {
            let (at, hello) = hello::read(region, &json()?)?;
            Ok(Incoming { to: Target::RegionAt(at), call: PeerCall::Hello(hello), extended: false })
        }
        ("POST", Place::Friends) => word_of_a_friend(body),
        ("POST", Place::Root) => message(body),
        _ => Err(Rejected::new(405, format!("{method} means nothing there"))),
    }
}

fn create(agent: AgentId, body: &Value) -> Result<Incoming, Rejected> {
    let region = create::destination(body)?;
    let (create, extended) = create::read(agent, body)?;
    Ok(Incoming { to: Target::Region(region), call: PeerCall::CreateAgent(Box::new(create)), extended })
}

/// Without a type it is the agent whole, as others take it.
fn put(agent: AgentId, body: &Value) -> Result<Incoming, Rejected> {
    let (to, call) = match body["message_type"].as_str().as_ref() {
        "AgentPosition" => (Target::AllRegions, PeerCall::ChildView(view::read(agent, body)?)),
        "AgentData" | "" => {
            let region = create::destination(body)?;
            (Target::Region(region), PeerCall::UpdateAgent(Box::new(agent_data::read(agent, body)?)))
        }
        _ => return Err(Rejected::new(400, "message_type: unknown")),
    };
    Ok(Incoming { to, call, extended: false })
}

fn word_of_a_friend(body: &[u8]) -> Result<Incoming, Rejected> {
    if body.len() > friends::FORM_MAX {
        return Err(Rejected::new(413, "form too long"));
    }
    // Others look at the answer alone, never at the status.
    let no = |Malformed(why)| Rejected { status: 200, body: friends::FALSE, why };
    let (to, call) = friends::read(body).map_err(no)?;
    Ok(Incoming { to: Target::Agent(to), call, extended: false })
}

fn message(body: &[u8]) -> Result<Incoming, Rejected> {
    if body.len() > instant::CALL_MAX {
        return Err(Rejected::new(413, "call too long"));
    }
    let message = instant::read(body)?;
    let to = Target::Agent(message.to);
    Ok(Incoming { to, call: PeerCall::InstantMessage(Box::new(message)), extended: false })
}

/// Who says that it sends this, if it says so: the region that a claim, transfer, update or greeting names.
pub fn claimed_source(call: &PeerCall) -> Option<RegionId> {
    match call {
        PeerCall::CreateAgent(create) => create.source.or(create.claim.map(|claim| claim.holder)),
        PeerCall::UpdateAgent(data) => Some(data.source),
        PeerCall::Withdraw { source, .. } => Some(*source),
        PeerCall::CloseChild { claim, .. } => claim.map(|claim| claim.holder),
        PeerCall::Hello(hello) => Some(hello.id),
        _ => None,
    }
}
