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

/// The `ObjectData` field of an avatar's ObjectUpdate: foot plane, position, velocity, acceleration, rotation
/// (x, y, z), angular velocity, all as 32-bit floats.
pub fn avatar_object_data(presence: &Presence) -> [u8; 76] {
    let (normal, distance) = presence.foot_plane().unwrap_or(NO_PLANE);
    let mut data = [0; 76];
    let mut w = Writer { rest: &mut data };
    w.vec3(normal);
    w.bytes(distance.to_le_bytes());
    w.vec3(presence.position());
    w.vec3(presence.velocity());
    w.vec3(presence.acceleration());
    let rotation = presence.rotation();
    w.vec3(Vec3::new(rotation.x, rotation.y, rotation.z));
    w.vec3(Vec3::ZERO);
    data
}

/// The `Data` field of an avatar's block in ImprovedTerseObjectUpdate.
pub fn avatar_terse(presence: &Presence) -> [u8; 60] {
    terse(&Terse {
        local_id: presence.local_id().0,
        plane: presence.foot_plane().unwrap_or(NO_PLANE),
        position: presence.position(),
        velocity: presence.velocity(),
        acceleration: presence.acceleration(),
        rotation: presence.rotation(),
    })
}

struct Terse {
    local_id: u32,
    plane: (Vec3, f32),
    position: Vec3,
    velocity: Vec3,
    acceleration: Vec3,
    rotation: Quat,
}

fn terse(state: &Terse) -> [u8; 60] {
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
    w.quantised([0.0; 3], ACCELERATION_RANGE); // angular velocity: turns are told as rotations
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
