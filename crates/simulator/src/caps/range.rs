//! `Range: bytes=...` as texture and mesh fetches use it.

use std::ops::Range;

/// What to send of something so many bytes long.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Wanted {
    /// All of it: nothing else was asked for, or not in a form that we know.
    Whole,
    /// These bytes; never none.
    Part(Range<usize>),
    /// Bytes that are not there.
    Beyond,
}

/// Reads the header. Several ranges at a time are no viewer's way and get the whole.
pub(super) fn wanted(header: Option<&str>, length: usize) -> Wanted {
    let Some(spec) = header.and_then(|header| header.trim().strip_prefix("bytes=")) else {
        return Wanted::Whole;
    };
    let Some((first, last)) = spec.trim().split_once('-') else { return Wanted::Whole };
    let number = |text: &str| match text {
        "" => Some(None),
        text if text.bytes().all(|byte| byte.is_ascii_digit()) => {
            // Larger than any asset is as good as the largest.
            Some(Some(text.parse::<usize>().unwrap_or(usize::MAX)))
        }
        _ => None,
    };
    match (number(first), number(last)) {
        (Some(Some(first)), Some(Some(last))) if last < first => Wanted::Whole,
        (Some(Some(first)), Some(_)) if first >= length => Wanted::Beyond,
        (Some(Some(first)), Some(last)) => {
            let end = last.map_or(length, |last| last.saturating_add(1).min(length));
            Wanted::Part(first..end)
        }
        // The last so many bytes.
        (Some(None), Some(Some(0))) => Wanted::Beyond,
        (Some(None), Some(Some(count))) if length > 0 => Wanted::Part(length.saturating_sub(count)..length),
        _ => Wanted::Whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(header: &str, expected: Wanted) {
        assert_eq!(wanted(Some(header), 1000), expected, "{header}");
    }

    #[test]
    fn headers() {
        check("bytes=0-599", Wanted::Part(0..600));
        check("bytes=600-", Wanted::Part(600..1000));
        check("bytes=999-5000", Wanted::Part(999..1000));
        check("bytes=0-99999999999999999999999", Wanted::Part(0..1000));
        check("bytes=-100", Wanted::Part(900..1000));
        check("bytes=-5000", Wanted::Part(0..1000));
        check("bytes=1000-", Wanted::Beyond);
        check("bytes=1000-1001", Wanted::Beyond);
        check("bytes=-0", Wanted::Beyond);
        check("bytes=5-4", Wanted::Whole);
        check("bytes=-", Wanted::Whole);
        check("bytes=0-1,5-6", Wanted::Whole);
        check("bytes=+1-5", Wanted::Whole);
        check("pages=1-2", Wanted::Whole);
        assert_eq!(wanted(None, 10), Wanted::Whole);
        assert_eq!(wanted(Some("bytes=0-"), 0), Wanted::Beyond);
        assert_eq!(wanted(Some("bytes=-1"), 0), Wanted::Whole);
    }
}
