//! What a crowd costs: motion of 1000 avatars, and the order of updates for one viewer of 1000 avatars. Allocations
//! are shown beside the times; in the steady state there are none.

use divan::{AllocProfiler, Bencher, black_box};
use model::{AgentId, LocalId, Moment, Uuid, Vec3};
use scene::interest::InterestList;
use scene::{
    Control, ControlFlags, NewPresence, Placement, STEP, Scene, SceneConfig, SceneEvent, TerrainKind,
};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

/// Avatars on a grid of 32 by 32, all turned another way, walking if wanted.
fn crowd(count: u32, walking: bool) -> (Scene, Vec<LocalId>, Moment) {
    let config = SceneConfig { terrain: TerrainKind::Island { seed: 1 }, ..SceneConfig::default() };
    let mut scene = Scene::new(config);
    let (mut now, mut out, mut locals) = (Moment::ZERO, Vec::new(), Vec::new());
    for n in 0..count {
        let position = Vec3::new(40.0 + (n % 32) as f32 * 5.0, 40.0 + (n / 32) as f32 * 5.0, 0.0);
        let look_at = Vec3::new((n as f32).cos(), (n as f32).sin(), 0.0);
        let placement = Placement::facing(position, look_at);
        let agent = AgentId(Uuid::from_u128(u128::from(n) + 1));
        let new = NewPresence {
            agent,
            name: Default::default(),
            appearance: Default::default(),
            draw_distance_m: 128.0,
            root: true,
            placement,
        };
        locals.extend(scene.add(now, new, &mut out));
        if walking {
            let flags = ControlFlags::AT_POS;
            let control = Control { flags, body_rotation: placement.rotation, ..Control::default() };
            scene.control(now, agent, &control, &mut out);
        }
    }
    for _ in 0..200 {
        now += STEP;
        scene.tick(now, &mut out);
        out.clear();
    }
    (scene, locals, now)
}

#[divan::bench(args = [true, false])]
fn step_of_1000(bencher: Bencher, walking: bool) {
    let (mut scene, _, mut now) = crowd(1000, walking);
    let mut out: Vec<SceneEvent> = Vec::with_capacity(8192);
    let mut steps = 0;
    bencher.bench_local(|| {
        steps += 1;
        if walking && steps % 400 == 0 {
            // Turn round before anybody gets to the border.
            let agents: Vec<(AgentId, Control)> = scene
                .presences()
                .map(|presence| {
                    let body_rotation =
                        presence.rotation() * model::Quat::from_rotation_z(core::f32::consts::PI);
                    let control =
                        Control { flags: ControlFlags::AT_POS, body_rotation, ..Control::default() };
                    (presence.agent(), control)
                })
                .collect();
            for (agent, control) in agents {
                scene.control(now, agent, &control, &mut out);
            }
        }
        now += STEP;
        out.clear();
        scene.tick(now, &mut out);
        black_box(out.len())
    });
}

#[divan::bench]
fn control_of_one_in_1000(bencher: Bencher) {
    let (mut scene, _, now) = crowd(1000, true);
    let mut out = Vec::with_capacity(64);
    let agent = AgentId(Uuid::from_u128(500));
    let mut angle = 0.0f32;
    bencher.bench_local(|| {
        angle += 0.01;
        let body_rotation = model::Quat::from_rotation_z(angle);
        out.clear();
        scene.control(
            now,
            agent,
            &Control { flags: ControlFlags::AT_POS, body_rotation, ..Control::default() },
            &mut out,
        );
    });
}

/// Everybody moved: one viewer's list is marked and handed out.
#[divan::bench(args = [100, 1000])]
fn updates_of_all_to_one(bencher: Bencher, count: u32) {
    let (scene, locals, _) = crowd(count, true);
    let mut list = InterestList::new();
    let mut round = || {
        for &local in &locals {
            list.mark_terse(local);
        }
        let mut handed_out = 0;
        while let Some(pending) = list.next(Vec3::new(128.0, 128.0, 22.0), |local| scene.candidate(local)) {
            let presence = scene.presence_by_local(pending.local).expect("the list asked the scene");
            black_box(scene::wire::avatar_terse(presence));
            handed_out += 1;
        }
        handed_out
    };
    round();
    bencher.bench_local(round);
}

/// One avatar moved, and 1000 viewers are marked.
#[divan::bench]
fn move_of_one_to_1000(bencher: Bencher) {
    let (scene, locals, _) = crowd(1000, false);
    let mut lists = vec![InterestList::new(); 1000];
    let here = Vec3::new(128.0, 128.0, 22.0);
    for list in &mut lists {
        for &local in &locals {
            list.mark_full(local);
        }
        while list.next(here, |local| scene.candidate(local)).is_some() {}
    }
    bencher.bench_local(|| {
        for list in &mut lists {
            list.mark_terse(locals[500]);
            black_box(list.next(here, |local| scene.candidate(local)));
        }
    });
}
