//! The scene itself: who is here, and what happens to them.

use crate::chat::{ChatRanges, ChatType};
use crate::coarse::{CoarseLocation, coarse};
use crate::control::{Control, clean_draw_distance, clean_rotation, is_plausible};
use crate::event::SceneEvent;
use crate::interest::Candidate;
use crate::local_ids::LocalIdMap;
use crate::motion::{Body, STEP, STEP_S, Surroundings};
use crate::parcel::Parcel;
use crate::presence::{Appearance, AppearanceError, Border, NewPresence, Placement, Presence};
use crate::report::{Reported, Urgency};
use crate::terrain::{Terrain, TerrainKind};
use core::time::Duration;
use glam::{Quat, Vec3};
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
/// Steps made up for when a tick comes late; what is older is forgotten.
const MAX_STEPS: u32 = 12;
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
    /// Root agents at most; whoever lets agents in asks [`Scene::has_room`].
    pub max_agents: usize,
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
            max_agents: 100,
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
    pub fn root_count(&self) -> usize {
        self.roots
    }

    /// Agents that look in.
    pub fn child_count(&self) -> usize {
        self.by_agent.len() - self.roots
    }

    /// Whether another root agent may come.
    pub fn has_room(&self) -> bool {
        self.roots < self.config.max_agents && self.by_agent.len() < MAX_PRESENCES
    }

    /// Puts an agent into the scene and tells its local id. A root's avatar appears at its placement. One that is
    /// here already keeps its local id and takes on the new name, appearance and draw distance; a child that comes
    /// as root becomes one (under the local id that this returns).
    pub fn add(
        &mut self,
        now: Moment,
        new: NewPresence,
        out: &mut Vec<SceneEvent>,
    ) -> Result<LocalId, SceneFull> {
        let appearance = new.appearance.checked().unwrap_or_default();
        if let Some(presence) =
            self.by_agent.get(&new.agent).and_then(|&slot| self.slots.get_mut(slot)?.as_mut())
        {
            presence.name = new.name;
            presence.appearance = appearance;
            presence.draw_distance_m = clean_draw_distance(new.draw_distance_m, presence.draw_distance_m);
            let local = presence.local_id;
            if presence.root {
                out.push(SceneEvent::Changed(new.agent));
                out.push(SceneEvent::AppearanceChanged(new.agent));
            } else if new.root {
                return Ok(self.make_root(now, new.agent, new.placement, out).unwrap_or(local));
            }
            return Ok(local);
        }
        if self.by_agent.len() >= MAX_PRESENCES {
            return Err(SceneFull);
        }
        let local_id = self.take_local();
        let body = Body::default();
        let presence = Presence {
            agent: new.agent,
            local_id,
            name: new.name,
            appearance,
            animations: Default::default(),
            root: false,
            body,
            head_rotation: Quat::IDENTITY,
            camera: Default::default(),
            draw_distance_m: clean_draw_distance(new.draw_distance_m, 128.0),
            state: 0,
            flags: Default::default(),
            inherited_until: None,
            always_run: false,
            frozen: false,
            border: Border::Open,
            child_position: None,
            reported: Reported::of(&body, now),
            coarse: [0; 3],
            awake: false,
        };
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                self.slots.push(None);
                self.slots.len() - 1
            }
        };
        if let Some(place) = self.slots.get_mut(slot) {
            *place = Some(presence);
        }
        self.by_agent.insert(new.agent, slot);
        self.by_local.insert(local_id, slot);
        if new.root {
            self.enter(now, slot, new.placement, out);
        }
        Ok(local_id)
    }

    /// Makes a child agent act here: its avatar appears at the placement. Tells the avatar's local id, which is a
    /// new one if it has acted here before. Nothing when the agent is unknown; a root stays where it is.
    pub fn make_root(
        &mut self,
        now: Moment,
        agent: AgentId,
        placement: Placement,
        out: &mut Vec<SceneEvent>,
    ) -> Option<LocalId> {
        let slot = *self.by_agent.get(&agent)?;
        if !self.slots.get(slot)?.as_ref()?.root {
            self.enter(now, slot, placement, out);
        }
        self.slots.get(slot)?.as_ref().map(|presence| presence.local_id)
    }

    fn enter(&mut self, now: Moment, slot: usize, placement: Placement, out: &mut Vec<SceneEvent>) {
        let Some(presence) = self.slots.get_mut(slot).and_then(Option::as_mut) else { return };
        presence.root = true;
        presence.frozen = false;
        presence.child_position = None;
        presence.animations.clear_requested();
        let agent = presence.agent;
        self.roots += 1;
        self.put(now, slot, placement);
        out.push(SceneEvent::Appeared(agent));
        self.coarse_stale = true;
    }

    /// Moves an avatar to another place of the region at once.
    pub fn relocate(&mut self, now: Moment, agent: AgentId, placement: Placement, out: &mut Vec<SceneEvent>) {
        let Some(&slot) = self.by_agent.get(&agent) else { return };
        let Some(presence) = self.slots.get(slot).and_then(Option::as_ref) else { return };
        if !presence.root {
            return;
        }
        let animation = presence.animations.motion();
        self.put(now, slot, placement);
        out.push(SceneEvent::Moved(agent));
        if self.presence(agent).is_some_and(|presence| presence.animations.motion() != animation) {
            out.push(SceneEvent::AnimationsChanged(agent));
        }
        self.coarse_stale = true;
    }

    /// Places a root's body and lets others know that state. Tells nobody.
    fn put(&mut self, now: Moment, slot: usize, placement: Placement) {
        let size = self.config.size;
        let Some(presence) = self.slots.get_mut(slot).and_then(Option::as_mut) else { return };
        let middle = Vec3::new(size.x as f32 * 0.5, size.y as f32 * 0.5, 0.0);
        let position = if is_plausible(placement.position) { placement.position } else { middle };
        let velocity = if is_plausible(placement.velocity) {
            placement.velocity.clamp_length_max(crate::TERMINAL_SPEED)
        } else {
            Vec3::ZERO
        };
        presence.flags = placement.controls;
        presence.inherited_until = (!placement.controls.is_empty()).then_some(now + INHERITED_CONTROL_LIMIT);
        if placement.flying {
            presence.flags |= crate::ControlFlags::FLY;
        }
        presence.border = Border::Open;
        presence.body.rotation = placement.cleaned_rotation();
        let around = surroundings(&self.terrain, presence);
        presence.body.place(clamp_inside(position, size), velocity, placement.flying, &around);
        let around = surroundings(&self.terrain, presence);
        presence.body.respond(&around);
        let animation =
            presence.body.animation(presence.flags, presence.always_run, presence.animations.motion());
        presence.animations.set_motion(animation);
        presence.reported = Reported::of(&presence.body, now);
        presence.coarse = coarse(presence.body.position);
        self.wake(now, slot);
    }

    /// Ends an agent's acting here; it goes on looking in.
    pub fn make_child(&mut self, agent: AgentId, out: &mut Vec<SceneEvent>) {
        let Some(&slot) = self.by_agent.get(&agent) else { return };
        self.leave(slot, out);
    }

    /// Takes an agent out of the scene; tells what it was.
    pub fn remove(&mut self, agent: AgentId, out: &mut Vec<SceneEvent>) -> Option<Presence> {
        let slot = *self.by_agent.get(&agent)?;
        let gone = self.slots.get(slot)?.clone()?;
        self.leave(slot, out);
        let renumbered = self.slots.get_mut(slot).and_then(Option::take)?;
        self.by_agent.remove(&agent);
        self.by_local.remove(&renumbered.local_id);
        self.free.push(slot);
        Some(gone)
    }

    fn leave(&mut self, slot: usize, out: &mut Vec<SceneEvent>) {
        let Some(presence) = self.slots.get_mut(slot).and_then(Option::as_mut) else { return };
        if !presence.root {
            return;
        }
        presence.root = false;
        presence.awake = false;
        presence.frozen = false;
        presence.border = Border::Open;
        presence.inherited_until = None;
        presence.flags = Default::default();
        presence.body.velocity = Vec3::ZERO;
        let (agent, local_id) = (presence.agent, presence.local_id);
        self.roots -= 1;
        self.awake.retain(|&other| other != slot);
        self.by_local.remove(&local_id);
        let fresh = self.take_local();
        if let Some(presence) = self.slots.get_mut(slot).and_then(Option::as_mut) {
            presence.local_id = fresh;
        }
        self.by_local.insert(fresh, slot);
        out.push(SceneEvent::Vanished { agent, local_id });
        self.coarse_stale = true;
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

    /// What the viewer says of its avatar and camera. From a child only the camera and draw distance count.
    pub fn control(&mut self, now: Moment, agent: AgentId, control: &Control, out: &mut Vec<SceneEvent>) {
        let Some(&slot) = self.by_agent.get(&agent) else { return };
        let Some(presence) = self.slots.get_mut(slot).and_then(Option::as_mut) else { return };
        presence.camera = control.camera.cleaned(presence.camera);
        presence.draw_distance_m = clean_draw_distance(control.draw_distance_m, presence.draw_distance_m);
        if !presence.root {
            return;
        }
        presence.state = control.state;
        if let Some(head) = clean_rotation(control.head_rotation) {
            presence.head_rotation = head;
        }
        presence.inherited_until = None;
        let rotation = clean_rotation(control.body_rotation).unwrap_or(presence.body.rotation);
        if rotation == presence.body.rotation && control.flags == presence.flags {
            return;
        }
        presence.flags = control.flags;
        if presence.frozen {
            return;
        }
        presence.body.rotation = rotation;
        if presence.border != Border::Held {
            let around = surroundings(&self.terrain, presence);
            presence.body.respond(&around);
            self.keep_inside(now, slot);
        }
        self.tell(now, slot, out);
        self.wake(now, slot);
    }

    /// Lets an avatar run where it would walk (SetAlwaysRun).
    pub fn set_always_run(&mut self, now: Moment, agent: AgentId, run: bool) {
        let Some(&slot) = self.by_agent.get(&agent) else { return };
        let Some(presence) = self.slots.get_mut(slot).and_then(Option::as_mut) else { return };
        presence.always_run = run;
        if presence.root {
            self.wake(now, slot);
        }
    }

    /// Where a child agent's avatar stands in its own region, in coordinates of this one; it hears what is said
    /// near by. Positions that make no sense are forgotten.
    pub fn set_child_position(&mut self, agent: AgentId, position: Option<Vec3>) {
        let Some(&slot) = self.by_agent.get(&agent) else { return };
        if let Some(presence) = self.slots.get_mut(slot).and_then(Option::as_mut) {
            presence.child_position = position.filter(|&p| is_plausible(p) && !presence.root);
        }
    }

    /// Changes what an avatar is called.
    pub fn set_name(&mut self, agent: AgentId, name: crate::AvatarName, out: &mut Vec<SceneEvent>) {
        let Some(&slot) = self.by_agent.get(&agent) else { return };
        let Some(presence) = self.slots.get_mut(slot).and_then(Option::as_mut) else { return };
        if presence.name != name {
            presence.name = name;
            if presence.root {
                out.push(SceneEvent::Changed(agent));
            }
        }
    }

    /// Changes how an avatar looks. A new height is a full update too, and moves the body up or down.
    pub fn set_appearance(
        &mut self,
        now: Moment,
        agent: AgentId,
        appearance: Appearance,
        out: &mut Vec<SceneEvent>,
    ) -> Result<(), AppearanceError> {
        let appearance = appearance.checked()?;
        let Some(&slot) = self.by_agent.get(&agent) else { return Ok(()) };
        let Some(presence) = self.slots.get_mut(slot).and_then(Option::as_mut) else { return Ok(()) };
        let resized = presence.appearance.size != appearance.size;
        presence.appearance = appearance;
        if !presence.root {
            return Ok(());
        }
        if resized {
            out.push(SceneEvent::Changed(agent));
            self.wake(now, slot);
        }
        out.push(SceneEvent::AppearanceChanged(agent));
        Ok(())
    }

    /// Starts and stops animations at the viewer's wish.
    pub fn set_animations(
        &mut self,
        agent: AgentId,
        start: &[Uuid],
        stop: &[Uuid],
        out: &mut Vec<SceneEvent>,
    ) {
        let Some(&slot) = self.by_agent.get(&agent) else { return };
        let Some(presence) = self.slots.get_mut(slot).and_then(Option::as_mut) else { return };
        if presence.root && presence.animations.request(start, stop) {
            out.push(SceneEvent::AnimationsChanged(agent));
        }
    }

    /// Holds an agent in transfer still, or lets it go: a frozen avatar neither moves nor reaches a border.
    pub fn freeze(&mut self, now: Moment, agent: AgentId, frozen: bool) {
        let Some(&slot) = self.by_agent.get(&agent) else { return };
        let Some(presence) = self.slots.get_mut(slot).and_then(Option::as_mut) else { return };
        if presence.root {
            presence.frozen = frozen;
            if !frozen {
                self.wake(now, slot);
            }
        }
    }

    /// The avatar that reached the border may not leave: it stays, and the border is a wall to it until it lets
    /// go, and for [`BORDER_RETRY`].
    pub fn border_refused(&mut self, now: Moment, agent: AgentId, out: &mut Vec<SceneEvent>) {
        let Some(&slot) = self.by_agent.get(&agent) else { return };
        let Some(presence) = self.slots.get_mut(slot).and_then(Option::as_mut) else { return };
        if presence.border != Border::Held {
            return;
        }
        presence.border = Border::Refused { at: now, pushing: true };
        presence.body.velocity = Vec3::ZERO;
        self.tell(now, slot, out);
        self.wake(now, slot);
    }

    /// Lets time pass up to `now`. Safe to call early, late or never.
    pub fn tick(&mut self, now: Moment, out: &mut Vec<SceneEvent>) {
        let mut steps = 0;
        while let Some(stepped) = self.stepped {
            let next = stepped + STEP;
            if next > now {
                break;
            }
            if steps == MAX_STEPS {
                self.stepped = Some(now);
                break;
            }
            self.step(next, out);
            self.stepped = if self.awake.is_empty() { None } else { Some(next) };
            steps += 1;
        }
        if self.coarse_due().is_some_and(|due| due <= now) {
            self.coarse_stale = false;
            self.coarse_told = Some(now);
            out.push(SceneEvent::CoarseLocationsChanged);
        }
    }

    /// When [`Scene::tick`] has something to do; `None` while nothing moves.
    pub fn next_wakeup(&self) -> Option<Moment> {
        let step = self.stepped.map(|stepped| stepped + STEP);
        step.into_iter().chain(self.coarse_due()).min()
    }

    fn coarse_due(&self) -> Option<Moment> {
        self.coarse_stale.then(|| self.coarse_told.map_or(Moment::ZERO, |told| told + COARSE_INTERVAL))
    }

    fn wake(&mut self, now: Moment, slot: usize) {
        let Some(presence) = self.slots.get_mut(slot).and_then(Option::as_mut) else { return };
        if !presence.awake {
            presence.awake = true;
            self.awake.push(slot);
        }
        if self.stepped.is_none() {
            self.stepped = Some(now);
        }
    }

    /// One step for everybody who is awake.
    fn step(&mut self, now: Moment, out: &mut Vec<SceneEvent>) {
        let mut awake = core::mem::take(&mut self.awake);
        awake.retain(|&slot| {
            self.step_one(now, slot, out);
            let pending = self.tell(now, slot, out);
            let Some(presence) = self.slots.get_mut(slot).and_then(Option::as_mut) else { return false };
            let stays = presence.awake || pending;
            presence.awake = stays;
            stays
        });
        self.awake = awake;
    }

    /// Moves one body; leaves `awake` false when the next step would change nothing.
    fn step_one(&mut self, now: Moment, slot: usize, out: &mut Vec<SceneEvent>) {
        let Some(presence) = self.slots.get_mut(slot).and_then(Option::as_mut) else { return };
        if presence.frozen || presence.border == Border::Held {
            presence.awake = false;
            return;
        }
        if presence.inherited_until.is_some_and(|until| until <= now) {
            presence.inherited_until = None;
            presence.flags &= crate::ControlFlags::FLY;
        }
        let before = presence.body;
        let around = surroundings(&self.terrain, presence);
        presence.body.advance(&around);
        let ahead = presence.body.position + presence.body.velocity * STEP_S;
        if !self.config.size.contains(ahead) && presence.border.may_try(now) {
            presence.border = Border::Held;
            let velocity = presence.body.velocity;
            // The speed stays for those who carry the motion on by themselves; the place must be one inside.
            presence.body.position = clamp_inside(presence.body.position, self.config.size);
            out.push(SceneEvent::BorderReached { agent: presence.agent, position: ahead, velocity });
            presence.awake = false;
            return;
        }
        self.keep_inside(now, slot);
        if let Some(presence) = self.slots.get_mut(slot).and_then(Option::as_mut) {
            let rests = presence.body == before && presence.body.is_at_rest();
            presence.awake = !rests || presence.inherited_until.is_some();
        }
    }

    /// Makes a refused border a wall: nobody gets out, and what leads along it goes on.
    fn keep_inside(&mut self, now: Moment, slot: usize) {
        let size = self.config.size;
        let Some(presence) = self.slots.get_mut(slot).and_then(Option::as_mut) else { return };
        let Border::Refused { at, .. } = presence.border else { return };
        let ahead = presence.body.position + presence.body.velocity * STEP_S;
        if size.contains(ahead) {
            presence.border = Border::Refused { at, pushing: false };
            return;
        }
        if presence.border.may_try(now) {
            presence.border = Border::Open;
            return;
        }
        presence.border = Border::Refused { at, pushing: true };
        let body = &mut presence.body;
        body.position = clamp_inside(body.position, size);
        if ahead.x < 0.0 || ahead.x >= size.x as f32 {
            body.velocity.x = 0.0;
        }
        if ahead.y < 0.0 || ahead.y >= size.y as f32 {
            body.velocity.y = 0.0;
        }
        if body.stance == crate::Stance::Ground && body.velocity.truncate() == glam::Vec2::ZERO {
            body.velocity.z = 0.0;
        }
    }

    /// Tells others of a body as far as they must hear; whether something is left to tell soon.
    fn tell(&mut self, now: Moment, slot: usize, out: &mut Vec<SceneEvent>) -> bool {
        let Some(presence) = self.slots.get_mut(slot).and_then(Option::as_mut) else { return false };
        if !presence.root {
            return false;
        }
        let animation =
            presence.body.animation(presence.flags, presence.always_run, presence.animations.motion());
        if presence.animations.set_motion(animation) {
            out.push(SceneEvent::AnimationsChanged(presence.agent));
        }
        match presence.reported.urgency(&presence.body, now) {
            Urgency::Known => return false,
            Urgency::Later => return true,
            Urgency::Now => {}
        }
        presence.reported = Reported::of(&presence.body, now);
        out.push(SceneEvent::Moved(presence.agent));
        let place = coarse(presence.body.position);
        if presence.coarse != place {
            presence.coarse = place;
            self.coarse_stale = true;
        }
        false
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
