//! What an agent carries along: animations, groups, grabbed controls, attachments (fact sheet, 4.1 and 4.2).

use crate::fields::{NAME_MAX, Result, list, malformed, text};
use llsd::{Map, Value, map};
use model::{AssetId, ItemId};
use std::sync::Arc;
use transfer::{Attachment, Baggage, ControlGrab, GroupMembership, Playing, Version};

/// The most animations that play at once.
const ANIMATIONS_MAX: usize = 256;
/// The most animations that replace others.
const OVERRIDES_MAX: usize = 256;
/// The most groups of one person.
const GROUPS_MAX: usize = 256;
/// The most scripts that have grabbed controls.
const GRABS_MAX: usize = 256;
/// The most attachments; viewers take 38.
const ATTACHMENTS_MAX: usize = 64;

/// Writes it into a body. `everything`: also what that version has no place for.
pub(crate) fn write(baggage: &Baggage, version: Version, everything: bool, body: &mut Map) {
    body.insert("active_group_id".into(), baggage.active_group.into());
    put_playing("default_animation", baggage.default_animation, body);
    put_playing("animation_state", baggage.movement_animation, body);
    if version >= Version::V0_3 || everything {
        body.insert("active_group_name".into(), (&baggage.group_name).into());
        body.insert("active_group_title".into(), baggage.group_title.as_deref().into());
        body.insert("motion_state".into(), baggage.motion_state.into());
        put("movementAO", &baggage.overrides, write_override, body);
    }
    if version < Version::V0_3 || everything {
        put("groups", &baggage.groups, write_group, body);
    }
    put("controllers", &baggage.grabs, write_grab, body);
    put("attach_objects", &baggage.attachments, |attachment| write_attachment(attachment), body);
}

fn put<T>(key: &str, items: &[T], write: impl Fn(&T) -> Value, body: &mut Map) {
    if !items.is_empty() {
        body.insert(key.into(), items.iter().map(write).collect());
    }
}

fn put_playing(key: &str, playing: Option<Playing>, body: &mut Map) {
    if let Some(playing) = playing {
        body.insert(key.into(), write_playing(&playing));
    }
}

/// Writes `animations`.
pub(crate) fn put_animations(animations: &[Playing], body: &mut Map) {
    put("animations", animations, write_playing, body);
}

fn write_playing((animation, object, sequence): &Playing) -> Value {
    map! { "animation" => animation.0, "object_id" => *object, "seq_num" => *sequence }
}

fn write_override((state, animation): &(String, AssetId)) -> Value {
    map! { "state" => state, "uuid" => animation.0 }
}

fn write_group(group: &GroupMembership) -> Value {
    map! {
        "group_id" => group.group,
        "group_powers" => group.powers.to_string(),
        "accept_notices" => group.accepts_notices,
    }
}

fn write_grab(grab: &ControlGrab) -> Value {
    map! {
        "object" => grab.object,
        "item" => grab.item.0,
        "ignore" => grab.ignored,
        "event" => grab.events,
    }
}

fn write_attachment(attachment: &Attachment) -> Value {
    map! {
        "sog" => &*attachment.object,
        "extra" => &*attachment.extra,
        "modified" => attachment.modified,
        "state" => &*attachment.script_state,
    }
}

/// Reads it from a body.
pub(crate) fn read(body: &Value) -> Result<Baggage> {
    let each = |key, max| Ok(list(body, key, max)?.iter());
    Ok(Baggage {
        attachments: each("attach_objects", ATTACHMENTS_MAX)?.map(attachment).collect::<Result<_>>()?,
        active_group: body["active_group_id"].as_uuid(),
        group_name: text(body, "active_group_name", NAME_MAX),
        group_title: body.get("active_group_title").map(|_| text(body, "active_group_title", NAME_MAX)),
        groups: each("groups", GROUPS_MAX)?.map(group).collect(),
        grabs: each("controllers", GRABS_MAX)?.map(grab).collect(),
        overrides: each("movementAO", OVERRIDES_MAX)?.map(replaced).collect(),
        default_animation: body.get("default_animation").map(playing),
        movement_animation: body.get("animation_state").map(playing),
        motion_state: body["motion_state"].as_i32() as u8,
    })
}

/// Reads `animations`.
pub(crate) fn animations(body: &Value) -> Result<Vec<Playing>> {
    Ok(list(body, "animations", ANIMATIONS_MAX)?.iter().map(playing).collect())
}

fn playing(value: &Value) -> Playing {
    (AssetId(value["animation"].as_uuid()), value["object_id"].as_uuid(), value["seq_num"].as_i32())
}

fn replaced(value: &Value) -> (String, AssetId) {
    (text(value, "state", NAME_MAX), AssetId(value["uuid"].as_uuid()))
}

fn group(value: &Value) -> GroupMembership {
    GroupMembership {
        group: value["group_id"].as_uuid(),
        powers: value["group_powers"].as_u64(),
        accepts_notices: value["accept_notices"].as_bool(),
    }
}

fn grab(value: &Value) -> ControlGrab {
    ControlGrab {
        object: value["object"].as_uuid(),
        item: ItemId(value["item"].as_uuid()),
        ignored: value["ignore"].as_u32(),
        events: value["event"].as_u32(),
    }
}

/// Whole or not at all: what is cut would be lost to its owner.
fn attachment(value: &Value) -> Result<Arc<Attachment>> {
    let whole = |key: &str| match value.get(key) {
        None | Some(Value::Undefined) => Ok(Arc::from("")),
        Some(text) => {
            text.text().map_or_else(|| malformed(format!("{key}: no text")), |text| Ok(text.into()))
        }
    };
    Ok(Arc::new(Attachment {
        object: whole("sog")?,
        extra: whole("extra")?,
        script_state: whole("state")?,
        modified: value["modified"].as_bool(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use llsd::json;

    #[test]
    fn attachments_leave_as_they_came() {
        let sog = "<SceneObjectGroup>\r\n\t\u{1f600} &amp; \\ \"\u{7f}\u{0}</SceneObjectGroup>";
        let came = map! { "attach_objects" => llsd::array![map! {
            "sog" => sog,
            "extra" => "<ExtraFromItemID>1</ExtraFromItemID>",
            "modified" => true,
            "state" => " <s/>\n",
        }] };
        let read = read(&json::parse(json::write(&came)).unwrap()).unwrap();
        assert_eq!(&*read.attachments[0].object, sog);
        let mut left = Map::new();
        write(&read, Version::V0_8, false, &mut left);
        assert_eq!(left["attach_objects"], came["attach_objects"]);
    }

    #[test]
    fn too_much_is_refused() {
        for (key, max) in
            [("attach_objects", ATTACHMENTS_MAX), ("groups", GROUPS_MAX), ("controllers", GRABS_MAX)]
        {
            let some = |count| map! { key => (0..count).map(|_| map! {}).collect::<Value>() };
            assert!(read(&some(max)).is_ok(), "{key}");
            assert!(read(&some(max + 1)).is_err(), "{key}");
        }
        assert!(read(&map! { "attach_objects" => llsd::array![map! { "sog" => 5 }] }).is_err());
    }
}
