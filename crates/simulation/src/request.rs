use crate::body::{JSON, pack};
use crate::{access, agent_data, create, friends, hello, instant, path, tickets, view};
use crate::{body, friends::FORM};
use llsd::{Value, json};
use model::{AgentId, RegionId, SessionId};
use services::RegionInfo;
use transfer::PeerCall;

/// An HTTP request to a simulator.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    /// `QUERYACCESS`, `POST`, `PUT` or `DELETE`.
    pub method: &'static str,
    /// Path and query; begins with `/`.
    pub path: String,
    /// What the body is; `None` when there is none.
    pub content_type: Option<&'static str>,
    /// The body.
    pub body: Vec<u8>,
}

impl Request {
    /// Packed: what carries an outfit compresses well, and every version takes this marking.
    fn packed(method: &'static str, path: String, body: &Value) -> Self {
        Self { method, path, content_type: Some(body::GZIP), body: pack(body) }
    }

    fn json(method: &'static str, path: String, body: String) -> Self {
        Self { method, path, content_type: Some(JSON), body: body.into_bytes() }
    }

    fn delete(path: String) -> Self {
        Self { method: "DELETE", path, content_type: None, body: Vec::new() }
    }
}

/// The request that carries a call. `to`: the called region. `tickets`: the peer knows our extensions; else
/// they are left out, except where nobody can know yet (QUERYACCESS, a neighbour's child agent).
pub fn request(call: &PeerCall, to: &RegionInfo, tickets: bool) -> Request {
    match call {
        PeerCall::QueryAccess(query) => {
            let path = path::agent_in(query.agent, to.id);
            Request::json("QUERYACCESS", path, json::write_with_defaults(&access::body(query)))
        }
        PeerCall::CreateAgent(create) => {
            Request::packed("POST", path::agent(create.agent), &create::body(create, to, tickets))
        }
        PeerCall::UpdateAgent(data) => {
            Request::packed("PUT", path::agent(data.agent), &agent_data::body(data, to, tickets))
        }
        PeerCall::ChildView(view) => Request::packed("PUT", path::agent(view.agent), &view::body(view, to)),
        PeerCall::Release { url, .. } => Request::delete(path::of_url(url)),
        PeerCall::Withdraw { agent, session, .. }
        | PeerCall::EndSession { agent, session, .. }
        | PeerCall::CloseChild { agent, session, .. } => end(call, *agent, *session, to.id, tickets),
        PeerCall::Hello(hello) => {
            let path = format!("/region/{}/", hello.id);
            Request::json("POST", path, json::write(&hello::body(hello, to)))
        }
        PeerCall::InstantMessage(message) => Request {
            method: "POST",
            path: "/".into(),
            content_type: Some("text/xml"),
            body: instant::call(message).into_bytes(),
        },
        PeerCall::FriendStatus { friend, to, online } => of_friends(friends::status(*friend, *to, *online)),
        PeerCall::FriendNews(news) => of_friends(friends::news(news)),
    }
}

fn of_friends(form: String) -> Request {
    Request { method: "POST", path: "/friends".into(), content_type: Some(FORM), body: form.into_bytes() }
}

/// The agent ends. The published protocol has one way to say so.
fn end(call: &PeerCall, agent: AgentId, session: SessionId, region: RegionId, tickets: bool) -> Request {
    match tickets::request(call) {
        Some((what, body)) if tickets => {
            Request::json("POST", path::ours(agent, region, what), json::write(&body))
        }
        // 0.7.5 neither says nor knows which.
        _ if session.is_null() => Request::delete(path::agent_in(agent, region)),
        _ => Request::delete(format!("{}?auth={session}", path::agent_in(agent, region))),
    }
}
