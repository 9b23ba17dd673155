//! Reads recorded datagrams.

#![allow(dead_code, reason = "each test takes what it needs")]
#![allow(clippy::unwrap_used, reason = "a test, though not marked as one")]

use std::fs;
use std::path::{Path, PathBuf};

/// A datagram that others made.
pub(crate) struct Recorded {
    /// Who sent or received it.
    pub(crate) release: String,
    /// Where from.
    pub(crate) scenario: String,
    /// `sim->viewer` or `viewer->sim`.
    pub(crate) direction: String,
    /// The message's name as the recorder understood it.
    pub(crate) message: String,
    /// The whole datagram.
    pub(crate) bytes: Vec<u8>,
}

/// All datagrams of the fixtures.
pub(crate) fn fixtures() -> Vec<Recorded> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let mut recorded = Vec::new();
    for release in ["opensim-0.7.5.1", "opensim-0.7.6.1", "opensim-0.9.2.2"] {
        let text = fs::read_to_string(folder.join(release).with_added_extension("txt")).unwrap();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let [scenario, direction, message, hex] = line.split(' ').collect::<Vec<_>>()[..] else {
                panic!("not four words: {line}");
            };
            recorded.push(Recorded {
                release: release.into(),
                scenario: scenario.into(),
                direction: direction.into(),
                message: message.into(),
                bytes: unhex(hex).unwrap(),
            });
        }
    }
    recorded
}

/// All datagrams in a folder of recordings: lines of hex, each under a line that names direction and message.
pub(crate) fn recordings(folder: &Path) -> Vec<Recorded> {
    let mut recorded = Vec::new();
    for release in files(folder).into_iter().filter(|path| path.is_dir()) {
        for scenario in files(&release) {
            for name in ["udp-hex.txt", "udp.txt"] {
                let Ok(text) = fs::read_to_string(scenario.join(name)) else { continue };
                let mut words = Vec::new();
                for line in text.lines() {
                    if let Some(bytes) = unhex(line).filter(|bytes| bytes.len() >= 7) {
                        recorded.push(Recorded {
                            release: release.display().to_string(),
                            scenario: scenario.display().to_string(),
                            direction: String::from(words[0]),
                            message: String::from(words[1]),
                            bytes,
                        });
                    }
                    words = line.split(' ').collect();
                }
            }
        }
    }
    recorded
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// Bytes from hex digits.
pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}
