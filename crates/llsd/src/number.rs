//! Reals as text, the same in all text forms.

/// Appends a real so that reading it gives the same bits (one kind of not-a-number): the shortest digits, without
/// exponent where that stays short. `1`, `-0`, `0.1`, `1e300`, `nan`, `inf`, `-inf`.
pub(crate) fn write_real(value: f64, out: &mut String) {
    use std::fmt::Write;
    let size = value.abs();
    let result = if value.is_nan() {
        out.write_str("nan")
    } else if size == 0.0 || size.is_infinite() || (1e-5..1e16).contains(&size) {
        write!(out, "{value}")
    } else {
        write!(out, "{value:e}")
    };
    result.expect("a String takes all that is written to it");
}

/// Reads a real; spellings of other writers (`Infinity`, `1.#INF`) included.
pub(crate) fn parse_real(text: &str) -> Option<f64> {
    let text = text.trim();
    if let Ok(value) = text.parse() {
        return Some(value);
    }
    match text {
        "1.#INF" => Some(f64::INFINITY),
        "-1.#INF" => Some(f64::NEG_INFINITY),
        "1.#QNAN" | "-1.#IND" => Some(f64::NAN),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_real_keeps_its_bits() {
        arbtest::arbtest(|u| {
            let value = f64::from_bits(u.arbitrary()?);
            let mut text = String::new();
            write_real(value, &mut text);
            let read = parse_real(&text).unwrap();
            assert!(
                read.to_bits() == value.to_bits() || (read.is_nan() && value.is_nan()),
                "{value:?} {text}"
            );
            assert!(text.len() <= 24, "{text}");
            Ok(())
        });
    }

    #[test]
    fn reals_look_as_peers_write_them() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (256_000.0, "256000"),
            (128.5, "128.5"),
            (f64::from(0.8_f32), "0.800000011920929"),
            (1e300, "1e300"),
            (-1e-9, "-1e-9"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            let mut written = String::new();
            write_real(value, &mut written);
            assert_eq!(written, text);
        }
    }
}
