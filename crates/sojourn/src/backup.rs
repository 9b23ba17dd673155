//! `sojourn backup` and `sojourn restore`: everything that a process keeps, in a folder, and back.
//!
//! The folder has the grid's database as one SQLite file, whichever engine it is on, and the files of the data folder
//! beside it. What assets consist of is among these files, wherever it was kept; a bucket is only left out if nobody asks
//! for what is in it. A backup can be made while the world runs, of a grid as well as of a simulator, and one that is there is
//! whole: it gets its name when it is done.

mod assets;
#[cfg(test)]
mod tests;

use crate::data;
use crate::options::{ASSETS, AssetOptions, StoreOptions};
use anyhow::{Context as _, Result, bail};
use clap::Args;
use grid::{AssetPlace, Database};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The database's copy.
const COPY: &str = "grid.sqlite";
/// The folder of the data folder's files.
const FILES: &str = "files";
/// What the data folder has that is of the process that runs, and made anew by the next.
const PASSING: [&str; 1] = ["baked-textures"];

#[derive(Args, Debug)]
pub(crate) struct BackupOptions {
    /// The folder that is to be made
    folder: PathBuf,
    #[command(flatten)]
    store: StoreOptions,
    #[command(flatten)]
    assets: AssetOptions,
    /// Takes what assets consist of out of a bucket, too
    #[arg(long)]
    with_assets: bool,
}

#[derive(Args, Debug)]
pub(crate) struct RestoreOptions {
    /// The folder that `sojourn backup` has made
    folder: PathBuf,
    #[command(flatten)]
    store: StoreOptions,
    #[command(flatten)]
    assets: AssetOptions,
}

/// Makes a backup.
pub(crate) async fn backup(options: BackupOptions) -> Result<()> {
    let (folder, database) = options.store.decide()?;
    let place = options.assets.decide(&folder, &database);
    let to = options.folder;
    if to.exists() {
        bail!("{} is there already", to.display());
    }
    if !folder.is_dir() && is_absent(&database) {
        bail!("there is nothing at {}", folder.display());
    }
    let mut unfinished = to.clone().into_os_string();
    unfinished.push(".unfinished");
    let unfinished = PathBuf::from(unfinished);
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).with_context(|| unfinished.display().to_string())?;
    }
    data::prepare(&unfinished)?;
    let (mut rows, mut outside) = (0, Vec::new());
    // A simulator has none.
    if !is_absent(&database) {
        let store = data::open(&database).await?;
        let copied = store.copy_into(&unfinished.join(COPY)).await?;
        store.close().await;
        (rows, outside) = (copied.rows, copied.outside);
    }
    // After the database: what it names is there.
    let files = unfinished.join(FILES);
    let mut copied = 0;
    if folder.is_dir() {
        // What is taken below is not copied as well.
        let apart = match &place {
            AssetPlace::Folder(place) if *place != folder.join(ASSETS) => Some(place.as_path()),
            _ => None,
        };
        copied = copy_files(&folder, &files, apart)?;
    }
    let taken = assets::take(&place, &outside, &files.join(ASSETS), options.with_assets).await?;
    fs::rename(&unfinished, &to).with_context(|| to.display().to_string())?;
    let contents = taken.contents;
    println!("{}: {rows} rows of the database, {copied} files, {contents} contents of assets", to.display());
    if let Some(left) = taken.left {
        println!("{left}");
    }
    taken.lost.map_or(Ok(()), |lost| bail!("{}: {lost}; all else is there", to.display()))
}

/// Brings a backup back, to where nothing is.
pub(crate) async fn restore(options: RestoreOptions) -> Result<()> {
    let (folder, database) = options.store.decide()?;
    let place = options.assets.decide(&folder, &database);
    let from = options.folder;
    let (copy, files) = (from.join(COPY), from.join(FILES));
    if !copy.is_file() && !files.is_dir() {
        bail!("{} is no backup: there is neither {COPY} nor {FILES} in it", from.display());
    }
    if let Some(there) = first_file(&folder)? {
        bail!("{} is there already; a backup is restored to an empty folder", there.display());
    }
    data::prepare(&folder)?;
    // Unless they stay what they are, files among files, assets are brought where they are to be.
    let assets = files.join(ASSETS);
    let brought = copy.is_file() && place != AssetPlace::Folder(folder.join(ASSETS));
    let mut restored = 0;
    if files.is_dir() {
        restored = copy_files(&files, &folder, brought.then_some(assets.as_path()))?;
    }
    if !copy.is_file() {
        println!("{}: {restored} files", folder.display());
        return Ok(());
    }
    // It is brought up to date on the way, and a backup stays as it is.
    let on_the_way = folder.join("restoring.sqlite");
    fs::copy(&copy, &on_the_way).with_context(|| on_the_way.display().to_string())?;
    let store = data::open_with_assets(&database, &place).await?;
    let done = store.copy_from(&on_the_way).await;
    remove_database(&on_the_way)?;
    let rows = done.with_context(|| copy.display().to_string())?;
    let from = if brought { assets::open(&assets)? } else { None };
    let settled = store.settle_contents(from.as_ref()).await;
    store.close().await;
    let settled = settled.context("the database is restored, but not what assets consist of")?;
    let contents = settled.there;
    println!(
        "{}: {rows} rows of the database, {restored} files, {contents} contents of assets",
        folder.display()
    );
    if !settled.missing.is_empty() {
        let which = assets::named(&settled.missing);
        bail!("contents of assets are neither in the backup nor in {place}: {which}; all else is there");
    }
    Ok(())
}

fn is_absent(database: &Database) -> bool {
    matches!(database, Database::File(path) if !path.exists())
}

/// Copies the files of a folder and of those in it. Sockets, and databases that are copied in their own way, are not
/// among them, nor is what is in the folder `apart`. How many.
fn copy_files(from: &Path, to: &Path, apart: Option<&Path>) -> Result<u64> {
    data::prepare(to)?;
    let mut copied = 0;
    for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
        let entry = entry?;
        let (name, path) = (entry.file_name(), entry.path());
        let text = name.to_string_lossy();
        if PASSING.contains(&&*text) || text.starts_with(COPY) || apart == Some(path.as_path()) {
            continue;
        }
        let kind = entry.file_type()?;
        if kind.is_dir() {
            copied += copy_files(&path, &to.join(&name), apart)?;
        } else if kind.is_file() {
            match fs::copy(&path, to.join(&name)) {
                Ok(_) => copied += 1,
                // Somebody works here.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error).with_context(|| path.display().to_string()),
            }
        }
    }
    Ok(copied)
}

/// Something in the way of a restore.
fn first_file(folder: &Path) -> Result<Option<PathBuf>> {
    match fs::read_dir(folder) {
        Ok(mut entries) => Ok(entries.next().transpose()?.map(|entry| entry.path())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| folder.display().to_string()),
    }
}

/// An SQLite file, and what may lie beside it.
fn remove_database(path: &Path) -> Result<()> {
    for end in ["", "-wal", "-shm"] {
        let mut name = path.to_owned().into_os_string();
        name.push(end);
        match fs::remove_file(&name) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    Ok(())
}
