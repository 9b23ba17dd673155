//! The secrets that open an agent's capabilities.
//!
//! A peer with tickets hears which secret an agent has here. One without chooses it, and tells the viewer: an agent
//! that was here before has two then, since its viewer may come by the one that it is told now, or, should the transfer
//! fail, go on with the one that it knows.

use crate::interface::*;
use crate::region::{Context, Region};
use model::{AgentId, CapsSecret};

impl Region {
    /// A peer has told the viewer this secret, or will.
    pub(crate) fn take_told_secret(&mut self, cx: &mut Context<'_>, id: AgentId, told: CapsSecret) {
        let Some(agent) = self.agents.get_mut(&id) else { return };
        if agent.caps == told || agent.told_caps == Some(told) || self.caps.contains_key(&told) {
            return;
        }
        let (session, before) = (agent.session, agent.told_caps.replace(told));
        if let Some(before) = before {
            self.close_secret(cx, before);
        }
        self.caps.insert(told, id);
        cx.effects.push(Effect::OpenCaps { caps: told, agent: id, session });
    }

    /// The viewer comes by this secret: it knows no other any more.
    pub(crate) fn secret_used(&mut self, cx: &mut Context<'_>, id: AgentId, used: CapsSecret) {
        let Some(agent) = self.agents.get_mut(&id) else { return };
        if agent.told_caps.take_if(|told| *told == used).is_some() {
            let before = std::mem::replace(&mut agent.caps, used);
            self.close_secret(cx, before);
        }
    }

    /// It opens nothing any more.
    pub(crate) fn close_secret(&mut self, cx: &mut Context<'_>, caps: CapsSecret) {
        if self.caps.remove(&caps).is_some() {
            cx.effects.push(Effect::CloseCaps { caps });
        }
    }
}
