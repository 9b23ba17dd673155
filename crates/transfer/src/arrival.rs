//! The destination's half of a transfer, and the only place where an agent becomes root.

use crate::mutant::Mutant;
use crate::peer::{TransferId, Whereabouts};
use crate::steps::Patience;
use model::{Moment, RegionId};
use std::collections::VecDeque;

/// Verdicts remembered, so that a question that comes late or twice gets the same answer.
const VERDICTS_KEPT: usize = 8;

/// A transfer as the destination knows it: numbers are unique only at their source.
pub type TransferKey = (RegionId, TransferId);

/// How an agent may become root here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Expectation {
    /// A login: CompleteAgentMovement is enough.
    Login,
    /// A transfer: CompleteAgentMovement and the source's UpdateAgent.
    Transfer(TransferKey),
}

/// What happens to an arrival.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ArrivalInput {
    /// CreateAgent (P8, or a login): the agent may come.
    Expect(Expectation),
    /// UpdateAgent (T3).
    Update(TransferKey),
    /// The viewer has shown that it is there: it has fetched its capabilities.
    Shown,
    /// CompleteAgentMovement (T2, T9).
    Complete,
    /// The source gives up.
    Withdraw(TransferKey),
    /// The agent has gone to another region and is a child agent here again.
    Demoted,
    /// The moment of [`Arrival::next_wakeup`] has come.
    Wakeup,
}

/// What the region has to do for an arrival.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ArrivalEffect {
    /// T4: child becomes root; AgentMovementComplete (T4A) and all that follows.
    BecomeRoot,
    /// CompleteAgentMovement came again: say AgentMovementComplete again, change nothing.
    RepeatComplete,
    /// Answer whoever waits for the end of this transfer (UpdateAgent, Withdraw): it has been settled so.
    Settle(TransferKey, Whereabouts),
    /// The expected agent will not come: a child agent that was made for the transfer alone has no reason to stay.
    Forget,
    /// CompleteAgentMovement for an agent that nobody sent: counted, otherwise ignored.
    Unexpected,
}

/// Where an agent stands with respect to becoming root.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// A child agent that nobody sends here.
    Child,
    /// On its way here.
    Expected,
    /// Root.
    Root,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Child,
    Expected {
        how: Expectation,
        /// UpdateAgent has come.
        updated: bool,
        /// CompleteAgentMovement has come.
        completed: bool,
        deadline: Moment,
    },
    Root,
}

/// One agent's way into a region.
#[derive(Debug)]
pub struct Arrival {
    patience: Patience,
    state: State,
    settled: VecDeque<(TransferKey, Whereabouts)>,
}

impl Arrival {
    /// A child agent that nobody sends here yet.
    pub fn new(patience: Patience) -> Self {
        Self { patience, state: State::Child, settled: VecDeque::with_capacity(VERDICTS_KEPT) }
    }

    /// Where the agent stands.
    pub fn verdict(&self) -> Verdict {
        match self.state {
            State::Child => Verdict::Child,
            State::Expected { .. } => Verdict::Expected,
            State::Root => Verdict::Root,
        }
    }

    /// The transfer that is expected now, if one is.
    pub fn expected(&self) -> Option<Expectation> {
        match self.state {
            State::Expected { how, .. } => Some(how),
            State::Child | State::Root => None,
        }
    }

    /// Whether CompleteAgentMovement has come and only UpdateAgent is waited for (T2A).
    pub fn waits_for_update(&self) -> bool {
        matches!(self.state, State::Expected { completed: true, updated: false, .. })
    }

    /// When [`ArrivalInput::Wakeup`] is due.
    pub fn next_wakeup(&self) -> Option<Moment> {
        match self.state {
            State::Expected { deadline, .. } => Some(deadline),
            State::Child | State::Root => None,
        }
    }

    /// What was settled about a transfer; `None` while it is open or when it was never heard of.
    pub fn settled(&self, transfer: TransferKey) -> Option<Whereabouts> {
        if self.patience.is(Mutant::VerdictsForgotten) {
            return None;
        }
        self.settled.iter().rev().find(|(key, _)| *key == transfer).map(|(_, whereabouts)| *whereabouts)
    }

    /// All that was settled, oldest first: to be remembered when the agent itself is forgotten.
    pub fn verdicts(&self) -> impl Iterator<Item = (TransferKey, Whereabouts)> + '_ {
        self.settled.iter().copied()
    }

    /// Takes one input.
    pub fn handle(&mut self, now: Moment, input: ArrivalInput, effects: &mut Vec<ArrivalEffect>) {
        match input {
            ArrivalInput::Expect(how) => self.expect(now, how, effects),
            ArrivalInput::Update(transfer) => self.update(transfer, effects),
            ArrivalInput::Shown => self.shown(now),
            ArrivalInput::Complete => self.complete(now, effects),
            ArrivalInput::Withdraw(transfer) => self.withdraw(transfer, effects),
            ArrivalInput::Demoted => {
                if self.state == State::Root {
                    self.state = State::Child;
                }
            }
            ArrivalInput::Wakeup => self.wake(now, effects),
        }
    }

    fn expect(&mut self, now: Moment, how: Expectation, effects: &mut Vec<ArrivalEffect>) {
        if let Expectation::Transfer(transfer) = how {
            // CreateAgent came twice: the first one stands. One that was withdrawn stays withdrawn.
            if self.expected() == Some(how) || self.settled(transfer).is_some() {
                return;
            }
        }
        // The viewer can only be on its way from one place: an older transfer is superseded.
        if let State::Expected { how: Expectation::Transfer(older), .. } = self.state {
            self.settle(older, Whereabouts::Withdrawn, effects);
        }
        let patience = match how {
            Expectation::Login => self.patience.login,
            Expectation::Transfer(_) => self.patience.unclaimed,
        };
        let deadline = now + patience;
        self.state = State::Expected { how, updated: false, completed: false, deadline };
    }

    fn shown(&mut self, now: Moment) {
        if let State::Expected { how: Expectation::Login, deadline, .. } = &mut self.state {
            *deadline = now + self.patience.login;
        }
    }

    fn update(&mut self, transfer: TransferKey, effects: &mut Vec<ArrivalEffect>) {
        if let Some(whereabouts) = self.settled(transfer) {
            effects.push(ArrivalEffect::Settle(transfer, whereabouts));
            return;
        }
        match &mut self.state {
            State::Expected { how: Expectation::Transfer(expected), updated, completed, .. }
                if *expected == transfer =>
            {
                *updated = true;
                if *completed {
                    self.become_root(effects);
                }
            }
            // Of a transfer that nobody announced, or announced so long ago that it was forgotten.
            _ => self.settle(transfer, Whereabouts::Withdrawn, effects),
        }
    }

    fn complete(&mut self, now: Moment, effects: &mut Vec<ArrivalEffect>) {
        match &mut self.state {
            State::Root => effects.push(ArrivalEffect::RepeatComplete),
            State::Child => effects.push(ArrivalEffect::Unexpected),
            State::Expected { how, updated, completed, deadline } => {
                if *updated || *how == Expectation::Login || self.patience.is(Mutant::NoWaitForUpdate) {
                    self.become_root(effects);
                } else if !*completed {
                    *completed = true;
                    *deadline = now + self.patience.update;
                }
            }
        }
    }

    fn withdraw(&mut self, transfer: TransferKey, effects: &mut Vec<ArrivalEffect>) {
        if let Some(whereabouts) = self.settled(transfer) {
            effects.push(ArrivalEffect::Settle(transfer, whereabouts));
            return;
        }
        // Also for a transfer that is not known: should its CreateAgent come late, it is refused by this.
        let expected = self.expected() == Some(Expectation::Transfer(transfer));
        self.settle(transfer, Whereabouts::Withdrawn, effects);
        if expected {
            self.state = State::Child;
            effects.push(ArrivalEffect::Forget);
        }
    }

    fn wake(&mut self, now: Moment, effects: &mut Vec<ArrivalEffect>) {
        let State::Expected { how, completed, deadline, .. } = self.state else { return };
        if now < deadline {
            return;
        }
        if completed {
            // The viewer is here and the source says nothing. The agent goes on with what CreateAgent told; when
            // the source asks, it will learn that the agent has arrived.
            self.become_root(effects);
            return;
        }
        self.state = State::Child;
        if let Expectation::Transfer(transfer) = how {
            self.settle(transfer, Whereabouts::Withdrawn, effects);
        }
        effects.push(ArrivalEffect::Forget);
    }

    fn become_root(&mut self, effects: &mut Vec<ArrivalEffect>) {
        let how = self.expected();
        self.state = State::Root;
        effects.push(ArrivalEffect::BecomeRoot);
        if let Some(Expectation::Transfer(transfer)) = how {
            self.settle(transfer, Whereabouts::Arrived, effects);
        }
    }

    fn settle(&mut self, transfer: TransferKey, whereabouts: Whereabouts, effects: &mut Vec<ArrivalEffect>) {
        if self.settled.len() == VERDICTS_KEPT {
            self.settled.pop_front();
        }
        self.settled.push_back((transfer, whereabouts));
        effects.push(ArrivalEffect::Settle(transfer, whereabouts));
    }
}

#[cfg(test)]
mod tests;
