use super::*;

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
