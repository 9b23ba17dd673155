//! What regions say by UDP.

use std::mem;
use std::net::SocketAddr;

use circuit::Received;
use lludp::messages::*;
use model::{AgentId, LocalId, Moment, RegionHandle, SessionId, Vec3};

use super::{Core, Journey, Phase};
use crate::event::{Disconnect, MapBlock, ViewerEvent};
use crate::teleport::Ended;
use crate::world::{AVATARS_AT_MOST, Avatar, parse_motion, parse_name, parse_terse};

/// PCode of avatars.
const AVATAR: u8 = 47;
/// LayerData about land, in its two forms.
const LAND: [u8; 2] = [b'L', b'M'];
/// Objects that were asked for and have not been seen.
const ASKED_AT_MOST: usize = 256;
/// Entries of a CoarseLocationUpdate that are kept.
const COARSE_AT_MOST: usize = 255;

impl Core {
    pub(super) fn receive(&mut self, now: Moment, from: SocketAddr, bytes: &[u8]) {
        self.counts.datagrams += 1;
        let mut scratch = mem::take(&mut self.scratch);
        match lludp::header::open(bytes, &mut scratch) {
            Ok(datagram) => {
                let circuit = match self.links.get_mut(&from) {
                    Some(link) => &mut link.circuit,
                    // A region that was left may repeat its last words until they are acknowledged.
                    None => match self.closing.get_mut(&from) {
                        Some(circuit) => {
                            let _: Received = circuit.receive(now, &datagram);
                            if let Ok(message) = Message::decode(datagram.body) {
                                circuit.handle_control(now, &message);
                            }
                            self.scratch = scratch;
                            return;
                        }
                        None => {
                            self.counts.strays += 1;
                            self.scratch = scratch;
                            return;
                        }
                    },
                };
                if circuit.receive(now, &datagram) == Received::Fresh {
                    match Message::decode(datagram.body) {
                        Ok(message) => {
                            if !circuit.handle_control(now, &message) {
                                self.handle_message(now, from, &message);
                            }
                        }
                        Err(_) => self.counts.malformed += 1,
                    }
                }
            }
            Err(_) => self.counts.malformed += 1,
        }
        self.scratch = scratch;
    }

    fn handle_message(&mut self, now: Moment, from: SocketAddr, message: &Message<'_>) {
        if self.phase == Phase::Over {
            return;
        }
        match message {
            Message::RegionHandshake(m) => self.handle_region_handshake(now, from, m),
            Message::AgentMovementComplete(m) => self.handle_movement_complete(now, m),
            Message::TeleportStart(m) => {
                self.teleport.handle_start(now);
                self.report(ViewerEvent::TeleportStarted { flags: m.info.teleport_flags });
            }
            Message::TeleportProgress(m) => {
                if AgentId(m.agent_data.agent_id) == self.identity.agent {
                    self.report(ViewerEvent::TeleportProgress { message: text(m.info.message) });
                }
            }
            Message::TeleportLocal(m) => self.handle_teleport_local(now, m),
            Message::TeleportFailed(m) => self.handle_teleport_failed(now, text(m.info.reason)),
            Message::ObjectUpdate(m) => self.handle_object_update(from, m),
            Message::ImprovedTerseObjectUpdate(m) => self.handle_terse_update(now, from, m),
            Message::KillObject(m) => self.handle_kill(from, m),
            Message::ChatFromSimulator(m) => self.report(ViewerEvent::Chat {
                from: text(m.chat_data.from_name),
                source: m.chat_data.source_id,
                kind: m.chat_data.chat_type,
                text: text(m.chat_data.message),
            }),
            Message::AlertMessage(m) => {
                self.report(ViewerEvent::Alert { message: text(m.alert_data.message) });
            }
            Message::MapBlockReply(m) => self.handle_map_blocks(m),
            Message::ParcelProperties(m) => self.handle_parcel(from, text(m.parcel_data.name)),
            Message::LogoutReply(_) => {
                if let Phase::LoggingOut(_) = self.phase {
                    self.send_quit_copies(now);
                    self.finish(now, ViewerEvent::LoggedOut { acknowledged: true });
                }
            }
            Message::KickUser(m) => {
                self.report(ViewerEvent::Kicked { reason: text(m.user_info.reason) });
                self.logout(now);
            }
            Message::DisableSimulator(_) | Message::CloseCircuit(_) => self.handle_disable(now, from),
            _ => self.count(from, message),
        }
    }

    /// Messages of which only the number is kept.
    fn count(&mut self, from: SocketAddr, message: &Message<'_>) {
        let Some(link) = self.links.get_mut(&from) else { return };
        let world = &mut link.world;
        match message {
            Message::LayerData(m) => world.land_packets += u64::from(LAND.contains(&m.layer_id.r#type)),
            Message::ParcelOverlay(_) => world.parcel_overlays += 1,
            Message::SimStats(_) => world.stats += 1,
            Message::AvatarAppearance(_) => world.appearances += 1,
            Message::CoarseLocationUpdate(m) => {
                world.coarse.clear();
                world.coarse.extend(m.location.iter().take(COARSE_AT_MOST).map(|at| [at.x, at.y, at.z]));
            }
            _ => {}
        }
    }

    fn handle_region_handshake(&mut self, now: Moment, from: SocketAddr, m: &RegionHandshake<'_>) {
        let Some(link) = self.links.get_mut(&from) else { return };
        link.name = text(m.region_info.sim_name);
        link.handshakes = link.handshakes.saturating_add(1);
        let event = ViewerEvent::RegionHandshake { region: link.handle, name: link.name.clone() };
        self.report(event);
        self.send_handshake_reply(now, from);
        if from != self.own {
            self.send_throttle(now, from);
        }
    }

    fn handle_movement_complete(&mut self, now: Moment, m: &AgentMovementComplete<'_>) {
        let ids = (AgentId(m.agent_data.agent_id), SessionId(m.agent_data.session_id));
        if ids != (self.identity.agent, self.identity.session) || matches!(self.phase, Phase::LoggingOut(_)) {
            return;
        }
        let region = RegionHandle(m.data.region_handle);
        let Some(link) = self.links.values().find(|link| link.handle == region) else {
            return self.disconnect(now, Disconnect::SentToInvalidRegion);
        };
        let address = link.address;
        let position = finite(m.data.position);
        let left = std::mem::replace(&mut self.own, address);
        let moved = left != address;
        if moved && self.config.ends_polls {
            self.end_poll(now, left);
        }
        self.position = position;
        let journey = self.journey.take();
        let first = self.phase != Phase::InWorld;
        self.phase = Phase::InWorld;
        self.teleport.handle_movement_complete(now);
        if first && let Some(heading) = heading(m.data.look_at) {
            self.heading = heading;
        }
        self.greet(now, address);
        let event = match journey {
            _ if first => ViewerEvent::LoggedIn { region, position },
            Some((to, Journey::Teleport)) if to == region => ViewerEvent::Teleported { region, position },
            Some((to, Journey::Crossing)) if to == region => ViewerEvent::Crossed { region, position },
            // A journey elsewhere is still under way.
            other => {
                self.journey = other;
                ViewerEvent::MovementComplete { region, position }
            }
        };
        self.report(event);
        if moved {
            self.steer();
        }
    }

    fn handle_teleport_local(&mut self, now: Moment, m: &TeleportLocal) {
        if AgentId(m.info.agent_id) != self.identity.agent {
            return;
        }
        let _: Ended = self.teleport.handle_local(now);
        self.position = finite(m.info.position);
        self.forget_course();
        self.report(ViewerEvent::TeleportedLocally { position: self.position });
    }

    pub(super) fn handle_disable(&mut self, now: Moment, from: SocketAddr) {
        if from == self.own {
            return match self.phase {
                Phase::LoggingOut(_) => self.finish(now, ViewerEvent::LoggedOut { acknowledged: false }),
                _ => self.disconnect(now, Disconnect::ClosedByRegion),
            };
        }
        if let Some(link) = self.links.get(&from) {
            let region = link.handle;
            self.remove_link(now, from);
            self.report(ViewerEvent::RegionClosed { region });
        }
    }

    fn handle_object_update(&mut self, from: SocketAddr, m: &ObjectUpdate<'_>) {
        for object in m.object_data.iter() {
            let Some(link) = self.links.get_mut(&from) else { return };
            if object.p_code != AVATAR {
                link.world.objects += 1;
                continue;
            }
            let Some(motion) = parse_motion(object.object_data) else {
                self.counts.malformed += 1;
                continue;
            };
            let (region, local_id, agent) = (link.handle, LocalId(object.id), AgentId(object.full_id));
            let name = parse_name(&text(object.name_value));
            let known = link.world.avatars.get(&local_id).is_some_and(|avatar| avatar.agent == agent);
            if !known && link.world.avatars.len() >= AVATARS_AT_MOST {
                continue;
            }
            let avatar = Avatar {
                agent,
                name: name.clone(),
                position: motion.position,
                velocity: motion.velocity,
                rotation: motion.rotation,
            };
            link.world.avatars.insert(local_id, avatar);
            link.asked.remove(&local_id);
            let position = motion.position;
            if !known {
                self.report(ViewerEvent::AvatarAppeared { region, local_id, agent, name, position });
            }
            self.follow(from, agent, position);
        }
    }

    fn handle_terse_update(&mut self, now: Moment, from: SocketAddr, m: &ImprovedTerseObjectUpdate<'_>) {
        for object in m.object_data.iter() {
            let Some((local_id, motion)) = parse_terse(object.data) else { continue };
            let Some(link) = self.links.get_mut(&from) else { return };
            let region = link.handle;
            let Some(avatar) = link.world.avatars.get_mut(&local_id) else {
                if link.asked.len() < ASKED_AT_MOST && link.asked.insert(local_id) {
                    self.request_object(now, from, local_id.0);
                }
                continue;
            };
            self.counts.movements += 1;
            avatar.position = motion.position;
            avatar.velocity = motion.velocity;
            avatar.rotation = motion.rotation;
            let agent = avatar.agent;
            if self.config.report_movement {
                let heading = crate::controls::heading_of(motion.rotation);
                let position = motion.position;
                self.report(ViewerEvent::AvatarMoved { region, local_id, agent, position, heading });
            }
            self.follow(from, agent, motion.position);
        }
    }

    /// Takes note of where the own avatar is, if it is the one that was seen.
    fn follow(&mut self, from: SocketAddr, agent: AgentId, position: Vec3) {
        if agent == self.identity.agent && from == self.own && self.phase == Phase::InWorld {
            self.position = position;
            if self.teleport.sends_updates() {
                self.steer();
            }
        }
    }

    fn handle_kill(&mut self, from: SocketAddr, m: &KillObject<'_>) {
        for object in m.object_data.iter() {
            let Some(link) = self.links.get_mut(&from) else { return };
            let (region, local_id) = (link.handle, LocalId(object.id));
            if let Some(avatar) = link.world.avatars.remove(&local_id) {
                self.report(ViewerEvent::AvatarGone { region, local_id, agent: avatar.agent });
            }
        }
    }

    fn handle_map_blocks(&mut self, m: &MapBlockReply<'_>) {
        let blocks = m.data.iter().map(|block| MapBlock {
            name: text(block.name),
            handle: model::GridCell { x: block.x.into(), y: block.y.into() }.handle(),
            access: block.access,
        });
        let event = ViewerEvent::MapBlocks(blocks.collect());
        self.report(event);
    }

    pub(super) fn handle_parcel(&mut self, region: SocketAddr, name: String) {
        if let Some(link) = self.links.get_mut(&region) {
            link.world.parcel = Some(name.clone());
            let region = link.handle;
            self.report(ViewerEvent::Parcel { region, name });
        }
    }
}

fn text(bytes: &[u8]) -> String {
    lludp::text::read(bytes).into_owned()
}

fn finite(v: Vec3) -> Vec3 {
    if v.is_finite() { v } else { Vec3::ZERO }
}

/// The heading of a look-at direction, if it has one.
fn heading(look_at: Vec3) -> Option<f32> {
    let flat = Vec3::new(look_at.x, look_at.y, 0.0);
    (flat.is_finite() && flat.length() > 0.01).then(|| crate::controls::heading_towards(Vec3::ZERO, flat))
}
