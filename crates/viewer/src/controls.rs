//! What the user holds down, and where the avatar looks.

use std::f32::consts::TAU;

use bitflags::bitflags;
use model::{Quat, Vec3};

bitflags! {
    /// What the user holds down: `ControlFlags` of AgentUpdate (login fact sheet, section 8). Only the bits that a
    /// headless viewer has a use for have names; others may be set by [`Controls::from_bits_retain`].
    #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
    pub struct Controls: u32 {
        /// Forward.
        const FORWARD = 0x1;
        /// Backward.
        const BACKWARD = 0x2;
        /// Sideways to the left.
        const LEFT = 0x4;
        /// Sideways to the right.
        const RIGHT = 0x8;
        /// Up: jump, or rise when flying.
        const UP = 0x10;
        /// Down: crouch, or sink when flying.
        const DOWN = 0x20;
        /// With [`Controls::FORWARD`]: at full speed. Viewers always set it when a key is held.
        const FAST_FORWARD = 0x400;
        /// With left or right: at full speed.
        const FAST_SIDEWAYS = 0x800;
        /// With up or down: at full speed.
        const FAST_UP = 0x1000;
        /// Fly.
        const FLY = 0x2000;
        /// Stop at once.
        const STOP = 0x4000;
        /// Stand up.
        const STAND_UP = 0x10000;
        /// Sit on the ground.
        const SIT_ON_GROUND = 0x20000;
        /// Turning left.
        const TURN_LEFT = 0x200_0000;
        /// Turning right.
        const TURN_RIGHT = 0x400_0000;
        /// Away from the keyboard.
        const AWAY = 0x800_0000;
    }
}

impl Controls {
    /// Any of the bits that move the body.
    pub const MOVING: Self = Self::FORWARD
        .union(Self::BACKWARD)
        .union(Self::LEFT)
        .union(Self::RIGHT)
        .union(Self::UP)
        .union(Self::DOWN);
}

/// Where a heading points: radians, counter-clockwise from east, as a rotation about the vertical axis with a
/// non-negative w (the wire leaves w out).
pub fn rotation_of(heading: f32) -> Quat {
    let heading = if heading.is_finite() { heading.rem_euclid(TAU) } else { 0.0 };
    let rotation = Quat::from_rotation_z(heading);
    if rotation.w < 0.0 { -rotation } else { rotation }
}

/// The heading of a rotation about the vertical axis, radians in `0..TAU`; the inverse of [`rotation_of`].
pub fn heading_of(rotation: Quat) -> f32 {
    (2.0 * rotation.z.atan2(rotation.w)).rem_euclid(TAU)
}

/// Radians in `0..TAU` from one place towards another, seen from above.
pub fn heading_towards(from: Vec3, to: Vec3) -> f32 {
    (to.y - from.y).atan2(to.x - from.x).rem_euclid(TAU)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heading_survives_the_rotation() {
        for step in 0..64 {
            let heading = TAU * step as f32 / 64.0;
            let rotation = rotation_of(heading);
            assert!(rotation.w >= 0.0);
            let back = heading_of(rotation);
            let error = (back - heading).abs().min(TAU - (back - heading).abs());
            assert!(error < 1e-3, "{heading} became {back}");
        }
    }

    #[test]
    fn heading_points_where_asked() {
        let from = Vec3::new(10.0, 10.0, 0.0);
        let north = heading_towards(from, Vec3::new(10.0, 20.0, 50.0));
        let ahead = rotation_of(north) * Vec3::X;
        assert!((ahead - Vec3::Y).length() < 1e-5);
    }
}
