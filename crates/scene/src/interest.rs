//! What one viewer still has to hear of the avatars around it, and in which order.
//!
//! A list holds names and kinds of updates, no states: the state is read when the update is sent, so ten moves that
//! a slow viewer missed become one update. Order: removals, then the viewer's own avatar, then the rest by
//! *deadline*. An update's deadline is the number of updates handed out so far plus a delay that grows with distance
//! and shrinks with speed. Near and fast ones overtake far and slow ones, but only those that were marked not much
//! later: after [`MAX_DELAY`] updates nothing new overtakes, so nobody starves. Ranks are worked out at the first
//! [`InterestList::next`] after the mark, when the viewer's position is known. What else is wanted of an avatar that
//! was just handed out gets in line anew, so the bodies of all come before the looks of the far.
//!
//! Guarantees, whatever the order of marks: the first that a viewer hears of an avatar is a full update, and its looks
//! and animations follow; after a removal nothing of the old avatar follows; an avatar that went before the viewer
//! heard of it is never mentioned.
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
    /// ObjectUpdate: the body.
    Full,
    /// AvatarAppearance.
    Looks,
    /// AvatarAnimation.
    Animations,
    /// ImprovedTerseObjectUpdate: where it is.
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

bitflags::bitflags! {
    /// What is wanted of one avatar.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    struct Want: u8 {
        /// It has gone. With others: it has come again under the same number.
        const GONE = 1;
        const FULL = 1 << 1;
        const LOOKS = 1 << 2;
        const ANIMATIONS = 1 << 3;
        const TERSE = 1 << 4;
        /// What belongs to a first sight.
        const ALL = Self::FULL.bits() | Self::LOOKS.bits() | Self::ANIMATIONS.bits();
    }
}

impl Want {
    /// What comes first of these.
    fn first(self) -> Option<PendingKind> {
        let order = [PendingKind::Gone, PendingKind::Full, PendingKind::Looks, PendingKind::Animations];
        order.into_iter().chain([PendingKind::Terse]).find(|&kind| self.contains(Self::of(kind)))
    }

    fn of(kind: PendingKind) -> Self {
        match kind {
            PendingKind::Gone => Self::GONE,
            PendingKind::Full => Self::FULL,
            PendingKind::Looks => Self::LOOKS,
            PendingKind::Animations => Self::ANIMATIONS,
            PendingKind::Terse => Self::TERSE,
        }
    }
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
        self.heap.len() + self.fresh.iter().filter(|&&at| !self.entries[at].want.is_empty()).count()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets everything; nobody is told.
    pub fn clear(&mut self) {
        *self = Self { own: self.own, ..Self::default() };
    }

    /// The avatar appeared, or changed in a way that its full update tells. Returns false when the list follows
    /// [`MAX_TRACKED`] avatars already and leaves this one out.
    pub fn mark_full(&mut self, local: LocalId) -> bool {
        self.mark(local, Want::FULL)
    }

    /// The viewer has lost sight of the avatar, and needs all of it. Returns as [`InterestList::mark_full`] does.
    pub fn mark_all(&mut self, local: LocalId) -> bool {
        self.mark(local, Want::ALL)
    }

    /// The avatar moved. Returns as [`InterestList::mark_full`] does.
    pub fn mark_terse(&mut self, local: LocalId) -> bool {
        self.mark(local, Want::TERSE)
    }

    /// The avatar looks different. Returns as [`InterestList::mark_full`] does.
    pub fn mark_looks(&mut self, local: LocalId) -> bool {
        self.mark(local, Want::LOOKS)
    }

    /// The avatar plays different animations. Returns as [`InterestList::mark_full`] does.
    pub fn mark_animations(&mut self, local: LocalId) -> bool {
        self.mark(local, Want::ANIMATIONS)
    }

    fn mark(&mut self, local: LocalId, news: Want) -> bool {
        let Some(at) = self.entry(local) else { return false };
        let Entry { known, want, .. } = self.entries[at];
        let want = match known {
            // After a removal only a full update begins anew: other news are of the avatar that went.
            true if want.contains(Want::GONE) && !news.contains(Want::FULL) => want,
            true if want.contains(Want::GONE) => want | Want::ALL,
            true => want | news,
            false => want | news | Want::ALL,
        };
        // A full update tells where the avatar is.
        self.want(at, if want.contains(Want::FULL) { want - Want::TERSE } else { want });
        true
    }

    /// The avatar is gone. What waits of it is dropped; the viewer is told if it ever heard of it.
    pub fn mark_gone(&mut self, local: LocalId) {
        let Some(&at) = self.by_local.get(&local) else { return };
        if self.entries[at].known {
            self.want(at, Want::GONE);
            if let Place::Heap(index) = self.entries[at].place {
                self.heap[index].0 = RANK_GONE;
                self.sift_up(index);
            }
            return;
        }
        match self.entries[at].place {
            Place::Nowhere => self.release(at),
            // Ranking finds that nothing is wanted, and releases it.
            Place::Fresh => self.entries[at].want = Want::empty(),
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
            let wanted = core::mem::replace(&mut self.entries[at].want, Want::empty());
            let Some(kind) = wanted.first() else { continue };
            let rest = wanted - Want::of(kind);
            if kind == PendingKind::Gone {
                self.entries[at].known = false;
                match rest.is_empty() {
                    true => self.release(at),
                    false => self.want(at, rest),
                }
                return Some(Pending { local, kind });
            }
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
            if !rest.is_empty() {
                self.want(at, rest);
            }
            return Some(Pending { local, kind });
        }
    }

    /// Takes back an update that could not be sent after all, or got lost; it comes first among its like.
    pub fn put_back(&mut self, pending: Pending) {
        let Some(at) = self.entry(pending.local) else { return };
        let Entry { known, want, .. } = self.entries[at];
        let rank = match pending.kind {
            PendingKind::Gone => {
                self.entries[at].known = true;
                self.entries[at].want = want | Want::GONE;
                RANK_GONE
            }
            // It has gone since. The viewer may not have heard of it; a removal too many does no harm.
            _ if want.contains(Want::GONE) => return,
            kind => {
                let lacks = if known { Want::of(kind) } else { Want::ALL };
                let want = want | lacks;
                self.entries[at].want = if want.contains(Want::FULL) { want - Want::TERSE } else { want };
                if Some(pending.local) == self.own { RANK_OWN } else { RANK_FIRST_DEADLINE }
            }
        };
        match self.entries[at].place {
            Place::Nowhere => self.push(rank, at),
            Place::Fresh => {}
            Place::Heap(index) => {
                self.heap[index].0 = self.heap[index].0.min(rank);
                self.sift_up(index);
            }
        }
    }

    fn rank_fresh(&mut self, observer: Vec3, lookup: &mut impl FnMut(LocalId) -> Option<Candidate>) {
        let mut fresh = core::mem::take(&mut self.fresh);
        for at in fresh.drain(..) {
            let Entry { local, want, known, .. } = self.entries[at];
            self.entries[at].place = Place::Nowhere;
            let rank = match want {
                _ if want.is_empty() && known => continue,
                _ if want.is_empty() => {
                    self.release(at);
                    continue;
                }
                _ if want.contains(Want::GONE) => RANK_GONE,
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
        let entry = Entry { local, known: false, want: Want::empty(), place: Place::Nowhere };
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
