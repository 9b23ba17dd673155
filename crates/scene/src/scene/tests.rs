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

    fn borders(&self) -> Vec<(Vec3, Vec3)> {
        self.out
            .iter()
            .filter_map(|event| match event {
                SceneEvent::BorderReached { position, velocity, .. } => Some((*position, *velocity)),
                _ => None,
            })
            .collect()
    }
}

fn close(a: f32, b: f32, error: f32) {
    assert!((a - b).abs() <= error, "{a} is not {b}");
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn who_stands_costs_nothing() {
    let mut world = World::flat();
    assert_eq!(world.scene.next_wakeup(), None);
    for n in 1..=50 {
        world.stand(n, 100.0 + n as f32, 100.0);
    }
    assert_eq!(world.scene.next_wakeup(), None);
    world.control(ANN, &Control::default());
    assert_eq!(world.scene.next_wakeup(), None, "an AgentUpdate that says nothing new");
    world.scene.tick(world.now + SECOND, &mut world.out);
    assert_eq!(world.out, []);
}

#[test]
fn walking_is_as_fast_as_it_should_be_and_stops() {
    for (run, speed) in [(false, WALK_SPEED), (true, RUN_SPEED)] {
        let mut world = World::flat();
        world.stand(ANN, 100.0, 100.0);
        world.scene.set_always_run(world.now, id(ANN), run);
        world.keys(ANN, F::AT_POS | F::FAST_AT);
        assert_eq!(world.count(SceneEvent::Moved(id(ANN))), 1, "told before the first step");
        assert_eq!(world.count(SceneEvent::AnimationsChanged(id(ANN))), 1);
        assert_eq!(world.me(ANN).animations().motion(), if run { builtin::RUN } else { builtin::WALK });
        world.run(10 * SECOND);
        let position = world.me(ANN).position();
        close(position.x, 100.0 + 10.0 * speed, 0.1);
        close(position.y, 100.0, 1e-4);
        close(position.z, 21.0 + 0.95, 1e-4);
        let moved = world.count(SceneEvent::Moved(id(ANN)));
        assert!((38..=44).contains(&moved), "{moved} updates in ten seconds of straight walk");

        world.out.clear();
        world.keys(ANN, F::empty());
        assert_eq!(world.count(SceneEvent::Moved(id(ANN))), 1, "the end is told at once");
        assert_eq!(world.me(ANN).velocity(), Vec3::ZERO);
        assert_eq!(world.me(ANN).animations().motion(), builtin::STAND);
        let stopped = world.me(ANN).position();
        world.run(5 * SECOND);
        assert_eq!(world.me(ANN).position(), stopped);
        assert_eq!(world.count(SceneEvent::Moved(id(ANN))), 1, "and once");
        assert_eq!(world.scene.next_wakeup(), None);
    }
}

#[test]
fn every_key_has_its_direction() {
    for (flags, direction) in [
        (F::AT_POS, Vec3::X),
        (F::AT_NEG, Vec3::NEG_X),
        (F::LEFT_POS, Vec3::Y),
        (F::LEFT_NEG, Vec3::NEG_Y),
        (F::AT_POS | F::LEFT_POS, Vec3::new(1.0, 1.0, 0.0).normalize()),
        (F::AT_POS | F::AT_NEG, Vec3::ZERO),
        (F::AT_POS | F::STOP, Vec3::ZERO),
        (F::NUDGE_AT_POS, Vec3::X * 0.5),
        (F::NUDGE_LEFT_NEG, Vec3::Y * -0.5),
    ] {
        let mut world = World::flat();
        world.stand(ANN, 100.0, 100.0);
        let start = world.me(ANN).position();
        world.keys(ANN, flags);
        world.run(SECOND);
        let went = world.me(ANN).position() - start;
        assert!(went.distance(direction * WALK_SPEED) < 0.1, "{flags:?}: {went}");
    }
}

#[test]
fn turning_is_told_and_turns_the_walk() {
    let mut world = World::flat();
    world.stand(ANN, 100.0, 100.0);
    let north = Quat::from_rotation_z(core::f32::consts::FRAC_PI_2);
    world.control(ANN, &Control { body_rotation: north, flags: F::TURN_LEFT, ..Control::default() });
    assert_eq!(world.count(SceneEvent::Moved(id(ANN))), 1);
    assert_eq!(world.me(ANN).animations().motion(), builtin::TURN_LEFT);
    world.control(ANN, &Control { body_rotation: -north, flags: F::AT_POS, ..Control::default() });
    world.run(SECOND);
    close(world.me(ANN).position().y, 100.0 + WALK_SPEED, 0.1);
    close(world.me(ANN).position().x, 100.0, 0.01);
    close(world.me(ANN).look_at().y, 1.0, 1e-4);
}

#[test]
fn small_turns_in_a_row_are_told_in_the_end() {
    let mut world = World::flat();
    world.stand(ANN, 100.0, 100.0);
    for step in 1..=100u32 {
        let body_rotation = Quat::from_rotation_z(step as f32 * 0.01);
        world.control(ANN, &Control { body_rotation, ..Control::default() });
        world.run(Duration::from_millis(10));
    }
    let told = world.count(SceneEvent::Moved(id(ANN)));
    assert!((10..=20).contains(&told), "{told} updates in a second of turning");
    world.run(SECOND);
    assert_eq!(world.scene.next_wakeup(), None);
    let guess = world.me(ANN).reported;
    assert_eq!(guess.urgency(&world.me(ANN).body, world.now), Urgency::Known);
}

#[test]
fn falling_takes_its_time_and_ends_on_the_ground() {
    let mut world = World::flat();
    world.add(ANN, true, Placement::facing(Vec3::new(128.0, 128.0, 21.95 + 45.0), Vec3::X));
    assert_eq!(world.me(ANN).stance(), Stance::Air { jumping: false });
    let start = world.now;
    let mut landed = None;
    world.run_with(10 * SECOND, |world| {
        if landed.is_none() && world.me(ANN).stance() == Stance::Ground {
            landed = Some(world.now);
        }
    });
    let time = landed.unwrap().since(start).as_secs_f32();
    close(time, (2.0 * 45.0 / crate::GRAVITY).sqrt(), 0.05);
    close(world.me(ANN).position().z, 21.95, 1e-3);
    assert_eq!(world.me(ANN).velocity(), Vec3::ZERO);
    assert_eq!(world.me(ANN).animations().motion(), builtin::STAND, "the hard landing is over");
    assert_eq!(world.scene.next_wakeup(), None);
}

#[test]
fn a_jump_goes_up_and_down_once() {
    let mut world = World::flat();
    world.stand(ANN, 128.0, 128.0);
    world.keys(ANN, F::UP_POS);
    let mut top = 0.0f32;
    world.run_with(3 * SECOND, |world| top = top.max(world.me(ANN).position().z));
    close(top - 21.95, JUMP_SPEED * JUMP_SPEED / (2.0 * crate::GRAVITY), 0.1);
    close(world.me(ANN).position().z, 21.95, 1e-3);
    assert_eq!(world.me(ANN).stance(), Stance::Ground, "a held key does not jump again");
    world.keys(ANN, F::empty());
    world.keys(ANN, F::UP_POS);
    assert_eq!(world.me(ANN).stance(), Stance::Air { jumping: true });
}

#[test]
fn flight_rises_goes_hovers_and_falls() {
    let mut world = World::flat();
    world.stand(ANN, 60.0, 128.0);
    world.keys(ANN, F::FLY | F::UP_POS);
    assert!(world.me(ANN).is_flying());
    assert_eq!(world.me(ANN).animations().motion(), builtin::HOVER_UP);
    world.run(2 * SECOND);
    let z = world.me(ANN).position().z;
    assert!((36.0..=43.0).contains(&z), "{z}");
    world.keys(ANN, F::FLY | F::AT_POS);
    world.run(5 * SECOND);
    assert_eq!(world.me(ANN).animations().motion(), builtin::FLY);
    close(world.me(ANN).velocity().x, FLY_SPEED, 0.01);
    world.keys(ANN, F::FLY);
    world.run(5 * SECOND);
    assert_eq!(world.me(ANN).velocity(), Vec3::ZERO);
    assert_eq!(world.me(ANN).animations().motion(), builtin::HOVER);
    assert_eq!(world.scene.next_wakeup(), None, "hovering costs nothing");
    assert_eq!(world.me(ANN).foot_plane(), None);
    world.keys(ANN, F::FLY | F::UP_NEG);
    world.run(10 * SECOND);
    close(world.me(ANN).position().z, 21.95, 1e-3);
    world.keys(ANN, F::FLY | F::UP_POS);
    world.run(SECOND);
    world.keys(ANN, F::empty());
    assert_eq!(world.me(ANN).stance(), Stance::Air { jumping: false });
    world.run(5 * SECOND);
    assert_eq!(world.me(ANN).stance(), Stance::Ground);
}

#[test]
fn the_sky_has_an_end() {
    let mut world = World::flat();
    let high = Placement { flying: true, ..Placement::facing(Vec3::new(9.0, 9.0, 1e9), Vec3::X) };
    world.add(ANN, true, high);
    world.run(SECOND);
    let high = Placement { position: Vec3::new(9.0, 9.0, 1e5), ..high };
    world.scene.relocate(world.now, id(ANN), high, &mut world.out);
    assert_eq!(world.me(ANN).position().z, crate::MAX_HEIGHT_M);
    world.keys(ANN, F::FLY | F::UP_POS);
    world.run(5 * SECOND);
    assert_eq!(world.me(ANN).position().z, crate::MAX_HEIGHT_M);
}

#[test]
fn feet_follow_the_slopes() {
    let mut world = World::new(TerrainKind::Island { seed: 5 });
    world.stand(ANN, 20.0, 128.0);
    world.keys(ANN, F::AT_POS);
    let (mut lowest, mut highest) = (f32::MAX, f32::MIN);
    world.run_with(60 * SECOND, |world| {
        let p = world.me(ANN).position();
        let ground = world.scene.terrain().height(p.x, p.y);
        close(p.z, ground + 0.95, 0.3);
        if world.me(ANN).stance() == Stance::Ground {
            close(p.z, ground + 0.95, 1e-3);
        }
        lowest = lowest.min(ground);
        highest = highest.max(ground);
    });
    close(world.me(ANN).position().x, 20.0 + 60.0 * WALK_SPEED, 0.2);
    assert!(highest - lowest > 3.0, "there were slopes");
    let (normal, distance) = world.me(ANN).foot_plane().unwrap();
    close(normal.length(), 1.0, 1e-4);
    close(normal.dot(world.me(ANN).position() - Vec3::Z * 0.95), distance, 1e-2);
}

#[test]
fn sitting_on_the_ground_needs_standing_up() {
    let mut world = World::flat();
    world.stand(ANN, 128.0, 128.0);
    world.keys(ANN, F::SIT_ON_GROUND);
    assert_eq!(world.me(ANN).stance(), Stance::SittingOnGround);
    assert_eq!(world.me(ANN).animations().motion(), builtin::SIT_GROUND);
    world.keys(ANN, F::AT_POS);
    world.run(SECOND);
    close(world.me(ANN).position().x, 128.0, 1e-6);
    world.keys(ANN, F::STAND_UP);
    assert_eq!(world.me(ANN).stance(), Stance::Ground);
    world.keys(ANN, F::AT_POS);
    world.run(SECOND);
    close(world.me(ANN).position().x, 128.0 + WALK_SPEED, 0.1);
}

#[test]
fn a_border_is_told_once_and_holds() {
    let mut world = World::flat();
    world.stand(ANN, 250.0, 128.0);
    world.keys(ANN, F::AT_POS);
    world.run(20 * SECOND);
    let borders = world.borders();
    assert_eq!(borders.len(), 1);
    let (position, velocity) = borders[0];
    assert!(position.x >= 256.0 && position.x < 256.2, "{position}");
    close(velocity.x, WALK_SPEED, 1e-3);
    let held = world.me(ANN);
    assert!(held.is_held_at_border());
    assert!((255.5..256.0).contains(&held.position().x), "{}", held.position());
    let still = held.position();
    world.keys(ANN, F::AT_POS | F::LEFT_POS);
    world.run(5 * SECOND);
    assert_eq!(world.me(ANN).position(), still);
    assert_eq!(world.borders().len(), 1);
    assert_eq!(world.scene.next_wakeup(), None, "waiting costs nothing");
}

#[test]
fn a_refused_border_is_a_wall_without_jitter() {
    let mut world = World::flat();
    world.stand(ANN, 250.0, 128.0);
    world.keys(ANN, F::AT_POS);
    world.run(5 * SECOND);
    world.out.clear();
    world.scene.border_refused(world.now, id(ANN), &mut world.out);
    assert_eq!(world.out, [SceneEvent::AnimationsChanged(id(ANN)), SceneEvent::Moved(id(ANN))]);
    let still = world.me(ANN).position();
    world.out.clear();
    world.run_with(5 * SECOND, |world| assert_eq!(world.me(ANN).position(), still));
    assert_eq!(world.borders(), []);
    assert_eq!(world.count(SceneEvent::Moved(id(ANN))), 0);
    assert_eq!(world.scene.next_wakeup(), None);

    // Along the wall it goes on.
    world.keys(ANN, F::AT_POS | F::LEFT_POS);
    world.run(2 * SECOND);
    assert_eq!(world.me(ANN).position().x, still.x);
    close(world.me(ANN).position().y, 128.0 + 2.0 * WALK_SPEED / 2f32.sqrt(), 0.1);
    assert_eq!(world.borders(), []);

    // Letting go and coming again is another approach.
    world.keys(ANN, F::empty());
    world.run(BORDER_RETRY);
    world.keys(ANN, F::AT_POS);
    world.run(SECOND);
    assert_eq!(world.borders().len(), 1);

    // Refused again; a quick tap on the key is not.
    world.scene.border_refused(world.now, id(ANN), &mut world.out);
    world.keys(ANN, F::empty());
    world.run(Duration::from_millis(100));
    world.keys(ANN, F::AT_POS);
    world.run(3 * SECOND);
    assert_eq!(world.borders().len(), 1);
}

#[test]
fn who_walks_back_from_a_refused_border_may_come_again() {
    let mut world = World::flat();
    world.stand(ANN, 254.0, 128.0);
    world.keys(ANN, F::AT_POS);
    world.run(2 * SECOND);
    world.scene.border_refused(world.now, id(ANN), &mut world.out);
    world.keys(ANN, F::AT_NEG);
    world.run(2 * SECOND);
    world.keys(ANN, F::AT_POS);
    world.run(5 * SECOND);
    assert_eq!(world.borders().len(), 2);
}

#[test]
fn crossing_over() {
    let mut world = World::flat();
    let first = world.stand(ANN, 250.0, 128.0);
    world.keys(ANN, F::AT_POS);
    world.run(5 * SECOND);
    let (position, velocity) = world.borders()[0];
    world.scene.freeze(world.now, id(ANN), true);
    world.out.clear();
    world.scene.make_child(id(ANN), &mut world.out);
    assert_eq!(world.out, [SceneEvent::Vanished { agent: id(ANN), local_id: first }]);
    assert_eq!((world.scene.root_count(), world.scene.child_count()), (0, 1));
    assert_ne!(world.me(ANN).local_id(), first, "numbers of the dead are not used again");

    // On the other side it arrives as a child that becomes root, and walks on until its viewer speaks.
    let mut there = World::flat();
    there.add(ANN, false, Placement::default());
    assert_eq!(there.out, []);
    let placement = Placement {
        position: position - Vec3::X * 256.0,
        velocity,
        controls: F::AT_POS,
        ..Placement::facing(position, Vec3::X)
    };
    let local = there.scene.make_root(there.now, id(ANN), placement, &mut there.out).unwrap();
    assert_eq!(there.out[0], SceneEvent::Appeared(id(ANN)));
    assert_eq!(there.me(ANN).local_id(), local);
    assert_eq!(there.me(ANN).animations().motion(), builtin::WALK);
    there.run(SECOND);
    close(there.me(ANN).position().x, WALK_SPEED, 0.2);
    there.run(2 * INHERITED_CONTROL_LIMIT);
    assert_eq!(there.me(ANN).velocity(), Vec3::ZERO, "a viewer that stays silent does not walk for ever");
    close(there.me(ANN).position().x, WALK_SPEED * INHERITED_CONTROL_LIMIT.as_secs_f32(), 0.3);
}

#[test]
fn a_viewer_that_speaks_keeps_walking() {
    let mut world = World::flat();
    let placement = Placement { controls: F::AT_POS, ..Placement::facing(Vec3::new(1.0, 9.0, 0.0), Vec3::X) };
    world.add(ANN, true, placement);
    world.run(SECOND);
    world.keys(ANN, F::AT_POS);
    world.run(9 * SECOND);
    close(world.me(ANN).position().x, 1.0 + 10.0 * WALK_SPEED, 0.2);
}

#[test]
fn the_frozen_do_not_move() {
    let mut world = World::flat();
    world.stand(ANN, 253.0, 128.0);
    world.keys(ANN, F::AT_POS);
    world.scene.freeze(world.now, id(ANN), true);
    world.run(10 * SECOND);
    close(world.me(ANN).position().x, 253.0, 1e-3);
    world.keys(ANN, F::AT_POS | F::UP_POS);
    assert_eq!(world.borders(), []);
    world.scene.freeze(world.now, id(ANN), false);
    world.run(10 * SECOND);
    assert_eq!(world.borders().len(), 1);
}

#[test]
fn relocation_is_told_at_once_and_ends_what_was() {
    let mut world = World::flat();
    world.stand(ANN, 250.0, 128.0);
    world.keys(ANN, F::AT_POS);
    world.run(5 * SECOND);
    assert!(world.me(ANN).is_held_at_border());
    world.out.clear();
    let to = Placement::facing(Vec3::new(10.0, 20.0, 0.0), Vec3::Y);
    world.scene.relocate(world.now, id(ANN), to, &mut world.out);
    assert_eq!(world.count(SceneEvent::Moved(id(ANN))), 1);
    assert_eq!(world.me(ANN).position(), Vec3::new(10.0, 20.0, 21.95));
    close(world.me(ANN).look_at().y, 1.0, 1e-5);
    assert!(!world.me(ANN).is_held_at_border());
    assert_eq!(world.me(ANN).velocity(), Vec3::ZERO);
}

#[test]
fn placements_end_up_in_the_region_and_above_its_ground() {
    for (position, wanted) in [
        (Vec3::new(-5.0, 300.0, -100.0), Vec3::new(0.01, 255.99, 21.95)),
        (Vec3::new(f32::NAN, 1.0, 1.0), Vec3::new(128.0, 128.0, 21.95)),
        (Vec3::new(1.0, f32::INFINITY, 1.0), Vec3::new(128.0, 128.0, 21.95)),
        (Vec3::new(5.0, 5.0, 22.1), Vec3::new(5.0, 5.0, 21.95)),
    ] {
        let mut world = World::flat();
        world.add(ANN, true, Placement { position, ..Placement::default() });
        assert!(world.me(ANN).position().distance(wanted) < 1e-3, "{}", world.me(ANN).position());
    }
}

#[test]
fn appearances_and_names_are_told_and_bounded() {
    let mut world = World::flat();
    world.stand(ANN, 10.0, 10.0);
    let tall = crate::Appearance { size: Vec3::new(0.45, 0.6, 2.5), ..Default::default() };
    world.scene.set_appearance(world.now, id(ANN), tall, &mut world.out).unwrap();
    assert_eq!(world.out, [SceneEvent::Changed(id(ANN)), SceneEvent::AppearanceChanged(id(ANN))]);
    world.run(SECOND);
    close(world.me(ANN).position().z, 21.0 + 1.25, 1e-3);
    let wild =
        crate::Appearance { size: Vec3::splat(f32::NAN), hover_m: f32::INFINITY, ..Default::default() };
    world.scene.set_appearance(world.now, id(ANN), wild, &mut world.out).unwrap();
    assert_eq!(world.me(ANN).appearance().size, crate::Appearance::default().size);
    let huge = crate::Appearance { texture_entry: vec![0; 1 << 20].into(), ..Default::default() };
    assert!(world.scene.set_appearance(world.now, id(ANN), huge, &mut world.out).is_err());
    world.out.clear();
    let name = crate::AvatarName { title: "Boss".into(), ..Default::default() };
    world.scene.set_name(id(ANN), name.clone(), &mut world.out);
    world.scene.set_name(id(ANN), name, &mut world.out);
    assert_eq!(world.out, [SceneEvent::Changed(id(ANN))]);
}

#[test]
fn speech_carries_as_far_as_it_is_loud() {
    let mut world = World::flat();
    world.stand(1, 50.0, 100.0);
    world.stand(2, 59.0, 100.0);
    world.stand(3, 69.0, 100.0);
    world.stand(4, 149.0, 100.0);
    world.stand(5, 152.0, 100.0);
    world.add(6, false, Placement::default());
    world.add(7, false, Placement::default());
    world.scene.set_child_position(id(7), Some(Vec3::new(-9.0, 100.0, 21.95)));
    let from = world.me(1).position();
    let hears = |kind| world.scene.hearers(from, kind).collect::<Vec<_>>();
    assert_eq!(hears(ChatType::Whisper), [id(1), id(2)]);
    assert_eq!(hears(ChatType::Say), [id(1), id(2), id(3)]);
    assert_eq!(hears(ChatType::Shout), [id(1), id(2), id(3), id(4), id(7)]);
}

#[test]
fn coarse_locations_are_of_roots_and_told_now_and_then() {
    let mut world = World::flat();
    world.stand(2, 10.5, 20.5);
    world.stand(1, 200.0, 5.0);
    world.add(3, false, Placement::default());
    let places: Vec<_> = world.scene.coarse_locations().map(|c| (c.agent, c.x, c.y, c.z)).collect();
    assert_eq!(places, [(id(1), 200, 5, 5), (id(2), 10, 20, 5)]);
    world.keys(2, F::AT_POS);
    world.run(10 * SECOND);
    let told = world.count(SceneEvent::CoarseLocationsChanged);
    assert!((4..=6).contains(&told), "{told} times in ten seconds");
    world.keys(2, F::empty());
    world.run(10 * SECOND);
    assert_eq!(world.scene.next_wakeup(), None);
    world.out.clear();
    world.scene.remove(id(1), &mut world.out);
    world.run(10 * SECOND);
    assert_eq!(world.count(SceneEvent::CoarseLocationsChanged), 1);
}

#[test]
fn a_late_tick_does_not_run_after_lost_time() {
    let mut world = World::flat();
    world.stand(ANN, 10.0, 10.0);
    world.keys(ANN, F::AT_POS);
    let now = world.now + Duration::from_secs(3600);
    world.scene.tick(now, &mut world.out);
    assert!(world.me(ANN).position().x < 11.0);
    assert!(world.scene.next_wakeup().unwrap() > now);
}

#[test]
fn batching_ticks_changes_nothing() {
    let walk = |every: u32| {
        let mut world = World::new(TerrainKind::Island { seed: 3 });
        world.add(ANN, true, Placement::facing(Vec3::new(60.0, 60.0, 60.0), Vec3::ONE));
        world.control(
            ANN,
            &Control { flags: F::AT_POS, body_rotation: Quat::from_rotation_z(0.5), ..Control::default() },
        );
        for _ in 0..240 / every {
            world.now += STEP * every;
            world.scene.tick(world.now, &mut world.out);
        }
        world.me(ANN).position()
    };
    let one = walk(1);
    assert_eq!(one, walk(4));
    assert_eq!(one, walk(10));
}

#[test]
fn coming_twice_is_no_trouble() {
    let mut world = World::flat();
    let local = world.stand(ANN, 10.0, 10.0);
    assert_eq!(world.add(ANN, true, Placement::default()), local);
    assert_eq!((world.scene.root_count(), world.scene.child_count()), (1, 0));
    assert_eq!(world.me(ANN).position().x, 10.0, "a root stays where it is");
    let gone = world.scene.remove(id(ANN), &mut world.out).unwrap();
    assert_eq!(gone.local_id(), local);
    assert!(gone.is_root());
    assert!(world.scene.remove(id(ANN), &mut world.out).is_none());
    assert_eq!(world.scene.candidate(local), None);
    assert_ne!(world.stand(ANN, 10.0, 10.0), local);
}

/// Anything a float can be, and often something usable.
fn float(u: &mut arbitrary::Unstructured) -> arbitrary::Result<f32> {
    Ok(match u.int_in_range(0..=3)? {
        0 => f32::from_bits(u.arbitrary()?),
        1 => f32::from(u.arbitrary::<i16>()?) / 64.0,
        _ => f32::from(u.arbitrary::<i8>()?) / 127.0,
    })
}

fn vec3(u: &mut arbitrary::Unstructured) -> arbitrary::Result<Vec3> {
    Ok(Vec3::new(float(u)?, float(u)?, float(u)?))
}

fn quat(u: &mut arbitrary::Unstructured) -> arbitrary::Result<Quat> {
    Ok(Quat::from_xyzw(float(u)?, float(u)?, float(u)?, float(u)?))
}

fn placement(u: &mut arbitrary::Unstructured) -> arbitrary::Result<Placement> {
    Ok(Placement {
        position: vec3(u)?,
        velocity: vec3(u)?,
        rotation: quat(u)?,
        flying: u.arbitrary()?,
        controls: F::from_bits_retain(u.arbitrary()?),
    })
}

/// Whatever viewers and regions do, everybody stays finite, inside, above ground, and findable; who watches guesses
/// right; and nobody is awake for ever.
#[test]
fn whatever_happens_the_scene_holds_together() {
    arbtest::arbtest(|u| {
        let terrain = if u.arbitrary()? {
            TerrainKind::Flat(float(u)?)
        } else {
            TerrainKind::Island { seed: u.int_in_range(0..=2)? }
        };
        let mut world = World::new(terrain);
        for _ in 0..u.int_in_range(0..=30)? {
            let n = u.int_in_range(1..=4)?;
            match u.int_in_range(0..=9)? {
                0 => {
                    let (root, placement) = (u.arbitrary()?, placement(u)?);
                    world.add(n, root, placement);
                }
                1 => {
                    let placement = placement(u)?;
                    world.scene.make_root(world.now, id(n), placement, &mut world.out);
                }
                2 => world.scene.make_child(id(n), &mut world.out),
                3 => drop(world.scene.remove(id(n), &mut world.out)),
                4 => {
                    let placement = placement(u)?;
                    world.scene.relocate(world.now, id(n), placement, &mut world.out);
                }
                5 => {
                    let frozen = u.arbitrary()?;
                    world.scene.freeze(world.now, id(n), frozen);
                }
                6 => world.scene.border_refused(world.now, id(n), &mut world.out),
                7 => {
                    let size = vec3(u)?;
                    let look = crate::Appearance { size, hover_m: float(u)?, ..Default::default() };
                    let _ = world.scene.set_appearance(world.now, id(n), look, &mut world.out);
                }
                _ => {
                    let control = Control {
                        flags: F::from_bits_retain(u.arbitrary()?),
                        body_rotation: quat(u)?,
                        head_rotation: quat(u)?,
                        camera: crate::Camera {
                            center: vec3(u)?,
                            at: vec3(u)?,
                            left: vec3(u)?,
                            up: vec3(u)?,
                        },
                        draw_distance_m: float(u)?,
                        state: u.arbitrary()?,
                    };
                    world.control(n, &control);
                }
            }
            let time = Duration::from_millis(u.int_in_range(0..=1500)?);
            world.run_with(time, check_all);
            check_all(&mut world);
        }
        let roots = world.scene.presences().filter(|presence| presence.is_root()).count();
        assert_eq!(roots, world.scene.root_count());
        assert_eq!(world.scene.presences().count(), world.scene.root_count() + world.scene.child_count());
        for n in 1..=4 {
            world.scene.remove(id(n), &mut world.out);
        }
        world.run(5 * SECOND);
        assert_eq!(world.scene.next_wakeup(), None, "an empty region never ticks");
        Ok(())
    });
}

fn check_all(world: &mut World) {
    for presence in world.scene.presences() {
        assert_eq!(
            world.scene.presence_by_local(presence.local_id()).map(crate::Presence::agent),
            Some(presence.agent())
        );
        let camera = presence.camera();
        assert!([camera.center, camera.at, camera.left, camera.up].iter().all(|v| v.is_finite()));
        assert!(presence.head_rotation().is_normalized() && presence.draw_distance_m().is_finite());
        if !presence.is_root() {
            continue;
        }
        let p = presence.position();
        assert!(world.scene.config().size.contains(p), "{p}");
        assert!(p.is_finite() && presence.velocity().is_finite() && presence.acceleration().is_finite());
        assert!(presence.velocity().length() < 120.0);
        assert!(presence.rotation().is_normalized() && presence.rotation().w >= 0.0);
        let sole = p.z - presence.appearance().size.z * 0.5 - world.scene.terrain().height(p.x, p.y);
        // A body that just grew stands in the ground until the next step.
        assert!(sole > -crate::AVATAR_SIZE_LIMITS_M.1, "{sole}");
    }
}

/// Who carries on what was told last is never far off.
#[test]
fn watchers_guess_right() {
    arbtest::arbtest(|u| {
        let mut world = World::new(TerrainKind::Island { seed: 4 });
        world.stand(ANN, 128.0, 128.0);
        let flies: bool = u.arbitrary()?;
        for _ in 0..u.int_in_range(1..=6)? {
            let mut flags = F::from_bits_truncate(u.int_in_range(0..=0x3F)?);
            flags.set(F::FLY, flies);
            let body_rotation = Quat::from_rotation_z(f32::from(u.arbitrary::<i8>()?) / 40.0);
            world.control(ANN, &Control { flags, body_rotation, ..Control::default() });
            let (mut told, mut told_at) = (world.me(ANN).body, world.now);
            world.run_with(Duration::from_millis(u.int_in_range(0..=1200)?), |world| {
                if world.out.contains(&SceneEvent::Moved(id(ANN))) {
                    (told, told_at) = (world.me(ANN).body, world.now);
                    world.out.clear();
                }
                let age = world.now.since(told_at);
                assert!(age <= KEEP_ALIVE + STEP || told.velocity == Vec3::ZERO);
                if !world.me(ANN).is_held_at_border() {
                    let guess = told.position + told.velocity * age.as_secs_f32();
                    let error = guess.distance(world.me(ANN).position());
                    // One interval of the fastest change of mind: somebody who turns round.
                    let speed =
                        if flies { FLY_SPEED + crate::FLY_VERTICAL_SPEED } else { WALK_SPEED + JUMP_SPEED };
                    assert!(error < 0.1 + 2.0 * speed * 0.085, "{error}");
                }
            });
        }
        Ok(())
    });
}
