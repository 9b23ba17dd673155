//! Text as it is stored and looked for.
//!
//! No text has control characters but tabs and ends of lines: PostgreSQL keeps no NUL, and answers in XML can say none of
//! the others.

use services::{Result, ServiceError};

fn is_odd(char: char) -> bool {
    char < ' ' && !matches!(char, '\t' | '\n' | '\r') || matches!(char, '\u{fffe}' | '\u{ffff}')
}

/// Refuses what cannot be kept and said.
pub(super) fn check_plain<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<()> {
    match texts.into_iter().any(|text| text.contains(is_odd)) {
        true => Err(ServiceError::Invalid("there are control characters in a text".into())),
        false => Ok(()),
    }
}

/// The same text without what cannot be kept: of what others have kept until now.
pub(super) fn plain(text: &str) -> String {
    text.replace(is_odd, "")
}

/// What is looked for. Nothing is stored that is like something odd.
pub(super) fn sought(text: &str) -> String {
    text.replace(is_odd, "\u{fffd}")
}

/// What names are compared by.
pub(super) fn key_of(name: &str) -> String {
    sought(name.trim()).to_lowercase()
}

/// `text` with what LIKE would read as a pattern escaped by `\`.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        if matches!(char, '%' | '_' | '\\') {
            escaped.push('\\');
        }
        escaped.push(char);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_taken_literally() {
        assert_eq!(escaped("50%_\\x"), "50\\%\\_\\\\x");
    }

    #[test]
    fn only_text_is_text() {
        for (text, bare) in [("a\0b", "ab"), ("\u{1b}[1m", "[1m"), ("\u{ffff}", "")] {
            assert!(check_plain([text]).is_err() && plain(text) == bare && sought(text) != text, "{text:?}");
        }
        let sound = "two\r\nlines\tand ünï 🐚";
        assert!(check_plain([sound, ""]).is_ok() && plain(sound) == sound && sought(sound) == sound);
    }
}
