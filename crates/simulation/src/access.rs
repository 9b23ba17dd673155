//! QueryAccess (P5): the method `QUERYACCESS` on `/agent/<agent>/<region>/` (fact sheet, 2).
//!
//! Three generations ask in three ways ([`Offer`]); each is answered in a way that it understands. Requests
//! of 0.9 leave `viaTeleport` out when it is false, and 0.7 does not know it.

use crate::extension;
use crate::fields::{self, malformed, vector, vector_text};
use crate::reply::refused;
use llsd::{Map, Value, array, map};
use model::{AgentId, SessionId, TeleportFlags, Vec3};
use transfer::{Agreement, Offer, PeerError, QueryAccess, Refusal, Version, VersionRange};

/// The body of the request. Here false is written, since 0.9.2 takes what is missing for true.
pub(crate) fn body(query: &QueryAccess) -> Value {
    let mut body = map! { "position" => vector_text(query.position) }.into_map();
    match query.offer {
        Offer::Silent => {}
        Offer::Named(version) => put_name(version, &mut body),
        Offer::Ranges { supported, accepted } => {
            put_name(supported.low, &mut body);
            put_range("supported", supported, &mut body);
            put_range("accepted", accepted, &mut body);
            let context = map! {
                "InboundVersion" => accepted.high.to_number(),
                "OutboundVersion" => supported.high.to_number(),
                "WearablesCount" => -1,
            };
            body.insert("context".into(), context);
            body.insert("features".into(), array![]);
        }
    }
    if query.offer != Offer::Silent {
        body.insert("viaTeleport".into(), query.via_teleport.into());
    }
    if query.tickets {
        let mut extension = extension::begin();
        extension.insert("session".into(), query.session.0.into());
        extension.insert("flags".into(), query.flags.bits().to_string().into());
        extension.insert("via_teleport".into(), query.via_teleport.into());
        extension::put(&mut body, extension);
    }
    Value::Map(body)
}

fn put_name(version: Version, body: &mut Map) {
    body.insert("my_version".into(), format!("{version:?}").into());
}

fn put_range(what: &str, range: VersionRange, body: &mut Map) {
    body.insert(format!("simulation_service_{what}_min"), range.low.to_number().into());
    body.insert(format!("simulation_service_{what}_max"), range.high.to_number().into());
}

/// Reads the body of a request.
pub(crate) fn read(agent: AgentId, body: &Value) -> fields::Result<QueryAccess> {
    let extension = extension::of(body);
    let (offer, position) = (offer(body)?, vector(body, "position")?);
    let via_teleport = extension.map_or_else(|| via_teleport(body, offer, position), told);
    Ok(QueryAccess {
        agent,
        session: SessionId(extension.map(|extension| extension["session"].as_uuid()).unwrap_or_default()),
        position,
        via_teleport,
        flags: TeleportFlags::from_bits_retain(extension.map_or(0, |extension| extension["flags"].as_u32())),
        offer,
        tickets: extension.is_some(),
    })
}

fn told(extension: &Value) -> bool {
    extension["via_teleport"].as_bool()
}

/// 0.7 says so by the position: a teleport has none. Between it and 0.9, which always names a teleport one,
/// some say nothing.
fn via_teleport(body: &Value, offer: Offer, position: Vec3) -> bool {
    match (body.get("viaTeleport"), offer) {
        (Some(told), _) => told.as_bool(),
        (None, Offer::Silent) => position == Vec3::ZERO,
        (None, Offer::Named(_)) => true,
        (None, Offer::Ranges { .. }) => false,
    }
}

fn offer(body: &Value) -> fields::Result<Offer> {
    if body["simulation_service_supported_min"].as_f64() != 0.0 {
        let (supported, accepted) = (range(body, "supported")?, range(body, "accepted")?);
        return Ok(Offer::Ranges { supported, accepted });
    }
    Ok(Version::from_name(&body["my_version"].as_str()).map_or(Offer::Silent, Offer::Named))
}

fn range(body: &Value, what: &str) -> fields::Result<VersionRange> {
    let end = |end| {
        let key = format!("simulation_service_{what}_{end}");
        let version = Version::from_number(body[key.as_str()].as_f64());
        version.map_or_else(|| malformed(format!("{key}: no version")), Ok)
    };
    Ok(VersionRange { low: end("min")?, high: end("max")? })
}

/// The body of the answer, in which defaults are written.
pub(crate) fn answer(query: &QueryAccess, result: Result<Agreement, &Refusal>) -> Value {
    let mut body = Map::new();
    body.insert("success".into(), result.is_ok().into());
    let reason = result.as_ref().err().map_or("", |refusal| refusal.reason.as_str());
    body.insert("reason".into(), reason.into());
    let version = match (result, query.offer) {
        (Ok(agreement), _) => Some(agreement.outbound),
        // No agreement, but these want to see one that they know.
        (Err(_), Offer::Silent) => Some(Version::V0_2),
        (Err(_), Offer::Named(version)) => Some(version),
        (Err(_), Offer::Ranges { .. }) => None,
    };
    if let Some(version) = version {
        body.insert("version".into(), format!("{version:?}").into());
    }
    if let (Ok(agreement), Offer::Ranges { .. }) = (result, query.offer) {
        body.insert("negotiated_inbound_version".into(), agreement.inbound.to_number().into());
        body.insert("negotiated_outbound_version".into(), agreement.outbound.to_number().into());
        body.insert("features".into(), array![]);
    }
    if result.is_ok_and(|agreement| agreement.tickets) && query.tickets {
        extension::put(&mut body, extension::begin());
    }
    Value::Map(body)
}

/// What the answer means.
pub(crate) fn reply(query: &QueryAccess, body: &Value) -> Result<Agreement, PeerError> {
    if !body["success"].as_bool() {
        return Err(refused(body));
    }
    let (outbound, inbound) = versions(body)?;
    let speaks = |range: VersionRange| range.contains(outbound);
    match query.offer {
        Offer::Ranges { supported, .. } if !speaks(supported) => Err(Refusal::new(format!(
            "The simulator of that region speaks simulation protocol {outbound}, and this one {supported}."
        ))
        .into()),
        _ => Ok(Agreement { outbound, inbound, tickets: query.tickets && extension::of(body).is_some() }),
    }
}

/// A simulator that names no version is older than all that do.
fn versions(body: &Value) -> Result<(Version, Version), PeerError> {
    let garbage = || PeerError::Garbage("agreed to a version that is none".into());
    let number = |key: &str| Version::from_number(body[key].as_f64()).ok_or_else(garbage);
    if body.get("negotiated_outbound_version").is_some() {
        return Ok((number("negotiated_outbound_version")?, number("negotiated_inbound_version")?));
    }
    let version = match body["version"].as_str().as_ref() {
        "" => Version::V0_1,
        name => Version::from_name(name).ok_or_else(garbage)?,
    };
    Ok((version, version))
}
