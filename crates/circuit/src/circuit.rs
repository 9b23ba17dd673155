use std::collections::VecDeque;
use std::sync::Arc;

use core::time::Duration;
use lludp::{Datagram, Flags, Message, WireMessage, header};
use model::Moment;
use thiserror::Error;

use crate::config::Config;
use crate::history::History;
use crate::queue::{Packet, Queue, Spare};
use crate::rtt::Rtt;
use crate::sequence;
use crate::statistics::Statistics;
use crate::throttle::{BadThrottles, Bucket, Category, Throttles};
use crate::unacked::Unacked;

/// One end of the association between a viewer and a region. See the [crate] for what it does and how it is driven.
#[derive(Debug)]
pub struct Circuit {
    pub(crate) config: Arc<Config>,
    /// The latest moment that the circuit was told.
    pub(crate) now: Moment,
    pub(crate) phase: Phase,
    pub(crate) paused: bool,
    /// Nothing is repeated any more.
    pub(crate) hushed: bool,
    /// How often in a row, without any acknowledgement in between, a noted message got lost: a peer that has stalled
    /// is not talked to faster than one to whom messages are repeated.
    pub(crate) unheard: u8,
    pub(crate) statistics: Statistics,
    pub(crate) events: VecDeque<Event>,

    history: History,
    pub(crate) last_received: Moment,
    /// To be acknowledged, each alone, before anything else is sent.
    pub(crate) urgent_acks: VecDeque<u32>,
    /// To be acknowledged with whatever leaves next, at `acks_due` at the latest.
    pub(crate) acks: Vec<u32>,
    pub(crate) acks_due: Moment,

    /// Pings of the peer that have no answer yet.
    pub(crate) pongs: VecDeque<u8>,
    pub(crate) next_ping: Moment,
    pub(crate) next_ping_id: u8,
    /// Pings of ours without an answer, newest last.
    pub(crate) pings: VecDeque<(u8, Moment)>,
    pub(crate) rtt: Rtt,
    /// No message of the owner's was sent since the last ping of ours.
    pub(crate) idle_since_ping: bool,

    pub(crate) next_sequence: u32,
    pub(crate) unacked: Unacked,
    /// Charged bytes of reliable packets that are still queued.
    pub(crate) queued_reliable: usize,
    /// By [`Category::index`].
    pub(crate) queues: [Queue; Category::COUNT],
    /// In the order of [`Category::THROTTLED`].
    pub(crate) buckets: [Bucket; 7],
    /// Which of [`Category::THROTTLED`] is asked first when the next packet is chosen.
    pub(crate) turn: usize,
    pub(crate) spare: Spare,
    pub(crate) scratch: Vec<u8>,
}

/// Where a circuit is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Phase {
    Open,
    /// Nothing new is taken; what was promised is delivered, until then at the latest.
    Closing(Moment),
    Over,
}

/// How a message is to be delivered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Delivery {
    /// Whether it is repeated until the peer acknowledges it.
    pub reliability: Reliability,
    /// Whose rate it counts against.
    pub category: Category,
    /// Comes back in [`Event::Acked`] or [`Event::Lost`]; of no effect on unreliable messages.
    pub token: Option<u64>,
}

/// Whether a message is repeated until it is acknowledged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reliability {
    /// It is. Delivered once or reported lost; order is not kept.
    Reliable,
    /// It is sent once, and the peer acknowledges it; [`Event::Lost`] tells when it does not in time. For what is
    /// composed anew from the newest state rather than repeated: a repetition would tell an older state last.
    Noted,
    /// It is sent once.
    Unreliable,
}

impl Delivery {
    /// Reliable and unthrottled.
    pub const CONTROL: Self = Self::reliable(Category::Control);

    /// Repeated until acknowledged.
    pub const fn reliable(category: Category) -> Self {
        Self { reliability: Reliability::Reliable, category, token: None }
    }

    /// Sent once, with a report of the outcome.
    pub const fn noted(category: Category, token: u64) -> Self {
        Self { reliability: Reliability::Noted, category, token: Some(token) }
    }

    /// Sent once.
    pub const fn unreliable(category: Category) -> Self {
        Self { reliability: Reliability::Unreliable, category, token: None }
    }

    /// With a report of the outcome.
    pub const fn with_token(self, token: u64) -> Self {
        Self { token: Some(token), ..self }
    }
}

/// Why a message was not taken. Nothing of it is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum Refused {
    /// The category's queue is full: the peer, or its wish for throttles, is too slow.
    #[error("the {0:?} queue is full")]
    QueueFull(Category),
    /// Too much reliable data is unacknowledged.
    #[error("too much reliable data is unacknowledged")]
    UnackedFull,
    /// It makes a datagram of this many bytes, more than [`Config::message_bytes`].
    #[error("a datagram of {0} bytes is too large")]
    TooLarge(usize),
    /// The circuit is closed, or closing.
    #[error("the circuit is closed")]
    Closed,
    /// Another packet of the category goes first, or its rate allows none yet. Of what is composed at the last moment
    /// only.
    #[error("it is not the turn of {0:?}")]
    NotYet(Category),
}

/// What a received datagram is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub enum Received {
    /// To be acted upon.
    Fresh,
    /// Acted upon before; its acknowledgement had been lost, and goes out again.
    Duplicate,
}

/// Something the owner of a circuit should know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// The peer has the reliable message that was sent with this token.
    Acked(u64),
    /// The peer did not acknowledge it, however often it was repeated (a noted one: in time); whether it has it is
    /// unknown.
    Lost(u64),
    /// Nothing came from the peer for too long. The circuit is over; outcomes still open are not reported.
    TimedOut,
    /// What was to be delivered after [`Circuit::close`] has been, or the linger has ended. The circuit is over.
    Closed {
        /// The peer has acknowledged all of it.
        heard: bool,
    },
}

/// A message made ready to be sent over any number of circuits: header and body, zero-coded where that pays.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Encoded {
    bytes: Vec<u8>,
}

impl Encoded {
    /// Encodes a message.
    pub fn new<'m>(message: &impl WireMessage<'m>) -> Self {
        let mut bytes = Vec::new();
        frame(message, &mut Vec::new(), &mut bytes);
        Self { bytes }
    }

    /// Size of the datagram, bytes.
    #[expect(clippy::len_without_is_empty, reason = "never empty")]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }
}

/// Writes a datagram that has no sequence number yet.
pub(crate) fn frame<'m>(message: &impl WireMessage<'m>, scratch: &mut Vec<u8>, out: &mut Vec<u8>) {
    header::seal_message(out, Flags::empty(), 0, message, scratch);
}

impl Circuit {
    /// A circuit that has just heard from its peer for the first time, or is about to call it.
    pub fn new(config: impl Into<Arc<Config>>, now: Moment) -> Self {
        let config = config.into();
        let rates = config.throttles.clamped(&config).to_array();
        Self {
            now,
            phase: Phase::Open,
            paused: false,
            hushed: false,
            unheard: 0,
            statistics: Statistics::default(),
            events: VecDeque::new(),
            history: History::new(config.history, config.history_age),
            last_received: now,
            urgent_acks: VecDeque::new(),
            acks: Vec::new(),
            acks_due: now,
            pongs: VecDeque::new(),
            next_ping: now + config.ping_interval,
            next_ping_id: 0,
            pings: VecDeque::new(),
            rtt: Rtt::new(config.rto_initial, config.rto_min, config.rto_max),
            idle_since_ping: true,
            next_sequence: sequence::wrap(config.first_sequence),
            unacked: Unacked::default(),
            queued_reliable: 0,
            queues: Default::default(),
            buckets: rates.map(|rate| Bucket::new(now, rate, &config)),
            turn: 0,
            spare: Spare::default(),
            scratch: Vec::new(),
            config,
        }
    }

    /// The same circuit, before it has sent anything, with another first number; only the lower 24 bits count.
    ///
    /// Peers remember some thousand numbers of a circuit and take those for repetitions (lludp fact sheet, section
    /// 8), also when this side has forgotten the circuit and begins anew: then it must not begin with the same.
    #[must_use]
    pub fn numbered_from(mut self, first: u32) -> Self {
        self.next_sequence = sequence::wrap(first);
        self
    }

    /// A datagram came from the peer: takes note of its acknowledgements and its number. What is `Fresh` goes on to
    /// [`handle_control`](Self::handle_control) and then to whom it concerns.
    pub fn receive(&mut self, now: Moment, datagram: &Datagram<'_>) -> Received {
        self.advance(now);
        self.last_received = self.last_received.max(now);
        self.statistics.packets_in += 1;
        for sequence in datagram.acks.iter() {
            self.handle_ack(sequence);
        }
        if !datagram.header.flags.is_reliable() {
            return Received::Fresh;
        }
        let sequence = datagram.header.sequence;
        let is_fresh = self.history.insert(now, sequence);
        self.queue_ack(sequence, is_fresh);
        if is_fresh {
            return Received::Fresh;
        }
        self.statistics.duplicates += 1;
        Received::Duplicate
    }

    /// Acts upon the messages that are the circuit's own: PacketAck, StartPingCheck, CompletePingCheck. Whether it
    /// was one of those.
    pub fn handle_control(&mut self, now: Moment, message: &Message<'_>) -> bool {
        self.advance(now);
        match message {
            Message::PacketAck(acks) => {
                for ack in acks.packets.iter() {
                    self.handle_ack(ack.id);
                }
            }
            Message::StartPingCheck(ping) => {
                if self.pongs.len() >= self.config.pending_pongs {
                    self.pongs.pop_front();
                }
                self.pongs.push_back(ping.ping_id.ping_id);
            }
            Message::CompletePingCheck(pong) => self.handle_pong(pong.ping_id.ping_id),
            _ => return false,
        }
        true
    }

    /// Acknowledges a packet at once and alone, before anything else leaves: what clients need as the answer to
    /// UseCircuitCode. In place of the acknowledgement that [`receive`](Self::receive) put in line.
    pub fn ack_now(&mut self, sequence: u32) {
        self.acks.retain(|&ack| ack != sequence);
        if !self.urgent_acks.contains(&sequence) && self.urgent_acks.len() < self.config.pending_pongs {
            self.urgent_acks.push_back(sequence);
        }
    }

    /// The peer begins anew and counts from the start again: none of its packets is a duplicate of an earlier one.
    pub fn forget_received(&mut self) {
        self.history.clear();
    }

    /// Takes a message for delivery. It is encoded here and now; it leaves through
    /// [`poll_datagram`](Self::poll_datagram).
    ///
    /// # Errors
    /// [`Refused`]: a budget is used up, the message too large, or the circuit closed.
    pub fn send<'m>(
        &mut self,
        now: Moment,
        message: &impl WireMessage<'m>,
        delivery: Delivery,
    ) -> Result<(), Refused> {
        self.advance(now);
        let mut bytes = self.spare.take();
        frame(message, &mut self.scratch, &mut bytes);
        self.queue(bytes, delivery)
    }

    /// The same for a message that goes to several.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn send_encoded(
        &mut self,
        now: Moment,
        message: &Encoded,
        delivery: Delivery,
    ) -> Result<(), Refused> {
        self.advance(now);
        let mut bytes = self.spare.take();
        bytes.extend_from_slice(&message.bytes);
        self.queue(bytes, delivery)
    }

    /// Encodes a message straight into the datagram to be sent, if its category may send now: no packet of it
    /// waits, and its rate allows. For what is composed at the last moment from the newest state; to be tried when
    /// [`poll_datagram`](Self::poll_datagram) has nothing more, and again at [`ready_at`](Self::ready_at).
    ///
    /// # Errors
    /// [`Refused`], with nothing in `out`.
    pub fn try_write<'m>(
        &mut self,
        now: Moment,
        out: &mut Vec<u8>,
        message: &impl WireMessage<'m>,
        delivery: Delivery,
    ) -> Result<(), Refused> {
        out.clear();
        self.await_turn(now, delivery.category)?;
        frame(message, &mut self.scratch, out);
        self.write(out, delivery)
    }

    /// The same for a message that goes to several.
    ///
    /// # Errors
    /// As [`try_write`](Self::try_write).
    pub fn try_write_encoded(
        &mut self,
        now: Moment,
        out: &mut Vec<u8>,
        message: &Encoded,
        delivery: Delivery,
    ) -> Result<(), Refused> {
        out.clear();
        self.await_turn(now, delivery.category)?;
        out.extend_from_slice(&message.bytes);
        self.write(out, delivery)
    }

    fn await_turn(&mut self, now: Moment, category: Category) -> Result<(), Refused> {
        self.advance(now);
        if self.phase != Phase::Open {
            return Err(Refused::Closed);
        }
        let turn = self.queues[category.index()].is_empty() && self.is_ready(category);
        if turn { Ok(()) } else { Err(Refused::NotYet(category)) }
    }

    /// Makes what is in `out` the datagram to be sent, unless a budget forbids it.
    fn write(&mut self, out: &mut Vec<u8>, delivery: Delivery) -> Result<(), Refused> {
        let Delivery { category, token, reliability } = delivery;
        if let Err(refused) = self.check(out.len(), delivery) {
            self.count_refused(refused);
            out.clear();
            return Err(refused);
        }
        if reliability == Reliability::Reliable {
            let mut bytes = self.spare.take();
            bytes.extend_from_slice(out);
            out.clear();
            self.transmit(Packet { bytes, category, reliability, token }, out);
            return Ok(());
        }
        let sequence = self.number(out, reliability);
        self.charge(category, out.len());
        if reliability == Reliability::Noted {
            self.idle_since_ping = false;
            // Only that it is awaited is kept: it is never said again.
            self.await_ack(sequence, Packet { bytes: Vec::new(), category, reliability, token });
        }
        self.finish(out);
        Ok(())
    }

    /// Bytes that wait in a category's queue, with what each packet costs besides.
    pub fn queued_bytes(&self, category: Category) -> usize {
        self.queues[category.index()].bytes()
    }

    /// Bytes of messages, with what each costs besides, that would be taken now, if none is too large.
    pub fn room(&self, delivery: Delivery) -> usize {
        if self.phase != Phase::Open {
            return 0;
        }
        let (queue_max, unacked_max) = self.budgets(delivery.category);
        let queue = queue_max.saturating_sub(self.queues[delivery.category.index()].bytes());
        let unacked = unacked_max.saturating_sub(self.queued_reliable + self.unacked.bytes());
        if delivery.reliability == Reliability::Unreliable { queue } else { queue.min(unacked) }
    }

    /// From when on [`try_write`](Self::try_write) may succeed for a category, if nothing else of it is sent before.
    pub fn ready_at(&self, category: Category) -> Moment {
        self.bucket_index(category).map_or(self.now, |index| self.buckets[index].ready_at())
    }

    /// The viewer's wish from AgentThrottle, the field as it came; kept within the configured limits. The rates
    /// that hold now.
    ///
    /// # Errors
    /// When it is malformed; the rates stay.
    pub fn set_throttles(&mut self, now: Moment, bytes: &[u8]) -> Result<Throttles, BadThrottles> {
        self.advance(now);
        let rates = Throttles::parse(bytes)?.clamped(&self.config);
        for (bucket, rate) in self.buckets.iter_mut().zip(rates.to_array()) {
            bucket.set_rate(self.now, rate, &self.config);
        }
        Ok(rates)
    }

    /// The agent paused or resumed: a paused viewer may be silent for longer.
    pub fn set_paused(&mut self, paused: bool) {
        self.paused = paused;
    }

    /// No more sends or repeats messages with this token, whose word has become untrue; no event tells of them. Whether
    /// there was any that waited or was unacknowledged: the peer may have it or not.
    pub fn forget(&mut self, token: u64) -> bool {
        let mut waited = false;
        for queue in &mut self.queues {
            for packet in queue.take_back(token) {
                waited = true;
                self.queued_reliable -= if packet.is_acked() { packet.charge() } else { 0 };
                self.spare.give(packet.bytes, self.config.spare_buffers);
            }
        }
        let sequences = self.unacked.with_token(token);
        for &sequence in &sequences {
            if let Some(sent) = self.unacked.remove(sequence) {
                self.spare.give(sent.packet.bytes, self.config.spare_buffers);
            }
        }
        waited || !sequences.is_empty()
    }

    /// Takes nothing more to send. What waits in throttled categories is forgotten; control messages are still
    /// delivered, and packets of the peer acknowledged, for at most `linger`. Then comes [`Event::Closed`].
    pub fn close(&mut self, now: Moment, linger: Duration) {
        self.advance(now);
        if self.phase != Phase::Open {
            return;
        }
        self.phase = Phase::Closing(self.now + linger);
        for category in Category::THROTTLED {
            self.queues[category.index()].clear();
        }
        self.unacked.keep_control();
    }

    /// Of a closing circuit: repeats nothing any more, and waits for acknowledgements for at most `linger`.
    pub fn hush(&mut self, now: Moment, linger: Duration) {
        self.advance(now);
        if let Phase::Closing(_) = self.phase {
            self.phase = Phase::Closing(self.now + linger);
            self.hushed = true;
        }
    }

    /// Whether it will never send again.
    pub fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }

    /// Whether [`poll_event`](Self::poll_event) has something to say.
    pub fn has_event(&self) -> bool {
        !self.events.is_empty()
    }

    /// What happened, oldest first. To be asked until `None` after each call that takes the time.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Figures for the operator.
    pub fn statistics(&self) -> Statistics {
        Statistics {
            unacked_packets: self.unacked.len(),
            unacked_bytes: self.unacked.bytes(),
            queued_bytes: self.queues.each_ref().map(Queue::bytes),
            rtt: self.rtt.smoothed(),
            last_received: self.last_received,
            ..self.statistics
        }
    }

    pub(crate) fn advance(&mut self, now: Moment) {
        self.now = self.now.max(now);
    }

    fn handle_ack(&mut self, sequence: u32) {
        let Some(sent) = self.unacked.remove(sequence) else { return };
        if sent.resends == 0 {
            self.rtt.sample(self.now - sent.first_sent);
        }
        self.unheard = 0;
        self.events.extend(sent.packet.token.map(Event::Acked));
        self.spare.give(sent.packet.bytes, self.config.spare_buffers);
    }

    fn handle_pong(&mut self, id: u8) {
        let Some(index) = self.pings.iter().position(|&(ping, _)| ping == id) else { return };
        let (_, sent) = self.pings[index];
        self.pings.drain(..=index);
        self.rtt.sample(self.now - sent);
    }

    fn queue_ack(&mut self, sequence: u32, is_fresh: bool) {
        if self.acks.len() >= self.config.pending_acks || !is_fresh && self.acks.contains(&sequence) {
            return;
        }
        if self.acks.is_empty() {
            self.acks_due = self.now + self.config.ack_delay;
        }
        self.acks.push(sequence);
        if self.acks.len() >= self.config.acks_per_message {
            self.acks_due = self.now;
        }
    }

    fn queue(&mut self, bytes: Vec<u8>, delivery: Delivery) -> Result<(), Refused> {
        let Delivery { category, reliability, token } = delivery;
        let packet = Packet { bytes, category, reliability, token };
        if let Err(refused) = self.check(packet.bytes.len(), delivery) {
            self.count_refused(refused);
            self.spare.give(packet.bytes, self.config.spare_buffers);
            return Err(refused);
        }
        if packet.is_acked() {
            self.queued_reliable += packet.charge();
        }
        self.queues[delivery.category.index()].push(packet);
        Ok(())
    }

    /// Whether a datagram may be taken.
    fn check(&self, bytes: usize, delivery: Delivery) -> Result<(), Refused> {
        let config = &self.config;
        if self.phase != Phase::Open {
            return Err(Refused::Closed);
        }
        if bytes > config.message_bytes {
            return Err(Refused::TooLarge(bytes));
        }
        let (queue_max, unacked_max) = self.budgets(delivery.category);
        let charge = bytes + crate::config::PACKET_OVERHEAD;
        if self.queues[delivery.category.index()].bytes() + charge > queue_max {
            return Err(Refused::QueueFull(delivery.category));
        }
        let reliable = self.queued_reliable + self.unacked.bytes() + charge;
        if delivery.reliability != Reliability::Unreliable && reliable > unacked_max {
            return Err(Refused::UnackedFull);
        }
        Ok(())
    }

    /// Bytes of a category that may be queued, and of everything that may be unacknowledged for it to be taken.
    fn budgets(&self, category: Category) -> (usize, usize) {
        let config = &self.config;
        match category {
            Category::Control => (config.control_queue_bytes, config.unacked_bytes / 4 * 5),
            _ => (config.queue_bytes, config.unacked_bytes),
        }
    }

    fn count_refused(&mut self, refused: Refused) {
        if refused != Refused::Closed {
            self.statistics.refused += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn say(circuit: &mut Circuit, now: Moment, token: u64) -> u32 {
        let mut out = Vec::new();
        let message = lludp::messages::DisableSimulator {};
        circuit.send(now, &message, Delivery::CONTROL.with_token(token)).expect("room for a message");
        assert!(circuit.poll_datagram(now, &mut out));
        u32::from_be_bytes(out[1..5].try_into().expect("a header"))
    }

    #[test]
    fn numbers_go_on_from_where_they_are_told_to() {
        let mut circuit = Circuit::new(Config::default(), Moment::ZERO).numbered_from(0x12FF_FFFE);
        let numbers = [1, 2, 3].map(|token| say(&mut circuit, Moment::ZERO, token));
        assert_eq!(numbers, [0xFF_FFFE, 0xFF_FFFF, 0]);
    }

    #[test]
    fn what_is_forgotten_is_not_repeated_and_not_reported() {
        let mut circuit = Circuit::new(Config::default(), Moment::ZERO);
        let kept = say(&mut circuit, Moment::ZERO, 1);
        say(&mut circuit, Moment::ZERO, 2);
        assert!(circuit.forget(2));
        assert!(!circuit.forget(2), "once");
        let (mut out, mut repeated) = (Vec::new(), Vec::new());
        let later = Moment::from_millis(1500);
        while circuit.poll_datagram(later, &mut out) {
            if out[0] & Flags::RESENT.bits() != 0 {
                repeated.push(u32::from_be_bytes(out[1..5].try_into().expect("a header")));
            }
        }
        assert_eq!(repeated, [kept]);
        assert!(!circuit.has_event());
    }

    #[test]
    fn what_is_forgotten_before_it_has_left_never_leaves() {
        let (mut circuit, mut out) = (Circuit::new(Config::default(), Moment::ZERO), Vec::new());
        let message = lludp::messages::DisableSimulator {};
        for delivery in [Delivery::CONTROL, Delivery::reliable(Category::Task)] {
            for token in [1, 2] {
                circuit.send(Moment::ZERO, &message, delivery.with_token(token)).expect("room for a message");
            }
        }
        assert!(circuit.forget(2), "nobody has it yet");
        assert!(!circuit.forget(2));
        let mut sent = 0;
        while circuit.poll_datagram(Moment::ZERO, &mut out) {
            sent += 1;
        }
        let statistics = circuit.statistics();
        assert_eq!((sent, statistics.unacked_packets, circuit.queued_reliable), (2, 2, 0));
        assert_eq!(statistics.queued_total(), 0);
    }

    #[test]
    fn silence_is_an_event() {
        let mut circuit = Circuit::new(Config::default(), Moment::ZERO);
        let end = Moment::ZERO + Config::default().silence;
        let mut out = Vec::new();
        while circuit.poll_datagram(end, &mut out) {}
        assert!(circuit.has_event());
        assert_eq!(circuit.poll_event(), Some(Event::TimedOut));
        assert!(!circuit.has_event());
    }

    #[test]
    fn a_circuit_is_small() {
        // A thousand child agents' circuits are to fit into two megabytes.
        assert!(size_of::<Circuit>() <= 2048, "{}", size_of::<Circuit>());
    }
}
