use std::net::Ipv4Addr;

use uuid::Uuid;

use super::*;

const AGENT: AgentId = AgentId(Uuid::from_u128(0xe4f3924a_5a7c_4e1a_bee7_aa96580f2515));

fn body(event: Event) -> Value {
    let event = llsd::xml::parse(format!("<llsd>{}</llsd>", event.into_xml())).unwrap();
    event["body"].clone()
}

/// Every key and the type of every value, with the length of binaries: `Info.0.SimIP binary 4`.
fn shape(value: &Value, path: &str, out: &mut Vec<String>) {
    match value {
        Value::Map(map) => map.iter().for_each(|(key, value)| shape(value, &format!("{path}.{key}"), out)),
        Value::Array(array) => {
            array.iter().enumerate().for_each(|(index, value)| shape(value, &format!("{path}.{index}"), out));
        }
        Value::Binary(bytes) => out.push(format!("{path} binary {}", bytes.len())),
        Value::Integer(_) => out.push(format!("{path} integer")),
        Value::Real(_) => out.push(format!("{path} real")),
        Value::Boolean(_) => out.push(format!("{path} boolean")),
        Value::String(_) => out.push(format!("{path} string")),
        Value::Uuid(_) => out.push(format!("{path} uuid")),
        other => out.push(format!("{path} {other:?}")),
    }
}

fn lines(value: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    shape(value, "", &mut lines);
    lines
}

fn recorded(golden: &str) -> Value {
    llsd::xml::parse(golden).unwrap()["body"].clone()
}

/// Our event says what was recorded, value by value.
fn check_same(event: Event, golden: &str) {
    let name = event.name();
    assert_eq!(llsd::xml::parse(golden).unwrap()["message"].text(), Some(name));
    assert_eq!(body(event), recorded(golden), "{name}");
}

fn address(port: u16) -> SocketAddrV4 {
    SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)
}

#[test]
fn enable_simulator_is_as_recorded() {
    let event = enable_simulator(&EnableSimulator {
        handle: RegionHandle::from_metres(1001 * 256, 1000 * 256),
        address: address(9012),
        size: RegionSize::STANDARD,
    });
    check_same(event, include_str!("../../golden/EnableSimulator.xml"));
}

#[test]
fn establish_agent_communication_is_as_recorded() {
    let event = establish_agent_communication(&EstablishAgentCommunication {
        agent: AGENT,
        address: address(9012),
        seed: "http://127.0.0.1:9010/CAPS/05e0589a-f035-4207-accf-4c48c99538610000/".to_owned(),
    });
    check_same(event, include_str!("../../golden/EstablishAgentCommunication.xml"));
}

#[test]
fn teleport_finish_is_as_recorded() {
    let message = TeleportFinish {
        agent: AGENT,
        address: address(9013),
        handle: RegionHandle::from_metres(1100 * 256, 1100 * 256),
        seed: "http://127.0.0.1:9010/CAPS/d7a7d29d-08c3-45ef-9a16-6cbbe8642bbb0000/".to_owned(),
        access: 13,
        flags: TeleportFlags::VIA_LOCATION,
        size: RegionSize::STANDARD,
    };
    check_same(teleport_finish(&message), include_str!("../../golden/TeleportFinish.xml"));

    // The older release knows no region sizes, and has LocationID and flags in forms that not every client reads.
    let ours = lines(&body(teleport_finish(&message)));
    let theirs = lines(&recorded(include_str!("../../golden/TeleportFinish-0.7.6.1.xml")));
    let only_theirs: Vec<&String> = theirs.iter().filter(|line| !ours.contains(line)).collect();
    let only_ours: Vec<&String> = ours.iter().filter(|line| !theirs.contains(line)).collect();
    assert_eq!(only_theirs, [".Info.0.LocationID integer", ".Info.0.TeleportFlags binary 8"]);
    assert_eq!(
        only_ours,
        [
            ".Info.0.LocationID binary 4",
            ".Info.0.RegionSizeX binary 4",
            ".Info.0.RegionSizeY binary 4",
            ".Info.0.TeleportFlags binary 4"
        ]
    );
}

#[test]
fn crossed_region_is_as_recorded() {
    let event = crossed_region(&CrossedRegion {
        agent: AGENT,
        session: SessionId(Uuid::from_u128(0xb924ad22_6c68_4f56_9ed0_cde5a9e990c6)),
        look_at: Vec3::ZERO,
        position: Vec3::new(0.453_826_9, 127.9975, 0.803_844_2),
        handle: RegionHandle::from_metres(1001 * 256, 1000 * 256),
        seed: "http://127.0.0.1:9010/CAPS/2a07fdb3-4c45-40fa-a903-4ae4d502aff30000/".to_owned(),
        address: address(9012),
        size: RegionSize::STANDARD,
    });
    let (ours, theirs) = (body(event), recorded(include_str!("../../golden/CrossedRegion.xml")));
    for block in ["AgentData", "RegionData"] {
        assert_eq!(ours[block], theirs[block]);
    }
    assert_eq!(lines(&ours), lines(&theirs));
    for index in 0..3 {
        let coordinate = |body: &Value| body["Info"][0]["Position"][index].as_f64();
        assert!((coordinate(&ours) - coordinate(&theirs)).abs() < 1e-4);
    }
}

#[test]
fn parcel_properties_differ_from_the_recorded_only_in_three_forms() {
    let theirs = recorded(include_str!("../../golden/ParcelProperties.xml"));
    let ours = body(parcel_properties(&ParcelProperties {
        owner_id: AGENT.0,
        name: "Your Parcel".to_owned(),
        parcel_flags: 0x2800_204b,
        ..ParcelProperties::default()
    }));
    let (our_lines, their_lines) = (lines(&ours), lines(&theirs));
    let only_theirs: Vec<&String> = their_lines.iter().filter(|line| !our_lines.contains(line)).collect();
    let only_ours: Vec<&String> = our_lines.iter().filter(|line| !their_lines.contains(line)).collect();
    // The first ends a strict client's event queue; the others are what the template says.
    assert_eq!(
        only_ours,
        [
            ".ParcelData.0.AuctionID binary 4",
            ".ParcelData.0.ClaimDate integer",
            ".ParcelData.0.MediaAutoScale integer"
        ]
    );
    assert_eq!(only_theirs.len(), 3);
    for (block, fields) in theirs.as_map() {
        for (field, theirs) in fields[0].as_map() {
            let is_other = ["AuctionID", "ClaimDate", "MediaAutoScale"].contains(&field.as_str());
            if !is_other {
                assert_eq!(&ours[block.as_str()][0][field.as_str()], theirs, "{block}.{field}");
            }
        }
    }
}

#[test]
fn a_larger_region_has_a_larger_bitmap() {
    assert_eq!(ParcelProperties::whole_region_bitmap(RegionSize::STANDARD).len(), 512);
    assert_eq!(ParcelProperties::whole_region_bitmap(RegionSize { x: 512, y: 1024 }).len(), 4096);
}

/// Each field of a message that LLUDP knows has the form that a strict client demands, and none is missing of
/// those that it demands.
fn check_forms(event: Event) {
    let info = lludp::MessageInfo::by_name(event.name()).unwrap();
    let body = body(event);
    for block in info.blocks {
        for fields in body[block.name].as_array() {
            for field in block.fields {
                let value = &fields[field.name];
                let fits = match field.kind {
                    lludp::FieldKind::U32 | lludp::FieldKind::Ip => value.as_binary().len() == 4,
                    lludp::FieldKind::U64 | lludp::FieldKind::S64 => value.as_binary().len() == 8,
                    lludp::FieldKind::Vec3 | lludp::FieldKind::Vec3d | lludp::FieldKind::Quat => {
                        value.as_array().len() == 3
                    }
                    lludp::FieldKind::Vec4 => value.as_array().len() == 4,
                    lludp::FieldKind::U8
                    | lludp::FieldKind::U16
                    | lludp::FieldKind::S8
                    | lludp::FieldKind::S16
                    | lludp::FieldKind::S32
                    | lludp::FieldKind::Port => matches!(value, Value::Integer(_)),
                    lludp::FieldKind::F32 | lludp::FieldKind::F64 => matches!(value, Value::Real(_)),
                    lludp::FieldKind::Bool => matches!(value, Value::Boolean(_)),
                    lludp::FieldKind::Uuid => matches!(value, Value::Uuid(_)),
                    lludp::FieldKind::Fixed(_)
                    | lludp::FieldKind::Bytes1
                    | lludp::FieldKind::Bytes2
                    | lludp::FieldKind::Text1
                    | lludp::FieldKind::Text2 => matches!(value, Value::String(_) | Value::Binary(_)),
                };
                assert!(fits, "{}.{}.{} is {value:?}", info.name, block.name, field.name);
            }
        }
    }
}

#[test]
fn every_field_has_the_form_that_strict_clients_demand() {
    let handle = RegionHandle::from_metres(256_000, 256_000);
    let (address, size, seed) = (address(1), RegionSize::STANDARD, String::new());
    let session = SessionId(Uuid::from_u128(1));
    check_forms(enable_simulator(&EnableSimulator { handle, address, size }));
    check_forms(teleport_finish(&TeleportFinish {
        agent: AGENT,
        address,
        handle,
        seed: seed.clone(),
        access: 13,
        flags: TeleportFlags::all(),
        size,
    }));
    check_forms(crossed_region(&CrossedRegion {
        agent: AGENT,
        session,
        look_at: Vec3::X,
        position: Vec3::Y,
        handle,
        seed,
        address,
        size,
    }));
    check_forms(teleport_failed(AGENT, "no"));
    check_forms(parcel_properties(&ParcelProperties::default()));
}

#[test]
fn a_name_cannot_break_the_document() {
    let event = teleport_failed(AGENT, "</string><evil> & \u{0}\u{8}\u{1b} \u{fffe} ]]>");
    let reason = body(event)["Info"][0]["Reason"].as_str().into_owned();
    assert!(reason.starts_with("</string><evil> & "), "{reason:?}");
}
