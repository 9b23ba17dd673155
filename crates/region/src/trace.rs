//! The example log's switches: which packets, events and steps get a line, and what it says.

use crate::interface::*;
use crate::region::{Context, Region};
use lludp::{Message, WireMessage};
use model::AgentId;

/// What is being traced.
#[derive(Debug, Default)]
pub(crate) struct Switches {
    packet_level: u8,
    only: Option<AgentId>,
    event_level: u8,
}

impl Switches {
    pub(crate) fn packets(&mut self, level: u8, only: Option<AgentId>) {
        (self.packet_level, self.only) = (level, only);
    }

    pub(crate) fn events(&mut self, level: u8) {
        self.event_level = level;
    }

    fn wants_packet(&self, id: AgentId, name: &str) -> bool {
        /// Packets that say nothing about what happens, only that time passes.
        const HUM: [&str; 4] = ["PacketAck", "StartPingCheck", "CompletePingCheck", "AgentUpdate"];
        /// Packets that come in crowds.
        const CROWD: [&str; 6] = [
            "LayerData",
            "ImprovedTerseObjectUpdate",
            "SimStats",
            "CoarseLocationUpdate",
            "SimulatorViewerTimeMessage",
            "ViewerEffect",
        ];
        self.only.is_none_or(|only| only == id)
            && match self.packet_level {
                0 => false,
                1 => !HUM.contains(&name) && !CROWD.contains(&name),
                2 => !HUM.contains(&name),
                _ => true,
            }
    }
}

impl Region {
    /// A line about the life of an agent; made only here, so that it costs nothing when nobody listens.
    pub(crate) fn trace_life(&self, cx: &mut Context<'_>, text: impl FnOnce() -> String) {
        let text = format!("[{}] {}", self.config.name, text());
        cx.effects.push(Effect::Trace(TraceLine { kind: TraceKind::Life, text }));
    }

    pub(crate) fn trace_packet_in(&self, cx: &mut Context<'_>, id: AgentId, message: &Message<'_>) {
        if self.trace.wants_packet(id, message.name()) {
            let detail = if self.trace.packet_level > 3 { format!(" {message:?}") } else { String::new() };
            self.trace_packet(cx, id, "PACKET IN from", message.name(), &detail);
        }
    }

    pub(crate) fn trace_packet_out<'m, M: WireMessage<'m>>(
        &self,
        cx: &mut Context<'_>,
        id: AgentId,
        _message: &M,
    ) {
        let name = M::INFO.name;
        if self.trace.wants_packet(id, name) {
            self.trace_packet(cx, id, "PACKET OUT to", name, "");
        }
    }

    fn trace_packet(&self, cx: &mut Context<'_>, id: AgentId, direction: &str, name: &str, detail: &str) {
        let Some(agent) = self.agents.get(&id) else { return };
        let standing = if agent.is_root() { "root" } else { "child" };
        let (who, region) = (agent.name(), &self.config.name);
        let text = format!("{direction} {who} ({standing}) in {region} - {name}{detail}");
        cx.effects.push(Effect::Trace(TraceLine { kind: TraceKind::Packet, text }));
    }

    pub(crate) fn trace_poll(&self, cx: &mut Context<'_>, id: AgentId) {
        if self.trace.event_level > 1 {
            let text = format!("POLLED FOR EQ MESSAGES BY {id} in {}", self.config.name);
            cx.effects.push(Effect::Trace(TraceLine { kind: TraceKind::EventQueue, text }));
        }
    }

    /// Puts an event into a viewer's queue.
    pub(crate) fn push_event(&mut self, cx: &mut Context<'_>, id: AgentId, event: agent::event::Event) {
        let Some(agent) = self.agents.get_mut(&id) else { return };
        if self.trace.event_level > 0 {
            let text = format!("Eq OUT {} to {} {}", event.name(), agent.name(), self.config.name);
            cx.effects.push(Effect::Trace(TraceLine { kind: TraceKind::EventQueue, text }));
        }
        agent.queue.push(cx.now, event);
        self.touch(id);
    }
}
