//! What goes into a region and what comes out: the whole surface between it and the shell.

use crate::sessions::SessionNote;
use crate::social::{SocialCall, SocialReply};
use model::{
    AgentId, AssetId, CapsSecret, GridCell, Moment, RegionHandle, RegionId, RegionSize, SessionId, Uuid, Vec3,
};
use services::RegionInfo;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use transfer::{PeerCall, PeerError, PeerReply, TransferKey, Version, VersionRange};

/// Who may come in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum AccessPolicy {
    /// Everybody.
    #[default]
    Open,
    /// The owner and those on the member list.
    Members,
}

/// Everything a region is told when it starts.
#[derive(Clone, Debug)]
pub struct RegionConfig {
    /// Its identity.
    pub id: RegionId,
    /// Its name, at most 63 bytes.
    pub name: String,
    /// Where on the grid.
    pub cell: GridCell,
    /// Extent.
    pub size: RegionSize,
    /// Address that viewers are told.
    pub sim_ip: Ipv4Addr,
    /// UDP port that viewers are told.
    pub udp_port: u16,
    /// Base URL of the simulator's HTTP side as viewers reach it, with a trailing slash.
    pub http_base: Arc<str>,
    /// Maturity: 13 general, 21 moderate, 42 adult.
    pub maturity: u8,
    /// Root agents at most.
    pub max_agents: usize,
    /// Who may come in.
    pub access: AccessPolicy,
    /// With [`AccessPolicy::Members`]: who, besides the owner.
    pub members: Vec<AgentId>,
    /// Region and estate owner.
    pub owner: AgentId,
    /// Shape of the land.
    pub terrain: scene::TerrainKind,
    /// Seconds since 1970 at the origin of [`model::Moment`].
    pub unix_epoch_s: u64,
    /// Seed of everything random here.
    pub seed: u64,
    /// Waits of transfers.
    pub patience: transfer::Patience,
    /// Versions of the simulation protocol in which agents are sent and taken.
    pub versions: VersionRange,
    /// A viewer that is silent for so long has gone.
    pub silence_timeout: Duration,
    /// Version shown to viewers.
    pub version: Arc<str>,
}

/// Calls of one region under way at most: the shell is never asked to keep more.
pub const MAX_CALLS: usize = 1024;

/// A call under way; the shell hands it back with the reply.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct CallId(pub u64);

/// Somebody in the shell who waits for an answer (an HTTP request, a peer region); made by the shell.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Waiter(pub u64);

/// Something that happened outside.
#[derive(Debug)]
pub enum Input<'a> {
    /// A datagram came in on the region's port.
    Datagram {
        /// From where.
        from: SocketAddr,
        /// All of it.
        bytes: &'a [u8],
    },
    /// A peer region or the login service asks something; answered by [`Effect::Answer`], at once or later.
    Peer {
        /// What.
        call: PeerCall,
        /// Who waits.
        waiter: Waiter,
    },
    /// A viewer polls its event queue; answered by [`Effect::EventQueue`].
    Poll {
        /// The secret in the URL.
        caps: CapsSecret,
        /// Id of the last batch that the viewer has.
        ack: Option<i32>,
        /// The viewer is leaving.
        done: bool,
        /// The HTTP request that waits.
        waiter: Waiter,
        /// Where the viewer is.
        from: IpAddr,
    },
    /// The HTTP connection of a waiting poll broke; nothing that was in its answer arrived.
    PollBroken {
        /// The secret in the URL.
        caps: CapsSecret,
        /// Which request.
        waiter: Waiter,
    },
    /// A viewer fetched its capabilities.
    SeedFetched {
        /// The secret in the URL.
        caps: CapsSecret,
        /// Where the viewer is.
        from: IpAddr,
    },
    /// What came of a call.
    Reply {
        /// Which call.
        id: CallId,
        /// What came of it.
        result: Result<Reply, PeerError>,
    },
    /// The grid has taken [`GridNotice::Arrived`].
    Reported {
        /// About whom.
        agent: AgentId,
        /// As that notice had it.
        visit: u64,
    },
    /// A texture was asked for that is nowhere: a bake, perhaps, that somebody here has to make anew.
    TextureMissing(AssetId),
    /// The operator, or the simulator on its way down.
    Operator(OperatorCommand),
    /// The moment that [`crate::Region::next_wakeup`] named has come.
    Wakeup,
}

/// What the operator may ask of a region.
#[derive(Clone, PartialEq, Debug)]
pub enum OperatorCommand {
    /// No more arrivals; everybody is told and logged out. [`Effect::Closed`] follows when the last is gone.
    Shutdown {
        /// Shown to the users.
        reason: String,
    },
    /// The region is to close after some time: those here are warned, then moved elsewhere, and logged out only if
    /// nobody takes them; then as with `Shutdown`. A second time changes when and why.
    Close {
        /// In how long; a day at most.
        after: Duration,
        /// Shown to the users.
        reason: String,
        /// Regions that nobody is sent to, since they close too.
        avoid: Vec<RegionId>,
    },
    /// Not to close after all, unless people are being moved already.
    KeepOpen,
    /// End one session here.
    Kick {
        /// Whose.
        agent: AgentId,
        /// Shown to the user.
        reason: String,
    },
    /// The grid does not know this session: end it.
    Disown {
        /// Whose.
        agent: AgentId,
        /// Which.
        session: SessionId,
    },
    /// Show everybody a notice.
    Notice(String),
    /// The region is on the grid's map now: its neighbours are told, so that those who stand there see in.
    Announce,
    /// Packet tracing: 0 off, 1 the events of note, 2 all but the most frequent, 3 all.
    TracePackets {
        /// How much.
        level: u8,
        /// Only this agent.
        agent: Option<AgentId>,
    },
    /// Event-queue tracing: 0 off, 1 events out, 2 polls too.
    TraceEvents {
        /// How much.
        level: u8,
    },
}

/// Something the shell must do.
#[derive(Debug)]
pub enum Effect {
    /// Ask a peer region, wherever it runs; its answer comes back as [`Input::Reply`]. Calls to the same region are
    /// delivered in order.
    CallPeer {
        /// Names the call in the reply.
        id: CallId,
        /// Whom.
        region: Arc<RegionInfo>,
        /// What.
        call: PeerCall,
        /// The peer knows transfer numbers and claims, as far as is known.
        tickets: bool,
        /// How long the answer may take.
        timeout: Duration,
    },
    /// Ask a grid service; its answer comes back as [`Input::Reply`].
    CallGrid {
        /// Names the call in the reply.
        id: CallId,
        /// What.
        call: GridCall,
        /// How long the answer may take.
        timeout: Duration,
    },
    /// Tell a grid service something that needs no answer; the shell tries again if it must.
    TellGrid(GridNotice),
    /// The answer to [`Input::Peer`].
    Answer {
        /// Who waits.
        waiter: Waiter,
        /// What to say.
        result: Result<PeerReply, transfer::Refusal>,
    },
    /// The answer to [`Input::Poll`].
    EventQueue {
        /// Which request.
        waiter: Waiter,
        /// The LLSD document of a 200; `None` is a 404, the queue is gone.
        body: Option<String>,
    },
    /// From now on this secret opens capabilities.
    OpenCaps {
        /// The secret in their URLs.
        caps: CapsSecret,
        /// Whose.
        agent: AgentId,
        /// Of which login.
        session: SessionId,
    },
    /// From now on it opens nothing.
    CloseCaps {
        /// The secret.
        caps: CapsSecret,
    },
    /// Something worth a line in the log (packet, event-queue and life-cycle traces).
    Trace(TraceLine),
    /// Something happened in a transfer: for whoever watches.
    Record(TransferNote),
    /// A step of a session's end: for whoever watches.
    Session(SessionNote),
    /// The region is empty and closed, after [`OperatorCommand::Shutdown`].
    Closed,
}

/// A question to the grid services.
#[derive(Clone, PartialEq, Debug)]
pub enum GridCall {
    /// P3: which region covers this point? Any handle inside a large region finds it.
    RegionAt(RegionHandle),
    /// Which region has this id?
    RegionById(RegionId),
    /// Regions whose names begin so, best first.
    RegionsByName {
        /// What the user typed.
        name: String,
        /// At most so many.
        limit: usize,
    },
    /// Regions that touch a rectangle of cells, bounds included.
    RegionsInRange {
        /// South-west cell.
        min: GridCell,
        /// North-east cell.
        max: GridCell,
    },
    /// Regions for those who have to leave theirs, best first; their own is none of them.
    Refuges {
        /// Where they are.
        near: RegionHandle,
        /// Regions that are none either.
        avoid: Vec<RegionId>,
        /// At most so many.
        limit: usize,
    },
    /// The level of somebody's account.
    Level(AgentId),
    /// The agent's home: region and position.
    Home(AgentId),
    /// An asset's bytes (landmarks).
    Asset(AssetId),
    /// Names of agents.
    Names(Vec<AgentId>),
    /// What the agent wears, as the avatar service has it.
    Wearables(AgentId),
    /// Where the grid believes a session to be.
    Presence(SessionId),
    /// Where the grid believes somebody to be.
    WhereIs(AgentId),
    /// What people have to do with each other.
    Social(SocialCall),
    /// A new item for somebody's inventory, and the asset that it shows. A folder that is not theirs becomes the one
    /// for such items.
    CreateItem {
        /// The item.
        item: Box<services::InventoryItem>,
        /// The asset's bytes.
        data: Arc<[u8]>,
    },
}

impl GridCall {
    /// Its name, for logs and metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::RegionAt(_) => "RegionAt",
            Self::RegionById(_) => "RegionById",
            Self::RegionsByName { .. } => "RegionsByName",
            Self::RegionsInRange { .. } => "RegionsInRange",
            Self::Refuges { .. } => "Refuges",
            Self::Level(_) => "Level",
            Self::Home(_) => "Home",
            Self::Asset(_) => "Asset",
            Self::Names(_) => "Names",
            Self::Wearables(_) => "Wearables",
            Self::Presence(_) => "Presence",
            Self::WhereIs(_) => "WhereIs",
            Self::Social(call) => call.name(),
            Self::CreateItem { .. } => "CreateItem",
        }
    }
}

/// What a call brought.
#[derive(Clone, PartialEq, Debug)]
pub enum Reply {
    /// From a peer.
    Peer(PeerReply),
    /// To `RegionAt`, `RegionById`.
    Region(Option<Arc<RegionInfo>>),
    /// To `RegionsByName`, `RegionsInRange`, `Refuges`.
    Regions(Vec<Arc<RegionInfo>>),
    /// To `Level`; `None` for nobody's.
    Level(Option<i32>),
    /// To `Home`.
    Home(Option<Place>),
    /// To `Asset`.
    Asset(Option<Arc<[u8]>>),
    /// To `Names`: those found, as (agent, first, last).
    Names(Vec<(AgentId, String, String)>),
    /// To `Wearables`: (item, asset) by wearable type.
    Wearables(Vec<Vec<(model::ItemId, AssetId)>>),
    /// To `Presence`, `WhereIs`: the region of the root agent; `None` when there is no such session, or it has not
    /// arrived anywhere yet.
    Presence(Option<RegionId>),
    /// To `Social`.
    Social(SocialReply),
    /// To `CreateItem`: as it is now.
    Item(Box<services::InventoryItem>),
}

/// A place in the world that outlasts sessions: home, last location, a landmark.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Place {
    /// Which region.
    pub region: RegionId,
    /// Where in it, region-local metres.
    pub position: Vec3,
    /// Looking where.
    pub look_at: Vec3,
}

/// News for the grid services.
#[derive(Clone, PartialEq, Debug)]
pub enum GridNotice {
    /// The agent is root here now: presence report and last position. [`Input::Reported`] follows.
    Arrived {
        /// Who.
        agent: AgentId,
        /// Which login.
        session: SessionId,
        /// Which stay of the agent here, for [`Input::Reported`].
        visit: u64,
        /// Where.
        place: Place,
    },
    /// The agent that has just arrived has logged in with that: its friends are told.
    CameOnline {
        /// Who.
        agent: AgentId,
    },
    /// The session ended here: presence and grid user, and friends.
    LoggedOut {
        /// Who.
        agent: AgentId,
        /// Which login.
        session: SessionId,
        /// Where it was last.
        place: Place,
    },
    /// The user set home here.
    SetHome {
        /// Who.
        agent: AgentId,
        /// Where.
        place: Place,
    },
    /// The user does not want to hear of something.
    Mute {
        /// Who.
        agent: AgentId,
        /// Of what.
        mute: services::Mute,
    },
    /// The user wants to hear of it again.
    Unmute {
        /// Who.
        agent: AgentId,
        /// Of what: its id and name.
        id: Uuid,
        /// See `id`.
        name: String,
    },
    /// The agent has heard what was said while it was not online.
    MailHeard {
        /// Who.
        agent: AgentId,
        /// Up to where.
        mark: u64,
    },
    /// The avatar looks different now.
    Outfit {
        /// Whose.
        agent: AgentId,
        /// How.
        outfit: Arc<transfer::Outfit>,
    },
}

impl GridNotice {
    /// Its name, for metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Arrived { .. } => "Arrived",
            Self::CameOnline { .. } => "CameOnline",
            Self::LoggedOut { .. } => "LoggedOut",
            Self::SetHome { .. } => "SetHome",
            Self::Mute { .. } => "Mute",
            Self::Unmute { .. } => "Unmute",
            Self::MailHeard { .. } => "MailHeard",
            Self::Outfit { .. } => "Outfit",
        }
    }
}

/// Who takes part in a transfer, as its watchers see it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Party {
    /// The viewer.
    Viewer,
    /// The region that sends the agent.
    Source,
    /// The region that takes it.
    Destination,
    /// The grid services.
    Grid,
    /// A region that the agent looks into.
    Neighbour(String),
}

impl std::fmt::Display for Party {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Viewer => f.write_str("viewer"),
            Self::Source => f.write_str("source"),
            Self::Destination => f.write_str("destination"),
            Self::Grid => f.write_str("grid"),
            Self::Neighbour(name) => f.write_str(name),
        }
    }
}

/// One thing that happened in a transfer, seen by its source or by its destination.
#[derive(Clone, PartialEq, Debug)]
pub struct TransferNote {
    /// Which transfer. Where the source does not number them the region is null and the number the destination's own.
    pub transfer: TransferKey,
    /// Whose.
    pub agent: AgentId,
    /// Their name.
    pub name: String,
    /// "teleport" or "crossing".
    pub kind: &'static str,
    /// In which version; before the destination has answered, the newest that the source speaks.
    pub version: Version,
    /// When, by the region's clock.
    pub at: Moment,
    /// The region that saw it.
    pub region: Arc<str>,
    /// The letters of the published page, as "P5" or "T3A"; what the page does not know has a word.
    pub step: &'static str,
    /// Who said it.
    pub from: Party,
    /// To whom; the same as `from` for what somebody does alone.
    pub to: Party,
    /// What was said or done, by its published name.
    pub message: &'static str,
    /// What there is to add; may be empty.
    pub detail: String,
    /// With the last note of a side: how it ended there.
    pub outcome: Option<&'static str>,
}

/// One line of trace, with the facts that the published example log has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TraceLine {
    /// Which switch let it through.
    pub kind: TraceKind,
    /// The line.
    pub text: String,
}

/// Kinds of trace; each is a `tracing` target of its own in the shell.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TraceKind {
    /// A packet in or out.
    Packet,
    /// An event-queue event or poll.
    EventQueue,
    /// A step in the life of an agent or a transfer; always on.
    Life,
}

/// What a region counts; totals since it started unless said otherwise.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Stats {
    /// Agents that stand here, now.
    pub root_agents: usize,
    /// Agents that look in, now.
    pub child_agents: usize,
    /// Circuits open, now.
    pub circuits: usize,
    /// Bytes waiting in the queues of all viewers, now.
    pub queued_bytes: usize,
    /// Datagrams in.
    pub packets_in: u64,
    /// Datagrams out.
    pub packets_out: u64,
    /// Datagrams sent again.
    pub resends: u64,
    /// Datagrams that make no sense.
    pub malformed: u64,
    /// Datagrams from addresses without a circuit.
    pub strangers: u64,
    /// UseCircuitCode with a wrong code, session or agent.
    pub wrong_circuit_codes: u64,
    /// Circuits that somebody with the right code wanted to have at an address where the viewer is not.
    pub foreign_addresses: u64,
    /// Messages whose ids are not their circuit's, or that viewers may not send.
    pub forbidden: u64,
    /// Messages that mean nothing to this server.
    pub unhandled: u64,
    /// Reliable messages given up, and queue budgets exceeded.
    pub dropped: u64,
    /// Sessions that ended by silence.
    pub timeouts: u64,
    /// Logouts on request.
    pub logouts: u64,
    /// Transfers under way at their source, and agents expected here, now.
    pub open_transfers: usize,
    /// Ended transfers by (kind, outcome), for instance ("teleport", "departed").
    pub transfers: std::collections::BTreeMap<(&'static str, &'static str), u64>,
    /// Ticks of the scene.
    pub ticks: u64,
    /// How long events have waited for a poll.
    pub event_delays: crate::Delays,
}
