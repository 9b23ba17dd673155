use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use model::Moment;

use crate::config::PACKET_OVERHEAD;
use crate::queue::Packet;
use crate::sequence;
use crate::throttle::Category;

/// The reliable packets whose acknowledgement is awaited, in the order of sending, with the deadlines at which
/// they are repeated.
///
/// Acknowledged ones leave holes until they are the oldest or outnumber the rest, so that finding one is a binary
/// search and nothing moves. Deadlines are in heaps, one for packets that may be repeated at once and one for
/// those that the resend throttle holds back; entries of acknowledged packets are dropped when they come to the
/// top, hence the earliest deadline is always a true one.
#[derive(Debug, Default)]
pub(crate) struct Unacked {
    slots: VecDeque<Slot>,
    holes: usize,
    bytes: usize,
    deadlines: [BinaryHeap<Reverse<(Moment, u32)>>; 2],
}

#[derive(Debug)]
struct Slot {
    sequence: u32,
    sent: Option<Sent>,
}

/// A packet on its way.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) packet: Packet,
    pub(crate) first_sent: Moment,
    pub(crate) deadline: Moment,
    pub(crate) resends: u8,
}

/// What holds a repetition back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Lane {
    /// Nothing.
    Control,
    /// The resend throttle.
    Throttled,
}

impl Lane {
    fn of(category: Category) -> Self {
        if category == Category::Control { Self::Control } else { Self::Throttled }
    }
}

impl Unacked {
    /// Packets waiting.
    pub(crate) fn len(&self) -> usize {
        self.slots.len() - self.holes
    }

    /// Their bytes, with [`PACKET_OVERHEAD`] each.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The oldest number still waiting.
    pub(crate) fn oldest(&self) -> Option<u32> {
        self.slots.front().map(|slot| slot.sequence)
    }

    /// A packet was sent for the first time. Sequences come in order.
    pub(crate) fn push(&mut self, sequence: u32, now: Moment, deadline: Moment, packet: Packet) {
        self.bytes += packet.bytes.len() + PACKET_OVERHEAD;
        self.heap(Lane::of(packet.category)).push(Reverse((deadline, sequence)));
        self.slots
            .push_back(Slot { sequence, sent: Some(Sent { packet, first_sent: now, deadline, resends: 0 }) });
    }

    /// The packet is no longer waited for: it was acknowledged, or given up.
    pub(crate) fn remove(&mut self, sequence: u32) -> Option<Sent> {
        let index = self.find(sequence)?;
        let sent = self.slots[index].sent.take()?;
        self.holes += 1;
        self.bytes -= sent.packet.bytes.len() + PACKET_OVERHEAD;
        while self.slots.front().is_some_and(|slot| slot.sent.is_none()) {
            self.slots.pop_front();
            self.holes -= 1;
        }
        if self.holes > self.len() + 32 {
            self.slots.retain(|slot| slot.sent.is_some());
            self.holes = 0;
        }
        self.tidy(Lane::of(sent.packet.category));
        Some(sent)
    }

    /// The numbers of the packets with this token.
    pub(crate) fn with_token(&self, token: u64) -> Vec<u32> {
        let has = |slot: &&Slot| slot.sent.as_ref().is_some_and(|sent| sent.packet.token == Some(token));
        self.slots.iter().filter(has).map(|slot| slot.sequence).collect()
    }

    /// The packet that is to be repeated next, and when.
    pub(crate) fn next_due(&self, lane: Lane) -> Option<(Moment, u32)> {
        self.deadlines[lane as usize].peek().map(|&Reverse(due)| due)
    }

    /// How often a packet was repeated.
    pub(crate) fn resends(&self, sequence: u32) -> u8 {
        self.get(sequence).map_or(0, |sent| sent.resends)
    }

    /// Counts a repetition, and sets the next one; the packet.
    pub(crate) fn resent(&mut self, sequence: u32, deadline: Moment) -> Option<&Packet> {
        let index = self.find(sequence)?;
        let sent = self.slots[index].sent.as_mut()?;
        sent.resends = sent.resends.saturating_add(1);
        sent.deadline = deadline;
        let lane = Lane::of(sent.packet.category);
        self.heap(lane).push(Reverse((deadline, sequence)));
        self.tidy(lane);
        self.slots[index].sent.as_ref().map(|sent| &sent.packet)
    }

    /// Forgets all but control packets.
    pub(crate) fn keep_control(&mut self) {
        self.slots
            .retain(|slot| slot.sent.as_ref().is_some_and(|sent| sent.packet.category == Category::Control));
        self.holes = 0;
        self.bytes = self
            .slots
            .iter()
            .flat_map(|slot| &slot.sent)
            .map(|sent| sent.packet.bytes.len() + PACKET_OVERHEAD)
            .sum();
        self.deadlines[Lane::Throttled as usize].clear();
    }

    /// Frees memory that a burst has left behind.
    pub(crate) fn shrink(&mut self) {
        self.slots.shrink_to(16);
        self.deadlines.iter_mut().for_each(|heap| heap.shrink_to(16));
    }

    fn heap(&mut self, lane: Lane) -> &mut BinaryHeap<Reverse<(Moment, u32)>> {
        &mut self.deadlines[lane as usize]
    }

    fn find(&self, sequence: u32) -> Option<usize> {
        let base = self.slots.front()?.sequence;
        let wanted = sequence::distance(base, sequence)?;
        self.slots.binary_search_by_key(&Some(wanted), |slot| sequence::distance(base, slot.sequence)).ok()
    }

    pub(crate) fn get(&self, sequence: u32) -> Option<&Sent> {
        self.slots[self.find(sequence)?].sent.as_ref()
    }

    /// Drops deadlines that no longer count: from the top always, from below when they are the most.
    fn tidy(&mut self, lane: Lane) {
        let mut heap = core::mem::take(self.heap(lane));
        let is_true = |&Reverse((deadline, sequence)): &Reverse<(Moment, u32)>| {
            self.get(sequence).is_some_and(|sent| sent.deadline == deadline)
        };
        while heap.peek().is_some_and(|due| !is_true(due)) {
            heap.pop();
        }
        if heap.len() > 2 * self.len() + 64 {
            heap.retain(is_true);
        }
        *self.heap(lane) = heap;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::circuit::Reliability;

    fn packet(category: Category) -> Packet {
        Packet { bytes: vec![0; 36], category, reliability: Reliability::Reliable, token: None }
    }

    fn filled(first: u32, count: u32) -> Unacked {
        let mut unacked = Unacked::default();
        let mut sequence = first;
        for n in 0..count {
            let now = Moment::from_millis(u64::from(n));
            unacked.push(sequence, now, now + core::time::Duration::from_secs(1), packet(Category::Task));
            sequence = sequence::next(sequence);
        }
        unacked
    }

    #[test]
    fn acknowledged_in_any_order_over_the_end_of_the_numbers() {
        let mut unacked = filled(0xFF_FFFE, 5);
        assert_eq!((unacked.oldest(), unacked.len(), unacked.bytes()), (Some(0xFF_FFFE), 5, 500));
        assert!(unacked.remove(1).is_some());
        assert!(unacked.remove(1).is_none());
        assert!(unacked.remove(0xFF_FFFD).is_none());
        assert!(unacked.remove(3).is_none());
        assert!(unacked.remove(0x0100_0000).is_none());
        assert!(unacked.remove(0xFF_FFFE).is_some());
        assert_eq!(unacked.oldest(), Some(0xFF_FFFF));
        assert!(unacked.remove(0xFF_FFFF).is_some());
        assert!(unacked.remove(0).is_some());
        assert_eq!((unacked.oldest(), unacked.len()), (Some(2), 1));
        assert!(unacked.remove(2).is_some());
        assert_eq!((unacked.oldest(), unacked.len(), unacked.bytes()), (None, 0, 0));
        assert_eq!(unacked.next_due(Lane::Throttled), None);
    }

    #[test]
    fn one_stuck_packet_does_not_pile_up_holes() {
        let mut unacked = filled(0, 10_000);
        for sequence in 1..10_000 {
            assert!(unacked.remove(sequence).is_some());
        }
        assert_eq!(unacked.len(), 1);
        assert!(unacked.slots.len() < 100, "{}", unacked.slots.len());
        assert!(unacked.deadlines[Lane::Throttled as usize].len() < 100);
        assert_eq!(unacked.next_due(Lane::Throttled), Some((Moment::from_millis(1000), 0)));
    }

    #[test]
    fn the_earliest_deadline_is_a_true_one() {
        let mut unacked = filled(1, 3);
        unacked.push(4, Moment::ZERO, Moment(7), packet(Category::Control));
        assert_eq!(unacked.next_due(Lane::Control), Some((Moment(7), 4)));
        unacked.resent(4, Moment(9));
        assert_eq!(unacked.next_due(Lane::Control), Some((Moment(9), 4)));
        unacked.remove(1);
        assert_eq!(unacked.next_due(Lane::Throttled), Some((Moment::from_millis(1001), 2)));
        unacked.keep_control();
        assert_eq!((unacked.next_due(Lane::Throttled), unacked.len(), unacked.bytes()), (None, 1, 100));
        unacked.remove(4);
        assert_eq!(unacked.next_due(Lane::Control), None);
    }
}
