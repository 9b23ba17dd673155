//! The failure table: what went wrong at which step, and what is done about it. One place, every row.

use crate::{Refusal, Step};

/// What went wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FailureCause {
    /// The grid knows no region there.
    NoSuchRegion,
    /// The region is known, but not where its circuits are: its host's name cannot be resolved.
    NoAddress,
    /// Farther than viewers can go (4096 regions along one axis).
    TooFar,
    /// The destination, or the source itself, says no.
    Refused(Refusal),
    /// No answer in time.
    TimedOut,
    /// The other side cannot be reached, or broke off.
    Unreachable,
    /// The other side answered something that makes no sense.
    Garbage,
    /// The viewer was told to go and did not arrive in time.
    NeverArrived,
    /// The user cancelled in time.
    Cancelled,
    /// The viewer logged out or vanished.
    ViewerGone,
}

/// How far a transfer has gone, as far as undoing it is concerned: the same step comes earlier in one version and later
/// in another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Stage {
    /// Nothing is left behind anywhere.
    Preparing,
    /// The destination may have made an agent.
    Made,
    /// The viewer may have gone, whatever we believe: only the destination knows.
    ToldToGo,
}

/// A transfer that failed: where and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    /// The step that was under way.
    pub step: Step,
    /// How far it had gone.
    pub stage: Stage,
    /// What went wrong.
    pub cause: FailureCause,
}

/// What is done about a failure.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Handling {
    /// What the viewer is told by TeleportFailed; `None`: nothing, it knows already or is gone. Texts that are keys
    /// of the viewers' own table (teleport fact sheet, section 4) are shown in the user's language.
    pub tell: Option<String>,
    /// The destination may hold a half-made agent, which has to go.
    pub withdraw: bool,
    /// Whether the agent may be at the destination already, so that the destination has to be asked first.
    pub ask_first: bool,
    /// Name in metrics and traces.
    pub name: &'static str,
}

/// The table. Rows are causes, columns steps; viewers are told everything that they do not know.
pub fn handling(failure: &Failure) -> Handling {
    use FailureCause as Cause;
    // A refused CreateAgent has left nothing; an unanswered one may have been obeyed.
    let refused = failure.step == Step::CreateAgent && matches!(failure.cause, Cause::Refused(_));
    let withdraw = failure.stage > Stage::Preparing && !refused;
    let ask_first = failure.stage == Stage::ToldToGo;
    let (tell, name): (Option<String>, _) = match &failure.cause {
        Cause::NoSuchRegion => (Some("There is no region at that place.".into()), "no_such_region"),
        Cause::TooFar => {
            (Some("That region is too far away: viewers reach 4096 regions at most.".into()), "too_far")
        }
        Cause::Refused(refusal) if refusal.reason.is_empty() => (Some("noaccess_tport".into()), "refused"),
        Cause::Refused(refusal) => (Some(refusal.reason.clone()), "refused"),
        Cause::TimedOut if failure.step == Step::FindRegion => {
            (Some("The grid's map does not answer; please try again.".into()), "grid_timed_out")
        }
        Cause::Unreachable if failure.step == Step::FindRegion => {
            (Some("The grid's map cannot be reached; please try again.".into()), "grid_unreachable")
        }
        Cause::TimedOut => (Some("The destination does not answer; please try again.".into()), "timed_out"),
        Cause::NoAddress => (Some("no_host".into()), "no_address"),
        Cause::Unreachable => (Some("no_host".into()), "unreachable"),
        Cause::Garbage => (Some("The destination gave an answer that makes no sense.".into()), "garbage"),
        Cause::NeverArrived => (Some("timeout_tport".into()), "never_arrived"),
        Cause::Cancelled => (None, "cancelled"),
        Cause::ViewerGone => (None, "viewer_gone"),
    };
    Handling { tell, withdraw, ask_first, name }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAGES: [Stage; 3] = [Stage::Preparing, Stage::Made, Stage::ToldToGo];

    fn causes() -> Vec<FailureCause> {
        vec![
            FailureCause::NoSuchRegion,
            FailureCause::NoAddress,
            FailureCause::TooFar,
            FailureCause::Refused(Refusal::new("The region is full")),
            FailureCause::Refused(Refusal::new("")),
            FailureCause::TimedOut,
            FailureCause::Unreachable,
            FailureCause::Garbage,
            FailureCause::NeverArrived,
            FailureCause::Cancelled,
            FailureCause::ViewerGone,
        ]
    }

    fn rows() -> impl Iterator<Item = Failure> {
        Step::ALL.into_iter().flat_map(|step| {
            STAGES
                .into_iter()
                .flat_map(move |stage| causes().into_iter().map(move |cause| Failure { step, stage, cause }))
        })
    }

    #[test]
    fn every_row_tells_the_user_unless_the_user_did_it() {
        for failure in rows() {
            let silent = matches!(failure.cause, FailureCause::Cancelled | FailureCause::ViewerGone);
            let handling = handling(&failure);
            assert_eq!(handling.tell.is_none(), silent, "{failure:?}");
            assert_ne!(handling.tell.as_deref(), Some(""), "{failure:?}");
        }
    }

    #[test]
    fn what_is_undone_and_who_is_asked_first() {
        let refused = || FailureCause::Refused(Refusal::new("no"));
        // Where it failed, how, whether the destination is told that nobody comes, and whether it is asked first.
        let rows = [
            (Step::FindRegion, Stage::Preparing, FailureCause::NoSuchRegion, false, false),
            (Step::AskAccess, Stage::Preparing, refused(), false, false),
            (Step::AskAccess, Stage::Preparing, FailureCause::TimedOut, false, false),
            // Refused, it has made nothing; silent, it may have.
            (Step::CreateAgent, Stage::Made, refused(), false, false),
            (Step::CreateAgent, Stage::Made, FailureCause::TimedOut, true, false),
            (Step::CreateAgent, Stage::Made, FailureCause::Cancelled, true, false),
            // 0.1: before the viewer has been told to go.
            (Step::SendAgent, Stage::Made, refused(), true, false),
            // Since 0.2: the viewer may be there.
            (Step::SendAgent, Stage::ToldToGo, FailureCause::NeverArrived, true, true),
            (Step::SendAgent, Stage::ToldToGo, FailureCause::ViewerGone, true, true),
            (Step::AwaitArrival, Stage::ToldToGo, FailureCause::TimedOut, true, true),
        ];
        for (step, stage, cause, withdraw, ask_first) in rows {
            let failure = Failure { step, stage, cause };
            let handling = handling(&failure);
            assert_eq!((handling.withdraw, handling.ask_first), (withdraw, ask_first), "{failure:?}");
        }
    }

    #[test]
    fn the_destinations_own_words_reach_the_user() {
        let cause = FailureCause::Refused(Refusal::new("The region is full"));
        let told = handling(&Failure { step: Step::AskAccess, stage: Stage::Preparing, cause }).tell;
        assert_eq!(told.as_deref(), Some("The region is full"));
    }
}
