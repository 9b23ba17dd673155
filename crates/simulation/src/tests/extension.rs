//! Who is offered our extension, and who is refused at the door.

use super::any_call;
use super::recorded::exchange;
use crate::body::unpack;
use crate::{Request, Target, login, read, request};
use llsd::{Value, json};
use model::{CapsSecret, TeleportFlags, Uuid, Vec3};
use services::{LoginAgent, LoginAppearance, RegionInfo};
use transfer::{Offer, PeerCall, QueryAccess, Version};

fn body(request: &Request) -> Value {
    let packed = request.content_type == Some("application/x-gzip");
    json::parse(unpack(&request.body, packed, crate::BODY_MAX).unwrap()).unwrap()
}

#[test]
fn the_extension_goes_to_who_knows_it_and_to_who_may() {
    arbtest::arbtest(|u| {
        let (to, tickets) = (RegionInfo::default(), u.arbitrary()?);
        let has = |call: PeerCall| body(&request(&call, &to, tickets)).get("sojourn").is_some();
        let create = any_call::create(u)?;
        let neighbour = create.flags.is_empty() && create.claim.is_some();
        assert_eq!(has(PeerCall::CreateAgent(Box::new(create))), tickets || neighbour);
        assert_eq!(has(PeerCall::UpdateAgent(Box::new(any_call::data(u)?))), tickets);
        Ok(())
    });
    let query = |tickets| QueryAccess {
        agent: Uuid::from_u128(1).into(),
        session: Uuid::from_u128(2).into(),
        position: Vec3::ZERO,
        via_teleport: true,
        flags: TeleportFlags::VIA_HOME,
        offer: Offer::Silent,
        tickets,
    };
    let asked =
        |tickets| body(&request(&PeerCall::QueryAccess(query(tickets)), &RegionInfo::default(), false));
    assert_eq!(asked(true)["sojourn"]["flags"], "32".into());
    assert_eq!(json::write(&asked(false)), r#"{"position":"<0, 0, 0>"}"#);
}

#[test]
fn a_login_becomes_a_call() {
    let agent = LoginAgent {
        agent: Uuid::from_u128(1).into(),
        session: Uuid::from_u128(2).into(),
        secure_session: Uuid::from_u128(3).into(),
        circuit_code: model::CircuitCode(4),
        first: "Wire".into(),
        last: "One".into(),
        position: Vec3::new(128.0, 128.0, 0.0),
        look_at: Vec3::X,
        flags: TeleportFlags::VIA_LOGIN,
        viewer: "viewer".into(),
        channel: "channel".into(),
        mac: "mac".into(),
        id0: "id0".into(),
        client_ip: None,
        appearance: LoginAppearance {
            attachments: vec![(5, Uuid::from_u128(6).into())],
            ..Default::default()
        },
        caps: CapsSecret(Uuid::from_u128(7)),
    };
    let call = PeerCall::CreateAgent(Box::new(login(agent, Version::V0_8)));
    let to = RegionInfo { id: Uuid::from_u128(8).into(), ..RegionInfo::default() };
    let sent = request(&call, &to, false);
    assert!(body(&sent).get("child").is_none());
    let incoming = read(sent.method, &sent.path, sent.content_type, None, &sent.body).unwrap();
    assert_eq!(incoming.to, Target::Region(to.id));
    let PeerCall::CreateAgent(create) = incoming.call else { panic!("{:?}", incoming.call) };
    assert_eq!(create.outfit.attached.len(), 1);
    assert_eq!((create.first.as_str(), create.caps), ("Wire", Some(CapsSecret(Uuid::from_u128(7)))));
}

#[test]
fn requests_that_mean_nothing_are_rejected() {
    let agent = "/agent/00000000-0000-4000-8000-000000000001/";
    let region = format!("{agent}a0000000-0000-4000-8000-000000175201/");
    let withdraw = format!("/sojourn{region}withdraw");
    let login = exchange("0.7.5.1/create-login").body;
    let cases: [(&str, &str, &str, u16); 12] = [
        ("POST", "/agent/x/", "{}", 404),
        ("GET", agent, "", 405),
        ("POST", agent, "", 400),
        ("POST", agent, "[]", 400),
        ("POST", agent, r#"{"agent_id":"00000000-0000-4000-8000-000000000001"}"#, 400),
        ("POST", "/agent/00000000-0000-4000-8000-000000000002/", &login, 400),
        ("PUT", agent, r#"{"message_type":"AgentGossip"}"#, 400),
        ("QUERYACCESS", &region, r#"{"position":"here"}"#, 400),
        ("QUERYACCESS", &region, r#"{"simulation_service_supported_min":-1.0}"#, 400),
        ("POST", &withdraw, r#"{"session":"00000000-0000-4000-8000-000000000001"}"#, 400),
        ("POST", &withdraw.replace("withdraw", "vanish"), "{}", 400),
        // Who sends a form looks at its answer alone.
        ("POST", "/friends", "METHOD=friendship_offered", 200),
    ];
    for (method, path, body, status) in cases {
        let rejected = read(method, path, None, None, body.as_bytes()).unwrap_err();
        assert_eq!(rejected.status, status, "{method} {path} {body}: {rejected}");
        assert!(rejected.body.to_ascii_lowercase().contains("false"), "{rejected}");
    }
    let long = vec![b' '; crate::BODY_MAX + 1];
    assert_eq!(read("POST", agent, None, None, &long).unwrap_err().status, 413);
}
