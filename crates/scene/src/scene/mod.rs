//! The scene itself: who is here, and what can be asked of it. `members` lets them come and go, `moving` moves them.

mod members;
mod moving;
#[cfg(test)]
mod tests;

use crate::chat::{ChatRanges, ChatType};
use crate::coarse::{CoarseLocation, coarse};
use crate::interest::Candidate;
use crate::local_ids::LocalIdMap;
use crate::motion::Surroundings;
use crate::parcel::Parcel;
use crate::presence::Presence;
use crate::terrain::{Terrain, TerrainKind};
use core::time::Duration;
use glam::Vec3;
use model::{AgentId, LocalId, Moment, RegionHandle, RegionId, RegionSize};
use std::collections::BTreeMap;
use uuid::Uuid;

/// News of coarse locations comes at most so often.
pub const COARSE_INTERVAL: Duration = Duration::from_secs(2);
/// An avatar that was refused at the border and let go may try again after so long.
pub const BORDER_RETRY: Duration = Duration::from_secs(1);
/// An avatar walks on over a border by the keys held on the other side, until its viewer speaks here or for so long.
pub const INHERITED_CONTROL_LIMIT: Duration = Duration::from_secs(2);
/// Agents in one scene, root and child.
pub const MAX_PRESENCES: usize = 16_384;
/// How near the border an avatar may stand, metres; less than a walking step, so that nobody bounces.
const BORDER_MARGIN_M: f32 = 0.01;

/// Everything a scene is told when it is made.
#[derive(Clone, PartialEq, Debug)]
pub struct SceneConfig {
    /// Where it is on the grid.
    pub handle: RegionHandle,
    /// How large; a size that no region can have becomes the standard one.
    pub size: RegionSize,
    /// The region's name.
    pub name: String,
    /// The region's id.
    pub id: RegionId,
    /// The region's owner, and the default parcel's.
    pub owner: AgentId,
    /// Height of the water, metres.
    pub water_height: f32,
    /// The land.
    pub terrain: TerrainKind,
    /// How far speech carries.
    pub chat: ChatRanges,
}

impl Default for SceneConfig {
    fn default() -> Self {
        Self {
            handle: RegionHandle::default(),
            size: RegionSize::STANDARD,
            name: String::new(),
            id: RegionId::NULL,
            owner: AgentId::NULL,
            water_height: 20.0,
            terrain: TerrainKind::default(),
            chat: ChatRanges::default(),
        }
    }
}

/// There are [`MAX_PRESENCES`] agents already.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the scene holds as many agents as it can")]
pub struct SceneFull;

/// One region's world.
#[derive(Debug)]
pub struct Scene {
    config: SceneConfig,
    terrain: Terrain,
    parcel: Parcel,
    /// Presences stay in their slot for as long as they are here.
    slots: Vec<Option<Presence>>,
    free: Vec<usize>,
    by_agent: BTreeMap<AgentId, usize>,
    by_local: LocalIdMap<usize>,
    next_local: u32,
    roots: usize,
    /// Slots whose bodies may move, in the order they woke.
    awake: Vec<usize>,
    /// When the last step ended, while any body is awake.
    stepped: Option<Moment>,
    coarse_stale: bool,
    coarse_told: Option<Moment>,
}

impl Scene {
    /// An empty scene.
    pub fn new(mut config: SceneConfig) -> Self {
        if !config.size.is_valid() {
            config.size = RegionSize::STANDARD;
        }
        let terrain = Terrain::new(config.size, config.terrain);
        // Parcels need ids of their own that outlast restarts; the region's, marked, will do for its only one.
        let parcel_id = Uuid::from_u128(config.id.0.as_u128() ^ 1);
        let parcel = Parcel::whole_region(config.size, config.owner, config.name.clone(), parcel_id);
        Self {
            config,
            terrain,
            parcel,
            slots: Vec::new(),
            free: Vec::new(),
            by_agent: BTreeMap::new(),
            by_local: LocalIdMap::default(),
            next_local: 1,
            roots: 0,
            awake: Vec::new(),
            stepped: None,
            coarse_stale: false,
            coarse_told: None,
        }
    }

    /// What it was made with.
    pub fn config(&self) -> &SceneConfig {
        &self.config
    }

    /// The land.
    pub fn terrain(&self) -> &Terrain {
        &self.terrain
    }

    /// The parcel at a place; for now it is everywhere the same.
    pub fn parcel_at(&self, _position: Vec3) -> &Parcel {
        &self.parcel
    }

    /// An agent's presence.
    pub fn presence(&self, agent: AgentId) -> Option<&Presence> {
        self.slots.get(*self.by_agent.get(&agent)?)?.as_ref()
    }

    /// The presence with a local id.
    pub fn presence_by_local(&self, local: LocalId) -> Option<&Presence> {
        self.slots.get(*self.by_local.get(&local)?)?.as_ref()
    }

    /// What an [`crate::interest::InterestList`] must know of an avatar to rank it; nothing once it is gone.
    pub fn candidate(&self, local: LocalId) -> Option<Candidate> {
        let presence = self.presence_by_local(local)?;
        presence
            .root
            .then(|| Candidate { position: presence.body.position, speed: presence.body.velocity.length() })
    }

    /// All presences, in the order of their agents' ids.
    pub fn presences(&self) -> impl Iterator<Item = &Presence> + '_ {
        self.by_agent.values().filter_map(|&slot| self.slots.get(slot)?.as_ref())
    }

    /// Agents that act here.
    #[cfg(test)]
    pub(crate) fn root_count(&self) -> usize {
        self.roots
    }

    /// Agents that look in.
    #[cfg(test)]
    pub(crate) fn child_count(&self) -> usize {
        self.by_agent.len() - self.roots
    }

    /// A number nobody here has, and nobody had lately.
    fn take_local(&mut self) -> LocalId {
        loop {
            let local = LocalId(self.next_local);
            self.next_local = self.next_local.checked_add(1).unwrap_or(1);
            if !self.by_local.contains_key(&local) {
                return local;
            }
        }
    }

    /// Who hears what is said at a place: roots, and children whose avatar is known to stand in range, in the
    /// order of their ids. The speaker is among them.
    pub fn hearers(&self, from: Vec3, kind: ChatType) -> impl Iterator<Item = AgentId> + '_ {
        let range = self.config.chat.of(kind);
        self.presences().filter_map(move |presence| {
            let ear = if presence.root { presence.body.position } else { presence.child_position? };
            (ear.distance_squared(from) <= range * range).then_some(presence.agent)
        })
    }

    /// Where everybody is by map measures, in the order of their ids. Roots only.
    pub fn coarse_locations(&self) -> impl Iterator<Item = CoarseLocation> + '_ {
        self.presences().filter(|presence| presence.root).map(|presence| {
            let [x, y, z] = coarse(presence.body.position);
            CoarseLocation { agent: presence.agent, x, y, z }
        })
    }
}

fn surroundings<'a>(terrain: &'a Terrain, presence: &Presence) -> Surroundings<'a> {
    Surroundings {
        terrain,
        half_height: presence.half_height(),
        flags: presence.flags,
        always_run: presence.always_run,
    }
}

/// The nearest place within the region; height is not looked at.
fn clamp_inside(position: Vec3, size: RegionSize) -> Vec3 {
    let inside = |v: f32, size: u32| v.clamp(BORDER_MARGIN_M, size as f32 - BORDER_MARGIN_M);
    Vec3::new(inside(position.x, size.x), inside(position.y, size.y), position.z)
}
