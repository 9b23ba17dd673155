use async_trait::async_trait;
use model::{AgentId, Uuid};
use services::Result;

/// How many wrong passwords are taken: so many at once, then one each so often.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Allowance {
    /// At once.
    pub burst: u32,
    /// Seconds until one is forgotten.
    pub each_s: u32,
}

/// What logins leave behind, besides sessions. Subjects, addresses and terms come as short texts that say nothing to a
/// reader; everything is bounded.
#[async_trait]
pub trait LoginRecords: Send + Sync {
    /// Counts one try against a subject, if its allowance is not used up. `Err`: it is, for so many seconds.
    async fn charge(&self, subject: &str, allowance: Allowance) -> Result<core::result::Result<(), u64>>;

    /// That try was none.
    async fn refund(&self, subject: &str, allowance: Allowance) -> Result<()>;

    /// Whether somebody has logged in from this address before.
    async fn has_used(&self, agent: AgentId, address: &str) -> Result<bool>;

    /// Somebody has logged in from this address.
    async fn used(&self, agent: AgentId, address: &str) -> Result<()>;

    /// Whether somebody has agreed to these terms.
    async fn has_agreed(&self, agent: AgentId, terms: &str) -> Result<bool>;

    /// Somebody agrees to these terms.
    async fn agrees(&self, agent: AgentId, terms: &str) -> Result<()>;

    /// Takes somebody's turn to log in, or keeps it, for so many seconds. `false`: another holder has it.
    async fn take_turn(&self, agent: AgentId, holder: Uuid, for_s: u32) -> Result<bool>;

    /// This holder's turn is over.
    async fn end_turn(&self, agent: AgentId, holder: Uuid) -> Result<()>;
}
