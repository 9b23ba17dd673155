//! What the configuration of a ROBUST, the grid of OpenSimulators, means here.

use crate::configuration::ANYWHERE;
use crate::ini::{Ini, Unreadable};
use crate::reading::{Left, Reading};
use std::path::{Path, PathBuf};

/// Its files, the one that is the more likely in use first: nobody has that of a hypergrid by chance.
const FILES: [&str; 2] = ["Robust.HG.ini", "Robust.ini"];
/// What serves logins, and so is for everybody.
const PUBLIC: &str = "LLLoginServiceInConnector";
/// What serves simulators.
const PRIVATE: &str = "GridServiceConnector";

/// What the files of one ROBUST say.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GridConfiguration {
    /// The file.
    pub file: PathBuf,
    /// The port for everybody.
    pub port: Option<u16>,
    /// The port for simulators.
    pub private_port: Option<u16>,
    /// What sockets bind to.
    pub bind: String,
    /// The name or address at which it is reached.
    pub host: Option<String>,
    /// Where people log in.
    pub url: Option<String>,
    /// What it is called.
    pub grid_name: Option<String>,
    /// What people are told when they come in.
    pub welcome: Option<String>,
    /// The URL of its database, with the password that stands there.
    pub database: Option<String>,
    /// All that was set and is not in the above.
    pub left: Vec<Left>,
}

impl GridConfiguration {
    /// Reads the file that this is, or that is in this folder or the folder `bin` below. `None`: there is none.
    ///
    /// # Errors
    /// There is one that cannot be read.
    pub fn read(path: &Path) -> Result<Option<Self>, Unreadable> {
        let Some((file, another)) = find(path) else { return Ok(None) };
        let ini = Ini::read(&file)?;
        let mut reading = Reading::new(&ini);
        if let Some(another) = another {
            let what = another.display().to_string();
            reading.leave(&what, "a configuration", &format!("{} is taken instead", file.display()));
        }
        let usual = reading.number("Network", "port");
        let constant = |key| ini.value("Const", key).and_then(|text| text.parse().ok());
        let port = port_of(&ini, PUBLIC, usual).or_else(|| constant("PublicPort"));
        let private_port = port_of(&ini, PRIVATE, usual).or_else(|| constant("PrivatePort")).or(usual);
        let login = ini.value("GridInfoService", "login");
        let base = ini.value("Const", "BaseURL");
        let host = [&base, &login].into_iter().flatten().find_map(|url| host_of(url));
        if let (Some(login), false) = (&login, login.as_deref().is_none_or(is_plain)) {
            let why = format!("{login} (TLS is a proxy's, and our address has to be http://)");
            reading.leave(&file.display().to_string(), "[GridInfoService] login", &why);
        }
        let folder = file.parent().unwrap_or(Path::new("")).to_owned();
        Ok(Some(Self {
            port,
            // One port cannot be both.
            private_port: private_port.filter(|private| Some(*private) != port),
            bind: reading.text("Network", "address").unwrap_or_else(|| ANYWHERE.into()),
            host,
            url: login.filter(|url| is_plain(url)),
            grid_name: reading.text("GridInfoService", "gridname"),
            welcome: reading.text("LoginService", "WelcomeMessage"),
            database: reading.database(&folder),
            left: reading.all_left(),
            file,
        }))
    }
}

/// The file, and another that might be meant.
fn find(path: &Path) -> Option<(PathBuf, Option<PathBuf>)> {
    if path.is_file() {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        return name.starts_with("robust").then(|| (path.to_owned(), None));
    }
    let places = [path.to_owned(), path.join("bin")];
    let mut found = places
        .iter()
        .flat_map(|folder| FILES.iter().map(|name| folder.join(name)))
        .filter(|file| file.is_file());
    Some((found.next()?, found.next()))
}

/// The port of a connector: each stands as `[SETTINGS@][PORT/]FILE:CLASS`, one by one or in a list.
fn port_of(ini: &Ini, class: &str, usual: Option<u16>) -> Option<u16> {
    let lists = ini.entries.iter().filter(|entry| {
        entry.section.eq_ignore_ascii_case("ServiceList")
            || entry.key.eq_ignore_ascii_case("ServiceConnectors")
    });
    let all = lists.map(|entry| ini.expanded(&entry.value)).collect::<Vec<_>>();
    let mut connectors = all.iter().flat_map(|value| value.split(',')).map(str::trim);
    let connector = connectors.find(|connector| connector.rsplit(':').next() == Some(class))?;
    let (port, _) = connector.split_once('/').unwrap_or_default();
    port.rsplit('@').next().and_then(|port| port.parse().ok()).or(usual)
}

fn is_plain(url: &str) -> bool {
    url.starts_with("http://")
}

/// The host of a URL.
fn host_of(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split('/').next().unwrap_or_default();
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => host,
        _ => authority,
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    (!host.is_empty()).then(|| host.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn read(files: &[(&str, &str)]) -> (tempfile::TempDir, Option<GridConfiguration>) {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let read = GridConfiguration::read(folder.path()).unwrap();
        (folder, read)
    }

    /// As they are since connectors are listed one by one and addresses have names.
    const NEWER: &str = "[Const]\n\
        BaseHostname = \"grid.example.org\"\nBaseURL = \"http://${Const|BaseHostname}\"\n\
        PublicPort = \"8102\"\nPrivatePort = \"8103\"\n\
        [ServiceList]\n\
        GridServiceConnector = \"${Const|PrivatePort}/OpenSim.Server.Handlers.dll:GridServiceConnector\"\n\
        LoginServiceConnector = \"${Const|PublicPort}/OpenSim.Server.Handlers.dll:LLLoginServiceInConnector\"\n\
        HGAssets = \"HGAssetService@${Const|PublicPort}/OpenSim.Server.Handlers.dll:AssetServiceConnector\"\n\
        [Network]\nport = ${Const|PrivatePort}\nAllowllHTTPS = false\n\
        [DatabaseService]\nInclude-Storage = \"config-include/storage.ini\"\n\
        [GridService]\nLocalServiceModule = \"OpenSim.Services.GridService.dll:GridService\"\n\
        Region_Welcome_Area = \"DefaultRegion, DefaultHGRegion, FallbackRegion\"\n\
        [LoginService]\nWelcomeMessage = \"Welcome, <USERNAME>; be kind!\" ; said at every login\n\
        MapTileURL = \"${Const|BaseURL}:${Const|PublicPort}/\";\n\
        SearchURL = \"http://search.example.org/\"\nCurrency = \"\"\nMinLoginLevel = 0\n\
        [GridInfoService]\nlogin = ${Const|BaseURL}:${Const|PublicPort}/\ngridname = \"The Lost City\"\n\
        gridnick = lost\nwelcome = ${Const|BaseURL}/welcome\n\
        [GatekeeperService]\nExternalName = \"${Const|BaseURL}:${Const|PublicPort}\"\nForeignAgentsAllowed = true\n";

    #[test]
    fn a_grid_with_named_addresses() {
        let storage = "[DatabaseService]\nStorageProvider = \"OpenSim.Data.MySQL.dll\"\n\
            ConnectionString = \"Data Source=db;Database=robust;User ID=me;Password=secret;Old Guids=true;\"\n";
        let files = [
            ("bin/Robust.HG.ini", NEWER),
            ("bin/config-include/storage.ini", storage),
            ("bin/Robust.ini", ""),
        ];
        let (_folder, read) = read(&files);
        let read = read.unwrap();
        assert_eq!((read.port, read.private_port), (Some(8102), Some(8103)));
        assert_eq!((read.host.as_deref(), read.bind.as_str()), (Some("grid.example.org"), "0.0.0.0"));
        assert_eq!(read.url.as_deref(), Some("http://grid.example.org:8102/"));
        assert_eq!(read.grid_name.as_deref(), Some("The Lost City"));
        assert_eq!(read.welcome.as_deref(), Some("Welcome, <USERNAME>; be kind!"));
        assert_eq!(read.database.as_deref(), Some("mysql://me:secret@db/robust"));
        let left: Vec<String> = read.left.iter().map(|left| format!("{}: {}", left.what, left.why)).collect();
        let wanted = [
            "[GridService] Region_Welcome_Area: DefaultRegion, DefaultHGRegion, FallbackRegion (people arrive in the first \
             region of the grid)",
            "[LoginService] SearchURL: http://search.example.org/",
            "[LoginService] MinLoginLevel: 0 (see closed)",
            "[GridInfoService] gridnick: lost (it is made of the grid's name)",
            "[GridInfoService] welcome: ${Const|BaseURL}/welcome (the grid serves this page itself, at its own address)",
            "[GatekeeperService]: there are no visits to other grids yet",
            "[Network] AllowllHTTPS: false",
        ];
        for wanted in wanted {
            assert!(left.iter().any(|left| left == wanted), "{wanted}: {left:#?}");
        }
        let another = left.iter().filter(|left| left.contains("is taken instead")).count();
        assert_eq!(left.len(), wanted.len() + another, "{left:#?}");
        assert_eq!(another, 1);
        assert!(!left.iter().any(|left| left.contains("secret") || left.contains(".dll")), "{left:#?}");
    }

    #[test]
    fn a_grid_with_one_list_of_connectors() {
        let older = "[Startup]\nServiceConnectors = \"8203/OpenSim.Server.Handlers.dll:AssetServiceConnector,\
            OpenSim.Server.Handlers.dll:GridServiceConnector,8202/OpenSim.Server.Handlers.dll:LLLoginServiceInConnector\"\n\
            [Network]\nport = 8203\n[DatabaseService]\nStorageProvider = OpenSim.Data.PGSQL.dll\n\
            [GridInfoService]\nlogin = https://grid.example.org:8202/\neconomy = http://money.example.org/\n";
        let (folder, read) = read(&[("Robust.ini", older)]);
        let read = read.unwrap();
        assert_eq!((read.port, read.private_port), (Some(8202), Some(8203)));
        assert_eq!((read.host.as_deref(), read.url.clone()), (Some("grid.example.org"), None));
        for wanted in ["[GridInfoService] login", "[GridInfoService] economy", "[DatabaseService]"] {
            assert!(read.left.iter().any(|left| left.what == wanted), "{wanted}: {:#?}", read.left);
        }
        let again = GridConfiguration::read(&folder.path().join("Robust.ini")).unwrap();
        assert_eq!(again, Some(read));
    }

    #[test]
    fn other_files_are_none() {
        let (folder, read) = read(&[("OpenSim.ini", "[Const]\n")]);
        assert_eq!(read, None);
        assert_eq!(GridConfiguration::read(&folder.path().join("OpenSim.ini")).unwrap(), None);
    }

    #[test]
    fn hosts() {
        for (url, host) in [
            ("http://a.example:1/x", Some("a.example")),
            ("http://[::1]:1", Some("::1")),
            ("http://[::1]", Some("::1")),
            ("a.example", None),
            ("http://", None),
        ] {
            assert_eq!(host_of(url).as_deref(), host, "{url}");
        }
    }
}
