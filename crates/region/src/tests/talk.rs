//! Instant messages, and what becomes of those to nobody.

use super::*;
use transfer::InstantMessage;

#[test]
fn what_is_typed_is_heard_wherever_they_are() {
    for bobs in [0, 1] {
        let mut town = Town::with_bob_in(bobs);
        for (dialog, text) in [(41, "typing"), (0, "Hello"), (42, "typing")] {
            town.message(ADA, BOB, dialog, text);
            assert_eq!(town.heard(BOB), [format!("IM {dialog} of Ada (Ada One), Bob: {text}")]);
        }
        assert_eq!(town.heard(ADA), [""; 0]);
    }
}

#[test]
fn nobody_speaks_as_the_simulator_does() {
    let mut town = Town::with_bob_in(0);
    for dialog in [1, 3, 9, 19, 22, 25, 31, 39, 40, 250] {
        town.message(ADA, BOB, dialog, "Trust me");
    }
    assert_eq!(town.heard(BOB), [""; 0]);
    assert_eq!(town.regions[0].stats().forbidden, 10);
}

#[test]
fn what_is_said_to_nobody_is_kept_and_said_so() {
    let kept = "is kept and will be delivered at the next login.";
    for (answer, words) in [
        (Ok(SocialReply::Done), kept),
        (Err(Refusal::new("their mailbox is full").into()), "was not delivered."),
        (Err(PeerError::TimedOut), "was not delivered."),
    ] {
        let mut town = Town::with_bob_in(1);
        town.answers.push(answer);
        town.message(ADA, CLEO, 0, "Hello");
        let Some(SocialCall::Keep(message)) = town.asked.first() else { panic!("{:?}", town.asked) };
        assert_eq!((message.text.as_str(), message.from_name.as_str()), ("Hello", "Ada One"));
        assert_eq!(message.sent_s, 1_700_000_001);
        let told = format!("IM 0 of Cleo (System), Cleo: User not online - your message {words}");
        assert_eq!(town.heard(ADA), [told]);
    }
    // Nobody misses these.
    let mut town = Town::with_bob_in(1);
    for dialog in [4, 17, 20, 41, 42] {
        town.message(ADA, CLEO, dialog, "Hello");
    }
    assert_eq!((town.asked.len(), town.heard(ADA).len()), (0, 0));
}

#[test]
fn what_was_kept_is_heard_at_the_next_login() {
    let mut town = Town::with_bob_in(1);
    let message = |from, text: &str| InstantMessage {
        from,
        from_name: "Cleo One".into(),
        to: BOB,
        text: text.into(),
        offline: 1,
        sent_s: 12,
        ..InstantMessage::default()
    };
    town.answers.push(Ok(SocialReply::Waiting {
        messages: vec![message(CLEO, "one"), message(CLEO, "two")],
        mark: 77,
        offers: vec![(ADA, "Ada One".into())],
    }));
    let agent_data = m::retrieve_instant_messages::AgentData { agent_id: BOB.0, session_id: session(BOB).0 };
    town.say(BOB, &m::RetrieveInstantMessages { agent_data });
    assert_eq!(town.asked, [SocialCall::Waiting(BOB)]);
    let heard = town.heard(BOB);
    assert!(heard[0].ends_with(": one") && heard[1].ends_with(": two"), "{heard:?}");
    assert_eq!(heard[2..], ["IM 38 of Ada (Ada One), Ada: Will you be my friend?"]);
    assert_eq!(town.told, [GridNotice::MailHeard { agent: BOB, mark: 77 }]);
}
