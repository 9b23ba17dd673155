//! Names that could not be XML elements, as .NET writes them: `_x0020_` for a blank.

use std::borrow::Cow;

/// The name as an element's.
pub(crate) fn encoded(name: &str) -> Cow<'_, str> {
    let is_plain = |(at, char): (usize, char)| match char {
        'a'..='z' | 'A'..='Z' => true,
        '_' => !name[at..].starts_with("_x"),
        '0'..='9' | '-' | '.' => at > 0,
        _ => false,
    };
    if name.char_indices().all(is_plain) {
        return Cow::Borrowed(name);
    }
    let mut encoded = String::with_capacity(name.len() + 16);
    for (at, char) in name.char_indices() {
        match u32::from(char) {
            _ if is_plain((at, char)) => encoded.push(char),
            // An underscore needs it only where it would be read as an escape.
            _ if char == '_' && escape(&name[at..]).is_none() => encoded.push(char),
            code @ ..=0xffff => encoded.push_str(&format!("_x{code:04X}_")),
            code => encoded.push_str(&format!("_x{code:08X}_")),
        }
    }
    Cow::Owned(encoded)
}

/// The name that an element's stands for. What is no escape is taken as it stands.
pub(crate) fn decoded(name: &str) -> String {
    let mut decoded = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(at) = rest.find("_x") {
        decoded.push_str(&rest[..at]);
        rest = &rest[at..];
        match escape(rest) {
            Some((char, length)) => {
                decoded.push(char);
                rest = &rest[length..];
            }
            None => {
                decoded.push('_');
                rest = &rest[1..];
            }
        }
    }
    decoded + rest
}

/// The character that this escape means, and the escape's length.
fn escape(text: &str) -> Option<(char, usize)> {
    [4, 8].into_iter().find_map(|digits| {
        let hex = text.strip_prefix("_x")?.get(..digits)?;
        let closed = text.as_bytes().get(2 + digits) == Some(&b'_');
        if !closed || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let char = char::from_u32(u32::from_str_radix(hex, 16).ok()?)?;
        Some((char, digits + 3))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_encoded_as_recorded_ones() {
        for (name, element) in [
            ("regionName", "regionName"),
            ("Wearable 0:0", "Wearable_x0020_0_x003A_0"),
            ("_ap_5", "_ap_5"),
            ("0a", "_x0030_a"),
            ("a_x0020_b", "a_x005F_x0020_b"),
            ("_xyz", "_xyz"),
            ("ü😀", "_x00FC__x0001F600_"),
        ] {
            assert_eq!(encoded(name), element);
            assert_eq!(decoded(element), name);
        }
        assert_eq!(decoded("_x12_ _x00zz_ _xD800_ _x"), "_x12_ _x00zz_ _xD800_ _x");
    }

    #[test]
    fn any_name_survives() {
        arbtest::arbtest(|u| {
            let name: String = u.arbitrary()?;
            let element = encoded(&name);
            assert!(element.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte)));
            assert_eq!(decoded(&element), name);
            Ok(())
        });
    }

    #[test]
    fn names_that_look_like_escapes_survive() {
        arbtest::arbtest(|u| {
            let pieces = ["_x", "0020", "_", "x", "005F", "_x005F_", "0", "A"];
            let mut name = String::new();
            for _ in 0..u.int_in_range(0..=8)? {
                name.push_str(u.choose(&pieces)?);
            }
            assert_eq!(decoded(&encoded(&name)), name);
            Ok(())
        });
    }
}
