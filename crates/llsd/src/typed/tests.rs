use super::*;
use crate::{Map, Value, array, map};
use std::collections::BTreeMap;
use uuid::Uuid;

#[derive(Debug, PartialEq, Serialize, serde::Deserialize)]
struct Everything {
    yes: bool,
    small: i8,
    integer: i32,
    mask: u32,
    handle: u64,
    real: f64,
    float: f32,
    text: String,
    id: Uuid,
    binary: Binary,
    as_long_as_an_id: Binary,
    date: Date,
    nothing: Option<Uuid>,
    some: Option<Uuid>,
    bytes: Vec<u8>,
    vector: [f32; 3],
    named: BTreeMap<String, i32>,
    any: Vec<Value>,
    kinds: Vec<Kind>,
}

#[derive(Debug, PartialEq, Serialize, serde::Deserialize)]
enum Kind {
    Plain,
    Of(i32),
    Two(i32, String),
    Fields { x: f64, id: Uuid },
}

fn everything() -> Everything {
    Everything {
        yes: true,
        small: -8,
        integer: i32::MIN,
        mask: u32::MAX,
        handle: (256_000 << 32) | 256_256,
        real: 0.1,
        float: 0.8,
        text: "text".into(),
        id: Uuid::from_u128(1),
        binary: Binary(vec![1, 2, 3]),
        as_long_as_an_id: Binary(vec![7; 16]),
        date: Date::from_micros(1_795_169_984_000_001),
        nothing: None,
        some: Some(Uuid::nil()),
        bytes: vec![0, 255],
        vector: [1.0, -0.5, 0.8],
        named: BTreeMap::from([("a".into(), 1), ("b".into(), 2)]),
        any: crate::examples::one_of_each(),
        kinds: vec![
            Kind::Plain,
            Kind::Of(1),
            Kind::Two(2, "two".into()),
            Kind::Fields { x: 0.5, id: Uuid::from_u128(2) },
        ],
    }
}

#[test]
fn types_are_kept() {
    let value = to_value(&everything()).unwrap();
    for (key, expected) in [
        ("yes", Value::Boolean(true)),
        ("small", Value::Integer(-8)),
        ("mask", Value::String("4294967295".into())),
        ("handle", Value::String("1099511628032256".into())),
        ("float", Value::Real(f64::from(0.8_f32))),
        ("id", Value::Uuid(Uuid::from_u128(1))),
        ("binary", Value::Binary(vec![1, 2, 3])),
        ("as_long_as_an_id", Value::Binary(vec![7; 16])),
        ("date", Value::Date(Date::from_micros(1_795_169_984_000_001))),
        ("nothing", Value::Undefined),
        ("some", Value::Uuid(Uuid::nil())),
        ("bytes", array![0, 255]),
        ("named", map! { "a" => 1, "b" => 2 }),
        ("any", Value::Array(crate::examples::one_of_each())),
        (
            "kinds",
            array![
                "Plain",
                map! { "Of" => 1 },
                map! { "Two" => array![2, "two"] },
                map! { "Fields" => map! { "x" => 0.5, "id" => Uuid::from_u128(2) } },
            ],
        ),
    ] {
        assert_eq!(value[key], expected, "{key}");
    }
}

#[test]
fn what_is_written_is_read() {
    let value = to_value(&everything()).unwrap();
    assert_eq!(from_value::<Everything>(value.clone()), Ok(everything()));
    // Also by way of a form on the wire, and one that has fewer types, where no value of any type is asked for.
    let xml = crate::xml::parse(crate::xml::write(&value)).unwrap();
    assert_eq!(from_value::<Everything>(xml), Ok(everything()));
    let json = crate::json::parse(crate::json::write_with_defaults(&value)).unwrap();
    let read = from_value::<Everything>(json).unwrap();
    assert_eq!(Everything { any: everything().any, ..read }, everything());
}

#[test]
fn any_value_is_kept() {
    arbtest::arbtest(|u| {
        let value = crate::examples::arbitrary(u)?;
        assert_eq!(to_value(&value), Ok(value.clone()));
        assert_eq!(from_value::<Value>(value.clone()), Ok(value));
        Ok(())
    });
}

#[derive(Debug, PartialEq, serde::Deserialize)]
struct Lenient {
    circuit_code: u32,
    handle: u64,
    #[serde(default)]
    child: bool,
    start: f32,
    id: Uuid,
    name: String,
    throttles: Binary,
}

#[test]
fn what_peers_write_otherwise_is_read() {
    let expected = Lenient {
        circuit_code: 4_000_000_000,
        handle: 1,
        child: false,
        start: 5.0,
        id: Uuid::from_u128(1),
        name: String::new(),
        throttles: Binary(vec![1, 2]),
    };
    let json =
        br#"{"circuit_code":"4000000000","handle":"1","start":5,"id":"00000000-0000-0000-0000-000000000001",
        "name":null,"throttles":[1,2],"unknown":[]}"#;
    assert_eq!(from_value(crate::json::parse(json).unwrap()), Ok(expected));
    let binary = map! {
        "circuit_code" => Value::from_u32_be(4_000_000_000),
        "handle" => Value::from_u64_be(1),
        "child" => 0,
        "start" => "5.0",
        "id" => [0_u8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
        "name" => Value::Undefined,
        "throttles" => "AQI=",
    };
    assert_eq!(from_value::<Lenient>(binary).unwrap().circuit_code, 4_000_000_000);
}

#[test]
fn what_cannot_be_converted_is_refused() {
    fn check<T: serde::de::DeserializeOwned + std::fmt::Debug>(value: Value, message: &str) {
        assert_eq!(from_value::<T>(value).unwrap_err().to_string(), message);
    }
    check::<u32>(Value::from("five"), "string where an integer was expected");
    check::<u32>(array![5], "array where an integer was expected");
    check::<i32>(Value::from(f64::NAN), "real where an integer was expected");
    check::<u64>(Value::from("99999999999999999999"), "string where an integer of 64 bits was expected");
    check::<f64>(Value::from("five"), "string where a real was expected");
    check::<bool>(Value::from(Map::new()), "map where a boolean was expected");
    check::<String>(array!["a"], "array where text was expected");
    check::<Vec<i32>>(Value::from("a"), "string where an array was expected");
    check::<BTreeMap<String, i32>>(array![], "array where a map was expected");
    check::<Binary>(Value::from("*"), "string where binary was expected");
    check::<Kind>(map! { "Of" => 1, "Plain" => 2 }, "map where one variant was expected");
    assert!(from_value::<u8>(Value::from(256)).is_err());
    assert!(from_value::<u8>(Value::from(-1)).is_err());
    assert!(from_value::<Kind>(Value::from("Unheard")).is_err());
    assert!(from_value::<[i32; 2]>(array![1, 2, 3]).is_err());
    assert!(from_value::<Uuid>(Value::Binary(vec![1])).is_err());
    assert!(from_value::<Lenient>(map! { "circuit_code" => 1 }).is_err());
    assert!(to_value(&BTreeMap::from([(vec![1], 2)])).is_err());
}
