//! HelloNeighbour: `POST /region/<calling region>/` (fact sheet, 8). Places are grid cells of 256 m here.

use crate::fields::{LABEL_MAX, NAME_MAX, Result, handle, malformed, text};
use llsd::{Value, map};
use model::{CELL_M, GridCell, RegionHandle, RegionId, RegionSize};
use services::RegionInfo;
use std::net::{IpAddr, Ipv4Addr};
use transfer::Hello;

/// How high a region is, metres; only told.
const HEIGHT_M: u32 = 4096;
/// Regions are no larger, cells.
const SIZE_MAX_M: u32 = 32 * CELL_M;

/// The body of the request.
pub(crate) fn body(hello: &Hello, to: &RegionInfo) -> Value {
    let cell = hello.handle.cell();
    // Others read an address here, whatever the host is called, and use the host.
    let internal = hello.host.parse().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    map! {
        "region_id" => hello.id.0,
        "region_name" => &hello.name,
        "external_host_name" => &hello.host,
        "http_port" => hello.http_port.to_string(),
        "server_uri" => &hello.server_uri,
        "region_xloc" => cell.x.to_string(),
        "region_yloc" => cell.y.to_string(),
        "region_size_x" => hello.size.x.to_string(),
        "region_size_y" => hello.size.y.to_string(),
        "region_size_z" => HEIGHT_M.to_string(),
        "internal_ep_address" => internal.to_string(),
        "internal_ep_port" => hello.udp_port.to_string(),
        "remoting_port" => "0",
        "destination_handle" => to.handle.0.to_string(),
    }
}

/// Reads the body of a request, and which region is called.
pub(crate) fn read(id: RegionId, body: &Value) -> Result<(RegionHandle, Hello)> {
    if RegionId(body["region_id"].as_uuid()) != id {
        return malformed("region_id is not the region that the path names");
    }
    let hello = Hello {
        id,
        name: text(body, "region_name", NAME_MAX),
        handle: GridCell { x: cell(body, "region_xloc")?, y: cell(body, "region_yloc")? }.handle(),
        size: size(body)?,
        host: text(body, "external_host_name", LABEL_MAX),
        udp_port: port(body, "internal_ep_port")?,
        http_port: port(body, "http_port")?,
        server_uri: text(body, "server_uri", LABEL_MAX),
    };
    Ok((handle(body, "destination_handle"), hello))
}

fn cell(body: &Value, key: &str) -> Result<u32> {
    match body[key].as_u32() {
        cell if cell <= u32::MAX / CELL_M => Ok(cell),
        _ => malformed(format!("{key}: beyond the edge of the world")),
    }
}

fn port(body: &Value, key: &str) -> Result<u16> {
    u16::try_from(body[key].as_u32()).or_else(|_| malformed(format!("{key}: no port")))
}

fn size(body: &Value) -> Result<RegionSize> {
    let edge = |key: &str| match body[key].as_u32() {
        0 => CELL_M,
        edge => edge,
    };
    let size = RegionSize { x: edge("region_size_x"), y: edge("region_size_y") };
    match size.is_valid() && size.x.max(size.y) <= SIZE_MAX_M {
        true => Ok(size),
        false => malformed("region_size: no size of a region"),
    }
}
