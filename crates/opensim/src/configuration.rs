//! What the configuration of an OpenSimulator means here.

use crate::ini::{self, Ini, Unreadable};
use crate::reading::{Left, Reading};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What viewers are told stands in this place when the simulator is to find out its own address.
const UNKNOWN_HOST: &str = "SYSTEMIP";
/// Everybody's address.
pub(crate) const ANYWHERE: &str = "0.0.0.0";
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
    /// What people are told when they come in.
    pub welcome: Option<String>,
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
        let mut reading = Reading::new(&ini);
        let mut regions = reading.regions(&folder)?;
        reading.arrive(&mut regions.regions);
        let architecture = reading.architecture();
        let mut configuration = Self {
            architecture,
            port: reading.number("Network", "http_listener_port"),
            host: regions.host.or_else(|| reading.text("Const", "BaseHostname")),
            bind: regions.bind,
            grid_name: reading.text("GridInfoService", "gridname"),
            welcome: reading.text("LoginService", "WelcomeMessage"),
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

#[derive(Default)]
struct Regions {
    regions: Vec<Region>,
    host: Option<String>,
    bind: String,
}

impl Reading<'_> {
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
                let mut reading = Reading::new(&file);
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

    /// People arrive in the first region that has no other place for them.
    fn arrive(&mut self, regions: &mut [Region]) {
        let Some((name, key)) = self.arrivals().into_iter().next() else { return };
        let is_it = |region: &Region| {
            let spelled = region.name.replace(' ', "_");
            spelled.eq_ignore_ascii_case(&name)
                || region.uuid.as_ref().is_some_and(|uuid| uuid.eq_ignore_ascii_case(&name))
        };
        if let Some(at) = regions.iter().position(is_it) {
            regions[..=at].rotate_right(1);
            self.used("GridService", &key);
        }
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
                 [GridInfoService]\ngridname = \"A World\"\n[LoginService]\nWelcomeMessage = \"Hi, <USERNAME>\"\nMinLoginLevel = 10\n\
                 [GridService]\nStorageProvider = \"OpenSim.Data.Null.dll:NullRegionData\"\n\
                 Region_B_Two = \"DefaultRegion, FallbackRegion\"\nRegion_A = FallbackRegion\n",
            ),
            (
                "config-include/storage/SQLiteStandalone.ini",
                "[DatabaseService]\nStorageProvider = \"OpenSim.Data.SQLite.dll\"\n",
            ),
            ("Regions/a.ini", "[A]\nLocation = 1,1\nInternalPort = 9000\nInternalAddress = 10.0.0.1\n"),
            ("Regions/b.ini", "[B Two]\nLocation = 2,1\nInternalPort = 9001\nInternalAddress = 10.0.0.2\n"),
            ("Regions/c.xml", "<Regions/>"),
        ]);
        assert_eq!(read.architecture, Architecture::Standalone);
        assert_eq!((read.host.as_deref(), read.bind.as_str()), (Some("192.0.2.7"), "10.0.0.1"));
        assert_eq!((read.grid_name.as_deref(), read.grid, read.port), (Some("A World"), None, None));
        assert_eq!(read.database, Some(folder.path().display().to_string()));
        assert_eq!(read.regions.len(), 2);
        assert_eq!(read.welcome.as_deref(), Some("Hi, <USERNAME>"));
        assert_eq!(read.regions[0].name, "B Two", "there people arrive");
        for wanted in ["InternalAddress", "[LoginService] MinLoginLevel", "regions", "[GridService] Region_A"]
        {
            assert!(read.left.iter().any(|left| left.what == wanted), "{wanted}: {:#?}", read.left);
        }
    }

    #[test]
    fn nothing_there_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let error = Configuration::read(folder.path()).unwrap_err().to_string();
        assert!(error.contains("OpenSim.ini"), "{error}");
    }
}
