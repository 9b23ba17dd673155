//! A small world in OpenSimulator's tables: two people, one account that cannot be, friends here and elsewhere, things that
//! hang together and things that do not.

use super::id;
use super::tables::*;
use sha2::{Digest as _, Sha256};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, MySqlConnection, SqliteConnection};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

/// The ids that people have.
pub(super) const ADA: &str = "a0000000-0000-4000-8000-000000000001";
pub(super) const ALAN: &str = "a0000000-0000-4000-8000-000000000002";
/// Of both.
pub(super) const SECRET: &str = "secret";
/// Worked out with md5sum, of the password and this salt.
const HASH: (&str, &str) = ("66aa8b2609672e6c70f510dd6c0eea33", "7c1a3b0e5d2f4a6c8e9b0d1f2a3c4e5f");
/// What the one asset with content consists of.
const SHAPE: &[u8] = b"LLWearable version 22\n\xff\x00";

/// Where such a world is.
pub(super) struct World(String);

impl World {
    /// As `sojourn import` takes it.
    pub(super) fn url(&self) -> String {
        self.0.clone()
    }

    /// In the files of a standalone, one of which is in UTF-16.
    pub(super) async fn on_sqlite(folder: &Path) -> Self {
        let both = |tables: &[&str], rows: Vec<String>| -> Vec<String> {
            tables.iter().map(|table| (*table).to_owned()).chain(rows).collect()
        };
        for (file, pragma, statements) in [
            ("userprofiles.db", "", both(&SQLITE_ACCOUNTS, accounts())),
            ("auth.db", "", both(&SQLITE_AUTH, auth())),
            ("griduser.db", "", both(&SQLITE_GRID_USER, grid_users())),
            ("friends.db", "", both(&SQLITE_FRIENDS, friends())),
            ("avatars.db", "", both(&SQLITE_AVATARS, avatars())),
            ("inventory.db", "PRAGMA encoding = 'UTF-16'", both(&SQLITE_INVENTORY, inventory())),
            ("OpenSim.db", "PRAGMA encoding = 'UTF-16'", both(&SQLITE_OTHERS, others())),
            ("Asset.db", "", both(&SQLITE_ASSETS, sqlite_assets())),
        ] {
            let url = format!("sqlite:{}?mode=rwc", folder.join(file).display());
            let mut connection = SqliteConnection::connect(&url).await.unwrap();
            connection.execute(pragma).await.unwrap();
            for statement in statements {
                connection.execute(AssertSqlSafe(statement.clone())).await.expect(&statement);
            }
            connection.close().await.unwrap();
        }
        std::fs::write(folder.join("readme.txt"), "no database").unwrap();
        Self(format!("sqlite:{}", folder.display()))
    }

    /// In one database of a MariaDB server, whose assets are kept in one of three ways.
    pub(super) async fn on_mariadb(assets: &str) -> Self {
        let server = &server().url;
        let name = format!("opensim_{:032x}", rand::random::<u128>());
        let mut connection = MySqlConnection::connect(server).await.unwrap();
        connection
            .execute(AssertSqlSafe(format!("CREATE DATABASE {name} CHARACTER SET utf8")))
            .await
            .unwrap();
        connection.close().await.unwrap();
        let url = server.replacen("/?", &format!("/{name}?"), 1);
        let mut connection = MySqlConnection::connect(&url).await.unwrap();
        let statements = [
            MYSQL.map(str::to_owned).to_vec(),
            accounts(),
            auth(),
            grid_users(),
            friends(),
            avatars(),
            inventory(),
            others(),
            mysql_assets(assets),
        ]
        .concat();
        for statement in statements {
            connection.execute(AssertSqlSafe(statement.clone())).await.expect(&statement);
        }
        connection.close().await.unwrap();
        Self(url)
    }
}

/// Every file of a folder.
pub(super) fn bytes_of(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let listed = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut all: Vec<_> =
        listed.map(|path| (path.display().to_string(), std::fs::read(&path).unwrap())).collect();
    all.sort();
    all
}

/// Gives somebody so many more folders and friends.
pub(super) async fn fill(folder: &Path, agent: &str, many: u32) {
    let numbers = format!("WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < {many})");
    let new_id = "lower(hex(randomblob(4))) || '-1234-4123-8123-' || lower(hex(randomblob(6)))";
    for (file, statement) in [
        (
            "inventory.db",
            format!(
                "{numbers} INSERT INTO inventoryfolders (folderName, type, version, folderID, agentID, parentFolderID) \
                 SELECT 'one of many', -1, 1, {new_id}, '{agent}', '{}' FROM n",
                id(21)
            ),
        ),
        (
            "friends.db",
            format!(
                "{numbers} INSERT INTO Friends (PrincipalID, Friend, Flags, Offered) \
                 SELECT '{agent}', {new_id}, '1', '0' FROM n"
            ),
        ),
    ] {
        let url = format!("sqlite:{}", folder.join(file).display());
        let mut connection = SqliteConnection::connect(&url).await.unwrap();
        connection.execute(AssertSqlSafe(statement)).await.unwrap();
        connection.close().await.unwrap();
    }
}

/// The contents of the assets in table `fsassets`.
pub(super) fn put_content_files(folder: &Path) {
    for content in [SHAPE, b"a landmark"] {
        let hash = hash(content);
        let folder = folder.join(&hash[..2]).join(&hash[2..4]).join(&hash[4..6]).join(&hash[6..10]);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(hash), content).unwrap();
    }
}

struct Server {
    url: String,
    _process: Option<Child>,
}

/// The server that SOJOURN_TEST_MARIADB names (a URL without a database in it), or one of our own, which ends with this
/// process: its standard input is a pipe from here.
fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| match std::env::var("SOJOURN_TEST_MARIADB") {
        Ok(url) => Server { url, _process: None },
        Err(_) => start(),
    })
}

fn start() -> Server {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.ci/mariadb");
    let mut process = Command::new(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("bash runs the script");
    let mut url = String::new();
    let said = process.stdout.take().expect("it is a pipe");
    BufReader::new(said).read_line(&mut url).unwrap();
    let url = url.trim().to_owned();
    assert!(
        !url.is_empty(),
        "no MariaDB to test on (its words are above): install it, or name a server in SOJOURN_TEST_MARIADB, or leave these \
         tests out: cargo test -- --skip mariadb"
    );
    Server { url, _process: Some(process) }
}

fn hash(content: &[u8]) -> String {
    Sha256::digest(content).iter().map(|byte| format!("{byte:02X}")).collect()
}

fn hex(content: &[u8]) -> String {
    content.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn accounts() -> Vec<String> {
    let zero = id(0);
    let account = |id: &str, first: &str, last: &str, more: &str| {
        format!(
            "INSERT INTO UserAccounts (PrincipalID, ScopeID, FirstName, LastName, Email, ServiceURLs, Created, UserLevel, \
             UserFlags, UserTitle) VALUES ('{id}', '{zero}', '{first}', '{last}', {more})"
        )
    };
    vec![
        account(
            ADA,
            "Ada",
            "Lovelace",
            "'ada@example.org', 'HomeURI=http%3a%2f%2fgrid.example.org%3a8002%2f GatekeeperURI= ', 1300000000, 200, 0, ''",
        ),
        account(ALAN, "Alan", "Turing", "'', '', 1300000001, 0, 0, 'Dr'"),
        account("a0000000-0000-4000-8000-000000000003", "No \"quotes\"", "Please", "'', '', 1, 0, 0, ''"),
    ]
}

fn auth() -> Vec<String> {
    let (hash, salt) = HASH;
    let row = |id: &str| {
        format!(
            "INSERT INTO auth (UUID, passwordHash, passwordSalt, webLoginKey, accountType) \
             VALUES ('{id}', '{hash}', '{salt}', '', 'UserAccount')"
        )
    };
    vec![row(ADA), row(ALAN)]
}

fn grid_users() -> Vec<String> {
    let (home, nowhere) = (id(7), id(0));
    let row = |user: &str| {
        format!(
            "INSERT INTO GridUser (UserID, HomeRegionID, HomePosition, HomeLookAt, LastRegionID, LastPosition, LastLookAt, \
             Online, Login, Logout) VALUES ('{user}', '{home}', '<128,64.5,21>', '<0,1,0>', '{nowhere}', '<0,0,0>', \
             '<0,0,0>', 'True', '1700000000', '1700000100')"
        )
    };
    vec![row(ADA), row("b0000000-0000-4000-8000-000000000001;http://far.example.org:8002/;Far One")]
}

fn friends() -> Vec<String> {
    let far = "b0000000-0000-4000-8000-000000000001;http://far.example.org:8002/;Far One;1234";
    let row = |one: &str, other: &str, flags: u8| {
        format!(
            "INSERT INTO Friends (PrincipalID, Friend, Flags, Offered) VALUES ('{one}', '{other}', '{flags}', '0')"
        )
    };
    vec![row(ADA, ALAN, 3), row(ALAN, ADA, 1), row(ADA, far, 1), row(far, ADA, 1)]
}

fn avatars() -> Vec<String> {
    let (item, asset) = (id(31), id(51));
    let row = |name: &str, value: &str| {
        format!("INSERT INTO Avatars (PrincipalID, Name, Value) VALUES ('{ADA}', '{name}', '{value}')")
    };
    vec![row("AvatarType", "1"), row("Wearable 0:0", &format!("{item}:{asset}"))]
}

fn inventory() -> Vec<String> {
    let folder = |n: u128, parent: u128, name: &str, kind: i32| {
        format!(
            "INSERT INTO inventoryfolders (folderName, type, version, folderID, agentID, parentFolderID) \
             VALUES ('{name}', {kind}, {}, '{}', '{ADA}', '{}')",
            n - 12,
            id(n),
            id(parent)
        )
    };
    let item = |n: u128, owner: &str, folder: u128, creator: &str| {
        format!(
            "INSERT INTO inventoryitems (inventoryID, avatarID, parentFolderID, assetID, assetType, invType, inventoryName, \
             inventoryDescription, creatorID, inventoryBasePermissions, inventoryCurrentPermissions, \
             inventoryNextPermissions, inventoryEveryOnePermissions, inventoryGroupPermissions, salePrice, saleType, \
             creationDate, groupID, groupOwned, flags) VALUES ('{}', '{owner}', '{}', '{}', 13, 18, 'Shäpe', '', \
             '{creator}', 2147483647, -1, 532480, 0, 0, 10, 0, 1400000000, '{}', 0, 0)",
            id(n),
            id(folder),
            id(51),
            id(0)
        )
    };
    let far = format!("{ALAN};http://far.example.org:8002/;Far One");
    vec![
        folder(21, 0, "My Inventory", 9),
        folder(22, 21, "Trash", 14),
        folder(23, 21, "Lost And Found", 16),
        item(31, ADA, 22, &far),
        item(32, ADA, 77, ADA),
        item(33, "b0000000-0000-4000-8000-000000000009", 77, ADA),
    ]
}

fn others() -> Vec<String> {
    vec![
        format!(
            "INSERT INTO AgentPrefs (PrincipalID, AccessPrefs, HoverHeight, Language, LanguageIsPublic, PermEveryone, \
             PermGroup, PermNextOwner) VALUES ('{ADA}', 'A', 0.25, 'en-us', 1, 0, 0, 532480)"
        ),
        format!(
            "INSERT INTO MuteList (AgentID, MuteID, MuteName, MuteType, MuteFlags, Stamp) \
             VALUES ('{ADA}', '{}', 'Noise', 2, 0, 1)",
            id(99)
        ),
        format!("INSERT INTO estate_map (RegionID, EstateID) VALUES ('{}', 101)", id(7)),
    ]
}

fn sqlite_assets() -> Vec<String> {
    let row = |n: u128, name: &str, kind: i32, content: &str| {
        format!(
            "INSERT INTO assets (UUID, Name, Description, Type, Local, Temporary, asset_flags, CreatorID, Data) \
             VALUES ('{}', '{name}', '', {kind}, 0, 0, 0, '{ADA}', X'{content}')",
            id(n)
        )
    };
    vec![row(51, "Shape", 13, &hex(SHAPE)), row(52, "Place", 3, &hex(b"a landmark")), row(53, "Empty", 0, "")]
}

fn mysql_assets(kept: &str) -> Vec<String> {
    let all = [(51, "Shape", 13, SHAPE), (52, "Place", 3, b"a landmark"), (53, "Empty", 0, b"")];
    let rows = all.map(|(n, name, kind, content): (u128, _, i32, &[u8])| {
        let (id, hash, content) = (id(n), hash(content), hex(content));
        match kept {
            "assets" => vec![format!(
                "INSERT INTO assets (name, description, assetType, local, temporary, data, id, create_time, access_time, \
                 asset_flags, CreatorID) VALUES ('{name}', '', {kind}, 0, 0, X'{content}', '{id}', 1, 2, 0, '{ADA}')"
            )],
            "xassets" => vec![
                format!(
                    "INSERT INTO XAssetsMeta (ID, Hash, Name, Description, AssetType, Local, Temporary, CreateTime, \
                     AccessTime, AssetFlags, CreatorID) VALUES ('{id}', X'{hash}', '{name}', '', {kind}, 0, 0, 1, 2, 0, \
                     '{ADA}')"
                ),
                format!("INSERT INTO XAssetsData (Hash, Data) VALUES (X'{hash}', X'{content}')"),
            ],
            _ => vec![format!(
                "INSERT INTO fsassets (id, name, description, type, hash, create_time, access_time, asset_flags) \
                 VALUES ('{id}', '{name}', '', {kind}, '{hash}', 1, 2, 0)"
            )],
        }
    });
    let tables = match kept {
        "assets" => &MYSQL_ASSETS[..],
        "xassets" => &MYSQL_XASSETS[..],
        _ => &MYSQL_FSASSETS[..],
    };
    tables.iter().map(|table| (*table).to_owned()).chain(rows.concat()).collect()
}
