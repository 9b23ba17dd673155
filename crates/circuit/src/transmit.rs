//! The sending half: what leaves next, and when the circuit must be asked again.

use lludp::messages::{CompletePingCheck, PacketAck, StartPingCheck};
use lludp::messages::{complete_ping_check, packet_ack, start_ping_check};
use lludp::{Flags, WireMessage, header};
use model::Moment;

use crate::circuit::{Circuit, Event, Phase, Reliability, frame};
use crate::queue::{Packet, Queue};
use crate::sequence;
use crate::throttle::Category;
use crate::unacked::Lane;

/// Bytes of a PacketAck around its acknowledgements: header, message number, count.
const PACKET_ACK_LEN: usize = header::HEADER_LEN + 4 + 1;

impl Circuit {
    /// Writes the next datagram that is due into `out`; `false` leaves it empty: nothing is due before
    /// [`next_wakeup`](Self::next_wakeup). To be called until `false`, and then for events.
    pub fn poll_datagram(&mut self, now: Moment, out: &mut Vec<u8>) -> bool {
        self.advance(now);
        out.clear();
        if self.phase == Phase::Over || self.end_by_silence() {
            return false;
        }
        let written = self.write_urgent_ack(out)
            || self.write_pong(out)
            || self.write_ping(out)
            || self.write_queued(Category::Control, out)
            || self.write_resend(Lane::Control, out)
            || self.write_resend(Lane::Throttled, out)
            || self.write_throttled(out)
            || self.write_due_acks(out);
        if !written {
            self.end_if_closed();
        }
        written
    }

    /// When [`poll_datagram`](Self::poll_datagram) has something to do next: a datagram, or an event. Not before,
    /// unless there is input; `None` when the circuit is over.
    pub fn next_wakeup(&self) -> Option<Moment> {
        let mut earliest = self.silence_deadline();
        let mut consider = |moment: Moment| earliest = earliest.min(moment);
        match self.phase {
            Phase::Over => return None,
            Phase::Open => consider(self.next_ping),
            Phase::Closing(until) => consider(if self.is_drained() { self.now } else { until }),
        }
        let has_queued_control = !self.queues[Category::Control.index()].is_empty();
        if !self.urgent_acks.is_empty() || !self.pongs.is_empty() || has_queued_control {
            consider(self.now);
        }
        if !self.acks.is_empty() {
            consider(self.acks_due);
        }
        if let Some((due, _)) = self.unacked.next_due(Lane::Control).filter(|_| !self.hushed) {
            consider(due);
        }
        if let Some((due, sequence)) = self.unacked.next_due(Lane::Throttled).filter(|_| !self.hushed) {
            let is_hopeless = self.is_hopeless(sequence);
            consider(if is_hopeless { due } else { due.max(self.ready_at(Category::Resend)) });
        }
        for category in Category::THROTTLED {
            if !self.queues[category.index()].is_empty() {
                consider(self.ready_at(category));
            }
        }
        Some(earliest)
    }

    fn silence_deadline(&self) -> Moment {
        self.last_received + if self.paused { self.config.silence_paused } else { self.config.silence }
    }

    fn end_by_silence(&mut self) -> bool {
        let is_silent = self.now >= self.silence_deadline();
        if is_silent {
            self.end(Event::TimedOut);
        }
        is_silent
    }

    fn end_if_closed(&mut self) {
        if let Phase::Closing(until) = self.phase
            && (self.is_drained() || self.now >= until)
        {
            self.end(Event::Closed { heard: self.is_drained() });
        }
    }

    fn is_drained(&self) -> bool {
        self.unacked.len() == 0
            && self.acks.is_empty()
            && self.urgent_acks.is_empty()
            && self.queues[Category::Control.index()].is_empty()
    }

    /// Frees what is held and says why.
    fn end(&mut self, event: Event) {
        self.phase = Phase::Over;
        self.events.push_back(event);
        self.unacked = Default::default();
        self.queues = Default::default();
        self.queued_reliable = 0;
        self.spare.clear();
    }

    fn write_urgent_ack(&mut self, out: &mut Vec<u8>) -> bool {
        let Some(sequence) = self.urgent_acks.pop_front() else { return false };
        self.write_packet_ack(&[sequence], out);
        true
    }

    /// Acknowledgements that found nothing to ride on in time.
    fn write_due_acks(&mut self, out: &mut Vec<u8>) -> bool {
        if self.acks.is_empty() || self.now < self.acks_due {
            return false;
        }
        let room = self.config.datagram_bytes.saturating_sub(PACKET_ACK_LEN) / 4;
        let count = self.acks.len().min(self.config.acks_per_message).min(room).clamp(1, header::MAX_ACKS);
        let mut acks = core::mem::take(&mut self.acks);
        self.write_packet_ack(&acks[..count], out);
        acks.drain(..count);
        self.acks = acks;
        true
    }

    /// At most [`header::MAX_ACKS`]. Carries no acknowledgements itself.
    fn write_packet_ack(&mut self, acks: &[u32], out: &mut Vec<u8>) {
        let mut packets = [packet_ack::Packets { id: 0 }; header::MAX_ACKS];
        packets.iter_mut().zip(acks).for_each(|(packet, ack)| packet.id = *ack);
        let message = PacketAck { packets: packets[..acks.len().min(header::MAX_ACKS)].into() };
        frame(&message, &mut self.scratch, out);
        self.number(out, Reliability::Unreliable);
        self.count(out);
    }

    /// A message of the circuit's own: unreliable, unthrottled.
    fn write_own<'m>(&mut self, message: &impl WireMessage<'m>, out: &mut Vec<u8>) {
        frame(message, &mut self.scratch, out);
        self.number(out, Reliability::Unreliable);
        self.finish(out);
    }

    fn write_pong(&mut self, out: &mut Vec<u8>) -> bool {
        let Some(id) = self.pongs.pop_front() else { return false };
        let ping_id = complete_ping_check::PingID { ping_id: id };
        self.write_own(&CompletePingCheck { ping_id }, out);
        true
    }

    fn write_ping(&mut self, out: &mut Vec<u8>) -> bool {
        if self.now < self.next_ping || self.phase != Phase::Open {
            return false;
        }
        self.next_ping = self.now + self.config.ping_interval;
        // A missing answer is of no interest beyond a minute.
        if self.pings.len() >= 12 {
            self.pings.pop_front();
        }
        self.pings.push_back((self.next_ping_id, self.now));
        // The viewer forgets all numbers before this one, so it must not be later than any that may be repeated.
        let last_sent = sequence::previous(self.next_sequence);
        let oldest_unacked = self.unacked.oldest().unwrap_or(last_sent);
        let ping_id = start_ping_check::PingID { ping_id: self.next_ping_id, oldest_unacked };
        self.write_own(&StartPingCheck { ping_id }, out);
        self.next_ping_id = self.next_ping_id.wrapping_add(1);
        // Nothing but pings for a whole interval: give the memory back.
        if self.idle_since_ping && self.unacked.len() == 0 {
            self.give_back();
        }
        self.idle_since_ping = true;
        true
    }

    /// Frees what a burst (a login) has left behind.
    fn give_back(&mut self) {
        self.spare.clear();
        self.scratch = Vec::new();
        self.acks.shrink_to(16);
        self.unacked.shrink();
        self.queues.iter_mut().filter(|queue| queue.is_empty()).for_each(Queue::clear);
    }

    fn write_throttled(&mut self, out: &mut Vec<u8>) -> bool {
        let count = Category::THROTTLED.len();
        for offset in 0..count {
            let turn = (self.turn + offset) % count;
            let category = Category::THROTTLED[turn];
            if !self.queues[category.index()].is_empty() && self.is_ready(category) {
                self.turn = turn + 1;
                return self.write_queued(category, out);
            }
        }
        false
    }

    fn write_queued(&mut self, category: Category, out: &mut Vec<u8>) -> bool {
        let Some(packet) = self.queues[category.index()].pop() else { return false };
        if packet.is_acked() {
            self.queued_reliable -= packet.charge();
        }
        self.transmit(packet, out);
        true
    }

    fn write_resend(&mut self, lane: Lane, out: &mut Vec<u8>) -> bool {
        while let Some((due, sequence)) = self.unacked.next_due(lane)
            && due <= self.now
            && !self.hushed
        {
            if self.is_hopeless(sequence) {
                self.give_up(sequence);
                continue;
            }
            let resends = self.unacked.resends(sequence);
            if lane == Lane::Throttled && !self.is_ready(Category::Resend) {
                return false;
            }
            let deadline = self.now + self.rtt.timeout(resends + 1);
            let Some(packet) = self.unacked.resent(sequence, deadline) else { return false };
            out.extend_from_slice(&packet.bytes);
            header::set_resent(out);
            if lane == Lane::Throttled {
                self.charge(Category::Resend, out.len());
            }
            self.statistics.resends += 1;
            self.statistics.last_resend = Some(self.now);
            self.count(out);
            return true;
        }
        false
    }

    /// Whether a packet that is not acknowledged is not repeated either.
    fn is_hopeless(&self, sequence: u32) -> bool {
        self.unacked.get(sequence).is_none_or(|sent| {
            sent.packet.reliability == Reliability::Noted || sent.resends >= self.config.resends
        })
    }

    fn give_up(&mut self, sequence: u32) {
        let Some(sent) = self.unacked.remove(sequence) else { return };
        if sent.packet.reliability == Reliability::Noted {
            // Whoever composed it says the newest instead, now.
            self.unheard = self.unheard.saturating_add(1);
            self.statistics.resends += 1;
            self.statistics.last_resend = Some(self.now);
        } else {
            self.statistics.lost += 1;
        }
        self.events.extend(sent.packet.token.map(Event::Lost));
        self.spare.give(sent.packet.bytes, self.config.spare_buffers);
    }

    /// Sends a packet for the first time.
    pub(crate) fn transmit(&mut self, mut packet: Packet, out: &mut Vec<u8>) {
        self.idle_since_ping = false;
        let sequence = self.number(&mut packet.bytes, packet.reliability);
        out.extend_from_slice(&packet.bytes);
        self.charge(packet.category, out.len());
        match packet.reliability {
            Reliability::Reliable => self.await_ack(sequence, packet),
            Reliability::Noted => {
                let bytes = core::mem::take(&mut packet.bytes);
                self.spare.give(bytes, self.config.spare_buffers);
                self.await_ack(sequence, packet);
            }
            Reliability::Unreliable => self.spare.give(packet.bytes, self.config.spare_buffers),
        }
        self.finish(out);
    }

    /// Notes that a packet has left that the peer is to acknowledge.
    pub(crate) fn await_ack(&mut self, sequence: u32, packet: Packet) {
        let lost = if packet.reliability == Reliability::Noted { self.unheard } else { 0 };
        let deadline = self.now + self.rtt.timeout(lost);
        self.unacked.push(sequence, self.now, deadline, packet);
    }

    /// Gives a datagram its sequence number.
    pub(crate) fn number(&mut self, datagram: &mut [u8], reliability: Reliability) -> u32 {
        let sequence = self.next_sequence;
        self.next_sequence = sequence::next(sequence);
        datagram[1..5].copy_from_slice(&sequence.to_be_bytes());
        if reliability != Reliability::Unreliable {
            datagram[0] |= Flags::RELIABLE.bits();
        }
        sequence
    }

    /// Appends what acknowledgements fit, and counts.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) {
        let count = header::append_acks(out, &self.acks, self.config.datagram_bytes);
        self.acks.drain(..count);
        self.count(out);
    }

    fn count(&mut self, out: &[u8]) {
        self.statistics.packets_out += 1;
        self.statistics.bytes_out += out.len() as u64;
    }

    pub(crate) fn bucket_index(&self, category: Category) -> Option<usize> {
        category.index().checked_sub(Category::Resend.index())
    }

    /// Whether the category's rate allows a packet now.
    pub(crate) fn is_ready(&mut self, category: Category) -> bool {
        let now = self.now;
        self.bucket_index(category).is_none_or(|index| self.buckets[index].is_ready(now))
    }

    /// A packet counts against its category's rate.
    pub(crate) fn charge(&mut self, category: Category, bytes: usize) {
        if let Some(index) = self.bucket_index(category) {
            self.buckets[index].take(bytes);
        }
    }
}
