//! HTTP: seeds and event queues asked, their answers taken.

use std::net::SocketAddr;
use std::time::Duration;

use llsd::Value;
use model::Moment;

use super::events::{is_odd, present};
use super::link::{self, CAPABILITIES_AT_MOST, Seed};
use super::{Core, Pending, Phase, Purpose};
use crate::event::{Disconnect, ViewerEvent};
use crate::http::{HttpReply, HttpRequest, RequestId};
use crate::queue::{Queue, Verdict};

impl Core {
    /// What came of an HTTP request.
    pub fn handle_http(&mut self, now: Moment, id: RequestId, reply: HttpReply) {
        if self.misbehave.deaf {
            return;
        }
        if let Some(pending) = self.pending.remove(&id) {
            let (status, body) = match reply {
                HttpReply::Answer { status, body } => (Some(status), llsd::xml::parse(&body).ok()),
                HttpReply::Value { status, body } => (Some(status), Some(body)),
                HttpReply::Broken => (None, None),
            };
            self.handle_reply(now, pending, status, body);
        }
        self.settle(now);
    }

    pub(super) fn set_seed(&mut self, now: Moment, address: SocketAddr, url: &str) {
        let Some(link) = self.links.get_mut(&address) else { return };
        match &mut link.seed {
            // The same URL is asked once more, and nothing else happens (caps fact sheet, section 3).
            Some(seed) if seed.url == url => seed.ask_again(now),
            seed => {
                *seed = Some(Seed::new(url.to_string(), now));
                link.caps.clear();
                link.queue = None;
                self.cancel_requests(address);
            }
        }
    }

    fn cancel_requests(&mut self, region: SocketAddr) {
        let asked = self.pending.iter().filter(|(_, pending)| pending.region == region).map(|(id, _)| *id);
        for id in asked.collect::<Vec<_>>() {
            self.pending.remove(&id);
            self.cancel_request(id);
        }
    }

    /// The last poll of a region that the agent has left; nothing is made of its answer.
    pub(super) fn end_poll(&mut self, now: Moment, region: SocketAddr) {
        let queue = self.links.get_mut(&region).and_then(|link| link.queue.as_mut());
        let Some((url, ack)) = queue.map(|queue| queue.end()) else { return };
        self.cancel_requests(region);
        let body = link::poll_body(ack, true);
        self.ask(now, region, Purpose::LastPoll, url, body, self.config.poll_patience);
    }

    pub(super) fn cancel_request(&mut self, id: RequestId) {
        match self.http.iter().position(|request| request.id == id) {
            Some(unsent) => drop(self.http.remove(unsent)),
            None => self.cancels.push_back(id),
        }
    }

    pub(super) fn fetches_seeds(&self) -> bool {
        !self.misbehave.never_fetch_seed && !self.misbehave.silent
    }

    pub(super) fn polls(&self) -> bool {
        !self.misbehave.never_poll && !self.misbehave.silent
    }

    pub(super) fn ask_seeds(&mut self, now: Moment) {
        if !self.fetches_seeds() {
            return;
        }
        let mut asked = Vec::new();
        for (address, link) in &mut self.links {
            if let Some(seed) = &mut link.seed
                && seed.due.is_some_and(|at| at <= now)
            {
                seed.due = None;
                seed.tries += 1;
                asked.push((*address, seed.url.clone()));
            }
        }
        for (address, url) in asked {
            let names = link::CAPABILITIES.iter().map(|name| Value::from(*name)).collect();
            self.ask(now, address, Purpose::Seed, url, names, self.config.seed_patience);
        }
    }

    pub(super) fn poll_queues(&mut self, now: Moment) {
        if !self.polls() {
            return;
        }
        let mut asked = Vec::new();
        for (address, link) in &mut self.links {
            if let Some(queue) = &mut link.queue
                && queue.poll(now)
            {
                asked.push((*address, queue.url.clone(), queue.ack));
            }
        }
        for (address, url, ack) in asked {
            let ack = if self.misbehave.never_ack_events { None } else { ack };
            let body = link::poll_body(ack, false);
            self.ask(now, address, Purpose::Poll, url, body, self.config.poll_patience);
        }
    }

    fn ask(
        &mut self,
        now: Moment,
        region: SocketAddr,
        purpose: Purpose,
        url: String,
        body: Value,
        patience: Duration,
    ) {
        let id = RequestId(self.next_request);
        self.next_request += 1;
        self.pending.insert(id, Pending { region, purpose, deadline: now + patience });
        self.http.push_back(HttpRequest { id, url, body, patience });
    }

    pub(super) fn end_overdue_requests(&mut self, now: Moment) {
        let overdue: Vec<(RequestId, Pending)> = self
            .pending
            .iter()
            .filter(|(_, pending)| pending.deadline <= now)
            .map(|(id, pending)| (*id, *pending))
            .collect();
        for (id, pending) in overdue {
            self.pending.remove(&id);
            self.cancel_request(id);
            self.handle_reply(now, pending, None, None);
        }
    }

    fn handle_reply(&mut self, now: Moment, pending: Pending, status: Option<u16>, body: Option<Value>) {
        match pending.purpose {
            Purpose::Seed => self.handle_seed(now, pending.region, status, body),
            Purpose::Poll => self.handle_poll(now, pending.region, status, body),
            Purpose::LastPoll => {}
        }
    }

    fn handle_seed(&mut self, now: Moment, region: SocketAddr, status: Option<u16>, body: Option<Value>) {
        let Some(link) = self.links.get_mut(&region) else { return };
        let granted = match body {
            Some(Value::Map(map)) if status == Some(200) && !map.contains_key("error") => map,
            _ => return self.handle_no_seed(now, region),
        };
        for (name, url) in granted {
            if let Some(url) = url.text()
                && link.caps.len() < CAPABILITIES_AT_MOST
            {
                link.caps.insert(name, url.to_string());
            }
        }
        if link.queue.is_none() {
            link.queue = link.caps.get("EventQueueGet").map(|url| Queue::new(now, url.clone()));
        }
        let event = ViewerEvent::Capabilities { region: link.handle, count: link.caps.len() };
        self.report(event);
        if self.phase == Phase::Seed && region == self.own {
            self.open_first_circuit(now);
        }
    }

    fn handle_no_seed(&mut self, now: Moment, region: SocketAddr) {
        let (tries, pause) = (self.config.seed_tries, self.config.seed_pause);
        let Some(seed) = self.links.get_mut(&region).and_then(|link| link.seed.as_mut()) else { return };
        if seed.tries < tries {
            seed.due = Some(now + pause);
        } else if region == self.own && self.phase == Phase::Seed {
            self.disconnect(now, Disconnect::NoCapabilities);
        }
    }

    fn handle_poll(&mut self, now: Moment, region: SocketAddr, status: Option<u16>, body: Option<Value>) {
        let Some(queue) = self.links.get_mut(&region).and_then(|link| link.queue.as_mut()) else { return };
        let events = match &body {
            Some(body) if status == Some(200) => match &body["events"] {
                Value::Array(events) => Some((present(&body["id"]).map(Value::as_i32), events)),
                _ => None,
            },
            _ => None,
        };
        let Some((id, events)) = events else {
            let verdict = queue.handle_failure(now, status);
            if verdict == Verdict::Failed && region == self.own {
                self.disconnect(now, Disconnect::EventQueueFailed);
            }
            return;
        };
        queue.handle_events(now, id);
        if !events.is_empty() {
            self.counts.batches += 1;
        }
        for event in events {
            self.counts.events += 1;
            self.counts.odd_events += u64::from(is_odd(&event["body"]));
            if self.handle_event(now, region, event).is_none() {
                self.counts.malformed_events += 1;
            }
        }
    }
}
