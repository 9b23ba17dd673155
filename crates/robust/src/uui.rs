use crate::text::FromText;
use core::fmt;
use model::{AgentId, Uuid};

/// Bytes of an id.
const ID: usize = 36;

/// A person of this grid or another: the universal user identifier, `id` or `id;home;First Last` (friends: with a secret
/// behind it).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Uui {
    /// Who.
    pub id: AgentId,
    /// What follows the id, for people of other grids: home, name, secret. Empty for locals.
    pub home: String,
}

impl Uui {
    /// Whether it is somebody of this grid.
    pub fn is_local(&self) -> bool {
        self.home.is_empty()
    }
}

impl From<AgentId> for Uui {
    fn from(id: AgentId) -> Self {
        Self { id, home: String::new() }
    }
}

impl FromText for Uui {
    fn from_text(text: &str) -> Option<Self> {
        let (id, home) = text.trim().split_at_checked(ID)?;
        let id = AgentId(Uuid::try_parse(id).ok()?);
        match home.strip_prefix(';') {
            Some(home) => Some(Self { id, home: home.to_owned() }),
            None => home.is_empty().then_some(id.into()),
        }
    }
}

impl fmt::Display for Uui {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.id.fmt(f)?;
        if self.is_local() { Ok(()) } else { write!(f, ";{}", self.home) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_of_here_and_elsewhere() {
        let id = "e4f3924a-5a7c-4e1a-bee7-aa96580f2515";
        for (text, home) in [(id.to_owned(), ""), (format!("{id};http://x/;A B"), "http://x/;A B")] {
            let uui = Uui::from_text(&text).unwrap();
            assert_eq!((uui.home.as_str(), uui.to_string()), (home, text));
        }
        for odd in ["", "x", &format!("{id}x"), &id[1..], &"ü".repeat(30)] {
            assert_eq!(Uui::from_text(odd), None, "{odd}");
        }
    }
}
