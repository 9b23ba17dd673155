//! The regions around a root agent: its viewer looks into them through child agents.

use crate::agent::{CHILD_LEASE, ChildLink};
use crate::calls::{GRID_PATIENCE, PEER_PATIENCE, Pending, cells_in_view};
use crate::going::circuit_address;
use crate::interface::*;
use crate::region::{Context, Region};
use model::{AgentId, Moment, RegionHandle, SessionId, Vec3};
use services::RegionInfo;
use std::sync::Arc;
use std::time::Duration;
use transfer::{
    Act, AgentCreated, ChildView, ChildrenClosedBy, Claim, CreateAgent, Hello, KnownChild, PeerCall,
    PeerError, PeerReply, Protocol,
};

/// An agent that has moved so far gets its neighbours looked at again, and its child agents moved.
const SURVEY_AFTER_M: f32 = 32.0;

/// One that stands still gets them looked at so often: neighbours come and go, and keep child agents only for those of
/// whom they hear.
const SURVEY_EVERY: Duration = Duration::from_secs(45);

/// One whose draw distance has changed by so much sees other neighbours (transfer fact sheet, section 8.2).
const SURVEY_AFTER_VIEW_M: u32 = 32;

/// However often it is changed, they are looked at no more often than this for it.
const SURVEY_PAUSE: Duration = Duration::from_secs(2);

/// How far viewers are shown the world beyond their region, metres: the bounds of what their draw distance asks for.
const VIEW_M: std::ops::RangeInclusive<f32> = 96.0..=255.0;

/// Child agents of one viewer at most.
const MAX_CHILDREN: usize = 64;

/// A grid that does not answer is asked so often for one view.
const SURVEY_TRIES: u32 = 3;

/// The same for where a child agent is that has to be closed.
const OLD_CHILD_TRIES: u32 = 10;

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
        let (handle, size, now) = (self.config.cell.handle(), self.config.size, cx.now);
        let Some(agent) = self.agents.get_mut(&id) else { return };
        agent.surveyed = Some(position);
        agent.survey_at = Some(now + SURVEY_EVERY);
        agent.surveyed_m = view_m(agent.draw_distance_m);
        let (min, max) = cells_in_view(handle, size, agent.surveyed_m);
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
        let velocity = self.scene.presence(id).map_or(Vec3::ZERO, |presence| presence.velocity());
        let view = ChildView {
            agent: id,
            session: agent.session,
            root: self.config.cell.handle(),
            position,
            camera: position,
            velocity,
            draw_distance_m: agent.draw_distance_m,
            throttles: agent.throttles,
        };
        let children: Vec<_> =
            agent.children.values().map(|child| (child.region.clone(), child.tickets)).collect();
        for (region, tickets) in children {
            self.call_peer(cx, region, PeerCall::ChildView(view), tickets, PEER_PATIENCE, Pending::Nothing);
        }
        self.survey(cx, id);
    }

    /// The agent's draw distance may have changed: far enough to look again?
    pub(crate) fn survey_if_view_changed(&mut self, now: Moment, id: AgentId) {
        let Some(agent) = self.agents.get_mut(&id).filter(|agent| agent.acts()) else { return };
        let Some(survey_at) = agent.survey_at else { return };
        if view_m(agent.draw_distance_m).abs_diff(agent.surveyed_m) < SURVEY_AFTER_VIEW_M {
            return;
        }
        // How long ago they were looked at, since what is due later than usual never is.
        let ago = SURVEY_EVERY.saturating_sub(survey_at.since(now));
        let soon = now + SURVEY_PAUSE.saturating_sub(ago);
        if soon < survey_at {
            agent.survey_at = Some(soon);
            self.touch(id);
        }
    }

    /// What an agent sees is looked at again now and then: neighbours come, go and start anew, and those that keep its
    /// child agents must hear that it lives. A child agent of which nobody has been heard is closed.
    pub(crate) fn wake_views(&mut self, cx: &mut Context<'_>, id: AgentId) {
        let Some(agent) = self.agents.get_mut(&id) else { return };
        let survey = agent.survey_at.take_if(|at| *at <= cx.now).is_some() && agent.acts();
        let idle = agent.is_idle_child();
        let lapsed = agent.kept_until.take_if(|at| *at <= cx.now).is_some();
        let looked_in = agent.looked_in;
        if survey {
            self.survey(cx, id);
        }
        if lapsed && looked_in {
            self.ask_for_root(cx, id);
        } else if lapsed && idle {
            self.trace_life(cx, || {
                format!("Closing child agent {id}: its root agent is not heard of any more")
            });
            self.close_agent(cx, id);
        } else if lapsed && let Some(agent) = self.agents.get_mut(&id) {
            // Should it look in after all, its keeper has as long again.
            agent.kept_until = Some(cx.now + CHILD_LEASE);
        }
    }

    /// A child agent without a claim, of whose root agent nothing has been heard for long. It may stand still, or its
    /// region may have forgotten to close this one: the grid knows.
    fn ask_for_root(&mut self, cx: &mut Context<'_>, id: AgentId) {
        let Some(agent) = self.agents.get_mut(&id) else { return };
        agent.kept_until = Some(cx.now + CHILD_LEASE);
        if agent.is_idle_child() {
            let session = agent.session;
            self.call_grid(
                cx,
                GridCall::Presence(session),
                GRID_PATIENCE,
                Pending::Root { agent: id, session },
            );
        }
    }

    pub(crate) fn root_found(
        &mut self,
        cx: &mut Context<'_>,
        id: AgentId,
        session: SessionId,
        result: Result<Reply, PeerError>,
    ) {
        let agent = self.agents.get(&id).filter(|agent| agent.session == session);
        if !agent.is_some_and(|agent| agent.is_idle_child() && agent.looked_in) {
            return;
        }
        let sees = match result {
            Ok(Reply::Presence(Some(region))) => {
                let pending = Pending::Root { agent: id, session };
                return self.call_grid(cx, GridCall::RegionById(region), GRID_PATIENCE, pending);
            }
            Ok(Reply::Region(Some(region))) => self.info.rect().gap_m(region.rect()) <= *VIEW_M.end() as u32,
            Ok(Reply::Presence(None)) => false,
            // It is asked again after the next lease.
            _ => true,
        };
        if !sees {
            self.trace_life(cx, || format!("Closing child agent {id}: its root agent is out of sight"));
            self.close_agent(cx, id);
        }
    }

    /// HelloNeighbour, from us: those who stand beside this region are to see into it.
    pub(crate) fn announce(&mut self, cx: &mut Context<'_>) {
        let (min, max) = cells_in_view(self.config.cell.handle(), self.config.size, 1);
        self.call_grid(cx, GridCall::RegionsInRange { min, max }, GRID_PATIENCE, Pending::Announce);
    }

    pub(crate) fn neighbours_found(&mut self, cx: &mut Context<'_>, result: Result<Reply, PeerError>) {
        let Ok(Reply::Regions(regions)) = result else { return };
        let hello = Hello {
            id: self.config.id,
            name: self.config.name.clone(),
            handle: self.config.cell.handle(),
            size: self.config.size,
            host: self.info.external_host.clone(),
            udp_port: self.config.udp_port,
            http_port: self.info.http_port,
            server_uri: self.info.server_uri.clone(),
        };
        let here = self.config.id;
        for region in regions.into_iter().filter(|region| region.id != here).take(MAX_CHILDREN) {
            self.call_peer(
                cx,
                region,
                PeerCall::Hello(hello.clone()),
                false,
                PEER_PATIENCE,
                Pending::Nothing,
            );
        }
    }

    /// HelloNeighbour, from another: it knows nobody, whatever was there before.
    pub(crate) fn greeted(&mut self, cx: &mut Context<'_>, hello: &Hello) {
        let ids: Vec<_> = self.agents.values().filter(|agent| agent.acts()).map(|agent| agent.id).collect();
        for id in ids {
            if let Some(agent) = self.agents.get_mut(&id) {
                agent.children.remove(&hello.handle);
                agent.inherited.remove(&hello.handle);
            }
            self.survey(cx, id);
        }
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
            let call = child.close(id, session);
            self.tell_peer(cx, child.region, call, child.tickets);
        }
        self.close_inherited(cx, id, &seen);
        for region in seen {
            self.open_child(cx, id, region, CHILD_TRIES);
        }
    }

    /// Since 0.7 the destination closes what the viewer brought along and cannot see from here.
    fn close_inherited(&mut self, cx: &mut Context<'_>, id: AgentId, seen: &[Arc<RegionInfo>]) {
        let here = self.config.cell.handle();
        let Some(agent) = self.agents.get_mut(&id) else { return };
        let by_us = agent
            .coming
            .is_some_and(|coming| Protocol::of(coming.version).children == ChildrenClosedBy::Destination);
        let session = agent.session;
        let mut hidden = std::mem::take(&mut agent.inherited);
        // What stays in sight is known by its secret until its own region has answered.
        let in_sight = |handle: &RegionHandle| seen.iter().any(|region| region.handle == *handle);
        agent.inherited = hidden.extract_if(.., |handle, _| in_sight(handle)).collect();
        hidden.retain(|handle, _| by_us && *handle != here);
        for child in hidden.into_values().take(MAX_CHILDREN) {
            self.find_old_child(cx, id, session, (child, OLD_CHILD_TRIES));
        }
    }

    fn find_old_child(
        &mut self,
        cx: &mut Context<'_>,
        id: AgentId,
        session: SessionId,
        (child, tries): (KnownChild, u32),
    ) {
        let Some(tries_left) = tries.checked_sub(1) else { return };
        let pending = Pending::OldChild { agent: id, session, child, tries_left };
        self.call_grid(cx, GridCall::RegionAt(child.handle), GRID_PATIENCE, pending);
    }

    pub(crate) fn old_child_found(
        &mut self,
        cx: &mut Context<'_>,
        id: AgentId,
        session: SessionId,
        (child, tries_left): (KnownChild, u32),
        result: Result<Reply, PeerError>,
    ) {
        let region = match result {
            Ok(Reply::Region(Some(region))) => region,
            // Without claims nobody else would ever close it.
            Err(PeerError::TimedOut) => return self.find_old_child(cx, id, session, (child, tries_left)),
            _ => return,
        };
        let says = (Party::Destination, Party::Neighbour(region.name.clone()));
        self.note_coming(cx, id, Act::CloseOld, says, "CloseAgent", "");
        let call = PeerCall::CloseChild { agent: id, session, claim: child.claim };
        self.tell_peer(cx, region, call, child.claim.is_some());
    }

    /// A child agent for the viewer at a neighbour; asked for each time, so that one whose simulator has restarted
    /// is made again.
    fn open_child(&mut self, cx: &mut Context<'_>, id: AgentId, region: Arc<RegionInfo>, tries: u32) {
        let fresh = self.new_secret();
        let Some(agent) = self.agents.get(&id) else { return };
        let position = self.scene.presence(id).map_or(Vec3::ZERO, |presence| presence.position());
        // A region without tickets takes the secret that it is told, so it is told the one that the viewer has. Others
        // keep what they have and say what it is: one that has forgotten the agent gets a new one, of which the viewer
        // hears.
        let child = agent.children.get(&region.handle).map(|child| child.known(region.handle));
        let known =
            child.or(agent.inherited.get(&region.handle).copied()).filter(|known| known.claim.is_none());
        let caps = known.map_or(fresh, |known| known.caps);
        let here = self.config.cell.handle();
        let create = CreateAgent {
            position: position + here.shift_to(region.handle),
            claim: Some(agent.own_claim(self.config.id)),
            ..agent.announce(self.config.id, caps, self.config.versions.high)
        };
        let tries_left = tries.saturating_sub(1);
        let asked =
            AskedChild { session: agent.session, visit: agent.visit, region: region.clone(), tries_left };
        let pending = Pending::Child { agent: id, asked };
        let asks = (Party::Destination, Party::Neighbour(region.name.clone()));
        self.note_coming(cx, id, Act::AskNeighbours, asks, "CreateAgent", "");
        self.call_peer(cx, region, PeerCall::CreateAgent(Box::new(create)), true, PEER_PATIENCE, pending);
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
            // Who left, but not for good, closes what it holds with its farewell. Whose session has ended closes nothing
            // any more.
            (Some(agent), Ok(Reply::Peer(PeerReply::Created(created))))
                if agent.closing.is_none() && (agent.is_root() || agent.farewell.is_some()) =>
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
                self.tell_peer(
                    cx,
                    region,
                    PeerCall::CloseChild { agent: id, session, claim: Some(claim) },
                    true,
                );
                return;
            }
            // Refused or down: a neighbour that cannot be looked into. The next survey tries again.
            _ => return,
        };
        let Some(agent) = self.agents.get_mut(&id) else { return };
        let AgentCreated { caps, existed, tickets } = created;
        let inherited = agent.inherited.remove(&region.handle);
        let existed = existed || (!tickets && inherited.is_some_and(|known| known.caps == caps));
        let child = ChildLink { region: region.clone(), caps, claim, tickets };
        let known = agent.children.insert(region.handle, child);
        // A viewer that was told already is told again only when it has no circuit there, or its seed is new.
        if existed || known.is_some_and(|known| known.caps == caps) {
            return;
        }
        self.trace_life(cx, || format!("Informing {id} about neighbour {}", region.name));
        let Some(address) = circuit_address(&region) else { return };
        let says = (Party::Destination, Party::Viewer);
        self.note_coming(cx, id, Act::TellNeighbour, says, "EnableSimulator", region.name.clone());
        self.push_enable_simulator(cx, id, &region, address, caps);
    }
}

pub(crate) fn view_m(draw_distance_m: f32) -> u32 {
    // A little more than the viewer draws, so that what comes into view is there already.
    const AHEAD_M: f32 = 64.0;
    (draw_distance_m + AHEAD_M).clamp(*VIEW_M.start(), *VIEW_M.end()) as u32
}
