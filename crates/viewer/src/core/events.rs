//! What regions say by the event queue.

use std::net::{IpAddr, SocketAddr};

use llsd::Value;
use model::{AgentId, Moment, RegionHandle, RegionSize, SessionId};

use super::{Core, Journey, Phase};
use crate::event::{TeleportFailure, ViewerEvent};
use crate::teleport::Ended;

impl Core {
    /// `None`: it could not be understood.
    pub(super) fn handle_event(&mut self, now: Moment, region: SocketAddr, event: &Value) -> Option<()> {
        let (message, body) = (event["message"].text()?, present(&event["body"])?);
        match message {
            "EnableSimulator" => self.handle_enable_simulator(now, body),
            "EstablishAgentCommunication" => self.handle_establish(now, body),
            "TeleportFinish" => self.handle_teleport_finish(now, block(body, "Info")?),
            "TeleportFailed" => {
                let reason = text(block(body, "Info")?, "Reason").filter(|reason| !reason.is_empty());
                let alert = || text(block(body, "AlertInfo")?, "Message");
                self.handle_teleport_failed(now, reason.or_else(alert).unwrap_or_default());
                Some(())
            }
            "CrossedRegion" => self.handle_crossed(now, body),
            "DisableSimulator" => {
                self.handle_disable(now, region);
                Some(())
            }
            "ParcelProperties" => {
                let name = block(body, "ParcelData").and_then(|data| text(data, "Name")).unwrap_or_default();
                self.handle_parcel(region, name);
                Some(())
            }
            // Those we have no use for are no fault.
            _ => Some(()),
        }
    }

    fn handle_enable_simulator(&mut self, now: Moment, body: &Value) -> Option<()> {
        present(&body["SimulatorInfo"])?;
        for info in body["SimulatorInfo"].as_array() {
            let handle = handle(info, "Handle")?;
            let address = address(info, "IP", "Port")?;
            if self.misbehave.ignore_neighbours || self.phase == Phase::Over {
                continue;
            }
            let known = self.links.contains_key(&address);
            if !self.add_link(now, handle, address) {
                continue;
            }
            self.set_size(address, info);
            self.use_circuit_code(now, address);
            if !known {
                self.report(ViewerEvent::NeighbourOpened { region: handle, address });
            }
        }
        Some(())
    }

    fn handle_establish(&mut self, now: Moment, body: &Value) -> Option<()> {
        let address: SocketAddr = text(body, "sim-ip-and-port")?.parse().ok()?;
        let seed = text(body, "seed-capability")?;
        // An unknown region's is dropped: EnableSimulator should have come before.
        self.set_seed(now, address, &seed);
        Some(())
    }

    fn handle_teleport_finish(&mut self, now: Moment, info: &Value) -> Option<()> {
        if AgentId(info["AgentID"].as_uuid()) != self.identity.agent {
            return Some(());
        }
        let region = handle(info, "RegionHandle")?;
        let address = address(info, "SimIP", "SimPort")?;
        let seed = text(info, "SeedCapability")?;
        if self.phase != Phase::InWorld {
            return Some(());
        }
        self.report(ViewerEvent::TeleportFinishing { region });
        if !self.add_link(now, region, address) {
            return Some(());
        }
        self.set_size(address, info);
        self.enter_region(now, address);
        self.journey = Some((region, Journey::Teleport));
        self.teleport.handle_finish(now);
        self.set_seed(now, address, &seed);
        Some(())
    }

    pub(super) fn handle_teleport_failed(&mut self, now: Moment, reason: String) {
        // A failure that nobody waited for shows a dialog all the same, so it is reported; it ends nothing.
        let _: Ended = self.teleport.handle_failed(now);
        self.report(ViewerEvent::TeleportFailed(TeleportFailure::Refused { reason }));
    }

    fn handle_crossed(&mut self, now: Moment, body: &Value) -> Option<()> {
        let (agent, info) = (block(body, "AgentData")?, block(body, "RegionData")?);
        if AgentId(agent["AgentID"].as_uuid()) != self.identity.agent
            || SessionId(agent["SessionID"].as_uuid()) != self.identity.session
            || self.phase != Phase::InWorld
        {
            return Some(());
        }
        let region = handle(info, "RegionHandle")?;
        let address = address(info, "SimIP", "SimPort")?;
        let seed = text(info, "SeedCapability")?;
        // No circuit is made here: without one the Linden viewer's CompleteAgentMovement goes nowhere.
        let known = self.links.contains_key(&address);
        self.report(ViewerEvent::Crossing { region, known });
        if known && self.add_link(now, region, address) {
            self.set_size(address, info);
            self.journey = Some((region, Journey::Crossing));
            self.complete_movement(now, address);
            self.set_seed(now, address, &seed);
        }
        Some(())
    }

    fn set_size(&mut self, address: SocketAddr, info: &Value) {
        let size = RegionSize { x: info["RegionSizeX"].as_u32(), y: info["RegionSizeY"].as_u32() };
        if size.is_valid()
            && let Some(link) = self.links.get_mut(&address)
        {
            link.size = size;
        }
    }
}

/// The first map of a block: bodies hold an array of maps for each block (caps fact sheet, section 2). `None` when there
/// is none.
fn block<'v>(body: &'v Value, name: &str) -> Option<&'v Value> {
    present(&body[name][0])
}

pub(super) fn present(value: &Value) -> Option<&Value> {
    (!value.is_undefined()).then_some(value)
}

fn text(value: &Value, name: &str) -> Option<String> {
    value[name].text().map(str::to_string)
}

fn handle(value: &Value, name: &str) -> Option<RegionHandle> {
    present(&value[name]).map(|handle| RegionHandle(handle.as_u64()))
}

fn address(value: &Value, ip: &str, port: &str) -> Option<SocketAddr> {
    let ip = IpAddr::V4(value[ip].as_ipv4()?);
    let port = u16::try_from(value[port].as_i32()).ok().filter(|port| *port != 0)?;
    Some(SocketAddr::new(ip, port))
}

/// Fields that are binary in event bodies, and their lengths, bytes.
const BINARY: [(&str, usize); 14] = [
    ("AuctionID", 4),
    ("Flags", 4),
    ("GroupPowers", 8),
    ("Handle", 8),
    ("IP", 4),
    ("LocationID", 4),
    ("ParcelFlags", 4),
    ("RegionHandle", 8),
    ("RegionSizeX", 4),
    ("RegionSizeY", 4),
    ("SimIP", 4),
    ("TeleportFlags", 4),
    ("TimeStamp", 4),
    ("TotalObjectCount", 4),
];

/// Whether a body with blocks has one of [`BINARY`] in another form. Bodies without blocks have none of them.
pub(super) fn is_odd(body: &Value) -> bool {
    let blocks = body.as_map().values().flat_map(Value::as_array);
    blocks.flat_map(Value::as_map).any(|(name, value)| {
        let length = BINARY.iter().find(|(binary, _)| binary == name).map(|(_, length)| *length);
        match (length, value) {
            (Some(length), Value::Binary(bytes)) => bytes.len() != length,
            (length, _) => length.is_some(),
        }
    })
}
