//! Values for tests.

use crate::{Date, Map, Value, array, map};
use arbitrary::{Result, Unstructured};
use uuid::Uuid;

/// A value of each type, each not its default.
pub(crate) fn one_of_each() -> Vec<Value> {
    vec![
        Value::Undefined,
        Value::Boolean(true),
        Value::Integer(-5),
        Value::Real(0.1),
        Value::Uuid(Uuid::from_u128(0x1234)),
        Value::from("tęxt & <more> 'quoted' \"twice\" \\ \n\t end"),
        Value::Binary(vec![0, 1, 254, 255]),
        Value::Date(Date::from_micros(1_795_169_984_250_000)),
        Value::Uri("http://grid.example/?a=b&c=d".into()),
        map! { "key" => 1, "" => map! {} },
        array![1, array![], "two"],
    ]
}

/// Any value that all forms with types can carry: no characters that XML lacks, no not-a-number (it equals nothing),
/// no date that seconds in a double cannot tell from its neighbour.
pub(crate) fn arbitrary(u: &mut Unstructured<'_>) -> Result<Value> {
    value(u, 4)
}

fn value(u: &mut Unstructured<'_>, levels: u32) -> Result<Value> {
    Ok(match u.int_in_range(0..=if levels == 0 { 8 } else { 10 })? {
        0 => Value::Undefined,
        1 => Value::Boolean(u.arbitrary()?),
        2 => Value::Integer(u.arbitrary()?),
        3 => {
            let real: f64 = u.arbitrary()?;
            Value::Real(if real.is_nan() { 0.0 } else { real })
        }
        4 => Value::Uuid(Uuid::from_u128(u.arbitrary()?)),
        5 => Value::String(text(u)?),
        6 => Value::Binary(u.arbitrary()?),
        7 => Value::Date(Date::from_micros(u.int_in_range(-4_000_000_000_000_000..=4_000_000_000_000_000)?)),
        8 => Value::Uri(text(u)?),
        9 => {
            let mut map = Map::new();
            for _ in 0..u.int_in_range(0..=4)? {
                map.insert(text(u)?, value(u, levels - 1)?);
            }
            Value::Map(map)
        }
        _ => Value::Array((0..u.int_in_range(0..=4)?).map(|_| value(u, levels - 1)).collect::<Result<_>>()?),
    })
}

fn text(u: &mut Unstructured<'_>) -> Result<String> {
    let text: String = u.arbitrary()?;
    Ok(text
        .chars()
        .filter(|c| (*c >= ' ' || matches!(c, '\n' | '\t' | '\r')) && !matches!(c, '\u{fffe}' | '\u{ffff}'))
        .collect())
}
