//! Bodies of event queues, in the forms that all clients accept.

use llsd::{Value, array, map};

use super::{address, agent, handle, session};

type Cell = (u32, u32);

fn event(message: &str, body: Value) -> Value {
    map! { "message" => message, "body" => body }
}

fn handle_value(cell: Cell) -> Value {
    Value::from_u64_be(handle(cell).0)
}

fn ip_value() -> Value {
    Value::from_ipv4([127, 0, 0, 1].into())
}

fn seed_of(cell: Cell, secret: &str) -> String {
    format!("http://{}/seed/{secret}", address(cell))
}

pub(crate) fn enable_simulator(cell: Cell) -> Value {
    let info = map! { "Handle" => handle_value(cell), "IP" => ip_value(), "Port" => address(cell).port() };
    event("EnableSimulator", map! { "SimulatorInfo" => array![info] })
}

pub(crate) fn establish(cell: Cell) -> Value {
    let body = map! {
        "agent-id" => agent(),
        "sim-ip-and-port" => address(cell).to_string(),
        "seed-capability" => seed_of(cell, "one"),
    };
    event("EstablishAgentCommunication", body)
}

pub(crate) fn teleport_finish(cell: Cell, secret: &str) -> Value {
    let info = map! {
        "AgentID" => agent(),
        "LocationID" => Value::from_u32_be(4),
        "SimIP" => ip_value(),
        "SimPort" => address(cell).port(),
        "RegionHandle" => handle_value(cell),
        "SeedCapability" => seed_of(cell, secret),
        "SimAccess" => 13,
        "TeleportFlags" => Value::from_u32_be(16),
        "RegionSizeX" => Value::from_u32_be(256),
        "RegionSizeY" => Value::from_u32_be(256),
    };
    event("TeleportFinish", map! { "Info" => array![info] })
}

pub(crate) fn teleport_failed(reason: &str) -> Value {
    let info = map! { "AgentID" => agent(), "Reason" => reason };
    event("TeleportFailed", map! { "Info" => array![info] })
}

pub(crate) fn crossed_region(cell: Cell) -> Value {
    let region = map! {
        "RegionHandle" => handle_value(cell),
        "SeedCapability" => seed_of(cell, "one"),
        "SimIP" => ip_value(),
        "SimPort" => address(cell).port(),
    };
    let body = map! {
        "AgentData" => array![map! { "AgentID" => agent(), "SessionID" => session() }],
        "Info" => array![map! { "LookAt" => [0.0; 3], "Position" => [0.0; 3] }],
        "RegionData" => array![region],
    };
    event("CrossedRegion", body)
}
