//! Who is where in one process, and who was.

use crate::source::{Failed, Source};
use model::{AgentId, RegionId, SessionId};
use serde::Deserialize;

/// What a process says of sessions.
#[derive(Deserialize, Clone, Debug)]
pub struct Sessions {
    /// Microseconds since 1970, as all times here that do not say otherwise.
    pub now_us: u64,
    /// Agents that are there, root and child.
    pub sessions: Vec<Here>,
    /// Sessions that ended there, the oldest first.
    pub ended: Vec<Ended>,
}

/// An agent that is there.
#[derive(Deserialize, Clone, Debug)]
pub struct Here {
    /// Name of the region.
    pub region: String,
    /// Its id.
    pub region_id: RegionId,
    /// Who.
    pub agent: AgentId,
    /// Their name.
    pub name: String,
    /// Which login.
    pub session: SessionId,
    /// As what: "root", "leaving", "child", "arriving", "closing".
    pub standing: String,
    /// Name and version of the viewer.
    pub viewer: String,
    /// Where the viewer is.
    pub address: Option<String>,
    /// Where the agent stands, region-local metres; of root agents, where the process tells it.
    #[serde(default)]
    pub position: Option<[f32; 3]>,
    /// Since when it is there.
    pub since_us: u64,
    /// Since when it is on the grid, seconds since 1970.
    pub login_s: Option<u64>,
    /// When it was heard last.
    pub last_packet_us: Option<u64>,
    /// Round trip, smoothed, microseconds.
    pub rtt_us: Option<u64>,
    /// Packets out.
    pub packets_out: u64,
    /// Of these, sent again.
    pub resends: u64,
    /// Of these, given up.
    pub lost: u64,
}

/// A session that ended there.
#[derive(Deserialize, Clone, Debug)]
pub struct Ended {
    /// Name of the region.
    pub region: String,
    /// Who.
    pub agent: AgentId,
    /// Their name.
    pub name: String,
    /// Name and version of the viewer.
    pub viewer: String,
    /// Since when it was there.
    pub since_us: Option<u64>,
    /// When it ended.
    pub at_us: u64,
    /// Why.
    pub reason: Option<String>,
    /// How, step by step.
    pub steps: Vec<SessionStep>,
}

/// One step of an end.
#[derive(Deserialize, Clone, Debug)]
pub struct SessionStep {
    /// When.
    pub at_us: u64,
    /// What.
    pub step: String,
    /// What there is to add; may be empty.
    pub detail: String,
}

impl Here {
    /// Of the packets that were sent, those that did not arrive at once, per cent; `None` before any was sent.
    pub fn loss_percent(&self) -> Option<f64> {
        let lost = self.resends.saturating_add(self.lost) as f64;
        (self.packets_out > 0).then(|| lost * 100.0 / self.packets_out as f64)
    }
}

impl Source {
    /// Who is there, and who was.
    ///
    /// # Errors
    /// It does not answer, or not so.
    pub async fn sessions(&self) -> Result<Sessions, Failed> {
        self.get("/sessions").await
    }
}
