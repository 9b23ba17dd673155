//! `sojourn config import-opensim`: our files, made of an OpenSimulator's.

use super::{Process, check};
use ::opensim::{Architecture, Configuration, Left, Region};
use anyhow::{Context as _, Result, bail};
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

/// The files that are made.
const NAMES: [&str; 2] = ["sojourn.toml", "world.toml"];

/// Reads the one, writes the others, and says on standard output what has become of it.
pub(super) fn import(from: &Path, to: &Path, force: bool) -> Result<String> {
    let read = Configuration::read(from)?;
    let [settings, world] = NAMES.map(|name| to.join(name));
    std::fs::create_dir_all(to).with_context(|| to.display().to_string())?;
    if !force && let Some(there) = [&settings, &world].into_iter().find(|path| path.exists()) {
        bail!("{} is there already; --force writes over it", there.display());
    }
    let process = match read.architecture {
        Architecture::Standalone => Process::Standalone,
        Architecture::Grid => Process::Simulator,
    };
    write(&settings, &settings_of(&read, process, &world))?;
    write(&world, &world_of(&read))?;
    let said = report(&read, process, &settings, &world);
    match check::check(&settings, Some(process)) {
        Ok(_) => Ok(said),
        Err(error) => {
            print!("{said}");
            Err(error.context("the files are written; this is yet to be put right"))
        }
    }
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
        Process::Standalone | Process::Grid => set("grid_name", of_text(&read.grid_name)),
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
    if !read.left.is_empty() {
        let _ = writeln!(text, "\nnot carried over ({}):", read.left.len());
        for Left { at, what, why } in &read.left {
            let _ = writeln!(text, "  {at}  {what}: {why}");
        }
    }
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
    fn passwords_are_not_shown() {
        assert_eq!(without_password("mysql://a:b@c/d"), "mysql://a:PASSWORD@c/d");
        assert_eq!(without_password("/a/folder"), "/a/folder");
    }
}
