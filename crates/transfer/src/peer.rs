//! What regions say to each other about agents: the simulation service's messages as values. How they travel
//! (in memory, or as JSON over HTTP) is the shell's business.

use model::{
    AgentId, CapsSecret, CircuitCode, Quat, RegionHandle, RegionId, SecureSessionId, SessionId,
    TeleportFlags, Vec3,
};
use std::net::IpAddr;
use std::sync::Arc;

/// One transfer of one agent; unique at its source for as long as the source runs, so `(source region, id)` is
/// unique for good enough.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct TransferId(pub u64);

/// Who keeps a child agent open: the region where the agent is root, and which visit there. A close is obeyed
/// only from the claim that holds the agent; a later claim by anybody replaces it (the published
/// DoNotCloseAfterTeleport, without the races of a flag).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Claim {
    /// The region whose root agent wants this child agent.
    pub holder: RegionId,
    /// The holder's count of this agent's visits; rises with each arrival as root.
    pub visit: u64,
}

/// The viewer a person came with, as their login named it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Client {
    /// Name and version.
    pub viewer: String,
    /// Release channel.
    pub channel: String,
    /// Hash of the network hardware address.
    pub mac: String,
    /// Hash of the disk serial number.
    pub id0: String,
    /// Where the login came from.
    pub address: Option<IpAddr>,
}

/// How an avatar looks: passed on as bytes, which only viewers and bakers understand.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Outfit {
    /// Packed texture entry of the avatar.
    pub texture_entry: Vec<u8>,
    /// Visual parameters, one byte each.
    pub visual_params: Vec<u8>,
    /// Worn items by wearable type: (item, asset).
    pub wearables: Vec<Vec<(model::ItemId, model::AssetId)>>,
    /// Avatar height in millimetres; 0 = unknown.
    pub height_mm: u32,
    /// Revision of the current outfit folder.
    pub serial: u32,
}

/// P5: may this agent come?
#[derive(Clone, PartialEq, Debug)]
pub struct QueryAccess {
    /// Who.
    pub agent: AgentId,
    /// Which session.
    pub session: SessionId,
    /// Where it wants to be, region-local.
    pub position: Vec3,
    /// A teleport, as opposed to walking over the border.
    pub via_teleport: bool,
    /// How it comes (a landmark, home, ... decide about landing points).
    pub flags: TeleportFlags,
}

/// The answer to [`QueryAccess`] when it is yes.
#[derive(Clone, PartialEq, Debug)]
pub struct AccessGranted {
    /// The protocol that both sides speak.
    pub dialect: crate::Dialect,
}

/// No, in words for the user.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{reason}")]
pub struct Refusal {
    /// Shown to the user as it is, or a key that viewers translate.
    pub reason: String,
}

impl Refusal {
    /// A refusal with these words.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into() }
    }
}

/// Why a call to a peer or the grid brought no answer.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PeerError {
    /// The peer answered: no.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// No answer in time.
    #[error("no answer in time")]
    TimedOut,
    /// No connection, or the connection broke.
    #[error("unreachable: {0}")]
    Unreachable(String),
    /// An answer that makes no sense.
    #[error("answered garbage: {0}")]
    Garbage(String),
}

/// P8: make an agent, child at first, for a viewer that is going to connect. Also how a neighbour's child
/// agent is made (`flags` empty), and a login (`flags` has `VIA_LOGIN`).
#[derive(Clone, PartialEq, Debug)]
pub struct CreateAgent {
    /// Who.
    pub agent: AgentId,
    /// Which login.
    pub session: SessionId,
    /// Its second secret.
    pub secure_session: SecureSessionId,
    /// The number by which the viewer's first packet is recognised.
    pub circuit_code: CircuitCode,
    /// First name.
    pub first: String,
    /// Last name.
    pub last: String,
    /// The secret of the capabilities here, if the sender wants to choose it (it does between simulators, since
    /// it tells the viewer the seed); an existing agent keeps the secret that it has.
    pub caps: Option<CapsSecret>,
    /// How it comes. Empty: a child agent that may look in.
    pub flags: TeleportFlags,
    /// Where it will stand, region-local.
    pub position: Vec3,
    /// Where it will look.
    pub look_at: Vec3,
    /// Draw distance, metres.
    pub draw_distance_m: f32,
    /// Looks.
    pub outfit: Arc<Outfit>,
    /// The viewer in use.
    pub client: Client,
    /// Child agents that the viewer has already, with the secrets of their capabilities.
    pub children: Vec<(RegionHandle, CapsSecret)>,
    /// For a child agent: on whose behalf.
    pub claim: Option<Claim>,
    /// For a teleport: its number at the source.
    pub transfer: Option<TransferId>,
    /// The region that sends the agent; `None` at login.
    pub source: Option<RegionId>,
}

/// The answer to [`CreateAgent`] when it is yes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AgentCreated {
    /// The secret of the agent's capabilities here: chosen by the sender, or what the agent had already.
    pub caps: CapsSecret,
    /// The agent was there before (a child agent, or one whose close was pending); its viewer has a circuit.
    pub existed: bool,
}

/// T3: everything about the agent that the destination needs to carry on where the source left off.
#[derive(Clone, PartialEq, Debug)]
pub struct AgentData {
    /// Who.
    pub agent: AgentId,
    /// Which login; the destination compares.
    pub session: SessionId,
    /// Which transfer.
    pub transfer: TransferId,
    /// Where the agent comes from.
    pub source: RegionId,
    /// Where it arrives, region-local at the destination.
    pub position: Vec3,
    /// Metres a second.
    pub velocity: Vec3,
    /// Body rotation.
    pub rotation: Quat,
    /// Where it looks.
    pub look_at: Vec3,
    /// Whether it flies.
    pub flying: bool,
    /// Whether it always runs.
    pub always_run: bool,
    /// Control flags as last sent by the viewer.
    pub control_flags: u32,
    /// Draw distance, metres.
    pub draw_distance_m: f32,
    /// The viewer's throttle wishes, as it sent them (AgentThrottle).
    pub throttles: Option<[u8; 28]>,
    /// Looks.
    pub outfit: Arc<Outfit>,
    /// Animations that play: (animation, sequence number).
    pub animations: Vec<(model::AssetId, i32)>,
    /// Active group and title shown above the name.
    pub group_title: String,
    /// Attachments as the serialised objects they came as.
    pub attachments: Vec<Arc<[u8]>>,
    /// Child agents that the viewer has, by region, with the secrets of their capabilities.
    pub children: Vec<(RegionHandle, CapsSecret)>,
    /// A border crossing: the viewer is connected already and will not open its circuit again.
    pub crossing: bool,
    /// The answer waits until the agent is root (0.2) or has failed to become it.
    pub wait_for_root: bool,
}

/// What became of an agent at the destination: the same answer for ever once it has been given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Whereabouts {
    /// The agent is, or was, root there: the transfer succeeded.
    Arrived,
    /// It never became root and now never will under that transfer.
    Withdrawn,
}

/// A request to a region about an agent.
#[derive(Clone, PartialEq, Debug)]
pub enum PeerCall {
    /// P5.
    QueryAccess(QueryAccess),
    /// P8, T4C, login.
    CreateAgent(Box<CreateAgent>),
    /// T3.
    UpdateAgent(Box<AgentData>),
    /// The source gives a transfer up unless the agent has arrived; the answer says which.
    Withdraw {
        /// Who.
        agent: AgentId,
        /// Which login.
        session: SessionId,
        /// Which region gives up.
        source: RegionId,
        /// Which transfer.
        transfer: TransferId,
    },
    /// C1B: a child agent is no longer wanted by this claim.
    CloseChild {
        /// Who.
        agent: AgentId,
        /// Which login.
        session: SessionId,
        /// Obeyed only if it still holds the agent.
        claim: Claim,
    },
    /// The session is over, or a newer login takes over: the agent goes whatever it is.
    EndSession {
        /// Who.
        agent: AgentId,
        /// Which login; an agent of another login stays.
        session: SessionId,
        /// Told to the viewer where the agent is root; empty: say nothing.
        reason: String,
    },
    /// The root agent moved: its child agents' view follows.
    ChildPosition {
        /// Who.
        agent: AgentId,
        /// Which login.
        session: SessionId,
        /// Position in the coordinates of the called region; may be far outside it.
        position: Vec3,
        /// Draw distance, metres.
        draw_distance_m: f32,
    },
}

/// The answer to a [`PeerCall`].
#[derive(Clone, PartialEq, Debug)]
pub enum PeerReply {
    /// To [`PeerCall::QueryAccess`].
    Access(AccessGranted),
    /// To [`PeerCall::CreateAgent`].
    Created(AgentCreated),
    /// To [`PeerCall::UpdateAgent`] with `wait_for_root`, and to [`PeerCall::Withdraw`].
    Whereabouts(Whereabouts),
    /// Done, nothing to tell.
    Done,
}
