//! Who sees whom: the scene's news become what each viewer still has to hear.

use crate::looks::outfit_appearance;
use crate::region::{Context, Region};
use circuit::{Category, Delivery};
use lludp::messages as m;
use model::{AgentId, LocalId, TeleportFlags, Vec3};
use scene::interest::InterestList;
use scene::{AvatarName, CoarseLocation, NewPresence, Placement, Presence, SceneEvent};
use std::time::Duration;

/// An agent is kept from going on over a border until its viewer knows that it is here, for so long at most after that
/// was said.
const WELCOME: Duration = Duration::from_secs(2);

/// Avatars in one CoarseLocationUpdate: 19 bytes each, and the message is not zero-coded.
const COARSE_AT_MOST: usize = 60;

impl Region {
    /// A child agent's or an expected agent's place in the scene.
    pub(crate) fn enter_scene(&mut self, cx: &mut Context<'_>, id: AgentId) {
        let Some(agent) = self.agents.get(&id) else { return };
        let presence = NewPresence {
            agent: id,
            name: AvatarName {
                first: agent.first.clone(),
                last: agent.last.clone(),
                title: agent.group_title().to_owned(),
            },
            appearance: outfit_appearance(&agent.outfit),
            draw_distance_m: agent.draw_distance_m,
            root: false,
            placement: Placement::default(),
        };
        // A full scene leaves the agent without a presence; whoever let it in counts agents more strictly.
        let _ = self.scene.add(cx.now, presence, &mut self.scene_events);
    }

    pub(crate) fn leave_scene(&mut self, id: AgentId) {
        self.scene.remove(id, &mut self.scene_events);
    }

    /// Lets the scene's time pass and passes its news on.
    pub(crate) fn run_scene(&mut self, cx: &mut Context<'_>) {
        if self.scene.next_wakeup().is_some_and(|at| at <= cx.now) {
            self.scene.tick(cx.now, &mut self.scene_events);
            self.stats.ticks += 1;
        }
        // Passing news on can make more of it (a refused border): until there is none.
        while !self.scene_events.is_empty() {
            let mut events = std::mem::take(&mut self.scene_events);
            for event in events.drain(..) {
                self.pass_on(cx, event);
            }
            if self.scene_events.is_empty() {
                self.scene_events = events;
                return;
            }
        }
    }

    fn pass_on(&mut self, cx: &mut Context<'_>, event: SceneEvent) {
        match event {
            SceneEvent::Appeared(id) => self.avatar_appeared(id),
            SceneEvent::Changed(id) => {
                if let Some(local) = self.local_id(id) {
                    self.mark_all(|_, interest| _ = interest.mark_full(local));
                }
            }
            SceneEvent::Moved(id) => {
                if let Some(local) = self.local_id(id) {
                    self.mark_all(|_, interest| _ = interest.mark_terse(local));
                }
                self.survey_if_moved(cx, id);
            }
            SceneEvent::Vanished { agent, local_id } => {
                self.looks.remove(&local_id);
                if let Some(agent) = self.agents.get_mut(&agent) {
                    agent.interest.set_own(None);
                }
                // Its own viewer is told too, as by other servers: viewers never remove the user's own avatar.
                self.mark_all(|_, interest| interest.mark_gone(local_id));
            }
            SceneEvent::BorderReached { agent, position } => self.reach_border(cx, agent, position),
            SceneEvent::AppearanceChanged(id) => {
                if let Some(local) = self.local_id(id) {
                    self.looks.remove(&local);
                    // Viewers know best how they look themselves.
                    self.mark_all(|other, interest| _ = other != id && interest.mark_looks(local));
                }
            }
            SceneEvent::AnimationsChanged(id) => {
                if let Some(local) = self.local_id(id) {
                    self.mark_all(|_, interest| _ = interest.mark_animations(local));
                }
            }
            SceneEvent::CoarseLocationsChanged => self.send_coarse_locations(cx),
        }
    }

    fn avatar_appeared(&mut self, id: AgentId) {
        let Some(local) = self.local_id(id) else { return };
        if let Some(agent) = self.agents.get_mut(&id) {
            agent.interest.set_own(Some(local));
        }
        self.mark_all(|_, interest| _ = interest.mark_all(local));
    }

    fn local_id(&self, id: AgentId) -> Option<LocalId> {
        self.scene.presence(id).map(Presence::local_id)
    }

    fn mark_all(&mut self, mut mark: impl FnMut(AgentId, &mut InterestList)) {
        for (&id, agent) in &mut self.agents {
            if agent.link.is_none() || agent.closing.is_some() {
                continue;
            }
            mark(id, &mut agent.interest);
            if !agent.ready {
                agent.ready = true;
                self.ready.push_back(id);
            }
        }
    }

    /// Where everybody is, for the map of each viewer: in a crowd, those who are nearest to it.
    fn send_coarse_locations(&mut self, cx: &mut Context<'_>) {
        let everybody: Vec<_> = self.scene.coarse_locations().collect();
        let viewers: Vec<_> =
            self.agents.values().filter(|agent| agent.link.is_some()).map(|agent| agent.id).collect();
        let mut shown = everybody.clone();
        for id in viewers {
            // They come in the order of their ids.
            let own = everybody.binary_search_by_key(&id, |place| place.agent).ok();
            let you = if everybody.len() <= COARSE_AT_MOST {
                own
            } else {
                let from =
                    own.map_or([128, 128, 0], |at| [everybody[at].x, everybody[at].y, everybody[at].z]);
                shown.clone_from(&everybody);
                shown.select_nth_unstable_by_key(COARSE_AT_MOST, |place| {
                    (place.agent != id, far(place, from))
                });
                shown.truncate(COARSE_AT_MOST);
                shown.iter().position(|place| place.agent == id)
            };
            // Both counts must be equal, or viewers crash.
            let locations: Vec<_> = shown
                .iter()
                .map(|place| m::coarse_location_update::Location { x: place.x, y: place.y, z: place.z })
                .collect();
            let agents: Vec<_> = shown
                .iter()
                .map(|place| m::coarse_location_update::AgentData { agent_id: place.agent.0 })
                .collect();
            let message = m::CoarseLocationUpdate {
                location: locations.as_slice().into(),
                index: m::coarse_location_update::Index { you: you.map_or(-1, |at| at as i16), prey: -1 },
                agent_data: agents.as_slice().into(),
            };
            self.send(cx, id, &message, Delivery::unreliable(Category::Task));
        }
    }

    /// RequestMultipleObjects: a viewer has lost sight of something.
    pub(crate) fn resend_objects(&mut self, id: AgentId, request: &m::RequestMultipleObjects<'_>) {
        let Some(agent) = self.agents.get_mut(&id) else { return };
        for object in request.object_data.iter() {
            let local = LocalId(object.id);
            if self.scene.presence_by_local(local).is_some_and(Presence::is_root) {
                agent.interest.mark_all(local);
            }
        }
        self.touch(id);
    }

    /// The agent walks out of the region: into a neighbour, if there is one that takes it.
    fn reach_border(&mut self, cx: &mut Context<'_>, id: AgentId, position: Vec3) {
        let here = self.config.cell.handle();
        let Some(presence) = self.scene.presence(id) else { return };
        let look_at = presence.look_at();
        let outside =
            (f64::from(here.x_m()) + f64::from(position.x), f64::from(here.y_m()) + f64::from(position.y));
        let Some(agent) = self.agents.get(&id) else { return };
        let known =
            agent.children.values().any(|child| child.region.rect().contains_global(outside.0, outside.1));
        // The neighbours are known from the survey: where there is none, there is nothing to ask.
        // Heard after the next crossing, the welcome here would take the viewer back.
        let unwelcomed = !agent.welcomed && cx.now.since(agent.greeted) < WELCOME;
        let bound = unwelcomed || agent.leaving.is_some() || self.awaits_things(cx.now, id);
        if !known || !agent.acts() || bound {
            self.scene.border_refused(cx.now, id, &mut self.scene_events);
            return;
        }
        let flags = TeleportFlags::empty();
        let request = crate::agent::Request { handle: here, position, look_at, flags, asked: cx.now };
        self.depart_to(cx, id, request, true);
    }
}

/// The square of the distance over the ground, by map measures.
fn far(place: &CoarseLocation, from: [u8; 3]) -> u32 {
    let squared = |a: u8, b: u8| u32::from(a.abs_diff(b)).pow(2);
    squared(place.x, from[0]) + squared(place.y, from[1])
}
