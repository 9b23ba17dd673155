use model::{RegionSize, Vec3};

/// Bytes of a region's name that are looked at.
const NAME_BYTES: usize = 255;
/// Highest place that a login may ask for, metres.
const CEILING_M: f32 = 10_000.0;

/// Where somebody wants to begin (login fact sheet, section 3).
#[derive(Clone, PartialEq, Debug)]
pub enum StartLocation {
    /// Where they were last.
    Last,
    /// Home.
    Home,
    /// A region, and perhaps a place in it, region-local metres.
    Region {
        /// Its name.
        name: String,
        /// Where in it.
        position: Option<Vec3>,
    },
}

impl StartLocation {
    /// Reads the `start` field: `last`, `home`, `uri:Region&x&y&z`. Numbers may have fractions, ampersands may have been
    /// escaped (old viewers do it twice), names may be percent-encoded. What makes no sense means `last`.
    pub fn parse(field: &str) -> Self {
        let field = field.trim();
        if field.eq_ignore_ascii_case("home") {
            return Self::Home;
        }
        let Some(place) = strip_prefix_ignoring_case(field, "uri:") else { return Self::Last };
        let place = place.replace("&amp;amp;", "&").replace("&amp;", "&");
        let mut parts = place.split('&');
        let name = decoded(parts.next().unwrap_or_default().trim());
        if name.is_empty() || name.len() > NAME_BYTES {
            return Self::Last;
        }
        let numbers: Vec<f32> = parts.map_while(|part| part.trim().parse().ok()).take(3).collect();
        let position = match numbers[..] {
            [x, y, z] => Some(Vec3::new(x, y, z)),
            [x, y] => Some(Vec3::new(x, y, 0.0)),
            _ => None,
        };
        Self::Region { name, position: position.filter(|position| position.is_finite()) }
    }

    /// What the response calls a start that came true.
    pub fn answer(&self) -> &'static str {
        match self {
            Self::Last => "last",
            Self::Home => "home",
            Self::Region { .. } => "url",
        }
    }
}

/// The nearest place that is on a region of this size.
pub(super) fn on_region(position: Vec3, size: RegionSize) -> Vec3 {
    // A viewer that stands exactly on the edge stands on the neighbour.
    const EDGE_M: f32 = 0.5;
    let along = |at: f32, length: u32| at.clamp(EDGE_M, length as f32 - EDGE_M);
    Vec3::new(along(position.x, size.x), along(position.y, size.y), position.z.clamp(0.0, CEILING_M))
}

fn strip_prefix_ignoring_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// Percent-encoding undone; text that is not percent-encoded stays as it is.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).and_then(|&byte| char::from(byte).to_digit(16));
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while let Some(&byte) = bytes.get(at) {
        match (byte, digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high << 4 | low) as u8);
                at += 3;
            }
            _ => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8(out).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_forms() {
        let region = |name: &str, position: Option<[f32; 3]>| StartLocation::Region {
            name: name.into(),
            position: position.map(Vec3::from),
        };
        for (field, start) in [
            ("last", StartLocation::Last),
            ("", StartLocation::Last),
            ("HOME", StartLocation::Home),
            ("uri:A One&128&128&30", region("A One", Some([128.0, 128.0, 30.0]))),
            ("uri:A One&amp;12.5&amp;1&amp;30.25", region("A One", Some([12.5, 1.0, 30.25]))),
            ("uri:A One&amp;amp;1&amp;amp;2&amp;amp;3", region("A One", Some([1.0, 2.0, 3.0]))),
            ("URI:A%20One&1&2", region("A One", Some([1.0, 2.0, 0.0]))),
            ("uri:100% Land", region("100% Land", None)),
            ("uri:Ünd&x&y&z", region("Ünd", None)),
            ("uri:Far&1&NaN&3", region("Far", None)),
            ("uri:Far&1", region("Far", None)),
            ("uri:grid.example:8002:Plaza&1&2&3", region("grid.example:8002:Plaza", Some([1.0, 2.0, 3.0]))),
            ("uri:", StartLocation::Last),
            ("uri:&1&2&3", StartLocation::Last),
            ("ürl", StartLocation::Last),
            ("somewhere", StartLocation::Last),
        ] {
            assert_eq!(StartLocation::parse(field), start, "{field:?}");
        }
        assert_eq!(StartLocation::parse(&format!("uri:{}", "x".repeat(256))), StartLocation::Last);
    }

    #[test]
    fn any_text_is_a_start() {
        arbtest::arbtest(|input| {
            let field: String = input.arbitrary()?;
            for field in [field.clone(), format!("uri:{field}")] {
                if let StartLocation::Region { position: Some(position), .. } = StartLocation::parse(&field) {
                    let placed = on_region(position, RegionSize::STANDARD);
                    assert!(RegionSize::STANDARD.contains(placed));
                }
            }
            Ok(())
        });
    }
}
