//! AgentPosition: `PUT /agent/<agent>/` with `message_type` `AgentPosition` (fact sheet, 4.3).

use crate::agent_data::{Motion, put_motion, size};
use crate::create::{check_agent, put_destination};
use crate::fields::{Result, draw_distance, handle, throttles, vector};
use llsd::{Value, map};
use model::{AgentId, SessionId, Vec3};
use services::RegionInfo;
use transfer::ChildView;

/// Height of an avatar of which nobody knows it, millimetres. Receivers keep the size of a child agent and
/// use it for nothing.
const HEIGHT_MM: u32 = 1900;

/// The body of the request.
pub(crate) fn body(view: &ChildView, to: &RegionInfo) -> Value {
    let body = map! {
        "message_type" => "AgentPosition",
        "region_handle" => view.root.0.to_string(),
        "circuit_code" => "0",
        "agent_uuid" => view.agent.0,
        "session_uuid" => view.session.0,
        "far" => view.draw_distance_m,
        "throttles" => view.throttles.map(|throttles| throttles.to_vec()),
    };
    let mut body = body.into_map();
    let motion = Motion {
        position: view.position,
        velocity: view.velocity,
        camera: view.camera,
        size: size(HEIGHT_MM),
        look_at: Vec3::ZERO,
    };
    put_motion(&motion, &mut body);
    put_destination(&mut body, to);
    Value::Map(body)
}

/// Reads the body of a request.
pub(crate) fn read(agent: AgentId, body: &Value) -> Result<ChildView> {
    check_agent(body, "agent_uuid", agent)?;
    Ok(ChildView {
        agent,
        session: SessionId(body["session_uuid"].as_uuid()),
        root: handle(body, "region_handle"),
        position: vector(body, "position")?,
        camera: vector(body, "center")?,
        velocity: vector(body, "velocity")?,
        draw_distance_m: draw_distance(body)?,
        throttles: throttles(body),
    })
}
