use crate::Result;
use async_trait::async_trait;
use model::AgentId;
use std::collections::BTreeMap;

/// An avatar as the service stores it: names and values (grid services fact sheet, section 8).
pub type AvatarData = BTreeMap<String, String>;

/// What avatars look like.
#[async_trait]
pub trait AvatarService: Send + Sync {
    /// All entries of an avatar; `None` when there are none.
    async fn get(&self, agent: AgentId) -> Result<Option<AvatarData>>;

    /// Replaces all entries.
    async fn set(&self, agent: AgentId, data: &AvatarData) -> Result<()>;

    /// Sets some entries, and leaves the others.
    async fn set_entries(&self, agent: AgentId, entries: &AvatarData) -> Result<()>;

    /// Removes some entries.
    async fn remove_entries(&self, agent: AgentId, names: &[&str]) -> Result<()>;

    /// Removes all entries.
    async fn reset(&self, agent: AgentId) -> Result<()>;
}
