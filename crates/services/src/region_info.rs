use bitflags::bitflags;
use model::{AgentId, AssetId, RegionHandle, RegionId, RegionRect, RegionSize};

/// A region as the grid knows it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RegionInfo {
    /// Its identity, wherever it stands.
    pub id: RegionId,
    /// Its name; at most 63 bytes, since viewers see it in short text fields.
    pub name: String,
    /// Its south-west corner.
    pub handle: RegionHandle,
    /// Its extent.
    pub size: RegionSize,
    /// Host name or address at which viewers reach its UDP port; resolved by whoever tells a viewer.
    pub external_host: String,
    /// Port of its simulator's HTTP side.
    pub http_port: u16,
    /// UDP port of its circuits.
    pub udp_port: u16,
    /// Base URL of its simulator, `http://host:port/` with the slash.
    pub server_uri: String,
    /// Owner of its estate.
    pub owner: AgentId,
    /// Maturity or state: one of [`access`].
    pub access: u8,
    /// What the grid thinks of it. On registration only bits that a region may set itself are looked at.
    pub flags: RegionFlags,
    /// Texture of its map tile; null when there is none.
    pub map_image: AssetId,
    /// Texture of its parcel overlay on the map; null when there is none.
    pub parcel_image: AssetId,
    /// Proof that the simulator may register here; empty where the grid asks for none.
    pub token: String,
}

impl RegionInfo {
    /// The ground that it covers.
    pub fn rect(&self) -> RegionRect {
        RegionRect { handle: self.handle, size: self.size }
    }
}

/// Values of [`RegionInfo::access`] (login fact sheet, section 8).
pub mod access {
    /// General.
    pub const GENERAL: u8 = 13;
    /// Moderate.
    pub const MODERATE: u8 = 21;
    /// Adult.
    pub const ADULT: u8 = 42;
    /// Known, but down.
    pub const DOWN: u8 = 254;
}

bitflags! {
    /// What the grid thinks of a region (grid services fact sheet, 2.5).
    #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
    pub struct RegionFlags: u32 {
        /// Logins without a better place go here.
        const DEFAULT_REGION = 1;
        /// Logins go here when the wanted place is down.
        const FALLBACK_REGION = 2;
        /// Its simulator runs.
        const ONLINE = 4;
        /// Nobody may log in straight to it.
        const NO_DIRECT_LOGIN = 8;
        /// Stays in the table when it is deregistered.
        const PERSISTENT = 16;
        /// May not register.
        const LOCKED_OUT = 32;
        /// May not move on the grid.
        const NO_MOVE = 64;
        /// The place is held for somebody.
        const RESERVATION = 128;
        /// Must prove itself to register.
        const AUTHENTICATE = 256;
        /// Stands for a region of another grid.
        const HYPERLINK = 512;
        /// Visitors from other grids without a better place go here.
        const DEFAULT_HYPERGRID_REGION = 1024;
    }
}
