//! A world with a clock that jumps, and what it must do: `motion`, `borders`, `people`, and `anything` at random.

mod anything;
mod borders;
mod motion;
mod people;

use super::*;
use crate::report::Urgency;
use crate::{
    BORDER_RETRY, Control, ControlFlags as F, FLY_SPEED, INHERITED_CONTROL_LIMIT, JUMP_SPEED, KEEP_ALIVE,
    NewPresence, Placement, RUN_SPEED, STEP, SceneEvent, Stance, WALK_SPEED, builtin,
};
use core::time::Duration;
use glam::Quat;

/// A scene with a clock that jumps from wake-up to wake-up.
struct World {
    scene: Scene,
    now: Moment,
    out: Vec<SceneEvent>,
}

fn id(n: u128) -> AgentId {
    AgentId(Uuid::from_u128(n))
}

const ANN: u128 = 1;

impl World {
    fn new(terrain: TerrainKind) -> Self {
        let scene = Scene::new(SceneConfig { terrain, name: "Here".into(), ..SceneConfig::default() });
        Self { scene, now: Moment::from_millis(1000), out: Vec::new() }
    }

    fn flat() -> Self {
        Self::new(TerrainKind::Flat(21.0))
    }

    fn add(&mut self, n: u128, root: bool, placement: Placement) -> LocalId {
        let new = NewPresence {
            agent: id(n),
            name: Default::default(),
            appearance: Default::default(),
            draw_distance_m: 128.0,
            root,
            placement,
        };
        self.scene.add(self.now, new, &mut self.out).unwrap()
    }

    /// An avatar that stands at a place and looks east.
    fn stand(&mut self, n: u128, x: f32, y: f32) -> LocalId {
        let local = self.add(n, true, Placement::facing(Vec3::new(x, y, 0.0), Vec3::X));
        self.run(Duration::from_secs(5));
        self.out.clear();
        local
    }

    fn keys(&mut self, n: u128, flags: F) {
        let body_rotation = self.me(n).rotation();
        self.control(n, &Control { flags, body_rotation, ..Control::default() });
    }

    fn control(&mut self, n: u128, control: &Control) {
        self.scene.control(self.now, id(n), control, &mut self.out);
    }

    fn me(&self, n: u128) -> &crate::Presence {
        self.scene.presence(id(n)).unwrap()
    }

    /// Lets time pass, one wake-up after the other.
    fn run(&mut self, time: Duration) {
        self.run_with(time, |_| {});
    }

    fn run_with(&mut self, time: Duration, mut each: impl FnMut(&mut Self)) {
        let end = self.now + time;
        while let Some(next) = self.scene.next_wakeup().filter(|&next| next <= end) {
            self.now = self.now.max(next);
            self.scene.tick(self.now, &mut self.out);
            each(self);
        }
        self.now = end;
    }

    fn count(&self, wanted: SceneEvent) -> usize {
        self.out.iter().filter(|&&event| event == wanted).count()
    }

    fn borders(&self) -> Vec<Vec3> {
        self.out
            .iter()
            .filter_map(|event| match event {
                SceneEvent::BorderReached { position, .. } => Some(*position),
                _ => None,
            })
            .collect()
    }
}

fn close(a: f32, b: f32, error: f32) {
    assert!((a - b).abs() <= error, "{a} is not {b}");
}

const SECOND: Duration = Duration::from_secs(1);
