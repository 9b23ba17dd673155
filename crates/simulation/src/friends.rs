//! A friend has come or gone: `POST /friends`, a form (fact sheet, 10).

use crate::fields::{Result, malformed};
use model::{AgentId, Uuid};

/// What carries a form.
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";
/// The answer: done.
pub(crate) const TRUE: &str =
    "<?xml version=\"1.0\"?>\n<ServerResponse>\n  <RESULT>True</RESULT>\n</ServerResponse>";
/// The answer: no.
pub(crate) const FALSE: &str =
    "<?xml version=\"1.0\"?>\n<ServerResponse>\n  <RESULT>False</RESULT>\n</ServerResponse>";
/// The most bytes of a form. Offers of friendship come with words.
pub(crate) const FORM_MAX: usize = 16 << 10;

/// Whose status, who is told, and whether it is online.
pub(crate) type Status = (AgentId, AgentId, bool);

/// The form.
pub(crate) fn form((friend, to, online): Status) -> String {
    let online = if online { "True" } else { "False" };
    format!("METHOD=status&FromID={friend}&ToID={to}&Online={online}")
}

/// Reads a form. Ids and words need no unescaping, and nothing else is looked at.
pub(crate) fn read(form: &[u8]) -> Result<Status> {
    let form = String::from_utf8_lossy(form);
    let entry = |key: &str| form.trim().split('&').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='));
    match entry("METHOD") {
        Some("status") => {}
        Some(_) => return malformed("another METHOD than status"),
        None => return malformed("no METHOD"),
    }
    let id = |key| match entry(key).and_then(|text| Uuid::try_parse(text).ok()) {
        Some(id) if !id.is_nil() => Ok(AgentId(id)),
        _ => malformed(format!("{key}: no id")),
    };
    Ok((id("FromID")?, id("ToID")?, entry("Online").is_some_and(|text| text.eq_ignore_ascii_case("true"))))
}

/// Whether an answer says that it is done.
pub(crate) fn is_done(answer: &[u8]) -> bool {
    let answer = String::from_utf8_lossy(answer).to_ascii_lowercase();
    let result = answer.split_once("<result>").and_then(|(_, rest)| rest.split_once("</result>"));
    result.is_some_and(|(result, _)| result.trim() == "true")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_status_is_read() {
        let status = (AgentId(Uuid::from_u128(1)), AgentId(Uuid::from_u128(2)), true);
        assert_eq!(read(form(status).as_bytes()).unwrap(), status);
        for wrong in [
            "",
            "METHOD=friendship_offered&FromID=00000000-0000-0000-0000-000000000001",
            "METHOD=status&FromID=00000000-0000-0000-0000-000000000001&ToID=x&Online=True",
            "METHOD=status&FromID=00000000-0000-0000-0000-000000000000&Online=True",
        ] {
            assert!(read(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn answers_are_told_apart() {
        assert!(is_done(TRUE.as_bytes()));
        for answer in [FALSE, "", "<RESULT>", "True"] {
            assert!(!is_done(answer.as_bytes()), "{answer}");
        }
    }
}
