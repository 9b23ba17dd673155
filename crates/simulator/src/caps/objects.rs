//! Questions about objects, of which there are none yet.

use super::{Answer, Asked};
use crate::http::reply;
use axum::http::Method;
use llsd::{Map, Value, map};

/// GetObjectCost, GetObjectPhysicsData: a map by object, with those that exist.
pub(super) fn none(asked: &Asked<'_>) -> Answer {
    asked.only(Method::POST)?;
    asked.map()?;
    Ok(reply::llsd(&Value::Map(Map::new())))
}

/// ResourceCostSelected: sums over a selection.
pub(super) fn selected(asked: &Asked<'_>) -> Answer {
    asked.only(Method::POST)?;
    asked.map()?;
    let sums = map! { "physics" => 0.0, "simulation" => 0.0, "streaming" => 0.0 };
    Ok(reply::llsd(&map! { "selected" => sums }))
}
