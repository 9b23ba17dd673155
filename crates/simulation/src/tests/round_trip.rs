//! What arrives is what was sent: all of it between our own simulators, and what the published form can carry
//! otherwise.

use super::any_call;
use crate::{Incoming, Target, answer, read, reply, request};
use arbtest::arbitrary::{Result, Unstructured};
use model::{CapsSecret, RegionHandle, RegionId, SessionId, TeleportFlags, Vec3};
use services::RegionInfo;
use std::sync::Arc;
use transfer::{
    AgentCreated, AgentData, Agreement, Baggage, CreateAgent, Offer, Outfit, PeerCall, PeerError, PeerReply,
    QueryAccess, Refusal, Version, Whereabouts,
};

fn to(u: &mut Unstructured<'_>) -> Result<RegionInfo> {
    Ok(RegionInfo {
        id: RegionId(any_call::id(u)?),
        name: "B One".into(),
        handle: RegionHandle(u.arbitrary()?),
        ..RegionInfo::default()
    })
}

fn arrives(call: &PeerCall, to: &RegionInfo, tickets: bool) -> Incoming {
    let sent = request(call, to, tickets);
    read(sent.method, &sent.path, sent.content_type, None, &sent.body)
        .unwrap_or_else(|why| panic!("{why}\n{call:?}\n{sent:?}"))
}

#[test]
fn between_our_own_everything_arrives() {
    arbtest::arbtest(|u| {
        let (mut call, to) = (any_call::call(u)?, to(u)?);
        if let PeerCall::QueryAccess(query) = &mut call {
            query.tickets = true;
        }
        let incoming = arrives(&call, &to, true);
        assert_eq!(incoming.call, call);
        match (&call, incoming.to) {
            (PeerCall::ChildView(_), target) => assert_eq!(target, Target::AllRegions),
            (PeerCall::Hello(_), target) => assert_eq!(target, Target::RegionAt(to.handle)),
            (
                PeerCall::InstantMessage(_) | PeerCall::FriendStatus { .. } | PeerCall::FriendNews(_),
                target,
            ) => {
                assert_eq!(Some(target), call.agent().map(Target::Agent));
            }
            (PeerCall::Release { .. }, target) => assert!(matches!(target, Target::Region(_))),
            (_, target) => assert_eq!(target, Target::Region(to.id)),
        }
        Ok(())
    })
    .size_max(1 << 14);
}

#[test]
fn to_others_arrives_what_the_published_form_carries() {
    arbtest::arbtest(|u| {
        let (call, to) = (any_call::call(u)?, to(u)?);
        let arrived = arrives(&call, &to, false).call;
        assert_eq!(carried(&arrived), published(&call), "{call:?}");
        Ok(())
    })
    .size_max(1 << 14);
}

/// What arrived, without what the sender's version has only in part: an outfit's textures lose their colours
/// before 0.8.
fn carried(call: &PeerCall) -> PeerCall {
    let mut call = call.clone();
    match &mut call {
        PeerCall::CreateAgent(create) if create.version < Version::V0_8 => {
            Arc::make_mut(&mut create.outfit).texture_entry.clear();
        }
        PeerCall::UpdateAgent(data) if (Version::V0_3..Version::V0_8).contains(&data.version) => {
            Arc::make_mut(&mut data.outfit).texture_entry.clear();
        }
        _ => {}
    }
    call
}

/// What is left of a call in the published form.
fn published(call: &PeerCall) -> PeerCall {
    match call.clone() {
        PeerCall::QueryAccess(query) if !query.tickets => PeerCall::QueryAccess(published_query(query)),
        PeerCall::CreateAgent(create) => PeerCall::CreateAgent(Box::new(published_create(*create))),
        PeerCall::UpdateAgent(data) => PeerCall::UpdateAgent(Box::new(published_data(*data))),
        PeerCall::Withdraw { agent, session, .. }
        | PeerCall::EndSession { agent, session, .. }
        | PeerCall::CloseChild { agent, session, .. } => PeerCall::CloseChild { agent, session, claim: None },
        call => call,
    }
}

fn published_query(query: QueryAccess) -> QueryAccess {
    let via_teleport = match query.offer {
        Offer::Silent => query.position == Vec3::ZERO,
        _ => query.via_teleport,
    };
    QueryAccess { session: SessionId::NULL, flags: TeleportFlags::empty(), via_teleport, ..query }
}

/// A neighbour's child agent is offered the extension in any case.
fn published_create(create: CreateAgent) -> CreateAgent {
    let looks = published_outfit(&create.outfit, create.version);
    let version =
        if create.version < Version::V0_3 { old(&create.outfit, create.version) } else { create.version };
    let whole = create.version < Version::V0_3 || create.flags.contains(TeleportFlags::VIA_LOGIN);
    let height = Outfit { height_mm: looks.height_mm, hover_mm: looks.hover_mm, ..Outfit::default() };
    let outfit = if whole { looks } else { height };
    let mut left = CreateAgent { outfit: Arc::new(outfit), ..create };
    if left.version < Version::V0_3 {
        left.draw_distance_m = 128.0;
        left.version = version;
    }
    if left.version < Version::V0_8 {
        Arc::make_mut(&mut left.outfit).texture_entry.clear();
    }
    if !left.flags.is_empty() || left.claim.is_none() {
        (left.claim, left.transfer, left.source, left.look_at) = (None, None, None, Vec3::ZERO);
        left.children.iter_mut().for_each(|child| child.claim = None);
    }
    left
}

/// 0.2 shows by its texture hashes, which an outfit that nobody knows has not.
fn old(outfit: &Outfit, version: Version) -> Version {
    let Outfit { height_mm, hover_mm, serial, .. } = *outfit;
    let bare = Outfit { height_mm, hover_mm, serial, ..Outfit::default() };
    if *outfit == bare { Version::V0_1 } else { version }
}

fn published_outfit(outfit: &Outfit, version: Version) -> Outfit {
    let mut left = outfit.clone();
    let types = match version.minor() {
        0..5 => 15,
        5..8 => 16,
        _ => usize::MAX,
    };
    left.wearables.truncate(types);
    while left.wearables.last().is_some_and(Vec::is_empty) {
        left.wearables.pop();
    }
    if version < Version::V0_3 {
        left.hover_mm = 0;
        left.baked.clear();
    }
    left
}

fn published_data(data: AgentData) -> AgentData {
    let modern = data.version >= Version::V0_3;
    let mut outfit = published_outfit(&data.outfit, data.version);
    let mut version = data.version;
    if modern {
        if version < Version::V0_8 {
            outfit.texture_entry.clear();
        }
    } else if data.wait_for_root {
        version = Version::V0_2;
    } else if data.release.as_ref().is_some_and(|release| release.when == transfer::ReleaseWhen::Root) {
        version = Version::V0_1;
    } else {
        version = old(&data.outfit, version);
    }
    let baggage = published_baggage(&data.baggage, modern);
    let mut children = if modern { data.children } else { Vec::new() };
    children.iter_mut().for_each(|child| child.claim = None);
    AgentData {
        transfer: None,
        outfit: Arc::new(outfit),
        baggage: Arc::new(baggage),
        children,
        version,
        ..data
    }
}

fn published_baggage(baggage: &Baggage, modern: bool) -> Baggage {
    let mut left = baggage.clone();
    if modern {
        left.groups.clear();
        left.group_title = left.group_title.filter(|title| !title.is_empty());
    } else {
        left.overrides.clear();
        (left.group_title, left.motion_state) = (None, 0);
        left.group_name.clear();
    }
    left
}

/// A reply that a region may give to this call.
fn any_result(u: &mut Unstructured<'_>, call: &PeerCall) -> Result<std::result::Result<PeerReply, Refusal>> {
    if u.ratio(1, 4)? {
        return Ok(Err(Refusal::new("no room")));
    }
    let version = |u: &mut Unstructured<'_>| Ok(Version::new(u.int_in_range(1..=8)?));
    Ok(Ok(match call {
        PeerCall::QueryAccess(_) => PeerReply::Access(Agreement {
            outbound: version(u)?,
            inbound: version(u)?,
            tickets: u.arbitrary()?,
        }),
        PeerCall::CreateAgent(_) => {
            let caps = CapsSecret(any_call::id(u)?);
            PeerReply::Created(AgentCreated { caps, existed: u.arbitrary()?, tickets: true })
        }
        PeerCall::UpdateAgent(data) if !data.wait_for_root => PeerReply::Done,
        PeerCall::UpdateAgent(_) | PeerCall::Withdraw { .. } => {
            PeerReply::Whereabouts(if u.arbitrary()? { Whereabouts::Arrived } else { Whereabouts::Withdrawn })
        }
        _ => PeerReply::Done,
    }))
}

/// What the caller may expect to hear, between our own.
fn heard(
    call: &PeerCall,
    result: &std::result::Result<PeerReply, Refusal>,
) -> Option<std::result::Result<PeerReply, PeerError>> {
    Some(match (call, result) {
        (PeerCall::QueryAccess(query), Ok(PeerReply::Access(agreement))) => {
            let mut agreement = *agreement;
            match query.offer {
                Offer::Ranges { supported, .. } if !supported.contains(agreement.outbound) => return None,
                Offer::Ranges { .. } => {}
                _ => agreement.inbound = agreement.outbound,
            }
            agreement.tickets &= query.tickets;
            Ok(PeerReply::Access(agreement))
        }
        (PeerCall::UpdateAgent(data), Err(_)) if data.wait_for_root => {
            Ok(PeerReply::Whereabouts(Whereabouts::Withdrawn))
        }
        (PeerCall::Release { .. } | PeerCall::CloseChild { claim: None, .. }, _) => Ok(PeerReply::Done),
        // Yes or no is all that these say.
        (
            PeerCall::UpdateAgent(_)
            | PeerCall::ChildView(_)
            | PeerCall::Hello(_)
            | PeerCall::InstantMessage(_)
            | PeerCall::FriendStatus { .. }
            | PeerCall::FriendNews(_),
            Err(_),
        ) => return None,
        (_, Ok(reply)) => Ok(reply.clone()),
        (_, Err(refusal)) => Err(PeerError::Refused(refusal.clone())),
    })
}

#[test]
fn answers_arrive() {
    arbtest::arbtest(|u| {
        let (call, to) = (any_call::call(u)?, to(u)?);
        let result = any_result(u, &call)?;
        let incoming = arrives(&call, &to, true);
        let response = answer(&incoming.form(), &result, "10.0.0.1".parse().unwrap());
        assert_eq!(response.status, 200);
        let got = reply(&call, response.status, &response.body);
        match heard(&call, &result) {
            Some(expected) => assert_eq!(got, expected, "{call:?}"),
            None => assert!(matches!(got, Err(PeerError::Refused(_))), "{got:?}"),
        }
        Ok(())
    })
    .size_max(1 << 14);
}

#[test]
fn who_knows_no_tickets_is_understood() {
    arbtest::arbtest(|u| {
        let (create, to) = (any_call::create(u)?, to(u)?);
        let call = PeerCall::CreateAgent(Box::new(create.clone()));
        let got = reply(&call, 200, br#"{"success":true,"your_ip":"127.0.0.1"}"#);
        match create.caps {
            Some(caps) => {
                let created = AgentCreated { caps, existed: false, tickets: false };
                assert_eq!(got, Ok(PeerReply::Created(created)));
            }
            None => assert!(matches!(got, Err(PeerError::Garbage(_)))),
        }
        let withdraw = PeerCall::Withdraw {
            agent: create.agent,
            session: create.session,
            source: to.id,
            transfer: transfer::TransferId(1),
        };
        let sent = request(&withdraw, &to, false);
        assert_eq!(sent.method, "DELETE");
        assert_eq!(sent.path, format!("/agent/{}/{}/?auth={}", create.agent, to.id, create.session));
        assert_eq!(reply(&withdraw, 200, b"OpenSim agent x"), Ok(PeerReply::Done));
        Ok(())
    });
}

#[test]
fn simulators_that_know_no_queryaccess_are_too_old() {
    let call = PeerCall::QueryAccess(QueryAccess {
        agent: Default::default(),
        session: SessionId::NULL,
        position: Vec3::ZERO,
        via_teleport: true,
        flags: TeleportFlags::empty(),
        offer: Offer::Silent,
        tickets: false,
    });
    let refused = |status, body: &str| match reply(&call, status, body.as_bytes()) {
        Err(PeerError::Refused(refusal)) => refusal.reason,
        other => panic!("{other:?}"),
    };
    assert!(refused(405, "").contains("too old"));
    assert_eq!(refused(200, r#"{"reason":"The region is full"}"#), "The region is full");
    assert_eq!(refused(200, "False"), "The region refused the agent.");
    for garbage in [(500, "{}"), (404, "false"), (200, "<html/>"), (200, r#"{"success":true,"version":"x"}"#)]
    {
        let got = reply(&call, garbage.0, garbage.1.as_bytes());
        assert!(matches!(got, Err(PeerError::Garbage(_))), "{garbage:?}: {got:?}");
    }
}
