use super::*;

#[test]
fn a_border_is_told_once_and_holds() {
    let mut world = World::flat();
    world.stand(ANN, 250.0, 128.0);
    world.keys(ANN, F::AT_POS);
    world.run(20 * SECOND);
    let borders = world.borders();
    assert_eq!(borders.len(), 1);
    let position = borders[0];
    assert!(position.x >= 256.0 && position.x < 256.2, "{position}");
    let held = world.me(ANN);
    close(held.velocity().x, WALK_SPEED, 1e-3);
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
    let (position, velocity) = (world.borders()[0], world.me(ANN).velocity());
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
