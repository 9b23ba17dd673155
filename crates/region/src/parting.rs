//! What peers without tickets close of an agent that has come and gone: their closes name no visit, so one that was
//! decided about the last is told from one about the next by the time alone.

use crate::agent::{Agent, Releasing};
use crate::region::{Context, Region};
use model::{AgentId, Moment, RegionId};
use std::time::Duration;
use transfer::{PeerCall, Protocol, ReleaseWhen};

/// A peer that hears ReleaseAgent looks for it four times a second, and closes the agent then, though it be wanted
/// again. Until then, and a little more, nobody is sent there.
const LETTING_GO: Duration = Duration::from_millis(500);

/// Since 0.7 the destination closes what it sees no more of once the viewer has settled: such a close may still be on
/// its way when the same agent comes back from there.
const STALE_CLOSE: Duration = Duration::from_secs(2);

/// A region that was released, and is about to close what it has of the agent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LettingGo {
    region: RegionId,
    until: Moment,
}

impl LettingGo {
    /// The one that is released now; `None` when it closes later, or nothing.
    fn by(releasing: &Releasing, now: Moment) -> Option<Self> {
        let closes = releasing.when == ReleaseWhen::Settled;
        closes.then_some(Self { region: releasing.source.id, until: now + LETTING_GO })
    }
}

impl Agent {
    /// Whether a close without a claim is about what was here before the agent was announced.
    pub(crate) fn outlives_close(&self, now: Moment) -> bool {
        self.announced.again && now < self.announced.at + STALE_CLOSE
    }
}

impl Region {
    /// The agent leaves before it has settled: for another region, or (without one) for good. Other simulators would
    /// wait for their release, and refuse to take the agent again while they do.
    pub(crate) fn release_unsettled(&mut self, cx: &mut Context<'_>, id: AgentId, to: Option<RegionId>) {
        self.release(cx, id, |due| Some(due.source.id) != to);
    }

    /// ReleaseAgent, said until it is heard.
    pub(crate) fn release(&mut self, cx: &mut Context<'_>, id: AgentId, now: impl Fn(&Releasing) -> bool) {
        let Some(agent) = self.agents.get_mut(&id) else { return };
        let Some(releasing) = agent.releasing.take_if(|due| now(due)) else { return };
        agent.letting_go = LettingGo::by(&releasing, cx.now);
        let says = (crate::Party::Destination, crate::Party::Source);
        self.note_coming(cx, id, transfer::Act::Release, says, "ReleaseAgent", "");
        self.trace_life(cx, || format!("Releasing {id} with callback"));
        self.tell_peer(cx, releasing.source, PeerCall::Release { agent: id, url: releasing.url }, false);
    }

    /// P8, but not while the destination is closing what the agent has left there. It would take the agent, and close it
    /// all the same.
    pub(crate) fn create_when_let_go(&mut self, cx: &mut Context<'_>, id: AgentId) {
        let Some((_, leaving, destination)) = self.on_its_way(id) else { return };
        let (plan, to) = (leaving.machine.plan(), destination.id);
        let closes = !plan.tickets && Protocol::of(plan.version).release == Some(ReleaseWhen::Settled);
        // Unreleased it would close the agent some time later, when it is root there.
        self.release_unsettled(cx, id, (!closes).then_some(to));
        let Some(agent) = self.agents.get_mut(&id) else { return };
        let until = agent.letting_go.filter(|gone| closes && gone.region == to).map(|gone| gone.until);
        match (until.filter(|&until| cx.now < until), &mut agent.leaving) {
            (Some(until), Some(leaving)) => leaving.create_at = Some(until),
            _ => self.create_over_there(cx, id),
        }
    }
}
