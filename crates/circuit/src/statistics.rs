use core::time::Duration;

use model::Moment;

use crate::throttle::Category;

/// What a circuit has done so far, and how it stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Statistics {
    /// Datagrams of the peer, duplicates included.
    pub packets_in: u64,
    /// Datagrams written, resends, pings and acknowledgements included.
    pub packets_out: u64,
    /// Bytes written.
    pub bytes_out: u64,
    /// Reliable packets of the peer that had come before.
    pub duplicates: u64,
    /// Reliable packets repeated.
    pub resends: u64,
    /// When that was done last.
    pub last_resend: Option<Moment>,
    /// Reliable packets given up.
    pub lost: u64,
    /// Messages refused for their size or a budget.
    pub refused: u64,
    /// Reliable packets under way, now.
    pub unacked_packets: usize,
    /// Their bytes, each with [`PACKET_OVERHEAD`](crate::PACKET_OVERHEAD), now.
    pub unacked_bytes: usize,
    /// Bytes in the queues, each packet with [`PACKET_OVERHEAD`](crate::PACKET_OVERHEAD), by
    /// [`Category::index`], now.
    pub queued_bytes: [usize; Category::COUNT],
    /// Smoothed round trip, once there was one.
    pub rtt: Option<Duration>,
    /// When the last datagram came.
    pub last_received: Moment,
}

impl Statistics {
    /// Bytes in all queues, now.
    pub fn queued_total(&self) -> usize {
        self.queued_bytes.iter().sum()
    }

    /// Messages that were refused or given up.
    pub fn dropped(&self) -> u64 {
        self.refused + self.lost
    }
}
