//! What everybody starts with: the standard folders, and an outfit so that nobody is a cloud.
//!
//! The outfit's wearables and their one texture are assets of the [`library`], so that any grid has them
//! without an upload. Viewers show an avatar as a cloud until its baked textures are known; until a viewer has baked
//! and said so (some bots never do), the [texture entry](texture_entry) names plain grey ones: a clay figure.

use crate::{AvatarData, LoginAppearance, asset_type, folder_type, library};
use model::{AssetId, ItemId, Uuid};

/// Folders directly under everybody's root: (type, name). A login hangs in today's viewers when some of these are
/// missing (login fact sheet, 4.4).
pub const FOLDERS: [(i32, &str); 21] = [
    (folder_type::TEXTURES, "Textures"),
    (folder_type::SOUNDS, "Sounds"),
    (folder_type::CALLING_CARDS, "Calling Cards"),
    (folder_type::LANDMARKS, "Landmarks"),
    (folder_type::CLOTHING, "Clothing"),
    (folder_type::OBJECTS, "Objects"),
    (folder_type::NOTECARDS, "Notecards"),
    (folder_type::SCRIPTS, "Scripts"),
    (folder_type::BODY_PARTS, "Body Parts"),
    (folder_type::TRASH, "Trash"),
    (folder_type::PHOTO_ALBUM, "Photo Album"),
    (folder_type::LOST_AND_FOUND, "Lost And Found"),
    (folder_type::ANIMATIONS, "Animations"),
    (folder_type::GESTURES, "Gestures"),
    (folder_type::FAVORITES, "Favorites"),
    (folder_type::CURRENT_OUTFIT, "Current Outfit"),
    (folder_type::MY_OUTFITS, "My Outfits"),
    (folder_type::MESHES, "Meshes"),
    (folder_type::INBOX, "Received Items"),
    (folder_type::SETTINGS, "Settings"),
    (folder_type::MATERIALS, "Materials"),
];

/// Name of the root folder.
pub const ROOT_NAME: &str = "My Inventory";

/// Whether a folder of this type exists once in an inventory, and neither moves nor goes.
pub fn is_system_folder(kind: i32) -> bool {
    kind == folder_type::ROOT || FOLDERS.iter().any(|&(standard, _)| standard == kind)
}

/// A wearable of the outfit that everybody starts with.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Wearable {
    /// Its name in the inventory.
    pub name: &'static str,
    /// Wearable type: 0 shape, 1 skin, 2 hair, 3 eyes, 4 shirt, 5 pants.
    pub kind: u8,
    /// Its asset in the library.
    pub asset: AssetId,
    /// Visual parameters that are not at their default: (id, weight).
    pub(crate) params: &'static [(u16, f32)],
    /// Texture slots of the avatar that it covers.
    pub(crate) textures: &'static [u8],
}

impl Wearable {
    /// Kind of its asset.
    pub fn asset_type(&self) -> i32 {
        if self.kind < 4 { asset_type::BODY_PART } else { asset_type::CLOTHING }
    }

    /// Type of the folder in which it belongs.
    pub fn folder_type(&self) -> i32 {
        if self.kind < 4 { folder_type::BODY_PARTS } else { folder_type::CLOTHING }
    }
}

const fn asset(n: u128) -> AssetId {
    AssetId(Uuid::from_u128(0x8D5B_1F60_3C52_4E7A_9E10_50A0_0000_0000 | n))
}

/// The outfit. Parameter ids and texture slots are those of the avatar definition that all viewers share.
pub const OUTFIT: [Wearable; 6] = [
    Wearable {
        name: "Shape",
        kind: 0,
        asset: asset(0),
        params: &[(33, 0.2), (34, 0.1), (80, 0.0)],
        textures: &[],
    },
    Wearable {
        name: "Skin",
        kind: 1,
        asset: asset(1),
        params: &[(111, 0.35), (110, 0.1)],
        textures: &[0, 5, 6],
    },
    Wearable {
        name: "Hair",
        kind: 2,
        asset: asset(2),
        params: &[(112, 0.0), (113, 0.25), (114, 0.4), (115, 0.0)],
        textures: &[4],
    },
    Wearable { name: "Eyes", kind: 3, asset: asset(3), params: &[(98, 0.2), (99, 0.6)], textures: &[3] },
    Wearable {
        name: "Shirt",
        kind: 4,
        asset: asset(4),
        params: &[(800, 0.6), (801, 0.8), (803, 0.85), (804, 0.92), (805, 1.0)],
        textures: &[1],
    },
    Wearable {
        name: "Pants",
        kind: 5,
        asset: asset(5),
        params: &[(814, 0.9), (815, 0.9), (806, 0.35), (807, 0.4), (808, 0.6)],
        textures: &[2],
    },
];

/// How somebody looks who wears the outfit; `items` are their inventory items, in the order of [`OUTFIT`].
pub fn appearance(items: [ItemId; OUTFIT.len()]) -> LoginAppearance {
    LoginAppearance {
        wearables: OUTFIT.iter().zip(items).map(|(wearable, item)| vec![(item, wearable.asset)]).collect(),
        visual_params: visual_params(),
        texture_entry: texture_entry(),
        height_mm: HEIGHT_MM,
        serial: 1,
        attachments: Vec::new(),
    }
}

/// The same, for the avatar service.
pub fn avatar(items: [ItemId; OUTFIT.len()]) -> AvatarData {
    appearance(items).to_avatar()
}

/// Millimetres.
const HEIGHT_MM: u32 = 1900;

/// The neutral avatar: one byte for each visual parameter that is transmitted, in the order of their ids, as recorded
/// in CreateAgent messages of a grid's new accounts.
const VISUAL_PARAMS: [u8; 218] = [
    33, 61, 85, 23, 58, 127, 63, 85, 63, 42, 0, 85, 63, 36, 85, 95, 153, 63, 34, 0, 63, 109, 88, 132, 63,
    136, 81, 85, 103, 136, 127, 0, 150, 150, 150, 127, 0, 0, 0, 0, 0, 127, 0, 0, 255, 127, 114, 127, 99, 63,
    127, 140, 127, 127, 0, 0, 0, 191, 0, 104, 0, 0, 0, 0, 0, 0, 0, 0, 0, 145, 216, 133, 0, 127, 0, 127, 170,
    0, 0, 127, 127, 109, 85, 127, 127, 63, 85, 42, 150, 150, 150, 150, 150, 150, 150, 25, 150, 150, 150, 0,
    127, 0, 0, 144, 85, 127, 132, 127, 85, 0, 127, 127, 127, 127, 127, 127, 59, 127, 85, 127, 127, 106, 47,
    79, 127, 127, 204, 2, 141, 66, 0, 0, 127, 127, 0, 0, 0, 0, 127, 0, 159, 0, 0, 178, 127, 36, 85, 131, 127,
    127, 127, 153, 95, 0, 140, 75, 27, 127, 127, 0, 150, 150, 198, 0, 0, 63, 30, 127, 165, 209, 198, 127,
    127, 153, 204, 51, 51, 255, 255, 255, 204, 0, 255, 150, 150, 150, 150, 150, 150, 150, 150, 150, 150, 0,
    150, 150, 150, 150, 150, 0, 127, 127, 150, 150, 150, 150, 150, 150, 150, 150, 0, 0, 150, 51, 132, 150,
    150, 150,
];

/// Visual parameters of the neutral avatar.
pub fn visual_params() -> Vec<u8> {
    VISUAL_PARAMS.to_vec()
}

/// "No texture here", as avatars' texture entries say it.
const NO_TEXTURE: AssetId = AssetId(Uuid::from_u128(0xC228_D1CF_4B5D_4BA8_84F4_899A_0796_AA97));
/// Slots of the baked textures of head, upper body, lower body, eyes and hair, as a bit mask.
const BAKED_SLOTS: u32 = 1 << 8 | 1 << 9 | 1 << 10 | 1 << 11 | 1 << 20;

/// The packed texture entry of an avatar whose viewer has not baked yet.
pub fn texture_entry() -> Vec<u8> {
    let mut entry = Vec::with_capacity(80);
    // Each field: the value of most faces; the faces that differ, 7 bits a byte from the top, and their value; 0.
    entry.extend(NO_TEXTURE.0.as_bytes());
    for shift in [14, 7] {
        entry.push((BAKED_SLOTS >> shift & 0x7F) as u8 | 0x80);
    }
    entry.push((BAKED_SLOTS & 0x7F) as u8);
    entry.extend(library::GREY.0.as_bytes());
    entry.push(0);
    // Colour (inverted), repeats, offsets, rotation, material, media, glow.
    entry.extend([0, 0, 0, 0, 0]);
    for repeat in [1.0_f32, 1.0] {
        entry.extend(repeat.to_le_bytes());
        entry.push(0);
    }
    entry.extend([0; 9]);
    entry.extend([0; 6]);
    // Material id.
    entry.extend([0; 17]);
    entry
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `te8` of a new account's avatar in a CreateAgent that an OpenSimulator 0.9.2.2 login service sent.
    const RECORDED: &str = "c228d1cf4b5d4ba884f4899a0796aa97 00 00000000 00 0000803f 00 0000803f 00 0000 00 0000 00 \
                            0000 00 00 00 00 00 00 00 00000000000000000000000000000000 00";

    #[test]
    fn the_texture_entry_is_a_recorded_one_with_bakes() {
        let hex: String = RECORDED.split_whitespace().collect();
        let recorded: Vec<u8> =
            (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
        let entry = texture_entry();
        assert_eq!(entry[..16], recorded[..16]);
        assert_eq!(entry[16..19], [0xC0, 0x9E, 0x00]);
        assert_eq!(entry[19..35], *library::GREY.0.as_bytes());
        assert_eq!(entry[35..], recorded[16..]);
    }

    #[test]
    fn every_type_of_folder_is_there_once() {
        let kinds: std::collections::BTreeSet<_> = FOLDERS.iter().map(|&(kind, _)| kind).collect();
        assert_eq!(kinds.len(), FOLDERS.len());
        for needed in [14, 23, 2, 48, 46, 3, 56, 57, 50] {
            assert!(kinds.contains(&needed), "a login would hang without folder type {needed}");
        }
    }

    #[test]
    fn the_outfit_is_in_the_library() {
        for wearable in OUTFIT {
            assert!(library::asset(wearable.asset).is_some(), "{}", wearable.name);
        }
    }
}
