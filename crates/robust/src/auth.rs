//! `/auth/plain`: who may log in (grid services fact sheet, section 7).

use crate::accounts::Secret;
use crate::{Form, Malformed, Tree, Wording};
use model::{AgentId, Uuid};
use services::ViewerPassword;

/// How this service says whether it is done.
pub const WORDING: Wording = Wording::CAPITALIZED;

/// Minutes for which a token is good at most, and unless less is asked for.
pub const LIFETIME_MIN: u32 = 30;

/// What the service is asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Call {
    /// A token for a password.
    Authenticate {
        /// Whose.
        agent: AgentId,
        /// What they know.
        password: ViewerPassword,
        /// For how many minutes.
        lifetime_min: u32,
    },
    /// Is this token good? It is for longer now.
    Verify {
        /// Whose.
        agent: AgentId,
        /// Which.
        token: Uuid,
        /// For how many minutes from now.
        lifetime_min: u32,
    },
    /// Ends a token.
    Release {
        /// Whose.
        agent: AgentId,
        /// Which.
        token: Uuid,
    },
    /// Changes a password.
    SetPassword {
        /// Whose.
        agent: AgentId,
        /// What it is from now on.
        password: Secret,
    },
    /// Asks for what is stored of a password.
    GetInfo(AgentId),
    /// Replaces what is stored of a password.
    SetInfo(AgentId),
}

impl Call {
    /// Reads a request.
    pub fn parse(form: &Form) -> Result<Self, Malformed> {
        let agent: AgentId = form.get("PRINCIPAL")?;
        let lifetime_min = || -> Result<u32, Malformed> {
            let asked = form.get_optional("LIFETIME")?.unwrap_or(i64::from(LIFETIME_MIN));
            Ok(u32::try_from(asked.max(0)).unwrap_or(u32::MAX).min(LIFETIME_MIN))
        };
        Ok(match form.required("METHOD")? {
            "authenticate" => {
                let password = digest(form.required("PASSWORD")?).ok_or(Malformed::odd("PASSWORD"))?;
                Self::Authenticate { agent, password, lifetime_min: lifetime_min()? }
            }
            "verify" => Self::Verify { agent, token: form.get("TOKEN")?, lifetime_min: lifetime_min()? },
            "release" => Self::Release { agent, token: form.get("TOKEN")? },
            "setpassword" => Self::SetPassword { agent, password: Secret(form.get("PASSWORD")?) },
            "getauthinfo" => Self::GetInfo(agent),
            "setauthinfo" => Self::SetInfo(agent),
            other => return Err(Malformed::UnknownMethod(other.to_owned())),
        })
    }

    /// Writes a request.
    pub fn to_form(&self) -> Form {
        let about = |method: &str, agent: &AgentId| Form::method(method).with("PRINCIPAL", agent);
        match self {
            Self::Authenticate { agent, password, lifetime_min } => {
                let digest = services::hex(password.digest());
                about("authenticate", agent).with("PASSWORD", digest).with("LIFETIME", lifetime_min)
            }
            Self::Verify { agent, token, lifetime_min } => {
                about("verify", agent).with("TOKEN", token).with("LIFETIME", lifetime_min)
            }
            Self::Release { agent, token } => about("release", agent).with("TOKEN", token),
            Self::SetPassword { agent, password } => {
                about("setpassword", agent).with("PASSWORD", &password.0)
            }
            Self::GetInfo(agent) => about("getauthinfo", agent),
            Self::SetInfo(agent) => about("setauthinfo", agent),
        }
    }
}

/// 32 hexadecimal digits, without the mark that they have in logins.
fn digest(text: &str) -> Option<ViewerPassword> {
    let is_digest = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_digest.then(|| ViewerPassword::parse(&format!("$1${text}")))
}

/// Answers [`Call::Authenticate`].
pub fn write_token(token: Option<Uuid>) -> Tree {
    token.map_or_else(|| WORDING.failure(), |token| WORDING.success().with("Token", token))
}

/// Reads what [`write_token`] wrote.
pub fn read_token(answer: &Tree) -> Result<Option<Uuid>, Malformed> {
    if WORDING.read_done(answer)? { answer.get("Token").map(Some) } else { Ok(None) }
}
