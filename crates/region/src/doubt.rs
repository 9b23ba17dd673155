//! Transfers whose destination fell silent after the viewer had been told to go.
//!
//! The agent acts here again then, since nobody else answers for it. But silence is no answer: should the destination
//! be heard again and say that the agent has arrived there, it is there, and what is left here only looks in.

use crate::agent::Leaving;
use crate::calls::{PEER_PATIENCE, Pending};
use crate::interface::*;
use crate::looking::LOOK_PAUSE;
use crate::region::{Context, Region};
use model::{AgentId, Moment, RegionId, Uuid};
use services::RegionInfo;
use std::sync::Arc;
use transfer::{AgentData, PeerCall, PeerError, PeerReply, TransferId, Version, Whereabouts};

/// A silent destination is asked so often, with a pause of [`PEER_PATIENCE`].
const TRIES: u32 = 60;

/// Who may have the agent.
#[derive(Clone, Debug)]
pub(crate) struct Doubt {
    pub(crate) region: Arc<RegionInfo>,
    pub(crate) transfer: TransferId,
    pub(crate) version: Version,
    pub(crate) tickets: bool,
    /// The secret by which that region would say that it has it.
    pub(crate) release: Option<Uuid>,
    /// UpdateAgent, which nobody has said was heard.
    pub(crate) unheard: Option<Arc<AgentData>>,
    /// The grid knew that the agent was here before it went.
    pub(crate) seen_here: bool,
    tries_left: u32,
    /// A destination without tickets has been told to close what it has.
    barred: bool,
    /// When it is asked again.
    pub(crate) again: Option<Moment>,
}

impl Doubt {
    /// About a transfer that is over; `None` when it never had a destination.
    pub(crate) fn about(leaving: &Leaving) -> Option<Self> {
        let plan = leaving.machine.plan();
        Some(Self {
            region: leaving.destination.clone()?,
            transfer: leaving.machine.id(),
            version: plan.version,
            tickets: plan.tickets,
            release: leaving.release,
            unheard: leaving.unheard.clone(),
            seen_here: leaving.seen_here,
            tries_left: TRIES,
            barred: false,
            again: None,
        })
    }
}

impl Region {
    pub(crate) fn begin_doubt(&mut self, cx: &mut Context<'_>, id: AgentId, leaving: &Leaving) {
        let Some(agent) = self.agents.get_mut(&id) else { return };
        agent.doubt = Doubt::about(leaving);
        self.ask_in_doubt(cx, id);
    }

    /// Asks again when it is time to.
    pub(crate) fn wake_doubt(&mut self, cx: &mut Context<'_>, id: AgentId) {
        let doubt = self.agents.get_mut(&id).and_then(|agent| agent.doubt.as_mut());
        if doubt.is_some_and(|doubt| doubt.again.take_if(|at| *at <= cx.now).is_some()) {
            self.ask_in_doubt(cx, id);
        }
    }

    fn ask_in_doubt(&mut self, cx: &mut Context<'_>, id: AgentId) {
        let Some(agent) = self.agents.get_mut(&id) else { return };
        let session = agent.session;
        let Some(doubt) = &mut agent.doubt else { return };
        doubt.tries_left = doubt.tries_left.saturating_sub(1);
        let Doubt { region, transfer, tickets, .. } = doubt.clone();
        let pending = Pending::Doubt { agent: id, transfer };
        if tickets {
            let call = PeerCall::Withdraw { agent: id, session, source: self.config.id, transfer };
            self.call_peer(cx, region, call, tickets, PEER_PATIENCE, pending);
        } else {
            self.call_grid(cx, GridCall::Presence(session), PEER_PATIENCE, pending);
        }
    }

    pub(crate) fn doubt_answered(
        &mut self,
        cx: &mut Context<'_>,
        id: AgentId,
        transfer: TransferId,
        result: Result<Reply, PeerError>,
    ) {
        let doubt = self.agents.get(&id).and_then(|agent| agent.doubt.as_ref());
        let Some(doubt) = doubt.filter(|doubt| doubt.transfer == transfer) else { return };
        let there = match result {
            Ok(Reply::Peer(PeerReply::Whereabouts(whereabouts))) => Some(whereabouts),
            Ok(Reply::Presence(said)) if self.has_gone(said, Some(doubt.region.id), doubt.seen_here) => {
                Some(Whereabouts::Arrived)
            }
            Ok(Reply::Presence(_)) => Some(Whereabouts::Withdrawn),
            // An answer that is none, and no answer: it is asked again.
            _ => None,
        };
        let Some(agent) = self.agents.get_mut(&id) else { return };
        let Some(doubt) = agent.doubt.as_mut() else { return };
        match there {
            Some(Whereabouts::Withdrawn) => {
                // Until it is barred, a late viewer may arrive while the grid's answer is on its way.
                if !doubt.tickets && !std::mem::replace(&mut doubt.barred, true) {
                    doubt.again = Some(cx.now + LOOK_PAUSE);
                    let region = doubt.region.clone();
                    self.bar_arrival(cx, id, region);
                } else if let Some(doubt) = agent.doubt.take() {
                    self.confirm_stay(cx, id, Box::new(doubt));
                }
            }
            // Nobody moves an agent that has no viewer, so another transfer of it ends soon.
            Some(Whereabouts::Arrived) if agent.leaving.is_none() => self.give_way(cx, id),
            _ if doubt.tries_left == 0 => agent.doubt = None,
            _ => {
                doubt.again = Some(cx.now + PEER_PATIENCE);
                self.touch(id);
            }
        }
    }

    /// A destination without tickets has not heard that the agent stays: a viewer that is late would still arrive there.
    fn bar_arrival(&mut self, cx: &mut Context<'_>, id: AgentId, region: Arc<RegionInfo>) {
        let Some(agent) = self.agents.get_mut(&id) else { return };
        agent.children.remove(&region.handle);
        let call = PeerCall::CloseChild { agent: id, session: agent.session, claim: None };
        self.tell_peer(cx, region, call, false);
        // What the viewer saw there is opened anew.
        self.survey(cx, id);
        self.touch(id);
    }

    /// Another region speaks as one where the agent is root: `asks` keeps a child agent here, or (`comes`) sends the
    /// agent here. If that is in doubt here, it is so.
    pub(crate) fn give_way_to(
        &mut self,
        cx: &mut Context<'_>,
        id: AgentId,
        asks: Option<RegionId>,
        comes: bool,
    ) {
        let Some(agent) = self.agents.get(&id).filter(|agent| agent.leaving.is_none()) else { return };
        if agent.doubt.as_ref().is_some_and(|doubt| comes || Some(doubt.region.id) == asks) {
            self.give_way(cx, id);
        }
    }

    pub(crate) fn give_way(&mut self, cx: &mut Context<'_>, id: AgentId) {
        let Some(agent) = self.agents.get_mut(&id) else { return };
        if agent.is_root() && agent.closing.is_none() {
            let Some(doubt) = agent.doubt.clone() else { return };
            self.trace_life(cx, || format!("{id} has been in {} since its teleport", doubt.region.name));
            self.demote(cx, id);
            self.begin_late_grace(cx, id, &doubt);
            self.touch(id);
        }
        if let Some(agent) = self.agents.get_mut(&id) {
            agent.doubt = None;
        }
    }
}
