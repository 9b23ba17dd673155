//! What regions say to each other about agents: the simulation service's messages as values. How they travel
//! (in memory, or as JSON over HTTP) is the shell's business.

use crate::friendship::FriendNews;
use crate::version::{Agreement, Offer, Version};
use model::{
    AgentId, AssetId, CapsSecret, CircuitCode, ItemId, Quat, RegionHandle, RegionId, RegionSize,
    SecureSessionId, SessionId, TeleportFlags, Uuid, Vec3,
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
    pub wearables: Vec<Vec<(ItemId, AssetId)>>,
    /// Avatar height in millimetres; 0 = unknown.
    pub height_mm: u32,
    /// How far the avatar hovers above the ground, millimetres.
    pub hover_mm: i32,
    /// Revision of the current outfit folder.
    pub serial: u32,
    /// What is attached: (attachment point, item, asset).
    pub attached: Vec<(u8, ItemId, AssetId)>,
    /// Baked textures that simulators keep: (face, cache id, texture).
    pub baked: Vec<(u32, Uuid, AssetId)>,
}

/// An attachment as the serialised object that it came as. Its texts are passed on byte for byte: until the scene has
/// objects of its own nobody here reads them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Attachment {
    /// The object.
    pub object: Arc<str>,
    /// Where it came from in the inventory.
    pub extra: Arc<str>,
    /// Where its scripts stand; empty without scripts.
    pub script_state: Arc<str>,
    /// It has changed since it was attached.
    pub modified: bool,
}

/// An animation that plays: (animation, object that started it, sequence number).
pub type Playing = (AssetId, Uuid, i32);

/// A grab of the agent's controls by a script.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ControlGrab {
    /// The object.
    pub object: Uuid,
    /// The script's item.
    pub item: ItemId,
    /// Controls that the agent does not obey while they are grabbed.
    pub ignored: u32,
    /// Controls that the script is told of.
    pub events: u32,
}

/// A group that the agent is in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct GroupMembership {
    /// Which.
    pub group: Uuid,
    /// What its role allows.
    pub powers: u64,
    /// Whether its notices are wanted.
    pub accepts_notices: bool,
}

/// What an agent carries that only scripts and groups make use of. It leaves as it came.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Baggage {
    /// What is attached to the avatar.
    pub attachments: Vec<Arc<Attachment>>,
    /// The active group; null for none.
    pub active_group: Uuid,
    /// Its name.
    pub group_name: String,
    /// The title shown above the avatar's name; `None` when nobody has said.
    pub group_title: Option<String>,
    /// The groups that it is in, where the sender tells.
    pub groups: Vec<GroupMembership>,
    /// Grabbed controls.
    pub grabs: Vec<ControlGrab>,
    /// Animations that scripts play instead of the usual: (state, animation).
    pub overrides: Vec<(String, AssetId)>,
    /// What plays when nothing else does.
    pub default_animation: Option<Playing>,
    /// What the present movement plays.
    pub movement_animation: Option<Playing>,
    /// The kind of movement, as scripts number it.
    pub motion_state: u8,
}

/// P5: may this agent come?
#[derive(Clone, PartialEq, Debug)]
pub struct QueryAccess {
    /// Who.
    pub agent: AgentId,
    /// Which session; null where the peer does not say.
    pub session: SessionId,
    /// Where it wants to be, region-local.
    pub position: Vec3,
    /// A teleport, as opposed to walking over the border.
    pub via_teleport: bool,
    /// How it comes (a landmark, home, ... decide about landing points). Not told by peers without tickets.
    pub flags: TeleportFlags,
    /// The versions that the source speaks.
    pub offer: Offer,
    /// The source knows transfer numbers and claims.
    pub tickets: bool,
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
    /// Child agents that the viewer has already.
    pub children: Vec<KnownChild>,
    /// For a child agent: on whose behalf; `None` where a peer does not say.
    pub claim: Option<Claim>,
    /// For a transfer: its number at the source, where that numbers them.
    pub transfer: Option<TransferId>,
    /// The region that sends the agent; `None` at login, and where a peer does not say.
    pub source: Option<RegionId>,
    /// In which version it is written.
    pub version: Version,
}

/// The answer to [`CreateAgent`] when it is yes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AgentCreated {
    /// The secret of the agent's capabilities here: chosen by the sender, or what the agent had already.
    pub caps: CapsSecret,
    /// The agent was there before (a child agent, or one whose close was pending); its viewer has a circuit.
    pub existed: bool,
    /// The peer knows claims; else it closes and keeps agents as the published protocol says.
    pub tickets: bool,
}

/// A child agent that a viewer has somewhere.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KnownChild {
    /// In which region.
    pub handle: RegionHandle,
    /// The secret of its capabilities there.
    pub caps: CapsSecret,
    /// Under which it is kept; passed on, since whoever closes it must name it.
    pub claim: Option<Claim>,
}

/// When ReleaseAgent is said.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReleaseWhen {
    /// As soon as the agent is root (0.1, T9B).
    Root,
    /// When the viewer has settled: it has answered the handshake and fetched its capabilities (0.7 and later).
    Settled,
}

/// Where ReleaseAgent goes, and when.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Release {
    /// The source's own choice, with a secret that is good for one release.
    pub url: Arc<str>,
    /// When.
    pub when: ReleaseWhen,
}

/// T3: everything about the agent that the destination needs to carry on where the source left off.
#[derive(Clone, PartialEq, Debug)]
pub struct AgentData {
    /// Who.
    pub agent: AgentId,
    /// Which login; the destination compares.
    pub session: SessionId,
    /// Which transfer; `None` from peers that do not number them.
    pub transfer: Option<TransferId>,
    /// Where the agent comes from.
    pub source: RegionId,
    /// In which version it is written.
    pub version: Version,
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
    /// Animations that play.
    pub animations: Vec<Playing>,
    /// Attachments, groups and what else is carried along.
    pub baggage: Arc<Baggage>,
    /// Child agents that the viewer has.
    pub children: Vec<KnownChild>,
    /// A border crossing: the viewer is connected already and will not open its circuit again.
    pub crossing: bool,
    /// The answer waits until the agent is root (0.2) or has failed to become it; else only until the viewer has its
    /// circuit (0.1, T4), and not at all at a crossing.
    pub wait_for_root: bool,
    /// Whom to tell of the arrival besides.
    pub release: Option<Release>,
}

/// A root agent's view as its child agents follow it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ChildView {
    /// Who.
    pub agent: AgentId,
    /// Which login; null where a peer does not say.
    pub session: SessionId,
    /// The region where it is root.
    pub root: RegionHandle,
    /// Where it is, in that region's coordinates.
    pub position: Vec3,
    /// Where its camera is, in that region's coordinates.
    pub camera: Vec3,
    /// Metres a second.
    pub velocity: Vec3,
    /// Draw distance, metres.
    pub draw_distance_m: f32,
    /// The viewer's throttle wishes for the whole of its connection.
    pub throttles: Option<[u8; 28]>,
}

/// A region that has just started says hello to those beside it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Hello {
    /// Who it is.
    pub id: RegionId,
    /// Its name.
    pub name: String,
    /// Where it is.
    pub handle: RegionHandle,
    /// How large.
    pub size: RegionSize,
    /// Host of its circuits.
    pub host: String,
    /// UDP port of its circuits.
    pub udp_port: u16,
    /// Port of its simulator's HTTP side.
    pub http_port: u16,
    /// Base URL of its simulator, with the slash.
    pub server_uri: String,
}

/// An instant message on its way to a root agent. Fields are those of ImprovedInstantMessage.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct InstantMessage {
    /// From whom.
    pub from: AgentId,
    /// Their name.
    pub from_name: String,
    /// To whom.
    pub to: AgentId,
    /// What kind: 0 is plain text, 41 and 42 are typing.
    pub dialog: u8,
    /// From a group, not a person.
    pub from_group: bool,
    /// The text.
    pub text: String,
    /// The conversation that it belongs to.
    pub conversation: Uuid,
    /// 0: said to somebody online; 1: may be kept.
    pub offline: u8,
    /// Where the sender stands.
    pub position: Vec3,
    /// In which region.
    pub region: Uuid,
    /// Of which estate.
    pub estate: u32,
    /// When it was said, seconds since 1970; 0 = now.
    pub sent_s: u32,
    /// What goes with that kind.
    pub bucket: Vec<u8>,
}

impl InstantMessage {
    /// In whose name a grid speaks to simulators, as published.
    pub const GRID: AgentId = AgentId(Uuid::from_u128(0x6571e388_6218_4574_87db_f9379718315e));
    /// The kind that ends a session.
    const KICK: u8 = 250;

    /// Whether it is the grid's word that this login is replaced by a newer one. Who really says it the message does
    /// not tell.
    pub fn ends_session(&self) -> bool {
        self.dialog == Self::KICK && self.from == Self::GRID
    }
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
    /// T3 (in 0.1 T4).
    UpdateAgent(Box<AgentData>),
    /// ReleaseAgent (0.1 T9B): to the address that the source gave. On arrival the region looks at the last part of
    /// it, the secret.
    Release {
        /// Who.
        agent: AgentId,
        /// The address, or what came of it.
        url: Arc<str>,
    },
    /// The source gives a transfer up unless the agent has arrived; the answer says which. Only for peers with tickets.
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
    /// CloseAgent (C1B): a child agent is no longer wanted.
    CloseChild {
        /// Who.
        agent: AgentId,
        /// Which login.
        session: SessionId,
        /// By this claim, and obeyed only if it still holds the agent. `None` is all that the published protocol can
        /// say: from peers without tickets, and to them.
        claim: Option<Claim>,
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
    ChildView(ChildView),
    /// A neighbour has started.
    Hello(Hello),
    /// An instant message.
    InstantMessage(Box<InstantMessage>),
    /// A friend has come online or gone.
    FriendStatus {
        /// Who has.
        friend: AgentId,
        /// Who is told.
        to: AgentId,
        /// Come, not gone.
        online: bool,
    },
    /// Something has happened to a friendship.
    FriendNews(Box<FriendNews>),
}

impl PeerCall {
    /// The published name, for logs and metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::QueryAccess(_) => "QueryAccess",
            Self::CreateAgent(_) => "CreateAgent",
            Self::UpdateAgent(_) => "UpdateAgent",
            Self::Release { .. } => "ReleaseAgent",
            Self::Withdraw { .. } => "WithdrawAgent",
            Self::CloseChild { .. } => "CloseAgent",
            Self::EndSession { .. } => "EndSession",
            Self::ChildView(_) => "AgentPosition",
            Self::Hello(_) => "HelloNeighbour",
            Self::InstantMessage(_) => "InstantMessage",
            Self::FriendStatus { .. } => "FriendStatus",
            Self::FriendNews(news) => news.deed.name(),
        }
    }

    /// Whose agent it is about; `None` when it is about none.
    pub fn agent(&self) -> Option<AgentId> {
        match self {
            Self::QueryAccess(query) => Some(query.agent),
            Self::CreateAgent(create) => Some(create.agent),
            Self::UpdateAgent(data) => Some(data.agent),
            Self::Release { agent, .. }
            | Self::Withdraw { agent, .. }
            | Self::CloseChild { agent, .. }
            | Self::EndSession { agent, .. } => Some(*agent),
            Self::ChildView(view) => Some(view.agent),
            Self::InstantMessage(message) => Some(message.to),
            Self::FriendStatus { to, .. } => Some(*to),
            Self::FriendNews(news) => Some(news.to),
            Self::Hello(_) => None,
        }
    }
}

/// The answer to a [`PeerCall`]. A call about an agent, message or friend that is not there is answered by a refusal.
#[derive(Clone, PartialEq, Debug)]
pub enum PeerReply {
    /// To [`PeerCall::QueryAccess`]: yes, and in these versions.
    Access(Agreement),
    /// To [`PeerCall::CreateAgent`].
    Created(AgentCreated),
    /// To [`PeerCall::UpdateAgent`] with `wait_for_root`, and to [`PeerCall::Withdraw`].
    Whereabouts(Whereabouts),
    /// Done, nothing to tell.
    Done,
}
