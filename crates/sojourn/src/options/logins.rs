//! Who may log in: for the commands that serve logins.

use anyhow::{Context as _, Result, bail};
use clap::{ArgAction, Args};
use std::path::PathBuf;

/// Bytes of the terms.
const MAX_TERMS: usize = 64 * 1024;
/// What is told whom nothing else is told.
const CLOSED: &str = "The grid is closed at the moment. Please come back later.";

/// Who may log in.
#[derive(Args, Clone, Debug)]
pub(crate) struct LoginOptions {
    /// Nobody but gods (level 200 and above) may log in; whoever is inside stays
    #[arg(long, value_name = "true|false", env = "SOJOURN_CLOSED", action = ArgAction::Set, default_value_t = false)]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true)]
    closed: bool,
    /// What the others are told then
    #[arg(long, value_name = "TEXT", env = "SOJOURN_CLOSED_MESSAGE", default_value = CLOSED)]
    closed_message: String,
    /// A file with the terms that everybody has to agree to once (anew when they change), or the address of a page
    /// [default: none]
    #[arg(long, value_name = "FILE-or-URL", env = "SOJOURN_TERMS")]
    terms: Option<String>,
    /// What people are told when they have come in; `<USERNAME>` stands for who they are [default: a welcome to the grid,
    /// by its name and theirs]
    #[arg(long, value_name = "TEXT", env = "SOJOURN_WELCOME")]
    welcome: Option<String>,
    /// People may make accounts for themselves, on the grid's page
    #[arg(long, value_name = "true|false", env = "SOJOURN_SIGN_UP", action = ArgAction::Set, default_value_t = false)]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true)]
    sign_up: bool,
}

/// What logins go by.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Logins {
    /// The grid is closed, and this is why.
    pub(crate) closed: Option<String>,
    /// The terms.
    pub(crate) terms: Option<String>,
    /// What people are told when they have come in.
    pub(crate) welcome: Option<String>,
    /// Whether people may make accounts for themselves.
    pub(crate) sign_up: bool,
}

impl LoginOptions {
    pub(super) fn decide(self) -> Result<Logins> {
        let terms = self.terms.map(read).transpose()?;
        let closed = self.closed.then_some(self.closed_message);
        Ok(Logins { closed, terms, welcome: self.welcome, sign_up: self.sign_up })
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
    use super::super::tests::{by_both, by_file};
    use super::*;

    #[test]
    fn closed_by_option_or_by_file() {
        for (words, file, closed) in [
            (&[][..], "", None),
            (&[], "closed = false\nclosed_message = 'x'", None),
            (&[], "closed = true", Some(CLOSED)),
            (&[], "closed = true\nclosed_message = 'At noon.'", Some("At noon.")),
            (&["--closed"], "closed = false", Some(CLOSED)),
            (&["--closed=false"], "closed = true", None),
        ] {
            let decided = by_both::<LoginOptions>(words, file).unwrap().decide().unwrap();
            assert_eq!(decided.closed.as_deref(), closed, "{words:?} {file}");
        }
        let error = by_file::<LoginOptions>("closed = 'ajar'").unwrap_err().to_string();
        assert!(error.contains("true or false"), "{error}");
    }

    #[test]
    fn signing_up_is_off_unless_it_is_wished() {
        for (words, file, wished) in [
            (&[][..], "", false),
            (&[], "sign_up = true", true),
            (&["--sign-up"], "", true),
            (&["--sign-up=false"], "sign_up = true", false),
        ] {
            let decided = by_both::<LoginOptions>(words, file).unwrap().decide().unwrap();
            assert_eq!(decided.sign_up, wished, "{words:?} {file}");
        }
    }

    #[test]
    fn terms_are_a_page_or_a_file() {
        let terms = |terms: &str| {
            let options: LoginOptions = by_file(&format!("terms = {terms:?}")).unwrap();
            options.decide().map(|decided| decided.terms)
        };
        let page = "https://example.org/terms";
        assert_eq!(terms(page).unwrap().as_deref(), Some(page));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("terms.txt");
        let text = path.display().to_string();
        assert!(terms(&text).is_err(), "there is no such file");
        std::fs::write(&path, " \n").unwrap();
        assert!(terms(&text).is_err(), "it says nothing");
        std::fs::write(&path, "Be kind.").unwrap();
        assert_eq!(terms(&text).unwrap().as_deref(), Some("Be kind."));
    }
}
