//! How the agent moves: what is held down, where it goes, and the AgentUpdates that tell.

use std::f32::consts::TAU;

use circuit::{Category, Delivery};
use lludp::messages::{AgentUpdate, agent_update};
use model::{Moment, Vec3};

use super::{Core, Phase};
use crate::controls::{Controls, heading_towards, rotation_of};
use crate::event::ViewerEvent;

/// A walk ends so near to its goal, metres.
const REACHED_M: f32 = 1.0;
/// A walker turns when its heading is off by so much, radians.
const OFF_COURSE: f32 = 0.05;

impl Core {
    /// Holds down these keys from now on.
    pub fn set_controls(&mut self, now: Moment, controls: Controls) {
        self.forget_course();
        self.change_controls(controls);
        self.settle(now);
    }

    /// What is held down.
    pub fn controls(&self) -> Controls {
        self.controls
    }

    /// Walks, or flies, straight on towards a heading: radians, counter-clockwise from east.
    pub fn walk(&mut self, now: Moment, heading: f32) {
        self.forget_course();
        self.change_heading(heading);
        self.change_controls(self.controls | Controls::FORWARD | Controls::FAST_FORWARD);
        self.settle(now);
    }

    /// Walks in a circle: turns by so many radians with each AgentUpdate.
    pub fn circle(&mut self, now: Moment, step: f32) {
        self.forget_course();
        self.spin = if step.is_finite() { step } else { 0.0 };
        self.change_controls(self.controls | Controls::FORWARD | Controls::FAST_FORWARD);
        self.settle(now);
    }

    /// Walks to a place, metres from the south-west corner of the agent's region; beyond its borders lie others. Ends
    /// with the event Reached; any other order to move ends it too.
    pub fn walk_to(&mut self, now: Moment, place: Vec3) {
        let Some(own) = self.links.get(&self.own) else { return };
        let (x, y) = (f64::from(own.handle.x_m()), f64::from(own.handle.y_m()));
        self.forget_course();
        self.goal = place.is_finite().then(|| [x + f64::from(place.x), y + f64::from(place.y)]);
        self.steer();
        self.settle(now);
    }

    /// Turns on the spot, or changes course: radians, counter-clockwise from east.
    pub fn turn(&mut self, now: Moment, heading: f32) {
        self.change_heading(heading);
        self.settle(now);
    }

    /// Begins or ends to fly.
    pub fn fly(&mut self, now: Moment, flying: bool) {
        let mut controls = self.controls;
        controls.set(Controls::FLY, flying);
        self.change_controls(controls);
        self.settle(now);
    }

    /// Stands still; flying goes on.
    pub fn stop(&mut self, now: Moment) {
        self.halt();
        self.settle(now);
    }

    fn halt(&mut self) {
        self.forget_course();
        self.change_controls(self.controls & Controls::FLY);
    }

    /// Ends what the viewer steers by itself.
    pub(super) fn forget_course(&mut self) {
        self.goal = None;
        self.spin = 0.0;
    }

    fn change_controls(&mut self, controls: Controls) {
        self.update_is_due |= self.controls != controls;
        self.controls = controls;
    }

    fn change_heading(&mut self, heading: f32) {
        let heading = if heading.is_finite() { heading.rem_euclid(TAU) } else { 0.0 };
        self.update_is_due |= self.heading != heading;
        self.heading = heading;
    }

    /// Keeps a walker on course, now that its place is known anew.
    pub(super) fn steer(&mut self) {
        let (Some(goal), Some(own)) = (self.goal, self.links.get(&self.own)) else { return };
        // The difference is small where f32 matters, however far from the grid's origin.
        let x = (goal[0] - f64::from(own.handle.x_m())) as f32;
        let y = (goal[1] - f64::from(own.handle.y_m())) as f32;
        let goal = Vec3::new(x, y, self.position.z);
        let way = goal - self.position;
        if way.length() <= REACHED_M {
            self.halt();
            self.report(ViewerEvent::Reached { position: self.position });
            return;
        }
        let heading = heading_towards(self.position, goal);
        let off = (heading - self.heading).abs();
        if off.min(TAU - off) > OFF_COURSE {
            self.change_heading(heading);
        }
        self.change_controls(self.controls | Controls::FORWARD | Controls::FAST_FORWARD);
    }

    /// When the next AgentUpdate is due; `None` while none is.
    pub(super) fn update_due_at(&self) -> Option<Moment> {
        let silent = self.phase != Phase::InWorld
            || !self.teleport.sends_updates() && !self.misbehave.updates_in_teleport;
        if silent {
            return None;
        }
        let last = self.last_update?;
        if self.update_is_due || self.controls.intersects(Controls::MOVING) {
            return Some(last + self.config.update_interval_moving);
        }
        let idle = self.config.update_interval_idle;
        (!idle.is_zero()).then(|| last + idle)
    }

    /// Sends AgentUpdate to the agent's region.
    pub(super) fn send_agent_update(&mut self, now: Moment, reliable: bool) {
        if self.spin != 0.0 {
            self.change_heading(self.heading + self.spin);
        }
        let rotation = rotation_of(self.heading);
        let message = AgentUpdate {
            agent_data: agent_update::AgentData {
                agent_id: self.identity.agent.0,
                session_id: self.session(),
                body_rotation: rotation.into(),
                head_rotation: rotation.into(),
                state: 0,
                camera_center: self.position,
                camera_at_axis: rotation * Vec3::X,
                camera_left_axis: rotation * Vec3::Y,
                camera_up_axis: Vec3::Z,
                far: self.config.draw_distance_m,
                control_flags: (self.controls | self.pulse).bits(),
                flags: 0,
            },
        };
        let delivery = if reliable { Delivery::CONTROL } else { Delivery::unreliable(Category::Control) };
        self.send(now, self.own, &message, delivery);
        self.pulse = Controls::empty();
        self.update_is_due = false;
        self.last_update = Some(now);
        self.counts.agent_updates += 1;
        if self.config.report_updates {
            self.report(ViewerEvent::UpdateSent { heading: self.heading });
        }
    }
}
