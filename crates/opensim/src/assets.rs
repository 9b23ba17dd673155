//! Assets: about each of them, and what it consists of, which is kept in one of three ways.

use crate::records::PAGE;
use crate::source::{Record, Table, Wanted};
use crate::{FileStore, Source, Unreadable};
use model::{AgentId, AssetId, Uuid};
use services::{AssetFlags, AssetMetadata};
use std::collections::BTreeMap;
use std::sync::Arc;

const ASSET: &[&str] = &[
    "id",
    "uuid",
    "name",
    "description",
    "assettype",
    "type",
    "create_time",
    "createtime",
    "asset_flags",
    "assetflags",
    "creatorid",
    "hash",
];

/// An asset, and where its content is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OldAsset {
    /// All about it.
    pub metadata: AssetMetadata,
    /// As the database writes its id.
    pub(crate) key: String,
    /// Of its content, where that is kept by it.
    pub(crate) hash: Option<String>,
}

/// A table of assets.
#[derive(Clone, Debug)]
pub struct AssetTable {
    name: &'static str,
    table: Table,
    contents: Option<Table>,
}

impl AssetTable {
    /// Whether the content of its assets is in files.
    pub fn is_of_files(&self) -> bool {
        self.name == "fsassets"
    }

    fn key(&self) -> &'static str {
        if self.table.has("uuid") { "uuid" } else { "id" }
    }

    /// Assets after one, in the order of their ids, and how the last is written.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn assets(&self, after: &str) -> Result<(Vec<OldAsset>, Option<String>), Unreadable> {
        let key = self.key();
        let rows =
            self.table.rows(Wanted { columns: ASSET, of: None, order: key, after, limit: PAGE }).await?;
        let hashes = match self.name {
            "xassetsmeta" => self.table.hex_of("hash", (key, after), PAGE).await?,
            _ => BTreeMap::new(),
        };
        let last = rows.last().and_then(|row| row.get(key)).map(str::to_owned);
        let assets = rows.iter().map(|row| {
            let written = row.text(key);
            let hash = match self.name {
                "fsassets" => Some(row.text("hash")),
                _ => hashes.get(&written).cloned(),
            };
            OldAsset { metadata: asset(row.id(key), row), hash, key: written }
        });
        Ok((assets.collect(), last))
    }

    /// The content of one; `None` if it is lost. Content in files is looked for in this folder.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn data(
        &self,
        asset: &OldAsset,
        files: Option<&FileStore>,
    ) -> Result<Option<Arc<[u8]>>, Unreadable> {
        let data = match (self.name, &asset.hash) {
            ("fsassets", Some(hash)) => files.and_then(|files| files.content(hash)),
            ("xassetsmeta", Some(hash)) => match &self.contents {
                Some(contents) => contents.bytes("data", ("hash", hash), true).await?,
                None => None,
            },
            _ => self.table.bytes("data", (self.key(), &asset.key), false).await?,
        };
        // There are no empty assets: what has no content was lost.
        Ok(data.filter(|data| !data.is_empty()).map(Arc::from))
    }
}

impl Source {
    /// The tables in which assets are.
    pub fn asset_tables(&self) -> Vec<AssetTable> {
        let named = |name: &'static str| self.table(name).map(|table| (name, table.clone()));
        let found = ["assets", "xassetsmeta", "fsassets"].into_iter().filter_map(named);
        found
            .map(|(name, table)| AssetTable { name, table, contents: self.table("xassetsdata").cloned() })
            .collect()
    }
}

fn asset(id: Uuid, row: &Record) -> AssetMetadata {
    let either = |one: &str, other: &str| row.number(one).or_else(|| row.number(other)).unwrap_or(0);
    AssetMetadata {
        id: AssetId(id),
        kind: i32::try_from(either("assettype", "type")).unwrap_or(-1),
        name: row.text("name"),
        description: row.text("description"),
        creator: AgentId(row.id("creatorid")),
        created: u64::try_from(either("create_time", "createtime")).unwrap_or(0),
        flags: AssetFlags::from_bits_truncate(
            u32::try_from(either("asset_flags", "assetflags")).unwrap_or(0),
        ),
        temporary: false,
        local: false,
    }
}
