//! Baked textures that are not to be had any more: avatars who wear them are asked to make them anew. The simulator keeps
//! bakes for a while, and those of an avatar that comes from another process never were here.

use crate::region::{Context, Region};
use circuit::Delivery;
use lludp::messages as m;
use model::{AgentId, AssetId, Moment};
use std::time::Duration;

/// The same bake, and the most bakes of one avatar, are asked for once in this time: a viewer takes a while to make them,
/// and others go on asking.
const PAUSE: Duration = Duration::from_secs(30);
/// Bakes of an avatar, and some to spare.
const BAKES: usize = 16;
/// For so many missing textures wearers are searched for, in this time: a search goes through everybody's outfit, and
/// anybody may ask for what there never was.
const SEARCHES: (u32, Duration) = (64, Duration::from_secs(1));

/// How many searches there were since when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Searches {
    since: Moment,
    count: u32,
}

impl Searches {
    pub(crate) fn none(now: Moment) -> Self {
        Self { since: now, count: 0 }
    }

    /// Whether there may be another one; then it is counted.
    fn begin(&mut self, now: Moment) -> bool {
        let (most, time) = SEARCHES;
        if now.since(self.since) >= time {
            *self = Self::none(now);
        }
        self.count += 1;
        self.count <= most
    }
}

/// The bakes that a viewer was asked for lately.
#[derive(Debug, Default)]
pub(crate) struct Rebakes(Vec<(Moment, AssetId)>);

impl Rebakes {
    /// Whether this one may be asked for now; then it is.
    fn ask(&mut self, now: Moment, texture: AssetId) -> bool {
        self.0.retain(|(at, _)| *at + PAUSE > now);
        let may = self.0.len() < BAKES && self.0.iter().all(|(_, asked)| *asked != texture);
        if may {
            self.0.push((now, texture));
        }
        may
    }
}

impl Region {
    /// A texture was asked for and is nowhere. Whoever wears it as a bake is asked for it (RebakeAvatarTextures).
    pub(crate) fn texture_missing(&mut self, cx: &mut Context<'_>, texture: AssetId) {
        if !self.rebake_searches.begin(cx.now) {
            return;
        }
        let wears = |entry: &[u8]| entry.windows(16).any(|bytes| bytes == texture.0.as_bytes());
        let wearer =
            self.agents.values_mut().find(|agent| agent.is_root() && wears(&agent.outfit.texture_entry));
        let Some(wearer) = wearer else { return };
        if !wearer.rebakes.ask(cx.now, texture) {
            return;
        }
        let id: AgentId = wearer.id;
        let texture_data = m::rebake_avatar_textures::TextureData { texture_id: texture.0 };
        self.send(cx, id, &m::RebakeAvatarTextures { texture_data }, Delivery::CONTROL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_for_what_there_never_was_does_not_keep_the_region_looking() {
        let mut searches = Searches::none(Moment::ZERO);
        let at = |ms| Moment::from_millis(ms);
        assert_eq!((0..1000).filter(|_| searches.begin(at(500))).count(), 64);
        assert!(!searches.begin(at(999)));
        assert!(searches.begin(at(1000)));
    }
}
