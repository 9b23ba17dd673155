use crate::Result;
use async_trait::async_trait;
use model::AgentId;

/// What somebody has set up for themselves, wherever they log in.
#[derive(Clone, PartialEq, Debug)]
pub struct AgentPrefs {
    /// Whose.
    pub agent: AgentId,
    /// Up to which maturity they want to see: `PG`, `M` or `A`.
    pub access: String,
    /// How far above the ground the avatar is shown, metres.
    pub hover_height_m: f32,
    /// Their viewer's language, as `en-us`.
    pub language: String,
    /// Whether others may learn the language.
    pub language_is_public: bool,
    /// What everybody may do with what they make; a mask of [`Permissions`](crate::Permissions).
    pub everyone: u32,
    /// What their group may.
    pub group: u32,
    /// What the next owner may.
    pub next_owner: u32,
}

impl AgentPrefs {
    /// The language of whoever has set none, or keeps it to themselves.
    pub const LANGUAGE: &str = "en-us";
    /// What the next owner may, if nothing was set: move and transfer.
    pub const NEXT_OWNER: u32 = 0x8_2000;

    /// What holds for somebody who has set nothing (database fact sheet, 2.7).
    pub fn of(agent: AgentId) -> Self {
        Self {
            agent,
            access: "M".to_owned(),
            hover_height_m: 0.0,
            language: Self::LANGUAGE.to_owned(),
            language_is_public: true,
            everyone: 0,
            group: 0,
            next_owner: Self::NEXT_OWNER,
        }
    }

    /// The language as others may learn it.
    pub fn public_language(&self) -> &str {
        if self.language_is_public { &self.language } else { Self::LANGUAGE }
    }
}

/// What people have set up for themselves.
#[async_trait]
pub trait AgentPrefsService: Send + Sync {
    /// What somebody has set; `None` when they never did.
    async fn get(&self, agent: AgentId) -> Result<Option<AgentPrefs>>;

    /// Replaces all that somebody has set.
    async fn set(&self, prefs: &AgentPrefs) -> Result<()>;

    /// Somebody's language, as others may learn it.
    async fn language(&self, agent: AgentId) -> Result<String>;
}
