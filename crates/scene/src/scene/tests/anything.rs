use super::*;

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
