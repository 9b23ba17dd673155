//! Sky and water: the default ones, which viewers know by themselves.

use super::{Answer, Asked, Fault};
use crate::http::reply;
use axum::http::Method;
use llsd::{array, map};
use model::Uuid;

/// The id that stands for the whole region where a parcel is meant.
const WHOLE_REGION: i32 = -1;
/// Seconds of a day, and where in it the region's clock starts: the viewer's own defaults.
const DAY_LENGTH_S: i32 = 14_400;
const DAY_OFFSET_S: i32 = 57_600;

/// ExtEnvironment.
pub(super) fn extended(asked: &Asked<'_>) -> Answer {
    let region = asked.entry.region.0;
    match *asked.method {
        Method::GET => Ok(reply::llsd(&map! {
            "environment" => map! {
                "day_length" => DAY_LENGTH_S,
                "day_offset" => DAY_OFFSET_S,
                "env_version" => 0,
                "flags" => 0,
                "is_default" => 1,
                "parcel_id" => WHOLE_REGION,
                "region_id" => region,
                "track_altitudes" => array![1000.0, 2000.0, 3000.0],
            },
            "parcel_id" => WHOLE_REGION,
            "region_id" => region,
            "success" => true,
        })),
        Method::PUT | Method::POST | Method::DELETE => Ok(reply::llsd(&map! {
            "message" => "The environment of this region cannot be changed.",
            "regionID" => region,
            "success" => false,
        })),
        _ => Err(Fault::NotFound),
    }
}

/// EnvironmentSettings, the older form.
pub(super) fn settings(asked: &Asked<'_>) -> Answer {
    let region = asked.entry.region.0;
    match *asked.method {
        Method::GET => Ok(reply::llsd(&array![map! { "messageID" => Uuid::nil(), "regionID" => region }])),
        Method::POST => Ok(reply::llsd(&map! {
            "fail_reason" => "The environment of this region cannot be changed.",
            "messageID" => Uuid::nil(),
            "regionID" => region,
            "success" => false,
        })),
        _ => Err(Fault::NotFound),
    }
}
