//! Instant messages: the XML-RPC method `grid_instant_message` at the root path (fact sheet, 9.2).

use crate::fields::{LABEL_MAX, Result, WORDS_MAX, bytes, finite, malformed, text};
use llsd::xmlrpc::{self, Call};
use llsd::{Value, map};
use model::{AgentId, Uuid, Vec3};
use transfer::InstantMessage;

const METHOD: &str = "grid_instant_message";
/// The most bytes of a call.
pub(crate) const CALL_MAX: usize = 64 << 10;
/// The most bytes that go with a message.
const BUCKET_MAX: usize = 8 << 10;
/// Who writes a call names its method this early.
const METHOD_WITHIN: usize = 512;

/// Whether a body posted to the root path is an instant message, not a login. A body that begins like one is.
pub fn is_instant_message(body: &[u8]) -> bool {
    let start = String::from_utf8_lossy(&body[..body.len().min(METHOD_WITHIN)]);
    let named = start.split_once("<methodName>").and_then(|(_, rest)| rest.split_once("</methodName>"));
    named.is_some_and(|(method, _)| method.trim() == METHOD)
}

/// The call. Others read coordinates as whole numbers, and fractions as 0.
pub(crate) fn call(message: &InstantMessage) -> String {
    let metres = |number: f32| (number.round() as i32).to_string();
    let members = map! {
        "from_agent_id" => message.from.0,
        "from_agent_session" => Uuid::nil(),
        "to_agent_id" => message.to.0,
        "im_session_id" => message.conversation,
        "timestamp" => message.sent_s.to_string(),
        "from_agent_name" => &message.from_name,
        "message" => &message.text,
        "dialog" => encode(&[message.dialog]),
        "from_group" => if message.from_group { "TRUE" } else { "FALSE" },
        "offline" => encode(&[message.offline]),
        "parent_estate_id" => message.estate.to_string(),
        "position_x" => metres(message.position.x),
        "position_y" => metres(message.position.y),
        "position_z" => metres(message.position.z),
        "region_id" => message.region,
        "region_handle" => 0,
        "binary_bucket" => encode(&message.bucket),
    };
    xmlrpc::write_call(METHOD, &[members])
}

fn encode(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// Reads a call.
pub(crate) fn read(body: &[u8]) -> Result<InstantMessage> {
    let Call { method, params } = match xmlrpc::parse_call(body) {
        Ok(call) => call,
        Err(error) => return malformed(error.to_string()),
    };
    if method != METHOD {
        return malformed("another method than grid_instant_message");
    }
    let members = params.first().unwrap_or(&Value::Undefined);
    let to = AgentId(members["to_agent_id"].as_uuid());
    if to.is_null() {
        return malformed("to nobody");
    }
    let coordinate = |key| finite(key, [members[key].as_f32()]).map(|[number]| number);
    Ok(InstantMessage {
        from: AgentId(members["from_agent_id"].as_uuid()),
        from_name: text(members, "from_agent_name", LABEL_MAX),
        to,
        dialog: byte(members, "dialog")?,
        from_group: members["from_group"].as_bool(),
        text: text(members, "message", WORDS_MAX),
        conversation: members["im_session_id"].as_uuid(),
        offline: byte(members, "offline")?,
        position: Vec3::new(coordinate("position_x")?, coordinate("position_y")?, coordinate("position_z")?),
        region: members["region_id"].as_uuid(),
        estate: members["parent_estate_id"].as_u32(),
        sent_s: members["timestamp"].as_u32(),
        bucket: bytes(members, "binary_bucket", BUCKET_MAX)?.into_owned(),
    })
}

/// A byte in base64; zero where there is none.
fn byte(members: &Value, key: &str) -> Result<u8> {
    Ok(bytes(members, key, 16)?.first().copied().unwrap_or(0))
}

/// The answer.
pub(crate) fn answer(delivered: bool) -> String {
    xmlrpc::write_response(&map! { "success" => if delivered { "TRUE" } else { "FALSE" } })
}

/// Whether an answer says that somebody there has the message. `None`: it is no answer.
pub(crate) fn is_delivered(answer: &[u8]) -> Option<bool> {
    let answer = xmlrpc::parse_response(answer).ok()?;
    Some(answer.get("success")?.as_bool())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_has_what_others_ask_for() {
        let message = InstantMessage {
            to: AgentId(Uuid::from_u128(2)),
            dialog: 41,
            position: Vec3::new(128.4, 0.0, -0.6),
            bucket: vec![0],
            ..InstantMessage::default()
        };
        let call = call(&message);
        assert!(is_instant_message(call.as_bytes()));
        let members = xmlrpc::parse_call(&call).unwrap().params.remove(0);
        for (key, expected) in [
            ("from_agent_id", "00000000-0000-0000-0000-000000000000"),
            ("to_agent_id", "00000000-0000-0000-0000-000000000002"),
            ("im_session_id", "00000000-0000-0000-0000-000000000000"),
            ("timestamp", "0"),
            ("from_agent_name", ""),
            ("message", ""),
            ("dialog", "KQ=="),
            ("from_group", "FALSE"),
            ("offline", "AA=="),
            ("parent_estate_id", "0"),
            ("position_x", "128"),
            ("position_y", "0"),
            ("position_z", "-1"),
            ("region_id", "00000000-0000-0000-0000-000000000000"),
            ("binary_bucket", "AA=="),
        ] {
            assert_eq!(members.get(key).and_then(Value::text), Some(expected), "{key}");
        }
    }

    #[test]
    fn logins_are_no_messages() {
        let login =
            "<?xml version='1.0'?><methodCall><methodName>login_to_simulator</methodName></methodCall>";
        assert!(!is_instant_message(login.as_bytes()));
        assert!(!is_instant_message(b"<llsd/>"));
        assert!(read(login.as_bytes()).is_err());
        assert_eq!(is_delivered(answer(true).as_bytes()), Some(true));
        assert_eq!(is_delivered(answer(false).as_bytes()), Some(false));
        assert_eq!(is_delivered(b"<html/>"), None);
    }
}
