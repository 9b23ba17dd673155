//! Moments as .NET writes them, which depends on where the program runs.

use llsd::Date;

/// `month/day/year hour:minute:second`, which every culture's reader that is asked for the invariant one takes.
pub(crate) fn written(unix_s: u64) -> String {
    let iso = Date::from_secs(i64::try_from(unix_s).unwrap_or(i64::MAX)).to_string();
    // 0123456789012345678
    // 2026-11-20T10:19:44
    format!("{}/{}/{} {}", &iso[5..7], &iso[8..10], &iso[..4], &iso[11..19])
}

/// The moment, seconds since 1970; 0 where the text is none, or says "never" (the year 1).
pub(crate) fn read(text: &str) -> u64 {
    let text = text.trim();
    let date = Date::parse(text).or_else(|| Date::parse(&iso(text)?));
    date.map_or(0, |date| u64::try_from(date.secs()).unwrap_or(0))
}

/// The same moment in ISO 8601. Where the separator is a dot or the first number can be no month, the day comes first.
fn iso(text: &str) -> Option<String> {
    let mut words = text.split_whitespace();
    let (date, time) = (words.next()?, words.next().unwrap_or("0:0:0"));
    let half = words.next().unwrap_or_default();
    let numbers = |text: &str, separators: [char; 2]| -> Option<[u32; 3]> {
        let mut parts = text.split(separators).map(|part| part.parse::<u32>());
        let numbers = [parts.next()?.ok()?, parts.next()?.ok()?, parts.next().unwrap_or(Ok(0)).ok()?];
        parts.next().is_none().then_some(numbers)
    };
    let [first, second, year] = numbers(date, ['/', '.'])?;
    let day_first = date.contains('.') || first > 12;
    let (month, day) = if day_first { (second, first) } else { (first, second) };
    let [hour, minute, second] = numbers(time, [':', '.'])?;
    let hour = match (half.to_ascii_uppercase().as_str(), hour) {
        ("AM", 12) => 0,
        ("PM", 1..12) => hour + 12,
        _ => hour,
    };
    Some(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const THEN: u64 = 1_795_169_968;

    #[test]
    fn moments_of_many_cultures() {
        assert_eq!(written(THEN), "11/20/2026 10:19:28");
        for text in [
            "11/20/2026 10:19:28",
            "11/20/2026 10:19:28 AM",
            "20.11.2026 10:19:28",
            "20/11/2026 10:19:28",
            "2026-11-20T10:19:28Z",
            "2026-11-20T10:19:28",
        ] {
            assert_eq!(read(text), THEN, "{text}");
        }
        assert_eq!(read("11/20/2026 10:19:28 PM"), THEN + 12 * 3600);
        assert_eq!(read("1/1/1970 12:00:01 AM"), 1);
        for never in
            ["", "0", "1/1/0001 12:00:00 AM", "01/01/0001 00:00:00", "yesterday", "99/99/9999", "1/1/1/1"]
        {
            assert_eq!(read(never), 0, "{never}");
        }
    }

    #[test]
    fn any_moment_is_read_as_it_was_written() {
        arbtest::arbtest(|u| {
            let moment = u.int_in_range(0..=253_402_300_799)?;
            assert_eq!(read(&written(moment)), moment);
            let text: String = u.arbitrary()?;
            read(&text);
            written(u.arbitrary()?);
            Ok(())
        });
    }
}
