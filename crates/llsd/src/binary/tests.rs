use super::*;
use crate::limits::DEPTH_MAX;
use crate::{array, examples, map};

fn check_refused(document: &[u8], what: &'static str, position: usize) {
    assert_eq!(parse(document), Err(ParseError::new(position, what)), "{document:?}");
}

#[test]
fn what_is_written_is_read() {
    assert_eq!(
        parse(write(&Value::Array(examples::one_of_each()))),
        Ok(Value::Array(examples::one_of_each()))
    );
    arbtest::arbtest(|u| {
        let value = examples::arbitrary(u)?;
        assert_eq!(parse(write(&value)), Ok(value));
        Ok(())
    });
}

#[test]
fn bytes_are_as_published() {
    for (value, bytes) in [
        (Value::Undefined, &b"!"[..]),
        (true.into(), b"1"),
        (false.into(), b"0"),
        (0x0102_0304.into(), b"i\x01\x02\x03\x04"),
        (1.0.into(), b"r\x3f\xf0\0\0\0\0\0\0"),
        (Uuid::from_u128(5).into(), b"u\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x05"),
        ("ab".into(), b"s\0\0\0\x02ab"),
        (Value::Uri("ab".into()), b"l\0\0\0\x02ab"),
        ((*b"ab").into(), b"b\0\0\0\x02ab"),
        // The one number that is little-endian.
        (Date::from_secs(1).into(), b"d\0\0\0\0\0\0\xf0\x3f"),
        (array![true, ()], b"[\0\0\0\x021!]"),
        (map! { "a" => 1 }, b"{\0\0\0\x01k\0\0\0\x01ai\0\0\0\x01}"),
    ] {
        assert_eq!(write(&value), bytes, "{value:?}");
        assert_eq!(parse(bytes), Ok(value));
    }
}

#[test]
fn header_lines_are_passed_over() {
    for header in ["<? llsd/binary ?>\n", "<?llsd/binary?>\n", "<? LLSD/Binary ?>\r\n", "<?llsd/binary?>"] {
        assert_eq!(parse([header.as_bytes(), b"i\0\0\0\x07"].concat()), Ok(Value::Integer(7)), "{header}");
    }
    check_refused(b"<? llsd/notation ?>\n1", "unknown type", 0);
    assert_eq!(parse(b"1\n\0"), Ok(true.into()));
}

#[test]
fn broken_documents_are_refused_where_they_break() {
    check_refused(b"", "truncated", 0);
    check_refused(b"x", "unknown type", 0);
    check_refused(b"i\0\0\0", "truncated", 1);
    check_refused(b"s\0\0\0\x03ab", "count beyond the end", 5);
    check_refused(b"s\0\0\0\x03ab\xff", "not UTF-8", 7);
    check_refused(b"b\xff\xff\xff\xff", "count beyond the end", 5);
    check_refused(b"[\xff\xff\xff\xff!!!", "count beyond the end", 5);
    check_refused(b"[\0\0\0\x01!!", "array without end", 6);
    check_refused(b"{\0\0\0\x02k\0\0\0\0!}", "count beyond the end", 5);
    check_refused(b"{\0\0\0\x01x\0\0\0\0!}", "no key", 5);
    check_refused(b"{\0\0\0\x01k\0\0\0\0!!", "map without end", 11);
    check_refused(b"11", "more than one value", 1);
}

#[test]
fn the_depth_is_bounded() {
    let nested = |levels: usize| {
        [b"[\0\0\0\x01".repeat(levels - 1), b"[\0\0\0\0".to_vec(), b"]".repeat(levels)].concat()
    };
    assert!(parse(nested(DEPTH_MAX)).is_ok());
    check_refused(&nested(DEPTH_MAX + 1), "nested too deep", DEPTH_MAX * 5 + 1);
}
