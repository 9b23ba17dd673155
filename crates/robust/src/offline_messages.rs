//! `/sojourn/offline-messages`: messages to people who were not online. Ours alone, in the forms of the others.

use crate::{Form, Malformed, Tree, Wording};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use llsd::Value;
use model::AgentId;
use services::{Mailbox, OfflineMessage};

/// Where the service is.
pub const PATH: &str = "/sojourn/offline-messages";

/// In which words the service says whether it did it.
pub const WORDING: Wording = Wording::SMALL;

/// A request to the service.
#[derive(Clone, PartialEq, Debug)]
pub enum Call {
    /// `keep`.
    Keep {
        /// For whom.
        to: AgentId,
        /// What.
        message: OfflineMessage,
    },
    /// `waiting`.
    Waiting(AgentId),
    /// `heard`.
    Heard {
        /// Who has.
        agent: AgentId,
        /// Up to where.
        mark: u64,
    },
}

impl Call {
    /// Reads a request.
    ///
    /// # Errors
    /// No such method, or a field of it is missing or makes no sense.
    pub fn parse(form: &Form) -> Result<Self, Malformed> {
        let agent = form.get("agentid");
        Ok(match form.required("METHOD")? {
            "keep" => Self::Keep {
                to: agent?,
                message: unpack(form.required("message")?)
                    .and_then(|value| OfflineMessage::from_llsd(&value))
                    .ok_or(Malformed::odd("message"))?,
            },
            "waiting" => Self::Waiting(agent?),
            "heard" => Self::Heard { agent: agent?, mark: form.get("mark")? },
            other => return Err(Malformed::UnknownMethod(other.to_owned())),
        })
    }

    /// The request as a form.
    pub fn to_form(&self) -> Form {
        match self {
            Self::Keep { to, message } => {
                Form::method("keep").with("agentid", to).with("message", pack(&message.to_llsd()))
            }
            Self::Waiting(agent) => Form::method("waiting").with("agentid", agent),
            Self::Heard { agent, mark } => Form::method("heard").with("agentid", agent).with("mark", mark),
        }
    }
}

/// Answers `waiting`.
pub fn mailbox(mailbox: &Mailbox) -> Tree {
    let messages: Value = mailbox.messages.iter().map(OfflineMessage::to_llsd).collect();
    Tree::new().with("mark", mailbox.mark).with("messages", pack(&messages))
}

/// Reads such an answer; what is no message is passed over.
///
/// # Errors
/// It is none, or says that it failed.
pub fn read_mailbox(answer: &Tree) -> Result<Mailbox, Malformed> {
    let Some(text) = answer.text("messages") else {
        WORDING.read(answer)?;
        return Err(Malformed::missing("messages"));
    };
    let messages = unpack(text).ok_or(Malformed::odd("messages"))?;
    let messages = messages.as_array().iter().filter_map(OfflineMessage::from_llsd).collect();
    Ok(Mailbox { messages, mark: answer.get("mark")? })
}

/// Binary, since people may write what XML cannot carry.
fn pack(value: &Value) -> String {
    STANDARD.encode(llsd::binary::write(value))
}

fn unpack(text: &str) -> Option<Value> {
    llsd::binary::parse(STANDARD.decode(text.trim()).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Uuid, Vec3};

    fn message(text: &str) -> OfflineMessage {
        OfflineMessage {
            from: AgentId(Uuid::from_u128(1)),
            from_name: "Ada One".into(),
            dialog: 0,
            text: text.into(),
            conversation: Uuid::nil(),
            region: Uuid::nil(),
            position: Vec3::ZERO,
            estate: 1,
            sent_s: 12,
            bucket: vec![0],
        }
    }

    #[test]
    fn calls_and_answers_arrive() {
        let agent = AgentId(Uuid::from_u128(2));
        for call in [
            Call::Keep { to: agent, message: message("a & b\u{1}") },
            Call::Waiting(agent),
            Call::Heard { agent, mark: u64::MAX },
        ] {
            let form = Form::parse(call.to_form().write().as_bytes()).unwrap();
            assert_eq!(Call::parse(&form), Ok(call));
        }
        let read = |tree: &Tree| read_mailbox(&Tree::parse(tree.write().as_bytes()).unwrap());
        for full in [Mailbox { messages: vec![message("x"), message("\0")], mark: 7 }, Mailbox::default()] {
            assert_eq!(read(&mailbox(&full)), Ok(full));
        }
        assert!(read(&WORDING.failure()).is_err());
        assert!(read(&WORDING.success()).is_err());
        assert!(read(&Tree::new().with("messages", "%")).is_err());
    }

    #[test]
    fn what_is_no_call_is_refused() {
        let agent = "agentid=00000000-0000-0000-0000-000000000002";
        for (body, error) in [
            (format!("METHOD=keep&{agent}&message=AAAA"), Malformed::odd("message")),
            (format!("METHOD=keep&{agent}"), Malformed::missing("message")),
            (format!("METHOD=heard&{agent}"), Malformed::missing("mark")),
            ("METHOD=waiting".to_owned(), Malformed::missing("agentid")),
            ("METHOD=read".to_owned(), Malformed::UnknownMethod("read".into())),
        ] {
            assert_eq!(Call::parse(&Form::parse(body.as_bytes()).unwrap()), Err(error));
        }
    }
}
