//! What goes wrong: rates for all that travels, and mishaps for single things.

use crate::people::Who;
use crate::traffic::{Item, Traffic, Way};
use crate::world::Where;
use std::time::Duration;

/// How good one kind of way is.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Quality {
    /// Least time on the way.
    pub latency: Duration,
    /// At most so much more, evenly spread. Things on the same way may overtake each other by it.
    pub jitter: Duration,
    /// Share that is lost, 0 to 1.
    pub loss: f64,
    /// Share that comes twice.
    pub duplicates: f64,
    /// Share that is held up ...
    pub stragglers: f64,
    /// ... for so long.
    pub straggle: Duration,
}

impl Quality {
    /// Takes so long, and loses nothing.
    pub const fn steady(latency: Duration) -> Self {
        let zero = Duration::ZERO;
        Self { latency, jitter: zero, loss: 0.0, duplicates: 0.0, stragglers: 0.0, straggle: zero }
    }
}

/// How good everything is.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Faults {
    /// Datagrams.
    pub datagrams: Quality,
    /// Viewers' HTTP, each direction; what is lost is a broken connection. Nothing comes twice.
    pub http: Quality,
    /// Calls between regions, each direction; what is lost is never answered.
    pub calls: Quality,
    /// Calls between two regions may overtake each other; the simulator delivers them in order.
    pub calls_overtake: bool,
    /// Questions to the grid.
    pub grid: Quality,
}

impl Faults {
    /// A good network: some latency, little jitter, no loss.
    pub const NONE: Self = Self {
        datagrams: Quality { jitter: Duration::from_millis(2), ..Quality::steady(Duration::from_millis(20)) },
        http: Quality { jitter: Duration::from_millis(2), ..Quality::steady(Duration::from_millis(20)) },
        calls: Quality::steady(Duration::from_millis(2)),
        calls_overtake: false,
        grid: Quality::steady(Duration::from_millis(3)),
    };

    /// Whether nothing of what viewers say and hear is lost or held up.
    pub(crate) fn spares_viewers(&self) -> bool {
        [self.datagrams, self.http].iter().all(|quality| quality.loss == 0.0 && quality.stragglers == 0.0)
    }

    /// Datagrams lost, repeated and overtaken; everything else is good.
    pub fn lossy(loss: f64) -> Self {
        let mut faults = Self::NONE;
        faults.datagrams.loss = loss;
        faults.datagrams.duplicates = loss / 2.0;
        faults.datagrams.stragglers = loss;
        faults.datagrams.straggle = Duration::from_millis(120);
        faults
    }

    /// Everything goes wrong now and then.
    pub fn rough(loss: f64) -> Self {
        let mut faults = Self::lossy(loss);
        faults.http.loss = loss / 4.0;
        faults.http.stragglers = loss;
        faults.http.straggle = Duration::from_millis(300);
        faults.calls.loss = loss / 10.0;
        faults.calls.duplicates = loss / 2.0;
        faults.calls.stragglers = loss / 2.0;
        faults.calls.straggle = Duration::from_millis(500);
        faults.grid.loss = loss / 10.0;
        faults.grid.stragglers = loss;
        faults.grid.straggle = Duration::from_millis(700);
        faults
    }
}

/// What happens to a thing that a [`Rule`] is about.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Deed {
    /// It is lost.
    Drop,
    /// It takes so much longer.
    Delay(Duration),
    /// It comes again so much later.
    Repeat(Duration),
    /// It goes its way; the region at its end (of a call: the one that is called) crashes at that moment.
    Crash,
    /// The same, and the region is there again at once, knowing nothing.
    Restart,
    /// The same with the region that calls.
    RestartCaller,
    /// It takes so much longer, and what is sent after it does not wait for it.
    Overtaken(Duration),
    /// Who should get it says no: a call or question is refused unheard, an answer becomes a refusal, a connection is
    /// refused; a datagram is turned away.
    Refuse,
    /// What arrives makes no sense.
    Garbage,
    /// It goes its way; this region crashes at that moment, and is there again so much later.
    Fell(Where, Duration),
    /// It goes its way; the grid says nothing for so long.
    Silence(Duration),
    /// It goes its way; the user does something.
    Prompt(Who, Whim),
}

impl Deed {
    /// Whether it keeps the thing itself from arriving as it should.
    pub(crate) fn disturbs(self) -> bool {
        matches!(self, Self::Drop | Self::Delay(_) | Self::Overtaken(_) | Self::Refuse | Self::Garbage)
    }
}

/// What a user does in the middle of everything.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Whim {
    /// TeleportCancel.
    Cancel,
    /// The viewer crashes.
    Vanish,
    /// LogoutRequest.
    LogOut,
    /// Asks for another place.
    Teleport(Where),
}

/// A mishap for some of what travels.
#[derive(Clone, PartialEq, Debug)]
pub struct Rule {
    /// Which kind.
    pub what: Traffic,
    /// Only with this viewer at one end.
    pub who: Option<Who>,
    /// Only with this region at the (other) end.
    pub at: Option<Where>,
    /// So many pass before it begins.
    pub skip: u32,
    /// So many are hit.
    pub times: u32,
    /// What happens to them.
    pub deed: Deed,
    /// By this it is remembered that it has hit.
    pub tag: Option<usize>,
}

impl Rule {
    /// The first of a kind.
    pub fn first(way: Way, name: &'static str, deed: Deed) -> Self {
        Self { what: Traffic { way, name }, who: None, at: None, skip: 0, times: 1, deed, tag: None }
    }

    /// All of a kind.
    pub fn all(way: Way, name: &'static str, deed: Deed) -> Self {
        Self { times: u32::MAX, ..Self::first(way, name, deed) }
    }

    /// Only at this region.
    #[must_use]
    pub fn at(self, at: Where) -> Self {
        Self { at: Some(at), ..self }
    }

    /// Whether it hits this one; counts.
    pub(crate) fn hits(&mut self, item: &Item) -> bool {
        let matches = self.what.way == item.way
            && self.what.name == item.name
            && self.who.is_none_or(|who| item.who == Some(who))
            && self.at.is_none_or(|at| item.at == at);
        if !matches || self.times == 0 {
            return false;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        self.times -= 1;
        true
    }
}
