//! Departure: a transfer seen from its source, until the agent has gone. The machine decides, this file does what it
//! says; what its viewer hears is in `telling`, what follows its end in `gone`.

use crate::agent::{Leaving, Request};
use crate::calls::Pending;
use crate::interface::*;
use crate::region::{Context, Region};
use lludp::messages::Message;
use model::{AgentId, AssetId, RegionHandle, TeleportFlags, Uuid, Vec3};
use services::RegionInfo;
use std::sync::Arc;
use transfer::{
    Act, AgentCreated, AgentData, Agreement, Baggage, CreateAgent, Departure, DepartureEffect,
    DepartureInput, FailureCause, KnownChild, Mutant, Offer, PeerCall, PeerError, PeerReply, Plan, Protocol,
    QueryAccess, Refusal, Release, Step, TransferId, Version, Whereabouts,
};

/// P4: viewers cannot go farther, along either axis.
pub(crate) const MAX_DISTANCE_REGIONS: u32 = 4096;

/// What a viewer is told that asks a region which it has left.
pub(crate) const NOT_HERE: &str = "You are not in this region any more.";

/// Wearable types that appearance before 0.8 can name.
const WEARABLES_BEFORE_0_8: usize = 16;

impl Region {
    /// P1, P2: a viewer wants to be elsewhere.
    pub(crate) fn teleport(&mut self, cx: &mut Context<'_>, id: AgentId, request: Request) {
        let Some(agent) = self.agents.get(&id) else { return };
        if !agent.is_root() {
            // On the circuit of a region that was left: obeying would make two roots.
            self.tell_failed(cx, id, NOT_HERE);
            return;
        }
        if let Some(leaving) = &agent.leaving {
            // The same again is the viewer's impatience, or its network's.
            if !leaving.request.repeats(&request) {
                self.tell_failed(cx, id, "preexisting_tport");
            }
            return;
        }
        if agent.closing.is_some() {
            return;
        }
        if self.awaits_things(cx.now, id) {
            self.tell_failed(cx, id, crate::laden::THINGS_ON_THEIR_WAY);
            return;
        }
        let sane = request.position.is_finite();
        let global = global_point(request.handle, request.position);
        if self.info.rect().contains_global(global.0, global.1) || request.handle == self.config.cell.handle()
        {
            let position = request.position + request.handle.shift_to(self.config.cell.handle());
            self.relocate(cx, id, Request { position, ..request });
            return;
        }
        let position = if sane { request.position } else { Vec3::new(128.0, 128.0, 0.0) };
        self.depart_to(cx, id, Request { position, ..request }, false);
    }

    /// Begins a transfer. The agent must be root and free to go.
    pub(crate) fn depart_to(&mut self, cx: &mut Context<'_>, id: AgentId, request: Request, crossing: bool) {
        self.next_transfer += 1;
        let transfer = TransferId(self.next_transfer);
        let plan = Plan { version: self.config.versions.high, tickets: true, crossing };
        let mut effects = Vec::new();
        let patience = self.config.patience;
        let machine = Departure::begin(transfer, plan, patience, request.asked, cx.now, &mut effects);
        let Some(agent) = self.agents.get_mut(&id) else { return };
        agent.leaving = Some(Leaving {
            machine,
            request,
            destination: None,
            position: request.position,
            caps: None,
            connected: false,
            in_sight: false,
            started: false,
            release: None,
            closed_children: false,
            create_at: None,
            look_again: None,
            unwelcomed: false,
            insist_at: None,
            unheard: None,
            seen_here: agent.reported,
            closed_there: false,
            logging_out: false,
        });
        let (asked, asks) = match crossing {
            true => ("border reached", (Party::Source, Party::Source)),
            false => ("TeleportLocationRequest", (Party::Viewer, Party::Source)),
        };
        self.note_going(cx, id, Act::Request, asks, asked, format!("{:?}", request.flags));
        if crossing {
            self.scene.freeze(cx.now, id, true);
        }
        self.perform(cx, id, effects);
    }

    /// Remembers which packet asks for a teleport.
    pub(crate) fn note_wish(&mut self, id: AgentId, sequence: u32, message: &Message<'_>) {
        let wishes = matches!(
            message,
            Message::TeleportLocationRequest(_)
                | Message::TeleportLandmarkRequest(_)
                | Message::TeleportLureRequest(_)
                | Message::TeleportRequest(_)
        );
        if wishes && let Some(agent) = self.agents.get_mut(&id) {
            agent.wished_by = Some(sequence);
            // The newest is the one.
            self.drop_wish(id);
        }
    }

    /// TeleportCancel. One that was overtaken by the next wish is about the one before.
    pub(crate) fn cancel_teleport(&mut self, cx: &mut Context<'_>, id: AgentId, sequence: u32) {
        let wished_by = self.agents.get(&id).and_then(|agent| agent.wished_by);
        if wished_by.is_some_and(|wish| circuit::sequence_newer(wish, sequence)) {
            return;
        }
        self.drop_wish(id);
        let is_teleport = |leaving: &Leaving| !leaving.machine.plan().crossing;
        if self.agents.get(&id).and_then(|agent| agent.leaving.as_ref()).is_some_and(is_teleport) {
            let says = (Party::Viewer, Party::Source);
            self.note_going(cx, id, Act::Cancel, says, "TeleportCancel", "");
            self.depart(cx, id, DepartureInput::Cancel);
        }
    }

    pub(crate) fn wake_departure(&mut self, cx: &mut Context<'_>, id: AgentId) {
        self.insist(cx, id);
        self.wake_wish(cx, id);
        let patience = self.config.patience;
        let Some(leaving) = self.agents.get_mut(&id).and_then(|agent| agent.leaving.as_mut()) else { return };
        let start = leaving.start_due(&patience).is_some_and(|at| at <= cx.now);
        let look = leaving.look_again.take_if(|at| *at <= cx.now).is_some();
        let create = leaving.create_at.take_if(|at| *at <= cx.now).is_some();
        let due = leaving.machine.next_wakeup().is_some_and(|at| at <= cx.now);
        if start {
            self.tell_start(cx, id);
        }
        if look {
            self.look_again(cx, id);
        }
        if create {
            self.create_over_there(cx, id);
        }
        if due {
            self.depart(cx, id, DepartureInput::Wakeup);
        }
    }

    /// Feeds the departure machine and does what it says.
    pub(crate) fn depart(&mut self, cx: &mut Context<'_>, id: AgentId, input: DepartureInput) {
        let Some(leaving) = self.agents.get_mut(&id).and_then(|agent| agent.leaving.as_mut()) else { return };
        let mut effects = Vec::new();
        leaving.machine.handle(cx.now, input, &mut effects);
        self.perform(cx, id, effects);
    }

    fn perform(&mut self, cx: &mut Context<'_>, id: AgentId, effects: Vec<DepartureEffect>) {
        for effect in effects {
            match effect {
                DepartureEffect::Begin(step) => self.begin_step(cx, id, step),
                DepartureEffect::Withdraw { await_answer } => self.ask_to_withdraw(cx, id, await_answer),
                DepartureEffect::TellFailed { reason } => self.departure_failed(cx, id, &reason),
                DepartureEffect::Unfreeze => self.unfreeze(cx, id),
                DepartureEffect::Over(outcome) => self.departure_over(cx, id, &outcome),
            }
        }
        self.touch(id);
    }

    fn begin_step(&mut self, cx: &mut Context<'_>, id: AgentId, step: Step) {
        match step {
            Step::FindRegion => self.find_region(cx, id),
            Step::AskAccess => self.ask_access(cx, id),
            Step::TellStart => self.tell_start(cx, id),
            Step::CreateAgent => self.create_when_let_go(cx, id),
            Step::CloseChildren => self.close_children_first(cx, id),
            Step::OpenCircuit => self.open_circuit(cx, id),
            Step::SendAgent => self.send_agent(cx, id),
            Step::TellProgress => self.tell_progress(cx, id),
            Step::TellFinish => self.tell_finish(cx, id),
            Step::AwaitArrival => self.await_arrival(cx, id),
            Step::Demote => self.demote(cx, id),
            Step::Grace => self.begin_grace(cx, id),
        }
    }

    /// P3.
    fn find_region(&mut self, cx: &mut Context<'_>, id: AgentId) {
        let Some(agent) = self.agents.get_mut(&id) else { return };
        let Some(leaving) = agent.leaving.as_mut() else { return };
        let (x, y) = leaving.target();
        let here = self.config.cell.handle();
        let neighbour = agent.children.values().find(|child| child.region.rect().contains_global(x, y));
        if let Some(region) = neighbour.map(|child| child.region.clone()) {
            // Known from the survey: a slow grid keeps nobody waiting at a border.
            let input = match settle_on(leaving, here, region) {
                Ok(()) => DepartureInput::Done(Step::FindRegion),
                Err(cause) => DepartureInput::Failed(Step::FindRegion, cause),
            };
            self.depart(cx, id, input);
            return;
        }
        let handle = RegionHandle::from_metres(x as u32, y as u32);
        let pending = Pending::Step { agent: id, transfer: leaving.machine.id(), step: Step::FindRegion };
        let asks = (Party::Source, Party::Grid);
        self.note_going(cx, id, Act::Source(Step::FindRegion), asks, "get_region_by_position", "");
        self.call_grid(cx, GridCall::RegionAt(handle), self.config.patience.answer, pending);
    }

    /// P5.
    fn ask_access(&mut self, cx: &mut Context<'_>, id: AgentId) {
        let offer = Offer::of(self.config.versions);
        let Some((agent, _, destination)) = self.on_its_way(id) else { return };
        let in_sight = self.in_sight(agent, &destination);
        if let Some(leaving) = self.agents.get_mut(&id).and_then(|agent| agent.leaving.as_mut()) {
            leaving.in_sight = in_sight;
        }
        let Some((agent, leaving, destination)) = self.on_its_way(id) else { return };
        let query = QueryAccess {
            agent: id,
            session: agent.session,
            position: leaving.position,
            via_teleport: !leaving.machine.plan().crossing,
            flags: leaving.request.flags,
            offer,
            tickets: true,
        };
        let name = destination.name.clone();
        self.ask_destination(cx, id, Step::AskAccess, PeerCall::QueryAccess(query), name);
    }

    /// A call to the destination that is a step.
    fn ask_destination(
        &mut self,
        cx: &mut Context<'_>,
        id: AgentId,
        step: Step,
        call: PeerCall,
        detail: impl Into<String>,
    ) {
        let Some((_, leaving, destination)) = self.on_its_way(id) else { return };
        let transfer = leaving.machine.id();
        let tickets = leaving.machine.plan().tickets;
        let patience = match step {
            Step::SendAgent => self.config.patience.verdict,
            _ => self.config.patience.answer,
        };
        let asks = (Party::Source, Party::Destination);
        self.note_going(cx, id, Act::Source(step), asks, call.name(), detail);
        let pending = Pending::Step { agent: id, transfer, step };
        self.call_peer(cx, destination, call, tickets, patience, pending);
    }

    /// P7, P8.
    pub(crate) fn create_over_there(&mut self, cx: &mut Context<'_>, id: AgentId) {
        let flying = self.scene.presence(id).is_some_and(|presence| presence.is_flying());
        let fresh = self.new_secret();
        let Some((agent, leaving, destination)) = self.on_its_way(id) else { return };
        let plan = leaving.machine.plan();
        let mut flags = if plan.crossing { TeleportFlags::empty() } else { leaving.request.flags };
        flags.set(TeleportFlags::IS_FLYING, flying && !plan.crossing);
        // Who knows tickets keeps the secret of an agent that it has, and says which. One that has forgotten the agent
        // gets a new one, or the viewer would wait out the pause of the poll that broke with the old one.
        let known = agent.children.get(&destination.handle).filter(|_| !plan.tickets);
        let caps = known.map_or(fresh, |child| child.caps);
        let create = CreateAgent {
            flags,
            position: leaving.position,
            look_at: leaving.request.look_at,
            children: self.children_of(agent, plan.tickets),
            transfer: plan.tickets.then_some(leaving.machine.id()),
            // A child agent over there stays whose it was, should the transfer come to nothing.
            ..agent.announce(self.config.id, caps, plan.version)
        };
        if !plan.crossing {
            self.send_teleport_progress(cx, id, flags, "contacting");
        }
        let call = PeerCall::CreateAgent(Box::new(create));
        self.ask_destination(cx, id, Step::CreateAgent, call, "");
    }

    /// The child agents that the viewer has, as the destination is told them. The published list has the source in it.
    fn children_of(&self, agent: &crate::agent::Agent, tickets: bool) -> Vec<KnownChild> {
        let here = KnownChild { handle: self.config.cell.handle(), caps: agent.caps, claim: None };
        let here = (!tickets).then_some(here);
        agent.children.iter().map(|(&handle, child)| child.known(handle)).chain(here).collect()
    }

    /// 0.1 T4, 0.2 T3.
    fn send_agent(&mut self, cx: &mut Context<'_>, id: AgentId) {
        let release = self.release_address(id);
        let Some(presence) = self.scene.presence(id) else { return };
        let state = (presence.velocity(), presence.rotation(), presence.look_at(), presence.is_flying());
        let control_flags = presence.control_flags().bits();
        // The first is what the motion plays, and the destination sees that for itself.
        let animations = presence.animations().iter().skip(1);
        let animations =
            animations.map(|playing| (AssetId(playing.id), Uuid::nil(), playing.sequence)).collect();
        let Some((agent, leaving, _)) = self.on_its_way(id) else { return };
        let plan = leaving.machine.plan();
        let (velocity, rotation, look_at, flying) = state;
        let mut data = AgentData {
            agent: id,
            session: agent.session,
            transfer: plan.tickets.then_some(leaving.machine.id()),
            source: self.config.id,
            version: plan.version,
            position: leaving.position,
            velocity: if plan.crossing { velocity } else { Vec3::ZERO },
            rotation,
            look_at: if plan.crossing { look_at } else { leaving.request.look_at },
            flying,
            always_run: agent.always_run,
            control_flags,
            draw_distance_m: agent.draw_distance_m,
            throttles: agent.throttles,
            outfit: agent.outfit.clone(),
            animations,
            baggage: agent.baggage.clone(),
            children: self.children_of(agent, plan.tickets),
            // A viewer that has to open its circuit first gets the full welcome.
            crossing: plan.crossing && leaving.connected,
            wait_for_root: match plan.crossing {
                true => plan.tickets,
                false => Protocol::of(plan.version).wait_for_root,
            },
            release,
        };
        if self.config.patience.is(Mutant::BaggageLost) {
            data.baggage = Arc::new(Baggage::default());
        }
        let data = Arc::new(data);
        if let Some(leaving) = self.agents.get_mut(&id).and_then(|agent| agent.leaving.as_mut()) {
            leaving.unheard = Some(data.clone());
        }
        let attachments = data.baggage.attachments.len();
        // The address itself is a secret.
        let release = if data.release.is_some() { ", with an address for ReleaseAgent" } else { "" };
        let detail = format!("{attachments} attachments{release}");
        let call = PeerCall::UpdateAgent(Box::new(AgentData::clone(&data)));
        self.ask_destination(cx, id, Step::SendAgent, call, detail);
    }

    /// Where ReleaseAgent is to go, if the version has it. The secret in it is good for this transfer alone.
    fn release_address(&mut self, id: AgentId) -> Option<Release> {
        let secret = self.new_secret().0;
        let (base, region) = (self.config.http_base.clone(), self.config.id);
        let leaving = self.agents.get_mut(&id)?.leaving.as_mut()?;
        let plan = leaving.machine.plan();
        let when = Protocol::of(plan.version).release.filter(|_| !plan.crossing)?;
        // Since 0.7 it only ends the wait before the old connection is closed, and in sight that is not closed.
        if leaving.in_sight && when == transfer::ReleaseWhen::Settled {
            return None;
        }
        leaving.release = Some(secret);
        Some(Release { url: format!("{base}agent/{id}/{region}/release/{secret}/").into(), when })
    }

    /// The answer to one of a departure's steps.
    pub(crate) fn departure_answered(
        &mut self,
        cx: &mut Context<'_>,
        id: AgentId,
        transfer: TransferId,
        step: Step,
        result: Result<Reply, PeerError>,
    ) {
        let (here, versions) = (self.config.cell.handle(), self.config.versions);
        let Some(agent) = self.agents.get_mut(&id) else { return };
        let Some(leaving) = agent.leaving.as_mut() else { return };
        if leaving.machine.id() != transfer || leaving.machine.step() != step {
            return;
        }
        let plan = leaving.machine.plan();
        let known = |region: &Option<Arc<RegionInfo>>| {
            region.as_ref().is_some_and(|region| agent.children.contains_key(&region.handle))
        };
        let input = match (step, result) {
            (Step::FindRegion, Ok(Reply::Region(Some(region)))) => match settle_on(leaving, here, region) {
                Ok(()) => DepartureInput::Done(step),
                Err(cause) => DepartureInput::Failed(step, cause),
            },
            (Step::FindRegion, Ok(Reply::Region(None))) => {
                DepartureInput::Failed(step, FailureCause::NoSuchRegion)
            }
            (Step::AskAccess, Ok(Reply::Peer(PeerReply::Access(agreement)))) => {
                match acceptable(agreement, versions, &agent.outfit) {
                    Ok(agreement) => {
                        if plan.crossing && !agreement.tickets {
                            // The published crossing has no CreateAgent: what is known of the child agent counts.
                            let child =
                                leaving.destination.as_ref().and_then(|d| agent.children.get(&d.handle));
                            leaving.caps = child.map(|child| child.caps);
                            leaving.connected = child.is_some();
                        }
                        DepartureInput::Agreed(agreement)
                    }
                    Err(refusal) => DepartureInput::Failed(step, FailureCause::Refused(refusal)),
                }
            }
            (Step::CreateAgent, Ok(Reply::Peer(PeerReply::Created(created)))) => {
                let AgentCreated { caps, existed, tickets } = created;
                leaving.caps = Some(caps);
                leaving.connected = existed || (!tickets && known(&leaving.destination));
                DepartureInput::Done(step)
            }
            (Step::SendAgent, Ok(Reply::Peer(PeerReply::Whereabouts(Whereabouts::Arrived)))) => {
                leaving.unheard = None;
                DepartureInput::Done(step)
            }
            (Step::SendAgent, Ok(Reply::Peer(PeerReply::Done)))
                if !plan.tickets || !leaving.machine.told_to_go() =>
            {
                leaving.unheard = None;
                DepartureInput::Done(step)
            }
            (Step::SendAgent, Ok(Reply::Peer(PeerReply::Whereabouts(Whereabouts::Withdrawn)))) => {
                DepartureInput::Failed(step, FailureCause::NeverArrived)
            }
            (_, Ok(_)) => DepartureInput::Failed(step, FailureCause::Garbage),
            (_, Err(error)) => DepartureInput::Failed(step, cause_of(error)),
        };
        let answer = match &input {
            DepartureInput::Agreed(agreement) => format!("yes, in {:?}", agreement.outbound),
            DepartureInput::Failed(_, cause) => format!("{cause:?}"),
            _ => "yes".to_owned(),
        };
        let party = if step == Step::FindRegion { Party::Grid } else { Party::Destination };
        self.note_going(cx, id, Act::Source(step), (party, Party::Source), "answer", answer);
        self.depart(cx, id, input);
    }

    /// An agent on its way out, once its destination is known.
    pub(crate) fn on_its_way(
        &self,
        id: AgentId,
    ) -> Option<(&crate::agent::Agent, &Leaving, Arc<RegionInfo>)> {
        let agent = self.agents.get(&id)?;
        let leaving = agent.leaving.as_ref()?;
        Some((agent, leaving, leaving.destination.clone()?))
    }
}

impl Leaving {
    /// The point, in global metres, whose region is meant. A teleport names it by the handle alone: positions may be
    /// anything, and are brought inside; at a border the position says what lies beyond.
    fn target(&self) -> (f64, f64) {
        let handle = self.request.handle;
        match self.machine.plan().crossing {
            true => global_point(handle, self.position),
            false => (handle.x_m().into(), handle.y_m().into()),
        }
    }
}

/// What the destination answered, unless this side cannot go along with it. A simulator of the older kind names the
/// newest version that it knows and takes less.
fn acceptable(
    agreement: Agreement,
    ours: transfer::VersionRange,
    outfit: &transfer::Outfit,
) -> Result<Agreement, Refusal> {
    let newest = |version: Version| version.min(ours.high);
    let agreement = match agreement.tickets {
        true => agreement,
        false => Agreement {
            outbound: newest(agreement.outbound),
            inbound: newest(agreement.inbound),
            ..agreement
        },
    };
    let Agreement { outbound, .. } = agreement;
    if !ours.contains(outbound) {
        return Err(Refusal::new(format!(
            "That region speaks simulation protocol {outbound}, and this one {ours}."
        )));
    }
    let more = outfit.wearables.iter().skip(WEARABLES_BEFORE_0_8).any(|worn| !worn.is_empty());
    if more && outbound < Version::V0_8 {
        return Err(Refusal::new(
            "That region does not support the outfit you are wearing. Please try again with a simpler one.",
        ));
    }
    Ok(agreement)
}

/// Global metres of a point given as handle and position; never outside the world.
fn global_point(handle: RegionHandle, position: Vec3) -> (f64, f64) {
    let axis = |corner: u32, offset: f32| {
        let offset = if offset.is_finite() { f64::from(offset) } else { 0.0 };
        (f64::from(corner) + offset).clamp(0.0, f64::from(u32::MAX))
    };
    (axis(handle.x_m(), position.x), axis(handle.y_m(), position.y))
}

/// P4, and the position in the coordinates of the region that was found (a handle may lie inside a large region).
fn settle_on(leaving: &mut Leaving, here: RegionHandle, region: Arc<RegionInfo>) -> Result<(), FailureCause> {
    let (from, to) = (here.cell(), region.handle.cell());
    if from.x.abs_diff(to.x).max(from.y.abs_diff(to.y)) >= MAX_DISTANCE_REGIONS {
        return Err(FailureCause::TooFar);
    }
    let (x, y) = global_point(leaving.request.handle, leaving.position);
    let inside = |global: f64, corner: u32, length: u32| {
        ((global - f64::from(corner)) as f32).clamp(0.5, length as f32 - 0.5)
    };
    leaving.position.x = inside(x, region.handle.x_m(), region.size.x);
    leaving.position.y = inside(y, region.handle.y_m(), region.size.y);
    // A name that could not be resolved: no viewer would find it.
    circuit_address(&region).ok_or(FailureCause::NoAddress)?;
    leaving.destination = Some(region);
    Ok(())
}

fn cause_of(error: PeerError) -> FailureCause {
    match error {
        PeerError::Refused(refusal) => FailureCause::Refused(refusal),
        PeerError::TimedOut => FailureCause::TimedOut,
        PeerError::Unreachable(_) => FailureCause::Unreachable,
        PeerError::Garbage(_) => FailureCause::Garbage,
    }
}

/// Where viewers reach a region's circuits. The shell has resolved names by the time a region sees them.
pub(crate) fn circuit_address(region: &RegionInfo) -> Option<std::net::SocketAddrV4> {
    Some(std::net::SocketAddrV4::new(region.external_host.parse().ok()?, region.udp_port))
}
