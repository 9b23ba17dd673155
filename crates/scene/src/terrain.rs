//! The ground. Heights stand on a lattice of one point a metre and are bilinear in between.

use glam::Vec3;
use model::{RegionHandle, RegionSize};
use std::sync::OnceLock;

/// Points along one edge of a terrain patch, the unit in which LayerData carries land.
pub const PATCH: u32 = 16;
/// Height of the shore and of everything flat by default, metres: one metre above the usual water.
pub const SHORE_HEIGHT_M: f32 = 21.0;
/// Lowest and highest ground there may be, metres; the avatar's motion relies on it.
pub const HEIGHT_LIMITS_M: (f32, f32) = (-1000.0, 4000.0);

/// How the land of a region is made.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum TerrainKind {
    /// One height everywhere, metres.
    Flat(f32),
    /// Hills that rise from a flat rim at [`SHORE_HEIGHT_M`], so that neighbours meet without a step.
    Island {
        /// The same seed makes the same hills.
        seed: u64,
    },
}

impl Default for TerrainKind {
    fn default() -> Self {
        Self::Flat(SHORE_HEIGHT_M)
    }
}

/// The ground of one region. Made land is worked out when somebody first looks at it, so an empty region holds none.
#[derive(Debug)]
pub struct Terrain {
    size: RegionSize,
    kind: TerrainKind,
    lattice: OnceLock<Box<[f32]>>,
}

impl Terrain {
    pub(crate) fn new(size: RegionSize, kind: TerrainKind) -> Self {
        let kind = match kind {
            TerrainKind::Flat(m) if m.is_finite() => {
                TerrainKind::Flat(m.clamp(HEIGHT_LIMITS_M.0, HEIGHT_LIMITS_M.1))
            }
            TerrainKind::Flat(_) => TerrainKind::default(),
            made => made,
        };
        Self { size, kind, lattice: OnceLock::new() }
    }

    /// Patches from west to east.
    pub fn patches_x(&self) -> u32 {
        self.size.x / PATCH
    }

    /// Patches from south to north.
    pub fn patches_y(&self) -> u32 {
        self.size.y / PATCH
    }

    /// The heights of one patch, rows from south to north, each from west to east. Beyond the edge: those of the edge.
    pub fn patch(&self, patch_x: u32, patch_y: u32) -> [f32; 256] {
        let mut heights = [0.0; 256];
        for (i, height) in (0u32..).zip(heights.iter_mut()) {
            let (x, y) = (i % PATCH, i / PATCH);
            *height = self.point(
                patch_x.saturating_mul(PATCH).saturating_add(x),
                patch_y.saturating_mul(PATCH).saturating_add(y),
            );
        }
        heights
    }

    /// Ground height at a region-local place, metres. Places outside (or no places at all) count as the nearest edge.
    pub fn height(&self, x: f32, y: f32) -> f32 {
        if let TerrainKind::Flat(m) = self.kind {
            return m;
        }
        let inside = |v: f32, size: u32| if v.is_finite() { v.clamp(0.0, (size - 1) as f32) } else { 0.0 };
        let (x, y) = (inside(x, self.size.x), inside(y, self.size.y));
        let (x0, y0) = (x as u32, y as u32);
        let (fx, fy) = (x - x0 as f32, y - y0 as f32);
        let mix = |a: f32, b: f32, t: f32| a + (b - a) * t;
        mix(
            mix(self.point(x0, y0), self.point(x0 + 1, y0), fx),
            mix(self.point(x0, y0 + 1), self.point(x0 + 1, y0 + 1), fx),
            fy,
        )
    }

    /// The direction straight out of the ground, a unit vector.
    pub fn normal(&self, x: f32, y: f32) -> Vec3 {
        if matches!(self.kind, TerrainKind::Flat(_)) {
            return Vec3::Z;
        }
        let dx = self.height(x + 0.5, y) - self.height(x - 0.5, y);
        let dy = self.height(x, y + 0.5) - self.height(x, y - 0.5);
        Vec3::new(-dx, -dy, 1.0).normalize_or(Vec3::Z)
    }

    fn point(&self, x: u32, y: u32) -> f32 {
        match self.kind {
            TerrainKind::Flat(m) => m,
            TerrainKind::Island { seed } => {
                let lattice = self.lattice.get_or_init(|| island(self.size, seed));
                let (x, y) = (x.min(self.size.x - 1), y.min(self.size.y - 1));
                lattice.get((y * self.size.x + x) as usize).copied().unwrap_or(SHORE_HEIGHT_M)
            }
        }
    }
}

/// A seed for the land at a place of the grid, so that regions of one world differ.
pub fn island_seed(world_seed: u64, handle: RegionHandle) -> u64 {
    mix64(world_seed ^ mix64(handle.0))
}

/// Widest hills, metres from top to top.
const HILL_WIDTH_M: f32 = 96.0;
/// Highest that hills can rise above the shore, metres.
const HILL_HEIGHT_M: f32 = 36.0;
/// Width of the flat rim and of the slope behind it, metres.
const RIM_M: f32 = 8.0;
const SLOPE_M: f32 = 64.0;

fn island(size: RegionSize, seed: u64) -> Box<[f32]> {
    let mut heights = Vec::with_capacity(size.x as usize * size.y as usize);
    for y in 0..size.y {
        for x in 0..size.x {
            let to_edge = x.min(size.x - 1 - x).min(y).min(size.y - 1 - y) as f32;
            let rise = smooth(((to_edge - RIM_M) / SLOPE_M).clamp(0.0, 1.0));
            let hills = if rise > 0.0 { fractal(x as f32, y as f32, seed) } else { 0.0 };
            heights.push(SHORE_HEIGHT_M + HILL_HEIGHT_M * rise * hills);
        }
    }
    heights.into_boxed_slice()
}

/// Several widths of noise upon each other, 0..=1.
fn fractal(x: f32, y: f32, seed: u64) -> f32 {
    let (mut sum, mut amplitude, mut width) = (0.0, 0.5, HILL_WIDTH_M);
    for octave in 0..4u64 {
        sum += amplitude * noise(x / width, y / width, mix64(seed ^ octave));
        amplitude *= 0.5;
        width *= 0.5;
    }
    sum
}

/// Value noise: a random height at every whole place, smooth in between, 0..=1.
fn noise(x: f32, y: f32, seed: u64) -> f32 {
    let (x0, y0) = (x.floor(), y.floor());
    let (fx, fy) = (smooth(x - x0), smooth(y - y0));
    let at = |dx: u64, dy: u64| {
        let cell = ((x0 as u64 + dx) << 32) | (y0 as u64 + dy);
        (mix64(seed ^ mix64(cell)) >> 40) as f32 / (1u32 << 24) as f32
    };
    let mix = |a: f32, b: f32, t: f32| a + (b - a) * t;
    mix(mix(at(0, 0), at(1, 0), fx), mix(at(0, 1), at(1, 1), fx), fy)
}

fn smooth(t: f32) -> f32 {
    t * t * (3.0 - 2.0 * t)
}

/// SplitMix64's finisher: every bit of the result hangs on every bit of the input.
fn mix64(mut z: u64) -> u64 {
    z = z.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flat_land_is_flat_and_holds_nothing() {
        let land = Terrain::new(RegionSize::STANDARD, TerrainKind::Flat(25.0));
        assert_eq!(land.height(3.0, 250.0), 25.0);
        assert_eq!(land.height(f32::NAN, -1e30), 25.0);
        assert_eq!(land.patch(15, 15), [25.0; 256]);
        assert!(land.lattice.get().is_none());
        assert_eq!(
            Terrain::new(RegionSize::STANDARD, TerrainKind::Flat(f32::NAN)).height(0.0, 0.0),
            SHORE_HEIGHT_M
        );
    }

    #[test]
    fn islands_rise_from_a_flat_rim_without_cliffs() {
        let land = Terrain::new(RegionSize::STANDARD, TerrainKind::Island { seed: 7 });
        assert!(land.lattice.get().is_none(), "made before anybody looked");
        for i in 0..256 {
            let v = i as f32;
            for (x, y) in [(v, 0.0), (v, 255.0), (0.0, v), (255.0, v)] {
                assert_eq!(land.height(x, y), SHORE_HEIGHT_M);
            }
        }
        let mut highest = 0.0f32;
        for y in 0..255u32 {
            for x in 0..255u32 {
                let here = land.point(x, y);
                highest = highest.max(here);
                assert!((SHORE_HEIGHT_M..=SHORE_HEIGHT_M + HILL_HEIGHT_M).contains(&here));
                assert!(
                    (here - land.point(x + 1, y)).abs() < 1.5 && (here - land.point(x, y + 1)).abs() < 1.5
                );
            }
        }
        assert!(highest > SHORE_HEIGHT_M + 8.0, "hills are there: {highest}");
        let other = Terrain::new(RegionSize::STANDARD, TerrainKind::Island { seed: 8 });
        assert_ne!(land.patch(8, 8), other.patch(8, 8));
    }

    #[test]
    fn heights_between_points_are_bilinear() {
        let land = Terrain::new(RegionSize::STANDARD, TerrainKind::Island { seed: 1 });
        let mean =
            (land.point(100, 80) + land.point(101, 80) + land.point(100, 81) + land.point(101, 81)) / 4.0;
        assert!((land.height(100.5, 80.5) - mean).abs() < 1e-3);
        assert_eq!(land.height(100.0, 80.0), land.point(100, 80));
        assert_eq!(land.patch(6, 5)[4], land.point(100, 80));
        assert!(land.height(1e30, f32::INFINITY).is_finite());
        assert!(land.normal(100.0, 80.0).z > 0.5);
    }
}
