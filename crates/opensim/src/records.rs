//! What rows mean (database fact sheet, 2 to 6): each kind of record read into the services' own types.

use crate::source::{Record, Table, Wanted};
use crate::{Source, Unreadable};
use model::{AgentId, AssetId, FolderId, ItemId, RegionId, Uuid, Vec3};
use services::{
    Account, AgentPrefs, AssetFlags, AssetMetadata, AvatarData, FriendRights, GridUser, InventoryFolder,
    InventoryItem, Mute, Permissions, Place, SaleInfo,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Rows of one person that are read at most, of each kind but items.
const MOST: usize = 20_000;
/// Rows read at a time.
const PAGE: usize = 500;

/// A password as OpenSimulator keeps it: a salted MD5 digest over the digest that viewers send.
#[derive(Clone, PartialEq, Eq)]
pub struct OldPassword {
    /// The digest, 32 hexadecimal digits.
    pub hash: String,
    /// What it was salted with.
    pub salt: String,
}

impl std::fmt::Debug for OldPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OldPassword(…)")
    }
}

/// One side of a friendship.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OldFriend {
    /// The other.
    pub friend: AgentId,
    /// What they may.
    pub given: FriendRights,
}

/// What a person has, apart from inventory and friends.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct OldBelongings {
    /// Home, last place.
    pub grid_user: Option<GridUser>,
    /// What they look like.
    pub avatar: AvatarData,
    /// What they have set up.
    pub prefs: Option<AgentPrefs>,
    /// Whom they do not want to hear of.
    pub mutes: Vec<Mute>,
}

/// How many rows there are of each kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Counts {
    pub accounts: u64,
    pub friends: u64,
    pub folders: u64,
    pub items: u64,
    pub assets: u64,
}

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

impl Record {
    fn text(&self, column: &str) -> String {
        self.get(column).unwrap_or_default().replace('\0', "")
    }

    /// Numbers may have been stored as texts, and fractions.
    fn number(&self, column: &str) -> Option<i64> {
        let text = self.get(column)?.trim();
        text.parse().ok().or_else(|| text.parse::<f64>().ok().map(|number| number as i64))
    }

    fn int(&self, column: &str) -> i32 {
        let number = self.number(column).unwrap_or(0);
        i32::try_from(number).unwrap_or(0)
    }

    /// A mask: unsigned, though the column may be signed.
    fn mask(&self, column: &str) -> u32 {
        let number = self.number(column).unwrap_or(0);
        u32::try_from(number).unwrap_or_else(|_| i32::try_from(number).map_or(0, i32::cast_unsigned))
    }

    fn time(&self, column: &str) -> u64 {
        self.number(column).and_then(|number| u64::try_from(number).ok()).unwrap_or(0)
    }

    fn truth(&self, column: &str) -> bool {
        matches!(
            self.get(column).map(|text| text.trim().to_lowercase()).as_deref(),
            Some("1" | "true" | "\u{1}")
        )
    }

    /// The id at the start of a column; null where there is none.
    fn id(&self, column: &str) -> Uuid {
        let text = self.get(column).unwrap_or_default();
        let start = text.split(';').next().unwrap_or_default();
        Uuid::try_parse(start.trim()).unwrap_or_default()
    }
}

/// Of `<x,y,z>`.
fn vector(text: &str) -> Option<Vec3> {
    let inner = text.trim().strip_prefix('<')?.strip_suffix('>')?;
    let mut parts = inner.split(',').map(|part| part.trim().parse::<f32>());
    let vector = Vec3::new(parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?);
    vector.is_finite().then_some(vector)
}

/// At most so many bytes of a text, cut between characters.
fn cut(text: String, most: usize) -> String {
    if text.len() <= most {
        return text;
    }
    let end = (0..=most).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    text[..end].to_owned()
}

/// Bytes of names and descriptions in inventories.
const INVENTORY_TEXT: usize = 255;

impl Source {
    /// How much there is.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn counts(&self) -> Result<Counts, Unreadable> {
        let count = async |name: &str| match self.table(name) {
            Some(table) => table.count().await,
            None => Ok(0),
        };
        let mut assets = 0;
        for name in ["assets", "xassetsmeta", "fsassets"] {
            assets += count(name).await?;
        }
        Ok(Counts {
            accounts: count("useraccounts").await?,
            friends: count("friends").await?,
            folders: count("inventoryfolders").await?,
            items: count("inventoryitems").await?,
            assets,
        })
    }

    /// Accounts after one, in the order of their ids, and how the last is written.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn accounts(&self, after: &str) -> Result<(Vec<Account>, Option<String>), Unreadable> {
        const COLUMNS: &[&str] = &[
            "principalid",
            "firstname",
            "lastname",
            "email",
            "serviceurls",
            "created",
            "userlevel",
            "userflags",
            "usertitle",
            "usercountry",
        ];
        let Some(table) = self.table("useraccounts") else { return Ok((Vec::new(), None)) };
        let wanted = Wanted { columns: COLUMNS, of: None, order: "principalid", after, limit: PAGE };
        let rows = table.rows(wanted).await?;
        let last = rows.last().and_then(|row| row.get("principalid")).map(str::to_owned);
        Ok((rows.iter().map(account).collect(), last))
    }

    /// Somebody's password.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn password(&self, agent: AgentId) -> Result<Option<OldPassword>, Unreadable> {
        const COLUMNS: &[&str] = &["passwordhash", "passwordsalt"];
        let rows = self.of("auth", COLUMNS, ("uuid", agent), "uuid").await?;
        let row = rows.first().filter(|row| row.text("passwordhash").trim().len() == 32);
        Ok(row.map(|row| OldPassword {
            hash: row.text("passwordhash").trim().to_lowercase(),
            salt: row.text("passwordsalt"),
        }))
    }

    /// Somebody's friends on this grid, and how many of other grids there are.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn friends(&self, agent: AgentId) -> Result<(Vec<OldFriend>, u64), Unreadable> {
        let rows = self.of("friends", &["friend", "flags"], ("principalid", agent), "friend").await?;
        let (mut friends, mut foreign) = (Vec::new(), 0);
        for row in rows {
            let local = Uuid::try_parse(row.text("friend").trim()).ok();
            match local {
                Some(friend) if !friend.is_nil() => friends.push(OldFriend {
                    friend: AgentId(friend),
                    given: FriendRights::from_bits_truncate(row.mask("flags")),
                }),
                _ => foreign += 1,
            }
        }
        Ok((friends, foreign))
    }

    /// What somebody has, apart from inventory and friends.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn belongings(&self, agent: AgentId) -> Result<OldBelongings, Unreadable> {
        let rows = self.of("griduser", GRID_USER, ("userid", agent), "userid").await?;
        let grid_user = rows.first().map(|row| grid_user(agent, row));
        let rows = self.of("avatars", &["name", "value"], ("principalid", agent), "name").await?;
        let avatar = rows.iter().map(|row| (row.text("name"), row.text("value"))).collect();
        let rows = self.of("agentprefs", PREFS, ("principalid", agent), "principalid").await?;
        let prefs = rows.first().map(|row| agent_prefs(agent, row));
        let rows = self.of("mutelist", MUTES, ("agentid", agent), "muteid").await?;
        let mutes = rows.iter().map(mute).collect();
        Ok(OldBelongings { grid_user, avatar, prefs, mutes })
    }

    /// All folders of somebody, as they are.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn folders(&self, owner: AgentId) -> Result<Vec<InventoryFolder>, Unreadable> {
        const COLUMNS: &[&str] = &["folderid", "parentfolderid", "foldername", "type", "version"];
        let rows = self.of("inventoryfolders", COLUMNS, ("agentid", owner), "folderid").await?;
        Ok(rows.iter().map(|row| folder(owner, row)).collect())
    }

    /// Items of somebody after one, in the order of their ids, and how the last is written.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn items(
        &self,
        owner: AgentId,
        after: &str,
    ) -> Result<(Vec<InventoryItem>, Option<String>), Unreadable> {
        let Some(table) = self.table("inventoryitems") else { return Ok((Vec::new(), None)) };
        let id = owner.0.to_string();
        let of = Some(("avatarid", id.as_str()));
        let rows = table.rows(Wanted { columns: ITEM, of, order: "inventoryid", after, limit: PAGE }).await?;
        let last = rows.last().and_then(|row| row.get("inventoryid")).map(str::to_owned);
        Ok((rows.iter().map(|row| item(owner, row)).collect(), last))
    }

    /// Rows of one person.
    async fn of(
        &self,
        table: &str,
        columns: &'static [&'static str],
        (column, agent): (&'static str, AgentId),
        order: &'static str,
    ) -> Result<Vec<Record>, Unreadable> {
        let Some(table) = self.table(table) else { return Ok(Vec::new()) };
        let id = agent.0.to_string();
        table.rows(Wanted { columns, of: Some((column, &id)), order, after: "", limit: MOST }).await
    }

    /// The tables in which assets are.
    pub fn asset_tables(&self) -> Vec<AssetTable> {
        let named = |name: &'static str| self.table(name).map(|table| (name, table.clone()));
        let found = ["assets", "xassetsmeta", "fsassets"].into_iter().filter_map(named);
        found
            .map(|(name, table)| AssetTable { name, table, contents: self.table("xassetsdata").cloned() })
            .collect()
    }
}

/// Tables of which nothing is wanted: what they hold is about processes that run, or is made anew.
const PASSING: [&str; 5] = ["migrations", "tokens", "presence", "hg_traveling_data", "sqlite_sequence"];
/// Tables that are read.
const READ: [&str; 13] = [
    "useraccounts",
    "auth",
    "friends",
    "griduser",
    "avatars",
    "agentprefs",
    "mutelist",
    "inventoryfolders",
    "inventoryitems",
    "assets",
    "xassetsmeta",
    "xassetsdata",
    "fsassets",
];

impl Source {
    /// Tables that have something in them and are not read, with how many rows they have.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn others(&self) -> Result<Vec<(String, u64)>, Unreadable> {
        let mut others = Vec::new();
        for (name, table) in self.all() {
            if PASSING.contains(&name) || READ.contains(&name) {
                continue;
            }
            let rows = table.count().await?;
            if rows > 0 {
                others.push((name.to_owned(), rows));
            }
        }
        Ok(others)
    }
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
        files: Option<&crate::FileStore>,
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

const GRID_USER: &[&str] = &[
    "homeregionid",
    "homeposition",
    "homelookat",
    "lastregionid",
    "lastposition",
    "lastlookat",
    "login",
    "logout",
];
const PREFS: &[&str] = &[
    "accessprefs",
    "hoverheight",
    "language",
    "languageispublic",
    "permeveryone",
    "permgroup",
    "permnextowner",
];
const MUTES: &[&str] = &["muteid", "mutename", "mutetype", "muteflags"];
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
const ITEM: &[&str] = &[
    "inventoryid",
    "parentfolderid",
    "assetid",
    "assettype",
    "invtype",
    "inventoryname",
    "inventorydescription",
    "creatorid",
    "inventorybasepermissions",
    "inventorycurrentpermissions",
    "inventorynextpermissions",
    "inventoryeveryonepermissions",
    "inventorygrouppermissions",
    "saleprice",
    "saletype",
    "creationdate",
    "groupid",
    "groupowned",
    "flags",
];

fn account(row: &Record) -> Account {
    Account {
        id: AgentId(row.id("principalid")),
        first: row.text("firstname").trim().to_owned(),
        last: row.text("lastname").trim().to_owned(),
        email: row.text("email").trim().to_owned(),
        created: row.time("created"),
        level: row.int("userlevel"),
        flags: row.mask("userflags"),
        title: row.text("usertitle"),
        country: row.text("usercountry"),
        service_urls: row.text("serviceurls").split_whitespace().filter_map(service_url).collect(),
    }
}

/// `key=value`, both URL-encoded; without a value it says nothing.
fn service_url(pair: &str) -> Option<(String, String)> {
    let (key, value) = pair.split_once('=')?;
    let (key, value) = (decoded(key), decoded(value));
    (!key.is_empty() && !value.is_empty()).then_some((key, value))
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        let code = hex.filter(|_| byte == b'%').and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match code {
            Some(code) => {
                bytes.push(code);
                rest = &after[2..];
            }
            None => {
                bytes.push(if byte == b'+' { b' ' } else { byte });
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn grid_user(agent: AgentId, row: &Record) -> GridUser {
    let place = |region: &str, position: &str, look_at: &str| {
        let region = RegionId(row.id(region));
        let position = vector(&row.text(position))?;
        let look_at = vector(&row.text(look_at)).unwrap_or(Vec3::X);
        (!region.is_null()).then_some(Place { region, position, look_at })
    };
    GridUser {
        agent,
        home: place("homeregionid", "homeposition", "homelookat"),
        last: place("lastregionid", "lastposition", "lastlookat"),
        online: false,
        login: row.time("login"),
        logout: row.time("logout"),
    }
}

fn agent_prefs(agent: AgentId, row: &Record) -> AgentPrefs {
    let usual = AgentPrefs::of(agent);
    let text =
        |column, usual: String| Some(row.text(column)).filter(|text| !text.is_empty()).unwrap_or(usual);
    AgentPrefs {
        access: text("accessprefs", usual.access),
        hover_height_m: row
            .text("hoverheight")
            .trim()
            .parse()
            .ok()
            .filter(|h: &f32| h.is_finite())
            .unwrap_or(0.0),
        language: text("language", usual.language),
        language_is_public: row.truth("languageispublic"),
        everyone: row.mask("permeveryone"),
        group: row.mask("permgroup"),
        next_owner: row.mask("permnextowner"),
        agent,
    }
}

fn mute(row: &Record) -> Mute {
    Mute {
        id: row.id("muteid"),
        name: row.text("mutename"),
        kind: row.int("mutetype"),
        flags: row.mask("muteflags"),
    }
}

fn folder(owner: AgentId, row: &Record) -> InventoryFolder {
    InventoryFolder {
        id: FolderId(row.id("folderid")),
        owner,
        parent: FolderId(row.id("parentfolderid")),
        name: cut(row.text("foldername"), INVENTORY_TEXT),
        kind: row.int("type"),
        version: row.int("version").max(1),
    }
}

fn item(owner: AgentId, row: &Record) -> InventoryItem {
    let creator = row.text("creatorid");
    InventoryItem {
        id: ItemId(row.id("inventoryid")),
        owner,
        folder: FolderId(row.id("parentfolderid")),
        asset: AssetId(row.id("assetid")),
        asset_type: row.int("assettype"),
        inventory_type: row.int("invtype"),
        name: cut(row.text("inventoryname"), INVENTORY_TEXT),
        description: cut(row.text("inventorydescription"), INVENTORY_TEXT),
        creator: AgentId(row.id("creatorid")),
        creator_data: cut(creator.split_once(';').map_or("", |(_, data)| data).to_owned(), INVENTORY_TEXT),
        created: row.time("creationdate"),
        flags: row.mask("flags"),
        permissions: Permissions {
            base: row.mask("inventorybasepermissions"),
            current: row.mask("inventorycurrentpermissions"),
            group: row.mask("inventorygrouppermissions"),
            everyone: row.mask("inventoryeveryonepermissions"),
            next: row.mask("inventorynextpermissions"),
        },
        sale: SaleInfo { price: row.int("saleprice"), kind: u8::try_from(row.int("saletype")).unwrap_or(0) },
        group: row.id("groupid"),
        group_owned: row.truth("groupowned"),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_and_urls() {
        assert_eq!(vector("<1, 2.5,-3>"), Some(Vec3::new(1.0, 2.5, -3.0)));
        for odd in ["", "<1,2>", "1,2,3", "<a,b,c>", "<NaN,1,1>"] {
            assert_eq!(vector(odd), None, "{odd}");
        }
        let pair = service_url("HomeURI=http%3a%2f%2fa.example%3A8002%2f");
        assert_eq!(pair, Some(("HomeURI".into(), "http://a.example:8002/".into())));
        assert_eq!(service_url("GatekeeperURI="), None);
        assert_eq!(decoded("50%+%zz"), "50% %zz");
        assert_eq!(cut("aé".repeat(200), 255).len(), 254);
    }
}
