//! When others must hear of a motion. They carry on what they heard last by themselves (position plus velocity
//! times time), so only what they would get wrong is news; the start and the end of a motion are news at once.

use crate::motion::Body;
use core::time::Duration;
use glam::{Quat, Vec3};
use model::Moment;

/// While moving, others hear at least so often: not every client carries a motion on by itself.
pub const KEEP_ALIVE: Duration = Duration::from_millis(250);
/// Two updates of one moving avatar are at least so far apart, except that the start or the end of a motion is told at
/// once, unless the last update was one of those.
pub const MIN_INTERVAL: Duration = Duration::from_millis(60);
/// How wrong others may be about a position, metres.
const POSITION_ERROR_M: f32 = 0.05;
/// ... about a velocity, metres a second.
const VELOCITY_ERROR: f32 = 0.2;
/// ... about a rotation: one minus the cosine of half the angle (0.000 06 is about 1.3 degrees).
const ROTATION_ERROR: f32 = 0.000_06;

/// What others heard last.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Reported {
    at: Moment,
    position: Vec3,
    velocity: Vec3,
    rotation: Quat,
    /// It told the start or the end of a motion.
    turned: bool,
}

/// How urgent an update is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Urgency {
    /// Others know.
    Known,
    /// Others are wrong, but heard something a moment ago.
    Later,
    /// Tell them.
    Now,
}

impl Reported {
    /// Others hear this state, and have heard nothing before.
    pub(crate) fn of(body: &Body, at: Moment) -> Self {
        Self { at, position: body.position, velocity: body.velocity, rotation: body.rotation, turned: false }
    }

    /// Others hear this state after the one before.
    pub(crate) fn then(&self, body: &Body, at: Moment) -> Self {
        Self { turned: self.is_moving() != is_moving(body), ..Self::of(body, at) }
    }

    fn is_moving(&self) -> bool {
        self.velocity != Vec3::ZERO
    }

    /// Whether others must hear of this state.
    pub(crate) fn urgency(&self, body: &Body, now: Moment) -> Urgency {
        let age = now.since(self.at);
        let turns = self.is_moving() != is_moving(body);
        if turns && !self.turned {
            return Urgency::Now;
        }
        let wrong = turns
            || if is_moving(body) {
                let guess = self.position + self.velocity * age.as_secs_f32();
                guess.distance(body.position) > POSITION_ERROR_M
                    || self.velocity.distance(body.velocity) > VELOCITY_ERROR
                    || self.is_turned(body)
                    || age >= KEEP_ALIVE
            } else {
                self.position != body.position || self.is_turned(body)
            };
        match (wrong, age >= MIN_INTERVAL) {
            (false, _) => Urgency::Known,
            (true, false) => Urgency::Later,
            (true, true) => Urgency::Now,
        }
    }

    fn is_turned(&self, body: &Body) -> bool {
        1.0 - self.rotation.dot(body.rotation).abs() > ROTATION_ERROR
    }
}

fn is_moving(body: &Body) -> bool {
    body.velocity != Vec3::ZERO
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_start_or_end_of_a_motion_is_told_at_once_and_no_more_in_a_moment() {
        let (rests, mut moves) = (Body::default(), Body::default());
        moves.velocity = Vec3::X;
        let at = Moment::from_millis;
        let told = Reported::of(&rests, at(0));
        assert_eq!(told.urgency(&moves, at(1)), Urgency::Now);
        let told = told.then(&moves, at(1));
        assert_eq!(told.urgency(&rests, at(2)), Urgency::Later);
        assert_eq!(told.urgency(&rests, at(61)), Urgency::Now);
        let told = told.then(&rests, at(61));
        assert_eq!(told.urgency(&rests, at(62)), Urgency::Known);
    }
}
