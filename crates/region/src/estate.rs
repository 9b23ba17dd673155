//! What the region's owner and the grid's gods have done here. A god is whose account has a high level; the owner is
//! known, of others the grid is asked.

use crate::calls::{GRID_PATIENCE, Pending};
use crate::interface::*;
use crate::region::{Context, Region};
use circuit::Delivery;
use lludp::messages as m;
use lludp::text;
use model::{AgentId, AssetId, Uuid};
use std::time::Duration;
use transfer::PeerError;

/// Accounts of this level and above are gods.
const GOD_LEVEL: i32 = 200;

/// What viewers call everybody in the region.
const ALL_AGENTS: AgentId = AgentId(uuid::uuid!("44e87126-e794-4ded-05b3-7c42da3d5cdb"));

/// What somebody orders; they may, or may not.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Order {
    /// One who stands here goes home.
    SendHome(AgentId),
    /// Everybody else goes home.
    SendAllHome,
    /// The region restarts; `None` takes it back.
    Restart(Option<Duration>),
    /// A session ends.
    Kick { whom: AgentId, reason: String },
    /// The viewer is to show what gods can do, or not any more.
    Powers { wanted: bool, token: Uuid },
}

impl Order {
    /// What an estate message orders; `None` where it means nothing here.
    fn of(method: &str, parameter: impl Fn(usize) -> Option<String>) -> Option<Self> {
        match method {
            // The first parameter is who orders it.
            "teleporthomeuser" => {
                let named = Uuid::try_parse(parameter(1)?.trim()).ok()?;
                Some(Self::SendHome(AgentId(named)))
            }
            "teleporthomeallusers" => Some(Self::SendAllHome),
            "restart" => {
                // A whole number from most viewers; below zero takes it back.
                let seconds =
                    parameter(0)?.trim().parse::<f32>().ok().filter(|seconds| seconds.is_finite())?;
                let after = (seconds >= 0.0).then(|| Duration::from_secs(seconds as u64));
                Some(Self::Restart(after))
            }
            _ => None,
        }
    }

    /// Whether the owner of the region may, without being a god.
    fn is_for_owners(&self) -> bool {
        matches!(self, Self::SendHome(_) | Self::SendAllHome | Self::Restart(_))
    }
}

impl Region {
    /// EstateOwnerMessage: a method and its parameters.
    pub(crate) fn handle_estate(
        &mut self,
        cx: &mut Context<'_>,
        id: AgentId,
        order: &m::EstateOwnerMessage<'_>,
    ) {
        let parameter =
            |index| order.param_list.iter().nth(index).map(|block| text::read(block.parameter).into_owned());
        match Order::of(&text::read(order.method_data.method), parameter) {
            Some(order) => self.consider(cx, id, order),
            None => self.stats.unhandled += 1,
        }
    }

    /// GodKickUser.
    pub(crate) fn handle_god_kick(
        &mut self,
        cx: &mut Context<'_>,
        id: AgentId,
        order: &m::god_kick_user::UserInfo<'_>,
    ) {
        /// Others freeze and unfreeze.
        const KICK: u32 = 0;
        let own = self.agents.get(&id).is_some_and(|agent| agent.session.0 == order.god_session_id);
        if !own || order.god_id != id.0 {
            self.stats.forbidden += 1;
        } else if order.kick_flags == KICK {
            let reason = text::read(order.reason).into_owned();
            self.consider(cx, id, Order::Kick { whom: AgentId(order.agent_id), reason });
        } else {
            self.stats.unhandled += 1;
        }
    }

    /// RequestGodlikePowers.
    pub(crate) fn handle_powers(
        &mut self,
        cx: &mut Context<'_>,
        id: AgentId,
        wish: &m::request_godlike_powers::RequestBlock,
    ) {
        self.consider(cx, id, Order::Powers { wanted: wish.godlike, token: wish.token });
    }

    /// Done at once for the owner; of others the grid is asked.
    fn consider(&mut self, cx: &mut Context<'_>, id: AgentId, order: Order) {
        if !self.is_addressable(id) {
            self.stats.forbidden += 1;
        } else if id == self.config.owner && order.is_for_owners() {
            self.carry_out(cx, id, order, GOD_LEVEL);
        } else {
            let pending = Pending::Order { agent: id, order };
            self.call_grid(cx, GridCall::Level(id), GRID_PATIENCE, pending);
        }
    }

    pub(crate) fn level_found(
        &mut self,
        cx: &mut Context<'_>,
        id: AgentId,
        order: Order,
        result: Result<Reply, PeerError>,
    ) {
        match result {
            Ok(Reply::Level(Some(level))) if level >= GOD_LEVEL && self.is_addressable(id) => {
                self.carry_out(cx, id, order, level);
            }
            _ => self.stats.forbidden += 1,
        }
    }

    fn carry_out(&mut self, cx: &mut Context<'_>, id: AgentId, order: Order, level: i32) {
        self.trace_life(cx, || format!("{id} orders {order:?}"));
        let others =
            |region: &Self| region.agents.keys().copied().filter(|other| *other != id).collect::<Vec<_>>();
        match order {
            Order::SendHome(guest) => self.send_home(cx, guest),
            Order::SendAllHome => {
                for guest in others(self) {
                    self.send_home(cx, guest);
                }
            }
            Order::Restart(Some(after)) => self.schedule_closing(cx, after, String::new(), Vec::new()),
            Order::Restart(None) => self.cancel_closing(cx),
            Order::Kick { whom: ALL_AGENTS, reason } => {
                for other in others(self) {
                    self.throw_out(cx, other, kick_reason(&reason));
                }
            }
            Order::Kick { whom, reason } => {
                if !self.throw_out(cx, whom, kick_reason(&reason)) {
                    self.alert(cx, id, "They are not in this region.", None);
                }
            }
            Order::Powers { wanted, token } => {
                self.grant_powers(cx, id, if wanted { level } else { 0 }, token)
            }
        }
    }

    fn grant_powers(&mut self, cx: &mut Context<'_>, id: AgentId, level: i32, token: Uuid) {
        let Some(agent) = self.agents.get(&id) else { return };
        let message = m::GrantGodlikePowers {
            agent_data: m::grant_godlike_powers::AgentData { agent_id: id.0, session_id: agent.session.0 },
            grant_data: m::grant_godlike_powers::GrantData {
                god_level: u8::try_from(level).unwrap_or(u8::MAX),
                token,
            },
        };
        self.send(cx, id, &message, Delivery::CONTROL);
    }

    /// Whoever stands here goes home, as if they had asked for it.
    fn send_home(&mut self, cx: &mut Context<'_>, guest: AgentId) {
        if self.agents.get(&guest).is_some_and(|agent| agent.acts()) {
            self.alert(cx, guest, "You are sent home by the owner of this region or of the grid.", None);
            self.teleport_to_landmark(cx, guest, AssetId::NULL);
        }
    }
}

fn kick_reason(given: &str) -> &str {
    if given.trim().is_empty() { "You have been logged out by an administrator." } else { given }
}
