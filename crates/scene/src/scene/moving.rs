//! What moves, and who hears of it.

use super::{COARSE_INTERVAL, Scene, clamp_inside, surroundings};
use crate::coarse::coarse;
use crate::control::{Control, ControlFlags, clean_draw_distance, clean_rotation};
use crate::event::SceneEvent;
use crate::motion::{STEP, STEP_S, Stance};
use crate::presence::Border;
use crate::report::Urgency;
use glam::{Vec2, Vec3};
use model::{AgentId, Moment};

/// Steps made up for when a tick comes late; what is older is forgotten.
const MAX_STEPS: u32 = 12;

impl Scene {
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
            let here = presence.body.position;
            self.keep_inside(now, slot, here);
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
    /// go, and for [`crate::BORDER_RETRY`].
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

    pub(super) fn wake(&mut self, now: Moment, slot: usize) {
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
            presence.flags &= ControlFlags::FLY;
        }
        let before = presence.body;
        let around = surroundings(&self.terrain, presence);
        presence.body.advance(&around);
        let ahead = presence.body.position + presence.body.velocity * STEP_S;
        if !self.config.size.contains(ahead) && presence.border.may_try(now) {
            presence.border = Border::Held;
            // The speed stays for those who carry the motion on by themselves; the place must be one inside.
            presence.body.position = clamp_inside(presence.body.position, self.config.size);
            out.push(SceneEvent::BorderReached { agent: presence.agent, position: ahead });
            presence.awake = false;
            return;
        }
        self.keep_inside(now, slot, before.position);
        if let Some(presence) = self.slots.get_mut(slot).and_then(Option::as_mut) {
            let rests = presence.body == before && presence.body.is_at_rest();
            presence.awake = !rests || presence.inherited_until.is_some();
        }
    }

    /// Makes a refused border a wall to a body that came from a place inside: it does not get nearer, and what leads
    /// along the wall goes on.
    fn keep_inside(&mut self, now: Moment, slot: usize, from: Vec3) {
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
        let around = surroundings(&self.terrain, presence);
        let body = &mut presence.body;
        if ahead.x < 0.0 || ahead.x >= size.x as f32 {
            body.position.x = from.x;
            body.velocity.x = 0.0;
        }
        if ahead.y < 0.0 || ahead.y >= size.y as f32 {
            body.position.y = from.y;
            body.velocity.y = 0.0;
        }
        if body.stance == Stance::Ground {
            body.position.z = around.footing(body.position);
            if body.velocity.truncate() == Vec2::ZERO {
                body.velocity.z = 0.0;
            }
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
        presence.reported = presence.reported.then(&presence.body, now);
        out.push(SceneEvent::Moved(presence.agent));
        let place = coarse(presence.body.position);
        if presence.coarse != place {
            presence.coarse = place;
            self.coarse_stale = true;
        }
        false
    }
}
