//! What one viewer may take, and what a message can carry.

use super::*;
use crate::calls::{FOR_TRANSFERS, MAX_QUESTIONS, Pending, UNASKED_PAUSE};
use crate::region::Context;
use transfer::{InstantMessage, TransferId};

fn map_search(agent: AgentId) -> m::MapNameRequest<'static> {
    m::MapNameRequest {
        agent_data: m::map_name_request::AgentData {
            agent_id: agent.0,
            session_id: session(agent).0,
            flags: 2,
            estate_id: 0,
            godlike: false,
        },
        name_data: m::map_name_request::NameData { name: b"Reg\0" },
    }
}

fn teleport(town: &mut Town, agent: AgentId) -> Vec<Effect> {
    let message = m::TeleportLocationRequest {
        agent_data: m::teleport_location_request::AgentData {
            agent_id: agent.0,
            session_id: session(agent).0,
        },
        info: m::teleport_location_request::Info {
            region_handle: town.regions[1].info().handle.0,
            position: Vec3::splat(30.0),
            look_at: Vec3::X,
        },
    };
    town.say_alone(agent, &message)
}

#[test]
fn a_viewer_that_asks_and_asks_keeps_nobody_from_asking_or_going() {
    let mut town = Town::with_bob_in(0);
    let mut asked = Vec::new();
    for _ in 0..3 * MAX_QUESTIONS {
        let effects = town.say_alone(ADA, &map_search(ADA));
        asked.extend(questions(&effects).first().map(|(id, _)| *id));
    }
    assert_eq!(asked.len(), MAX_QUESTIONS);
    assert_eq!(questions(&town.say_alone(BOB, &map_search(BOB))).len(), 1);
    assert_eq!(questions(&teleport(&mut town, ADA)).len(), 1, "where to");
    // What is answered makes room.
    town.put_alone(0, Input::Reply { id: asked[0], result: Err(PeerError::TimedOut) });
    assert_eq!(questions(&town.say_alone(ADA, &map_search(ADA))).len(), 1);
    assert_eq!(questions(&town.say_alone(ADA, &map_search(ADA))).len(), 0);
}

/// Has the region ask for so many things at once; how many it did ask.
fn asks(town: &mut Town, times: u64, what: impl Fn(u64) -> Pending) -> usize {
    let mut effects = Vec::new();
    let cx = &mut Context { now: town.now, effects: &mut effects };
    for n in 0..times {
        town.regions[0].call_grid(cx, GridCall::Level(CLEO), UNASKED_PAUSE, what(n));
    }
    questions(&effects).len()
}

#[test]
fn some_places_are_for_transfers_and_what_finds_none_fails_in_a_while() {
    let mut town = Town::with_bob_in(0);
    let many = 2 * MAX_CALLS as u64;
    assert_eq!(asks(&mut town, many, |_| Pending::Nothing), MAX_CALLS - FOR_TRANSFERS);
    let step = |n| Pending::Looking { agent: CLEO, transfer: TransferId(n) };
    assert_eq!(asks(&mut town, many, step), FOR_TRANSFERS);
    town.regions[0].unasked.clear();
    assert_eq!(questions(&teleport(&mut town, ADA)).len(), 0);
    town.put_alone(0, Input::Wakeup);
    assert_eq!(town.regions[0].stats().open_transfers, 1);
    town.now += UNASKED_PAUSE;
    assert!(town.regions[0].next_wakeup() <= Some(town.now));
    town.put_alone(0, Input::Wakeup);
    assert_eq!(town.regions[0].stats().transfers[&("teleport", "grid_timed_out")], 1);
}

fn message(town: &mut Town, bucket: usize) {
    let bucket = vec![1; bucket];
    let message = m::ImprovedInstantMessage {
        agent_data: m::improved_instant_message::AgentData { agent_id: ADA.0, session_id: session(ADA).0 },
        message_block: m::improved_instant_message::MessageBlock {
            from_group: false,
            to_agent_id: BOB.0,
            parent_estate_id: 0,
            region_id: Uuid::nil(),
            position: Vec3::ZERO,
            offline: 0,
            dialog: 4,
            id: BOB.0,
            timestamp: 0,
            from_agent_name: b"Ada\0",
            message: b"A box\0",
            binary_bucket: &bucket,
        },
        estate_block: None,
        meta_data: (&[]).into(),
    };
    town.say(ADA, &message);
}

#[test]
fn what_no_datagram_can_carry_is_refused_and_the_largest_that_can_arrives() {
    for (bucket, arrives) in [(17, true), (1258, true), (1259, false), (1400, false)] {
        let mut town = Town::with_bob_in(0);
        message(&mut town, bucket);
        assert_eq!(town.heard(BOB).len(), usize::from(arrives), "{bucket}");
        let told = town.heard(ADA);
        let refused = ["alert: Your message is too long to be delivered."];
        assert_eq!(told, if arrives { &[][..] } else { &refused[..] }, "{bucket}");
        assert_eq!(town.regions[0].stats().dropped, 0);
    }
}

#[test]
fn kept_messages_are_forgotten_when_all_were_said_that_can_be() {
    let kept = |bucket| InstantMessage {
        from: CLEO,
        to: BOB,
        text: "Hello".into(),
        bucket: vec![1; bucket],
        ..InstantMessage::default()
    };
    for (connected, forgotten) in [(true, true), (false, false)] {
        let mut town = Town::with_bob_in(0);
        let request = m::RetrieveInstantMessages {
            agent_data: m::retrieve_instant_messages::AgentData {
                agent_id: BOB.0,
                session_id: session(BOB).0,
            },
        };
        let effects = town.say_alone(BOB, &request);
        let (id, _) = questions(&effects)[0];
        if !connected {
            town.regions[0].drop_link(BOB);
        }
        let waiting =
            SocialReply::Waiting { messages: vec![kept(2000), kept(1)], mark: 5, offers: Vec::new() };
        town.put(0, Input::Reply { id, result: Ok(Reply::Social(waiting)) });
        let heard = GridNotice::MailHeard { agent: BOB, mark: 5 };
        assert_eq!(town.told.contains(&heard), forgotten);
        assert_eq!(town.heard(BOB).len(), usize::from(connected));
    }
}

#[test]
fn long_names_come_in_as_many_answers_as_they_take() {
    let mut town = Town::with_bob_in(0);
    let names = (0..20).map(|n| (AgentId(Uuid::from_u128(n)), "x".repeat(300), "y".repeat(200)));
    let result = Ok(Reply::Names(names.collect()));
    let asked = m::UUIDNameRequest { uuid_name_block: (&[]).into() };
    let effects = town.say_alone(ADA, &asked);
    let (id, _) = questions(&effects)[0];
    town.put(0, Input::Reply { id, result });
    let got = town.got.remove(&ADA).unwrap();
    let named = got.iter().map(|body| match Message::decode(body).unwrap() {
        Message::UUIDNameReply(reply) => reply.uuid_name_block.iter().count(),
        _ => 0,
    });
    assert_eq!(named.sum::<usize>(), 20);
}

#[test]
fn the_largest_appearance_that_is_taken_can_be_told() {
    for (length, taken) in [(scene::MAX_TEXTURE_ENTRY, true), (scene::MAX_TEXTURE_ENTRY + 1, false)] {
        let mut town = Town::with_bob_in(0);
        let entry: Vec<_> = (0..length).map(|n| n as u8 | 1).collect();
        let params: Vec<_> = (0..scene::MAX_VISUAL_PARAMS)
            .map(|n| m::agent_set_appearance::VisualParam { param_value: n as u8 | 1 })
            .collect();
        let message = m::AgentSetAppearance {
            agent_data: m::agent_set_appearance::AgentData {
                agent_id: ADA.0,
                session_id: session(ADA).0,
                serial_num: 1,
                size: Vec3::new(0.45, 0.6, 1.9),
            },
            wearable_data: (&[]).into(),
            object_data: m::agent_set_appearance::ObjectData { texture_entry: &entry },
            visual_param: params.as_slice().into(),
        };
        town.say(ADA, &message);
        let got = town.got.remove(&BOB).unwrap_or_default();
        let told = got.iter().any(|body| match Message::decode(body).unwrap() {
            Message::AvatarAppearance(told) => told.object_data.texture_entry == entry,
            _ => false,
        });
        assert_eq!((told, town.regions[0].stats().malformed), (taken, u64::from(!taken)));
    }
}

#[test]
fn the_map_shows_where_people_are_in_a_large_region_too() {
    let mut town = Town::with_bob_in(1);
    let large = RegionConfig { size: RegionSize { x: 512, y: 512 }, ..config(0) };
    town.regions[0] = Region::new(large, town.now);
    town.enter(ADA, "Ada", 0);
    town.enter(CLEO, "Cleo", 0);
    let message = m::TeleportLocationRequest {
        agent_data: m::teleport_location_request::AgentData { agent_id: CLEO.0, session_id: session(CLEO).0 },
        info: m::teleport_location_request::Info {
            region_handle: town.regions[0].info().handle.0,
            position: Vec3::new(400.0, 300.0, 25.0),
            look_at: Vec3::X,
        },
    };
    town.say(CLEO, &message);
    town.got.clear();
    let message = m::MapItemRequest {
        agent_data: m::map_item_request::AgentData {
            agent_id: ADA.0,
            session_id: session(ADA).0,
            flags: 2,
            estate_id: 0,
            godlike: false,
        },
        request_data: m::map_item_request::RequestData { item_type: 6, region_handle: 0 },
    };
    town.say(ADA, &message);
    let got = town.got.remove(&ADA).unwrap();
    let shown = got.iter().find_map(|body| match Message::decode(body).unwrap() {
        Message::MapItemReply(reply) => reply.data.iter().next().map(|item| (item.x, item.y)),
        _ => None,
    });
    assert_eq!(shown, Some((256_000 + 400, 256_000 + 300)));
}
