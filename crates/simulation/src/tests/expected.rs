//! What recorded requests mean, value by value.

use super::recorded::exchange;
use crate::{Target, claimed_source};
use model::{
    AgentId, AssetId, CapsSecret, RegionHandle, RegionId, RegionSize, SessionId, TeleportFlags, Vec3,
};
use transfer::{AgentData, CreateAgent, Offer, PeerCall, QueryAccess, ReleaseWhen, Version, VersionRange};

const WIRE_ONE: &str = "00000000-0000-4000-8000-000000000001";
const TEST_USER: &str = "e4f3924a-5a7c-4e1a-bee7-aa96580f2515";

fn agent(id: &str) -> AgentId {
    AgentId(id.parse().unwrap())
}

fn region(id: &str) -> RegionId {
    RegionId(id.parse().unwrap())
}

fn create(name: &str) -> (Target, CreateAgent) {
    match exchange(name).read() {
        crate::Incoming { to, call: PeerCall::CreateAgent(create), .. } => (to, *create),
        other => panic!("{name}: {other:?}"),
    }
}

fn update(name: &str) -> (Target, AgentData) {
    match exchange(name).read() {
        crate::Incoming { to, call: PeerCall::UpdateAgent(data), .. } => (to, *data),
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn three_generations_ask_for_access() {
    let range = |low, high| VersionRange { low: Version::new(low), high: Version::new(high) };
    let modern = Offer::of(range(3, 8));
    let (origin, border) = (Vec3::ZERO, Vec3::new(0.3204041, 127.9983, 0.9472256));
    let (old, new) = (agent(WIRE_ONE), agent(TEST_USER));
    let cases = [
        ("0.7.5.1/query.", "a0000000-0000-4000-8000-000000175202", old, origin, true, Offer::Silent),
        ("0.7.6.1/query.", "a0000000-0000-4000-8000-000000176202", old, origin, true, Offer::Silent),
        (
            "0.9.2.2/query-login",
            "a0000001-0000-4000-8000-000000000001",
            new,
            Vec3::new(128.0, 128.0, 30.0),
            true,
            modern,
        ),
        ("0.9.2.2/query-crossing.", "b0000001-0000-4000-8000-000000000001", new, border, false, modern),
    ];
    for (name, to, agent, position, via_teleport, offer) in cases {
        let incoming = exchange(name).read();
        assert_eq!(incoming.to, Target::Region(region(to)), "{name}");
        let flags = TeleportFlags::empty();
        let (session, tickets) = (SessionId::NULL, false);
        let expected = QueryAccess { agent, session, position, via_teleport, flags, offer, tickets };
        assert_eq!(incoming.call, PeerCall::QueryAccess(expected), "{name}");
        assert_eq!(claimed_source(&incoming.call), None);
    }
}

#[test]
fn a_login_is_an_agent_that_is_no_child() {
    for (name, caps, code, version, viewer, height) in [
        ("0.7.5.1/create-login", "b6b5d618-b9e7-465e-8bdc-82985e949af3", 1_505_996_267, 1, "0.15.6", 1691),
        ("0.7.6.1/create-login", "5c4f5aef-478b-4f9a-ba71-bf120e300198", 1_684_885_016, 2, "0.15.6", 1691),
        (
            "0.9.2.2/create-login",
            "34eac945-376b-43a8-bbdd-ac7237e5f625",
            1_776_786_601,
            8,
            "Hippolyzer 0.15.6",
            1900,
        ),
    ] {
        let (_, create) = create(name);
        assert_eq!(create.flags, TeleportFlags::VIA_LOGIN | TeleportFlags::VIA_REGION_ID, "{name}");
        assert_eq!(create.caps, Some(CapsSecret(caps.parse().unwrap())), "{name}");
        assert_eq!(create.circuit_code.0, code, "{name}");
        assert_eq!(create.version, Version::new(version), "{name}");
        assert_eq!((create.client.viewer.as_str(), create.client.channel.as_str()), (viewer, "Hippolyzer"));
        assert_eq!(create.client.address, Some("127.0.0.1".parse().unwrap()));
        assert_eq!((create.source, create.claim, create.transfer), (None, None, None), "{name}");
        assert_eq!(create.outfit.height_mm, height, "{name}");
        assert_eq!(create.outfit.visual_params.len(), 218, "{name}");
        // Shape, skin, hair, eyes, shirt and trousers.
        assert_eq!(create.outfit.wearables.len(), 6, "{name}");
        let shape = "66c41e39-38f9-f75a-024e-585989bfab73".parse().unwrap();
        assert_eq!(create.outfit.wearables[0][0].1, AssetId(shape), "{name}");
        assert_eq!(create.outfit.texture_entry.len(), 64, "{name}");
        assert!(create.children.is_empty(), "{name}");
    }
}

#[test]
fn an_agent_is_sent_with_what_its_viewer_has_already() {
    let (to, old) = create("0.7.5.1/create.");
    assert_eq!(to, Target::Region(region("a0000000-0000-4000-8000-000000175202")));
    assert_eq!((old.first.as_str(), old.last.as_str()), ("Wire", "One"));
    assert_eq!(old.flags, TeleportFlags::VIA_LOCATION);
    assert_eq!(old.position, Vec3::new(128.0, 128.0, 25.0));
    let handles: Vec<u64> = old.children.iter().map(|child| child.handle.0).collect();
    assert_eq!(handles, [1_100_611_139_659_776, 1_099_511_628_032_000]);
    let seed = "4c4849d4-38f6-4210-abfb-4100faa659df".parse().unwrap();
    assert_eq!(old.children[1].caps, CapsSecret(seed));

    let (_, new) = create("0.9.2.2/create.");
    assert_eq!(new.source, Some(region("a0000001-0000-4000-8000-000000000001")));
    assert_eq!(
        claimed_source(&PeerCall::CreateAgent(Box::new(new))),
        Some(region("a0000001-0000-4000-8000-000000000001"))
    );

    let (_, child) = create("0.9.2.2/create-child");
    // It names the called region itself, which says nothing.
    assert_eq!((child.flags, child.source), (TeleportFlags::empty(), None));
    assert_eq!(child.draw_distance_m, 128.0);
    assert_eq!(child.position, Vec3::new(383.9998, 127.9997, 25.98069));
}

#[test]
fn an_update_says_in_which_version_it_is_meant() {
    let cases = [
        ("0.7.5.1/update.", 1, false, false, Some(ReleaseWhen::Root), 46),
        ("0.7.6.1/update.", 2, true, false, None, 63),
        ("0.7.6.1/update-to-0.7.5", 1, false, false, Some(ReleaseWhen::Root), 63),
        ("0.9.2.2/update.", 8, true, false, Some(ReleaseWhen::Settled), 64),
        ("0.9.2.2/update-in-sight", 8, true, false, None, 64),
        ("0.9.2.2/update-crossing", 8, false, true, None, 64),
    ];
    for (name, version, wait_for_root, crossing, release, entry) in cases {
        let (_, data) = update(name);
        assert_eq!(data.version, Version::new(version), "{name}");
        assert_eq!((data.wait_for_root, data.crossing), (wait_for_root, crossing), "{name}");
        assert_eq!(data.release.as_ref().map(|release| release.when), release, "{name}");
        assert_eq!(data.outfit.texture_entry.len(), entry, "{name}");
        assert_eq!(data.transfer, None, "{name}");
        assert!(data.throttles.is_some(), "{name}");
        assert!(!data.flying, "{name}");
    }
}

#[test]
fn a_crossing_carries_the_agent_on() {
    let (to, data) = update("0.9.2.2/update-crossing");
    assert_eq!(to, Target::Region(region("b0000001-0000-4000-8000-000000000001")));
    assert_eq!(data.source, region("a0000002-0000-4000-8000-000000000002"));
    assert_eq!(data.session, SessionId("b924ad22-6c68-4f56-9ed0-cde5a9e990c6".parse().unwrap()));
    assert_eq!(data.position, Vec3::new(0.3204041, 127.9983, 0.9472256));
    assert_eq!(data.velocity, Vec3::new(2.426622, -2.264685e-8, -0.6275123));
    assert_eq!(data.look_at, Vec3::X);
    assert_eq!((data.control_flags, data.baggage.motion_state), (1, 6));
    let walk = AssetId("6ed24bd8-91aa-4b12-ccc7-c97c857ab4e0".parse().unwrap());
    let playing = data.baggage.movement_animation.unwrap();
    assert_eq!(playing, (walk, TEST_USER.parse().unwrap(), 6_081_193));
    let children: Vec<u64> = data.children.iter().map(|child| child.handle.0).collect();
    assert_eq!(children, [1_100_611_139_659_776, 1_101_710_651_287_552]);
    let faces: Vec<u32> = data.outfit.baked.iter().map(|(face, _, _)| *face).collect();
    assert_eq!(faces, [8, 9, 10, 11, 19, 20, 40, 41, 42, 43, 44]);
}

#[test]
fn a_view_is_for_every_region() {
    for (name, session, camera, position) in [
        (
            "0.7.5.1/position",
            "00000000-0000-0000-0000-000000000000",
            Vec3::ZERO,
            Vec3::new(128.0, 128.0, 25.8455),
        ),
        (
            "0.7.6.1/position",
            "83c8a41b-1453-4839-9c02-06ee37ac5a2c",
            Vec3::new(128.0, 128.0, 25.0),
            Vec3::new(128.0, 128.0, 25.8455),
        ),
        (
            "0.9.2.2/position",
            "a7597ceb-f575-47f0-bd08-8490367c120c",
            Vec3::new(128.0, 128.0, 30.0),
            Vec3::new(253.2312, 99.99866, 1.089967),
        ),
    ] {
        let incoming = exchange(name).read();
        assert_eq!(incoming.to, Target::AllRegions, "{name}");
        let PeerCall::ChildView(view) = incoming.call else { panic!("{name}: {:?}", incoming.call) };
        assert_eq!(view.session, SessionId(session.parse().unwrap()), "{name}");
        assert_eq!(view.root, RegionHandle(1_100_611_139_659_776), "{name}");
        assert_eq!((view.camera, view.position), (camera, position), "{name}");
        assert!(view.throttles.is_some(), "{name}");
    }
}

#[test]
fn the_ends_of_an_agent_are_told_apart() {
    let close = |session: &str| PeerCall::CloseChild {
        agent: agent(WIRE_ONE),
        session: SessionId(session.parse().unwrap()),
        claim: None,
    };
    let nobody = "00000000-0000-0000-0000-000000000000";
    assert_eq!(exchange("0.7.5.1/close").read().call, close(nobody));
    assert_eq!(exchange("0.7.6.1/close").read().call, close("83c8a41b-1453-4839-9c02-06ee37ac5a2c"));
    for name in ["0.7.5.1/release", "0.7.6.1/release", "0.9.2.2/release"] {
        let released = exchange(name);
        let PeerCall::Release { agent, url } = released.read().call else { panic!("{name}") };
        assert!(released.path.contains(&agent.to_string()), "{name}");
        assert_eq!(*url, *released.path, "{name}");
    }
}

#[test]
fn a_new_neighbour_says_where_it_is() {
    for (name, id, http_port, udp_port) in [
        ("0.7.5.1/hello", "a0000000-0000-4000-8000-000000175201", 17520, 17521),
        ("0.7.6.1/hello", "a0000000-0000-4000-8000-000000176201", 17620, 17621),
        ("0.9.2.2/hello", "b0000001-0000-4000-8000-000000000001", 9020, 9021),
    ] {
        let incoming = exchange(name).read();
        assert_eq!(incoming.to, Target::RegionAt(RegionHandle(1_100_611_139_659_776)), "{name}");
        let PeerCall::Hello(hello) = incoming.call else { panic!("{name}") };
        assert_eq!((hello.id, hello.name.as_str()), (region(id), "B One"), "{name}");
        assert_eq!(hello.handle, RegionHandle::from_metres(1002 * 256, 1000 * 256), "{name}");
        assert_eq!(hello.size, RegionSize::STANDARD, "{name}");
        assert_eq!((hello.http_port, hello.udp_port), (http_port, udp_port), "{name}");
        assert_eq!(hello.server_uri, format!("http://127.0.0.1:{http_port}/"), "{name}");
    }
}

#[test]
fn a_friend_comes_and_goes() {
    for (name, online) in [
        ("0.7.5.1/friend-online", true),
        ("0.7.6.1/friend-offline", false),
        ("0.9.2.2/friend-online", true),
        ("0.9.2.2/friend-offline", false),
    ] {
        let incoming = exchange(name).read();
        let PeerCall::FriendStatus { friend, to, online: told } = incoming.call else { panic!("{name}") };
        assert_eq!((incoming.to, told), (Target::Agent(to), online), "{name}");
        assert_ne!(friend, to, "{name}");
    }
}
