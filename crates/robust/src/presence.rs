//! `/presence`: who is logged in, and where (grid services fact sheet, section 3).

use crate::{Form, Malformed, Tree, Wording};
use model::{AgentId, RegionId, SecureSessionId, SessionId};

/// How this service says whether it is done.
pub const WORDING: Wording = Wording::SMALL;

/// The field of a report that begins a lease.
const LEASE: &str = "LEASE";

/// What the service is asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Call {
    /// A session begins.
    Login {
        /// Whose.
        agent: AgentId,
        /// Which.
        session: SessionId,
        /// Its second secret, if it was told.
        secure_session: Option<SecureSessionId>,
    },
    /// A session ends.
    Logout(SessionId),
    /// All sessions in a region end.
    LogoutRegion(RegionId),
    /// A session's root agent is in a region.
    Report {
        /// Which session.
        session: SessionId,
        /// Where.
        region: RegionId,
        /// It is going to be renewed. Only ours say so; others pass over it.
        lease: bool,
    },
    /// Where is this session?
    BySession(SessionId),
    /// Where are these people?
    ByAgents(Vec<AgentId>),
}

impl Call {
    /// Reads a request.
    pub fn parse(form: &Form) -> Result<Self, Malformed> {
        Ok(match form.required("METHOD")? {
            "login" => Self::Login {
                agent: form.get("UserID")?,
                session: form.get("SessionID")?,
                secure_session: form.get_optional("SecureSessionID")?,
            },
            "logout" => Self::Logout(form.get("SessionID")?),
            "logoutregion" => Self::LogoutRegion(form.get("RegionID")?),
            "report" => Self::Report {
                session: form.get("SessionID")?,
                region: form.get("RegionID")?,
                lease: form.text(LEASE).is_some(),
            },
            "getagent" => Self::BySession(form.get("SessionID")?),
            "getagents" => Self::ByAgents(form.get_list("uuids")?),
            other => return Err(Malformed::UnknownMethod(other.to_owned())),
        })
    }

    /// Writes a request.
    pub fn to_form(&self) -> Form {
        match self {
            Self::Login { agent, session, secure_session } => {
                let form = Form::versioned("login").with("UserID", agent).with("SessionID", session);
                match secure_session {
                    Some(secure_session) => form.with("SecureSessionID", secure_session),
                    None => form,
                }
            }
            Self::Logout(session) => Form::versioned("logout").with("SessionID", session),
            Self::LogoutRegion(region) => Form::versioned("logoutregion").with("RegionID", region),
            Self::Report { session, region, lease } => {
                let form = Form::versioned("report").with("SessionID", session).with("RegionID", region);
                if *lease { form.with(LEASE, 1) } else { form }
            }
            Self::BySession(session) => Form::versioned("getagent").with("SessionID", session),
            Self::ByAgents(agents) => Form::versioned("getagents").with_list("uuids", agents),
        }
    }
}

/// Where somebody is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Located {
    /// Who.
    pub agent: AgentId,
    /// Where; null until they have arrived in a first region.
    pub region: RegionId,
}

impl Located {
    fn to_tree(self) -> Tree {
        Tree::new().with("UserID", self.agent).with("RegionID", self.region)
    }

    fn read(tree: &Tree) -> Result<Self, Malformed> {
        Ok(Self { agent: tree.get("UserID")?, region: tree.get("RegionID")? })
    }
}

/// Answers [`Call::BySession`].
pub fn write_one(found: Option<Located>) -> Tree {
    found.map_or_else(Tree::null, |found| Tree::new().with_list("result", found.to_tree()))
}

/// Reads what [`write_one`] wrote.
pub fn read_one(answer: &Tree) -> Result<Option<Located>, Malformed> {
    answer.found()?.map(Located::read).transpose()
}

/// Answers [`Call::ByAgents`].
pub fn write_many(found: impl IntoIterator<Item = Located>) -> Tree {
    Tree::numbered("presence", found.into_iter().map(Located::to_tree))
}

/// Reads what [`write_many`] wrote.
pub fn read_many(answer: &Tree) -> Result<Vec<Located>, Malformed> {
    answer.found_many()?.into_iter().map(Located::read).collect()
}
