//! Word of a friend: `POST /friends`, a form (fact sheet, 10).

use crate::fields::{LABEL_MAX, Result, WORDS_MAX, malformed};
use model::{AgentId, Uuid};
use transfer::{FriendDeed, FriendNews, PeerCall};

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

/// Says that FriendStatus follows. Others pass over it.
const STATUS_FOLLOWS: &str = "StatusFollows";

/// A friend has come or gone.
pub(crate) fn status(friend: AgentId, to: AgentId, online: bool) -> String {
    let online = if online { "True" } else { "False" };
    format!("METHOD=status&FromID={friend}&ToID={to}&Online={online}")
}

/// Something has happened to a friendship.
pub(crate) fn news(news: &FriendNews) -> String {
    let (method, rest) = match &news.deed {
        FriendDeed::Offered { name, words } => {
            ("friendship_offered", format!("&Message={}&FromName={}", escaped(words), escaped(name)))
        }
        FriendDeed::Approved { name, status_follows } => {
            let follows = if *status_follows { format!("&{STATUS_FOLLOWS}=True") } else { String::new() };
            ("friendship_approved", format!("&FromName={}{follows}", escaped(name)))
        }
        FriendDeed::Denied { name } => ("friendship_denied", format!("&FromName={}", escaped(name))),
        FriendDeed::Terminated => ("friendship_terminated", String::new()),
        FriendDeed::Rights { before, now } => ("grant_rights", format!("&UserFlags={before}&Rights={now}")),
    };
    format!("METHOD={method}&FromID={}&ToID={}{rest}", news.from, news.to)
}

/// Reads a form: who is told, and what.
pub(crate) fn read(form: &[u8]) -> Result<(AgentId, PeerCall)> {
    let form = Form(String::from_utf8_lossy(form).into_owned());
    let Some(method) = form.entry("METHOD") else { return malformed("no METHOD") };
    let (from, to) = (form.id("FromID")?, form.id("ToID")?);
    let name = || form.text("FromName", LABEL_MAX);
    let deed = match method {
        "status" => {
            let call = PeerCall::FriendStatus { friend: from, to, online: form.is_true("Online") };
            return Ok((to, call));
        }
        "friendship_offered" => FriendDeed::Offered { name: name(), words: form.text("Message", WORDS_MAX) },
        "friendship_approved" => {
            FriendDeed::Approved { name: name(), status_follows: form.is_true(STATUS_FOLLOWS) }
        }
        "friendship_denied" => FriendDeed::Denied { name: name() },
        "friendship_terminated" => FriendDeed::Terminated,
        "grant_rights" => {
            FriendDeed::Rights { before: form.number("UserFlags")?, now: form.number("Rights")? }
        }
        _ => return malformed("unknown METHOD"),
    };
    Ok((to, PeerCall::FriendNews(Box::new(FriendNews { from, to, deed }))))
}

/// A form as it came.
struct Form(String);

impl Form {
    /// An entry as written.
    fn entry(&self, key: &str) -> Option<&str> {
        self.0.trim().split('&').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='))
    }

    /// Ids need no unescaping.
    fn id(&self, key: &str) -> Result<AgentId> {
        match self.entry(key).and_then(|text| Uuid::try_parse(text).ok()) {
            Some(id) if !id.is_nil() => Ok(AgentId(id)),
            _ => malformed(format!("{key}: no id")),
        }
    }

    fn number(&self, key: &str) -> Result<u32> {
        match self.entry(key).and_then(|text| text.parse::<i32>().ok()) {
            // Rights of a friendship that the other side does not have are -1.
            Some(number) => Ok(u32::try_from(number).unwrap_or(0)),
            None => malformed(format!("{key}: no number")),
        }
    }

    fn is_true(&self, key: &str) -> bool {
        self.entry(key).is_some_and(|text| text.eq_ignore_ascii_case("true"))
    }

    /// Words, at most so many bytes of them; empty where there are none.
    fn text(&self, key: &str, max: usize) -> String {
        let mut text = self.entry(key).map(unescaped).unwrap_or_default();
        text.truncate(text.floor_char_boundary(max));
        text
    }
}

/// Words as a form carries them.
fn escaped(words: &str) -> String {
    let mut escaped = String::with_capacity(words.len());
    for &byte in words.as_bytes() {
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' => escaped.push(char::from(byte)),
            b' ' => escaped.push('+'),
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

/// The words in a form; what is no escape stands for itself.
fn unescaped(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut words = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [first, after @ ..] = rest {
        let hex = |digit: &u8| char::from(*digit).to_digit(16);
        match (first, after) {
            (b'%', [high, low, after @ ..]) if hex(high).is_some() && hex(low).is_some() => {
                let value = hex(high).unwrap_or(0) * 16 + hex(low).unwrap_or(0);
                words.push(value as u8);
                rest = after;
            }
            (b'+', _) => {
                words.push(b' ');
                rest = after;
            }
            _ => {
                words.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&words).into_owned()
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
    fn a_form_names_both_sides_and_what_it_is() {
        let (one, two) = (AgentId(Uuid::from_u128(1)), AgentId(Uuid::from_u128(2)));
        let told = PeerCall::FriendStatus { friend: one, to: two, online: true };
        assert_eq!(read(status(one, two, true).as_bytes()).unwrap(), (two, told));
        let ids = "FromID=00000000-0000-0000-0000-000000000001&ToID=00000000-0000-0000-0000-000000000002";
        for wrong in [
            String::new(),
            ids.to_owned(),
            format!("METHOD=friendship_forgotten&{ids}"),
            format!("METHOD=grant_rights&{ids}&Rights=1"),
            format!("METHOD=grant_rights&{ids}&Rights=all&UserFlags=1"),
            "METHOD=friendship_offered&FromID=00000000-0000-0000-0000-000000000001".into(),
            "METHOD=status&FromID=00000000-0000-0000-0000-000000000001&ToID=x&Online=True".into(),
            "METHOD=status&FromID=00000000-0000-0000-0000-000000000000&Online=True".into(),
        ] {
            assert!(read(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn deeds_are_read_as_others_write_them() {
        let ids = "FromID=00000000-0000-0000-0000-000000000001&ToID=00000000-0000-0000-0000-000000000002";
        let name = || "Ada One".to_owned();
        for (form, deed) in [
            (
                format!("{ids}&METHOD=friendship_offered&Message=Shall%20we%3f+100%25&FromName=Ada%20One"),
                FriendDeed::Offered { name: name(), words: "Shall we? 100%".into() },
            ),
            (
                format!("METHOD=friendship_offered&{ids}&Message=%zz%"),
                FriendDeed::Offered { name: String::new(), words: "%zz%".into() },
            ),
            (
                format!("METHOD=friendship_approved&{ids}&FromName=Ada+One"),
                FriendDeed::Approved { name: name(), status_follows: false },
            ),
            (format!("METHOD=friendship_denied&{ids}&FromName=Ada+One"), FriendDeed::Denied { name: name() }),
            (format!("METHOD=friendship_terminated&{ids}"), FriendDeed::Terminated),
            (
                format!("METHOD=grant_rights&{ids}&UserFlags=-1&Rights=5"),
                FriendDeed::Rights { before: 0, now: 5 },
            ),
        ] {
            let (_, call) = read(form.as_bytes()).unwrap();
            let PeerCall::FriendNews(news) = call else { panic!("{form}") };
            assert_eq!(news.deed, deed, "{form}");
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
