//! How a simulator shows its key: HTTP Basic, as ROBUST asks for it where it asks at all (`BasicHttpAuthentication`). The
//! key is the password; the user name says nothing.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The user name that ours give.
const USER: &str = "simulator";
/// Longest header that is looked at.
const HEADER_BYTES: usize = 1024;

/// The value of `Authorization`.
pub fn header(key: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{USER}:{key}")))
}

/// The key in such a value.
pub fn read(header: &str) -> Option<String> {
    if header.len() > HEADER_BYTES {
        return None;
    }
    let (scheme, encoded) = header.trim().split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (_, key) = pair.split_once(':')?;
    (!key.is_empty()).then(|| key.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_read() {
        assert_eq!(read(&header("a:key")).as_deref(), Some("a:key"));
        // "Aladdin:open sesame", the example of RFC 2617.
        assert_eq!(read("basic  QWxhZGRpbjpvcGVuIHNlc2FtZQ==").as_deref(), Some("open sesame"));
        for odd in ["", "Basic", "Basic !", "Basic QQ==", "Bearer QWxhZGRpbjpvcGVuIHNlc2FtZQ==", &header("")]
        {
            assert_eq!(read(odd), None, "{odd}");
        }
        assert_eq!(read(&header(&"x".repeat(HEADER_BYTES))), None);
    }
}
