//! Assets that live as long as a session: avatars' baked textures, which every viewer makes anew. They are kept in files,
//! out of memory. Each session has its last few; when there are too many, those go that are the oldest of whoever has most.

use axum::body::Bytes;
use model::{AssetId, SessionId};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// Bytes of all of them.
const MAX_BYTES: usize = 256 << 20;
/// How many there may be.
const MAX_COUNT: usize = 16_384;
/// Those of one session: a full set of an avatar's, and some that are being replaced.
const OF_ONE: usize = 15;

/// The store.
#[derive(Debug)]
pub(crate) struct TemporaryAssets {
    folder: PathBuf,
    index: Mutex<Index>,
}

#[derive(Debug, Default)]
struct Index {
    /// Only looked up.
    owners: HashMap<AssetId, SessionId>,
    sessions: BTreeMap<SessionId, Kept>,
    bytes: usize,
}

/// What is kept for one session.
#[derive(Debug, Default)]
struct Kept {
    bytes: usize,
    /// With their lengths.
    oldest_first: VecDeque<(AssetId, usize)>,
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

    /// Keeps an asset of a session under a new id. What is not of the sessions that are open goes.
    pub(crate) async fn store(
        &self,
        id: AssetId,
        session: SessionId,
        open: &BTreeSet<SessionId>,
        data: Bytes,
    ) -> io::Result<()> {
        let length = data.len();
        let path = self.path(id);
        blocking(move || std::fs::write(path, data)).await?;
        let gone = self.index().enter(id, session, length, open);
        for old in gone {
            let path = self.path(old);
            // What cannot be removed now is removed at the next start.
            let _ = blocking(move || std::fs::remove_file(path)).await;
        }
        Ok(())
    }

    /// An asset, if it is one of these.
    pub(crate) async fn get(&self, id: AssetId) -> Option<Bytes> {
        if !self.index().owners.contains_key(&id) {
            return None;
        }
        let path = self.path(id);
        blocking(move || std::fs::read(path)).await.ok().map(Bytes::from)
    }

    fn path(&self, id: AssetId) -> PathBuf {
        self.folder.join(id.to_string())
    }

    fn index(&self) -> std::sync::MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Index {
    /// Notes an asset; those that must go for it.
    fn enter(
        &mut self,
        id: AssetId,
        session: SessionId,
        length: usize,
        open: &BTreeSet<SessionId>,
    ) -> Vec<AssetId> {
        let mut gone = Vec::new();
        let over: Vec<_> = self
            .sessions
            .keys()
            .filter(|known| !open.contains(known) && **known != session)
            .copied()
            .collect();
        for session in over {
            while let Some(old) = self.drop_oldest(session) {
                gone.push(old);
            }
        }
        let kept = self.sessions.entry(session).or_default();
        kept.bytes += length;
        kept.oldest_first.push_back((id, length));
        self.owners.insert(id, session);
        self.bytes += length;
        if self.sessions.get(&session).is_some_and(|kept| kept.oldest_first.len() > OF_ONE) {
            gone.extend(self.drop_oldest(session));
        }
        while self.bytes > MAX_BYTES || self.owners.len() > MAX_COUNT {
            let most = self.sessions.iter().max_by_key(|(_, kept)| kept.bytes).map(|(session, _)| *session);
            let Some(old) = most.and_then(|session| self.drop_oldest(session)) else { break };
            gone.push(old);
        }
        gone
    }

    fn drop_oldest(&mut self, session: SessionId) -> Option<AssetId> {
        let kept = self.sessions.get_mut(&session)?;
        let oldest = kept.oldest_first.pop_front();
        kept.bytes -= oldest.map_or(0, |(_, length)| length);
        if kept.oldest_first.is_empty() {
            self.sessions.remove(&session);
        }
        let (id, length) = oldest?;
        self.bytes -= length;
        self.owners.remove(&id);
        Some(id)
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
        store.store(id(1), session(1), &BTreeSet::new(), Bytes::from_static(b"picture")).await.unwrap();
        assert_eq!(store.get(id(1)).await.as_deref(), Some(&b"picture"[..]));
        let again = TemporaryAssets::open(folder.path().join("baked")).unwrap();
        assert_eq!(again.get(id(1)).await, None);
        assert_eq!(std::fs::read_dir(folder.path().join("baked")).unwrap().count(), 0);
    }

    fn session(n: u128) -> SessionId {
        SessionId(Uuid::from_u128(n))
    }

    #[test]
    fn each_has_its_last_few() {
        let mut index = Index::default();
        let open = [session(1), session(2)].into();
        assert_eq!(index.enter(id(1000), session(2), 1, &open), []);
        for n in 1..=OF_ONE as u128 {
            assert_eq!(index.enter(id(n), session(1), 10, &open), []);
        }
        assert_eq!(index.enter(id(99), session(1), 10, &open), [id(1)]);
        assert_eq!((index.bytes, index.owners.len()), (10 * OF_ONE + 1, OF_ONE + 1));
        // Whoever goes takes all of them along, as soon as somebody else stores one.
        let gone = index.enter(id(1001), session(2), 1, &[session(2)].into());
        assert_eq!((gone.len(), index.bytes, index.owners.len()), (OF_ONE, 2, 2));
    }

    #[test]
    fn who_has_most_makes_room() {
        let mut index = Index::default();
        let open = [session(1), session(2), session(3)].into();
        let piece = MAX_BYTES / 10;
        assert_eq!(index.enter(id(1), session(1), piece, &open), []);
        for n in 2..=10 {
            assert_eq!(index.enter(id(n), session(2), piece, &open), []);
        }
        // The first has stayed longest, and loses nothing.
        assert_eq!(index.enter(id(11), session(3), piece, &open), [id(2)]);
        assert_eq!(index.enter(id(12), session(3), 2 * piece, &open), [id(3), id(4)]);
        assert_eq!(index.enter(id(13), session(1), 10, &open), [id(5)]);
        assert!(index.owners.contains_key(&id(1)));
    }
}
