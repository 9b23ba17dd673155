//! Throwaway database servers for the tests, by the scripts that the tests themselves use where nobody starts one for them.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A server that tests want to have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    /// What it is.
    pub(crate) name: &'static str,
    /// Starts one; prints its URL, and ends with its standard input.
    pub(crate) script: &'static [&'static str],
    /// Tells tests where it is.
    pub(crate) variable: &'static str,
    /// Part of the names of all tests that cannot do without.
    pub(crate) tests: &'static str,
}

/// For the grid's store.
pub(crate) const POSTGRES: Wanted = Wanted {
    name: "PostgreSQL",
    script: &[".ci/postgres", "--install", "-c", "fsync=off"],
    variable: "SOJOURN_TEST_POSTGRES",
    tests: "postgres::",
};

/// For moving in from an OpenSimulator.
pub(crate) const MARIADB: Wanted = Wanted {
    name: "MariaDB",
    script: &[".ci/mariadb", "--install"],
    variable: "SOJOURN_TEST_MARIADB",
    tests: "mariadb",
};

/// A server that runs until this is dropped.
pub(crate) struct Server {
    url: String,
    /// `None`: it is somebody else's.
    process: Option<Child>,
}

impl Server {
    /// The one that the environment names, or a new one; Debian's package is fetched where there is none and we may.
    ///
    /// # Errors
    ///
    /// There is none and none can be had; the text says why.
    pub(crate) fn start(root: &Path, wanted: Wanted) -> Result<Self, String> {
        if let Ok(url) = std::env::var(wanted.variable) {
            return Ok(Self { url, process: None });
        }
        let mut process = Command::new(root.join(wanted.script[0]))
            .args(&wanted.script[1..])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{}: {error}", wanted.script[0]))?;
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

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            // The script ends with its standard input.
            drop(process.stdin.take());
            let _ = process.wait();
        }
    }
}
