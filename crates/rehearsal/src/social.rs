//! The grid's memory of people, as small maps.

use crate::world::Rehearsal;
use model::AgentId;
use region::{SocialCall, SocialReply};
use std::collections::BTreeMap;
use transfer::{InstantMessage, PeerError, Refusal};

/// What the grid remembers of people.
#[derive(Debug, Default)]
pub(crate) struct Society {
    /// What one lets another do; an offer is an entry without another in return.
    friends: BTreeMap<(AgentId, AgentId), u32>,
    /// What was said to people who were not online.
    mail: Vec<InstantMessage>,
}

impl Rehearsal {
    pub(crate) fn ask_society(&mut self, call: &SocialCall) -> Result<SocialReply, PeerError> {
        let friends = &mut self.society.friends;
        let no = || Err(Refusal::new("No.").into());
        match *call {
            SocialCall::Offer { from, to } => {
                friends.entry((to, from)).or_insert(0);
            }
            SocialCall::Accept { agent, friend } if friends.contains_key(&(agent, friend)) => {
                friends.extend([((agent, friend), 1), ((friend, agent), 1)]);
            }
            SocialCall::Decline { agent, friend } | SocialCall::Terminate { agent, friend } => {
                friends.remove(&(agent, friend));
                friends.remove(&(friend, agent));
            }
            SocialCall::Grant { agent, friend, rights } => {
                let Some(before) = friends.insert((agent, friend), rights) else { return no() };
                return Ok(SocialReply::Rights { before, now: rights });
            }
            SocialCall::Keep(ref message) => self.society.mail.push(InstantMessage::clone(message)),
            SocialCall::Mutes { .. } => return Ok(SocialReply::Mutes(None)),
            SocialCall::Waiting(agent) => {
                let mail = self.society.mail.iter().filter(|message| message.to == agent);
                return Ok(SocialReply::Waiting {
                    messages: mail.cloned().collect(),
                    mark: 1,
                    offers: vec![],
                });
            }
            SocialCall::Accept { .. } => return no(),
        }
        Ok(SocialReply::Done)
    }
}
