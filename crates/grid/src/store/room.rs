//! How much people may still add to their inventories. To count a large inventory takes its time, so it is not counted
//! with every item, but once for a number of them; what is deleted meanwhile is noticed with the next count. Each process
//! counts for itself, so an inventory may become larger than it may be by [`UNCOUNTED`] for each of them.

use model::AgentId;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// What is added at most before it is counted again.
const UNCOUNTED: i64 = 1000;
/// People who are remembered; more, and all are forgotten.
const PEOPLE: usize = 10_000;

/// How many more each may add without a count.
#[derive(Default)]
pub(super) struct Room(Mutex<BTreeMap<AgentId, i64>>);

impl Room {
    /// Takes one place, if it is known that there is one.
    pub(super) fn take(&self, owner: AgentId) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get_mut(&owner).is_some_and(|left| {
            *left -= 1;
            *left >= 0
        })
    }

    /// Notes what a count found, and takes one place of it, if there is one.
    pub(super) fn counted(&self, owner: AgentId, free: i64) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= PEOPLE {
            known.clear();
        }
        known.insert(owner, free.min(UNCOUNTED) - 1);
        free > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_added_than_was_free() {
        let (room, ada) = (Room::default(), AgentId::NULL);
        assert!(!room.take(ada), "nothing is known");
        assert!(room.counted(ada, 3));
        let taken = std::iter::repeat_with(|| room.take(ada)).take(5).filter(|&taken| taken).count();
        assert_eq!(taken, 2);
        assert!(!room.counted(ada, 0) && !room.take(ada));
    }

    #[test]
    fn it_is_counted_now_and_then_and_memory_is_bounded() {
        let room = Room::default();
        assert!(room.counted(AgentId::NULL, 1_000_000));
        let taken = std::iter::repeat_with(|| room.take(AgentId::NULL)).take_while(|&taken| taken).count();
        assert_eq!(taken, usize::try_from(UNCOUNTED).unwrap() - 1);
        for n in 0..2 * PEOPLE as u128 {
            room.counted(AgentId(model::Uuid::from_u128(n)), 5);
        }
        assert!(room.0.lock().unwrap().len() <= PEOPLE);
    }
}
