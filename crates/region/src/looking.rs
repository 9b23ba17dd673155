//! Where an agent is whose destination says nothing of it, by what the grid was told.

use crate::calls::Pending;
use crate::interface::*;
use crate::region::{Context, Region};
use model::{AgentId, RegionId};
use std::time::Duration;
use transfer::{Act, DepartureInput, PeerError, Step, TransferId};

/// The grid is asked so often whether an agent has arrived whose destination says nothing.
const LOOK_PAUSE: Duration = Duration::from_millis(250);

impl Region {
    /// 0.1, T7. A peer that has no ReleaseAgent for this says nothing: the grid will know.
    pub(crate) fn await_arrival(&mut self, cx: &mut Context<'_>, id: AgentId) {
        let Some((_, leaving, _)) = self.on_its_way(id) else { return };
        let silent = leaving.release.is_none();
        let waits = (Party::Source, Party::Source);
        self.note_going(cx, id, Act::Source(Step::AwaitArrival), waits, "waiting for ReleaseAgent", "");
        if silent {
            self.look_for(cx, id);
        }
    }

    /// Asks the grid where the session is: the answer may be the arrival.
    pub(crate) fn look_for(&mut self, cx: &mut Context<'_>, id: AgentId) {
        let Some((agent, leaving, _)) = self.on_its_way(id) else { return };
        let (session, transfer) = (agent.session, leaving.machine.id());
        let pending = Pending::Looking { agent: id, transfer };
        self.call_grid(cx, GridCall::Presence(session), self.config.patience.withdrawal, pending);
    }

    /// Before the agent can have arrived at a peer that will say nothing of it: does the grid know that it is here?
    pub(crate) fn look_here(&mut self, cx: &mut Context<'_>, id: AgentId) {
        let Some((agent, leaving, _)) = self.on_its_way(id) else { return };
        let (session, transfer) = (agent.session, leaving.machine.id());
        let pending = Pending::LookedHere { agent: id, transfer };
        self.call_grid(cx, GridCall::Presence(session), self.config.patience.answer, pending);
    }

    pub(crate) fn looked_here(
        &mut self,
        id: AgentId,
        transfer: TransferId,
        result: Result<Reply, PeerError>,
    ) {
        let here = self.config.id;
        let Some(leaving) = self.agents.get_mut(&id).and_then(|agent| agent.leaving.as_mut()) else { return };
        if leaving.machine.id() == transfer {
            leaving.seen_here = result == Ok(Reply::Presence(Some(here)));
        }
    }

    /// Whether the grid's word about a session means that its agent has arrived over there. It may have gone on since,
    /// or have logged out; but before it was reported here, the grid names the region before this one.
    pub(crate) fn has_gone(&self, said: Option<RegionId>, there: Option<RegionId>, seen_here: bool) -> bool {
        (said.is_some() && said == there) || (seen_here && said != Some(self.config.id))
    }

    pub(crate) fn looked(
        &mut self,
        cx: &mut Context<'_>,
        id: AgentId,
        transfer: TransferId,
        result: Result<Reply, PeerError>,
    ) {
        let Some(leaving) = self.agents.get_mut(&id).and_then(|agent| agent.leaving.as_mut()) else { return };
        if leaving.machine.id() != transfer || leaving.machine.step() != Step::AwaitArrival {
            return;
        }
        let there = leaving.destination.as_ref().map(|destination| destination.id);
        let seen_here = leaving.seen_here;
        if matches!(result, Ok(Reply::Presence(said)) if self.has_gone(said, there, seen_here)) {
            self.depart(cx, id, DepartureInput::Released);
        } else if let Some(leaving) = self.agents.get_mut(&id).and_then(|agent| agent.leaving.as_mut()) {
            leaving.look_again = Some(cx.now + LOOK_PAUSE);
            self.touch(id);
        }
    }
}
