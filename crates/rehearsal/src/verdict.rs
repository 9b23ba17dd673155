//! A verdict in time: who asks to be elsewhere hears soon how that ended.

use crate::people::Who;
use crate::tally::VERDICT_WITHIN;
use crate::world::{Happening, Rehearsal, Where};
use model::Moment;
use std::time::Duration;
use viewer::teleport::Stage;
use viewer::{Misbehaviour, TeleportFailure, ViewerEvent};

/// The way of the request and of the verdict, on a network that loses nothing.
const ON_THE_WAY: Duration = Duration::from_millis(150);

/// A teleport that a viewer has asked for, and has not heard the end of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wish {
    number: u64,
    asked: Moment,
    /// Nothing was in the way of the viewer and its region: it must hear in time. Where something was, it is enough
    /// that its region gives the verdict in time.
    clear: bool,
}

/// A viewer's stage before it did something, and after.
pub(crate) fn asks(before: Stage, after: Stage) -> bool {
    before == Stage::None && matches!(after, Stage::Start | Stage::Local)
}

fn is_verdict(event: &ViewerEvent) -> bool {
    matches!(
        event,
        ViewerEvent::Teleported { .. }
            | ViewerEvent::TeleportedLocally { .. }
            | ViewerEvent::TeleportFailed(_)
            | ViewerEvent::MovementComplete { .. }
            | ViewerEvent::Disconnected(_)
    )
}

impl Rehearsal {
    /// The user has asked.
    pub(crate) fn wish(&mut self, who: Who) {
        self.wishes += 1;
        let number = self.wishes;
        let clear = self.is_clear(who);
        self.people[who.0].wish = Some(Wish { number, asked: self.now, clear });
        let due = self.now + VERDICT_WITHIN + ON_THE_WAY;
        self.later(due, Happening::VerdictDue { who, wish: number });
    }

    /// The user wants it no more.
    pub(crate) fn unwish(&mut self, who: Who) {
        self.people[who.0].wish = None;
    }

    /// Whether all ways of this viewer are good now.
    fn is_clear(&self, who: Who) -> bool {
        let person = &self.people[who.0];
        let behaves = person.core.as_ref().is_some_and(|core| core.misbehaviour() == Misbehaviour::default());
        let here = self.believes_in(who);
        let until = here.and_then(|at| self.pauses.get(&(who, at)));
        let paused = until.is_some_and(|&until| until > self.now);
        let cut = self.cuts.iter().any(|(other, ..)| *other == who);
        let lost = person.may_die || self.orphans.contains(&person.session);
        behaves && !lost && self.faults.spares_viewers() && !cut && !paused
    }

    /// Something is in the way of a viewer, or of all.
    pub(crate) fn excuse_delay(&mut self, who: Option<Who>) {
        for (index, person) in self.people.iter_mut().enumerate() {
            if who.is_none_or(|who| who == Who(index))
                && let Some(wish) = &mut person.wish
            {
                wish.clear = false;
            }
        }
    }

    /// A region has died: whoever believes to be there hears nothing.
    pub(crate) fn excuse_those_in(&mut self, at: Where) {
        for who in (0..self.people.len()).map(Who) {
            if self.believes_in(who).is_none_or(|there| there == at) {
                self.excuse_delay(Some(who));
            }
        }
    }

    /// A viewer reports something.
    pub(crate) fn hear_verdict(&mut self, who: Who, event: &ViewerEvent) {
        if !is_verdict(event) {
            return;
        }
        let Some(wish) = self.people[who.0].wish.take() else { return };
        if wish.clear && matches!(event, ViewerEvent::TeleportFailed(TeleportFailure::GaveUp)) {
            self.fail(format!("{} lost patience", self.name(Some(who))));
        }
    }

    /// By now the viewer must have heard.
    pub(crate) fn judge_patience(&mut self, who: Who, number: u64) {
        let wish = self.people[who.0].wish.filter(|wish| wish.number == number && wish.clear);
        if let Some(wish) = wish
            && !self.is_over(who)
        {
            let waited = self.now.since(wish.asked);
            self.fail(format!("{} has waited {waited:?} for the end of a teleport", self.name(Some(who))));
        }
    }
}
