//! What capabilities remember while the process runs.

use super::Asked;
use super::mailbox::ReadOut;
use super::pace::Paces;
use super::temporary::TemporaryAssets;
use super::upload::Uploads;
use model::{AgentId, SessionId};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Sessions whose preferences are remembered; of those without capabilities any are forgotten first.
const SESSIONS: usize = 4096;

/// All of it.
#[derive(Debug)]
pub(crate) struct Memory {
    pub(super) preferences: AllPreferences,
    pub(super) uploads: Uploads,
    pub(super) temporary: TemporaryAssets,
    pub(super) paces: Paces,
    pub(super) read_out: ReadOut,
}

impl Memory {
    pub(crate) fn new(temporary: TemporaryAssets) -> Self {
        Self {
            preferences: AllPreferences::default(),
            uploads: Uploads::default(),
            temporary,
            paces: Paces::default(),
            read_out: ReadOut::default(),
        }
    }
}

/// What a viewer told about its user. It tells all of it again at the next login.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Preferences {
    /// "PG", "M" or "A".
    pub(super) maturity: &'static str,
    pub(super) language: String,
    pub(super) language_is_public: bool,
    pub(super) hover_height_m: f64,
    /// Permissions of new objects for everyone, the group, the next owner.
    pub(super) object_masks: [u32; 3],
}

impl Default for Preferences {
    fn default() -> Self {
        Self {
            maturity: "A",
            language: "en-us".into(),
            language_is_public: true,
            hover_height_m: 0.0,
            // Transfer and move for the next owner, as viewers start out.
            object_masks: [0, 0, 0x0008_2000],
        }
    }
}

/// The preferences of all sessions.
#[derive(Debug, Default)]
pub(super) struct AllPreferences(Mutex<BTreeMap<SessionId, (AgentId, Preferences)>>);

impl AllPreferences {
    /// Changes those of the session that asks; how they are now.
    pub(super) fn change(&self, asked: &Asked<'_>, change: impl FnOnce(&mut Preferences)) -> Preferences {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= SESSIONS && !all.contains_key(&asked.entry.session) {
            let open = asked.shared.directory.sessions();
            all.retain(|session, _| open.contains(session));
            if all.len() >= SESSIONS {
                all.pop_first();
            }
        }
        let (_, preferences) =
            all.entry(asked.entry.session).or_insert_with(|| (asked.entry.agent, Preferences::default()));
        change(preferences);
        preferences.clone()
    }
}
