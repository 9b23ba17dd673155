//! CreateAgent (P8, T4C, login): `POST /agent/<agent>/` (fact sheet, 3).

use crate::fields::{self, LABEL_MAX, NAME_MAX, draw_distance, malformed, text, vector, vector_text};
use crate::reply::refused;
use crate::{appearance, extension};
use llsd::{Map, Value, map};
use model::{AgentId, CapsSecret, CircuitCode, RegionId, SecureSessionId, SessionId, TeleportFlags, Vec3};
use services::RegionInfo;
use std::net::IpAddr;
use std::sync::Arc;
use transfer::{AgentCreated, Client, CreateAgent, PeerError, Refusal, Version};

/// Whether the extension is in it. A neighbour's child agent is made without asking first, so it is offered
/// there.
fn extends(create: &CreateAgent, tickets: bool) -> bool {
    tickets || (create.flags.is_empty() && create.claim.is_some())
}

/// The body of the request.
pub(crate) fn body(create: &CreateAgent, to: &RegionInfo, tickets: bool) -> Value {
    let version = create.version;
    let login = create.flags.contains(TeleportFlags::VIA_LOGIN);
    let body = map! {
        "agent_id" => create.agent.0,
        "caps_path" => create.caps.map(|caps| caps.0),
        "child" => !login,
        "circuit_code" => create.circuit_code.0.to_string(),
        "first_name" => &create.first,
        "last_name" => &create.last,
        "secure_session_id" => create.secure_session.0,
        "session_id" => create.session.0,
        "start_pos" => vector_text(create.position),
        "client_ip" => create.client.address.map(|address| address.to_string()),
        "viewer" => &create.client.viewer,
        "channel" => &create.client.channel,
        "mac" => &create.client.mac,
        "id0" => &create.client.id0,
        "packed_appearance" => outfit(create, login || tickets),
        "teleport_flags" => create.flags.bits().to_string(),
    };
    let mut body = body.into_map();
    if !create.children.is_empty() {
        body.insert("children_seeds".into(), extension::write_children(&create.children));
    }
    if version >= Version::V0_3 || tickets {
        body.insert("far".into(), create.draw_distance_m.into());
        body.insert("context".into(), context(version));
    }
    put_services(&mut body, version);
    put_destination(&mut body, to);
    if extends(create, tickets) {
        extension::put(&mut body, extend(create, tickets));
    }
    Value::Map(body)
}

/// Since 0.3 the looks come with UpdateAgent. A login has none, and between us there is no reason to wait.
fn outfit(create: &CreateAgent, whole: bool) -> Value {
    if whole || create.version < Version::V0_3 {
        appearance::pack(&create.outfit, create.version)
    } else {
        Value::Map(appearance::pack_height(&create.outfit, create.version))
    }
}

fn extend(create: &CreateAgent, tickets: bool) -> Map {
    let mut extension = extension::begin();
    extension.insert("transfer".into(), extension::write_transfer(create.transfer));
    extension.insert("claim".into(), extension::write_claim(create.claim));
    extension.insert("source".into(), create.source.map(|source| source.0).into());
    extension.insert("claims".into(), extension::write_claims(&create.children));
    extension.insert("look_at".into(), vector_text(create.look_at).into());
    if tickets && create.version < Version::V0_8 {
        extension.insert("packed_appearance".into(), appearance::pack(&create.outfit, Version::V0_8));
    }
    extension
}

/// The versions in which the sender speaks here, as it sends them with every message since 0.3. All
/// wearables.
pub(crate) fn context(version: Version) -> Value {
    map! {
        "InboundVersion" => version.to_number(),
        "OutboundVersion" => version.to_number(),
        "WearablesCount" => -1,
    }
}

/// Services of a visitor's home grid. Nobody visits here, which others write so.
fn put_services(body: &mut Map, version: Version) {
    let gatekeeper = (version < Version::V0_3).then_some("GatekeeperURI");
    let names = ["HomeURI"].into_iter().chain(gatekeeper).chain(["InventoryServerURI", "AssetServerURI"]);
    body.insert("service_urls".into(), names.clone().flat_map(|name| [name, "/"]).collect());
    body.insert("serviceurls".into(), Value::Map(names.map(|name| (name.into(), "/".into())).collect()));
}

/// The called region, which others find by it.
pub(crate) fn put_destination(body: &mut Map, to: &RegionInfo) {
    body.insert("destination_x".into(), to.handle.x_m().to_string().into());
    body.insert("destination_y".into(), to.handle.y_m().to_string().into());
    body.insert("destination_name".into(), (&to.name).into());
    body.insert("destination_uuid".into(), to.id.0.into());
}

/// The called region.
pub(crate) fn destination(body: &Value) -> fields::Result<RegionId> {
    match RegionId(body["destination_uuid"].as_uuid()) {
        RegionId::NULL => malformed("no destination"),
        region => Ok(region),
    }
}

/// The version in which a body is written. Before 0.3 nobody says so, but 0.7.6 has texture hashes.
pub(crate) fn version(body: &Value) -> fields::Result<Version> {
    match body["context"].get("OutboundVersion").map(Value::as_f64) {
        None | Some(0.0) if body["packed_appearance"].get("hashes").is_some() => Ok(Version::V0_2),
        None | Some(0.0) => Ok(Version::V0_1),
        Some(number) => Version::from_number(number)
            .map_or_else(|| malformed(format!("OutboundVersion: {number} is no version")), Ok),
    }
}

/// Whether the agent that the path names is the one in the body.
pub(crate) fn check_agent(body: &Value, key: &str, agent: AgentId) -> fields::Result<()> {
    match AgentId(body[key].as_uuid()) {
        named if named == agent => Ok(()),
        named => malformed(format!("{key} is {named}, the path says {agent}")),
    }
}

/// Reads the body of a request, and whether its sender knows tickets.
pub(crate) fn read(agent: AgentId, body: &Value) -> fields::Result<(CreateAgent, bool)> {
    check_agent(body, "agent_id", agent)?;
    let extension = extension::of(body);
    let packed = extension.and_then(|extension| extension.get("packed_appearance"));
    let caps = CapsSecret(body["caps_path"].as_uuid());
    let create = CreateAgent {
        agent,
        session: SessionId(body["session_id"].as_uuid()),
        secure_session: SecureSessionId(body["secure_session_id"].as_uuid()),
        circuit_code: CircuitCode(body["circuit_code"].as_u32()),
        first: text(body, "first_name", NAME_MAX),
        last: text(body, "last_name", NAME_MAX),
        caps: (!caps.is_null()).then_some(caps),
        flags: TeleportFlags::from_bits_retain(body["teleport_flags"].as_u32()),
        position: vector(body, "start_pos")?,
        look_at: extension.map_or(Ok(Vec3::ZERO), |extension| vector(extension, "look_at"))?,
        draw_distance_m: draw_distance(body)?,
        outfit: Arc::new(appearance::unpack(packed.unwrap_or(&body["packed_appearance"]))?),
        client: client(body),
        children: extension::children(body, extension)?,
        claim: extension.and_then(|extension| extension::claim(&extension["claim"])),
        transfer: extension::transfer(extension),
        source: source(body, extension)?,
        version: version(body)?,
    };
    Ok((create, extension.is_some()))
}

fn client(body: &Value) -> Client {
    let label = |key| text(body, key, LABEL_MAX);
    Client {
        viewer: label("viewer"),
        channel: label("channel"),
        mac: label("mac"),
        id0: label("id0"),
        address: body["client_ip"].as_str().trim().parse::<IpAddr>().ok(),
    }
}

/// 0.9.2 names the source of a transfer; for a neighbour's child agent it names the destination there, which
/// says nothing.
fn source(body: &Value, extension: Option<&Value>) -> fields::Result<Option<RegionId>> {
    let named = match extension {
        Some(extension) => extension["source"].as_uuid(),
        None => body["source_uuid"].as_uuid(),
    };
    let destination = destination(body)?;
    let says = !named.is_nil() && (extension.is_some() || named != destination.0);
    Ok(says.then_some(RegionId(named)))
}

/// The body of the answer. A refusal has no `success`.
pub(crate) fn answer(result: Result<&AgentCreated, &Refusal>, extended: bool, caller: IpAddr) -> Value {
    let mut body = Map::from([("your_ip".into(), caller.to_canonical().to_string().into())]);
    match result {
        Ok(created) => {
            body.insert("success".into(), true.into());
            if extended && created.tickets {
                let mut extension = extension::begin();
                extension.insert("caps".into(), created.caps.0.into());
                extension.insert("existed".into(), created.existed.into());
                extension::put(&mut body, extension);
            }
        }
        Err(refusal) => {
            body.insert("reason".into(), (&refusal.reason).into());
        }
    }
    Value::Map(body)
}

/// What the answer means.
pub(crate) fn reply(create: &CreateAgent, body: &Value) -> Result<AgentCreated, PeerError> {
    if !body["success"].as_bool() {
        return Err(refused(body));
    }
    let extension = extension::of(body);
    let caps = match extension {
        Some(extension) => Some(CapsSecret(extension["caps"].as_uuid())).filter(|caps| !caps.is_null()),
        None => create.caps,
    };
    let Some(caps) = caps else {
        return Err(PeerError::Garbage("took the agent, but not under which capabilities".into()));
    };
    let existed = extension.is_some_and(|extension| extension["existed"].as_bool());
    Ok(AgentCreated { caps, existed, tickets: extension.is_some() })
}
