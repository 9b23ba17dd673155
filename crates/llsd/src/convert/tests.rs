use crate::{Date, Map, Value, array, map};
use std::net::Ipv4Addr;
use uuid::Uuid;

#[test]
fn truths() {
    for (value, expected) in [
        (Value::Undefined, false),
        (true.into(), true),
        (0.into(), false),
        ((-1).into(), true),
        (0.0.into(), false),
        (f64::NAN.into(), false),
        (0.5.into(), true),
        ("".into(), false),
        ("0".into(), false),
        ("False".into(), false),
        (" false ".into(), false),
        ("True".into(), true),
        ("no".into(), true),
        (map! {}, false),
        (array![0], true),
        (Uuid::from_u128(1).into(), false),
    ] {
        assert_eq!(value.as_bool(), expected, "{value:?}");
    }
}

#[test]
fn integers() {
    // As i32, u32, i64, u64.
    for (value, expected) in [
        (Value::Undefined, (0, 0, 0, 0)),
        (true.into(), (1, 1, 1, 1)),
        (5.into(), (5, 5, 5, 5)),
        ((-1).into(), (-1, u32::MAX, -1, 0)),
        (2.9.into(), (2, 2, 2, 2)),
        ((-2.9).into(), (-2, 0, -2, 0)),
        (5e9.into(), (i32::MAX, u32::MAX, 5_000_000_000, 5_000_000_000)),
        (f64::NAN.into(), (0, 0, 0, 0)),
        (f64::INFINITY.into(), (i32::MAX, u32::MAX, i64::MAX, u64::MAX)),
        (" 7\n".into(), (7, 7, 7, 7)),
        ("1.23".into(), (1, 1, 1, 1)),
        ("five".into(), (0, 0, 0, 0)),
        ("4294967295".into(), (i32::MAX, u32::MAX, 4_294_967_295, 4_294_967_295)),
        ("18446744073709551615".into(), (i32::MAX, u32::MAX, i64::MAX, u64::MAX)),
        (Value::from_u32_be(0xffff_fffe), (-2, 0xffff_fffe, 0xffff_fffe, 0xffff_fffe)),
        (Value::from_u64_be(u64::MAX), (-1, u32::MAX, -1, u64::MAX)),
        (Value::Binary(vec![1, 0]), (256, 256, 256, 256)),
        (Value::Binary(vec![]), (0, 0, 0, 0)),
        (Value::Binary(vec![1; 9]), (0, 0, 0, 0)),
        (array![0, 0, 1, 4], (260, 260, 260, 260)),
        (array![0, 0, 1, 256], (0, 0, 0, 0)),
        (array![1.0], (0, 0, 0, 0)),
        (Date::from_secs(9).into(), (9, 9, 9, 9)),
        (map! { "a" => 1 }, (0, 0, 0, 0)),
    ] {
        let read = (value.as_i32(), value.as_u32(), value.as_i64(), value.as_u64());
        assert_eq!(read, expected, "{value:?}");
    }
}

#[test]
fn reals() {
    for (value, expected) in [
        (Value::Undefined, 0.0),
        (true.into(), 1.0),
        ((-3).into(), -3.0),
        ("1e3".into(), 1000.0),
        ("<1, 2, 3>".into(), 0.0),
        (Date::from_micros(1_500_000).into(), 1.5),
        (array![1], 0.0),
    ] {
        assert_eq!(value.as_f64(), expected, "{value:?}");
    }
    assert_eq!(Value::from(0.8_f32).as_f32(), 0.8);
    assert_eq!(array![1, 2.5, "3"].as_reals(), Some([1.0, 2.5, 3.0]));
    assert_eq!(array![1, 2].as_reals::<3>(), None);
    assert_eq!(Value::from([1.0_f32, 2.0]).as_reals(), Some([1.0, 2.0]));
}

#[test]
fn texts() {
    for (value, expected) in [
        (Value::Undefined, ""),
        (true.into(), "true"),
        (false.into(), ""),
        ((-3).into(), "-3"),
        (256_000.0.into(), "256000"),
        (Uuid::nil().into(), "00000000-0000-0000-0000-000000000000"),
        (Value::Uri("http://a/".into()), "http://a/"),
        (Date::default().into(), "1970-01-01T00:00:00Z"),
        (Value::Binary(vec![65]), ""),
        (array!["a"], ""),
    ] {
        assert_eq!(value.as_str(), expected, "{value:?}");
    }
    assert_eq!(Value::from(5).text(), None);
    assert_eq!(Value::from("5").text(), Some("5"));
}

#[test]
fn ids_bytes_dates_and_addresses() {
    let id = Uuid::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);
    assert_eq!(Value::from(id).as_uuid(), id);
    assert_eq!(Value::from(" 01234567-89AB-cdef-0123-456789abcdef ").as_uuid(), id);
    assert_eq!(Value::from("0123456789abcdef0123456789abcdef").as_uuid(), id);
    assert_eq!(Value::from(id.into_bytes()).as_uuid(), id);
    assert_eq!(Value::from("nobody").as_uuid(), Uuid::nil());
    assert_eq!(Value::from(5).as_uuid(), Uuid::nil());

    for (value, expected) in [
        (Value::Binary(vec![1, 2]), &[1, 2][..]),
        (array![1, 255], &[1, 255]),
        ("AQI=".into(), &[1, 2]),
        (" A QI \n".into(), &[1, 2]),
        ("*".into(), &[]),
        (5.into(), &[]),
    ] {
        assert_eq!(*value.as_binary(), *expected, "{value:?}");
    }

    assert_eq!(Value::from("1970-01-01T00:00:05Z").as_date(), Date::from_secs(5));
    assert_eq!(Value::from(5).as_date(), Date::from_secs(5));
    assert_eq!(Value::from(0.5).as_date(), Date::from_micros(500_000));
    assert_eq!(Value::from("soon").as_date(), Date::default());

    let address = Ipv4Addr::new(127, 0, 0, 1);
    assert_eq!(Value::from_ipv4(address).as_ipv4(), Some(address));
    assert_eq!(Value::from("127.0.0.1").as_ipv4(), Some(address));
    assert_eq!(Value::Binary(vec![1, 2, 3]).as_ipv4(), None);
    assert_eq!(Value::from(1).as_ipv4(), None);
}

#[test]
fn entries_that_are_not_there_are_undefined() {
    let value = map! { "list" => array![map! { "a" => 1 }], };
    assert_eq!(value["list"][0]["a"], Value::Integer(1));
    assert_eq!(value["list"][1]["a"], Value::Undefined);
    assert_eq!(value["a"]["b"][7], Value::Undefined);
    assert_eq!(value.get("a"), None);
    assert_eq!(Value::from(5).as_map(), &Map::new());
    assert_eq!(Value::from(5).into_array(), vec![]);
}

#[test]
fn values_are_made_of_what_is_at_hand() {
    let made = map! {
        "mask" => u32::MAX,
        String::from("count") => usize::MAX,
        "nothing" => None::<bool>,
        "some" => Some("text"),
        "bytes" => *b"ab",
        "list" => ["a", "b"].into_iter().collect::<Value>(),
    };
    let expected = Value::Map(Map::from([
        ("mask".into(), Value::Integer(-1)),
        ("count".into(), Value::Integer(i32::MAX)),
        ("nothing".into(), Value::Undefined),
        ("some".into(), Value::String("text".into())),
        ("bytes".into(), Value::Binary(vec![97, 98])),
        ("list".into(), Value::Array(vec!["a".into(), "b".into()])),
    ]));
    assert_eq!(made, expected);
}
