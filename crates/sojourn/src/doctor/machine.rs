//! The machine: room on the disk, rights in the data folder, files that may be open.

use super::Finding;
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::statvfs::statvfs;
use nix::unistd::{AccessFlags, access};
use std::path::Path;

/// Bytes that should be free, and that have to be.
const ROOM: u64 = 2 << 30;
const LEAST_ROOM: u64 = 100 << 20;
/// Open files that should be allowed, and that have to be.
const FILES: u64 = 16_384;
const LEAST_FILES: u64 = 1024;

pub(super) fn look(data: &Path) -> Vec<Finding> {
    vec![folder(data), room(data), files(getrlimit(Resource::RLIMIT_NOFILE).map_or(0, |(_, hard)| hard))]
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
    let found = format!("{:.1} GiB free", free as f64 / f64::from(1 << 30));
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
}
