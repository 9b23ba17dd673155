use core::fmt;
use glam::Vec3;
use serde::{Deserialize, Serialize};

/// Metres along one edge of the smallest region, and of one cell of the grid.
pub const CELL_M: u32 = 256;

/// A region's position key on the wire: global metres of its south-west corner, x in the upper 32 bits, y in
/// the lower (lludp fact sheet, section 4).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RegionHandle(pub u64);

impl RegionHandle {
    /// From global metres of the south-west corner.
    pub const fn from_metres(x: u32, y: u32) -> Self {
        Self(((x as u64) << 32) | y as u64)
    }

    /// West edge, global metres.
    pub const fn x_m(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// South edge, global metres.
    pub const fn y_m(self) -> u32 {
        self.0 as u32
    }

    /// What is added to a position in the region here, to have it in the coordinates of the one at `other`.
    pub fn shift_to(self, other: Self) -> Vec3 {
        let axis = |from: u32, to: u32| (i64::from(from) - i64::from(to)) as f32;
        Vec3::new(axis(self.x_m(), other.x_m()), axis(self.y_m(), other.y_m()), 0.0)
    }

    /// The grid cell that holds the corner.
    pub const fn cell(self) -> GridCell {
        GridCell { x: self.x_m() / CELL_M, y: self.y_m() / CELL_M }
    }
}

impl fmt::Debug for RegionHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RegionHandle({}m, {}m)", self.x_m(), self.y_m())
    }
}

/// Grid coordinates: units of 256 m, as maps and world files give them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
pub struct GridCell {
    /// Cells east of the grid's origin.
    pub x: u32,
    /// Cells north of the grid's origin.
    pub y: u32,
}

impl GridCell {
    /// The handle of the region whose corner is here.
    ///
    /// Saturates at the far edge of the world (2^32 metres), which no region may reach.
    pub const fn handle(self) -> RegionHandle {
        RegionHandle::from_metres(self.x.saturating_mul(CELL_M), self.y.saturating_mul(CELL_M))
    }
}

/// A region's extent in metres; multiples of 256.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct RegionSize {
    /// East-west extent, metres.
    pub x: u32,
    /// North-south extent, metres.
    pub y: u32,
}

impl RegionSize {
    /// The classic region.
    pub const STANDARD: Self = Self { x: CELL_M, y: CELL_M };

    /// Whether both edges are non-zero multiples of 256 m.
    pub fn is_valid(self) -> bool {
        self.x > 0 && self.y > 0 && self.x.is_multiple_of(CELL_M) && self.y.is_multiple_of(CELL_M)
    }

    /// Whether a region-local position lies on the region (height is not looked at).
    pub fn contains(self, position: Vec3) -> bool {
        position.x >= 0.0 && position.y >= 0.0 && position.x < self.x as f32 && position.y < self.y as f32
    }
}

impl Default for RegionSize {
    fn default() -> Self {
        Self::STANDARD
    }
}

/// The ground a region covers on the grid.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct RegionRect {
    /// South-west corner.
    pub handle: RegionHandle,
    /// Extent.
    pub size: RegionSize,
}

impl RegionRect {
    /// Whether a point, in global metres, lies on the region.
    pub fn contains_global(self, x_m: f64, y_m: f64) -> bool {
        let (x, y) = (x_m - f64::from(self.handle.x_m()), y_m - f64::from(self.handle.y_m()));
        x >= 0.0 && y >= 0.0 && x < f64::from(self.size.x) && y < f64::from(self.size.y)
    }

    /// Metres of empty ground between two regions along the farther axis: 0 for regions that touch.
    pub fn gap_m(self, other: Self) -> u32 {
        let axis = |a: u32, a_len: u32, b: u32, b_len: u32| {
            if a > b {
                a.saturating_sub(b.saturating_add(b_len))
            } else {
                b.saturating_sub(a.saturating_add(a_len))
            }
        };
        axis(self.handle.x_m(), self.size.x, other.handle.x_m(), other.size.x).max(axis(
            self.handle.y_m(),
            self.size.y,
            other.handle.y_m(),
            other.size.y,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handle_keeps_x_above_y() {
        let handle = GridCell { x: 1000, y: 1001 }.handle();
        assert_eq!(handle.0, 0x0003_E800_0003_E900);
        assert_eq!(handle.cell(), GridCell { x: 1000, y: 1001 });
    }

    #[test]
    fn a_place_keeps_its_place_in_the_coordinates_of_another_region() {
        let (here, there) = (GridCell { x: 1001, y: 1000 }.handle(), GridCell { x: 1000, y: 1002 }.handle());
        let place = Vec3::new(1.0, 2.0, 3.0);
        assert_eq!(place + here.shift_to(there), Vec3::new(257.0, -510.0, 3.0));
        assert_eq!(place + here.shift_to(there) + there.shift_to(here), place);
    }

    #[test]
    fn gap_is_zero_between_neighbours() {
        let at = |x, y| RegionRect { handle: GridCell { x, y }.handle(), size: RegionSize::STANDARD };
        assert_eq!(at(1000, 1000).gap_m(at(1001, 1001)), 0);
        assert_eq!(at(1000, 1000).gap_m(at(1002, 1000)), 256);
        assert_eq!(at(1002, 1000).gap_m(at(1000, 1000)), 256);
        let wide = RegionRect { size: RegionSize { x: 512, y: 512 }, ..at(1000, 1000) };
        assert_eq!(wide.gap_m(at(1002, 1000)), 0);
    }
}
