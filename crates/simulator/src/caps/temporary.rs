//! Assets that live as long as this process: avatars' baked textures, which every viewer makes anew. They are kept
//! in files, out of memory; the oldest go when there are too many.

use axum::body::Bytes;
use model::AssetId;
use std::collections::{HashMap, VecDeque};
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// Bytes of all of them.
const MAX_BYTES: usize = 256 << 20;
/// How many there may be.
const MAX_COUNT: usize = 16_384;

/// The store.
#[derive(Debug)]
pub(crate) struct TemporaryAssets {
    folder: PathBuf,
    index: Mutex<Index>,
}

#[derive(Debug, Default)]
struct Index {
    /// Only looked up.
    lengths: HashMap<AssetId, usize>,
    oldest_first: VecDeque<AssetId>,
    bytes: usize,
}

impl TemporaryAssets {
    /// Keeps them in a folder of its own; what an earlier process left there goes.
    ///
    /// # Errors
    /// The folder can be neither emptied nor made.
    pub(crate) fn open(folder: PathBuf) -> io::Result<Self> {
        match std::fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        std::fs::create_dir_all(&folder)?;
        Ok(Self { folder, index: Mutex::default() })
    }

    /// Keeps an asset under a new id.
    pub(crate) async fn store(&self, id: AssetId, data: Bytes) -> io::Result<()> {
        let length = data.len();
        let path = self.path(id);
        blocking(move || std::fs::write(path, data)).await?;
        for old in self.enter(id, length) {
            let path = self.path(old);
            // What cannot be removed now is removed at the next start.
            let _ = blocking(move || std::fs::remove_file(path)).await;
        }
        Ok(())
    }

    /// An asset, if it is one of these.
    pub(crate) async fn get(&self, id: AssetId) -> Option<Bytes> {
        if !self.index().lengths.contains_key(&id) {
            return None;
        }
        let path = self.path(id);
        blocking(move || std::fs::read(path)).await.ok().map(Bytes::from)
    }

    /// Notes an asset; those that must go for it.
    fn enter(&self, id: AssetId, length: usize) -> Vec<AssetId> {
        let mut index = self.index();
        index.lengths.insert(id, length);
        index.oldest_first.push_back(id);
        index.bytes += length;
        let mut gone = Vec::new();
        while index.bytes > MAX_BYTES || index.oldest_first.len() > MAX_COUNT {
            let Some(old) = index.oldest_first.pop_front() else { break };
            index.bytes -= index.lengths.remove(&old).unwrap_or_default();
            gone.push(old);
        }
        gone
    }

    fn path(&self, id: AssetId) -> PathBuf {
        self.folder.join(id.to_string())
    }

    fn index(&self) -> std::sync::MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Uuid;

    fn id(n: u128) -> AssetId {
        AssetId(Uuid::from_u128(n))
    }

    #[tokio::test]
    async fn what_is_stored_is_there_until_the_next_start() {
        let folder = tempfile::tempdir().unwrap();
        let store = TemporaryAssets::open(folder.path().join("baked")).unwrap();
        assert_eq!(store.get(id(1)).await, None);
        store.store(id(1), Bytes::from_static(b"picture")).await.unwrap();
        assert_eq!(store.get(id(1)).await.as_deref(), Some(&b"picture"[..]));
        let again = TemporaryAssets::open(folder.path().join("baked")).unwrap();
        assert_eq!(again.get(id(1)).await, None);
        assert_eq!(std::fs::read_dir(folder.path().join("baked")).unwrap().count(), 0);
    }

    #[test]
    fn the_oldest_go_first() {
        let folder = tempfile::tempdir().unwrap();
        let store = TemporaryAssets::open(folder.path().into()).unwrap();
        assert_eq!(store.enter(id(1), MAX_BYTES / 2), []);
        assert_eq!(store.enter(id(2), MAX_BYTES / 2), []);
        assert_eq!(store.enter(id(3), 1), [id(1)]);
        assert_eq!(store.enter(id(4), MAX_BYTES / 2 - 1), []);
        assert_eq!(store.enter(id(5), MAX_BYTES / 2), [id(2)]);
    }
}
