//! MapLayer, which older viewers ask for.

use super::{Answer, Asked};
use crate::http::reply;
use axum::http::Method;
use llsd::{array, map};
use model::Uuid;

/// The texture that viewers show where the map has no tile.
const NO_TILE: Uuid = Uuid::from_u128(0x0000_0000_0000_1111_9999_0000_0000_0006);

/// One layer over the whole grid.
pub(super) fn layer(asked: &Asked<'_>) -> Answer {
    asked.only(Method::POST)?;
    Ok(reply::llsd(&map! {
        "AgentData" => map! { "Flags" => 0 },
        "LayerData" => array![map! {
            "Bottom" => 0,
            "ImageID" => NO_TILE,
            "Left" => 0,
            "Right" => 30_000,
            "Top" => 30_000,
        }],
    }))
}
