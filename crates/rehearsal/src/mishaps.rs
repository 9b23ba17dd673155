//! How things go wrong: what becomes of each thing on its way, and what falls over.

use crate::faults::{Deed, Faults, Quality, Rule};
use crate::people::Who;
use crate::traffic::{Item, Traffic, Way};
use crate::world::{Caller, Happening, Rehearsal, Waiting, Where, config};
use rand::RngExt as _;
use region::{Input, OperatorCommand, Region};
use std::time::Duration;
use transfer::PeerError;
use viewer::HttpReply;

/// A viewer whose poll broke asks that queue again after so long, unless it is told of another.
const POLL_PAUSE: Duration = Duration::from_secs(25);

/// After a silence a source in doubt asks the grid again within this time.
const DOUBT_PAUSE: Duration = Duration::from_secs(12);

/// What becomes of a thing on its way.
#[derive(Debug, Default)]
pub(crate) struct Fate {
    /// After how long each copy arrives; none when it is lost.
    pub(crate) copies: Vec<Duration>,
    /// What is sent after it does not wait for it.
    pub(crate) overtaken: bool,
    pub(crate) refused: bool,
    pub(crate) garbage: bool,
}

impl Fate {
    /// After how long the first copy arrives.
    pub(crate) fn first(&self) -> Option<Duration> {
        self.copies.first().copied()
    }
}

impl Rehearsal {
    /// From now on the network and the grid are as bad as this.
    pub fn set_faults(&mut self, faults: Faults) {
        self.faults = faults;
        if !faults.spares_viewers() {
            self.excuse_delay(None);
        }
    }

    /// Adds a mishap.
    pub fn rule(&mut self, rule: Rule) {
        self.rules.push(rule);
    }

    /// No more faults of any kind. What is on its way stays as it is.
    pub fn calm(&mut self) {
        self.note(|| "--- faults end".into());
        self.faults = Faults::NONE;
        self.rules.clear();
        self.cuts.clear();
        self.parted.clear();
        self.grid_is_dead = false;
        self.may_double = false;
        for at in 0..self.stages.len() {
            if self.stages[at].region.is_none() {
                self.restart(Where(at));
            }
        }
    }

    /// Nothing gets through between this viewer and this region, by those ways.
    pub fn cut(&mut self, who: Who, at: Where, ways: &[Way]) {
        self.cuts.extend(ways.iter().map(|&way| (who, at, way)));
        self.excuse_delay(Some(who));
    }

    /// Ends all cuts between the two.
    pub fn mend(&mut self, who: Who, at: Where) {
        self.cuts.retain(|&(other, place, _)| (other, place) != (who, at));
    }

    /// Calls from one region to the other are lost, and so are answers to calls of the other.
    pub fn part(&mut self, from: Where, to: Where) {
        self.parted.insert((from, to));
    }

    /// The grid answers nothing, or answers again.
    pub fn set_grid_dead(&mut self, dead: bool) {
        self.grid_is_dead = dead;
    }

    /// The region's simulator crashes; it stays down until [`Rehearsal::restart`].
    pub fn crash(&mut self, at: Where) {
        self.note(|| format!("--- {} crashes", self.stages[at.0].plot.name));
        let stage = &mut self.stages[at.0];
        if let Some(region) = stage.region.take() {
            let keepers = region.agents().filter(|agent| agent.children > 0);
            self.unkept.extend(keepers.map(|agent| agent.session));
            let roots = region.agents().filter(|agent| agent.standing == transfer::Verdict::Root);
            self.orphans.extend(roots.map(|agent| agent.session));
        }
        stage.run += 1;
        stage.wake = None;
        stage.open_caps.clear();
        stage.questions.clear();
        stage.acting.clear();
        stage.ended = 0;
        let id = stage.info.id;
        self.forget_transfers_of(id);
        self.excuse_those_in(at);
        // Connections to it break.
        let lost: Vec<_> =
            self.waiting.iter().filter(|(_, (place, _))| *place == at).map(|(w, _)| *w).collect();
        for waiter in lost {
            let Some((_, waiting)) = self.waiting.remove(&waiter) else { continue };
            match waiting {
                Waiting::Peer(caller) => {
                    let Caller { from, run, id, .. } = *caller;
                    let result = Err(PeerError::Unreachable("connection reset".into()));
                    let due = self.now + self.faults.calls.latency;
                    self.later(due, Happening::Answer { to: from, run, id, result });
                }
                Waiting::Poll { who, id, .. } => {
                    // A peer without tickets that starts anew takes the secret that it is told, with which this queue
                    // broke. Our own give a new one.
                    if self.has_plain() {
                        self.pause(who, at);
                    }
                    let due = self.now + self.faults.http.latency;
                    self.later(due, Happening::Response { who, at, id, reply: HttpReply::Broken });
                }
                Waiting::Login => {}
            }
        }
    }

    /// The viewer's queue has broken: it does not ask again for a while.
    pub(crate) fn pause(&mut self, who: Who, at: Where) {
        self.pauses.insert((who, at), self.now + POLL_PAUSE);
    }

    /// Whether the region has said that it is empty and closed. It is gone then.
    pub fn has_closed(&self, at: Where) -> bool {
        self.stages[at.0].region.is_none()
    }

    /// A fresh region takes the place of the one before.
    pub fn restart(&mut self, at: Where) {
        if self.stages[at.0].region.is_some() {
            self.crash(at);
        }
        self.note(|| format!("--- {} starts", self.stages[at.0].plot.name));
        let stage = &mut self.stages[at.0];
        let config = config(self.seed, at.0, stage.run, &stage.plot, self.mutant);
        stage.region = Some(Region::new(config, self.now));
        self.drive(at, Input::Operator(OperatorCommand::Announce));
    }

    /// What becomes of a thing on its way.
    pub(crate) fn fate(&mut self, quality: Quality, item: &Item) -> Fate {
        if let Some(seen) = &mut self.seen {
            seen.insert(Traffic { way: item.way, name: item.name });
        }
        let mut jittered = || {
            let jitter = quality.jitter.as_micros() as u64;
            quality.latency
                + Duration::from_micros(if jitter > 0 { self.random.random_range(0..=jitter) } else { 0 })
        };
        let mut copies = vec![jittered()];
        if quality.duplicates > 0.0 {
            let again = jittered();
            if self.random.random_bool(quality.duplicates) {
                copies.push(again);
            }
        }
        if quality.stragglers > 0.0 && self.random.random_bool(quality.stragglers) {
            copies[0] += quality.straggle;
        }
        if quality.loss > 0.0 {
            copies.retain(|_| !self.random.random_bool(quality.loss));
        }
        let mut fate = Fate { copies, ..Fate::default() };
        let mut deeds = Vec::new();
        for rule in &mut self.rules {
            if rule.hits(item) {
                deeds.push(rule.deed);
                self.hits.extend(rule.tag);
            }
        }
        for deed in deeds {
            self.note(|| format!("!!! {deed:?}: {} {}", item.way, item.name));
            self.strike(deed, item, &mut fate);
        }
        fate
    }

    /// A mishap hits.
    fn strike(&mut self, deed: Deed, item: &Item, fate: &mut Fate) {
        let now = self.now;
        let copies = &mut fate.copies;
        match deed {
            Deed::Drop => copies.clear(),
            Deed::Delay(by) => copies.iter_mut().for_each(|copy| *copy += by),
            Deed::Repeat(after) => copies.extend(copies.first().map(|&copy| copy + after)),
            Deed::Overtaken(by) => {
                copies.iter_mut().for_each(|copy| *copy += by);
                fate.overtaken = true;
            }
            Deed::Refuse => fate.refused = true,
            Deed::Garbage => fate.garbage = true,
            Deed::Crash => self.later(now, Happening::Crash { at: item.at, restart: false }),
            Deed::Restart => self.later(now, Happening::Crash { at: item.at, restart: true }),
            Deed::RestartCaller => {
                let at = item.from.unwrap_or(item.at);
                self.later(now, Happening::Crash { at, restart: true });
            }
            Deed::Fell(at, pause) => {
                self.later(now, Happening::Crash { at, restart: false });
                self.later(now + pause, Happening::Rise { at });
            }
            Deed::Silence(pause) => {
                self.grid_is_dead = true;
                if self.has_plain() {
                    self.unknowable_until = self.unknowable_until.max(now + pause + DOUBT_PAUSE);
                }
                self.later(now + pause, Happening::Silence(false));
            }
            Deed::Prompt(who, whim) => self.later(now, Happening::Prompt(who, whim)),
        }
        if deed.disturbs() && item.way.is_viewers() {
            self.excuse_delay(item.who);
        }
    }
}
