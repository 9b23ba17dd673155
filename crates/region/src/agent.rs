//! One user's connection to this region: who they are, what they may do here, and what waits for them.

use crate::doubt::Doubt;
use crate::interface::Waiter;
use crate::laden::Unladen;
use crate::land::LandCursor;
use crate::news::UnderWay;
use crate::origin::Origin;
use crate::parting::LettingGo;
use crate::rebake::Rebakes;
use crate::sessions::SessionEnd;
use crate::xfer::Xfers;
use agent::EventQueue;
use circuit::Circuit;
use model::{
    AgentId, CapsSecret, CircuitCode, Moment, RegionHandle, RegionId, SecureSessionId, SessionId,
    TeleportFlags, Uuid, Vec3,
};
use scene::interest::InterestList;
use services::RegionInfo;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use transfer::{
    AgentData, Arrival, Baggage, Claim, Client, CreateAgent, Departure, KnownChild, Outfit, PeerCall,
    ReleaseWhen, TransferId, TransferKey, Verdict, Version,
};

/// How long a child agent lives whose viewer never opens its circuit and whose root agent says nothing more.
pub(crate) const UNUSED_CHILD: Duration = Duration::from_secs(120);

/// How long a child agent lives whose keeper, a peer with claims, does not renew its claim: that peer has died. Of one
/// that is kept without a claim the grid is asked then.
pub(crate) const CHILD_LEASE: Duration = Duration::from_secs(150);

/// RegionHandshake is said again so often while the viewer does not reply to it.
pub(crate) const HANDSHAKE_TRIES: u32 = 6;

/// Time between two tries of RegionHandshake.
pub(crate) const HANDSHAKE_PAUSE: Duration = Duration::from_millis(1500);

/// The viewer's circuit to this region.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) address: SocketAddr,
    pub(crate) circuit: Circuit,
    pub(crate) news: UnderWay,
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
    /// The region there knows claims.
    pub(crate) tickets: bool,
}

impl ChildLink {
    /// As those are told who take the agent.
    pub(crate) fn known(&self, handle: RegionHandle) -> KnownChild {
        KnownChild { handle, caps: self.caps, claim: self.tickets.then_some(self.claim) }
    }

    /// What closes it.
    pub(crate) fn close(&self, agent: AgentId, session: SessionId) -> PeerCall {
        PeerCall::CloseChild { agent, session, claim: self.tickets.then_some(self.claim) }
    }
}

/// A transfer on its way out.
#[derive(Debug)]
pub(crate) struct Leaving {
    pub(crate) machine: Departure,
    pub(crate) request: Request,
    pub(crate) destination: Option<Arc<RegionInfo>>,
    /// Where the agent will stand, region-local at the destination.
    pub(crate) position: Vec3,
    pub(crate) caps: Option<CapsSecret>,
    /// The viewer had a circuit to the destination before.
    pub(crate) connected: bool,
    /// The destination is so near that the agent looks back from there.
    pub(crate) in_sight: bool,
    /// TeleportStart has been said.
    pub(crate) started: bool,
    /// The secret in the address that ReleaseAgent goes to.
    pub(crate) release: Option<Uuid>,
    /// Child agents were closed on the way (0.1, T1; what a peer without tickets was told); should the viewer stay, they
    /// are made again.
    pub(crate) closed_children: bool,
    /// The destination still closes what it had of the agent: CreateAgent follows then.
    pub(crate) create_at: Option<Moment>,
    /// The peer says nothing of the arrival: the grid is asked again then.
    pub(crate) look_again: Option<Moment>,
    /// The viewer was told to go before it had acknowledged that it had come here.
    pub(crate) unwelcomed: bool,
    /// A crossing without a circuit over there: TeleportFinish follows then, since CrossedRegion alone strands viewers
    /// that do not open one.
    pub(crate) insist_at: Option<Moment>,
    /// UpdateAgent, while nobody has said that it was heard.
    pub(crate) unheard: Option<Arc<AgentData>>,
    /// The grid has known that the agent is here: once it says otherwise the agent has gone.
    pub(crate) seen_here: bool,
    /// A destination without tickets has been told to close what it has: from then on nobody arrives there.
    pub(crate) closed_there: bool,
    /// The user has logged out in the middle of it: wherever the agent is found, its session ends.
    pub(crate) logging_out: bool,
}

impl Leaving {
    /// Name in metrics and traces.
    pub(crate) fn kind(&self) -> &'static str {
        if self.machine.plan().crossing { "crossing" } else { "teleport" }
    }

    /// When TeleportStart is due, whether or not the destination has answered.
    pub(crate) fn start_due(&self, patience: &transfer::Patience) -> Option<Moment> {
        let waits = !self.started && !self.machine.plan().crossing && !self.machine.told_to_go();
        waits.then_some(self.request.asked + patience.start)
    }
}

/// An agent that has gone elsewhere; what is left of it here is closed in the end (C1).
#[derive(Clone, Debug)]
pub(crate) struct Farewell {
    /// When.
    pub(crate) at: Moment,
    /// By which transfer.
    pub(crate) transfer: TransferId,
    /// Of which kind.
    pub(crate) kind: &'static str,
    /// Where it went.
    pub(crate) destination: Arc<RegionInfo>,
    /// In which version.
    pub(crate) version: Version,
    /// The destination knows claims.
    pub(crate) tickets: bool,
    /// The secret of ReleaseAgent, which ends the wait.
    pub(crate) release: Option<Uuid>,
}

/// ReleaseAgent, still to be said.
#[derive(Clone, Debug)]
pub(crate) struct Releasing {
    /// To whom.
    pub(crate) source: Arc<RegionInfo>,
    /// To which address.
    pub(crate) url: Arc<str>,
    /// When.
    pub(crate) when: ReleaseWhen,
}

/// A transfer hither, for those who watch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Coming {
    pub(crate) transfer: TransferKey,
    pub(crate) version: Version,
    pub(crate) kind: &'static str,
}

/// What the viewer asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    pub(crate) handle: RegionHandle,
    pub(crate) position: Vec3,
    pub(crate) look_at: Vec3,
    pub(crate) flags: TeleportFlags,
    /// When it was asked: what the viewer's patience counts from.
    pub(crate) asked: Moment,
}

impl Request {
    /// Whether it asks for the same.
    pub(crate) fn repeats(&self, other: &Self) -> bool {
        (self.handle, self.flags) == (other.handle, other.flags)
            && self.position == other.position
            && self.look_at == other.look_at
    }
}

/// A wish to go to a place that has to be looked up first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wish {
    /// Of all wishes in this region: an answer to an older one is none.
    pub(crate) number: u64,
    pub(crate) flags: TeleportFlags,
    /// When it was wished: what the viewer's patience counts from.
    pub(crate) asked: Moment,
    /// TeleportStart has been said.
    pub(crate) started: bool,
}

impl Wish {
    /// When TeleportStart is due, whether or not the place has been found.
    pub(crate) fn start_due(&self, patience: &transfer::Patience) -> Option<Moment> {
        (!self.started).then_some(self.asked + patience.start)
    }
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
    pub(crate) rebakes: Rebakes,
    /// The secret of its capabilities.
    pub(crate) caps: CapsSecret,
    /// Others that open them too, oldest first.
    pub(crate) other_caps: Vec<CapsSecret>,
    pub(crate) queue: EventQueue<Waiter>,
    pub(crate) link: Option<Link>,
    pub(crate) origin: Origin,
    pub(crate) arrival: Arrival,
    /// How it was announced: position and look at the arrival.
    pub(crate) announced: Announced,
    /// UpdateAgent of the transfer that is expected, once it has come.
    pub(crate) update: Option<Box<AgentData>>,
    /// Who waits for the end of a transfer hither.
    pub(crate) awaiting: Vec<(TransferKey, Waiter)>,
    /// Who waits until the viewer has its circuit (0.1, T4), and until when.
    pub(crate) awaiting_circuit: Vec<(Moment, Waiter)>,
    /// The transfer by which it is coming, or has last come.
    pub(crate) coming: Option<Coming>,
    /// The source is to be told of the arrival.
    pub(crate) releasing: Option<Releasing>,
    /// Whom this visit has released.
    pub(crate) letting_go: Option<LettingGo>,
    /// A close that was taken for one about an older visit: if UpdateAgent does not follow, it was about this transfer.
    pub(crate) kept_out: Option<TransferKey>,
    /// The viewer has fetched its capabilities since it was announced.
    pub(crate) seed_fetched: bool,
    /// The viewer has acknowledged AgentMovementComplete: it knows that it is here.
    pub(crate) welcomed: bool,
    /// When that was last said.
    pub(crate) greeted: Moment,
    /// The grid knows that the agent is here.
    pub(crate) reported: bool,
    /// The packet that last asked for a teleport.
    pub(crate) wished_by: Option<u32>,
    /// A place that is being looked up, to go there.
    pub(crate) wish: Option<Wish>,
    pub(crate) leaving: Option<Leaving>,
    pub(crate) doubt: Option<Doubt>,
    /// By whose claim it is kept as a child agent.
    pub(crate) claim: Option<Claim>,
    /// A root agent in a region without claims looks in with it, until it is closed from there.
    pub(crate) looked_in: bool,
    pub(crate) visit: u64,
    pub(crate) children: BTreeMap<RegionHandle, ChildLink>,
    /// Child agents that the viewer had when it came, by what the source said.
    pub(crate) inherited: BTreeMap<RegionHandle, KnownChild>,
    /// The agent has gone elsewhere.
    pub(crate) farewell: Option<Farewell>,
    pub(crate) interest: InterestList,
    pub(crate) draw_distance_m: f32,
    pub(crate) throttles: Option<[u8; 28]>,
    pub(crate) always_run: bool,
    pub(crate) baggage: Arc<Baggage>,
    /// It has arrived without its things.
    pub(crate) unladen: Option<Unladen>,
    /// Where the agent stood when its neighbours were last looked at.
    pub(crate) surveyed: Option<Vec3>,
    /// How far it could see then, metres.
    pub(crate) surveyed_m: u32,
    /// When they are looked at again, whether or not the agent moves.
    pub(crate) survey_at: Option<Moment>,
    /// A child agent: when its keeper is taken for dead, or the grid is asked whether it still looks in.
    pub(crate) kept_until: Option<Moment>,
    /// While the agent has no circuit: when it is forgotten.
    pub(crate) unused_until: Moment,
    /// A kick or logout under way: the circuit goes then.
    pub(crate) closing: Option<Moment>,
    /// The session ended here; it does not come back.
    pub(crate) session_over: bool,
    /// Why the session is to end, once that is known.
    pub(crate) ending: Option<SessionEnd>,
    /// Since when it has been here as what it is, root or child.
    pub(crate) since: Moment,
    /// Who sends the agent here again while it is being closed: answered when that is done, or the viewer would take
    /// the last word of this circuit for one about the next.
    pub(crate) returning: Vec<(Box<CreateAgent>, Waiter)>,
    /// Files that it fetches, or may.
    pub(crate) xfers: Xfers,
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
    /// The viewer had a circuit here already.
    pub(crate) again: bool,
}

impl Agent {
    pub(crate) fn is_root(&self) -> bool {
        self.arrival.verdict() == Verdict::Root
    }

    /// Root and not on its way out: the agent that may act.
    pub(crate) fn acts(&self) -> bool {
        self.is_root() && self.closing.is_none() && !self.told_to_go()
    }

    /// A child agent that is neither coming nor going.
    pub(crate) fn is_idle_child(&self) -> bool {
        self.arrival.verdict() == Verdict::Child && self.leaving.is_none() && self.farewell.is_none()
    }

    /// The viewer has been told to go elsewhere and may have done so.
    pub(crate) fn told_to_go(&self) -> bool {
        self.leaving.as_ref().is_some_and(|leaving| leaving.machine.told_to_go())
    }

    /// What an agent that is expected here lacks to become root.
    pub(crate) fn missing(&self) -> Option<&'static str> {
        match (self.arrival.verdict(), &self.link) {
            (Verdict::Child | Verdict::Root, _) => None,
            (Verdict::Expected, None) => Some("the viewer has not opened its circuit here"),
            (Verdict::Expected, Some(_)) if self.arrival.waits_for_update() => {
                Some("UpdateAgent has not come")
            }
            (Verdict::Expected, Some(_)) => {
                Some("the viewer has a circuit here, but did not complete its movement")
            }
        }
    }

    /// The title above its name.
    pub(crate) fn group_title(&self) -> &str {
        self.baggage.group_title.as_deref().unwrap_or_default()
    }

    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.first, self.last)
    }

    /// The claim under which this agent holds its children, while it is or was root here.
    pub(crate) fn own_claim(&self, here: RegionId) -> Claim {
        Claim { holder: here, visit: self.visit }
    }

    /// CreateAgent, as far as it says who it is: a child agent that stands at the corner and comes by no transfer.
    pub(crate) fn announce(&self, source: RegionId, caps: CapsSecret, version: Version) -> CreateAgent {
        CreateAgent {
            agent: self.id,
            session: self.session,
            secure_session: self.secure_session,
            circuit_code: self.circuit_code,
            first: self.first.clone(),
            last: self.last.clone(),
            caps: Some(caps),
            flags: TeleportFlags::empty(),
            position: Vec3::ZERO,
            look_at: Vec3::X,
            draw_distance_m: self.draw_distance_m,
            outfit: self.outfit.clone(),
            client: self.client.clone(),
            children: Vec::new(),
            claim: None,
            transfer: None,
            source: Some(source),
            version,
        }
    }

    /// When it is forgotten for lack of a circuit, unless something else decides about it first.
    pub(crate) fn forgotten_at(&self) -> Option<Moment> {
        let decided = match self.arrival.verdict() {
            Verdict::Child => self.farewell.is_some(),
            Verdict::Expected => true,
            // Its end has begun; where it is is being found out.
            Verdict::Root => self.ending.is_some(),
        };
        (self.link.is_none() && self.closing.is_none() && !decided).then_some(self.unused_until)
    }

    /// When this agent next needs attention without anything coming in.
    pub(crate) fn next_wakeup(&self, patience: &transfer::Patience) -> Option<Moment> {
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
            self.leaving.as_ref().and_then(|leaving| leaving.look_again),
            self.leaving.as_ref().and_then(|leaving| leaving.create_at),
            self.leaving.as_ref().and_then(|leaving| leaving.start_due(patience)),
            self.wish.filter(|_| self.leaving.is_none()).and_then(|wish| wish.start_due(patience)),
            self.farewell.as_ref().map(|farewell| farewell.at),
            self.doubt.as_ref().and_then(|doubt| doubt.again),
            self.awaiting_circuit.first().map(|&(until, _)| until),
            self.survey_at,
            self.kept_until,
            self.closing,
            self.retry_at,
            self.forgotten_at(),
        ]
        .into_iter()
        .flatten()
        .min()
    }
}
