//! `/sojourn/presence`: simulators of ours renew the sessions of their regions in one call. It is no part of ROBUST,
//! which has nothing at this path.

use crate::{Form, Malformed, Tree, Wording};
use model::{RegionId, SessionId};

/// Below the address of the grid's private side.
pub const PATH: &str = "/sojourn/presence";

/// How this service says that it failed.
pub const WORDING: Wording = Wording::SMALL;

/// Writes a renewal: which sessions are in which regions.
pub fn to_form(held: &[(SessionId, RegionId)]) -> Form {
    Form::method("renew")
        .with_list("sessions", held.iter().map(|(session, _)| session))
        .with_list("regions", held.iter().map(|(_, region)| region))
}

/// Reads a renewal.
///
/// # Errors
/// It is none, or names sessions without regions.
pub fn parse(form: &Form) -> Result<Vec<(SessionId, RegionId)>, Malformed> {
    match form.required("METHOD")? {
        "renew" => {}
        other => return Err(Malformed::UnknownMethod(other.to_owned())),
    }
    let (sessions, regions) = (form.get_list("sessions")?, form.get_list("regions")?);
    if sessions.len() != regions.len() {
        return Err(Malformed::odd("regions"));
    }
    Ok(sessions.into_iter().zip(regions).collect())
}

/// Answers a renewal: the sessions that the grid does not know.
pub fn write(unknown: &[SessionId]) -> Tree {
    Tree::numbered("unknown", unknown.iter().map(|session| Tree::new().with("SessionID", session)))
}

/// Reads the answer.
///
/// # Errors
/// It is none.
pub fn read(answer: &Tree) -> Result<Vec<SessionId>, Malformed> {
    answer.found_many()?.into_iter().map(|session| session.get("SessionID")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Uuid;

    fn session(n: u128) -> SessionId {
        SessionId(Uuid::from_u128(n))
    }

    #[test]
    fn both_ends_read_what_the_other_wrote() {
        let held: Vec<_> = (1..4).map(|n| (session(n), RegionId(Uuid::from_u128(n + 10)))).collect();
        let form = Form::parse(to_form(&held).write().as_bytes()).unwrap();
        assert_eq!(parse(&form), Ok(held));
        for unknown in [vec![], vec![session(1)], vec![session(1), session(2)]] {
            let answer = Tree::parse(write(&unknown).write().as_bytes()).unwrap();
            assert_eq!(read(&answer), Ok(unknown));
        }
    }

    #[test]
    fn what_is_no_renewal_is_refused() {
        let renew = Form::method("renew");
        let nowhere = renew.clone().with_list("sessions", [session(1)]);
        for form in [Form::new(), Form::method("report"), renew.with_list("sessions", [1]), nowhere] {
            assert!(parse(&form).is_err(), "{form:?}");
        }
        assert!(read(&WORDING.failure()).is_err());
    }
}
