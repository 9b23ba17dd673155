//! Text on the wire: UTF-8, and unless it is empty one NUL at the end that belongs to the length (lludp fact sheet,
//! section 4).

use smallvec::SmallVec;
use std::borrow::Cow;

/// Reads a text field: without one NUL at its end, which need not be there; what is no UTF-8 becomes U+FFFD.
/// Allocates only for that.
pub fn read(field: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(field.strip_suffix(b"\0").unwrap_or(field))
}

/// Text with its NUL, for a text field. Short texts stay on the stack.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Nul(SmallVec<[u8; 64]>);

impl Nul {
    /// Empty text becomes no bytes at all.
    pub fn new(text: &str) -> Self {
        let mut bytes = SmallVec::from_slice(text.as_bytes());
        if !text.is_empty() {
            bytes.push(0);
        }
        Self(bytes)
    }

    /// The field.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<&str> for Nul {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl core::ops::Deref for Nul {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

/// The longest beginning of `text` that has at most `max_len` bytes and ends between two characters.
pub fn cut(text: &str, max_len: usize) -> &str {
    &text[..text.floor_char_boundary(max_len)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_nul_is_taken_off() {
        assert_eq!(read(b""), "");
        assert_eq!(read(b"A One\0"), "A One");
        assert_eq!(read(b"A One"), "A One");
        assert_eq!(read(b"\0\0"), "\0");
        assert_eq!(read(b"\xC3\0"), "\u{FFFD}");
    }

    #[test]
    fn empty_text_has_no_nul() {
        assert!(Nul::new("").is_empty());
        assert_eq!(Nul::new("ä").as_bytes(), b"\xC3\xA4\0");
    }

    #[test]
    fn text_is_cut_between_characters() {
        assert_eq!(cut("aä", 2), "a");
        assert_eq!(cut("aä", 3), "aä");
        assert_eq!(cut("aä", 99), "aä");
    }
}
