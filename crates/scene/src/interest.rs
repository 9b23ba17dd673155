//! What one viewer still has to hear of the avatars around it, and in which order.
//!
//! A list holds names and kinds of updates, no states: the state is read when the update is sent, so ten moves that
//! a slow viewer missed become one update. Order: removals, then the viewer's own avatar, then the rest by
//! *deadline*. An update's deadline is the number of updates handed out so far plus a delay that grows with distance
//! and shrinks with speed. Near and fast ones overtake far and slow ones, but only those that were marked not much
//! later: after [`MAX_DELAY`] updates nothing new overtakes, so nobody starves. Ranks are worked out at the first
//! [`InterestList::next`] after the mark, when the viewer's position is known.
//!
//! Guarantees, whatever the order of marks: the first that a viewer hears of an avatar is a full update; after a
//! removal nothing of the old avatar follows; an avatar that went before the viewer heard of it is never mentioned.
//!
//! Marking is O(1) plus, for the first mark, one O(log n) step of a heap; handing out is O(log n). Once every avatar
//! has been heard of, nothing is allocated.

use crate::local_ids::LocalIdMap;
use glam::Vec3;
use model::LocalId;

/// Avatars one list follows; as many as a scene can hold.
pub const MAX_TRACKED: usize = crate::MAX_PRESENCES;
/// No update waits for more than so many that were marked after it, besides removals and the viewer's own avatar.
pub const MAX_DELAY: u64 = 128;
/// Metres that put an update back by one.
const METRES_PER_RANK: f32 = 2.0;
/// Metres a second that halve the distance as far as the order is concerned.
const HALVING_SPEED: f32 = crate::WALK_SPEED;

/// What to send.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PendingKind {
    /// ObjectUpdate, with all that belongs to a first sight.
    Full,
    /// ImprovedTerseObjectUpdate.
    Terse,
    /// KillObject.
    Gone,
}

/// One update to send.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pending {
    /// Of which avatar.
    pub local: LocalId,
    /// What.
    pub kind: PendingKind,
}

/// What the order hangs on.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Candidate {
    /// Where the avatar is, region-local metres.
    pub position: Vec3,
    /// How fast, metres a second.
    pub speed: f32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Want {
    Nothing,
    Terse,
    Full,
    Gone,
    /// It went and came again under the same number.
    GoneThenFull,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    Nowhere,
    /// Marked, not ranked yet.
    Fresh,
    /// At this index of the heap.
    Heap(usize),
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    local: LocalId,
    /// The viewer got a full update.
    known: bool,
    want: Want,
    place: Place,
}

/// Removals come before everything.
const RANK_GONE: u64 = 0;
/// Then the viewer's own avatar.
const RANK_OWN: u64 = 1;
/// Deadlines begin here.
const RANK_FIRST_DEADLINE: u64 = 2;

/// See the module's page.
#[derive(Clone, Debug, Default)]
pub struct InterestList {
    own: Option<LocalId>,
    entries: Vec<Entry>,
    free: Vec<usize>,
    by_local: LocalIdMap<usize>,
    fresh: Vec<usize>,
    /// Binary heap of (rank, local id, entry), least first.
    heap: Vec<(u64, LocalId, usize)>,
    /// Updates by deadline handed out so far.
    handed_out: u64,
}

impl InterestList {
    /// A list that follows nobody.
    pub fn new() -> Self {
        Self::default()
    }

    /// Which avatar is the viewer's own; `None` for a child agent.
    pub fn set_own(&mut self, own: Option<LocalId>) {
        self.own = own;
    }

    /// Updates that wait.
    pub fn len(&self) -> usize {
        self.heap.len() + self.fresh.iter().filter(|&&at| self.entries[at].want != Want::Nothing).count()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets everything; nobody is told.
    pub fn clear(&mut self) {
        *self = Self { own: self.own, ..Self::default() };
    }

    /// The avatar appeared or changed: the viewer needs all of it. Returns false when the list follows
    /// [`MAX_TRACKED`] avatars already and leaves this one out.
    pub fn mark_full(&mut self, local: LocalId) -> bool {
        let Some(at) = self.entry(local) else { return false };
        let want = match self.entries[at].want {
            Want::Gone | Want::GoneThenFull => Want::GoneThenFull,
            Want::Nothing | Want::Terse | Want::Full => Want::Full,
        };
        self.want(at, want);
        true
    }

    /// The avatar moved. If the viewer has not heard of it, it needs all of it. Returns as
    /// [`InterestList::mark_full`] does.
    pub fn mark_terse(&mut self, local: LocalId) -> bool {
        let Some(at) = self.entry(local) else { return false };
        let want = match self.entries[at].want {
            Want::Nothing if self.entries[at].known => Want::Terse,
            Want::Nothing => Want::Full,
            want => want,
        };
        self.want(at, want);
        true
    }

    /// The avatar is gone. What waits of it is dropped; the viewer is told if it ever heard of it.
    pub fn mark_gone(&mut self, local: LocalId) {
        let Some(&at) = self.by_local.get(&local) else { return };
        if self.entries[at].known {
            self.want(at, Want::Gone);
            if let Place::Heap(index) = self.entries[at].place {
                self.heap[index].0 = RANK_GONE;
                self.sift_up(index);
            }
            return;
        }
        match self.entries[at].place {
            Place::Nowhere => self.release(at),
            // Ranking finds that nothing is wanted, and releases it.
            Place::Fresh => self.entries[at].want = Want::Nothing,
            Place::Heap(index) => {
                self.take(index);
                self.release(at);
            }
        }
    }

    /// The next update to send to a viewer whose avatar is at `observer`. Of avatars that `lookup` does not know
    /// nothing is handed out but their removal.
    pub fn next(
        &mut self,
        observer: Vec3,
        mut lookup: impl FnMut(LocalId) -> Option<Candidate>,
    ) -> Option<Pending> {
        self.rank_fresh(observer, &mut lookup);
        loop {
            let &(rank, local, at) = self.heap.first()?;
            self.take(0);
            let want = core::mem::replace(&mut self.entries[at].want, Want::Nothing);
            let kind = match want {
                Want::Nothing => continue,
                Want::Gone => {
                    self.release(at);
                    return Some(Pending { local, kind: PendingKind::Gone });
                }
                Want::GoneThenFull => {
                    self.entries[at].known = false;
                    self.want(at, Want::Full);
                    return Some(Pending { local, kind: PendingKind::Gone });
                }
                Want::Terse => PendingKind::Terse,
                Want::Full => PendingKind::Full,
            };
            if lookup(local).is_none() {
                if !self.entries[at].known {
                    self.release(at);
                }
                continue;
            }
            if rank >= RANK_FIRST_DEADLINE {
                self.handed_out += 1;
            }
            self.entries[at].known = true;
            return Some(Pending { local, kind });
        }
    }

    /// Takes back an update that could not be sent after all; it comes first among its like.
    pub fn put_back(&mut self, pending: Pending) {
        let Some(at) = self.entry(pending.local) else { return };
        match pending.kind {
            PendingKind::Gone => {
                let again = self.entries[at].want == Want::Full;
                self.entries[at].known = true;
                self.entries[at].want = if again { Want::GoneThenFull } else { Want::Gone };
            }
            PendingKind::Full => {
                if matches!(self.entries[at].want, Want::Nothing | Want::Terse) {
                    self.entries[at].want = Want::Full;
                }
                // Whether the viewer had heard of it before is not known any more; a removal too many does no harm.
            }
            PendingKind::Terse => {
                if self.entries[at].want == Want::Nothing {
                    self.entries[at].want = Want::Terse;
                }
            }
        }
        if self.entries[at].place == Place::Nowhere {
            let rank = match pending.kind {
                PendingKind::Gone => RANK_GONE,
                _ if Some(pending.local) == self.own => RANK_OWN,
                _ => RANK_FIRST_DEADLINE,
            };
            self.push(rank, at);
        }
    }

    fn rank_fresh(&mut self, observer: Vec3, lookup: &mut impl FnMut(LocalId) -> Option<Candidate>) {
        let mut fresh = core::mem::take(&mut self.fresh);
        for at in fresh.drain(..) {
            let Entry { local, want, known, .. } = self.entries[at];
            self.entries[at].place = Place::Nowhere;
            let rank = match want {
                Want::Nothing if known => continue,
                Want::Nothing => {
                    self.release(at);
                    continue;
                }
                Want::Gone | Want::GoneThenFull => RANK_GONE,
                _ if Some(local) == self.own => RANK_OWN,
                _ => {
                    RANK_FIRST_DEADLINE
                        + self.handed_out
                        + lookup(local).map_or(MAX_DELAY, |c| delay(observer, c))
                }
            };
            self.push(rank, at);
        }
        self.fresh = fresh;
    }

    fn entry(&mut self, local: LocalId) -> Option<usize> {
        if let Some(&at) = self.by_local.get(&local) {
            return Some(at);
        }
        if self.by_local.len() >= MAX_TRACKED {
            return None;
        }
        let entry = Entry { local, known: false, want: Want::Nothing, place: Place::Nowhere };
        let at = match self.free.pop() {
            Some(at) => {
                self.entries[at] = entry;
                at
            }
            None => {
                self.entries.push(entry);
                self.entries.len() - 1
            }
        };
        self.by_local.insert(local, at);
        Some(at)
    }

    fn want(&mut self, at: usize, want: Want) {
        let entry = &mut self.entries[at];
        entry.want = want;
        if entry.place == Place::Nowhere {
            entry.place = Place::Fresh;
            self.fresh.push(at);
        }
    }

    fn release(&mut self, at: usize) {
        self.by_local.remove(&self.entries[at].local);
        self.free.push(at);
    }

    fn push(&mut self, rank: u64, at: usize) {
        self.heap.push((rank, self.entries[at].local, at));
        self.entries[at].place = Place::Heap(self.heap.len() - 1);
        self.sift_up(self.heap.len() - 1);
    }

    /// Takes an element out of the heap.
    fn take(&mut self, index: usize) {
        let (_, _, at) = self.heap.swap_remove(index);
        self.entries[at].place = Place::Nowhere;
        if index < self.heap.len() {
            self.entries[self.heap[index].2].place = Place::Heap(index);
            self.sift_down(index);
            self.sift_up(index);
        }
    }

    fn sift_up(&mut self, mut index: usize) {
        while index > 0 {
            let parent = (index - 1) / 2;
            if self.heap[parent] <= self.heap[index] {
                break;
            }
            self.swap(parent, index);
            index = parent;
        }
    }

    fn sift_down(&mut self, mut index: usize) {
        loop {
            let (left, right) = (2 * index + 1, 2 * index + 2);
            let mut least = index;
            for child in [left, right] {
                if child < self.heap.len() && self.heap[child] < self.heap[least] {
                    least = child;
                }
            }
            if least == index {
                return;
            }
            self.swap(least, index);
            index = least;
        }
    }

    fn swap(&mut self, a: usize, b: usize) {
        self.heap.swap(a, b);
        self.entries[self.heap[a].2].place = Place::Heap(a);
        self.entries[self.heap[b].2].place = Place::Heap(b);
    }
}

fn delay(observer: Vec3, candidate: Candidate) -> u64 {
    let distance = observer.distance(candidate.position) / (1.0 + candidate.speed / HALVING_SPEED);
    // A cast of a float saturates, and takes what is no number for 0.
    ((distance / METRES_PER_RANK) as u64).min(MAX_DELAY)
}

#[cfg(test)]
mod tests;
