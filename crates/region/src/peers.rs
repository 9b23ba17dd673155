//! What other regions and the login service ask of this one.

use crate::agent::{Agent, Announced, Coming};
use crate::interface::*;
use crate::region::{Context, Region};
use agent::{EventQueue, EventQueueConfig};
use model::{AgentId, RegionId, RegionSize, SessionId, TeleportFlags};
use scene::interest::InterestList;
use std::collections::BTreeMap;
use std::sync::Arc;
use transfer::{
    Act, AgentCreated, AgentData, Arrival, ArrivalInput, ChildView, Claim, CreateAgent, DepartureInput,
    Expectation, Mutant, PeerCall, PeerReply, Refusal, Step, TransferId, TransferKey, Verdict, Whereabouts,
    agree,
};

/// Child agents at most, beyond those that the region's own size allows as root agents.
const MAX_CHILD_AGENTS: usize = 2000;

/// Calls that wait until an agent has been closed, at most.
const MAX_RETURNING: usize = 8;

/// Calls that wait for the end of one agent's transfers, at most: a peer repeats an UpdateAgent once or twice.
const MAX_AWAITING: usize = 16;

type Answer = Result<PeerReply, Refusal>;

impl Region {
    pub(crate) fn handle_peer(&mut self, cx: &mut Context<'_>, call: PeerCall, waiter: Waiter) {
        let answer = match call {
            PeerCall::QueryAccess(query) => self.may_enter(query.agent).and_then(|()| {
                let large = self.config.size != RegionSize::STANDARD;
                agree(query.offer, query.tickets, self.config.versions, large).map(PeerReply::Access)
            }),
            PeerCall::CreateAgent(create) => match self.agents.get_mut(&create.agent) {
                Some(agent) if agent.closing.is_some() && agent.session == create.session => {
                    if !agent.session_over && agent.returning.len() < MAX_RETURNING {
                        agent.returning.push((create, waiter));
                        let id = agent.id;
                        self.hasten_closing(cx, id);
                        return;
                    }
                    Err(Refusal::new("That session is over."))
                }
                _ => self.create_agent(cx, *create),
            },
            PeerCall::UpdateAgent(data) => {
                // Answered when the transfer is settled.
                self.update_agent(cx, data, waiter);
                return;
            }
            PeerCall::Withdraw { agent, session, source, transfer } => {
                self.withdraw(cx, agent, session, (source, transfer), waiter);
                return;
            }
            PeerCall::CloseChild { agent, session, claim } => {
                self.close_child(cx, agent, session, claim);
                Ok(PeerReply::Done)
            }
            PeerCall::Release { agent, url } => self.released(cx, agent, &url).map(|()| PeerReply::Done),
            PeerCall::EndSession { agent, session, reason } => {
                self.end_session(cx, agent, session, &reason);
                Ok(PeerReply::Done)
            }
            PeerCall::ChildView(view) => {
                self.move_child(cx, &view);
                Ok(PeerReply::Done)
            }
            PeerCall::Hello(hello) => {
                self.greeted(cx, &hello);
                Ok(PeerReply::Done)
            }
            PeerCall::InstantMessage(_) | PeerCall::FriendStatus { .. } | PeerCall::FriendNews(_) => {
                self.hear(cx, &call)
            }
        };
        cx.effects.push(Effect::Answer { waiter, result: answer });
    }

    /// P5 at the destination; looks, and changes nothing.
    fn may_enter(&self, id: AgentId) -> Result<(), Refusal> {
        if self.shutting_down {
            return Err(Refusal::new("The region is closing."));
        }
        if self.config.access == AccessPolicy::Members
            && id != self.config.owner
            && !self.config.members.contains(&id)
        {
            return Err(Refusal::new("You are not on the member list of that region."));
        }
        // Those on their way count too, or two could take the last place.
        let taken = self
            .agents
            .values()
            .filter(|agent| agent.id != id && agent.closing.is_none())
            .filter(|agent| agent.arrival.verdict() != Verdict::Child)
            .count();
        if taken >= self.config.max_agents {
            return Err(Refusal::new("The region is full"));
        }
        Ok(())
    }

    /// P8, T4C, or a login.
    fn create_agent(&mut self, cx: &mut Context<'_>, create: CreateAgent) -> Answer {
        if self.shutting_down {
            return Err(Refusal::new("The region is closing."));
        }
        let id = create.agent;
        let comes = !create.flags.is_empty() || create.transfer.is_some();
        if comes {
            self.may_enter(id)?;
        }
        if let (Some(transfer), Some(source)) = (create.transfer, create.source)
            && self.verdicts.iter().any(|(key, _)| *key == (source, transfer))
        {
            return Err(Refusal::new("That teleport is over."));
        }
        let other = self.agents.get(&id).filter(|agent| agent.session != create.session);
        if other.is_some_and(|other| {
            !create.flags.contains(TeleportFlags::VIA_LOGIN)
                && other.closing.is_none()
                && other.arrival.verdict() != Verdict::Child
        }) {
            // Which of two logins is the newer one only the login service knows: what regions still say of the older
            // may come late, and must not put an end to the newer.
            return Err(Refusal::new("You are there under another login; please try again in a minute."));
        }
        // Of an older login: it is over, and nothing of it may be mistaken for the new one.
        if other.is_some() {
            self.end_older_login(cx, id);
        }
        if self
            .agents
            .get(&id)
            .is_some_and(|agent| agent.session != create.session || agent.closing.is_some())
        {
            self.drop_agent(cx, id);
        }
        // Asked for by the region that it went to, or sent on from there: it has arrived, whether that was heard
        // or not.
        let asks = create.claim.map(|claim| claim.holder).or(create.source);
        let went_there = |agent: &Agent| {
            let destination = agent.leaving.as_ref().and_then(|leaving| leaving.destination.as_ref());
            agent.told_to_go() && (comes || destination.map(|region| region.id) == asks)
        };
        if self.agents.get(&id).is_some_and(went_there) {
            self.depart(cx, id, DepartureInput::Released);
        }
        self.give_way_to(cx, id, asks, comes);
        let repeated = self.is_expected_so(&create);
        let existed = self.agents.contains_key(&id);
        if !existed {
            let children = self.agents.values().filter(|agent| !agent.is_root()).count();
            if children >= MAX_CHILD_AGENTS {
                return Err(Refusal::new("The region cannot take more connections."));
            }
            self.add_agent(cx, &create);
        }
        if let Some(told) =
            create.caps.filter(|_| existed && create.claim.is_none() && create.transfer.is_none())
        {
            self.take_told_secret(cx, id, told);
        }
        // Said `done`: a viewer that comes back would poll in vain.
        let renewed = existed && self.renew_ended_queue(cx, id);
        let Some(agent) = self.agents.get_mut(&id) else { return Err(Refusal::new("Internal error")) };
        if agent.is_root() {
            return if comes {
                Err(Refusal::new("preexisting_tport"))
            } else {
                // A neighbour that still believes it is root asks for a child agent: the viewer is here.
                Ok(PeerReply::Created(AgentCreated { caps: agent.caps, existed: true, tickets: true }))
            };
        }
        let Some(agent) = self.agents.get_mut(&id) else { return Err(Refusal::new("Internal error")) };
        if let Some(claim) = create.claim {
            // T4D: whoever claims last keeps it; closes decided earlier find another claim and do nothing.
            agent.claim = Some(claim);
            agent.looked_in = false;
            agent.kept_until = Some(cx.now + crate::agent::CHILD_LEASE);
        } else if !comes {
            // A root agent in a region without claims looks in: whatever was claimed before is over.
            agent.claim = None;
            agent.looked_in = true;
            agent.kept_until = Some(cx.now + crate::agent::CHILD_LEASE);
            // Should the agent walk over, 0.1 says them no more.
            agent.inherited = create.children.iter().map(|child| (child.handle, *child)).collect();
        }
        agent.unused_until = cx.now + crate::agent::UNUSED_CHILD;
        if comes && !repeated {
            self.expect_agent(cx, &create);
        }
        let Some(agent) = self.agents.get(&id) else { return Err(Refusal::new("Internal error")) };
        // A viewer that has no circuit here yet has to be told to open one, and of a new secret.
        let existed = existed && agent.link.is_some() && !renewed;
        let reply = AgentCreated { caps: agent.caps, existed, tickets: true };
        self.trace_life(cx, || {
            let kind = if comes { "incoming" } else { "child" };
            let (name, code) = (format!("{} {}", create.first, create.last), create.circuit_code.0);
            let (viewer, flags) = (&create.client.viewer, create.flags);
            let address = create.client.address.map(|a| a.to_string()).unwrap_or_default();
            let position = create.position;
            format!(
                "told of {kind} agent {name} {id} (circuit code {code}, IP {address}, viewer {viewer}, \
                 teleportflags ({flags:?}), position {position})"
            )
        });
        self.touch(id);
        Ok(PeerReply::Created(reply))
    }

    /// Whether this very CreateAgent has come before: what has come since must not be forgotten.
    fn is_expected_so(&self, create: &CreateAgent) -> bool {
        let Some(agent) = self.agents.get(&create.agent) else { return false };
        let Some(Expectation::Transfer(expected)) = agent.arrival.expected() else { return false };
        if let (Some(transfer), Some(source)) = (create.transfer, create.source) {
            return expected == (source, transfer);
        }
        let said = (create.position, create.look_at, create.flags);
        let announced = &agent.announced;
        let told = create.caps.is_some_and(|caps| self.caps.get(&caps) == Some(&create.agent));
        expected.0 == RegionId::default()
            && said == (announced.position, announced.look_at, announced.flags)
            && told
    }

    /// P8: the agent is on its way here.
    fn expect_agent(&mut self, cx: &mut Context<'_>, create: &CreateAgent) {
        let id = create.agent;
        let expectation = match (create.transfer, create.source) {
            _ if create.flags.contains(TeleportFlags::VIA_LOGIN) => Expectation::Login,
            (Some(transfer), Some(source)) => Expectation::Transfer((source, transfer)),
            // The source numbers no transfers: it gets a number here.
            _ => Expectation::Transfer(self.unnumbered()),
        };
        let Some(agent) = self.agents.get_mut(&id) else { return };
        agent.outfit = create.outfit.clone();
        agent.announced = Announced {
            position: create.position,
            look_at: create.look_at,
            flags: create.flags,
            at: cx.now,
            again: agent.link.is_some(),
        };
        agent.seed_fetched = false;
        agent.releasing = None;
        agent.kept_out = None;
        agent.update = None;
        agent.inherited = create.children.iter().map(|child| (child.handle, *child)).collect();
        match expectation {
            Expectation::Login => agent.coming = None,
            Expectation::Transfer(transfer) => {
                let kind = if create.flags.is_empty() { "crossing" } else { "teleport" };
                agent.coming = Some(Coming { transfer, version: create.version, kind });
            }
        }
        self.arrive(cx, id, ArrivalInput::Expect(expectation));
        let asks = (Party::Source, Party::Destination);
        let step = Act::Source(Step::CreateAgent);
        let address = create.client.address.map(|address| format!(" from {address}")).unwrap_or_default();
        let detail = format!("{:?}, {}{address}", create.flags, create.client.viewer);
        self.note_coming(cx, id, step, asks, "CreateAgent", detail);
    }

    fn add_agent(&mut self, cx: &mut Context<'_>, create: &CreateAgent) {
        let id = create.agent;
        let caps = create.caps.unwrap_or_else(|| self.new_secret());
        self.caps.insert(caps, id);
        cx.effects.push(Effect::OpenCaps { caps, agent: id, session: create.session });
        let agent = Agent {
            id,
            session: create.session,
            secure_session: create.secure_session,
            circuit_code: create.circuit_code,
            first: create.first.clone(),
            last: create.last.clone(),
            client: create.client.clone(),
            outfit: create.outfit.clone(),
            caps,
            other_caps: Vec::new(),
            queue: EventQueue::new(EventQueueConfig::default(), cx.now),
            rebakes: Default::default(),
            link: None,
            origin: Default::default(),
            arrival: Arrival::new(self.config.patience),
            announced: Announced {
                position: create.position,
                look_at: create.look_at,
                flags: TeleportFlags::empty(),
                at: cx.now,
                again: false,
            },
            update: None,
            awaiting: Vec::new(),
            awaiting_circuit: Vec::new(),
            coming: None,
            releasing: None,
            letting_go: None,
            kept_out: None,
            seed_fetched: false,
            welcomed: false,
            greeted: cx.now,
            reported: false,
            wished_by: None,
            wish: None,
            leaving: None,
            doubt: None,
            claim: create.claim,
            looked_in: false,
            visit: 0,
            children: BTreeMap::new(),
            inherited: BTreeMap::new(),
            farewell: None,
            interest: InterestList::default(),
            draw_distance_m: create.draw_distance_m,
            throttles: None,
            always_run: false,
            baggage: Arc::default(),
            unladen: None,
            surveyed: None,
            surveyed_m: 0,
            survey_at: None,
            kept_until: None,
            unused_until: cx.now,
            closing: None,
            session_over: false,
            ending: None,
            since: cx.now,
            returning: Vec::new(),
            xfers: Default::default(),
            ready: false,
            alarm: None,
            retry_at: None,
        };
        self.agents.insert(id, agent);
        self.enter_scene(cx, id);
    }

    /// A number for a transfer whose source has none.
    fn unnumbered(&mut self) -> TransferKey {
        self.next_transfer += 1;
        (RegionId::default(), TransferId(self.next_transfer))
    }

    /// Which transfer an UpdateAgent belongs to. Without a number it is the one that is expected; a published crossing
    /// is announced by nothing else, so it is here that it is let in. `None`: of none that is known.
    fn transfer_of(
        &mut self,
        cx: &mut Context<'_>,
        data: &AgentData,
    ) -> Result<Option<TransferKey>, Refusal> {
        if let Some(transfer) = data.transfer {
            return Ok(Some((data.source, transfer)));
        }
        let Some(agent) = self.agents.get(&data.agent) else { return Ok(None) };
        match agent.arrival.expected() {
            Some(Expectation::Transfer(key)) if key.0 == RegionId::default() => return Ok(Some(key)),
            Some(_) => return Ok(None),
            None => {}
        }
        let crosses = data.crossing || (!data.wait_for_root && data.release.is_none());
        if !crosses || agent.arrival.verdict() != Verdict::Child {
            return Ok(None);
        }
        self.may_enter(data.agent)?;
        let key = self.unnumbered();
        if let Some(agent) = self.agents.get_mut(&data.agent) {
            agent.coming = Some(Coming { transfer: key, version: data.version, kind: "crossing" });
            agent.announced.at = cx.now;
        }
        self.arrive(cx, data.agent, ArrivalInput::Expect(Expectation::Transfer(key)));
        Ok(Some(key))
    }

    /// T3 at the destination (0.1: T4).
    fn update_agent(&mut self, cx: &mut Context<'_>, data: Box<AgentData>, waiter: Waiter) {
        let id = data.agent;
        // SIMULATION/0.1 names no session.
        let unnamed = data.session == SessionId::default() && data.transfer.is_none();
        let known = self.agents.get(&id).filter(|agent| agent.session == data.session || unnamed);
        // The viewer of one that is being closed is not listened to any more.
        if known.is_none_or(|agent| agent.closing.is_some()) {
            let key = data.transfer.map(|transfer| (data.source, transfer));
            let settled = key.zip(known).and_then(|(key, agent)| agent.arrival.settled(key));
            let remembered = || key.map_or(Whereabouts::Withdrawn, |key| self.verdict(key));
            let whereabouts = settled.unwrap_or_else(remembered);
            let answer = PeerReply::Whereabouts(whereabouts);
            cx.effects.push(Effect::Answer { waiter, result: Ok(answer) });
            return;
        }
        if self.is_late_baggage(&data) {
            self.take_late_baggage(cx, *data);
            let answer = PeerReply::Whereabouts(Whereabouts::Arrived);
            cx.effects.push(Effect::Answer { waiter, result: Ok(answer) });
            return;
        }
        let key = match self.transfer_of(cx, &data) {
            Ok(Some(key)) => key,
            not_taken => {
                let result = not_taken.map(|_| PeerReply::Whereabouts(Whereabouts::Withdrawn));
                cx.effects.push(Effect::Answer { waiter, result });
                return;
            }
        };
        let circuit = cx.now + self.config.patience.circuit;
        let Some(agent) = self.agents.get_mut(&id) else { return };
        let released = data.release.is_some();
        if agent.awaiting.len() + agent.awaiting_circuit.len() >= MAX_AWAITING {
            let result = Err(Refusal::new("Too many calls wait for that agent."));
            cx.effects.push(Effect::Answer { waiter, result });
            return;
        }
        if data.wait_for_root {
            agent.awaiting.push((key, waiter));
        } else if released && agent.link.is_none() && agent.arrival.expected().is_some() {
            agent.awaiting_circuit.push((circuit, waiter));
        } else {
            cx.effects.push(Effect::Answer { waiter, result: Ok(PeerReply::Done) });
        }
        let asks = (Party::Source, Party::Destination);
        let carried = format!("{} attachments", data.baggage.attachments.len());
        if agent.arrival.expected() == Some(Expectation::Transfer(key)) {
            if let Some(coming) = &mut agent.coming {
                coming.version = data.version;
            }
            agent.update = Some(data);
        }
        self.note_coming(cx, id, Act::Update, asks, "UpdateAgent", carried);
        self.trace_life(cx, || format!("Incoming agent update for {id}"));
        self.arrive(cx, id, ArrivalInput::Update(key));
    }

    /// The source gives up; the answer tells it where the agent is.
    fn withdraw(
        &mut self,
        cx: &mut Context<'_>,
        id: AgentId,
        session: SessionId,
        transfer: TransferKey,
        waiter: Waiter,
    ) {
        let Some(agent) = self.agents.get_mut(&id).filter(|agent| agent.session == session) else {
            let whereabouts = self.verdict(transfer);
            // Should its CreateAgent come after this, it is refused.
            self.remember([(transfer, whereabouts)]);
            let answer = PeerReply::Whereabouts(whereabouts);
            cx.effects.push(Effect::Answer { waiter, result: Ok(answer) });
            return;
        };
        agent.awaiting.push((transfer, waiter));
        self.arrive(cx, id, ArrivalInput::Withdraw(transfer));
    }

    /// What became of a transfer whose agent is not here (any more): it may have come, and logged out since.
    fn verdict(&self, transfer: TransferKey) -> Whereabouts {
        let known = self.verdicts.iter().rev().find(|(key, _)| *key == transfer);
        known.map_or(Whereabouts::Withdrawn, |&(_, whereabouts)| whereabouts)
    }

    /// C1B at a child region.
    fn close_child(&mut self, cx: &mut Context<'_>, id: AgentId, session: SessionId, claim: Option<Claim>) {
        let heed = self.config.patience.is(Mutant::ClaimsIgnored);
        let Some(agent) = self.agents.get_mut(&id).filter(|agent| agent.session == session) else { return };
        if claim.is_some() && agent.claim != claim && !heed {
            self.note_going(cx, id, Act::Keep, (Party::Source, Party::Source), "close of an older claim", "");
            self.trace_life(cx, || format!("Not closing child agent {id}: somebody else keeps it"));
            return;
        }
        // A peer without tickets gives up what it has sent here by closing it. Where its viewer has arrived after all,
        // the viewer's word counts.
        if claim.is_none()
            && let Some(Expectation::Transfer(key)) = agent.arrival.expected()
            && key.0 == RegionId::default()
        {
            if agent.outlives_close(cx.now) {
                agent.kept_out = Some(key);
                let says = (Party::Source, Party::Destination);
                self.note_coming(cx, id, Act::Keep, says, "close of an older visit", "");
                self.trace_life(cx, || format!("Not closing child agent {id}: it is coming back"));
                return;
            }
            self.arrive(cx, id, ArrivalInput::Withdraw(key));
            return;
        }
        agent.claim = None;
        agent.looked_in = false;
        agent.kept_until = None;
        if let Some(leaving) = &mut agent.leaving {
            // It has gone from where it was going, and does not look back from there.
            leaving.in_sight = false;
        }
        // One that is on its way here, or has just left, is closed when that is settled.
        if agent.arrival.verdict() == Verdict::Child && agent.leaving.is_none() && agent.farewell.is_none() {
            self.close_agent(cx, id);
        }
    }

    fn move_child(&mut self, cx: &mut Context<'_>, view: &ChildView) {
        let here = self.config.cell.handle();
        let Some(agent) = self.agents.get_mut(&view.agent) else { return };
        let stranger = agent.session != view.session && view.session != SessionId::default();
        let sane = view.position.is_finite() && view.draw_distance_m.is_finite();
        if stranger || agent.is_root() || !sane {
            return;
        }
        agent.unused_until = cx.now + crate::agent::UNUSED_CHILD;
        if let Some(kept_until) = &mut agent.kept_until {
            *kept_until = cx.now + crate::agent::CHILD_LEASE;
        }
        agent.draw_distance_m =
            view.draw_distance_m.clamp(scene::MIN_DRAW_DISTANCE_M, scene::MAX_DRAW_DISTANCE_M);
        let position = view.position + view.root.shift_to(here);
        self.scene.set_child_position(view.agent, Some(position));
    }
}
