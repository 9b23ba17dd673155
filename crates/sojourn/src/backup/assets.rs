//! What assets consist of, in a backup: files beside the others, each under its hash, whatever the place it comes from.

use anyhow::Result;
use grid::{AssetPlace, Blobs, Hash};
use std::fmt::Write as _;
use std::path::Path;

/// Contents that are named when they are missing.
const NAMED: usize = 5;

/// What a backup has of assets.
#[derive(PartialEq, Eq, Debug, Default)]
pub(super) struct Taken {
    /// How many of the contents that the database names.
    pub(super) contents: usize,
    /// What was left out because nobody asked for it.
    pub(super) left: Option<String>,
    /// What should be in it.
    pub(super) lost: Option<String>,
}

/// Takes these contents into a folder, which may have some of them. Those in a bucket only if that is wished.
pub(super) async fn take(
    place: &AssetPlace,
    outside: &[Hash],
    folder: &Path,
    with_buckets: bool,
) -> Result<Taken> {
    if outside.is_empty() {
        return Ok(Taken::default());
    }
    let into = place_of(folder)?;
    let is_bucket = matches!(place, AssetPlace::Bucket(_));
    let from = match place {
        AssetPlace::Folder(place) => open(place)?,
        AssetPlace::Bucket(_) if !with_buckets => None,
        _ => Blobs::open(place)?,
    };
    let missing = match (from, &into) {
        (Some(from), Some(into)) => from.carry(outside, into).await?.missing,
        (None, Some(into)) => into.lacking(outside).await?,
        (_, None) => outside.to_vec(),
    };
    let mut taken = Taken { contents: outside.len() - missing.len(), ..Taken::default() };
    let count = missing.len();
    if count > 0 && is_bucket && !with_buckets {
        let words = "contents of assets are not in this backup: they are in";
        taken.left = Some(format!("{count} {words} {place}, and --with-assets takes them in, too"));
    } else if count > 0 {
        let which = named(&missing);
        let words = "contents of assets are not in this backup, since they are not in";
        taken.lost = Some(format!("{count} {words} {place} (--assets says where they are): {which}"));
    }
    Ok(taken)
}

/// The contents in a folder, if it is there.
pub(super) fn open(folder: &Path) -> Result<Option<Blobs>> {
    if folder.is_dir() { place_of(folder) } else { Ok(None) }
}

fn place_of(folder: &Path) -> Result<Option<Blobs>> {
    Ok(Blobs::open(&AssetPlace::Folder(folder.to_owned()))?)
}

/// The first of these, for people.
pub(super) fn named(hashes: &[Hash]) -> String {
    let hex = |hash: &Hash| {
        hash.iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    };
    let named: Vec<String> = hashes.iter().take(NAMED).map(hex).collect();
    let more = hashes.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", named.join(", "))
}
