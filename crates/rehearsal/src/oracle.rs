//! What must be true: always, and once all is quiet.

use crate::people::Who;
use crate::script::Play;
use crate::world::{Rehearsal, Report, Waiting, Where};
use model::SessionId;
use region::AgentSummary;
use std::collections::BTreeSet;
use std::time::Duration;
use transfer::Verdict;
use viewer::{Loudness, Phase, ViewerEvent};

/// Once faults have ended, all is well within this time: a viewer that hears nothing more of its region gives up
/// after 100 s, a region that hears nothing more of a viewer after 60 s, and a child agent that no viewer comes to is
/// kept for another 120 s.
const WITHIN: Duration = Duration::from_secs(260);

/// How often it is looked whether all is well.
const LOOK: Duration = Duration::from_secs(4);

/// All is well only if it still is after this time: the old connection is closed 15 s after a transfer.
const STILL: Duration = Duration::from_secs(20);

/// A region's child agents are no farther than this from their root agent's region, metres (viewers see no farther).
const IN_SIGHT_M: u32 = 256;

impl Rehearsal {
    /// After every event at a region: its agents act nowhere else.
    pub(crate) fn judge(&mut self, at: Where) {
        let stage = &mut self.stages[at.0];
        let Some(region) = &stage.region else { return };
        stage.acting.clear();
        stage.doubted.clear();
        let mut open = 0;
        for agent in region.agents() {
            if agent.acts {
                stage.acting.insert((agent.agent, agent.session));
                if agent.doubted {
                    stage.doubted.insert(agent.session);
                }
            }
            open += region.secrets_of(agent.agent).count();
        }
        let secrets = region.secrets();
        let stage = &self.stages[at.0];
        if secrets != open {
            let what = format!("{} has {open} agents and {secrets} secrets", stage.plot.name);
            return self.fail(what);
        }
        if self.may_double || self.now < self.unknowable_until {
            return;
        }
        let double =
            self.stages.iter().enumerate().filter(|(index, _)| *index != at.0).find_map(|(_, other)| {
                let key = stage.acting.intersection(&other.acting).next()?;
                Some((key.1, other.plot.name))
            });
        let unwitnessed = |session| self.unwitnessed.get(&session).is_some_and(|&until| self.now < until);
        // Of a peer without tickets only the grid can tell; while its answers are lost the source does not know, and
        // knows that.
        let doubted =
            |session| self.has_plain() && self.stages.iter().any(|stage| stage.doubted.contains(&session));
        let knows = |session| !unwitnessed(session) && !doubted(session);
        if let Some((session, elsewhere)) = double.filter(|&(session, _)| knows(session)) {
            let what = format!("{} acts in {} and in {elsewhere}", self.whose(session), stage.plot.name);
            self.fail(what);
        }
    }

    /// Ends all faults and demands that all is well soon, stays so, and that those who live can act.
    ///
    /// # Errors
    /// What is not well.
    pub fn settle(&mut self) -> Play {
        self.calm();
        self.run_for(Duration::from_secs(2))?;
        let end = self.now() + WITHIN;
        loop {
            let complaint = self.complaint();
            match complaint {
                None => {
                    self.run_for(STILL)?;
                    if self.complaint().is_none() {
                        break;
                    }
                }
                Some(what) if self.now() >= end => {
                    return self.require(false, || format!("not settled after {WITHIN:?}: {what}"));
                }
                Some(_) => self.run_for(LOOK)?,
            }
        }
        self.prove_life()
    }

    /// What is not as it must be when all is quiet.
    fn complaint(&self) -> Option<String> {
        (0..self.people.len())
            .find_map(|index| self.complaint_about(Who(index)))
            .or_else(|| self.places().find_map(|at| self.complaint_about_region(at)))
    }

    fn complaint_about(&self, who: Who) -> Option<String> {
        let person = &self.people[who.0];
        let name = &person.name;
        let here = |at: &Where| self.stages[at.0].plot.name;
        let agents: Vec<(Where, AgentSummary)> = self
            .places()
            .flat_map(|at| {
                self.region(at).into_iter().flat_map(|region| region.agents()).map(move |agent| (at, agent))
            })
            .filter(|(_, agent)| agent.session == person.session)
            .collect();
        match person.core.as_ref().map(|core| core.phase()) {
            Some(Phase::InWorld) => {
                let believes = self.believes_in(who);
                let roots: Vec<_> =
                    agents.iter().filter(|(_, a)| a.standing == Verdict::Root && !a.closing).collect();
                let [(root_at, root)] = roots[..] else {
                    let places: Vec<_> = roots.iter().map(|(at, _)| here(at)).collect();
                    return Some(format!("{name} is root in {places:?}, and believes to be in {believes:?}"));
                };
                if believes != Some(*root_at) {
                    return Some(format!(
                        "{name} is root in {}, but believes to be in {believes:?}",
                        here(root_at)
                    ));
                }
                if !root.acts || root.departing.is_some() || !root.connected {
                    return Some(format!("{name} is root in {}, but does not act: {root:?}", here(root_at)));
                }
                if let Some(complaint) = self.complaint_about_luggage(who, *root_at) {
                    return Some(complaint);
                }
                // A viewer that could not get its capabilities in five tries resigns, and lives on without.
                let resigned =
                    person.core.as_ref().and_then(|core| core.region()).is_some_and(|r| r.caps.is_empty());
                // Nor can one whose region died before it had said what opens the capabilities of the next.
                let orphaned = self.orphans.contains(&person.session);
                let deaf = resigned || orphaned || self.ended_queues.contains(&(who, *root_at));
                if !deaf && !self.polls(who, *root_at) {
                    return Some(format!("{name} does not poll the event queue of {}", here(root_at)));
                }
                for (at, agent) in agents.iter().filter(|(at, _)| at != root_at) {
                    if agent.closing || agent.standing != Verdict::Child {
                        return Some(format!("{name} lingers in {}: {agent:?}", here(at)));
                    }
                    let gap = self.stages[root_at.0].info.rect().gap_m(self.stages[at.0].info.rect());
                    if gap >= IN_SIGHT_M && !self.unkept.contains(&person.session) {
                        return Some(format!("{name} looks into {}, which is out of sight", here(at)));
                    }
                }
                self.complaint_about_presence(name, person.session, Some(*root_at))
            }
            None | Some(Phase::Over) => {
                if let Some((at, agent)) = agents.first() {
                    return Some(format!("{name} is gone, but not in {}: {agent:?}", here(at)));
                }
                for stage in &self.stages {
                    if stage.open_caps.values().any(|(_, session)| *session == person.session) {
                        return Some(format!("{name} is gone, but has capabilities in {}", stage.plot.name));
                    }
                }
                if let Some(at) = self.places().find(|at| self.polls(who, *at)) {
                    return Some(format!("{name} is gone, but {} still holds a poll of its", here(&at)));
                }
                self.complaint_about_presence(name, person.session, None)
            }
            Some(phase) => Some(format!("{name} is neither in the world nor gone: {phase:?}")),
        }
    }

    pub(crate) fn polls(&self, who: Who, at: Where) -> bool {
        self.waiting.values().any(|(place, waiting)| {
            *place == at && matches!(waiting, Waiting::Poll { who: whose, .. } if *whose == who)
        })
    }

    fn complaint_about_presence(&self, name: &str, session: SessionId, at: Option<Where>) -> Option<String> {
        let reports = self.presence.get(&session).map_or(&[][..], |reports| reports);
        let logouts = reports.iter().filter(|report| matches!(report, Report::LoggedOut(_))).count();
        // A source that asks the grid about a peer without tickets cannot tell a session that has arrived and ended
        // from one that has never arrived: both may say that it is over, which the grid hears as once.
        let most = if self.has_plain() { 2 } else { 1 };
        let right = match at {
            Some(at) => logouts == 0 && reports.last() == Some(&Report::Arrived(at)),
            None if self.orphans.contains(&session) || self.superseded.contains(&session) => logouts <= most,
            // Who never arrived has no presence to end.
            None if reports.is_empty() => true,
            None => (1..=most).contains(&logouts) && matches!(reports.last(), Some(Report::LoggedOut(_))),
        };
        (!right).then(|| format!("the grid was told of {name}: {reports:?}"))
    }

    fn complaint_about_region(&self, at: Where) -> Option<String> {
        let stage = &self.stages[at.0];
        let name = stage.plot.name;
        let Some(region) = &stage.region else { return Some(format!("{name} is down")) };
        let agents: Vec<_> = region.agents().collect();
        if let Some(agent) =
            agents.iter().find(|agent| !self.people.iter().any(|p| p.session == agent.session))
        {
            return Some(format!("{name} has an agent of nobody: {agent:?}"));
        }
        let caps: BTreeSet<_> = agents.iter().flat_map(|agent| region.secrets_of(agent.agent)).collect();
        if caps != stage.open_caps.keys().copied().collect() {
            return Some(format!(
                "{name} has {} agents and {} capabilities",
                agents.len(),
                stage.open_caps.len()
            ));
        }
        let connected = agents.iter().filter(|agent| agent.connected).count();
        let stats = region.stats();
        if (stats.circuits, region.endpoints()) != (connected, connected) {
            let endpoints = region.endpoints();
            return Some(format!(
                "{name}: {connected} connected, {} circuits, {endpoints} endpoints",
                stats.circuits
            ));
        }
        if region.open_questions() != stage.questions.len() {
            return Some(format!("{name} waits for answers that nobody owes it"));
        }
        let open = self.open_transfers(stage.info.id);
        if open != 0 {
            return Some(format!("{name} has {open} transfers that have not ended"));
        }
        let (said, counted) = (stage.ended, stats.transfers.values().sum::<u64>());
        if said != counted {
            return Some(format!("{name} ended {said} transfers and counted {:?}", stats.transfers));
        }
        None
    }

    /// Everybody in the world says something and takes a few steps.
    fn prove_life(&mut self) -> Play {
        let living: Vec<Who> =
            (0..self.people.len()).map(Who).filter(|who| self.believes_in(*who).is_some()).collect();
        for &who in &living {
            self.with(who, |core, now| core.stop(now));
        }
        self.run_for(Duration::from_secs(3))?;
        for who in living {
            let words = format!("word {}", self.events());
            let from = self.heard(who).len();
            let said = self.with(who, |core, now| core.chat(now, &words, Loudness::Say, 0));
            let name = self.people[who.0].name.clone();
            self.require(said == Some(Ok(())), || format!("{name} cannot speak: {said:?}"))?;
            self.run_until(&format!("{name} hearing itself"), Duration::from_secs(5), |r| {
                r.heard(who)[from..]
                    .iter()
                    .any(|(_, e)| matches!(e, ViewerEvent::Chat { text, .. } if *text == words))
            })?;
            self.take_steps(who)?;
        }
        Ok(())
    }

    /// Walks away from the nearest border and demands that the body moves.
    ///
    /// # Errors
    /// It does not move.
    pub fn take_steps(&mut self, who: Who) -> Play {
        let name = self.people[who.0].name.clone();
        let Some(begin) = self.viewer(who).map(|core| core.position()) else { return Ok(()) };
        let heading = if begin.x < 128.0 { 0.0 } else { std::f32::consts::PI };
        // The last teleport's progress screen may still show.
        self.run_for(Duration::from_millis(2100))?;
        self.with(who, |core, now| core.walk(now, heading));
        let moved = |r: &Self| r.viewer(who).is_some_and(|core| core.position().distance(begin) > 2.0);
        self.run_until(&format!("{name} walking"), Duration::from_secs(6), moved)?;
        self.with(who, |core, now| core.stop(now));
        self.run_for(Duration::from_millis(500))
    }
}
