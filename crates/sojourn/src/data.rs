//! What a process keeps: the grid's database, and who this world is.

use crate::options::StoreOptions;
use anyhow::{Context as _, Result, bail};
use grid::{AssetPlace, Blobs, Database, HashCost, SqlStore, SystemClock};
use model::Uuid;
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::Arc;

/// What tells this world from others that are made by the same file.
const IDENTITY: &str = "identity";

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

/// Opens the database that a command was told; a server's needs no folder here.
pub(crate) async fn open_given(given: &StoreOptions) -> Result<SqlStore> {
    let (folder, database) = given.clone().decide()?;
    if matches!(database, Database::File(_)) {
        prepare(&folder)?;
    }
    open(&database).await
}

/// Opens a database, with what assets consist of in its place.
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
