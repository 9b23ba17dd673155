//! What the simulator can do, as viewers ask it.

use super::{Answer, Asked};
use crate::http::reply;
use axum::http::Method;
use llsd::{array, map};

/// SimulatorFeatures.
pub(super) fn simulator_features(asked: &Asked<'_>) -> Answer {
    asked.only(Method::GET)?;
    let shared = asked.shared;
    Ok(reply::llsd(&map! {
        "AnimatedObjects" => map! {
            "AnimatedObjectMaxTris" => 150_000,
            "MaxAgentAnimatedObjectAttachments" => 2,
        },
        "AvatarHoverHeightEnabled" => true,
        "BakesOnMeshEnabled" => true,
        "DynamicPathfindingEnabled" => false,
        "MaxAgentAttachments" => 38,
        "MaxAgentGroups" => 42,
        "MaxAgentGroupsBasic" => 42,
        "MaxAgentGroupsPremium" => 42,
        "MaxTextureResolution" => 2048,
        "MeshRezEnabled" => true,
        "MeshUploadEnabled" => false,
        "MeshXferEnabled" => true,
        "PhysicsMaterialsEnabled" => false,
        "PhysicsShapeTypes" => map! { "convex" => true, "none" => true, "prim" => true },
        "OpenSimExtras" => map! {
            "ExportSupported" => false,
            "GridName" => &*shared.grid_name,
            "GridURL" => &*shared.http_base,
            // Metres; the distances of the scene.
            "say-range" => 20,
            "shout-range" => 100,
            "whisper-range" => 10,
        },
    }))
}

/// ProductInfoRequest.
pub(super) fn product_info(asked: &Asked<'_>) -> Answer {
    asked.only(Method::GET)?;
    Ok(reply::llsd(&array![map! {
        "description" => "Full region",
        "name" => "mainland",
        "sku" => "023",
    }]))
}
