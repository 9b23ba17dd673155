//! Files of an OpenSimulator as they are looked through: what has found its place here, and all that has not.

use crate::ini::{Entry, Ini};
use std::collections::BTreeSet;
use std::path::Path;

/// Files that say how OpenSimulator's own parts are put together; not what an operator has set.
const ASSEMBLY: [&str; 5] =
    ["Standalone.ini", "StandaloneHypergrid.ini", "Grid.ini", "GridHypergrid.ini", "OpenSimDefaults.ini"];

/// What the keys begin with that say what a region is to its grid.
const REGION: &str = "region_";

/// Sections of which nothing means anything here, and why.
const NOT_HERE: &[(&str, &str)] = &[
    ("BulletSim", "there is no physics engine to set up"),
    ("ODEPhysicsSettings", "there is no physics engine to set up"),
    ("ubODE", "there is no physics engine to set up"),
    ("YEngine", "scripts are not run"),
    ("XEngine", "scripts are not run"),
    ("OSSL", "scripts are not run"),
    ("LL-Functions", "scripts are not run"),
    ("NPC", "scripts are not run"),
    ("FreeSwitchVoice", "there is no voice"),
    ("FreeswitchService", "there is no voice"),
    ("VivoxVoice", "there is no voice"),
    ("Groups", "there are no groups yet"),
    ("Economy", "there is no money"),
    ("Hypergrid", "there are no visits to other grids yet"),
    ("HGInventoryAccessModule", "there are no visits to other grids yet"),
    ("HGAssetService", "there are no visits to other grids yet"),
    ("HGFriendsModule", "there are no visits to other grids yet"),
    ("GatekeeperService", "there are no visits to other grids yet"),
    ("UserAgentService", "there are no visits to other grids yet"),
    ("HGInventoryService", "there are no visits to other grids yet"),
    ("HGFriendsService", "there are no visits to other grids yet"),
    ("HGInstantMessageService", "there are no visits to other grids yet"),
    ("Messaging", "messages are kept by the grid itself"),
    ("UserProfilesService", "there are no profiles yet"),
    ("AssetCache", "caches size themselves"),
    ("RemoteAdmin", "see `sojourn user`, `kick` and `notice`"),
    ("Modules", "names parts of OpenSimulator"),
    ("Permissions", "see access and estates in the world file"),
    ("Terrain", "see terrain in the world file"),
];

/// Keys of which that is to be known.
const INSTEAD: [(&str, &str, &str); 9] = [
    ("LoginService", "MapTileURL", "the grid serves the map at its own address"),
    ("LoginService", "MinLoginLevel", "see closed"),
    ("GridInfoService", "welcome", "the grid serves this page itself, at its own address"),
    ("GridInfoService", "register", "see sign_up"),
    ("GridInfoService", "economy", "there is no money"),
    ("GridInfoService", "gridnick", "it is made of the grid's name"),
    ("GridInfoService", "gatekeeper", "there are no visits to other grids yet"),
    ("GridInfoService", "uas", "there are no visits to other grids yet"),
    ("MapImageService", "TilesStoragePath", "the map is in the database"),
];

/// Keys that are read for what they lead to, or say what is so here anyway.
const UNDERSTOOD: [(&str, &str); 7] = [
    ("Const", ""),
    ("Environment", ""),
    ("ServiceList", ""),
    ("Startup", "regionload_regionsdir"),
    ("DatabaseService", "StorageProvider"),
    ("DatabaseService", "ConnectionString"),
    ("GridInfoService", "login"),
];

/// Something that was set and has no counterpart.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Left {
    /// File and line.
    pub at: String,
    /// Section and key.
    pub what: String,
    /// Why, or what it was set to.
    pub why: String,
}

/// One configuration, being read.
pub(crate) struct Reading<'a> {
    pub(crate) ini: &'a Ini,
    /// Entries that have found their place.
    used: BTreeSet<(String, String)>,
    pub(crate) left: Vec<Left>,
}

impl<'a> Reading<'a> {
    pub(crate) fn new(ini: &'a Ini) -> Self {
        Self { ini, used: BTreeSet::new(), left: Vec::new() }
    }

    pub(crate) fn text(&mut self, section: &str, key: &str) -> Option<String> {
        let value = self.ini.value(section, key)?;
        self.used.insert((section.to_lowercase(), key.to_lowercase()));
        Some(value)
    }

    pub(crate) fn number<T: std::str::FromStr>(&mut self, section: &str, key: &str) -> Option<T> {
        let number = self.ini.value(section, key)?.parse().ok()?;
        self.used.insert((section.to_lowercase(), key.to_lowercase()));
        Some(number)
    }

    /// It has found its place in another way.
    pub(crate) fn used(&mut self, section: &str, key: &str) {
        self.used.insert((section.to_lowercase(), key.to_lowercase()));
    }

    /// What its database is called here; where it is, if it is files.
    pub(crate) fn database(&mut self, folder: &Path) -> Option<String> {
        let provider = self.text("DatabaseService", "StorageProvider")?.to_lowercase();
        let connection = self.text("DatabaseService", "ConnectionString").unwrap_or_default();
        if provider.contains("sqlite") {
            Some(folder.display().to_string())
        } else if provider.contains("mysql") {
            mysql_url(&connection)
        } else {
            let at = self.ini.entry("DatabaseService", "StorageProvider").map(place).unwrap_or_default();
            self.leave(&at, "[DatabaseService]", &format!("databases of {provider} are not read"));
            None
        }
    }

    /// The names of the regions where people arrive, as far as that can be carried over, and that it was said.
    pub(crate) fn arrivals(&self) -> Vec<(String, String)> {
        let is_one = |entry: &&Entry| {
            let value = self.ini.expanded(&entry.value).to_lowercase();
            entry.section.eq_ignore_ascii_case("GridService")
                && entry.key.to_lowercase().starts_with(REGION)
                && value.split(',').any(|flag| flag.trim() == "defaultregion")
        };
        let named = |entry: &Entry| (entry.key[REGION.len()..].to_owned(), entry.key.clone());
        self.ini.entries.iter().filter(is_one).map(named).collect()
    }

    pub(crate) fn leave(&mut self, at: &str, what: &str, why: &str) {
        self.left.push(Left { at: at.into(), what: what.into(), why: why.into() });
    }

    pub(crate) fn all_left_of(mut self, section: &str) -> Vec<Left> {
        let entries: Vec<&Entry> = self.ini.entries.iter().filter(|entry| entry.section == section).collect();
        for entry in entries {
            if self.used.contains(&(entry.section.to_lowercase(), entry.key.to_lowercase())) {
                continue;
            }
            self.leave(&place(entry), &format!("[{}] {}", entry.section, entry.key), &shown(entry));
        }
        self.left
    }

    /// Addresses that are carried over, or follow from what is: of the grid's two sides, of itself.
    fn addresses(&self) -> BTreeSet<String> {
        let value = |section, key| self.ini.value(section, key);
        let own = value("Const", "BaseURL").zip(value("Const", "PublicPort"));
        let own = own.map(|(url, port)| format!("{url}:{port}"));
        let named = [
            value("GridService", "GridServerURI"),
            value("GridInfo", "GridInfoURI"),
            value("GridInfoService", "login"),
        ];
        let named = named.into_iter().flatten().chain(own).chain(value("Const", "BaseHostname"));
        named.map(|address| address.trim_end_matches('/').to_owned()).collect()
    }

    pub(crate) fn all_left(mut self) -> Vec<Left> {
        for missing in &self.ini.missing {
            self.left.push(Left {
                at: missing.clone(),
                what: "an include".into(),
                why: "it cannot be read".into(),
            });
        }
        let mut whole = BTreeSet::new();
        let addresses = self.addresses();
        for entry in &self.ini.entries {
            let name = entry.file.file_name().unwrap_or_default().to_string_lossy();
            let understood = entry.key.eq_ignore_ascii_case("ConnectionString")
                || UNDERSTOOD.iter().any(|(section, key)| {
                    entry.section.eq_ignore_ascii_case(section)
                        && (key.is_empty() || entry.key.eq_ignore_ascii_case(key))
                });
            let used = self.used.contains(&(entry.section.to_lowercase(), entry.key.to_lowercase()));
            let leads = entry.key.to_lowercase().starts_with("include");
            // Each service has an address of its own there; these are one here.
            let value = self.ini.expanded(&entry.value);
            let covered = value.is_empty() || addresses.contains(value.trim_end_matches('/'));
            // What these are made of, nobody has set.
            let part = value.contains(".dll") || entry.key.eq_ignore_ascii_case("ServiceConnectors");
            if used || understood || leads || covered || part || ASSEMBLY.contains(&&*name) {
                continue;
            }
            let reason = NOT_HERE.iter().find(|(section, _)| entry.section.eq_ignore_ascii_case(section));
            match reason {
                // One line for the whole section will do.
                Some((_, why)) if whole.insert(entry.section.to_lowercase()) => {
                    self.left.push(Left {
                        at: place(entry),
                        what: format!("[{}]", entry.section),
                        why: (*why).into(),
                    });
                }
                Some(_) => {}
                None => self.left.push(Left {
                    at: place(entry),
                    what: format!("[{}] {}", entry.section, entry.key),
                    why: shown(entry) + &instead(entry),
                }),
            }
        }
        self.left
    }
}

pub(crate) fn place(entry: &Entry) -> String {
    format!("{}:{}", entry.file.display(), entry.line)
}

/// What is so here instead, if there is something to say.
fn instead(entry: &Entry) -> String {
    let of = |(section, key, _): &&(&str, &str, &str)| {
        entry.section.eq_ignore_ascii_case(section) && entry.key.eq_ignore_ascii_case(key)
    };
    let arrives =
        entry.section.eq_ignore_ascii_case("GridService") && entry.key.to_lowercase().starts_with(REGION);
    match INSTEAD.iter().find(of) {
        Some((_, _, why)) => format!(" ({why})"),
        None if arrives => " (people arrive in the first region of the grid)".into(),
        None => String::new(),
    }
}

/// What something was set to; secrets are not for reports.
fn shown(entry: &Entry) -> String {
    let key = entry.key.to_lowercase();
    let secret = ["pass", "pwd", "connectionstring", "secret", "token"].iter().any(|word| key.contains(word));
    if secret || key.ends_with("key") {
        return "…".into();
    }
    entry.value.chars().take(60).collect()
}

/// The URL of a MySQL database of which this is the connection string.
fn mysql_url(connection: &str) -> Option<String> {
    let value = |names: &[&str]| {
        let mut pairs = connection.split(';').filter_map(|pair| pair.split_once('='));
        let found = pairs.find(|(name, _)| names.iter().any(|known| name.trim().eq_ignore_ascii_case(known)));
        found.map(|(_, value)| value.trim().to_owned())
    };
    let encoded = |text: String| -> String {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
    };
    let host = value(&["data source", "server", "host", "datasource"])?;
    let database = encoded(value(&["database", "initial catalog"])?);
    let user = encoded(value(&["user id", "uid", "user", "username", "user name"]).unwrap_or_default());
    let password = value(&["password", "pwd"]).map(encoded).unwrap_or_default();
    let port = value(&["port"]).map(|port| format!(":{port}")).unwrap_or_default();
    Some(format!("mysql://{user}:{password}@{host}{port}/{database}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connection_strings() {
        for (connection, url) in [
            ("Server=db; Port=3307;Database=o s;Uid=u;Pwd=p;", Some("mysql://u:p@db:3307/o%20s")),
            ("Data Source=db;User ID=u", None),
            ("", None),
        ] {
            assert_eq!(mysql_url(connection).as_deref(), url, "{connection}");
        }
    }
}
