//! Who is here, and how sessions ended here: for `GET /sessions`, metrics and the log.

use crate::clock::Clock;
use crate::metrics::Metrics;
use model::{AgentId, RegionId, SessionId};
use region::{SessionNote, SessionView};
use serde::Serialize;
use services::RegionInfo;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Ended sessions that are kept.
const ENDED: usize = 512;
/// Steps of one end that are kept.
const STEPS: usize = 64;

/// What is known of sessions that ended here.
pub(crate) struct Sessions {
    clock: Clock,
    metrics: Arc<Metrics>,
    /// The oldest first.
    ended: Mutex<VecDeque<Ended>>,
}

/// A session that has ended, or is ending.
#[derive(Clone, Serialize, Debug)]
struct Ended {
    region: String,
    agent: AgentId,
    session: SessionId,
    name: String,
    viewer: String,
    /// Microseconds since 1970 of when it came to the region; absent where that was lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    since_us: Option<u64>,
    /// Microseconds since 1970.
    at_us: u64,
    reason: Option<&'static str>,
    steps: VecDeque<Step>,
}

#[derive(Clone, Serialize, Debug)]
struct Step {
    /// Microseconds since 1970.
    at_us: u64,
    step: &'static str,
    detail: String,
}

/// Somebody who is here.
#[derive(Serialize, Debug)]
struct Here<'a> {
    region: &'a str,
    region_id: RegionId,
    agent: AgentId,
    name: &'a str,
    session: SessionId,
    standing: &'static str,
    viewer: &'a str,
    address: Option<String>,
    /// Region-local metres; of root agents.
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<[f32; 3]>,
    /// Microseconds since 1970.
    since_us: u64,
    /// Seconds since 1970, where the grid says so.
    login_s: Option<u64>,
    /// Microseconds since 1970.
    last_packet_us: Option<u64>,
    rtt_us: Option<u64>,
    packets_in: u64,
    packets_out: u64,
    resends: u64,
    lost: u64,
    queued_bytes: usize,
}

#[derive(Serialize, Debug)]
struct View<'a> {
    /// Microseconds since 1970.
    now_us: u64,
    sessions: Vec<Here<'a>>,
    ended: &'a VecDeque<Ended>,
}

impl Sessions {
    pub(crate) fn new(clock: Clock, metrics: Arc<Metrics>) -> Self {
        Self { clock, metrics, ended: Mutex::default() }
    }

    /// Takes a region's note.
    pub(crate) fn note(&self, note: SessionNote) {
        let SessionNote { agent, session, region, at, step, detail, ended } = note;
        let at_us = self.clock.unix_us(at);
        tracing::info!(target: "sojourn::life", %agent, "[{region}] {step} {detail}");
        let mut all = self.ended();
        let entry = entry(&mut all, &region, agent, session, at_us);
        if let Some(ended) = ended {
            self.metrics.session_ended(ended.why.name());
            entry.reason = Some(ended.why.name());
            (entry.name, entry.viewer) = (ended.name, ended.viewer);
            (entry.since_us, entry.at_us) = (Some(self.clock.unix_us(ended.since)), at_us);
        }
        push(entry, Step { at_us, step, detail });
    }

    /// Notes a step that the shell has made about a session whose end a region has noted.
    pub(crate) fn step(&self, agent: AgentId, session: SessionId, step: &'static str, detail: &str) {
        tracing::info!(target: "sojourn::life", %agent, "{step} {detail}");
        let at_us = self.clock.unix_us(self.clock.now());
        let mut all = self.ended();
        if let Some(entry) = all.iter_mut().rev().find(|entry| entry.session == session) {
            push(entry, Step { at_us, step, detail: detail.to_owned() });
        }
    }

    /// A session was lost with its region.
    pub(crate) fn lost(&self, region: &str, agent: AgentId, session: SessionId) {
        self.metrics.session_ended("lost_region");
        tracing::info!(target: "sojourn::life", %agent, "[{region}] session ends lost_region");
        let at_us = self.clock.unix_us(self.clock.now());
        entry(&mut self.ended(), region, agent, session, at_us).reason = Some("lost_region");
    }

    /// Everything, as JSON. `logins`: since when people are on the grid, seconds since 1970.
    pub(crate) fn view(
        &self,
        here: &[(Arc<RegionInfo>, Vec<SessionView>)],
        logins: &BTreeMap<AgentId, u64>,
    ) -> Result<String, serde_json::Error> {
        let sessions = here.iter().flat_map(|(region, views)| {
            views.iter().map(|view| self.here(region, view, logins.get(&view.agent).copied()))
        });
        let now_us = self.clock.unix_us(self.clock.now());
        serde_json::to_string(&View { now_us, sessions: sessions.collect(), ended: &self.ended() })
    }

    fn here<'a>(&self, region: &'a RegionInfo, view: &'a SessionView, login_s: Option<u64>) -> Here<'a> {
        Here {
            region: &region.name,
            region_id: region.id,
            agent: view.agent,
            name: &view.name,
            session: view.session,
            standing: view.standing.name(),
            viewer: &view.viewer,
            address: view.address.map(|address| address.to_string()),
            position: view.position.map(|position| position.to_array()),
            since_us: self.clock.unix_us(view.since),
            login_s,
            last_packet_us: view.last_packet.map(|at| self.clock.unix_us(at)),
            rtt_us: view.rtt.map(|rtt| u64::try_from(rtt.as_micros()).unwrap_or(u64::MAX)),
            packets_in: view.packets_in,
            packets_out: view.packets_out,
            resends: view.resends,
            lost: view.lost,
            queued_bytes: view.queued_bytes,
        }
    }

    /// The steps of a session's end, in their order.
    #[cfg(test)]
    pub(crate) fn steps_of(&self, session: SessionId) -> Vec<&'static str> {
        let all = self.ended();
        let entry = all.iter().find(|entry| entry.session == session);
        entry.map_or(Vec::new(), |entry| entry.steps.iter().map(|step| step.step).collect())
    }

    // A panic in here leaves the list as it was before or after a step.
    fn ended(&self) -> MutexGuard<'_, VecDeque<Ended>> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The entry of a session in a region, made if there is none.
fn entry<'a>(
    all: &'a mut VecDeque<Ended>,
    region: &str,
    agent: AgentId,
    session: SessionId,
    at_us: u64,
) -> &'a mut Ended {
    let known = all.iter().rposition(|entry| entry.session == session && entry.region == *region);
    let index = known.unwrap_or_else(|| {
        if all.len() == ENDED {
            all.pop_front();
        }
        all.push_back(Ended {
            region: region.to_owned(),
            agent,
            session,
            name: String::new(),
            viewer: String::new(),
            since_us: None,
            at_us,
            reason: None,
            steps: VecDeque::new(),
        });
        all.len() - 1
    });
    &mut all[index]
}

fn push(entry: &mut Ended, step: Step) {
    if entry.steps.len() < STEPS {
        entry.steps.push_back(step);
    }
}
