use crate::Result;
use async_trait::async_trait;
use model::{AgentId, RegionId, Vec3};

/// A place that outlasts sessions.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Place {
    /// Which region.
    pub region: RegionId,
    /// Where in it, region-local metres.
    pub position: Vec3,
    /// Looking where; a direction.
    pub look_at: Vec3,
}

/// What the grid remembers of a person between sessions.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct GridUser {
    /// Who.
    pub agent: AgentId,
    /// Home, if they have one.
    pub home: Option<Place>,
    /// Where they were last.
    pub last: Option<Place>,
    /// Whether they are logged in, as far as the grid has been told.
    pub online: bool,
    /// Last login, seconds since 1970; 0 = never.
    pub login: u64,
    /// Last logout, seconds since 1970; 0 = never.
    pub logout: u64,
}

/// Home and last places.
#[async_trait]
pub trait GridUserService: Send + Sync {
    /// A login succeeded. What was remembered, and is now.
    async fn logged_in(&self, agent: AgentId) -> Result<GridUser>;

    /// A session ended there.
    async fn logged_out(&self, agent: AgentId, last: Place) -> Result<()>;

    /// Home is there from now on.
    async fn set_home(&self, agent: AgentId, home: Place) -> Result<()>;

    /// The agent was seen there.
    async fn set_last_position(&self, agent: AgentId, last: Place) -> Result<()>;

    /// What is remembered.
    async fn get(&self, agent: AgentId) -> Result<Option<GridUser>>;

    /// What is remembered of several, in the order of their ids.
    async fn get_many(&self, agents: &[AgentId]) -> Result<Vec<GridUser>>;
}
