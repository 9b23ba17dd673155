use core::hash::{BuildHasherDefault, Hasher};
use model::LocalId;
use std::collections::HashMap;

/// A map by local id. Local ids are given out by the scene one after the other, so nobody outside can make them
/// collide and no secret hash is needed; nothing iterates over it.
pub(crate) type LocalIdMap<V> = HashMap<LocalId, V, BuildHasherDefault<LocalIdHasher>>;

/// Spreads consecutive numbers over all bits.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct LocalIdHasher(u64);

impl Hasher for LocalIdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u32(u32::from(byte));
        }
    }

    fn write_u32(&mut self, n: u32) {
        self.0 = (self.0 ^ u64::from(n)).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(26);
    }
}
