//! `/sojourn/presence`: simulators of ours renew the sessions of their regions in one call. It is no part of ROBUST,
//! which has nothing at this path.

use crate::{Form, Malformed, Tree, Wording};
use model::{RegionId, SessionId};
use services::Renewed;

/// Below the address of the grid's private side.
pub const PATH: &str = "/sojourn/presence";

/// How this service says that it failed.
pub const WORDING: Wording = Wording::SMALL;

/// The field by which whoever asks says that it knows what [`ELSEWHERE`] means: others take whatever is named for unknown.
const TELL: &str = "TELL";
/// What stands beside a session that is believed in another region.
const ELSEWHERE: &str = "Elsewhere";

/// Writes a renewal: which sessions are in which regions.
pub fn to_form(held: &[(SessionId, RegionId)]) -> Form {
    Form::method("renew")
        .with_list("sessions", held.iter().map(|(session, _)| session))
        .with_list("regions", held.iter().map(|(_, region)| region))
        .with(TELL, 1)
}

/// A renewal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Renewal {
    /// Which sessions are in which regions.
    pub held: Vec<(SessionId, RegionId)>,
    /// Whether those that are elsewhere are to be told.
    pub tell: bool,
}

/// Reads a renewal.
///
/// # Errors
/// It is none, or names sessions without regions.
pub fn parse(form: &Form) -> Result<Renewal, Malformed> {
    match form.required("METHOD")? {
        "renew" => {}
        other => return Err(Malformed::UnknownMethod(other.to_owned())),
    }
    let (sessions, regions) = (form.get_list("sessions")?, form.get_list("regions")?);
    if sessions.len() != regions.len() {
        return Err(Malformed::odd("regions"));
    }
    let held = sessions.into_iter().zip(regions).collect();
    Ok(Renewal { held, tell: form.text(TELL).is_some() })
}

/// Answers a renewal: the sessions that the grid does not know, and, if that is to be told, those that are elsewhere.
pub fn write(renewed: &Renewed, tell: bool) -> Tree {
    let named = |session| Tree::new().with("SessionID", session);
    let unknown = renewed.unknown.iter().map(named);
    let elsewhere =
        renewed.elsewhere.iter().filter(|_| tell).map(|session| named(session).with(ELSEWHERE, 1));
    Tree::numbered("unknown", unknown.chain(elsewhere))
}

/// Reads the answer.
///
/// # Errors
/// It is none.
pub fn read(answer: &Tree) -> Result<Renewed, Malformed> {
    let mut renewed = Renewed::default();
    for named in answer.found_many()? {
        let session = named.get("SessionID")?;
        match named.text(ELSEWHERE) {
            Some(_) => renewed.elsewhere.push(session),
            None => renewed.unknown.push(session),
        }
    }
    Ok(renewed)
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
        assert_eq!(parse(&form), Ok(Renewal { held, tell: true }));
        for (unknown, elsewhere) in [(0, 0), (1, 0), (2, 1), (0, 2)] {
            let renewed = Renewed {
                unknown: (0..unknown).map(session).collect(),
                elsewhere: (10..10 + elsewhere).map(session).collect(),
            };
            let answer = |tell| Tree::parse(write(&renewed, tell).write().as_bytes()).unwrap();
            assert_eq!(read(&answer(true)), Ok(renewed.clone()));
            let unknown = renewed.unknown.clone();
            assert_eq!(read(&answer(false)), Ok(Renewed { unknown, elsewhere: Vec::new() }));
        }
    }

    #[test]
    fn who_does_not_ask_is_not_told_what_is_elsewhere() {
        let form =
            Form::method("renew").with_list("sessions", [session(1)]).with_list("regions", [session(2)]);
        assert!(!parse(&form).unwrap().tell);
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
