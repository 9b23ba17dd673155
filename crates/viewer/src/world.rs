//! What a viewer remembers of one region: the avatars in sight, and counts of the rest.

use std::collections::BTreeMap;

use model::{AgentId, LocalId, Quat, Vec3};

/// Avatars remembered in one region; those beyond are not seen.
pub const AVATARS_AT_MOST: usize = 4096;

/// Somebody in sight.
#[derive(Clone, PartialEq, Debug)]
pub struct Avatar {
    /// Whose.
    pub agent: AgentId,
    /// First and last name.
    pub name: String,
    /// Metres from the region's south-west corner.
    pub position: Vec3,
    /// Metres a second.
    pub velocity: Vec3,
    /// Where it looks.
    pub rotation: Quat,
}

/// One region as the viewer sees it.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct World {
    /// By local id.
    pub avatars: BTreeMap<LocalId, Avatar>,
    /// LayerData packets of land that came.
    pub land_packets: u64,
    /// ParcelOverlay packets that came.
    pub parcel_overlays: u64,
    /// The agent's parcel, as last told.
    pub parcel: Option<String>,
    /// CoarseLocationUpdate: x, y in metres and z in metres over four, of everybody in the region.
    pub coarse: Vec<[u8; 3]>,
    /// SimStats that came.
    pub stats: u64,
    /// AvatarAppearance that came.
    pub appearances: u64,
    /// Object updates about other things than avatars.
    pub objects: u64,
}

impl World {
    /// The avatar of an agent, if it is in sight.
    pub fn avatar_of(&self, agent: AgentId) -> Option<(LocalId, &Avatar)> {
        self.avatars.iter().find(|(_, avatar)| avatar.agent == agent).map(|(id, avatar)| (*id, avatar))
    }
}

/// Where something is, how it moves, where it looks.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Motion {
    pub(crate) position: Vec3,
    pub(crate) velocity: Vec3,
    pub(crate) rotation: Quat,
}

/// Little-endian numbers out of a slice; `None` past its end.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    fn vec3(&mut self) -> Option<Vec3> {
        let mut axis = || self.take().map(f32::from_le_bytes);
        let v = Vec3::new(axis()?, axis()?, axis()?);
        Some(if v.is_finite() { v } else { Vec3::ZERO })
    }

    /// A number of `-range..=range` in 16 bits.
    fn quantised(&mut self, range: f32) -> Option<f32> {
        self.take().map(|bytes| f32::from(u16::from_le_bytes(bytes)) / 65535.0 * 2.0 * range - range)
    }

    fn quantised3(&mut self, range: f32) -> Option<Vec3> {
        Some(Vec3::new(self.quantised(range)?, self.quantised(range)?, self.quantised(range)?))
    }
}

/// `ObjectData` of an ObjectUpdate, in its two full forms: 60 bytes, or 76 with a collision plane before them (login
/// fact sheet, section 8).
pub(crate) fn parse_motion(bytes: &[u8]) -> Option<Motion> {
    let mut reader = match bytes.len() {
        60 => Reader(bytes),
        76 => Reader(&bytes[16..]),
        _ => return None,
    };
    let (position, velocity, _acceleration) = (reader.vec3()?, reader.vec3()?, reader.vec3()?);
    let xyz = reader.vec3()?;
    let w = (1.0 - xyz.length_squared()).max(0.0).sqrt();
    Some(Motion { position, velocity, rotation: Quat::from_xyzw(xyz.x, xyz.y, xyz.z, w) })
}

/// `Data` of one block of an ImprovedTerseObjectUpdate, if it is about an avatar (login fact sheet, section 8).
pub(crate) fn parse_terse(bytes: &[u8]) -> Option<(LocalId, Motion)> {
    let mut reader = Reader(bytes);
    let id = LocalId(reader.take().map(u32::from_le_bytes)?);
    let [_state, is_avatar] = reader.take()?;
    if is_avatar == 0 {
        return None;
    }
    let _plane: [u8; 16] = reader.take()?;
    let (position, velocity) = (reader.vec3()?, reader.quantised3(128.0)?);
    let _acceleration = reader.quantised3(64.0)?;
    let mut axis = || reader.quantised(1.0);
    let rotation = Quat::from_xyzw(axis()?, axis()?, axis()?, axis()?);
    Some((id, Motion { position, velocity, rotation }))
}

/// The name in a NameValue text: its lines FirstName and LastName.
pub(crate) fn parse_name(name_value: &str) -> String {
    let value = |key: &str| {
        let line = name_value.lines().find(|line| line.split(' ').next() == Some(key))?;
        line.splitn(5, ' ').nth(4)
    };
    match (value("FirstName"), value("LastName")) {
        (Some(first), Some(last)) => format!("{first} {last}"),
        (one, other) => one.or(other).unwrap_or_default().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_is_put_together() {
        let text = "FirstName STRING RW SV Ann\nLastName STRING RW SV van Dyke\nTitle STRING RW SV ";
        assert_eq!(parse_name(text), "Ann van Dyke");
        assert_eq!(parse_name("FirstName STRING RW SV Ann"), "Ann");
        assert_eq!(parse_name("nonsense"), "");
    }

    #[test]
    fn terse_update_is_read() {
        let mut data = vec![7, 0, 0, 0, 0, 1];
        data.extend([0; 16]);
        for axis in [10.0_f32, 20.0, 30.0] {
            data.extend(axis.to_le_bytes());
        }
        for quantised in [65535_u16, 32768, 0, 0, 0, 0, 32768, 32768, 32768, 65535, 0, 0, 0] {
            data.extend(quantised.to_le_bytes());
        }
        assert_eq!(data.len(), 60);
        let (id, motion) = parse_terse(&data).unwrap();
        assert_eq!(id, LocalId(7));
        assert_eq!(motion.position, Vec3::new(10.0, 20.0, 30.0));
        assert_eq!(motion.velocity.x, 128.0);
        assert!(motion.velocity.y.abs() < 0.01);
        assert!((motion.rotation.w - 1.0).abs() < 1e-4);
        for length in 0..59 {
            parse_terse(&data[..length]);
        }
        data[5] = 0;
        assert_eq!(parse_terse(&data), None);
    }

    #[test]
    fn both_full_forms_are_read() {
        let mut data: Vec<u8> = [1.0_f32, 2.0, 3.0].iter().flat_map(|f| f.to_le_bytes()).collect();
        data.extend([0; 48]);
        assert_eq!(parse_motion(&data).unwrap().position, Vec3::new(1.0, 2.0, 3.0));
        let with_plane: Vec<u8> = [0; 16].into_iter().chain(data).collect();
        assert_eq!(parse_motion(&with_plane).unwrap().position, Vec3::new(1.0, 2.0, 3.0));
        assert_eq!(parse_motion(&with_plane[1..]), None);
    }
}
