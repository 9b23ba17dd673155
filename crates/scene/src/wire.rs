//! An avatar's state in the two fixed layouts that viewers read (login fact sheet, section 8). All numbers are
//! little-endian. Both write into an array by value: nothing is allocated.

use crate::presence::Presence;
use glam::{Quat, Vec3};

/// The foot plane of who has no ground under the feet.
const NO_PLANE: (Vec3, f32) = (Vec3::ZERO, 1.0);
/// The flag byte of a terse update that says "avatar".
const AVATAR: u8 = 1;
/// Velocities are told within +- this, metres a second.
const VELOCITY_RANGE: f32 = 128.0;
/// Accelerations and angular velocities are told within +- this.
const ACCELERATION_RANGE: f32 = 64.0;

/// What both layouts tell.
struct State {
    local_id: u32,
    /// Ground under the feet: normal, and distance from the region's corner along it.
    plane: (Vec3, f32),
    position: Vec3,
    velocity: Vec3,
    acceleration: Vec3,
    rotation: Quat,
}

impl From<&Presence> for State {
    fn from(presence: &Presence) -> Self {
        Self {
            local_id: presence.local_id().0,
            plane: presence.foot_plane().unwrap_or(NO_PLANE),
            position: presence.position(),
            velocity: presence.velocity(),
            acceleration: presence.acceleration(),
            rotation: presence.rotation(),
        }
    }
}

/// The `ObjectData` field of an avatar's ObjectUpdate: foot plane, position, velocity, acceleration, rotation
/// (x, y, z; w is what makes it a unit, and not negative), angular velocity, all as 32-bit floats.
pub fn avatar_object_data(presence: &Presence) -> [u8; 76] {
    object_data(&presence.into())
}

/// The `Data` field of an avatar's block in ImprovedTerseObjectUpdate: local id, state, flag "avatar", foot plane
/// and position as 32-bit floats, velocity, acceleration, rotation (x, y, z, w) and angular velocity as 16-bit
/// fractions of their ranges.
pub fn avatar_terse(presence: &Presence) -> [u8; 60] {
    terse(&presence.into())
}

fn object_data(state: &State) -> [u8; 76] {
    let mut data = [0; 76];
    let mut w = Writer { rest: &mut data };
    w.vec3(state.plane.0);
    w.bytes(state.plane.1.to_le_bytes());
    w.vec3(state.position);
    w.vec3(state.velocity);
    w.vec3(state.acceleration);
    w.vec3(Vec3::new(state.rotation.x, state.rotation.y, state.rotation.z));
    w.vec3(Vec3::ZERO); // angular velocity: turns are told as rotations
    data
}

fn terse(state: &State) -> [u8; 60] {
    let mut data = [0; 60];
    let mut w = Writer { rest: &mut data };
    w.bytes(state.local_id.to_le_bytes());
    w.bytes([0, AVATAR]); // attachment state: none
    w.vec3(state.plane.0);
    w.bytes(state.plane.1.to_le_bytes());
    w.vec3(state.position);
    w.quantised(state.velocity.to_array(), VELOCITY_RANGE);
    w.quantised(state.acceleration.to_array(), ACCELERATION_RANGE);
    w.quantised(state.rotation.to_array(), 1.0);
    w.quantised([0.0; 3], ACCELERATION_RANGE);
    data
}

struct Writer<'a> {
    rest: &'a mut [u8],
}

impl Writer<'_> {
    fn bytes<const N: usize>(&mut self, bytes: [u8; N]) {
        let rest = core::mem::take(&mut self.rest);
        let (here, rest) = rest.split_at_mut(N);
        here.copy_from_slice(&bytes);
        self.rest = rest;
    }

    fn vec3(&mut self, v: Vec3) {
        for x in v.to_array() {
            self.bytes(x.to_le_bytes());
        }
    }

    fn quantised<const N: usize>(&mut self, values: [f32; N], range: f32) {
        for value in values {
            self.bytes(quantise(value, range).to_le_bytes());
        }
    }
}

/// A value within +-`range` in 65,536 steps, rounded down as OpenSimulator does it: zero is 0x7FFF, which viewers
/// take for zero again.
fn quantise(value: f32, range: f32) -> u16 {
    // A cast of a float saturates at both ends.
    ((value + range) / (2.0 * range) * 65_535.0) as u16
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Control, ControlFlags, NewPresence, Placement, Scene, SceneConfig};
    use model::{AgentId, Moment};

    fn bytes<const N: usize>(hex: &str) -> [u8; N] {
        core::array::from_fn(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap())
    }

    fn f32_at(data: &[u8], at: usize) -> f32 {
        f32::from_le_bytes(data[at..at + 4].try_into().unwrap())
    }

    fn vec3_at(data: &[u8], at: usize) -> Vec3 {
        Vec3::new(f32_at(data, at), f32_at(data, at + 4), f32_at(data, at + 8))
    }

    /// The middle of the step that a 16-bit fraction stands for.
    fn fraction(data: &[u8], at: usize, range: f32) -> f32 {
        let steps = u16::from_le_bytes(data[at..at + 2].try_into().unwrap());
        (f32::from(steps) + 0.5) / 65_535.0 * 2.0 * range - range
    }

    fn fractions(data: &[u8], at: usize, range: f32) -> Vec3 {
        Vec3::new(fraction(data, at, range), fraction(data, at + 2, range), fraction(data, at + 4, range))
    }

    fn read_terse(data: &[u8; 60]) -> State {
        State {
            local_id: u32::from_le_bytes(data[..4].try_into().unwrap()),
            plane: (vec3_at(data, 6), f32_at(data, 18)),
            position: vec3_at(data, 22),
            velocity: fractions(data, 34, VELOCITY_RANGE),
            acceleration: fractions(data, 40, ACCELERATION_RANGE),
            rotation: Quat::from_xyzw(
                fraction(data, 46, 1.0),
                fraction(data, 48, 1.0),
                fraction(data, 50, 1.0),
                fraction(data, 52, 1.0),
            ),
        }
    }

    #[test]
    fn recorded_terse_updates() {
        // OpenSimulator 0.9.2.2: Data of ImprovedTerseObjectUpdate, an avatar that just arrived at login, and one
        // that begins to walk (two in a row), as their UDP datagrams were recorded.
        for hex in [
            "b9e8a90e00010dd623bcfad123bc72f97f3fd1bdb341deffff42deffff426ed8cf41\
             ff7fff7fff7fff7fff7fff7fff7fff7fff7fffffff7fff7fff7f",
            "bce8a90e0001000000008c21f6b40000803f7898233dcd1776430000004332e0823f\
             0b81ff7fff7fff7fff7fff7fff7fff7fff7fffffff7fff7fff7f",
            "bce8a90e000100000000000000000000803f00d8233daf5e7643000000435d328f3f\
             5581ff7f4680ff7fff7fff7fff7fff7fff7fffffff7fff7fff7f",
        ] {
            let recorded: [u8; 60] = bytes(hex);
            let state = read_terse(&recorded);
            assert!(state.position.x > 120.0 && state.position.z > 1.0 && state.velocity.length() < 3.2);
            assert_eq!(terse(&state), recorded);
        }
    }

    #[test]
    fn recorded_object_data() {
        // OpenSimulator 0.9.2.2: ObjectData of the ObjectUpdate of an avatar that walked over a border.
        let recorded: [u8; 76] = bytes(
            "0000000000000000000000000000803f005ce83ebdfeff428fc2753f52491d40000000a8\
             80be91bf000000000000000000000000000000000000000000000000000000000000000000000000",
        );
        let state = State {
            local_id: 0,
            plane: (vec3_at(&recorded, 0), f32_at(&recorded, 12)),
            position: vec3_at(&recorded, 16),
            velocity: vec3_at(&recorded, 28),
            acceleration: vec3_at(&recorded, 40),
            rotation: Quat::IDENTITY,
        };
        assert_eq!(state.plane, NO_PLANE);
        assert_eq!(object_data(&state), recorded);
    }

    #[test]
    fn a_walking_presence() {
        let mut scene = Scene::new(SceneConfig::default());
        let (agent, mut out) = (AgentId(uuid::Uuid::from_u128(9)), Vec::new());
        let new = NewPresence {
            agent,
            name: Default::default(),
            appearance: Default::default(),
            draw_distance_m: 64.0,
            root: true,
            placement: Placement::facing(Vec3::new(10.0, 20.0, 0.0), Vec3::Y),
        };
        let local = scene.add(Moment::ZERO, new, &mut out).unwrap();
        let north = scene.presence(agent).unwrap().rotation();
        let control = Control { flags: ControlFlags::AT_POS, body_rotation: north, ..Control::default() };
        scene.control(Moment::ZERO, agent, &control, &mut out);
        let presence = scene.presence(agent).unwrap();

        let data = avatar_terse(presence);
        let state = read_terse(&data);
        assert_eq!((state.local_id, data[4], data[5]), (local.0, 0, 1));
        assert_eq!(state.plane, (Vec3::Z, 21.0));
        assert_eq!(state.position, Vec3::new(10.0, 20.0, 21.95));
        assert!(state.velocity.distance(Vec3::new(0.0, 3.2, 0.0)) < 0.005, "{}", state.velocity);
        assert!(state.rotation.dot(north) > 0.9999);

        let data = avatar_object_data(presence);
        assert_eq!(vec3_at(&data, 16), presence.position());
        assert_eq!(vec3_at(&data, 28), presence.velocity());
        assert_eq!(f32_at(&data, 60), presence.rotation().z);
    }

    #[test]
    fn values_out_of_range_saturate() {
        assert_eq!(quantise(0.0, 128.0), 0x7FFF);
        assert_eq!(quantise(1e9, 128.0), 0xFFFF);
        assert_eq!(quantise(-1e9, 128.0), 0);
        assert_eq!(quantise(1.0, 1.0), 0xFFFF);
    }
}
