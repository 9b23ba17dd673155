use core::time::Duration;

use model::Moment;

/// Which reliable packets came already, so that a repeated one is not executed again.
///
/// A packet is known by its sequence number alone: peers set the RESENT flag, number from 0 or 1, and wrap at 24
/// or 32 bits, each in its own way (lludp fact sheet, sections 5 and 8). The number's lowest bits say where it is
/// kept, so it is forgotten only when a reliable packet comes that is a whole table length away, or by age: a
/// wrapped counter meets no traces of its previous round. Nothing here depends on which number is the newest, so a
/// single stray packet cannot blind it.
///
/// The table grows while packets that are still remembered would displace each other, up to its limit; the
/// circuit of a child agent stays at a few hundred bytes.
#[derive(Debug)]
pub(crate) struct History {
    /// Power-of-two length.
    slots: Vec<Slot>,
    slots_max: usize,
    age_s: u32,
}

/// `seen_s` counts seconds from 1, so that 0 means empty.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    sequence: u32,
    seen_s: u32,
}

impl Slot {
    fn is_live(self, now_s: u32, age_s: u32) -> bool {
        self.seen_s != 0 && now_s.saturating_sub(self.seen_s) <= age_s
    }
}

const SLOTS_MIN: usize = 32;

impl History {
    pub(crate) fn new(slots_max: usize, age: Duration) -> Self {
        Self {
            slots: Vec::new(),
            slots_max: slots_max.clamp(SLOTS_MIN, 1 << 20).next_power_of_two(),
            age_s: u32::try_from(age.as_secs()).unwrap_or(u32::MAX),
        }
    }

    /// Notes a reliable packet; whether it is new.
    pub(crate) fn insert(&mut self, now: Moment, sequence: u32) -> bool {
        let now_s = u32::try_from(now.micros() / 1_000_000).unwrap_or(u32::MAX - 1) + 1;
        if self.slots.is_empty() {
            self.slots.resize(SLOTS_MIN, Slot::default());
        }
        loop {
            let index = sequence as usize & (self.slots.len() - 1);
            let slot = self.slots[index];
            let is_live = slot.is_live(now_s, self.age_s);
            if is_live && slot.sequence == sequence {
                return false;
            }
            if is_live && self.slots.len() < self.slots_max {
                self.grow();
                continue;
            }
            self.slots[index] = Slot { sequence, seen_s: now_s };
            return true;
        }
    }

    /// Everything is new again.
    pub(crate) fn clear(&mut self) {
        self.slots.clear();
    }

    /// Numbers in different slots of the small table are in different slots of the large one.
    fn grow(&mut self) {
        let length = self.slots.len() * 2;
        let small = core::mem::replace(&mut self.slots, vec![Slot::default(); length]);
        for slot in small.into_iter().filter(|slot| slot.seen_s != 0) {
            self.slots[slot.sequence as usize & (length - 1)] = slot;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGE: Duration = Duration::from_secs(300);

    #[test]
    fn remembers_a_whole_table_and_no_more() {
        let mut history = History::new(256, AGE);
        for sequence in 1..=1000 {
            assert!(history.insert(Moment::ZERO, sequence));
        }
        for sequence in 745..=1000 {
            assert!(!history.insert(Moment::ZERO, sequence), "{sequence}");
        }
        assert!(history.insert(Moment::ZERO, 744));
        assert_eq!(history.slots.len(), 256);
    }

    #[test]
    fn few_packets_take_little_memory() {
        let mut history = History::new(2048, AGE);
        for second in 0..10_000 {
            // One packet in 10 s, far apart: age makes room before growth would.
            assert!(history.insert(Moment::from_millis(second * 10_000), second as u32 * 7));
        }
        assert_eq!(history.slots.len(), SLOTS_MIN);
    }

    #[test]
    fn survives_wrap_restart_and_stray_numbers() {
        let mut history = History::new(64, AGE);
        for sequence in 0xFF_FFF0..=0xFF_FFFF {
            assert!(history.insert(Moment::ZERO, sequence));
        }
        for sequence in 0..16 {
            assert!(history.insert(Moment::ZERO, sequence));
        }
        assert!(history.insert(Moment::ZERO, u32::MAX - 20));
        for sequence in (0xFF_FFF0..=0xFF_FFFF).chain(0..16) {
            assert!(!history.insert(Moment::ZERO, sequence), "{sequence:x}");
        }
        // The next round of the counter, much later.
        assert!(history.insert(Moment::ZERO + AGE + Duration::from_secs(2), 5));
    }
}
