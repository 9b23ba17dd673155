use super::*;
use crate::{Refusal, Version};
use DepartureEffect as E;
use DepartureInput as I;
use std::time::Duration;

const NEW: Plan = Plan { version: Version::V0_8, tickets: true, crossing: false };

fn agreed(version: Version, tickets: bool) -> DepartureInput {
    I::Agreed(Agreement { outbound: version, inbound: version, tickets })
}

struct Case {
    departure: Departure,
    now: Moment,
    effects: Vec<DepartureEffect>,
}

impl Case {
    fn teleport() -> Self {
        Self::begin(NEW)
    }

    fn begin(plan: Plan) -> Self {
        let mut effects = Vec::new();
        let departure = Departure::begin(
            TransferId(7),
            plan,
            Patience::default(),
            Moment::ZERO,
            Moment::ZERO,
            &mut effects,
        );
        Self { departure, now: Moment::ZERO, effects }
    }

    #[track_caller]
    fn check(&mut self, input: DepartureInput, expected: &[DepartureEffect]) {
        self.effects.clear();
        self.departure.handle(self.now, input.clone(), &mut self.effects);
        assert_eq!(self.effects, expected, "after {input:?}");
    }

    fn until(step: Step) -> Self {
        Self::until_in(Version::V0_8, step)
    }

    fn until_in(version: Version, step: Step) -> Self {
        let mut case = Self::teleport();
        for _ in 0..20 {
            let (now, at) = (case.now, case.departure.step());
            if at == step {
                break;
            }
            let done = if at == Step::AskAccess { agreed(version, true) } else { I::Done(at) };
            case.departure.handle(now, done, &mut case.effects);
        }
        assert_eq!(case.departure.step(), step);
        case.effects.clear();
        case
    }

    fn wait(&mut self) {
        self.now = self.departure.next_wakeup().expect("something is waited for");
    }
}

fn stayed(step: Step, stage: Stage, cause: FailureCause) -> DepartureEffect {
    E::Over(Outcome::Stayed(Failure { step, stage, cause }))
}

fn told(reason: &str) -> DepartureEffect {
    E::TellFailed { reason: reason.into() }
}

#[test]
fn a_teleport_that_goes_well() {
    let mut case = Case::teleport();
    assert_eq!(case.effects, [E::Begin(Step::FindRegion)]);
    case.check(I::Done(Step::FindRegion), &[E::Begin(Step::AskAccess)]);
    case.check(agreed(Version::V0_8, true), &[E::Begin(Step::TellStart), E::Begin(Step::CreateAgent)]);
    case.check(I::Done(Step::CreateAgent), &[E::Begin(Step::TellFinish), E::Begin(Step::SendAgent)]);
    assert!(case.departure.told_to_go());
    case.check(
        I::Done(Step::SendAgent),
        &[E::Begin(Step::Demote), E::Begin(Step::Grace), E::Over(Outcome::Departed)],
    );
    assert_eq!(case.departure.next_wakeup(), None);
    for late in [I::Cancel, I::Wakeup, I::Released, I::ViewerGone, I::Done(Step::Grace)] {
        case.check(late, &[]);
    }
}

#[test]
fn a_crossing_shows_no_progress_screen() {
    let mut case = Case::begin(Plan { crossing: true, ..NEW });
    case.check(I::Done(Step::FindRegion), &[E::Begin(Step::AskAccess)]);
    case.check(agreed(Version::V0_8, true), &[E::Begin(Step::CreateAgent)]);
    case.check(I::Done(Step::CreateAgent), &[E::Begin(Step::TellFinish), E::Begin(Step::SendAgent)]);
}

#[test]
fn refused_while_preparing_undoes_nothing() {
    let refusal = FailureCause::Refused(Refusal::new("The region is full"));
    Case::until(Step::AskAccess).check(
        I::Failed(Step::AskAccess, refusal.clone()),
        &[E::Unfreeze, told("The region is full"), stayed(Step::AskAccess, Stage::Preparing, refusal)],
    );
}

#[test]
fn silence_while_creating_withdraws_what_may_have_been_made() {
    let mut case = Case::until(Step::CreateAgent);
    case.wait();
    let reason =
        handling(&Failure { step: Step::CreateAgent, stage: Stage::Made, cause: FailureCause::TimedOut })
            .tell;
    case.check(
        I::Wakeup,
        &[
            E::Withdraw { await_answer: false },
            E::Unfreeze,
            told(&reason.expect("told")),
            stayed(Step::CreateAgent, Stage::Made, FailureCause::TimedOut),
        ],
    );
}

#[test]
fn a_viewer_that_never_comes_is_told_after_the_destination_agreed() {
    let mut case = Case::until(Step::SendAgent);
    case.wait();
    case.check(I::Wakeup, &[E::Withdraw { await_answer: true }]);
    case.check(
        I::Whereabouts(Some(Whereabouts::Withdrawn)),
        &[
            E::Unfreeze,
            told("timeout_tport"),
            stayed(Step::SendAgent, Stage::ToldToGo, FailureCause::NeverArrived),
        ],
    );
    assert!(!case.departure.in_doubt());
}

#[test]
fn a_lost_last_word_is_told_apart_from_a_viewer_that_never_came() {
    let mut case = Case::until(Step::SendAgent);
    case.wait();
    case.check(I::Wakeup, &[E::Withdraw { await_answer: true }]);
    case.check(
        I::Whereabouts(Some(Whereabouts::Arrived)),
        &[E::Begin(Step::Demote), E::Begin(Step::Grace), E::Over(Outcome::Departed)],
    );
}

#[test]
fn a_release_that_comes_while_asking_counts() {
    let mut case = Case::until(Step::SendAgent);
    case.check(I::Failed(Step::SendAgent, FailureCause::Unreachable), &[E::Withdraw { await_answer: true }]);
    case.check(I::Released, &[E::Begin(Step::Demote), E::Begin(Step::Grace), E::Over(Outcome::Departed)]);
    case.check(I::Whereabouts(Some(Whereabouts::Arrived)), &[]);
}

#[test]
fn a_dead_destination_is_asked_a_bounded_number_of_times() {
    let mut case = Case::until(Step::SendAgent);
    case.wait();
    case.check(I::Wakeup, &[E::Withdraw { await_answer: true }]);
    for _ in 1..Patience::default().withdrawals {
        case.wait();
        case.check(I::Wakeup, &[E::Withdraw { await_answer: true }]);
    }
    case.wait();
    case.check(
        I::Wakeup,
        &[
            E::Unfreeze,
            told("timeout_tport"),
            stayed(Step::SendAgent, Stage::ToldToGo, FailureCause::NeverArrived),
        ],
    );
    assert!(case.departure.in_doubt(), "silence is no answer");
}

#[test]
fn cancel_before_the_finish_cancels_and_says_nothing() {
    for (step, withdraw) in [(Step::FindRegion, false), (Step::AskAccess, false), (Step::CreateAgent, true)] {
        let mut expected = Vec::new();
        if withdraw {
            expected.push(E::Withdraw { await_answer: false });
        }
        let stage = if withdraw { Stage::Made } else { Stage::Preparing };
        expected.extend([E::Unfreeze, stayed(step, stage, FailureCause::Cancelled)]);
        Case::until(step).check(I::Cancel, &expected);
    }
}

#[test]
fn cancel_after_the_finish_changes_nothing() {
    let mut case = Case::until(Step::SendAgent);
    case.check(I::Cancel, &[]);
    case.check(
        I::Done(Step::SendAgent),
        &[E::Begin(Step::Demote), E::Begin(Step::Grace), E::Over(Outcome::Departed)],
    );
}

/// From the request until today's viewers give up (teleport fact sheet, section 2).
const VIEWERS_GIVE_UP: Duration = Duration::from_secs(15);

#[test]
fn whoever_falls_silent_the_viewer_hears_how_it_ended_before_it_gives_up() {
    for minor in 1..=8 {
        for tickets in [true, false] {
            let plan = Plan { version: Version::new(minor), tickets, crossing: false };
            for silent_from in plan.script().iter().copied() {
                let mut case = Case::teleport();
                while case.departure.state != State::Over {
                    case.wait();
                    let (at, finding_out) = (case.departure.step(), case.departure.state != State::Walking);
                    let answered = plan.script().iter().take_while(|&&step| step != silent_from);
                    let input = match at {
                        _ if finding_out || !answered.clone().any(|&step| step == at) => I::Wakeup,
                        // Each answer comes as late as it may.
                        Step::AskAccess => agreed(plan.version, tickets),
                        at => I::Done(at),
                    };
                    case.departure.handle(case.now, input, &mut case.effects);
                }
                let told = case.effects.iter().any(|effect| matches!(effect, E::TellFailed { .. }));
                let departed = case.effects.contains(&E::Over(Outcome::Departed));
                assert!(told != departed, "{plan:?}, silent from {silent_from:?}");
                let took = case.now.since(Moment::ZERO);
                assert!(took < VIEWERS_GIVE_UP, "{plan:?}, silent from {silent_from:?}: {took:?}");
            }
        }
    }
}

#[test]
fn a_viewer_that_logs_out_in_between_is_root_nowhere() {
    let gone =
        |step, stage| E::Over(Outcome::LoggedOut(Failure { step, stage, cause: FailureCause::ViewerGone }));
    Case::until(Step::CreateAgent)
        .check(I::ViewerGone, &[E::Withdraw { await_answer: false }, gone(Step::CreateAgent, Stage::Made)]);

    let mut case = Case::until(Step::SendAgent);
    case.check(I::ViewerGone, &[E::Withdraw { await_answer: true }]);
    case.check(I::Whereabouts(Some(Whereabouts::Withdrawn)), &[gone(Step::SendAgent, Stage::ToldToGo)]);
}

#[test]
fn every_path_gives_its_verdict_in_time() {
    // In every version, everybody answers at the last moment, or not at all, from this step on.
    let patience = Patience::default();
    for minor in 1..=8 {
        for silent_from in Step::ALL {
            let mut case = Case::teleport();
            let mut silent = false;
            while let Some(at) = case.departure.next_wakeup() {
                case.now = at;
                let step = case.departure.step();
                silent |= step == silent_from;
                let input = match step {
                    _ if silent => I::Wakeup,
                    Step::AskAccess => agreed(Version::new(minor), true),
                    step => I::Done(step),
                };
                case.effects.clear();
                case.departure.handle(case.now, input, &mut case.effects);
            }
            let over = matches!(case.effects.last(), Some(E::Over(Outcome::Stayed(_)))) || !silent;
            assert!(over, "0.{minor} {silent_from:?}");
            assert!(
                case.now <= Moment::ZERO + patience.verdict,
                "0.{minor} {silent_from:?} took {:?}",
                case.now
            );
        }
    }
}

#[test]
fn a_teleport_under_0_1_goes_by_its_own_list() {
    let mut case = Case::until(Step::AskAccess);
    case.check(agreed(Version::V0_1, false), &[E::Begin(Step::TellStart), E::Begin(Step::CreateAgent)]);
    let circuit = [Step::CloseChildren, Step::OpenCircuit, Step::SendAgent].map(E::Begin);
    case.check(I::Done(Step::CreateAgent), &circuit);
    assert!(!case.departure.told_to_go());
    let finish = [Step::TellProgress, Step::TellFinish, Step::AwaitArrival].map(E::Begin);
    case.check(I::Done(Step::SendAgent), &finish);
    assert!(case.departure.told_to_go());
    case.check(I::Released, &[E::Begin(Step::Demote), E::Begin(Step::Grace), E::Over(Outcome::Departed)]);
}

#[test]
fn a_cancel_under_0_1_cancels_as_long_as_the_viewer_has_not_been_told_to_go() {
    let mut case = Case::until_in(Version::V0_1, Step::SendAgent);
    case.check(
        I::Cancel,
        &[
            E::Withdraw { await_answer: false },
            E::Unfreeze,
            stayed(Step::SendAgent, Stage::Made, FailureCause::Cancelled),
        ],
    );
}

#[test]
fn a_lost_release_is_asked_after() {
    let mut case = Case::until_in(Version::V0_1, Step::AwaitArrival);
    case.wait();
    case.check(I::Wakeup, &[E::Withdraw { await_answer: true }]);
    case.check(
        I::Whereabouts(Some(Whereabouts::Arrived)),
        &[E::Begin(Step::Demote), E::Begin(Step::Grace), E::Over(Outcome::Departed)],
    );
}

#[test]
fn a_crossing_to_a_peer_without_tickets_is_the_published_one() {
    let mut case = Case::begin(Plan { crossing: true, ..NEW });
    case.check(I::Done(Step::FindRegion), &[E::Begin(Step::AskAccess)]);
    case.check(agreed(Version::V0_8, false), &[E::Begin(Step::SendAgent)]);
    case.check(I::Done(Step::SendAgent), &[E::Begin(Step::TellFinish), E::Begin(Step::AwaitArrival)]);
}

#[test]
fn time_spent_before_counts() {
    let mut effects = Vec::new();
    let patience = Patience::default();
    let now = Moment::ZERO + Duration::from_secs(7);
    let departure = Departure::begin(TransferId(1), NEW, patience, Moment::ZERO, now, &mut effects);
    let deadline = departure.next_wakeup().expect("it waits for the region");
    assert!(deadline <= Moment::ZERO + patience.verdict, "{deadline:?}");
}

#[test]
fn any_order_of_inputs_ends_once() {
    let all = [
        I::Done(Step::FindRegion),
        agreed(Version::V0_8, true),
        I::Done(Step::CreateAgent),
        I::Done(Step::SendAgent),
        I::Failed(Step::AskAccess, FailureCause::TimedOut),
        I::Failed(Step::SendAgent, FailureCause::Garbage),
        I::Released,
        I::Whereabouts(Some(Whereabouts::Arrived)),
        I::Whereabouts(Some(Whereabouts::Withdrawn)),
        I::Whereabouts(None),
        I::Cancel,
        I::ViewerGone,
        I::Wakeup,
    ];
    arbtest::arbtest(|u| {
        let mut case = Case::teleport();
        let mut overs = 0;
        for _ in 0..40 {
            let input = u.choose(&all)?.clone();
            if input == I::Wakeup
                && let Some(at) = case.departure.next_wakeup()
            {
                case.now = at;
            }
            case.effects.clear();
            case.departure.handle(case.now, input, &mut case.effects);
            overs += case.effects.iter().filter(|e| matches!(e, E::Over(_))).count();
            assert_eq!(overs == 0, case.departure.next_wakeup().is_some(), "waits until it is over");
        }
        assert!(overs <= 1);
        Ok(())
    });
}
