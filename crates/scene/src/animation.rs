//! Which animations an avatar plays: one that its motion chooses, and those its viewer asked for.

use uuid::{Uuid, uuid};

/// Animations that every viewer has built in, by the viewers' own names.
pub mod builtin {
    use super::{Uuid, uuid};

    /// Standing.
    pub const STAND: Uuid = uuid!("2408fe9e-df1d-1d7d-f4ff-1384fa7b350f");
    /// Walking.
    pub const WALK: Uuid = uuid!("6ed24bd8-91aa-4b12-ccc7-c97c857ab4e0");
    /// Running.
    pub const RUN: Uuid = uuid!("05ddbff8-aaa9-92a1-2b74-8fe77a29b445");
    /// Crouching still.
    pub const CROUCH: Uuid = uuid!("201f3fdf-cb1f-dbec-201f-7333e328ae7c");
    /// Walking while crouching.
    pub const CROUCH_WALK: Uuid = uuid!("47f5f6fb-22e5-ae44-f871-73aaaf4a6022");
    /// Turning left on the spot.
    pub const TURN_LEFT: Uuid = uuid!("56e0ba0d-4a9f-7f27-6117-32f2ebbf6135");
    /// Turning right on the spot.
    pub const TURN_RIGHT: Uuid = uuid!("2d6daa51-3192-6794-8e2e-a15f8338ec30");
    /// Flying.
    pub const FLY: Uuid = uuid!("aec4610c-757f-bc4e-c092-c6e9caf18daf");
    /// Hanging in the air.
    pub const HOVER: Uuid = uuid!("4ae8016b-31b9-03bb-c401-b1ea941db41d");
    /// Rising in flight.
    pub const HOVER_UP: Uuid = uuid!("62c5de58-cb33-5743-3d07-9e4cd4352864");
    /// Sinking in flight.
    pub const HOVER_DOWN: Uuid = uuid!("20f063ea-8306-2562-0b07-5c853b37b31e");
    /// In a jump.
    pub const JUMP: Uuid = uuid!("2305bd75-1ca9-b03b-1faa-b176b8a8c49e");
    /// Falling.
    pub const FALL: Uuid = uuid!("666307d9-a860-572d-6fd4-c3ab8865c094");
    /// Landing softly.
    pub const LAND: Uuid = uuid!("7a17b059-12b2-41b1-570a-186368b6aa6f");
    /// Landing.
    pub const MEDIUM_LAND: Uuid = uuid!("f4f00d6e-b9fe-9292-f4cb-0ae06ea58d57");
    /// Getting up after a hard landing.
    pub const STAND_UP: Uuid = uuid!("3da1d753-028a-5446-24f3-9c9b856d9422");
    /// Sitting on the ground.
    pub const SIT_GROUND: Uuid = uuid!("1a2bd58e-87ff-0df8-0b4c-53e047b0bb6e");
    /// Away from the keyboard.
    pub const AWAY: Uuid = uuid!("fd037134-85d4-f241-72c6-4f42164fedee");
    /// Typing.
    pub const TYPE: Uuid = uuid!("c541c47f-e0c0-058b-ad1a-d6ae3a4584d9");
}

/// Animations a viewer may have running at once besides the one of its motion; more are ignored.
pub const MAX_REQUESTED: usize = 60;

/// One animation under way. The sequence number tells a restart from a repetition of the news.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Playing {
    /// Which animation.
    pub id: Uuid,
    /// Rises with every start of any animation of this avatar.
    pub sequence: i32,
}

/// All that an avatar plays.
#[derive(Clone, PartialEq, Debug)]
pub struct AnimationSet {
    motion: Playing,
    requested: Vec<Playing>,
    next_sequence: i32,
}

impl Default for AnimationSet {
    fn default() -> Self {
        Self { motion: Playing { id: builtin::STAND, sequence: 1 }, requested: Vec::new(), next_sequence: 2 }
    }
}

impl AnimationSet {
    /// Everything that plays, that of the motion first; never empty (an avatar without one stands like a T).
    pub fn iter(&self) -> impl Iterator<Item = Playing> + '_ {
        core::iter::once(self.motion).chain(self.requested.iter().copied())
    }

    /// How many play; at most 1 + [`MAX_REQUESTED`].
    pub fn count(&self) -> usize {
        1 + self.requested.len()
    }

    /// The animation that the motion chose.
    pub fn motion(&self) -> Uuid {
        self.motion.id
    }

    /// Lets the motion choose; returns whether that is news.
    pub(crate) fn set_motion(&mut self, id: Uuid) -> bool {
        if self.motion.id == id {
            return false;
        }
        self.motion = Playing { id, sequence: self.take_sequence() };
        true
    }

    /// Starts and stops what the viewer asked for; returns whether anything changed.
    pub(crate) fn request(&mut self, start: &[Uuid], stop: &[Uuid]) -> bool {
        let before = self.requested.len();
        self.requested.retain(|playing| !stop.contains(&playing.id));
        let mut changed = self.requested.len() != before;
        for &id in start.iter().filter(|id| !id.is_nil()) {
            if self.requested.len() >= MAX_REQUESTED {
                break;
            }
            if !self.requested.iter().any(|playing| playing.id == id) {
                let sequence = self.take_sequence();
                self.requested.push(Playing { id, sequence });
                changed = true;
            }
        }
        changed
    }

    /// Drops everything but the motion's.
    pub(crate) fn clear_requested(&mut self) {
        self.requested.clear();
    }

    fn take_sequence(&mut self) -> i32 {
        let sequence = self.next_sequence;
        self.next_sequence = if sequence == i32::MAX { 1 } else { sequence + 1 };
        sequence
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_start_and_stop_once() {
        let mut set = AnimationSet::default();
        assert!(set.request(&[builtin::TYPE, builtin::TYPE, Uuid::nil()], &[]));
        assert_eq!(set.count(), 2);
        assert!(!set.request(&[builtin::TYPE], &[]), "already playing");
        assert!(set.request(&[], &[builtin::TYPE]));
        assert!(!set.request(&[], &[builtin::TYPE]));
        assert_eq!(set.iter().next().unwrap().id, builtin::STAND);
    }

    #[test]
    fn motion_changes_take_new_sequence_numbers() {
        let mut set = AnimationSet::default();
        assert!(!set.set_motion(builtin::STAND));
        let mut last = set.iter().next().unwrap().sequence;
        for id in [builtin::WALK, builtin::STAND, builtin::WALK] {
            assert!(set.set_motion(id));
            let sequence = set.iter().next().unwrap().sequence;
            assert!(sequence > last);
            last = sequence;
        }
    }

    #[test]
    fn a_greedy_viewer_is_bounded() {
        let mut set = AnimationSet::default();
        let many: Vec<Uuid> = (1..1000).map(Uuid::from_u128).collect();
        set.request(&many, &[]);
        assert_eq!(set.count(), 1 + MAX_REQUESTED);
    }
}
