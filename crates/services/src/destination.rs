use crate::RegionInfo;
use async_trait::async_trait;
use model::{
    AgentId, AssetId, CapsSecret, CircuitCode, ItemId, SecureSessionId, SessionId, TeleportFlags, Vec3,
};
use std::net::{IpAddr, Ipv4Addr};

/// How an avatar looks when it logs in.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LoginAppearance {
    /// Worn items by wearable type: (item, asset).
    pub wearables: Vec<Vec<(ItemId, AssetId)>>,
    /// Visual parameters, one byte each; empty when unknown.
    pub visual_params: Vec<u8>,
    /// Packed texture entry; empty when unknown.
    pub texture_entry: Vec<u8>,
    /// Avatar height in millimetres; 0 = unknown.
    pub height_mm: u32,
    /// Revision of the outfit.
    pub serial: u32,
    /// Attachments: (attachment point, item).
    pub attachments: Vec<(u8, ItemId)>,
}

/// An agent that is logging in.
#[derive(Clone, PartialEq, Debug)]
pub struct LoginAgent {
    /// Who.
    pub agent: AgentId,
    /// The login.
    pub session: SessionId,
    /// Its second secret.
    pub secure_session: SecureSessionId,
    /// The number by which the viewer's first packet is recognised.
    pub circuit_code: CircuitCode,
    /// First name.
    pub first: String,
    /// Last name.
    pub last: String,
    /// Where it will stand, region-local metres. Height 0 and below: wherever the ground is.
    pub position: Vec3,
    /// Where it will look; a direction.
    pub look_at: Vec3,
    /// How it comes; always has `VIA_LOGIN`.
    pub flags: TeleportFlags,
    /// Name and version of the viewer.
    pub viewer: String,
    /// Release channel of the viewer.
    pub channel: String,
    /// Hash of the viewer's network hardware address.
    pub mac: String,
    /// Hash of the viewer's disk serial number.
    pub id0: String,
    /// Where the login came from.
    pub client_ip: Option<IpAddr>,
    /// Looks.
    pub appearance: LoginAppearance,
    /// The secret of its capabilities in the region.
    pub caps: CapsSecret,
}

/// The region is ready for the viewer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Prepared {
    /// Absolute URL of the seed capability.
    pub seed_capability: String,
    /// Address of the region's UDP port, for this viewer.
    pub sim_ip: Ipv4Addr,
    /// The region's UDP port.
    pub sim_port: u16,
}

/// The region does not take the agent.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{reason}")]
pub struct Refusal {
    /// In words for the user.
    pub reason: String,
}

/// How the login service puts agents into regions, wherever these run.
#[async_trait]
pub trait LoginDestination: Send + Sync {
    /// Makes an agent that waits for its viewer. Comes back in bounded time.
    ///
    /// # Errors
    /// The region refuses, or cannot be reached.
    async fn create_agent(
        &self,
        region: &RegionInfo,
        agent: LoginAgent,
    ) -> core::result::Result<Prepared, Refusal>;

    /// Ends what is left of a session in a region: its viewer is told the reason, its agents close. Comes back when
    /// that has happened or after bounded time; a region that knows no such session has nothing to do.
    async fn end_session(&self, region: &RegionInfo, agent: AgentId, session: SessionId, reason: &str);
}
