//! What the viewer hears of its own transfer from the region that it leaves: that it begins, how it goes on, and where
//! to go.

use crate::going::circuit_address;
use crate::interface::*;
use crate::region::{Context, Region};
use agent::event;
use model::{AgentId, CapsSecret, TeleportFlags};
use services::RegionInfo;
use std::time::Duration;
use transfer::{Act, Step};

/// How long a client may take to open a circuit on CrossedRegion alone.
const INSIST_AFTER: Duration = Duration::from_millis(1200);

impl Region {
    /// P6; said once, and without waiting for the destination when that takes long.
    pub(crate) fn tell_start(&mut self, cx: &mut Context<'_>, id: AgentId) {
        let Some(leaving) = self.agents.get_mut(&id).and_then(|agent| agent.leaving.as_mut()) else { return };
        if std::mem::replace(&mut leaving.started, true) {
            return;
        }
        let flags = leaving.request.flags;
        let says = (Party::Source, Party::Viewer);
        self.note_going(cx, id, Act::Source(Step::TellStart), says, "TeleportStart", "");
        self.send_teleport_start(cx, id, flags);
    }

    /// 0.1, T2, T3: a viewer that has no circuit over there opens one.
    pub(crate) fn open_circuit(&mut self, cx: &mut Context<'_>, id: AgentId) {
        let Some((_, leaving, destination)) = self.on_its_way(id) else { return };
        let (Some(caps), Some(address)) = (leaving.caps, circuit_address(&destination)) else { return };
        if leaving.connected {
            return;
        }
        let says = (Party::Source, Party::Viewer);
        self.note_going(
            cx,
            id,
            Act::Source(Step::OpenCircuit),
            says,
            "EnableSimulator, EstablishAgentCommunication",
            "",
        );
        self.push_enable_simulator(cx, id, &destination, address, caps);
    }

    /// 0.1, T5.
    pub(crate) fn tell_progress(&mut self, cx: &mut Context<'_>, id: AgentId) {
        let Some((_, leaving, _)) = self.on_its_way(id) else { return };
        let flags = leaving.request.flags | TeleportFlags::DISABLE_CANCEL;
        let says = (Party::Source, Party::Viewer);
        self.note_going(cx, id, Act::Source(Step::TellProgress), says, "TeleportProgress", "sending_dest");
        self.send_teleport_progress(cx, id, flags, "sending_dest");
    }

    /// 0.1 T6, 0.2 T1. From here on only the destination knows where the agent is.
    pub(crate) fn tell_finish(&mut self, cx: &mut Context<'_>, id: AgentId) {
        self.scene.freeze(cx.now, id, true);
        self.unsay_closes(id);
        let unwelcomed = self.take_back_welcome(id);
        if let Some(leaving) = self.agents.get_mut(&id).and_then(|agent| agent.leaving.as_mut()) {
            leaving.unwelcomed = unwelcomed;
        }
        let Some((_, leaving, _)) = self.on_its_way(id) else { return };
        let plan = leaving.machine.plan();
        if !plan.tickets {
            self.look_here(cx, id);
        }
        let says = (Party::Source, Party::Viewer);
        let finish = Act::Source(Step::TellFinish);
        if !plan.crossing {
            // Where it is no step of its own.
            if !plan.script().contains(&Step::TellProgress) {
                self.tell_progress(cx, id);
            }
            self.note_going(cx, id, finish, says, "TeleportFinish", "");
            self.push_teleport_finish(cx, id);
            return;
        }
        self.note_going(cx, id, finish, says, "CrossedRegion", "");
        self.push_crossed_region(cx, id);
        let insist_at = cx.now + INSIST_AFTER;
        if let Some(leaving) = self.agents.get_mut(&id).and_then(|agent| agent.leaving.as_mut()) {
            leaving.insist_at = (!leaving.connected).then_some(insist_at);
        }
    }

    fn push_crossed_region(&mut self, cx: &mut Context<'_>, id: AgentId) {
        let Some((agent, leaving, destination)) = self.on_its_way(id) else { return };
        let (Some(caps), Some(address)) = (leaving.caps, circuit_address(&destination)) else { return };
        let event = event::crossed_region(&event::CrossedRegion {
            agent: id,
            session: agent.session,
            look_at: leaving.request.look_at,
            position: leaving.position,
            handle: destination.handle,
            seed: seed_url(&destination, caps),
            address,
            size: destination.size,
        });
        self.push_event(cx, id, event);
    }

    fn push_teleport_finish(&mut self, cx: &mut Context<'_>, id: AgentId) {
        let flying = self.scene.presence(id).is_some_and(|presence| presence.is_flying());
        let Some((_, leaving, destination)) = self.on_its_way(id) else { return };
        let (Some(caps), Some(address)) = (leaving.caps, circuit_address(&destination)) else { return };
        let mut flags = leaving.request.flags & TeleportFlags::VIEWER;
        if flags.is_empty() {
            flags = TeleportFlags::VIA_LOCATION;
        }
        flags.set(TeleportFlags::IS_FLYING, flying);
        let event = event::teleport_finish(&event::TeleportFinish {
            agent: id,
            address,
            handle: destination.handle,
            seed: seed_url(&destination, caps),
            access: destination.access,
            flags,
            size: destination.size,
        });
        self.push_event(cx, id, event);
    }

    /// A viewer that has not seen yet that it may go must not see it later: it would go in the middle of the next
    /// transfer.
    pub(crate) fn take_back_finish(&mut self, id: AgentId) {
        if let Some(agent) = self.agents.get_mut(&id) {
            agent.queue.take_back("TeleportFinish");
            agent.queue.take_back("CrossedRegion");
        }
    }

    /// A viewer that was told CrossedRegion, has no circuit over there and has not come: TeleportFinish makes it open
    /// one. It sees a progress screen, but nothing breaks.
    pub(crate) fn insist(&mut self, cx: &mut Context<'_>, id: AgentId) {
        let Some(leaving) = self.agents.get_mut(&id).and_then(|agent| agent.leaving.as_mut()) else { return };
        if leaving.insist_at.take_if(|at| *at <= cx.now).is_some() && leaving.machine.told_to_go() {
            self.push_teleport_finish(cx, id);
        }
    }

    /// EnableSimulator and EstablishAgentCommunication in one answer of the event queue: the second means nothing
    /// without the first.
    pub(crate) fn push_enable_simulator(
        &mut self,
        cx: &mut Context<'_>,
        id: AgentId,
        region: &RegionInfo,
        address: std::net::SocketAddrV4,
        caps: CapsSecret,
    ) {
        let enable = event::EnableSimulator { handle: region.handle, address, size: region.size };
        self.push_event(cx, id, event::enable_simulator(&enable));
        let establish =
            event::EstablishAgentCommunication { agent: id, address, seed: seed_url(region, caps) };
        self.push_event(cx, id, event::establish_agent_communication(&establish));
    }
}

/// The seed capability of an agent at a region, as viewers are told it.
pub(crate) fn seed_url(region: &RegionInfo, caps: model::CapsSecret) -> String {
    format!("{}CAPS/{caps}0000/", region.server_uri)
}
