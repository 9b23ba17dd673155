//! Paths of the simulation service.

use model::{AgentId, RegionId, SessionId, Uuid};

/// What a path names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Place<'a> {
    /// `/agent/<agent>/`
    Agent(AgentId),
    /// `/agent/<agent>/<region>/`
    AgentIn(AgentId, RegionId),
    /// `/agent/<agent>/<region>/release/`, with or without a secret at the end.
    Release(AgentId, RegionId),
    /// `/region/<region>/`
    Region(RegionId),
    /// `/friends`
    Friends,
    /// `/sojourn/agent/<agent>/<region>/<what>`
    Ours(AgentId, RegionId, &'a str),
    /// `/`, where XML-RPC goes.
    Root,
}

/// Whether a request belongs to the simulation service by its path. The root path, where instant messages
/// come, is shared with logins: [`is_instant_message`](crate::is_instant_message) tells by the body.
pub fn is_ours(method: &str, path: &str) -> bool {
    let path = path.split('?').next().unwrap_or_default();
    let mut parts = path.split('/').filter(|part| !part.is_empty());
    match (parts.next(), parts.next()) {
        (Some("agent" | "region"), Some(_)) => true,
        (Some("sojourn"), Some("agent")) => true,
        (Some("friends"), None) => method == "POST",
        _ => false,
    }
}

/// The agent that a path of the simulation service names.
pub fn agent_of(path: &str) -> Option<AgentId> {
    match place(path.split('?').next().unwrap_or_default())? {
        Place::Agent(agent)
        | Place::AgentIn(agent, _)
        | Place::Release(agent, _)
        | Place::Ours(agent, ..) => Some(agent),
        Place::Region(_) | Place::Friends | Place::Root => None,
    }
}

/// What a path names; `None` if it is no path of ours, or names no agent.
pub(crate) fn place(path: &str) -> Option<Place<'_>> {
    let mut parts = path.split('/').filter(|part| !part.is_empty());
    let id = |part: Option<&str>| Uuid::try_parse(part?).ok().filter(|id| !id.is_nil());
    let place = match parts.next() {
        None => Place::Root,
        Some("friends") => Place::Friends,
        Some("region") => Place::Region(RegionId(id(parts.next())?)),
        Some("agent") => {
            let agent = AgentId(id(parts.next())?);
            match (parts.next(), parts.next()) {
                (None, _) => Place::Agent(agent),
                (region, None) => Place::AgentIn(agent, RegionId(id(region)?)),
                (region, Some("release")) => {
                    let _secret = parts.next();
                    Place::Release(agent, RegionId(id(region)?))
                }
                _ => return None,
            }
        }
        Some("sojourn") if parts.next() == Some("agent") => {
            let (agent, region) = (AgentId(id(parts.next())?), RegionId(id(parts.next())?));
            Place::Ours(agent, region, parts.next()?)
        }
        _ => return None,
    };
    parts.next().is_none().then_some(place)
}

/// The session in `?auth=`; null without (0.7.5).
pub(crate) fn auth(query: &str) -> SessionId {
    let auth = query.split('&').find_map(|pair| pair.strip_prefix("auth="));
    SessionId(auth.and_then(|text| Uuid::try_parse(text).ok()).unwrap_or_default())
}

/// `/agent/<agent>/`
pub(crate) fn agent(agent: AgentId) -> String {
    format!("/agent/{agent}/")
}

/// `/agent/<agent>/<region>/`
pub(crate) fn agent_in(agent: AgentId, region: RegionId) -> String {
    format!("/agent/{agent}/{region}/")
}

/// `/sojourn/agent/<agent>/<region>/<what>`
pub(crate) fn ours(agent: AgentId, region: RegionId, what: &str) -> String {
    format!("/sojourn/agent/{agent}/{region}/{what}")
}

/// Path and query of an absolute URL. Something without a host is taken as a path.
pub(crate) fn of_url(url: &str) -> String {
    let path = match url.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |at| &rest[at..]),
        None => url,
    };
    // A request line ends at white space, wherever the URL came from.
    let path: String = path.chars().filter(|c| c.is_ascii_graphic()).collect();
    if path.starts_with('/') { path } else { format!("/{path}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGENT: &str = "00000000-0000-4000-8000-000000000001";
    const REGION: &str = "a0000000-0000-4000-8000-000000175201";

    #[test]
    fn places_are_told_apart() {
        let (agent, region) = (AgentId(AGENT.parse().unwrap()), RegionId(REGION.parse().unwrap()));
        let cases = [
            (format!("/agent/{AGENT}/"), Some(Place::Agent(agent))),
            (format!("/agent/{AGENT}"), Some(Place::Agent(agent))),
            (format!("/agent/{AGENT}/{REGION}/"), Some(Place::AgentIn(agent, region))),
            (format!("/agent/{AGENT}/{REGION}/release"), Some(Place::Release(agent, region))),
            (format!("/agent/{AGENT}/{REGION}/release/5ec2e7/"), Some(Place::Release(agent, region))),
            (format!("/agent/{AGENT}/{REGION}/release/5ec2e7/more"), None),
            (format!("/agent/{AGENT}/{REGION}/catch/"), None),
            (format!("/agent/{AGENT}/nowhere/"), None),
            (format!("/agent/{}/", Uuid::nil()), None),
            (format!("/region/{REGION}/"), Some(Place::Region(region))),
            (format!("/sojourn/agent/{AGENT}/{REGION}/end"), Some(Place::Ours(agent, region, "end"))),
            (format!("/sojourn/{AGENT}/{REGION}/end"), None),
            ("/friends".into(), Some(Place::Friends)),
            ("/".into(), Some(Place::Root)),
            ("/object/".into(), None),
        ];
        for (path, expected) in cases {
            assert_eq!(place(&path), expected, "{path}");
        }
    }

    #[test]
    fn paths_of_others_are_left_to_them() {
        for path in ["/agent/x/", "/region/x", "/sojourn/agent/x/y/end", "/agent/x/y/?auth=1"] {
            assert!(is_ours("DELETE", path), "{path}");
        }
        assert!(is_ours("POST", "/friends"));
        for path in ["/", "/agent", "/agents/x", "/sojourn/status", "/friends/x", "/CAPS/x", "/object/x/"] {
            assert!(!is_ours("POST", path), "{path}");
        }
        assert!(!is_ours("GET", "/friends"));
    }

    #[test]
    fn a_url_gives_its_path() {
        let cases = [
            ("http://127.0.0.1:9010/agent/a/b/release/?c=1", "/agent/a/b/release/?c=1"),
            ("http://127.0.0.1:9010", "/"),
            ("/agent/a/", "/agent/a/"),
            ("agent", "/agent"),
            ("http://h/a HTTP/1.1\r\nX: y", "/aHTTP/1.1X:y"),
        ];
        for (url, path) in cases {
            assert_eq!(of_url(url), path, "{url}");
        }
    }
}
