//! Bits as viewers pack them: a value goes out in groups of eight from its low end, each group from its highest bit
//! on, the last and shorter group too.

/// Writes bits into a buffer that is used again and again.
#[derive(Debug, Default)]
pub(super) struct BitWriter {
    bytes: Vec<u8>,
    /// Bits still free in the last byte.
    free: u32,
}

impl BitWriter {
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.free = 0;
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn bit_len(&self) -> usize {
        self.bytes.len() * 8 - self.free as usize
    }

    /// The low `count` bits of a value, at most 32.
    pub(super) fn put(&mut self, mut value: u32, mut count: u32) {
        while count > 0 {
            let group = count.min(8);
            self.put_group(value & ((1 << group) - 1), group);
            value = value.checked_shr(group).unwrap_or(0);
            count -= group;
        }
    }

    fn put_group(&mut self, group: u32, mut count: u32) {
        while count > 0 {
            if self.free == 0 {
                self.bytes.push(0);
                self.free = 8;
            }
            let now = count.min(self.free);
            let part = (group >> (count - now)) & ((1 << now) - 1);
            self.free -= now;
            if let Some(last) = self.bytes.last_mut() {
                *last |= (part << self.free) as u8;
            }
            count -= now;
        }
    }
}

/// Reads bits; `None` past the end.
#[derive(Clone, Debug)]
pub(super) struct BitReader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> BitReader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Bits read so far.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    pub(super) fn bit(&mut self) -> Option<bool> {
        let byte = self.bytes.get(self.at / 8)?;
        let bit = byte >> (7 - self.at % 8) & 1;
        self.at += 1;
        Some(bit == 1)
    }

    /// A value of `count` bits, at most 32.
    pub(super) fn get(&mut self, count: u32) -> Option<u32> {
        let (mut value, mut done) = (0, 0);
        while done < count {
            let group = (count - done).min(8);
            let mut part = 0;
            for _ in 0..group {
                part = part << 1 | u32::from(self.bit()?);
            }
            value |= part << done;
            done += group;
        }
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_go_out_low_end_first() {
        let mut bits = BitWriter::default();
        bits.put(264, 16);
        bits.put(0b10, 2);
        bits.put(0b01_0000_1000, 10); // ids of patch (8, 8), as OpenSimulator packs them
        assert_eq!(bits.bytes(), [0x08, 0x01, 0b1000_0010, 0b0001_0000]);
        assert_eq!(bits.bit_len(), 28);
    }

    #[test]
    fn what_is_written_is_read() {
        arbtest::arbtest(|u| {
            let values: Vec<(u32, u32)> = (0..u.int_in_range(0..=40)?)
                .map(|_| {
                    let count = u.int_in_range(1..=32)?;
                    Ok((u.arbitrary::<u32>()? & (u32::MAX >> (32 - count)), count))
                })
                .collect::<Result<_, arbitrary::Error>>()?;
            let mut writer = BitWriter::default();
            for &(value, count) in &values {
                writer.put(value, count);
            }
            let mut reader = BitReader::new(writer.bytes());
            for &(value, count) in &values {
                assert_eq!(reader.get(count), Some(value));
            }
            assert_eq!(reader.position(), writer.bit_len());
            assert_eq!(reader.get(8), None);
            Ok(())
        });
    }
}
