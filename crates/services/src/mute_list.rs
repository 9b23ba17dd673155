use crate::Result;
use async_trait::async_trait;
use model::{AgentId, Uuid};

/// Somebody or something that a person does not want to hear of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mute {
    /// An agent, an object or a group; null when it is muted by name.
    pub id: Uuid,
    /// Its name. A name and an id together say which entry it is.
    pub name: String,
    /// What it is: one of [`mute_kind`].
    pub kind: i32,
    /// What is not muted all the same, as bits of the viewer's.
    pub flags: u32,
}

/// Values of [`Mute::kind`].
pub mod mute_kind {
    #![allow(missing_docs, reason = "the names say it")]
    pub const BY_NAME: i32 = 0;
    pub const AGENT: i32 = 1;
    pub const OBJECT: i32 = 2;
    pub const GROUP: i32 = 3;
}

/// Who does not want to hear of whom.
#[async_trait]
pub trait MuteListService: Send + Sync {
    /// What somebody has muted, in the order of ids and names.
    async fn list(&self, agent: AgentId) -> Result<Vec<Mute>>;

    /// Enters something, or changes its kind and flags.
    ///
    /// # Errors
    /// `Refused` if the list is full.
    async fn update(&self, agent: AgentId, mute: &Mute) -> Result<()>;

    /// Removes something. Whether it was there.
    async fn delete(&self, agent: AgentId, id: Uuid, name: &str) -> Result<bool>;
}

/// The list as viewers keep it: a line for each entry, `kind id name|flags`.
pub fn mute_file(mutes: &[Mute]) -> String {
    let line = |mute: &Mute| {
        let name = mute.name.replace(['\r', '\n'], " ");
        format!("{} {} {name}|{}\n", mute.kind, mute.id, mute.flags.cast_signed())
    };
    mutes.iter().map(line).collect()
}

/// The checksum that viewers send (CRC-32 as in Ethernet and zip).
pub fn mute_crc(bytes: &[u8]) -> u32 {
    let bit = |crc: u32, _| if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), bit))
}
