//! A throwaway PostgreSQL server for the tests, by the script that they themselves use where nobody starts one for them.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Tells tests where the server is.
pub(crate) const VARIABLE: &str = "SOJOURN_TEST_POSTGRES";

/// A server that runs until this is dropped.
pub(crate) struct Postgres {
    url: String,
    /// `None`: it is somebody else's.
    process: Option<Child>,
}

impl Postgres {
    /// The one that the environment names, or a new one; Debian's package is fetched where there is none and we may.
    ///
    /// # Errors
    ///
    /// There is none and none can be had; the text says why.
    pub(crate) fn start(root: &Path) -> Result<Self, String> {
        if let Ok(url) = std::env::var(VARIABLE) {
            return Ok(Self { url, process: None });
        }
        let mut process = Command::new(root.join(".ci/postgres"))
            .args(["--install", "-c", "fsync=off"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!(".ci/postgres: {error}"))?;
        let mut url = String::new();
        if let Some(said) = process.stdout.take() {
            let _ = BufReader::new(said).read_line(&mut url);
        }
        match url.trim() {
            "" => {
                let _ = process.wait();
                Err("no server could be started; its words are above".into())
            }
            url => Ok(Self { url: url.to_owned(), process: Some(process) }),
        }
    }

    /// Where it is.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            // The script ends with its standard input.
            drop(process.stdin.take());
            let _ = process.wait();
        }
    }
}
