use core::time::Duration;

use crate::throttle::Throttles;

/// Every bound and every term of a circuit, by name and with its unit. [`Config::default`] is what a region uses.
///
/// The defaults come from what viewers and OpenSimulator do (lludp fact sheet, sections 5 to 12); where they
/// disagree, the value is the one that every known client bears.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// A reliable packet is acknowledged at the latest this long after it came: with the next datagram if one
    /// leaves before, else by a PacketAck of its own.
    pub ack_delay: Duration,
    /// Acknowledgements that may wait; those beyond are forgotten, since the peer will repeat its packet.
    pub pending_acks: usize,
    /// Acknowledgements in one PacketAck. Viewers put up to 251 into theirs.
    pub acks_per_message: usize,

    /// How often the peer is pinged.
    pub ping_interval: Duration,
    /// The circuit is over when nothing came for this long.
    pub silence: Duration,
    /// The same while the agent is paused (AgentPause until AgentResume).
    pub silence_paused: Duration,

    /// Time until the first resend while no round trip has been measured.
    pub rto_initial: Duration,
    /// Least time until a resend. Viewers collect acknowledgements for 100 ms and answer between two frames.
    pub rto_min: Duration,
    /// Greatest time until a resend, backed off or not.
    pub rto_max: Duration,
    /// A reliable packet is given up, and reported as lost, when this many resends went unanswered too.
    pub resends: u8,

    /// A datagram carries acknowledgements only up to this size, bytes. Viewers batch up to 1200.
    pub datagram_bytes: usize,
    /// A message that makes a larger datagram than this is refused, bytes. A little more than `datagram_bytes`,
    /// since a few texts (a profile's) cannot be split; 1400 is what OpenSimulator takes for safe.
    pub message_bytes: usize,
    /// Reliable data on the way or queued, bytes, each packet counted with [`PACKET_OVERHEAD`]. Beyond it
    /// reliable messages are refused; [`Category::Control`](crate::Category::Control) may exceed it by a quarter.
    pub unacked_bytes: usize,
    /// What each throttled category may queue, bytes, each packet counted with [`PACKET_OVERHEAD`].
    pub queue_bytes: usize,
    /// What the unthrottled control queue may hold, bytes, each packet counted with [`PACKET_OVERHEAD`].
    pub control_queue_bytes: usize,
    /// Pings of the peer that may wait for their answer; the oldest is forgotten beyond.
    pub pending_pongs: usize,
    /// Buffers kept for reuse when no packet needs them.
    pub spare_buffers: usize,

    /// Reliable packets of the peer are recognised as duplicates over this many sequence numbers (a power of
    /// two; rounded up), eight bytes each when they are in use.
    pub history: usize,
    /// ... and for this long.
    pub history_age: Duration,
    /// The first sequence number of ours; 24 bits.
    pub first_sequence: u32,

    /// Rates until the viewer asks for its own, bytes per second.
    pub throttles: Throttles,
    /// Least rate of a category, bytes per second: whatever the viewer asks for, nothing starves. Never zero.
    pub throttles_min: Throttles,
    /// Greatest rate of each category, bytes per second.
    pub throttles_max: Throttles,
    /// Greatest sum of all rates, bytes per second; above it all are scaled down alike.
    pub throttle_total_max: u32,
    /// A category that was quiet may send this much of its rate at once ...
    pub burst: Duration,
    /// ... and at least this, bytes.
    pub burst_min_bytes: u32,
}

/// What a stored packet is charged in the budgets on top of its own bytes: the memory its bookkeeping takes.
pub const PACKET_OVERHEAD: usize = 64;

impl Default for Config {
    fn default() -> Self {
        Self {
            ack_delay: Duration::from_millis(10),
            pending_acks: 1000,
            acks_per_message: 250,
            ping_interval: Duration::from_secs(5),
            silence: Duration::from_secs(60),
            silence_paused: Duration::from_secs(300),
            rto_initial: Duration::from_secs(1),
            rto_min: Duration::from_millis(250),
            rto_max: Duration::from_secs(3),
            resends: 8,
            datagram_bytes: 1200,
            message_bytes: 1400,
            unacked_bytes: 512 * 1024,
            queue_bytes: 256 * 1024,
            control_queue_bytes: 256 * 1024,
            pending_pongs: 8,
            spare_buffers: 128,
            history: 2048,
            history_age: Duration::from_secs(300),
            first_sequence: 1,
            throttles: Throttles {
                resend: 12_500,
                land: 25_000,
                wind: 2_500,
                cloud: 2_500,
                task: 60_000,
                texture: 40_000,
                asset: 20_000,
            },
            throttles_min: Throttles {
                resend: 1_000,
                land: 1_000,
                wind: 50,
                cloud: 50,
                task: 1_000,
                texture: 1_000,
                asset: 1_000,
            },
            throttles_max: Throttles::all(2_500_000),
            throttle_total_max: 5_000_000,
            burst: Duration::from_millis(250),
            burst_min_bytes: 4 * 1200,
        }
    }
}
