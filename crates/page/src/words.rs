//! Figures in words.

/// Milliseconds of microseconds, with as many digits as matter.
pub(crate) fn ms(us: u64) -> String {
    let ms = us as f64 / 1000.0;
    match us {
        0..100_000 => format!("{ms:.1} ms"),
        100_000..10_000_000 => format!("{ms:.0} ms"),
        _ => format!("{:.1} s", ms / 1000.0),
    }
}

/// A figure, short.
pub(crate) fn short(value: f64) -> String {
    let size = value.abs();
    match size {
        _ if size >= 1e9 => format!("{:.1} G", value / 1e9),
        _ if size >= 1e6 => format!("{:.1} M", value / 1e6),
        _ if size >= 1e4 => format!("{:.1} k", value / 1e3),
        _ if size >= 100.0 || value.fract() == 0.0 => format!("{value:.0}"),
        _ if size >= 1.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// No more characters than so many.
pub(crate) fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some(_) => text.chars().take(most.saturating_sub(1)).chain(['…']).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures() {
        assert_eq!([ms(900), ms(412_400), ms(15_012_000)], ["0.9 ms", "412 ms", "15.0 s"]);
        let shown = [0.0, 0.254, 7.0, 7.25, 1234.0, 12_340.0, 5_600_000.0].map(short);
        assert_eq!(shown, ["0", "0.25", "7", "7.2", "1234", "12.3 k", "5.6 M"]);
        assert_eq!([cut("Plaza", 5), cut("Plazas", 5)], ["Plaza", "Plaz…"]);
    }
}
