//! The login call: XML-RPC `login_to_simulator`, and what its answer says (login fact sheet, sections 1 to 5).

use std::net::{Ipv4Addr, SocketAddr};

use llsd::{Map, Value, array, map, xmlrpc};
use md5::{Digest, Md5};
use model::{AgentId, CircuitCode, FolderId, RegionHandle, RegionSize, SecureSessionId, SessionId, Uuid};

/// What a user types in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Credentials {
    /// First name.
    pub first: String,
    /// Last name; `Resident` for those who have none.
    pub last: String,
    /// The password in clear, or already as `$1$` and its MD5 in hex.
    pub password: String,
    /// `last`, `home`, or `uri:Region Name&x&y&z`.
    pub start: String,
}

/// Who the viewer is, and where it goes first: the answer to a login call.
#[derive(Clone, PartialEq, Debug)]
pub struct Identity {
    /// The account.
    pub agent: AgentId,
    /// The session.
    pub session: SessionId,
    /// Its second secret; null where the grid tells none.
    pub secure_session: SecureSessionId,
    /// Its number.
    pub circuit_code: CircuitCode,
    /// First name.
    pub first: String,
    /// Last name.
    pub last: String,
    /// The first region's circuit port.
    pub simulator: SocketAddr,
    /// The first region.
    pub region: RegionHandle,
    /// Its extent.
    pub region_size: RegionSize,
    /// Its seed capability.
    pub seed: String,
    /// `last`, `home`, `url` or `safe`: which wish was granted.
    pub start_location: String,
    /// Message of the day.
    pub message: String,
    /// Root of the inventory; null where the grid tells none.
    pub inventory_root: FolderId,
    /// All of the answer, for what the fields above leave out.
    pub answer: Map,
}

/// Why a login did not succeed.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum LoginError {
    /// The grid says no.
    #[error("{message} ({reason})")]
    Refused {
        /// `key`, `presence`, `connect`, `tos` ...
        reason: String,
        /// For the user.
        message: String,
    },
    /// The grid sends the viewer to another login service.
    #[error("the login goes on at {next_url}")]
    Elsewhere {
        /// Where to repeat the call.
        next_url: String,
    },
    /// The answer is no answer to a login call.
    #[error("the answer lacks {0}")]
    Incomplete(&'static str),
    /// The answer is no XML-RPC.
    #[error("the answer cannot be read: {0}")]
    Malformed(String),
    /// No answer.
    #[error("no answer: {0}")]
    Unreachable(String),
    /// The grid said yes, but the agent did not get into the first region.
    #[error("did not get into the region: {0:?}")]
    NotEntered(crate::Disconnect),
}

/// A password as it travels: `$1$` and the MD5 of it in hex.
pub fn hashed(password: &str) -> String {
    if password.starts_with("$1$") {
        return password.to_string();
    }
    format!("$1${}", hex(&Md5::digest(password.as_bytes())))
}

/// Body of the login call, content type `text/xml`.
pub fn request(credentials: &Credentials) -> String {
    // Viewers send hashes of the machine's hardware; these stand for the name, so that they stay the same.
    let machine = hex(&Md5::digest(format!("{} {}", credentials.first, credentials.last).as_bytes()));
    let fields = map! {
        "first" => credentials.first.as_str(),
        "last" => credentials.last.as_str(),
        "passwd" => hashed(&credentials.password),
        "start" => credentials.start.as_str(),
        "channel" => "Sojourn Viewer",
        "version" => concat!(env!("CARGO_PKG_VERSION"), ".0"),
        "platform" => "lnx",
        "mac" => machine.as_str(),
        "id0" => machine.as_str(),
        "agree_to_tos" => true,
        "read_critical" => true,
        "extended_errors" => true,
        "options" => array!["inventory-root", "inventory-skeleton", "buddy-list", "login-flags"],
    };
    xmlrpc::write_call("login_to_simulator", &[fields])
}

/// Reads the answer to a login call.
///
/// # Errors
/// The grid said no, or something else than yes or no.
pub fn parse(body: &[u8]) -> Result<Identity, LoginError> {
    let answer = match xmlrpc::parse_response(body) {
        Ok(Value::Map(answer)) => answer,
        Ok(_) => return Err(LoginError::Incomplete("a struct")),
        Err(why) => return Err(LoginError::Malformed(why.to_string())),
    };
    match text(&answer, "login").as_deref() {
        Some("true") => identity(answer),
        Some("indeterminate") => {
            Err(LoginError::Elsewhere { next_url: text(&answer, "next_url").unwrap_or_default() })
        }
        Some(_) => Err(LoginError::Refused {
            reason: text(&answer, "reason").unwrap_or_default(),
            message: text(&answer, "message").unwrap_or_default(),
        }),
        None => Err(LoginError::Incomplete("login")),
    }
}

fn identity(answer: Map) -> Result<Identity, LoginError> {
    let missing = LoginError::Incomplete;
    let id = |key| text(&answer, key).and_then(|text| text.parse::<Uuid>().ok()).filter(|id| !id.is_nil());
    let agent = id("agent_id").ok_or(missing("agent_id"))?;
    let session = id("session_id").ok_or(missing("session_id"))?;
    let secure_session = id("secure_session_id").unwrap_or_default();
    let code = number(&answer, "circuit_code").filter(|code| *code != 0).ok_or(missing("circuit_code"))?;
    let ip: Ipv4Addr = text(&answer, "sim_ip").and_then(|text| text.parse().ok()).ok_or(missing("sim_ip"))?;
    let port = number(&answer, "sim_port")
        .and_then(|port| u16::try_from(port).ok())
        .filter(|port| *port != 0)
        .ok_or(missing("sim_port"))?;
    let x = number(&answer, "region_x").ok_or(missing("region_x"))?;
    let y = number(&answer, "region_y").ok_or(missing("region_y"))?;
    let size = |key| number(&answer, key).unwrap_or(model::CELL_M);
    let size = RegionSize { x: size("region_size_x"), y: size("region_size_y") };
    let root = answer.get("inventory-root").map(|roots| roots[0]["folder_id"].as_uuid());
    Ok(Identity {
        agent: AgentId(agent),
        session: SessionId(session),
        secure_session: SecureSessionId(secure_session),
        circuit_code: CircuitCode(code),
        first: name(&answer, "first_name"),
        last: name(&answer, "last_name"),
        simulator: SocketAddr::from((ip, port)),
        region: RegionHandle::from_metres(x, y),
        region_size: if size.is_valid() { size } else { RegionSize::STANDARD },
        seed: text(&answer, "seed_capability").ok_or(missing("seed_capability"))?,
        start_location: text(&answer, "start_location").unwrap_or_default(),
        message: text(&answer, "message").unwrap_or_default(),
        inventory_root: FolderId(root.unwrap_or_default()),
        answer,
    })
}

/// Names come with quotes around them from some grids.
fn name(answer: &Map, key: &str) -> String {
    text(answer, key).unwrap_or_default().trim_matches('"').to_string()
}

fn text(answer: &Map, key: &str) -> Option<String> {
    answer.get(key).map(|value| value.as_str().into_owned())
}

fn number(answer: &Map, key: &str) -> Option<u32> {
    // A circuit code above the signed range comes as a negative number.
    answer.get(key).map(Value::as_u32)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn password_is_hashed_once() {
        // MD5 of "secret" as any md5sum gives it.
        assert_eq!(hashed("secret"), "$1$5ebe2294ecd0e0f08eab7690d2a6ee69");
        assert_eq!(hashed(&hashed("secret")), hashed("secret"));
    }
}
