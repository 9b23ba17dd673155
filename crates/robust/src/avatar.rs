//! `/avatar`: what avatars look like (grid services fact sheet, section 8).

use crate::form::Value;
use crate::{Form, Malformed, Node, Tree, Wording};
use model::AgentId;
use services::AvatarData;

/// How this service says whether it is done.
pub const WORDING: Wording = Wording::SMALL;

/// Fields of a request that are no entries of the avatar.
const OF_THE_REQUEST: [&str; 4] = ["METHOD", "UserID", "VERSIONMIN", "VERSIONMAX"];
/// An entry that every answer has, also for avatars that have no other.
const TYPE: &str = "AvatarType";

/// What the service is asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Call {
    /// What do they look like?
    Get(AgentId),
    /// Replaces all entries.
    Set(AgentId, AvatarData),
    /// Removes all entries.
    Reset(AgentId),
    /// Sets some entries.
    SetEntries(AgentId, AvatarData),
    /// Removes some entries.
    RemoveEntries(AgentId, Vec<String>),
}

impl Call {
    /// Reads a request.
    pub fn parse(form: &Form) -> Result<Self, Malformed> {
        let agent = form.get("UserID")?;
        Ok(match form.required("METHOD")? {
            "getavatar" => Self::Get(agent),
            "setavatar" => {
                let entries = form.fields().iter().filter_map(|(name, value)| match value {
                    Value::Text(text) if !OF_THE_REQUEST.contains(&name.as_str()) => {
                        Some((name.clone(), text.clone()))
                    }
                    _ => None,
                });
                Self::Set(agent, entries.collect())
            }
            "resetavatar" => Self::Reset(agent),
            "setitems" => {
                let (names, values) = (form.list("Names"), form.list("Values"));
                if names.len() != values.len() {
                    return Err(Malformed::odd("Values"));
                }
                Self::SetEntries(agent, names.iter().cloned().zip(values.iter().cloned()).collect())
            }
            "removeitems" => Self::RemoveEntries(agent, form.list("Names").to_vec()),
            other => return Err(Malformed::UnknownMethod(other.to_owned())),
        })
    }

    /// Writes a request.
    pub fn to_form(&self) -> Form {
        let about = |method: &str, agent: &AgentId| Form::versioned(method).with("UserID", agent);
        match self {
            Self::Get(agent) => about("getavatar", agent),
            Self::Set(agent, data) => {
                let entries = data.iter().filter(|(name, _)| !OF_THE_REQUEST.contains(&name.as_str()));
                entries.fold(about("setavatar", agent), |form, (name, value)| form.with(name, value))
            }
            Self::Reset(agent) => about("resetavatar", agent),
            Self::SetEntries(agent, data) => {
                about("setitems", agent).with_list("Names", data.keys()).with_list("Values", data.values())
            }
            Self::RemoveEntries(agent, names) => about("removeitems", agent).with_list("Names", names),
        }
    }
}

/// Answers [`Call::Get`].
pub fn write_one(data: Option<&AvatarData>) -> Tree {
    let Some(data) = data else { return Tree::null() };
    let mut entries = Tree::new();
    if !data.contains_key(TYPE) {
        entries = entries.with(TYPE, 1);
    }
    let entries = data.iter().fold(entries, |tree, (name, value)| tree.with(name, value));
    Tree::new().with_list("result", entries)
}

/// Reads what [`write_one`] wrote. An avatar of which nothing but its type is known has no entries.
pub fn read_one(answer: &Tree) -> Result<Option<AvatarData>, Malformed> {
    let Some(found) = answer.found()? else { return Ok(None) };
    let entry = |(name, node): &(String, Node)| Some((name.clone(), node.as_text()?.to_owned()));
    let data: AvatarData = found.nodes().iter().filter_map(entry).collect();
    Ok(data.keys().any(|name| name != TYPE).then_some(data))
}
