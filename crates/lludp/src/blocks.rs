use crate::wire::{Block, Reader, put_u8};
use core::fmt;

/// Blocks of one kind, 0 to 255: read from a datagram where they stand, or given to a message as a slice.
///
/// Two are equal that hold equal blocks, wherever they came from.
pub struct Blocks<'a, T>(Source<'a, T>);

enum Source<'a, T> {
    /// The message ends before the count.
    Absent,
    /// `bytes` were read once and found to be `count` whole blocks.
    Wire { bytes: &'a [u8], count: u8 },
    /// At most 255.
    Slice(&'a [T]),
}

impl<'a, T> Blocks<'a, T> {
    /// None, and not even a count of zero: how a late block is left out. On the wire only at the end of a message;
    /// before a block that is there it is a count of zero.
    pub const ABSENT: Self = Self(Source::Absent);

    /// None.
    pub const EMPTY: Self = Self(Source::Slice(&[]));

    /// Most blocks that a count can tell.
    pub const MAX: usize = 255;

    /// How many.
    pub fn len(&self) -> usize {
        match self.0 {
            Source::Absent => 0,
            Source::Wire { count, .. } => count.into(),
            Source::Slice(blocks) => blocks.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the message ends before the count.
    pub fn is_absent(&self) -> bool {
        matches!(self.0, Source::Absent)
    }
}

impl<'a, T: Block<'a>> Blocks<'a, T> {
    /// The blocks in order.
    pub fn iter(&self) -> Iter<'a, T> {
        Iter(match self.0 {
            Source::Absent => Rest::Slice([].iter()),
            Source::Wire { bytes, count } => Rest::Wire { reader: Reader::new(bytes), count },
            Source::Slice(blocks) => Rest::Slice(blocks.iter()),
        })
    }

    /// The first block.
    pub fn first(&self) -> Option<T> {
        self.iter().next()
    }

    /// One block by position.
    pub fn get(&self, index: usize) -> Option<T> {
        self.iter().nth(index)
    }

    /// Reads count and blocks; absent when there is nothing left. `None` when the bytes end within.
    pub fn read(reader: &mut Reader<'a>) -> Option<Self> {
        if reader.is_empty() {
            return Some(Self::ABSENT);
        }
        let count = reader.u8()?;
        let start = reader.rest();
        if T::IS_FIXED {
            reader.take(usize::from(count) * T::MIN_LEN)?;
        } else {
            for _ in 0..count {
                T::read(reader)?;
            }
        }
        let bytes = &start[..start.len() - reader.rest().len()];
        Some(Self(Source::Wire { bytes, count }))
    }

    /// Appends count and blocks; what is absent only when something is `followed` by.
    pub fn write(&self, out: &mut Vec<u8>, followed: bool) {
        match self.0 {
            Source::Absent if followed => put_u8(out, 0),
            Source::Absent => {}
            Source::Wire { bytes, count } => {
                put_u8(out, count);
                out.extend_from_slice(bytes);
            }
            Source::Slice(blocks) => {
                put_u8(out, blocks.len() as u8);
                blocks.iter().for_each(|block| block.write(out));
            }
        }
    }
}

impl<T> Clone for Blocks<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Blocks<'_, T> {}

impl<T> Clone for Source<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Source<'_, T> {}

impl<T> Default for Blocks<'_, T> {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl<'a, T: Block<'a> + PartialEq> PartialEq for Blocks<'a, T> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<'a, T: Block<'a> + fmt::Debug> fmt::Debug for Blocks<'a, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'a, T> From<&'a [T]> for Blocks<'a, T> {
    /// Only the first 255 are taken: split before, where more can happen.
    fn from(blocks: &'a [T]) -> Self {
        Self(Source::Slice(&blocks[..blocks.len().min(Self::MAX)]))
    }
}

impl<'a, T, const N: usize> From<&'a [T; N]> for Blocks<'a, T> {
    fn from(blocks: &'a [T; N]) -> Self {
        blocks.as_slice().into()
    }
}

impl<'a, T> From<&'a Vec<T>> for Blocks<'a, T> {
    fn from(blocks: &'a Vec<T>) -> Self {
        blocks.as_slice().into()
    }
}

/// The blocks of a [`Blocks`] by value.
pub struct Iter<'a, T>(Rest<'a, T>);

enum Rest<'a, T> {
    Wire { reader: Reader<'a>, count: u8 },
    Slice(core::slice::Iter<'a, T>),
}

impl<'a, T: Block<'a>> Iterator for Iter<'a, T> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        match &mut self.0 {
            Rest::Wire { reader, count } => {
                *count = count.checked_sub(1)?;
                T::read(reader)
            }
            Rest::Slice(blocks) => blocks.next().copied(),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = match &self.0 {
            Rest::Wire { count, .. } => usize::from(*count),
            Rest::Slice(blocks) => blocks.len(),
        };
        (left, Some(left))
    }
}

impl<'a, T: Block<'a>> ExactSizeIterator for Iter<'a, T> {}

impl<'a, T: Block<'a>> IntoIterator for Blocks<'a, T> {
    type Item = T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

impl<'a, T: Block<'a>> IntoIterator for &Blocks<'a, T> {
    type Item = T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}
