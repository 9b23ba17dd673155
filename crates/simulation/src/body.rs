//! Bodies: JSON, packed or not.

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use llsd::{Value, json};
use std::borrow::Cow;
use std::io::{Read, Write};

/// The most bytes that a body may have, unpacked. An avatar's attachments are some megabytes at most.
pub const BODY_MAX: usize = 16 << 20;

/// The marking of a packed body that every version understands.
pub(crate) const GZIP: &str = "application/x-gzip";
/// The marking of a body that is not packed.
pub(crate) const JSON: &str = "application/json";

/// A body that cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// It has more than [`BODY_MAX`] bytes.
    TooLong,
    /// What is wrong.
    Garbage(String),
}

/// Packs what is to be sent.
pub(crate) fn pack(body: &Value) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(json::write(body).as_bytes()).expect("a Vec takes all that is written to it");
    encoder.finish().expect("a Vec takes all that is written to it")
}

/// Whether a body is packed: 0.7 says so by its type, 0.9 by a header of its own.
pub(crate) fn is_packed(content_type: Option<&str>, content_encoding: Option<&str>) -> bool {
    let means = |value: Option<&str>, word: &str| {
        let value = value.unwrap_or_default();
        value.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(word)
    };
    means(content_type, GZIP) || means(content_encoding, "gzip")
}

/// Unpacks a body of at most so many bytes, unpacked.
pub(crate) fn unpack(body: &[u8], packed: bool, max: usize) -> Result<Cow<'_, [u8]>, Unreadable> {
    if !packed {
        return if body.len() > max { Err(Unreadable::TooLong) } else { Ok(Cow::Borrowed(body)) };
    }
    let mut out = Vec::new();
    let read = GzDecoder::new(body).take(max as u64 + 1).read_to_end(&mut out);
    if let Err(error) = read {
        return Err(Unreadable::Garbage(format!("gzip: {error}")));
    }
    if out.len() > max { Err(Unreadable::TooLong) } else { Ok(Cow::Owned(out)) }
}

/// Reads a body, which must be a map.
pub(crate) fn parse(body: &[u8]) -> Result<Value, Unreadable> {
    match json::parse_up_to(BODY_MAX, body) {
        Ok(body @ Value::Map(_)) => Ok(body),
        Ok(other) => Err(Unreadable::Garbage(format!("not a map but {}", other.type_name()))),
        Err(error) => Err(Unreadable::Garbage(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use llsd::map;

    #[test]
    fn each_marking_of_a_packed_body_is_known() {
        assert!(is_packed(Some("application/x-gzip"), None));
        assert!(is_packed(Some("application/json"), Some("gzip")));
        assert!(is_packed(None, Some("GZIP")));
        assert!(is_packed(Some("Application/X-Gzip; charset=x"), None));
        assert!(!is_packed(Some("application/json"), Some("identity")));
        assert!(!is_packed(None, None));
    }

    #[test]
    fn what_is_packed_is_unpacked() {
        let body = map! { "agent_id" => "a" };
        let unpacked = unpack(&pack(&body), true, BODY_MAX).unwrap().into_owned();
        assert_eq!(parse(&unpacked), Ok(body));
        assert!(matches!(unpack(b"{}", true, BODY_MAX), Err(Unreadable::Garbage(_))));
        assert!(matches!(parse(b"[]"), Err(Unreadable::Garbage(_))));
    }

    #[test]
    fn a_small_body_that_unpacks_to_a_huge_one_is_refused() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        let zeros = vec![0; 1 << 20];
        for _ in 0..=16 {
            encoder.write_all(&zeros).unwrap();
        }
        let bomb = encoder.finish().unwrap();
        assert!(bomb.len() < 64 << 10);
        for max in [1024, BODY_MAX] {
            assert_eq!(unpack(&bomb, true, max), Err(Unreadable::TooLong));
        }
    }
}
