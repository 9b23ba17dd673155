//! Who is who: GetDisplayNames and AvatarPickerSearch.

use super::{Answer, Asked, Fault, query};
use crate::http::reply;
use axum::http::Method;
use llsd::{Date, Value, map};
use model::AgentId;
use services::Account;
use std::collections::BTreeSet;
use std::time::{SystemTime, UNIX_EPOCH};

/// Agents in one answer; viewers ask for fewer at a time.
const AT_A_TIME: usize = 256;
/// Characters that a search must have at least.
const SHORTEST_SEARCH: usize = 3;
/// Viewers may keep a name for so long.
const KEEP_S: i64 = 86_400;

/// GetDisplayNames.
pub(super) async fn display_names(asked: &Asked<'_>) -> Answer {
    asked.only(Method::GET)?;
    let wanted: BTreeSet<AgentId> = query::pairs(asked.query, AT_A_TIME)
        .filter(|(name, _)| name == "ids")
        .filter_map(|(_, id)| id.parse().ok().map(AgentId))
        .collect();
    let ids: Vec<_> = wanted.iter().copied().collect();
    let found = match ids.is_empty() {
        true => Vec::new(),
        false => asked.shared.grid.services.accounts.by_ids(&ids).await?,
    };
    let known: BTreeSet<_> = found.iter().map(|account| account.id).collect();
    Ok(reply::llsd(&map! {
        "agents" => found.iter().map(agent).collect::<Value>(),
        "bad_ids" => wanted.difference(&known).map(|id| id.0).collect::<Value>(),
        "bad_usernames" => Value::Array(Vec::new()),
    }))
}

/// AvatarPickerSearch.
pub(super) async fn search(asked: &Asked<'_>) -> Answer {
    asked.only(Method::GET)?;
    let (mut names, mut limit) = (String::new(), 100);
    for (name, value) in query::pairs(asked.query, 8) {
        match &*name {
            "names" => names = value.trim().to_owned(),
            "page_size" => limit = value.parse().unwrap_or(limit),
            _ => {}
        }
    }
    if names.chars().count() < SHORTEST_SEARCH {
        return Err(Fault::Malformed);
    }
    let found = asked.shared.grid.services.accounts.search(&names, limit.clamp(1, AT_A_TIME)).await?;
    Ok(reply::llsd(&map! {
        "agents" => found.iter().map(agent).collect::<Value>(),
        "next_page_url" => "",
    }))
}

fn agent(account: &Account) -> Value {
    let Account { first, last, .. } = account;
    let single = last == "Resident";
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let later = Date::from_secs(i64::try_from(now.as_secs()).unwrap_or_default().saturating_add(KEEP_S));
    map! {
        "display_name" => if single { first.clone() } else { format!("{first} {last}") },
        "display_name_expires" => later,
        "display_name_next_update" => later,
        "id" => account.id.0,
        "is_display_name_default" => true,
        "legacy_first_name" => first,
        "legacy_last_name" => last,
        "username" => if single { first.to_lowercase() } else { format!("{first}.{last}").to_lowercase() },
    }
}
