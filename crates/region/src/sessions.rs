//! Sessions as operators see them: who is here now, and how each one ended, step by step.

use crate::interface::Effect;
use crate::region::{Context, Region};
use model::{AgentId, Moment, SessionId, Vec3};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use transfer::Verdict;

/// Why a session ended here.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum SessionEnd {
    /// The viewer asked for it.
    Logout,
    /// The viewer fell silent, or closed its circuit.
    Timeout,
    /// The operator wished it.
    Kick,
    /// The region closed.
    Shutdown,
    /// The user has logged in once more.
    NewerLogin,
    /// Another region or the login service ended it.
    EndedElsewhere,
    /// The grid does not know it any more.
    UnknownToGrid,
}

impl SessionEnd {
    /// In one word, for logs and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Logout => "logout",
            Self::Timeout => "timeout",
            Self::Kick => "kick",
            Self::Shutdown => "shutdown",
            Self::NewerLogin => "newer_login",
            Self::EndedElsewhere => "ended_elsewhere",
            Self::UnknownToGrid => "unknown_to_grid",
        }
    }
}

/// One step of a session's end. The words are those of the published page on logging out, where it has them: R is
/// the region, V the viewer, RCh a neighbour.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SessionNote {
    /// Whose.
    pub agent: AgentId,
    /// Which.
    pub session: SessionId,
    /// In which region.
    pub region: Arc<str>,
    /// When, by the region's clock.
    pub at: Moment,
    /// What happened.
    pub step: &'static str,
    /// What there is to add; may be empty.
    pub detail: String,
    /// With the step that ends it.
    pub ended: Option<EndedSession>,
}

/// What a session was that has ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EndedSession {
    /// The user's name.
    pub name: String,
    /// Name and version of the viewer.
    pub viewer: String,
    /// Since when it was here.
    pub since: Moment,
    /// Why it ended.
    pub why: SessionEnd,
}

/// As what an agent is here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// It stands here.
    Root,
    /// It stands here, and is on its way to another region.
    Leaving,
    /// It looks in.
    Child,
    /// It is expected.
    Arriving,
    /// Its circuit is being wound up.
    Closing,
}

impl Standing {
    /// In one word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Leaving => "leaving",
            Self::Child => "child",
            Self::Arriving => "arriving",
            Self::Closing => "closing",
        }
    }
}

/// An agent that is here, root or child.
#[derive(Clone, PartialEq, Debug)]
pub struct SessionView {
    /// Who.
    pub agent: AgentId,
    /// Their name.
    pub name: String,
    /// Which login.
    pub session: SessionId,
    /// As what.
    pub standing: Standing,
    /// Name and version of the viewer.
    pub viewer: String,
    /// Where the viewer is, once it has a circuit.
    pub address: Option<SocketAddr>,
    /// Where it stands, region-local metres; of root agents.
    pub position: Option<Vec3>,
    /// Since when it has been here.
    pub since: Moment,
    /// When the last packet came.
    pub last_packet: Option<Moment>,
    /// Round trip, smoothed.
    pub rtt: Option<Duration>,
    /// Reliable packets sent again, since the circuit was opened.
    pub resends: u64,
    /// Reliable packets given up.
    pub lost: u64,
    /// Packets out.
    pub packets_out: u64,
    /// Packets in.
    pub packets_in: u64,
    /// Bytes that wait for it.
    pub queued_bytes: usize,
}

impl Region {
    /// Everybody who is here, in the order of their ids.
    pub fn sessions(&self) -> Vec<SessionView> {
        self.agents
            .values()
            .map(|agent| {
                let link = agent.link.as_ref();
                let circuit = link.map(|link| link.circuit.statistics()).unwrap_or_default();
                let verdict = agent.arrival.verdict();
                SessionView {
                    agent: agent.id,
                    name: agent.name(),
                    session: agent.session,
                    standing: match verdict {
                        _ if agent.closing.is_some() => Standing::Closing,
                        Verdict::Child => Standing::Child,
                        Verdict::Expected => Standing::Arriving,
                        Verdict::Root if agent.leaving.is_some() => Standing::Leaving,
                        Verdict::Root => Standing::Root,
                    },
                    viewer: agent.client.viewer.clone(),
                    address: link.map(|link| link.address),
                    position: agent.is_root().then(|| self.standpoint(agent.id)).flatten(),
                    since: agent.since,
                    last_packet: link.map(|_| circuit.last_received),
                    rtt: circuit.rtt,
                    resends: circuit.resends,
                    lost: circuit.lost,
                    packets_out: circuit.packets_out,
                    packets_in: circuit.packets_in,
                    queued_bytes: circuit.queued_total() + circuit.unacked_bytes,
                }
            })
            .collect()
    }

    fn standpoint(&self, id: AgentId) -> Option<Vec3> {
        self.scene.presence(id).map(|presence| presence.position())
    }

    /// Notes a step of a session's end.
    pub(crate) fn note_end(
        &self,
        cx: &mut Context<'_>,
        id: AgentId,
        step: &'static str,
        detail: impl Into<String>,
    ) {
        let Some(agent) = self.agents.get(&id) else { return };
        let (session, detail) = (agent.session, detail.into());
        let region = self.name.clone();
        let note = SessionNote { agent: id, session, region, at: cx.now, step, detail, ended: None };
        cx.effects.push(Effect::Session(note));
    }

    /// Notes that it ends, and why.
    pub(crate) fn note_ended(&self, cx: &mut Context<'_>, id: AgentId, why: SessionEnd) {
        let Some(agent) = self.agents.get(&id) else { return };
        let ended =
            EndedSession { name: agent.name(), viewer: agent.client.viewer.clone(), since: agent.since, why };
        cx.effects.push(Effect::Session(SessionNote {
            agent: id,
            session: agent.session,
            region: self.name.clone(),
            at: cx.now,
            step: "session ends",
            detail: why.name().to_owned(),
            ended: Some(ended),
        }));
    }
}
