//! What every grid has without anybody having made it: the library's folders and items, and the assets they show.
//! Made once, never changed; services answer from here what is asked about it.

use crate::{
    Asset, AssetMetadata, FolderContent, InventoryFolder, InventoryItem, Permissions, SaleInfo, asset_type,
    folder_type, inventory_type, starter,
};
use model::{AgentId, AssetId, FolderId, ItemId, Uuid};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::OnceLock;

/// Owner of the library (login fact sheet, 4.3).
pub const OWNER: AgentId = AgentId(Uuid::from_u128(0x1111_1111_1111_0000_0000_0001_00BB_A000));

/// Root folder of the library.
pub const ROOT: FolderId = FolderId(Uuid::from_u128(0x0000_0112_000F_0000_0000_0001_00BB_A000));

/// A plain grey texture.
pub const GREY: AssetId = AssetId(Uuid::from_u128(0x8D5B_1F60_3C52_4E7A_9E10_50A0_0000_1000));

/// The blank texture that every grid has. Regions of OpenSimulator ask for it to show it in place of missing ones.
pub const BLANK: AssetId = AssetId(Uuid::from_u128(0x5748_DECC_F629_461C_9A36_A35A_221F_E21F));

const BODY_PARTS: FolderId = FolderId(Uuid::from_u128(0x8D5B_1F60_3C52_4E7A_9E10_50A0_0000_2000));
const CLOTHING: FolderId = FolderId(Uuid::from_u128(0x8D5B_1F60_3C52_4E7A_9E10_50A0_0000_2001));
const TEXTURES: FolderId = FolderId(Uuid::from_u128(0x8D5B_1F60_3C52_4E7A_9E10_50A0_0000_2002));
const FIRST_ITEM: u128 = 0x8D5B_1F60_3C52_4E7A_9E10_50A0_0000_3000;

struct Library {
    folders: Vec<InventoryFolder>,
    items: Vec<InventoryItem>,
    assets: BTreeMap<AssetId, Asset>,
}

/// Its folders, root first.
pub fn folders() -> &'static [InventoryFolder] {
    &library().folders
}

/// Its items.
pub fn items() -> &'static [InventoryItem] {
    &library().items
}

/// What one of its folders holds.
pub fn content(id: FolderId) -> Option<FolderContent> {
    let folder = folders().iter().find(|folder| folder.id == id)?.clone();
    let folders = folders().iter().filter(|folder| folder.parent == id).cloned().collect();
    let items = items().iter().filter(|item| item.folder == id).cloned().collect();
    Some(FolderContent { folder, folders, items })
}

/// One of its assets.
pub fn asset(id: AssetId) -> Option<&'static Asset> {
    library().assets.get(&id)
}

/// What a grid gives for an asset that everybody expects it to have, as long as nobody has stored it.
pub fn stand_in(id: AssetId) -> Option<&'static Asset> {
    static BLANK_IMAGE: OnceLock<Asset> = OnceLock::new();
    let make = || {
        let mut asset = library().assets[&GREY].clone();
        asset.metadata.id = BLANK;
        asset.metadata.name = "Blank".into();
        asset
    };
    (id == BLANK).then(|| BLANK_IMAGE.get_or_init(make))
}

/// All its assets, by id.
pub fn assets() -> impl Iterator<Item = &'static Asset> {
    library().assets.values()
}

fn library() -> &'static Library {
    static LIBRARY: OnceLock<Library> = OnceLock::new();
    LIBRARY.get_or_init(make)
}

fn make() -> Library {
    let folder = |id, parent, name: &str, kind| InventoryFolder {
        id,
        owner: OWNER,
        parent,
        name: name.to_owned(),
        kind,
        version: 1,
    };
    let mut made = Library {
        folders: vec![
            folder(ROOT, FolderId::NULL, "Library", folder_type::ROOT),
            folder(BODY_PARTS, ROOT, "Body Parts", folder_type::BODY_PARTS),
            folder(CLOTHING, ROOT, "Clothing", folder_type::CLOTHING),
            folder(TEXTURES, ROOT, "Textures", folder_type::TEXTURES),
        ],
        items: Vec::new(),
        assets: BTreeMap::new(),
    };
    for wearable in &starter::OUTFIT {
        let folder = if wearable.folder_type() == folder_type::CLOTHING { CLOTHING } else { BODY_PARTS };
        let shown = AssetMetadata {
            id: wearable.asset,
            kind: wearable.asset_type(),
            name: wearable.name.to_owned(),
            creator: OWNER,
            ..AssetMetadata::default()
        };
        made.add(
            folder,
            inventory_type::WEARABLE,
            wearable.kind.into(),
            shown,
            wearable_text(wearable).as_bytes(),
        );
    }
    let grey = AssetMetadata {
        id: GREY,
        kind: asset_type::TEXTURE,
        name: "Grey".into(),
        creator: OWNER,
        ..AssetMetadata::default()
    };
    made.add(TEXTURES, inventory_type::TEXTURE, 0, grey, &grey_image());
    made
}

impl Library {
    fn add(
        &mut self,
        folder: FolderId,
        inventory_type: i32,
        flags: u32,
        metadata: AssetMetadata,
        data: &[u8],
    ) {
        let everybody = Permissions { everyone: Permissions::ALL, ..Permissions::FULL };
        self.items.push(InventoryItem {
            id: ItemId(Uuid::from_u128(FIRST_ITEM + self.items.len() as u128)),
            owner: OWNER,
            folder,
            asset: metadata.id,
            asset_type: metadata.kind,
            inventory_type,
            name: metadata.name.clone(),
            description: String::new(),
            creator: OWNER,
            creator_data: String::new(),
            created: 0,
            flags,
            permissions: everybody,
            sale: SaleInfo::default(),
            group: Uuid::nil(),
            group_owned: false,
        });
        self.assets.insert(metadata.id, Asset { metadata, data: data.into() });
    }
}

/// A wearable as viewers read it: lines of text.
fn wearable_text(wearable: &starter::Wearable) -> String {
    let (owner, nobody, all) = (OWNER, Uuid::nil(), Permissions::ALL);
    let mut text = format!(
        "LLWearable version 22\n{}\n\n\tpermissions 0\n\t{{\n\t\tbase_mask\t{all:08x}\n\t\towner_mask\t{all:08x}\n\
         \t\tgroup_mask\t{none:08x}\n\t\teveryone_mask\t{none:08x}\n\t\tnext_owner_mask\t{all:08x}\n\
         \t\tcreator_id\t{owner}\n\t\towner_id\t{owner}\n\t\tlast_owner_id\t{nobody}\n\t\tgroup_id\t{nobody}\n\t}}\n\
         \tsale_info\t0\n\t{{\n\t\tsale_type\tnot\n\t\tsale_price\t10\n\t}}\ntype {}\nparameters {}\n",
        wearable.name,
        wearable.kind,
        wearable.params.len(),
        none = 0,
    );
    for (id, weight) in wearable.params {
        let _ = writeln!(text, "{id} {weight}");
    }
    let _ = writeln!(text, "textures {}", wearable.textures.len());
    for slot in wearable.textures {
        let _ = writeln!(text, "{slot} {GREY}");
    }
    text
}

/// A grey image as a JPEG 2000 codestream. Middle grey is what a decoder starts from, so every packet is empty and no
/// coefficient has to be coded: what is left is headers (ISO/IEC 15444-1, annex A).
fn grey_image() -> Vec<u8> {
    const EDGE: u32 = 64;
    const COMPONENTS: u16 = 3;
    const LEVELS: u8 = 5;
    let mut image = vec![0xFF, 0x4F];
    // SIZ: no profile, image and tile of the same size at the origin, components of 8 bits without subsampling.
    image.extend([0xFF, 0x51]);
    image.extend((38 + 3 * COMPONENTS).to_be_bytes());
    image.extend([0, 0]);
    for number in [EDGE, EDGE, 0, 0, EDGE, EDGE, 0, 0] {
        image.extend(number.to_be_bytes());
    }
    image.extend(COMPONENTS.to_be_bytes());
    for _ in 0..COMPONENTS {
        image.extend([7, 1, 1]);
    }
    // COD: default precincts, resolution-major order, one layer, colour transform, code blocks of 64 x 64, 5/3 wavelet.
    image.extend([0xFF, 0x52, 0, 12, 0, 1, 0, 1, 1, LEVELS, 4, 4, 0, 1]);
    // QCD: reversible, two guard bits, an exponent a subband: 8 bits of the component and the gain of the subband.
    image.extend([0xFF, 0x5C]);
    image.extend((3 + 3 * u16::from(LEVELS) + 1).to_be_bytes());
    image.extend([2 << 5, 8 << 3]);
    for _ in 0..LEVELS {
        image.extend([9 << 3, 9 << 3, 10 << 3]);
    }
    // SOT, SOD: one tile; one empty packet a resolution and component.
    let packets = usize::from(LEVELS + 1) * usize::from(COMPONENTS);
    image.extend([0xFF, 0x90, 0, 10, 0, 0]);
    image.extend((14 + packets as u32).to_be_bytes());
    image.extend([0, 1, 0xFF, 0x93]);
    image.resize(image.len() + packets, 0);
    image.extend([0xFF, 0xD9]);
    image
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn it_hangs_together() {
        let folders: BTreeSet<_> = folders().iter().map(|folder| folder.id).collect();
        assert!(super::folders().iter().skip(1).all(|folder| folders.contains(&folder.parent)));
        for item in items() {
            assert!(folders.contains(&item.folder));
            let shown = asset(item.asset).unwrap();
            assert_eq!((shown.metadata.kind, &shown.metadata.name), (item.asset_type, &item.name));
        }
        assert_eq!(items().len(), assets().count());
        assert_eq!(content(ROOT).unwrap().folders.len(), 3);
        assert_eq!(content(FolderId::NULL), None);
    }

    #[test]
    fn wearables_read_as_viewers_read_them() {
        for wearable in &starter::OUTFIT {
            let text = String::from_utf8(asset(wearable.asset).unwrap().data.to_vec()).unwrap();
            let mut lines = text.lines();
            assert_eq!(lines.next(), Some("LLWearable version 22"));
            assert_eq!(lines.next(), Some(wearable.name));
            let mut lines = lines.skip_while(|line| !line.starts_with("type "));
            assert_eq!(lines.next().unwrap(), format!("type {}", wearable.kind));
            let count = |line: Option<&str>, word: &str| -> usize {
                line.unwrap().strip_prefix(word).unwrap().trim().parse().unwrap()
            };
            let params = count(lines.next(), "parameters");
            for _ in 0..params {
                let (id, weight) = lines.next().unwrap().split_once(' ').unwrap();
                assert!(id.parse::<u16>().is_ok() && (0.0..=1.0).contains(&weight.parse::<f32>().unwrap()));
            }
            let textures = count(lines.next(), "textures");
            for _ in 0..textures {
                let (_, texture) = lines.next().unwrap().split_once(' ').unwrap();
                assert!(asset(AssetId(Uuid::try_parse(texture).unwrap())).is_some());
            }
            assert_eq!(lines.next(), None);
        }
    }

    #[test]
    fn the_image_is_marked_from_end_to_end() {
        let image = grey_image();
        let (mut at, mut seen) = (2, Vec::new());
        while image[at + 1] != 0x93 {
            seen.push(image[at + 1]);
            at += 2 + usize::from(u16::from_be_bytes([image[at + 2], image[at + 3]]));
        }
        assert_eq!(seen, [0x51, 0x52, 0x5C, 0x90]);
        assert_eq!(image[at + 2..image.len() - 2], [0; 18]);
        assert_eq!(image[image.len() - 2..], [0xFF, 0xD9]);
    }
}
