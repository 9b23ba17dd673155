//! Times, and other people's words, as operators read them.

/// A stretch of time in microseconds, in its largest unit and the next.
pub fn span(us: u64) -> String {
    let s = us / 1_000_000;
    match s {
        0..60 => format!("{s} s"),
        60..3600 => format!("{} min {} s", s / 60, s % 60),
        3600..86_400 => format!("{} h {} min", s / 3600, s % 3600 / 60),
        _ => format!("{} d {} h", s / 86_400, s % 86_400 / 3600),
    }
}

/// Of microseconds since 1970, hours, minutes, seconds and milliseconds of the day, UTC.
pub fn time_of_day(unix_us: u64) -> String {
    let ms = unix_us / 1000 % 86_400_000;
    let (s, ms) = (ms / 1000, ms % 1000);
    format!("{:02}:{:02}:{:02}.{ms:03}Z", s / 3600, s / 60 % 60, s % 60)
}

/// Names, viewers and details are other people's words, and a terminal obeys what is not text.
pub fn plain(text: &str) -> String {
    text.chars().map(|char| if char.is_control() { '\u{fffd}' } else { char }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_not_given_orders() {
        assert_eq!(plain("V\u{1b}[2J\nü"), "V\u{fffd}[2J\u{fffd}ü");
    }

    #[test]
    fn times() {
        for (us, words) in [
            (1_999_999, "1 s"),
            (90_000_000, "1 min 30 s"),
            (9_000_000_000, "2 h 30 min"),
            (360_000_000_000, "4 d 4 h"),
        ] {
            assert_eq!(span(us), words);
        }
        assert_eq!(time_of_day(45_296_789_000), "12:34:56.789Z");
    }
}
