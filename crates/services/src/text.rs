use core::fmt::Write as _;

/// Bytes in hexadecimal digits, two each.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Whether two secrets are the same: as many steps whatever is wrong, as far as a compiler can be made to.
pub fn is_same_secret(one: &[u8], other: &[u8]) -> bool {
    let apart = one.iter().zip(other).fold(0, |apart, (one, other)| apart | (one ^ other));
    one.len() == other.len() && core::hint::black_box(apart) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_digits_a_byte() {
        assert_eq!((hex(&[]), hex(&[0, 0xAB, 0x7F])), (String::new(), "00ab7f".to_owned()));
    }

    #[test]
    fn only_the_same_is_the_same() {
        for (one, other, same) in
            [("", "", true), ("ab", "ab", true), ("ab", "aB", false), ("ab", "abc", false), ("", "a", false)]
        {
            assert_eq!(is_same_secret(one.as_bytes(), other.as_bytes()), same, "{one} {other}");
        }
    }
}
