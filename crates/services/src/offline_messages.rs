use crate::Result;
use async_trait::async_trait;
use llsd::{Value, map};
use model::{AgentId, Uuid, Vec3};

/// A message to somebody who was not online. Fields are those of ImprovedInstantMessage.
#[derive(Clone, PartialEq, Debug)]
pub struct OfflineMessage {
    /// From whom.
    pub from: AgentId,
    /// Their name, at most [`OfflineMessage::NAME_BYTES`].
    pub from_name: String,
    /// What kind.
    pub dialog: u8,
    /// The text, at most [`OfflineMessage::TEXT_BYTES`].
    pub text: String,
    /// The conversation that it belongs to.
    pub conversation: Uuid,
    /// In which region the sender stood.
    pub region: Uuid,
    /// Where in it, region-local metres.
    pub position: Vec3,
    /// Of which estate.
    pub estate: u32,
    /// When it was said, seconds since 1970.
    pub sent_s: u32,
    /// What goes with that kind, at most [`OfflineMessage::BUCKET_BYTES`].
    pub bucket: Vec<u8>,
}

impl OfflineMessage {
    /// Bytes of a name.
    pub const NAME_BYTES: usize = 255;
    /// Bytes of a text.
    pub const TEXT_BYTES: usize = 1024;
    /// Bytes of what goes with it.
    pub const BUCKET_BYTES: usize = 1024;

    /// Whether it is short enough to be kept.
    pub fn is_within_bounds(&self) -> bool {
        self.from_name.len() <= Self::NAME_BYTES
            && self.text.len() <= Self::TEXT_BYTES
            && self.bucket.len() <= Self::BUCKET_BYTES
    }

    /// The message as a map.
    pub fn to_llsd(&self) -> Value {
        map! {
            "from" => self.from.0,
            "from_name" => &self.from_name,
            "dialog" => i32::from(self.dialog),
            "text" => &self.text,
            "conversation" => self.conversation,
            "region" => self.region,
            "position" => self.position.to_array().map(f64::from).into_iter().collect::<Value>(),
            "estate" => self.estate,
            "sent" => self.sent_s,
            "bucket" => self.bucket.clone(),
        }
    }

    /// The message in such a map; `None` where there is none.
    pub fn from_llsd(map: &Value) -> Option<Self> {
        let axis = |axis: usize| map["position"][axis].as_f32();
        let position = Vec3::new(axis(0), axis(1), axis(2));
        let message = Self {
            from: AgentId(map["from"].as_uuid()),
            from_name: map["from_name"].as_str().into_owned(),
            dialog: u8::try_from(map["dialog"].as_i32()).ok()?,
            text: map["text"].as_str().into_owned(),
            conversation: map["conversation"].as_uuid(),
            region: map["region"].as_uuid(),
            position,
            estate: map["estate"].as_u32(),
            sent_s: map["sent"].as_u32(),
            bucket: map["bucket"].as_binary().into_owned(),
        };
        (map.get("from").is_some() && position.is_finite() && message.is_within_bounds()).then_some(message)
    }
}

/// What waits for somebody.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Mailbox {
    /// The messages, oldest first.
    pub messages: Vec<OfflineMessage>,
    /// The last of them, for [`OfflineMessageService::heard`]; 0 when there are none.
    pub mark: u64,
}

/// Messages to people who were not online.
#[async_trait]
pub trait OfflineMessageService: Send + Sync {
    /// Keeps a message for somebody.
    ///
    /// # Errors
    /// `Refused` if there is no such person, too much waits for them already, or the grid keeps no messages.
    async fn keep(&self, to: AgentId, message: &OfflineMessage) -> Result<()>;

    /// What waits for somebody.
    async fn waiting(&self, agent: AgentId) -> Result<Mailbox>;

    /// Somebody has heard what waited, up to a mark; it is forgotten. What came since stays.
    async fn heard(&self, agent: AgentId, mark: u64) -> Result<()>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_comes_back_as_it_was() {
        let message = OfflineMessage {
            from: AgentId(Uuid::from_u128(1)),
            from_name: "Ada One".into(),
            dialog: 250,
            text: "\u{1}<ü>".into(),
            conversation: Uuid::from_u128(2),
            region: Uuid::from_u128(3),
            position: Vec3::new(0.1, -2.0, 3.5),
            estate: u32::MAX,
            sent_s: u32::MAX,
            bucket: vec![0, 255],
        };
        let back = |message: &OfflineMessage| OfflineMessage::from_llsd(&message.to_llsd());
        assert_eq!(back(&message).as_ref(), Some(&message));
        assert_eq!(back(&OfflineMessage { text: "x".repeat(1025), ..message.clone() }), None);
        assert_eq!(back(&OfflineMessage { position: Vec3::NAN, ..message }), None);
        assert_eq!(OfflineMessage::from_llsd(&map! { "dialog" => 300 }), None);
        assert_eq!(OfflineMessage::from_llsd(&Value::Undefined), None);
    }
}
