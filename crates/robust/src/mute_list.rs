//! `/mutelist`: who does not want to hear of whom. The list travels as the file that viewers keep.

use crate::text::FromText;
use crate::{Form, Malformed, Tree, Wording};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::{AgentId, Uuid};
use services::Mute;
pub use services::{mute_crc as crc32, mute_file as file};

/// A request to the mute list service.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Call {
    /// `get`.
    Get {
        /// Whose list.
        agent: AgentId,
        /// Checksum of the file that the viewer has; 0 if it has none.
        crc: u32,
    },
    /// `update`.
    Update {
        /// Whose list.
        agent: AgentId,
        /// What is entered.
        mute: Mute,
    },
    /// `delete`.
    Delete {
        /// Whose list.
        agent: AgentId,
        /// What is removed.
        id: Uuid,
        /// Its name.
        name: String,
    },
}

/// In which words the service says whether it did it.
pub const WORDING: Wording = Wording::SMALL;

/// The file that says: yours is the right one.
const SAME: &[u8] = &[1];

impl Call {
    /// Reads a request.
    ///
    /// # Errors
    /// No such method, or a field of it is missing or makes no sense.
    pub fn parse(form: &Form) -> Result<Self, Malformed> {
        let agent = || form.get("agentid");
        let name = || form.text("mutename").unwrap_or_default().to_owned();
        Ok(match form.required("METHOD")? {
            "get" => Self::Get { agent: agent()?, crc: form.get("mutecrc")? },
            "update" => Self::Update {
                agent: agent()?,
                mute: Mute {
                    id: form.get("muteid")?,
                    name: name(),
                    kind: form.get_optional("mutetype")?.unwrap_or_default(),
                    flags: form.get_optional::<i32>("muteflags")?.unwrap_or_default().cast_unsigned(),
                },
            },
            "delete" => Self::Delete { agent: agent()?, id: form.get("muteid")?, name: name() },
            other => return Err(Malformed::UnknownMethod(other.to_owned())),
        })
    }

    /// The request as a form.
    pub fn to_form(&self) -> Form {
        match self {
            Self::Get { agent, crc } => Form::method("get").with("agentid", agent).with("mutecrc", crc),
            Self::Update { agent, mute } => Form::method("update")
                .with("agentid", agent)
                .with("muteid", mute.id)
                .with("mutename", &mute.name)
                .with("mutetype", mute.kind)
                .with("muteflags", mute.flags.cast_signed()),
            Self::Delete { agent, id, name } => {
                Form::method("delete").with("agentid", agent).with("muteid", id).with("mutename", name)
            }
        }
    }
}

/// What `get` finds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Listed {
    /// The file with that checksum is the right one.
    Same,
    /// The whole list.
    All(Vec<Mute>),
}

/// Answers `get`.
pub fn list(mutes: &[Mute], viewers_crc: u32) -> Tree {
    let file = file(mutes);
    let same = !file.is_empty() && crc32(file.as_bytes()) == viewers_crc;
    Tree::new().with("result", STANDARD.encode(if same { SAME } else { file.as_bytes() }))
}

/// Reads such an answer.
///
/// # Errors
/// It is none, or says that it failed.
pub fn read_list(answer: &Tree) -> Result<Listed, Malformed> {
    let text = answer.text("result").ok_or(Malformed::missing("result"))?;
    if text == "Failure" {
        return Err(Malformed::Failure(String::new()));
    }
    let file = STANDARD.decode(text.trim()).map_err(|_| Malformed::odd("result"))?;
    if file == SAME {
        return Ok(Listed::Same);
    }
    Ok(Listed::All(read_file(&String::from_utf8_lossy(&file))))
}

/// The list in such a file; lines that are no entry are passed over, as viewers do it.
pub fn read_file(file: &str) -> Vec<Mute> {
    let entry = |line: &str| {
        let (head, flags) = line.rsplit_once('|')?;
        let mut parts = head.splitn(3, ' ');
        Some(Mute {
            kind: i32::from_text(parts.next()?)?,
            id: Uuid::from_text(parts.next()?)?,
            name: parts.next()?.to_owned(),
            flags: i32::from_text(flags).map(i32::cast_unsigned).or_else(|| u32::from_text(flags))?,
        })
    };
    file.lines().filter_map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use services::mute_kind;

    fn mutes() -> [Mute; 2] {
        let id = Uuid::from_u128(7);
        let bell = Mute { id: Uuid::nil(), name: "Bell | <b>".into(), kind: mute_kind::BY_NAME, flags: 0 };
        [bell, Mute { id, name: "Ada One".into(), kind: mute_kind::AGENT, flags: 0x8000_000F }]
    }

    #[test]
    fn the_file_is_what_viewers_read() {
        let file = file(&mutes());
        assert_eq!(
            file,
            "0 00000000-0000-0000-0000-000000000000 Bell | <b>|0\n\
             1 00000000-0000-0000-0000-000000000007 Ada One|-2147483633\n"
        );
        assert_eq!(read_file(&file), mutes());
        let odd = "\n1 x Name|0\n1 00000000-0000-0000-0000-000000000007 N\nx|y\n";
        assert_eq!(read_file(&format!("{odd}{file}")), mutes());
        assert_eq!(super::file(&[Mute { name: "a\nb".into(), ..mutes()[0].clone() }]).lines().count(), 1);
    }

    #[test]
    fn who_has_the_list_already_is_told_so() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        let crc = crc32(file(&mutes()).as_bytes());
        let read = |tree: &Tree| read_list(&Tree::parse(tree.write().as_bytes()).unwrap());
        assert_eq!(list(&mutes(), crc).text("result"), Some("AQ=="));
        assert_eq!(read(&list(&mutes(), crc)), Ok(Listed::Same));
        assert_eq!(read(&list(&mutes(), crc + 1)), Ok(Listed::All(mutes().into())));
        assert_eq!(read(&list(&[], 0)), Ok(Listed::All(Vec::new())));
        assert_eq!(read(&WORDING.failure()), Err(Malformed::Failure(String::new())));
        assert_eq!(read(&Tree::new().with("result", "%")), Err(Malformed::odd("result")));
        assert_eq!(read(&Tree::new()), Err(Malformed::missing("result")));
    }

    #[test]
    fn any_call_is_read_as_it_was_written() {
        arbtest::arbtest(|u| {
            let agent = AgentId(Uuid::from_u128(u.arbitrary()?));
            let mute = Mute {
                id: Uuid::from_u128(u.arbitrary()?),
                name: u.arbitrary()?,
                kind: u.arbitrary()?,
                flags: u.arbitrary()?,
            };
            for call in [
                Call::Get { agent, crc: u.arbitrary()? },
                Call::Delete { agent, id: mute.id, name: mute.name.clone() },
                Call::Update { agent, mute },
            ] {
                let form = Form::parse(call.to_form().write().as_bytes()).unwrap();
                assert_eq!(Call::parse(&form), Ok(call));
            }
            Ok(())
        });
    }

    #[test]
    fn most_fields_may_be_absent() {
        let parse = |body: &str| Call::parse(&Form::parse(body.as_bytes()).unwrap());
        let ids = "agentid=00000000-0000-0000-0000-000000000001&muteid=00000000-0000-0000-0000-000000000007";
        let agent = AgentId(Uuid::from_u128(1));
        let mute = Mute { id: Uuid::from_u128(7), name: String::new(), kind: 0, flags: 0 };
        assert_eq!(
            parse(&format!("METHOD=update&{ids}&mutestamp=12")),
            Ok(Call::Update { agent, mute: mute.clone() })
        );
        assert_eq!(
            parse(&format!("METHOD=delete&{ids}")),
            Ok(Call::Delete { agent, id: mute.id, name: String::new() })
        );
        for (body, error) in [
            (format!("METHOD=get&{ids}"), Malformed::missing("mutecrc")),
            (format!("METHOD=update&{ids}&muteflags=x"), Malformed::odd("muteflags")),
            ("METHOD=delete&agentid=x".to_owned(), Malformed::odd("agentid")),
            ("METHOD=clear".to_owned(), Malformed::UnknownMethod("clear".into())),
        ] {
            assert_eq!(parse(&body), Err(error));
        }
    }
}
