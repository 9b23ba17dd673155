//! What regions say through the event queue: one constructor for each body.
//!
//! Messages that LLUDP knows too keep their blocks: a map of block name to an array of maps. Numbers take the form
//! that every client reads, strict ones included (capabilities fact sheet, section 2): U32, U64 and addresses are
//! binary, most significant byte first; smaller numbers and ports are integers; vectors are arrays of reals.

mod parcel;

use std::net::SocketAddrV4;

use llsd::{Value, array, map};
use model::{AgentId, RegionHandle, RegionSize, SessionId, TeleportFlags, Vec3};

pub use parcel::{ParcelProperties, parcel_properties};

/// A message for the event queue.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    name: &'static str,
    body: Value,
}

/// Without these an agent cannot get where it is meant to be: they outlive all others in a full queue.
const ESSENTIAL: [&str; 4] =
    ["EnableSimulator", "EstablishAgentCommunication", "TeleportFinish", "CrossedRegion"];

impl Event {
    /// An event with any body.
    pub fn new(name: &'static str, body: Value) -> Self {
        Self { name, body }
    }

    /// The message's name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Whether an agent is lost without it.
    pub fn is_essential(&self) -> bool {
        ESSENTIAL.contains(&self.name)
    }

    /// The map of name and body, as it stands in the answer to a poll.
    pub(crate) fn into_xml(self) -> String {
        let mut xml = format!("<map><key>message</key><string>{}</string><key>body</key>", self.name);
        llsd::xml::write_value(&self.body, &mut xml);
        xml.push_str("</map>");
        xml
    }
}

/// EnableSimulator: there is a region in sight; open a circuit to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnableSimulator {
    /// Where the region is on the grid.
    pub handle: RegionHandle,
    /// Its UDP address as viewers reach it.
    pub address: SocketAddrV4,
    /// Its extent.
    pub size: RegionSize,
}

/// See [`EnableSimulator`].
pub fn enable_simulator(message: &EnableSimulator) -> Event {
    let info = map! {
        "Handle" => Value::from_u64_be(message.handle.0),
        "IP" => Value::from_ipv4(*message.address.ip()),
        "Port" => message.address.port(),
        "RegionSizeX" => Value::from_u32_be(message.size.x),
        "RegionSizeY" => Value::from_u32_be(message.size.y),
    };
    Event::new("EnableSimulator", map! { "SimulatorInfo" => array![info] })
}

/// EstablishAgentCommunication: ask a region in sight for its capabilities. Viewers ignore it before the region's
/// EnableSimulator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EstablishAgentCommunication {
    /// Who is addressed.
    pub agent: AgentId,
    /// The region's UDP address. Told as numbers, never as a host name: one client needs them so.
    pub address: SocketAddrV4,
    /// URL of the seed capability there.
    pub seed: String,
}

/// See [`EstablishAgentCommunication`].
pub fn establish_agent_communication(message: &EstablishAgentCommunication) -> Event {
    let body = map! {
        "agent-id" => message.agent.0,
        "sim-ip-and-port" => message.address.to_string(),
        "seed-capability" => message.seed.as_str(),
    };
    Event::new("EstablishAgentCommunication", body)
}

/// TeleportFinish: the agent's place is in another region from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TeleportFinish {
    /// Who is addressed; viewers ignore it when it is not theirs.
    pub agent: AgentId,
    /// The region's UDP address as viewers reach it.
    pub address: SocketAddrV4,
    /// Where the region is on the grid.
    pub handle: RegionHandle,
    /// URL of the seed capability there.
    pub seed: String,
    /// Maturity of the region: 13 general, 21 moderate, 42 adult.
    pub access: u8,
    /// How the agent got there.
    pub flags: TeleportFlags,
    /// The region's extent.
    pub size: RegionSize,
}

/// See [`TeleportFinish`].
pub fn teleport_finish(message: &TeleportFinish) -> Event {
    let info = map! {
        "AgentID" => message.agent.0,
        // Always 4; one client ignores the message when it is missing.
        "LocationID" => Value::from_u32_be(4),
        "SimIP" => Value::from_ipv4(*message.address.ip()),
        "SimPort" => message.address.port(),
        "RegionHandle" => Value::from_u64_be(message.handle.0),
        "SeedCapability" => message.seed.as_str(),
        "SimAccess" => message.access,
        "TeleportFlags" => Value::from_u32_be(message.flags.bits()),
        "RegionSizeX" => Value::from_u32_be(message.size.x),
        "RegionSizeY" => Value::from_u32_be(message.size.y),
    };
    Event::new("TeleportFinish", map! { "Info" => array![info] })
}

/// CrossedRegion: the agent has gone over the border; its circuit to the neighbour becomes the main one.
#[derive(Clone, Debug, PartialEq)]
pub struct CrossedRegion {
    /// Who is addressed.
    pub agent: AgentId,
    /// Its session.
    pub session: SessionId,
    /// Where it looks.
    pub look_at: Vec3,
    /// Where it is, in the neighbour's coordinates.
    pub position: Vec3,
    /// Where the neighbour is on the grid.
    pub handle: RegionHandle,
    /// URL of the seed capability there.
    pub seed: String,
    /// The neighbour's UDP address as viewers reach it.
    pub address: SocketAddrV4,
    /// The neighbour's extent.
    pub size: RegionSize,
}

/// See [`CrossedRegion`].
pub fn crossed_region(message: &CrossedRegion) -> Event {
    let region = map! {
        "RegionHandle" => Value::from_u64_be(message.handle.0),
        "SeedCapability" => message.seed.as_str(),
        "SimIP" => Value::from_ipv4(*message.address.ip()),
        "SimPort" => message.address.port(),
        "RegionSizeX" => Value::from_u32_be(message.size.x),
        "RegionSizeY" => Value::from_u32_be(message.size.y),
    };
    let info = map! {
        "LookAt" => vector_form(message.look_at),
        "Position" => vector_form(message.position),
    };
    let body = map! {
        "AgentData" => array![map! { "AgentID" => message.agent.0, "SessionID" => message.session.0 }],
        "Info" => array![info],
        "RegionData" => array![region],
    };
    Event::new("CrossedRegion", body)
}

/// TeleportFailed: the agent stays where it is. `reason` is a word that viewers know, or the words to show.
pub fn teleport_failed(agent: AgentId, reason: &str) -> Event {
    let info = map! { "AgentID" => agent.0, "Reason" => reason };
    Event::new("TeleportFailed", map! { "Info" => array![info] })
}

fn vector_form(vector: Vec3) -> Value {
    vector.to_array().into_iter().map(Value::from).collect()
}

#[cfg(test)]
mod tests;
