//! Texture entries as lists of textures: versions before 0.8 send an avatar's textures by face, without
//! colours and the rest of the entry.

use model::{AssetId, Uuid};

/// What an avatar wears on a face that nobody has named: the viewers' default avatar texture.
const DEFAULT: AssetId = AssetId(Uuid::from_u128(0xc228d1cf_4b5d_4ba8_84f4_899a0796aa97));

/// The most faces that an entry can name.
pub(crate) const FACES_MAX: usize = 64;

/// The textures of an entry's first `count` faces. An entry that breaks off says what it has said until
/// there.
pub(crate) fn of_entry(entry: &[u8], count: usize) -> Vec<AssetId> {
    let mut rest = entry;
    let mut textures = vec![take_texture(&mut rest).unwrap_or(DEFAULT); count];
    while let Some(faces) = take_faces(&mut rest) {
        let Some(texture) = take_texture(&mut rest) else { break };
        for (face, worn) in textures.iter_mut().enumerate().take(FACES_MAX) {
            if faces >> face & 1 == 1 {
                *worn = texture;
            }
        }
    }
    textures
}

fn take_texture(rest: &mut &[u8]) -> Option<AssetId> {
    let (texture, after) = rest.split_first_chunk::<16>()?;
    *rest = after;
    Some(AssetId(Uuid::from_bytes(*texture)))
}

/// The faces that the next value is for, a bit each, seven of them a byte; `None` at the end of the list.
fn take_faces(rest: &mut &[u8]) -> Option<u64> {
    let mut faces = 0_u64;
    loop {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        faces = faces << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return (faces != 0).then_some(faces);
        }
    }
}

/// The entry in which these textures are on the first faces, and all else is plain. None make an empty entry.
pub(crate) fn to_entry(textures: &[AssetId]) -> Vec<u8> {
    if textures.is_empty() {
        return Vec::new();
    }
    let mut entry = DEFAULT.0.as_bytes().to_vec();
    let textures = &textures[..textures.len().min(FACES_MAX)];
    for (first, texture) in textures.iter().enumerate() {
        if *texture == DEFAULT || textures[..first].contains(texture) {
            continue;
        }
        let faces = textures.iter().enumerate().filter(|(_, worn)| *worn == texture);
        put_faces(faces.fold(0, |faces, (face, _)| faces | 1 << face), &mut entry);
        entry.extend(texture.0.as_bytes());
    }
    entry.push(0);
    entry.extend(PLAIN);
    entry
}

fn put_faces(faces: u64, entry: &mut Vec<u8>) {
    let groups = (64 - faces.leading_zeros()).div_ceil(7).max(1);
    for group in (0..groups).rev() {
        let more = if group > 0 { 0x80 } else { 0 };
        entry.push((faces >> (7 * group) & 0x7f) as u8 | more);
    }
}

/// What follows the textures: white, once in each direction, not moved or turned, no material, no media, no
/// glow, and no rendering material. A zero ends each.
const PLAIN: [u8; 47] = {
    let mut plain = [0; 47];
    // 1.0 twice, behind the colour (whose bits are inverted) and between ends.
    (plain[7], plain[8]) = (0x80, 0x3f);
    (plain[12], plain[13]) = (0x80, 0x3f);
    plain
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faces_come_back_whatever_they_wear() {
        arbtest::arbtest(|u| {
            let count = u.int_in_range(1..=FACES_MAX)?;
            let few: Vec<AssetId> = (0..4).map(|n| AssetId(Uuid::from_u128(n))).chain([DEFAULT]).collect();
            let textures: Vec<AssetId> =
                (0..count).map(|_| u.choose(&few).copied()).collect::<Result<_, _>>()?;
            let entry = to_entry(&textures);
            assert_eq!(of_entry(&entry, count), textures);
            Ok(())
        });
    }

    #[test]
    fn any_bytes_are_an_entry() {
        arbtest::arbtest(|u| {
            let entry: Vec<u8> = u.arbitrary()?;
            assert_eq!(of_entry(&entry, 45).len(), 45);
            Ok(())
        });
        assert_eq!(of_entry(&[], 2), [DEFAULT; 2]);
        assert!(to_entry(&[]).is_empty());
    }
}
