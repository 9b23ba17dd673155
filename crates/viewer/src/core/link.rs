use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;

use circuit::Circuit;
use llsd::{Value, map};
use model::{LocalId, Moment, RegionHandle, RegionSize};

use crate::queue::Queue;
use crate::world::World;

/// What a viewer asks a seed for; a small part of the Linden viewer's list (caps fact sheet, section 3).
pub(super) const CAPABILITIES: &[&str] = &[
    "AgentPreferences",
    "CreateInventoryCategory",
    "EventQueueGet",
    "FetchInventory2",
    "FetchInventoryDescendents2",
    "FetchLib2",
    "FetchLibDescendents2",
    "GetDisplayNames",
    "HomeLocation",
    "ParcelPropertiesUpdate",
    "RemoteParcelRequest",
    "SimulatorFeatures",
    "UpdateAgentInformation",
    "UpdateAgentLanguage",
    "ViewerAsset",
];

/// Capabilities of one region that are kept; those beyond are ignored.
pub(super) const CAPABILITIES_AT_MOST: usize = 1024;

/// A region the viewer holds a circuit to.
#[derive(Debug)]
pub struct Link {
    /// Where its packets come from and go to.
    pub address: SocketAddr,
    /// Where it stands.
    pub handle: RegionHandle,
    /// Its extent, where somebody told it.
    pub size: RegionSize,
    /// Its name; empty before RegionHandshake.
    pub name: String,
    /// RegionHandshakes that came.
    pub handshakes: u32,
    /// By name.
    pub caps: BTreeMap<String, String>,
    /// What is seen there.
    pub world: World,
    pub(super) circuit: Circuit,
    pub(super) seed: Option<Seed>,
    pub(super) queue: Option<Queue>,
    /// Objects whose full update was asked for.
    pub(super) asked: BTreeSet<LocalId>,
    /// When the CompleteAgentMovement that was put off is to be sent.
    pub(super) complete_at: Option<Moment>,
}

impl Link {
    pub(super) fn new(
        address: SocketAddr,
        handle: RegionHandle,
        config: &Arc<circuit::Config>,
        now: Moment,
    ) -> Self {
        Self {
            address,
            handle,
            size: RegionSize::STANDARD,
            name: String::new(),
            handshakes: 0,
            caps: BTreeMap::new(),
            world: World::default(),
            circuit: Circuit::new(Arc::clone(config), now),
            seed: None,
            queue: None,
            asked: BTreeSet::new(),
            complete_at: None,
        }
    }

    /// The seed capability's URL, once it is known.
    pub fn seed_url(&self) -> Option<&str> {
        self.seed.as_ref().map(|seed| seed.url.as_str())
    }

    /// What the circuit has done.
    pub fn statistics(&self) -> circuit::Statistics {
        self.circuit.statistics()
    }
}

/// A seed capability, and when to ask it.
#[derive(Clone, Debug)]
pub(super) struct Seed {
    pub(super) url: String,
    pub(super) due: Option<Moment>,
    pub(super) tries: u32,
}

impl Seed {
    pub(super) fn new(url: String, now: Moment) -> Self {
        Self { url, due: Some(now), tries: 0 }
    }

    pub(super) fn ask_again(&mut self, now: Moment) {
        *self = Self::new(std::mem::take(&mut self.url), now);
    }
}

/// Body of a poll of the event queue (caps fact sheet, section 4).
pub(super) fn poll_body(ack: Option<i32>, done: bool) -> Value {
    map! { "ack" => ack, "done" => done }
}
