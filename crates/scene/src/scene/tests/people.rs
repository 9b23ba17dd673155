use super::*;

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
fn appearances_are_told_and_bounded() {
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
