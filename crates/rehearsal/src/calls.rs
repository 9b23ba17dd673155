//! Calls between regions, and everything else that a region wants done.

use crate::form::{self, Letter};
use crate::traffic::{Item, Way, answer_text, call_name, session_of};
use crate::world::{Caller, Happening, Rehearsal, Report, Waiting, Where};
use model::Moment;
use region::{CallId, Effect, GridNotice, Input, Reply, Waiter};
use std::rc::Rc;
use std::time::Duration;
use transfer::{PeerCall, PeerError, PeerReply, Refusal};

impl Rehearsal {
    pub(crate) fn carry_out(&mut self, at: Where, effect: Effect) {
        match effect {
            Effect::CallPeer { id, region, call, tickets, timeout } => {
                let to = self.stages.iter().position(|stage| stage.info.id == region.id).map(Where);
                self.expect_answer(at, id, timeout);
                if let Some(to) = to {
                    self.send_call(at, id, to, call, tickets);
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
            Effect::Session(note) => {
                let name = &self.stages[at.0].plot.name;
                let line = format!("    [{name}] {} of {} {}", note.step, note.agent, note.detail);
                self.note(|| line);
            }
            Effect::Record(note) => {
                self.count_transfer(at, &note);
                self.note(|| {
                    format!(
                        "    [{}] {} {} -> {}: {} {}",
                        note.region, note.step, note.from, note.to, note.message, note.detail
                    )
                });
            }
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

    fn send_call(&mut self, from: Where, id: CallId, to: Where, call: PeerCall, tickets: bool) {
        let name = call_name(&call);
        let who = self.holder_of(session_of(&call));
        let item = Item { way: Way::Call, name, who, at: to, from: Some(from) };
        let fate = self.fate(self.faults.calls, &item);
        let lost = fate.copies.is_empty() || self.parted.contains(&(from, to));
        self.note_call(&item, "", lost);
        if lost {
            return;
        }
        let run = self.stages[from.0].run;
        let mut letter = self.write(from, to, call, tickets);
        if fate.refused {
            let result = Err(PeerError::Unreachable("connection refused".into()));
            return self
                .later(self.now + fate.copies[0] * 2, Happening::Answer { to: from, run, id, result });
        }
        if fate.garbage {
            letter.spoil();
        }
        let letter = Rc::new(letter);
        for (index, delay) in fate.copies.into_iter().enumerate() {
            let mut due = self.now + delay;
            if index == 0 && !self.faults.calls_overtake && !fate.overtaken {
                let last = self.last_call.entry((from, to)).or_insert(Moment::ZERO);
                *last = due.max(*last);
                due = *last;
            }
            let letter = letter.clone();
            self.later(due, Happening::Call { from, run, id, to, letter });
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

    pub(crate) fn deliver_call(&mut self, from: Where, run: u32, id: CallId, to: Where, letter: Rc<Letter>) {
        let back = self.now + self.faults.calls.latency;
        if self.stages[to.0].region.is_none() {
            let result = Err(PeerError::Unreachable("connection refused".into()));
            return self.later(back, Happening::Answer { to: from, run, id, result });
        }
        let incoming = match self.read(to, &letter) {
            Ok(incoming) => incoming,
            Err(response) => {
                let result = letter.understand(&response).map(Reply::Peer);
                return self.later(back, Happening::Answer { to: from, run, id, result });
            }
        };
        let (who, name) = (self.holder_of(session_of(&letter.call)), call_name(&letter.call));
        let call = incoming.call.clone();
        let caller = Caller { from, run, id, who, name, letter, incoming };
        let waiter = self.new_waiter(to, Waiting::Peer(Box::new(caller)));
        self.drive(to, Input::Peer { call, waiter });
    }

    fn answer_call(&mut self, at: Where, waiter: Waiter, result: Result<PeerReply, Refusal>) {
        match self.waiting.remove(&waiter) {
            Some((_, Waiting::Peer(caller))) => self.answer_peer(at, &caller, result),
            Some((_, Waiting::Login)) => {
                self.login_answers.insert(waiter, result);
            }
            Some((_, Waiting::Poll { .. })) => self.fail("a poll was answered like a call".to_string()),
            None => self.fail("a call was answered twice, or nobody had made it".to_string()),
        }
    }

    fn answer_peer(&mut self, at: Where, caller: &Caller, mut result: Result<PeerReply, Refusal>) {
        let Caller { from, run, id, who, name, .. } = *caller;
        let item = Item { way: Way::Answer, name, who, at, from: Some(from) };
        let fate = self.fate(self.faults.calls, &item);
        let delay = fate.first().filter(|_| !self.parted.contains(&(at, from)));
        if fate.refused {
            result = Err(Refusal::new("Not today."));
        }
        self.note_call(&item, &answer_text(&result), delay.is_none());
        let Some(delay) = delay else { return };
        let response = if fate.garbage { form::garbage() } else { form::answer(&caller.incoming, &result) };
        let result = caller.letter.understand(&response).map(Reply::Peer);
        self.later(self.now + delay, Happening::Answer { to: from, run, id, result });
    }

    fn tell_grid(&mut self, at: Where, notice: GridNotice) {
        match notice {
            GridNotice::Arrived { agent, session, visit, .. } => {
                self.report(session, Report::Arrived(at));
                let due = self.now + self.faults.grid.latency;
                let run = self.stages[at.0].run;
                self.later(due, Happening::Reported { at, run, agent, visit });
            }
            GridNotice::LoggedOut { session, .. } => self.report(session, Report::LoggedOut(at)),
            GridNotice::SetHome { agent, place } => {
                self.homes.insert(agent, place);
            }
            GridNotice::Mute { .. }
            | GridNotice::Unmute { .. }
            | GridNotice::MailHeard { .. }
            | GridNotice::Outfit { .. }
            | GridNotice::CameOnline { .. } => {}
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
