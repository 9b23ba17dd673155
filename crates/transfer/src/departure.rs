//! The source's half of a transfer.

use crate::failure::{Failure, FailureCause, Stage, handling};
use crate::mutant::Mutant;
use crate::peer::{TransferId, Whereabouts};
use crate::steps::{Patience, Plan, Step};
use crate::version::Agreement;
use model::Moment;

/// What happens to a departure.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DepartureInput {
    /// The step that was begun is done. (For the last step before [`Step::Demote`]: the agent is root over there.)
    Done(Step),
    /// [`Step::AskAccess`] is done: the agent may come, and both sides will speak these versions.
    Agreed(Agreement),
    /// The step that was begun went wrong.
    Failed(Step, FailureCause),
    /// The destination says that the agent is root, unasked (ReleaseAgent).
    Released,
    /// The answer to [`DepartureEffect::Withdraw`] with `await_answer`; `None`: there was none.
    Whereabouts(Option<Whereabouts>),
    /// TeleportCancel.
    Cancel,
    /// The viewer logged out, or its circuit here timed out.
    ViewerGone,
    /// The moment of [`Departure::next_wakeup`] has come.
    Wakeup,
}

/// What the region has to do for a departure.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DepartureEffect {
    /// Begin this step. Of those that are waited for the end comes back as `Done`, `Agreed` or `Failed`; the others
    /// only send, and never fail.
    Begin(Step),
    /// Tell the destination that the agent shall not come. With `await_answer` the answer decides where the agent is;
    /// without, it is told and forgotten. From a peer without tickets the answer is what the grid knows.
    Withdraw {
        /// Whether the answer comes back as [`DepartureInput::Whereabouts`].
        await_answer: bool,
    },
    /// TeleportFailed to the viewer (after a crossing: the avatar is held at the border).
    TellFailed {
        /// For the user.
        reason: String,
    },
    /// The agent acts here again.
    Unfreeze,
    /// It is over; the departure can be dropped.
    Over(Outcome),
}

/// How a transfer ended at its source.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The agent is root at the destination.
    Departed,
    /// The agent is root here as before.
    Stayed(Failure),
    /// The session is over: nobody is root anywhere.
    LoggedOut(Failure),
}

impl Outcome {
    /// Name in metrics and traces.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Departed => "departed",
            Self::Stayed(failure) | Self::LoggedOut(failure) => handling(failure).name,
        }
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum State {
    /// Waiting for the end of the step at `at`.
    Walking,
    /// Something failed after the viewer was told to go; the destination is being asked.
    FindingOut {
        failure: Failure,
        tries_left: u32,
    },
    Over,
}

/// One agent's way out of a region.
#[derive(Debug)]
pub struct Departure {
    id: TransferId,
    plan: Plan,
    patience: Patience,
    script: &'static [Step],
    /// Index of [`Step::TellFinish`] in `script`.
    finish: usize,
    /// Index in `script` of the step under way.
    at: usize,
    state: State,
    begun: Moment,
    deadline: Option<Moment>,
    viewer_gone: bool,
    /// The destination never said where the agent is.
    in_doubt: bool,
}

impl Departure {
    /// Begins a transfer: the first step's effect comes out at once. `asked` is when the viewer asked for it, which is
    /// what its patience counts from.
    pub fn begin(
        id: TransferId,
        plan: Plan,
        patience: Patience,
        asked: Moment,
        now: Moment,
        effects: &mut Vec<DepartureEffect>,
    ) -> Self {
        let mut departure = Self {
            id,
            plan,
            patience,
            script: &[],
            finish: 0,
            at: 0,
            state: State::Walking,
            begun: asked,
            deadline: None,
            viewer_gone: false,
            in_doubt: false,
        };
        departure.follow(plan);
        departure.walk(now, effects);
        departure
    }

    /// Scripts agree up to the step that chooses among them, so the place in the new one is the place in the old.
    fn follow(&mut self, plan: Plan) {
        self.plan = plan;
        self.script = plan.script();
        self.finish = self.index_of(Step::TellFinish);
    }

    fn index_of(&self, step: Step) -> usize {
        let at = self.script.iter().position(|&other| other == step);
        at.expect("every script has TellFinish and Demote, as its tests show")
    }

    /// This transfer's number.
    pub fn id(&self) -> TransferId {
        self.id
    }

    /// What kind of transfer this is.
    pub fn plan(&self) -> Plan {
        self.plan
    }

    /// The step under way.
    pub fn step(&self) -> Step {
        self.script[self.at]
    }

    /// Whether the viewer may have left already: the agent neither acts nor can be cancelled any more.
    pub fn told_to_go(&self) -> bool {
        self.at > self.finish
    }

    /// How far it has gone.
    pub fn stage(&self) -> Stage {
        let made = |step: &Step| matches!(step, Step::CreateAgent | Step::SendAgent);
        if self.told_to_go() {
            Stage::ToldToGo
        } else if self.script[..=self.at].iter().any(made) {
            Stage::Made
        } else {
            Stage::Preparing
        }
    }

    /// Whether it ended without a word of the destination about where the agent is: it stayed, for all that is known,
    /// but whoever hears of the destination again must ask once more.
    pub fn in_doubt(&self) -> bool {
        self.in_doubt
    }

    /// When [`DepartureInput::Wakeup`] is due.
    pub fn next_wakeup(&self) -> Option<Moment> {
        self.deadline
    }

    /// Takes one input. Inputs that come too late or twice change nothing.
    pub fn handle(&mut self, now: Moment, input: DepartureInput, effects: &mut Vec<DepartureEffect>) {
        use DepartureInput as Input;
        if self.state == State::Over {
            return;
        }
        let finding_out = matches!(self.state, State::FindingOut { .. });
        match input {
            Input::Agreed(agreement) if self.step() == Step::AskAccess => {
                let Agreement { outbound, tickets, .. } = agreement;
                self.follow(Plan { version: outbound, tickets, ..self.plan });
                self.next(now, effects);
            }
            Input::Done(step) if step == self.step() => self.next(now, effects),
            Input::Released if self.told_to_go() => self.arrived(now, effects),
            Input::Failed(step, cause) if step == self.step() && !finding_out => {
                self.fail(now, cause, effects);
            }
            Input::Whereabouts(answer) if finding_out => self.found_out(now, answer, effects),
            Input::Cancel if !self.told_to_go() => self.fail(now, FailureCause::Cancelled, effects),
            Input::ViewerGone => {
                self.viewer_gone = true;
                if !finding_out {
                    self.fail(now, FailureCause::ViewerGone, effects);
                }
            }
            Input::Wakeup if self.deadline.is_some_and(|deadline| deadline <= now) => {
                if finding_out {
                    self.found_out(now, None, effects);
                } else {
                    let told = self.told_to_go();
                    let cause = if told { FailureCause::NeverArrived } else { FailureCause::TimedOut };
                    self.fail(now, cause, effects);
                }
            }
            // An answer to a step that was given up, a second release, a cancel after the point of no return, an early
            // wake-up.
            Input::Cancel
            | Input::Done(_)
            | Input::Agreed(_)
            | Input::Failed(..)
            | Input::Released
            | Input::Whereabouts(_)
            | Input::Wakeup => {}
        }
    }

    /// The step under way has succeeded. If that was the arrival, it does not matter what we were doing about its
    /// absence.
    fn next(&mut self, now: Moment, effects: &mut Vec<DepartureEffect>) {
        self.state = State::Walking;
        self.at += 1;
        self.walk(now, effects);
    }

    /// The agent is root over there, however that became known.
    fn arrived(&mut self, now: Moment, effects: &mut Vec<DepartureEffect>) {
        self.state = State::Walking;
        self.at = self.index_of(Step::Demote);
        self.walk(now, effects);
    }

    /// Begins steps until one has to be waited for, or the script ends.
    fn walk(&mut self, now: Moment, effects: &mut Vec<DepartureEffect>) {
        while let Some(&step) = self.script.get(self.at) {
            effects.push(DepartureEffect::Begin(step));
            if let Some(wait) = self.wait_of(step) {
                let last = self.begun + self.patience.verdict.saturating_sub(self.patience.finding_out());
                self.deadline = Some((now + wait).min(last.max(now)));
                return;
            }
            if self.at + 1 == self.script.len() {
                break;
            }
            self.at += 1;
        }
        self.over(Outcome::Departed, effects);
    }

    /// How long the end of a step is waited for; `None`: it only sends.
    fn wait_of(&self, step: Step) -> Option<std::time::Duration> {
        if self.patience.is(Mutant::NoWaitForArrival) && matches!(step, Step::SendAgent | Step::AwaitArrival)
        {
            return None;
        }
        match step {
            Step::FindRegion | Step::AskAccess | Step::CreateAgent => Some(self.patience.answer),
            Step::SendAgent if self.at > self.finish => Some(self.patience.arrival),
            // The destination may wait for the viewer's circuit, and a little more than that for the way.
            Step::SendAgent => Some(self.patience.circuit + self.patience.answer),
            Step::AwaitArrival => Some(self.patience.arrival),
            Step::TellStart
            | Step::CloseChildren
            | Step::OpenCircuit
            | Step::TellProgress
            | Step::TellFinish
            | Step::Demote
            | Step::Grace => None,
        }
    }

    fn fail(&mut self, now: Moment, cause: FailureCause, effects: &mut Vec<DepartureEffect>) {
        let failure = Failure { step: self.step(), stage: self.stage(), cause };
        if handling(&failure).ask_first && !self.patience.is(Mutant::NoQuestionBeforeRollback) {
            self.state = State::FindingOut { failure, tries_left: self.patience.withdrawals };
            self.ask(now, effects);
        } else {
            self.stay(failure, effects);
        }
    }

    /// Only the destination knows where the agent is; asking also settles it.
    fn ask(&mut self, now: Moment, effects: &mut Vec<DepartureEffect>) {
        effects.push(DepartureEffect::Withdraw { await_answer: true });
        self.deadline = Some(now + self.patience.withdrawal);
    }

    fn found_out(&mut self, now: Moment, answer: Option<Whereabouts>, effects: &mut Vec<DepartureEffect>) {
        let State::FindingOut { failure, tries_left } = &mut self.state else { return };
        match answer {
            Some(Whereabouts::Arrived) => self.arrived(now, effects),
            Some(Whereabouts::Withdrawn) => {
                let failure = failure.clone();
                self.stay(failure, effects);
            }
            None if *tries_left > 1 => {
                *tries_left -= 1;
                self.ask(now, effects);
            }
            // A destination that is silent for so long most likely holds no living agent: its own wait ends too.
            None => {
                self.in_doubt = true;
                let failure = failure.clone();
                self.stay(failure, effects);
            }
        }
    }

    /// Undoes what was begun, last first.
    fn stay(&mut self, failure: Failure, effects: &mut Vec<DepartureEffect>) {
        let handling = handling(&failure);
        if handling.withdraw && !handling.ask_first {
            effects.push(DepartureEffect::Withdraw { await_answer: false });
        }
        if self.viewer_gone {
            self.over(Outcome::LoggedOut(failure), effects);
            return;
        }
        effects.push(DepartureEffect::Unfreeze);
        if let Some(reason) = handling.tell {
            effects.push(DepartureEffect::TellFailed { reason });
        }
        self.over(Outcome::Stayed(failure), effects);
    }

    fn over(&mut self, outcome: Outcome, effects: &mut Vec<DepartureEffect>) {
        self.state = State::Over;
        self.deadline = None;
        effects.push(DepartureEffect::Over(outcome));
    }
}

#[cfg(test)]
mod tests;
