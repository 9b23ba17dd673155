//! One user's connection to this region: who they are, what they may do here, and what waits for them.

use crate::doubt::Doubt;
use crate::interface::Waiter;
use crate::land::LandCursor;
use agent::EventQueue;
use circuit::Circuit;
use model::{
    AgentId, CapsSecret, CircuitCode, Moment, RegionHandle, SecureSessionId, SessionId, TeleportFlags, Vec3,
};
use scene::interest::InterestList;
use services::RegionInfo;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use transfer::{AgentData, Arrival, Claim, Client, CreateAgent, Departure, Outfit, TransferKey, Verdict};

/// How long a child agent lives whose viewer never opens its circuit and whose root agent says nothing more.
pub(crate) const UNUSED_CHILD: Duration = Duration::from_secs(120);

/// RegionHandshake is said again so often while the viewer does not reply to it.
pub(crate) const HANDSHAKE_TRIES: u32 = 6;

/// Time between two tries of RegionHandshake.
pub(crate) const HANDSHAKE_PAUSE: Duration = Duration::from_millis(1500);

/// The viewer's circuit to this region.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) address: SocketAddr,
    pub(crate) circuit: Circuit,
    pub(crate) opened: Moment,
    /// The highest sequence number of the viewer's that was seen when it opened the circuit.
    pub(crate) first_sequence: u32,
    /// AgentUpdates are unreliable and may be reordered: the newest wins.
    pub(crate) newest_update: Option<u32>,
    pub(crate) handshake: Handshake,
    pub(crate) land: LandCursor,
    /// From when on land is sent.
    pub(crate) land_from: Moment,
    /// The land has been promised to this viewer since it began.
    pub(crate) land_shown: bool,
}

/// Where the exchange of RegionHandshake stands: the viewer draws nothing before it, and some clients lose the
/// first one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Handshake {
    /// Not said since the viewer last opened its circuit.
    Due,
    /// Said so often, to be said again then.
    Said { tries: u32, again: Moment },
    /// The viewer has replied, or will not.
    Settled,
}

/// A neighbour region where the viewer has a child agent on behalf of the root agent here.
#[derive(Clone, Debug)]
pub(crate) struct ChildLink {
    pub(crate) region: Arc<RegionInfo>,
    pub(crate) caps: CapsSecret,
    /// Under which it was last claimed. A view that was kept from an earlier visit is closed
    /// under the claim of that one.
    pub(crate) claim: Claim,
}

/// A transfer on its way out.
#[derive(Debug)]
pub(crate) struct Leaving {
    pub(crate) machine: Departure,
    pub(crate) request: Request,
    pub(crate) begun: Moment,
    pub(crate) destination: Option<Arc<RegionInfo>>,
    /// Where the agent will stand, region-local at the destination.
    pub(crate) position: Vec3,
    pub(crate) caps: Option<CapsSecret>,
    /// The viewer had a circuit to the destination before.
    pub(crate) connected: bool,
    /// The viewer was told to go before it had acknowledged that it had come here.
    pub(crate) unwelcomed: bool,
    /// A crossing without a circuit over there: TeleportFinish follows then, since CrossedRegion alone strands viewers
    /// that do not open one.
    pub(crate) insist_at: Option<Moment>,
    /// The user has logged out in the middle of it: wherever the agent is found, its session ends.
    pub(crate) logging_out: bool,
}

impl Leaving {
    /// Name in metrics and traces.
    pub(crate) fn kind(&self) -> &'static str {
        if self.machine.plan().crossing { "crossing" } else { "teleport" }
    }
}

/// What the viewer asked for.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Request {
    pub(crate) handle: RegionHandle,
    pub(crate) position: Vec3,
    pub(crate) look_at: Vec3,
    pub(crate) flags: TeleportFlags,
}

/// An agent, root or child, connected or not yet.
#[derive(Debug)]
pub(crate) struct Agent {
    pub(crate) id: AgentId,
    pub(crate) session: SessionId,
    pub(crate) secure_session: SecureSessionId,
    pub(crate) circuit_code: CircuitCode,
    pub(crate) first: String,
    pub(crate) last: String,
    pub(crate) client: Client,
    pub(crate) outfit: Arc<Outfit>,
    pub(crate) caps: CapsSecret,
    pub(crate) queue: EventQueue<Waiter>,
    pub(crate) link: Option<Link>,
    pub(crate) arrival: Arrival,
    /// How it was announced: position and look at the arrival.
    pub(crate) announced: Announced,
    /// UpdateAgent of the transfer that is expected, once it has come.
    pub(crate) update: Option<Box<AgentData>>,
    /// Who waits for the end of a transfer hither.
    pub(crate) awaiting: Vec<(TransferKey, Waiter)>,
    pub(crate) leaving: Option<Leaving>,
    pub(crate) doubt: Option<Doubt>,
    pub(crate) claim: Option<Claim>,
    pub(crate) visit: u64,
    pub(crate) children: BTreeMap<RegionHandle, ChildLink>,
    /// When the agent went elsewhere: the moment at which what nobody else has claimed is closed (C1).
    pub(crate) farewell: Option<Moment>,
    pub(crate) interest: InterestList,
    pub(crate) draw_distance_m: f32,
    pub(crate) throttles: Option<[u8; 28]>,
    pub(crate) always_run: bool,
    pub(crate) group_title: String,
    pub(crate) attachments: Vec<Arc<[u8]>>,
    /// Where the agent stood when its neighbours were last looked at.
    pub(crate) surveyed: Option<Vec3>,
    /// While the agent has no circuit: when it is forgotten.
    pub(crate) unused_until: Moment,
    /// A kick or logout under way: the circuit goes then.
    pub(crate) closing: Option<Moment>,
    /// The session ended here; it does not come back.
    pub(crate) session_over: bool,
    /// Who sends the agent here again while it is being closed: answered when that is done, or the viewer would take
    /// the last word of this circuit for one about the next.
    pub(crate) returning: Vec<(Box<CreateAgent>, Waiter)>,
    /// In the list of agents that may have something to send.
    pub(crate) ready: bool,
    /// The entry in the region's alarms.
    pub(crate) alarm: Option<Moment>,
    /// News of others waits, and may be sent then.
    pub(crate) retry_at: Option<Moment>,
}

/// What CreateAgent said about the arrival.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(crate) struct Announced {
    pub(crate) position: Vec3,
    pub(crate) look_at: Vec3,
    pub(crate) flags: TeleportFlags,
    /// When.
    pub(crate) at: Moment,
}

impl Agent {
    pub(crate) fn is_root(&self) -> bool {
        self.arrival.verdict() == Verdict::Root
    }

    /// Root and not on its way out: the agent that may act.
    pub(crate) fn acts(&self) -> bool {
        self.is_root() && self.closing.is_none() && !self.told_to_go()
    }

    /// The viewer has been told to go elsewhere and may have done so.
    pub(crate) fn told_to_go(&self) -> bool {
        self.leaving.as_ref().is_some_and(|leaving| leaving.machine.told_to_go())
    }

    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.first, self.last)
    }

    /// The claim under which this agent holds its children, while it is or was root here.
    pub(crate) fn own_claim(&self, here: model::RegionId) -> Claim {
        Claim { holder: here, visit: self.visit }
    }

    /// When this agent next needs attention without anything coming in.
    pub(crate) fn next_wakeup(&self) -> Option<Moment> {
        let link = self.link.as_ref();
        let handshake = link.and_then(|link| match link.handshake {
            Handshake::Said { again, .. } => Some(again),
            Handshake::Due | Handshake::Settled => None,
        });
        [
            link.and_then(|link| link.circuit.next_wakeup()),
            handshake,
            self.queue.next_wakeup(),
            self.arrival.next_wakeup(),
            self.leaving.as_ref().and_then(|leaving| leaving.machine.next_wakeup()),
            self.leaving.as_ref().and_then(|leaving| leaving.insist_at),
            self.farewell,
            self.closing,
            self.retry_at,
            self.link.is_none().then_some(self.unused_until),
        ]
        .into_iter()
        .flatten()
        .min()
    }
}
