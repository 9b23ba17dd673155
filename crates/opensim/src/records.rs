//! What rows mean (database fact sheet, 2 to 6): each kind of record read into the services' own types.

use crate::source::{Record, Wanted};
use crate::{Source, Unreadable};
use model::{AgentId, AssetId, FolderId, ItemId, RegionId, Uuid, Vec3};
use services::{
    Account, AgentPrefs, AvatarData, FriendRights, GridUser, InventoryFolder, InventoryItem, Mute,
    Permissions, Place, SaleInfo,
};

/// Entries of one person's mute list that are read.
const MUTES_MOST: usize = 20_000;
/// Rows read at a time.
pub(crate) const PAGE: usize = 500;

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

impl Record {
    pub(crate) fn text(&self, column: &str) -> String {
        self.get(column).unwrap_or_default().replace('\0', "")
    }

    /// Numbers may have been stored as texts, and fractions.
    pub(crate) fn number(&self, column: &str) -> Option<i64> {
        let text = self.get(column)?.trim();
        text.parse().ok().or_else(|| text.parse::<f64>().ok().map(|number| number as i64))
    }

    pub(crate) fn int(&self, column: &str) -> i32 {
        let number = self.number(column).unwrap_or(0);
        i32::try_from(number).unwrap_or(0)
    }

    /// A mask: unsigned, though the column may be signed.
    pub(crate) fn mask(&self, column: &str) -> u32 {
        let number = self.number(column).unwrap_or(0);
        u32::try_from(number).unwrap_or_else(|_| i32::try_from(number).map_or(0, i32::cast_unsigned))
    }

    pub(crate) fn time(&self, column: &str) -> u64 {
        self.number(column).and_then(|number| u64::try_from(number).ok()).unwrap_or(0)
    }

    pub(crate) fn truth(&self, column: &str) -> bool {
        matches!(
            self.get(column).map(|text| text.trim().to_lowercase()).as_deref(),
            Some("1" | "true" | "\u{1}")
        )
    }

    /// The id at the start of a column; null where there is none.
    pub(crate) fn id(&self, column: &str) -> Uuid {
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
        let mutes = self.mutes(agent).await?;
        Ok(OldBelongings { grid_user, avatar, prefs, mutes })
    }

    /// One look: no column alone tells them from each other, and we keep fewer than these.
    async fn mutes(&self, agent: AgentId) -> Result<Vec<Mute>, Unreadable> {
        let Some(table) = self.table("mutelist") else { return Ok(Vec::new()) };
        let id = agent.0.to_string();
        let of = Some(("agentid", id.as_str()));
        let rows =
            table.rows(Wanted { columns: MUTES, of, order: "muteid", after: "", limit: MUTES_MOST }).await?;
        Ok(rows.iter().map(mute).collect())
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

    /// All rows of one person. `order` is a column that tells them from each other.
    async fn of(
        &self,
        table: &str,
        columns: &'static [&'static str],
        (column, agent): (&'static str, AgentId),
        order: &'static str,
    ) -> Result<Vec<Record>, Unreadable> {
        let Some(table) = self.table(table) else { return Ok(Vec::new()) };
        let id = agent.0.to_string();
        let (mut all, mut after) = (Vec::new(), String::new());
        loop {
            let wanted = Wanted { columns, of: Some((column, &id)), order, after: &after, limit: PAGE };
            let rows = table.rows(wanted).await?;
            let full = rows.len() == PAGE;
            let last = rows.last().and_then(|row| row.get(order)).map(str::to_owned);
            all.extend(rows);
            match last {
                Some(last) if full => after = last,
                _ => return Ok(all),
            }
        }
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
        assert_eq!(cut("é".repeat(200), 255).len(), 254);
    }
}
