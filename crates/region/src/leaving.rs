//! The end of a session here, in all its ways; every one goes through [`Region::end_here`] once.

use crate::interface::*;
use crate::region::{Context, Region};
use crate::sessions::SessionEnd;
use circuit::Delivery;
use lludp::messages as m;
use lludp::text;
use model::{AgentId, SessionId};
use std::time::Duration;
use transfer::{DepartureInput, Mutant, PeerCall, TransferKey, Whereabouts};

/// After the last word to a viewer its circuit is kept so long, to repeat that word and to acknowledge what the
/// viewer repeats.
const LINGER: Duration = Duration::from_secs(2);

/// A last word may be under way for so long, and a round trip more: a viewer that has opened its next circuit by then
/// would take it for one about that.
const ECHO: Duration = Duration::from_millis(300);

/// A kicked viewer shows its message and says goodbye in this time.
const KICK_LINGER: Duration = Duration::from_secs(1);

/// On the way down viewers are told, and then not waited for longer than this.
const SHUTDOWN_LINGER: Duration = Duration::from_millis(1500);

/// What a viewer is told whose session the grid does not know any more.
const DISOWNED: &str = "Your session has ended: the grid had lost sight of it. Please log in again.";

/// Bytes of what a kicked viewer shows.
const REASON_BYTES: usize = 1000;

/// Verdicts about transfers of agents that are gone, remembered at most. A source asks within seconds.
pub(crate) const VERDICTS_KEPT: usize = 1024;

impl Region {
    /// LogoutRequest.
    pub(crate) fn log_out(&mut self, cx: &mut Context<'_>, id: AgentId) {
        let Some(agent) = self.agents.get(&id) else { return };
        if agent.closing.is_some() {
            return;
        }
        if !agent.is_root() {
            // Said to the region that was left, or to a neighbour: only the root region ends a session. During a
            // transfer the source is that region until the agent has arrived elsewhere.
            self.stats.forbidden += 1;
            return;
        }
        let session = agent.session;
        // At once: viewers quit after six seconds with or without it.
        let nothing = [m::logout_reply::InventoryData { item_id: uuid::Uuid::nil() }];
        let message = m::LogoutReply {
            agent_data: m::logout_reply::AgentData { agent_id: id.0, session_id: session.0 },
            inventory_data: (&nothing).into(),
        };
        self.note_end(cx, id, "V->R LogoutRequest", "");
        self.send(cx, id, &message, Delivery::CONTROL);
        self.note_end(cx, id, "R->V LogoutReply", "");
        self.stats.logouts += 1;
        self.end_wherever(id);
        self.end_here(cx, id, LINGER, SessionEnd::Logout);
    }

    /// The session of an agent that is on its way out ends also if it has arrived.
    fn end_wherever(&mut self, id: AgentId) {
        if let Some(leaving) = self.agents.get_mut(&id).and_then(|agent| agent.leaving.as_mut()) {
            leaving.logging_out = true;
        }
    }

    /// The user has logged in once more; the older session's agent here goes at once, and wherever it was going.
    pub(crate) fn end_older_login(&mut self, cx: &mut Context<'_>, id: AgentId) {
        self.end_here(cx, id, Duration::ZERO, SessionEnd::NewerLogin);
        let Some(agent) = self.agents.get(&id) else { return };
        let destination = agent
            .leaving
            .as_ref()
            .and_then(|leaving| Some((leaving.destination.clone()?, leaving.machine.plan().tickets)));
        if let Some((destination, tickets)) = destination {
            let call = PeerCall::EndSession { agent: id, session: agent.session, reason: String::new() };
            self.tell_peer(cx, destination, call, tickets);
        }
    }

    /// The viewer has been silent too long, or has closed its circuit.
    pub(crate) fn viewer_vanished(&mut self, cx: &mut Context<'_>, id: AgentId) {
        let Some(agent) = self.agents.get(&id) else { return };
        if agent.is_root() && agent.closing.is_none() {
            self.stats.timeouts += 1;
            self.trace_life(cx, || format!("Lost the viewer of {id}"));
        }
        self.end_here(cx, id, Duration::ZERO, SessionEnd::Timeout);
    }

    /// AgentQuitCopy: the viewer quits and tells its child agents itself.
    pub(crate) fn viewer_quit(&mut self, cx: &mut Context<'_>, id: AgentId) {
        if self.agents.get(&id).is_some_and(|agent| !agent.is_root()) {
            self.drop_agent(cx, id);
        }
    }

    /// From the grid: this session is over.
    pub(crate) fn end_session(
        &mut self,
        cx: &mut Context<'_>,
        id: AgentId,
        session: SessionId,
        reason: &str,
    ) {
        let Some(agent) = self.agents.get(&id).filter(|agent| agent.session == session) else { return };
        if agent.is_root() && !reason.is_empty() {
            self.kick(cx, id, reason, KICK_LINGER, SessionEnd::NewerLogin);
        } else if agent.is_root() {
            self.end_wherever(id);
            self.end_here(cx, id, KICK_LINGER, SessionEnd::EndedElsewhere);
        } else {
            self.close_agent(cx, id);
        }
    }

    /// KickUser: the viewer shows why, and is gone.
    fn kick(&mut self, cx: &mut Context<'_>, id: AgentId, reason: &str, linger: Duration, why: SessionEnd) {
        let Some(agent) = self.agents.get(&id) else { return };
        let reason = text::Nul::new(text::cut(reason, REASON_BYTES));
        let message = m::KickUser {
            target_block: m::kick_user::TargetBlock {
                target_ip: std::net::Ipv4Addr::UNSPECIFIED,
                target_port: 0,
            },
            user_info: m::kick_user::UserInfo {
                agent_id: id.0,
                session_id: agent.session.0,
                reason: reason.as_bytes(),
            },
        };
        self.send(cx, id, &message, Delivery::CONTROL);
        self.note_end(
            cx,
            id,
            "R->V KickUser",
            String::from_utf8_lossy(reason.as_bytes()).trim_end_matches('\0'),
        );
        self.end_wherever(id);
        self.end_here(cx, id, linger, why);
    }

    /// A transfer ended with its viewer gone: nobody is root anywhere.
    pub(crate) fn session_over(&mut self, cx: &mut Context<'_>, id: AgentId) {
        // Why was said when it began.
        self.end_here(cx, id, LINGER, SessionEnd::Timeout);
    }

    /// The one path on which a session ends here. What the viewer was told last is still delivered for `linger`.
    fn end_here(&mut self, cx: &mut Context<'_>, id: AgentId, linger: Duration, why: SessionEnd) {
        let Some(agent) = self.agents.get_mut(&id) else { return };
        if agent.closing.is_some() {
            return;
        }
        let why = *agent.ending.get_or_insert(why);
        if agent.leaving.is_some() {
            // Root here or over there? After TeleportFinish only the destination knows; the departure's end comes back
            // here through `session_over`, or the agent has gone and its session with it.
            self.depart(cx, id, DepartureInput::ViewerGone);
            return;
        }
        let place = self.place_of(id);
        self.release_unsettled(cx, id, None);
        let Some(agent) = self.agents.get_mut(&id) else { return };
        let was_root = agent.is_root();
        let session = agent.session;
        let children = std::mem::take(&mut agent.children);
        agent.closing = Some(cx.now + linger);
        agent.session_over = was_root;
        self.stir_closing();
        let Some(agent) = self.agents.get_mut(&id) else { return };
        if let Some(link) = &mut agent.link {
            link.circuit.close(cx.now, linger);
        }
        if was_root {
            self.note_ended(cx, id, why);
            if let Some(place) = place {
                cx.effects.push(Effect::TellGrid(GridNotice::LoggedOut { agent: id, session, place }));
            }
            for child in children.into_values() {
                self.note_end(cx, id, "R->RCh CloseAgent", child.region.name.as_str());
                let call = PeerCall::EndSession { agent: id, session, reason: String::new() };
                self.tell_peer(cx, child.region, call, child.tickets);
            }
        } else {
            // Whoever the agent is with now keeps or closes those that know no claims.
            for child in children.into_values().filter(|child| child.tickets) {
                let call = PeerCall::CloseChild { agent: id, session, claim: Some(child.claim) };
                self.tell_peer(cx, child.region, call, true);
            }
        }
        self.close_doors(cx, id);
        self.leave_scene(id);
        if was_root {
            self.note_end(cx, id, "R->others KillObject", "");
            self.note_end(cx, id, "R presence removed", "");
        }
        if linger.is_zero() {
            self.drop_agent(cx, id);
        } else {
            self.touch(id);
        }
    }

    /// Closes a child agent: the viewer is told that the region is out of sight.
    pub(crate) fn close_agent(&mut self, cx: &mut Context<'_>, id: AgentId) {
        let Some(agent) = self.agents.get(&id) else { return };
        if agent.closing.is_some() {
            return;
        }
        if agent.link.is_none() {
            self.drop_agent(cx, id);
            return;
        }
        self.send(cx, id, &m::DisableSimulator {}, Delivery::CONTROL);
        self.trace_life(cx, || format!("Removing child agent {id}"));
        let Some(agent) = self.agents.get_mut(&id) else { return };
        agent.closing = Some(cx.now + LINGER);
        if let Some(link) = &mut agent.link {
            link.circuit.close(cx.now, LINGER - ECHO);
        }
        self.close_doors(cx, id);
        self.leave_scene(id);
        self.touch(id);
    }

    /// Capabilities and event queue end.
    fn close_doors(&mut self, cx: &mut Context<'_>, id: AgentId) {
        let Some(agent) = self.agents.get_mut(&id) else { return };
        let (caps, others) = (agent.caps, std::mem::take(&mut agent.other_caps));
        let mut answers = Vec::new();
        agent.queue.close(&mut answers);
        let circuits = agent.awaiting_circuit.drain(..).map(|(_, waiter)| waiter);
        for waiter in agent.awaiting.drain(..).map(|(_, waiter)| waiter).chain(circuits) {
            let answer = transfer::PeerReply::Whereabouts(transfer::Whereabouts::Withdrawn);
            cx.effects.push(Effect::Answer { waiter, result: Ok(answer) });
        }
        self.answer_polls(cx, answers);
        self.close_secret(cx, caps);
        for other in others {
            self.close_secret(cx, other);
        }
    }

    /// The agent that is being closed is sent here again: nothing is repeated any more, and what was said has the time to
    /// fade away.
    pub(crate) fn hasten_closing(&mut self, cx: &mut Context<'_>, id: AgentId) {
        let Some(agent) = self.agents.get_mut(&id) else { return };
        let Some(link) = &mut agent.link else { return };
        let echo = ECHO + link.circuit.statistics().rtt.unwrap_or_default();
        link.circuit.hush(cx.now, echo);
        agent.closing = Some(cx.now + echo);
        self.touch(id);
    }

    /// The circuit of an agent that is being closed has ended: the viewer has heard the last word, or it is not said any
    /// more. What was said more than once may still come.
    pub(crate) fn last_word_said(&mut self, cx: &mut Context<'_>, id: AgentId, heard: bool) {
        let Some(agent) = self.agents.get_mut(&id) else { return };
        let (Some(closing), Some(link)) = (agent.closing, &agent.link) else { return };
        let repeated = link.circuit.statistics().last_resend.map(|at| at + ECHO);
        let faded = if heard { repeated.unwrap_or(cx.now).min(closing) } else { closing };
        if faded <= cx.now {
            self.finish_closing(cx, id);
            return;
        }
        (agent.closing, agent.unused_until) = (Some(faded), faded);
        self.drop_link(id);
        self.touch(id);
    }

    /// An agent that was being closed is closed; who sends it here again is obeyed now.
    pub(crate) fn finish_closing(&mut self, cx: &mut Context<'_>, id: AgentId) {
        let returning = self.agents.get_mut(&id).map(|agent| std::mem::take(&mut agent.returning));
        self.drop_agent(cx, id);
        for (create, waiter) in returning.into_iter().flatten() {
            self.handle_peer(cx, PeerCall::CreateAgent(create), waiter);
        }
    }

    /// Frees everything of an agent, now.
    pub(crate) fn drop_agent(&mut self, cx: &mut Context<'_>, id: AgentId) {
        if self.agents.get(&id).is_some_and(|agent| agent.closing.is_none()) {
            self.close_doors(cx, id);
            self.leave_scene(id);
        }
        self.drop_departure(cx, id);
        self.drop_link(id);
        let Some(agent) = self.agents.remove(&id) else { return };
        for (_, waiter) in agent.returning {
            let result = Err(transfer::Refusal::new("That session is over."));
            cx.effects.push(Effect::Answer { waiter, result });
        }
        self.remember(agent.arrival.verdicts());
        if let Some(alarm) = agent.alarm {
            self.alarms.remove(&(alarm, id));
        }
        self.trace_life(cx, || format!("{id} is gone from here"));
    }

    /// Ends the agent's circuit without a word.
    pub(crate) fn drop_link(&mut self, id: AgentId) {
        let Some(agent) = self.agents.get_mut(&id) else { return };
        let Some(link) = agent.link.take() else { return };
        // Nothing can be sent, and what would have been is not waited for.
        agent.retry_at = None;
        agent.interest.clear();
        if self.endpoints.get(&link.address) == Some(&id) {
            self.endpoints.remove(&link.address);
        }
        let circuit = link.circuit.statistics();
        self.stats.resends += circuit.resends;
        self.stats.dropped += circuit.dropped();
    }

    /// Keeps what became of transfers for those who ask later.
    pub(crate) fn remember(&mut self, verdicts: impl IntoIterator<Item = (TransferKey, Whereabouts)>) {
        if self.config.patience.is(Mutant::VerdictsForgotten) {
            return;
        }
        for (transfer, whereabouts) in verdicts {
            // It never changes; a source that asks again and again must not drive out what others may ask.
            if self.verdicts.iter().all(|(known, _)| *known != transfer) {
                self.verdicts.push_back((transfer, whereabouts));
            }
        }
        let surplus = self.verdicts.len().saturating_sub(VERDICTS_KEPT);
        self.verdicts.drain(..surplus);
    }

    /// A newer login came while it was being found out where the agent is.
    fn drop_departure(&mut self, cx: &mut Context<'_>, id: AgentId) {
        let subject = self.agents.get(&id).and_then(|agent| agent.going(self.config.id));
        let Some(leaving) = self.agents.get_mut(&id).and_then(|agent| agent.leaving.take()) else { return };
        *self.stats.transfers.entry((leaving.kind(), "dropped")).or_default() += 1;
        self.note_outcome(cx, id, subject, "dropped", "by a newer login".to_owned());
    }

    /// No more arrivals; everybody is told and logged out.
    pub(crate) fn shut_down(&mut self, cx: &mut Context<'_>, reason: &str) {
        self.shutting_down = true;
        let ids: Vec<_> = self.agents.keys().copied().collect();
        for id in ids {
            if self.agents.get(&id).is_some_and(|agent| agent.is_root()) {
                self.kick_for_closing(cx, id, reason);
            } else {
                self.close_agent(cx, id);
            }
        }
    }

    /// The region closes, and nobody takes this agent.
    pub(crate) fn kick_for_closing(&mut self, cx: &mut Context<'_>, id: AgentId, reason: &str) {
        self.kick(cx, id, reason, SHUTDOWN_LINGER, SessionEnd::Shutdown);
    }

    /// Somebody who may do so wishes it. Whether the other was here.
    pub(crate) fn throw_out(&mut self, cx: &mut Context<'_>, id: AgentId, reason: &str) -> bool {
        let here = self.agents.get(&id).is_some_and(|agent| agent.is_root());
        if here {
            self.kick(cx, id, reason, KICK_LINGER, SessionEnd::Kick);
        }
        here
    }

    pub(crate) fn handle_operator(&mut self, cx: &mut Context<'_>, command: OperatorCommand) {
        match command {
            OperatorCommand::Shutdown { reason } => {
                self.closing = None;
                self.shut_down(cx, &reason);
            }
            OperatorCommand::Close { after, reason, avoid } => {
                self.schedule_closing(cx, after, reason, avoid);
            }
            OperatorCommand::KeepOpen => self.cancel_closing(cx),
            OperatorCommand::Kick { agent, reason } => _ = self.throw_out(cx, agent, &reason),
            OperatorCommand::Disown { agent, session } => {
                let known = self.agents.get(&agent).filter(|agent| agent.session == session);
                match known.map(|agent| agent.is_root()) {
                    Some(true) => self.kick(cx, agent, DISOWNED, KICK_LINGER, SessionEnd::UnknownToGrid),
                    Some(false) => self.close_agent(cx, agent),
                    None => {}
                }
            }
            OperatorCommand::Notice(words) => {
                let ids: Vec<_> =
                    self.agents.values().filter(|agent| agent.acts()).map(|agent| agent.id).collect();
                for id in ids {
                    self.alert(cx, id, &words, None);
                }
            }
            OperatorCommand::Announce => self.announce(cx),
            OperatorCommand::TracePackets { level, agent } => self.trace.packets(level, agent),
            OperatorCommand::TraceEvents { level } => self.trace.events(level),
        }
    }
}
