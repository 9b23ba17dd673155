//! What scenarios are written with.

use crate::people::Who;
use crate::world::{Rehearsal, Where};
use model::Moment;
use std::fmt;
use std::time::Duration;
use viewer::{Phase, TeleportFailure, ViewerEvent};

/// Something is not as it should be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trouble {
    /// When it was found out, in virtual time.
    pub at: Moment,
    /// What.
    pub what: String,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {:?}: {}", self.at, self.what)
    }
}

/// How a scenario ends.
pub type Play<T = ()> = Result<T, Trouble>;

/// How a teleport ended for the viewer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Ending {
    /// In another region, or elsewhere in the same.
    There,
    /// Where it was; so the region says.
    Refused(String),
    /// Where it was; the viewer lost patience.
    GaveUp,
}

impl Rehearsal {
    /// Virtual time passes.
    ///
    /// # Errors
    /// What the oracle found.
    pub fn run_for(&mut self, time: Duration) -> Play {
        let end = self.now + time;
        while self.trouble.is_none() && self.step(end) {}
        self.trouble.clone().map_or(Ok(()), Err)
    }

    /// Virtual time passes until `done`; says how much.
    ///
    /// # Errors
    /// What the oracle found, or that `limit` passed without it.
    pub fn run_until(&mut self, what: &str, limit: Duration, done: impl Fn(&Self) -> bool) -> Play<Duration> {
        let begun = self.now;
        let end = begun + limit;
        while !done(self) {
            if !self.step(end) && self.trouble.is_none() {
                return self
                    .require(done(self), || format!("{what} did not happen within {limit:?}"))
                    .map(|()| limit);
            }
            if let Some(trouble) = &self.trouble {
                return Err(trouble.clone());
            }
        }
        Ok(self.now.since(begun))
    }

    /// Fails with these words unless it is so.
    ///
    /// # Errors
    /// It is not so.
    pub fn require(&mut self, so: bool, words: impl FnOnce() -> String) -> Play {
        if so {
            return Ok(());
        }
        self.fail(words());
        self.trouble.clone().map_or(Ok(()), Err)
    }

    /// Logs a new user in and waits until they are in the world.
    ///
    /// # Errors
    /// Refused, or not in the world within ten seconds.
    pub fn enter_world(&mut self, name: &str, at: Where) -> Play<Who> {
        let who = match self.log_in(name, at) {
            Ok(who) => who,
            Err(refusal) => {
                self.require(false, || format!("{name} may not log in: {refusal}"))?;
                return Err(Trouble { at: self.now, what: refusal.reason });
            }
        };
        self.wait_for_login(who, Duration::from_secs(10))?;
        Ok(who)
    }

    /// Waits until a login has ended well; says how long that took.
    ///
    /// # Errors
    /// It took longer.
    pub fn wait_for_login(&mut self, who: Who, limit: Duration) -> Play<Duration> {
        self.run_until("the login", limit, |r| {
            r.viewer(who).is_some_and(|core| core.phase() == Phase::InWorld)
        })
    }

    /// Waits until the teleport under way has ended for the viewer.
    ///
    /// # Errors
    /// It did not end within twenty seconds, though viewers give up after fifteen.
    pub fn end_of_teleport(&mut self, who: Who) -> Play<Ending> {
        let from = self.heard(who).len();
        self.end_of_teleport_since(who, from)
    }

    /// The same, counting what has been heard since `from`.
    ///
    /// # Errors
    /// As [`Rehearsal::end_of_teleport`].
    pub fn end_of_teleport_since(&mut self, who: Who, from: usize) -> Play<Ending> {
        let limit = Duration::from_secs(20);
        self.run_until("the end of the teleport", limit, |r| {
            r.heard(who).iter().skip(from).any(|(_, event)| ending(event).is_some())
        })?;
        let found = self.heard(who).iter().skip(from).find_map(|(_, event)| ending(event));
        Ok(found.unwrap_or(Ending::GaveUp))
    }

    /// Teleports and demands that it ends there.
    ///
    /// # Errors
    /// It does not.
    pub fn must_teleport(&mut self, who: Who, to: Where) -> Play<Duration> {
        let took = self.quick_teleport(who, to)?;
        // The progress screen shows for two more seconds; only then can the next teleport be asked for.
        self.run_for(Duration::from_millis(2100))?;
        Ok(took)
    }

    /// The same, without waiting for the progress screen to go.
    ///
    /// # Errors
    /// It does not end there.
    pub fn quick_teleport(&mut self, who: Who, to: Where) -> Play<Duration> {
        let (begun, from) = (self.now, self.heard(who).len());
        let asked = self.teleport(who, to);
        self.require(asked.is_ok(), || format!("the viewer cannot teleport: {asked:?}"))?;
        let ending = self.end_of_teleport_since(who, from)?;
        self.require(ending == Ending::There, || format!("the teleport ended otherwise: {ending:?}"))?;
        let took = self.now.since(begun);
        let there = self.believes_in(who);
        self.require(there == Some(to), || format!("the viewer believes to be in {there:?}, not in {to:?}"))?;
        Ok(took)
    }

    /// Teleports and demands that it is refused; says with which words.
    ///
    /// # Errors
    /// It goes well, or the viewer gives up before it hears anything.
    pub fn must_not_teleport(&mut self, who: Who, to: Where) -> Play<String> {
        let from = self.heard(who).len();
        let before = self.believes_in(who);
        let asked = self.teleport(who, to);
        self.require(asked.is_ok(), || format!("the viewer cannot teleport: {asked:?}"))?;
        match self.end_of_teleport_since(who, from)? {
            Ending::Refused(reason) => {
                let after = self.believes_in(who);
                self.require(after == before, || format!("refused, and yet in {after:?}"))?;
                Ok(reason)
            }
            other => {
                self.require(false, || format!("the teleport should have been refused, but: {other:?}"))?;
                Ok(String::new())
            }
        }
    }

    /// Whether there is exactly one agent of the session that acts, and where.
    pub fn acts_in(&self, who: Who) -> Option<Where> {
        let person = &self.people[who.0];
        let key = (person.agent, person.session);
        self.stages.iter().position(|stage| stage.acting.contains(&key)).map(Where)
    }
}

fn ending(event: &ViewerEvent) -> Option<Ending> {
    match event {
        ViewerEvent::Teleported { .. } | ViewerEvent::TeleportedLocally { .. } => Some(Ending::There),
        ViewerEvent::TeleportFailed(TeleportFailure::Refused { reason }) => {
            Some(Ending::Refused(reason.clone()))
        }
        ViewerEvent::TeleportFailed(TeleportFailure::GaveUp) => Some(Ending::GaveUp),
        _ => None,
    }
}
