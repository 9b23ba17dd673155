//! Which terrain patches a viewer still has to get: near ones first, produced only as fast as they can be sent.

use model::Vec3;

/// The patches (of 16 m) of one region that one viewer does not have yet.
#[derive(Debug, Default)]
pub(crate) struct LandCursor {
    /// Farthest first, so that the nearest are taken from the end.
    pending: Vec<(u16, u16)>,
}

impl LandCursor {
    /// Everything, nearest to `position` first.
    pub(crate) fn all(patches_x: u16, patches_y: u16, position: Vec3) -> Self {
        let mut pending: Vec<(u16, u16)> =
            (0..patches_y).flat_map(|y| (0..patches_x).map(move |x| (x, y))).collect();
        let distance = |&(x, y): &(u16, u16)| {
            let (dx, dy) = (f32::from(x) * 16.0 + 8.0 - position.x, f32::from(y) * 16.0 + 8.0 - position.y);
            dx * dx + dy * dy
        };
        pending.sort_by(|a, b| distance(b).total_cmp(&distance(a)));
        Self { pending }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.pending.is_empty()
    }

    /// The next patches, at most `count`.
    pub(crate) fn take(&mut self, count: usize) -> Vec<(u16, u16)> {
        let from = self.pending.len().saturating_sub(count);
        let mut taken = self.pending.split_off(from);
        taken.reverse();
        if self.pending.is_empty() {
            // Nothing is kept for viewers that have it all.
            self.pending = Vec::new();
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_patch_once_and_near_ones_first() {
        let mut cursor = LandCursor::all(16, 16, Vec3::new(250.0, 3.0, 0.0));
        let mut seen = Vec::new();
        while !cursor.is_done() {
            let taken = cursor.take(4);
            assert!(!taken.is_empty() && taken.len() <= 4);
            seen.extend(taken);
        }
        assert_eq!(seen[0], (15, 0));
        assert_eq!(*seen.last().expect("some"), (0, 15));
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 256);
    }
}
