use super::*;
use ArrivalEffect as E;
use ArrivalInput as I;
use Whereabouts::{Arrived, Withdrawn};
use model::Uuid;

fn transfer(n: u64) -> TransferKey {
    (RegionId(Uuid::from_u128(1)), TransferId(n))
}

fn expect(n: u64) -> ArrivalInput {
    I::Expect(Expectation::Transfer(transfer(n)))
}

#[track_caller]
fn check(inputs: &[ArrivalInput], expected: &[ArrivalEffect]) -> Arrival {
    let mut arrival = Arrival::new(Patience::default());
    let (mut now, mut effects) = (Moment::ZERO, Vec::new());
    for &input in inputs {
        if input == I::Wakeup {
            now = arrival.next_wakeup().expect("something is waited for");
        }
        arrival.handle(now, input, &mut effects);
    }
    assert_eq!(effects, expected);
    arrival
}

#[test]
fn both_orders_of_update_and_complete_arrive() {
    let arrived = [E::BecomeRoot, E::Settle(transfer(1), Arrived)];
    check(&[expect(1), I::Update(transfer(1)), I::Complete], &arrived);
    check(&[expect(1), I::Complete, I::Update(transfer(1))], &arrived);
}

#[test]
fn a_login_needs_no_update() {
    check(&[I::Expect(Expectation::Login), I::Complete], &[E::BecomeRoot]);
}

#[test]
fn complete_twice_is_answered_twice_and_done_once() {
    check(&[I::Expect(Expectation::Login), I::Complete, I::Complete], &[E::BecomeRoot, E::RepeatComplete]);
}

#[test]
fn nobody_becomes_root_unsent() {
    check(&[I::Complete], &[E::Unexpected]);
    check(&[I::Update(transfer(1)), I::Complete], &[E::Settle(transfer(1), Withdrawn), E::Unexpected]);
}

#[test]
fn whoever_comes_first_wins_for_ever() {
    let withdrawn = E::Settle(transfer(1), Withdrawn);
    check(
        &[expect(1), I::Update(transfer(1)), I::Withdraw(transfer(1)), I::Complete, I::Withdraw(transfer(1))],
        &[withdrawn, E::Forget, E::Unexpected, withdrawn],
    );
    let arrived = E::Settle(transfer(1), Arrived);
    check(
        &[expect(1), I::Update(transfer(1)), I::Complete, I::Withdraw(transfer(1)), I::Update(transfer(1))],
        &[E::BecomeRoot, arrived, arrived, arrived],
    );
}

#[test]
fn a_withdrawal_that_overtakes_the_creation_is_obeyed() {
    check(
        &[I::Withdraw(transfer(1)), expect(1), I::Complete],
        &[E::Settle(transfer(1), Withdrawn), E::Unexpected],
    );
}

#[test]
fn without_update_the_agent_goes_on_with_what_was_announced() {
    let arrival = check(
        &[expect(1), I::Complete, I::Wakeup, I::Withdraw(transfer(1))],
        &[E::BecomeRoot, E::Settle(transfer(1), Arrived), E::Settle(transfer(1), Arrived)],
    );
    assert_eq!(arrival.verdict(), Verdict::Root);
}

#[test]
fn a_viewer_that_never_comes_is_forgotten() {
    let arrival = check(&[expect(1), I::Wakeup], &[E::Settle(transfer(1), Withdrawn), E::Forget]);
    assert_eq!(arrival.verdict(), Verdict::Child);
}

#[test]
fn who_logs_in_has_longer_to_come_and_begins_anew_with_each_sign_of_life() {
    let patience = Patience::default();
    assert!(patience.login > patience.unclaimed);
    let (mut arrival, mut effects) = (Arrival::new(patience), Vec::new());
    arrival.handle(Moment::ZERO, I::Expect(Expectation::Login), &mut effects);
    let later = Moment::ZERO + patience.unclaimed;
    arrival.handle(later, I::Wakeup, &mut effects);
    arrival.handle(later, I::Shown, &mut effects);
    assert_eq!((arrival.next_wakeup(), &effects[..]), (Some(later + patience.login), &[][..]));
    // One that is sent here has its source's word alone.
    arrival.handle(later, expect(1), &mut effects);
    arrival.handle(later + patience.answer, I::Shown, &mut effects);
    assert_eq!(arrival.next_wakeup(), Some(later + patience.unclaimed));
}

#[test]
fn the_newest_transfer_is_the_one() {
    check(
        &[expect(1), expect(2), I::Update(transfer(2)), I::Complete, I::Update(transfer(1))],
        &[
            E::Settle(transfer(1), Withdrawn),
            E::BecomeRoot,
            E::Settle(transfer(2), Arrived),
            E::Settle(transfer(1), Withdrawn),
        ],
    );
}

#[test]
fn an_agent_comes_back_after_it_has_left() {
    check(
        &[
            I::Expect(Expectation::Login),
            I::Complete,
            I::Demoted,
            I::Complete,
            expect(5),
            I::Update(transfer(5)),
            I::Complete,
        ],
        &[E::BecomeRoot, E::Unexpected, E::BecomeRoot, E::Settle(transfer(5), Arrived)],
    );
}

#[test]
fn verdicts_never_change_and_memory_is_bounded() {
    arbtest::arbtest(|u| {
        let mut arrival = Arrival::new(Patience::default());
        let (mut now, mut effects) = (Moment::ZERO, Vec::new());
        let mut verdicts = std::collections::BTreeMap::new();
        for _ in 0..60 {
            let n = u.int_in_range(1..=VERDICTS_KEPT as u64)?;
            let input = match u.int_in_range(0..=7)? {
                0 => I::Expect(Expectation::Login),
                1 => expect(n),
                2 => I::Update(transfer(n)),
                3 => I::Complete,
                4 => I::Withdraw(transfer(n)),
                5 => I::Demoted,
                6 => I::Shown,
                _ => I::Wakeup,
            };
            if input == I::Wakeup
                && let Some(at) = arrival.next_wakeup()
            {
                now = at;
            }
            effects.clear();
            arrival.handle(now, input, &mut effects);
            for effect in &effects {
                if let E::Settle(key, verdict) = effect {
                    assert_eq!(verdicts.entry(*key).or_insert(*verdict), verdict, "{key:?}");
                }
            }
            assert!(arrival.settled.len() <= VERDICTS_KEPT);
        }
        Ok(())
    });
}
