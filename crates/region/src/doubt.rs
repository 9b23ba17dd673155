//! Transfers whose destination fell silent after the viewer had been told to go.
//!
//! The agent acts here again then, since nobody else answers for it. But silence is no answer: should the destination
//! be heard again and say that the agent has arrived there, it is there, and what is left here only looks in.

use crate::calls::{PEER_PATIENCE, Pending};
use crate::interface::*;
use crate::region::{Context, Region};
use model::{AgentId, RegionId};
use services::RegionInfo;
use std::sync::Arc;
use transfer::{PeerCall, PeerError, PeerReply, TransferId, Whereabouts};

/// A silent destination is asked so often, each time for [`PEER_PATIENCE`].
const TRIES: u32 = 60;

/// Who may have the agent.
#[derive(Clone, Debug)]
pub(crate) struct Doubt {
    pub(crate) region: Arc<RegionInfo>,
    pub(crate) transfer: TransferId,
}

impl Region {
    pub(crate) fn begin_doubt(&mut self, cx: &mut Context<'_>, id: AgentId, doubt: Doubt) {
        let Some(agent) = self.agents.get_mut(&id) else { return };
        agent.doubt = Some(doubt);
        self.ask_in_doubt(cx, id, TRIES - 1);
    }

    fn ask_in_doubt(&mut self, cx: &mut Context<'_>, id: AgentId, tries_left: u32) {
        let Some(agent) = self.agents.get(&id) else { return };
        let (session, Some(Doubt { region, transfer })) = (agent.session, agent.doubt.clone()) else {
            return;
        };
        let call = PeerCall::Withdraw { agent: id, session, source: self.config.id, transfer };
        self.call_peer(cx, region, call, PEER_PATIENCE, Pending::Doubt { agent: id, transfer, tries_left });
    }

    pub(crate) fn doubt_answered(
        &mut self,
        cx: &mut Context<'_>,
        id: AgentId,
        transfer: TransferId,
        tries_left: u32,
        result: Result<Reply, PeerError>,
    ) {
        let Some(agent) = self.agents.get_mut(&id) else { return };
        if agent.doubt.as_ref().is_none_or(|doubt| doubt.transfer != transfer) {
            return;
        }
        match result {
            // Nobody moves an agent that has no viewer, so another transfer of it ends soon.
            Ok(Reply::Peer(PeerReply::Whereabouts(Whereabouts::Arrived))) if agent.leaving.is_none() => {
                self.give_way(cx, id);
            }
            Ok(Reply::Peer(PeerReply::Whereabouts(Whereabouts::Arrived))) | Err(PeerError::TimedOut)
                if tries_left > 0 =>
            {
                self.ask_in_doubt(cx, id, tries_left - 1);
            }
            _ => agent.doubt = None,
        }
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

    fn give_way(&mut self, cx: &mut Context<'_>, id: AgentId) {
        let Some(agent) = self.agents.get_mut(&id) else { return };
        let Some(doubt) = agent.doubt.take() else { return };
        if agent.is_root() && agent.closing.is_none() {
            self.trace_life(cx, || format!("{id} has been in {} since its teleport", doubt.region.name));
            self.demote(cx, id);
            self.begin_grace(cx, id);
            self.touch(id);
        }
    }
}
