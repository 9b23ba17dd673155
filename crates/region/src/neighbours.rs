//! The regions around a root agent: its viewer looks into them through child agents.

use crate::agent::ChildLink;
use crate::calls::{GRID_PATIENCE, PEER_PATIENCE, Pending, cells_in_view};
use crate::going::{circuit_address, seed_url};
use crate::interface::*;
use crate::region::{Context, Region};
use agent::event;
use model::{AgentId, SessionId, TeleportFlags, Vec3};
use services::RegionInfo;
use std::sync::Arc;
use transfer::{AgentCreated, Claim, CreateAgent, PeerCall, PeerError, PeerReply};

/// An agent that has moved so far gets its neighbours looked at again, and its child agents moved.
const SURVEY_AFTER_M: f32 = 32.0;

/// How far viewers are shown the world beyond their region, metres: the bounds of what their draw distance asks for.
const VIEW_M: std::ops::RangeInclusive<f32> = 96.0..=255.0;

/// Child agents of one viewer at most.
const MAX_CHILDREN: usize = 64;

/// A grid that does not answer is asked so often for one view.
const SURVEY_TRIES: u32 = 3;

/// A neighbour that does not answer is asked so often for one view.
const CHILD_TRIES: u32 = 3;

/// A child agent that a neighbour was asked for.
#[derive(Clone, Debug)]
pub(crate) struct AskedChild {
    pub(crate) session: SessionId,
    /// In which visit of the agent here.
    pub(crate) visit: u64,
    /// Whom.
    pub(crate) region: Arc<RegionInfo>,
    /// How often it may be asked again.
    pub(crate) tries_left: u32,
}

impl Region {
    /// T4C: which regions can the agent see?
    pub(crate) fn survey(&mut self, cx: &mut Context<'_>, id: AgentId) {
        self.ask_for_neighbours(cx, id, SURVEY_TRIES - 1);
    }

    fn ask_for_neighbours(&mut self, cx: &mut Context<'_>, id: AgentId, tries_left: u32) {
        let Some(position) = self.scene.presence(id).map(|presence| presence.position()) else { return };
        let (handle, size) = (self.config.cell.handle(), self.config.size);
        let Some(agent) = self.agents.get_mut(&id) else { return };
        agent.surveyed = Some(position);
        let (min, max) = cells_in_view(handle, size, view_m(agent.draw_distance_m));
        let pending = Pending::Survey { agent: id, visit: agent.visit, tries_left };
        self.call_grid(cx, GridCall::RegionsInRange { min, max }, GRID_PATIENCE, pending);
    }

    /// The agent has moved: far enough to look again?
    pub(crate) fn survey_if_moved(&mut self, cx: &mut Context<'_>, id: AgentId) {
        let Some(position) = self.scene.presence(id).map(|presence| presence.position()) else { return };
        let Some(agent) = self.agents.get(&id).filter(|agent| agent.acts()) else { return };
        let Some(surveyed) = agent.surveyed else { return };
        if surveyed.distance_squared(position) < SURVEY_AFTER_M * SURVEY_AFTER_M {
            return;
        }
        let (session, draw_distance_m) = (agent.session, agent.draw_distance_m);
        let children: Vec<_> = agent.children.values().map(|child| child.region.clone()).collect();
        let here = self.config.cell.handle();
        for region in children {
            let offset = |from: u32, to: u32| (i64::from(from) - i64::from(to)) as f32;
            let shift = Vec3::new(
                offset(here.x_m(), region.handle.x_m()),
                offset(here.y_m(), region.handle.y_m()),
                0.0,
            );
            let position = position + shift;
            let call = PeerCall::ChildPosition { agent: id, session, position, draw_distance_m };
            self.call_peer(cx, region, call, PEER_PATIENCE, Pending::Nothing);
        }
        self.survey(cx, id);
    }

    pub(crate) fn survey_answered(
        &mut self,
        cx: &mut Context<'_>,
        id: AgentId,
        visit: u64,
        tries_left: u32,
        result: Result<Reply, PeerError>,
    ) {
        let regions = match result {
            Ok(Reply::Regions(regions)) => regions,
            // One that stands still would never see its neighbours.
            Err(PeerError::TimedOut) if tries_left > 0 => {
                if self.agents.get(&id).is_some_and(|agent| agent.visit == visit && agent.acts()) {
                    self.ask_for_neighbours(cx, id, tries_left - 1);
                }
                return;
            }
            // Things stay as they are; the next steps of the agent ask again.
            _ => return,
        };
        let here = self.info.rect();
        let Some(agent) = self.agents.get_mut(&id) else { return };
        if agent.visit != visit || !agent.acts() {
            return;
        }
        let view = view_m(agent.draw_distance_m);
        let seen: Vec<_> = regions
            .into_iter()
            .filter(|region| region.id != self.config.id && here.gap_m(region.rect()) < view)
            .take(MAX_CHILDREN)
            .collect();
        // What is out of sight now is closed, unless somebody else holds it.
        let session = agent.session;
        let gone: Vec<_> = agent
            .children
            .keys()
            .copied()
            .filter(|handle| !seen.iter().any(|region| region.handle == *handle))
            .collect();
        let gone: Vec<_> = gone.iter().filter_map(|handle| agent.children.remove(handle)).collect();
        for child in gone {
            let call = PeerCall::CloseChild { agent: id, session, claim: child.claim };
            self.tell_peer(cx, child.region, call);
        }
        for region in seen {
            self.open_child(cx, id, region, CHILD_TRIES);
        }
    }

    /// A child agent for the viewer at a neighbour; asked for each time, so that one whose simulator has restarted
    /// is made again.
    fn open_child(&mut self, cx: &mut Context<'_>, id: AgentId, region: Arc<RegionInfo>, tries: u32) {
        let Some(agent) = self.agents.get(&id) else { return };
        let position = self.scene.presence(id).map_or(Vec3::ZERO, |presence| presence.position());
        let here = self.config.cell.handle();
        let offset = |from: u32, to: u32| (i64::from(from) - i64::from(to)) as f32;
        let shift =
            Vec3::new(offset(here.x_m(), region.handle.x_m()), offset(here.y_m(), region.handle.y_m()), 0.0);
        let create = CreateAgent {
            agent: id,
            session: agent.session,
            secure_session: agent.secure_session,
            circuit_code: agent.circuit_code,
            first: agent.first.clone(),
            last: agent.last.clone(),
            caps: None,
            flags: TeleportFlags::empty(),
            position: position + shift,
            look_at: Vec3::X,
            draw_distance_m: agent.draw_distance_m,
            outfit: agent.outfit.clone(),
            client: agent.client.clone(),
            children: Vec::new(),
            claim: Some(agent.own_claim(self.config.id)),
            transfer: None,
            source: Some(self.config.id),
        };
        let tries_left = tries.saturating_sub(1);
        let asked =
            AskedChild { session: agent.session, visit: agent.visit, region: region.clone(), tries_left };
        let pending = Pending::Child { agent: id, asked };
        self.call_peer(cx, region, PeerCall::CreateAgent(Box::new(create)), PEER_PATIENCE, pending);
    }

    pub(crate) fn child_answered(
        &mut self,
        cx: &mut Context<'_>,
        id: AgentId,
        asked: AskedChild,
        result: Result<Reply, PeerError>,
    ) {
        let AskedChild { session, visit, region, tries_left } = asked;
        let claim = Claim { holder: self.config.id, visit };
        let keeper =
            self.agents.get_mut(&id).filter(|agent| (agent.session, agent.visit) == (session, visit));
        let created = match (keeper, result) {
            // Who left, but not for good, closes what it holds with its farewell.
            (Some(agent), Ok(Reply::Peer(PeerReply::Created(created))))
                if agent.is_root() || agent.farewell.is_some() =>
            {
                created
            }
            (Some(agent), Err(PeerError::TimedOut)) if agent.acts() && tries_left > 0 => {
                self.open_child(cx, id, region, tries_left);
                return;
            }
            // Nobody is left to keep the child; and where no answer came, it may be there all the same. A view that is
            // known from before stays known, and is closed under its own claim.
            (_, Ok(Reply::Peer(PeerReply::Created(_))) | Err(PeerError::TimedOut)) => {
                self.tell_peer(cx, region, PeerCall::CloseChild { agent: id, session, claim });
                return;
            }
            // Refused or down: a neighbour that cannot be looked into. The next survey tries again.
            _ => return,
        };
        let Some(agent) = self.agents.get_mut(&id) else { return };
        let AgentCreated { caps, existed } = created;
        let child = ChildLink { region: region.clone(), caps, claim };
        let known = agent.children.insert(region.handle, child);
        // A viewer that was told already is told again only when it has no circuit there, or its seed is new.
        if existed || known.is_some_and(|known| known.caps == caps) {
            return;
        }
        self.trace_life(cx, || format!("Informing {id} about neighbour {}", region.name));
        // T4C -> V, in one answer of the event queue: the second means nothing without the first.
        let Some(address) = circuit_address(&region) else { return };
        let enable = event::EnableSimulator { handle: region.handle, address, size: region.size };
        self.push_event(cx, id, event::enable_simulator(&enable));
        let establish =
            event::EstablishAgentCommunication { agent: id, address, seed: seed_url(&region, caps) };
        self.push_event(cx, id, event::establish_agent_communication(&establish));
    }
}

fn view_m(draw_distance_m: f32) -> u32 {
    // A little more than the viewer draws, so that what comes into view is there already.
    const AHEAD_M: f32 = 64.0;
    (draw_distance_m + AHEAD_M).clamp(*VIEW_M.start(), *VIEW_M.end()) as u32
}
