//! What regions ask the grid about what people have to do with each other.

use model::AgentId;
use std::sync::Arc;
use transfer::InstantMessage;

/// A question of this kind; each may be asked again when no answer came.
#[derive(Clone, PartialEq, Debug)]
pub enum SocialCall {
    /// Somebody wants to be another's friend.
    Offer {
        /// Who.
        from: AgentId,
        /// Whose.
        to: AgentId,
    },
    /// Somebody accepts what another has offered.
    Accept {
        /// Who.
        agent: AgentId,
        /// What whom has offered.
        friend: AgentId,
    },
    /// Somebody declines what another has offered.
    Decline {
        /// Who.
        agent: AgentId,
        /// What whom has offered.
        friend: AgentId,
    },
    /// Somebody does not want a friendship any more.
    Terminate {
        /// Who.
        agent: AgentId,
        /// With whom.
        friend: AgentId,
    },
    /// Somebody lets a friend do more or less.
    Grant {
        /// Who.
        agent: AgentId,
        /// Whom.
        friend: AgentId,
        /// What, as bits of the friends service.
        rights: u32,
    },
    /// A message to somebody who is not online is to be kept.
    Keep(Box<InstantMessage>),
    /// The file of what somebody has muted.
    Mutes {
        /// Whose.
        agent: AgentId,
        /// Checksum of the file that their viewer has; 0 for none.
        crc: u32,
    },
    /// What was kept for somebody, and who has offered them friendship.
    Waiting(AgentId),
}

impl SocialCall {
    /// Its name, for logs and metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Offer { .. } => "OfferFriendship",
            Self::Accept { .. } => "AcceptFriendship",
            Self::Decline { .. } => "DeclineFriendship",
            Self::Terminate { .. } => "TerminateFriendship",
            Self::Grant { .. } => "GrantRights",
            Self::Keep(_) => "KeepMessage",
            Self::Waiting(_) => "WaitingMessages",
            Self::Mutes { .. } => "MuteList",
        }
    }
}

/// What such a question brought.
#[derive(Clone, PartialEq, Debug)]
pub enum SocialReply {
    /// It is done.
    Done,
    /// To `Offer`: the other has offered the same, so they are friends now.
    Befriended {
        /// The other's name.
        name: String,
    },
    /// To `Grant`: what the friend might do before, and may now.
    Rights {
        /// Before.
        before: u32,
        /// From now on.
        now: u32,
    },
    /// To `Mutes`: the file; `None` when the viewer has it.
    Mutes(Option<Arc<[u8]>>),
    /// To `Waiting`.
    Waiting {
        /// Messages, oldest first.
        messages: Vec<InstantMessage>,
        /// The last of them, for [`GridNotice::MailHeard`](crate::GridNotice::MailHeard); 0 for none.
        mark: u64,
        /// Who else offers friendship, and their names.
        offers: Vec<(AgentId, String)>,
    },
}
