//! The user's wishes, and everything that is sent for them or by itself.

use std::net::SocketAddr;

use circuit::{Category, Delivery};
use lludp::WireMessage;
use lludp::messages::*;
use lludp::text::Nul;
use model::{AssetId, Moment, RegionHandle, SessionId, Uuid, Vec3};

use super::{Core, Phase, USE_CIRCUIT_CODE};
use crate::controls::Controls;
use crate::event::ViewerEvent;
use crate::misbehave::other_session;

/// Height of a viewer's window in AgentHeightWidth, pixels, and its width.
const WINDOW: (u16, u16) = (768, 1024);

/// Why a wish is not granted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unable {
    /// The agent is not in the world, or no more.
    #[error("not in the world")]
    NotInWorld,
    /// Another teleport is under way; the Linden viewer ignores such a wish.
    #[error("a teleport is under way already")]
    Teleporting,
    /// The message does not fit, or too much waits to be sent.
    #[error("the message could not be sent")]
    NotSent,
}

/// How loud to speak: `Type` of ChatFromViewer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Loudness {
    /// Heard at 10 m.
    Whisper,
    /// Heard at 20 m.
    #[default]
    Say,
    /// Heard at 100 m.
    Shout,
}

impl Core {
    /// Wishes to be at a place, metres from the south-west corner of the region at `handle`, looking towards
    /// `look_at`. What comes of it shows in events: Teleported, TeleportedLocally or TeleportFailed.
    ///
    /// # Errors
    /// Not in the world, or another teleport is under way.
    pub fn teleport(
        &mut self,
        now: Moment,
        handle: RegionHandle,
        position: Vec3,
        look_at: Vec3,
    ) -> Result<(), Unable> {
        let local = self.links.get(&self.own).is_some_and(|own| own.handle == handle);
        self.begin_teleport(now, local)?;
        let message = TeleportLocationRequest {
            agent_data: teleport_location_request::AgentData {
                agent_id: self.identity.agent.0,
                session_id: self.session(),
            },
            info: teleport_location_request::Info { region_handle: handle.0, position, look_at },
        };
        self.request(now, &message)
    }

    /// Wishes to be home.
    ///
    /// # Errors
    /// As [`teleport`](Self::teleport).
    pub fn teleport_home(&mut self, now: Moment) -> Result<(), Unable> {
        self.teleport_to_landmark(now, AssetId::NULL)
    }

    /// Wishes to be where a landmark leads; the null one is home.
    ///
    /// # Errors
    /// As [`teleport`](Self::teleport).
    pub fn teleport_to_landmark(&mut self, now: Moment, landmark: AssetId) -> Result<(), Unable> {
        self.begin_teleport(now, false)?;
        let message = TeleportLandmarkRequest {
            info: teleport_landmark_request::Info {
                agent_id: self.identity.agent.0,
                session_id: self.session(),
                landmark_id: landmark.0,
            },
        };
        self.request(now, &message)
    }

    /// No more wishes to teleport. The server may be too far with it, and then the viewer goes after all.
    ///
    /// # Errors
    /// Not in the world. Nothing happens when no teleport is under way.
    pub fn cancel_teleport(&mut self, now: Moment) -> Result<(), Unable> {
        if self.phase != Phase::InWorld {
            return Err(Unable::NotInWorld);
        }
        if !self.teleport.cancel(now) {
            return Ok(());
        }
        let message = TeleportCancel {
            info: teleport_cancel::Info { agent_id: self.identity.agent.0, session_id: self.session() },
        };
        self.request(now, &message)
    }

    /// Speaks; channel 0 is what people hear.
    ///
    /// # Errors
    /// Not in the world, or the text is too long: some 1000 bytes.
    pub fn chat(&mut self, now: Moment, text: &str, how: Loudness, channel: i32) -> Result<(), Unable> {
        let text = Nul::new(text);
        let kind = match how {
            Loudness::Whisper => 0,
            Loudness::Say => 1,
            Loudness::Shout => 2,
        };
        let message = ChatFromViewer {
            agent_data: chat_from_viewer::AgentData {
                agent_id: self.identity.agent.0,
                session_id: self.session(),
            },
            chat_data: chat_from_viewer::ChatData { message: &text, r#type: kind, channel },
        };
        self.request(now, &message)
    }

    /// Searches the map for regions whose name begins so; answered by MapBlocks.
    ///
    /// # Errors
    /// Not in the world, or the name is too long.
    pub fn map_name_request(&mut self, now: Moment, name: &str) -> Result<(), Unable> {
        let name = Nul::new(name);
        let message = MapNameRequest {
            agent_data: map_name_request::AgentData {
                agent_id: self.identity.agent.0,
                session_id: self.session(),
                flags: 2,
                estate_id: 0,
                godlike: false,
            },
            name_data: map_name_request::NameData { name: &name },
        };
        self.request(now, &message)
    }

    /// Ends the session: LogoutRequest, and at most [`crate::Config::logout_patience`] for the reply. The last event is
    /// LoggedOut.
    pub fn logout(&mut self, now: Moment) {
        match self.phase {
            Phase::InWorld => {
                self.phase = Phase::LoggingOut(now + self.config.logout_patience);
                self.forget_course();
                self.send_logout_request(now);
            }
            Phase::LoggingOut(_) | Phase::Over => {}
            _ => self.finish(now, ViewerEvent::LoggedOut { acknowledged: false }),
        }
        self.settle(now);
    }

    fn begin_teleport(&mut self, now: Moment, local: bool) -> Result<(), Unable> {
        if self.phase != Phase::InWorld {
            return Err(Unable::NotInWorld);
        }
        if !self.teleport.ask(now, local) {
            return Err(Unable::Teleporting);
        }
        self.forget_course();
        self.pulse |= Controls::STAND_UP;
        Ok(())
    }

    /// Sends what the user asked for to the agent's region, reliably.
    fn request<'m>(&mut self, now: Moment, message: &impl WireMessage<'m>) -> Result<(), Unable> {
        let own = match self.phase {
            Phase::InWorld => self.links.get_mut(&self.own),
            _ => None,
        };
        let sent = own.ok_or(Unable::NotInWorld)?.circuit.send(now, message, Delivery::CONTROL);
        self.settle(now);
        sent.map_err(|_| Unable::NotSent)
    }

    /// The login's first packets.
    pub(super) fn open_first_circuit(&mut self, now: Moment) {
        self.phase = Phase::Circuit(now + self.config.circuit_patience);
        if self.misbehave.complete_first {
            self.complete_movement(now, self.own);
        }
        self.use_circuit_code(now, self.own);
    }

    /// UseCircuitCode and CompleteAgentMovement to the destination of a teleport, together.
    pub(super) fn enter_region(&mut self, now: Moment, address: SocketAddr) {
        if self.misbehave.complete_first {
            self.complete_movement(now, address);
            self.use_circuit_code(now, address);
        } else {
            self.use_circuit_code(now, address);
            self.complete_movement(now, address);
        }
    }

    pub(super) fn use_circuit_code(&mut self, now: Moment, address: SocketAddr) {
        if self.misbehave.never_use_circuit_code {
            return;
        }
        let message = UseCircuitCode {
            circuit_code: use_circuit_code::CircuitCode {
                code: self.identity.circuit_code.0,
                session_id: self.session(),
                id: self.identity.agent.0,
            },
        };
        self.send(now, address, &message, Delivery::CONTROL.with_token(USE_CIRCUIT_CODE));
    }

    /// Sends CompleteAgentMovement, or puts it off.
    pub(super) fn complete_movement(&mut self, now: Moment, address: SocketAddr) {
        match (self.misbehave.complete_after, self.links.get_mut(&address)) {
            (Some(delay), Some(link)) => link.complete_at = Some(now + delay),
            _ => self.send_complete_movement(now, address),
        }
    }

    pub(super) fn send_complete_movement(&mut self, now: Moment, address: SocketAddr) {
        if self.misbehave.never_complete_movement {
            return;
        }
        let message = CompleteAgentMovement {
            agent_data: complete_agent_movement::AgentData {
                agent_id: self.identity.agent.0,
                session_id: self.session(),
                circuit_code: self.identity.circuit_code.0,
            },
        };
        self.send(now, address, &message, Delivery::CONTROL);
    }

    /// What a viewer tells a region that its agent has just come to.
    pub(super) fn greet(&mut self, now: Moment, address: SocketAddr) {
        self.send_throttle(now, address);
        let message = AgentHeightWidth {
            agent_data: agent_height_width::AgentData {
                agent_id: self.identity.agent.0,
                session_id: self.session(),
                circuit_code: self.identity.circuit_code.0,
            },
            height_width_block: agent_height_width::HeightWidthBlock {
                gen_counter: 0,
                height: WINDOW.0,
                width: WINDOW.1,
            },
        };
        self.send(now, address, &message, Delivery::CONTROL);
        self.send_agent_update(now, true);
    }

    pub(super) fn send_throttle(&mut self, now: Moment, address: SocketAddr) {
        let mut throttles = [0; 28];
        for (bytes, rate) in throttles.chunks_exact_mut(4).zip(self.config.throttles) {
            bytes.copy_from_slice(&rate.to_le_bytes());
        }
        let message = AgentThrottle {
            agent_data: agent_throttle::AgentData {
                agent_id: self.identity.agent.0,
                session_id: self.session(),
                circuit_code: self.identity.circuit_code.0,
            },
            throttle: agent_throttle::Throttle { gen_counter: 0, throttles: &throttles },
        };
        self.send(now, address, &message, Delivery::CONTROL);
    }

    pub(super) fn send_handshake_reply(&mut self, now: Moment, address: SocketAddr) {
        if self.misbehave.never_reply_handshake {
            return;
        }
        let message = RegionHandshakeReply {
            agent_data: region_handshake_reply::AgentData {
                agent_id: self.identity.agent.0,
                session_id: self.session(),
            },
            region_info: region_handshake_reply::RegionInfo { flags: 0 },
        };
        self.send(now, address, &message, Delivery::CONTROL);
    }

    /// Asks for the full update of an object that a terse one was about.
    pub(super) fn request_object(&mut self, now: Moment, address: SocketAddr, local_id: u32) {
        let blocks = [request_multiple_objects::ObjectData { cache_miss_type: 0, id: local_id }];
        let message = RequestMultipleObjects {
            agent_data: request_multiple_objects::AgentData {
                agent_id: self.identity.agent.0,
                session_id: self.session(),
            },
            object_data: (&blocks).into(),
        };
        self.send(now, address, &message, Delivery::CONTROL);
    }

    pub(super) fn send_logout_request(&mut self, now: Moment) {
        let message = LogoutRequest {
            agent_data: logout_request::AgentData {
                agent_id: self.identity.agent.0,
                session_id: self.session(),
            },
        };
        self.send(now, self.own, &message, Delivery::CONTROL);
    }

    /// Tells the neighbours that the agent has quit.
    pub(super) fn send_quit_copies(&mut self, now: Moment) {
        let message = AgentQuitCopy {
            agent_data: agent_quit_copy::AgentData {
                agent_id: self.identity.agent.0,
                session_id: self.session(),
            },
            fuse_block: agent_quit_copy::FuseBlock { viewer_circuit_code: self.identity.circuit_code.0 },
        };
        let own = self.own;
        for (address, link) in &mut self.links {
            if *address != own {
                // Unreliable in the original too: whether it arrives is all the same.
                let _ = link.circuit.send(now, &message, Delivery::unreliable(Category::Control));
            }
        }
    }

    pub(super) fn session(&self) -> Uuid {
        let SessionId(session) = self.identity.session;
        if self.misbehave.wrong_session { other_session(session) } else { session }
    }

    pub(super) fn send<'m>(
        &mut self,
        now: Moment,
        address: SocketAddr,
        message: &impl WireMessage<'m>,
        delivery: Delivery,
    ) {
        if let Some(link) = self.links.get_mut(&address) {
            // A full queue means a dead circuit, which its own timeout will tell.
            let _ = link.circuit.send(now, message, delivery);
        }
    }
}
