//! The example log's switches: which packets, events and steps get a line, and what it says.

use crate::interface::*;
use crate::region::{Context, Region};
use lludp::{Message, WireMessage};
use model::AgentId;

/// Lines about composed packets that may wait for the next input.
const MAX_TRACED: usize = 1000;

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
    /// A line about the life of an agent. Always made: such lines are few, and whether anybody listens only the shell
    /// knows.
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

    /// The same for a packet composed when datagrams are pulled: its line comes out with the next input's effects.
    pub(crate) fn trace_composed(&mut self, id: AgentId, name: &'static str) {
        if self.traced.len() < MAX_TRACED && self.trace.wants_packet(id, name) {
            let text = self.packet_line(id, "PACKET OUT to", name, "");
            self.traced.extend(text.map(|text| TraceLine { kind: TraceKind::Packet, text }));
        }
    }

    fn trace_packet(&self, cx: &mut Context<'_>, id: AgentId, direction: &str, name: &str, detail: &str) {
        let line = self.packet_line(id, direction, name, detail);
        cx.effects.extend(line.map(|text| Effect::Trace(TraceLine { kind: TraceKind::Packet, text })));
    }

    fn packet_line(&self, id: AgentId, direction: &str, name: &str, detail: &str) -> Option<String> {
        let agent = self.agents.get(&id)?;
        let standing = if agent.is_root() { "root" } else { "child" };
        Some(format!("{direction} {} ({standing}) in {} - {name}{detail}", agent.name(), self.config.name))
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
        self.eventful.push(id);
        self.touch(id);
    }
}
