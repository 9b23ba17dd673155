//! The machine: room on the disk, rights in the data folder, files that may be open.

use super::Finding;
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::statvfs::statvfs;
use nix::unistd::{AccessFlags, access};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Bytes that should be free, and that have to be.
const ROOM: u64 = 2 << 30;
const LEAST_ROOM: u64 = 100 << 20;
/// Open files that should be allowed, and that have to be.
const FILES: u64 = 16_384;
const LEAST_FILES: u64 = 1024;
/// Files whose owners are looked at.
const LOOKED_AT: usize = 20_000;

pub(super) fn look(data: &Path) -> Vec<Finding> {
    let mut findings = vec![folder(data)];
    findings.extend(owners(data));
    findings.push(room(data));
    findings.push(files(getrlimit(Resource::RLIMIT_NOFILE).map_or(0, |(_, hard)| hard)));
    findings
}

/// What belongs to others than the folder itself: a command was run as root, and the process cannot use what that made.
fn owners(data: &Path) -> Option<Finding> {
    let owner = fs::metadata(data).ok()?.uid();
    let stray = stray(data, |uid| uid != owner)?;
    let found = format!("{} does not belong to the owner of {}", stray.display(), data.display());
    let remedy = format!(
        "chown -R --reference={0} {0}; and run commands as that user (runuser -u NAME -- sojourn ...)",
        data.display()
    );
    Some(Finding::ill("data folder", found, remedy))
}

/// The first file or folder within whose owner is of that kind.
fn stray(folder: &Path, is: impl Fn(u32) -> bool) -> Option<PathBuf> {
    let mut folders = vec![folder.to_owned()];
    let mut left = LOOKED_AT;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            left = left.checked_sub(1)?;
            let Ok(metadata) = entry.metadata() else { continue };
            if is(metadata.uid()) {
                return Some(entry.path());
            }
            if metadata.is_dir() {
                folders.push(entry.path());
            }
        }
    }
    None
}

fn folder(data: &Path) -> Finding {
    let there = first_there(data);
    let name = data.display();
    if there != data && access(there, AccessFlags::W_OK).is_ok() {
        return Finding::well("data folder", format!("{name}: not there yet, and can be made"));
    }
    if !there.is_dir() {
        return Finding::ill(
            "data folder",
            format!("{}: not a folder", there.display()),
            "choose another --data",
        );
    }
    match access(there, AccessFlags::R_OK | AccessFlags::W_OK | AccessFlags::X_OK) {
        Ok(()) => Finding::well("data folder", format!("{name}: can be written to")),
        Err(why) => {
            let remedy =
                format!("give {} to the user that runs sojourn, or choose another --data", there.display());
            Finding::ill("data folder", format!("{}: {why}", there.display()), remedy)
        }
    }
}

fn room(data: &Path) -> Finding {
    let there = first_there(data);
    match statvfs(there) {
        Ok(disk) =>
        {
            #[allow(clippy::unnecessary_cast, reason = "the types differ by platform")]
            enough_room(disk.blocks_available() as u64 * disk.fragment_size() as u64)
        }
        Err(why) => Finding::odd("disk", format!("{}: {why}", there.display()), "see how much room there is"),
    }
}

fn enough_room(free: u64) -> Finding {
    let found = match free {
        ROOM.. => format!("{:.1} GiB free", free as f64 / f64::from(1 << 30)),
        _ => format!("{} MiB free", free >> 20),
    };
    let remedy = "make room: inventories and assets cannot be stored on a full disk";
    match free {
        ROOM.. => Finding::well("disk", found),
        LEAST_ROOM.. => Finding::odd("disk", found, remedy),
        _ => Finding::ill("disk", found, remedy),
    }
}

fn files(most: u64) -> Finding {
    let found = format!("{most} files may be open");
    let remedy = "every connection is one: raise it (LimitNOFILE= in the unit, ulimit -Hn in a shell)";
    match most {
        FILES.. => Finding::well("file limit", found),
        LEAST_FILES.. => Finding::odd("file limit", found, remedy),
        _ => Finding::ill("file limit", found, remedy),
    }
}

/// The path, or the nearest folder above that is there.
fn first_there(path: &Path) -> &Path {
    let there = path.ancestors().find(|path| path.exists());
    there.unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::super::Health;
    use super::*;

    #[test]
    fn limits() {
        for (bytes, health) in [(3 << 30, Health::Well), (1 << 30, Health::Odd), (1 << 20, Health::Ill)] {
            assert_eq!(enough_room(bytes).health, health, "{bytes}");
        }
        for (most, health) in [(65_536, Health::Well), (4096, Health::Odd), (256, Health::Ill)] {
            assert_eq!(files(most).health, health, "{most}");
        }
    }

    #[test]
    fn folders() {
        let there = tempfile::tempdir().unwrap();
        assert_eq!(folder(there.path()).health, Health::Well);
        let to_be = there.path().join("a/b");
        assert!(folder(&to_be).found.contains("can be made"));
        assert!(!to_be.exists());
        let file = there.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert_eq!(folder(&file).health, Health::Ill);
    }

    #[test]
    fn whose_files() {
        let data = tempfile::tempdir().unwrap();
        assert_eq!(owners(data.path()), None);
        assert_eq!(owners(&data.path().join("nowhere")), None);
        let inner = data.path().join("assets/00");
        std::fs::create_dir_all(&inner).unwrap();
        std::fs::write(inner.join("blob"), "").unwrap();
        assert_eq!(owners(data.path()), None);
        let me = std::fs::metadata(data.path()).unwrap().uid();
        assert_eq!(stray(data.path(), |uid| uid == me), Some(data.path().join("assets")));
        assert_eq!(stray(&inner, |uid| uid == me), Some(inner.join("blob")));
    }
}
