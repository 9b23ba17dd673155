//! `packed_appearance`: how an avatar looks, in the form of each version (fact sheet, 3.3).

use crate::fields::{Result, bytes, list, malformed, real};
use crate::textures::{self, FACES_MAX};
use llsd::{Map, Value, map};
use model::{AssetId, ItemId, Uuid};
use transfer::{Outfit, Version};

/// The most bytes of a texture entry; 45 faces with everything different on each stay below.
const ENTRY_MAX: usize = 8 << 10;
/// The most visual parameters.
const PARAMS_MAX: usize = 1024;
/// The most wearable types, and the most worn of one type.
const WORN_MAX: usize = 64;
/// The most attachments in an outfit.
const ATTACHED_MAX: usize = 256;
/// An avatar taller than this, or hovering more, is none, metres.
const HEIGHT_MAX_M: f32 = 1000.0;
/// From here on, wearable types and baked faces travel under keys of their own.
const UNIVERSAL: usize = 16;
const UNIVERSAL_FACE: u32 = 40;

/// All of it, as far as a version has a place for it.
pub(crate) fn pack(outfit: &Outfit, version: Version) -> Value {
    let bare = Outfit {
        height_mm: outfit.height_mm,
        hover_mm: outfit.hover_mm,
        serial: outfit.serial,
        ..Outfit::default()
    };
    let mut packed = pack_height(outfit, version);
    packed.insert("serial".into(), Value::from(outfit.serial));
    if *outfit == bare {
        return Value::Map(packed);
    }
    if version == Version::V0_2 {
        packed.insert("hashes".into(), (0..21).map(|_| Uuid::nil()).collect());
    }
    pack_wearables(outfit, version, &mut packed);
    pack_textures(outfit, version, &mut packed);
    packed.insert("visualparams".into(), outfit.visual_params.as_slice().into());
    let attached = outfit.attached.iter().map(|(point, item, asset)| {
        map! { "point" => *point, "item" => item.0, "asset" => asset.0 }
    });
    packed.insert("attachments".into(), attached.collect());
    Value::Map(packed)
}

/// Its height alone: what CreateAgent says since 0.3, because the rest comes with UpdateAgent.
pub(crate) fn pack_height(outfit: &Outfit, version: Version) -> Map {
    let metres = |mm: f64| (mm / 1000.0) as f32;
    let mut packed = Map::from([("height".into(), metres(outfit.height_mm.into()).into())]);
    if version >= Version::V0_3 {
        packed.insert("aphz".into(), metres(outfit.hover_mm.into()).into());
    }
    packed
}

/// Worn items in the legacy form, which 0.1 and 0.2 repeat outside: fifteen types, whatever is worn.
pub(crate) fn wearables(worn: &[Vec<(ItemId, AssetId)>], types: usize) -> Value {
    let one = |(item, asset): &(ItemId, AssetId)| map! { "item" => item.0, "asset" => asset.0 };
    let of_type = |nth: usize| worn.get(nth).into_iter().flatten().map(one).collect::<Value>();
    (0..types).map(of_type).collect()
}

fn pack_wearables(outfit: &Outfit, version: Version, packed: &mut Map) {
    let legacy = if version < Version::V0_5 { 15 } else { outfit.wearables.len().clamp(15, UNIVERSAL) };
    packed.insert("wearables".into(), wearables(&outfit.wearables, legacy));
    if version >= Version::V0_8 && outfit.wearables.len() > UNIVERSAL {
        let universal = &outfit.wearables[UNIVERSAL..];
        packed.insert("wrbls8".into(), wearables(universal, universal.len()));
    }
}

fn pack_textures(outfit: &Outfit, version: Version, packed: &mut Map) {
    let faces = match version {
        Version::V0_1 | Version::V0_2 => 21,
        _ => 29,
    };
    if outfit.texture_entry.is_empty() {
        // Not known; the default textures would be taken for what is worn.
    } else if version >= Version::V0_8 {
        packed.insert("te8".into(), outfit.texture_entry.as_slice().into());
    } else {
        let worn = textures::of_entry(&outfit.texture_entry, faces);
        packed.insert("textures".into(), worn.into_iter().map(Uuid::from).collect());
    }
    if version < Version::V0_3 {
        return;
    }
    let (universal, baked): (Vec<_>, Vec<_>) =
        outfit.baked.iter().partition(|(face, _, _)| *face >= UNIVERSAL_FACE);
    for (key, baked) in [("bakedcache", baked), ("bc8", universal)] {
        if !baked.is_empty() {
            let one = |(face, cache, texture): (u32, Uuid, AssetId)| {
                let face = Value::from_u32_be(face);
                map! { "textureindex" => face, "cacheid" => cache, "textureid" => texture.0 }
            };
            packed.insert(key.into(), baked.into_iter().map(one).collect());
        }
    }
}

/// Reads what any version packs.
pub(crate) fn unpack(packed: &Value) -> Result<Outfit> {
    Ok(Outfit {
        texture_entry: texture_entry(packed)?,
        visual_params: bytes(packed, "visualparams", PARAMS_MAX)?.into_owned(),
        wearables: worn(packed)?,
        height_mm: millimetres(packed, "height")?.max(0).cast_unsigned(),
        hover_mm: millimetres(packed, "aphz")?,
        serial: packed["serial"].as_u32(),
        attached: attached(packed)?,
        baked: baked(packed)?,
    })
}

/// What 0.1 and 0.2 say of an outfit outside of it. The texture entry there is whole, colours and all.
pub(crate) fn unpack_legacy(body: &Value, outfit: &mut Outfit) -> Result<()> {
    let entry = bytes(body, "texture_entry", ENTRY_MAX)?;
    if !entry.is_empty() {
        outfit.texture_entry = entry.into_owned();
    }
    if outfit.visual_params.is_empty() {
        outfit.visual_params = bytes(body, "visual_params", PARAMS_MAX)?.into_owned();
    }
    if outfit.wearables.is_empty() {
        outfit.wearables = worn(body)?;
    }
    Ok(())
}

fn millimetres(packed: &Value, key: &str) -> Result<i32> {
    let metres = real(packed, key)?;
    if metres.abs() > HEIGHT_MAX_M {
        return malformed(format!("{key}: {metres} m"));
    }
    Ok((f64::from(metres) * 1000.0).round() as i32)
}

fn texture_entry(packed: &Value) -> Result<Vec<u8>> {
    let entry = bytes(packed, "te8", ENTRY_MAX)?;
    if !entry.is_empty() {
        return Ok(entry.into_owned());
    }
    let textures = list(packed, "textures", FACES_MAX)?;
    Ok(textures::to_entry(&textures.iter().map(|id| AssetId(id.as_uuid())).collect::<Vec<_>>()))
}

/// Types at the end of which nothing is worn are left out: senders fill up to what their version has.
fn worn(packed: &Value) -> Result<Vec<Vec<(ItemId, AssetId)>>> {
    let types = list(packed, "wearables", WORN_MAX)?.iter().chain(list(packed, "wrbls8", WORN_MAX)?);
    let mut wearables = Vec::new();
    for of_type in types {
        let of_type = of_type.as_array();
        if of_type.len() > WORN_MAX {
            return malformed(format!("wearables: more than {WORN_MAX} of one type"));
        }
        let one = |worn: &Value| (ItemId(worn["item"].as_uuid()), AssetId(worn["asset"].as_uuid()));
        wearables.push(of_type.iter().map(one).collect::<Vec<_>>());
    }
    let types = wearables.iter().rposition(|of_type| !of_type.is_empty()).map_or(0, |last| last + 1);
    wearables.truncate(types);
    Ok(wearables)
}

fn attached(packed: &Value) -> Result<Vec<(u8, ItemId, AssetId)>> {
    let one = |worn: &Value| {
        (worn["point"].as_i32() as u8, ItemId(worn["item"].as_uuid()), AssetId(worn["asset"].as_uuid()))
    };
    Ok(list(packed, "attachments", ATTACHED_MAX)?.iter().map(one).collect())
}

fn baked(packed: &Value) -> Result<Vec<(u32, Uuid, AssetId)>> {
    let one = |baked: &Value| {
        (baked["textureindex"].as_u32(), baked["cacheid"].as_uuid(), AssetId(baked["textureid"].as_uuid()))
    };
    let legacy = list(packed, "bakedcache", FACES_MAX)?;
    Ok(legacy.iter().chain(list(packed, "bc8", FACES_MAX)?).map(one).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outfit() -> Outfit {
        let worn = |n| vec![(ItemId(Uuid::from_u128(n)), AssetId(Uuid::from_u128(n + 1)))];
        Outfit {
            texture_entry: textures::to_entry(&[AssetId(Uuid::from_u128(7)); 45]),
            visual_params: vec![1, 2, 3],
            wearables: (1..=17).map(worn).collect(),
            height_mm: 1691,
            hover_mm: -20,
            serial: 3,
            attached: vec![(0x85, ItemId(Uuid::from_u128(5)), AssetId(Uuid::from_u128(6)))],
            baked: vec![(8, Uuid::from_u128(1), AssetId::NULL), (40, Uuid::nil(), AssetId::NULL)],
        }
    }

    /// What the table of fact sheet 3.3 has for each version.
    #[test]
    fn each_version_packs_what_it_has() {
        type Case = (u8, &'static [&'static str], &'static [&'static str], usize, Option<usize>);
        let cases: [Case; 6] = [
            (1, &[], &["hashes", "aphz", "bakedcache", "bc8", "te8", "wrbls8"], 15, Some(21)),
            (2, &["hashes"], &["aphz", "bakedcache", "bc8", "te8", "wrbls8"], 15, Some(21)),
            (3, &["aphz", "bakedcache", "bc8"], &["hashes", "te8", "wrbls8"], 15, Some(29)),
            (5, &["aphz", "bakedcache", "bc8"], &["hashes", "te8", "wrbls8"], 16, Some(29)),
            (7, &["aphz", "bakedcache", "bc8"], &["hashes", "te8", "wrbls8"], 16, Some(29)),
            (8, &["aphz", "bakedcache", "bc8", "te8", "wrbls8"], &["hashes", "textures"], 16, None),
        ];
        for (minor, has, lacks, types, faces) in cases {
            let packed = pack(&outfit(), Version::new(minor));
            let common = ["serial", "height", "wearables", "visualparams", "attachments"];
            for key in common.iter().chain(has) {
                assert!(packed.get(key).is_some(), "0.{minor} lacks {key}");
            }
            for key in lacks {
                assert!(packed.get(key).is_none(), "0.{minor} has {key}");
            }
            assert_eq!(packed["wearables"].as_array().len(), types, "0.{minor}");
            assert_eq!(packed.get("textures").map(|textures| textures.as_array().len()), faces, "0.{minor}");
        }
    }

    #[test]
    fn the_newest_version_loses_nothing() {
        assert_eq!(unpack(&pack(&outfit(), Version::V0_8)).unwrap(), outfit());
    }

    #[test]
    fn an_outfit_that_nobody_knows_is_its_height() {
        let height = Outfit { height_mm: 1900, ..Outfit::default() };
        let packed = pack(&height, Version::V0_8);
        assert_eq!(llsd::json::write(&packed), "{\"height\":1.899999976158142}");
        assert_eq!(unpack(&packed).unwrap(), height);
    }

    #[test]
    fn nonsense_is_refused() {
        let many: Value = (0..=WORN_MAX).map(|_| Value::Undefined).collect();
        for packed in [
            map! { "height" => 1e9 },
            map! { "aphz" => "nan" },
            map! { "te8" => vec![0; ENTRY_MAX + 1] },
            map! { "visualparams" => vec![0; PARAMS_MAX + 1] },
            map! { "wearables" => many.clone() },
            map! { "wearables" => llsd::array![many] },
        ] {
            assert!(unpack(&packed).is_err(), "{packed:?}");
        }
    }
}
