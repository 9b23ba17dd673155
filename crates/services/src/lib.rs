//! What simulators and viewers ask of a grid: the grid services as traits and plain types.
//!
//! Each trait is one service, each method one call of the wire protocol that grids speak (ROBUST, grid services
//! fact sheet), so that a service in memory, on SQL or behind HTTP can stand in for each other: callers hold
//! [`Services`], a bundle of `Arc<dyn …>`, and cannot tell which. Three rules hold for all of them:
//!
//! - *Absence is `Option`* (or an empty list), never an error.
//! - *An error says who is to act*: [`ServiceError::Refused`] carries words for the user, `Invalid` blames the
//!   caller, `Unavailable` the service; only the last is worth another try.
//! - *Calls are idempotent* where the protocol allows it: a caller that got no answer may repeat.
//!
//! Nothing here does I/O: the traits are async, but which runtime drives them is the shell's business. What a grid
//! knows without asking anybody is here as well: the built-in [`library`], and what everybody [starts](starter) with.

mod account;
mod agent_prefs;
mod asset;
mod auth;
mod avatar;
mod destination;
mod error;
mod friends;
mod grid;
mod grid_user;
mod inventory;
pub mod library;
mod map_tiles;
mod mute_list;
mod offline_messages;
mod presence;
mod region_info;
pub mod starter;
mod text;

pub use account::{Account, AccountChanges, AccountService, NewAccount};
pub use agent_prefs::{AgentPrefs, AgentPrefsService};
pub use asset::{ASSET_BYTES_MAX, Asset, AssetFlags, AssetMetadata, AssetService, asset_type};
pub use auth::{AuthService, ViewerPassword};
pub use avatar::{AvatarData, AvatarService};
pub use destination::{LoginAgent, LoginAppearance, LoginDestination, Prepared, Refusal};
pub use error::{Result, ServiceError, root_cause};
pub use friends::{Friend, FriendRights, FriendsService};
pub use grid::GridService;
pub use grid_user::{GridUser, GridUserService, Place};
pub use inventory::{
    FolderContent, InventoryFolder, InventoryItem, InventoryService, Permissions, SaleInfo, folder_type,
    inventory_type,
};
pub use map_tiles::MapTileService;
pub use mute_list::{Mute, MuteListService, mute_crc, mute_file, mute_kind};
pub use offline_messages::{Mailbox, OfflineMessage, OfflineMessageService};
pub use presence::{Presence, PresenceService, Renewed};
pub use region_info::{RegionFlags, RegionInfo, access};
pub use text::{hex, is_same_secret};

use std::sync::Arc;

/// All services of one grid. Cloning shares them.
#[derive(Clone)]
pub struct Services {
    /// Who has an account.
    pub accounts: Arc<dyn AccountService>,
    /// Who may log in.
    pub auth: Arc<dyn AuthService>,
    /// The map of regions.
    pub grid: Arc<dyn GridService>,
    /// Who is logged in, and where.
    pub presence: Arc<dyn PresenceService>,
    /// Home and last places.
    pub grid_users: Arc<dyn GridUserService>,
    /// Who is whose friend.
    pub friends: Arc<dyn FriendsService>,
    /// What avatars look like.
    pub avatars: Arc<dyn AvatarService>,
    /// What people own.
    pub inventory: Arc<dyn InventoryService>,
    /// Textures, landmarks, body parts ...
    pub assets: Arc<dyn AssetService>,
    /// What people have set up for themselves.
    pub agent_prefs: Arc<dyn AgentPrefsService>,
    /// Who does not want to hear of whom.
    pub mutes: Arc<dyn MuteListService>,
    /// What was said to people who were not online.
    pub offline_messages: Arc<dyn OfflineMessageService>,
    /// What the ground looks like from above.
    pub map_tiles: Arc<dyn MapTileService>,
}

impl core::fmt::Debug for Services {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Services")
    }
}
