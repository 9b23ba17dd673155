//! ReadOfflineMsgs: what was said to the agent while it was not online. Viewers that are granted it do not ask by
//! RetrieveInstantMessages; what has been read out in either way is forgotten.

use super::{Answer, Asked, Fault};
use crate::http::reply;
use crate::social;
use axum::http::Method;
use llsd::{Value, map};
use model::{AgentId, Uuid};
use region::{SocialCall, SocialReply};
use services::ServiceError;
use transfer::InstantMessage;

/// The kind of message that an offer of friendship is.
const OFFERED: u8 = 38;

/// All that waits, oldest first.
pub(super) async fn read(asked: &Asked<'_>) -> Answer {
    asked.only(Method::GET)?;
    let services = &asked.shared.grid.services;
    let agent = asked.entry.agent;
    let waiting = social::answer(services, SocialCall::Waiting(agent)).await?;
    let SocialReply::Waiting { messages, mark, offers } = waiting else {
        return Err(Fault::Service(ServiceError::Invalid("no answer to that".into())));
    };
    let offers = offers.into_iter().map(|(from, name)| offer(agent, from, name));
    let told: Value = messages.into_iter().chain(offers).map(|message| written(&message)).collect();
    if mark > 0 {
        services.offline_messages.heard(agent, mark).await?;
    }
    Ok(reply::llsd(&map! { "messages" => told }))
}

/// An offer of which no words were kept.
fn offer(to: AgentId, from: AgentId, from_name: String) -> InstantMessage {
    InstantMessage {
        from,
        from_name,
        to,
        dialog: OFFERED,
        text: "Will you be my friend?".to_owned(),
        conversation: from.0,
        offline: 1,
        ..InstantMessage::default()
    }
}

/// In the names that viewers read. A bucket is never empty to them.
fn written(message: &InstantMessage) -> Value {
    let bucket = if message.bucket.is_empty() { vec![0] } else { message.bucket.clone() };
    let [x, y, z] = message.position.to_array().map(f64::from);
    map! {
        "from_agent_id" => message.from.0,
        "from_agent_name" => message.from_name.as_str(),
        "to_agent_id" => message.to.0,
        "from_group" => i32::from(message.from_group),
        "dialog" => i32::from(message.dialog),
        "offline" => i32::from(message.offline),
        "message" => message.text.as_str(),
        "transaction-id" => message.conversation,
        "timestamp" => message.sent_s.cast_signed(),
        "parent_estate_id" => message.estate.cast_signed(),
        "region_id" => message.region,
        "local_x" => x,
        "local_y" => y,
        "local_z" => z,
        "asset_id" => Uuid::nil(),
        "binary_bucket" => bucket,
    }
}
