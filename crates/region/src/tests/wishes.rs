//! Teleports to places that are looked up first.

use super::*;

fn wish_home(town: &mut Town) -> Vec<Effect> {
    let info = m::teleport_landmark_request::Info {
        agent_id: ADA.0,
        session_id: session(ADA).0,
        landmark_id: Uuid::nil(),
    };
    town.say_alone(ADA, &m::TeleportLandmarkRequest { info })
}

/// The grid answers what it was asked; what the region does then.
fn answer(town: &mut Town, asked: &[Effect]) -> Vec<Effect> {
    let (id, call) = questions(asked)[0];
    let result = town.look_up(call.clone());
    town.put_alone(0, Input::Reply { id, result })
}

fn begun(town: &Town) -> usize {
    town.regions[0].stats().open_transfers
}

#[test]
fn a_wish_that_is_cancelled_while_its_place_is_looked_up_is_over() {
    for cancelled_after in 0..=2 {
        let mut town = Town::with_bob_in(1);
        let info = m::teleport_cancel::Info { agent_id: ADA.0, session_id: session(ADA).0 };
        let cancel = m::TeleportCancel { info };
        let mut effects = wish_home(&mut town);
        for answered in 0..2 {
            if answered == cancelled_after {
                town.say_alone(ADA, &cancel);
            }
            if !questions(&effects).is_empty() {
                effects = answer(&mut town, &effects);
            }
        }
        assert_eq!(begun(&town), usize::from(cancelled_after == 2), "{cancelled_after}");
    }
}

#[test]
fn only_the_newest_wish_is_followed() {
    let mut town = Town::with_bob_in(1);
    let first = wish_home(&mut town);
    let second = wish_home(&mut town);
    assert!(questions(&answer(&mut town, &first)).is_empty());
    let place = answer(&mut town, &second);
    answer(&mut town, &place);
    assert_eq!(begun(&town), 1);
}

#[test]
fn a_look_up_that_takes_long_is_told_as_a_beginning_and_once() {
    let mut town = Town::with_bob_in(1);
    let home = wish_home(&mut town);
    assert_eq!(town.heard(ADA), [""; 0]);
    town.now += transfer::Patience::default().start;
    assert!(town.regions[0].next_wakeup() <= Some(town.now));
    town.put_alone(0, Input::Wakeup);
    assert_eq!(town.heard(ADA), ["teleport"]);
    let place = answer(&mut town, &home);
    answer(&mut town, &place);
    town.put_alone(0, Input::Wakeup);
    assert_eq!((begun(&town), town.heard(ADA).len()), (1, 0));
}
