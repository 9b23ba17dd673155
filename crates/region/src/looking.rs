//! Where an agent is whose destination says nothing of it, by what the grid was told.

use crate::calls::{GRID_PATIENCE, Pending};
use crate::doubt::Doubt;
use crate::interface::*;
use crate::region::{Context, Region};
use model::{AgentId, RegionId};
use std::time::Duration;
use transfer::{Act, DepartureInput, PeerError, Step, TransferId};

/// The grid is asked so often whether an agent has arrived whose destination says nothing.
pub(crate) const LOOK_PAUSE: Duration = Duration::from_millis(250);

/// A grid that does not answer is asked so often whether an agent that stayed was reported elsewhere.
const STAY_TRIES: u32 = 6;

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
        if leaving.seen_here {
            return;
        }
        let (session, transfer) = (agent.session, leaving.machine.id());
        let pending = Pending::LookedHere { agent: id, transfer };
        self.call_grid(cx, GridCall::Presence(session), self.config.patience.answer, pending);
    }

    pub(crate) fn looked_here(
        &mut self,
        cx: &mut Context<'_>,
        id: AgentId,
        transfer: TransferId,
        result: Result<Reply, PeerError>,
    ) {
        let here = self.config.id;
        let Some(leaving) = self.agents.get(&id).and_then(|agent| agent.leaving.as_ref()) else { return };
        if leaving.machine.id() != transfer {
            return;
        }
        let there = leaving.destination.as_ref().map(|destination| destination.id);
        let seen_here = leaving.seen_here;
        match result {
            Ok(Reply::Presence(said)) if self.has_gone(said, there, seen_here) => {
                self.depart(cx, id, DepartureInput::Released);
            }
            Ok(Reply::Presence(said)) => {
                if let Some(leaving) = self.agents.get_mut(&id).and_then(|agent| agent.leaving.as_mut()) {
                    leaving.seen_here |= said == Some(here);
                }
            }
            Ok(_) => {}
            // For as long as the transfer lasts.
            Err(_) => self.look_later(cx, id),
        }
    }

    /// Whether the grid's word about a session means that its agent has arrived over there. It may have gone on since,
    /// or have logged out; but before it was reported here, the grid names the region before this one.
    pub(crate) fn has_gone(&self, said: Option<RegionId>, there: Option<RegionId>, seen_here: bool) -> bool {
        (said.is_some() && said == there) || (seen_here && said != Some(self.config.id))
    }

    /// The grid has heard that the agent is here.
    pub(crate) fn reported(&mut self, id: AgentId, visit: u64) {
        if let Some(agent) = self.agents.get_mut(&id).filter(|agent| agent.visit == visit) {
            agent.reported = true;
        }
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
        let (seen_here, here) = (leaving.seen_here, self.config.id);
        if matches!(result, Ok(Reply::Presence(said)) if self.has_gone(said, there, seen_here)) {
            self.depart(cx, id, DepartureInput::Released);
        } else if let Some(leaving) = self.agents.get_mut(&id).and_then(|agent| agent.leaving.as_mut()) {
            leaving.seen_here |= result == Ok(Reply::Presence(Some(here)));
            self.look_later(cx, id);
        }
    }

    fn look_later(&mut self, cx: &mut Context<'_>, id: AgentId) {
        if let Some(leaving) = self.agents.get_mut(&id).and_then(|agent| agent.leaving.as_mut()) {
            leaving.look_again = Some(cx.now + LOOK_PAUSE);
            self.touch(id);
        }
    }

    /// It is time to ask the grid again.
    pub(crate) fn look_again(&mut self, cx: &mut Context<'_>, id: AgentId) {
        match self.on_its_way(id).map(|(_, leaving, _)| leaving.machine.step()) {
            Some(Step::AwaitArrival) => self.look_for(cx, id),
            Some(_) => self.look_here(cx, id),
            None => {}
        }
    }

    /// The agent stayed, though its viewer had been told to go. A destination that has started anew since knows nothing
    /// of it, and says so; but the viewer may have arrived there before, and the grid been told.
    pub(crate) fn confirm_stay(&mut self, cx: &mut Context<'_>, id: AgentId, doubt: Box<Doubt>) {
        self.ask_about_stay(cx, id, (doubt, STAY_TRIES));
    }

    fn ask_about_stay(&mut self, cx: &mut Context<'_>, id: AgentId, (doubt, tries): (Box<Doubt>, u32)) {
        let Some(agent) = self.agents.get(&id) else { return };
        let Some(tries_left) = tries.checked_sub(1) else { return };
        let (session, visit) = (agent.session, agent.visit);
        let pending = Pending::Stayed { agent: id, visit, doubt, tries_left };
        self.call_grid(cx, GridCall::Presence(session), GRID_PATIENCE, pending);
    }

    pub(crate) fn stay_confirmed(
        &mut self,
        cx: &mut Context<'_>,
        id: AgentId,
        visit: u64,
        (doubt, tries_left): (Box<Doubt>, u32),
        result: Result<Reply, PeerError>,
    ) {
        let here = self.config.id;
        let agent = self.agents.get_mut(&id).filter(|agent| agent.visit == visit && agent.acts());
        let Some(agent) = agent else { return };
        let (session, from) = (agent.session, agent.coming.map(|coming| coming.transfer.0));
        match result {
            Ok(Reply::Presence(Some(said))) if said == doubt.region.id => {
                self.trace_life(cx, || format!("{id} had arrived elsewhere, and is taken back"));
                if let Some(place) = self.place_of(id) {
                    cx.effects.push(Effect::TellGrid(GridNotice::Arrived {
                        agent: id,
                        session,
                        visit,
                        place,
                    }));
                }
                self.send_movement_complete(cx, id);
            }
            // It has gone on from there; unless that is where it came from (an unnumbered source may be anywhere), and
            // the grid has not heard of it here.
            Ok(Reply::Presence(Some(said)))
                if said != here
                    && (doubt.seen_here
                        || from.is_none_or(|from| from != said && from != RegionId::default())) =>
            {
                agent.doubt = Some(*doubt);
                self.give_way(cx, id);
            }
            Err(PeerError::TimedOut) => self.ask_about_stay(cx, id, (doubt, tries_left)),
            _ => {}
        }
    }
}
