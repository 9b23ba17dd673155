//! Teleports by people: offered, sent home, and by landmarks made here.

use super::*;

fn offer(town: &mut Town, to: &[AgentId]) {
    let targets: Vec<_> = to.iter().map(|id| m::start_lure::TargetData { target_id: id.0 }).collect();
    let message = m::StartLure {
        agent_data: m::start_lure::AgentData { agent_id: ADA.0, session_id: session(ADA).0 },
        info: m::start_lure::Info { lure_type: 0, message: b"Come over\0" },
        target_data: targets.as_slice().into(),
    };
    town.say(ADA, &message);
}

fn accept(town: &mut Town, named: AgentId, lure_id: Uuid) {
    let info = m::teleport_lure_request::Info {
        agent_id: named.0,
        session_id: session(BOB).0,
        lure_id,
        teleport_flags: 4,
    };
    town.say(BOB, &m::TeleportLureRequest { info });
}

/// The number and the place of the offer that Bob has got.
fn offered(town: &mut Town) -> (Uuid, String) {
    let got = town.got.remove(&BOB).unwrap();
    got.iter()
        .find_map(|body| match Message::decode(body).unwrap() {
            Message::ImprovedInstantMessage(said) if said.message_block.dialog == 22 => {
                assert_eq!(said.agent_data.agent_id, ADA.0);
                assert_eq!(said.message_block.message, b"Come over\0");
                let bucket = String::from_utf8(said.message_block.binary_bucket.to_vec()).unwrap();
                Some((said.message_block.id, bucket))
            }
            _ => None,
        })
        .unwrap()
}

/// Where the second region has sent somebody: the kinds of calls and the place asked for.
fn asked_access(town: &Town) -> Option<(AgentId, TeleportFlags, Vec3)> {
    town.to_peers.iter().find_map(|call| match call {
        PeerCall::QueryAccess(query) => Some((query.agent, query.flags, query.position)),
        _ => None,
    })
}

#[test]
fn an_offer_leads_to_the_one_who_made_it() {
    let mut town = Town::with_bob_in(1);
    offer(&mut town, &[BOB, ADA, AgentId::NULL]);
    let (number, place) = offered(&mut town);
    let stands = town.regions[0].scene.presence(ADA).unwrap().position().trunc();
    let height = stands.z as i32;
    assert_eq!(place, format!("256000|256000|100|50|{height}|1|0|0|PG"));
    accept(&mut town, BOB, number);
    let (who, flags, position) = asked_access(&town).unwrap();
    assert_eq!((who, position), (BOB, stands));
    assert!(flags.contains(TeleportFlags::VIA_LURE), "{flags:?}");
}

#[test]
fn an_offer_in_the_same_region_moves_within_it() {
    let mut town = Town::with_bob_in(0);
    offer(&mut town, &[BOB]);
    let (number, _) = offered(&mut town);
    accept(&mut town, BOB, number);
    assert!(town.heard(BOB).iter().any(|heard| heard.starts_with("here [100, 50,")));
}

#[test]
fn nobody_accepts_for_others_and_nothing_is_accepted_that_is_no_offer() {
    let mut town = Town::with_bob_in(1);
    accept(&mut town, ADA, Uuid::from_u128(1 << 64));
    assert_eq!(town.regions[1].stats().forbidden, 1);
    accept(&mut town, BOB, Uuid::from_u128(0xFFFF));
    assert_eq!(asked_access(&town), None);
}

#[test]
fn who_is_not_online_is_not_offered_anything() {
    let mut town = Town::with_bob_in(1);
    offer(&mut town, &[CLEO]);
    let heard = town.heard(ADA);
    assert_eq!(heard.len(), 1);
    assert!(heard[0].ends_with("User not online - your message was not delivered."), "{heard:?}");
    assert!(town.asked.is_empty(), "an offer is not kept");
}

fn order(town: &mut Town, by: AgentId, method: &[u8], parameters: &[&str]) {
    let parameters: Vec<_> = parameters
        .iter()
        .map(|parameter| m::estate_owner_message::ParamList { parameter: parameter.as_bytes() })
        .collect();
    let message = m::EstateOwnerMessage {
        agent_data: m::estate_owner_message::AgentData {
            agent_id: by.0,
            session_id: session(by).0,
            transaction_id: Uuid::nil(),
        },
        method_data: m::estate_owner_message::MethodData { method, invoice: Uuid::nil() },
        param_list: parameters.as_slice().into(),
    };
    town.say(by, &message);
}

#[test]
fn the_owner_sends_guests_home() {
    let bob = BOB.to_string();
    for (method, parameters) in
        [(&b"teleporthomeuser\0"[..], &["0", &bob][..]), (&b"teleporthomeallusers\0"[..], &["0"][..])]
    {
        let mut town = Town::with_bob_in(0);
        order(&mut town, BOB, method, parameters);
        assert_eq!(asked_access(&town), None, "not his region");
        order(&mut town, ADA, method, parameters);
        let (who, flags, position) = asked_access(&town).unwrap();
        assert_eq!((who, position), (BOB, Vec3::new(10.0, 20.0, 30.0)));
        assert!(flags.contains(TeleportFlags::VIA_HOME), "{flags:?}");
    }
    let mut town = Town::with_bob_in(1);
    order(&mut town, ADA, b"teleporthomeuser\0", &["0", &bob]);
    order(&mut town, ADA, b"teleporthomeuser\0", &["0", "everybody"]);
    order(&mut town, ADA, b"teleporthomeuser\0", &[]);
    assert_eq!(asked_access(&town), None, "nobody of that name stands there");
}

#[test]
fn a_god_may_what_the_owner_may_and_more() {
    let bob = BOB.to_string();
    for (god, obeyed) in [(BOB, false), (CLEO, true)] {
        let mut town = Town::with_bob_in(0);
        town.enter(CLEO, "Cleo", 0);
        let before = town.regions[0].stats().forbidden;
        order(&mut town, god, b"teleporthomeuser\0", &["0", &bob]);
        assert_eq!(asked_access(&town).is_some(), obeyed);
        assert_eq!(town.regions[0].stats().forbidden - before, u64::from(!obeyed));
    }
    for (god, words, kicked) in [
        (BOB, &b"Enough.\0"[..], None),
        (ADA, b"Enough.\0", None),
        (CLEO, b"Enough.\0", Some("Enough.")),
        (CLEO, b"\0", Some("You have been logged out by an administrator.")),
    ] {
        let mut town = Town::with_bob_in(0);
        town.enter(CLEO, "Cleo", 0);
        let user_info = m::god_kick_user::UserInfo {
            god_id: god.0,
            god_session_id: session(god).0,
            agent_id: BOB.0,
            kick_flags: 0,
            reason: words,
        };
        town.say(god, &m::GodKickUser { user_info });
        let got = town.got.remove(&BOB).unwrap_or_default();
        let kick = got.iter().find_map(|body| match Message::decode(body).unwrap() {
            Message::KickUser(kick) => Some(lludp::text::read(kick.user_info.reason).into_owned()),
            _ => None,
        });
        assert_eq!(kick.as_deref(), kicked, "{god}");
    }
}

#[test]
fn powers_are_shown_to_gods_only() {
    for (who, level) in [(ADA, None), (CLEO, Some(200))] {
        let mut town = Town::with_bob_in(0);
        town.enter(CLEO, "Cleo", 0);
        let token = Uuid::from_u128(3);
        let message = m::RequestGodlikePowers {
            agent_data: m::request_godlike_powers::AgentData { agent_id: who.0, session_id: session(who).0 },
            request_block: m::request_godlike_powers::RequestBlock { godlike: true, token },
        };
        town.say(who, &message);
        let got = town.got.remove(&who).unwrap_or_default();
        let granted = got.iter().find_map(|body| match Message::decode(body).unwrap() {
            Message::GrantGodlikePowers(grant) => Some((grant.grant_data.god_level, grant.grant_data.token)),
            _ => None,
        });
        assert_eq!(granted, level.map(|level| (level, token)));
    }
}

#[test]
fn the_owner_restarts_the_region_or_does_not() {
    for (by, orders, closing) in [
        (ADA, &["120"][..], true),
        (CLEO, &["120"], true),
        (BOB, &["120"], false),
        (ADA, &["120", "-1"], false),
        (ADA, &["soon"], false),
    ] {
        let mut town = Town::with_bob_in(0);
        town.enter(CLEO, "Cleo", 0);
        for after in orders {
            order(&mut town, by, b"restart\0", &[after]);
        }
        assert_eq!(town.regions[0].closing.is_some(), closing, "{by} {orders:?}");
    }
}

#[test]
fn a_landmark_made_here_leads_back() {
    let mut town = Town::with_bob_in(1);
    let folder_id = Uuid::from_u128(0xF);
    let message = m::CreateInventoryItem {
        agent_data: m::create_inventory_item::AgentData { agent_id: ADA.0, session_id: session(ADA).0 },
        inventory_block: m::create_inventory_item::InventoryBlock {
            callback_id: 42,
            folder_id,
            transaction_id: Uuid::nil(),
            next_owner_mask: u32::MAX,
            r#type: 3,
            inv_type: 3,
            wearable_type: 0xFF,
            name: b"The square\0",
            description: b"\0",
        },
    };
    town.say(ADA, &message);
    let got = town.got.remove(&ADA).unwrap();
    let asset = got
        .iter()
        .find_map(|body| match Message::decode(body).unwrap() {
            Message::UpdateCreateInventoryItem(update) => {
                let item = update.inventory_data.iter().next().unwrap();
                assert_eq!((item.callback_id, item.folder_id, item.owner_id), (42, folder_id, ADA.0));
                assert_eq!((item.r#type, item.inv_type, item.name), (3, 3, &b"The square\0"[..]));
                assert_eq!(item.next_owner_mask, 0x7FFF_FFFF);
                Some(item.asset_id)
            }
            _ => None,
        })
        .unwrap();
    let info = m::teleport_landmark_request::Info {
        agent_id: BOB.0,
        session_id: session(BOB).0,
        landmark_id: asset,
    };
    town.say(BOB, &m::TeleportLandmarkRequest { info });
    let (who, flags, position) = asked_access(&town).unwrap();
    assert_eq!(who, BOB);
    assert!(flags.contains(TeleportFlags::VIA_LANDMARK), "{flags:?}");
    let stands = town.regions[0].scene.presence(ADA).unwrap().position();
    assert!(position.distance(stands) < 0.001, "{position} {stands}");
}

#[test]
fn a_cancel_that_was_overtaken_by_the_next_wish_is_about_the_one_before() {
    let mut town = Town::with_bob_in(0);
    let say = |town: &mut Town, sequence: u32, message: &dyn Fn(&mut Vec<u8>, u32)| {
        let mut bytes = Vec::new();
        message(&mut bytes, sequence);
        // Nobody answers the region, so a transfer that has begun stays where it is.
        let datagram = Input::Datagram { from: address(ADA), bytes: &bytes };
        town.regions[0].handle(town.now, datagram, &mut Vec::new());
        town.regions[0].agents().find(|agent| agent.agent == ADA).is_some_and(|ada| ada.departing.is_some())
    };
    let wish = |bytes: &mut Vec<u8>, sequence| {
        let message = m::TeleportLocationRequest {
            agent_data: m::teleport_location_request::AgentData {
                agent_id: ADA.0,
                session_id: session(ADA).0,
            },
            info: m::teleport_location_request::Info {
                region_handle: GridCell { x: 2000, y: 2000 }.handle().0,
                position: Vec3::splat(50.0),
                look_at: Vec3::X,
            },
        };
        header::seal_message(bytes, Flags::RELIABLE, sequence, &message, &mut Vec::new());
    };
    let cancel = |bytes: &mut Vec<u8>, sequence| {
        let info = m::teleport_cancel::Info { agent_id: ADA.0, session_id: session(ADA).0 };
        header::seal_message(bytes, Flags::RELIABLE, sequence, &m::TeleportCancel { info }, &mut Vec::new());
    };
    assert!(say(&mut town, 10, &wish));
    assert!(say(&mut town, 12, &wish), "the same wish again");
    assert!(say(&mut town, 11, &cancel), "it was sent before the last wish");
    assert!(!say(&mut town, 13, &cancel));
}
