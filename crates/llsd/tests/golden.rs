//! Documents that others wrote, read and given on. `golden/README.md` says who and how.

use llsd::{Date, Uuid, Value, array, binary, json, map, notation, xml, xmlrpc};
use std::path::PathBuf;

fn golden(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Reads a recording as what it is.
fn read(name: &str) -> Value {
    let bytes = golden(name);
    let holds = |tag: &[u8]| bytes.windows(tag.len()).any(|window| window == tag);
    let value = if name.ends_with(".json") {
        json::parse(&bytes).map_err(|error| error.to_string())
    } else if holds(b"<methodCall>") {
        xmlrpc::parse_call(&bytes).map(|call| call.params.into()).map_err(|error| error.to_string())
    } else if holds(b"<methodResponse>") {
        xmlrpc::parse_response(&bytes).map_err(|error| error.to_string())
    } else {
        llsd::parse_any(None, &bytes).map_err(|error| error.to_string())
    };
    value.unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn names() -> Vec<String> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the recordings are here") {
        let name = entry.expect("the folder can be listed").file_name();
        names.push(name.into_string().expect("we named them"));
    }
    names.retain(|name| name != "README.md");
    names.sort();
    assert!(names.len() > 20, "{names:?}");
    names
}

#[test]
fn every_recording_survives_every_form() {
    for name in names() {
        let value = read(&name);
        assert_ne!(value, Value::Undefined, "{name}");
        assert_eq!(xml::parse(xml::write(&value)).as_ref(), Ok(&value), "{name}");
        assert_eq!(binary::parse(binary::write(&value)).as_ref(), Ok(&value), "{name}");
        assert_eq!(notation::parse(notation::write(&value)).as_ref(), Ok(&value), "{name}");
        assert_eq!(llsd::from_value(value.clone()), Ok(value), "{name}");
    }
}

#[test]
fn every_recording_cut_short_is_refused() {
    for name in names() {
        let bytes = golden(&name);
        let whole = bytes.trim_ascii_end().len();
        // Everywhere in the small ones, here and there in the large ones.
        for length in (1..whole).step_by(whole / 100 + 1) {
            assert!(llsd::parse_any(None, &bytes[..length]).is_err(), "{name} cut to {length}");
            assert!(xmlrpc::parse_call(&bytes[..length]).is_err(), "{name} cut to {length}");
            assert!(xmlrpc::parse_response(&bytes[..length]).is_err(), "{name} cut to {length}");
        }
    }
}

#[test]
fn a_value_of_each_type_is_read_from_each_form() {
    let expected = map! {
        "undef" => (),
        "true" => true,
        "false" => false,
        "integer" => i32::MIN,
        "real" => -0.1,
        "whole" => 256_000.0,
        "uuid" => Uuid::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef),
        "string" => "it's \"quoted\" \\ back, <tag> & tęxt\nline\ttab",
        "empty" => "",
        "binary" => (0..=255).step_by(15).collect::<Vec<u8>>(),
        "date" => Date::from_micros(1_795_169_984_250_000),
        "uri" => Value::Uri("http://grid.example/?a=b&c=d".into()),
        "array" => array![1, array![], map! {}, array![true, "two", 3.5]],
        "map" => map! { "inner" => map! { "deep" => "er" } },
    };
    assert_eq!(read("llsd-1.0.0.xml"), expected);
    assert_eq!(read("llsd-1.0.0.notation"), expected);
    // In binary, that writer cuts a date to the second and makes a URI a string.
    let mut in_binary = expected.into_map();
    in_binary.insert("date".into(), Date::from_secs(1_795_169_984).into());
    in_binary.insert("uri".into(), "http://grid.example/?a=b&c=d".into());
    assert_eq!(read("llsd-1.0.0.bin"), Value::Map(in_binary));
}

#[test]
fn polls_and_seeds_are_read() {
    assert_eq!(read("event-queue-first-poll-hippolyzer.xml"), map! { "ack" => (), "done" => false });

    let wanted = read("seed-request-hippolyzer.xml");
    assert_eq!(wanted[0], Value::from("AbuseCategories"));
    assert!(wanted.as_array().iter().any(|name| name.as_str() == "EventQueueGet"));
    assert!(wanted.as_array().len() > 80, "{}", wanted.as_array().len());

    for version in ["0.7.5.1", "0.7.6.1", "0.9.2.2"] {
        let seed = read(&format!("seed-response-{version}.xml"));
        let queue = seed["EventQueueGet"].as_str().into_owned();
        assert!(queue.starts_with("http://127.0.0.1:"), "{queue}");
        assert_eq!(seed["NoSuchCapability"], Value::Undefined);
    }
}

#[test]
fn events_are_read() {
    for (version, x, port, id) in [
        ("0.7.5.1", 1100, 17_513, 1_370_715),
        ("0.7.6.1", 1001, 17_612, 12_673_093),
        ("0.9.2.2", 1001, 9_012, 8_662_671),
    ] {
        let answer = read(&format!("events-EnableSimulator-{version}.xml"));
        let names: Vec<_> =
            answer["events"].as_array().iter().map(|event| event["message"].as_str()).collect();
        assert_eq!(names, ["EnableSimulator", "EstablishAgentCommunication"]);
        let info = &answer["events"][0]["body"]["SimulatorInfo"][0];
        assert_eq!(info["Handle"].as_u64() >> 32, x * 256, "{version}");
        assert_eq!(info["IP"].as_ipv4(), Some([127, 0, 0, 1].into()));
        assert_eq!(info["Port"], Value::Integer(port));
        let talk = &answer["events"][1]["body"];
        assert_eq!(talk["sim-ip-and-port"], Value::String(format!("127.0.0.1:{port}")));
        assert!(!talk["agent-id"].as_uuid().is_nil());
        assert_eq!(answer["id"].as_i32(), id, "{version}");

        let finish = read(&format!("events-TeleportFinish-{version}.xml"));
        let finish =
            finish["events"].as_array().iter().find(|event| event["message"].as_str() == "TeleportFinish");
        let info = &finish.unwrap()["body"]["Info"][0];
        // The versions differ in the form of each but the handle: integers, four bytes, eight bytes.
        assert_eq!(info["LocationID"].as_u32(), 4, "{version}");
        assert_eq!(info["TeleportFlags"].as_u32() & 16, 16, "{version}");
        assert_eq!(info["RegionHandle"].as_binary().len(), 8, "{version}");
        assert_eq!(info["SimIP"].as_ipv4(), Some([127, 0, 0, 1].into()), "{version}");
        assert!(info["SeedCapability"].as_str().starts_with("http://"), "{version}");
        assert_eq!(info["SimAccess"].as_i32(), 13, "{version}");

        let parcel = read(&format!("events-ParcelProperties-{version}.xml"));
        let parcel = &parcel["events"][0]["body"]["ParcelData"][0];
        assert_eq!(parcel["Bitmap"].as_binary().len(), 512);
        assert!(parcel["AABBMax"].as_reals::<3>().is_some_and(|corner| corner[0] >= 252.0), "{version}");
        assert!(matches!(parcel["ClaimDate"], Value::Date(_)));
        assert_eq!(parcel["Name"].as_str(), "Your Parcel");
    }
    let crossed = read("events-CrossedRegion-0.9.2.2.xml");
    let body = &crossed["events"][0]["body"];
    assert!(body["Info"][0]["Position"].as_reals::<3>().is_some());
    assert_eq!(body["RegionData"][0]["RegionHandle"].as_binary().len(), 8);
}

#[test]
fn logins_are_read() {
    let call = xmlrpc::parse_call(golden("login-request-hippolyzer.xml")).unwrap();
    assert_eq!(call.method, "login_to_simulator");
    let login = &call.params[0];
    assert_eq!(login["passwd"].as_str(), "$1$5ebe2294ecd0e0f08eab7690d2a6ee69");
    assert_eq!(login["agree_to_tos"], Value::Integer(0));
    assert_eq!(login["mfa_hash"], Value::from(""));
    assert!(login["start"].as_str().starts_with("uri:") && login["start"].as_str().ends_with("&128&128&30"));
    assert!(login["options"].as_array().contains(&Value::from("inventory-skeleton")));

    for version in ["0.7.6.1", "0.9.2.2"] {
        let answer = read(&format!("login-response-{version}.xml"));
        assert_eq!(answer["login"].as_str(), "true");
        assert_eq!(answer["region_x"], Value::Integer(256_000), "{version}");
        assert!(answer["circuit_code"].as_u32() > 0);
        assert!(!answer["session_id"].as_uuid().is_nil());
        assert!(!answer["inventory-root"][0]["folder_id"].as_uuid().is_nil());
        let root = answer["inventory-root"][0]["folder_id"].as_uuid();
        let skeleton = answer["inventory-skeleton"].as_array();
        let root = skeleton.iter().find(|folder| folder["folder_id"].as_uuid() == root).unwrap();
        assert_eq!(root["name"].as_str(), "My Inventory", "{version}");
        assert!(root["version"].as_i32() > 0, "{version}");

        let home = notation::parse(&*answer["home"].as_str()).unwrap();
        assert_eq!(home["region_handle"].as_reals(), Some([256_000.0, 256_000.0]), "{version}");
        assert!(home["look_at"].as_reals::<3>().is_some(), "{version}");
        let look_at = notation::parse(&*answer["look_at"].as_str()).unwrap();
        assert!(look_at.as_reals::<3>().is_some(), "{version}");
    }
}

#[test]
fn grids_calling_each_other_are_read() {
    let call = xmlrpc::parse_call(golden("link-region-request-0.9.2.2.xml")).unwrap();
    assert_eq!(call.method, "link_region");
    assert_eq!(call.params[0]["region_name"].as_str(), "Foreign One");
    let answer = read("link-region-response-0.9.2.2.xml");
    assert!(answer["result"].as_bool());
    assert_eq!(answer["handle"].as_u64(), (3000 * 256) << 32 | (3000 * 256));
    let call = xmlrpc::parse_call(golden("verify-client-request-0.9.2.2.xml")).unwrap();
    assert!(!call.params[0]["sessionID"].as_uuid().is_nil());
    let answer = read("get-region-response-0.9.2.2.xml");
    assert!(answer["result"].as_bool());
    assert_eq!(answer["region_name"].as_str(), "Foreign One");
}

#[test]
fn messages_between_simulators_are_read() {
    let access = read("queryaccess-0.9.2.2.json");
    assert!(access["viaTeleport"].as_bool());
    assert_eq!(access["simulation_service_supported_max"].as_f32(), 0.8);
    assert_eq!(access["context"]["WearablesCount"].as_i32(), -1);
    let answer = read("queryaccess-answer-0.9.2.2.json");
    assert_eq!(answer["success"], Value::Boolean(false));

    let create = read("create-agent-0.9.2.2.json");
    assert!(create["circuit_code"].as_u32() > 0);
    assert!(!create["child"].as_bool());
    assert_eq!(create["packed_appearance"]["visualparams"].as_binary().len(), 218);

    // A U32 in binary, as JSON has it.
    let bakes = &read("update-agent-0.9.2.2.json")["packed_appearance"]["bakedcache"];
    assert_eq!(bakes[5]["textureindex"].as_i32(), 20);

    for version in ["0.7.5.1", "0.7.6.1", "0.9.2.2"] {
        let update = read(&format!("update-agent-{version}.json"));
        assert_eq!(update["message_type"].as_str(), "AgentData");
        assert_eq!(update["throttles"].as_binary().len(), 28);
        assert!(!update["agent_uuid"].as_uuid().is_nil());
    }
}

/// What is read from a peer and written again must be what the peer wrote, but for the order of its members.
#[test]
fn json_is_written_as_peers_write_it() {
    for name in names().iter().filter(|name| name.ends_with(".json")) {
        let bytes = golden(name);
        let value = json::parse(&bytes).unwrap();
        let written =
            if name.contains("answer") { json::write_with_defaults(&value) } else { json::write(&value) };
        let mut theirs: serde_json::Map<_, _> = serde_json::from_slice(&bytes).unwrap();
        let ours: serde_json::Map<_, _> = serde_json::from_str(&written).unwrap();
        // 0.9.2.2 finds out that a map is empty before it leaves out its entries; we cannot know that it had any.
        theirs.retain(|key, value| key != "god_data" || *value != serde_json::json!({}));
        assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>(), "{name}");
        for (key, value) in theirs {
            assert_eq!(ours[&key], value, "{name} {key}");
        }
    }
}
