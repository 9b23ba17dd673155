//! How a body moves: kinematics on a terrain, in fixed steps. No forces but gravity; on foot an avatar is at its
//! speed at once, in flight it takes a moment.
//!
//! [`Body::respond`] takes in what the keys say, at once and without time passing, so that others hear of a first
//! step before it is taken. [`Body::advance`] lets one [`STEP`] pass.

use crate::animation::builtin;
use crate::control::{ControlFlags, yaw_only};
use crate::terrain::Terrain;
use core::time::Duration;
use glam::{Quat, Vec3};
use uuid::Uuid;

/// Length of one step of motion: 45 a second, as simulators have it by tradition.
pub const STEP: Duration = Duration::from_micros(22_222);
/// The same in seconds.
pub(crate) const STEP_S: f32 = 0.022_222;
/// Walking, metres a second.
pub const WALK_SPEED: f32 = 3.2;
/// Running, metres a second.
pub const RUN_SPEED: f32 = 5.13;
/// Walking while crouching, metres a second.
pub const CROUCH_SPEED: f32 = 1.6;
/// Flying, metres a second along the ground.
pub const FLY_SPEED: f32 = 16.0;
/// Rising and sinking in flight, metres a second.
pub const FLY_VERTICAL_SPEED: f32 = 10.0;
/// What a tapped key moves, of what a held one does.
const NUDGE: f32 = 0.5;
/// Time in which flight takes on two thirds of a new speed, seconds.
const FLY_INERTIA_S: f32 = 0.15;
/// Downward acceleration, metres a second squared.
pub const GRAVITY: f32 = 9.8;
/// Fastest fall, metres a second.
pub const TERMINAL_SPEED: f32 = 50.0;
/// Speed at which a jump leaves the ground, metres a second; about 1.6 m high.
pub const JUMP_SPEED: f32 = 5.6;
/// Steepest climb on foot: rise over run.
const MAX_CLIMB: f32 = 2.0;
/// Steepest way down on foot; beyond it an avatar falls. Also the step it may take down regardless, metres.
const MAX_DESCENT: f32 = 2.0;
const STEP_DOWN_M: f32 = 0.15;
/// An avatar placed or landing at most so high above its footing stands, metres.
const SNAP_M: f32 = 0.3;
/// Highest an avatar may be, metres.
pub const MAX_HEIGHT_M: f32 = 4096.0;
/// Impacts, metres a second downward, from which a landing is seen; and for how many steps.
const LANDINGS: [(f32, Uuid, u16); 3] =
    [(18.0, builtin::STAND_UP, 90), (7.5, builtin::MEDIUM_LAND, 27), (4.0, builtin::LAND, 14)];
/// A fall slower than this, metres a second, is a stumble and keeps its animation.
const STUMBLE_SPEED: f32 = 3.0;

/// How a body holds itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stance {
    /// On its feet.
    Ground,
    /// In the air, not flying; `jumping` until it lands when it left the ground by a jump.
    Air {
        /// By a jump.
        jumping: bool,
    },
    /// Flying.
    Flying,
    /// Sitting on the ground.
    SittingOnGround,
}

/// The keys, put together.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Intent {
    forward: f32,
    left: f32,
    up: f32,
}

impl Intent {
    pub(crate) fn of(flags: ControlFlags) -> Self {
        use ControlFlags as F;
        let axis = |pos, neg, nudge_pos, nudge_neg| {
            let one = |full, nudge| {
                if flags.contains(full) {
                    1.0
                } else if flags.contains(nudge) {
                    NUDGE
                } else {
                    0.0
                }
            };
            one(pos, nudge_pos) - one(neg, nudge_neg)
        };
        if flags.contains(F::STOP) {
            return Self { forward: 0.0, left: 0.0, up: 0.0 };
        }
        Self {
            forward: axis(F::AT_POS, F::AT_NEG, F::NUDGE_AT_POS, F::NUDGE_AT_NEG),
            left: axis(F::LEFT_POS, F::LEFT_NEG, F::NUDGE_LEFT_POS, F::NUDGE_LEFT_NEG),
            up: axis(F::UP_POS, F::UP_NEG, F::NUDGE_UP_POS, F::NUDGE_UP_NEG),
        }
    }

    fn level(self) -> Vec3 {
        Vec3::new(self.forward, self.left, 0.0).clamp_length_max(1.0)
    }
}

/// The moving part of a presence.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Body {
    /// Centre, region-local metres.
    pub position: Vec3,
    /// Metres a second.
    pub velocity: Vec3,
    /// Unit, w >= 0.
    pub rotation: Quat,
    pub stance: Stance,
    /// The up key was released since the last jump.
    jump_armed: bool,
    /// A landing still seen.
    landing: Option<(Uuid, u16)>,
    /// Out of the ground under the feet.
    ground_normal: Vec3,
}

impl Default for Body {
    fn default() -> Self {
        Self {
            position: Vec3::ZERO,
            velocity: Vec3::ZERO,
            rotation: Quat::IDENTITY,
            stance: Stance::Ground,
            jump_armed: true,
            landing: None,
            ground_normal: Vec3::Z,
        }
    }
}

/// What a body moves by besides its own state.
#[derive(Clone, Copy)]
pub(crate) struct Surroundings<'a> {
    pub terrain: &'a Terrain,
    /// From the body's centre to its soles, metres.
    pub half_height: f32,
    pub flags: ControlFlags,
    pub always_run: bool,
}

impl Surroundings<'_> {
    /// Height of the centre of a body that stands here.
    pub(crate) fn footing(&self, position: Vec3) -> f32 {
        self.terrain.height(position.x, position.y) + self.half_height
    }
}

impl Body {
    /// Puts the body somewhere: flying, standing, or in the air, never in the ground. The position must be finite.
    pub(crate) fn place(&mut self, position: Vec3, velocity: Vec3, flying: bool, around: &Surroundings) {
        let footing = around.footing(position);
        self.position = position;
        self.position.z = position.z.clamp(footing, MAX_HEIGHT_M.max(footing));
        self.velocity = velocity;
        self.landing = None;
        self.stance = if flying {
            Stance::Flying
        } else if self.position.z - footing <= SNAP_M {
            self.position.z = footing;
            self.velocity.z = 0.0;
            Stance::Ground
        } else {
            Stance::Air { jumping: false }
        };
        self.note_ground(around);
    }

    /// Takes in what the keys say; no time passes.
    pub(crate) fn respond(&mut self, around: &Surroundings) {
        let flags = around.flags;
        let intent = Intent::of(flags);
        if self.stance == Stance::SittingOnGround {
            if !flags.contains(ControlFlags::STAND_UP) {
                self.velocity = Vec3::ZERO;
                return;
            }
            self.stance = Stance::Ground;
        } else if flags.contains(ControlFlags::SIT_ON_GROUND) && self.stance == Stance::Ground {
            self.stance = Stance::SittingOnGround;
            self.velocity = Vec3::ZERO;
            self.landing = None;
            return;
        }
        match (flags.contains(ControlFlags::FLY), self.stance) {
            (true, Stance::Ground | Stance::Air { .. }) => self.stance = Stance::Flying,
            (false, Stance::Flying) => {
                self.stance = if self.position.z - around.footing(self.position) <= SNAP_M {
                    Stance::Ground
                } else {
                    Stance::Air { jumping: false }
                };
            }
            _ => {}
        }
        if flags.contains(ControlFlags::STOP) {
            self.velocity =
                if self.stance == Stance::Flying { Vec3::ZERO } else { Vec3::Z * self.velocity.z };
        }
        if self.stance == Stance::Ground {
            // The way up or down the slope comes with the next step; until then the old one is the best guess.
            let level = self.walking(intent, around);
            let rise = if level == Vec3::ZERO { 0.0 } else { self.velocity.z };
            self.velocity = level + Vec3::Z * rise;
            if intent.up > 0.0 && self.jump_armed {
                self.velocity.z = JUMP_SPEED;
                self.stance = Stance::Air { jumping: true };
                self.jump_armed = false;
                self.landing = None;
            }
        }
        if intent.up <= 0.0 {
            self.jump_armed = true;
        }
    }

    /// One [`STEP`] passes.
    pub(crate) fn advance(&mut self, around: &Surroundings) {
        self.respond(around);
        self.landing = self.landing.and_then(|(id, steps)| steps.checked_sub(1).map(|steps| (id, steps)));
        match self.stance {
            Stance::SittingOnGround => self.position.z = around.footing(self.position),
            Stance::Ground => self.walk(around),
            Stance::Air { .. } => self.fall(around),
            Stance::Flying => self.fly(around),
        }
        self.note_ground(around);
    }

    fn walking(&self, intent: Intent, around: &Surroundings) -> Vec3 {
        let speed = if intent.up < 0.0 {
            CROUCH_SPEED
        } else if around.always_run {
            RUN_SPEED
        } else {
            WALK_SPEED
        };
        yaw_only(self.rotation) * intent.level() * speed
    }

    fn walk(&mut self, around: &Surroundings) {
        let level = self.velocity.with_z(0.0);
        let run = level.length() * STEP_S;
        let next = self.position + level * STEP_S;
        let footing = around.footing(next);
        let rise = footing - self.position.z;
        if rise > run * MAX_CLIMB + SNAP_M {
            // A wall. (Ground that came up under resting feet lifts them below.)
            if run > 0.0 {
                self.velocity = Vec3::ZERO;
                return;
            }
        } else if -rise > run * MAX_DESCENT + STEP_DOWN_M {
            self.stance = Stance::Air { jumping: false };
            self.velocity.z = 0.0;
            self.fall(around);
            return;
        }
        self.velocity = if run > 0.0 { level.with_z(rise / STEP_S) } else { Vec3::ZERO };
        self.position = next.with_z(footing);
    }

    fn fall(&mut self, around: &Surroundings) {
        let intent = Intent::of(around.flags);
        if intent.level() != Vec3::ZERO {
            // Steering in the air is no faster than on foot, and takes nothing from a faster fall forward.
            let wanted = self.walking(intent, around);
            let now = self.velocity.with_z(0.0);
            if now.length() <= RUN_SPEED + 0.1 {
                self.velocity = wanted.with_z(self.velocity.z);
            }
        }
        self.velocity.z = (self.velocity.z - GRAVITY * STEP_S).max(-TERMINAL_SPEED);
        self.position += self.velocity * STEP_S;
        let footing = around.footing(self.position);
        if self.position.z > footing {
            return;
        }
        if self.velocity.z > 0.0 {
            // Jumping up a slope: the ground pushes, the jump goes on.
            self.position.z = footing;
            return;
        }
        let impact = -self.velocity.z;
        self.position.z = footing;
        self.stance = Stance::Ground;
        self.landing =
            LANDINGS.iter().find(|(least, ..)| impact >= *least).map(|&(_, id, steps)| (id, steps));
        self.velocity = self.walking(intent, around);
    }

    fn fly(&mut self, around: &Surroundings) {
        let intent = Intent::of(around.flags);
        let wanted = self.rotation * intent.level() * FLY_SPEED + Vec3::Z * intent.up * FLY_VERTICAL_SPEED;
        let gap = wanted - self.velocity;
        self.velocity = if gap.length() < 0.1 {
            wanted
        } else {
            self.velocity + gap * (STEP_S / (FLY_INERTIA_S + STEP_S))
        };
        self.position += self.velocity * STEP_S;
        let footing = around.footing(self.position);
        if self.position.z < footing {
            self.position.z = footing;
            self.velocity.z = self.velocity.z.max(0.0);
        }
        if self.position.z > MAX_HEIGHT_M {
            self.position.z = MAX_HEIGHT_M;
            self.velocity.z = self.velocity.z.min(0.0);
        }
    }

    fn note_ground(&mut self, around: &Surroundings) {
        self.ground_normal = match self.stance {
            Stance::Ground | Stance::SittingOnGround => {
                around.terrain.normal(self.position.x, self.position.y)
            }
            Stance::Air { .. } | Stance::Flying => Vec3::Z,
        };
    }

    /// Whether nothing would happen if time passed with the same keys.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.velocity == Vec3::ZERO && self.landing.is_none() && !matches!(self.stance, Stance::Air { .. })
    }

    pub(crate) fn acceleration(&self) -> Vec3 {
        match self.stance {
            Stance::Air { .. } if self.velocity.z > -TERMINAL_SPEED => Vec3::NEG_Z * GRAVITY,
            _ => Vec3::ZERO,
        }
    }

    pub(crate) fn foot_plane(&self, half_height: f32) -> Option<(Vec3, f32)> {
        match self.stance {
            Stance::Ground | Stance::SittingOnGround => {
                let soles = self.position - Vec3::Z * half_height;
                Some((self.ground_normal, self.ground_normal.dot(soles)))
            }
            Stance::Air { .. } | Stance::Flying => None,
        }
    }

    /// The animation that shows this motion; `current` stays through a stumble.
    pub(crate) fn animation(&self, flags: ControlFlags, always_run: bool, current: Uuid) -> Uuid {
        let intent = Intent::of(flags);
        let moves = self.velocity.truncate().length() > 0.1;
        match self.stance {
            Stance::SittingOnGround => builtin::SIT_GROUND,
            Stance::Flying if intent.level() != Vec3::ZERO => builtin::FLY,
            Stance::Flying if intent.up > 0.0 => builtin::HOVER_UP,
            Stance::Flying if intent.up < 0.0 => builtin::HOVER_DOWN,
            Stance::Flying => builtin::HOVER,
            Stance::Air { jumping: true } if self.velocity.z > -JUMP_SPEED - STUMBLE_SPEED => builtin::JUMP,
            Stance::Air { jumping: false } if self.velocity.z > -STUMBLE_SPEED => current,
            Stance::Air { .. } => builtin::FALL,
            Stance::Ground if moves && intent.up < 0.0 => builtin::CROUCH_WALK,
            Stance::Ground if moves && always_run => builtin::RUN,
            Stance::Ground if moves => builtin::WALK,
            Stance::Ground if intent.up < 0.0 => builtin::CROUCH,
            Stance::Ground => match self.landing {
                Some((id, _)) => id,
                None if flags.contains(ControlFlags::TURN_LEFT) => builtin::TURN_LEFT,
                None if flags.contains(ControlFlags::TURN_RIGHT) => builtin::TURN_RIGHT,
                None => builtin::STAND,
            },
        }
    }
}
