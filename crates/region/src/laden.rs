//! What an agent carries, when UpdateAgent did not come in time: it has arrived all the same, and its things follow.
//!
//! A destination lets a viewer in that has waited long enough (T2A). The source hears of the arrival by another way
//! than UpdateAgent's answer, and says UpdateAgent again until it is heard. Until then the agent stays where it is, since
//! what is on its way to it would follow it no farther.

use crate::region::{Context, Region};
use model::{AgentId, Moment};
use std::sync::Arc;
use std::time::Duration;
use transfer::{AgentData, PeerCall, TransferKey};

/// How long an agent is held whose things have not come. By then the source has found out, or is gone.
const HOLD: Duration = Duration::from_secs(15);

/// What an agent that has not got its things is told.
pub(crate) const THINGS_ON_THEIR_WAY: &str =
    "Your attachments are still on their way here; please try again in a moment.";

/// An agent that has arrived without UpdateAgent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unladen {
    /// By this transfer.
    transfer: TransferKey,
    /// It is held until then.
    until: Moment,
}

impl Unladen {
    /// It has become root now, by this transfer.
    pub(crate) fn by(transfer: TransferKey, now: Moment) -> Self {
        Self { transfer, until: now + HOLD }
    }
}

impl Region {
    /// Whether an agent must not leave yet, or its things would be lost.
    pub(crate) fn awaits_things(&self, now: Moment, id: AgentId) -> bool {
        let unladen = self.agents.get(&id).and_then(|agent| agent.unladen);
        unladen.is_some_and(|unladen| now < unladen.until)
    }

    /// UpdateAgent of a transfer that has ended without it.
    pub(crate) fn is_late_baggage(&self, data: &AgentData) -> bool {
        let Some(agent) = self.agents.get(&data.agent).filter(|agent| agent.is_root()) else { return false };
        agent.unladen.is_some_and(|unladen| match data.transfer {
            Some(transfer) => unladen.transfer == (data.source, transfer),
            None => unladen.transfer.0 == model::RegionId::default(),
        })
    }

    /// The things have come.
    pub(crate) fn take_late_baggage(&mut self, cx: &mut Context<'_>, data: AgentData) {
        let id = data.agent;
        let Some(agent) = self.agents.get_mut(&id) else { return };
        agent.unladen = None;
        agent.baggage = data.baggage;
        agent.outfit = data.outfit.clone();
        agent.always_run = data.always_run;
        // A texture entry too large for viewers was refused where it came in.
        let looks = crate::looks::outfit_appearance(&data.outfit);
        let _ = self.scene.set_appearance(cx.now, id, looks, &mut self.scene_events);
        self.scene.set_always_run(cx.now, id, data.always_run);
        let playing: Vec<_> = data.animations.into_iter().map(|(animation, ..)| animation.0).collect();
        if !playing.is_empty() {
            self.scene.set_animations(id, &playing, &[], &mut self.scene_events);
        }
        self.trace_life(cx, || format!("The things of {id} have followed it"));
        self.touch(id);
    }

    /// The agent is over there, and nobody has said that its things are.
    pub(crate) fn send_things_after(&mut self, cx: &mut Context<'_>, id: AgentId) {
        let Some(agent) = self.agents.get_mut(&id) else { return };
        let (data, region, tickets) = match (&mut agent.leaving, &mut agent.doubt) {
            (Some(leaving), _) => {
                (leaving.unheard.take(), leaving.destination.clone(), leaving.machine.plan().tickets)
            }
            (None, Some(doubt)) => (doubt.unheard.take(), Some(doubt.region.clone()), doubt.tickets),
            (None, None) => return,
        };
        if let (Some(data), Some(region)) = (data, region) {
            self.tell_peer(cx, region, PeerCall::UpdateAgent(Box::new(Arc::unwrap_or_clone(data))), tickets);
        }
    }
}
