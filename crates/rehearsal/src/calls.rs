//! Calls between regions, and everything else that a region wants done.

use crate::traffic::{Item, Way, answer_text, call_name, session_of};
use crate::world::{Happening, Rehearsal, Report, Waiting, Where};
use model::Moment;
use region::{CallId, Effect, GridNotice, Input, Reply, Waiter};
use std::time::Duration;
use transfer::{PeerCall, PeerError, PeerReply, Refusal};

impl Rehearsal {
    pub(crate) fn carry_out(&mut self, at: Where, effect: Effect) {
        match effect {
            Effect::CallPeer { id, region, call, tickets: _, timeout } => {
                let to = self.stages.iter().position(|stage| stage.info.id == region.id).map(Where);
                self.expect_answer(at, id, timeout);
                if let Some(to) = to {
                    self.send_call(at, id, to, call);
                }
            }
            Effect::CallGrid { id, call, timeout } => {
                self.expect_answer(at, id, timeout);
                self.ask_grid(at, id, &call);
            }
            Effect::TellGrid(notice) => self.tell_grid(at, notice),
            Effect::Answer { waiter, result } => self.answer_call(at, waiter, result),
            Effect::EventQueue { waiter, body } => self.answer_poll(at, waiter, body),
            Effect::OpenCaps { caps, agent, session } => {
                if self.stages[at.0].open_caps.insert(caps, (agent, session)).is_some() {
                    self.fail(format!("{} opens capabilities twice", self.stages[at.0].plot.name));
                }
            }
            Effect::CloseCaps { caps } => {
                if self.stages[at.0].open_caps.remove(&caps).is_none() {
                    self.fail(format!(
                        "{} closes capabilities that are not open",
                        self.stages[at.0].plot.name
                    ));
                }
            }
            Effect::Trace(line) => self.note(|| {
                // Names are easier to follow than ids.
                let named = self.people.iter().fold(line.text.clone(), |text, person| {
                    text.replace(&person.agent.to_string(), &person.name)
                });
                format!("    {named}")
            }),
            Effect::Record(note) => self.note(|| {
                format!(
                    "    [{}] {} {} -> {}: {} {}",
                    note.region, note.step, note.from, note.to, note.message, note.detail
                )
            }),
            // Its last words are out: the simulator lets it go.
            Effect::Closed => self.later(self.now, Happening::Crash { at, restart: false }),
        }
    }

    /// An answer comes, or at last the news that there is none.
    fn expect_answer(&mut self, at: Where, id: CallId, timeout: Duration) {
        let stage = &mut self.stages[at.0];
        stage.questions.insert(id);
        let run = stage.run;
        self.later(
            self.now + timeout,
            Happening::Answer { to: at, run, id, result: Err(PeerError::TimedOut) },
        );
    }

    fn send_call(&mut self, from: Where, id: CallId, to: Where, call: PeerCall) {
        let name = call_name(&call);
        let who = self.holder_of(session_of(&call));
        let item = Item { way: Way::Call, name, who, at: to, from: Some(from) };
        let copies = self.fate(self.faults.calls, &item);
        let lost = copies.is_empty() || self.parted.contains(&(from, to));
        self.note_call(&item, "", lost);
        if lost {
            return;
        }
        let run = self.stages[from.0].run;
        for (index, delay) in copies.into_iter().enumerate() {
            let mut due = self.now + delay;
            if index == 0 && !self.faults.calls_overtake {
                let last = self.last_call.entry((from, to)).or_insert(Moment::ZERO);
                *last = due.max(*last);
                due = *last;
            }
            let call = call.clone();
            self.later(due, Happening::Call { from, run, id, to, call });
        }
    }

    fn note_call(&self, item: &Item, text: &str, lost: bool) {
        self.note(|| {
            let name = |at: Where| self.stages[at.0].plot.name;
            let (from, whom) = (item.from.map_or("?", name), self.name(item.who));
            let arrow = if item.way == Way::Call { "=>" } else { "<=" };
            let lost = if lost { " (lost)" } else { "" };
            format!("{from} {arrow} {}: {} of {whom} {text}{lost}", name(item.at), item.name)
        });
    }

    pub(crate) fn deliver_call(&mut self, from: Where, run: u32, id: CallId, to: Where, call: PeerCall) {
        if self.stages[to.0].region.is_none() {
            let result = Err(PeerError::Unreachable("connection refused".into()));
            let due = self.now + self.faults.calls.latency;
            return self.later(due, Happening::Answer { to: from, run, id, result });
        }
        let (who, name) = (self.holder_of(session_of(&call)), call_name(&call));
        let waiter = self.new_waiter(to, Waiting::Peer { from, run, id, who, name });
        self.drive(to, Input::Peer { call, waiter });
    }

    fn answer_call(&mut self, at: Where, waiter: Waiter, result: Result<PeerReply, Refusal>) {
        match self.waiting.remove(&waiter) {
            Some((_, Waiting::Peer { from, run, id, who, name })) => {
                let item = Item { way: Way::Answer, name, who, at, from: Some(from) };
                let copies = self.fate(self.faults.calls, &item);
                let delay = copies.first().copied().filter(|_| !self.parted.contains(&(at, from)));
                self.note_call(&item, &answer_text(&result), delay.is_none());
                if let Some(delay) = delay {
                    let result = result.map(Reply::Peer).map_err(PeerError::Refused);
                    self.later(self.now + delay, Happening::Answer { to: from, run, id, result });
                }
            }
            Some((_, Waiting::Login)) => {
                self.login_answers.insert(waiter, result);
            }
            Some((_, Waiting::Poll { .. })) => self.fail("a poll was answered like a call".to_string()),
            None => self.fail("a call was answered twice, or nobody had made it".to_string()),
        }
    }

    fn tell_grid(&mut self, at: Where, notice: GridNotice) {
        match notice {
            GridNotice::Arrived { session, .. } => self.report(session, Report::Arrived(at)),
            GridNotice::LoggedOut { session, .. } => self.report(session, Report::LoggedOut(at)),
            GridNotice::SetHome { agent, place } => {
                self.homes.insert(agent, place);
            }
            GridNotice::Outfit { .. } => {}
        }
    }

    fn report(&mut self, session: model::SessionId, report: Report) {
        self.note(|| {
            let (Report::Arrived(at) | Report::LoggedOut(at)) = report;
            let verb = if matches!(report, Report::Arrived(_)) { "arrived in" } else { "logged out of" };
            format!("grid: {} {verb} {}", self.whose(session), self.stages[at.0].plot.name)
        });
        self.presence.entry(session).or_default().push(report);
    }
}
