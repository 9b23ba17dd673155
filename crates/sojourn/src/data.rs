//! What a process keeps: the grid's database, and who this world is.

use crate::options::StoreOptions;
use anyhow::{Context as _, Result, bail};
use grid::{AssetPlace, Blobs, Database, HashCost, SqlStore, SystemClock};
use model::Uuid;
use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// What tells this world from others that are made by the same file.
const IDENTITY: &str = "identity";
/// How long what is under way may take when a database is closed.
const CLOSING: Duration = Duration::from_secs(1);

/// Makes the folder if it is not there, for its owner alone.
pub(crate) fn prepare(folder: &Path) -> Result<()> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.with_context(|| folder.display().to_string())
}

/// The world's own id: thought up at the first start, and the same ever after.
pub(crate) fn identity(folder: &Path) -> Result<Uuid> {
    let path = folder.join(IDENTITY);
    let read = match fs::read_to_string(&path) {
        Ok(text) => text.trim().parse().with_context(|| format!("{}: no id", path.display())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let identity = uuid::Builder::from_random_bytes(rand::random()).into_uuid();
            fs::write(&path, format!("{identity}\n")).map(|()| identity).map_err(Into::into)
        }
        Err(error) => Err(error.into()),
    };
    read.with_context(|| path.display().to_string())
}

/// Opens a database.
pub(crate) async fn open(database: &Database) -> Result<SqlStore> {
    let opened = SqlStore::open(database, Arc::new(SystemClock), rand::random(), HashCost::default()).await;
    opened.with_context(|| database.to_string())
}

/// Opens the database of a world that is there: commands make none, wherever a mistyped folder leads them. A database on a
/// server has to be there in any case, and may be of a world that has yet to start.
pub(crate) async fn open_existing(options: StoreOptions) -> Result<SqlStore> {
    let (_, database) = options.decide()?;
    if let Some(path) = absent(&database) {
        bail!(
            "there is no world at {}: --data or --database says where it is; its first start makes it",
            path.display()
        );
    }
    open(&database).await
}

/// The same for what a world may be given before its first start; says so if this makes it.
pub(crate) async fn open_or_make(options: StoreOptions) -> Result<SqlStore> {
    let (_, database) = options.decide()?;
    if let Some(path) = absent(&database) {
        eprintln!("there was no world at {}: this makes one", path.display());
    }
    open(&database).await
}

/// Where a database would be that is not there.
fn absent(database: &Database) -> Option<&Path> {
    match database {
        Database::File(path) if !path.is_file() => Some(path),
        _ => None,
    }
}

/// That this process is the grid of a database: of a file there is one, which knows it all by itself.
#[derive(Debug)]
pub(crate) struct Held {
    /// Locked until it is closed, however the process ends.
    _file: Option<File>,
}

/// Keeps other grids from the same file.
pub(crate) fn hold(database: &Database) -> Result<Held> {
    let Database::File(path) = database else { return Ok(Held { _file: None }) };
    let mut lock = path.clone().into_os_string();
    lock.push(".lock");
    let lock = PathBuf::from(lock);
    let of = || lock.display().to_string();
    if let Some(folder) = path.parent() {
        prepare(folder)?;
    }
    let file = File::options().create(true).append(true).mode(0o600).open(&lock).with_context(of)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => bail!("another grid runs on {}", path.display()),
        Err(TryLockError::Error(error)) => {
            tracing::warn!(%error, lock = of(), "nobody would notice another grid on the same file");
        }
    }
    Ok(Held { _file: Some(file) })
}

/// Closes a database, at the end of a process that was told to end.
pub(crate) async fn close(store: &SqlStore) {
    if tokio::time::timeout(CLOSING, store.close()).await.is_err() {
        tracing::warn!("something is still under way in the database; it is broken off");
    }
}

/// The same, with what assets consist of in its place.
pub(crate) async fn open_with_assets(database: &Database, place: &AssetPlace) -> Result<SqlStore> {
    let store = open(database).await?;
    Ok(store.with_blobs(Blobs::open(place)?))
}

/// First and last name, as users write them; who has one name only is a Resident.
pub(crate) fn split_name(name: &str) -> (&str, &str) {
    let name = name.trim();
    name.split_once(' ').map_or((name, "Resident"), |(first, last)| (first, last.trim()))
}

/// First and last name, both of them there.
pub(crate) fn full_name(name: &str) -> Result<(&str, &str)> {
    match name.split_whitespace().collect::<Vec<_>>()[..] {
        [first, last] if name.split(' ').count() == 2 => Ok((first, last)),
        _ => bail!("{name:?} is no name; a first and a last one are wanted, with a blank in between"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_one_grid() {
        let folder = tempfile::tempdir().unwrap();
        let database = StoreOptions::in_folder(&folder.path().join("new"));
        let held = hold(&database).unwrap();
        let refused = hold(&database).unwrap_err().to_string();
        assert!(refused.contains("another grid"), "{refused}");
        assert!(hold(&StoreOptions::in_folder(folder.path())).is_ok());
        drop(held);
        assert!(hold(&database).is_ok());
    }

    #[tokio::test]
    async fn commands_make_no_world() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("mistyped");
        let options = |database: Option<&str>| StoreOptions {
            data: crate::options::DataOptions { data: data.clone(), config: None },
            database: database.map(Into::into),
        };
        for database in [None, Some(format!("sqlite:{}/x.sqlite", data.display()))] {
            let refused = open_existing(options(database.as_deref())).await.unwrap_err().to_string();
            assert!(refused.contains("no world at") && refused.contains("mistyped"), "{refused}");
            assert!(!data.exists());
        }
        open(&StoreOptions::in_folder(&data)).await.unwrap().close().await;
        open_existing(options(None)).await.unwrap().close().await;
    }

    #[test]
    fn names() {
        assert_eq!(full_name("Ada Lovelace").unwrap(), ("Ada", "Lovelace"));
        for name in
            ["", "OnlyOne", "One Two Three", "Tab\tbed Name", " Ada Lovelace", "Ada  Lovelace", "A\tB"]
        {
            assert!(full_name(name).is_err(), "{name:?}");
        }
        assert_eq!(split_name(" Ada  Lovelace "), ("Ada", "Lovelace"));
        assert_eq!(split_name("Ada"), ("Ada", "Resident"));
    }
}
