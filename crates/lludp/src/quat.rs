use model::Quat;

/// A rotation as it is sent: x, y, z of a unit quaternion whose w is not negative (lludp fact sheet, section 4).
/// Keeps the bits of the wire; nothing says that they are those of a rotation.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct PackedQuat {
    /// x
    pub x: f32,
    /// y
    pub y: f32,
    /// z
    pub z: f32,
}

impl PackedQuat {
    /// No rotation.
    pub const IDENTITY: Self = Self { x: 0.0, y: 0.0, z: 0.0 };

    /// Whether every component is a finite number.
    pub fn is_finite(self) -> bool {
        self.x.is_finite() && self.y.is_finite() && self.z.is_finite()
    }
}

impl From<PackedQuat> for Quat {
    /// The missing w is what makes the length one. Always a unit quaternion: x, y, z that are too long for that are
    /// shortened, and what is not finite is no rotation.
    fn from(packed: PackedQuat) -> Self {
        let PackedQuat { x, y, z } = packed;
        let squared = x * x + y * y + z * z;
        if !squared.is_finite() {
            return Self::IDENTITY;
        }
        Self::from_xyzw(x, y, z, (1.0 - squared).max(0.0).sqrt()).normalize()
    }
}

impl From<Quat> for PackedQuat {
    /// Turns the sign of all when w is negative: the same rotation. What cannot be made a unit quaternion is no
    /// rotation.
    fn from(rotation: Quat) -> Self {
        let length = rotation.length();
        if !length.is_normal() {
            return Self::IDENTITY;
        }
        let scale = if rotation.w < 0.0 { -1.0 / length } else { 1.0 / length };
        // Adding zero makes -0 a plain zero, which zerocodes.
        Self { x: rotation.x * scale + 0.0, y: rotation.y * scale + 0.0, z: rotation.z * scale + 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w_is_implied() {
        let turn = Quat::from_rotation_z(3.0);
        assert!(Quat::from(PackedQuat::from(turn)).abs_diff_eq(turn, 1e-6));
        assert!(Quat::from(PackedQuat::from(-turn)).abs_diff_eq(turn, 1e-6));
        assert_eq!(Quat::from(PackedQuat::IDENTITY), Quat::IDENTITY);
        assert_eq!(PackedQuat::from(-Quat::IDENTITY).x.to_bits(), 0);
    }

    #[test]
    fn nonsense_becomes_a_rotation() {
        for packed in [
            PackedQuat { x: f32::NAN, y: 0.0, z: 0.0 },
            PackedQuat { x: f32::INFINITY, y: 0.0, z: 0.0 },
            PackedQuat { x: 1e30, y: 0.0, z: 0.0 },
            PackedQuat { x: 3.0, y: 4.0, z: 0.0 },
        ] {
            assert!(Quat::from(packed).is_normalized(), "{packed:?}");
        }
        assert_eq!(PackedQuat::from(Quat::from_xyzw(0.0, 0.0, 0.0, 0.0)), PackedQuat::IDENTITY);
        assert_eq!(PackedQuat::from(Quat::from_xyzw(f32::NAN, 0.0, 0.0, 1.0)), PackedQuat::IDENTITY);
    }
}
