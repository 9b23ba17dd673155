use std::collections::VecDeque;

use crate::circuit::Reliability;
use crate::config::PACKET_OVERHEAD;
use crate::throttle::Category;

/// A datagram that is complete but for its sequence number and acknowledgements.
#[derive(Debug)]
pub(crate) struct Packet {
    /// Header and body.
    pub(crate) bytes: Vec<u8>,
    pub(crate) category: Category,
    pub(crate) reliability: Reliability,
    pub(crate) token: Option<u64>,
}

impl Packet {
    /// The peer acknowledges it.
    pub(crate) fn is_acked(&self) -> bool {
        self.reliability != Reliability::Unreliable
    }

    /// What it costs in the budgets.
    pub(crate) fn charge(&self) -> usize {
        self.bytes.len() + PACKET_OVERHEAD
    }
}

/// Packets of one category that wait for their turn, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    packets: VecDeque<Packet>,
    bytes: usize,
}

impl Queue {
    pub(crate) fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// Charged bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn push(&mut self, packet: Packet) {
        self.bytes += packet.charge();
        self.packets.push_back(packet);
    }

    pub(crate) fn pop(&mut self) -> Option<Packet> {
        let packet = self.packets.pop_front()?;
        self.bytes -= packet.charge();
        Some(packet)
    }

    /// Takes out the packets with this token.
    pub(crate) fn take_back(&mut self, token: u64) -> Vec<Packet> {
        if self.packets.iter().all(|packet| packet.token != Some(token)) {
            return Vec::new();
        }
        let (taken, kept): (Vec<_>, _) =
            self.packets.drain(..).partition(|packet| packet.token == Some(token));
        self.packets = kept.into();
        self.bytes -= taken.iter().map(Packet::charge).sum::<usize>();
        taken
    }

    /// Forgets everything, memory included.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// Buffers without use, kept so that steady traffic allocates nothing.
#[derive(Debug, Default)]
pub(crate) struct Spare {
    buffers: Vec<Vec<u8>>,
}

/// A buffer that has grown beyond this is not kept.
const BUFFER_MAX: usize = 2048;

impl Spare {
    /// An empty buffer.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        self.buffers.pop().unwrap_or_else(|| Vec::with_capacity(128))
    }

    /// A buffer that is done with; at most `keep` are kept.
    pub(crate) fn give(&mut self, mut buffer: Vec<u8>, keep: usize) {
        if self.buffers.len() < keep && buffer.capacity() <= BUFFER_MAX {
            buffer.clear();
            self.buffers.push(buffer);
        }
    }

    /// Frees all.
    pub(crate) fn clear(&mut self) {
        self.buffers = Vec::new();
    }
}
