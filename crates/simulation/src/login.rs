use crate::fields::DRAW_DISTANCE_M;
use model::AssetId;
use services::LoginAgent;
use std::sync::Arc;
use transfer::{Client, CreateAgent, Outfit, Version};

/// The call that makes the agent of a login. The login service knows attachments by their items alone.
pub fn login(agent: LoginAgent, version: Version) -> CreateAgent {
    let looks = agent.appearance;
    let attached = looks.attachments.into_iter().map(|(point, item)| (point, item, AssetId::NULL));
    CreateAgent {
        agent: agent.agent,
        session: agent.session,
        secure_session: agent.secure_session,
        circuit_code: agent.circuit_code,
        first: agent.first,
        last: agent.last,
        caps: Some(agent.caps),
        flags: agent.flags,
        position: agent.position,
        look_at: agent.look_at,
        draw_distance_m: DRAW_DISTANCE_M,
        outfit: Arc::new(Outfit {
            texture_entry: looks.texture_entry,
            visual_params: looks.visual_params,
            wearables: looks.wearables,
            height_mm: looks.height_mm,
            serial: looks.serial,
            attached: attached.collect(),
            ..Outfit::default()
        }),
        client: Client {
            viewer: agent.viewer,
            channel: agent.channel,
            mac: agent.mac,
            id0: agent.id0,
            address: agent.client_ip,
        },
        children: Vec::new(),
        claim: None,
        transfer: None,
        source: None,
        version,
    }
}
