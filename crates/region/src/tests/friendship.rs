//! Friendships between people in the same region and in different ones.

use super::*;
use transfer::{FriendDeed, FriendNews};

fn offer(town: &mut Town, to: AgentId, text: &str) {
    let text = lludp::text::Nul::new(text);
    let message = m::ImprovedInstantMessage {
        agent_data: m::improved_instant_message::AgentData { agent_id: ADA.0, session_id: session(ADA).0 },
        message_block: m::improved_instant_message::MessageBlock {
            from_group: false,
            to_agent_id: to.0,
            parent_estate_id: 0,
            region_id: Uuid::nil(),
            position: Vec3::ZERO,
            offline: 0,
            dialog: 38,
            id: Uuid::from_u128(0x77),
            timestamp: 0,
            from_agent_name: b"Ada One\0",
            message: text.as_bytes(),
            binary_bucket: &[],
        },
        estate_block: None,
        meta_data: (&[]).into(),
    };
    town.say(ADA, &message);
}

fn accept(town: &mut Town) {
    let message = m::AcceptFriendship {
        agent_data: m::accept_friendship::AgentData { agent_id: BOB.0, session_id: session(BOB).0 },
        transaction_block: m::accept_friendship::TransactionBlock { transaction_id: ADA.0 },
        folder_data: (&[]).into(),
    };
    town.say(BOB, &message);
}

fn terminate(town: &mut Town, friend: AgentId) {
    let message = m::TerminateFriendship {
        agent_data: m::terminate_friendship::AgentData { agent_id: ADA.0, session_id: session(ADA).0 },
        ex_block: m::terminate_friendship::ExBlock { other_id: friend.0 },
    };
    town.say(ADA, &message);
}

#[test]
fn who_become_friends_see_each_other_at_once() {
    for bobs in [0, 1] {
        let mut town = Town::with_bob_in(bobs);
        offer(&mut town, BOB, "Shall we?");
        assert_eq!(town.asked, [SocialCall::Offer { from: ADA, to: BOB }]);
        assert_eq!(town.heard(BOB), ["IM 38 of Ada (Ada One), Ada: Shall we?"]);
        accept(&mut town);
        assert_eq!(town.asked[1..], [SocialCall::Accept { agent: BOB, friend: ADA }]);
        let told = town.heard(ADA);
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].starts_with("IM 39 of Bob (Bob One), Bob: "), "{told:?}");
        assert_eq!(told[1], "online Bob");
        assert_eq!(town.heard(BOB), ["online Ada"]);
    }
}

#[test]
fn what_the_grid_refuses_is_told_to_nobody_else() {
    let mut town = Town::with_bob_in(1);
    town.refuse("You are friends already.");
    offer(&mut town, BOB, "");
    assert_eq!(town.heard(ADA), ["alert: You are friends already."]);
    town.answers.push(Err(PeerError::TimedOut));
    accept(&mut town);
    assert_eq!(town.heard(BOB), ["alert: Your friends cannot be looked up now; please try again."]);
    assert_eq!(town.heard(ADA), [""; 0]);
    // Nobody is their own friend.
    offer(&mut town, ADA, "");
    terminate(&mut town, AgentId::NULL);
    assert_eq!(town.asked.len(), 2);
}

#[test]
fn both_want_it_so_they_are_friends() {
    let mut town = Town::with_bob_in(1);
    town.answers.push(Ok(SocialReply::Befriended { name: "Bob One".into() }));
    offer(&mut town, BOB, "");
    let told = town.heard(ADA);
    assert!(told[0].starts_with("IM 39 of Bob (Bob One)"), "{told:?}");
    assert_eq!(told[1..], ["online Bob"]);
    assert_eq!(town.heard(BOB), ["IM 39 of Ada (Ada One), Ada: <Ada>", "online Ada"]);
}

#[test]
fn a_friendship_ends_for_both() {
    for (friend, bob_hears) in [(BOB, vec!["no friend: Ada"]), (CLEO, vec![])] {
        let mut town = Town::with_bob_in(1);
        terminate(&mut town, friend);
        assert_eq!(town.heard(ADA).len(), 1);
        assert_eq!(town.heard(BOB), bob_hears);
    }
}

#[test]
fn rights_are_told_to_both() {
    for (before, now, bob_hears) in [
        (1, 5, vec!["Ada lets Bob: 5"]),
        (1, 0, vec!["Ada lets Bob: 0", "offline Ada"]),
        (0, 3, vec!["Ada lets Bob: 3", "online Ada"]),
    ] {
        let mut town = Town::with_bob_in(1);
        town.answers.push(Ok(SocialReply::Rights { before, now }));
        let block = [m::grant_user_rights::Rights { agent_related: BOB.0, related_rights: now as i32 }];
        let message = m::GrantUserRights {
            agent_data: m::grant_user_rights::AgentData { agent_id: ADA.0, session_id: session(ADA).0 },
            rights: (&block).into(),
        };
        town.say(ADA, &message);
        assert_eq!(town.asked, [SocialCall::Grant { agent: ADA, friend: BOB, rights: now }]);
        assert_eq!(town.heard(ADA), [format!("Ada lets Bob: {now}")]);
        assert_eq!(town.heard(BOB), bob_hears);
    }
}

#[test]
fn peers_of_others_say_less() {
    let mut town = Town::with_bob_in(1);
    let mut say = |deed| {
        let news = Box::new(FriendNews { from: CLEO, to: ADA, deed });
        town.put(0, Input::Peer { call: PeerCall::FriendNews(news), waiter: Waiter(0) });
        town.heard(ADA)
    };
    let offered = FriendDeed::Offered { name: String::new(), words: "Hello".into() };
    assert_eq!(say(offered), ["IM 38 of Cleo (Some One), Cleo: Hello"]);
    let approved = |status_follows| FriendDeed::Approved { name: "Cleo Two".into(), status_follows };
    let told = say(approved(false));
    assert_eq!((told.len(), told[1].as_str()), (2, "online Cleo"));
    assert_eq!(say(approved(true)).len(), 1);
    let told = say(FriendDeed::Denied { name: "Cleo Two".into() });
    assert!(told[0].starts_with("IM 40 of Cleo (Cleo Two)"), "{told:?}");
}

#[test]
fn an_offer_to_somebody_who_is_not_online_is_kept_with_its_words() {
    let mut town = Town::with_bob_in(1);
    offer(&mut town, CLEO, "Shall we?");
    let Some(SocialCall::Keep(kept)) = town.asked.get(1) else { panic!("{:?}", town.asked) };
    assert_eq!((kept.from, kept.to, kept.dialog, kept.conversation), (ADA, CLEO, 38, ADA.0));
    assert_eq!((kept.text.as_str(), kept.from_name.as_str()), ("Shall we?", "Ada One"));
    assert_eq!(town.heard(ADA), [""; 0]);
}
