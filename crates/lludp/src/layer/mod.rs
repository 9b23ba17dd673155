//! The body of LayerData: land (and wind) in patches of 16 by 16 points, each a cosine transform in a few bits.
//!
//! A body is a group header (stride, patch size, type), patches, and an end mark, all bit-packed (`bits`). A patch
//! is a header and its coefficients in zigzag order, low waves first: `0` for a zero, `10` for "the rest is zero",
//! `110` or `111` and a magnitude for the others. The header gives the height of the patch's middle, its range in whole
//! metres, the number of steps into which the range is cut, and how wide magnitudes are. Finer waves are kept more
//! coarsely, so a smooth patch is some forty bytes and a flat one nine. (Login fact sheet, section 8; the layout was
//! checked against recorded OpenSimulator packets, see the tests.)
//!
//! Regions above 256 m use other type codes and patch ids of 32 bits, which viewers of OpenSimulator grids know.
//!
//! [`LandEncoder`] writes into a buffer that it keeps; [`LayerDecoder`] hands out patch by patch and allocates nothing.

mod bits;
mod dct;

use bits::{BitReader, BitWriter};
use model::{CELL_M, RegionSize};

/// Points along an edge of a patch.
pub const PATCH: usize = 16;
/// Points of a patch.
pub const PATCH_CELLS: usize = PATCH * PATCH;
/// A body is closed before it grows beyond so many bytes, to keep the datagram below the usual MTU.
pub const MAX_BODY: usize = 1000;
/// Largest body of one patch, bytes: header, 256 coefficients of 20 bits, group header and end mark.
const MAX_PATCH_BITS: usize = 8 + 32 + 16 + 32 + PATCH_CELLS * 20;
const _: () = assert!(MAX_PATCH_BITS / 8 + 6 <= MAX_BODY);

/// The stride that every group header gives; viewers do not use it.
const STRIDE: u32 = 264;
/// In place of a patch header: the body ends.
const END_OF_PATCHES: u32 = 97;
/// Heights beyond this are cut off, metres; keeps the range of a patch in 16 bits.
const HEIGHT_LIMIT_M: f32 = 16_384.0;
/// Heights come out right to this, metres, as long as the coding allows (it does up to some 100 m of pure noise).
pub const TOLERANCE_M: f32 = 0.08;
/// Steps that are tried first, metres; finer ones follow until the heights come out right.
const COARSEST_STEP_M: f32 = 0.035;
/// A patch whose heights differ by no more than this is sent as flat, metres.
const FLAT_M: f32 = 0.004;
/// Widest magnitude.
const MAX_WORD_BITS: u32 = 17;

/// What a layer is about: the `LayerID.Type` of LayerData, repeated in the group header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LayerKind {
    /// Land of a region of 256 m.
    Land,
    /// Land of a larger region.
    LandExtended,
    /// Wind, two patches: eastward and northward speed.
    Wind,
    /// Wind of a larger region.
    WindExtended,
    /// Clouds.
    Cloud,
    /// Clouds of a larger region.
    CloudExtended,
}

impl LayerKind {
    /// The kind in which the land of a region of this size goes out.
    pub fn land(size: RegionSize) -> Self {
        if size.x > CELL_M || size.y > CELL_M { Self::LandExtended } else { Self::Land }
    }

    /// The code on the wire.
    pub fn to_wire(self) -> u8 {
        match self {
            Self::Land => b'L',
            Self::LandExtended => b'M',
            Self::Wind => b'7',
            Self::WindExtended => b'9',
            Self::Cloud => b'8',
            Self::CloudExtended => b':',
        }
    }

    /// From the code on the wire.
    pub fn from_wire(code: u8) -> Option<Self> {
        Some(match code {
            b'L' => Self::Land,
            b'M' => Self::LandExtended,
            b'7' => Self::Wind,
            b'9' => Self::WindExtended,
            b'8' => Self::Cloud,
            b':' => Self::CloudExtended,
            _ => return None,
        })
    }

    /// Bits of a patch's x and of its y.
    fn id_bits(self) -> u32 {
        match self {
            Self::Land | Self::Wind | Self::Cloud => 5,
            Self::LandExtended | Self::WindExtended | Self::CloudExtended => 16,
        }
    }
}

/// Encodes the land of some patches into bodies of at most [`MAX_BODY`] bytes; the message's type is
/// [`LayerKind::land`]. `heights` gives a patch's points in rows from south to north, each from west to east, in
/// metres. Patches that the region cannot have are left out.
pub fn encode_land(
    heights: impl Fn(u16, u16) -> [f32; PATCH_CELLS],
    patches: &[(u16, u16)],
    size: RegionSize,
) -> Vec<Vec<u8>> {
    let mut bodies = Vec::new();
    LandEncoder::default().encode(heights, patches, size, |body| bodies.push(body.to_vec()));
    bodies
}

/// Encodes land like [`encode_land`], into a buffer that stays.
#[derive(Debug, Default)]
pub struct LandEncoder {
    bits: BitWriter,
}

impl LandEncoder {
    /// Hands each body to `sink` as soon as it is complete.
    pub fn encode(
        &mut self,
        heights: impl Fn(u16, u16) -> [f32; PATCH_CELLS],
        patches: &[(u16, u16)],
        size: RegionSize,
        mut sink: impl FnMut(&[u8]),
    ) {
        let kind = LayerKind::land(size);
        let (columns, rows) = (size.x as usize / PATCH, size.y as usize / PATCH);
        let mut in_body = 0;
        for &(x, y) in patches {
            if usize::from(x) >= columns || usize::from(y) >= rows {
                continue;
            }
            let patch = CodedPatch::of(&heights(x, y));
            let end_bits = 8;
            if in_body > 0 && self.bits.bit_len() + patch.bit_len(kind) + end_bits > MAX_BODY * 8 {
                self.finish(&mut sink);
                in_body = 0;
            }
            if in_body == 0 {
                self.begin(kind);
            }
            patch.write(kind, x, y, &mut self.bits);
            in_body += 1;
        }
        if in_body > 0 {
            self.finish(&mut sink);
        }
    }

    fn begin(&mut self, kind: LayerKind) {
        self.bits.clear();
        self.bits.put(STRIDE, 16);
        self.bits.put(PATCH as u32, 8);
        self.bits.put(u32::from(kind.to_wire()), 8);
    }

    fn finish(&mut self, sink: &mut impl FnMut(&[u8])) {
        self.bits.put(END_OF_PATCHES, 8);
        sink(self.bits.bytes());
    }
}

/// A patch ready to be written.
struct CodedPatch {
    /// Steps of the range: this power of two.
    step_bits: u32,
    word_bits: u32,
    offset_m: f32,
    range_m: u16,
    /// In the order of the bit stream.
    coefficients: [i32; PATCH_CELLS],
    /// Coefficients up to the last that is not zero.
    used: usize,
}

impl CodedPatch {
    fn of(heights: &[f32; PATCH_CELLS]) -> Self {
        let heights =
            heights.map(|h| if h.is_nan() { 0.0 } else { h.clamp(-HEIGHT_LIMIT_M, HEIGHT_LIMIT_M) });
        let least = heights.iter().copied().fold(f32::INFINITY, f32::min);
        let most = heights.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        if most - least <= FLAT_M {
            let range_m = 1;
            return Self {
                step_bits: 10,
                word_bits: 10,
                offset_m: (least + most) * 0.5 - f32::from(range_m) * 0.5,
                range_m,
                coefficients: [0; PATCH_CELLS],
                used: 0,
            };
        }
        let mean = heights.iter().sum::<f32>() / PATCH_CELLS as f32;
        let range_m = (most - least).ceil().max(1.0) as u16;
        // The middle of the range is where all coefficients are zero, so it is put at the mean.
        let offset_m = mean - f32::from(range_m) * 0.5;
        let relative = heights.map(|h| h - mean);
        let waves = dct::waves(&relative);
        let mut step_bits = 2;
        while step_bits < MAX_WORD_BITS && f32::from(range_m) / (1u32 << step_bits) as f32 > COARSEST_STEP_M {
            step_bits += 1;
        }
        let mut best: Option<Self> = None;
        while step_bits <= MAX_WORD_BITS {
            let steps_per_m = (1u32 << step_bits) as f32 / f32::from(range_m);
            let coefficients = dct::quantise(&waves, steps_per_m);
            let largest = coefficients.iter().map(|c| c.unsigned_abs()).max().unwrap_or(0);
            let word_bits = (32 - largest.leading_zeros()).max(2);
            if word_bits > MAX_WORD_BITS && best.is_some() {
                break;
            }
            let used = coefficients.iter().rposition(|&c| c != 0).map_or(0, |last| last + 1);
            let mut patch = Self { step_bits, word_bits, offset_m, range_m, coefficients, used };
            if patch.header() == END_OF_PATCHES {
                patch.word_bits += 1;
            }
            let comes_out = dct::inverse(&patch.coefficients);
            let right =
                relative.iter().zip(comes_out).all(|(h, out)| (h - out / steps_per_m).abs() <= TOLERANCE_M);
            best = Some(patch);
            if right {
                break;
            }
            step_bits += 1;
        }
        best.unwrap_or(Self {
            step_bits: 10,
            word_bits: 10,
            offset_m,
            range_m,
            coefficients: [0; PATCH_CELLS],
            used: 0,
        })
    }

    fn header(&self) -> u32 {
        (self.step_bits - 2) << 4 | (self.word_bits - 2)
    }

    fn bit_len(&self, kind: LayerKind) -> usize {
        let coefficients: usize = self.coefficients[..self.used]
            .iter()
            .map(|&c| if c == 0 { 1 } else { 3 + self.word_bits as usize })
            .sum();
        let end = if self.used < PATCH_CELLS { 2 } else { 0 };
        8 + 32 + 16 + 2 * kind.id_bits() as usize + coefficients + end
    }

    fn write(&self, kind: LayerKind, x: u16, y: u16, bits: &mut BitWriter) {
        let id_bits = kind.id_bits();
        bits.put(self.header(), 8);
        bits.put(self.offset_m.to_bits(), 32);
        bits.put(u32::from(self.range_m), 16);
        bits.put(u32::from(x) << id_bits | u32::from(y), 2 * id_bits);
        for &coefficient in &self.coefficients[..self.used] {
            if coefficient == 0 {
                bits.put(0, 1);
            } else {
                bits.put(if coefficient < 0 { 0b111 } else { 0b110 }, 3);
                bits.put(coefficient.unsigned_abs(), self.word_bits);
            }
        }
        if self.used < PATCH_CELLS {
            bits.put(0b10, 2);
        }
    }
}

/// One decoded patch.
#[derive(Clone, PartialEq, Debug)]
pub struct Patch {
    /// Place of the patch, in patches from the west.
    pub x: u16,
    /// In patches from the south.
    pub y: u16,
    /// Rows from south to north, each from west to east; metres for land, metres a second for wind.
    pub values: [f32; PATCH_CELLS],
}

/// What is wrong with a body.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum LayerError {
    /// It ends in the middle; the number is the bit.
    #[error("layer ends early, at bit {0}")]
    Truncated(usize),
    /// Its type is unknown.
    #[error("unknown layer type {0:#04x}")]
    UnknownKind(u8),
    /// Its patches are not of 16 by 16 points.
    #[error("patches of {0} points")]
    PatchSize(u8),
}

/// Reads a body patch by patch.
#[derive(Clone, Debug)]
pub struct LayerDecoder<'a> {
    kind: LayerKind,
    bits: BitReader<'a>,
    over: bool,
}

impl<'a> LayerDecoder<'a> {
    /// Reads the group header.
    pub fn new(body: &'a [u8]) -> Result<Self, LayerError> {
        let mut bits = BitReader::new(body);
        let [_stride, size, code] =
            [16, 8, 8].map(|count| bits.get(count).ok_or(LayerError::Truncated(bits.position())));
        let (size, code) = (size? as u8, code? as u8);
        let kind = LayerKind::from_wire(code).ok_or(LayerError::UnknownKind(code))?;
        if usize::from(size) != PATCH {
            return Err(LayerError::PatchSize(size));
        }
        Ok(Self { kind, bits, over: false })
    }

    /// What the layer is about.
    pub fn kind(&self) -> LayerKind {
        self.kind
    }

    fn patch(&mut self) -> Option<Option<Patch>> {
        let header = self.bits.get(8)?;
        if header == END_OF_PATCHES {
            return Some(None);
        }
        let (step_bits, word_bits) = ((header >> 4) + 2, (header & 0xF) + 2);
        let offset = f32::from_bits(self.bits.get(32)?);
        let range = self.bits.get(16)? as f32;
        let id_bits = self.kind.id_bits();
        let ids = self.bits.get(2 * id_bits)?;
        let mut coefficients = [0; PATCH_CELLS];
        for coefficient in &mut coefficients {
            if !self.bits.bit()? {
                continue;
            }
            if !self.bits.bit()? {
                break;
            }
            let negative = self.bits.bit()?;
            let magnitude = self.bits.get(word_bits)? as i32;
            *coefficient = if negative { -magnitude } else { magnitude };
        }
        let step = range / (1u32 << step_bits) as f32;
        let values = dct::inverse(&coefficients).map(|value| value * step + range * 0.5 + offset);
        Some(Some(Patch { x: (ids >> id_bits) as u16, y: (ids & ((1 << id_bits) - 1)) as u16, values }))
    }
}

impl Iterator for LayerDecoder<'_> {
    type Item = Result<Patch, LayerError>;

    /// The next patch; after an error nothing more.
    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let patch = self.patch();
        self.over = !matches!(patch, Some(Some(_)));
        match patch {
            Some(patch) => patch.map(Ok),
            None => Some(Err(LayerError::Truncated(self.bits.position()))),
        }
    }
}

#[cfg(test)]
mod tests;
