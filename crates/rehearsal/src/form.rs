//! Calls between regions in their wire form: what a call becomes on its way, with HTTP left out.
//!
//! A region whose plot is plain is a model of an OpenSimulator peer: its machines are ours, but it neither says nor
//! hears what only our simulators say to each other. A plain peer of 0.1 and 0.2 asks for access as those do, without
//! saying what it speaks.

use crate::world::{Rehearsal, Where};
use model::{SessionId, Vec3};
use services::RegionInfo;
use simulation::{Incoming, Request, Response, Target};
use std::net::{IpAddr, Ipv4Addr};
use transfer::{Offer, PeerCall, PeerError, PeerReply, Refusal, Version, VersionRange};

/// Where all simulators are, as each other's HTTP sides see it.
const CALLER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));

/// A call on its way: as the caller means it, and as it looks.
#[derive(Clone, Debug)]
pub(crate) struct Letter {
    pub(crate) call: PeerCall,
    pub(crate) request: Request,
}

impl Letter {
    /// What is left of it after a proxy that answers for others, or a cable that bends bits.
    pub(crate) fn spoil(&mut self) {
        self.request.path = "/agent/?".into();
        self.request.body = b"<html>".to_vec();
    }

    /// What the answer means to the caller.
    pub(crate) fn understand(&self, response: &Response) -> Result<PeerReply, PeerError> {
        simulation::reply(&self.call, response.status, &response.body)
    }
}

/// What a simulator says that has nobody to ask.
pub(crate) fn status(status: u16) -> Response {
    Response { status, content_type: "text/plain", body: Vec::new() }
}

/// An answer that makes no sense.
pub(crate) fn garbage() -> Response {
    Response { status: 200, content_type: "text/html", body: b"<html>Welcome to the hotel network!".to_vec() }
}

pub(crate) fn answer(incoming: &Incoming, result: &Result<PeerReply, Refusal>) -> Response {
    simulation::answer(&incoming.form(), result, CALLER)
}

impl Rehearsal {
    /// Writes a call. `tickets`: what the caller believes of the other side.
    pub(crate) fn write(&self, from: Where, to: Where, call: PeerCall, tickets: bool) -> Letter {
        let (caller, called) = (&self.stages[from.0], &self.stages[to.0]);
        let call = if caller.plot.plain { published(call, caller.plot.versions) } else { call };
        let tickets = tickets && !caller.plot.plain;
        let request = simulation::request(&call, &called.info, tickets);
        Letter { call, request }
    }

    /// Reads a call as the region does that is called.
    pub(crate) fn read(&mut self, to: Where, letter: &Letter) -> Result<Incoming, Response> {
        let incoming = match read(&letter.request) {
            Ok(incoming) => incoming,
            Err(status_of_it) => return Err(status(status_of_it)),
        };
        let stage = &self.stages[to.0];
        if stage.plot.plain {
            return hear_plainly(incoming, &letter.request, &stage.info).map_err(status);
        }
        let (info, name) = (stage.info.clone(), stage.plot.name);
        let mine = match incoming.to {
            Target::Region(region) => region == info.id,
            Target::RegionAt(handle) => handle == info.handle,
            Target::AllRegions | Target::Agent(_) => true,
        };
        if !mine {
            self.fail(format!("{name} gets a call for another region: {:?}", incoming.to));
        }
        Ok(incoming)
    }
}

fn read(request: &Request) -> Result<Incoming, u16> {
    let Request { method, path, content_type, body } = request;
    simulation::read(method, path, *content_type, None, body).map_err(|rejected| rejected.status)
}

/// A plain simulator has no paths of ours, and passes over what is under our key.
fn hear_plainly(incoming: Incoming, request: &Request, info: &RegionInfo) -> Result<Incoming, u16> {
    if request.path.starts_with("/sojourn/") {
        return Err(404);
    }
    // Written once more without our key, so that the answer is without it too.
    read(&simulation::request(&without_tickets(incoming.call), info, false))
}

/// What is left of a call when it comes from a plain peer that speaks these versions.
fn published(call: PeerCall, versions: VersionRange) -> PeerCall {
    let mut call = without_tickets(call);
    if let PeerCall::QueryAccess(query) = &mut call
        && versions.high < Version::V0_3
    {
        query.offer = Offer::Silent;
        query.position = if query.via_teleport { Vec3::ZERO } else { query.position };
    }
    call
}

/// A call without what only our own simulators say.
fn without_tickets(mut call: PeerCall) -> PeerCall {
    match &mut call {
        PeerCall::QueryAccess(query) => {
            query.tickets = false;
            query.session = SessionId::default();
        }
        PeerCall::CreateAgent(create) => {
            (create.claim, create.transfer, create.source) = (None, None, None);
            create.children.iter_mut().for_each(|child| child.claim = None);
        }
        PeerCall::UpdateAgent(data) => {
            data.transfer = None;
            data.children.iter_mut().for_each(|child| child.claim = None);
        }
        PeerCall::CloseChild { claim, .. } => *claim = None,
        _ => {}
    }
    call
}
