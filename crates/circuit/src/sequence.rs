//! Sequence numbers: 24 bits, one counter per direction, shared by reliable and unreliable packets (lludp fact
//! sheet, section 5).

/// How many there are; the number after 0xFF_FFFF is 0.
const SPACE: u32 = 1 << 24;

/// The number after `sequence`.
pub(crate) fn next(sequence: u32) -> u32 {
    (sequence + 1) % SPACE
}

/// The number before `sequence`.
pub(crate) fn previous(sequence: u32) -> u32 {
    sequence.wrapping_sub(1) % SPACE
}

/// Whether a datagram was sent after another of the same peer, by their sequence numbers: for unreliable messages
/// that overtake each other, of which the newest counts. Right also for peers that count in 32 bits.
pub fn sequence_newer(sequence: u32, than: u32) -> bool {
    (1..SPACE / 2).contains(&(sequence.wrapping_sub(than) % SPACE))
}

/// A number brought into range.
pub(crate) fn wrap(sequence: u32) -> u32 {
    sequence % SPACE
}

/// How many numbers after `base` the number `sequence` comes, 0 for itself. `None` for what is no number of
/// ours: acknowledgements have 32 bits on the wire.
pub(crate) fn distance(base: u32, sequence: u32) -> Option<u32> {
    (sequence < SPACE).then(|| sequence.wrapping_sub(base) % SPACE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newer_goes_over_the_end() {
        assert!(sequence_newer(2, 1));
        assert!(!sequence_newer(1, 1));
        assert!(!sequence_newer(1, 2));
        assert!(sequence_newer(0, 0xFF_FFFF));
        assert!(!sequence_newer(0xFF_FFFF, 0));
        assert!(sequence_newer(0x0100_0000, 0xFF_FFFF));
        assert!(sequence_newer(3, 0xFFFF_FFF0));
    }

    #[test]
    fn counts_over_the_end() {
        assert_eq!(next(0xFF_FFFE), 0xFF_FFFF);
        assert_eq!(next(0xFF_FFFF), 0);
        assert_eq!((previous(0), previous(1)), (0xFF_FFFF, 0));
        assert_eq!(wrap(0x0100_0001), 1);
        assert_eq!(distance(0xFF_FFFE, 1), Some(3));
        assert_eq!(distance(1, 1), Some(0));
        assert_eq!(distance(5, 4), Some(0xFF_FFFF));
        assert_eq!(distance(0, 0x0100_0000), None);
    }
}
