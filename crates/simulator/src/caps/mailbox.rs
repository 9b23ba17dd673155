//! ReadOfflineMsgs: what was said to the agent while it was not online. Viewers that are granted it do not ask by
//! RetrieveInstantMessages; what has been read out in either way is forgotten. Here that is once the viewer shows, a
//! while later, that it lives: an answer that was lost on its way has not been read.

use super::{Answer, Asked, Capability, Fault};
use crate::directory::{CapsEntry, Directory};
use crate::http::reply;
use crate::http::routes::Shared;
use crate::social::{self, OFFERED};
use axum::http::Method;
use llsd::{Value, map};
use model::{AgentId, SessionId, Uuid};
use region::{GridNotice, SocialCall, SocialReply};
use services::ServiceError;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use transfer::InstantMessage;

/// How long an answer may be on its way.
const UNDER_WAY: Duration = Duration::from_secs(10);
/// Sessions to which something was read out.
const SESSIONS: usize = 4096;

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
        asked.shared.memory.read_out.note(asked.entry, mark, &asked.shared.directory, Instant::now());
    }
    Ok(reply::llsd(&map! { "messages" => told }))
}

/// A session asks something: what was read out to it has arrived, or it would have asked for that again.
pub(crate) fn sign_of_life(shared: &Shared, entry: CapsEntry, capability: Capability) {
    if capability != Capability::ReadOfflineMsgs
        && let Some((agent, mark)) = shared.memory.read_out.arrived(entry.session, Instant::now())
    {
        shared.notices.tell(entry.region, GridNotice::MailHeard { agent, mark });
    }
}

/// What was read out, and may not have arrived yet.
#[derive(Debug, Default)]
pub(super) struct ReadOut(Mutex<BTreeMap<SessionId, Told>>);

#[derive(Clone, Copy, Debug)]
struct Told {
    agent: AgentId,
    mark: u64,
    at: Instant,
}

impl ReadOut {
    fn note(&self, entry: CapsEntry, mark: u64, directory: &Directory, now: Instant) {
        let mut all = self.all();
        if all.len() >= SESSIONS {
            let open = directory.sessions();
            all.retain(|session, _| open.contains(session));
        }
        // What is not noted is read out again at the next login.
        if all.len() < SESSIONS {
            all.insert(entry.session, Told { agent: entry.agent, mark, at: now });
        }
    }

    /// What has arrived at a session that lives.
    fn arrived(&self, session: SessionId, now: Instant) -> Option<(AgentId, u64)> {
        let mut all = self.all();
        let told = *all.get(&session)?;
        if now.saturating_duration_since(told.at) < UNDER_WAY {
            return None;
        }
        all.remove(&session);
        Some((told.agent, told.mark))
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<SessionId, Told>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::ADA;
    use model::RegionId;

    fn entry(n: u128) -> CapsEntry {
        CapsEntry { agent: ADA, session: SessionId(Uuid::from_u128(n)), region: RegionId::NULL }
    }

    #[test]
    fn an_answer_has_arrived_at_who_lives_a_while_later() {
        let (read, directory, now) = (ReadOut::default(), Directory::default(), Instant::now());
        let (one, other) = (entry(1), entry(2));
        read.note(one, 5, &directory, now);
        assert_eq!(read.arrived(one.session, now + UNDER_WAY / 2), None);
        assert_eq!(read.arrived(other.session, now + UNDER_WAY), None);
        // Who asks again has not got it, and gets more.
        read.note(one, 7, &directory, now + UNDER_WAY);
        assert_eq!(read.arrived(one.session, now + UNDER_WAY), None);
        assert_eq!(read.arrived(one.session, now + 2 * UNDER_WAY), Some((ADA, 7)));
        assert_eq!(read.arrived(one.session, now + 3 * UNDER_WAY), None);
    }

    #[test]
    fn sessions_that_are_over_make_room() {
        let (read, directory, now) = (ReadOut::default(), Directory::default(), Instant::now());
        for n in 0..=SESSIONS as u128 {
            read.note(entry(n), 1, &directory, now);
        }
        assert_eq!(read.all().len(), 1);
    }
}
