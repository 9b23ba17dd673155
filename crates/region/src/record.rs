//! What those see who watch transfers: each thing that happens, under the letters of the published page.

use crate::agent::{Agent, Coming};
use crate::interface::*;
use crate::region::{Context, Region};
use model::AgentId;
use transfer::{Act, TransferKey, Version};

/// Which transfer a note is about.
#[derive(Clone, Copy)]
pub(crate) struct Subject {
    transfer: TransferKey,
    version: Version,
    kind: &'static str,
}

impl Agent {
    /// The transfer by which it leaves or has left.
    pub(crate) fn going(&self, here: model::RegionId) -> Option<Subject> {
        let leaving = self.leaving.as_ref().map(|leaving| Subject {
            transfer: (here, leaving.machine.id()),
            version: leaving.machine.plan().version,
            kind: leaving.kind(),
        });
        leaving.or_else(|| {
            let farewell = self.farewell.as_ref()?;
            let (version, kind) = (farewell.version, farewell.kind);
            Some(Subject { transfer: (here, farewell.transfer), version, kind })
        })
    }

    /// The transfer by which it comes or has come.
    pub(crate) fn coming(&self) -> Option<Subject> {
        self.coming.map(|Coming { transfer, version, kind }| Subject { transfer, version, kind })
    }
}

impl Region {
    /// Something about the transfer by which the agent leaves.
    pub(crate) fn note_going(
        &self,
        cx: &mut Context<'_>,
        id: AgentId,
        act: Act,
        way: (Party, Party),
        message: &'static str,
        detail: impl Into<String>,
    ) {
        let subject = self.agents.get(&id).and_then(|agent| agent.going(self.config.id));
        self.note(cx, id, subject, act, way, message, detail.into(), None);
    }

    /// How the transfer ended by which the agent leaves.
    pub(crate) fn note_outcome(
        &self,
        cx: &mut Context<'_>,
        id: AgentId,
        subject: Option<Subject>,
        outcome: &'static str,
        detail: String,
    ) {
        let way = (Party::Source, Party::Source);
        self.note(cx, id, subject, Act::FindOut, way, "verdict", detail, Some(outcome));
    }

    /// Something about the transfer by which the agent comes.
    pub(crate) fn note_coming(
        &self,
        cx: &mut Context<'_>,
        id: AgentId,
        act: Act,
        way: (Party, Party),
        message: &'static str,
        detail: impl Into<String>,
    ) {
        let subject = self.agents.get(&id).and_then(Agent::coming);
        self.note(cx, id, subject, act, way, message, detail.into(), None);
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "a note has many parts, and this is the one place that joins them"
    )]
    fn note(
        &self,
        cx: &mut Context<'_>,
        id: AgentId,
        subject: Option<Subject>,
        act: Act,
        (from, to): (Party, Party),
        message: &'static str,
        detail: String,
        outcome: Option<&'static str>,
    ) {
        let Some(Subject { transfer, version, kind }) = subject else { return };
        cx.effects.push(Effect::Record(TransferNote {
            transfer,
            agent: id,
            name: self.agents.get(&id).map(Agent::name).unwrap_or_default(),
            kind,
            version,
            at: cx.now,
            region: self.name.clone(),
            step: if outcome.is_some() { "end" } else { act.published(version) },
            from,
            to,
            message,
            detail,
            outcome,
        }));
    }
}
