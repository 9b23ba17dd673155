//! Who may log in: for the commands that serve logins.

use super::file::File;
use anyhow::{Context as _, Result, bail};
use clap::Args;
use std::path::PathBuf;

/// Bytes of the terms.
const MAX_TERMS: usize = 64 * 1024;
/// What is told whom nothing else is told.
const CLOSED: &str = "The grid is closed at the moment. Please come back later.";

/// Who may log in.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct LoginOptions {
    /// Nobody but gods of the grid may log in
    #[arg(long)]
    closed: bool,
    /// What the others are told then
    #[arg(long, value_name = "TEXT", env = "SOJOURN_CLOSED_MESSAGE")]
    closed_message: Option<String>,
    /// A file with the terms that everybody has to agree to once, or the address of a page
    #[arg(long, value_name = "FILE-or-URL", env = "SOJOURN_TERMS")]
    terms: Option<String>,
    /// People may make accounts for themselves, on the grid's page
    #[arg(long)]
    sign_up: bool,
}

/// What logins go by.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Logins {
    /// The grid is closed, and this is why.
    pub(crate) closed: Option<String>,
    /// The terms.
    pub(crate) terms: Option<String>,
    /// Whether people may make accounts for themselves.
    pub(crate) sign_up: bool,
}

impl LoginOptions {
    pub(super) fn over(self, file: &File) -> Result<Logins> {
        let closed = match file.logins.as_deref() {
            _ if self.closed => true,
            None | Some("open") => false,
            Some("closed") => true,
            Some(other) => bail!("logins are {other:?}; they can be \"open\" or \"closed\""),
        };
        let message = self.closed_message.or_else(|| file.closed_message.clone());
        let terms = self.terms.or_else(|| file.terms.clone()).map(read).transpose()?;
        let sign_up = self.sign_up || file.sign_up;
        Ok(Logins { closed: closed.then(|| message.unwrap_or_else(|| CLOSED.into())), terms, sign_up })
    }
}

/// Viewers open addresses themselves.
fn read(terms: String) -> Result<String> {
    if terms.starts_with("http://") || terms.starts_with("https://") {
        return Ok(terms);
    }
    let path = PathBuf::from(terms);
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    if text.trim().is_empty() || text.len() > MAX_TERMS {
        bail!("{}: terms have between 1 and {MAX_TERMS} bytes", path.display());
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decided(options: LoginOptions, file: &str) -> Result<Logins> {
        options.over(&File::parse(file).unwrap())
    }

    #[test]
    fn closed_by_option_or_by_file() {
        let open = LoginOptions::default;
        let shut = || LoginOptions { closed: true, ..open() };
        for (options, file, closed) in [
            (open(), "", None),
            (open(), "logins = 'open'\nclosed_message = 'x'", None),
            (open(), "logins = 'closed'", Some(CLOSED)),
            (open(), "logins = 'closed'\nclosed_message = 'At noon.'", Some("At noon.")),
            (shut(), "logins = 'open'", Some(CLOSED)),
        ] {
            assert_eq!(decided(options, file).unwrap().closed.as_deref(), closed, "{file}");
        }
        assert!(decided(open(), "logins = 'ajar'").unwrap_err().to_string().contains("closed"));
    }

    #[test]
    fn signing_up_is_off_unless_it_is_wished() {
        let wished = || LoginOptions { sign_up: true, ..LoginOptions::default() };
        for (options, file, expected) in [
            (LoginOptions::default(), "", false),
            (LoginOptions::default(), "sign_up = true", true),
            (wished(), "", true),
        ] {
            assert_eq!(decided(options, file).unwrap().sign_up, expected, "{file}");
        }
    }

    #[test]
    fn terms_are_a_page_or_a_file() {
        let page = "https://example.org/terms";
        assert_eq!(
            decided(LoginOptions::default(), &format!("terms = '{page}'")).unwrap().terms.as_deref(),
            Some(page)
        );
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("terms.txt");
        let terms = || LoginOptions { terms: Some(path.display().to_string()), ..LoginOptions::default() };
        assert!(decided(terms(), "").is_err(), "there is no such file");
        std::fs::write(&path, " \n").unwrap();
        assert!(decided(terms(), "").is_err(), "it says nothing");
        std::fs::write(&path, "Be kind.").unwrap();
        assert_eq!(decided(terms(), "").unwrap().terms.as_deref(), Some("Be kind."));
    }
}
