use core::fmt;

const MICROS: i64 = 1_000_000;
const DAY: i64 = 86_400;

/// A moment of the calendar: microseconds since 1970-01-01T00:00:00Z, in the years 1 to 9999.
///
/// Its text is ISO 8601 in UTC, `2026-11-20T10:19:44Z`, with a fraction only where there is one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(i64);

impl Date {
    /// 0001-01-01T00:00:00Z.
    pub const MIN: Self = Self(-62_135_596_800 * MICROS);
    /// 9999-12-31T23:59:59.999999Z.
    pub const MAX: Self = Self(253_402_300_800 * MICROS - 1);

    /// From microseconds since the Unix epoch; what lies outside the years 1 to 9999 becomes [`MIN`](Self::MIN) or
    /// [`MAX`](Self::MAX).
    pub fn from_micros(micros: i64) -> Self {
        Self(micros.clamp(Self::MIN.0, Self::MAX.0))
    }

    /// From whole seconds since the Unix epoch.
    pub fn from_secs(secs: i64) -> Self {
        Self::from_micros(secs.saturating_mul(MICROS))
    }

    /// From seconds since the Unix epoch with a fraction, to the nearest microsecond; not a number becomes the epoch.
    pub fn from_secs_f64(secs: f64) -> Self {
        Self::from_micros((secs * MICROS as f64).round() as i64)
    }

    /// Microseconds since the Unix epoch.
    pub fn micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since the Unix epoch, rounded down.
    pub fn secs(self) -> i64 {
        self.0.div_euclid(MICROS)
    }

    /// Seconds since the Unix epoch with their fraction.
    pub fn secs_f64(self) -> f64 {
        self.0 as f64 / MICROS as f64
    }

    /// Year, month, day, hour, minute, second.
    pub(crate) fn civil(self) -> [i64; 6] {
        let secs = self.secs();
        let (year, month, day) = civil_from_days(secs.div_euclid(DAY));
        let of_day = secs.rem_euclid(DAY);
        [year, month, day, of_day / 3600, of_day / 60 % 60, of_day % 60]
    }

    /// Reads ISO 8601: date, `T`, time, an optional fraction, then `Z`, an offset (`+01:00`) or nothing. The dashes
    /// and colons may be missing (XML-RPC leaves out the dashes), the time of day too.
    pub fn parse(text: &str) -> Option<Self> {
        let mut rest = text.trim();
        let year = digits(&mut rest, 4)?;
        strip(&mut rest, '-');
        let month = digits(&mut rest, 2)?;
        strip(&mut rest, '-');
        let day = digits(&mut rest, 2)?;
        if year < 1 || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
            return None;
        }
        let mut micros = days_from_civil(year, month, day) * DAY * MICROS;
        if strip(&mut rest, 'T') || strip(&mut rest, ' ') {
            let hour = digits(&mut rest, 2)?;
            strip(&mut rest, ':');
            let minute = digits(&mut rest, 2)?;
            strip(&mut rest, ':');
            let second = digits(&mut rest, 2)?;
            // 60 is a leap second: it counts as the next second's start.
            if hour > 23 || minute > 59 || second > 60 {
                return None;
            }
            micros += ((hour * 60 + minute) * 60 + second) * MICROS;
            if strip(&mut rest, '.') {
                micros += fraction(&mut rest)?;
            }
            micros -= offset(&mut rest)? * MICROS;
        }
        rest.is_empty().then(|| Self::from_micros(micros))
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [year, month, day, hour, minute, second] = self.civil();
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        let micros = self.0.rem_euclid(MICROS);
        if micros != 0 {
            let fraction = format!("{micros:06}");
            write!(f, ".{}", fraction.trim_end_matches('0'))?;
        }
        f.write_str("Z")
    }
}

fn strip(rest: &mut &str, mark: char) -> bool {
    match rest.strip_prefix(mark) {
        Some(after) => {
            *rest = after;
            true
        }
        None => false,
    }
}

fn digits(rest: &mut &str, count: usize) -> Option<i64> {
    let (number, after) = rest.split_at_checked(count)?;
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    *rest = after;
    number.parse().ok()
}

/// The digits after the point, as microseconds; what is finer is cut off.
fn fraction(rest: &mut &str) -> Option<i64> {
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (number, after) = rest.split_at(end);
    *rest = after;
    let kept = &number[..number.len().min(6)];
    let value: i64 = kept.parse().ok()?;
    Some(value * 10_i64.pow(6 - kept.len() as u32))
}

/// Seconds by which the time is ahead of UTC.
fn offset(rest: &mut &str) -> Option<i64> {
    let sign = if strip(rest, '+') {
        1
    } else if strip(rest, '-') {
        -1
    } else {
        strip(rest, 'Z');
        return Some(0);
    };
    let hours = digits(rest, 2)?;
    strip(rest, ':');
    let minutes = if rest.is_empty() { 0 } else { digits(rest, 2)? };
    Some(sign * (hours * 60 + minutes) * 60)
}

// The Gregorian calendar in whole 400-year eras of 146,097 days that begin on 1 March, so that the leap day is the
// last day of its year.

fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + day_of_year - 719_468
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let day_of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day_of_year - (153 * shifted + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::Date;

    #[test]
    fn texts_and_seconds_agree() {
        for (text, secs) in [
            ("1970-01-01T00:00:00Z", 0),
            ("1969-12-31T23:59:59Z", -1),
            ("2000-02-29T12:00:00Z", 951_825_600),
            ("2026-11-20T10:19:44Z", 1_795_169_984),
            ("1900-03-01T00:00:00Z", -2_203_891_200),
            ("0001-01-01T00:00:00Z", -62_135_596_800),
            ("9999-12-31T23:59:59Z", 253_402_300_799),
        ] {
            assert_eq!(Date::parse(text), Some(Date::from_secs(secs)), "{text}");
            assert_eq!(Date::from_secs(secs).to_string(), text);
        }
    }

    #[test]
    fn other_spellings_are_read() {
        let date = Date::from_secs(1_795_169_984);
        for text in [
            "20261120T10:19:44",
            "2026-11-20T10:19:44",
            "2026-11-20 10:19:44.000Z",
            "2026-11-20T11:19:44+01:00",
            "2026-11-20T09:49:44-0030",
            " 2026-11-20T10:19:44Z\n",
        ] {
            assert_eq!(Date::parse(text), Some(date), "{text}");
        }
        assert_eq!(Date::parse("2026-11-20"), Some(Date::from_secs(1_795_132_800)));
    }

    #[test]
    fn what_is_no_date_is_not_read() {
        for text in [
            "",
            "now",
            "2026",
            "2026-13-01",
            "2026-00-01",
            "0000-01-01",
            "2026-11-20T25:00:00Z",
            "2026-11-20Z",
            "2026-11-20T10:19:44.Z",
            "2026-11-20T10:19:44Zulu",
            "2é26-11-20",
            "+026-11-20",
        ] {
            assert_eq!(Date::parse(text), None, "{text}");
        }
    }

    #[test]
    fn every_microsecond_survives_its_text() {
        arbtest::arbtest(|u| {
            let date = Date::from_micros(u.int_in_range(Date::MIN.micros()..=Date::MAX.micros())?);
            assert_eq!(Date::parse(&date.to_string()), Some(date));
            Ok(())
        });
    }

    #[test]
    fn what_lies_outside_is_held_to_the_calendar() {
        assert_eq!(Date::from_micros(i64::MAX), Date::MAX);
        assert_eq!(Date::from_secs(i64::MIN), Date::MIN);
        assert_eq!(Date::from_secs_f64(f64::INFINITY), Date::MAX);
        assert_eq!(Date::from_secs_f64(f64::NAN), Date::default());
    }
}
