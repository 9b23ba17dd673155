//! `sojourn config import-opensim`: our files, made of an OpenSimulator's.

use super::{Process, check};
use ::opensim::{Architecture, Configuration, GridConfiguration, Left, Region};
use anyhow::{Context as _, Result, bail};
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

/// The files that are made: of a simulator or a standalone, of its regions, of a grid.
const NAMES: [&str; 3] = ["sojourn.toml", "world.toml", "grid.toml"];

/// Reads the one, writes the others, and says on standard output what has become of it. In one folder there may be the
/// files of a simulator, of a grid, or of both.
pub(super) fn import(from: &Path, to: &Path, force: bool) -> Result<String> {
    let grid = GridConfiguration::read(from)?;
    let read = match Configuration::read(from) {
        Ok(read) if !from.is_file() || grid.is_none() => Some(read),
        Err(error) if grid.is_none() => return Err(error.into()),
        // A grid by itself.
        _ => None,
    };
    let [settings, world, services] = NAMES.map(|name| to.join(name));
    std::fs::create_dir_all(to).with_context(|| to.display().to_string())?;
    let made = [(&settings, read.is_some()), (&world, read.is_some()), (&services, grid.is_some())];
    if !force && let Some((there, _)) = made.iter().find(|(path, made)| *made && path.exists()) {
        bail!("{} is there already; --force writes over it", there.display());
    }
    let mut said = String::new();
    let mut checked = Vec::new();
    if let Some(grid) = &grid {
        write(&services, &services_of(grid))?;
        said += &report_of_grid(grid, &services);
        checked.push((services, Process::Grid));
    }
    if let Some(read) = &read {
        let process = match read.architecture {
            Architecture::Standalone => Process::Standalone,
            Architecture::Grid => Process::Simulator,
        };
        write(&settings, &settings_of(read, process, &world))?;
        write(&world, &world_of(read))?;
        said += &report(read, process, &settings, &world);
        checked.push((settings, process));
    }
    for (path, process) in checked {
        if let Err(error) = check::check(&path, Some(process)) {
            print!("{said}");
            return Err(error.context("the files are written; this is yet to be put right"));
        }
    }
    Ok(said)
}

/// For its owner alone: what it is made of has passwords in it, and what it becomes may have.
fn write(path: &Path, text: &str) -> Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.with_context(|| path.display().to_string())
}

fn settings_of(read: &Configuration, process: Process, world: &Path) -> String {
    let mut text = format!(
        "# Made of {} by `sojourn config import-opensim`; `sojourn config explain` has all options.\n",
        read.folder.display()
    );
    let mut set = |key: &str, value: Option<toml::Value>| {
        if let Some(value) = value {
            let _ = writeln!(text, "{key} = {value}");
        }
    };
    let of_text = |text: &Option<String>| text.clone().map(toml::Value::String);
    set("world", Some(world.display().to_string().into()));
    set("bind", Some(read.bind.clone().into()));
    set("host", of_text(&read.host));
    set("port", read.port.map(|port| i64::from(port).into()));
    set(
        "silence_timeout",
        read.silence_timeout.and_then(|seconds| i64::try_from(seconds).ok()).map(Into::into),
    );
    match process {
        Process::Simulator => {
            set("grid", of_text(&read.grid));
            set("login", of_text(&read.login));
        }
        Process::Standalone | Process::Grid => {
            set("grid_name", of_text(&read.grid_name));
            set("welcome", of_text(&read.welcome));
        }
    }
    text
}

fn services_of(read: &GridConfiguration) -> String {
    let mut text = format!(
        "# Made of {} by `sojourn config import-opensim`; `sojourn config explain` has all options.\n",
        read.file.display()
    );
    let of_text = |text: &Option<String>| text.clone().map(toml::Value::String);
    let of_port = |port: Option<u16>| port.map(|port| i64::from(port).into());
    for (key, value) in [
        ("bind", Some(read.bind.clone().into())),
        ("host", of_text(&read.host)),
        ("port", of_port(read.port)),
        ("private_port", of_port(read.private_port)),
        ("url", of_text(&read.url)),
        ("grid_name", of_text(&read.grid_name)),
        ("welcome", of_text(&read.welcome)),
    ] {
        if let Some(value) = value {
            let _ = writeln!(text, "{key} = {value}");
        }
    }
    text
}

fn world_of(read: &Configuration) -> String {
    let mut text = format!("# Made of the regions of {}.\n", read.folder.display());
    for region in &read.regions {
        let Region { name, uuid, at: (x, y), size: (size_x, size_y), port, max_agents } = region;
        let name = toml::Value::String(name.clone());
        let _ = write!(
            text,
            "\n[[region]]\nname = {name}\nat = [{x}, {y}]\nsize = [{size_x}, {size_y}]\nport = {port}\n"
        );
        if let Some(uuid) = uuid {
            let _ = writeln!(text, "uuid = {}", toml::Value::String(uuid.clone()));
        }
        if let Some(max_agents) = max_agents {
            let _ = writeln!(text, "max_agents = {max_agents}");
        }
    }
    text
}

fn report(read: &Configuration, process: Process, settings: &Path, world: &Path) -> String {
    let command = process.name();
    let mut text = format!(
        "{}: for sojourn {command}\n{}: {} regions\n",
        settings.display(),
        world.display(),
        read.regions.len()
    );
    text += &list(&read.left);
    text.push_str("\nnext:\n");
    match (&read.database, process) {
        (Some(database), Process::Standalone | Process::Grid) => {
            let _ = writeln!(text, "  sojourn import opensim-db {} --data DIR", without_password(database));
        }
        _ => text.push_str(
            "  accounts, inventories and assets are the grid's: `sojourn import opensim-db` there\n",
        ),
    }
    let _ = writeln!(text, "  sojourn doctor {command} --config {}", settings.display());
    text
}

fn report_of_grid(read: &GridConfiguration, services: &Path) -> String {
    let mut text = format!("{}: for sojourn grid\n{}\nnext:\n", services.display(), list(&read.left));
    if let Some(database) = &read.database {
        let _ = writeln!(text, "  sojourn import opensim-db {} --data DIR", without_password(database));
    }
    let _ = writeln!(
        text,
        "  sojourn simulator-key add NAME --data DIR   for each simulator, unless --bind is loopback"
    );
    let _ = writeln!(text, "  sojourn doctor grid --config {}\n", services.display());
    text
}

fn list(left: &[Left]) -> String {
    if left.is_empty() {
        return String::new();
    }
    let mut text = format!("\nnot carried over ({}):\n", left.len());
    for Left { at, what, why } in left {
        let _ = writeln!(text, "  {at}  {what}: {why}");
    }
    text
}

/// A URL as it may be shown.
fn without_password(url: &str) -> String {
    let parts = url.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.split_once('@')?)));
    match parts {
        Some((scheme, (who, rest))) => {
            format!("{scheme}://{}:PASSWORD@{rest}", who.split(':').next().unwrap_or_default())
        }
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world;
    use std::fs;

    #[test]
    fn what_is_written_is_sound_and_says_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let bin = folder.path().join("bin");
        fs::create_dir_all(bin.join("Regions")).unwrap();
        fs::write(
            bin.join("OpenSim.ini"),
            "[Const]\nBaseHostname = world.example.org\n[Network]\nhttp_listener_port = 9100\n[Fun]\na = 1\n\
             [DatabaseService]\nStorageProvider = OpenSim.Data.MySQL.dll\n\
             ConnectionString = \"Data Source=db;Database=os;User ID=me;Password=secret;\"\n",
        )
        .unwrap();
        fs::write(
            bin.join("Regions/Regions.ini"),
            "[The \"Harbour\"]\nRegionUUID = 11111111-2222-3333-4444-555555555555\nLocation = 1000,1001\n\
             SizeX = 512\nSizeY = 512\nInternalPort = 9107\nMaxAgents = 40\n",
        )
        .unwrap();
        let to = folder.path().join("ours");
        let said = import(folder.path(), &to, false).unwrap();
        assert!(said.contains("[Fun] a: 1") && said.contains("mysql://me:PASSWORD@db/os"), "{said}");
        assert!(!said.contains("secret"), "{said}");
        let settings = fs::read_to_string(to.join("sojourn.toml")).unwrap();
        assert!(settings.contains("port = 9100\n") && settings.contains("host = \"world.example.org\"\n"));
        let regions = world::read(&to.join("world.toml"), model::Uuid::nil()).unwrap();
        assert_eq!((regions[0].name.as_str(), regions[0].port), ("The \"Harbour\"", 9107));
        assert_eq!((regions[0].size.x, regions[0].max_agents), (512, 40));
        assert_eq!(regions[0].id.to_string(), "11111111-2222-3333-4444-555555555555");

        let again = import(folder.path(), &to, false).unwrap_err().to_string();
        assert!(again.contains("--force"), "{again}");
        // Without regions a world cannot be; the files are there to be put right.
        fs::remove_file(bin.join("Regions/Regions.ini")).unwrap();
        let error = format!("{:#}", import(folder.path(), &to, true).unwrap_err());
        assert!(error.contains("[[region]]") && error.contains("put right"), "{error}");
    }

    #[test]
    fn a_grid_and_a_simulator_of_one_folder() {
        let folder = tempfile::tempdir().unwrap();
        let bin = folder.path().join("bin");
        fs::create_dir_all(bin.join("Regions")).unwrap();
        fs::write(
            bin.join("Robust.ini"),
            "[Const]\nBaseURL = http://grid.example.org\nPublicPort = 8102\nPrivatePort = 8103\n\
             [ServiceList]\nA = \"${Const|PrivatePort}/X.dll:GridServiceConnector\"\n\
             B = \"${Const|PublicPort}/X.dll:LLLoginServiceInConnector\"\n\
             [DatabaseService]\nStorageProvider = OpenSim.Data.MySQL.dll\n\
             ConnectionString = \"Data Source=db;Database=os;User ID=me;Password=secret;\"\n\
             [LoginService]\nWelcomeMessage = \"Say \\\"friend\\\", \"\nDSTZone = none\n\
             [GridInfoService]\nlogin = ${Const|BaseURL}:${Const|PublicPort}\ngridname = Far\n",
        )
        .unwrap();
        let to = folder.path().join("ours");
        let said = import(folder.path(), &to, false).unwrap();
        assert!(said.contains("mysql://me:PASSWORD@db/os") && said.contains("simulator-key add"), "{said}");
        assert!(said.contains("DSTZone: none") && !said.contains("secret"), "{said}");
        let grid = fs::read_to_string(to.join("grid.toml")).unwrap();
        for line in [
            "port = 8102",
            "private_port = 8103",
            "url = \"http://grid.example.org:8102\"",
            "grid_name = \"Far\"",
        ] {
            assert!(grid.lines().any(|found| found == line), "{line}: {grid}");
        }
        assert!(!to.join("sojourn.toml").exists());

        fs::write(
            bin.join("OpenSim.ini"),
            "[Architecture]\nInclude-Architecture = config-include/Grid.ini\n\
             [GridService]\nGridServerURI = http://grid.example.org:8103\n\
             [GridInfo]\nGridInfoURI = http://grid.example.org:8102\n[Const]\nBaseHostname = a.example.org\n",
        )
        .unwrap();
        fs::write(bin.join("Regions/a.ini"), "[A]\nLocation = 1,1\nInternalPort = 9000\n").unwrap();
        assert!(import(folder.path(), &to, false).unwrap_err().to_string().contains("--force"));
        import(folder.path(), &to, true).unwrap();
        let simulator = fs::read_to_string(to.join("sojourn.toml")).unwrap();
        assert!(simulator.contains("grid = \"http://grid.example.org:8103\""), "{simulator}");
        // Either of them by itself.
        for (name, made, other) in
            [("OpenSim.ini", "sojourn.toml", "grid.toml"), ("Robust.ini", "grid.toml", "sojourn.toml")]
        {
            let to = folder.path().join(name).with_extension("");
            import(&bin.join(name), &to, false).unwrap();
            assert!(to.join(made).exists() && !to.join(other).exists(), "{name}");
        }
    }

    #[test]
    fn passwords_are_not_shown() {
        assert_eq!(without_password("mysql://a:b@c/d"), "mysql://a:PASSWORD@c/d");
        assert_eq!(without_password("/a/folder"), "/a/folder");
    }
}
