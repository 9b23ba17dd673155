//! Contents of assets in files, as the FSAssets service of OpenSimulator lays them out (database fact sheet, 6.2).

use flate2::read::GzDecoder;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Bytes of an asset.
const MAX_BYTES: u64 = 64 << 20;

/// A folder of contents.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileStore(PathBuf);

impl FileStore {
    /// The `BaseDirectory` of the service.
    pub fn new(folder: &Path) -> Self {
        Self(folder.to_owned())
    }

    /// The content of this hash; `None` if it is not there or too large.
    pub(crate) fn content(&self, hash: &str) -> Option<Vec<u8>> {
        // The name of a file is made of it.
        if hash.len() < 10 || !hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let deep = self.0.join(&hash[..2]).join(&hash[2..4]).join(&hash[4..6]).join(&hash[6..10]);
        let flat = self.0.join(&hash[..3]).join(&hash[3..6]);
        let packed = [&deep, &flat].into_iter().find_map(|folder| {
            let file = fs::File::open(folder.join(format!("{hash}.gz"))).ok()?;
            read(GzDecoder::new(file))
        });
        packed.or_else(|| {
            [&deep, &flat].into_iter().find_map(|folder| read(fs::File::open(folder.join(hash)).ok()?))
        })
    }
}

fn read(from: impl std::io::Read) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    let read = from.take(MAX_BYTES + 1).read_to_end(&mut content).ok()?;
    (read as u64 <= MAX_BYTES).then_some(content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write as _;

    #[test]
    fn both_layouts_packed_or_not() {
        let folder = tempfile::tempdir().unwrap();
        let store = FileStore::new(folder.path());
        let put = |path: &str, content: &[u8]| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        };
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(b"packed").unwrap();
        put("AB/CD/EF/0123/ABCDEF0123FF.gz", &packed.finish().unwrap());
        put("ABC/DEF/ABCDEF9999FF", b"flat");
        assert_eq!(store.content("ABCDEF0123FF").as_deref(), Some(&b"packed"[..]));
        assert_eq!(store.content("ABCDEF9999FF").as_deref(), Some(&b"flat"[..]));
        for hash in ["", "ABCDEF0000FF", "../../../../etc/passwd"] {
            assert_eq!(store.content(hash), None, "{hash}");
        }
    }
}
