//! `/agentprefs`: what people have set up for themselves.

use crate::text::{self, FromText};
use crate::{Form, Malformed, Tree, Wording};
use model::AgentId;
use services::AgentPrefs;

/// A request to the preferences service.
#[derive(Clone, PartialEq, Debug)]
pub enum Call {
    /// `getagentprefs`.
    Get(AgentId),
    /// `setagentprefs`.
    Set(AgentPrefs),
    /// `getagentlang`.
    Language(AgentId),
}

/// In which words the service says whether it did it.
pub const WORDING: Wording = Wording::SMALL;

impl Call {
    /// Reads a request.
    ///
    /// # Errors
    /// No such method, or a field of it is missing or makes no sense.
    pub fn parse(form: &Form) -> Result<Self, Malformed> {
        Ok(match form.required("METHOD")? {
            "getagentprefs" => Self::Get(form.get("UserID")?),
            "setagentprefs" => Self::Set(read(|name| form.text(name))?),
            "getagentlang" => Self::Language(form.get("UserID")?),
            other => return Err(Malformed::UnknownMethod(other.to_owned())),
        })
    }

    /// The request as a form.
    pub fn to_form(&self) -> Form {
        match self {
            Self::Get(agent) => Form::method("getagentprefs").with("UserID", agent),
            Self::Set(prefs) => values(prefs)
                .into_iter()
                .fold(Form::method("setagentprefs"), |form, (key, value)| form.with(key, value)),
            Self::Language(agent) => Form::method("getagentlang").with("UserID", agent),
        }
    }
}

/// Answers `getagentprefs`; with nothing in it for somebody who has set nothing.
pub fn prefs(prefs: Option<&AgentPrefs>) -> Tree {
    let values = prefs.map(values).into_iter().flatten();
    values.fold(Tree::new(), |tree, (key, value)| tree.with(key, value))
}

/// Reads such an answer.
///
/// # Errors
/// It is none, or says that it failed.
pub fn read_prefs(answer: &Tree) -> Result<Option<AgentPrefs>, Malformed> {
    match answer.text("result") {
        Some("null") => return Ok(None),
        Some(_) => WORDING.read(answer)?,
        None => {}
    }
    if answer.nodes().is_empty() {
        return Ok(None);
    }
    read(|name| answer.text(name)).map(Some)
}

/// Answers `getagentlang`.
pub fn language(language: &str) -> Tree {
    Tree::new().with("Language", language)
}

/// Reads such an answer.
///
/// # Errors
/// It is none, or says that it failed.
pub fn read_language(answer: &Tree) -> Result<String, Malformed> {
    if answer.text("result").is_some() {
        WORDING.read(answer)?;
    }
    answer.get("Language")
}

fn values(prefs: &AgentPrefs) -> [(&'static str, String); 8] {
    [
        ("PrincipalID", prefs.agent.to_string()),
        ("AccessPrefs", prefs.access.clone()),
        ("HoverHeight", prefs.hover_height_m.to_string()),
        ("Language", prefs.language.clone()),
        ("LanguageIsPublic", text::boolean(prefs.language_is_public).to_owned()),
        ("PermEveryone", prefs.everyone.cast_signed().to_string()),
        ("PermGroup", prefs.group.cast_signed().to_string()),
        ("PermNextOwner", prefs.next_owner.cast_signed().to_string()),
    ]
}

/// All eight must be there.
fn read<'a>(named: impl Fn(&str) -> Option<&'a str>) -> Result<AgentPrefs, Malformed> {
    fn value<T: FromText>(text: Option<&str>, name: &'static str) -> Result<T, Malformed> {
        T::from_text(text.ok_or(Malformed::missing(name))?).ok_or(Malformed::odd(name))
    }
    let mask = |name| value::<i32>(named(name), name).map(i32::cast_unsigned);
    Ok(AgentPrefs {
        agent: value(named("PrincipalID"), "PrincipalID")?,
        access: value(named("AccessPrefs"), "AccessPrefs")?,
        hover_height_m: value(named("HoverHeight"), "HoverHeight")?,
        language: value(named("Language"), "Language")?,
        language_is_public: value(named("LanguageIsPublic"), "LanguageIsPublic")?,
        everyone: mask("PermEveryone")?,
        group: mask("PermGroup")?,
        next_owner: mask("PermNextOwner")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Uuid;

    fn any_prefs(u: &mut arbtest::arbitrary::Unstructured<'_>) -> arbtest::arbitrary::Result<AgentPrefs> {
        Ok(AgentPrefs {
            agent: AgentId(Uuid::from_u128(u.arbitrary()?)),
            access: (*u.choose(&["PG", "M", "A", ""])?).to_owned(),
            hover_height_m: f32::from(u.arbitrary::<i16>()?) / 7.0,
            language: u.choose(&["en-us", "de", "<&>", ""])?.to_string(),
            language_is_public: u.arbitrary()?,
            everyone: u.arbitrary()?,
            group: u.arbitrary()?,
            next_owner: u.arbitrary()?,
        })
    }

    #[test]
    fn any_call_and_answer_is_read_as_it_was_written() {
        arbtest::arbtest(|u| {
            let prefs = any_prefs(u)?;
            for call in [Call::Get(prefs.agent), Call::Language(prefs.agent), Call::Set(prefs.clone())] {
                let form = Form::parse(call.to_form().write().as_bytes()).unwrap();
                assert_eq!(Call::parse(&form), Ok(call));
            }
            let answer = Tree::parse(super::prefs(Some(&prefs)).write().as_bytes()).unwrap();
            assert_eq!(read_prefs(&answer), Ok(Some(prefs.clone())));
            assert_eq!(read_language(&language(&prefs.language)), Ok(prefs.language));
            Ok(())
        });
    }

    #[test]
    fn all_eight_must_be_there() {
        let all = Call::Set(AgentPrefs::of(AgentId::NULL)).to_form();
        for left_out in all.fields().iter().filter(|(name, _)| name != "METHOD") {
            let body = all.write().replace(&left_out.0, "x");
            let parsed = Call::parse(&Form::parse(body.as_bytes()).unwrap());
            assert_eq!(parsed, Err(Malformed::Missing(left_out.0.clone().into())));
        }
        for (body, error) in [
            ("METHOD=getagentprefs", Malformed::missing("UserID")),
            ("METHOD=getagentlang&UserID=x", Malformed::odd("UserID")),
            ("METHOD=drop", Malformed::UnknownMethod("drop".into())),
            ("", Malformed::missing("METHOD")),
        ] {
            assert_eq!(Call::parse(&Form::parse(body.as_bytes()).unwrap()), Err(error));
        }
    }

    #[test]
    fn nothing_and_failure_are_told_apart() {
        assert_eq!(read_prefs(&prefs(None)), Ok(None));
        assert_eq!(read_prefs(&Tree::null()), Ok(None));
        assert_eq!(read_prefs(&WORDING.failure()), Err(Malformed::Failure(String::new())));
        assert_eq!(read_language(&WORDING.failure()), Err(Malformed::Failure(String::new())));
    }
}
