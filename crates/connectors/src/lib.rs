//! The grid services over HTTP: the traits of [`services`] implemented by asking a grid, ours or a ROBUST.
//!
//! [`connect`] gives the same [`Services`] that a grid in the same process has; whoever holds them cannot tell. A
//! service is a small type that turns each call of its trait into one request (module of the same name in [`robust`])
//! through the one [`Client`] they share: its connections are kept alive, its waits and answers are bounded. What goes
//! wrong on the way is [`Unavailable`](services::ServiceError::Unavailable), with its cause; a grid that says no is
//! [`Refused`](services::ServiceError::Refused), in its words. What a grid cannot be asked for (to list all accounts, to
//! set a password) is refused here.
//!
//! Callers may drop a call at any moment: nothing is remembered of calls under way but who else waits for the same
//! answer. What is remembered of answers, and for how long, each service says; failures never are.

mod accounts;
mod agent_prefs;
mod assets;
mod auth;
mod avatars;
mod client;
mod friends;
mod grid;
mod grid_users;
mod inventory;
mod map_tiles;
mod mute_list;
mod offline_messages;
mod presence;

#[cfg(test)]
mod tests;

pub use accounts::HttpAccounts;
pub use agent_prefs::HttpAgentPrefs;
pub use assets::{CACHE_BYTES, HttpAssets};
pub use auth::HttpAuth;
pub use avatars::HttpAvatars;
pub use client::{Client, Names, Patience, SimulatorKey, wants_key};
pub use friends::HttpFriends;
pub use grid::HttpGrid;
pub use grid_users::HttpGridUsers;
pub use inventory::HttpInventory;
pub use map_tiles::HttpMapTiles;
pub use mute_list::HttpMuteList;
pub use offline_messages::HttpOfflineMessages;
pub use presence::HttpPresence;

use services::{Result, Services};
use std::sync::Arc;

/// How a grid is reached.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GridAddress {
    /// Where simulators ask, `http://host:8003/`.
    pub private: String,
    /// Where everybody asks, `http://host:8002/`: the tiles of the map.
    pub public: String,
}

/// How a grid is asked.
#[derive(Clone, Debug)]
pub struct Options {
    /// How long calls may take.
    pub patience: Patience,
    /// Bytes of assets that are kept in memory.
    pub asset_cache_bytes: usize,
    /// Shown to the private side.
    pub key: Option<SimulatorKey>,
    /// Who looks the names of its hosts up; with nobody, the system does, on as many threads as there are calls.
    pub names: Option<Names>,
}

impl Default for Options {
    fn default() -> Self {
        Self { patience: Patience::default(), asset_cache_bytes: CACHE_BYTES, key: None, names: None }
    }
}

/// All services of a grid elsewhere. Nothing is asked yet.
///
/// # Errors
/// `Invalid` if an address is none.
pub fn connect(address: &GridAddress, options: &Options) -> Result<Services> {
    let client = Arc::new(Client::new(&address.private, options, options.key.as_ref())?);
    let public = Arc::new(Client::new(&address.public, options, None)?);
    Ok(Services {
        accounts: Arc::new(HttpAccounts::new(client.clone())),
        auth: Arc::new(HttpAuth::new(client.clone())),
        grid: Arc::new(HttpGrid::new(client.clone())),
        presence: Arc::new(HttpPresence::new(client.clone())),
        grid_users: Arc::new(HttpGridUsers::new(client.clone())),
        friends: Arc::new(HttpFriends::new(client.clone())),
        avatars: Arc::new(HttpAvatars::new(client.clone())),
        inventory: Arc::new(HttpInventory::new(client.clone())),
        assets: Arc::new(HttpAssets::new(client.clone(), options.asset_cache_bytes)),
        agent_prefs: Arc::new(HttpAgentPrefs::new(client.clone())),
        mutes: Arc::new(HttpMuteList::new(client.clone())),
        offline_messages: Arc::new(HttpOfflineMessages::new(client.clone())),
        map_tiles: Arc::new(HttpMapTiles::new(client, public)),
    })
}
