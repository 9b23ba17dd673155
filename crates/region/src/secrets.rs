//! The secrets that open an agent's capabilities.
//!
//! A peer with tickets hears which secret an agent has here. One without chooses it, and tells the viewer: an agent
//! that was here before has several then, since its viewer may come by the one that it is told now, or, should the
//! transfer fail, go on with one that it knows.

use crate::interface::*;
use crate::region::{Context, Region};
use agent::{EventQueue, EventQueueConfig};
use model::{AgentId, CapsSecret};

/// Secrets of one agent besides the one that its viewer uses; more are told only by peers that fail again and again.
const OTHERS: usize = 3;

impl Region {
    /// A peer has told the viewer this secret, or will.
    pub(crate) fn take_told_secret(&mut self, cx: &mut Context<'_>, id: AgentId, told: CapsSecret) {
        // One that is taken opens what it opens.
        if self.caps.contains_key(&told) {
            return;
        }
        let Some(agent) = self.agents.get_mut(&id) else { return };
        let session = agent.session;
        agent.other_caps.push(told);
        let oldest = (agent.other_caps.len() > OTHERS).then(|| agent.other_caps.remove(0));
        if let Some(oldest) = oldest {
            self.close_secret(cx, oldest);
        }
        self.caps.insert(told, id);
        cx.effects.push(Effect::OpenCaps { caps: told, agent: id, session });
    }

    /// The viewer comes by this secret. It may have been told another in the meantime.
    pub(crate) fn secret_used(&mut self, id: AgentId, used: CapsSecret) {
        let Some(agent) = self.agents.get_mut(&id) else { return };
        if let Some(at) = agent.other_caps.iter().position(|&other| other == used) {
            agent.other_caps.remove(at);
            agent.other_caps.push(std::mem::replace(&mut agent.caps, used));
        }
    }

    /// Opens the event queue of a viewer that said it would poll no more, under a new secret: the Linden viewer asks
    /// nothing again of one whose queue it found gone (capabilities fact sheet, section 3). Whether it had ended.
    pub(crate) fn renew_ended_queue(&mut self, cx: &mut Context<'_>, id: AgentId) -> bool {
        let fresh = self.new_secret();
        let Some(agent) = self.agents.get_mut(&id) else { return false };
        if agent.is_root() || !agent.queue.is_closed() {
            return false;
        }
        agent.queue = EventQueue::new(EventQueueConfig::default(), cx.now);
        self.take_told_secret(cx, id, fresh);
        self.secret_used(id, fresh);
        true
    }

    /// It opens nothing any more.
    pub(crate) fn close_secret(&mut self, cx: &mut Context<'_>, caps: CapsSecret) {
        if self.caps.remove(&caps).is_some() {
            cx.effects.push(Effect::CloseCaps { caps });
        }
    }
}
