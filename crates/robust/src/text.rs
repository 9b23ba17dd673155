//! Values as the grid services write them: in forms and in elements alike.

use model::{AgentId, AssetId, FolderId, ItemId, RegionId, SecureSessionId, SessionId, Uuid, Vec3};

/// What can be read from the text of a field or an element.
pub trait FromText: Sized {
    /// The value, if the text is one.
    fn from_text(text: &str) -> Option<Self>;
}

macro_rules! numbers {
    ($($number:ty)*) => {$(
        impl FromText for $number {
            fn from_text(text: &str) -> Option<Self> {
                text.trim().parse().ok()
            }
        }
    )*};
}

numbers!(u8 u16 u32 u64 i32 i64 f32 usize);

macro_rules! ids {
    ($($id:ty)*) => {$(
        impl FromText for $id {
            fn from_text(text: &str) -> Option<Self> {
                Uuid::from_text(text).map(Self)
            }
        }
    )*};
}

ids!(AgentId AssetId FolderId ItemId RegionId SecureSessionId SessionId);

impl FromText for Uuid {
    fn from_text(text: &str) -> Option<Self> {
        Uuid::try_parse(text.trim()).ok()
    }
}

impl FromText for String {
    fn from_text(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

impl FromText for bool {
    /// `True` and `False` in any case; some fields say 1 and 0.
    fn from_text(text: &str) -> Option<Self> {
        match text.trim() {
            "1" => Some(true),
            "0" => Some(false),
            text if text.eq_ignore_ascii_case("true") => Some(true),
            text if text.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        }
    }
}

impl FromText for Vec3 {
    /// `<x, y, z>`; the brackets may be absent.
    fn from_text(text: &str) -> Option<Self> {
        let text = text.trim().trim_start_matches('<').trim_end_matches('>');
        let mut parts = text.split(',').map(f32::from_text);
        let (x, y, z) = (parts.next()??, parts.next()??, parts.next()??);
        parts.next().is_none().then_some(Vec3 { x, y, z })
    }
}

/// `<x, y, z>`.
pub fn vector(vector: Vec3) -> String {
    format!("<{}, {}, {}>", vector.x, vector.y, vector.z)
}

/// `True` or `False`.
pub fn boolean(value: bool) -> &'static str {
    if value { "True" } else { "False" }
}

/// The text without its URL encoding. An escape that is none is taken as it stands, and so is what is not UTF-8, as far
/// as it can be.
pub(crate) fn url_decoded(text: &[u8]) -> String {
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => match (digit(after.first()), digit(after.get(1))) {
                (Some(high), Some(low)) => {
                    rest = &after[2..];
                    (high << 4 | low) as u8
                }
                _ => b'%',
            },
            _ => byte,
        });
    }
    match String::from_utf8_lossy(&bytes) {
        std::borrow::Cow::Borrowed(text) => text.to_owned(),
        std::borrow::Cow::Owned(text) => text,
    }
}

/// Appends text with its URL encoding: small hexadecimal digits and `+` for a blank, as the recordings have it.
pub(crate) fn url_encode(text: &str, out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in text.bytes() {
        match byte {
            b' ' => out.push('+'),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'!' | b'*' | b'(' | b')' => {
                out.push(char::from(byte));
            }
            _ => {
                out.push('%');
                out.extend([byte >> 4, byte & 15].map(|digit| char::from(DIGITS[usize::from(digit)])));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_they_are_written() {
        for value in [Vec3::new(128.0, 128.0, 25.8455), Vec3::ZERO, Vec3::new(-0.5, 1e-7, 1e7)] {
            assert_eq!(Vec3::from_text(&vector(value)), Some(value));
        }
        assert_eq!(vector(Vec3::new(128.0, 128.0, 26.5)), "<128, 128, 26.5>");
        assert_eq!(Vec3::from_text("1,2,3"), Some(Vec3::new(1.0, 2.0, 3.0)));
        for odd in ["", "<1, 2>", "<1, 2, 3, 4>", "<a, 2, 3>"] {
            assert_eq!(Vec3::from_text(odd), None, "{odd}");
        }
        for value in [true, false] {
            assert_eq!(bool::from_text(boolean(value)), Some(value));
        }
        assert_eq!(
            [bool::from_text("true"), bool::from_text("0"), bool::from_text("yes")],
            [Some(true), Some(false), None]
        );
        assert_eq!(Uuid::from_text("x"), None);
        assert_eq!(i32::from_text(" -1 "), Some(-1));
    }

    #[test]
    fn any_text_survives_its_url() {
        arbtest::arbtest(|u| {
            let text: String = u.arbitrary()?;
            let mut encoded = String::new();
            url_encode(&text, &mut encoded);
            assert_eq!(url_decoded(encoded.as_bytes()), text);
            Ok(())
        });
    }
}
