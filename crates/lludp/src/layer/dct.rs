//! The cosine transform of a patch, and the order and weights of its coefficients.

use super::{PATCH, PATCH_CELLS};
use core::f32::consts::FRAC_1_SQRT_2;
use std::sync::LazyLock;

type Block = [f32; PATCH_CELLS];

/// `COSINES[16 * u + n]`: the u-th wave at the n-th point, the constant one scaled so that the transform keeps lengths.
static COSINES: LazyLock<Block> = LazyLock::new(|| {
    let mut table = [0.0; PATCH_CELLS];
    for u in 0..PATCH {
        for n in 0..PATCH {
            let angle = (2 * n + 1) as f64 * u as f64 * core::f64::consts::PI / (2 * PATCH) as f64;
            table[PATCH * u + n] = if u == 0 { FRAC_1_SQRT_2 } else { angle.cos() as f32 };
        }
    }
    table
});

/// The same with rows and columns exchanged.
static COSINES_BY_POINT: LazyLock<Block> = LazyLock::new(|| {
    let mut table = [0.0; PATCH_CELLS];
    for u in 0..PATCH {
        for n in 0..PATCH {
            table[PATCH * n + u] = COSINES[PATCH * u + n];
        }
    }
    table
});

/// For each place of a block (rows of 16) its turn in the bit stream: zigzag along the diagonals, low waves first,
/// beginning to the right.
static TURN: LazyLock<[u8; PATCH_CELLS]> = LazyLock::new(|| {
    let mut places: Vec<(usize, usize)> =
        (0..PATCH_CELLS).map(|place| (place % PATCH, place / PATCH)).collect();
    // Even diagonals run up and to the right, odd ones down and to the left.
    places.sort_by_key(|&(x, y)| (x + y, if (x + y) % 2 == 0 { x } else { y }));
    let mut turns = [0; PATCH_CELLS];
    for (turn, (x, y)) in (0u8..=255).zip(places) {
        turns[PATCH * y + x] = turn;
    }
    turns
});

/// How coarsely the coefficient at a place is kept, in units: the finer the wave, the coarser.
fn weight(place: usize) -> f32 {
    (1 + 2 * (place % PATCH + place / PATCH)) as f32
}

/// Both directions of the transform are two such passes; each leaves its result transposed, so two set it right.
fn pass(block: &Block, table: &Block) -> Block {
    let mut out = [0.0; PATCH_CELLS];
    for row in 0..PATCH {
        let mut sums = [0.0f32; PATCH];
        for (value, waves) in block[PATCH * row..][..PATCH].iter().zip(table.chunks_exact(PATCH)) {
            for (sum, wave) in sums.iter_mut().zip(waves) {
                *sum += value * wave;
            }
        }
        for (i, sum) in sums.into_iter().enumerate() {
            out[PATCH * i + row] = sum;
        }
    }
    out
}

/// How much there is of every wave in a block, rows of 16.
pub(super) fn waves(block: &Block) -> Block {
    pass(&pass(block, &COSINES_BY_POINT), &COSINES_BY_POINT).map(|wave| wave * (2.0 / PATCH as f32))
}

/// Waves as coefficients in the order of the bit stream, with so many steps to one unit of the block.
pub(super) fn quantise(waves: &Block, steps: f32) -> [i32; PATCH_CELLS] {
    let mut coefficients = [0; PATCH_CELLS];
    for (place, (wave, &turn)) in waves.iter().zip(TURN.iter()).enumerate() {
        coefficients[usize::from(turn)] = (wave * steps / weight(place)).round() as i32;
    }
    coefficients
}

/// The block, in steps, that coefficients in the order of the bit stream stand for.
pub(super) fn inverse(coefficients: &[i32; PATCH_CELLS]) -> Block {
    let mut waves = [0.0; PATCH_CELLS];
    for (place, (wave, &turn)) in waves.iter_mut().zip(TURN.iter()).enumerate() {
        *wave = coefficients[usize::from(turn)] as f32 * weight(place);
    }
    pass(&pass(&waves, &COSINES), &COSINES).map(|value| value * (2.0 / PATCH as f32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_zigzag_beginning_to_the_right() {
        assert_eq!(TURN[..6], [0, 1, 5, 6, 14, 15]);
        assert_eq!([TURN[16], TURN[17], TURN[32]], [2, 4, 3]);
        assert_eq!(TURN[255], 255);
        let mut seen = TURN.to_vec();
        seen.sort_unstable();
        assert!(seen.into_iter().eq(0..=255));
    }

    fn forward(block: &Block) -> [i32; PATCH_CELLS] {
        quantise(&waves(block), 1.0)
    }

    #[test]
    fn there_and_back() {
        let mut block = [0.0; PATCH_CELLS];
        for (i, value) in block.iter_mut().enumerate() {
            *value = 500.0 * ((i % 16) as f32 * 0.3).sin() + 300.0 * ((i / 16) as f32 * 0.2).cos();
        }
        let back = inverse(&forward(&block));
        for (a, b) in block.iter().zip(back) {
            assert!((a - b).abs() < 12.0, "{a} {b}");
        }
        assert_eq!(forward(&[0.0; 256]), [0; 256]);
        let flat = forward(&[16.0; 256]);
        assert_eq!((flat[0], &flat[1..]), (256, &[0; 255][..]));
    }
}
