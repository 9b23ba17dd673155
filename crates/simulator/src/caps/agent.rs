//! What a viewer tells about its user: maturity, language, preferences.

use super::memory::Preferences;
use super::{Answer, Asked, clean};
use crate::http::reply;
use axum::http::Method;
use llsd::{Map, Value, map};

/// Bytes of a language tag.
const LANGUAGE: usize = 32;

/// UpdateAgentInformation: the maturity that the user wishes is echoed. Viewers count their requests, and leave
/// teleports pending until the answer has come.
pub(super) fn information(asked: &Asked<'_>) -> Answer {
    asked.only(Method::POST)?;
    let told = asked.map()?;
    let preferences = asked.shared.memory.preferences.change(asked, |preferences| take(preferences, &told));
    Ok(reply::llsd(&map! { "access_prefs" => access(&preferences) }))
}

/// UpdateAgentLanguage.
pub(super) fn language(asked: &Asked<'_>) -> Answer {
    asked.only(Method::POST)?;
    let told = asked.map()?;
    asked.shared.memory.preferences.change(asked, |preferences| take(preferences, &told));
    Ok(reply::llsd(&Value::Map(Map::new())))
}

/// AgentPreferences: any of them in, all of them out.
pub(super) fn preferences(asked: &Asked<'_>) -> Answer {
    asked.only(Method::POST)?;
    let told = asked.map()?;
    let preferences = asked.shared.memory.preferences.change(asked, |preferences| take(preferences, &told));
    let [everyone, group, next_owner] = preferences.object_masks;
    Ok(reply::llsd(&map! {
        "access_prefs" => access(&preferences),
        "default_object_perm_masks" => map! {
            "Everyone" => everyone,
            "Group" => group,
            "NextOwner" => next_owner,
        },
        "god_level" => 0,
        "hover_height" => preferences.hover_height_m,
        "language" => &preferences.language,
        "language_is_public" => preferences.language_is_public,
    }))
}

fn access(preferences: &Preferences) -> Value {
    map! { "max" => preferences.maturity }
}

fn take(preferences: &mut Preferences, told: &Value) {
    match &*told["access_prefs"]["max"].as_str() {
        "PG" => preferences.maturity = "PG",
        "M" => preferences.maturity = "M",
        "A" => preferences.maturity = "A",
        _ => {}
    }
    if let Some(language) = told.get("language") {
        preferences.language = clean(&language.as_str(), LANGUAGE);
    }
    if let Some(public) = told.get("language_is_public") {
        preferences.language_is_public = public.as_bool();
    }
    if let Some(height) = told.get("hover_height").map(Value::as_f64).filter(|height| height.is_finite()) {
        // The viewer's own bounds.
        preferences.hover_height_m = height.clamp(-2.0, 2.0);
    }
    let masks = &told["default_object_perm_masks"];
    for (mask, name) in preferences.object_masks.iter_mut().zip(["Everyone", "Group", "NextOwner"]) {
        if let Some(told) = masks.get(name) {
            *mask = told.as_u32();
        }
    }
}
