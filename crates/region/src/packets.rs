//! From datagram to deed: whose it is, whether they may say it, and who takes it.

use crate::agent::{Handshake, Link};
use crate::interface::Party;
use crate::news::UnderWay;
use crate::region::{Context, Region};
use circuit::{Circuit, Received};
use lludp::Message;
use lludp::header::{Datagram, Flags};
use lludp::messages::{CompleteAgentMovement, UseCircuitCode};
use model::{AgentId, CapsSecret, CircuitCode, Moment, SessionId, Uuid};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use transfer::Act;

/// A UseCircuitCode that comes so long after the first is no copy of it that the network kept, but a viewer that
/// begins anew.
const ANEW_AFTER: Duration = Duration::from_millis(25);

/// Packets overtake each other by no more than this.
const REORDERED: Duration = Duration::from_millis(200);

/// How an address became that of an agent's viewer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Bound {
    /// With it, the circuit began.
    First,
    /// There was a circuit.
    Known,
}

impl Region {
    pub(crate) fn handle_packet(&mut self, cx: &mut Context<'_>, from: SocketAddr, datagram: &Datagram<'_>) {
        let message = match Message::decode(datagram.body) {
            Ok(message) => message,
            Err(malformed) => {
                // An unknown message is acknowledged all the same, or its sender repeats it for ever.
                if malformed.is_unknown_message()
                    && let Some(&id) = self.endpoints.get(&from)
                {
                    self.receive(cx, id, datagram);
                    self.stats.unhandled += 1;
                } else {
                    self.stats.malformed += 1;
                }
                return;
            }
        };
        match message {
            Message::UseCircuitCode(opening) => self.handle_use_circuit_code(cx, from, datagram, &opening),
            Message::CompleteAgentMovement(arriving) => {
                self.handle_complete_movement(cx, from, datagram, &arriving);
            }
            message => {
                let Some(&id) = self.endpoints.get(&from) else {
                    self.stats.strangers += 1;
                    return;
                };
                if self.receive(cx, id, datagram) == Some(Received::Fresh) {
                    self.handle_fresh(cx, id, datagram, &message);
                }
                self.touch(id);
            }
        }
    }

    /// Lets the circuit see a datagram first. `None`: there is no circuit.
    fn receive(&mut self, cx: &mut Context<'_>, id: AgentId, datagram: &Datagram<'_>) -> Option<Received> {
        let agent = self.agents.get_mut(&id)?;
        let link = agent.link.as_mut()?;
        let received = link.circuit.receive(cx.now, datagram);
        if link.circuit.has_event() {
            self.drain_circuit(cx, id);
        }
        self.touch(id);
        Some(received)
    }

    fn handle_fresh(
        &mut self,
        cx: &mut Context<'_>,
        id: AgentId,
        datagram: &Datagram<'_>,
        message: &Message<'_>,
    ) {
        self.trace_packet_in(cx, id, message);
        let Some(link) = self.agents.get_mut(&id).and_then(|agent| agent.link.as_mut()) else { return };
        if link.circuit.handle_control(cx.now, message) {
            self.drain_circuit(cx, id);
            return;
        }
        if message.info().trusted || !self.ids_match(id, datagram.body, message) {
            self.stats.forbidden += 1;
            return;
        }
        // Acknowledged, or it would come again and again; but nothing is done with what is no number.
        let blocks = datagram.body.get(message.info().frequency.id_len()..).unwrap_or_default();
        // A teleport is answered whatever it asks for, since clients wait for that: it cleans its position itself.
        let answered_anyway =
            matches!(message, Message::TeleportLocationRequest(_) | Message::TeleportRequest(_));
        if !answered_anyway && lludp::walk::check_finite(message.info(), blocks).is_err() {
            self.stats.malformed += 1;
            return;
        }
        self.handle_message(cx, id, datagram.header.sequence, message);
    }

    /// Whether the agent and session named in a message's AgentData are those of the circuit.
    fn ids_match(&self, id: AgentId, body: &[u8], message: &Message<'_>) -> bool {
        let info = message.info();
        let Some(block) = info.blocks.first() else { return true };
        let Some(agent) = self.agents.get(&id) else { return false };
        if block.name != "AgentData" {
            return true;
        }
        let fields = &body[info.frequency.id_len().min(body.len())..];
        let mut expected = [("AgentID", agent.id.0), ("SessionID", agent.session.0)].into_iter();
        block.fields.iter().zip(fields.chunks_exact(16)).take(2).all(|(field, bytes)| {
            expected.next().is_none_or(|(name, value)| {
                field.name != name || Uuid::from_slice(bytes).is_ok_and(|found| found == value)
            })
        })
    }

    /// T1A, T2A: the viewer opens its circuit.
    fn handle_use_circuit_code(
        &mut self,
        cx: &mut Context<'_>,
        from: SocketAddr,
        datagram: &Datagram<'_>,
        message: &UseCircuitCode,
    ) {
        let block = &message.circuit_code;
        let id = AgentId(block.id);
        if !self.knows(id, SessionId(block.session_id), CircuitCode(block.code)) {
            self.stats.wrong_circuit_codes += 1;
            return;
        }
        let Some(bound) = self.bind(cx, id, from, datagram) else { return };
        let Some(agent) = self.agents.get_mut(&id) else { return };
        let Some(link) = agent.link.as_mut() else { return };
        // A viewer that comes back may count from the start again; what it sends now must not pass for old. Before
        // the agent was announced the circuit had been opened and acknowledged, so this is no repetition.
        let came_back = link.opened < agent.announced.at;
        let began_again =
            !datagram.header.flags.contains(Flags::RESENT) && cx.now.since(link.opened) > ANEW_AFTER;
        let anew = datagram.header.sequence <= link.first_sequence && (came_back || began_again);
        if anew {
            link.circuit.forget_received();
            link.opened = cx.now;
            link.newest_update = None;
            link.land_shown = false;
        }
        let received = link.circuit.receive(cx.now, datagram);
        // T1B: at once and alone; some clients look at nothing else until they have it.
        link.circuit.ack_now(datagram.header.sequence);
        if received == Received::Fresh {
            link.handshake = Handshake::Due;
        }
        self.touch(id);
        if received == Received::Duplicate {
            return;
        }
        let act = if bound == Bound::First { Act::UseCircuit } else { Act::UseCircuitAgain };
        let says = (Party::Viewer, Party::Destination);
        self.note_coming(cx, id, act, says, "UseCircuitCode", format!("circuit {}", block.code));
        self.note_coming(cx, id, Act::CircuitAcked, (Party::Destination, Party::Viewer), "PacketAck", "");
        self.trace_life(cx, || {
            format!("Handling UseCircuitCode request for circuit {} from {from} for {id}", block.code)
        });
        self.circuit_opened(cx, id);
    }

    /// T2, T9: the viewer wants to be root. It names everything that UseCircuitCode does, so that one may be lost.
    fn handle_complete_movement(
        &mut self,
        cx: &mut Context<'_>,
        from: SocketAddr,
        datagram: &Datagram<'_>,
        message: &CompleteAgentMovement,
    ) {
        let block = &message.agent_data;
        let id = AgentId(block.agent_id);
        if !self.knows(id, SessionId(block.session_id), CircuitCode(block.circuit_code)) {
            self.stats.wrong_circuit_codes += 1;
            return;
        }
        let Some(bound) = self.bind(cx, id, from, datagram) else { return };
        let received = self.receive(cx, id, datagram);
        if bound == Bound::First {
            self.circuit_opened(cx, id);
        }
        if received == Some(Received::Fresh) {
            self.trace_packet_in(cx, id, &Message::CompleteAgentMovement(*message));
            self.movement_completed(cx, id);
        }
    }

    /// Somebody at an address has used an agent's capabilities.
    pub(crate) fn shown_at(&mut self, caps: CapsSecret, from: IpAddr) {
        if let Some(agent) = self.caps.get(&caps).and_then(|id| self.agents.get_mut(id)) {
            agent.origin.shown(from);
        }
    }

    fn knows(&self, id: AgentId, session: SessionId, code: CircuitCode) -> bool {
        self.agents.get(&id).is_some_and(|agent| {
            agent.session == session && agent.circuit_code == code && agent.closing.is_none()
        })
    }

    /// Makes `from` the address of the agent's viewer: the first one, or a new one (a NAT that changed its mind, a
    /// client with a socket a region, another network). `None`: the viewer is not there, and nothing has changed.
    fn bind(
        &mut self,
        cx: &mut Context<'_>,
        id: AgentId,
        from: SocketAddr,
        datagram: &Datagram<'_>,
    ) -> Option<Bound> {
        let config = self.circuit_config.clone();
        let first = self.first_sequence(cx.now);
        let taken = self.endpoints.get(&from).is_some_and(|&holder| holder != id);
        let agent = self.agents.get_mut(&id)?;
        let (origin, login) = (agent.origin, agent.client.address);
        // Another agent's address is given to nobody who may only have written it on an envelope.
        if !origin.allows(from.ip(), login) || taken && !origin.proves(from.ip(), login) {
            self.stats.foreign_addresses += 1;
            self.trace_life(cx, || format!("Agent {id} is not at {from}: its circuit stays where it is"));
            return None;
        }
        agent.origin.held(from.ip());
        if let Some(link) = &mut agent.link {
            if link.address != from {
                self.endpoints.remove(&link.address);
                link.address = from;
                self.take_endpoint(cx, from, id);
            }
            return Some(Bound::Known);
        }
        let mut circuit = Circuit::new(config, cx.now).numbered_from(first);
        if let Some(throttles) = &agent.throttles {
            // Checked when the viewer or the peer gave them; what is wrong leaves the defaults.
            let _ = circuit.set_throttles(cx.now, throttles);
        }
        agent.link = Some(Link {
            address: from,
            circuit,
            news: Default::default(),
            opened: cx.now,
            first_sequence: datagram.header.sequence,
            newest_update: None,
            handshake: Handshake::Due,
            land: Default::default(),
            land_from: cx.now,
            land_shown: false,
        });
        self.take_endpoint(cx, from, id);
        Some(Bound::First)
    }

    /// Where a circuit that begins now begins to count: its viewer may still hold one that this region has forgotten,
    /// by closing it or by a restart, and would take lower numbers for repetitions. Circuits send fewer than a
    /// thousand packets a second for as long as they live, so the clock is ahead of them, unless it has begun anew in
    /// the meantime, as it does every 2.3 hours: it stays in the lower half of the numbers, since peers that have heard
    /// none yet may take the upper half for a wrapped past.
    fn first_sequence(&self, now: Moment) -> u32 {
        let milliseconds = self.config.unix_epoch_s.wrapping_mul(1000).wrapping_add(now.micros() / 1000);
        milliseconds as u32 & 0x7F_FFFF
    }

    /// CloseCircuit. From a root agent's viewer it is the end; a child agent's viewer may be about to open the circuit
    /// anew (some clients do when they come back), so only the circuit goes.
    pub(crate) fn circuit_closed(&mut self, cx: &mut Context<'_>, id: AgentId) {
        let Some(agent) = self.agents.get_mut(&id) else { return };
        if agent.is_root() && !agent.told_to_go() {
            self.viewer_vanished(cx, id);
            return;
        }
        if agent.closing.is_some() {
            self.finish_closing(cx, id);
            return;
        }
        // One that was overtaken by the next UseCircuitCode is of the circuit before.
        if agent.link.as_ref().is_some_and(|link| cx.now.since(link.opened) > REORDERED) {
            agent.unused_until = cx.now + crate::agent::UNUSED_CHILD;
            self.drop_link(id);
        }
    }

    /// An address belongs to one agent: whoever had it before has gone (a client that crashed and came back).
    fn take_endpoint(&mut self, cx: &mut Context<'_>, address: SocketAddr, id: AgentId) {
        if let Some(previous) = self.endpoints.insert(address, id)
            && previous != id
        {
            self.trace_life(cx, || format!("Address {address} passes from {previous} to {id}"));
            if let Some(agent) = self.agents.get_mut(&previous) {
                agent.unused_until = cx.now;
            }
            self.drop_link(previous);
            self.touch(previous);
        }
    }

    /// Sees to what the circuit has to report.
    pub(crate) fn drain_circuit(&mut self, cx: &mut Context<'_>, id: AgentId) {
        loop {
            let Some(link) = self.agents.get_mut(&id).and_then(|agent| agent.link.as_mut()) else { return };
            match link.circuit.poll_event() {
                Some(circuit::Event::TimedOut) => {
                    self.viewer_vanished(cx, id);
                    return;
                }
                Some(circuit::Event::Closed { heard }) => {
                    self.last_word_said(cx, id, heard);
                    return;
                }
                Some(circuit::Event::Acked(token)) if UnderWay::is_of(token) => {
                    self.news_ended(id, token, false)
                }
                Some(circuit::Event::Lost(token)) if UnderWay::is_of(token) => {
                    self.news_ended(id, token, true)
                }
                Some(circuit::Event::Acked(crate::welcome::MOVEMENT_COMPLETE)) => self.welcome_heard(cx, id),
                Some(circuit::Event::Acked(_) | circuit::Event::Lost(_)) => {}
                None => return,
            }
        }
    }
}
