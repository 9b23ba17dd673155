//! Who comes, who goes, and how they look.

use super::{INHERITED_CONTROL_LIMIT, MAX_PRESENCES, Scene, SceneFull, clamp_inside, surroundings};
use crate::coarse::coarse;
use crate::control::{ControlFlags, clean_draw_distance, is_plausible};
use crate::event::SceneEvent;
use crate::motion::{Body, TERMINAL_SPEED};
use crate::presence::{Appearance, AppearanceError, Border, NewPresence, Placement, Presence};
use crate::report::Reported;
use glam::{Quat, Vec3};
use model::{AgentId, LocalId, Moment};
use uuid::Uuid;

impl Scene {
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
            placement.velocity.clamp_length_max(TERMINAL_SPEED)
        } else {
            Vec3::ZERO
        };
        presence.flags = placement.controls;
        presence.inherited_until = (!placement.controls.is_empty()).then_some(now + INHERITED_CONTROL_LIMIT);
        if placement.flying {
            presence.flags |= ControlFlags::FLY;
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

    /// Where a child agent's avatar stands in its own region, in coordinates of this one; it hears what is said
    /// near by. Positions that make no sense are forgotten.
    pub fn set_child_position(&mut self, agent: AgentId, position: Option<Vec3>) {
        let Some(&slot) = self.by_agent.get(&agent) else { return };
        if let Some(presence) = self.slots.get_mut(slot).and_then(Option::as_mut) {
            presence.child_position = position.filter(|&p| is_plausible(p) && !presence.root);
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
}
