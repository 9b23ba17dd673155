//! Landmark assets: a few lines of text.

use crate::interface::Place;
use model::{RegionId, Uuid, Vec3};

/// Landmarks are this long at most; a few hundred bytes are usual.
const MAX_BYTES: usize = 4096;

/// The place a landmark names; `None` when it is none.
pub(crate) fn parse(asset: &[u8]) -> Option<Place> {
    let text = std::str::from_utf8(asset.get(..MAX_BYTES.min(asset.len()))?).ok()?;
    let mut lines = text.trim_end_matches('\0').lines();
    if !lines.next()?.trim().eq_ignore_ascii_case("Landmark version 2") {
        return None;
    }
    let (mut region, mut position) = (None, None);
    for line in lines {
        let mut words = line.split_whitespace();
        match words.next() {
            Some("region_id") => region = Uuid::parse_str(words.next()?).ok(),
            Some("local_pos") => {
                let mut number = || words.next().and_then(|word| word.parse::<f32>().ok());
                position = Some(Vec3::new(number()?, number()?, number()?));
            }
            // region_handle, gatekeeper and what later versions may add.
            _ => {}
        }
    }
    let position = position.filter(|position| position.is_finite())?;
    Some(Place { region: RegionId(region.filter(|id| !id.is_nil())?), position, look_at: Vec3::X })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_landmark_names_region_and_position() {
        let text =
            "Landmark version 2\nregion_id 11111111-2222-3333-4444-555555555555\nlocal_pos 12.5 34 56\n\0";
        let place = parse(text.as_bytes()).expect("a landmark");
        assert_eq!(place.position, Vec3::new(12.5, 34.0, 56.0));
        assert_eq!(place.region.to_string(), "11111111-2222-3333-4444-555555555555");
    }

    #[test]
    fn what_is_no_landmark_is_none() {
        let id = "11111111-2222-3333-4444-555555555555";
        for text in [
            String::new(),
            "Landmark version 1\n".into(),
            "Landmark version 2\nlocal_pos 1 2 3".into(),
            format!("Landmark version 2\nregion_id {id}\nlocal_pos 1 two 3"),
            format!("Landmark version 2\nregion_id {id}\nlocal_pos NaN 2 3"),
            "Landmark version 2\nregion_id 00000000-0000-0000-0000-000000000000\nlocal_pos 1 2 3".into(),
        ] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(parse(&[0xff; 10_000]), None);
    }
}
