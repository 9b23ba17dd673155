//! What the operator can do: say what is logged, end a session, show everybody a text.

use super::{Desk, framed};
use crate::door::Session;
use askama::Template;
use async_trait::async_trait;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse as _;
use axum::{Extension, Form};
use serde::Deserialize;
use std::sync::Arc;

/// Characters of a name, a filter or a text.
const TEXT: usize = 1000;

/// One thing to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Switch {
    /// What of packets is logged: 0 off to 3 all; of one agent, by name, or of all.
    Packets {
        /// How much.
        level: u8,
        /// Whose.
        agent: Option<String>,
    },
    /// What is logged at all, in the form of RUST_LOG.
    Log {
        /// What.
        filter: String,
    },
    /// What of event queues is logged: 0 off, 1 on.
    EventQueues {
        /// How much.
        level: u8,
    },
    /// What of HTTP is logged: 0 off to 6 with bodies.
    Http {
        /// How much.
        level: u8,
    },
    /// Ends somebody's session.
    Kick {
        /// First and last name.
        agent: String,
        /// Shown to them.
        reason: String,
    },
    /// Shows everybody a text.
    Notice {
        /// The text.
        text: String,
    },
}

/// Who does that.
#[async_trait]
pub trait Switches: Send + Sync {
    /// What this process logs, in the form of RUST_LOG.
    fn log_filter(&self) -> String;

    /// Has all processes do it: who, and what was done, or why not.
    async fn switch(&self, switch: Switch) -> Vec<(String, Result<String, String>)>;
}

#[derive(Template)]
#[template(path = "switches.html")]
struct Page {
    token: String,
    filter: String,
    done: Vec<(String, Result<String, String>)>,
}

/// A form as it was sent.
#[derive(Deserialize)]
pub(super) struct Filled {
    #[serde(default)]
    token: String,
    #[serde(default)]
    what: String,
    #[serde(default)]
    level: u8,
    #[serde(default)]
    agent: String,
    #[serde(default)]
    text: String,
}

pub(super) async fn form(
    State(desk): State<Arc<Desk>>,
    Extension(session): Extension<Session>,
) -> Response<Body> {
    show(&desk, &session, Vec::new())
}

fn show(desk: &Desk, session: &Session, done: Vec<(String, Result<String, String>)>) -> Response<Body> {
    let page = Page { token: session.0.token(), filter: desk.switches.log_filter(), done };
    let fragment = page.render().unwrap_or_default();
    framed(desk, session, "switches", "Switches", String::new(), (String::new(), fragment))
}

pub(super) async fn change(
    State(desk): State<Arc<Desk>>,
    Extension(session): Extension<Session>,
    Form(filled): Form<Filled>,
) -> Response<Body> {
    if !session.0.admits(&filled.token) {
        return StatusCode::FORBIDDEN.into_response();
    }
    if filled.agent.chars().count() > TEXT || filled.text.chars().count() > TEXT {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    }
    match switch_of(filled) {
        Some(switch) => {
            tracing::info!("operator: {switch:?}");
            let done = desk.switches.switch(switch).await;
            show(&desk, &session, done)
        }
        None => StatusCode::UNPROCESSABLE_ENTITY.into_response(),
    }
}

/// What a form says, if there is such a thing.
fn switch_of(filled: Filled) -> Option<Switch> {
    let Filled { what, level, agent, text, .. } = filled;
    let (agent, text) = (agent.trim().to_owned(), text.trim().to_owned());
    Some(match what.as_str() {
        "packets" if level <= 3 => {
            Switch::Packets { level, agent: Some(agent).filter(|agent| !agent.is_empty()) }
        }
        "log" if !text.is_empty() => Switch::Log { filter: text },
        "event_queues" if level <= 1 => Switch::EventQueues { level },
        "http" if level <= 6 => Switch::Http { level },
        "kick" if !agent.is_empty() => Switch::Kick { agent, reason: text },
        "notice" if !text.is_empty() => Switch::Notice { text },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(what: &str, level: u8, agent: &str, text: &str) -> Option<Switch> {
        let (what, agent, text) = (what.to_owned(), agent.to_owned(), text.to_owned());
        switch_of(Filled { token: String::new(), what, level, agent, text })
    }

    #[test]
    fn forms_say_what_to_do() {
        assert_eq!(filled("packets", 2, " ", ""), Some(Switch::Packets { level: 2, agent: None }));
        let agent = Some("Ada One".to_owned());
        assert_eq!(filled("packets", 3, "Ada One", ""), Some(Switch::Packets { level: 3, agent }));
        assert_eq!(filled("http", 6, "", ""), Some(Switch::Http { level: 6 }));
        assert_eq!(filled("notice", 0, "", " Hello. "), Some(Switch::Notice { text: "Hello.".into() }));
        for (what, level) in [
            ("packets", 4),
            ("event_queues", 2),
            ("http", 7),
            ("kick", 0),
            ("notice", 0),
            ("log", 0),
            ("fly", 0),
        ] {
            assert_eq!(filled(what, level, "", ""), None, "{what} {level}");
        }
    }
}
