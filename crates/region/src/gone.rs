//! The end of a departure: the agent is somewhere else, or it stays. What is left of it here is closed in the end,
//! unless it is wanted again (C1 to C1B).

use crate::agent::{Agent, ChildLink, Farewell, Leaving};
use crate::calls::Pending;
use crate::doubt::Doubt;
use crate::interface::*;
use crate::region::{Context, Region};
use agent::event;
use model::{AgentId, SessionId, Uuid};
use services::RegionInfo;
use std::sync::Arc;
use transfer::{
    Act, ArrivalInput, ChildrenClosedBy, DepartureInput, Mutant, Outcome, PeerCall, PeerError, PeerReply,
    Protocol, Refusal, Stage, Step, TransferId, Verdict, Whereabouts,
};

impl Region {
    /// The agent is root over there: here it looks in, if at all.
    pub(crate) fn demote(&mut self, cx: &mut Context<'_>, id: AgentId) {
        self.scene.freeze(cx.now, id, false);
        self.scene.make_child(id, &mut self.scene_events);
        let alone = (Party::Source, Party::Source);
        self.note_going(cx, id, Act::Source(Step::Demote), alone, "child agent", "");
        self.trace_life(cx, || format!("Making {id} a child agent"));
        // Should the viewer come back, it must not be sent away once more.
        self.take_back_finish(id);
        self.send_things_after(cx, id);
        let now = cx.now;
        if let Some(agent) = self.agents.get_mut(&id) {
            (agent.since, agent.ending) = (now, None);
            agent.baggage = Arc::default();
            agent.unladen = None;
            // What is still unsaid of its coming would be taken for a word about its going.
            agent.releasing = None;
            agent.wish = None;
            agent.survey_at = None;
            agent.unused_until = now + crate::agent::UNUSED_CHILD;
        }
        self.arrive(cx, id, ArrivalInput::Demoted);
    }

    /// C1.
    pub(crate) fn begin_grace(&mut self, cx: &mut Context<'_>, id: AgentId) {
        let patience = self.config.patience;
        let Some(agent) = self.agents.get_mut(&id) else { return };
        let Some(leaving) = &agent.leaving else { return };
        let Some(destination) = leaving.destination.clone() else { return };
        let plan = leaving.machine.plan();
        let farewell = Farewell {
            at: cx.now + patience.grace_of(plan.version),
            transfer: leaving.machine.id(),
            kind: leaving.kind(),
            destination,
            version: plan.version,
            tickets: plan.tickets,
            release: leaving.release,
        };
        // A peer without claims that looks in here will say when it does so no more.
        if leaving.in_sight && !plan.tickets {
            agent.looked_in = true;
            agent.kept_until = Some(cx.now + crate::agent::CHILD_LEASE);
        }
        agent.farewell = Some(farewell);
    }

    /// C1 for an agent of which it turned out later that it had gone.
    pub(crate) fn begin_late_grace(&mut self, cx: &mut Context<'_>, id: AgentId, doubt: &Doubt) {
        let grace = self.config.patience.grace;
        let Some(agent) = self.agents.get_mut(&id) else { return };
        agent.farewell = Some(Farewell {
            at: cx.now + grace,
            transfer: doubt.transfer,
            kind: "teleport",
            destination: doubt.region.clone(),
            version: doubt.version,
            tickets: doubt.tickets,
            release: None,
        });
    }

    /// Whether a region is so near that an agent there looks in here, and the other way.
    pub(crate) fn in_sight(&self, agent: &Agent, region: &RegionInfo) -> bool {
        let view = crate::neighbours::view_m(agent.draw_distance_m);
        agent.children.contains_key(&region.handle) || self.info.rect().gap_m(region.rect()) < view
    }

    /// 0.1, T1: child agents that will be out of sight are closed before the viewer goes.
    pub(crate) fn close_children_first(&mut self, cx: &mut Context<'_>, id: AgentId) {
        let Some((agent, _, destination)) = self.on_its_way(id) else { return };
        let view = crate::neighbours::view_m(agent.draw_distance_m);
        let hidden: Vec<_> = agent
            .children
            .iter()
            .filter(|(_, child)| child.region.id != destination.id)
            .filter(|(_, child)| child.region.rect().gap_m(destination.rect()) >= view)
            .map(|(&handle, _)| handle)
            .collect();
        let session = agent.session;
        for handle in hidden {
            let Some(agent) = self.agents.get_mut(&id) else { return };
            let Some(child) = agent.children.remove(&handle) else { continue };
            if let Some(leaving) = &mut agent.leaving {
                leaving.closed_children = true;
            }
            self.close_child_of(cx, (id, session), child, Act::Source(Step::CloseChildren));
        }
    }

    /// C1A, C1B: what nobody has claimed in the meantime is closed.
    pub(crate) fn finish_farewell(&mut self, cx: &mut Context<'_>, id: AgentId) {
        let Some(agent) = self.agents.get_mut(&id) else { return };
        let due = agent.farewell.as_ref().is_some_and(|farewell| farewell.at <= cx.now);
        let Some(farewell) = due.then(|| agent.farewell.clone()).flatten() else { return };
        let session = agent.session;
        let view = crate::neighbours::view_m(agent.draw_distance_m);
        let by_us = Protocol::of(farewell.version).children == ChildrenClosedBy::SourceLast;
        for child in std::mem::take(&mut agent.children).into_values() {
            // A claim closes nothing that the destination keeps. Without claims the one who may close is the one that
            // the version names.
            let hidden = child.region.rect().gap_m(farewell.destination.rect()) >= view;
            let closes = (farewell.tickets && child.tickets) || (by_us && hidden);
            if !closes {
                continue;
            }
            self.close_child_of(cx, (id, session), child, Act::CloseOld);
        }
        let Some(agent) = self.agents.get(&id) else { return };
        let kept = (agent.claim.is_some() || agent.looked_in) && !self.shutting_down;
        let wanted = kept || agent.arrival.verdict() != Verdict::Child;
        let (act, done) = if wanted { (Act::Keep, "kept") } else { (Act::CloseOld, "closed") };
        self.note_going(cx, id, act, (Party::Source, Party::Source), done, "");
        if let Some(agent) = self.agents.get_mut(&id) {
            agent.farewell = None;
        }
        if wanted {
            self.trace_life(cx, || format!("Not closing child agent {id}: it is wanted again"));
            return;
        }
        self.trace_life(cx, || format!("Closing agent {id} after teleport"));
        self.close_agent(cx, id);
    }

    /// CloseAgent to a neighbour that the agent looked into from here.
    fn close_child_of(
        &mut self,
        cx: &mut Context<'_>,
        (id, session): (AgentId, SessionId),
        child: ChildLink,
        act: Act,
    ) {
        let says = (Party::Source, Party::Neighbour(child.region.name.clone()));
        self.note_going(cx, id, act, says, "CloseAgent", "");
        let call = child.close(id, session);
        self.tell_peer(cx, child.region, call, child.tickets);
    }

    /// ReleaseAgent (0.1, T9B): the agent is root over there, or (since 0.7) its viewer has settled. The secret is good
    /// for one transfer; said twice, it says nothing new.
    pub(crate) fn released(&mut self, cx: &mut Context<'_>, id: AgentId, url: &str) -> Result<(), Refusal> {
        let secret = url.trim_end_matches('/').rsplit('/').next().and_then(|last| last.parse::<Uuid>().ok());
        let unknown = || Refusal::new("That release is of no transfer here.");
        let agent = self.agents.get_mut(&id).filter(|_| secret.is_some()).ok_or_else(unknown)?;
        let leaving = agent.leaving.as_ref().is_some_and(|leaving| leaving.release == secret);
        let says = (Party::Destination, Party::Source);
        if leaving {
            self.note_going(cx, id, Act::Release, says, "ReleaseAgent", "");
            self.depart(cx, id, DepartureInput::Released);
            return Ok(());
        }
        let doubted = agent.doubt.as_ref().is_some_and(|doubt| doubt.release == secret);
        if doubted {
            // Who has begun to leave again will find out by that.
            if agent.leaving.is_none() {
                self.give_way(cx, id);
            }
            return Ok(());
        }
        let settled = cx.now + self.config.patience.settled;
        let farewell =
            agent.farewell.as_mut().filter(|farewell| farewell.release == secret).ok_or_else(unknown)?;
        // 0.7: the viewer has settled, so little has to be kept for it any longer.
        if Protocol::of(farewell.version).release == Some(transfer::ReleaseWhen::Settled) {
            farewell.at = farewell.at.min(settled);
        }
        self.note_going(cx, id, Act::Release, says, "ReleaseAgent", "");
        self.finish_farewell(cx, id);
        self.touch(id);
        Ok(())
    }

    pub(crate) fn ask_to_withdraw(&mut self, cx: &mut Context<'_>, id: AgentId, await_answer: bool) {
        let Some((agent, leaving, destination)) = self.on_its_way(id) else { return };
        let (session, transfer) = (agent.session, leaving.machine.id());
        let tickets = leaving.machine.plan().tickets;
        let patience = self.config.patience.withdrawal;
        let pending = Pending::Withdrawal { agent: id, transfer };
        if tickets {
            let asks = (Party::Source, Party::Destination);
            let call = PeerCall::Withdraw { agent: id, session, source: self.config.id, transfer };
            self.note_going(cx, id, Act::FindOut, asks, call.name(), "");
            match await_answer {
                true => self.call_peer(cx, destination, call, tickets, patience, pending),
                // Said until it is heard, or the destination would keep what it has made.
                false => self.tell_peer(cx, destination, call, tickets),
            }
        } else if await_answer {
            // Such a peer can only be told to close whatever it has. Before that the grid is asked, to which it reports
            // an arrival at once.
            self.ask_grid_where(cx, id);
        } else {
            self.close_over_there(cx, id);
        }
    }

    /// CloseAgent to a destination without tickets, before the viewer was told to go.
    fn close_over_there(&mut self, cx: &mut Context<'_>, id: AgentId) {
        let Some((agent, leaving, destination)) = self.on_its_way(id) else { return };
        // A child agent that the viewer looks in with stays, also when CreateAgent has not been answered.
        if leaving.connected || agent.children.contains_key(&destination.handle) {
            return;
        }
        let call = PeerCall::CloseChild { agent: id, session: agent.session, claim: None };
        let says = (Party::Source, Party::Destination);
        self.note_going(cx, id, Act::FindOut, says, call.name(), "");
        self.tell_peer(cx, destination, call, false);
    }

    /// The grid has heard of no arrival at a destination without tickets. That is the last word only when nobody can
    /// arrive there any more.
    fn close_and_ask_again(&mut self, cx: &mut Context<'_>, id: AgentId) {
        let Some((agent, leaving, destination)) = self.on_its_way(id) else { return };
        let (session, transfer) = (agent.session, leaving.machine.id());
        let call = PeerCall::CloseChild { agent: id, session, claim: None };
        let says = (Party::Source, Party::Destination);
        self.note_going(cx, id, Act::FindOut, says, call.name(), "");
        let pending = Pending::Withdrawal { agent: id, transfer };
        self.call_peer(cx, destination.clone(), call, false, self.config.patience.withdrawal, pending);
        if let Some(agent) = self.agents.get_mut(&id) {
            // Whatever it was, the viewer must be told of it anew.
            let looked_in = agent.children.remove(&destination.handle).is_some();
            if let Some(leaving) = &mut agent.leaving {
                leaving.closed_children |= looked_in;
            }
        }
    }

    fn ask_grid_where(&mut self, cx: &mut Context<'_>, id: AgentId) {
        let Some((agent, leaving, _)) = self.on_its_way(id) else { return };
        let (session, transfer) = (agent.session, leaving.machine.id());
        let pending = Pending::Withdrawal { agent: id, transfer };
        let asks = (Party::Source, Party::Grid);
        self.note_going(cx, id, Act::FindOut, asks, "getagent", "");
        self.call_grid(cx, GridCall::Presence(session), self.config.patience.withdrawal, pending);
    }

    pub(crate) fn withdrawal_answered(
        &mut self,
        cx: &mut Context<'_>,
        id: AgentId,
        transfer: TransferId,
        result: Result<Reply, PeerError>,
    ) {
        let Some(leaving) = self.agents.get(&id).and_then(|agent| agent.leaving.as_ref()) else { return };
        if leaving.machine.id() != transfer {
            return;
        }
        let there = leaving.destination.as_ref().map(|destination| destination.id);
        let (seen_here, closed_there) = (leaving.seen_here, leaving.closed_there);
        let tickets = leaving.machine.plan().tickets;
        let has_gone = |said| self.has_gone(said, there, seen_here);
        let whereabouts = match result {
            Ok(Reply::Peer(PeerReply::Whereabouts(whereabouts))) => whereabouts,
            Ok(Reply::Presence(said)) if has_gone(said) => Whereabouts::Arrived,
            Ok(Reply::Presence(_)) if closed_there => Whereabouts::Withdrawn,
            Ok(Reply::Presence(_)) => return self.close_and_ask_again(cx, id),
            Ok(Reply::Peer(PeerReply::Done)) if !tickets => {
                if let Some(leaving) = self.agents.get_mut(&id).and_then(|agent| agent.leaving.as_mut()) {
                    leaving.closed_there = true;
                }
                return self.ask_grid_where(cx, id);
            }
            // No answer is left to the machine's own clock: it asks again.
            _ => return,
        };
        let says = (Party::Destination, Party::Source);
        self.note_going(cx, id, Act::FindOut, says, "answer", format!("{whereabouts:?}"));
        self.depart(cx, id, DepartureInput::Whereabouts(Some(whereabouts)));
    }

    /// The agent stays.
    pub(crate) fn unfreeze(&mut self, cx: &mut Context<'_>, id: AgentId) {
        self.scene.freeze(cx.now, id, false);
        self.take_back_start(id);
        self.take_back_finish(id);
        let leaving = self.agents.get(&id).and_then(|agent| agent.leaving.as_ref());
        let closed_children = leaving.is_some_and(|leaving| leaving.closed_children);
        if leaving.is_some_and(|leaving| leaving.unwelcomed) {
            self.send_movement_complete(cx, id);
        }
        if closed_children {
            self.survey(cx, id);
        }
    }

    pub(crate) fn departure_failed(&mut self, cx: &mut Context<'_>, id: AgentId, reason: &str) {
        if self.config.patience.is(Mutant::FailureUntold) {
            return;
        }
        let leaving = self.agents.get(&id).and_then(|agent| agent.leaving.as_ref());
        let crossing = leaving.is_some_and(|leaving| leaving.machine.plan().crossing);
        let says = (Party::Source, Party::Viewer);
        let message = if crossing { "AlertMessage" } else { "TeleportFailed" };
        self.note_going(cx, id, Act::FindOut, says, message, reason);
        if crossing {
            // There is no message for it: the avatar is held at the border, and a notice says why.
            self.scene.border_refused(cx.now, id, &mut self.scene_events);
            self.alert(cx, id, reason, None);
        } else {
            self.tell_failed(cx, id, reason);
        }
    }

    pub(crate) fn tell_failed(&mut self, cx: &mut Context<'_>, id: AgentId, reason: &str) {
        self.push_event(cx, id, event::teleport_failed(id, reason));
    }

    pub(crate) fn departure_over(&mut self, cx: &mut Context<'_>, id: AgentId, outcome: &Outcome) {
        let subject = self.agents.get(&id).and_then(|agent| agent.going(self.config.id));
        let Some(leaving) = self.agents.get_mut(&id).and_then(|agent| agent.leaving.take()) else { return };
        self.stir_closing();
        let kind = leaving.kind();
        *self.stats.transfers.entry((kind, outcome.name())).or_default() += 1;
        let took = cx.now.since(leaving.request.asked);
        let how = match outcome {
            Outcome::Departed => format!("{} ms", took.as_millis()),
            Outcome::Stayed(failure) | Outcome::LoggedOut(failure) => {
                let step = Act::Source(failure.step).published(leaving.machine.plan().version);
                format!("{} ms, at {step} ({:?}): {:?}", took.as_millis(), failure.step, failure.cause)
            }
        };
        self.note_outcome(cx, id, subject, outcome.name(), how.clone());
        self.trace_life(cx, || format!("Agent {id} cleared from transit: {kind} {}, {how}", outcome.name()));
        match outcome {
            Outcome::Departed if leaving.logging_out => self.end_over_there(cx, id, &leaving),
            Outcome::Stayed(_) if leaving.machine.in_doubt() => self.begin_doubt(cx, id, &leaving),
            Outcome::Stayed(failure) if failure.stage == Stage::ToldToGo => {
                if let Some(doubt) = Doubt::about(&leaving) {
                    self.confirm_stay(cx, id, Box::new(doubt));
                }
            }
            Outcome::Departed | Outcome::Stayed(_) => {}
            Outcome::LoggedOut(_) => {
                if leaving.logging_out && leaving.machine.in_doubt() {
                    self.end_over_there(cx, id, &leaving);
                }
                self.session_over(cx, id);
            }
        }
    }

    /// The user logged out here while the agent was arriving there.
    fn end_over_there(&mut self, cx: &mut Context<'_>, id: AgentId, leaving: &Leaving) {
        let (Some(agent), Some(destination)) = (self.agents.get(&id), leaving.destination.clone()) else {
            return;
        };
        let call = PeerCall::EndSession { agent: id, session: agent.session, reason: String::new() };
        self.tell_peer(cx, destination, call, leaving.machine.plan().tickets);
    }
}
