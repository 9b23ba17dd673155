use super::*;
use crate::limits::{DEPTH_MAX, VALUES_MAX};
use crate::{Date, array, examples, map};
use uuid::Uuid;

#[test]
fn what_is_written_is_read() {
    // What has no type of its own comes back as what it converts to.
    fn expected(value: Value) -> Value {
        match value {
            Value::Uuid(_) | Value::Date(_) | Value::Uri(_) => value.as_str().into(),
            Value::Binary(bytes) => bytes.into_iter().collect(),
            Value::Real(real) if !real.is_finite() => 0.0.into(),
            Value::Array(array) => array.into_iter().map(expected).collect(),
            Value::Map(map) => {
                Value::Map(map.into_iter().map(|(key, value)| (key, expected(value))).collect())
            }
            value => value,
        }
    }
    fn without_defaults(value: Value) -> Value {
        match value {
            Value::Array(array) => array.into_iter().map(without_defaults).collect(),
            Value::Map(mut map) => {
                map.retain(|_, value| !is_default(value));
                Value::Map(map.into_iter().map(|(key, value)| (key, without_defaults(value))).collect())
            }
            value => value,
        }
    }
    arbtest::arbtest(|u| {
        let value = examples::arbitrary(u)?;
        assert_eq!(parse(write_with_defaults(&value)), Ok(expected(value.clone())));
        assert_eq!(parse(write(&value)), Ok(expected(without_defaults(value))));
        Ok(())
    });
}

#[test]
fn defaults_are_left_out_of_maps_alone() {
    let value = map! {
        "array" => array![],
        "binary" => Vec::<u8>::new(),
        "elements" => array![false, 0, 0.0, "", Uuid::nil(), (), map! { "a" => 0, "b" => 1 }],
        "empty" => map! {},
        "id" => Uuid::nil(),
        "no" => false,
        "none" => (),
        "real" => 0.0,
        "text" => "",
        "zero" => 0,
    };
    assert_eq!(
        write(&value),
        r#"{"array":[],"binary":[],"elements":[false,0,0.0,"","00000000-0000-0000-0000-000000000000",null,{"b":1}]}"#
    );
    assert_eq!(
        write_with_defaults(&map! { "success" => false, "reason" => "", "none" => () }),
        r#"{"none":null,"reason":"","success":false}"#
    );
}

#[test]
fn each_type_is_written_as_peers_do() {
    for (value, text) in [
        (Value::from(0.8_f32), "0.800000011920929"),
        (1.0.into(), "1.0"),
        ((-0.0).into(), "-0.0"),
        (1e300.into(), "1e300"),
        (f64::NAN.into(), "0.0"),
        (f64::INFINITY.into(), "0.0"),
        (5.into(), "5"),
        ((*b"ab").into(), "[97,98]"),
        (Date::from_secs(0).into(), "\"1970-01-01T00:00:00Z\""),
        (Value::Uri("http://a/".into()), "\"http://a/\""),
        ("\"\\/\n\r\t\u{1}\u{7f}ę😀".into(), r#""\"\\/\n\r\t\u0001\u007F\u0119\uD83D\uDE00""#),
    ] {
        assert_eq!(write(&value), text, "{value:?}");
    }
}

#[test]
fn what_peers_write_is_read() {
    for (text, expected) in [
        ("null", Value::Undefined),
        ("true", true.into()),
        (" -5 ", (-5).into()),
        ("2147483647", i32::MAX.into()),
        ("2147483648", "2147483648".into()),
        ("-2147483649", "-2147483649".into()),
        ("18446744073709551615", "18446744073709551615".into()),
        ("1e2", 100.0.into()),
        ("0.699999988079071", f64::from(0.7_f32).into()),
        (r#""\/\u0119""#, "/ę".into()),
        (r#"{"a":1,"a":2}"#, map! { "a" => 2 }),
        ("[1,[],{}]", array![1, array![], map! {}]),
    ] {
        assert_eq!(parse(text), Ok(expected), "{text}");
    }
}

#[test]
fn broken_documents_are_refused_where_they_break() {
    for (text, what, position) in [
        ("", "EOF while parsing a value", 0),
        ("{\n\"a\":\nx}", "expected value", 8),
        ("[1,2", "EOF while parsing a list", 4),
        ("1 2", "trailing characters", 3),
        ("True", "expected value", 1),
    ] {
        assert_eq!(parse(text), Err(ParseError::new(position, what)), "{text}");
    }
    assert!(parse(b"\"\xff\"").is_err());
    assert!(parse("\"\\ud800\"").is_err());
}

#[test]
fn a_document_is_bounded() {
    let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    assert!(parse(nested(DEPTH_MAX)).is_ok());
    assert_eq!(parse(nested(DEPTH_MAX + 1)).unwrap_err().what, "nested too deep");
    assert!(parse(nested(100_000)).is_err());
    let flat = format!("[0{}]", ",0".repeat(VALUES_MAX));
    assert_eq!(parse(flat).unwrap_err().what, "too many values");
}

#[test]
fn a_reader_may_set_the_length_that_it_takes() {
    let document = r#"{"a":1}"#;
    assert!(parse_up_to(document.len(), document).is_ok());
    let error = parse_up_to(document.len() - 1, document).unwrap_err();
    assert_eq!(error.what, "document too long");
    let long = format!("\"{}\"", "x".repeat(BYTES_MAX));
    assert!(parse(&long).is_err());
    assert!(parse_up_to(2 * BYTES_MAX, &long).is_ok());
}
