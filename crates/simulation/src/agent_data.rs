//! UpdateAgent (T3; in 0.1 T4): `PUT /agent/<agent>/` with `message_type` `AgentData` (fact sheet, 4.1).

use crate::create::{check_agent, context, put_destination, version};
use crate::fields::{
    Result, WORDS_MAX, draw_distance, malformed, rotation, rotation_text, text, throttles, vector,
    vector_text,
};
use crate::{appearance, baggage, extension};
use llsd::{Map, Value, map};
use model::{AgentId, Quat, RegionId, SessionId, Vec3};
use services::RegionInfo;
use std::sync::Arc;
use transfer::{AgentData, Outfit, Release, ReleaseWhen, Version};

/// Bit of the control flags: flying.
const FLY: u32 = 0x2000;
/// Bit of `crossingflags`: over a border, not by teleport.
const CROSSING: i32 = 1;
/// Width and depth of an avatar, metres; its height is its own.
const GIRTH_M: (f32, f32) = (0.45, 0.6);

/// The body of the request.
pub(crate) fn body(data: &AgentData, to: &RegionInfo, tickets: bool) -> Value {
    let modern = data.version >= Version::V0_3;
    let body = map! {
        "message_type" => "AgentData",
        "region_id" => data.source.0,
        "circuit_code" => "0",
        "agent_uuid" => data.agent.0,
        "session_uuid" => data.session.0,
        "changed_grid" => data.wait_for_root,
        "wait_for_root" => data.wait_for_root,
        "far" => data.draw_distance_m,
        "throttles" => data.throttles.map(|throttles| throttles.to_vec()),
        "locomotion_state" => "0",
        "head_rotation" => rotation_text(Quat::IDENTITY),
        "body_rotation" => rotation_text(data.rotation),
        "control_flags" => (data.control_flags & !FLY | if data.flying { FLY } else { 0 }).to_string(),
        "always_run" => data.always_run,
        "agent_access" => "0",
        "crossingflags" => if data.crossing { CROSSING } else { 0 },
        "packed_appearance" => appearance::pack(&data.outfit, data.version),
        "god_level" => (!modern).then_some("0"),
        "sit_offset" => modern.then(|| vector_text(Vec3::ZERO)),
    };
    let mut body = body.into_map();
    let size = size(data.outfit.height_mm);
    put_motion(&Motion { size, ..Motion::of(data) }, &mut body);
    baggage::put_animations(&data.animations, &mut body);
    baggage::write(&data.baggage, data.version, tickets, &mut body);
    if !modern {
        put_legacy_outfit(&data.outfit, &mut body);
    }
    if (modern || tickets) && !data.children.is_empty() {
        body.insert("children_seeds".into(), extension::write_children(&data.children));
    }
    if modern || tickets {
        body.insert("context".into(), context(data.version));
    }
    put_release(data.release.as_ref(), &mut body);
    put_destination(&mut body, to);
    if tickets {
        extension::put(&mut body, extend(data));
    }
    Value::Map(body)
}

/// How an agent moves and looks about, as two messages say it.
pub(crate) struct Motion {
    pub(crate) position: Vec3,
    pub(crate) velocity: Vec3,
    pub(crate) camera: Vec3,
    pub(crate) size: Vec3,
    pub(crate) look_at: Vec3,
}

impl Motion {
    fn of(data: &AgentData) -> Self {
        let (position, velocity, look_at) = (data.position, data.velocity, data.look_at);
        Self { position, velocity, camera: position, size: Vec3::ZERO, look_at }
    }
}

/// The extent of an avatar.
pub(crate) fn size(height_mm: u32) -> Vec3 {
    Vec3::new(GIRTH_M.0, GIRTH_M.1, (f64::from(height_mm) / 1000.0) as f32)
}

/// Writes position, velocity, camera, size and axes.
pub(crate) fn put_motion(motion: &Motion, body: &mut Map) {
    let at = motion.look_at;
    // To the left of a direction on level ground; whoever looks straight up or down has no left.
    let left = Vec3::Z.cross(at).normalize_or_zero();
    let up = if at == Vec3::ZERO { Vec3::ZERO } else { Vec3::Z };
    for (key, vector) in [
        ("position", motion.position),
        ("velocity", motion.velocity),
        ("center", motion.camera),
        ("size", motion.size),
        ("at_axis", at),
        ("left_axis", left),
        ("up_axis", up),
    ] {
        body.insert(key.into(), vector_text(vector).into());
    }
}

/// 0.1 and 0.2 say it twice.
fn put_legacy_outfit(outfit: &Outfit, body: &mut Map) {
    if !outfit.texture_entry.is_empty() {
        body.insert("texture_entry".into(), outfit.texture_entry.as_slice().into());
    }
    if !outfit.visual_params.is_empty() {
        body.insert("visual_params".into(), outfit.visual_params.as_slice().into());
    }
    if !outfit.wearables.is_empty() {
        body.insert("wearables".into(), appearance::wearables(&outfit.wearables, 15));
    }
}

fn put_release(release: Option<&Release>, body: &mut Map) {
    if let Some(release) = release {
        let key = match release.when {
            ReleaseWhen::Root => "callback_uri",
            ReleaseWhen::Settled => "cb_uri",
        };
        body.insert(key.into(), (&*release.url).into());
    }
}

fn extend(data: &AgentData) -> Map {
    let mut extension = extension::begin();
    extension.insert("transfer".into(), extension::write_transfer(data.transfer));
    extension.insert("claims".into(), extension::write_claims(&data.children));
    // An empty title is one, but a body leaves it out.
    extension.insert("titled".into(), data.baggage.group_title.is_some().into());
    if data.version < Version::V0_8 {
        extension.insert("packed_appearance".into(), appearance::pack(&data.outfit, Version::V0_8));
    }
    extension
}

/// Reads the body of a request.
pub(crate) fn read(agent: AgentId, body: &Value) -> Result<AgentData> {
    check_agent(body, "agent_uuid", agent)?;
    let source = RegionId(body["region_id"].as_uuid());
    if source.is_null() {
        return malformed("an agent from nowhere");
    }
    let extension = extension::of(body);
    let control_flags = body["control_flags"].as_u32();
    let release = release(body)?;
    let mut baggage = baggage::read(body)?;
    if extension.is_some_and(|extension| extension["titled"].as_bool()) {
        baggage.group_title.get_or_insert_default();
    }
    Ok(AgentData {
        agent,
        session: SessionId(body["session_uuid"].as_uuid()),
        transfer: extension::transfer(extension),
        source,
        version: spoken(body, release.as_ref())?,
        position: vector(body, "position")?,
        velocity: vector(body, "velocity")?,
        rotation: rotation(body, "body_rotation")?,
        look_at: vector(body, "at_axis")?,
        flying: control_flags & FLY != 0,
        always_run: body["always_run"].as_bool(),
        control_flags,
        draw_distance_m: draw_distance(body)?,
        throttles: throttles(body),
        outfit: Arc::new(outfit(body, extension)?),
        animations: baggage::animations(body)?,
        baggage: Arc::new(baggage),
        children: extension::children(body, extension)?,
        crossing: body["crossingflags"].as_i32() & CROSSING != 0,
        wait_for_root: body["wait_for_root"].as_bool(),
        release,
    })
}

fn outfit(body: &Value, extension: Option<&Value>) -> Result<Outfit> {
    if let Some(packed) = extension.and_then(|extension| extension.get("packed_appearance")) {
        return appearance::unpack(packed);
    }
    let mut outfit = appearance::unpack(&body["packed_appearance"])?;
    appearance::unpack_legacy(body, &mut outfit)?;
    Ok(outfit)
}

/// Before 0.3 a body does not say in which version it is written, and 0.7.6 speaks both: who wants an answer
/// when the agent is root speaks 0.2, who wants to be called back 0.1.
fn spoken(body: &Value, release: Option<&Release>) -> Result<Version> {
    let version = version(body)?;
    if version >= Version::V0_3 || body.get("context").is_some() {
        return Ok(version);
    }
    Ok(match release {
        _ if body["wait_for_root"].as_bool() => Version::V0_2,
        Some(Release { when: ReleaseWhen::Root, .. }) => Version::V0_1,
        _ => version,
    })
}

fn release(body: &Value) -> Result<Option<Release>> {
    for (key, when) in [("callback_uri", ReleaseWhen::Root), ("cb_uri", ReleaseWhen::Settled)] {
        let url = body[key].as_str();
        if url.len() > WORDS_MAX {
            return malformed(format!("{key}: too long"));
        }
        if !url.is_empty() {
            return Ok(Some(Release { url: text(body, key, WORDS_MAX).into(), when }));
        }
    }
    Ok(None)
}
