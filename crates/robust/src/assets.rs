//! `/assets` and `/get_assets_exist`: values as .NET's XML serializer writes them. Which request it is, path and HTTP
//! method say: `GET /assets/<id>` (an [`Asset`]), `.../metadata`, `.../data` (the bytes as they are), `POST /assets/`
//! (an asset in, its id out as [`string`](write_string)), `POST /assets/<id>` and `DELETE /assets/<id>`
//! ([`boolean`](write_boolean) out), `POST /get_assets_exist` (ids in, booleans out).

mod serializer;
#[cfg(test)]
mod tests;

pub use serializer::{
    read_boolean, read_booleans, read_string, read_strings, write_boolean, write_booleans, write_string,
    write_strings,
};

use crate::Malformed;
use crate::inventory::creator;
use crate::text::FromText;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use llsd::Date;
use llsd::markup::{Reader, escape};
use model::AssetId;
use serializer::{NAMESPACES, not_xml};
use services::{ASSET_BYTES_MAX, Asset, AssetFlags, AssetMetadata, asset_type};
use std::borrow::Cow;

/// Longest document with an asset in it, bytes: the longest asset in base64, and all that is said of it.
pub const BYTES_MAX: usize = ASSET_BYTES_MAX.div_ceil(3) * 4 + (64 << 10);
/// Most ids in one question.
pub const IDS_MAX: usize = 16 * 1024;

/// .NET's names of [`AssetFlags`].
const FLAGS: [(&str, AssetFlags); 3] = [
    ("Maptile", AssetFlags::MAPTILE),
    ("Rewritable", AssetFlags::REWRITABLE),
    ("Collectable", AssetFlags::COLLECTABLE),
];
/// The name of no flag.
const NO_FLAGS: &str = "Normal";

/// The document of an asset.
pub fn write_asset(asset: &Asset) -> String {
    let metadata = &asset.metadata;
    let mut out = String::with_capacity(asset.data.len() / 3 * 4 + 1024);
    open(&mut out, "AssetBase");
    out.push_str("<Data>");
    STANDARD.encode_string(&asset.data, &mut out);
    out.push_str("</Data>");
    write_names(&mut out, metadata);
    element(&mut out, "Type", &metadata.kind.to_string());
    element(&mut out, "UploadAttempts", "0");
    write_rest(&mut out, metadata);
    out.push_str("</AssetBase>");
    out
}

/// The document of all about an asset but its content.
pub fn write_metadata(metadata: &AssetMetadata) -> String {
    let mut out = String::with_capacity(1024);
    open(&mut out, "AssetMetadata");
    write_names(&mut out, metadata);
    element(&mut out, "CreationDate", &Date::from_secs(metadata.created.cast_signed()).to_string());
    element(&mut out, "Type", &metadata.kind.to_string());
    element(&mut out, "ContentType", content_type(metadata.kind));
    write_rest(&mut out, metadata);
    out.push_str("</AssetMetadata>");
    out
}

fn open(out: &mut String, root: &str) {
    out.extend(["<?xml version=\"1.0\" encoding=\"utf-8\"?><", root, NAMESPACES, ">"]);
}

fn element(out: &mut String, name: &str, text: &str) {
    out.extend(["<", name, ">"]);
    escape(text, out);
    out.extend(["</", name, ">"]);
}

fn write_names(out: &mut String, metadata: &AssetMetadata) {
    let id = metadata.id.to_string();
    out.extend(["<FullID><Guid>", &id, "</Guid></FullID>"]);
    element(out, "ID", &id);
    element(out, "Name", &metadata.name);
    element(out, "Description", &metadata.description);
}

fn write_rest(out: &mut String, metadata: &AssetMetadata) {
    element(out, "Local", if metadata.local { "true" } else { "false" });
    element(out, "Temporary", if metadata.temporary { "true" } else { "false" });
    element(out, "CreatorID", &metadata.creator.to_string());
    element(out, "Flags", &flags_text(metadata.flags));
}

fn flags_text(flags: AssetFlags) -> Cow<'static, str> {
    let names: Vec<_> =
        FLAGS.iter().filter(|(_, flag)| flags.contains(*flag)).map(|(name, _)| *name).collect();
    match names[..] {
        [] => NO_FLAGS.into(),
        _ => names.join(" ").into(),
    }
}

/// Unknown names mean nothing.
fn flags_of(text: &str) -> AssetFlags {
    let known = |name: &str| FLAGS.iter().find(|(known, _)| *known == name).map(|(_, flag)| *flag);
    text.split([' ', ',']).filter_map(known).collect()
}

/// Reads the document of an asset.
///
/// # Errors
/// It is none, or has more than [`BYTES_MAX`].
pub fn read_asset(document: &[u8]) -> Result<Asset, Malformed> {
    let (metadata, data) = read(document, "AssetBase")?;
    Ok(Asset { metadata, data: data.into() })
}

/// Reads the document of all about an asset but its content.
///
/// # Errors
/// It is none.
pub fn read_metadata(document: &[u8]) -> Result<AssetMetadata, Malformed> {
    read(document, "AssetMetadata").map(|(metadata, _)| metadata)
}

/// Elements may come in any order, and others are passed over.
fn read(document: &[u8], root: &str) -> Result<(AssetMetadata, Vec<u8>), Malformed> {
    let mut reader = Reader::with_limit(document, BYTES_MAX).map_err(not_xml)?;
    reader.root(root).map_err(not_xml)?;
    let (mut metadata, mut data) = (AssetMetadata::default(), Vec::new());
    let mut full_id = AssetId::NULL;
    while let Some(element) = reader.element().map_err(not_xml)? {
        if element.name == "FullID" {
            full_id = read_guid(&mut reader)?;
            continue;
        }
        let text = reader.text().map_err(not_xml)?;
        match element.name {
            "Data" => data = decoded(&text)?,
            // Empty, or an address on another grid: then the other one counts.
            "ID" => metadata.id = AssetId::from_text(&text).unwrap_or_default(),
            "Name" => metadata.name = text.into_owned(),
            "Description" => metadata.description = text.into_owned(),
            "Type" => metadata.kind = typed(&text, "Type")?,
            "CreationDate" => {
                let date = Date::parse(&text).ok_or(Malformed::odd("CreationDate"))?;
                metadata.created = u64::try_from(date.secs()).unwrap_or(0);
            }
            "Local" => metadata.local = typed(&text, "Local")?,
            "Temporary" => metadata.temporary = typed(&text, "Temporary")?,
            "CreatorID" => metadata.creator = creator(&text),
            "Flags" => metadata.flags = flags_of(&text),
            _ => {}
        }
    }
    reader.finish().map_err(not_xml)?;
    if metadata.id.is_null() {
        metadata.id = full_id;
    }
    Ok((metadata, data))
}

fn typed<T: FromText>(text: &str, name: &'static str) -> Result<T, Malformed> {
    T::from_text(text).ok_or(Malformed::odd(name))
}

fn read_guid(reader: &mut Reader<'_>) -> Result<AssetId, Malformed> {
    let mut id = AssetId::NULL;
    while reader.element().map_err(not_xml)?.is_some() {
        id = typed(&reader.text().map_err(not_xml)?, "FullID")?;
    }
    Ok(id)
}

/// Base64, which may be broken into lines.
fn decoded(text: &str) -> Result<Vec<u8>, Malformed> {
    let is_blank = |byte: &u8| byte.is_ascii_whitespace();
    let text = text.trim().as_bytes();
    let text: Cow<'_, [u8]> = if text.iter().any(is_blank) {
        text.iter().copied().filter(|byte| !is_blank(byte)).collect()
    } else {
        text.into()
    };
    STANDARD.decode(text).map_err(|_| Malformed::odd("Data"))
}

/// Reads ids of a question.
///
/// # Errors
/// It is none, or has more than [`IDS_MAX`]. What is no id stands as the null id, which no asset has.
pub fn read_ids(document: &[u8]) -> Result<Vec<AssetId>, Malformed> {
    let texts = read_strings(document)?;
    Ok(texts.iter().map(|text| AssetId::from_text(text).unwrap_or_default()).collect())
}

/// The media type of a kind of asset.
pub fn content_type(kind: i32) -> &'static str {
    match kind {
        asset_type::TEXTURE => "image/x-j2c",
        asset_type::SOUND => "audio/ogg",
        asset_type::CALLING_CARD => "application/vnd.ll.callingcard",
        asset_type::LANDMARK => "application/vnd.ll.landmark",
        asset_type::CLOTHING => "application/vnd.ll.clothing",
        asset_type::OBJECT => "application/vnd.ll.primitive",
        asset_type::NOTECARD => "application/vnd.ll.notecard",
        asset_type::SCRIPT => "application/vnd.ll.lsltext",
        asset_type::BODY_PART => "application/vnd.ll.bodypart",
        asset_type::ANIMATION => "application/vnd.ll.animation",
        asset_type::GESTURE => "application/vnd.ll.gesture",
        asset_type::MESH => "application/vnd.ll.mesh",
        _ => "application/octet-stream",
    }
}
