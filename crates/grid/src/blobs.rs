//! What assets consist of, outside of the database: files below a folder, or objects in a bucket of an S3-compatible store.
//!
//! Each content is there once, under its SHA-256 (`ab/abcdef…`), however many assets have it; it never changes, so it can be
//! written twice and copied at any time. What [`Blobs::put`] has returned for is on disk, or acknowledged by the store. What
//! is read is compared with its name: a store that gives something else is broken, and that is not passed on.

mod carrying;
mod http;

pub use carrying::Carried;

use bytes::Bytes;
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _, RetryConfig};
use services::{Result, ServiceError, hex};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How long the store may take for one of them, tries included.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often a bucket is asked again.
const TRIES: usize = 4;

/// Where what assets consist of is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AssetPlace {
    /// In the database, beside everything else.
    Database,
    /// In files below this folder.
    Folder(PathBuf),
    /// In a bucket.
    Bucket(Bucket),
}

/// A bucket of an S3-compatible store. Who we are to it says the environment, as for all programs that use such stores:
/// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_REGION`, `AWS_ENDPOINT`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bucket {
    name: String,
    /// What all names begin with; may be empty.
    prefix: String,
    /// Where the store is, if it is not Amazon's and the environment does not say.
    endpoint: Option<String>,
    region: Option<String>,
}

/// A text that is no such place.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "{0:?} is no place for assets: a folder, database:, or s3://BUCKET/PREFIX?endpoint=URL&region=NAME is wanted"
)]
pub struct UnknownPlace(String);

impl std::str::FromStr for AssetPlace {
    type Err = UnknownPlace;

    fn from_str(text: &str) -> core::result::Result<Self, UnknownPlace> {
        let unknown = || UnknownPlace(text.to_owned());
        if text == "database:" {
            return Ok(Self::Database);
        }
        if let Some(rest) = text.strip_prefix("s3://") {
            return Bucket::read(rest).map(Self::Bucket).ok_or_else(unknown);
        }
        let path = text.strip_prefix("file:").unwrap_or(text);
        let path = path.strip_prefix("//").unwrap_or(path);
        // "s4://…" and the like are mistakes and no folders.
        if path.is_empty() || path.contains("://") { Err(unknown()) } else { Ok(Self::Folder(path.into())) }
    }
}

impl fmt::Display for AssetPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database => f.write_str("the database"),
            Self::Folder(path) => write!(f, "{}", path.display()),
            Self::Bucket(bucket) => write!(f, "s3://{}/{}", bucket.name, bucket.prefix),
        }
    }
}

impl Bucket {
    fn read(text: &str) -> Option<Self> {
        let (place, query) = text.split_once('?').unwrap_or((text, ""));
        let (name, prefix) = place.split_once('/').unwrap_or((place, ""));
        if name.is_empty() {
            return None;
        }
        let prefix = prefix.trim_matches('/').to_owned();
        let mut bucket = Self { name: name.to_owned(), prefix, endpoint: None, region: None };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=')? {
                ("endpoint", url) if url.starts_with("http://") || url.starts_with("https://") => {
                    bucket.endpoint = Some(url.trim_end_matches('/').to_owned());
                }
                ("region", region) if !region.is_empty() => bucket.region = Some(region.to_owned()),
                _ => return None,
            }
        }
        Some(bucket)
    }

    fn open(&self) -> core::result::Result<Arc<dyn ObjectStore>, object_store::Error> {
        let retry = RetryConfig { max_retries: TRIES, retry_timeout: PATIENCE / 2, ..RetryConfig::default() };
        let mut builder = AmazonS3Builder::from_env()
            .with_bucket_name(&self.name)
            .with_retry(retry)
            .with_http_connector(http::Connector);
        if let Some(region) = &self.region {
            builder = builder.with_region(region);
        }
        if let Some(endpoint) = &self.endpoint {
            // Whoever names a server in the clear means it.
            builder = builder.with_endpoint(endpoint).with_allow_http(endpoint.starts_with("http://"));
        }
        Ok(Arc::new(builder.build()?))
    }
}

/// What is kept outside of the database. Clones share it.
#[derive(Clone, Debug)]
pub struct Blobs {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
}

/// SHA-256 of a content.
pub type Hash = [u8; 32];

/// What is found where a content should be.
pub(crate) enum Found {
    Content(Arc<[u8]>),
    Nothing,
    /// Something else, or too much.
    Spoilt,
}

/// What is done with more bytes than these is done on a thread that may be busy for some time.
const LONG: usize = 256 * 1024;

pub(crate) fn hash_of(data: &[u8]) -> Hash {
    Sha256::digest(data).into()
}

/// The same, without keeping others waiting.
pub(crate) async fn hashed(data: &Arc<[u8]>) -> Result<Hash> {
    let data = data.clone();
    apart(data.len(), move || hash_of(&data)).await
}

/// Does what is done with so many bytes, without keeping others waiting if they are many.
pub(crate) async fn apart<T: Send + 'static>(
    bytes: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T> {
    if bytes <= LONG {
        return Ok(work());
    }
    tokio::task::spawn_blocking(work).await.map_err(ServiceError::unavailable)
}

impl Blobs {
    /// Opens a place; a folder is made if it is not there. `None`: that is the database.
    ///
    /// # Errors
    /// It cannot be made, or what the environment says does not suffice for a bucket. A bucket is not asked yet.
    pub fn open(place: &AssetPlace) -> Result<Option<Self>> {
        let broken =
            |error: &dyn fmt::Display| ServiceError::Unavailable(format!("assets in {place}: {error}"));
        match place {
            AssetPlace::Database => Ok(None),
            AssetPlace::Folder(folder) => {
                std::fs::create_dir_all(folder).map_err(|error| broken(&error))?;
                let files = LocalFileSystem::new_with_prefix(folder).map_err(|error| broken(&error))?;
                // What is acknowledged outlives a power failure.
                Ok(Some(Self::on(Arc::new(files.with_fsync(true)), "")))
            }
            AssetPlace::Bucket(bucket) => {
                let store = bucket.open().map_err(|error| broken(&error))?;
                Ok(Some(Self::on(store, &bucket.prefix)))
            }
        }
    }

    pub(crate) fn on(store: Arc<dyn ObjectStore>, prefix: &str) -> Self {
        Self { store, prefix: Path::from(prefix) }
    }

    fn path(&self, hash: &Hash) -> Path {
        let hex = hex(hash);
        // Folders with a few thousand entries are quick everywhere.
        self.prefix.clone().join(&hex[..2]).join(hex)
    }

    /// Keeps a content. Once this has returned it is kept.
    pub(crate) async fn put(&self, hash: &Hash, data: Arc<[u8]>) -> Result<()> {
        let path = self.path(hash);
        let put = self.store.put(&path, Bytes::from_owner(data).into());
        in_time(put).await.map(drop)
    }

    /// A content of at most so many bytes.
    ///
    /// # Errors
    /// Also if it is not there: whoever asks has reason to believe that it is.
    pub(crate) async fn get(&self, hash: &Hash, bytes_max: usize) -> Result<Arc<[u8]>> {
        let path = || self.path(hash);
        match self.look(hash, bytes_max).await? {
            Found::Content(data) => Ok(data),
            Found::Nothing => Err(ServiceError::Unavailable(format!("assets: {} is not there", path()))),
            Found::Spoilt => {
                let words = format!("assets: {} is not what its name says: it is spoilt", path());
                Err(ServiceError::Unavailable(words))
            }
        }
    }

    /// Whatever is where a content of at most so many bytes should be.
    pub(crate) async fn look(&self, hash: &Hash, bytes_max: usize) -> Result<Found> {
        let path = self.path(hash);
        let get = async {
            let found = match self.store.get(&path).await {
                Err(object_store::Error::NotFound { .. }) => return Ok(None),
                other => other?,
            };
            if found.meta.size > bytes_max as u64 {
                return Ok(Some(None));
            }
            Ok(Some(Some(found.bytes().await?)))
        };
        let found = in_time(get).await?;
        let Some(data) = found else { return Ok(Found::Nothing) };
        let Some(data) = data.map(|data| Arc::<[u8]>::from(&data[..])) else { return Ok(Found::Spoilt) };
        Ok(if hashed(&data).await? == *hash { Found::Content(data) } else { Found::Spoilt })
    }

    /// How many bytes there are where a content should be.
    pub(crate) async fn size(&self, hash: &Hash) -> Result<Option<u64>> {
        let path = self.path(hash);
        let look = async {
            match self.store.head(&path).await {
                Ok(found) => Ok(Some(found.size)),
                Err(object_store::Error::NotFound { .. }) => Ok(None),
                Err(error) => Err(error),
            }
        };
        in_time(look).await
    }

    /// Forgets a content. One that is not there is forgotten.
    pub(crate) async fn delete(&self, hash: &Hash) -> Result<()> {
        let path = self.path(hash);
        let delete = async {
            match self.store.delete(&path).await {
                Err(object_store::Error::NotFound { .. }) => Ok(()),
                other => other,
            }
        };
        in_time(delete).await
    }
}

async fn in_time<T>(work: impl Future<Output = object_store::Result<T>>) -> Result<T> {
    match tokio::time::timeout(PATIENCE, work).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(ServiceError::Unavailable(format!("assets: {error}"))),
        Err(_) => Err(ServiceError::Unavailable("assets: the store does not answer in time".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use object_store::memory::InMemory;

    fn places() -> (tempfile::TempDir, [Blobs; 3]) {
        let folder = tempfile::tempdir().unwrap();
        let files = Blobs::open(&AssetPlace::Folder(folder.path().join("deep/assets"))).unwrap().unwrap();
        let memory = Arc::new(InMemory::new());
        (folder, [files, Blobs::on(memory.clone(), ""), Blobs::on(memory, "below/this")])
    }

    #[tokio::test]
    async fn what_is_kept_is_there_until_it_is_forgotten() {
        let (_folder, places) = places();
        for blobs in places {
            for data in [&b""[..], b"content", &[7; 100_000]] {
                let hash = hash_of(data);
                assert!(blobs.get(&hash, 1 << 20).await.is_err(), "it is not there yet");
                for _ in 0..2 {
                    blobs.put(&hash, data.into()).await.unwrap();
                }
                assert_eq!(&*blobs.get(&hash, 1 << 20).await.unwrap(), data);
                let size = data.len();
                assert_eq!(blobs.size(&hash).await.unwrap(), Some(size as u64));
                for _ in 0..2 {
                    blobs.delete(&hash).await.unwrap();
                }
                assert!(blobs.get(&hash, 1 << 20).await.is_err());
                assert_eq!(blobs.size(&hash).await.unwrap(), None);
            }
        }
    }

    #[tokio::test]
    async fn what_is_spoilt_is_not_passed_on() {
        let (folder, [blobs, ..]) = places();
        let hash = hash_of(b"content");
        blobs.put(&hash, (*b"content").into()).await.unwrap();
        assert!(blobs.get(&hash, 6).await.is_err(), "it is too long");
        let file = folder.path().join("deep/assets").join(blobs.path(&hash).as_ref());
        assert_eq!(std::fs::read(&file).unwrap(), b"content");
        std::fs::write(&file, b"contemt").unwrap();
        let refused = blobs.get(&hash, 100).await.unwrap_err().to_string();
        assert!(refused.contains("spoilt"), "{refused}");
    }

    #[test]
    fn places_are_read() {
        let bucket = |text: &str| match text.parse().unwrap() {
            AssetPlace::Bucket(bucket) => bucket,
            other => panic!("{other:?}"),
        };
        assert_eq!("database:".parse(), Ok(AssetPlace::Database));
        for folder in ["/srv/assets", "file:/srv/assets", "file:///srv/assets"] {
            assert_eq!(folder.parse(), Ok(AssetPlace::Folder("/srv/assets".into())));
        }
        let plain = Bucket { name: "b".into(), prefix: String::new(), endpoint: None, region: None };
        assert_eq!(bucket("s3://b"), plain);
        let full = "s3://b/a/c/?endpoint=http://127.0.0.1:9000/&region=eu-1";
        let (endpoint, region) = (Some("http://127.0.0.1:9000".into()), Some("eu-1".into()));
        assert_eq!(bucket(full), Bucket { prefix: "a/c".into(), endpoint, region, ..plain });
        for odd in ["", "s3://", "s3://b?endpoint=ftp://x", "s3://b?key=secret", "gs://b", "file:"] {
            assert!(odd.parse::<AssetPlace>().is_err(), "{odd}");
        }
    }
}
