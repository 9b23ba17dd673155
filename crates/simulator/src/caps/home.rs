//! HomeLocation.

use super::{Answer, Asked, Fault};
use crate::http::reply;
use axum::http::Method;
use llsd::{Value, map};
use model::Vec3;
use services::Place;

/// Home is in this region from now on. The viewer compares `success` with text and reads whole numbers.
pub(super) async fn set(asked: &Asked<'_>) -> Answer {
    asked.only(Method::POST)?;
    let told = asked.map()?;
    let told = &told["HomeLocation"];
    let position = vector(&told["LocationPos"])?;
    let look_at = vector(&told["LocationLookAt"]).unwrap_or(Vec3::X);
    let region = asked.shared.directory.region(asked.entry.region).ok_or(Fault::NotFound)?;
    if !region.size.contains(position) {
        return Err(Fault::Malformed);
    }
    let home = Place { region: region.id, position, look_at };
    asked.shared.grid.services.grid_users.set_home(asked.entry.agent, home).await?;
    let whole = |metres: f32| metres.round() as i32;
    Ok(reply::llsd(&map! {
        "HomeLocation" => map! {
            "LocationPos" => map! {
                "X" => whole(position.x),
                "Y" => whole(position.y),
                "Z" => whole(position.z),
            },
        },
        "success" => "true",
    }))
}

fn vector(value: &Value) -> Result<Vec3, Fault> {
    let vector = Vec3::new(value["X"].as_f32(), value["Y"].as_f32(), value["Z"].as_f32());
    (matches!(value, Value::Map(_)) && vector.is_finite()).then_some(vector).ok_or(Fault::Malformed)
}
