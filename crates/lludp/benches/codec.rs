//! What a busy region does most: reading AgentUpdates, writing object updates, zerocoding.

#![allow(missing_docs, reason = "the macro makes undocumented items")]

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use lludp::header::{Flags, open, seal_message};
use lludp::messages::{
    AgentUpdate, ImprovedTerseObjectUpdate, ObjectUpdate, agent_update, improved_terse_object_update,
    object_update,
};
use lludp::{Message, PackedQuat, WireMessage, zerocode};
use model::{Uuid, Vec3};

fn main() {
    divan::main();
}

fn agent_update() -> AgentUpdate {
    AgentUpdate {
        agent_data: agent_update::AgentData {
            agent_id: Uuid::from_u128(0x1234_5678_9ABC_DEF0_1234_5678_9ABC_DEF0),
            session_id: Uuid::from_u128(0x0FED_CBA9_8765_4321_0FED_CBA9_8765_4321),
            body_rotation: PackedQuat { x: 0.0, y: 0.0, z: 0.7 },
            head_rotation: PackedQuat { x: 0.0, y: 0.0, z: 0.7 },
            state: 0,
            camera_center: Vec3::new(128.0, 127.5, 30.0),
            camera_at_axis: Vec3::X,
            camera_left_axis: Vec3::Y,
            camera_up_axis: Vec3::Z,
            far: 128.0,
            control_flags: 1,
            flags: 0,
        },
    }
}

fn terse_entry() -> improved_terse_object_update::ObjectData<'static> {
    improved_terse_object_update::ObjectData { data: &[0x7F; 60], texture_entry: &[] }
}

fn object_entry() -> object_update::ObjectData<'static> {
    object_update::ObjectData {
        id: 1234,
        state: 0,
        full_id: Uuid::from_u128(7),
        crc: 0,
        p_code: 47,
        material: 4,
        click_action: 0,
        scale: Vec3::new(0.45, 0.6, 1.9),
        object_data: &[0; 76],
        parent_id: 0,
        update_flags: 0,
        path_curve: 16,
        profile_curve: 1,
        path_begin: 0,
        path_end: 0,
        path_scale_x: 100,
        path_scale_y: 100,
        path_shear_x: 0,
        path_shear_y: 0,
        path_twist: 0,
        path_twist_begin: 0,
        path_radius_offset: 0,
        path_taper_x: 0,
        path_taper_y: 0,
        path_revolutions: 0,
        path_skew: 0,
        profile_begin: 0,
        profile_end: 0,
        profile_hollow: 0,
        texture_entry: &[],
        texture_anim: &[],
        name_value: b"FirstName STRING RW SV Test\nLastName STRING RW SV User\nTitle STRING RW SV \0",
        data: &[],
        text: &[],
        text_color: [0; 4],
        media_url: &[],
        ps_block: &[],
        extra_params: &[0],
        sound: Uuid::nil(),
        owner_id: Uuid::nil(),
        gain: 0.0,
        flags: 0,
        radius: 0.0,
        joint_type: 0,
        joint_pivot: Vec3::ZERO,
        joint_axis_or_anchor: Vec3::ZERO,
    }
}

/// From the datagram to the message.
#[divan::bench(args = [false, true])]
fn read_agent_update(bencher: Bencher, zerocoded: bool) {
    let (mut datagram, mut scratch) = (Vec::new(), Vec::new());
    let flags = if zerocoded { Flags::ZEROCODED } else { Flags::empty() };
    lludp::header::seal(&mut datagram, flags, 1, |out| agent_update().encode(out), &mut scratch);
    bencher.counter(ItemsCount::new(1_u32)).bench_local(|| {
        let opened = open(black_box(&datagram), &mut scratch).expect("sealed above");
        let Ok(Message::AgentUpdate(update)) = Message::decode(opened.body) else { unreachable!() };
        update.agent_data.control_flags
    });
}

/// The same with the check that a server makes.
#[divan::bench]
fn read_agent_update_checked(bencher: Bencher) {
    let mut body = Vec::new();
    agent_update().encode(&mut body);
    bencher.counter(ItemsCount::new(1_u32)).bench_local(|| {
        let message = Message::decode(black_box(&body)).expect("encoded above");
        let info = message.info();
        lludp::walk::check_finite(info, &body[info.frequency.id_len()..]).is_ok()
    });
}

/// From avatars that moved to the datagram that says so.
#[divan::bench(args = [1, 10])]
fn write_terse_updates(bencher: Bencher, avatars: usize) {
    let entries = vec![terse_entry(); avatars];
    let (mut out, mut scratch) = (Vec::with_capacity(2048), Vec::with_capacity(2048));
    bencher.counter(ItemsCount::new(avatars)).bench_local(|| {
        out.clear();
        let region_data = improved_terse_object_update::RegionData {
            region_handle: 0x0003_E800_0003_E900,
            time_dilation: 65535,
        };
        let message = ImprovedTerseObjectUpdate { region_data, object_data: black_box(&entries).into() };
        seal_message(&mut out, Flags::empty(), 7, &message, &mut scratch);
        out.len()
    });
}

/// An avatar's full update, zerocoded.
#[divan::bench]
fn write_object_update(bencher: Bencher) {
    let entries = [object_entry()];
    let (mut out, mut scratch) = (Vec::with_capacity(2048), Vec::with_capacity(2048));
    bencher.counter(ItemsCount::new(1_u32)).bench_local(|| {
        out.clear();
        let region_data =
            object_update::RegionData { region_handle: 0x0003_E800_0003_E900, time_dilation: 65535 };
        let message = ObjectUpdate { region_data, object_data: black_box(&entries).into() };
        seal_message(&mut out, Flags::RELIABLE, 7, &message, &mut scratch);
        out.len()
    });
}

/// A kilobyte, a third of it zeros in short runs.
fn kilobyte() -> Vec<u8> {
    (0..1024_usize).map(|i| if i % 9 < 3 { 0 } else { i as u8 | 1 }).collect()
}

#[divan::bench]
fn zerocode_kilobyte(bencher: Bencher) {
    let (plain, mut coded) = (kilobyte(), Vec::with_capacity(2048));
    bencher.counter(BytesCount::new(plain.len())).bench_local(|| {
        coded.clear();
        zerocode::code(black_box(&plain), &mut coded);
        coded.len()
    });
}

#[divan::bench]
fn expand_kilobyte(bencher: Bencher) {
    let (mut coded, mut plain) = (Vec::new(), Vec::with_capacity(2048));
    zerocode::code(&kilobyte(), &mut coded);
    bencher.counter(BytesCount::new(1024_usize)).bench_local(|| {
        plain.clear();
        zerocode::expand(black_box(&coded), &mut plain).is_ok()
    });
}
