//! `sojourn backup` and `sojourn restore`: everything that a process keeps, in a folder, and back.
//!
//! The folder has the grid's database as one SQLite file, whichever engine it is on, and the files of the data folder
//! beside it. A backup can be made while the world runs, of a grid as well as of a simulator, and one that is there is
//! whole: it gets its name when it is done.

use crate::data;
use crate::options::StoreOptions;
use anyhow::{Context as _, Result, bail};
use clap::Args;
use grid::Database;
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
}

#[derive(Args, Debug)]
pub(crate) struct RestoreOptions {
    /// The folder that `sojourn backup` has made
    folder: PathBuf,
    #[command(flatten)]
    store: StoreOptions,
}

/// Makes a backup.
pub(crate) async fn backup(options: BackupOptions) -> Result<()> {
    let (folder, database) = options.store.decide()?;
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
    let mut rows = 0;
    // A simulator has none.
    if !is_absent(&database) {
        let store = data::open(&database).await?;
        rows = store.copy_into(&unfinished.join(COPY)).await?;
        store.close().await;
    }
    // After the database: what it names is there.
    let mut files = 0;
    if folder.is_dir() {
        files = copy_files(&folder, &unfinished.join(FILES))?;
    }
    fs::rename(&unfinished, &to).with_context(|| to.display().to_string())?;
    println!("{}: {rows} rows of the database, {files} files", to.display());
    Ok(())
}

/// Brings a backup back, to where nothing is.
pub(crate) async fn restore(options: RestoreOptions) -> Result<()> {
    let (folder, database) = options.store.decide()?;
    let from = options.folder;
    let (copy, files) = (from.join(COPY), from.join(FILES));
    if !copy.is_file() && !files.is_dir() {
        bail!("{} is no backup: there is neither {COPY} nor {FILES} in it", from.display());
    }
    if let Some(there) = first_file(&folder)? {
        bail!("{} is there already; a backup is restored to an empty folder", there.display());
    }
    data::prepare(&folder)?;
    let restored = if files.is_dir() { copy_files(&files, &folder)? } else { 0 };
    let mut rows = 0;
    if copy.is_file() {
        // It is brought up to date on the way, and a backup stays as it is.
        let on_the_way = folder.join("restoring.sqlite");
        fs::copy(&copy, &on_the_way).with_context(|| on_the_way.display().to_string())?;
        let store = data::open(&database).await?;
        let done = store.copy_from(&on_the_way).await;
        store.close().await;
        remove_database(&on_the_way)?;
        rows = done.with_context(|| copy.display().to_string())?;
    }
    println!("{}: {rows} rows of the database, {restored} files", folder.display());
    Ok(())
}

fn is_absent(database: &Database) -> bool {
    matches!(database, Database::File(path) if !path.exists())
}

/// Copies the files of a folder and of those in it. Sockets, and databases that are copied in their own way, are not
/// among them. How many.
fn copy_files(from: &Path, to: &Path) -> Result<u64> {
    data::prepare(to)?;
    let mut copied = 0;
    for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
        let entry = entry?;
        let (name, path) = (entry.file_name(), entry.path());
        let text = name.to_string_lossy();
        if PASSING.contains(&&*text) || text.starts_with(COPY) {
            continue;
        }
        let kind = entry.file_type()?;
        if kind.is_dir() {
            copied += copy_files(&path, &to.join(&name))?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::DataOptions;
    use grid::NewPerson;

    fn store(folder: &Path) -> StoreOptions {
        StoreOptions { data: DataOptions { data: folder.to_owned(), config: None }, database: None }
    }

    async fn with_an_account(folder: &Path) {
        let opened = data::open(&StoreOptions::in_folder(folder)).await.unwrap();
        let person =
            NewPerson { first: "Ada".into(), last: "L".into(), email: String::new(), password: "x".into() };
        grid::provision_account(&opened.services(), [1; 32], 1, person).await.unwrap();
        opened.close().await;
    }

    #[tokio::test]
    async fn everything_goes_there_and_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let (data, backed_up, back) = (path("data"), path("backup"), path("back"));
        data::prepare(&data.join("assets/ab")).unwrap();
        let identity = data::identity(&data).unwrap();
        fs::write(data.join("assets/ab/cd"), [0, 1, 255]).unwrap();
        data::prepare(&data.join("baked-textures")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(data.join("control")).unwrap();
        with_an_account(&data).await;

        let options = || BackupOptions { folder: backed_up.clone(), store: store(&data) };
        backup(options()).await.unwrap();
        assert!(backup(options()).await.unwrap_err().to_string().contains("already"));
        let before = fs::read(backed_up.join(COPY)).unwrap();
        let options = |to: &Path| RestoreOptions { folder: backed_up.clone(), store: store(to) };
        restore(options(&back)).await.unwrap();
        assert_eq!(data::identity(&back).unwrap(), identity);
        assert_eq!(fs::read(back.join("assets/ab/cd")).unwrap(), [0, 1, 255]);
        let mut names: Vec<_> = fs::read_dir(&back)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.retain(|name| !name.starts_with(COPY));
        names.sort();
        assert_eq!(names, ["assets", "identity"]);
        let opened = data::open(&StoreOptions::in_folder(&back)).await.unwrap();
        assert!(opened.services().accounts.by_name("Ada", "L").await.unwrap().is_some());
        opened.close().await;
        assert_eq!(fs::read(backed_up.join(COPY)).unwrap(), before, "the backup stays as it is");
        assert!(restore(options(&back)).await.unwrap_err().to_string().contains("empty folder"));
    }

    #[tokio::test]
    async fn a_simulator_has_files_only() {
        let folder = tempfile::tempdir().unwrap();
        let (data, backed_up) = (folder.path().join("data"), folder.path().join("backup"));
        data::prepare(&data).unwrap();
        data::identity(&data).unwrap();
        backup(BackupOptions { folder: backed_up.clone(), store: store(&data) }).await.unwrap();
        assert!(!backed_up.join(COPY).exists() && !data.join(COPY).exists());
        let back = folder.path().join("back");
        restore(RestoreOptions { folder: backed_up, store: store(&back) }).await.unwrap();
        assert_eq!(data::identity(&back).unwrap(), data::identity(&data).unwrap());
    }

    #[tokio::test]
    async fn nothing_is_no_backup() {
        let folder = tempfile::tempdir().unwrap();
        let nowhere = folder.path().join("nowhere");
        let made = BackupOptions { folder: folder.path().join("backup"), store: store(&nowhere) };
        assert!(backup(made).await.unwrap_err().to_string().contains("nothing at"));
        let brought = RestoreOptions { folder: folder.path().to_owned(), store: store(&nowhere) };
        assert!(restore(brought).await.unwrap_err().to_string().contains("no backup"));
        assert!(!nowhere.exists());
    }
}
