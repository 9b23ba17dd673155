//! What a viewer reports.

use std::net::SocketAddr;

use model::{AgentId, LocalId, RegionHandle, Vec3};

/// Something that happened to the viewer, or that it saw.
#[derive(Clone, PartialEq, Debug)]
pub enum ViewerEvent {
    /// In the world: the first AgentMovementComplete came.
    LoggedIn {
        /// Where.
        region: RegionHandle,
        /// Metres from its south-west corner.
        position: Vec3,
    },
    /// A region introduced itself.
    RegionHandshake {
        /// Which.
        region: RegionHandle,
        /// Its name.
        name: String,
    },
    /// A region's capabilities came.
    Capabilities {
        /// Whose.
        region: RegionHandle,
        /// How many.
        count: usize,
    },
    /// A neighbour came in sight: a child agent's circuit was opened.
    NeighbourOpened {
        /// Which.
        region: RegionHandle,
        /// Where its packets go.
        address: SocketAddr,
    },
    /// A region is no more in sight: its circuit was closed, by it or by us.
    RegionClosed {
        /// Which.
        region: RegionHandle,
    },
    /// Nothing came from a region for too long.
    CircuitLost {
        /// Which.
        region: RegionHandle,
    },
    /// TeleportStart came.
    TeleportStarted {
        /// Its flags.
        flags: u32,
    },
    /// TeleportProgress came.
    TeleportProgress {
        /// A key of the viewer's table of texts.
        message: String,
    },
    /// TeleportFinish came: the viewer goes to the destination.
    TeleportFinishing {
        /// To where.
        region: RegionHandle,
    },
    /// Arrived in another region by teleport.
    Teleported {
        /// Where.
        region: RegionHandle,
        /// Metres from its south-west corner.
        position: Vec3,
    },
    /// Moved within the region by teleport.
    TeleportedLocally {
        /// Metres from the region's south-west corner.
        position: Vec3,
    },
    /// A teleport came to nothing.
    TeleportFailed(TeleportFailure),
    /// CrossedRegion came.
    Crossing {
        /// To where.
        region: RegionHandle,
        /// Whether the viewer knows the way. If not it is stuck, as the Linden viewer would be.
        known: bool,
    },
    /// Arrived in another region on foot.
    Crossed {
        /// Where.
        region: RegionHandle,
        /// Metres from its south-west corner.
        position: Vec3,
    },
    /// An AgentMovementComplete that the viewer did not wait for, and took all the same.
    MovementComplete {
        /// Where the agent is.
        region: RegionHandle,
        /// Metres from its south-west corner.
        position: Vec3,
    },
    /// Somebody, or something, spoke.
    Chat {
        /// The name that goes with it.
        from: String,
        /// Who: avatar or object.
        source: model::Uuid,
        /// What: 0 whisper, 1 say, 2 shout, 4 and 5 start and stop typing, 6 debug, 8 owner's own.
        kind: u8,
        /// What was said.
        text: String,
    },
    /// The simulator has a notice for the user.
    Alert {
        /// As it came; may be a key.
        message: String,
    },
    /// An avatar came in sight.
    AvatarAppeared {
        /// In which region.
        region: RegionHandle,
        /// Its number there.
        local_id: LocalId,
        /// Whose it is.
        agent: AgentId,
        /// First and last name.
        name: String,
        /// Metres from the region's south-west corner.
        position: Vec3,
    },
    /// An avatar moved, turned or stopped. Left out if [`crate::Config::report_movement`] is off.
    AvatarMoved {
        /// In which region.
        region: RegionHandle,
        /// Its number there.
        local_id: LocalId,
        /// Whose it is.
        agent: AgentId,
        /// Metres from the region's south-west corner.
        position: Vec3,
        /// Radians, counter-clockwise from east.
        heading: f32,
    },
    /// An avatar is no more to be seen.
    AvatarGone {
        /// In which region.
        region: RegionHandle,
        /// Its number there.
        local_id: LocalId,
        /// Whose it was.
        agent: AgentId,
    },
    /// An AgentUpdate was composed, and leaves at once. Only if [`crate::Config::report_updates`] is on.
    UpdateSent {
        /// Where the agent looks, radians counter-clockwise from east.
        heading: f32,
    },
    /// [`crate::Core::walk_to`] came to its end.
    Reached {
        /// Metres from the region's south-west corner.
        position: Vec3,
    },
    /// The parcel the agent is on.
    Parcel {
        /// In which region.
        region: RegionHandle,
        /// Its name.
        name: String,
    },
    /// What a search of the map found.
    MapBlocks(Vec<MapBlock>),
    /// The server ends the session. The viewer logs out.
    Kicked {
        /// Shown to the user.
        reason: String,
    },
    /// The session ended as the user, or a kick, wanted. The last event.
    LoggedOut {
        /// Whether LogoutReply came.
        acknowledged: bool,
    },
    /// The session ended otherwise. The last event.
    Disconnected(Disconnect),
}

/// Why a teleport came to nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TeleportFailure {
    /// TeleportFailed came.
    Refused {
        /// As it came: a key of the viewer's table, or text.
        reason: String,
    },
    /// The viewer's own patience ended.
    GaveUp,
}

/// Why a session ended without a logout.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Disconnect {
    /// The login's seed capability could not be had.
    NoCapabilities,
    /// The login's UseCircuitCode was never acknowledged.
    LoginPacketNeverReceived,
    /// The login's AgentMovementComplete never came.
    NeverArrived,
    /// AgentMovementComplete named a region that the viewer does not know.
    SentToInvalidRegion,
    /// The agent's region closed the circuit.
    ClosedByRegion,
    /// The agent's region is said to be on another host.
    RegionMoved,
    /// Nothing came from the agent's region for too long.
    CircuitLost,
    /// The event queue of the agent's region kept failing.
    EventQueueFailed,
}

/// A region on the map.
#[derive(Clone, PartialEq, Debug)]
pub struct MapBlock {
    /// Its name, or what was searched for when nothing was found.
    pub name: String,
    /// Where it is.
    pub handle: RegionHandle,
    /// 13 general, 21 moderate, 42 adult, 254 down, 255 does not exist (the end mark of a search).
    pub access: u8,
}
