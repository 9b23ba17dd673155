//! What a document may cost at most. One set for all forms.

use crate::ParseError;

/// The longest document that is read, in bytes.
pub const BYTES_MAX: usize = 8 << 20;

/// The deepest nesting of maps and arrays that is read. Viewers refuse very deep documents too.
pub const DEPTH_MAX: usize = 64;

/// The most values in one document. A value costs up to some hundred bytes in memory, and one byte in a document.
pub const VALUES_MAX: usize = 1 << 20;

/// Counts values and levels while a document is read.
#[derive(Default)]
pub(crate) struct Budget {
    values: usize,
    depth: usize,
}

impl Budget {
    /// Refuses a document that is too long. Called before anything is read.
    pub(crate) fn for_document(bytes: usize) -> Result<Self, ParseError> {
        Self::for_document_up_to(BYTES_MAX, bytes)
    }

    /// The same with a limit of the reader's own.
    pub(crate) fn for_document_up_to(bytes_max: usize, bytes: usize) -> Result<Self, ParseError> {
        if bytes > bytes_max {
            return Err(ParseError::new(bytes_max, "document too long"));
        }
        Ok(Self::default())
    }

    /// One more value.
    pub(crate) fn value(&mut self, position: usize) -> Result<(), ParseError> {
        self.values += 1;
        if self.values > VALUES_MAX {
            return Err(ParseError::new(position, "too many values"));
        }
        Ok(())
    }

    /// Into a map or array.
    pub(crate) fn enter(&mut self, position: usize) -> Result<(), ParseError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(ParseError::new(position, "nested too deep"));
        }
        Ok(())
    }

    /// Out of it.
    pub(crate) fn leave(&mut self) {
        self.depth -= 1;
    }
}
