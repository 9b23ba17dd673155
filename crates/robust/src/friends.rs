//! `/friends`: who is whose friend (grid services fact sheet, section 5). The names of the fields differ in case from
//! method to method.

use crate::{Form, Malformed, Tree, Uui, Wording};
use services::FriendRights;

/// How this service says whether it is done.
pub const WORDING: Wording = Wording::CAPITALIZED;

/// Rights of somebody who has not accepted.
const NOT_ACCEPTED: i32 = -1;

/// What the service is asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Call {
    /// Who are their friends?
    List(Uui),
    /// Enters one direction of a friendship.
    Store {
        /// Who gives the rights.
        agent: Uui,
        /// Who has them.
        friend: Uui,
        /// Which.
        given: FriendRights,
    },
    /// Removes one direction.
    Delete {
        /// Who gave the rights.
        agent: Uui,
        /// Who had them.
        friend: Uui,
    },
}

impl Call {
    /// Reads a request. Friends of other grids may be asked for by methods of their own.
    pub fn parse(form: &Form) -> Result<Self, Malformed> {
        Ok(match form.required("METHOD")? {
            "getfriends" | "getfriends_string" => Self::List(form.get("PRINCIPALID")?),
            "storefriend" => Self::Store {
                agent: form.get("PrincipalID")?,
                friend: form.get("Friend")?,
                given: rights(form.get("MyFlags")?),
            },
            "deletefriend" | "deletefriend_string" => {
                Self::Delete { agent: form.get("PRINCIPALID")?, friend: form.get("FRIEND")? }
            }
            other => return Err(Malformed::UnknownMethod(other.to_owned())),
        })
    }

    /// Writes a request.
    pub fn to_form(&self) -> Form {
        match self {
            Self::List(agent) => {
                let method = if agent.is_local() { "getfriends" } else { "getfriends_string" };
                Form::new().with("PRINCIPALID", agent).with("METHOD", method)
            }
            Self::Store { agent, friend, given } => Form::new()
                .with("PrincipalID", agent)
                .with("Friend", friend)
                .with("MyFlags", given.bits())
                .with("METHOD", "storefriend"),
            Self::Delete { agent, friend } => {
                let method = if agent.is_local() { "deletefriend" } else { "deletefriend_string" };
                Form::new().with("PRINCIPALID", agent).with("FRIEND", friend).with("METHOD", method)
            }
        }
    }
}

/// One direction of a friendship.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Who gives the rights.
    pub agent: Uui,
    /// Who has them.
    pub friend: Uui,
    /// Which.
    pub given: FriendRights,
    /// Rights in the other direction; `None` when there is none.
    pub has: Option<FriendRights>,
}

/// Answers [`Call::List`].
pub fn write_many(entries: impl IntoIterator<Item = Entry>) -> Tree {
    let to_tree = |entry: Entry| {
        let theirs = entry.has.map_or(NOT_ACCEPTED, |rights| rights.bits().cast_signed());
        Tree::new()
            .with("PrincipalID", entry.agent)
            .with("Friend", entry.friend)
            .with("MyFlags", entry.given.bits())
            .with("TheirFlags", theirs)
    };
    Tree::numbered("friend", entries.into_iter().map(to_tree))
}

/// Reads what [`write_many`] wrote.
pub fn read_many(answer: &Tree) -> Result<Vec<Entry>, Malformed> {
    let read = |tree: &Tree| {
        Ok(Entry {
            agent: tree.get("PrincipalID")?,
            friend: tree.get("Friend")?,
            given: rights(tree.get("MyFlags")?),
            has: Some(tree.get("TheirFlags")?).filter(|flags| *flags != NOT_ACCEPTED).map(rights),
        })
    };
    answer.found_many()?.into_iter().map(read).collect()
}

fn rights(flags: i32) -> FriendRights {
    FriendRights::from_bits_truncate(flags.max(0).cast_unsigned())
}
