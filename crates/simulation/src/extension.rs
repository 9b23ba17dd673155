//! What only our own simulators say to each other: one map under one key, in bodies and answers that others
//! read without it.
//!
//! Its presence says that the sender knows tickets. Numbers of 64 bits travel as digits, as everywhere here.

use crate::fields::{Result, list};
use llsd::{Map, Value, map};
use model::RegionId;
use transfer::{Claim, KnownChild, TransferId};

/// The key.
const KEY: &str = "sojourn";
/// The most child agents that a viewer may have; 16 × 16 regions around it.
pub(crate) const CHILDREN_MAX: usize = 256;

/// The start of an extension.
pub(crate) fn begin() -> Map {
    Map::from([("tickets".into(), true.into())])
}

/// Puts it into a body.
pub(crate) fn put(body: &mut Map, extension: Map) {
    body.insert(KEY.into(), Value::Map(extension));
}

/// The extension of a body, if its sender knows tickets.
pub(crate) fn of(body: &Value) -> Option<&Value> {
    body.get(KEY).filter(|extension| extension["tickets"].as_bool())
}

/// A claim as it is written; undefined without.
pub(crate) fn write_claim(claim: Option<Claim>) -> Value {
    claim.map(|claim| map! { "holder" => claim.holder.0, "visit" => claim.visit.to_string() }).into()
}

/// Reads a claim.
pub(crate) fn claim(value: &Value) -> Option<Claim> {
    let visit = value.get("visit")?.as_u64();
    Some(Claim { holder: RegionId(value["holder"].as_uuid()), visit })
}

/// A transfer's number as it is written; undefined without.
pub(crate) fn write_transfer(transfer: Option<TransferId>) -> Value {
    transfer.map(|transfer| transfer.0.to_string()).into()
}

/// Reads a transfer's number.
pub(crate) fn transfer(extension: Option<&Value>) -> Option<TransferId> {
    Some(TransferId(extension?.get("transfer")?.as_u64()))
}

/// `children_seeds`: what everybody says of a viewer's child agents.
pub(crate) fn write_children(children: &[KnownChild]) -> Value {
    let one = |child: &KnownChild| {
        map! { "handle" => child.handle.0.to_string(), "seed" => child.caps.to_string() }
    };
    children.iter().map(one).collect()
}

/// Under which claims they are kept, in the same order; an empty map where that is not known.
pub(crate) fn write_claims(children: &[KnownChild]) -> Value {
    let one = |child: &KnownChild| match write_claim(child.claim) {
        Value::Undefined => map! {},
        claim => claim,
    };
    children.iter().map(one).collect()
}

/// Reads both.
pub(crate) fn children(body: &Value, extension: Option<&Value>) -> Result<Vec<KnownChild>> {
    let claims = extension.map(|extension| list(extension, "claims", CHILDREN_MAX)).transpose()?;
    let one = |(nth, child): (usize, &Value)| KnownChild {
        handle: crate::fields::handle(child, "handle"),
        caps: model::CapsSecret(child["seed"].as_uuid()),
        claim: claims.and_then(|claims| claim(claims.get(nth)?)),
    };
    Ok(list(body, "children_seeds", CHILDREN_MAX)?.iter().enumerate().map(one).collect())
}
