//! What other regions and the login service ask of this one.

use crate::agent::{Agent, Announced};
use crate::interface::*;
use crate::region::{Context, Region};
use agent::{EventQueue, EventQueueConfig};
use model::{AgentId, SessionId, TeleportFlags, Vec3};
use scene::interest::InterestList;
use std::collections::BTreeMap;
use std::time::Duration;
use transfer::{
    AccessGranted, AgentCreated, AgentData, Arrival, ArrivalInput, Claim, CreateAgent, DepartureInput,
    Dialect, Expectation, PeerCall, PeerReply, QueryAccess, Refusal, TransferKey, Verdict, Whereabouts,
};

/// Child agents at most, beyond those that the region's own size allows as root agents.
const MAX_CHILD_AGENTS: usize = 2000;

/// Calls that wait until an agent has been closed, at most.
const MAX_RETURNING: usize = 8;

/// How long a viewer has to open its circuit after a login before its agent is forgotten.
const LOGIN_PATIENCE: Duration = Duration::from_secs(60);

type Answer = Result<PeerReply, Refusal>;

impl Region {
    pub(crate) fn handle_peer(&mut self, cx: &mut Context<'_>, call: PeerCall, waiter: Waiter) {
        let answer = match call {
            PeerCall::QueryAccess(query) => {
                self.may_enter(&query).map(|()| PeerReply::Access(AccessGranted { dialect: Dialect::V0_2 }))
            }
            PeerCall::CreateAgent(create) => match self.agents.get_mut(&create.agent) {
                Some(agent) if agent.closing.is_some() && agent.session == create.session => {
                    if !agent.session_over && agent.returning.len() < MAX_RETURNING {
                        agent.returning.push((create, waiter));
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
            PeerCall::EndSession { agent, session, reason } => {
                self.end_session(cx, agent, session, &reason);
                Ok(PeerReply::Done)
            }
            PeerCall::ChildPosition { agent, session, position, draw_distance_m } => {
                self.move_child(cx, agent, session, position, draw_distance_m);
                Ok(PeerReply::Done)
            }
        };
        cx.effects.push(Effect::Answer { waiter, result: answer });
    }

    /// P5 at the destination; looks, and changes nothing.
    fn may_enter(&self, query: &QueryAccess) -> Result<(), Refusal> {
        if self.shutting_down {
            return Err(Refusal::new("The region is closing."));
        }
        if self.config.access == AccessPolicy::Members
            && query.agent != self.config.owner
            && !self.config.members.contains(&query.agent)
        {
            return Err(Refusal::new("You are not on the member list of that region."));
        }
        // Those on their way count too, or two could take the last place.
        let taken = self
            .agents
            .values()
            .filter(|agent| agent.id != query.agent && agent.closing.is_none())
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
            self.may_enter(&QueryAccess {
                agent: id,
                session: create.session,
                position: create.position,
                via_teleport: !create.flags.is_empty(),
                flags: create.flags,
            })?;
        }
        if let (Some(transfer), Some(source)) = (create.transfer, create.source)
            && self.verdicts.iter().any(|(key, _)| *key == (source, transfer))
        {
            return Err(Refusal::new("That teleport is over."));
        }
        let other = self.agents.get(&id).filter(|agent| agent.session != create.session);
        if other.is_some_and(|other| {
            create.source.is_some() && other.closing.is_none() && other.arrival.verdict() != Verdict::Child
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
        let existed = self.agents.contains_key(&id);
        if !existed {
            let children = self.agents.values().filter(|agent| !agent.is_root()).count();
            if children >= MAX_CHILD_AGENTS {
                return Err(Refusal::new("The region cannot take more connections."));
            }
            self.add_agent(cx, &create);
        }
        let Some(agent) = self.agents.get_mut(&id) else { return Err(Refusal::new("Internal error")) };
        if agent.is_root() {
            return if comes {
                Err(Refusal::new("preexisting_tport"))
            } else {
                // A neighbour that still believes it is root asks for a child agent: the viewer is here.
                Ok(PeerReply::Created(AgentCreated { caps: agent.caps, existed: true }))
            };
        }
        if let Some(claim) = create.claim {
            // T4D: whoever claims last keeps it; closes decided earlier find another claim and do nothing.
            agent.claim = Some(claim);
        }
        agent.unused_until = cx.now + crate::agent::UNUSED_CHILD;
        if comes {
            agent.outfit = create.outfit.clone();
            agent.announced = Announced {
                position: create.position,
                look_at: create.look_at,
                flags: create.flags,
                at: cx.now,
            };
            let expectation = match (create.transfer, create.source) {
                (Some(transfer), Some(source)) => Expectation::Transfer((source, transfer)),
                _ => Expectation::Login,
            };
            if expectation == Expectation::Login {
                agent.unused_until = cx.now + LOGIN_PATIENCE;
            }
            agent.update = None;
            self.arrive(cx, id, ArrivalInput::Expect(expectation));
        }
        let Some(agent) = self.agents.get(&id) else { return Err(Refusal::new("Internal error")) };
        // A viewer that has no circuit here yet has to be told to open one.
        let reply = AgentCreated { caps: agent.caps, existed: existed && agent.link.is_some() };
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
            queue: EventQueue::new(EventQueueConfig::default(), cx.now),
            link: None,
            arrival: Arrival::new(self.config.patience),
            announced: Announced {
                position: create.position,
                look_at: create.look_at,
                flags: TeleportFlags::empty(),
                at: cx.now,
            },
            update: None,
            awaiting: Vec::new(),
            leaving: None,
            doubt: None,
            claim: create.claim,
            visit: 0,
            children: BTreeMap::new(),
            farewell: None,
            interest: InterestList::default(),
            draw_distance_m: create.draw_distance_m,
            throttles: None,
            always_run: false,
            group_title: String::new(),
            attachments: Vec::new(),
            surveyed: None,
            unused_until: cx.now,
            closing: None,
            session_over: false,
            returning: Vec::new(),
            ready: false,
            alarm: None,
            retry_at: None,
        };
        self.agents.insert(id, agent);
        self.enter_scene(cx, id);
    }

    /// T3 at the destination.
    fn update_agent(&mut self, cx: &mut Context<'_>, data: Box<AgentData>, waiter: Waiter) {
        let id = data.agent;
        let key = (data.source, data.transfer);
        let Some(agent) = self.agents.get_mut(&id).filter(|agent| agent.session == data.session) else {
            let answer = PeerReply::Whereabouts(self.verdict(key));
            cx.effects.push(Effect::Answer { waiter, result: Ok(answer) });
            return;
        };
        if data.wait_for_root {
            agent.awaiting.push((key, waiter));
        } else {
            cx.effects.push(Effect::Answer { waiter, result: Ok(PeerReply::Done) });
        }
        if agent.arrival.expected() == Some(Expectation::Transfer(key)) {
            agent.update = Some(data);
        }
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
            let answer = PeerReply::Whereabouts(self.verdict(transfer));
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
    fn close_child(&mut self, cx: &mut Context<'_>, id: AgentId, session: SessionId, claim: Claim) {
        let Some(agent) = self.agents.get_mut(&id).filter(|agent| agent.session == session) else { return };
        if agent.claim != Some(claim) {
            self.trace_life(cx, || format!("Not closing child agent {id}: somebody else keeps it"));
            return;
        }
        agent.claim = None;
        // One that is on its way here, or has just left, is closed when that is settled.
        if agent.arrival.verdict() == Verdict::Child && agent.leaving.is_none() && agent.farewell.is_none() {
            self.close_agent(cx, id);
        }
    }

    fn move_child(
        &mut self,
        cx: &mut Context<'_>,
        id: AgentId,
        session: SessionId,
        position: Vec3,
        draw_distance_m: f32,
    ) {
        let Some(agent) = self.agents.get_mut(&id) else { return };
        if agent.session != session
            || agent.is_root()
            || !position.is_finite()
            || !draw_distance_m.is_finite()
        {
            return;
        }
        agent.unused_until = cx.now + crate::agent::UNUSED_CHILD;
        agent.draw_distance_m = draw_distance_m;
        self.scene.set_child_position(id, Some(position));
    }
}
