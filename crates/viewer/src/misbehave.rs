//! Ways in which a viewer can be bad, for tests and rehearsals: broken, hostile, or cut off.
//!
//! Everything here acts on what leaves or enters the [`crate::Core`]; its inner state goes on as if all were well, so
//! that a viewer can be told to behave again at any time.

use std::time::Duration;

use model::{Moment, Uuid};

/// What to do wrong. The default is nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Misbehaviour {
    /// Send nothing at all, neither packets nor HTTP: a cable pulled out on the way up.
    pub silent: bool,
    /// Take no notice of anything that comes: a cable pulled out on the way down.
    pub deaf: bool,
    /// Never send UseCircuitCode.
    pub never_use_circuit_code: bool,
    /// Never send CompleteAgentMovement.
    pub never_complete_movement: bool,
    /// Send CompleteAgentMovement before UseCircuitCode, so that it overtakes.
    pub complete_first: bool,
    /// Send CompleteAgentMovement only so long after UseCircuitCode.
    pub complete_after: Option<Duration>,
    /// Never send RegionHandshakeReply.
    pub never_reply_handshake: bool,
    /// Acknowledge no reliable packet.
    pub never_ack: bool,
    /// Answer no ping, and send none.
    pub never_ping: bool,
    /// Never fetch a seed capability, and hence never poll.
    pub never_fetch_seed: bool,
    /// Never poll an event queue.
    pub never_poll: bool,
    /// Poll, but never acknowledge what came.
    pub never_ack_events: bool,
    /// Leave EnableSimulator without a reaction: no child agents.
    pub ignore_neighbours: bool,
    /// Name a session in every message that is not ours.
    pub wrong_session: bool,
    /// Send each datagram twice.
    pub repeat_datagrams: bool,
    /// Go on with AgentUpdates while teleporting.
    pub updates_in_teleport: bool,
    /// Random datagrams a second, to each region: noise, truncated copies and copies with flipped bits of what was
    /// really sent.
    pub garbage_per_second: u32,
}

impl Misbehaviour {
    /// A viewer that vanishes: sends nothing, hears nothing.
    pub fn vanished() -> Self {
        Self { silent: true, deaf: true, ..Self::default() }
    }
}

const APPENDED_ACKS: u8 = 0x10;
const HEADER: usize = 6;

/// What to do with a datagram that [`drop_acks`] has looked at.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum Keep {
    Yes,
    No,
}

/// Takes the acknowledgements out of a datagram of ours: the appended ones, or the whole PacketAck.
pub(crate) fn drop_acks(datagram: &mut Vec<u8>) -> Keep {
    if datagram.len() <= HEADER {
        return Keep::Yes;
    }
    if datagram[HEADER..].starts_with(&[0xFF, 0xFF, 0xFF, 0xFB]) {
        return Keep::No;
    }
    if datagram[0] & APPENDED_ACKS != 0 {
        let trailer = 1 + 4 * usize::from(datagram[datagram.len() - 1]);
        if let Some(length) = datagram.len().checked_sub(trailer).filter(|length| *length > HEADER) {
            datagram.truncate(length);
            datagram[0] &= !APPENDED_ACKS;
        }
    }
    Keep::Yes
}

/// Whether a datagram of ours is StartPingCheck or CompletePingCheck.
pub(crate) fn is_ping(datagram: &[u8]) -> bool {
    matches!(datagram.get(HEADER), Some(1 | 2))
}

/// A session id that is not the one given.
pub(crate) fn other_session(session: Uuid) -> Uuid {
    Uuid::from_u128(session.as_u128() ^ 1)
}

/// Noise from a seed: the same viewer makes the same noise each time.
#[derive(Clone, Debug)]
pub(crate) struct Noise {
    state: u64,
    due: Option<Moment>,
    /// The last datagram that was really sent, to be mangled.
    model: Vec<u8>,
}

/// Noise due is made good for at most so many datagrams at a time, after a long sleep.
const NOISE_BURST: u32 = 64;

impl Noise {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed, due: None, model: Vec::new() }
    }

    /// Remembers what a good datagram looks like.
    pub(crate) fn learn(&mut self, datagram: &[u8]) {
        self.model.clear();
        self.model.extend_from_slice(datagram);
    }

    /// How many datagrams are due to each region; moves on to the next moment.
    pub(crate) fn due(&mut self, now: Moment, per_second: u32) -> u32 {
        if per_second == 0 {
            self.due = None;
            return 0;
        }
        let step = Duration::from_secs(1) / per_second;
        let mut due = *self.due.get_or_insert(now);
        let mut count = 0;
        while due <= now && count < NOISE_BURST {
            count += 1;
            due += step.max(Duration::from_micros(1));
        }
        self.due = Some(if due <= now { now + step } else { due });
        count
    }

    /// When the next is due.
    pub(crate) fn next_wakeup(&self) -> Option<Moment> {
        self.due
    }

    /// Makes one datagram.
    pub(crate) fn make(&mut self, into: &mut Vec<u8>) {
        into.clear();
        match self.next() % 3 {
            0 => {
                let length = self.next() % 1500;
                into.extend((0..length).map(|_| self.next() as u8));
            }
            1 => {
                let length = if self.model.is_empty() { 0 } else { self.next() as usize % self.model.len() };
                into.extend_from_slice(&self.model[..length]);
            }
            _ => {
                into.extend_from_slice(&self.model);
                for _ in 0..1 + self.next() % 8 {
                    let flip = self.next();
                    if let Some(i) = (flip as usize >> 8).checked_rem(into.len()) {
                        into[i] ^= flip as u8;
                    }
                }
            }
        }
    }

    /// SplitMix64: good enough for noise, and needs no generator from outside.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acks_are_taken_out() {
        // CompletePingCheck 7 with one appended ack; PacketAck for sequence 1 (lludp fact sheet, section 17).
        let mut appended = vec![0x10, 0, 0, 0, 6, 0, 2, 7, 0, 0, 0, 0x0A, 1];
        assert_eq!(drop_acks(&mut appended), Keep::Yes);
        assert_eq!(appended, [0, 0, 0, 0, 6, 0, 2, 7]);
        let mut whole = vec![0, 0, 0, 0, 5, 0, 0xFF, 0xFF, 0xFF, 0xFB, 1, 1, 0, 0, 0];
        assert_eq!(drop_acks(&mut whole), Keep::No);
    }

    #[test]
    fn noise_is_paced_and_repeatable() {
        let mut noise = Noise::new(7);
        let mut total = 0;
        for ms in (0..=1000).step_by(10) {
            total += noise.due(Moment::from_millis(ms), 50);
        }
        assert_eq!(total, 51);
        let make = |seed| {
            let mut noise = Noise::new(seed);
            noise.learn(&[1, 2, 3, 4, 5, 6, 7, 8]);
            let mut out = Vec::new();
            let mut all = Vec::new();
            for _ in 0..20 {
                noise.make(&mut out);
                all.push(out.clone());
            }
            all
        };
        assert_eq!(make(1), make(1));
        assert_ne!(make(1), make(2));
    }
}
