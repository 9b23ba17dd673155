use crate::Result;
use async_trait::async_trait;
use bitflags::bitflags;
use model::AgentId;

bitflags! {
    /// What one person lets another do.
    #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
    pub struct FriendRights: u32 {
        /// See when they are online.
        const SEE_ONLINE = 1;
        /// See them on the map.
        const SEE_ON_MAP = 2;
        /// Change their objects.
        const MODIFY_OBJECTS = 4;
    }
}

/// One side of a friendship.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Friend {
    /// The other person.
    pub friend: AgentId,
    /// What they may do, by leave of the one who asked.
    pub given: FriendRights,
    /// What they allow in return; `None` when they have not accepted yet, or no longer want it.
    pub has: Option<FriendRights>,
}

/// Who is whose friend. A friendship is two entries, one in each direction.
#[async_trait]
pub trait FriendsService: Send + Sync {
    /// The friends of one person, in the order of their ids.
    async fn list(&self, agent: AgentId) -> Result<Vec<Friend>>;

    /// Enters one direction, or changes its rights.
    async fn store(&self, agent: AgentId, friend: AgentId, given: FriendRights) -> Result<()>;

    /// Removes one direction. Whether it was there.
    async fn delete(&self, agent: AgentId, friend: AgentId) -> Result<bool>;
}
