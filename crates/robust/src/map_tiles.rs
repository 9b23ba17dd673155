//! `/map` and `/removemap`: pictures of the ground from above. They have no `METHOD`: the path says which it is.

use crate::{Form, Malformed, Wording};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::GridCell;
use std::sync::Arc;

/// A request to the map tile service.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Call {
    /// Store a picture.
    Put(GridCell, Arc<[u8]>),
    /// Remove a picture.
    Remove(GridCell),
}

/// In which words the service says whether it did it.
pub const WORDING: Wording = Wording::CAPITALIZED;

/// Where pictures are stored.
pub const PUT_PATH: &str = "/map";
/// Where they are removed.
pub const REMOVE_PATH: &str = "/removemap";

impl Call {
    /// Reads a request to `/map`. Without a picture it removes one.
    ///
    /// # Errors
    /// A field is missing or makes no sense.
    pub fn parse(form: &Form) -> Result<Self, Malformed> {
        let Self::Remove(cell) = Self::parse_remove(form)? else { return Err(Malformed::odd("DATA")) };
        match form.text("DATA") {
            None => Ok(Self::Remove(cell)),
            Some(data) => {
                let jpeg = STANDARD.decode(data.trim()).map_err(|_| Malformed::odd("DATA"))?;
                Ok(Self::Put(cell, jpeg.into()))
            }
        }
    }

    /// Reads a request to `/removemap`.
    ///
    /// # Errors
    /// A field is missing or makes no sense.
    pub fn parse_remove(form: &Form) -> Result<Self, Malformed> {
        Ok(Self::Remove(GridCell { x: form.get("X")?, y: form.get("Y")? }))
    }

    /// Where it goes.
    pub fn path(&self) -> &'static str {
        match self {
            Self::Put(..) => PUT_PATH,
            Self::Remove(_) => REMOVE_PATH,
        }
    }

    /// The request as a form.
    pub fn to_form(&self) -> Form {
        let (Self::Put(cell, _) | Self::Remove(cell)) = self;
        let form = Form::new().with("X", cell.x).with("Y", cell.y);
        match self {
            Self::Put(_, jpeg) => form.with("TYPE", "image/jpeg").with("DATA", STANDARD.encode(jpeg)),
            Self::Remove(_) => form,
        }
    }
}

/// The name under which everybody gets a picture. Zoom level 1 is one cell.
pub fn file_name(cell: GridCell) -> String {
    format!("map-1-{}-{}-objects.jpg", cell.x, cell.y)
}

/// Zoom level and cell of such a name.
pub fn read_file_name(name: &str) -> Option<(u8, GridCell)> {
    let mut parts = name.strip_prefix("map-")?.strip_suffix("-objects.jpg")?.split('-');
    let zoom = parts.next()?.parse().ok()?;
    let cell = GridCell { x: parts.next()?.parse().ok()?, y: parts.next()?.parse().ok()? };
    parts.next().is_none().then_some((zoom, cell))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tree;

    const RECORDED: &[u8] = include_bytes!("../golden/map-0.7.5.1.form");

    #[test]
    fn a_recorded_picture_is_read_and_written_the_same() {
        let call = Call::parse(&Form::parse(RECORDED).unwrap()).unwrap();
        let Call::Put(cell, jpeg) = &call else { panic!("{call:?}") };
        assert_eq!(*cell, GridCell { x: 1002, y: 1000 });
        assert!(jpeg.starts_with(b"\xFF\xD8\xFF\xE0\0\x10JFIF") && jpeg.ends_with(b"\xFF\xD9"));
        assert_eq!(call.to_form().write().as_bytes(), RECORDED.trim_ascii_end());
        assert_eq!(call.path(), "/map");
    }

    #[test]
    fn both_recorded_answers_say_that_it_is_stored() {
        for answer in [
            "<?xml version =\"1.0\"?><ServerResponse><Result>Success</Result></ServerResponse>",
            "<?xml version=\"1.0\"?>\n<ServerResponse>\n  <Result>Success</Result>\n</ServerResponse>",
        ] {
            assert_eq!(WORDING.read(&Tree::parse(answer.as_bytes()).unwrap()), Ok(()));
        }
    }

    #[test]
    fn any_call_is_read_as_it_was_written() {
        arbtest::arbtest(|u| {
            let cell = GridCell { x: u.arbitrary()?, y: u.arbitrary()? };
            let jpeg: Vec<u8> = u.arbitrary()?;
            for call in [Call::Put(cell, jpeg.into()), Call::Remove(cell)] {
                let form = Form::parse(call.to_form().write().as_bytes()).unwrap();
                assert_eq!(Call::parse(&form).as_ref(), Ok(&call));
                assert_eq!(Call::parse_remove(&form), Ok(Call::Remove(cell)));
            }
            assert_eq!(read_file_name(&file_name(cell)), Some((1, cell)));
            Ok(())
        });
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        for (body, error) in [
            ("Y=1", Malformed::missing("X")),
            ("X=1&Y=-1", Malformed::odd("Y")),
            ("X=1&Y=1&DATA=%%%", Malformed::odd("DATA")),
        ] {
            assert_eq!(Call::parse(&Form::parse(body.as_bytes()).unwrap()), Err(error));
        }
        for name in
            ["", "map-1-2-objects.jpg", "map-1-2-3-4-objects.jpg", "map-1-2-3.jpg", "map-1--2-3-objects.jpg"]
        {
            assert_eq!(read_file_name(name), None, "{name}");
        }
        assert_eq!(read_file_name("map-8-256-0-objects.jpg"), Some((8, GridCell { x: 256, y: 0 })));
    }
}
