//! Datagrams and HTTP between viewers and regions.

use crate::people::Who;
use crate::traffic::{Item, Way, datagram_name, events_name};
use crate::world::{Happening, Rehearsal, Waiting, Where};
use llsd::Value;
use model::CapsSecret;
use region::{Input, Waiter};
use std::net::SocketAddr;
use std::time::Duration;
use viewer::{HttpReply, HttpRequest, RequestId};

/// Packets that say nothing but that time passes; not in the transcript.
const HUM: [&str; 10] = [
    "PacketAck",
    "StartPingCheck",
    "CompletePingCheck",
    "AgentUpdate",
    "LayerData",
    "ImprovedTerseObjectUpdate",
    "SimStats",
    "CoarseLocationUpdate",
    "SimulatorViewerTimeMessage",
    "AvatarAnimation",
];

/// While a way is cut, TCP tries again after so long; what it carries waits.
const TCP_PAUSE: Duration = Duration::from_millis(400);

impl Rehearsal {
    pub(crate) fn send_to_region(&mut self, who: Who, to: SocketAddr, bytes: Vec<u8>) {
        let Some(at) = self.stages.iter().position(|stage| stage.address == to).map(Where) else { return };
        let name = self.name_of(&bytes);
        let item = Item { way: Way::ToRegion, name, who: Some(who), at, from: None };
        let from = self.people[who.0].address;
        let mut fate = self.fate(self.faults.datagrams, &item);
        let lost = fate.copies.is_empty() || fate.refused || self.cuts.contains(&(who, at, Way::ToRegion));
        self.note_packet(&item, lost);
        if lost {
            return;
        }
        let bytes = if fate.garbage { bent(bytes) } else { bytes };
        for delay in std::mem::take(&mut fate.copies) {
            let bytes = bytes.clone();
            self.later(self.now + delay, Happening::ToRegion { at, from, bytes });
        }
    }

    pub(crate) fn send_to_viewer(&mut self, at: Where, to: SocketAddr, bytes: Vec<u8>) {
        let Some(who) = self.people.iter().position(|person| person.address == to).map(Who) else { return };
        let name = self.name_of(&bytes);
        let item = Item { way: Way::ToViewer, name, who: Some(who), at, from: None };
        let mut fate = self.fate(self.faults.datagrams, &item);
        let lost = fate.copies.is_empty() || fate.refused || self.cuts.contains(&(who, at, Way::ToViewer));
        self.note_packet(&item, lost);
        if lost {
            return;
        }
        let from = self.stages[at.0].address;
        let bytes = if fate.garbage { bent(bytes) } else { bytes };
        for delay in std::mem::take(&mut fate.copies) {
            let bytes = bytes.clone();
            self.later(self.now + delay, Happening::ToViewer { who, from, bytes });
        }
    }

    fn name_of(&mut self, bytes: &[u8]) -> &'static str {
        if self.names_matter() { datagram_name(bytes, &mut self.scratch) } else { "" }
    }

    fn note_packet(&self, item: &Item, lost: bool) {
        if HUM.contains(&item.name) {
            return;
        }
        self.note(|| {
            let (region, person) = (self.stages[item.at.0].plot.name, self.name(item.who));
            let arrow = if item.way == Way::ToRegion { "->" } else { "<-" };
            format!("{person} {arrow} {region}: {}{}", item.name, if lost { " (lost)" } else { "" })
        });
    }

    pub(crate) fn name(&self, who: Option<Who>) -> &str {
        who.map_or("?", |who| self.people[who.0].name.as_str())
    }

    /// A viewer makes an HTTP request.
    pub(crate) fn send_request(&mut self, who: Who, request: HttpRequest) {
        let found = self.stages.iter().position(|stage| request.url.starts_with(&stage.info.server_uri));
        let Some(at) = found.map(Where) else {
            let due = self.now + self.faults.http.latency;
            self.later(
                due,
                Happening::Response { who, at: Where(0), id: request.id, reply: HttpReply::Broken },
            );
            return;
        };
        let name = if request.url.ends_with("/events") { "poll" } else { "seed" };
        let item = Item { way: Way::Request, name, who: Some(who), at, from: None };
        let fate = self.fate(self.faults.http, &item);
        let delay = fate.first().filter(|_| !fate.refused);
        self.note(|| {
            let lost = if delay.is_none() { " (lost)" } else { "" };
            let (person, region) = (self.name(Some(who)), self.stages[at.0].plot.name);
            format!("{person} -> {region}: HTTP {name}{lost}")
        });
        if delay.is_none() || fate.garbage {
            self.pause(who, at);
        }
        match delay {
            Some(delay) if fate.garbage => {
                let reply = HttpReply::Value { status: 400, body: Value::Undefined };
                self.later(self.now + delay * 2, Happening::Response { who, at, id: request.id, reply });
            }
            Some(delay) => self.later(self.now + delay, Happening::Request { who, at, request }),
            None => {
                let due = self.now + self.faults.http.latency * 2;
                self.later(due, Happening::Response { who, at, id: request.id, reply: HttpReply::Broken });
            }
        }
    }

    /// A request has come to the region's simulator.
    pub(crate) fn serve(&mut self, who: Who, at: Where, request: HttpRequest) {
        if self.cuts.contains(&(who, at, Way::Request)) {
            if !self.is_over(who) {
                self.later(self.now + TCP_PAUSE, Happening::Request { who, at, request });
            }
            return;
        }
        let Some(caps) = secret_in(&request.url, &self.stages[at.0].info.server_uri) else {
            return self.respond(
                who,
                at,
                request.id,
                HttpReply::Value { status: 404, body: Value::Undefined },
                "404",
            );
        };
        if self.stages[at.0].region.is_none() {
            return self.respond(who, at, request.id, HttpReply::Broken, "refused");
        }
        let from = self.people[who.0].address.ip();
        if request.url.ends_with("/events") {
            let field = |name| match &request.body {
                Value::Map(map) => map.get(name),
                _ => None,
            };
            let ack = field("ack").and_then(|ack| match ack {
                Value::Integer(ack) => Some(*ack),
                _ => None,
            });
            let done = matches!(field("done"), Some(Value::Boolean(true)));
            let waiter = self.new_waiter(at, Waiting::Poll { who, id: request.id, caps });
            self.drive(at, Input::Poll { caps, ack, done, waiter, from });
        } else if self.stages[at.0].open_caps.contains_key(&caps) {
            self.drive(at, Input::SeedFetched { caps, from });
            let url = format!("{}CAPS/{caps}0000/events", self.stages[at.0].info.server_uri);
            let body = Value::Map([("EventQueueGet".to_string(), Value::String(url))].into_iter().collect());
            self.respond(who, at, request.id, HttpReply::Value { status: 200, body }, "seed");
        } else {
            self.respond(
                who,
                at,
                request.id,
                HttpReply::Value { status: 404, body: Value::Undefined },
                "404",
            );
        }
    }

    /// The region answers a poll.
    pub(crate) fn answer_poll(&mut self, at: Where, waiter: Waiter, body: Option<String>) {
        let Some((_, Waiting::Poll { who, id, caps })) = self.waiting.remove(&waiter) else { return };
        let name = body.as_deref().map_or("404", events_name);
        if body.is_none() && self.has_plain() {
            self.ended_queues.insert((who, at));
        }
        let reply = match body {
            Some(body) => HttpReply::Answer { status: 200, body: body.into_bytes() },
            None => HttpReply::Value { status: 404, body: Value::Undefined },
        };
        if !self.respond_or_break(who, at, id, reply, name) {
            // The server finds out when it writes.
            let run = self.stages[at.0].run;
            self.later(self.now + self.faults.http.latency, Happening::PollBroken { at, run, caps, waiter });
        }
    }

    fn respond(&mut self, who: Who, at: Where, id: RequestId, reply: HttpReply, name: &'static str) {
        self.respond_or_break(who, at, id, reply, name);
    }

    /// `false`: the connection broke.
    fn respond_or_break(
        &mut self,
        who: Who,
        at: Where,
        id: RequestId,
        reply: HttpReply,
        name: &'static str,
    ) -> bool {
        let item = Item { way: Way::Response, name, who: Some(who), at, from: None };
        let fate = self.fate(self.faults.http, &item);
        let delay = fate.first().filter(|_| !fate.refused);
        if delay.is_none() || fate.garbage {
            self.pause(who, at);
        }
        let reply =
            if fate.garbage { HttpReply::Answer { status: 200, body: b"<html>".to_vec() } } else { reply };
        self.note(|| {
            let lost = if delay.is_none() { " (lost)" } else { "" };
            let (person, region) = (self.name(Some(who)), self.stages[at.0].plot.name);
            format!("{person} <- {region}: HTTP {name}{lost}")
        });
        let (due, reply) = match delay {
            Some(delay) => (self.now + delay, reply),
            None => (self.now + self.faults.http.latency, HttpReply::Broken),
        };
        self.later(due, Happening::Response { who, at, id, reply });
        delay.is_some()
    }

    pub(crate) fn deliver_response(&mut self, who: Who, at: Where, id: RequestId, reply: HttpReply) {
        if self.cuts.contains(&(who, at, Way::Response)) {
            if !self.is_over(who) {
                self.later(self.now + TCP_PAUSE, Happening::Response { who, at, id, reply });
            }
            return;
        }
        self.answer_request(who, id, reply);
    }

    /// The viewer ends a request: its connection closes.
    pub(crate) fn cancel_request(&mut self, who: Who, request: RequestId) {
        let found = self.waiting.iter().find_map(|(waiter, (at, waiting))| match waiting {
            Waiting::Poll { who: whose, id, caps } if (*whose, *id) == (who, request) => {
                Some((*waiter, *at, *caps))
            }
            _ => None,
        });
        if let Some((waiter, at, caps)) = found {
            let run = self.stages[at.0].run;
            self.later(self.now + self.faults.http.latency, Happening::PollBroken { at, run, caps, waiter });
        }
    }
}

/// A datagram that a cable has bent, badly enough that nobody takes it for another.
fn bent(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.truncate(5);
    bytes
}

/// The secret in a capability's URL: `<base>CAPS/<secret>0000/...`.
fn secret_in(url: &str, base: &str) -> Option<CapsSecret> {
    let secret = url.strip_prefix(base)?.strip_prefix("CAPS/")?.get(..36)?;
    secret.parse().ok().map(CapsSecret)
}
