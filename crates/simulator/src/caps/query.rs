//! The part of a URL behind the question mark.

/// Names and values in their order, decoded; at most `limit` of them.
pub(super) fn pairs(query: &str, limit: usize) -> impl Iterator<Item = (String, String)> {
    query.split('&').filter(|pair| !pair.is_empty()).take(limit).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(name), decode(value))
    })
}

/// `%41` and `+` as forms write them. What is no such thing stands for itself.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let digit = |at: usize| after.get(at).and_then(|&byte| char::from(byte).to_digit(16));
        match (first, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push((high * 16 + low) as u8);
                rest = &after[2..];
                continue;
            }
            (b'+', ..) => bytes.push(b' '),
            _ => bytes.push(first),
        }
        rest = after;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(query: &str, expected: &[(&str, &str)]) {
        let found: Vec<_> = pairs(query, 8).collect();
        let expected: Vec<_> = expected.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        assert_eq!(found, expected, "{query}");
    }

    #[test]
    fn pairs_in_their_order() {
        check("", &[]);
        check("ids=a&ids=b&&x", &[("ids", "a"), ("ids", "b"), ("x", "")]);
        check("n=a+b%20c%C3%BC%", &[("n", "a b cü%")]);
        check("n=%zz%4", &[("n", "%zz%4")]);
        check("%ff=1", &[("\u{fffd}", "1")]);
        assert_eq!(pairs("a&b&c", 2).count(), 2);
    }
}
