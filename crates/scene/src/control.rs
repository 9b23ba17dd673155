//! What a viewer asks of its avatar, made safe: nothing from outside reaches the motion unclean.

use bitflags::bitflags;
use glam::{Quat, Vec3};

bitflags! {
    /// The `ControlFlags` of AgentUpdate (login fact sheet, section 8).
    #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
    pub struct ControlFlags: u32 {
        /// Forward.
        const AT_POS = 1 << 0;
        /// Backward.
        const AT_NEG = 1 << 1;
        /// Sideways to the left.
        const LEFT_POS = 1 << 2;
        /// Sideways to the right.
        const LEFT_NEG = 1 << 3;
        /// Up: jump, or rise in flight.
        const UP_POS = 1 << 4;
        /// Down: crouch, or sink in flight.
        const UP_NEG = 1 << 5;
        /// Look down.
        const PITCH_POS = 1 << 6;
        /// Look up.
        const PITCH_NEG = 1 << 7;
        /// Turning left by key; the turn itself is in the body rotation.
        const YAW_POS = 1 << 8;
        /// Turning right by key; the turn itself is in the body rotation.
        const YAW_NEG = 1 << 9;
        /// The key is held, not tapped; forward and back.
        const FAST_AT = 1 << 10;
        /// The key is held, not tapped; sideways.
        const FAST_LEFT = 1 << 11;
        /// The key is held, not tapped; up and down.
        const FAST_UP = 1 << 12;
        /// Flying is wanted.
        const FLY = 1 << 13;
        /// Stop at once.
        const STOP = 1 << 14;
        /// Finish the animation.
        const FINISH_ANIM = 1 << 15;
        /// Stand up from sitting.
        const STAND_UP = 1 << 16;
        /// Sit down where the avatar stands.
        const SIT_ON_GROUND = 1 << 17;
        /// First-person view.
        const MOUSELOOK = 1 << 18;
        /// The forward key was tapped.
        const NUDGE_AT_POS = 1 << 19;
        /// The backward key was tapped.
        const NUDGE_AT_NEG = 1 << 20;
        /// The left key was tapped.
        const NUDGE_LEFT_POS = 1 << 21;
        /// The right key was tapped.
        const NUDGE_LEFT_NEG = 1 << 22;
        /// The up key was tapped.
        const NUDGE_UP_POS = 1 << 23;
        /// The down key was tapped.
        const NUDGE_UP_NEG = 1 << 24;
        /// Turning left: choose the turning animation.
        const TURN_LEFT = 1 << 25;
        /// Turning right: choose the turning animation.
        const TURN_RIGHT = 1 << 26;
        /// The user is away.
        const AWAY = 1 << 27;
        /// Left mouse button went down.
        const LBUTTON_DOWN = 1 << 28;
        /// Left mouse button went up.
        const LBUTTON_UP = 1 << 29;
        /// Left mouse button went down in first-person view.
        const ML_LBUTTON_DOWN = 1 << 30;
        /// Left mouse button went up in first-person view.
        const ML_LBUTTON_UP = 1 << 31;
    }
}

/// The widest view a viewer may ask for, metres (OpenSimulator clamps to the same; transfer fact sheet, section 8).
pub const MAX_DRAW_DISTANCE_M: f32 = 512.0;
/// The narrowest.
pub const MIN_DRAW_DISTANCE_M: f32 = 32.0;
/// Positions farther out than this on any axis are taken for nonsense, metres.
const MAX_COORDINATE_M: f32 = 1.0e6;

/// Where a viewer's camera is and looks, region-local.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Camera {
    /// Position, region-local metres; may lie outside the region.
    pub center: Vec3,
    /// Viewing direction.
    pub at: Vec3,
    /// To the left.
    pub left: Vec3,
    /// Upwards.
    pub up: Vec3,
}

impl Default for Camera {
    fn default() -> Self {
        Self { center: Vec3::ZERO, at: Vec3::X, left: Vec3::Y, up: Vec3::Z }
    }
}

impl Camera {
    /// This camera where it makes sense, `old` where it does not.
    pub(crate) fn cleaned(self, old: Self) -> Self {
        let or = |new: Vec3, old: Vec3| if is_plausible(new) { new } else { old };
        Self {
            center: or(self.center, old.center),
            at: or(self.at, old.at),
            left: or(self.left, old.left),
            up: or(self.up, old.up),
        }
    }
}

/// One AgentUpdate as the scene sees it. Every field may hold anything; the scene cleans it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Control {
    /// Keys held and wishes.
    pub flags: ControlFlags,
    /// Where the body faces.
    pub body_rotation: Quat,
    /// Where the head looks.
    pub head_rotation: Quat,
    /// The camera.
    pub camera: Camera,
    /// How far the viewer draws, metres.
    pub draw_distance_m: f32,
    /// Typing (0x04), editing (0x10).
    pub state: u8,
}

impl Default for Control {
    fn default() -> Self {
        Self {
            flags: ControlFlags::empty(),
            body_rotation: Quat::IDENTITY,
            head_rotation: Quat::IDENTITY,
            camera: Camera::default(),
            draw_distance_m: 128.0,
            state: 0,
        }
    }
}

/// Whether a position or direction can be worked with: finite and not absurdly far.
pub(crate) fn is_plausible(v: Vec3) -> bool {
    v.is_finite() && v.abs().max_element() <= MAX_COORDINATE_M
}

/// A unit quaternion with w >= 0 (so that its x, y, z alone tell it), or nothing for what is no rotation.
pub(crate) fn clean_rotation(q: Quat) -> Option<Quat> {
    if !q.is_finite() {
        return None;
    }
    let length = q.length();
    if !(0.1..=10.0).contains(&length) {
        return None;
    }
    let unit = q * (1.0 / length);
    Some(if unit.w < 0.0 { -unit } else { unit })
}

/// The part of a rotation that turns about the vertical.
pub(crate) fn yaw_only(q: Quat) -> Quat {
    let at = q * Vec3::X;
    if at.truncate().length_squared() < 1e-6 {
        Quat::IDENTITY
    } else {
        Quat::from_rotation_z(at.y.atan2(at.x))
    }
}

/// A draw distance within bounds; 0 or nonsense leaves the old one.
pub(crate) fn clean_draw_distance(new_m: f32, old_m: f32) -> f32 {
    if new_m.is_finite() && new_m > 0.0 {
        new_m.clamp(MIN_DRAW_DISTANCE_M, MAX_DRAW_DISTANCE_M)
    } else {
        old_m
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotations_come_out_unit_with_positive_w() {
        for q in [Quat::from_xyzw(0.0, 0.0, 0.6, -0.8), Quat::from_xyzw(0.0, 0.0, 2.0, 2.0)] {
            let clean = clean_rotation(q).unwrap();
            assert!((clean.length() - 1.0).abs() < 1e-6 && clean.w >= 0.0);
        }
        for q in [
            Quat::from_xyzw(0.0, 0.0, 0.0, 0.0),
            Quat::from_xyzw(f32::NAN, 0.0, 0.0, 1.0),
            Quat::from_xyzw(f32::INFINITY, 0.0, 0.0, 1.0),
            Quat::from_xyzw(f32::MAX, f32::MAX, 0.0, 1.0),
        ] {
            assert_eq!(clean_rotation(q), None);
        }
    }

    #[test]
    fn yaw_drops_pitch() {
        let yaw = yaw_only(Quat::from_rotation_z(1.0) * Quat::from_rotation_y(0.5));
        assert!(yaw.dot(Quat::from_rotation_z(1.0)).abs() > 0.999_99);
        assert_eq!(yaw_only(Quat::from_rotation_y(core::f32::consts::FRAC_PI_2)), Quat::IDENTITY);
    }

    #[test]
    fn draw_distance_is_bounded() {
        assert_eq!(clean_draw_distance(1e9, 100.0), MAX_DRAW_DISTANCE_M);
        assert_eq!(clean_draw_distance(1.0, 100.0), MIN_DRAW_DISTANCE_M);
        assert_eq!(clean_draw_distance(f32::NAN, 100.0), 100.0);
        assert_eq!(clean_draw_distance(0.0, 100.0), 100.0);
    }
}
