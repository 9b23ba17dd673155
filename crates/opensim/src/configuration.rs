//! What the configuration of an OpenSimulator means here.

use crate::ini::{self, Entry, Ini, Unreadable};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What viewers are told stands in this place when the simulator is to find out its own address.
const UNKNOWN_HOST: &str = "SYSTEMIP";
/// Everybody's address.
const ANYWHERE: &str = "0.0.0.0";
/// Files that say how OpenSimulator's own parts are put together; not what an operator has set.
const ASSEMBLY: [&str; 5] =
    ["Standalone.ini", "StandaloneHypergrid.ini", "Grid.ini", "GridHypergrid.ini", "OpenSimDefaults.ini"];

/// Sections of which nothing means anything here, and why.
const NOT_HERE: [(&str, &str); 24] = [
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
    ("AssetCache", "caches size themselves"),
    ("RemoteAdmin", "see `sojourn user`, `kick` and `notice`"),
    ("Modules", "names parts of OpenSimulator"),
    ("Permissions", "see access and estates in the world file"),
    ("Terrain", "see terrain in the world file"),
];

/// Keys that are read for what they lead to, or say what is so here anyway.
const UNDERSTOOD: [(&str, &str); 5] = [
    ("Const", ""),
    ("Startup", "regionload_regionsdir"),
    ("DatabaseService", "StorageProvider"),
    ("DatabaseService", "ConnectionString"),
    ("GridInfoService", "login"),
];

/// How a simulator gets at its grid.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Architecture {
    /// It is the grid.
    Standalone,
    /// The grid is elsewhere.
    Grid,
}

/// A region, as its file has it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Region {
    /// Its name.
    pub name: String,
    /// Its id, as text.
    pub uuid: Option<String>,
    /// Column and row, units of 256 m.
    pub at: (u32, u32),
    /// Metres.
    pub size: (u32, u32),
    /// The UDP port.
    pub port: u16,
    /// Agents at most.
    pub max_agents: Option<u32>,
}

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

/// What the files of one OpenSimulator say.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Configuration {
    /// The files' folder.
    pub folder: PathBuf,
    /// How it gets at its grid.
    pub architecture: Architecture,
    /// The HTTP port.
    pub port: Option<u16>,
    /// What viewers are told.
    pub host: Option<String>,
    /// What sockets bind to.
    pub bind: String,
    /// What the grid is called.
    pub grid_name: Option<String>,
    /// The grid's private side.
    pub grid: Option<String>,
    /// The grid's public side.
    pub login: Option<String>,
    /// Seconds until a silent viewer is logged out.
    pub silence_timeout: Option<u64>,
    /// Its regions, by the names of their files.
    pub regions: Vec<Region>,
    /// The URL of its database, with the password that stands there.
    pub database: Option<String>,
    /// All that was set and is not in the above.
    pub left: Vec<Left>,
}

impl Configuration {
    /// Reads the configuration that this file or folder is: `OpenSim.ini`, the folder that it is in, or the one above.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub fn read(path: &Path) -> Result<Self, Unreadable> {
        let file = find(path)?;
        let ini = Ini::read(&file)?;
        let folder = file.parent().unwrap_or(Path::new("")).to_owned();
        let mut reading = Reading { ini: &ini, used: BTreeSet::new(), left: Vec::new() };
        let regions = reading.regions(&folder)?;
        let architecture = reading.architecture();
        let mut configuration = Self {
            architecture,
            port: reading.number("Network", "http_listener_port"),
            host: regions.host.or_else(|| reading.text("Const", "BaseHostname")),
            bind: regions.bind,
            grid_name: reading.text("GridInfoService", "gridname"),
            grid: reading.text("GridService", "GridServerURI"),
            login: reading.text("GridInfo", "GridInfoURI"),
            silence_timeout: reading.number("ClientStack.LindenUDP", "AckTimeout"),
            regions: regions.regions,
            database: None,
            left: Vec::new(),
            folder,
        };
        configuration.database = reading.database(&configuration.folder);
        if architecture == Architecture::Standalone {
            (configuration.grid, configuration.login) = (None, None);
        }
        configuration.left = reading.all_left();
        Ok(configuration)
    }
}

fn find(path: &Path) -> Result<PathBuf, Unreadable> {
    if path.is_file() {
        return Ok(path.to_owned());
    }
    let places = ["OpenSim.ini", "bin/OpenSim.ini"].map(|name| path.join(name));
    let found = places.into_iter().find(|place| place.is_file());
    found.ok_or_else(|| Unreadable::new(path, "there is no OpenSim.ini in it, nor in a folder bin below"))
}

struct Reading<'a> {
    ini: &'a Ini,
    /// Entries that have found their place.
    used: BTreeSet<(String, String)>,
    left: Vec<Left>,
}

#[derive(Default)]
struct Regions {
    regions: Vec<Region>,
    host: Option<String>,
    bind: String,
}

impl Reading<'_> {
    fn text(&mut self, section: &str, key: &str) -> Option<String> {
        let value = self.ini.value(section, key)?;
        self.used.insert((section.to_lowercase(), key.to_lowercase()));
        Some(value)
    }

    fn number<T: std::str::FromStr>(&mut self, section: &str, key: &str) -> Option<T> {
        let number = self.ini.value(section, key)?.parse().ok()?;
        self.used.insert((section.to_lowercase(), key.to_lowercase()));
        Some(number)
    }

    fn architecture(&self) -> Architecture {
        let included = self.ini.value("Architecture", "Include-Architecture");
        let name = included.unwrap_or_default().to_lowercase();
        let is_grid = match name.rsplit(['/', '\\']).next().unwrap_or_default() {
            "" => self.ini.value("GridService", "GridServerURI").is_some(),
            name => !name.starts_with("standalone"),
        };
        if is_grid { Architecture::Grid } else { Architecture::Standalone }
    }

    fn regions(&mut self, folder: &Path) -> Result<Regions, Unreadable> {
        let named = self.ini.value("Startup", "regionload_regionsdir");
        let folder = named.map_or_else(|| folder.join("Regions"), |named| folder.join(named));
        let mut all = Regions::default();
        let (mut hosts, mut binds) = (BTreeSet::new(), BTreeSet::new());
        for path in ini::matching(&folder, "*.ini") {
            let file = Ini::read(&path)?;
            let mut sections: Vec<&str> = Vec::new();
            for entry in &file.entries {
                if !sections.contains(&entry.section.as_str()) {
                    sections.push(&entry.section);
                }
            }
            for name in sections {
                let mut reading = Reading { ini: &file, used: BTreeSet::new(), left: Vec::new() };
                hosts.extend(reading.text(name, "ExternalHostName"));
                binds.extend(reading.text(name, "InternalAddress"));
                let region = reading.region(name);
                self.left.extend(reading.all_left_of(name));
                match region {
                    Ok(region) => all.regions.push(region),
                    Err(why) => self.leave(&path.display().to_string(), &format!("region {name}"), &why),
                }
            }
        }
        for path in ini::matching(&folder, "*.xml") {
            self.leave(&path.display().to_string(), "regions", "XML files of regions are not read");
        }
        hosts.remove(UNKNOWN_HOST);
        self.same("ExternalHostName", &hosts);
        self.same("InternalAddress", &binds);
        all.host = hosts.into_iter().next();
        all.bind = binds.into_iter().next().unwrap_or_else(|| ANYWHERE.into());
        Ok(all)
    }

    /// A process has one of it here.
    fn same(&mut self, key: &str, values: &BTreeSet<String>) {
        if values.len() > 1 {
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            let why = format!("regions of one process have one; of {} the first is taken", values.join(", "));
            self.leave("Regions", key, &why);
        }
    }

    fn region(&mut self, name: &str) -> Result<Region, String> {
        let location = self.text(name, "Location").ok_or("it has no Location")?;
        let place = location
            .split_once(',')
            .and_then(|(x, y)| Some((x.trim().parse().ok()?, y.trim().parse().ok()?)));
        let wrong = |key: &str| format!("its {key} is no number");
        let size = |this: &mut Self, key| match this.ini.value(name, key) {
            Some(_) => this.number(name, key).ok_or_else(|| wrong(key)),
            None => Ok(model::CELL_M),
        };
        let (x, y) = (size(self, "SizeX")?, size(self, "SizeY")?);
        Ok(Region {
            name: name.to_owned(),
            uuid: self.text(name, "RegionUUID"),
            at: place.ok_or_else(|| format!("its Location is {location:?}"))?,
            size: (x, y),
            port: self.number(name, "InternalPort").ok_or_else(|| wrong("InternalPort"))?,
            max_agents: self.number(name, "MaxAgents"),
        })
    }

    /// What its database is called here; where it is, if it is files.
    fn database(&mut self, folder: &Path) -> Option<String> {
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

    fn leave(&mut self, at: &str, what: &str, why: &str) {
        self.left.push(Left { at: at.into(), what: what.into(), why: why.into() });
    }

    fn all_left_of(mut self, section: &str) -> Vec<Left> {
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
        let named = [value("GridService", "GridServerURI"), value("GridInfo", "GridInfoURI")];
        let named = named.into_iter().flatten().chain(own).chain(value("Const", "BaseHostname"));
        named.map(|address| address.trim_end_matches('/').to_owned()).collect()
    }

    fn all_left(mut self) -> Vec<Left> {
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
            if used || understood || leads || covered || ASSEMBLY.contains(&&*name) {
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
                    why: shown(entry),
                }),
            }
        }
        self.left
    }
}

fn place(entry: &Entry) -> String {
    format!("{}:{}", entry.file.display(), entry.line)
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
    use std::fs;

    /// A simulator of a grid, in a folder of its own.
    fn simulator(files: &[(&str, &str)]) -> (tempfile::TempDir, Configuration) {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let configuration = Configuration::read(folder.path()).unwrap();
        (folder, configuration)
    }

    const REGIONS: &str = "[Harbour]\nRegionUUID = 11111111-2222-3333-4444-555555555555\nLocation = \"1000,1001\"\n\
        SizeX = 512\nSizeY = 512\nInternalAddress = \"0.0.0.0\"\nInternalPort = 9007\nMaxPrims = 15000\n\
        ExternalHostName = \"world.example.org\"\nMaxAgents = 40\n\
        [Island]\nLocation = 7,8\nInternalPort = 9008\nExternalHostName = SYSTEMIP\n\
        [Odd]\nLocation = here\nInternalPort = 1\n";

    #[test]
    fn a_simulator_of_a_grid() {
        let (_folder, read) = simulator(&[
            (
                "bin/OpenSim.ini",
                "[Const]\nBaseURL = \"http://grid.example.org\"\nPublicPort = \"8002\"\n\
                 [Network]\nhttp_listener_port = 9100\nConsolePass = secret\n[Weather]\nApiKey = secret\n[ClientStack.LindenUDP]\nAckTimeout = 90\n\
                 [Startup]\nphysics = BulletSim\n[YEngine]\nEnabled = true\nMinTimerInterval = 0.1\n\
                 [Architecture]\nInclude-Architecture = \"config-include/Grid.ini\"\n",
            ),
            (
                "bin/config-include/Grid.ini",
                "[Modules]\nAssetServices = X\n[Includes]\nInclude-Common = \"config-include/GridCommon.ini\"\n",
            ),
            (
                "bin/config-include/GridCommon.ini",
                "[DatabaseService]\nStorageProvider = \"OpenSim.Data.MySQL.dll\"\n\
                 ConnectionString = \"Data Source=localhost;Database=opensim;User ID=me;Password=a/b;Old Guids=true;\"\n\
                 EstateConnectionString = \"Password=secret\"\n\
                 [GridService]\nGridServerURI = \"${Const|BaseURL}:8003\"\n\
                 [GridInfo]\nGridInfoURI = \"${Const|BaseURL}:${Const|PublicPort}\"\n\
                 [AvatarService]\nAvatarServerURI = \"${Const|BaseURL}:8003/\"\n\
                 [FriendsService]\nFriendsServerURI = \"http://elsewhere.example.org:8003\"\n",
            ),
            ("bin/Regions/Regions.ini", REGIONS),
        ]);
        assert_eq!(read.architecture, Architecture::Grid);
        assert_eq!((read.port, read.silence_timeout), (Some(9100), Some(90)));
        assert_eq!(read.host.as_deref(), Some("world.example.org"));
        assert_eq!(read.bind, "0.0.0.0");
        assert_eq!(read.grid.as_deref(), Some("http://grid.example.org:8003"));
        assert_eq!(read.login.as_deref(), Some("http://grid.example.org:8002"));
        assert_eq!(read.database.as_deref(), Some("mysql://me:a%2Fb@localhost/opensim"));
        let harbour = Region {
            name: "Harbour".into(),
            uuid: Some("11111111-2222-3333-4444-555555555555".into()),
            at: (1000, 1001),
            size: (512, 512),
            port: 9007,
            max_agents: Some(40),
        };
        let island =
            Region { name: "Island".into(), at: (7, 8), size: (256, 256), port: 9008, ..Region::default() };
        assert_eq!(read.regions, [harbour, island]);
        let left: Vec<String> =
            read.left.iter().map(|left| format!("{} ({})", left.what, left.why)).collect();
        for wanted in [
            "[Startup] physics (BulletSim)",
            "[Harbour] MaxPrims (15000)",
            "region Odd (its Location is \"here\")",
            "[FriendsService] FriendsServerURI (http://elsewhere.example.org:8003)",
            "[YEngine] (scripts are not run)",
            "[DatabaseService] EstateConnectionString (…)",
        ] {
            assert!(left.iter().any(|left| left == wanted), "{wanted}: {left:#?}");
        }
        assert_eq!(left.iter().filter(|left| left.contains("YEngine")).count(), 1);
        assert!(
            !left
                .iter()
                .any(|left| ["secret", "AssetServices", "Avatar"].iter().any(|word| left.contains(word))),
            "{left:#?}"
        );
    }

    #[test]
    fn a_standalone_on_files() {
        let (folder, read) = simulator(&[
            (
                "OpenSim.ini",
                "[Const]\nBaseHostname = 192.0.2.7\n[Architecture]\n\
                 Include-Architecture = \"config-include/StandaloneHypergrid.ini\"\n",
            ),
            (
                "config-include/StandaloneHypergrid.ini",
                "[Includes]\nInclude-Common = \"config-include/StandaloneCommon.ini\"\n",
            ),
            (
                "config-include/StandaloneCommon.ini",
                "[DatabaseService]\nInclude-Storage = \"config-include/storage/SQLiteStandalone.ini\"\n\
                 [GridInfoService]\ngridname = \"A World\"\n[LoginService]\nWelcomeMessage = \"Hi\"\n",
            ),
            (
                "config-include/storage/SQLiteStandalone.ini",
                "[DatabaseService]\nStorageProvider = \"OpenSim.Data.SQLite.dll\"\n",
            ),
            ("Regions/a.ini", "[A]\nLocation = 1,1\nInternalPort = 9000\nInternalAddress = 10.0.0.1\n"),
            ("Regions/b.ini", "[B]\nLocation = 2,1\nInternalPort = 9001\nInternalAddress = 10.0.0.2\n"),
            ("Regions/c.xml", "<Regions/>"),
        ]);
        assert_eq!(read.architecture, Architecture::Standalone);
        assert_eq!((read.host.as_deref(), read.bind.as_str()), (Some("192.0.2.7"), "10.0.0.1"));
        assert_eq!((read.grid_name.as_deref(), read.grid, read.port), (Some("A World"), None, None));
        assert_eq!(read.database, Some(folder.path().display().to_string()));
        assert_eq!(read.regions.len(), 2);
        for wanted in ["InternalAddress", "[LoginService] WelcomeMessage", "regions"] {
            assert!(read.left.iter().any(|left| left.what == wanted), "{wanted}: {:#?}", read.left);
        }
    }

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

    #[test]
    fn nothing_there_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let error = Configuration::read(folder.path()).unwrap_err().to_string();
        assert!(error.contains("OpenSim.ini"), "{error}");
    }
}
