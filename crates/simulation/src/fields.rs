//! Entries of a body, read as what is wanted and within bounds.

use llsd::Value;
use model::{Quat, RegionHandle, Vec3};
use std::borrow::Cow;

/// The most bytes of a name that are kept; viewers show no more.
pub(crate) const NAME_MAX: usize = 63;
/// The most bytes that are kept of a viewer's name, its channel and the like.
pub(crate) const LABEL_MAX: usize = 255;
/// The most bytes that are kept of words for a user.
pub(crate) const WORDS_MAX: usize = 1024;
/// Draw distance of an agent whose sender names none, metres: what viewers begin with.
pub(crate) const DRAW_DISTANCE_M: f32 = 128.0;

/// A body that says what cannot be.
#[derive(Debug)]
pub(crate) struct Malformed(pub(crate) String);

pub(crate) type Result<T> = std::result::Result<T, Malformed>;

/// Why a body is refused.
pub(crate) fn malformed<T>(why: impl Into<String>) -> Result<T> {
    Err(Malformed(why.into()))
}

/// The text of an entry, at most so many bytes of it; empty where there is none.
pub(crate) fn text(body: &Value, key: &str, max: usize) -> String {
    let text = body[key].as_str();
    text[..text.floor_char_boundary(max)].to_owned()
}

/// The elements of an entry; none where there is none.
pub(crate) fn list<'a>(body: &'a Value, key: &str, max: usize) -> Result<&'a [Value]> {
    let elements = body[key].as_array();
    if elements.len() > max {
        return malformed(format!("{key}: more than {max}"));
    }
    Ok(elements)
}

/// The bytes of an entry; none where there is none.
pub(crate) fn bytes<'a>(body: &'a Value, key: &str, max: usize) -> Result<Cow<'a, [u8]>> {
    let bytes = body[key].as_binary();
    if bytes.len() > max {
        return malformed(format!("{key}: more than {max} bytes"));
    }
    Ok(bytes)
}

/// A number; zero where there is none.
pub(crate) fn real(body: &Value, key: &str) -> Result<f32> {
    finite(key, [body[key].as_f32()]).map(|[number]| number)
}

/// `far`.
pub(crate) fn draw_distance(body: &Value) -> Result<f32> {
    match body.get("far") {
        Some(_) => real(body, "far").map(|metres| metres.max(0.0)),
        None => Ok(DRAW_DISTANCE_M),
    }
}

/// `<x, y, z>`; the zero vector where there is none.
pub(crate) fn vector(body: &Value, key: &str) -> Result<Vec3> {
    Ok(body.get(key).map(|value| numbers(key, value)).transpose()?.map_or(Vec3::ZERO, Vec3::from_array))
}

/// `<x, y, z, w>`; no rotation where there is none.
pub(crate) fn rotation(body: &Value, key: &str) -> Result<Quat> {
    Ok(body.get(key).map(|value| numbers(key, value)).transpose()?.map_or(Quat::IDENTITY, Quat::from_array))
}

fn numbers<const N: usize>(key: &str, value: &Value) -> Result<[f32; N]> {
    let text = value.as_str();
    let mut parts = text.trim().trim_start_matches('<').trim_end_matches('>').split(',');
    let mut numbers = [0.0; N];
    for number in &mut numbers {
        match parts.next().map(|part| part.trim().parse()) {
            Some(Ok(read)) => *number = read,
            _ => return malformed(format!("{key}: not {N} numbers")),
        }
    }
    finite(key, numbers)
}

/// These numbers, if each of them is one.
pub(crate) fn finite<const N: usize>(key: &str, numbers: [f32; N]) -> Result<[f32; N]> {
    match numbers.iter().all(|number| number.is_finite()) {
        true => Ok(numbers),
        false => malformed(format!("{key}: not a finite number")),
    }
}

/// How a vector is written.
pub(crate) fn vector_text(vector: Vec3) -> String {
    format!("<{}, {}, {}>", vector.x, vector.y, vector.z)
}

/// How a rotation is written.
pub(crate) fn rotation_text(rotation: Quat) -> String {
    format!("<{}, {}, {}, {}>", rotation.x, rotation.y, rotation.z, rotation.w)
}

/// A handle, which travels as digits.
pub(crate) fn handle(body: &Value, key: &str) -> RegionHandle {
    RegionHandle(body[key].as_u64())
}

/// `throttles`; those of another length are none.
pub(crate) fn throttles(body: &Value) -> Option<[u8; 28]> {
    body["throttles"].as_binary().as_ref().try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use llsd::map;

    #[test]
    fn vectors_are_read_as_peers_write_them_and_nothing_else_is() {
        let read = |text: &str| vector(&map! { "at" => text }, "at");
        assert_eq!(read("<128, 127.5, 7.683358E-06>").unwrap(), Vec3::new(128.0, 127.5, 7.683358e-6));
        assert_eq!(read(" <1,-2,3> ").unwrap(), Vec3::new(1.0, -2.0, 3.0));
        for wrong in ["", "<1, 2>", "<1, 2, x>", "<NaN, 0, 0>", "<1, 2, 1e39>", "<1, 2, -Infinity>"] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
        assert_eq!(vector(&map! {}, "at").unwrap(), Vec3::ZERO);
        assert_eq!(rotation(&map! {}, "at").unwrap(), Quat::IDENTITY);
    }

    #[test]
    fn names_are_cut_between_characters() {
        let body = map! { "name" => "ab\u{20ac}" };
        assert_eq!(text(&body, "name", 5), "ab\u{20ac}");
        assert_eq!(text(&body, "name", 4), "ab");
    }
}
