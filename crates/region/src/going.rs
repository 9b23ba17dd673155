//! Departure: a transfer seen from its source. The machine decides, this file does what it says.

use crate::agent::{Leaving, Request};
use crate::calls::{GRID_PATIENCE, Pending};
use crate::doubt::Doubt;
use crate::interface::*;
use crate::region::{Context, Region};
use agent::event;
use model::{AgentId, AssetId, RegionHandle, TeleportFlags, Vec3};
use services::RegionInfo;
use std::sync::Arc;
use std::time::Duration;
use transfer::{
    AgentCreated, AgentData, ArrivalInput, CreateAgent, Departure, DepartureEffect, DepartureInput,
    FailureCause, Outcome, PeerCall, PeerError, PeerReply, Plan, QueryAccess, Step, TransferId, Whereabouts,
};

/// How long a client may take to open a circuit on CrossedRegion alone.
const INSIST_AFTER: Duration = Duration::from_millis(1200);

/// P4: viewers cannot go farther, along either axis.
pub(crate) const MAX_DISTANCE_REGIONS: u32 = 4096;

impl Region {
    /// P1, P2: a viewer wants to be elsewhere.
    pub(crate) fn teleport(&mut self, cx: &mut Context<'_>, id: AgentId, request: Request) {
        let Some(agent) = self.agents.get(&id) else { return };
        if !agent.is_root() {
            // On the circuit of a region that was left: obeying would make two roots.
            self.tell_failed(cx, id, "You are not in this region any more.");
            return;
        }
        if let Some(leaving) = &agent.leaving {
            // The same again is the viewer's impatience, or its network's.
            if leaving.request != request {
                self.tell_failed(cx, id, "preexisting_tport");
            }
            return;
        }
        if agent.closing.is_some() {
            return;
        }
        let sane = request.position.is_finite();
        let global = global_point(request.handle, request.position);
        if self.info.rect().contains_global(global.0, global.1) || request.handle == self.config.cell.handle()
        {
            let offset = |from: u32, to: u32| f64::from(from) - f64::from(to);
            let (dx, dy) = (
                offset(request.handle.x_m(), self.config.cell.handle().x_m()),
                offset(request.handle.y_m(), self.config.cell.handle().y_m()),
            );
            let position = request.position + Vec3::new(dx as f32, dy as f32, 0.0);
            self.relocate(cx, id, Request { position, ..request });
            return;
        }
        let position = if sane { request.position } else { Vec3::new(128.0, 128.0, 0.0) };
        self.depart_to(cx, id, Request { position, ..request }, Plan::default());
    }

    /// Begins a transfer. The agent must be root and free to go.
    pub(crate) fn depart_to(&mut self, cx: &mut Context<'_>, id: AgentId, request: Request, plan: Plan) {
        self.next_transfer += 1;
        let transfer = TransferId(self.next_transfer);
        let mut effects = Vec::new();
        let machine = Departure::begin(transfer, plan, self.config.patience, cx.now, &mut effects);
        let Some(agent) = self.agents.get_mut(&id) else { return };
        agent.leaving = Some(Leaving {
            machine,
            request,
            begun: cx.now,
            destination: None,
            position: request.position,
            caps: None,
            connected: false,
            unwelcomed: false,
            insist_at: None,
            logging_out: false,
        });
        if plan.crossing {
            self.scene.freeze(cx.now, id, true);
        }
        self.perform(cx, id, effects);
    }

    /// TeleportCancel.
    pub(crate) fn cancel_teleport(&mut self, cx: &mut Context<'_>, id: AgentId) {
        let is_teleport = |leaving: &Leaving| !leaving.machine.plan().crossing;
        if self.agents.get(&id).and_then(|agent| agent.leaving.as_ref()).is_some_and(is_teleport) {
            self.depart(cx, id, DepartureInput::Cancel);
        }
    }

    pub(crate) fn wake_departure(&mut self, cx: &mut Context<'_>, id: AgentId) {
        self.insist(cx, id);
        let due = self
            .agents
            .get(&id)
            .and_then(|agent| agent.leaving.as_ref())
            .and_then(|leaving| leaving.machine.next_wakeup())
            .is_some_and(|at| at <= cx.now);
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
            Step::CreateAgent => self.create_over_there(cx, id),
            Step::TellFinish => self.tell_finish(cx, id),
            Step::SendAgent => self.send_agent(cx, id),
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
        self.call_grid(cx, GridCall::RegionAt(handle), self.config.patience.answer, pending);
    }

    /// P5.
    fn ask_access(&mut self, cx: &mut Context<'_>, id: AgentId) {
        let Some((agent, leaving, destination)) = self.on_its_way(id) else { return };
        let query = QueryAccess {
            agent: id,
            session: agent.session,
            position: leaving.position,
            via_teleport: !leaving.machine.plan().crossing,
            flags: leaving.request.flags,
        };
        let transfer = leaving.machine.id();
        let pending = Pending::Step { agent: id, transfer, step: Step::AskAccess };
        let patience = self.config.patience.answer;
        self.call_peer(cx, destination, PeerCall::QueryAccess(query), patience, pending);
    }

    /// P6.
    fn tell_start(&mut self, cx: &mut Context<'_>, id: AgentId) {
        let Some(leaving) = self.agents.get(&id).and_then(|agent| agent.leaving.as_ref()) else { return };
        self.send_teleport_start(cx, id, leaving.request.flags);
    }

    /// P7, P8.
    fn create_over_there(&mut self, cx: &mut Context<'_>, id: AgentId) {
        let flying = self.scene.presence(id).is_some_and(|presence| presence.is_flying());
        let Some((agent, leaving, destination)) = self.on_its_way(id) else { return };
        let crossing = leaving.machine.plan().crossing;
        let mut flags = if crossing { TeleportFlags::empty() } else { leaving.request.flags };
        flags.set(TeleportFlags::IS_FLYING, flying && !crossing);
        let create = CreateAgent {
            agent: id,
            session: agent.session,
            secure_session: agent.secure_session,
            circuit_code: agent.circuit_code,
            first: agent.first.clone(),
            last: agent.last.clone(),
            caps: None,
            flags,
            position: leaving.position,
            look_at: leaving.request.look_at,
            draw_distance_m: agent.draw_distance_m,
            outfit: agent.outfit.clone(),
            client: agent.client.clone(),
            children: agent.children.iter().map(|(&handle, child)| (handle, child.caps)).collect(),
            // A child agent over there stays whose it was, should the transfer come to nothing.
            claim: None,
            transfer: Some(leaving.machine.id()),
            source: Some(self.config.id),
        };
        let transfer = leaving.machine.id();
        let pending = Pending::Step { agent: id, transfer, step: Step::CreateAgent };
        let patience = self.config.patience.answer;
        self.call_peer(cx, destination, PeerCall::CreateAgent(Box::new(create)), patience, pending);
    }

    /// T1. From here on only the destination knows where the agent is.
    fn tell_finish(&mut self, cx: &mut Context<'_>, id: AgentId) {
        self.scene.freeze(cx.now, id, true);
        let unwelcomed = self.take_back_welcome(id);
        if let Some(leaving) = self.agents.get_mut(&id).and_then(|agent| agent.leaving.as_mut()) {
            leaving.unwelcomed = unwelcomed;
        }
        let Some((_, leaving, _)) = self.on_its_way(id) else { return };
        let flags = leaving.request.flags;
        if !leaving.machine.plan().crossing {
            self.send_teleport_progress(cx, id, flags);
            self.push_teleport_finish(cx, id);
            return;
        }
        self.push_crossed_region(cx, id);
        let insist_at = cx.now + INSIST_AFTER;
        if let Some(leaving) = self.agents.get_mut(&id).and_then(|agent| agent.leaving.as_mut()) {
            leaving.insist_at = (!leaving.connected).then_some(insist_at);
        }
    }

    fn push_crossed_region(&mut self, cx: &mut Context<'_>, id: AgentId) {
        let Some((agent, leaving, destination)) = self.on_its_way(id) else { return };
        let (Some(caps), Some(address)) = (leaving.caps, circuit_address(&destination)) else { return };
        let event = event::crossed_region(&event::CrossedRegion {
            agent: id,
            session: agent.session,
            look_at: leaving.request.look_at,
            position: leaving.position,
            handle: destination.handle,
            seed: seed_url(&destination, caps),
            address,
            size: destination.size,
        });
        self.push_event(cx, id, event);
    }

    fn push_teleport_finish(&mut self, cx: &mut Context<'_>, id: AgentId) {
        let flying = self.scene.presence(id).is_some_and(|presence| presence.is_flying());
        let Some((_, leaving, destination)) = self.on_its_way(id) else { return };
        let (Some(caps), Some(address)) = (leaving.caps, circuit_address(&destination)) else { return };
        let mut flags = leaving.request.flags & TeleportFlags::VIEWER;
        if flags.is_empty() {
            flags = TeleportFlags::VIA_LOCATION;
        }
        flags.set(TeleportFlags::IS_FLYING, flying);
        let event = event::teleport_finish(&event::TeleportFinish {
            agent: id,
            address,
            handle: destination.handle,
            seed: seed_url(&destination, caps),
            access: destination.access,
            flags,
            size: destination.size,
        });
        self.push_event(cx, id, event);
    }

    /// A viewer that was told CrossedRegion, has no circuit over there and has not come: TeleportFinish makes it open
    /// one. It sees a progress screen, but nothing breaks.
    fn insist(&mut self, cx: &mut Context<'_>, id: AgentId) {
        let Some(leaving) = self.agents.get_mut(&id).and_then(|agent| agent.leaving.as_mut()) else { return };
        if leaving.insist_at.take_if(|at| *at <= cx.now).is_some() && leaving.machine.told_to_go() {
            self.push_teleport_finish(cx, id);
        }
    }

    /// T3.
    fn send_agent(&mut self, cx: &mut Context<'_>, id: AgentId) {
        let Some(presence) = self.scene.presence(id) else { return };
        let state = (presence.velocity(), presence.rotation(), presence.look_at(), presence.is_flying());
        let (control_flags, animations) = (
            presence.control_flags().bits(),
            presence.animations().iter().map(|playing| (AssetId(playing.id), playing.sequence)).collect(),
        );
        let Some((agent, leaving, destination)) = self.on_its_way(id) else { return };
        let crossing = leaving.machine.plan().crossing;
        let (velocity, rotation, look_at, flying) = state;
        let data = AgentData {
            agent: id,
            session: agent.session,
            transfer: leaving.machine.id(),
            source: self.config.id,
            position: leaving.position,
            velocity: if crossing { velocity } else { Vec3::ZERO },
            rotation,
            look_at: if crossing { look_at } else { leaving.request.look_at },
            flying,
            always_run: agent.always_run,
            control_flags,
            draw_distance_m: agent.draw_distance_m,
            throttles: agent.throttles,
            outfit: agent.outfit.clone(),
            animations: if crossing { animations } else { Vec::new() },
            group_title: agent.group_title.clone(),
            attachments: agent.attachments.clone(),
            children: agent.children.iter().map(|(&handle, child)| (handle, child.caps)).collect(),
            // A viewer that has to open its circuit first gets the full welcome.
            crossing: crossing && leaving.connected,
            wait_for_root: true,
        };
        let transfer = leaving.machine.id();
        let pending = Pending::Step { agent: id, transfer, step: Step::SendAgent };
        let patience = self.config.patience.arrival;
        self.call_peer(cx, destination, PeerCall::UpdateAgent(Box::new(data)), patience, pending);
    }

    /// The agent is root over there: here it looks in, if at all.
    pub(crate) fn demote(&mut self, cx: &mut Context<'_>, id: AgentId) {
        self.scene.freeze(cx.now, id, false);
        self.scene.make_child(id, &mut self.scene_events);
        self.trace_life(cx, || format!("Making {id} a child agent"));
        let now = cx.now;
        if let Some(agent) = self.agents.get_mut(&id) {
            agent.attachments.clear();
            agent.unused_until = now + crate::agent::UNUSED_CHILD;
        }
        self.arrive(cx, id, ArrivalInput::Demoted);
    }

    /// C1.
    pub(crate) fn begin_grace(&mut self, cx: &mut Context<'_>, id: AgentId) {
        let grace = self.config.patience.grace;
        let Some(agent) = self.agents.get_mut(&id) else { return };
        agent.farewell = Some(cx.now + grace);
    }

    /// C1A, C1B: what nobody has claimed in the meantime is closed.
    pub(crate) fn finish_farewell(&mut self, cx: &mut Context<'_>, id: AgentId) {
        let Some(agent) = self.agents.get_mut(&id) else { return };
        if agent.farewell.take_if(|farewell| *farewell <= cx.now).is_none() {
            return;
        }
        let session = agent.session;
        for child in std::mem::take(&mut agent.children).into_values() {
            let call = PeerCall::CloseChild { agent: id, session, claim: child.claim };
            self.tell_peer(cx, child.region, call);
        }
        let Some(agent) = self.agents.get(&id) else { return };
        if agent.claim.is_some() || agent.arrival.verdict() != transfer::Verdict::Child {
            self.trace_life(cx, || format!("Not closing child agent {id}: it is wanted again"));
            return;
        }
        self.trace_life(cx, || format!("Closing agent {id} after teleport"));
        self.close_agent(cx, id);
    }

    fn ask_to_withdraw(&mut self, cx: &mut Context<'_>, id: AgentId, await_answer: bool) {
        let Some((agent, leaving, destination)) = self.on_its_way(id) else { return };
        let (session, transfer) = (agent.session, leaving.machine.id());
        let call = PeerCall::Withdraw { agent: id, session, source: self.config.id, transfer };
        let pending = match await_answer {
            true => Pending::Withdrawal { agent: id, transfer },
            false => Pending::Nothing,
        };
        self.call_peer(cx, destination, call, self.config.patience.withdrawal, pending);
    }

    /// The agent stays.
    fn unfreeze(&mut self, cx: &mut Context<'_>, id: AgentId) {
        self.scene.freeze(cx.now, id, false);
        self.take_back_start(id);
        let leaving = self.agents.get(&id).and_then(|agent| agent.leaving.as_ref());
        if leaving.is_some_and(|leaving| leaving.unwelcomed) {
            self.send_movement_complete(cx, id);
        }
    }

    fn departure_failed(&mut self, cx: &mut Context<'_>, id: AgentId, reason: &str) {
        let crossing = self
            .agents
            .get(&id)
            .and_then(|agent| agent.leaving.as_ref())
            .is_some_and(|leaving| leaving.machine.plan().crossing);
        if crossing {
            // There is no message for it: the avatar is held at the border, and a notice says why.
            self.scene.border_refused(cx.now, id, &mut self.scene_events);
            self.alert(cx, id, reason, None);
        } else {
            self.tell_failed(cx, id, reason);
        }
    }

    pub(crate) fn tell_failed(&mut self, cx: &mut Context<'_>, id: AgentId, reason: &str) {
        self.push_event(cx, id, event::teleport_failed(id, reason));
    }

    fn departure_over(&mut self, cx: &mut Context<'_>, id: AgentId, outcome: &Outcome) {
        let Some(leaving) = self.agents.get_mut(&id).and_then(|agent| agent.leaving.take()) else { return };
        let kind = leaving.kind();
        *self.stats.transfers.entry((kind, outcome.name())).or_default() += 1;
        let took = cx.now.since(leaving.begun);
        self.trace_life(cx, || {
            format!("Agent {id} cleared from transit: {kind} {}, {} ms", outcome.name(), took.as_millis())
        });
        match outcome {
            Outcome::Departed if leaving.logging_out => self.end_over_there(cx, id, &leaving),
            Outcome::Stayed(_) if leaving.machine.in_doubt() => {
                if let Some(region) = leaving.destination {
                    self.begin_doubt(cx, id, Doubt { region, transfer: leaving.machine.id() });
                }
            }
            Outcome::Departed | Outcome::Stayed(_) => {}
            Outcome::LoggedOut(_) => {
                if leaving.logging_out && leaving.machine.in_doubt() {
                    self.end_over_there(cx, id, &leaving);
                }
                self.session_over(cx, id);
            }
        }
    }

    /// The user logged out here while the agent was arriving there.
    fn end_over_there(&mut self, cx: &mut Context<'_>, id: AgentId, leaving: &Leaving) {
        let (Some(agent), Some(destination)) = (self.agents.get(&id), leaving.destination.clone()) else {
            return;
        };
        let call = PeerCall::EndSession { agent: id, session: agent.session, reason: String::new() };
        self.tell_peer(cx, destination, call);
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
        let here = self.config.cell.handle();
        let Some(leaving) = self.agents.get_mut(&id).and_then(|agent| agent.leaving.as_mut()) else { return };
        if leaving.machine.id() != transfer || leaving.machine.step() != step {
            return;
        }
        let input = match (step, result) {
            (Step::FindRegion, Ok(Reply::Region(Some(region)))) => match settle_on(leaving, here, region) {
                Ok(()) => DepartureInput::Done(step),
                Err(cause) => DepartureInput::Failed(step, cause),
            },
            (Step::FindRegion, Ok(Reply::Region(None))) => {
                DepartureInput::Failed(step, FailureCause::NoSuchRegion)
            }
            (Step::AskAccess, Ok(Reply::Peer(PeerReply::Access(_)))) => DepartureInput::Done(step),
            (Step::CreateAgent, Ok(Reply::Peer(PeerReply::Created(AgentCreated { caps, existed })))) => {
                leaving.caps = Some(caps);
                leaving.connected = existed;
                DepartureInput::Done(step)
            }
            (Step::SendAgent, Ok(Reply::Peer(PeerReply::Whereabouts(Whereabouts::Arrived)))) => {
                DepartureInput::Done(step)
            }
            (Step::SendAgent, Ok(Reply::Peer(PeerReply::Whereabouts(Whereabouts::Withdrawn)))) => {
                DepartureInput::Failed(step, FailureCause::NeverArrived)
            }
            (_, Ok(_)) => DepartureInput::Failed(step, FailureCause::Garbage),
            (_, Err(error)) => DepartureInput::Failed(step, cause_of(error)),
        };
        self.depart(cx, id, input);
    }

    pub(crate) fn withdrawal_answered(
        &mut self,
        cx: &mut Context<'_>,
        id: AgentId,
        transfer: TransferId,
        result: Result<Reply, PeerError>,
    ) {
        let Some(leaving) = self.agents.get(&id).and_then(|agent| agent.leaving.as_ref()) else { return };
        if leaving.machine.id() != transfer {
            return;
        }
        // No answer is left to the machine's own clock: it asks again.
        if let Ok(Reply::Peer(PeerReply::Whereabouts(whereabouts))) = result {
            self.depart(cx, id, DepartureInput::Whereabouts(Some(whereabouts)));
        }
    }

    /// K7: home, or a landmark.
    pub(crate) fn teleport_to_landmark(&mut self, cx: &mut Context<'_>, id: AgentId, landmark: AssetId) {
        if landmark.is_null() {
            self.call_grid(cx, GridCall::Home(id), GRID_PATIENCE, Pending::Home { agent: id });
        } else {
            self.call_grid(cx, GridCall::Asset(landmark), GRID_PATIENCE, Pending::Landmark { agent: id });
        }
    }

    pub(crate) fn home_found(&mut self, cx: &mut Context<'_>, id: AgentId, result: Result<Reply, PeerError>) {
        match result {
            Ok(Reply::Home(Some(place))) => {
                let flags = TeleportFlags::VIA_HOME | TeleportFlags::SET_LAST_TO_TARGET;
                self.teleport_to_place(cx, id, place, flags);
            }
            Ok(Reply::Home(None)) => self.tell_failed(cx, id, "You have not set a home yet."),
            _ => self.tell_failed(cx, id, "Your home cannot be looked up now; please try again."),
        }
    }

    pub(crate) fn landmark_found(
        &mut self,
        cx: &mut Context<'_>,
        id: AgentId,
        result: Result<Reply, PeerError>,
    ) {
        let place = match &result {
            Ok(Reply::Asset(Some(bytes))) => crate::landmark::parse(bytes),
            _ => None,
        };
        match place {
            Some(place) => {
                let flags = TeleportFlags::VIA_LANDMARK | TeleportFlags::SET_LAST_TO_TARGET;
                self.teleport_to_place(cx, id, place, flags);
            }
            None => self.tell_failed(cx, id, "nolandmark_tport"),
        }
    }

    pub(crate) fn teleport_to_place(
        &mut self,
        cx: &mut Context<'_>,
        id: AgentId,
        place: Place,
        flags: TeleportFlags,
    ) {
        let pending = Pending::Place { agent: id, place, flags };
        self.call_grid(cx, GridCall::RegionById(place.region), GRID_PATIENCE, pending);
    }

    pub(crate) fn place_found(
        &mut self,
        cx: &mut Context<'_>,
        id: AgentId,
        place: Place,
        flags: TeleportFlags,
        result: Result<Reply, PeerError>,
    ) {
        match result {
            Ok(Reply::Region(Some(region))) => {
                let (position, look_at) = (place.position, place.look_at);
                self.teleport(cx, id, Request { handle: region.handle, position, look_at, flags });
            }
            Ok(Reply::Region(None)) => self.tell_failed(cx, id, "There is no such region any more."),
            _ => self.tell_failed(cx, id, "The grid's map does not answer; please try again."),
        }
    }

    /// An agent on its way out, once its destination is known.
    fn on_its_way(&self, id: AgentId) -> Option<(&crate::agent::Agent, &Leaving, Arc<RegionInfo>)> {
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
    circuit_address(&region).ok_or(FailureCause::Unreachable)?;
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

/// The seed capability of an agent at a region, as viewers are told it.
pub(crate) fn seed_url(region: &RegionInfo, caps: model::CapsSecret) -> String {
    format!("{}CAPS/{caps}0000/", region.server_uri)
}
