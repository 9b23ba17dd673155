//! Arrival: how an agent becomes root here, and what its viewer is told then.

use crate::agent::{Agent, Handshake, Releasing, Request};
use crate::interface::*;
use crate::laden::Unladen;
use crate::land::LandCursor;
use crate::region::{Context, Region};
use model::{AgentId, Moment, Quat, Vec3};
use scene::{ControlFlags, Placement};
use services::RegionInfo;
use std::sync::Arc;
use std::time::Duration;
use transfer::{Act, ArrivalEffect, ArrivalInput, PeerReply, ReleaseWhen, TransferKey, Verdict, Whereabouts};

/// The land is the bulk of what an arriving viewer gets, and the last that it needs: it waits until the handshake,
/// which clients do step by step, is through, and the viewer has said how fast it may come.
const LAND_AFTER: Duration = Duration::from_millis(150);

/// A look-at that can be normalised; east otherwise.
pub(crate) fn sane_look_at(look_at: Vec3) -> Vec3 {
    let flat = Vec3::new(look_at.x, look_at.y, 0.0);
    if flat.is_finite() && flat.length_squared() > 1e-4 { flat.normalize() } else { Vec3::X }
}

/// The base URL that an address begins with, with its slash.
fn base_of(url: &str) -> String {
    let host = url.find("://").map_or(0, |at| at + 3);
    let end = url[host..].find('/').map_or(url.len(), |at| host + at);
    format!("{}/", &url[..end])
}

/// The body rotation that looks there.
pub(crate) fn facing(look_at: Vec3) -> Quat {
    let look_at = sane_look_at(look_at);
    Quat::from_rotation_z(look_at.y.atan2(look_at.x))
}

impl Region {
    /// The viewer has opened its circuit, for the first time or anew.
    pub(crate) fn circuit_opened(&mut self, cx: &mut Context<'_>, id: AgentId) {
        self.answer_circuit_waiters(cx, id, None);
        let Some(agent) = self.agents.get_mut(&id) else { return };
        match agent.arrival.verdict() {
            // Some clients lose a RegionHandshake that comes before they are ready: those who are to be root get it
            // when they say so (login fact sheet, section 7.1).
            Verdict::Expected => {}
            Verdict::Child | Verdict::Root => {
                self.send_handshake(cx, id);
                self.show_region(cx.now, id);
            }
        }
    }

    /// 0.1, T4: UpdateAgent is answered when the viewer has its circuit, or when it has been waited for long enough
    /// (those that are due by `until`; all of them without it).
    pub(crate) fn answer_circuit_waiters(
        &mut self,
        cx: &mut Context<'_>,
        id: AgentId,
        until: Option<Moment>,
    ) {
        let Some(agent) = self.agents.get_mut(&id) else { return };
        agent.awaiting_circuit.retain(|&(at, waiter)| {
            let due = until.is_none_or(|until| at <= until);
            if due {
                cx.effects.push(Effect::Answer { waiter, result: Ok(PeerReply::Done) });
            }
            !due
        });
    }

    /// CompleteAgentMovement came.
    pub(crate) fn movement_completed(&mut self, cx: &mut Context<'_>, id: AgentId) {
        let says = (Party::Viewer, Party::Destination);
        self.note_coming(cx, id, Act::Complete, says, "CompleteAgentMovement", "");
        self.arrive(cx, id, ArrivalInput::Complete);
        if self.agents.get(&id).is_some_and(|agent| agent.arrival.waits_for_update()) {
            let alone = (Party::Destination, Party::Destination);
            self.note_coming(cx, id, Act::WaitForUpdate, alone, "waiting for UpdateAgent", "");
            self.trace_life(cx, || format!("Completing movement of {id}: waiting for update"));
        }
        self.touch(id);
    }

    pub(crate) fn wake_arrival(&mut self, cx: &mut Context<'_>, id: AgentId) {
        self.answer_circuit_waiters(cx, id, Some(cx.now));
        let Some(agent) = self.agents.get_mut(&id) else { return };
        if agent.arrival.next_wakeup().is_some_and(|at| at <= cx.now) {
            let withdrawn = agent.kept_out.take().filter(|_| agent.update.is_none());
            self.arrive(cx, id, withdrawn.map_or(ArrivalInput::Wakeup, ArrivalInput::Withdraw));
        }
    }

    /// Feeds the arrival machine and does what it says.
    pub(crate) fn arrive(&mut self, cx: &mut Context<'_>, id: AgentId, input: ArrivalInput) {
        let Some(agent) = self.agents.get_mut(&id) else { return };
        let missing = agent.missing();
        let mut effects = Vec::new();
        agent.arrival.handle(cx.now, input, &mut effects);
        for effect in effects {
            match effect {
                ArrivalEffect::BecomeRoot => self.become_root(cx, id),
                ArrivalEffect::RepeatComplete => self.repeat_welcome(cx, id),
                ArrivalEffect::Settle(transfer, whereabouts) => {
                    self.note_settled(cx, id, transfer, whereabouts, missing);
                    let Some(agent) = self.agents.get_mut(&id) else { return };
                    if whereabouts == Whereabouts::Withdrawn {
                        agent.update = None;
                    }
                    agent.awaiting.retain(|&(key, waiter)| {
                        if key == transfer {
                            let result = Ok(PeerReply::Whereabouts(whereabouts));
                            cx.effects.push(Effect::Answer { waiter, result });
                        }
                        key != transfer
                    });
                }
                ArrivalEffect::Forget => self.forget_unused(cx, id),
                ArrivalEffect::Unexpected => self.stats.forbidden += 1,
            }
        }
        self.touch(id);
    }

    /// The viewer has not heard that it is here. One that has been told to go on since would believe to be back: it hears
    /// only should it stay.
    fn repeat_welcome(&mut self, cx: &mut Context<'_>, id: AgentId) {
        let Some(agent) = self.agents.get_mut(&id) else { return };
        if let Some(leaving) = agent.leaving.as_mut().filter(|leaving| leaving.machine.told_to_go()) {
            leaving.unwelcomed = true;
            return;
        }
        self.settle_handshake(cx, id);
        self.send_movement_complete(cx, id);
    }

    /// Which leg of a transfer failed: for the operator who looks for the cause.
    fn note_settled(
        &self,
        cx: &mut Context<'_>,
        id: AgentId,
        transfer: TransferKey,
        whereabouts: Whereabouts,
        missing: Option<&'static str>,
    ) {
        let current =
            self.agents.get(&id).and_then(|agent| agent.coming).is_some_and(|c| c.transfer == transfer);
        if let (true, Whereabouts::Withdrawn, Some(missing)) = (current, whereabouts, missing) {
            let alone = (Party::Destination, Party::Destination);
            self.note_coming(cx, id, Act::FindOut, alone, "withdrawn", missing);
        }
    }

    /// Who was made for a transfer or a login that came to nothing goes; a child agent that somebody claims stays.
    pub(crate) fn forget_unused(&mut self, cx: &mut Context<'_>, id: AgentId) {
        let Some(agent) = self.agents.get(&id) else { return };
        if agent.arrival.verdict() == Verdict::Child
            && ((agent.claim.is_none() && !agent.looked_in) || agent.link.is_none())
            && agent.farewell.is_none()
        {
            self.close_agent(cx, id);
        }
    }

    /// T4: child becomes root.
    fn become_root(&mut self, cx: &mut Context<'_>, id: AgentId) {
        let now = cx.now;
        let Some(agent) = self.agents.get_mut(&id) else { return };
        (agent.since, agent.ending) = (now, None);
        let update = agent.update.take();
        let by_login = agent.coming.is_none();
        let crossing = update.as_ref().is_some_and(|update| update.crossing);
        let mut placement = Placement {
            position: agent.announced.position,
            velocity: Vec3::ZERO,
            rotation: facing(agent.announced.look_at),
            controls: ControlFlags::empty(),
            flying: agent.announced.flags.contains(model::TeleportFlags::IS_FLYING),
        };
        let mut animations = Vec::new();
        if let Some(update) = update {
            placement.position = update.position;
            placement.velocity = update.velocity;
            placement.flying = update.flying;
            if crossing {
                placement.rotation = update.rotation;
                placement.controls = ControlFlags::from_bits_truncate(update.control_flags);
            }
            agent.outfit = update.outfit;
            agent.always_run = update.always_run;
            agent.draw_distance_m = update.draw_distance_m;
            agent.baggage = update.baggage;
            agent.inherited.extend(update.children.iter().map(|child| (child.handle, *child)));
            agent.releasing = update.release.map(|release| Releasing {
                source: Arc::new(RegionInfo {
                    id: update.source,
                    server_uri: base_of(&release.url),
                    ..RegionInfo::default()
                }),
                url: release.url,
                when: release.when,
            });
            if agent.throttles.is_none()
                && let Some(throttles) = update.throttles
            {
                agent.throttles = Some(throttles);
                if let Some(link) = &mut agent.link {
                    // Checked where the viewer gave them.
                    let _ = link.circuit.set_throttles(now, &throttles);
                }
            }
            animations = update.animations;
            agent.unladen = None;
        } else {
            agent.unladen = agent.coming.map(|coming| Unladen::by(coming.transfer, now));
        }
        // T4D for ourselves: whatever was to be closed after an earlier visit is wanted again.
        if agent.farewell.take().is_some() {
            // Views without claims that the source does not name have been closed from there, and the viewer must hear
            // of them anew.
            let Agent { children, inherited, .. } = agent;
            children.retain(|handle, child| child.tickets || inherited.contains_key(handle));
        }
        agent.claim = None;
        agent.looked_in = false;
        agent.kept_until = None;
        agent.welcomed = false;
        agent.reported = false;
        agent.doubt = None;
        self.next_visit += 1;
        agent.visit = self.next_visit;
        agent.surveyed = None;
        let outfit = agent.outfit.clone();
        let always_run = agent.always_run;
        // One that no viewer could be told is not taken; the agent looks as it did here, or like a cloud.
        let _ = self.scene.set_appearance(
            now,
            id,
            crate::looks::outfit_appearance(&outfit),
            &mut self.scene_events,
        );
        self.scene.make_root(now, id, placement, &mut self.scene_events);
        self.scene.set_always_run(now, id, always_run);
        let playing: Vec<_> = animations.into_iter().map(|(animation, ..)| animation.0).collect();
        if !playing.is_empty() {
            self.scene.set_animations(id, &playing, &[], &mut self.scene_events);
        }
        self.trace_life(cx, || format!("Upgrading child to root agent for {id}"));
        let alone = || (Party::Destination, Party::Destination);
        let says = || (Party::Destination, Party::Viewer);
        self.note_coming(cx, id, Act::Root, alone(), "root agent", "");
        self.settle_handshake(cx, id);
        self.send_movement_complete(cx, id);
        self.note_coming(cx, id, Act::MovementComplete, says(), "AgentMovementComplete", "");
        self.show_region(cx.now, id);
        self.note_coming(cx, id, Act::Show, says(), "ObjectUpdate, AvatarAppearance", "");
        let place = self.place_of(id);
        if let (Some(place), Some(agent)) = (place, self.agents.get(&id)) {
            // Not waited for: a slow grid delays nobody's arrival.
            let (agent, session, visit) = (agent.id, agent.session, agent.visit);
            cx.effects.push(Effect::TellGrid(GridNotice::Arrived { agent, session, visit, place }));
            if by_login {
                cx.effects.push(Effect::TellGrid(GridNotice::CameOnline { agent }));
            }
        }
        self.warn(cx, id);
        self.stir_closing();
        self.survey(cx, id);
        self.next_statistics.get_or_insert(now);
    }

    /// The viewer knows that it is here: what it has heard cannot be taken back, and the source may go.
    pub(crate) fn welcome_heard(&mut self, cx: &mut Context<'_>, id: AgentId) {
        let Some(agent) = self.agents.get_mut(&id).filter(|agent| agent.is_root()) else { return };
        agent.welcomed = true;
        self.release(cx, id, |due| due.when == ReleaseWhen::Root);
        self.release_if_settled(cx, id);
    }

    /// Since 0.7 the source is released when nothing of it is of use to the viewer any longer. Not before the viewer
    /// knows where it is: the source would close a circuit on which the viewer still relies.
    pub(crate) fn release_if_settled(&mut self, cx: &mut Context<'_>, id: AgentId) {
        let settled = self.agents.get(&id).is_some_and(|agent| {
            let link = agent.link.as_ref();
            let answered = link.is_some_and(|link| link.handshake == Handshake::Settled);
            agent.is_root() && agent.welcomed && agent.seed_fetched && answered
        });
        if settled {
            self.release(cx, id, |due| due.when == ReleaseWhen::Settled);
        }
    }

    /// RegionHandshake for a viewer that has not had it since it opened its circuit.
    fn settle_handshake(&mut self, cx: &mut Context<'_>, id: AgentId) {
        let link = self.agents.get(&id).and_then(|agent| agent.link.as_ref());
        if link.is_some_and(|link| link.handshake == Handshake::Due) {
            self.send_handshake(cx, id);
        }
    }

    /// From now on the viewer gets the land and everybody in it.
    fn show_region(&mut self, now: Moment, id: AgentId) {
        let position = self.scene.presence(id).map_or(Vec3::ZERO, |presence| presence.position());
        let (x, y) = (self.scene.terrain().patches_x(), self.scene.terrain().patches_y());
        let Some(agent) = self.agents.get_mut(&id) else { return };
        if let Some(link) = agent.link.as_mut().filter(|link| !link.land_shown) {
            link.land_shown = true;
            link.land = LandCursor::all(x as u16, y as u16, position);
            link.land_from = now + LAND_AFTER;
        }
        let everybody: Vec<_> = self.scene.presences().filter(|presence| presence.is_root()).collect();
        for presence in everybody {
            agent.interest.mark_all(presence.local_id());
        }
        self.touch(id);
    }

    /// Where an agent stands, in words that outlast the session.
    pub(crate) fn place_of(&self, id: AgentId) -> Option<Place> {
        let presence = self.scene.presence(id)?;
        Some(Place { region: self.config.id, position: presence.position(), look_at: presence.look_at() })
    }

    /// A teleport within the region (K1): the avatar is moved, and that is all.
    pub(crate) fn relocate(&mut self, cx: &mut Context<'_>, id: AgentId, request: Request) {
        let Some(flying) = self.scene.presence(id).map(|presence| presence.is_flying()) else { return };
        let look_at = sane_look_at(request.look_at);
        let placement = Placement {
            position: self.clamp_inside(request.position),
            velocity: Vec3::ZERO,
            rotation: facing(look_at),
            controls: ControlFlags::empty(),
            flying,
        };
        self.scene.relocate(cx.now, id, placement, &mut self.scene_events);
        self.send_teleport_local(cx, id, request.flags, look_at, flying);
    }
}
