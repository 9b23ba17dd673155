//! What regions tell each other of friendships. It goes to the region where the one who is told stands as root agent.

use model::AgentId;

/// News of a friendship, from one side to the other.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FriendNews {
    /// Whose deed it is.
    pub from: AgentId,
    /// Who is told.
    pub to: AgentId,
    /// What was done.
    pub deed: FriendDeed,
}

/// What somebody did about a friendship.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FriendDeed {
    /// They want it.
    Offered {
        /// Their name; empty where the peer does not tell.
        name: String,
        /// What they say to it.
        words: String,
    },
    /// They have accepted what was offered.
    Approved {
        /// Their name.
        name: String,
        /// FriendStatus follows, as our own regions say it; without it, whoever accepts is online.
        status_follows: bool,
    },
    /// They have declined what was offered.
    Denied {
        /// Their name.
        name: String,
    },
    /// They do not want it any more.
    Terminated,
    /// They let the other side do more or less than before.
    Rights {
        /// What it might do, as bits of the friends service.
        before: u32,
        /// What it may do now.
        now: u32,
    },
}

impl FriendDeed {
    /// Its name, for logs and metrics.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Offered { .. } => "FriendshipOffered",
            Self::Approved { .. } => "FriendshipApproved",
            Self::Denied { .. } => "FriendshipDenied",
            Self::Terminated => "FriendshipTerminated",
            Self::Rights { .. } => "GrantRights",
        }
    }
}
