use glam::Vec3;
use model::AgentId;

/// Highest place that a coarse location tells; above it the height is given as 0 (login fact sheet, section 8).
const COARSE_CEILING_M: f32 = 1020.0;

/// One avatar as maps show it, ready for CoarseLocationUpdate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CoarseLocation {
    /// Whose.
    pub agent: AgentId,
    /// Metres from the west edge, 255 beyond.
    pub x: u8,
    /// Metres from the south edge, 255 beyond.
    pub y: u8,
    /// Height in units of four metres; 0 above 1020 m.
    pub z: u8,
}

/// A position by map measures.
pub(crate) fn coarse(position: Vec3) -> [u8; 3] {
    // A cast of a float saturates, and takes what is no number for 0.
    let z = if position.z > COARSE_CEILING_M { 0 } else { (position.z / 4.0) as u8 };
    [position.x as u8, position.y as u8, z]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn like_the_recording() {
        // OpenSimulator 0.9.2.2, login: avatar at <128, 128, 25>, told as 128, 128, 6.
        assert_eq!(coarse(Vec3::new(128.0, 128.0, 25.0)), [128, 128, 6]);
    }

    #[test]
    fn edges_saturate() {
        assert_eq!(coarse(Vec3::new(300.0, -5.0, 1020.0)), [255, 0, 255]);
        assert_eq!(coarse(Vec3::new(f32::NAN, 0.0, 1020.5)), [0, 0, 0]);
    }
}
